/* SPDX-License-Identifier: MIT */
/* Hosts that take none of the library's turns and do not wait in it: what the
 * engine does by itself reaches them too. */
#include "host.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static host_t host;

static uint64_t get_digest(void *opaque) {
    return ((host_t *)opaque)->digest;
}

static void begin(replay_mode_t mode, const char *options, bool with_digest) {
    host_init(&host);
    if (with_digest)
        host.callbacks.digest = get_digest;
    REQUIRE_STATUS(host_configure(&host, mode, test_path("run.log"), options), OK);
    host_start(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
}

static void execute(uint64_t count) {
    if (replay_mode == REPLAY_MODE_PLAY && (uint64_t)replay_get_instructions() < count)
        return;
    host.icount += count;
    replay_account_executed_instructions();
}

static void change_lock(void) {
    replay_mutex_unlock();
    replay_mutex_lock();
}

static int64_t read_clock_without_lock(void) {
    replay_mutex_unlock();
    int64_t ns = REPLAY_CLOCK(REPLAY_CLOCK_HOST, 5);
    replay_mutex_lock();
    return ns;
}

/* ----------------------------------------------------------- what is delivered */

TEST(the_end_comes_when_the_lock_is_released) {
    begin(REPLAY_MODE_RECORD, NULL, false);
    execute(100);
    CHECK(replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_WARP_ACCOUNT));
    CHECK_STATUS(host_end(&host), OK);
    begin(REPLAY_MODE_PLAY, NULL, false);
    execute(100);
    host.idle = true;
    CHECK(replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_WARP_ACCOUNT));
    CHECK_EQ(host.stops, 0);
    CHECK(replay_is_due());
    /* Not within a reading of a clock. */
    replay_thread_attach(REPLAY_THREAD_IO);
    REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 5);
    CHECK_EQ(host.stops, 0);
    replay_clock_unlock(0);
    CHECK_EQ(host.stops, 0);
    REPLAY_CLOCK(REPLAY_CLOCK_HOST, 5);
    CHECK_EQ(host.stops, 0);
    CHECK_STATUS(replay_mutex_lock(), OK);
    CHECK_STATUS(replay_mutex_unlock(), OK);
    CHECK_EQ(host.stops, 1);
    CHECK_EQ(host.stop_reason, REPLAY_STOP_END);
    CHECK(!replay_is_due());
    CHECK_STATUS(replay_finish(), OK);
}

TEST(a_thread_that_waits_gets_the_end) {
    begin(REPLAY_MODE_RECORD, NULL, false);
    execute(100);
    CHECK_STATUS(host_end(&host), OK);
    begin(REPLAY_MODE_PLAY, NULL, false);
    execute(100);
    host.idle = true;
    CHECK_STATUS(replay_wait(1000000000), OK);
    CHECK_EQ(host.stop_reason, REPLAY_STOP_END);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_cut_comes_when_the_lock_is_released) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        begin(REPLAY_MODE_RECORD, NULL, false);
        execute(100);
        replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_WARP_ACCOUNT);
        raise(SIGKILL);
    }
    waitpid(child, NULL, 0);
    begin(REPLAY_MODE_PLAY, NULL, false);
    execute(100);
    CHECK(replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_WARP_ACCOUNT));
    change_lock();
    CHECK_EQ(host.stop_reason, REPLAY_STOP_CUT);
    CHECK_STATUS(host_end(&host), ERROR_LOG_CUT);
}

/* The user's comes by itself; the guest's waits for the host's own call, unless
 * the guest sleeps: then nothing is left of its course. */
TEST(a_shutdown_comes_when_the_lock_is_released) {
    for (int guests = 0; guests < 2; guests++) {
        replay_shutdown_cause_t cause =
            guests ? REPLAY_SHUTDOWN_GUEST_SHUTDOWN : REPLAY_SHUTDOWN_HOST_QUIT;
        begin(REPLAY_MODE_RECORD, NULL, false);
        execute(100);
        CHECK_STATUS(replay_shutdown_request(cause), OK);
        CHECK_STATUS(host_end(&host), OK);
        begin(REPLAY_MODE_PLAY, NULL, false);
        execute(100);
        CHECK(replay_is_due());
        CHECK_EQ(host.shutdowns, 0);
        replay_thread_attach(REPLAY_THREAD_IO);
        read_clock_without_lock(); /* its own unlock delivers, if anything does */
        CHECK_EQ(host.shutdowns, !guests);
        host.idle = true;
        change_lock();
        CHECK_EQ(host.shutdowns, 1);
        CHECK_EQ(host.cause, cause);
        CHECK_STATUS(host_end(&host), OK);
    }
}

