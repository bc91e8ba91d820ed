/* SPDX-License-Identifier: MIT */
/* Calls that a callback may not make, and shutdowns whose callbacks call the library. */
#include "host.h"

static host_t host;
static replay_session_t *own;
static unsigned calls, deepest, depth;
static replay_status_t answers[3]; /* of finish, pop, free */

static const char *path_of_log(void) {
    return test_path("run.log");
}

/* Once: ends the session in each way that there is. */
static void end_all(void) {
    if (calls++ > 0)
        return;
    answers[0] = replay_finish();
    answers[1] = replay_session_pop_current();
    answers[2] = replay_session_free(own);
    replay_session_push_current(own);
}

static uint64_t digest(void *opaque) {
    (void)opaque;
    end_all();
    return 1;
}
static int64_t deadline(void *opaque, replay_timer_clock_t clock) {
    (void)opaque;
    return clock == REPLAY_TIMERS_VIRTUAL && calls == 0 ? 0 : -1;
}
static void timers(void *opaque, replay_timer_clock_t clock) {
    (void)opaque, (void)clock;
    end_all();
}
static void requests(void *opaque) {
    (void)opaque;
    end_all();
}
static void input(void *opaque, const replay_input_event_t *event) {
    (void)opaque, (void)event;
    end_all();
}
static void ask_for_shutdown(void *opaque, replay_shutdown_cause_t cause) {
    (void)opaque, (void)cause;
    end_all();
}
static void bottom_half(void *opaque) {
    (void)opaque;
    end_all();
}

typedef enum { DIGEST, TIMERS, REQUESTS, INPUT, SHUTDOWN, BOTTOM_HALF, KINDS } kind_t;

static void use(kind_t kind) {
    host_init(&host);
    replay_host_t *table = &host.callbacks;
    table->digest = kind == DIGEST ? digest : NULL;
    table->handle_requests = kind == REQUESTS ? requests : NULL;
    table->input = kind == INPUT ? input : NULL;
    table->shutdown = kind == SHUTDOWN ? ask_for_shutdown : NULL;
    table->deadline_ns = kind == TIMERS ? deadline : NULL;
    table->run_timers = kind == TIMERS ? timers : NULL;
    calls = 0;
    for (unsigned i = 0; i < 3; i++)
        answers[i] = REPLAY_OK;
}

static void turn(void) {
    replay_start_warp_timer();
    replay_account_warp_timer();
}

static void run_with(replay_mode_t mode, kind_t kind) {
    test_note("callback %d in mode %d", (int)kind, (int)mode);
    own = replay_session_new();
    REQUIRE(own);
    REQUIRE_STATUS(replay_session_push_current(own), OK);
    use(kind);
    REQUIRE_STATUS(host_configure(&host, mode, path_of_log(), "rrdigest=100"), OK);
    host_start(&host, 3);
    turn();
    host_execute(&host, 3, 150);
    if (mode != REPLAY_MODE_PLAY && kind == SHUTDOWN)
        replay_shutdown_request(REPLAY_SHUTDOWN_HOST_UI);
    if (kind == INPUT) {
        replay_input_event_t event = {.kind = REPLAY_INPUT_BUTTON, .code = 1, .value = 1};
        replay_input_event(&event);
    }
    if (kind == BOTTOM_HALF)
        replay_bh_schedule_event(bottom_half, NULL);
    turn();
    host_execute(&host, 3, 100);
    turn();
    /* A replay looks for requests only where the recording has a checkpoint for them. */
    bool is_silent = kind == SHUTDOWN ? mode == REPLAY_MODE_RECORD
                                      : kind == REQUESTS && mode == REPLAY_MODE_PLAY;
    CHECK(calls > 0 || is_silent);
    if (calls > 0) {
        CHECK_STATUS_IS(answers[0], REPLAY_ERROR_REENTERED);
        CHECK_STATUS_IS(answers[1], REPLAY_OK);
        CHECK_STATUS_IS(answers[2], REPLAY_ERROR_REENTERED);
    }
    CHECK_EQ(replay_get_mode(), mode);
    CHECK_STATUS(host_end(&host), OK);
    CHECK_STATUS(replay_session_pop_current(), OK);
    CHECK_STATUS(replay_session_free(own), OK);
}

