/* SPDX-License-Identifier: MIT */
/* The same inputs make the same bytes, and a replay that records makes the
 * events that it plays. */
#include "course.h"

#include <unistd.h>

static void record(const char *path, const step_t *steps, size_t count, const char *options) {
    script_run_t run;
    script_init(&run, REPLAY_MODE_RECORD, path, steps, count);
    run.machine = "scripted";
    run.options = options;
    run.with_digest = true;
    run.own_session = true;
    script_run(&run);
    if (script_status(&run) != REPLAY_OK)
        test_fail(TEST_HERE, "recording fails: %s", script_message(&run));
    script_free(&run);
}

static void check_same_bytes(const char *a, const char *b) {
    size_t a_length = 0, b_length = 0;
    uint8_t *a_bytes = test_read_file(a, &a_length), *b_bytes = test_read_file(b, &b_length);
    REQUIRE(a_bytes && b_bytes);
    CHECK_EQ(b_length, a_length);
    CHECK_BYTES(b_bytes, a_bytes, a_length < b_length ? a_length : b_length);
    free(a_bytes);
    free(b_bytes);
}

TEST(the_same_inputs_make_the_same_bytes) {
    step_t steps[COURSE_STEPS];
    course_on_two_threads(steps);
    record(test_path("a.log"), STEPS(steps), NULL);
    test_sleep_ms(1100); /* not even the time of day is in it */
    record(test_path("b.log"), STEPS(steps), NULL);
    check_same_bytes(test_path("a.log"), test_path("b.log"));
}

TEST(nothing_is_left_beside_the_log) {
    char live[500];
    record(test_path("a.log"), STEPS(course), NULL);
    snprintf(live, sizeof live, "%s.live", test_path("a.log"));
    CHECK(access(live, F_OK) != 0);
}

TEST_SLOW(a_long_run_in_many_segments_makes_the_same_bytes, 60) {
    enum { ROUNDS = 20000 };
    step_t *steps = calloc(ROUNDS * 3, sizeof *steps);
    size_t count = 0;
    uint64_t seed = 3;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t random = test_random(&seed);
        steps[count++] = (step_t){OP_EXECUTE, (int64_t)(random % 3000)};
        steps[count++] = (step_t){OP_CLOCK, (int64_t)(random >> 30), REPLAY_CLOCK_HOST};
        if (random % 3 == 0)
            steps[count++] = (step_t){OP_RANDOM, (int64_t)random, 1 + random % 64};
    }
    for (int i = 0; i < 3; i++) {
        char name[8] = {(char)('a' + i)};
        record(test_path(name), steps, count, "rrsegment=2048");
    }
    check_same_bytes(test_path("a"), test_path("b"));
    check_same_bytes(test_path("a"), test_path("c"));
    free(steps);
}

/* ------------------------------------------ a replay that is recorded again */

/* What the replay gives goes, live, into another session that records. */
typedef struct {
    host_t host;
    replay_session_t *session;
} recorder_t;

static void record_again(script_run_t *run, size_t index) {
    const step_t *step = &run->steps[index];
    recorder_t *again = run->user;
    replay_info_t info = host_info();
    (void)info;
    CHECK_STATUS(replay_session_push_current(again->session), OK);
    again->host.icount = run->host.icount;
    const seen_t *seen = run->seen_count ? &run->seen[run->seen_count - 1] : NULL;
    switch (step->op) {
    case OP_CLOCK:
        replay_save_clock((replay_clock_kind_t)step->b, seen->value, again->host.icount);
        break;
    case OP_CHECKPOINT:
        CHECK(replay_checkpoint((replay_checkpoint_t)step->a));
        break;
    case OP_INTERRUPT:
        CHECK(replay_interrupt());
        break;
    case OP_EXCEPTION:
        CHECK(replay_exception());
        break;
    case OP_RANDOM:
        CHECK_STATUS(replay_save_random(run->result, run->bytes, (size_t)step->b), OK);
        break;
    case OP_CHAR_READ:
        CHECK_STATUS(replay_char_read_all_save_buf(run->bytes, (size_t)run->result), OK);
        break;
    case OP_CHAR_READ_ERROR:
        CHECK_STATUS(replay_char_read_all_save_error(run->result), OK);
        break;
    case OP_CHAR_WRITE:
        CHECK_STATUS(
            replay_char_write_event_save((int32_t)(seen->value >> 32), (int32_t)seen->value), OK);
        break;
    case OP_AUDIO_OUT: {
        size_t played = (size_t)seen->value;
        CHECK_STATUS(replay_audio_out(&played), OK);
        break;
    }
    case OP_DIGEST:
        CHECK_STATUS(replay_digest((uint64_t)step->a), OK);
        break;
    default:
        break;
    }
    CHECK_STATUS(replay_session_pop_current(), OK);
}

