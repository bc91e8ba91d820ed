/* SPDX-License-Identifier: MIT */
/* What the library reports through replay_host::message: mistakes of the host, with rrlint=on
 * all of them, and runs that are not what the user may expect. */
#include "host.h"

static host_t host;

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

TEST(misuse_that_would_hang_the_machine_is_reported_once_without_lint) {
    CHECK_EQ(messages_of(forget_the_lock_again_and_again, NULL), 1);
    CHECK_HAS(host.text, "does not hold the replay lock: call replay_mutex_lock() first");
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

TEST(a_vcpu_thread_that_never_turns_is_reported) {
    CHECK_EQ(messages_of(never_turn, NULL), 1);
    CHECK_HAS(host.text, "neither replay_account_warp_timer() nor replay_turn() is called");
    CHECK_EQ(messages_of(turn, NULL), 0);
    CHECK_EQ(messages_of(turn_rarely, NULL), 0);
    CHECK_EQ(messages_of(flush_and_turn_rarely, NULL), 0);
}

TEST(digests_that_the_host_cannot_give_are_reported) {
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), "rrdigest=1000"), OK);
    CHECK_EQ(host.messages, 1);
    CHECK_HAS(host.text, "no digest callback");
    replay_finish();
}

TEST(the_message_for_a_thread_without_a_role_says_how_to_get_one) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        host_init(&host);
        REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
        replay_mutex_lock();
        CHECK_STATUS(replay_start(), OK);
        CHECK(!replay_interrupt());
        CHECK_ERROR(ERROR_WRONG_ROLE);
        CHECK_HAS(host.text, "a thread that has called replay_thread_attach()");
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
    CHECK_HAS(host.text, "option rr is missing");
    CHECK_STATUS(replay_finish(), OK);
}

/* The host doesn't wait in the library: only a thread of the library can report it. */
TEST(a_replay_whose_host_does_nothing_is_reported) {
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
