/* SPDX-License-Identifier: MIT */
/* The replay lock, roles, waiting. */
#include "host.h"

static host_t host;

static void begin(replay_mode_t mode) {
    if (mode == REPLAY_MODE_PLAY) {
        host_begin(&host, REPLAY_MODE_RECORD, test_path("run.log"), NULL);
        host_execute(&host, 3, 1000);
        replay_interrupt();
        REQUIRE_STATUS(host_end(&host), OK);
    }
    host_begin(&host, mode, test_path("run.log"), "rrstall=60000");
}

static void *run(void *body) {
    ((void (*)(void))(uintptr_t)body)();
    return NULL;
}

static pthread_t in_thread(void (*body)(void)) {
    pthread_t thread;
    pthread_create(&thread, NULL, run, (void *)(uintptr_t)body);
    return thread;
}

static void in_thread_and_wait(void (*body)(void)) {
    pthread_join(in_thread(body), NULL);
}

TEST(the_lock_is_not_recursive) {
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        begin(mode);
        CHECK(replay_mutex_locked());
        CHECK_STATUS(replay_mutex_lock(), ERROR_LOCK_HELD);
        CHECK_ERROR(ERROR_LOCK_HELD);
        CHECK(replay_mutex_locked());
        CHECK_STATUS(replay_mutex_unlock(), OK);
        CHECK(!replay_mutex_locked());
        CHECK_STATUS(replay_mutex_unlock(), ERROR_LOCK_NOT_HELD);
        CHECK_ERROR(ERROR_LOCK_NOT_HELD);
        CHECK_STATUS(replay_mutex_lock(), OK);
        CHECK(replay_mutex_locked());
        host_end(&host);
    }
}

static void unlock_elsewhere(void) {
    CHECK(!replay_mutex_locked());
    CHECK_STATUS(replay_mutex_unlock(), ERROR_LOCK_NOT_HELD);
}

TEST(only_the_holder_gives_it_back) {
    begin(REPLAY_MODE_RECORD);
    in_thread_and_wait(unlock_elsewhere);
    CHECK(replay_mutex_locked());
    CHECK_STATUS(host_end(&host), OK);
}

static long counter;
static void count_up(void) {
    replay_thread_attach(REPLAY_THREAD_IO);
    for (int i = 0; i < 20000; i++) {
        replay_mutex_lock();
        counter++;
        replay_mutex_unlock();
    }
}

TEST(the_lock_excludes) {
    begin(REPLAY_MODE_RECORD);
    replay_mutex_unlock();
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        threads[i] = in_thread(count_up);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(counter, 60000);
    replay_mutex_lock();
    host_end(&host);
}

static atomic_int order, waiting;
static int turns[3];
static void take_a_turn(void) {
    int me = atomic_fetch_add(&waiting, 1);
    replay_mutex_lock();
    turns[me] = atomic_fetch_add(&order, 1);
    replay_mutex_unlock();
}

TEST(first_come_first_served) {
    begin(REPLAY_MODE_RECORD);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        threads[i] = in_thread(take_a_turn);
        while (atomic_load(&waiting) <= i)
            test_sleep_ms(1);
        test_sleep_ms(20);
    }
    replay_mutex_unlock();
    replay_mutex_lock(); /* comes last, though it runs already */
    CHECK_EQ(atomic_load(&order), 3);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(turns[i], i);
    host_end(&host);
}

/* ---------------------------------------------- without the lock or a role */

