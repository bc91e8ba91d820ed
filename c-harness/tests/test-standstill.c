/* SPDX-License-Identifier: MIT */
/* Machines that make no progress, in every mode: each is reported in one sentence that names the
 * call and the thread. test-not-stalled.c has those that only seem to. */
#include "watched-host.h"

static void record_exception_at(uint64_t icount) {
    host_begin(&watched, REPLAY_MODE_RECORD, log_path(), NULL);
    CHECK(host_execute(&watched, 3, icount));
    CHECK(replay_exception());
    CHECK(replay_save_random(0, "abcd", 4) == REPLAY_OK);
    REQUIRE_STATUS(host_end(&watched), OK);
}

/* ------------------------------------------------------- asking in vain */

static void ask_exception(void) {
    CHECK(!replay_exception());
}
static void ask_has_interrupt(void) {
    CHECK(!replay_has_interrupt());
}
static void ask_checkpoint(void) {
    CHECK(!replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL));
}
static void ask_turn(void) {
    replay_account_warp_timer();
}
static void ask_flush(void) {
    replay_async_events();
}

TEST_SLOW(a_vcpu_that_asks_in_vain_stands_still, 60) {
    static void (*const asks[])(void) = {ask_exception, ask_has_interrupt, ask_checkpoint, ask_turn,
                                         ask_flush};
    record_exception_at(1000);
    for (size_t i = 0; i < 3 * sizeof asks / sizeof *asks; i++) {
        bool releases = i % 3 != 0, sleeps = i % 3 == 2;
        host_init(&watched);
        REQUIRE_STATUS(watched_begin(REPLAY_MODE_PLAY, "rrstall=100"), OK);
        replay_thread_attach(REPLAY_THREAD_VCPU);
        replay_mutex_lock();
        watched.icount = 500;
        int64_t since = test_now_ns();
        while (!host_stopped(&watched) && test_now_ns() - since < 15000000000) {
            replay_get_instructions();
            asks[i / 3]();
            replay_account_executed_instructions();
            if (releases)
                replay_mutex_unlock();
            if (sleeps)
                test_sleep_ms(1);
            if (releases)
                replay_mutex_lock();
        }
        CHECK(host_stopped(&watched));
        CHECK_STATUS(host_stop_status(&watched), ERROR_STALLED);
        CHECK(watched.stop_ns - since < 10000000000);
        CHECK_HAS(watched.stop_error.message, "expected event 0, EXCEPTION of the vCPU thread");
        CHECK_HAS(watched.stop_error.message, "the vCPU stopped 500 instructions before it");
        if (asks[i / 3] == ask_exception)
            CHECK_HAS(watched.stop_error.message, "EXCEPTION last asked for by the vCPU thread");
        CHECK_STATUS(host_end(&watched), ERROR_STALLED);
    }
}

TEST(a_stall_names_the_call_and_the_thread) {
    record_exception_at(100);
    host_begin(&watched, REPLAY_MODE_PLAY, log_path(), "rrstall=100");
    CHECK(host_execute(&watched, 3, 100));
    CHECK(replay_exception());
    host_run_to_end(&watched, 3);
    CHECK_STATUS(host_stop_status(&watched), ERROR_STALLED);
    CHECK_HAS(watched.stop_error.message, "; the vCPU thread must call replay_read_random()");
    CHECK_STATUS(host_end(&watched), ERROR_STALLED);
}

/* --------------------------------------- events that the guest can't come to */

/** RECORD: one event at icount 100, by @p act. PLAY: does nothing there. @return the sentence */
static const char *stall_at_100(bool (*act)(void), bool sleeps_at_50) {
    host_begin(&watched, REPLAY_MODE_RECORD, log_path(), NULL);
    CHECK(host_execute(&watched, 3, 10));
    CHECK(replay_exception());
    CHECK(host_execute(&watched, 3, 90));
    CHECK(act());
    REQUIRE_STATUS(host_end(&watched), OK);
    host_begin(&watched, REPLAY_MODE_PLAY, log_path(), "rrstall=100");
    CHECK(host_execute(&watched, 3, 10));
    CHECK(replay_exception());
    CHECK(host_execute(&watched, 3, sleeps_at_50 ? 40 : 90));
    watched.idle = sleeps_at_50;
    for (int64_t since = test_now_ns(); !host_stopped(&watched);) {
        REQUIRE(test_now_ns() - since < 15000000000);
        replay_turn();
        replay_get_budget(100);
        replay_wait(10000000);
    }
    CHECK_STATUS(host_end(&watched), ERROR_STALLED);
    return watched.stop_error.message;
}

