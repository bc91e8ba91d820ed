/* SPDX-License-Identifier: MIT */
/* Several places at one icount, with guest work between them: what was recorded
 * at one of them is replayed at that one. */
#include "frames-host.h"

/* ------------------------------------------------------------------ flushes */

static uint64_t run_alone(frames_t *frames, replay_mode_t mode, uint64_t count) {
    frames_init(frames, mode, NULL);
    host_start(&frames->host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    run_frames(frames, count, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    uint64_t events = host_info().events;
    CHECK_STATUS(host_end(&frames->host), OK);
    return events;
}

TEST(input_comes_at_the_flush_that_got_it) {
    static frames_t record, play;
    uint64_t seed = test_seed();
    for (int run = 0; run < 40 && test_failures() == 0; run++) {
        uint64_t one = test_random(&seed);
        test_note("run %d, seed %llu", run, (unsigned long long)one);
        record.seed = one;
        record.places = play.places = run % 4;
        run_alone(&record, REPLAY_MODE_RECORD, 60);
        run_alone(&play, REPLAY_MODE_PLAY, 60);
        check_end(&play, &record);
    }
}

TEST(one_flush_in_a_frame_writes_no_more_than_its_input) {
    static frames_t frames;
    frames_init(&frames, REPLAY_MODE_RECORD, NULL);
    host_start(&frames.host, 3);
    for (int i = 0; i < 20; i++) {
        frames.host.icount++;
        press(i);
        press(i);
        replay_account_warp_timer();
        replay_account_executed_instructions();
    }
    CHECK_EQ(host_info().events, 40);
    press(1); /* the second flush at this icount */
    replay_account_warp_timer();
    CHECK_EQ(host_info().events, 42);
    frames.host.idle = true; /* it fell asleep after that flush */
    press(1);
    replay_account_warp_timer();
    CHECK_EQ(host_info().events, 44);
    for (int i = 0; i < 5; i++) { /* asleep: its flushes are one place */
        replay_account_warp_timer();
        press(2);
        replay_account_warp_timer();
    }
    CHECK_EQ(host_info().events, 49);
    CHECK_STATUS(host_end(&frames.host), OK);
}

/* The number of flushes of a sleeping guest depends on wake-ups. */
TEST(a_sleeping_guest_may_flush_more_or_less_often) {
    static frames_t frames;
    static const int rounds[] = {7, 1, 30, 0};
    uint64_t recorded = 0;
    for (int run = 0; run < 4; run++) {
        replay_mode_t mode = run == 0 ? REPLAY_MODE_RECORD : REPLAY_MODE_PLAY;
        frames_init(&frames, mode, NULL);
        host_start(&frames.host, 3);
        CHECK(host_execute(&frames.host, 3, 10));
        frames.host.idle = true;
        for (int i = 0; i < rounds[run]; i++)
            replay_async_events();
        if (mode == REPLAY_MODE_RECORD)
            press(5);
        replay_async_events();
        frames.host.idle = false;
        CHECK(host_execute(&frames.host, 3, 10));
        frames.host.idle = true;
        for (int i = 0; i < rounds[run]; i++)
            replay_account_warp_timer();
        if (mode == REPLAY_MODE_RECORD)
            press(6);
        replay_account_warp_timer();
        frames.host.idle = false;
        CHECK(host_execute(&frames.host, 3, 10));
        if (mode == REPLAY_MODE_RECORD)
            recorded = frames.state;
        CHECK_EQ(frames.state, recorded);
        CHECK_STATUS(host_end(&frames.host), OK);
    }
}

/* An awake guest whose host goes round without executing: RECORD does it as often
 * as it is kicked, PLAY as often as nothing else is to do. */
TEST(rounds_without_an_instruction_are_no_difference) {
    static frames_t frames;
    uint64_t recorded = 0;
    for (int run = 0; run < 3; run++) {
        frames_init(&frames, run == 0 ? REPLAY_MODE_RECORD : REPLAY_MODE_PLAY, NULL);
        host_start(&frames.host, 3);
        CHECK(host_execute(&frames.host, 3, 10));
        if (run == 0) {
            for (int i = 0; i < 4; i++)
                replay_account_warp_timer();
            press(5);
            replay_account_warp_timer();
            replay_account_warp_timer();
            press(6);
        }
        CHECK(host_execute(&frames.host, 3, 10));
        if (run == 0)
            replay_account_warp_timer();
        CHECK(run > 0 || host_execute(&frames.host, 3, 10));
        if (run > 0)
            CHECK(host_run_to_end(&frames.host, 3));
        recorded = run == 0 ? frames.state : recorded;
        CHECK_EQ(frames.state, recorded);
        CHECK_STATUS(host_end(&frames.host), OK);
    }
}

TEST(a_flush_that_was_not_recorded_is_a_divergence) {
    static frames_t frames;
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        frames_init(&frames, mode, NULL);
        host_start(&frames.host, 3);
        replay_account_warp_timer();
        CHECK(replay_get_budget(1) == 1);
        frames.host.icount++;
        replay_async_events();
        if (mode == REPLAY_MODE_PLAY)
            replay_async_events(); /* one more than there was */
        replay_account_executed_instructions();
        if (mode == REPLAY_MODE_RECORD)
            press(7);
        replay_account_warp_timer(); /* the second one at this icount */
        if (mode == REPLAY_MODE_PLAY) {
            CHECK_STATUS(host_stop_status(&frames.host), ERROR_DIVERGENCE);
            replay_error_t error = host_last_error();
            CHECK_STR(error.expected, "the flush of a turn, number 2 at icount 1");
            CHECK_STR(error.found, "a flush by replay_async_events, number 2 there");
            CHECK_STATUS(host_end(&frames.host), ERROR_DIVERGENCE);
        } else {
            CHECK_STATUS(host_end(&frames.host), OK);
        }
    }
}

/* ------------------------------------------------------------ two threads */

static void *run_io(void *opaque) {
    frames_t *frames = opaque;
    replay_thread_attach(REPLAY_THREAD_IO);
    replay_mutex_lock();
    for (uint64_t i = 0; !frames->over; i++) {
        if (frames->reads_time && i % (replay_mode == REPLAY_MODE_RECORD ? 2 : 7) == 0)
            REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, test_now_ns());
        replay_start_warp_timer();
        replay_wait(200000);
    }
    replay_mutex_unlock();
    return NULL;
}

