/* SPDX-License-Identifier: MIT */
/* Checkpoints, and the queue of asynchronous events. */
#include "scripted-host.h"

static host_t host;
static int ran[64], ran_count;
static void note_run(void *opaque) {
    ran[ran_count++ % 64] = (int)(intptr_t)opaque;
}
static void *number(int n) {
    return (void *)(intptr_t)n;
}

TEST(every_checkpoint_makes_the_round_trip) {
    step_t steps[2 * REPLAY_CHECKPOINT_COUNT * 2];
    size_t count = 0;
    for (int io = 0; io < 2; io++)
        for (int64_t id = 0; id < REPLAY_CHECKPOINT_COUNT; id++) {
            steps[count++] = (step_t){.op = OP_EXECUTE, .a = 10};
            steps[count++] = (step_t){.op = OP_CHECKPOINT, .a = id, .io = io};
        }
    script_check_round_trip(TEST_HERE, NULL, steps, count);
}

TEST(a_checkpoint_is_checked) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    CHECK(!replay_checkpoint(-1));
    CHECK_ERROR(ERROR_INVALID_ARGUMENT);
    CHECK(!replay_checkpoint(REPLAY_CHECKPOINT_COUNT));
    CHECK_ERROR(ERROR_INVALID_ARGUMENT);
    CHECK(!replay_checkpoint(INT32_MAX));
    CHECK(!replay_checkpoint(INT32_MIN));
    CHECK_EQ(host_info().events, 0);
    CHECK(!replay_has_event());
    CHECK(replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_HOST));
    CHECK_EQ(host_info().events, 1);
    CHECK_STATUS(host_end(&host), OK);
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    CHECK(!replay_checkpoint(REPLAY_CHECKPOINT_COUNT));
    CHECK_ERROR(ERROR_INVALID_ARGUMENT);
    CHECK(replay_has_event());
    CHECK(replay_has_event());
    CHECK(replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_HOST));
    CHECK(!replay_has_event());
    CHECK_STATUS(host_end(&host), OK);
}

TEST(has_event_is_true_only_at_its_place_and_for_its_kinds) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    host_execute(&host, 3, 10);
    replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL);
    host_execute(&host, 3, 10);
    replay_interrupt();
    replay_bh_schedule_event(note_run, number(1));
    replay_async_events();
    REQUIRE_STATUS(host_end(&host), OK);
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    CHECK(!replay_has_event());
    host.icount = 5;
    CHECK(!replay_has_event());
    host.icount = 10;
    CHECK(replay_has_event());
    CHECK(replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL));
    host.icount = 20;
    CHECK(!replay_has_event()); /* an interrupt */
    CHECK(replay_interrupt());
    CHECK(replay_has_event());
    replay_bh_schedule_event(note_run, number(1));
    CHECK_STATUS(replay_async_events(), OK);
    CHECK(!replay_has_event());
    CHECK_STATUS(host_end(&host), OK);
}

TEST(another_checkpoint_is_not_met) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL);
    REQUIRE_STATUS(host_end(&host), OK);
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    for (replay_checkpoint_t id = 0; id < REPLAY_CHECKPOINT_INIT; id++)
        if (id != REPLAY_CHECKPOINT_CLOCK_VIRTUAL)
            CHECK(!replay_checkpoint(id));
    CHECK_EQ(host.stops, 0);
    CHECK(replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL));
    CHECK_STATUS(host_end(&host), OK);
}

static void *try_as_io(void *answer) {
    replay_thread_attach(REPLAY_THREAD_IO);
    replay_mutex_lock();
    *(bool *)answer = replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL);
    replay_mutex_unlock();
    return NULL;
}

