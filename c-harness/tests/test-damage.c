/* SPDX-License-Identifier: MIT */
/* A log that is damaged: refused, or replayed up to the damage with an error
 * that names the place. Never accepted silently, never a hang, never the end of
 * the host. */
#include "course.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static script_run_t recorded;
static uint8_t *log_bytes;
static size_t log_length;

static const char *damaged_path(void) {
    return test_path("damaged.log");
}

static void record(const step_t *steps, size_t count, const char *options) {
    script_init(&recorded, REPLAY_MODE_RECORD, log_path(), steps, count);
    recorded.machine = "a small one";
    recorded.options = options;
    recorded.own_session = true;
    script_run(&recorded);
    REQUIRE_STATUS(script_status(&recorded), OK);
    log_bytes = test_read_file(log_path(), &log_length);
    REQUIRE(log_bytes && log_length > 0);
}

static unsigned refused, partly, hidden;

/* Replays the damaged file: what must hold, whatever the damage is. */
static void check_damaged(const char *what, const step_t *steps, size_t count,
                          bool must_be_reported) {
    static script_run_t run;
    test_note("%s", what);
    script_free(&run);
    script_init(&run, REPLAY_MODE_PLAY, damaged_path(), steps, count);
    run.machine = "a small one";
    run.own_session = true;
    run.options = "rrstall=300";
    script_run(&run);
    replay_status_t status = script_status(&run);
    if (run.host.hung || run.ns > 2000000000)
        test_fail(TEST_HERE, "%s: hangs", what);
    if (!script_is_prefix(&run, &recorded))
        test_fail(TEST_HERE, "%s: the damage reached the guest", what);
    if (status == REPLAY_OK) {
        hidden++;
        if (must_be_reported)
            test_fail(TEST_HERE, "%s: accepted silently", what);
        return;
    }
    if (run.configured == REPLAY_OK && run.started == REPLAY_OK)
        partly++;
    else
        refused++;
    if (status > -301 || status < -307)
        test_fail(TEST_HERE, "%s: reported as %s: %s", what, test_status_name(status),
                  script_message(&run));
    if (!*script_message(&run) || strchr(script_message(&run), '\n'))
        test_fail(TEST_HERE, "%s: message is \"%s\"", what, script_message(&run));
}

static void try_byte(size_t at, uint8_t value, const step_t *steps, size_t count) {
    char what[120];
    snprintf(what, sizeof what, "byte %zu of %zu is 0x%02x instead of 0x%02x", at, log_length,
             value, log_bytes[at]);
    uint8_t before = log_bytes[at];
    log_bytes[at] = value;
    test_write_file(damaged_path(), log_bytes, log_length);
    log_bytes[at] = before;
    check_damaged(what, steps, count, true);
}

static void say_what_came_out(void) {
    printf("    %zu bytes: %u refused, %u replayed up to the damage, %u without effect\n",
           log_length, refused, partly, hidden);
}

TEST(an_undamaged_copy_is_accepted) {
    record(STEPS(course), NULL);
    test_write_file(damaged_path(), log_bytes, log_length);
    check_damaged("no damage", STEPS(course), false);
    CHECK_EQ(hidden, 1);
}

TEST_SLOW(every_byte_of_a_small_log, 300) {
    record(STEPS(course), NULL);
    for (size_t at = 0; at < log_length; at++) {
        try_byte(at, log_bytes[at] ^ 1, STEPS(course));
        try_byte(at, log_bytes[at] ^ 0x80, STEPS(course));
        try_byte(at, log_bytes[at] ? 0 : 0xff, STEPS(course));
    }
    say_what_came_out();
}

TEST_LONG(every_value_of_every_byte_of_a_small_log, 900) {
    record(STEPS(course), NULL);
    for (size_t at = 0; at < log_length; at++)
        for (int value = 0; value < 256; value++)
            if (value != log_bytes[at])
                try_byte(at, (uint8_t)value, STEPS(course));
    say_what_came_out();
}

TEST_SLOW(every_length_of_a_small_log, 120) {
    record(STEPS(course), NULL);
    for (size_t length = 0; length < log_length; length++) {
        char what[120];
        snprintf(what, sizeof what, "cut to %zu of %zu bytes", length, log_length);
        test_write_file(damaged_path(), log_bytes, length);
        check_damaged(what, STEPS(course), true);
    }
    say_what_came_out();
}

