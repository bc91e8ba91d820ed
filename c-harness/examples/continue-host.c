/* SPDX-License-Identifier: MIT */
/** @file continue-host.c
 *  Continues a recording: an older log is replayed to its end in a session of its
 *  own, while the default session records the same run again; then the user goes on.
 *
 *      cc continue-host.c $(pkg-config --cflags --libs replay) -o continue-host
 *      continue-host rr=record,rrfile=old.log            a run, until stdin ends
 *      continue-host rr=record,rrfile=new.log old.log    continues where it ended
 *      continue-host rr=replay,rrfile=new.log            the whole
 *
 *  It works for a recording that was cut, too. The guest must not see the virtual
 *  clock while it sleeps (sleep=off, or no sleep at all): the new session would
 *  measure the older run's sleep again. */
#define _POSIX_C_SOURCE 200809L
#define REPLAY_SEVERAL_SESSIONS

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <replay/replay.h>

enum { CLOCK_EVERY = 1000, SLICE = 10000 };

static struct {
    uint64_t icount, state;
    int32_t keyboard, old_keyboard;
    uint8_t key;
    bool interrupt_pending, stopped;
    replay_session_t *old; /* the older log's, while it is replayed */
    bool old_has_ended;
} m;

static int complain(void) {
    replay_error_t error = REPLAY_ERROR_INIT;
    replay_last_error(&error);
    fprintf(stderr, "continue-host: %s\n", error.message);
    return 1;
}

static int64_t wall_clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ------------------------------------------- what comes from the older session */

static int64_t old_clock(void) {
    replay_session_push_current(m.old);
    int64_t now = REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 0);
    replay_session_pop_current();
    return now;
}

static bool old_interrupt(void) {
    replay_session_push_current(m.old);
    bool may = replay_interrupt();
    replay_session_pop_current();
    return may;
}

/* Its turn delivers its input; what is due limits the budget. */
static uint64_t old_turn(uint64_t budget) {
    replay_session_push_current(m.old);
    replay_turn();
    uint64_t n = replay_get_budget(budget);
    replay_session_pop_current();
    return n;
}

static void old_account(void) {
    replay_session_push_current(m.old);
    replay_account_executed_instructions();
    replay_session_pop_current();
}

/* Input of the older run: it is posted to the new session, which delivers it at the
 * same icount, as if it came from outside. */
static void old_receive(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque;
    replay_session_push_current(NULL);
    replay_chr_be_write(m.keyboard, data, length);
    replay_session_pop_current();
}

static void old_stop(void *opaque, replay_stop_reason_t reason, const replay_error_t *error) {
    (void)opaque;
    if (reason != REPLAY_STOP_END && reason != REPLAY_STOP_CUT) {
        fprintf(stderr, "continue-host: %s\n", error->message);
        m.stopped = true;
    }
    m.old_has_ended = true;
}

/* ------------------------------------------------------------------- the guest */

static int64_t rtc_read(void) {
    return REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, m.old ? old_clock() : wall_clock_ns());
}

static void execute(uint64_t n) {
    for (; n > 0; n--) {
        m.icount++;
        m.state = (m.state ^ m.icount) * UINT64_C(0x9e3779b97f4a7c15);
        if (m.icount % CLOCK_EVERY == 0)
            m.state ^= (uint64_t)rtc_read();
    }
}

static void deliver_interrupt(void) {
    m.state += m.key;
    m.interrupt_pending = false;
    printf("%c at %" PRIu64 "\n", m.key, m.icount);
}

static uint64_t m_icount(void *opaque) {
    (void)opaque;
    return m.icount;
}

static bool m_idle(void *opaque) {
    (void)opaque;
    return false;
}

static uint64_t m_digest(void *opaque) {
    (void)opaque;
    return m.state;
}

static void m_stop(void *opaque, replay_stop_reason_t reason, const replay_error_t *error) {
    (void)opaque, (void)reason, (void)error;
    m.stopped = true;
}

static void m_receive(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque;
    m.key = data[length - 1];
    m.interrupt_pending = true;
}

/* The user: a key, or the end of stdin, which ends the run. */
static void poll_user(void) {
    struct pollfd in = {STDIN_FILENO, POLLIN, 0};
    uint8_t key;
    if (poll(&in, 1, 0) != 1)
        return;
    if (read(STDIN_FILENO, &key, 1) == 1)
        replay_chr_be_write(m.keyboard, &key, 1);
    else if (replay_get_mode() != REPLAY_MODE_PLAY)
        m.stopped = true;
}

/* ----------------------------------------------------------------- the sessions */

static replay_host_t table(void) {
    replay_host_t host = REPLAY_HOST_INIT;
    host.icount = m_icount, host.cpus_idle = m_idle, host.digest = m_digest, host.stop = m_stop;
    return host;
}

/* The older log in a session of its own. */
static bool old_begin(const char *log) {
    m.old = replay_session_new();
    replay_session_push_current(m.old);
    replay_host_t host = table();
    host.stop = old_stop;
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.host = &host;
    config.mode = REPLAY_MODE_PLAY, config.filename = log;
    bool ok = replay_configure(&config) == REPLAY_OK;
    if (ok) {
        m.old_keyboard = replay_register_char_driver(old_receive, NULL);
        ok = replay_start() == REPLAY_OK;
    }
    if (ok)
        replay_mutex_lock();
    else
        complain();
    replay_session_pop_current();
    return ok;
}

static void old_end(void) {
    replay_session_push_current(m.old);
    replay_mutex_unlock();
    replay_status_t status = replay_finish();
    if (status != REPLAY_OK && status != REPLAY_ERROR_LOG_CUT)
        m.stopped = true;
    replay_session_pop_current();
    replay_session_free(m.old);
    m.old = NULL;
}

int main(int argc, char **argv) {
    replay_host_t host = table();
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.host = &host;
    config.options = argc > 1 ? argv[1] : NULL;
    if (replay_configure(&config))
        return complain();
    replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    replay_mutex_lock();
    m.keyboard = replay_register_char_driver(m_receive, NULL);
    if (replay_start())
        m.stopped = true;
    else if (argc > 2 && !old_begin(argv[2]))
        return 1;
    while (!m.stopped) {
        uint64_t n = SLICE;
        if (m.old)
            n = old_turn(n); /* before the new session's: its input arrives there */
        else
            poll_user();
        replay_turn();
        if (m.interrupt_pending && (!m.old || old_interrupt()) && replay_interrupt())
            deliver_interrupt();
        if (m.old)
            n = old_turn(n); /* the interrupt may have been what was due */
        n = replay_get_budget(n);
        execute(n);
        replay_account_executed_instructions();
        if (m.old)
            old_account();
        if (m.old && m.old_has_ended)
            old_end();
    }
    replay_mutex_unlock();
    replay_status_t status = replay_finish(); // what is still queued reaches the guest here
    printf("icount %" PRIu64 ", state %016" PRIx64 "\n", m.icount, m.state);
    return status ? complain() : 0;
}
