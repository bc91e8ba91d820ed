/* SPDX-License-Identifier: MIT */
/* The turns of the two threads, the warp of the virtual clock, the host's timers. */
#include "host.h"

static host_t host;
enum { MS = 1000000 };
static int64_t woken_at; /* virtual time */
static int32_t device;

static void wake_up(void *opaque) {
    (void)opaque;
    woken_at = replay_get_virtual_clock();
    host.idle = false;
}
static void receive(void *opaque, const uint8_t *data, size_t length) {
    (void)data, (void)length;
    wake_up(opaque);
}

/* Sleeps until something wakes the guest. Real ns. */
static int64_t sleep_until_woken(void) {
    int64_t begun = test_now_ns();
    host.idle = true;
    while (host.idle && !host_stopped(&host) && test_now_ns() - begun < 10000 * (int64_t)MS) {
        replay_start_warp_timer();
        replay_account_warp_timer();
        if (host.idle)
            replay_wait(100 * MS);
    }
    CHECK(!host.idle);
    host.idle = false;
    return test_now_ns() - begun;
}

static void begin(replay_mode_t mode, const char *options) {
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, mode, log_path(), options), OK);
    device = replay_register_char_driver(receive, NULL);
    host_start(&host, 3);
}

static void end(replay_mode_t mode) {
    if (mode == REPLAY_MODE_PLAY)
        CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

/* A guest that sleeps so long, twice. */
static int64_t sleeps(replay_mode_t mode, const char *options, int64_t ns, int64_t woken[2]) {
    begin(mode, options);
    replay_timer_t *timer = replay_timer_new(wake_up, NULL);
    int64_t real = 0;
    for (int i = 0; i < 2; i++) {
        CHECK(host_execute(&host, 3, 1000));
        replay_timer_mod(timer, replay_get_virtual_clock() + ns);
        real += sleep_until_woken();
        woken[i] = woken_at;
        CHECK(host_execute(&host, 3, 1000));
        CHECK_EQ(host_info().warped_ns, replay_get_virtual_clock() - 2000 * (i + 1));
    }
    end(mode);
    return real;
}

TEST(sleep_follows_real_time_and_is_replayed_without_it) {
    int64_t recorded[2], played[2];
    int64_t real = sleeps(REPLAY_MODE_RECORD, "shift=0", 700 * (int64_t)MS, recorded);
    CHECK(real >= 1390 * (int64_t)MS && real < 3000 * (int64_t)MS);
    CHECK(recorded[0] >= 700 * (int64_t)MS && recorded[0] < 1500 * (int64_t)MS);
    CHECK(recorded[1] >= 1400 * (int64_t)MS);
    real = sleeps(REPLAY_MODE_PLAY, NULL, 700 * (int64_t)MS, played);
    CHECK(real < 500 * (int64_t)MS);
    CHECK_EQ(played[0], recorded[0]);
    CHECK_EQ(played[1], recorded[1]);
}

TEST(sleep_off_jumps_to_the_next_timer) {
    int64_t recorded[2], played[2];
    int64_t real = sleeps(REPLAY_MODE_RECORD, "shift=0,sleep=off", 3600000 * (int64_t)MS, recorded);
    CHECK(real < 1000 * (int64_t)MS);
    CHECK_EQ(recorded[0], 3600000 * (int64_t)MS + 1000);
    real = sleeps(REPLAY_MODE_PLAY, "sleep=off", 3600000 * (int64_t)MS, played);
    CHECK(real < 1000 * (int64_t)MS);
    CHECK_EQ(played[0], recorded[0]);
    CHECK_EQ(played[1], recorded[1]);
}

TEST(an_adapted_shift_sleeps_too) {
    int64_t recorded[2], played[2];
    begin(REPLAY_MODE_RECORD, "shift=auto");
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        int64_t *woken = mode == REPLAY_MODE_RECORD ? recorded : played;
        if (mode == REPLAY_MODE_PLAY)
            begin(mode, "shift=auto");
        replay_timer_t *timer = replay_timer_new(wake_up, NULL);
        for (int i = 0; i < 2; i++) {
            CHECK(host_execute(&host, 3, 100000));
            replay_timer_mod(timer, replay_get_virtual_clock() + 100 * MS);
            sleep_until_woken();
            woken[i] = woken_at;
        }
        end(mode);
    }
    CHECK_EQ(played[0], recorded[0]);
    CHECK_EQ(played[1], recorded[1]);
}

TEST(a_sleep_works_without_a_log) {
    host_begin(&host, REPLAY_MODE_NONE, NULL, "shift=0");
    replay_timer_t *timer = replay_timer_new(wake_up, NULL);
    replay_timer_mod(timer, 100 * MS);
    int64_t real = sleep_until_woken();
    CHECK(real >= 95 * MS && real < 1000 * MS);
    CHECK(woken_at >= 100 * MS);
    CHECK_STATUS(host_end(&host), OK);
}

static void *post_soon(void *opaque) {
    (void)opaque;
    test_sleep_ms(200);
    replay_chr_be_write(device, (const uint8_t *)"x", 1);
    return NULL;
}

