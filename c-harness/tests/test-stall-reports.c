/* SPDX-License-Identifier: MIT */
/* Loops that only ask, and guests that never come to what is next: reported after the limit of a
 * stall, and with the likely cause. */
#include "watched-host.h"

/* -------------------------------------------------- an I/O thread that only asks */

static void *run_vcpu(void *opaque) {
    replay_thread_attach(REPLAY_THREAD_VCPU);
    replay_mutex_lock();
    host_execute(&watched, REPLAY_THREAD_VCPU, 100);
    atomic_store((atomic_bool *)opaque, true);
    while (!atomic_load(&ended) && !host_stopped(&watched)) {
        replay_account_warp_timer();
        replay_wait(20000000);
    }
    replay_mutex_unlock();
    return NULL;
}

static void ask_deadline(void) {
    replay_mutex_lock();
    replay_warp_deadline_ns();
    replay_mutex_unlock();
}
static void ask_deadline_with_lock(void) {
    if (!replay_mutex_locked())
        replay_mutex_lock();
    replay_warp_deadline_ns();
}
static void ask_whether_due(void) {
    replay_is_due();
}
static void ask_whether_due_with_lock(void) {
    if (!replay_mutex_locked())
        replay_mutex_lock();
    replay_is_due();
}

/* Even a thread that computes is reported after 30 limits, which are 15 s: these are reported
 * earlier, on a busy machine too. */
static const char *const limit = "rrstall=500";
enum { SECONDS = 12 };

static bool is_early(int64_t since) {
    return test_now_ns() - since < SECONDS * INT64_C(1000000000);
}

static void record_suspend(void) {
    host_begin(&watched, REPLAY_MODE_RECORD, log_path(), NULL);
    CHECK(host_execute(&watched, 3, 100));
    CHECK(replay_checkpoint(REPLAY_CHECKPOINT_SUSPEND_REQUESTED));
    CHECK_EQ(replay_save_random(0, "abcd", 4), REPLAY_OK);
    REQUIRE_STATUS(host_end(&watched), OK);
}

TEST_SLOW(an_io_thread_that_asks_and_takes_no_turn_is_reported, 60) {
    static void (*const asks[])(void) = {ask_deadline, ask_deadline_with_lock, ask_whether_due,
                                         ask_whether_due_with_lock};
    record_suspend();
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        test_note("ask %zu", i);
        host_begin(&watched, REPLAY_MODE_PLAY, log_path(), limit);
        replay_mutex_unlock();
        replay_thread_attach(REPLAY_THREAD_IO);
        atomic_store(&ended, false);
        atomic_bool has_executed = false;
        pthread_t thread;
        pthread_create(&thread, NULL, run_vcpu, &has_executed);
        while (!atomic_load(&has_executed))
            test_sleep_ms(1);
        for (int64_t since = test_now_ns(); !host_stopped(&watched) && is_early(since);)
            asks[i]();
        CHECK(host_stopped(&watched));
        atomic_store(&ended, true);
        if (replay_mutex_locked())
            replay_mutex_unlock();
        pthread_join(thread, NULL);
        CHECK_STATUS(host_stop_status(&watched), ERROR_STALLED);
        CHECK_HAS(watched.stop_error.message, "the I/O thread");
        CHECK_STATUS(replay_finish(), ERROR_STALLED);
    }
}

/* RECORD: the guest sleeps until its timer, whose end nobody notices. */
static void record_sleep(bool asks, const char *options) {
    host_init(&watched);
    watched.idle = true;
    watched_set_timer(50000000);
    REQUIRE_STATUS(watched_begin(REPLAY_MODE_RECORD, options), OK);
    replay_thread_attach(REPLAY_THREAD_IO);
    replay_mutex_lock();
    CHECK_STATUS(replay_start_warp_timer(), OK);
    replay_mutex_unlock();
    pthread_t thread;
    pthread_create(&thread, NULL, sleep_in_the_library, NULL);
    for (int64_t since = test_now_ns(); atomic_load(&watched.messages) == 0 && is_early(since);)
        if (asks) {
            ask_deadline();
            /* As a loop that polls does. One that spins may keep the other threads from the
             * processors, and then nothing is reported: they might go on. */
            test_sleep_ms(1);
        }
    CHECK_EQ(watched.messages, 1);
    CHECK_HAS(watched.text, "the guest's sleep should have ended");
    CHECK_HAS(watched.text, "the I/O thread takes no turn: it must call replay_start_warp_timer()");
    atomic_store(&ended, true);
    replay_notify();
    pthread_join(thread, NULL);
    CHECK_STATUS(replay_finish(), OK);
}

TEST_SLOW(a_recording_io_thread_that_asks_and_takes_no_turn_is_reported, 60) {
    record_sleep(true, limit);
}

TEST_SLOW(a_recording_io_thread_that_computes_and_takes_no_turn_is_reported_late, 60) {
    record_sleep(false, "rrstall=50");
}

/* -------------------------------------------------------------- likely causes */

typedef enum { RANDOM, CHAR_WRITE, CLOCK, INTERRUPT, VALUES } value_t;

static void record_value(value_t value) {
    host_begin(&watched, REPLAY_MODE_RECORD, log_path(), NULL);
    CHECK(host_execute(&watched, 3, 100));
    switch (value) {
    case RANDOM:
        CHECK_STATUS(replay_save_random(0, "abcd", 4), OK);
        break;
    case CHAR_WRITE:
        CHECK_STATUS(replay_char_write_event_save(4, 0), OK);
        break;
    case CLOCK:
        CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 7), 7);
        break;
    default:
        CHECK(replay_interrupt());
        break;
    }
    REQUIRE_STATUS(host_end(&watched), OK);
}

TEST_SLOW(a_stall_before_a_value_names_the_likely_cause, 60) {
    static const char *const calls[VALUES] = {
        "; the vCPU thread must call replay_read_random()",
        "; the vCPU thread must call replay_char_write_event_load()",
        "must call replay_read_clock(), by REPLAY_CLOCK, or by REPLAY_CLOCK_LOCKED with",
        "; the vCPU thread must call replay_interrupt()"};
    static const char late[] =
        ". Where an instruction does so, replay_host::icount must include it";
    for (value_t value = 0; value < VALUES; value++) {
        record_value(value);
        for (int sleeps = 0; sleeps < 2; sleeps++) {
            host_begin(&watched, REPLAY_MODE_PLAY, log_path(), "rrstall=100");
            CHECK(host_execute(&watched, 3, 100));
            watched.idle = sleeps;
            host_run_to_end(&watched, 3);
            const char *message = watched.stop_error.message;
            CHECK_STATUS(host_stop_status(&watched), ERROR_STALLED);
            CHECK_HAS(message, calls[value]);
            CHECK_EQ(strstr(message, late) != NULL, value != INTERRUPT && !sleeps);
            CHECK_STATUS(host_end(&watched), ERROR_STALLED);
        }
    }
}