/* A reading on the vCPU thread that comes after one: it is delivered, but later. */
TEST(a_reading_passes_over_a_shutdown) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        begin(mode, NULL, false);
        execute(100);
        if (mode == REPLAY_MODE_RECORD)
            CHECK_STATUS(replay_shutdown_request(REPLAY_SHUTDOWN_HOST_RESET), OK);
        CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, mode), REPLAY_MODE_RECORD);
        CHECK_EQ(host.shutdowns, 0);
        change_lock();
        CHECK_EQ(host.shutdowns, mode == REPLAY_MODE_PLAY);
        execute(10);
        CHECK_STATUS(host_end(&host), OK);
    }
}

/* ------------------------------------------------- after the last shutdown */

/* One more round of the vCPU thread, and instructions, after the request. */
static replay_status_t replay_tail(replay_shutdown_cause_t cause, bool more, uint64_t digest) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        begin(mode, NULL, true);
        host.digest = mode == REPLAY_MODE_PLAY ? digest : 1;
        execute(100);
        CHECK_STATUS(replay_shutdown_request(cause), OK);
        if (mode == REPLAY_MODE_RECORD) {
            replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_WARP_ACCOUNT);
            if (more) {
                execute(50);
                replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_WARP_ACCOUNT);
            }
            CHECK_STATUS(host_end(&host), OK);
        }
    }
    CHECK_EQ(host.shutdowns, 1);
    return host_end(&host);
}

TEST(what_came_after_the_last_shutdown_need_not_come_again) {
    CHECK_STATUS(replay_tail(REPLAY_SHUTDOWN_GUEST_SHUTDOWN, false, 1), OK);
    CHECK_STATUS(replay_tail(REPLAY_SHUTDOWN_HOST_QUIT, false, 1), OK);
    CHECK_STATUS(replay_tail(REPLAY_SHUTDOWN_GUEST_PANIC, true, 1), OK);
    CHECK_STATUS(replay_tail(REPLAY_SHUTDOWN_GUEST_RESET, false, 1), OK);
    /* The state is compared where it must be the recorded one. */
    CHECK_STATUS(replay_tail(REPLAY_SHUTDOWN_GUEST_SHUTDOWN, false, 2), ERROR_DIGEST);
    CHECK_STATUS(replay_tail(REPLAY_SHUTDOWN_GUEST_SHUTDOWN, true, 2), OK);
    /* After a reset the machine continued: that isn't an end. */
    CHECK_STATUS(replay_tail(REPLAY_SHUTDOWN_GUEST_RESET, true, 1), ERROR_STOPPED_SHORT);
}

/* Its guest has executed more than the recorded one had up to the next event. */
TEST(a_replay_that_passed_an_event_after_the_last_shutdown_stopped_short) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        begin(mode, NULL, false);
        execute(100);
        CHECK_STATUS(replay_shutdown_request(REPLAY_SHUTDOWN_GUEST_PANIC), OK);
        if (mode == REPLAY_MODE_RECORD) {
            execute(50);
            replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_WARP_ACCOUNT);
            CHECK_STATUS(host_end(&host), OK);
        }
    }
    host.icount += 51;
    CHECK_STATUS(host_end(&host), ERROR_STOPPED_SHORT);
}

TEST(a_replay_that_ends_before_a_later_shutdown_stopped_short) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        begin(mode, NULL, false);
        execute(100);
        CHECK_STATUS(replay_shutdown_request(REPLAY_SHUTDOWN_GUEST_PANIC), OK);
        if (mode == REPLAY_MODE_RECORD) {
            execute(100);
            CHECK_STATUS(replay_shutdown_request(REPLAY_SHUTDOWN_GUEST_PANIC), OK);
            replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_WARP_ACCOUNT);
            CHECK_STATUS(host_end(&host), OK);
        }
    }
    CHECK_STATUS(host_end(&host), ERROR_STOPPED_SHORT);
}

/* ------------------------------------------------------ is the next event mine? */

static void run_completion(void *opaque) {
    ++*(int *)opaque;
}

