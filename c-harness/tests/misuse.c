/* SPDX-License-Identifier: MIT */
/* A host that breaks the rules: within callbacks, from odd threads, in odd
 * orders. It gets an answer, never a crash, a hang or a bad log; and the lint
 * mode tells it. */
#include "scripted-host.h"

static host_t host;
static const char *log_path(void) {
    return test_path("run.log");
}

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

/* ------------------------------------------------ roles of other host layouts */

static const step_t two_threads[] = {
    {OP_EXECUTE, 100},
    {OP_CHECKPOINT, REPLAY_CHECKPOINT_INIT},
    {OP_CHECKPOINT, REPLAY_CHECKPOINT_CLOCK_HOST, .io = true},
    {OP_CLOCK, 50, REPLAY_CLOCK_HOST, .io = true},
    {OP_EXECUTE, 10},
    {OP_BH, 1, .io = true},
    {OP_FLUSH},
    {OP_CHECKPOINT, REPLAY_CHECKPOINT_RESET, .io = true},
    {OP_EXECUTE, 10},
};
enum { TWO = sizeof two_threads / sizeof *two_threads };

TEST(a_host_of_one_thread_replays_two) {
    step_t single[TWO];
    memcpy(single, two_threads, sizeof single);
    for (size_t i = 0; i < TWO; i++)
        single[i].io = false;
    script_run_t record, play;
    script_record(&record, log_path(), STEPS(two_threads));
    script_init(&play, REPLAY_MODE_PLAY, log_path(), single, TWO);
    script_run(&play);
    CHECK_STATUS(script_status(&play), OK);
    script_check_same(TEST_HERE, &play, &record);
}

/* ---------------------------------------------------------------- messages */

static unsigned messages_of(void (*act)(void), const char *options) {
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), options), OK);
    host_start(&host, 3);
    act();
    unsigned messages = host.messages;
    if (!replay_mutex_locked())
        replay_mutex_lock();
    CHECK_STATUS(host_end(&host), OK);
    return messages;
}

static void forget_the_lock(void) {
    replay_mutex_unlock();
    replay_checkpoint(REPLAY_CHECKPOINT_INIT);
}
static void go_back(void) {
    host.icount = 10;
    replay_interrupt();
    host.icount = 9;
    replay_interrupt();
    host.icount = 10;
}
static void forget_a_hook(void) {
    replay_input_sync_event();
    replay_input_event_t key = {.kind = REPLAY_INPUT_KEY};
    replay_input_event(&key);
    replay_async_events();
}
static void be_good(void) {
    host_execute(&host, 3, 100);
    CHECK(replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_HOST));
    REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 5);
    replay_interrupt();
    replay_start_warp_timer();
    replay_account_warp_timer();
}

TEST(the_lint_mode_tells_what_a_host_does_wrong) {
    CHECK(messages_of(forget_the_lock, "rrlint=on") > 0);
    CHECK_HAS(host.text, "replay_checkpoint");
    CHECK(messages_of(go_back, "rrlint=on") > 0);
    CHECK(messages_of(forget_a_hook, "rrlint=on") > 0);
    CHECK_EQ(messages_of(be_good, "rrlint=on"), 0);
    CHECK_EQ(messages_of(forget_a_hook, NULL), 0);
}

static void forget_the_lock_again_and_again(void) {
    replay_mutex_unlock();
    for (int i = 0; i < 100; i++)
        replay_checkpoint(REPLAY_CHECKPOINT_INIT);
}

TEST(what_makes_a_machine_stand_still_is_told_once_without_lint) {
    CHECK_EQ(messages_of(forget_the_lock_again_and_again, NULL), 1);
    CHECK_HAS(host.text, "does not hold the replay lock: see replay_mutex_lock");
    CHECK_EQ(messages_of(go_back, NULL), 1);
    CHECK_HAS(host.text, "went back");
}

static void never_turn(void) {
    for (int i = 0; i < 1000; i++)
        replay_get_budget(100);
}

static void turn(void) {
    for (int i = 0; i < 1000; i++) {
        replay_account_warp_timer();
        replay_get_budget(100);
    }
}

