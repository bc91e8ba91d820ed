/* SPDX-License-Identifier: MIT */
/* The library's own timers on the virtual clock. */
#include "host.h"

static host_t host;
static struct {
    int number;
    uint64_t icount;
    int64_t virtual_ns;
} fired[256];
static int fired_count;

static void fire(void *opaque) {
    if (fired_count == 256)
        return;
    fired[fired_count].number = (int)(intptr_t)opaque;
    fired[fired_count].icount = host.icount;
    fired[fired_count++].virtual_ns = replay_get_virtual_clock();
}
static void *number(int n) {
    return (void *)(intptr_t)n;
}

/* Executes as a host does that has timers: slice by slice, up to icount. */
static void run_until(uint64_t icount) {
    while (host.icount < icount && !host_stopped(&host)) {
        replay_account_warp_timer();
        if (!host_execute(&host, 3, icount - host.icount))
            break;
    }
    replay_account_warp_timer();
}

TEST(a_timer_ends_the_slice_and_runs_at_its_place) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), "shift=0");
    replay_timer_t *timer = replay_timer_new(fire, number(1));
    REQUIRE(timer != NULL);
    CHECK_EQ(replay_timer_expire_time(timer), -1);
    CHECK_EQ(replay_get_budget(10000), 10000);
    CHECK_STATUS(replay_timer_mod(timer, 500), OK);
    CHECK_EQ(replay_timer_expire_time(timer), 500);
    CHECK_EQ(replay_get_budget(10000), 500);
    CHECK_EQ(replay_get_budget(100), 100);
    host.icount = 499;
    CHECK_STATUS(replay_account_warp_timer(), OK);
    CHECK_EQ(fired_count, 0);
    CHECK_EQ(replay_get_budget(10000), 1);
    host.icount = 500;
    CHECK_EQ(replay_get_budget(10000), 0);
    CHECK_STATUS(replay_account_warp_timer(), OK);
    CHECK_EQ(fired_count, 1);
    CHECK_EQ(fired[0].icount, 500);
    CHECK_EQ(replay_timer_expire_time(timer), -1);
    CHECK_EQ(replay_get_budget(10000), 10000);
    CHECK_STATUS(replay_timer_free(timer), OK);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_slice_is_rounded_up_to_whole_instructions) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), "shift=3");
    replay_timer_t *timer = replay_timer_new(fire, number(1));
    replay_timer_mod(timer, 1001);
    CHECK_EQ(replay_get_budget(10000), 126);
    replay_timer_mod(timer, 1000);
    CHECK_EQ(replay_get_budget(10000), 125);
    run_until(200);
    CHECK_EQ(fired_count, 1);
    CHECK_EQ(fired[0].icount, 125);
    CHECK_EQ(fired[0].virtual_ns, 1000);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(timers_work_without_a_log) {
    host_begin(&host, REPLAY_MODE_NONE, NULL, "shift=0");
    replay_timer_t *timer = replay_timer_new(fire, number(1));
    REQUIRE(timer != NULL);
    replay_timer_mod(timer, 300);
    CHECK_EQ(replay_get_budget(1000), 300);
    run_until(1000);
    CHECK_EQ(fired_count, 1);
    CHECK_EQ(fired[0].icount, 300);
    CHECK_STATUS(replay_timer_free(timer), OK);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(timers_run_in_the_order_of_their_times_then_of_their_setting) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), "shift=0");
    replay_timer_t *timers[6];
    static const int64_t times[6] = {300, 100, 200, 100, 300, 100};
    for (int i = 0; i < 6; i++) {
        timers[i] = replay_timer_new(fire, number(i));
        replay_timer_mod(timers[i], times[i]);
    }
    replay_timer_mod(timers[1], 100); /* set again: after the others of 100 */
    host.icount = 1000;
    replay_account_warp_timer();
    static const int want[6] = {3, 5, 1, 2, 0, 4};
    CHECK_EQ(fired_count, 6);
    for (int i = 0; i < 6; i++)
        CHECK_EQ(fired[i].number, want[i]);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_timer_can_be_moved_and_taken_back) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), "shift=0");
    replay_timer_t *a = replay_timer_new(fire, number(1)), *b = replay_timer_new(fire, number(2));
    replay_timer_mod(a, 100);
    replay_timer_mod(a, 700);
    CHECK_EQ(replay_timer_expire_time(a), 700);
    replay_timer_mod(b, 200);
    CHECK_STATUS(replay_timer_del(b), OK);
    CHECK_STATUS(replay_timer_del(b), OK);
    CHECK_EQ(replay_timer_expire_time(b), -1);
    CHECK_EQ(replay_get_budget(10000), 700);
    replay_timer_mod(b, -50);
    CHECK_EQ(replay_timer_expire_time(b), 0);
    CHECK_EQ(replay_get_budget(10000), 0);
    run_until(1000);
    CHECK_EQ(fired_count, 2);
    CHECK_EQ(fired[0].number, 2);
    CHECK_EQ(fired[0].icount, 0);
    CHECK_EQ(fired[1].icount, 700);
    replay_timer_mod(a, INT64_MAX);
    CHECK_EQ(replay_timer_expire_time(a), INT64_MAX);
    CHECK_EQ(replay_get_budget(10000), 10000);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(handles_are_checked) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    CHECK(replay_timer_new(NULL, NULL) == NULL);
    CHECK_ERROR(ERROR_INVALID_ARGUMENT);
    replay_timer_t *timer = replay_timer_new(fire, NULL);
    CHECK_STATUS(replay_timer_mod(NULL, 5), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_timer_del(NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_timer_free(NULL), OK);
    CHECK_EQ(replay_timer_expire_time(NULL), -1);
    int other = 0;
    CHECK_STATUS(replay_timer_free((replay_timer_t *)&other), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_timer_mod((replay_timer_t *)&other, 5), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_timer_free(timer), OK);
    CHECK_STATUS(replay_timer_free(timer), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_timer_mod(timer, 5), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_timer_del(timer), ERROR_INVALID_ARGUMENT);
    CHECK_EQ(replay_timer_expire_time(timer), -1);
    replay_mutex_unlock();
    CHECK(replay_timer_new(fire, NULL) == NULL);
    CHECK_ERROR(ERROR_LOCK_NOT_HELD);
    replay_mutex_lock();
    CHECK_STATUS(host_end(&host), OK);
}

