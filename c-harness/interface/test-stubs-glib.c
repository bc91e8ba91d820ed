/* SPDX-License-Identifier: MIT */
/* A host with two threads that is linked with the stubs: a GLib main loop gets
 * the I/O thread's turns, a sleeping vCPU thread wakes for its timer. */
#include <glib.h>
#include <pthread.h>
#include <stdio.h>

#include <replay/replay.h>

#define CHECK(condition) check((condition), #condition, __LINE__)

static gint failures;

static void check(bool good, const char *text, int line) {
    if (!good) {
        fprintf(stderr, "line %d: %s\n", line, text);
        g_atomic_int_inc(&failures);
    }
}

/* The host's own lock guards what both threads use: in mode NONE the replay lock
 * does nothing. Not GLib's, into which the thread sanitizer does not see. */
static pthread_mutex_t big_lock = PTHREAD_MUTEX_INITIALIZER;
static GMainLoop *loop;
static GThread *io_thread;
static struct {
    uint64_t icount;
    int64_t alarm_us; /* of a real-time clock, -1: not set */
    int timer_runs, alarm_runs, requests;
    bool asleep, reset_wanted, stopped;
} machine = {.alarm_us = -1};

static uint64_t m_icount(void *opaque) {
    (void)opaque;
    return __atomic_load_n(&machine.icount, __ATOMIC_RELAXED);
}

static bool m_idle(void *opaque) {
    (void)opaque;
    pthread_mutex_lock(&big_lock);
    bool asleep = machine.asleep;
    pthread_mutex_unlock(&big_lock);
    return asleep;
}

static int64_t m_deadline(void *opaque, replay_timer_clock_t clock) {
    (void)opaque;
    if (clock == REPLAY_TIMERS_VIRTUAL)
        return -1;
    pthread_mutex_lock(&big_lock);
    int64_t alarm = machine.alarm_us;
    pthread_mutex_unlock(&big_lock);
    int64_t left = (alarm - g_get_monotonic_time()) * 1000;
    return alarm < 0 ? -1 : left > 0 ? left : 0;
}

static void m_run_timers(void *opaque, replay_timer_clock_t clock) {
    (void)opaque;
    CHECK(clock == REPLAY_TIMERS_HOST && g_thread_self() == io_thread);
    pthread_mutex_lock(&big_lock);
    machine.alarm_us = -1;
    pthread_mutex_unlock(&big_lock);
    machine.alarm_runs++;
}

static void m_requests(void *opaque) {
    (void)opaque;
    CHECK(g_thread_self() == io_thread);
    pthread_mutex_lock(&big_lock);
    bool wanted = machine.reset_wanted;
    machine.reset_wanted = false;
    pthread_mutex_unlock(&big_lock);
    if (wanted && ++machine.requests)
        g_main_loop_quit(loop);
}

static void set_asleep(bool asleep) {
    pthread_mutex_lock(&big_lock);
    machine.asleep = asleep;
    pthread_mutex_unlock(&big_lock);
}

static void ring(void *opaque) {
    (void)opaque;
    machine.timer_runs++;
    set_asleep(false);
}

/* Sleeps five times for 10 ms of virtual time, then asks for a reset. */
static void *vcpu(void *opaque) {
    replay_timer_t *timer = opaque;
    CHECK(replay_thread_attach(REPLAY_THREAD_VCPU) == REPLAY_OK);
    while (machine.timer_runs < 5) {
        if (!m_idle(NULL)) {
            replay_timer_mod(timer, replay_get_virtual_clock() + 10000000);
            set_asleep(true);
        }
        replay_account_warp_timer();
        uint64_t n = replay_get_budget(m_idle(NULL) ? 0 : 1000);
        if (n == 0)
            CHECK(replay_wait(5000000000) == REPLAY_OK);
        __atomic_fetch_add(&machine.icount, n, __ATOMIC_RELAXED);
    }
    pthread_mutex_lock(&big_lock);
    machine.reset_wanted = true;
    pthread_mutex_unlock(&big_lock);
    replay_notify(); /* the main loop turns and sees it */
    return NULL;
}

int main(void) {
    replay_host_t host = REPLAY_HOST_INIT;
    host.icount = m_icount;
    host.cpus_idle = m_idle;
    host.deadline_ns = m_deadline;
    host.run_timers = m_run_timers;
    host.handle_requests = m_requests;
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.host = &host;
    CHECK(replay_glib_attach(NULL) == REPLAY_ERROR_WRONG_STATE);
    CHECK(replay_configure(&config) == REPLAY_OK && replay_start() == REPLAY_OK);
    GMainContext *context = g_main_context_new();
    loop = g_main_loop_new(context, FALSE);
    io_thread = g_thread_self();
    CHECK(replay_glib_attach(context) == REPLAY_OK);
    CHECK(replay_glib_attach(context) == REPLAY_ERROR_WRONG_STATE);

    int64_t start = g_get_monotonic_time();
    machine.alarm_us = start + 5000; /* before there is another thread */
    replay_timer_t *timer = replay_timer_new(ring, NULL);
    GThread *thread = g_thread_new("vcpu", vcpu, timer);
    g_main_loop_run(loop);
    g_thread_join(thread);
    int64_t took_us = g_get_monotonic_time() - start;
    CHECK(machine.timer_runs == 5 && machine.alarm_runs == 1 && machine.requests == 1);
    CHECK(took_us >= 49000 && took_us < 4000000);

    CHECK(replay_glib_detach(context) == REPLAY_OK);
    CHECK(replay_glib_detach(context) == REPLAY_ERROR_WRONG_STATE);
    CHECK(!g_main_context_pending(context));
    CHECK(replay_timer_free(timer) == REPLAY_OK && replay_finish() == REPLAY_OK);
    g_main_loop_unref(loop);
    g_main_context_unref(context);
    printf("%d failures, %ld us\n", failures, (long)took_us);
    return failures ? 1 : 0;
}