TEST(no_callback_ends_its_session) {
    for (kind_t kind = 0; kind < KINDS; kind++) {
        run_with(REPLAY_MODE_RECORD, kind);
        run_with(REPLAY_MODE_PLAY, kind);
    }
}

TEST(no_callback_ends_its_session_without_a_log) {
    run_with(REPLAY_MODE_NONE, TIMERS);
    run_with(REPLAY_MODE_NONE, REQUESTS);
    run_with(REPLAY_MODE_NONE, INPUT);
    run_with(REPLAY_MODE_NONE, BOTTOM_HALF);
}

/* Only the callback's own session: a machine within a machine may end. */
static void run_a_different_session(void *opaque) {
    (void)opaque;
    replay_config_t config = REPLAY_CONFIG_INIT;
    host_t inner;
    host_init(&inner);
    config.host = &inner.callbacks;
    config.opaque = &inner;
    replay_session_t *other = replay_session_new();
    CHECK_STATUS(replay_session_push_current(other), OK);
    CHECK_STATUS(replay_configure(&config), OK);
    CHECK_STATUS(replay_start(), OK);
    CHECK_STATUS(replay_finish(), OK);
    CHECK_STATUS(replay_session_pop_current(), OK);
    CHECK_STATUS(replay_session_free(other), OK);
    calls++;
}

TEST(a_callback_may_end_a_different_session) {
    use(KINDS);
    host.callbacks.handle_requests = run_a_different_session;
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, path_of_log(), NULL), OK);
    host_start(&host, 3);
    turn();
    CHECK_EQ(calls, 1);
    CHECK_STATUS(host_end(&host), OK);
}

/* ---------------------------------------------------------------- shutdowns */

static replay_shutdown_cause_t causes[64];

static void relock(void *opaque, replay_shutdown_cause_t cause) {
    (void)opaque;
    if (calls < 64)
        causes[calls] = cause;
    calls++;
    if (++depth > deepest)
        deepest = depth;
    CHECK_STATUS(replay_mutex_unlock(), OK);
    CHECK_STATUS(replay_mutex_lock(), OK);
    replay_wait(1000);
    turn();
    depth--;
}

static void record_shutdowns(unsigned count, bool clock) {
    host_begin(&host, REPLAY_MODE_RECORD, path_of_log(), NULL);
    turn();
    host_execute(&host, 3, 1000);
    for (unsigned i = 0; i < count; i++)
        replay_shutdown_request(i % 2 ? REPLAY_SHUTDOWN_HOST_UI : REPLAY_SHUTDOWN_HOST_SIGNAL);
    replay_thread_attach(REPLAY_THREAD_VCPU);
    if (clock)
        REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 5);
    replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    REQUIRE_STATUS(host_end(&host), OK);
}

static void play_shutdowns(unsigned count, bool clock, bool relocks) {
    calls = depth = deepest = 0;
    host_init(&host);
    if (relocks)
        host.callbacks.shutdown = relock;
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_PLAY, path_of_log(), NULL), OK);
    host_start(&host, 3);
    host_execute(&host, 3, 1000);
    replay_thread_attach(REPLAY_THREAD_VCPU);
    if (clock)
        CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 7), 5);
    replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    turn();
    CHECK_STATUS(host_end(&host), OK);
    if (!relocks)
        return;
    CHECK_EQ(calls, count);
    CHECK_EQ(deepest, 1);
    for (unsigned i = 0; i < count && i < 64; i++)
        CHECK_EQ(causes[i], i % 2 ? REPLAY_SHUTDOWN_HOST_UI : REPLAY_SHUTDOWN_HOST_SIGNAL);
}

TEST(shutdown_callbacks_do_not_nest) {
    record_shutdowns(20, false);
    play_shutdowns(20, false, true);
}

TEST(shutdown_callbacks_that_were_passed_over_do_not_nest) {
    record_shutdowns(20, true);
    play_shutdowns(20, true, true);
}