static void *run_user(void *opaque) {
    frames_t *frames = opaque;
    for (int i = 0; !frames->over; i++) {
        press(i % 50);
        if (i % 8 == 0)
            test_sleep_ms(1);
    }
    return NULL;
}

static void run_together(frames_t *frames, replay_mode_t mode, uint64_t count) {
    pthread_t io, user;
    frames_init(frames, mode, "rrstall=5000");
    host_start(&frames->host, REPLAY_THREAD_VCPU);
    pthread_create(&io, NULL, run_io, frames);
    pthread_create(&user, NULL, run_user, frames);
    run_frames(frames, count, REPLAY_THREAD_VCPU);
    frames->over = true;
    replay_mutex_unlock();
    pthread_join(io, NULL);
    pthread_join(user, NULL);
    replay_mutex_lock();
    CHECK_STATUS(host_end(&frames->host), OK);
}

TEST_SLOW(two_threads_replay_each_flush_at_its_place, 60) {
    static frames_t record, play;
    for (int run = 0; run < 8 && test_failures() == 0; run++) {
        record.places = play.places = 1 + run % 3;
        record.reads_time = play.reads_time = run >= 4;
        record.seed = (uint64_t)run;
        run_together(&record, REPLAY_MODE_RECORD, 2000);
        run_together(&play, REPLAY_MODE_PLAY, 2000);
        check_end(&play, &record);
    }
}