TEST(a_warp_that_is_interrupted_counts_as_far_as_it_went) {
    int64_t recorded = 0, after = 0;
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        begin(mode, "shift=0");
        CHECK(host_execute(&host, 3, 1000));
        replay_timer_t *timer = replay_timer_new(wake_up, NULL);
        replay_timer_mod(timer, 3600000 * (int64_t)MS);
        pthread_t thread;
        if (mode == REPLAY_MODE_RECORD)
            pthread_create(&thread, NULL, post_soon, NULL);
        int64_t real = sleep_until_woken();
        CHECK(host_execute(&host, 3, 1000));
        replay_account_warp_timer();
        if (mode == REPLAY_MODE_RECORD) {
            pthread_join(thread, NULL);
            recorded = woken_at;
            after = replay_get_virtual_clock();
            CHECK(real >= 190 * MS);
            CHECK(after >= 190 * MS && after < 3000 * (int64_t)MS);
        } else {
            CHECK(real < 150 * MS);
            CHECK_EQ(woken_at, recorded);
            CHECK_EQ(replay_get_virtual_clock(), after);
        }
        end(mode);
    }
}

TEST(idle_turns_write_nothing) {
    begin(REPLAY_MODE_RECORD, NULL);
    for (int i = 0; i < 200; i++) {
        CHECK_STATUS(replay_start_warp_timer(), OK);
        CHECK_STATUS(replay_account_warp_timer(), OK);
    }
    CHECK_EQ(host_info().events, 0);
    host.idle = true; /* without any timer */
    for (int i = 0; i < 200; i++) {
        replay_start_warp_timer();
        replay_account_warp_timer();
    }
    CHECK_EQ(host_info().events, 0);
    host.idle = false;
    end(REPLAY_MODE_RECORD);
}

TEST(a_sleep_that_is_turned_often_writes_little) {
    begin(REPLAY_MODE_RECORD, "shift=0");
    replay_timer_t *timer = replay_timer_new(wake_up, NULL);
    replay_timer_mod(timer, 3600000 * (int64_t)MS);
    host.idle = true;
    for (int i = 0; i < 1000; i++) /* the main loop turns for reasons of its own */
        replay_start_warp_timer();
    uint64_t events = host_info().events;
    CHECK(events <= 4);
    host.idle = false;
    replay_account_warp_timer();
    end(REPLAY_MODE_RECORD);
}

TEST(a_guest_that_nothing_can_wake_is_warned_of_once) {
    begin(REPLAY_MODE_RECORD, "sleep=off");
    host.idle = true;
    for (int i = 0; i < 10; i++) {
        replay_start_warp_timer();
        replay_account_warp_timer();
    }
    CHECK_EQ(host.messages, 1);
    CHECK_EQ(host.error_messages, 0);
    host.idle = false;
    end(REPLAY_MODE_RECORD);
}

TEST(a_stopped_machine_does_not_turn) {
    begin(REPLAY_MODE_RECORD, "shift=0");
    replay_timer_t *timer = replay_timer_new(wake_up, NULL);
    replay_timer_mod(timer, 0);
    host.paused = true;
    woken_at = -1;
    CHECK_STATUS(replay_start_warp_timer(), OK);
    CHECK_STATUS(replay_account_warp_timer(), OK);
    CHECK_EQ(woken_at, -1);
    CHECK_EQ(host_info().events, 0);
    host.paused = false;
    CHECK_STATUS(replay_account_warp_timer(), OK);
    CHECK_EQ(woken_at, 0);
    end(REPLAY_MODE_RECORD);
}

/* Its timer is due, but nothing can be done about it: a vCPU thread that waits must leave the lock
 * to who ends the pause. */
TEST(a_stopped_machine_has_no_budget_and_rests) {
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_PLAY; mode++) {
        begin(mode, "shift=0");
        replay_timer_t *timer = replay_timer_new(wake_up, NULL);
        replay_timer_mod(timer, 0);
        host.idle = true;
        host.paused = true;
        woken_at = -1;
        CHECK_STATUS(replay_account_warp_timer(), OK);
        CHECK_EQ(replay_get_budget(10), 0);
        if (mode != REPLAY_MODE_PLAY) { /* there the next event is news once */
            int64_t since = test_now_ns();
            CHECK_STATUS(replay_wait(30 * MS), TIMEOUT);
            CHECK(test_now_ns() - since >= 25 * MS);
        }
        CHECK_EQ(woken_at, -1);
        host.paused = false;
        CHECK_STATUS(replay_account_warp_timer(), OK);
        CHECK_EQ(woken_at, 0);
        if (mode != REPLAY_MODE_PLAY) {
            CHECK(replay_get_budget(10) > 0);
            host.icount += 10;
            CHECK_STATUS(replay_account_executed_instructions(), OK);
        } else {
            CHECK_EQ(replay_get_budget(100), 10);
        }
        end(mode);
    }
}

