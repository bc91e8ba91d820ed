/* SPDX-License-Identifier: MIT */
/* Completions, timers and shutdown requests at one icount: each callback runs in PLAY at the
 * place where it ran in RECORD. */
#include "frames-host.h"

/* ------------------------------------------------------------- completions */

static void complete(void *opaque) {
    mix(*(uint64_t *)opaque);
}

static void read_done(void *opaque, int32_t result) {
    (void)opaque;
    mix(5000 + (uint64_t)result);
}

/* PLAY's disk is slower than RECORD's was: the flush within the frame waits for it. */
TEST(a_disk_is_waited_for_at_the_flush_that_got_its_completion) {
    static frames_t frames;
    static uint8_t content[65536], data[4096];
    uint64_t recorded = 0;
    test_write_file(test_path("disk"), content, sizeof content);
    for (int run = 0; run < 6; run++) {
        replay_mode_t mode = run == 0 ? REPLAY_MODE_RECORD : REPLAY_MODE_PLAY;
        frames_init(&frames, mode, NULL);
        replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
        config.name = "disk";
        config.filename = test_path("disk");
        replay_status_t status;
        REQUIRE_STATUS(replay_thread_attach(3), OK);
        REQUIRE_STATUS(replay_mutex_lock(), OK);
        replay_block_t *disk = replay_block_open(&config, &status);
        REQUIRE_STATUS(status, OK);
        REQUIRE_STATUS(replay_start(), OK);
        for (int frame = 0; frame < 20; frame++) {
            while (!host_stopped(&frames.host) &&
                   (replay_account_warp_timer(), replay_get_budget(1) == 0))
                replay_wait(10000000);
            frames.host.icount++;
            struct iovec piece = {data, sizeof data};
            replay_block_read(disk, 4096 * (uint64_t)(frame % 16), &piece, 1, 0, read_done, NULL);
            mix(1);
            if (mode == REPLAY_MODE_RECORD)
                test_sleep_ms(3);
            replay_async_events();
            mix(2);
            replay_account_executed_instructions();
        }
        if (mode == REPLAY_MODE_RECORD)
            recorded = frames.state;
        CHECK_EQ(frames.state, recorded);
        replay_block_close(disk);
        CHECK_STATUS(host_end(&frames.host), OK);
    }
}

TEST(a_completion_that_comes_after_its_slice_is_a_divergence) {
    static frames_t frames;
    static uint64_t value = 77;
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        frames_init(&frames, mode, NULL);
        host_start(&frames.host, 3);
        replay_account_warp_timer();
        CHECK(replay_get_budget(1) == 1);
        frames.host.icount++;
        uint64_t id = blkreplay_next_id();
        if (mode == REPLAY_MODE_RECORD)
            CHECK_STATUS(replay_block_event(complete, &value, id), OK);
        replay_async_events();
        mix(1);
        replay_account_executed_instructions();
        if (mode == REPLAY_MODE_PLAY)
            CHECK_STATUS(replay_block_event(complete, &value, id), OK);
        replay_account_warp_timer();
        if (mode == REPLAY_MODE_PLAY) {
            CHECK_STATUS(host_stop_status(&frames.host), ERROR_DIVERGENCE);
            CHECK_HAS(host_last_error().message, "BLOCK");
            CHECK_HAS(host_last_error().found, "after the slice");
            CHECK_STATUS(host_end(&frames.host), ERROR_DIVERGENCE);
        } else {
            CHECK_STATUS(host_end(&frames.host), OK);
        }
    }
}

/* A host that waits within an instruction flushes as often as it happens to. */
TEST(a_completion_is_waited_for_by_flushing) {
    static frames_t frames;
    static uint64_t value = 77;
    static const int rounds[] = {5, 1, 5, 40};
    uint64_t recorded = 0;
    for (int run = 0; run < 4; run++) {
        frames_init(&frames, run == 0 ? REPLAY_MODE_RECORD : REPLAY_MODE_PLAY, NULL);
        host_start(&frames.host, 3);
        for (int frame = 0; frame < 5; frame++) {
            while (replay_account_warp_timer(), replay_get_budget(1) == 0)
                if (host_stopped(&frames.host))
                    test_fail(TEST_HERE, "run %d, frame %d: %s", run, frame,
                              host_last_error().message),
                        test_abandon();
            frames.host.icount++;
            uint64_t before = frames.state;
            uint64_t id = blkreplay_next_id();
            for (int i = 0; frames.state == before && i < 100; i++) {
                if (i == rounds[run])
                    replay_block_event(complete, &value, id);
                replay_async_events();
            }
            mix(2);
            if (run == 0)
                press(frame);
            replay_async_events();
            mix(3);
            replay_account_executed_instructions();
        }
        recorded = run == 0 ? frames.state : recorded;
        CHECK_EQ(frames.state, recorded);
        CHECK_STATUS(host_end(&frames.host), OK);
    }
}

