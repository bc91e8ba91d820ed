/* SPDX-License-Identifier: MIT */
/* Where a position can't be saved or loaded, and what a replay leaves behind when it goes
 * to a different place. */
#include "positions.h"
#include "scripted-host.h"

static const step_t plain[] = {
    {OP_EXECUTE, 10}, {OP_CLOCK, 100},  {OP_EXECUTE, 10}, {OP_RANDOM, 1, 4}, {OP_EXECUTE, 20},
    {OP_CLOCK, 200},  {OP_EXECUTE, 10}, {OP_CLOCK, 300},  {OP_EXECUTE, 5},
};

static memory_t first, sixth, start; /* start: before the first event */

static void save_after_step(script_run_t *run, size_t index) {
    (void)run;
    if (index == 0)
        CHECK_STATUS(save(&start), OK);
    if (index == 5)
        CHECK_STATUS(save(&sixth), OK);
}

static void record_plain(script_run_t *record) {
    script_init(record, REPLAY_MODE_RECORD, log_path(), STEPS(plain));
    record->with_digest = true;
    record->each = save_after_step;
    script_run(record);
    CHECK_STATUS(script_status(record), OK);
}

static void load_damaged(script_run_t *run, size_t index) {
    if (index != 2)
        return;
    memory_t damaged = sixth;
    for (size_t i = 0; i < damaged.length; i++) {
        damaged.bytes[i] ^= 0x10;
        CHECK_STATUS(load(&damaged), ERROR_POSITION);
        damaged.bytes[i] ^= 0x10;
    }
    for (damaged.length = 0; damaged.length < sixth.length; damaged.length++)
        CHECK_STATUS(load(&damaged), ERROR_SYSTEM);
    damaged.fails = true;
    CHECK_STATUS(load(&damaged), ERROR_SYSTEM);
    CHECK_STATUS(save(&damaged), ERROR_SYSTEM);
    CHECK_STATUS(replay_position_save(NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_position_load(NULL), ERROR_INVALID_ARGUMENT);
    replay_stream_t empty = REPLAY_STREAM_INIT, small = stream_of(&damaged);
    small.size = 4;
    CHECK_STATUS(replay_position_save(&empty), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_position_load(&empty), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_position_load(&small), ERROR_STRUCT_SIZE);
    CHECK_STATUS(replay_position_save(&small), ERROR_STRUCT_SIZE);
    (void)run;
}

TEST(a_damaged_position_leaves_the_replay_where_it_was) {
    static script_run_t record, play;
    record_plain(&record);
    script_init(&play, REPLAY_MODE_PLAY, log_path(), STEPS(plain));
    play.with_digest = true;
    play.each = load_damaged;
    script_run(&play);
    CHECK_STATUS(script_status(&play), OK);
    script_check_same(TEST_HERE, &play, &record);
}

static void load_foreign(script_run_t *run, size_t index) {
    (void)run;
    if (index == 3) {
        CHECK_STATUS(load(&sixth), ERROR_POSITION);
        CHECK_STATUS(load(&start), ERROR_POSITION);
    }
}

TEST(a_position_of_a_different_recording_is_refused) {
    static script_run_t record, other, play;
    record_plain(&record);
    step_t steps[sizeof plain / sizeof *plain];
    memcpy(steps, plain, sizeof plain);
    steps[1].a = 101; /* one reading differs */
    const char *path = test_path("other");
    script_init(&other, REPLAY_MODE_RECORD, path, STEPS(steps));
    other.with_digest = true;
    other.machine = "other"; /* a position before the first event knows only the machine */
    script_run(&other);
    script_init(&play, REPLAY_MODE_PLAY, path, STEPS(steps));
    play.with_digest = true;
    play.machine = "other";
    play.each = load_foreign;
    script_run(&play);
    CHECK_STATUS(script_status(&play), OK);
    script_check_same(TEST_HERE, &play, &other);
}

TEST(only_a_replay_that_has_started_goes_to_a_place) {
    host_t host;
    static memory_t memory;
    CHECK(!replay_can_snapshot());
    CHECK_STATUS(host_last_error().status, ERROR_WRONG_MODE);
    CHECK_STATUS(save(&memory), ERROR_WRONG_MODE);
    CHECK_STATUS(load(&memory), ERROR_WRONG_MODE);
    host_init(&host);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    CHECK_STATUS(save(&memory), ERROR_LOCK_NOT_HELD);
    replay_thread_attach(REPLAY_THREAD_VCPU);
    replay_mutex_lock();
    CHECK_STATUS(save(&memory), ERROR_WRONG_STATE);
    replay_mutex_unlock();
    host_start(&host, REPLAY_THREAD_VCPU);
    CHECK_STATUS(save(&memory), OK);
    CHECK_STATUS(load(&memory), ERROR_WRONG_MODE);
    CHECK_STATUS(host_end(&host), OK);
}

static memory_t from_callback;
static replay_status_t status_in_callback, save_in_callback;
static void load_in_callback(void *opaque) {
    (void)opaque;
    save_in_callback = save(&from_callback);
    status_in_callback = load(&first);
}

TEST(nothing_is_saved_or_loaded_within_a_callback_or_before_a_completion) {
    host_t host;
    static memory_t memory;
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    CHECK_STATUS(save(&first), OK);
    replay_bh_schedule_event(load_in_callback, NULL);
    CHECK(!replay_can_snapshot());
    CHECK_HAS(host_last_error().message, "bottom half");
    CHECK_STATUS(save(&memory), ERROR_NOT_QUIET);
    CHECK_STATUS(replay_async_events(), OK);
    CHECK_STATUS(save_in_callback, ERROR_NOT_QUIET);
    uint64_t id = blkreplay_next_id();
    CHECK(!replay_can_snapshot());
    CHECK_HAS(host_last_error().message, "disk request");
    CHECK_STATUS(replay_block_event(ignore, NULL, id), OK);
    CHECK(!replay_can_snapshot());
    CHECK_STATUS(replay_async_events(), OK);
    CHECK(replay_can_snapshot());
    size_t samples = 1;
    replay_audio_in_start(&samples);
    CHECK(!replay_can_snapshot());
    uint64_t left = 1, right = 2;
    replay_audio_in_sample_lr(&left, &right);
    replay_audio_in_finish();
    CHECK(replay_can_snapshot());
    CHECK_STATUS(host_end(&host), OK);

    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    replay_bh_schedule_event(load_in_callback, NULL);
    CHECK_STATUS(replay_async_events(), OK);
    CHECK_STATUS(status_in_callback, ERROR_REENTERED);
    CHECK_STATUS(load(&first), OK);
    replay_bh_schedule_event(ignore, NULL);
    CHECK_STATUS(replay_async_events(), OK);
    replay_block_event(ignore, NULL, blkreplay_next_id());
    CHECK_STATUS(replay_async_events(), OK);
    replay_audio_in_start(&samples);
    replay_audio_in_sample_lr(&left, &right);
    replay_audio_in_finish();
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    CHECK_STATUS(host_end(&host), OK);
}

/* ------------------------------------------------------ after a failure or the end */

TEST(a_failure_or_an_end_is_left_behind) {
    host_t host;
    static memory_t early, late;
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    host_execute(&host, REPLAY_THREAD_VCPU, 10);
    CHECK_STATUS(replay_save_random(1, "abcd", 4), OK);
    host_execute(&host, REPLAY_THREAD_VCPU, 10);
    CHECK_STATUS(save(&early), OK);
    (void)REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 42);
    host_execute(&host, REPLAY_THREAD_VCPU, 10);
    CHECK_STATUS(host_end(&host), OK);

    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    host.icount = 11; /* past the first event */
    CHECK_STATUS(replay_account_executed_instructions(), ERROR_DIVERGENCE);
    CHECK(host_stopped(&host));
    CHECK(!replay_can_snapshot());
    CHECK_STATUS(save(&late), ERROR_DIVERGENCE);
    for (int round = 0; round < 3; round++) {
        host.icount = 20;
        CHECK_STATUS(load(&early), OK);
        CHECK_STATUS(host_last_error().status, OK);
        atomic_store(&host.stops, 0);
        CHECK(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 0) == 42);
        CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
        CHECK_STATUS(host_stop_status(&host), OK);
        CHECK_EQ(host.icount, 30);
    }
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_machine_of_a_different_icount_is_noticed_after_a_load) {
    static host_t host;
    static memory_t early;
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    host_execute(&host, REPLAY_THREAD_VCPU, 20);
    CHECK_STATUS(save(&early), OK);
    host_execute(&host, REPLAY_THREAD_VCPU, 20);
    CHECK_STATUS(host_end(&host), OK);
    for (uint64_t wrong = 19; wrong <= 21; wrong += 2) {
        host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
        CHECK_STATUS(load(&early), OK);
        host.icount = wrong;
        CHECK_EQ(replay_get_budget(100), 0);
        CHECK_STATUS(host_stop_status(&host), ERROR_DIVERGENCE);
        CHECK_HAS(host_last_error().message, "that of the loaded position");
        CHECK_STATUS(load(&early), OK);
        host.icount = 20;
        atomic_store(&host.stops, 0);
        CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
        CHECK_STATUS(host_end(&host), OK);
    }
}