#define FALSE_WITH(call, name)                                                                     \
    do {                                                                                           \
        CHECK(!(call));                                                                            \
        if (!CHECK_ERROR(name))                                                                    \
            printf("      after %s\n", #call);                                                     \
    } while (0)

static void without_lock(void) {
    int32_t result, offset;
    uint8_t byte = 0;
    size_t count = 0;
    uint64_t sample = 0;
    replay_mode_t mode = replay_get_mode();
    FALSE_WITH(replay_interrupt(), ERROR_LOCK_NOT_HELD);
    FALSE_WITH(replay_exception(), ERROR_LOCK_NOT_HELD);
    FALSE_WITH(replay_checkpoint(REPLAY_CHECKPOINT_INIT), ERROR_LOCK_NOT_HELD);
    FALSE_WITH(replay_get_instructions(), ERROR_LOCK_NOT_HELD);
    FALSE_WITH(replay_get_budget(10), ERROR_LOCK_NOT_HELD);
    if (mode == REPLAY_MODE_PLAY) /* else it does nothing */
        CHECK_STATUS(replay_account_executed_instructions(), ERROR_LOCK_NOT_HELD);
    CHECK_STATUS(replay_start_warp_timer(), ERROR_LOCK_NOT_HELD);
    CHECK_STATUS(replay_account_warp_timer(), ERROR_LOCK_NOT_HELD);
    CHECK_STATUS(replay_async_events(), ERROR_LOCK_NOT_HELD);
    CHECK_STATUS(replay_flush_events(), ERROR_LOCK_NOT_HELD);
    CHECK_STATUS(replay_enable_events(), ERROR_LOCK_NOT_HELD);
    CHECK_STATUS(replay_disable_events(), ERROR_LOCK_NOT_HELD);
    CHECK_STATUS(replay_bh_schedule_event(ignore, NULL), ERROR_LOCK_NOT_HELD);
    CHECK_STATUS(replay_bh_schedule_oneshot_event(ignore, NULL), ERROR_LOCK_NOT_HELD);
    CHECK(blkreplay_next_id() == UINT64_MAX);
    CHECK_ERROR(ERROR_LOCK_NOT_HELD);
    CHECK_STATUS(replay_wait(0), ERROR_LOCK_NOT_HELD);
    CHECK_STATUS(replay_digest(5), ERROR_LOCK_NOT_HELD);
    CHECK_STATUS(replay_shutdown_request(REPLAY_SHUTDOWN_HOST_QUIT), ERROR_LOCK_NOT_HELD);
    CHECK_STATUS(replay_audio_out(&count), ERROR_LOCK_NOT_HELD);
    CHECK_STATUS(replay_audio_in_start(&count), ERROR_LOCK_NOT_HELD);
    CHECK_STATUS(replay_audio_in_sample_lr(&sample, &sample), ERROR_LOCK_NOT_HELD);
    CHECK_STATUS(replay_audio_in_finish(), ERROR_LOCK_NOT_HELD);
    if (mode == REPLAY_MODE_RECORD) {
        CHECK_EQ(replay_save_clock(REPLAY_CLOCK_HOST, 77, 0), 77);
        CHECK_ERROR(ERROR_LOCK_NOT_HELD);
        CHECK_STATUS(replay_save_random(0, &byte, 1), ERROR_LOCK_NOT_HELD);
        CHECK_STATUS(replay_char_write_event_save(1, 1), ERROR_LOCK_NOT_HELD);
        CHECK_STATUS(replay_char_read_all_save_buf(&byte, 1), ERROR_LOCK_NOT_HELD);
        CHECK_STATUS(replay_char_read_all_save_error(-1), ERROR_LOCK_NOT_HELD);
    } else {
        replay_read_clock(REPLAY_CLOCK_HOST, 0);
        CHECK_ERROR(ERROR_LOCK_NOT_HELD);
        CHECK_STATUS(replay_read_random(&byte, 1), ERROR_LOCK_NOT_HELD);
        CHECK_STATUS(replay_char_write_event_load(&result, &offset), ERROR_LOCK_NOT_HELD);
        CHECK_STATUS(replay_char_read_all_load(&byte, 1, &result), ERROR_LOCK_NOT_HELD);
    }
}

TEST(calls_without_the_lock_are_refused) {
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        begin(mode);
        replay_mutex_unlock();
        without_lock();
        replay_mutex_lock();
        CHECK_EQ(host.stops, 0);
        CHECK_EQ(host_info().events, 0);
        host_end(&host);
    }
}

static void without_role(void) {
    replay_mutex_lock();
    FALSE_WITH(replay_checkpoint(REPLAY_CHECKPOINT_INIT), ERROR_WRONG_ROLE);
    FALSE_WITH(replay_interrupt(), ERROR_WRONG_ROLE);
    CHECK_STATUS(replay_bh_schedule_event(ignore, NULL), ERROR_WRONG_ROLE);
    CHECK_STATUS(replay_digest(5), ERROR_WRONG_ROLE);
    CHECK_STATUS(replay_shutdown_request(REPLAY_SHUTDOWN_HOST_QUIT), ERROR_WRONG_ROLE);
    CHECK_STATUS(replay_async_events(), ERROR_WRONG_ROLE);
    CHECK_STATUS(replay_start_warp_timer(), ERROR_WRONG_ROLE);
    CHECK_STATUS(replay_account_warp_timer(), ERROR_WRONG_ROLE);
    replay_mutex_unlock();
}

static void as_io(void) {
    CHECK_STATUS(replay_thread_attach(REPLAY_THREAD_IO), OK);
    replay_mutex_lock();
    FALSE_WITH(replay_interrupt(), ERROR_WRONG_ROLE);
    FALSE_WITH(replay_exception(), ERROR_WRONG_ROLE);
    CHECK_STATUS(replay_async_events(), ERROR_WRONG_ROLE);
    CHECK_STATUS(replay_account_warp_timer(), ERROR_WRONG_ROLE);
    CHECK_STATUS(replay_start_warp_timer(), OK);
    replay_mutex_unlock();
}

static void as_vcpu(void) {
    CHECK_STATUS(replay_thread_attach(REPLAY_THREAD_VCPU), OK);
    replay_mutex_lock();
    CHECK_STATUS(replay_start_warp_timer(), ERROR_WRONG_ROLE);
    CHECK_STATUS(replay_account_warp_timer(), OK);
    CHECK_STATUS(replay_thread_attach(REPLAY_THREAD_IO), OK);
    CHECK_STATUS(replay_start_warp_timer(), OK);
    CHECK_STATUS(replay_account_warp_timer(), ERROR_WRONG_ROLE);
    replay_mutex_unlock();
}

