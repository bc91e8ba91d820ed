/* SPDX-License-Identifier: MIT */
/* Positions and the library's timers; callbacks, which save and load nothing. */
#include "host.h"
#include "positions.h"

static unsigned ticks;
static void tick(void *opaque) {
    ticks++;
    if (opaque)
        replay_timer_mod(*(replay_timer_t **)opaque, replay_get_virtual_clock() + 100);
}

static void run_timers(host_t *host, uint64_t until) {
    while (host->icount < until && !host_stopped(host)) {
        replay_account_warp_timer();
        uint64_t budget = replay_get_budget(until - host->icount);
        host->icount += budget;
        replay_account_executed_instructions();
    }
    replay_account_warp_timer();
}

TEST(timers_run_again_from_the_position_on) {
    host_t host;
    static memory_t early, late;
    replay_timer_t *timer = NULL;
    for (int play = 0; play < 2; play++) {
        ticks = 0;
        host_begin(&host, play ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD, log_path(), NULL);
        timer = replay_timer_new(tick, &timer);
        replay_timer_mod(timer, 100);
        run_timers(&host, 250);
        CHECK_EQ(ticks, 2);
        CHECK_STATUS(save(&early), OK);
        replay_timer_t *other = NULL;
        if (play) {
            /* One more, which the position doesn't know: it is gone after the load. */
            other = replay_timer_new(tick, NULL);
            replay_timer_mod(other, 400);
        }
        run_timers(&host, play ? 350 : 1000);
        if (play) {
            host.icount = 250;
            CHECK_STATUS(load(&early), OK);
            CHECK_EQ(replay_timer_expire_time(timer), 300);
            CHECK_STATUS(replay_timer_mod(other, 400), ERROR_INVALID_ARGUMENT);
            other = replay_timer_new(tick, NULL);
            ticks = 2;
            run_timers(&host, 1000);
        }
        CHECK_EQ(ticks, 10);
        CHECK_STATUS(save(&late), OK);
        if (play)
            CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
        CHECK_STATUS(host_end(&host), OK);
    }
    /* The late position has two timers; this run has one. */
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    timer = replay_timer_new(tick, &timer);
    replay_timer_mod(timer, 100);
    CHECK_STATUS(load(&late), ERROR_POSITION);
    CHECK_HAS(host_last_error().message, "timer 1");
    host.icount = 250;
    CHECK_STATUS(load(&early), OK);
    ticks = 2;
    run_timers(&host, 1000);
    CHECK_EQ(ticks, 10);
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_timer_that_is_created_again_has_the_number_of_the_recording) {
    host_t host;
    static memory_t early, late;
    for (int play = 0; play < 2; play++) {
        host_begin(&host, play ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD, log_path(), NULL);
        host_execute(&host, REPLAY_THREAD_VCPU, 50);
        if (play) {
            replay_timer_t *abandoned = replay_timer_new(tick, NULL);
            replay_timer_mod(abandoned, 1000000);
            CHECK_STATUS(load(&early), OK);
            CHECK_EQ(replay_timer_expire_time(abandoned), -1);
            CHECK_STATUS(replay_timer_free(abandoned), ERROR_INVALID_ARGUMENT);
        } else {
            CHECK_STATUS(save(&early), OK);
        }
        replay_timer_t *timer = replay_timer_new(tick, NULL);
        replay_timer_mod(timer, play ? 2000000 : 1000000);
        host_execute(&host, REPLAY_THREAD_VCPU, 50);
        if (play) {
            CHECK_STATUS(load(&late), OK);
            CHECK_EQ(replay_timer_expire_time(timer), 1000000);
            CHECK_STATUS(replay_timer_free(timer), OK);
            CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
        } else {
            CHECK_STATUS(save(&late), OK);
        }
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(freed_timers_leave_nothing_and_too_many_are_refused) {
    host_t host;
    static memory_t memory;
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    CHECK_STATUS(save(&memory), OK);
    size_t empty = memory.length;
    replay_timer_t *last = replay_timer_new(tick, NULL);
    for (int i = 0; i < 200000; i++) {
        replay_timer_t *next = replay_timer_new(tick, NULL);
        replay_timer_free(last);
        last = next;
    }
    CHECK_STATUS(save(&memory), OK);
    CHECK(memory.length <= empty + 24);
    for (int i = 0; i < 400000; i++)
        replay_timer_new(tick, NULL);
    CHECK(!replay_can_snapshot());
    CHECK_STATUS(save(&memory), ERROR_NOT_SUPPORTED);
    CHECK_HAS(host_last_error().message, "timers");
    CHECK_STATUS(host_end(&host), OK);
}

/* ------------------------------------------------------------- in callbacks */

static memory_t within;
static replay_status_t saved_within, loaded_within, finished_within;
static bool can_within;

static void save_in_timer(void *opaque) {
    (void)opaque;
    can_within = replay_can_snapshot();
    saved_within = save(&within);
}

static bool end_while_reading(void *opaque, void *bytes, size_t length) {
    finished_within = replay_finish();
    loaded_within = load(&within);
    return stream_of(opaque).read(opaque, bytes, length);
}

TEST(a_callback_saves_and_loads_nothing) {
    static host_t host;
    static memory_t early;
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    replay_timer_mod(replay_timer_new(save_in_timer, NULL), 10);
    CHECK_STATUS(save(&early), OK);
    run_timers(&host, 20);
    CHECK(!can_within);
    CHECK_STATUS(saved_within, ERROR_NOT_QUIET);
    CHECK_STATUS(host_end(&host), OK);

    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    replay_timer_mod(replay_timer_new(save_in_timer, NULL), 10);
    replay_stream_t stream = stream_of(&early);
    stream.read = end_while_reading;
    early.at = 0;
    CHECK_STATUS(replay_position_load(&stream), OK);
    CHECK_STATUS(finished_within, ERROR_REENTERED);
    CHECK_STATUS(loaded_within, ERROR_REENTERED);
    run_timers(&host, 20);
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    CHECK_STATUS(host_end(&host), OK);
}