static bool ring_timer(void) {
    return replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL);
}

TEST(a_guest_that_sleeps_before_the_next_event_took_a_different_path) {
    const char *sentence = stall_at_100(replay_interrupt, true);
    CHECK_HAS(sentence, "the vCPU asleep 50 instructions before it: after event 0 the guest took a "
                        "different path (a value or an input that isn't recorded); rrdigest=N");
    CHECK(!strstr(sentence, "must"));
}

TEST(an_interrupt_that_nobody_raised_was_not_an_event) {
    const char *sentence = stall_at_100(replay_interrupt, false);
    CHECK_HAS(sentence, "found no call for it; the vCPU thread must call replay_interrupt(). If no "
                        "interrupt is pending in the guest, what raised it");
}

TEST(a_timer_that_is_not_set_is_named) {
    const char *sentence = stall_at_100(ring_timer, false);
    CHECK_HAS(sentence, "CLOCK_VIRTUAL");
    CHECK_HAS(sentence, "; no virtual timer is due");
    CHECK(!strstr(sentence, "must call"));
}

/* ------------------------------------------------------------ a lock held asleep */

static void *run_vcpu(void *opaque) {
    replay_thread_attach(REPLAY_THREAD_VCPU);
    replay_mutex_lock();
    while (!atomic_load(&ended) && !host_stopped(&watched) && watched.icount < 2000) {
        replay_account_warp_timer();
        uint64_t budget = replay_get_budget(10);
        if (budget == 0) {
            replay_wait(10000000);
            continue;
        }
        watched.icount += budget;
        if (watched.icount % 500 == 0)
            REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 7);
        replay_account_executed_instructions();
        replay_mutex_unlock();
        replay_mutex_lock();
    }
    replay_mutex_unlock();
    return opaque;
}

TEST_SLOW(an_io_thread_that_polls_with_the_lock_is_reported, 60) {
    host_begin(&watched, REPLAY_MODE_RECORD, log_path(), NULL);
    replay_mutex_unlock();
    replay_thread_attach(REPLAY_THREAD_VCPU);
    run_vcpu(NULL);
    REQUIRE_STATUS(replay_finish(), OK);
    for (int variant = 0; variant < 4; variant++) {
        replay_mode_t mode = variant & 1 ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD;
        bool turns = variant & 2;
        host_init(&watched);
        replay_config_t config = host_config(
            &watched, mode, mode == REPLAY_MODE_PLAY ? log_path() : test_path("other.log"),
            "rrstall=100");
        REQUIRE_STATUS(replay_configure(&config), OK);
        REQUIRE_STATUS(replay_start(), OK);
        replay_thread_attach(REPLAY_THREAD_IO);
        replay_mutex_lock();
        atomic_store(&ended, false);
        pthread_t thread;
        pthread_create(&thread, NULL, run_vcpu, NULL);
        bool stops = mode == REPLAY_MODE_PLAY; /* after the message */
        for (int i = 0; i < 500; i++) {
            if (atomic_load(&watched.messages) > 0 && (!stops || host_stopped(&watched)))
                break;
            if (turns)
                replay_start_warp_timer();
            test_sleep_ms(10); /* the poll */
        }
        CHECK_EQ(watched.messages, 1);
        CHECK_HAS(watched.text, "the I/O thread has held the replay lock for ");
        CHECK_HAS(watched.text, "it must call replay_mutex_unlock() before it polls or sleeps");
        CHECK_EQ(host_stopped(&watched), stops);
        atomic_store(&ended, true);
        replay_mutex_unlock();
        pthread_join(thread, NULL);
        replay_status_t status = replay_finish();
        CHECK_EQ(status, stops ? REPLAY_ERROR_STALLED : REPLAY_OK);
    }
}