TEST(a_checkpoint_is_given_only_to_its_role) {
    for (int recorded_by_io = 0; recorded_by_io < 2; recorded_by_io++) {
        bool answer;
        pthread_t thread;
        for (replay_mode_t mode = 1; mode <= 2; mode++) {
            host_init(&host);
            REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
            host_start(&host, REPLAY_THREAD_VCPU);
            bool mine = !recorded_by_io, first_mine = mode == 1 ? mine : !mine;
            for (int i = 0; i < 2; i++) {
                bool by_vcpu = i == 0 ? first_mine : !first_mine;
                if (mode == 1 && i == 1)
                    break;
                if (by_vcpu) {
                    answer = replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL);
                } else {
                    replay_mutex_unlock();
                    pthread_create(&thread, NULL, try_as_io, &answer);
                    pthread_join(thread, NULL);
                    replay_mutex_lock();
                }
                CHECK_EQ(answer, mode == 1 || i == 1);
            }
            CHECK_STATUS(host_end(&host), OK);
        }
    }
}

/* ------------------------------------------------------------------- queue */

TEST(events_of_all_kinds_make_the_round_trip) {
    static const step_t steps[] = {
        {OP_EXECUTE, 10},
        {OP_BH, 1},
        {OP_BH_ONESHOT, 2},
        {OP_FLUSH},
        {OP_EXECUTE, 10},
        {OP_INPUT, 30},
        {OP_INPUT, 31},
        {OP_INPUT_SYNC},
        {OP_FLUSH},
        {OP_EXECUTE, 10},
        {OP_CHAR_POST, .text = "hello"},
        {OP_FLUSH},
        {OP_EXECUTE, 10},
        {OP_PACKET, .b = 7, .text = "ether"},
        {OP_FLUSH},
        {OP_EXECUTE, 10},
        {OP_BLOCK_EVENT, 40},
        {OP_BLOCK_EVENT, 41},
        {OP_FLUSH},
        {OP_EXECUTE, 10},
        {OP_BH, 3},
        {OP_CHAR_POST, .text = "x"},
        {OP_BLOCK_EVENT, 42},
        {OP_INPUT_SYNC},
        {OP_BH_ONESHOT, 4},
        {OP_PACKET, .b = 0, .text = "p"},
        {OP_FLUSH},
        {OP_INTERRUPT},
        {OP_BH, 5, .io = true},
        {OP_EXECUTE, 10},
        {OP_FLUSH},
        {OP_EXECUTE, 10},
    };
    script_check_round_trip(TEST_HERE, NULL, STEPS(steps));
}

TEST(a_turn_of_the_vcpu_flushes_too) {
    static const step_t steps[] = {
        {OP_EXECUTE, 10}, {OP_BH, 1},       {OP_TURN}, {OP_CHAR_POST, .text = "a"},
        {OP_TURN},        {OP_EXECUTE, 10}, {OP_TURN}, {OP_TURN},
        {OP_INTERRUPT},
    };
    script_check_round_trip(TEST_HERE, NULL, STEPS(steps));
}

TEST(recording_runs_in_the_order_of_arrival) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    for (int i = 0; i < 5; i++)
        replay_bh_schedule_event(note_run, number(i));
    CHECK_EQ(ran_count, 0);
    CHECK_EQ(host_info().queued, 5);
    CHECK(atomic_load(&host.kicks) > 0);
    CHECK_STATUS(replay_async_events(), OK);
    CHECK_EQ(ran_count, 5);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(ran[i], i);
    CHECK_EQ(host_info().queued, 0);
    CHECK_EQ(host_info().events, 5);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(playing_waits_for_what_has_not_arrived) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), "rrstall=60000");
    host_execute(&host, 3, 10);
    uint64_t first = blkreplay_next_id(), second = blkreplay_next_id();
    CHECK_EQ(second, first + 1);
    replay_block_event(note_run, number(1), second);
    replay_block_event(note_run, number(0), first);
    replay_async_events();
    REQUIRE_STATUS(host_end(&host), OK);
    CHECK_EQ(ran[0], 1);
    CHECK_EQ(ran[1], 0);
    ran_count = 0;
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), "rrstall=60000");
    host_execute(&host, 3, 10);
    CHECK_EQ(blkreplay_next_id(), first);
    CHECK_EQ(blkreplay_next_id(), second);
    CHECK_STATUS(replay_async_events(), OK);
    CHECK_EQ(ran_count, 0);
    replay_block_event(note_run, number(0), first); /* the other order */
    CHECK_STATUS(replay_async_events(), OK);
    CHECK_EQ(ran_count, 0);
    CHECK_EQ(replay_get_budget(100), 0);
    replay_block_event(note_run, number(1), second);
    CHECK_STATUS(replay_async_events(), OK);
    CHECK_EQ(ran_count, 2);
    CHECK_EQ(ran[0], 1);
    CHECK_EQ(ran[1], 0);
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