static const step_t single[] = {
    {OP_EXECUTE, 100},
    {OP_CHECKPOINT, REPLAY_CHECKPOINT_INIT},
    {OP_CLOCK, 1000000, REPLAY_CLOCK_HOST},
    {OP_EXECUTE, 57},
    {OP_INTERRUPT},
    {OP_CLOCK, 2000000, REPLAY_CLOCK_VIRTUAL_RT},
    {OP_EXECUTE, 12},
    {OP_RANDOM, 5, 16},
    {OP_EXCEPTION},
    {OP_CHAR_WRITE, 5, 6},
    {OP_CHAR_READ, .text = "answer"},
    {OP_CHAR_READ_ERROR, -7},
    {OP_AUDIO_OUT, 480},
    {OP_EXECUTE, 40},
    {OP_DIGEST, 777},
    {OP_EXECUTE, 40},
};
enum { SINGLE = sizeof single / sizeof *single };

static void record_plainly(const char *path) {
    script_run_t run;
    script_init(&run, REPLAY_MODE_RECORD, path, single, SINGLE);
    script_run(&run);
    REQUIRE_STATUS(script_status(&run), OK);
    script_free(&run);
}

TEST(a_replay_that_is_recorded_makes_the_same_bytes) {
    char first[400], second[400];
    snprintf(first, sizeof first, "%s", test_path("first.log"));
    snprintf(second, sizeof second, "%s", test_path("second.log"));
    record_plainly(first);

    recorder_t again;
    again.session = replay_session_new();
    CHECK_STATUS(replay_session_push_current(again.session), OK);
    host_init(&again.host);
    REQUIRE_STATUS(host_configure(&again.host, REPLAY_MODE_RECORD, second, NULL), OK);
    /* The scripted host has a character device and a network filter. */
    replay_thread_attach(3);
    REQUIRE_STATUS(replay_start(), OK);
    REQUIRE_STATUS(replay_mutex_lock(), OK);
    CHECK_STATUS(replay_session_pop_current(), OK);

    script_run_t play;
    script_init(&play, REPLAY_MODE_PLAY, first, single, SINGLE);
    play.each = record_again;
    play.user = &again;
    script_run(&play);
    CHECK_STATUS(script_status(&play), OK);

    CHECK_STATUS(replay_session_push_current(again.session), OK);
    again.host.icount = play.host.icount;
    CHECK_EQ(host_info().events, play.info.events);
    CHECK_STATUS(replay_mutex_unlock(), OK);
    CHECK_STATUS(replay_finish(), OK);
    CHECK_STATUS(replay_session_pop_current(), OK);
    CHECK_STATUS(replay_session_free(again.session), OK);
    check_same_bytes(first, second);
}

TEST(what_is_recorded_again_plays_again) {
    char first[400], second[400];
    snprintf(first, sizeof first, "%s", test_path("first.log"));
    snprintf(second, sizeof second, "%s", test_path("second.log"));
    record_plainly(first);
    script_run_t a, b;
    script_init(&a, REPLAY_MODE_PLAY, first, single, SINGLE);
    script_run(&a);
    record_plainly(second);
    script_init(&b, REPLAY_MODE_PLAY, second, single, SINGLE);
    script_run(&b);
    CHECK_STATUS(script_status(&a), OK);
    CHECK_STATUS(script_status(&b), OK);
    script_check_same(TEST_HERE, &b, &a);
}