static replay_timer_t *own;
static void free_itself(void *opaque) {
    fire(opaque);
    CHECK_STATUS(replay_timer_free(own), OK);
}
static void set_again(void *opaque) {
    fire(opaque);
    replay_timer_mod(own, replay_get_virtual_clock() + 100);
}
static replay_timer_t *victim;
static void free_another(void *opaque) {
    fire(opaque);
    CHECK_STATUS(replay_timer_free(victim), OK);
}

TEST(a_callback_may_free_its_timer_or_another) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), "shift=0");
    own = replay_timer_new(free_itself, number(1));
    replay_timer_mod(own, 10);
    replay_timer_t *killer = replay_timer_new(free_another, number(2));
    victim = replay_timer_new(fire, number(3));
    replay_timer_mod(killer, 20);
    replay_timer_mod(victim, 20);
    host.icount = 50;
    CHECK_STATUS(replay_account_warp_timer(), OK);
    CHECK_EQ(fired_count, 2);
    CHECK_EQ(fired[1].number, 2);
    CHECK_STATUS(replay_timer_free(own), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(host_end(&host), OK);
}

static void run_course(replay_mode_t mode) {
    fired_count = 0;
    host_begin(&host, mode, log_path(), mode == REPLAY_MODE_RECORD ? "shift=2" : NULL);
    own = replay_timer_new(set_again, number(1));
    replay_timer_mod(own, 100);
    replay_timer_t *other = replay_timer_new(fire, number(2));
    replay_timer_mod(other, 1234);
    for (int i = 0; i < 10; i++) {
        run_until((uint64_t)(i + 1) * 100);
        REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, i * 1000);
        if (i == 4)
            replay_timer_mod(other, replay_get_virtual_clock() + 333);
    }
    if (mode == REPLAY_MODE_PLAY)
        CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

TEST(timers_are_replayed_at_the_same_places) {
    run_course(REPLAY_MODE_RECORD);
    int count = fired_count;
    CHECK(count > 30);
    uint64_t places[256];
    for (int i = 0; i < count; i++)
        places[i] = fired[i].icount;
    run_course(REPLAY_MODE_PLAY);
    CHECK_EQ(fired_count, count);
    for (int i = 0; i < count; i++)
        if (!CHECK_EQ(fired[i].icount, places[i]))
            break;
}

TEST(finish_drops_the_timers) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), "shift=0");
    replay_timer_t *timer = replay_timer_new(fire, number(1));
    replay_timer_mod(timer, 100);
    CHECK_STATUS(host_end(&host), OK);
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), "shift=0");
    run_until(1000);
    CHECK_EQ(fired_count, 0);
    CHECK_STATUS(host_end(&host), OK);
}