static replay_status_t inner_async, inner_flush;
static void flush_within(void *opaque) {
    (void)opaque;
    inner_async = replay_async_events();
    inner_flush = replay_flush_events();
    replay_bh_schedule_event(note_run, number(9));
}

TEST(a_flush_is_not_reentered) {
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        ran_count = 0;
        host_begin(&host, mode, log_path(), NULL);
        host_execute(&host, 3, 10);
        replay_bh_schedule_event(flush_within, NULL);
        CHECK_STATUS(replay_async_events(), OK);
        CHECK_STATUS(inner_async, ERROR_REENTERED);
        CHECK_STATUS(inner_flush, ERROR_REENTERED);
        replay_async_events(); /* what was scheduled within runs now at the latest */
        CHECK_EQ(ran_count, 1);
        CHECK_EQ(ran[0], 9);
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(a_callback_may_call_the_library) {
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        static const step_t steps[] = {{OP_EXECUTE, 10},
                                       {OP_BH, 1},
                                       {OP_CHAR_POST, .text = "q"},
                                       {OP_FLUSH},
                                       {OP_CLOCK, 9, REPLAY_CLOCK_HOST}};
        script_check_round_trip(TEST_HERE, NULL, STEPS(steps));
    }
}

TEST(disabled_events_run_at_once_and_unwritten) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    CHECK(replay_events_enabled());
    replay_bh_schedule_event(note_run, number(1));
    CHECK_STATUS(replay_disable_events(), OK);
    CHECK(!replay_events_enabled());
    CHECK_EQ(ran_count, 0);
    replay_bh_schedule_event(note_run, number(2));
    replay_block_event(note_run, number(3), blkreplay_next_id());
    CHECK_EQ(ran_count, 1);
    CHECK_EQ(ran[0], 3);
    CHECK_EQ(host_info().queued, 2);
    CHECK_STATUS(replay_enable_events(), OK);
    CHECK_STATUS(replay_async_events(), OK);
    CHECK_EQ(ran_count, 3);
    CHECK_EQ(ran[1], 2); /* what is not written runs first */
    CHECK_EQ(ran[2], 1);
    CHECK_EQ(host_info().events, 1);
    CHECK_STATUS(host_end(&host), OK);
}

/* While events are disabled: bottom halves wait for a flush, numbers stay. */
static void disable_for_a_while(void) {
    replay_bh_schedule_event(note_run, number(1));
    uint64_t first = blkreplay_next_id();
    CHECK_STATUS(replay_disable_events(), OK);
    for (int i = 2; i < 5; i++) {
        CHECK_STATUS(replay_bh_schedule_event(note_run, number(i)), OK);
        CHECK_EQ(blkreplay_next_id(), (UINT64_C(1) << 63) + (uint64_t)i - 2);
    }
    CHECK_EQ(ran_count, 0);
    CHECK_STATUS(replay_async_events(), OK); /* disabled or not */
    CHECK_EQ(ran_count, 4);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(ran[i], i + 2);
    CHECK_EQ(ran[3], 1);
    CHECK_STATUS(replay_bh_schedule_oneshot_event(note_run, number(5)), OK);
    CHECK_EQ(ran_count, 4);
    CHECK_STATUS(replay_enable_events(), OK);
    CHECK_STATUS(replay_bh_schedule_event(note_run, number(6)), OK);
    CHECK_EQ(blkreplay_next_id(), first + 1);
    CHECK_STATUS(replay_turn(), OK);
    CHECK_EQ(ran_count, 6);
    CHECK_EQ(ran[4], 5);
    CHECK_EQ(ran[5], 6);
}