/* ------------------------------------------ RECORD and NONE: a thread that sleeps on */

typedef struct {
    replay_mode_t mode;
    void *(*vcpu)(void *);
    bool turns_once; /* the I/O thread takes a turn, and then sleeps on */
    bool types;      /* there is input */
    bool is_due;     /* the timer is due at once */
    const char *text;
} sleeper_t;

TEST_SLOW(a_thread_that_sleeps_on_is_reported, 60) {
    static const sleeper_t sleepers[] = {
        {REPLAY_MODE_RECORD, sleep_in_the_library, false, false, false,
         "replay_host::wake_io must make it call replay_start_warp_timer() or replay_turn()"},
        {REPLAY_MODE_RECORD, sleep_in_the_library, true, false, false,
         "it must call replay_start_warp_timer() or replay_turn() within "
         "replay_warp_deadline_ns()"},
        {REPLAY_MODE_NONE, sleep_in_the_library, true, false, false,
         "it must call replay_start_warp_timer() or replay_turn() within "
         "replay_warp_deadline_ns()"},
        {REPLAY_MODE_RECORD, sleep_elsewhere, false, true, false,
         "1 events have been queued for 0."},
        {REPLAY_MODE_RECORD, sleep_elsewhere, false, false, true,
         "a virtual timer is due, but the vCPU thread has taken no turn for 0."}};
    for (size_t i = 0; i < sizeof sleepers / sizeof *sleepers; i++) {
        const sleeper_t *one = &sleepers[i];
        host_init(&watched);
        watched.idle = true;
        watched_set_timer(one->types ? 0 : one->is_due ? 1 : 200000000);
        watched.icount = one->is_due ? 1 : 0;
        REQUIRE_STATUS(watched_begin(one->mode, "rrstall=100"), OK);
        replay_thread_attach(REPLAY_THREAD_IO);
        if (one->turns_once) {
            replay_mutex_lock();
            CHECK_STATUS(replay_start_warp_timer(), OK);
            replay_mutex_unlock();
        }
        pthread_t thread;
        pthread_create(&thread, NULL, one->vcpu, NULL);
        if (one->types)
            CHECK_STATUS(replay_input_sync_event(), OK);
        CHECK(watched_reported());
        CHECK_EQ(watched.messages, 1);
        CHECK_HAS(watched.text, one->text);
        CHECK_EQ(watched.stops, 0);
        atomic_store(&ended, true);
        replay_notify();
        pthread_join(thread, NULL);
        CHECK_STATUS(replay_finish(), OK);
    }
}

/* --------------------------------------------------- a timer that is always due */

static replay_timer_t *timer;
static void set_to_now(void *opaque) {
    (void)opaque;
    atomic_fetch_add(&timer_runs, 1);
    replay_timer_mod(timer, replay_get_virtual_clock());
}

TEST(a_timer_that_sets_itself_to_now_for_ever_is_reported) {
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_RECORD; mode++) {
        for (int goes_on = 0; goes_on < 2; goes_on++) {
            host_begin(&watched, mode, mode ? log_path() : NULL, NULL);
            timer = replay_timer_new(set_to_now, NULL);
            REQUIRE(timer != NULL);
            CHECK_STATUS(replay_timer_mod(timer, 0), OK);
            atomic_store(&timer_runs, 0);
            for (int i = 0; i < 20000; i++) {
                replay_start_warp_timer();
                replay_account_warp_timer();
                if (goes_on)
                    watched.icount++;
                else
                    CHECK_EQ(replay_get_budget(10), 0);
            }
            CHECK(atomic_load(&timer_runs) > 19000);
            CHECK_EQ(watched.messages, goes_on ? 0 : 1);
            if (!goes_on) {
                CHECK_HAS(watched.text, "virtual timers have run 10000 times at icount 0");
                CHECK_HAS(watched.text, "replay_timer_mod()");
                CHECK_HAS(watched.text, "the vCPU thread");
            }
            CHECK_STATUS(replay_timer_free(timer), OK);
            CHECK_STATUS(host_end(&watched), OK);
        }
    }
}