TEST(calls_of_another_role_are_refused) {
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        begin(mode);
        replay_mutex_unlock();
        in_thread_and_wait(without_role);
        in_thread_and_wait(as_io);
        in_thread_and_wait(as_vcpu);
        replay_mutex_lock();
        CHECK_EQ(host.stops, 0);
        CHECK_EQ(host_info().events, 0);
        host_end(&host);
    }
}

TEST(a_message_names_the_call) {
    begin(REPLAY_MODE_RECORD);
    replay_mutex_unlock();
    replay_checkpoint(REPLAY_CHECKPOINT_INIT);
    CHECK_HAS(host_last_error().message, "replay_checkpoint");
    replay_bh_schedule_event(ignore, NULL);
    CHECK_HAS(host_last_error().message, "replay_bh_schedule_event");
    replay_mutex_lock();
    replay_bh_schedule_event(NULL, NULL);
    CHECK_ERROR(ERROR_INVALID_ARGUMENT);
    CHECK_HAS(host_last_error().message, "bottom half");
    host_end(&host);
}

/* ----------------------------------------------------------------- waiting */

static atomic_bool got_lock;
static void take_lock(void) {
    replay_mutex_lock();
    atomic_store(&got_lock, true);
    replay_mutex_unlock();
}
static void notify_soon(void) {
    test_sleep_ms(30);
    replay_notify();
}

TEST(a_wait_gives_the_lock_away_and_ends_in_time) {
    begin(REPLAY_MODE_RECORD);
    while (replay_wait(0) == REPLAY_OK)
        ;
    pthread_t thread = in_thread(take_lock);
    int64_t begun = test_now_ns();
    CHECK_STATUS(replay_wait(50000000), TIMEOUT);
    int64_t ms = (test_now_ns() - begun) / 1000000;
    CHECK(ms >= 45 && ms < 2000);
    CHECK(atomic_load(&got_lock));
    CHECK(replay_mutex_locked());
    pthread_join(thread, NULL);
    thread = in_thread(notify_soon);
    begun = test_now_ns();
    CHECK_STATUS(replay_wait(-1), OK);
    CHECK(test_now_ns() - begun >= 20000000);
    CHECK(replay_mutex_locked());
    pthread_join(thread, NULL);
    host_end(&host);
}

static void post_soon(void) {
    test_sleep_ms(30);
    replay_input_sync_event();
}

TEST(a_wait_ends_when_input_arrives) {
    begin(REPLAY_MODE_RECORD);
    while (replay_wait(0) == REPLAY_OK)
        ;
    pthread_t thread = in_thread(post_soon);
    CHECK_STATUS(replay_wait(5000000000), OK);
    CHECK(atomic_load(&host.kicks) >= 1);
    pthread_join(thread, NULL);
    CHECK_EQ(host_info().queued, 1);
    host_end(&host);
}

TEST(what_happened_before_a_wait_is_not_missed) {
    begin(REPLAY_MODE_RECORD);
    while (replay_wait(0) == REPLAY_OK)
        ;
    replay_notify();
    int64_t begun = test_now_ns();
    CHECK_STATUS(replay_wait(5000000000), OK);
    CHECK(test_now_ns() - begun < 1000000000);
    CHECK_STATUS(replay_wait(1000000), TIMEOUT);
    host_end(&host);
}

/* The loop of replay.h, in a replay whose next event is never asked for. */
static atomic_int waits;
static atomic_bool over;
static void loop_as(replay_role_t roles) {
    while (!atomic_load(&over)) {
        if (roles & REPLAY_THREAD_IO)
            replay_start_warp_timer();
        if (roles & REPLAY_THREAD_VCPU) {
            replay_account_warp_timer();
            replay_has_event();
            CHECK(!replay_exception());
            CHECK_EQ(replay_get_budget(1000), 0);
        }
        replay_wait(20000000);
        atomic_fetch_add(&waits, 1);
    }
}
static void loop_as_io(void) {
    replay_thread_attach(REPLAY_THREAD_IO);
    replay_mutex_lock();
    loop_as(REPLAY_THREAD_IO);
    replay_mutex_unlock();
}
static void end_soon(void) {
    test_sleep_ms(300);
    atomic_store(&over, true);
}

TEST(a_thread_that_has_nothing_to_do_does_not_spin) {
    for (int threads = 1; threads <= 2; threads++) {
        begin(REPLAY_MODE_PLAY);
        replay_thread_attach(threads == 1 ? 3 : REPLAY_THREAD_VCPU);
        CHECK(host_execute(&host, REPLAY_THREAD_VCPU, 1000)); /* an interrupt is due */
        atomic_store(&waits, 0);
        atomic_store(&over, false);
        pthread_t timer = in_thread(end_soon), io = timer;
        if (threads == 2)
            io = in_thread(loop_as_io);
        loop_as(threads == 1 ? 3 : REPLAY_THREAD_VCPU);
        replay_mutex_unlock();
        pthread_join(timer, NULL);
        if (threads == 2)
            pthread_join(io, NULL);
        if (atomic_load(&waits) > 200)
            test_fail(TEST_HERE, "%d waits of %d threads in 300 ms", waits, threads);
        replay_mutex_lock();
        host_end(&host);
    }
}