/* ------------------------------------------------------------------- turns */

static replay_timer_t *timer;
static int timer_runs;

static void run_again(void *opaque) {
    (void)opaque;
    mix(40);
    if (++timer_runs % 4)
        replay_timer_mod(timer, replay_get_virtual_clock());
    else
        replay_timer_mod(timer, replay_get_virtual_clock() + 10);
}

/* A timer that sets itself to now runs in the next turn; the host works between. */
TEST(a_timer_runs_once_in_a_turn) {
    static frames_t frames;
    uint64_t recorded = 0;
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        timer_runs = 0;
        frames_init(&frames, mode, NULL);
        REQUIRE_STATUS(replay_thread_attach(3), OK);
        REQUIRE_STATUS(replay_mutex_lock(), OK);
        timer = replay_timer_new(run_again, NULL);
        REQUIRE_STATUS(replay_start(), OK);
        replay_timer_mod(timer, 10);
        while (frames.host.icount < 50 && !host_stopped(&frames.host)) {
            replay_account_warp_timer();
            if (frames.host.icount % 10 == 0 && timer_runs % 4)
                mix(50); /* it has done something: the interrupt that it raised, say */
            if (frames.host.icount == 30 && mode == REPLAY_MODE_RECORD && timer_runs % 4 == 2)
                press(4);
            uint64_t budget = replay_get_budget(5);
            if (budget == 0)
                continue;
            frames.host.icount += budget;
            replay_account_executed_instructions();
        }
        recorded = mode == REPLAY_MODE_RECORD ? frames.state : recorded;
        CHECK_EQ(frames.state, recorded);
        CHECK_STATUS(host_end(&frames.host), OK);
    }
}

/* --------------------------------------------------------------- shutdowns */

/* What the guest's own course asks for: in PLAY the callback does it. */
static void ask(replay_shutdown_cause_t cause) {
    replay_shutdown_request(cause);
    if (replay_mode == REPLAY_MODE_RECORD)
        mix(100 + (uint64_t)cause);
}

/* What its user asks for: nobody repeats it. */
static void ask_from_outside(replay_shutdown_cause_t cause) {
    if (replay_mode == REPLAY_MODE_RECORD)
        ask(cause);
}

static void first_timer(void *opaque) {
    (void)opaque;
    ask(REPLAY_SHUTDOWN_GUEST_RESET);
    mix(1);
}

static void second_timer(void *opaque) {
    (void)opaque;
    mix(2);
    ask(REPLAY_SHUTDOWN_GUEST_PANIC);
    mix(3);
}

TEST(two_requests_at_one_icount_come_at_their_own_places) {
    static frames_t frames;
    uint64_t recorded = 0;
    for (int run = 0; run < 3; run++) {
        frames_init(&frames, run ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD, NULL);
        REQUIRE_STATUS(replay_thread_attach(3), OK);
        REQUIRE_STATUS(replay_mutex_lock(), OK);
        replay_timer_t *a = replay_timer_new(first_timer, NULL);
        replay_timer_t *b = replay_timer_new(second_timer, NULL);
        REQUIRE_STATUS(replay_start(), OK);
        replay_timer_mod(a, 10);
        replay_timer_mod(b, 10);
        CHECK(host_execute(&frames.host, 3, 20));
        /* After the account, without an event before it. */
        ask(REPLAY_SHUTDOWN_GUEST_RESET);
        mix(4);
        ask(REPLAY_SHUTDOWN_GUEST_RESET);
        mix(5);
        CHECK(host_execute(&frames.host, 3, 10));
        /* One of the user's, one of the guest's. */
        ask_from_outside(REPLAY_SHUTDOWN_HOST_RESET);
        ask(REPLAY_SHUTDOWN_GUEST_PANIC);
        mix(6);
        ask(REPLAY_SHUTDOWN_GUEST_PANIC);
        ask_from_outside(REPLAY_SHUTDOWN_HOST_UI);
        CHECK(host_execute(&frames.host, 3, 10));
        if (run == 2) /* of today's user: nothing */
            replay_shutdown_request(REPLAY_SHUTDOWN_HOST_SIGNAL);
        recorded = run == 0 ? frames.state : recorded;
        CHECK_EQ(frames.state, recorded);
        CHECK_STATUS(host_end(&frames.host), OK);
    }
}