TEST(the_main_loop_learns_how_long_it_may_poll) {
    begin(REPLAY_MODE_RECORD, "shift=0");
    CHECK_EQ(replay_warp_deadline_ns(), -1);
    replay_timer_t *timer = replay_timer_new(wake_up, NULL);
    replay_timer_mod(timer, 500 * MS);
    host.idle = true;
    CHECK_STATUS(replay_start_warp_timer(), OK);
    int64_t left = replay_warp_deadline_ns();
    CHECK(left > 0 && left <= 500 * MS);
    test_sleep_ms(20);
    CHECK(replay_warp_deadline_ns() <= left - 15 * MS);
    host.idle = false;
    CHECK_STATUS(replay_account_warp_timer(), OK);
    CHECK_EQ(replay_warp_deadline_ns(), -1);
    replay_interrupt();
    end(REPLAY_MODE_RECORD);
    begin(REPLAY_MODE_PLAY, NULL);
    timer = replay_timer_new(wake_up, NULL);
    replay_timer_mod(timer, 500 * MS);
    host.idle = true;
    CHECK_EQ(replay_warp_deadline_ns(), 0); /* the log wants a warp's start */
    CHECK_STATUS(replay_start_warp_timer(), OK);
    host.idle = false;
    CHECK_STATUS(replay_account_warp_timer(), OK);
    CHECK(replay_interrupt());
    end(REPLAY_MODE_PLAY);
}

/* ------------------------------------------------- timers that are the host's */

static int64_t virtual_expire, host_expire, host_clock;
static int virtual_ran, host_ran;
static uint64_t ran_at[256];

static int64_t deadline(void *opaque, replay_timer_clock_t clock) {
    (void)opaque;
    int64_t expire = clock == REPLAY_TIMERS_VIRTUAL ? virtual_expire : host_expire;
    if (expire < 0)
        return -1;
    int64_t now = clock == REPLAY_TIMERS_VIRTUAL ? replay_get_virtual_clock() : host_clock;
    return expire > now ? expire - now : 0;
}

static void run_timers(void *opaque, replay_timer_clock_t clock) {
    (void)opaque;
    if (clock == REPLAY_TIMERS_VIRTUAL) {
        ran_at[virtual_ran++] = host.icount;
        virtual_expire += 700;
    } else {
        int64_t now = REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, host_clock);
        ran_at[100 + host_ran++] = host.icount + (uint64_t)now;
        host_expire = now + 50;
    }
}

static void run_with_timers(replay_mode_t mode) {
    virtual_ran = host_ran = 0;
    virtual_expire = 700;
    host_expire = 40;
    host_clock = 0;
    host_init(&host);
    host.callbacks.deadline_ns = deadline;
    host.callbacks.run_timers = run_timers;
    REQUIRE_STATUS(host_configure(&host, mode, log_path(), "shift=0"), OK);
    host_start(&host, 3);
    for (int i = 0; i < 40 && !host_stopped(&host); i++) {
        if (mode == REPLAY_MODE_RECORD)
            host_clock += 20 + i % 3; /* in PLAY it doesn't advance: the log decides */
        replay_start_warp_timer();
        replay_account_warp_timer();
        host_execute(&host, 3, 250);
    }
    end(mode);
}

TEST(the_hosts_timers_run_at_the_recorded_places) {
    run_with_timers(REPLAY_MODE_RECORD);
    int virtual_recorded = virtual_ran, host_recorded = host_ran;
    uint64_t recorded[256];
    memcpy(recorded, ran_at, sizeof recorded);
    CHECK(virtual_recorded >= 13);
    CHECK(host_recorded >= 8);
    for (int i = 0; i < virtual_recorded; i++)
        CHECK_EQ(recorded[i], 700 * (i + 1));
    run_with_timers(REPLAY_MODE_PLAY);
    CHECK_EQ(virtual_ran, virtual_recorded);
    CHECK_EQ(host_ran, host_recorded);
    CHECK_BYTES(ran_at, recorded, sizeof recorded);
}

static int requests;
static void handle_requests(void *opaque) {
    (void)opaque;
    atomic_fetch_add(&host.requests_turns, 1);
    if (requests && replay_checkpoint(REPLAY_CHECKPOINT_RESET_REQUESTED)) {
        requests--;
        ran_at[virtual_ran++] = host.icount;
    }
}

TEST(requests_are_handled_in_their_checkpoint) {
    uint64_t recorded[4];
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        virtual_ran = 0;
        host_init(&host);
        host.callbacks.handle_requests = handle_requests;
        REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
        host_start(&host, 3);
        for (int i = 0; i < 10; i++) {
            /* In PLAY the request comes earlier than it was handled. */
            if (i == (mode == REPLAY_MODE_RECORD ? 5 : 2))
                requests++;
            replay_start_warp_timer();
            host_execute(&host, 3, 100);
        }
        CHECK_EQ(requests, 0);
        CHECK_EQ(virtual_ran, 1);
        if (mode == REPLAY_MODE_RECORD)
            recorded[0] = ran_at[0];
        else
            CHECK_EQ(ran_at[0], recorded[0]);
        CHECK(atomic_load(&host.requests_turns) > 0);
        end(mode);
    }
}
