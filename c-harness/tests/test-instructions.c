/* SPDX-License-Identifier: MIT */
/* The instruction count, the budget, interrupts and exceptions. */
#include "scripted-host.h"

static host_t host;

/* An interrupt after 100 instructions, an exception after 250, the end at 300. */
static const char *recorded(void) {
    const char *path = test_path("run.log");
    host_begin(&host, REPLAY_MODE_RECORD, path, NULL);
    CHECK(host_execute(&host, 3, 100));
    CHECK(replay_interrupt());
    CHECK(host_execute(&host, 3, 150));
    CHECK(replay_exception());
    CHECK(host_execute(&host, 3, 50));
    REQUIRE_STATUS(host_end(&host), OK);
    return path;
}

TEST(recording_does_not_limit_and_writes_what_is_asked) {
    host_begin(&host, REPLAY_MODE_RECORD, test_path("run.log"), NULL);
    CHECK_EQ(replay_get_instructions(), INT32_MAX);
    CHECK_EQ(replay_get_budget(1), 1);
    CHECK_EQ(replay_get_budget(1ull << 40), 1ull << 40);
    CHECK_EQ(replay_get_budget(0), 0);
    CHECK_STATUS(replay_account_executed_instructions(), OK);
    host.icount = 77;
    CHECK_EQ(replay_get_current_icount(), 77);
    CHECK(!replay_has_interrupt());
    CHECK(!replay_has_exception());
    CHECK_EQ(host_info().events, 0);
    CHECK(replay_interrupt());
    CHECK_EQ(host_info().events, 1);
    CHECK_EQ(host_info().icount, 77);
    CHECK(replay_exception());
    CHECK_EQ(host_info().events, 2);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(playing_limits_to_the_next_event) {
    const char *path = recorded();
    host_begin(&host, REPLAY_MODE_PLAY, path, NULL);
    CHECK_EQ(replay_get_instructions(), 100);
    CHECK_EQ(replay_get_budget(1000), 100);
    CHECK_EQ(replay_get_budget(30), 30);
    host.icount = 30;
    CHECK_STATUS(replay_account_executed_instructions(), OK);
    CHECK_EQ(replay_get_instructions(), 70);
    CHECK_EQ(replay_get_budget(1000), 70);
    CHECK(!replay_interrupt());
    CHECK(!replay_has_interrupt());
    host.icount = 100;
    CHECK_STATUS(replay_account_executed_instructions(), OK);
    CHECK_EQ(replay_get_instructions(), 0);
    CHECK_EQ(replay_get_budget(1000), 0);
    CHECK(!replay_exception());
    CHECK(!replay_has_exception());
    CHECK(replay_has_interrupt());
    CHECK(replay_has_interrupt());
    CHECK_EQ(host_info().events, 0);
    CHECK(replay_interrupt());
    CHECK_EQ(host_info().events, 1);
    CHECK(!replay_has_interrupt());
    CHECK(!replay_interrupt());
    CHECK_EQ(replay_get_instructions(), 150);
    host.icount = 250;
    CHECK(replay_has_exception()); /* accounts by itself */
    CHECK(!replay_interrupt());
    CHECK(replay_exception());
    CHECK_EQ(replay_get_budget(1000), 50);
    CHECK_EQ(host.stops, 0);
    host.icount = 300;
    CHECK_STATUS(replay_account_executed_instructions(), OK);
    CHECK(host_run_to_end(&host, 3));
    CHECK_EQ(host.stop_reason, REPLAY_STOP_END);
    CHECK_EQ(host.icount, 300);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(after_the_end_nothing_may_run) {
    host_begin(&host, REPLAY_MODE_PLAY, recorded(), NULL);
    host_execute(&host, 3, 100);
    CHECK(replay_interrupt());
    host_execute(&host, 3, 150);
    CHECK(replay_exception());
    CHECK(host_run_to_end(&host, 3));
    CHECK_EQ(replay_get_budget(1000), 0);
    CHECK_EQ(replay_get_instructions(), 0);
    CHECK(!replay_interrupt());
    CHECK(!replay_exception());
    CHECK(!replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL));
    CHECK_EQ(host.stops, 1);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(running_past_an_event_is_a_divergence) {
    host_begin(&host, REPLAY_MODE_PLAY, recorded(), NULL);
    host.icount = 101;
    CHECK_STATUS(replay_account_executed_instructions(), ERROR_DIVERGENCE);
    CHECK_EQ(host.stops, 1);
    CHECK_EQ(host.stop_reason, REPLAY_STOP_DIVERGENCE);
    CHECK_STATUS(host.stop_error.status, ERROR_DIVERGENCE);
    CHECK_EQ(host.stop_error.icount, 101);
    CHECK_EQ(host.stop_error.event_index, 0);
    CHECK_HAS(host.stop_error.message, "101");
    CHECK_HAS(host.stop_error.message, "100");
    replay_error_t error = host_last_error();
    CHECK_STR(error.message, host.stop_error.message);
    CHECK_STATUS(host_end(&host), ERROR_DIVERGENCE);
}

TEST(after_a_divergence_calls_answer_neutrally) {
    host_begin(&host, REPLAY_MODE_PLAY, recorded(), NULL);
    host.icount = 101;
    CHECK_STATUS(replay_account_executed_instructions(), ERROR_DIVERGENCE);
    replay_error_t first = host_last_error();
    CHECK_EQ(replay_get_budget(100), 0);
    CHECK_EQ(replay_get_instructions(), 0);
    CHECK(!replay_interrupt());
    CHECK(!replay_exception());
    CHECK(!replay_has_interrupt());
    CHECK(!replay_checkpoint(REPLAY_CHECKPOINT_INIT));
    CHECK(!replay_has_event());
    CHECK_EQ(replay_read_clock(REPLAY_CLOCK_HOST, 101), 0);
    CHECK_STATUS(replay_start_warp_timer(), ERROR_DIVERGENCE);
    CHECK_STATUS(replay_account_warp_timer(), ERROR_DIVERGENCE);
    CHECK_STATUS(replay_async_events(), ERROR_DIVERGENCE);
    CHECK_STATUS(replay_account_executed_instructions(), ERROR_DIVERGENCE);
    uint8_t bytes[4] = {1, 1, 1, 1};
    CHECK(replay_read_random(bytes, 4) < 0);
    CHECK_BYTES(bytes, "\0\0\0\0", 4);
    replay_error_t last = host_last_error();
    CHECK_STR(last.message, first.message);
    CHECK_EQ(last.icount, first.icount);
    CHECK_EQ(host.stops, 1);
    CHECK_STATUS(host_end(&host), ERROR_DIVERGENCE);
    CHECK_ERROR(ERROR_DIVERGENCE);
}

TEST(a_count_that_goes_back_ends_the_replay) {
    host_begin(&host, REPLAY_MODE_PLAY, recorded(), NULL);
    host.icount = 50;
    CHECK_STATUS(replay_account_executed_instructions(), OK);
    host.icount = 49;
    CHECK_STATUS(replay_account_executed_instructions(), ERROR_ICOUNT_BACKWARDS);
    replay_error_t error = host_last_error();
    CHECK_STATUS(error.status, ERROR_ICOUNT_BACKWARDS);
    CHECK_HAS(error.message, "49");
    CHECK_HAS(error.message, "50");
    host_end(&host);
}

/* The ways on which a recording host's count reaches the library. */
static void by_interrupt(void) {
    CHECK(!replay_interrupt());
}
static void by_clock(void) {
    CHECK_EQ(replay_save_clock(REPLAY_CLOCK_HOST, 5, 49), 5);
}
static void by_account(void) {
    CHECK_STATUS(replay_account_executed_instructions(), ERROR_ICOUNT_BACKWARDS);
}
static void by_turn(void) {
    CHECK_STATUS(replay_account_warp_timer(), ERROR_ICOUNT_BACKWARDS);
}
static void by_checkpoint(void) {
    CHECK(!replay_checkpoint(REPLAY_CHECKPOINT_INIT));
}
static void by_bytes(void) {
    CHECK(replay_save_random(0, "x", 1) < 0);
}

TEST(a_count_that_goes_back_ends_the_recording) {
    static void (*const ways[])(void) = {by_interrupt, by_clock,      by_account,
                                         by_turn,      by_checkpoint, by_bytes};
    const char *options[] = {NULL, "rrfull=go"};
    for (size_t i = 0; i < 2 * sizeof ways / sizeof *ways; i++) {
        host_begin(&host, REPLAY_MODE_RECORD, test_path("run.log"), options[i % 2]);
        host.icount = 50;
        CHECK(replay_interrupt());
        host.icount = 49;
        ways[i / 2]();
        CHECK_EQ(host.stops, 1);
        CHECK_EQ(host.stop_reason, REPLAY_STOP_LOG_ERROR);
        CHECK_STATUS(host_stop_status(&host), ERROR_ICOUNT_BACKWARDS);
        CHECK_HAS(host.stop_error.message, "went back from 50 to 49");
        CHECK_EQ(host.messages, 1);
        CHECK_EQ(replay_get_budget(10), 0);
        CHECK(!replay_interrupt());
        host.icount = 60;
        CHECK(!replay_interrupt());
        CHECK_STATUS(replay_account_executed_instructions(), ERROR_ICOUNT_BACKWARDS);
        CHECK_STATUS(host_end(&host), ERROR_ICOUNT_BACKWARDS);
        CHECK_ERROR(ERROR_ICOUNT_BACKWARDS);

        /* What was recorded before can be replayed. */
        host_begin(&host, REPLAY_MODE_PLAY, test_path("run.log"), NULL);
        CHECK_EQ(host_info().total_events, 1);
        CHECK(host_execute(&host, 3, 50));
        CHECK(replay_interrupt());
        CHECK(host_run_to_end(&host, 3));
        CHECK_EQ(host.stop_reason, REPLAY_STOP_END);
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(large_counts_are_clamped_not_wrapped) {
    const uint64_t far = 5000000000u;
    const char *path = test_path("run.log");
    host_begin(&host, REPLAY_MODE_RECORD, path, NULL);
    CHECK(host_execute(&host, 3, far));
    CHECK(replay_interrupt());
    REQUIRE_STATUS(host_end(&host), OK);
    host_begin(&host, REPLAY_MODE_PLAY, path, NULL);
    CHECK_EQ(replay_get_instructions(), INT32_MAX);
    CHECK_EQ(replay_get_budget(UINT64_MAX), far);
    host.icount = far - 5;
    CHECK_STATUS(replay_account_executed_instructions(), OK);
    CHECK_EQ(replay_get_instructions(), 5);
    host.icount = far;
    CHECK(replay_interrupt());
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

TEST(extreme_counts_make_the_round_trip) {
    static const step_t steps[] = {
        {OP_INTERRUPT},
        {OP_EXECUTE, 1},
        {OP_INTERRUPT},
        {OP_EXECUTE, (1ll << 21) - 1},
        {OP_EXCEPTION},
        {OP_EXECUTE, 1ll << 32},
        {OP_INTERRUPT},
        {OP_EXECUTE, 1ll << 48},
        {OP_EXCEPTION},
        {OP_EXECUTE, 1ll << 52},
        {OP_CHECKPOINT, REPLAY_CHECKPOINT_RESET},
    };
    script_check_round_trip(TEST_HERE, NULL, STEPS(steps));
}

TEST(the_count_may_start_anywhere) {
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        host_init(&host);
        host.icount = 1000000;
        REQUIRE_STATUS(host_configure(&host, mode, test_path("run.log"), NULL), OK);
        host_start(&host, 3);
        CHECK(host_execute(&host, 3, 10));
        CHECK(replay_interrupt());
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(several_events_at_one_place_keep_their_order) {
    static const step_t steps[] = {
        {OP_EXECUTE, 10}, {OP_INTERRUPT},   {OP_INTERRUPT},
        {OP_EXCEPTION},   {OP_INTERRUPT},   {OP_CLOCK, 1, REPLAY_CLOCK_HOST},
        {OP_INTERRUPT},   {OP_EXECUTE, 10}, {OP_EXCEPTION},
    };
    script_check_round_trip(TEST_HERE, NULL, STEPS(steps));
}

TEST(an_unguarded_interrupt_is_refused_until_its_place) {
    host_begin(&host, REPLAY_MODE_PLAY, recorded(), NULL);
    for (host.icount = 0; host.icount < 100; host.icount++)
        if (!CHECK(!replay_interrupt()))
            break;
    CHECK(replay_interrupt());
    CHECK_EQ(host.stops, 0);
    host_end(&host);
}
