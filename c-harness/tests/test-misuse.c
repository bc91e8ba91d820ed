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

/* ------------------------------------------------ what is left at the end */

static uint64_t state;
static uint64_t digest_of_state(void *opaque) {
    (void)opaque;
    return state;
}
static void take_input(void *opaque, const replay_input_event_t *event) {
    (void)opaque;
    state = state * 31 + (uint64_t)event->code;
}
static void take_chars(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque;
    for (size_t i = 0; i < length; i++)
        state = state * 31 + data[i];
    if (replay_mode == REPLAY_MODE_RECORD && data[0] == 'a')
        replay_chr_be_write(0, (const uint8_t *)"b", 1); /* an echo */
}
static void note_bottom_half(void *opaque) {
    (void)opaque;
    state = state * 31 + 7;
}
static void post(int code) {
    replay_input_event_t key = {.kind = REPLAY_INPUT_KEY, .code = code};
    CHECK_STATUS(replay_input_event(&key), OK);
}
static void *finish_without_a_role(void *status) {
    *(replay_status_t *)status = replay_finish();
    return NULL;
}

/* Ends while events are queued, by any thread; a replaying host ends at the same place, or waits
 * for the end of the log. */
TEST(what_is_queued_at_the_end_is_part_of_the_run) {
    for (int variant = 0; variant < 4; variant++) {
        uint64_t recorded = 0;
        for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
            state = 1;
            host_init(&host);
            host.callbacks.digest = digest_of_state;
            host.callbacks.input = take_input;
            REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
            REQUIRE(replay_register_char_driver(take_chars, NULL) == 0);
            host_start(&host, 3);
            CHECK(host_execute(&host, 3, 10));
            replay_bh_schedule_event(note_bottom_half, NULL);
            post(50);
            CHECK_STATUS(replay_chr_be_write(0, (const uint8_t *)"a", 1), OK);
            if (mode == REPLAY_MODE_PLAY && variant & 1)
                CHECK(host_run_to_end(&host, 3));
            replay_status_t status = REPLAY_ERROR_STALLED;
            replay_mutex_unlock();
            if (variant & 2) {
                pthread_t thread;
                pthread_create(&thread, NULL, finish_without_a_role, &status);
                pthread_join(thread, NULL);
            } else {
                status = replay_finish();
            }
            CHECK_STATUS(status, OK);
            if (mode == REPLAY_MODE_RECORD)
                recorded = state;
            CHECK_EQ(state, recorded);
        }
        CHECK_EQ(recorded, (((31 + 7) * 31 + 50) * 31 + 'a') * 31 + 'b');
    }
}

/* The main loop reads a clock once more; the replay's has ended before. */
TEST(a_reading_of_the_main_loop_at_the_end_need_not_be_repeated) {
    uint64_t recorded = 0;
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        state = 1;
        host_init(&host);
        host.callbacks.digest = digest_of_state;
        host.callbacks.input = take_input;
        REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
        host_start(&host, REPLAY_THREAD_VCPU);
        CHECK(host_execute(&host, REPLAY_THREAD_VCPU, 10));
        if (mode == REPLAY_MODE_RECORD) {
            replay_thread_attach(REPLAY_THREAD_IO);
            REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 5);
            post(50);
        }
        CHECK_STATUS(host_end(&host), OK);
        recorded = mode == REPLAY_MODE_RECORD ? state : recorded;
        CHECK_EQ(state, recorded);
    }
    CHECK_EQ(recorded, 31 + 50);
}