/* ------------------------------------------------------------- replay_run() */

static void execute_all(void *opaque, uint64_t instructions) {
    host_t *host = opaque;
    host->icount += instructions;
    if (host->icount >= 50)
        replay_run_stop();
}

TEST(a_run_that_was_stopped_runs_again_after_a_load) {
    static host_t host;
    static memory_t early;
    host_init(&host);
    host.callbacks.execute = execute_all;
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    host_start(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    CHECK_STATUS(save(&early), OK);
    host_execute(&host, REPLAY_THREAD_VCPU, 50);
    (void)REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 7);
    host_execute(&host, REPLAY_THREAD_VCPU, 50);
    CHECK_STATUS(host_end(&host), OK);

    host_init(&host);
    host.callbacks.execute = execute_all;
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_PLAY, log_path(), NULL), OK);
    host_start(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    for (int round = 0; round < 3; round++) {
        CHECK_STATUS(replay_run(), OK);
        CHECK_EQ(host.icount, 50);
        host.icount = 0;
        CHECK_STATUS(load(&early), OK);
    }
    CHECK_STATUS(replay_run(), OK);
    CHECK(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 0) == 7);
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    CHECK_STATUS(host_end(&host), OK);
}

static memory_t within;
static replay_status_t branched_within;

static void execute_and_save(void *opaque, uint64_t instructions) {
    within = (memory_t){0};
    CHECK_STATUS(save(&within), OK);
    branched_within = replay_branch(test_path("branch.log"));
    if (branched_within == REPLAY_ERROR_REENTERED)
        CHECK_HAS(host_last_error().message,
                  "call it when the callback, and each replay_run(), has returned (see");
    execute_all(opaque, instructions);
}

