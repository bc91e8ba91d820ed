/* SPDX-License-Identifier: MIT */
/* Clocks that are read: the calls, the macros, who may read more often. */
#include "scripted-host.h"

static host_t host;

TEST(readings_come_back) {
    static const step_t steps[] = {
        {OP_EXECUTE, 100},
        {OP_CLOCK, 1700000000123456789, REPLAY_CLOCK_HOST},
        {OP_CLOCK, 55, REPLAY_CLOCK_VIRTUAL_RT},
        {OP_EXECUTE, 1},
        {OP_CLOCK, 1700000000123456790, REPLAY_CLOCK_HOST},
        {OP_CLOCK, 54, REPLAY_CLOCK_VIRTUAL_RT}, /* a clock may be set back */
        {OP_CLOCK, 0, REPLAY_CLOCK_HOST},
        {OP_CLOCK, -1, REPLAY_CLOCK_HOST},
        {OP_CLOCK, INT64_MAX, REPLAY_CLOCK_HOST},
        {OP_CLOCK, INT64_MIN, REPLAY_CLOCK_HOST},
        {OP_CLOCK, INT64_MAX, REPLAY_CLOCK_HOST},
        {OP_EXECUTE, 3},
        {OP_CLOCK, 0, REPLAY_CLOCK_VIRTUAL_RT},
    };
    script_check_round_trip(TEST_HERE, NULL, STEPS(steps));
}

TEST(the_macro_evaluates_where_the_value_is_used) {
    int evaluated = 0;
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    host.icount = 5;
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, (evaluated++, 100)), 100);
    CHECK_EQ(REPLAY_CLOCK(REPLAY_CLOCK_HOST, (evaluated++, 200)), 200);
    CHECK(replay_mutex_locked());
    replay_mutex_unlock();
    CHECK_EQ(REPLAY_CLOCK(REPLAY_CLOCK_HOST, (evaluated++, 300)), 300);
    CHECK(!replay_mutex_locked());
    replay_mutex_lock();
    CHECK_EQ(evaluated, 3);
    CHECK_EQ(host_info().events, 3);
    REQUIRE_STATUS(host_end(&host), OK);

    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    host.icount = 5;
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, (evaluated++, 1)), 100);
    CHECK_EQ(REPLAY_CLOCK(REPLAY_CLOCK_HOST, (evaluated++, 1)), 200);
    replay_mutex_unlock();
    CHECK_EQ(REPLAY_CLOCK(REPLAY_CLOCK_HOST, (evaluated++, 1)), 300);
    CHECK(!replay_mutex_locked());
    replay_mutex_lock();
    CHECK_EQ(evaluated, 3);
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

static unsigned asked;

static uint64_t counted_icount(void *opaque) {
    asked++;
    return ((const host_t *)opaque)->icount;
}

TEST(a_host_may_pass_its_icount) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        host_init(&host);
        host.callbacks.icount = counted_icount;
        REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
        host_start(&host, REPLAY_THREAD_VCPU);
        host.icount = 5;
        asked = 0;
        CHECK_EQ(REPLAY_CLOCK_AT(REPLAY_CLOCK_HOST, 100, host.icount), 100);
        CHECK_EQ(asked, 0);
        host.icount = 7;
        CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 200), 200);
        CHECK_EQ(asked, 1);
        CHECK_EQ(REPLAY_CLOCK_AT(REPLAY_CLOCK_VIRTUAL_RT, 300, host.icount), 300);
        CHECK_EQ(asked, 1);
        CHECK_EQ(host_info().events, 3);
        REQUIRE_STATUS(host_end(&host), OK);
    }
    int evaluated = 0;
    CHECK_EQ(REPLAY_CLOCK_AT(REPLAY_CLOCK_HOST, 400, (uint64_t)evaluated++), 400);
    CHECK_EQ(evaluated, 0);
}