TEST(a_reset_after_which_the_machine_goes_on_did_not_end_the_run) {
    static const struct {
        replay_shutdown_cause_t cause, end;
        uint64_t goes_on;
    } runs[] = {{REPLAY_SHUTDOWN_GUEST_RESET, REPLAY_SHUTDOWN_NONE, 10},
                {REPLAY_SHUTDOWN_HOST_RESET, REPLAY_SHUTDOWN_NONE, 10},
                {REPLAY_SHUTDOWN_SUBSYSTEM_RESET, REPLAY_SHUTDOWN_NONE, 10},
                {REPLAY_SHUTDOWN_SNAPSHOT_LOAD, REPLAY_SHUTDOWN_NONE, 10},
                {REPLAY_SHUTDOWN_GUEST_RESET, REPLAY_SHUTDOWN_GUEST_RESET, 0},
                {REPLAY_SHUTDOWN_GUEST_SHUTDOWN, REPLAY_SHUTDOWN_GUEST_SHUTDOWN, 10}};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
        host_execute(&host, 3, 10);
        CHECK_STATUS(replay_shutdown_request(runs[i].cause), OK);
        host_execute(&host, 3, runs[i].goes_on);
        CHECK_STATUS(host_end(&host), OK);
        host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
        CHECK_EQ(host_info().end_cause, runs[i].end);
        host_end(&host);
    }
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
static void forget_a_hook(void) {
    replay_input_sync_event(); /* needs none */
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
    CHECK(messages_of(forget_a_hook, "rrlint=on") > 0);
    CHECK_EQ(messages_of(be_good, "rrlint=on"), 0);
}

TEST(input_that_nobody_takes_is_reported) {
    CHECK_EQ(messages_of(forget_a_hook, NULL), 1);
    CHECK_HAS(host.text, "an input event is lost: the host's table has no input callback");
    /* In the replay of that log, too. */
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    CHECK(host_run_to_end(&host, 3));
    CHECK_EQ(host.messages, 1);
    CHECK_HAS(host.text, "no input callback");
    CHECK_STATUS(host_end(&host), OK);
}

TEST(input_before_the_configuration_is_an_error) {
    replay_input_event_t key = {.kind = REPLAY_INPUT_KEY};
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS(replay_input_event(&key), ERROR_WRONG_STATE);
        CHECK_ERROR(ERROR_WRONG_STATE);
        CHECK_HAS(host_last_error().message, "not configured");
        CHECK_STATUS(replay_input_sync_event(), ERROR_WRONG_STATE);
        host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
        CHECK_STATUS(host_end(&host), OK);
    }
}

/* A digest that depends on the clock, or that changes the run. */
static int calls_in_digest;
static uint64_t digest_with_calls(void *opaque) {
    (void)opaque;
    calls_in_digest++;
    REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 5);
    CHECK(!replay_interrupt());
    CHECK_ERROR(ERROR_REENTERED);
    return 1;
}

TEST(a_clock_reading_within_the_digest_callback_is_reported) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        host_init(&host);
        host.callbacks.digest = digest_with_calls;
        calls_in_digest = 0;
        REQUIRE_STATUS(host_configure(&host, mode, log_path(),
                                      mode == REPLAY_MODE_RECORD ? "rrdigest=10" : NULL),
                       OK);
        host_start(&host, 3);
        CHECK(host_execute(&host, 3, 25));
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
        CHECK_EQ(calls_in_digest, 3);
        CHECK_EQ(host.messages, 2);
        CHECK_HAS(host.text, mode == REPLAY_MODE_RECORD
                                 ? "replay_save_clock was called from within the digest callback"
                                 : "replay_read_clock was called from within the digest callback");
        CHECK_HAS(host.text, "replay_interrupt was called from within the digest callback");
    }
}

static uint64_t a_digest(void *opaque) {
    (void)opaque;
    return 1;
}

TEST(a_recording_with_digests_is_reported_where_none_can_be_compared) {
    const char *options[] = {"rrdigest=10", NULL};
    for (int i = 0; i < 2; i++) {
        host_init(&host);
        host.callbacks.digest = a_digest;
        REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), options[i]), OK);
        host_start(&host, 3);
        CHECK(host_execute(&host, 3, 25));
        CHECK_STATUS(host_end(&host), OK);
        host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
        CHECK_EQ(host.messages, 1);
        CHECK_HAS(host.text, "the recording has digests");
        CHECK_HAS(host.text, "no digest callback");
        CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
        CHECK_EQ(host.messages, 1);
    }
}

static void forget_the_lock_again_and_again(void) {
    replay_mutex_unlock();
    for (int i = 0; i < 100; i++)
        replay_checkpoint(REPLAY_CHECKPOINT_INIT);
}

TEST(what_makes_a_machine_stand_still_is_told_once_without_lint) {
    CHECK_EQ(messages_of(forget_the_lock_again_and_again, NULL), 1);
    CHECK_HAS(host.text, "does not hold the replay lock: see replay_mutex_lock");
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
