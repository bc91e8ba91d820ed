/* SPDX-License-Identifier: MIT */
/* A host that breaks the rules: in callbacks, on the wrong thread, in the wrong order. Each
 * call returns an error, and nothing crashes, hangs or spoils the log. */
#include "scripted-host.h"

static host_t host;
/* ---------------------------------------------- beginning and ending within */

static replay_status_t answers[4];
static void end_within(void *opaque) {
    (void)opaque;
    answers[0] = replay_finish();
    answers[1] = replay_start();
    answers[2] = host_configure(&host, REPLAY_MODE_RECORD, test_path("other.log"), NULL);
    answers[3] = replay_mutex_lock();
}

TEST(a_callback_cannot_begin_or_end_the_session) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    host_execute(&host, 3, 10);
    replay_bh_schedule_event(end_within, NULL);
    CHECK_STATUS(replay_async_events(), OK);
    CHECK(answers[0] == REPLAY_ERROR_REENTERED || answers[0] == REPLAY_ERROR_WRONG_STATE);
    CHECK_STATUS(answers[1], ERROR_WRONG_STATE);
    CHECK_STATUS(answers[2], ERROR_WRONG_STATE);
    CHECK_STATUS(answers[3], ERROR_LOCK_HELD);
    CHECK_EQ(replay_mode, REPLAY_MODE_RECORD);
    CHECK(replay_interrupt());
    CHECK_STATUS(host_end(&host), OK);
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    CHECK_EQ(host_info().total_events, 2);
    host_end(&host);
}

static void stop_and_finish(void *opaque, replay_stop_reason_t reason,
                            const replay_error_t *error) {
    (void)opaque, (void)reason, (void)error;
    atomic_fetch_add(&host.stops, 1);
    replay_get_budget(10);
    replay_checkpoint(REPLAY_CHECKPOINT_INIT);
    answers[0] = replay_finish();
}

TEST(the_stop_callback_may_call_the_library_but_not_finish) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    host_execute(&host, 3, 10);
    replay_interrupt();
    REQUIRE_STATUS(host_end(&host), OK);
    host_init(&host);
    host.callbacks.stop = stop_and_finish;
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_PLAY, log_path(), NULL), OK);
    host_start(&host, 3);
    host.icount = 20;
    CHECK_STATUS(replay_account_executed_instructions(), ERROR_DIVERGENCE);
    CHECK_EQ(host.stops, 1);
    CHECK(answers[0] < 0);
    CHECK_STATUS(host_end(&host), ERROR_DIVERGENCE);
}

static void *finish_elsewhere(void *answer) {
    *(replay_status_t *)answer = replay_finish();
    return NULL;
}

TEST(another_thread_may_finish_and_waits_for_the_lock) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    replay_status_t answer = REPLAY_OK;
    pthread_t thread;
    pthread_create(&thread, NULL, finish_elsewhere, &answer);
    test_sleep_ms(30);
    CHECK_EQ(replay_mode, REPLAY_MODE_RECORD);
    host_execute(&host, 3, 10);
    CHECK(replay_interrupt());
    replay_mutex_unlock();
    pthread_join(thread, NULL);
    CHECK_STATUS(answer, OK);
    CHECK_EQ(replay_mode, REPLAY_MODE_NONE);
}

TEST(the_thread_that_holds_the_lock_may_finish) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    host_execute(&host, 3, 10);
    CHECK(replay_interrupt());
    CHECK_STATUS(replay_finish(), OK);
    CHECK_EQ(replay_mode, REPLAY_MODE_NONE);
    CHECK_STATUS(replay_mutex_unlock(), OK); /* mode NONE */
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    host_execute(&host, 3, 10);
    CHECK(replay_interrupt());
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

static void *die_with_the_lock(void *opaque) {
    (void)opaque;
    replay_thread_attach(REPLAY_THREAD_IO);
    replay_mutex_lock();
    return NULL;
}

static void *try_lock_later(void *opaque) {
    replay_thread_attach(REPLAY_THREAD_IO);
    replay_mutex_lock();
    atomic_store((atomic_bool *)opaque, true);
    replay_mutex_unlock();
    return NULL;
}