TEST(bytes_behind_the_end) {
    record(STEPS(course), NULL);
    static const size_t lengths[] = {1, 7, 64, 4096, 70000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int fill = 0; fill < 256; fill += 255) {
            uint8_t *longer = malloc(log_length + lengths[i]);
            memcpy(longer, log_bytes, log_length);
            memset(longer + log_length, fill, lengths[i]);
            test_write_file(damaged_path(), longer, log_length + lengths[i]);
            free(longer);
            char what[120];
            snprintf(what, sizeof what, "%zu bytes of 0x%02x behind the end", lengths[i], fill);
            check_damaged(what, STEPS(course), false);
        }
}

TEST(random_files) {
    uint64_t seed = test_seed();
    record(STEPS(course), NULL);
    for (int i = 0; i < 300; i++) {
        size_t length = test_random(&seed) % 3000, keep = 0;
        uint8_t *bytes = malloc(length + 1);
        for (size_t at = 0; at < length; at++)
            bytes[at] = (uint8_t)test_random(&seed);
        if (i % 2) /* the head is that of a log */
            keep = test_random(&seed) % (log_length < length ? log_length : length + 1);
        memcpy(bytes, log_bytes, keep);
        test_write_file(damaged_path(), bytes, length);
        free(bytes);
        char what[120];
        snprintf(what, sizeof what, "random file %d, head %zu of %zu bytes", i, keep, length);
        check_damaged(what, STEPS(course), true);
    }
    say_what_came_out();
}

TEST(pieces_moved_and_doubled) {
    uint64_t seed = test_seed();
    record(STEPS(course), NULL);
    for (int i = 0; i < 300; i++) {
        uint8_t *bytes = malloc(log_length);
        memcpy(bytes, log_bytes, log_length);
        size_t from = test_random(&seed) % log_length, to = test_random(&seed) % log_length;
        size_t most = log_length - (from > to ? from : to);
        size_t length = 1 + test_random(&seed) % most;
        memmove(bytes + to, bytes + from, length);
        bool changed = memcmp(bytes, log_bytes, log_length) != 0;
        test_write_file(damaged_path(), bytes, log_length);
        free(bytes);
        char what[120];
        snprintf(what, sizeof what, "%zu bytes from %zu copied to %zu", length, from, to);
        check_damaged(what, STEPS(course), changed);
    }
    say_what_came_out();
}

/* ----------------------------------------------------------- a larger log */

enum { LARGE_ROUNDS = 4000 };
static step_t *large;
static size_t large_count;

static void record_large(void) {
    uint64_t seed = 99;
    large = calloc(LARGE_ROUNDS * 4, sizeof *large);
    for (int i = 0; i < LARGE_ROUNDS; i++) {
        uint64_t random = test_random(&seed);
        large[large_count++] = (step_t){OP_EXECUTE, (int64_t)(random % 3000)};
        large[large_count++] = (step_t){OP_CLOCK, (int64_t)(random >> 20), REPLAY_CLOCK_HOST};
        if (random % 3 == 0)
            large[large_count++] = (step_t){OP_RANDOM, (int64_t)random, 1 + random % 64};
        if (random % 5 == 0)
            large[large_count++] = (step_t){OP_INTERRUPT};
    }
    record(large, large_count, "rrsegment=4096");
}

static void try_random_bytes(int count) {
    uint64_t seed = test_seed();
    record_large();
    for (int i = 0; i < count; i++) {
        size_t at = test_random(&seed) % log_length;
        uint8_t flip = (uint8_t)(1u << test_random(&seed) % 8);
        try_byte(at, log_bytes[at] ^ flip, large, large_count);
    }
    say_what_came_out();
}

TEST_SLOW(a_thousand_bytes_of_a_large_log, 120) {
    try_random_bytes(1000);
}
TEST_LONG(many_bytes_of_a_large_log, 900) {
    try_random_bytes(50000);
}

TEST_SLOW(a_large_log_cut_anywhere, 120) {
    uint64_t seed = test_seed();
    record_large();
    for (int i = 0; i < 60; i++) {
        size_t length = test_random(&seed) % log_length;
        char what[120];
        snprintf(what, sizeof what, "cut to %zu of %zu bytes", length, log_length);
        test_write_file(damaged_path(), log_bytes, length);
        check_damaged(what, large, large_count, true);
    }
    CHECK(partly > 0);
    say_what_came_out();
}

