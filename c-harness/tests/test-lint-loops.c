/* SPDX-License-Identifier: MIT */
/* rrlint=on: loops that work, but badly. */
#include "watched-host.h"

/* ------------------------------------------------- polls that sleep for too long */

/* The guest sleeps for 10 ms, the poll for 100 ms. */
static void poll_for_long(replay_mode_t mode, bool asks, const char *options) {
    host_init(&watched);
    watched.idle = true;
    watched_set_timer(10000000);
    atomic_store(&timer_runs, 0);
    REQUIRE_STATUS(watched_begin(mode, options), OK);
    replay_thread_attach(REPLAY_THREAD_IO);
    pthread_t thread;
    pthread_create(&thread, NULL, sleep_in_the_library, NULL);
    for (int i = 0; i < 100 && atomic_load(&timer_runs) == 0; i++) {
        replay_mutex_lock();
        CHECK_STATUS(replay_start_warp_timer(), OK);
        if (asks)
            replay_warp_deadline_ns();
        replay_mutex_unlock();
        test_sleep_ms(100);
    }
    CHECK(atomic_load(&timer_runs) > 0);
    atomic_store(&ended, true);
    replay_notify();
    pthread_join(thread, NULL);
    CHECK_STATUS(replay_finish(), OK);
}

TEST(a_poll_that_ignores_the_end_of_a_sleep_is_a_lint) {
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_RECORD; mode++) {
        poll_for_long(mode, false, "rrlint=on");
        CHECK_EQ(watched.messages, 1);
        CHECK_HAS(watched.text, "the guest's sleep ends ");
        CHECK_HAS(watched.text, " ms late: the I/O thread's poll must not sleep longer than "
                                "replay_warp_deadline_ns() (caller: ");
        poll_for_long(mode, false, NULL);
        CHECK_STR(watched.text, "");
        /* A busy machine is late, too: nobody knows why. */
        poll_for_long(mode, true, "rrlint=on");
        CHECK_STR(watched.text, "");
    }
}

/* ------------------------------------------------ replay_run(): an idle execute() */

static unsigned calls;
static void execute_nothing(void *opaque, uint64_t instructions) {
    (void)opaque, (void)instructions;
    if (++calls == 40)
        replay_run_stop();
}

/* Kicks end a slice before its first instruction, but not each. */
static void execute_now_and_then(void *opaque, uint64_t instructions) {
    host_t *host = opaque;
    if (++calls == 40)
        replay_run_stop();
    if (calls % 10 == 0 && instructions > 0)
        host->icount++;
}

static void run(replay_mode_t mode, void (*execute)(void *, uint64_t), const char *options) {
    calls = 0;
    host_init(&watched);
    watched.callbacks.execute = execute;
    REQUIRE_STATUS(watched_begin(mode, options), OK);
    CHECK_STATUS(replay_run(), OK);
    CHECK_EQ(calls, 40);
    CHECK_STATUS(replay_finish(), OK);
}

TEST(an_execute_that_does_nothing_while_the_guest_is_awake_is_a_lint) {
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_RECORD; mode++) {
        run(mode, execute_nothing, "rrlint=on");
        CHECK_EQ(watched.messages, 1);
        CHECK_HAS(watched.text, "replay_host::execute repeatedly executes nothing, although "
                                "the guest is awake");
        run(mode, execute_nothing, NULL);
        CHECK_STR(watched.text, "");
        run(mode, execute_now_and_then, "rrlint=on");
        CHECK_STR(watched.text, "");
    }
}