static void stop_at_pause(void *opaque, replay_pause_reason_t why) {
    (void)opaque;
    CHECK_EQ(why, REPLAY_PAUSE_PLACE);
    CHECK_STATUS(replay_run_stop(), OK);
}

/* The way that run.h describes, from a place where the machine is paused. */
TEST(a_run_that_was_stopped_branches_and_runs_again) {
    static host_t host;
    host_init(&host);
    host.callbacks.execute = execute_all;
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    host_start(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    host_execute(&host, REPLAY_THREAD_VCPU, 70);
    (void)REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 7);
    CHECK_STATUS(host_end(&host), OK);

    host_init(&host);
    host.callbacks.execute = execute_and_save;
    host.callbacks.paused = stop_at_pause;
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_PLAY, log_path(), NULL), OK);
    host_start(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    CHECK_STATUS(replay_seek(30), OK);
    CHECK_STATUS(replay_run(), OK);
    CHECK_EQ(host.icount, 30);
    CHECK_STATUS_IS(branched_within, REPLAY_ERROR_REENTERED);
    CHECK_STATUS(replay_branch(test_path("branch.log")), OK);
    CHECK_EQ(REPLAY_MODE(), REPLAY_MODE_RECORD);
    CHECK(replay_is_paused());
    CHECK_STATUS(replay_resume(), OK);
    CHECK_STATUS(replay_run(), OK);
    CHECK(host.icount >= 50);
    uint64_t last = host.icount;
    CHECK_STATUS(host_end(&host), OK);

    host_init(&host);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_PLAY, test_path("branch.log"), NULL), OK);
    host_start(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    CHECK_EQ(host.icount, last);
    CHECK_STATUS(host_end(&host), OK);
}