TEST(a_thread_that_ends_with_the_lock_takes_it_along) {
    /* It is the host's error; other threads must not get the lock by it, since
     * the guest is in the middle of something. Only that nothing crashes. */
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    REQUIRE_STATUS(replay_start(), OK);
    pthread_t thread;
    static atomic_bool got;
    pthread_create(&thread, NULL, die_with_the_lock, NULL);
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, try_lock_later, &got);
    pthread_detach(thread);
    test_sleep_ms(50);
    CHECK(!replay_mutex_locked());
}

/* ------------------------------------------------------------ odd orders */

TEST(calls_before_the_start_are_answered) {
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        if (mode == REPLAY_MODE_PLAY) {
            script_run_t run;
            static const step_t steps[] = {{OP_EXECUTE, 10}, {OP_INTERRUPT}};
            script_record(&run, log_path(), STEPS(steps));
        }
        host_init(&host);
        REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
        replay_thread_attach(3);
        replay_mutex_lock();
        replay_get_budget(100);
        replay_get_instructions();
        replay_account_executed_instructions();
        replay_interrupt();
        replay_checkpoint(REPLAY_CHECKPOINT_INIT);
        replay_start_warp_timer();
        replay_account_warp_timer();
        replay_async_events();
        REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 5);
        replay_wait(1000);
        replay_digest(5);
        replay_shutdown_request(REPLAY_SHUTDOWN_HOST_QUIT);
        replay_mutex_unlock();
        CHECK(replay_get_mode() == mode);
        replay_finish();
        CHECK_EQ(replay_mode, REPLAY_MODE_NONE);
    }
}

TEST(finish_without_start_leaves_a_sound_log_or_none) {
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    CHECK_STATUS(replay_finish(), OK);
    host_init(&host);
    replay_status_t status = host_configure(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    if (status == REPLAY_OK)
        replay_finish();
    else
        CHECK(status == REPLAY_ERROR_LOG_EMPTY || status == REPLAY_ERROR_LOG_NOT_FOUND);
}

TEST(a_divergence_before_the_start_of_threads_is_kept) {
    script_run_t run;
    static const step_t steps[] = {{OP_EXECUTE, 10}, {OP_INTERRUPT}};
    script_record(&run, log_path(), STEPS(steps));
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    CHECK(!replay_checkpoint(REPLAY_CHECKPOINT_INIT));
    CHECK_EQ(host.stops, 1);
    for (int i = 0; i < 1000; i++) { /* whatever follows */
        replay_wait(0);
        replay_start_warp_timer();
        replay_account_warp_timer();
        CHECK_EQ(replay_get_budget(10), 0);
    }
    CHECK_EQ(host.stops, 1);
    CHECK_STATUS(host_end(&host), ERROR_DIVERGENCE);
}

TEST(after_a_failure_a_wait_does_not_spin_for_ever) {
    script_run_t run;
    static const step_t steps[] = {{OP_EXECUTE, 10}, {OP_INTERRUPT}};
    script_record(&run, log_path(), STEPS(steps));
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    CHECK(!replay_checkpoint(REPLAY_CHECKPOINT_INIT));
    int waits = 0;
    for (int64_t since = test_now_ns(); test_now_ns() - since < 100000000; waits++) {
        replay_account_warp_timer();
        replay_wait(10000000);
    }
    CHECK(waits < 200);
    host_end(&host);
}

TEST(a_lock_that_is_taken_before_the_configuration_is_held_after_it) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        CHECK_STATUS(replay_thread_attach(3), OK);
        CHECK_STATUS(replay_mutex_lock(), OK);
        host_init(&host);
        REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
        CHECK(replay_mutex_locked());
        CHECK_STATUS(replay_start(), OK);
        CHECK_STATUS(replay_mutex_lock(), ERROR_LOCK_HELD);
        CHECK(host_execute(&host, 3, 10));
        CHECK(replay_interrupt());
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(replay_mutex_unlock(), OK);
        CHECK(!replay_mutex_locked());
        CHECK_STATUS(replay_finish(), OK);
        /* Released before: not held. */
        CHECK_STATUS(replay_mutex_lock(), OK);
        CHECK_STATUS(replay_mutex_unlock(), OK);
        host_init(&host);
        REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, test_path("other.log"), NULL), OK);
        CHECK(!replay_mutex_locked());
        CHECK_STATUS(replay_finish(), OK);
    }
}