TEST_SLOW(many_shutdowns_take_no_longer_each, 60) {
    enum { COUNT = 1000000 }; /* half a minute and more, if each takes longer than the one before */
    record_shutdowns(COUNT, true);
    int64_t begin = test_now_ns();
    play_shutdowns(COUNT, true, false);
    CHECK_EQ(host.shutdowns, COUNT);
    CHECK(test_now_ns() - begin < INT64_C(20000000000));
}

/* ------------------------------------------------------- the host's own lock */

static pthread_mutex_t big = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint inside;

static bool running(void *opaque) {
    (void)opaque;
    atomic_fetch_add(&inside, 1);
    pthread_mutex_lock(&big);
    pthread_mutex_unlock(&big);
    atomic_fetch_sub(&inside, 1);
    return true;
}

static void finish_under_big_lock(replay_mode_t mode, replay_status_t expected) {
    test_note("mode %d", (int)mode);
    own = replay_session_new();
    REQUIRE(own);
    REQUIRE_STATUS(replay_session_push_current(own), OK);
    host_init(&host);
    host.callbacks.machine_running = running;
    REQUIRE_STATUS(host_configure(&host, mode, path_of_log(), "rrstall=200"), OK);
    host_start(&host, 3);
    turn();
    host_execute(&host, 3, 100);
    pthread_mutex_lock(&big);
    for (int i = 0; i < 100 && atomic_load(&inside) == 0; i++)
        test_sleep_ms(20);
    CHECK(atomic_load(&inside) > 0);
    unsigned messages = host.messages;
    CHECK_STATUS_IS(replay_finish(), expected);
    replay_mutex_unlock();
    CHECK_STATUS(replay_session_pop_current(), OK);
    CHECK_STATUS(replay_session_free(own), OK);
    pthread_mutex_unlock(&big);
    for (int i = 0; i < 100 && atomic_load(&inside) > 0; i++)
        test_sleep_ms(20);
    test_sleep_ms(100);
    CHECK_EQ(atomic_load(&inside), 0);
    CHECK_EQ(host.messages, messages);
}

TEST_SLOW(a_session_ends_under_the_lock_that_a_callback_waits_for, 60) {
    finish_under_big_lock(REPLAY_MODE_NONE, REPLAY_OK);
    finish_under_big_lock(REPLAY_MODE_RECORD, REPLAY_OK);
    record_shutdowns(1, false);
    finish_under_big_lock(REPLAY_MODE_PLAY, REPLAY_ERROR_STOPPED_SHORT);
}

/* ------------------------------------------------------- a stop of the run before */

static atomic_bool stops, is_busy, is_over;

static void *stop_again_and_again(void *unused) {
    while (!atomic_load(&is_over)) {
        atomic_store(&is_busy, true);
        if (atomic_load(&stops))
            replay_run_stop();
        atomic_store(&is_busy, false);
    }
    return unused;
}

static void execute_to_the_end(void *opaque, uint64_t instructions) {
    host_t *own_host = opaque;
    own_host->icount += instructions;
    if (own_host->icount >= 20000)
        replay_run_stop();
}

TEST_SLOW(a_stop_of_the_run_before_does_not_stop_the_next, 60) {
    pthread_t thread;
    unsigned stale = 0;
    REQUIRE(pthread_create(&thread, NULL, stop_again_and_again, NULL) == 0);
    for (unsigned round = 0; round < 2000; round++) {
        host_init(&host);
        atomic_store(&stops, true);
        host_configure(&host, REPLAY_MODE_NONE, NULL, NULL);
        replay_thread_attach(3);
        replay_start();
        replay_finish();
        atomic_store(&stops, false);
        for (int i = 0; i < 2; i++) {
            while (atomic_load(&is_busy))
                ;
            while (!atomic_load(&is_busy))
                ;
        }
        host_init(&host);
        host.callbacks.execute = execute_to_the_end;
        host_configure(&host, REPLAY_MODE_NONE, NULL, NULL);
        replay_start();
        replay_run();
        stale += host.icount < 20000;
        replay_finish();
    }
    atomic_store(&is_over, true);
    pthread_join(thread, NULL);
    CHECK_EQ(stale, 0);
}