static void turn_rarely(void) {
    replay_account_warp_timer();
    never_turn();
}
static void flush_and_turn_rarely(void) {
    replay_async_events();
    never_turn();
}

TEST(a_vcpu_thread_that_never_turns_is_told_of_it) {
    CHECK_EQ(messages_of(never_turn, NULL), 1);
    CHECK_HAS(host.text, "replay_account_warp_timer is not called");
    CHECK_EQ(messages_of(turn, NULL), 0);
    CHECK_EQ(messages_of(turn_rarely, NULL), 0);
    CHECK_EQ(messages_of(flush_and_turn_rarely, NULL), 0);
}

TEST(digests_that_the_host_cannot_give_are_told) {
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), "rrdigest=1000"), OK);
    CHECK_EQ(host.messages, 1);
    CHECK_HAS(host.text, "no digest callback");
    replay_finish();
}

TEST(a_thread_without_a_role_is_told_how_to_get_one) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        host_init(&host);
        REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
        replay_mutex_lock();
        CHECK_STATUS(replay_start(), OK);
        CHECK(!replay_interrupt());
        CHECK_ERROR(ERROR_WRONG_ROLE);
        CHECK_HAS(host.text, "one that has called replay_thread_attach");
        replay_mutex_unlock();
        CHECK_STATUS(replay_finish(), OK);
    }
}

TEST(a_recording_host_whose_count_goes_back_is_told) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    host.icount = 10;
    CHECK_STATUS(replay_account_executed_instructions(), OK);
    host.icount = 9;
    CHECK_STATUS(replay_account_executed_instructions(), ERROR_ICOUNT_BACKWARDS);
    host.icount = 10;
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_machine_that_was_not_started_does_not_run) {
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    replay_mutex_lock();
    CHECK_EQ(replay_get_budget(100), 0);
    CHECK_ERROR(ERROR_WRONG_STATE);
    CHECK_HAS(host.text, "replay_start was not called");
    REQUIRE_STATUS(replay_start(), OK);
    CHECK_EQ(replay_get_budget(100), 100);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(what_is_no_recording_is_not_replaced) {
    static const char text[] = "the user's own words";
    FILE *file = fopen(log_path(), "w");
    REQUIRE(file && fputs(text, file) >= 0 && fclose(file) == 0);
    host_init(&host);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), ERROR_LOG_NOT_A_LOG);
    char back[sizeof text] = "";
    file = fopen(log_path(), "r");
    REQUIRE(file && fgets(back, sizeof back, file));
    fclose(file);
    CHECK_STR(back, text);
}

TEST(a_log_without_a_mode_is_warned_of) {
    host_init(&host);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_NONE, log_path(), NULL), OK);
    CHECK_EQ(host.messages, 1);
    CHECK_HAS(host.text, "rr is not given");
    CHECK_STATUS(replay_finish(), OK);
}

/* The host waits for nothing of the library's: only a thread of the library's can tell. */
TEST(a_replay_whose_host_does_nothing_is_told) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    host_execute(&host, 3, 100);
    replay_interrupt();
    REQUIRE_STATUS(host_end(&host), OK);
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_PLAY, log_path(), "rrstall=200"), OK);
    REQUIRE_STATUS(replay_start(), OK);
    for (int i = 0; i < 20 && !host_stopped(&host); i++)
        test_sleep_ms(100);
    CHECK(host_stopped(&host));
    CHECK_HAS(host_last_error().message, "100 instructions before it");
    CHECK_STATUS(replay_finish(), ERROR_STALLED);
}

static void fall_behind(void) {
    for (int i = 0; i < 20; i++) {
        host_execute(&host, 3, 1000); /* 1 us of virtual time */
        replay_start_warp_timer();
        replay_account_warp_timer();
        replay_mutex_unlock();
        test_sleep_ms(80);
        replay_mutex_lock();
    }
}

TEST(align_warns_of_a_guest_that_falls_behind) {
    CHECK(messages_of(fall_behind, "shift=0,align=on") > 0);
    CHECK_EQ(host.error_messages, 0);
    CHECK(host.messages < 10);
    CHECK_EQ(messages_of(fall_behind, "shift=0,align=off"), 0);
}