TEST(the_calls_check_their_mode_and_arguments) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    CHECK_EQ(replay_read_clock(REPLAY_CLOCK_HOST, 0), 0);
    CHECK_ERROR(ERROR_WRONG_MODE);
    CHECK_EQ(replay_save_clock(REPLAY_CLOCK_HOST, 42, 0), 42);
    CHECK_EQ(replay_read_clock(REPLAY_CLOCK_HOST, 0), 42);
    CHECK_EQ(replay_save_clock(REPLAY_CLOCK_COUNT, 43, 0), 43);
    CHECK_ERROR(ERROR_INVALID_ARGUMENT);
    CHECK_EQ(replay_save_clock(-1, 44, 0), 44);
    CHECK_ERROR(ERROR_INVALID_ARGUMENT);
    CHECK_EQ(host_info().events, 1);
    REQUIRE_STATUS(host_end(&host), OK);
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    CHECK_EQ(replay_save_clock(REPLAY_CLOCK_HOST, 42, 0), 42);
    CHECK_ERROR(ERROR_WRONG_MODE);
    replay_read_clock(REPLAY_CLOCK_COUNT, 0);
    CHECK_ERROR(ERROR_INVALID_ARGUMENT);
    CHECK_EQ(host.stops, 0);
    CHECK_EQ(replay_read_clock(REPLAY_CLOCK_HOST, 0), 42);
    CHECK_STATUS(host_end(&host), OK);
}

/* Records a reading at icount 10 and an interrupt at 20; PLAY has read once, on the vCPU thread. */
static void record_and_play_a_reading(void) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    host_execute(&host, 3, 10);
    replay_save_clock(REPLAY_CLOCK_HOST, 1000, 10);
    host_execute(&host, 3, 10);
    replay_interrupt();
    REQUIRE_STATUS(host_end(&host), OK);
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_PLAY, log_path(), NULL), OK);
    host_start(&host, REPLAY_THREAD_VCPU);
    host_execute(&host, REPLAY_THREAD_VCPU, 10);
    CHECK_EQ(replay_read_clock(REPLAY_CLOCK_HOST, 10), 1000);
}

TEST(a_vcpu_that_reads_more_often_diverges) {
    record_and_play_a_reading();
    CHECK_EQ(host.stops, 0);
    CHECK_EQ(replay_read_clock(REPLAY_CLOCK_HOST, 10), 1000);
    CHECK_EQ(host.stops, 1);
    replay_error_t error = host_last_error();
    CHECK_STATUS(error.status, ERROR_DIVERGENCE);
    CHECK_EQ(error.icount, 10);
    CHECK_EQ(error.event_index, 1);
    CHECK_EQ(error.role, REPLAY_THREAD_VCPU);
    CHECK(strcasestr(error.expected, "interrupt") != NULL);
    CHECK(strcasestr(error.found, "clock") != NULL);
    CHECK_HAS(error.message, "10");
    CHECK(*error.history != 0);
    CHECK_STATUS(host_end(&host), ERROR_DIVERGENCE);
}

static void *read_as_io(void *opaque) {
    (void)opaque;
    replay_thread_attach(REPLAY_THREAD_IO);
    replay_mutex_lock();
    for (int i = 0; i < 5; i++)
        CHECK_EQ(replay_read_clock(REPLAY_CLOCK_HOST, replay_get_current_icount()), 1000);
    CHECK_EQ(replay_read_clock(REPLAY_CLOCK_VIRTUAL_RT, replay_get_current_icount()), 0);
    replay_mutex_unlock();
    return NULL;
}

TEST(an_io_thread_may_read_more_often) {
    record_and_play_a_reading();
    replay_mutex_unlock();
    pthread_t thread;
    pthread_create(&thread, NULL, read_as_io, NULL);
    pthread_join(thread, NULL);
    replay_mutex_lock();
    CHECK_EQ(host.stops, 0);
    host_execute(&host, REPLAY_THREAD_VCPU, 10);
    CHECK(replay_interrupt());
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU));
    CHECK_STATUS(host_end(&host), OK);
}