TEST(disabled_bottom_halves_wait_and_numbers_stay) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        ran_count = 0;
        host_begin(&host, mode, log_path(), "rrstall=60000");
        host_execute(&host, 3, 10);
        disable_for_a_while();
        CHECK_EQ(host_info().events, 3); /* two bottom halves, the second flush's place */
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
        CHECK_EQ(ran_count, 6);
    }
}

TEST(a_replay_runs_what_no_log_has_at_its_next_turn) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        ran_count = 0;
        host_begin(&host, mode, log_path(), "rrstall=60000");
        replay_disable_events();
        replay_bh_schedule_event(note_run, number(1));
        replay_enable_events();
        CHECK_EQ(ran_count, 0);
        CHECK_STATUS(replay_account_warp_timer(), OK); /* nothing of the log is due */
        CHECK_EQ(ran_count, 1);
        host_execute(&host, 3, 10);
        CHECK(replay_interrupt());
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(before_the_start_bottom_halves_wait_for_the_first_flush) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        ran_count = 0;
        host_init(&host);
        REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
        replay_thread_attach(3);
        replay_mutex_lock();
        CHECK_STATUS(replay_bh_schedule_event(note_run, number(1)), OK);
        CHECK_EQ(ran_count, 0);
        CHECK_STATUS(replay_start(), OK);
        CHECK_EQ(ran_count, 0);
        CHECK_STATUS(replay_turn(), OK);
        CHECK_EQ(ran_count, 1);
        CHECK_EQ(host_info().events, 0);
        host_execute(&host, 3, 10);
        CHECK(replay_interrupt());
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(a_flush_without_writing) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    replay_bh_schedule_event(note_run, number(1));
    replay_bh_schedule_event(note_run, number(2));
    CHECK_STATUS(replay_flush_events(), OK);
    CHECK_EQ(ran_count, 2);
    CHECK_EQ(host_info().events, 0);
    CHECK_EQ(host_info().queued, 0);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(finish_runs_what_is_queued) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    host_execute(&host, 3, 5);
    replay_interrupt();
    replay_bh_schedule_event(note_run, number(1));
    CHECK_STATUS(host_end(&host), OK);
    CHECK_EQ(ran_count, 1);
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    host_execute(&host, 3, 5);
    CHECK(replay_interrupt());
    replay_bh_schedule_event(note_run, number(1));
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
    CHECK_EQ(ran_count, 2);
}

TEST(callbacks_are_needed) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    CHECK_STATUS(replay_bh_schedule_event(NULL, NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_bh_schedule_oneshot_event(NULL, NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_block_event(NULL, NULL, 0), ERROR_INVALID_ARGUMENT);
    CHECK_EQ(host_info().queued, 0);
    CHECK_STATUS(host_end(&host), OK);
}

/* ------------------------------------------------------------ any thread */

enum { POSTERS = 3, POSTS = 300 };
static int32_t device;
static unsigned long received;
static void receive(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque;
    for (size_t i = 0; i < length; i++)
        received = received * 31 + data[i];
}
static void *post_many(void *opaque) {
    for (int i = 0; i < POSTS; i++) {
        uint8_t byte = (uint8_t)((intptr_t)opaque * 64 + i);
        if (replay_chr_be_write(device, &byte, 1) != REPLAY_OK)
            test_fail(TEST_HERE, "a post failed");
    }
    return NULL;
}

static uint64_t run_with_posters(replay_mode_t mode) {
    pthread_t threads[POSTERS];
    received = 0;
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
    device = replay_register_char_driver(receive, NULL);
    host_start(&host, 3);
    for (intptr_t i = 0; i < POSTERS; i++)
        pthread_create(&threads[i], NULL, post_many, (void *)i);
    for (int i = 0; i < 2000 && !host_stopped(&host); i++) {
        host_execute(&host, 3, 10);
        replay_async_events();
    }
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    replay_async_events();
    if (mode == REPLAY_MODE_PLAY)
        CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
    return received;
}

TEST(input_from_many_threads_is_replayed) {
    uint64_t recorded = run_with_posters(REPLAY_MODE_RECORD);
    CHECK_EQ(run_with_posters(REPLAY_MODE_PLAY), recorded);
}