TEST(a_thread_asks_whether_the_next_event_is_its_own) {
    int runs = 0;
    CHECK(!replay_is_due());
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        bool plays = mode == REPLAY_MODE_PLAY;
        begin(mode, NULL, false);
        CHECK(!replay_is_due());
        execute(100);
        replay_thread_attach(REPLAY_THREAD_IO);
        CHECK_EQ(replay_is_due(), plays);
        CHECK_EQ(replay_warp_deadline_ns(), plays ? 0 : -1); /* without any callback for it */
        CHECK_EQ(replay_is_due(), plays);
        replay_mutex_unlock();
        CHECK_EQ(replay_is_due(), plays);
        replay_mutex_lock();
        CHECK(replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_HOST));
        CHECK(!replay_is_due());
        CHECK_EQ(replay_warp_deadline_ns(), -1);
        replay_thread_attach(REPLAY_THREAD_VCPU);
        CHECK_EQ(replay_is_due(), plays);
        CHECK(replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_WARP_ACCOUNT));
        /* A completion is waited for until it is there. */
        uint64_t id = blkreplay_next_id();
        CHECK(!replay_is_due());
        if (plays) {
            CHECK_STATUS(replay_async_events(), OK);
            CHECK(!replay_is_due());
        }
        CHECK_STATUS(replay_block_event(run_completion, &runs, id), OK);
        CHECK_EQ(replay_is_due(), plays);
        CHECK_STATUS(replay_async_events(), OK);
        CHECK_EQ(runs, mode);
        execute(10);
        CHECK_STATUS(host_end(&host), OK);
        CHECK(!replay_is_due());
    }
}

/* What arrived early is found when its turn comes. */
TEST(an_early_completion_is_due_when_it_is_next) {
    int runs = 0;
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        begin(mode, NULL, false);
        execute(100);
        uint64_t id = blkreplay_next_id();
        if (mode == REPLAY_MODE_PLAY) {
            CHECK_STATUS(replay_block_event(run_completion, &runs, id), OK);
            CHECK_STATUS(replay_async_events(), OK);
            CHECK_EQ(runs, 1);
        }
        execute(10);
        CHECK(replay_interrupt());
        if (mode == REPLAY_MODE_RECORD)
            CHECK_STATUS(replay_block_event(run_completion, &runs, id), OK);
        CHECK_EQ(replay_is_due(), mode == REPLAY_MODE_PLAY);
        CHECK_STATUS(replay_async_events(), OK);
        CHECK_EQ(runs, mode);
        CHECK_STATUS(host_end(&host), OK);
    }
}

/* The I/O thread's loop made a reading and does not repeat it: it is passed over
 * after a while, though nobody takes a turn. */
TEST(a_reading_that_the_loop_does_not_repeat_is_passed_over) {
    begin(REPLAY_MODE_RECORD, NULL, false);
    execute(100);
    replay_thread_attach(REPLAY_THREAD_IO);
    for (int i = 0; i < 5; i++)
        REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 7 + i);
    replay_thread_attach(REPLAY_THREAD_VCPU);
    CHECK(replay_interrupt());
    execute(10);
    CHECK_STATUS(host_end(&host), OK);

    begin(REPLAY_MODE_PLAY, "rrstall=1000", false);
    execute(100);
    host.idle = true;
    int64_t since = test_now_ns();
    bool taken = false;
    while (!taken && test_now_ns() - since < 2000000000 && !host_stopped(&host)) {
        replay_thread_attach(REPLAY_THREAD_IO);
        change_lock(); /* its loop */
        test_sleep_ms(replay_is_due() ? 1 : 20);
        replay_thread_attach(REPLAY_THREAD_VCPU);
        taken = replay_interrupt();
    }
    CHECK(taken);
    CHECK(test_now_ns() - since < 500000000);
    host.idle = false;
    CHECK_EQ(host.stops, 0);
    execute(10);
    CHECK_STATUS(host_end(&host), OK);
}

/* ------------------------------------------------------------------ digests */

TEST(digests_are_taken_at_the_flush) {
    uint64_t events = 0;
    for (int run = 0; run < 3; run++) {
        begin(run ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD, run ? NULL : "rrdigest=100", true);
        for (int i = 0; i < 20 && !host_stopped(&host); i++) {
            host.digest = (uint64_t)i + (run == 2 && i == 14 ? 1000 : 0);
            CHECK(replay_async_events() == REPLAY_OK || run == 2);
            execute(30);
        }
        if (run == 0) {
            events = host_info().events;
            CHECK_EQ(events, 5);
            CHECK_STATUS(host_end(&host), OK);
        } else if (run == 1) {
            CHECK_EQ(host_info().events, events);
            CHECK_STATUS(host_end(&host), OK);
        } else {
            CHECK_STATUS(host_stop_status(&host), ERROR_DIGEST);
            CHECK_STATUS(host_end(&host), ERROR_DIGEST);
        }
        CHECK(!strstr(host.text, "had no effect"));
    }
}

TEST(digests_that_nobody_takes_are_reported) {
    begin(REPLAY_MODE_RECORD, "rrdigest=100", true);
    execute(300);
    replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_WARP_ACCOUNT);
    CHECK_EQ(host_info().events, 1);
    CHECK_STATUS(host_end(&host), OK);
    CHECK_HAS(host.text, "rrdigest=100 had no effect");
    CHECK_EQ(host.messages, 1);
}