TEST(damage_is_reported_with_its_place) {
    record_large();
    static script_run_t run;
    log_bytes[log_length / 2] ^= 1;
    test_write_file(damaged_path(), log_bytes, log_length);
    script_init(&run, REPLAY_MODE_PLAY, damaged_path(), large, large_count);
    run.machine = "a small one";
    script_run(&run);
    printf("    %s\n", script_message(&run));
    CHECK_STATUS(script_status(&run), ERROR_LOG_DAMAGED);
    CHECK_STATUS(run.finished, ERROR_LOG_DAMAGED);
    CHECK(run.seen_count > 100);
    CHECK_EQ(run.host.stops, 1);
    CHECK_EQ(run.host.stop_reason, REPLAY_STOP_LOG_ERROR);
    CHECK_EQ(run.host.stop_error.icount, run.host.icount);
    CHECK_EQ(run.host.stop_error.event_index, run.info.events);
    CHECK_HAS(script_message(&run), "damaged.log");
    CHECK_HAS(script_message(&run), "byte");
}

/* ------------------------------------------- a log whose recorder was killed */

static char live_name[500];
static uint8_t *live_bytes;
static size_t live_length;

static void record_and_die(void) {
    pid_t child = fork();
    if (child == 0) {
        host_t host;
        host_begin(&host, REPLAY_MODE_RECORD, log_path(), "rrsegment=512");
        for (int64_t i = 0; i < 400; i++) {
            host_execute(&host, 3, 10);
            replay_save_clock(REPLAY_CLOCK_HOST, i * i * 1000, host.icount);
        }
        kill(getpid(), SIGKILL);
    }
    int status;
    waitpid(child, &status, 0);
    log_bytes = test_read_file(log_path(), &log_length);
    snprintf(live_name, sizeof live_name, "%s.live", log_path());
    live_bytes = test_read_file(live_name, &live_length);
    REQUIRE(log_bytes && live_bytes);
}

static void play_cut_log(const char *what, unsigned least) {
    host_t host;
    test_note("%s", what);
    replay_session_t *session = replay_session_new();
    replay_session_push_current(session);
    host_init(&host);
    unsigned read = 0;
    replay_status_t status = host_configure(&host, REPLAY_MODE_PLAY, damaged_path(), "rrstall=300");
    if (status == REPLAY_OK) {
        host_start(&host, 3);
        while (read < 400 && host_execute(&host, 3, 10)) {
            int64_t value = replay_read_clock(REPLAY_CLOCK_HOST, host.icount);
            if (host_stopped(&host))
                break;
            if (value != (int64_t)read * read * 1000)
                test_fail(TEST_HERE, "%s: reading %u is %lld", what, read, (long long)value);
            read++;
        }
        host_run_to_end(&host, 3);
        status = host_end(&host);
    }
    if (status > -301 || status < -307)
        test_fail(TEST_HERE, "%s: reported as %s", what, test_status_name(status));
    if (host.hung)
        test_fail(TEST_HERE, "%s: hangs", what);
    if (read < least)
        test_fail(TEST_HERE, "%s: %u of %u events are left", what, read, least);
    replay_session_pop_current();
    replay_session_free(session);
}

TEST_SLOW(damage_to_the_live_part_of_a_cut_log, 120) {
    uint64_t seed = test_seed();
    char damaged_live[500];
    record_and_die();
    snprintf(damaged_live, sizeof damaged_live, "%s.live", damaged_path());
    test_write_file(damaged_path(), log_bytes, log_length);
    test_write_file(damaged_live, live_bytes, live_length);
    play_cut_log("no damage", 400);
    for (int i = 0; i < 400; i++) {
        size_t at = i < 200 ? (size_t)i % live_length : test_random(&seed) % live_length;
        uint8_t before = live_bytes[at];
        live_bytes[at] ^= (uint8_t)(1u << test_random(&seed) % 8);
        test_write_file(damaged_live, live_bytes, live_length);
        live_bytes[at] = before;
        char what[120];
        snprintf(what, sizeof what, "byte %zu of %zu of the live file", at, live_length);
        play_cut_log(what, 0);
    }
    for (int i = 0; i < 50; i++) {
        size_t length = test_random(&seed) % live_length;
        test_write_file(damaged_live, live_bytes, length);
        char what[120];
        snprintf(what, sizeof what, "live file cut to %zu of %zu bytes", length, live_length);
        play_cut_log(what, 0);
    }
    unlink(damaged_live);
    play_cut_log("without its live file", 0);
}