TEST(virtual_time_is_the_count_shifted) {
    char options[32];
    for (int shift = 0; shift <= 10; shift++) {
        snprintf(options, sizeof options, "shift=%d", shift);
        host_begin(&host, REPLAY_MODE_RECORD, log_path(), options);
        CHECK_EQ(replay_get_virtual_clock(), 0);
        host_execute(&host, 3, 1000);
        CHECK_EQ(replay_get_virtual_clock(), 1000ll << shift);
        replay_info_t info = host_info();
        CHECK_EQ(info.shift, shift);
        CHECK_EQ(info.virtual_ns, 1000ll << shift);
        CHECK_EQ(info.warped_ns, 0);
        CHECK_EQ(info.events, 0);
        replay_interrupt();
        REQUIRE_STATUS(host_end(&host), OK);
        host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
        CHECK_EQ(host_info().shift, shift);
        host_execute(&host, 3, 1000);
        CHECK_EQ(replay_get_virtual_clock(), 1000ll << shift);
        CHECK(replay_interrupt());
        CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
    }
}

/* Runs a busy guest for 1.5 s of real time and notes virtual time along. */
enum { POINTS = 60 };
static int64_t virtual_at[2][POINTS];

static void run_auto(replay_mode_t mode) {
    host_begin(&host, mode, log_path(), "shift=auto");
    for (int i = 0; i < POINTS; i++) {
        CHECK(host_execute(&host, 3, 200000));
        CHECK_STATUS(replay_start_warp_timer(), OK);
        CHECK_STATUS(replay_account_warp_timer(), OK);
        virtual_at[mode - 1][i] = replay_get_virtual_clock();
        if (mode == REPLAY_MODE_RECORD) {
            replay_mutex_unlock();
            test_sleep_ms(25);
            replay_mutex_lock();
        }
    }
    int32_t shift = host_info().shift;
    CHECK(shift >= 0 && shift <= 10);
    if (mode == REPLAY_MODE_PLAY)
        CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

TEST(an_adapted_shift_is_replayed) {
    run_auto(REPLAY_MODE_RECORD);
    for (int i = 1; i < POINTS; i++)
        if (!CHECK(virtual_at[0][i] >= virtual_at[0][i - 1]))
            break;
    run_auto(REPLAY_MODE_PLAY);
    for (int i = 0; i < POINTS; i++)
        if (!CHECK_EQ(virtual_at[1][i], virtual_at[0][i]))
            break;
}

TEST(a_reading_from_a_thread_without_the_lock_is_taken_between_slices) {
    static const step_t steps[] = {
        {OP_EXECUTE, 10},
        {OP_CLOCK, 500, REPLAY_CLOCK_HOST, NULL, true},
        {OP_CLOCK, 600, REPLAY_CLOCK_HOST},
        {OP_EXECUTE, 10},
        {OP_CLOCK, 700, REPLAY_CLOCK_VIRTUAL_RT, NULL, true},
    };
    script_check_round_trip(TEST_HERE, NULL, STEPS(steps));
}

/* ------------------------------------------- readings of two kinds of threads */

static int64_t read_as(replay_role_t role, int64_t value) {
    replay_thread_attach(role);
    return REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, value);
}

static void record_one_of_each(void) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    host_execute(&host, 3, 10);
    CHECK_EQ(read_as(REPLAY_THREAD_IO, 100), 100);
    CHECK_EQ(read_as(REPLAY_THREAD_VCPU, 200), 200);
    REQUIRE_STATUS(host_end(&host), OK);
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    host_execute(&host, 3, 10);
}

TEST(an_io_thread_does_not_take_the_readings_of_a_vcpu) {
    record_one_of_each();
    CHECK_EQ(read_as(REPLAY_THREAD_IO, 1), 100);
    CHECK_EQ(read_as(REPLAY_THREAD_IO, 2), 100);
    CHECK_EQ(read_as(REPLAY_THREAD_VCPU, 3), 200);
    replay_thread_attach(3);
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_reading_that_an_io_thread_does_not_repeat_is_passed_over) {
    record_one_of_each();
    CHECK_EQ(read_as(REPLAY_THREAD_VCPU, 3), 200);
    replay_thread_attach(3);
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}
