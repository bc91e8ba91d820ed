/* SPDX-License-Identifier: MIT */
/* clock.h in mode NONE: the virtual clock, its warp, timers.
 *
 * While all vCPUs sleep, real time is added to the bias at every turn, of the
 * vCPU thread or the I/O thread, whichever comes: a host with one thread has
 * no other time at which both can look. */
#include "stubs.h"

#include <stdlib.h>

enum { ADAPT_INTERVAL_NS = 100000000, ADAPT_WOBBLE_NS = 100000000 };
/* How often a paused machine is looked at. */
enum { PAUSE_INTERVAL_NS = 100000000 };

struct replay_timer {
    struct replay_timer *next;
    replay_callback_t callback;
    void *opaque;
    int64_t expire; /* virtual ns, -1: not set */
    uint64_t order; /* the later set, the higher */
};

/* ------------------------------------------------------ readings of a clock */

int64_t replay_save_clock(replay_clock_kind_t kind, int64_t value, uint64_t icount) {
    (void)kind;
    (void)icount;
    return value;
}

int64_t replay_read_clock(replay_clock_kind_t kind, uint64_t icount) {
    (void)kind;
    (void)icount;
    replay_stub_wrong_mode(__func__);
    return 0;
}

int64_t replay_clock_unlock(int64_t value) {
    return value;
}

/* -------------------------------------------------------- the virtual clock */

/* (icount << shift), clamped. */
static int64_t executed_ns(uint64_t icount, int32_t shift) {
    return icount > (uint64_t)INT64_MAX >> shift ? INT64_MAX : (int64_t)(icount << shift);
}

static int64_t sum(int64_t a, int64_t b) {
    return b > INT64_MAX - a ? INT64_MAX : a + b;
}

/* With the mutex held. */
static int64_t virtual_ns(const replay_session_t *session, uint64_t icount) {
    int64_t executed = executed_ns(icount, session->shift);
    return session->bias > 0 ? sum(session->bias, executed) : executed + session->bias;
}

int64_t replay_get_virtual_clock(void) {
    replay_session_t *session = replay_stub_session();
    if (!session->configured || !session->host.icount)
        return 0;
    uint64_t icount = replay_get_current_icount();
    pthread_mutex_lock(&session->mutex);
    int64_t now = virtual_ns(session, icount);
    pthread_mutex_unlock(&session->mutex);
    return now;
}

void replay_stub_clock_start(replay_session_t *session) {
    session->bias = session->warped = 0;
    session->warp_start = session->pause_start = -1;
    session->paused = 0;
    session->warned = false;
    session->real_start = session->adapt_real = replay_stub_now();
    session->adapt_virtual = session->adapt_lead = 0;
}

/* -------------------------------------------------------------- due timers */

/* The set timer that runs next, of those set before @p order. Mutex held. */
static replay_timer_t *first_timer(const replay_session_t *session, uint64_t order) {
    replay_timer_t *first = NULL;
    for (replay_timer_t *timer = session->timers; timer; timer = timer->next) {
        if (timer->expire < 0 || timer->order >= order)
            continue;
        if (!first || timer->expire < first->expire ||
            (timer->expire == first->expire && timer->order < first->order))
            first = timer;
    }
    return first;
}

/* ns to the host's nearest timer, 0: due, -1: none. */
static int64_t host_deadline(replay_session_t *session, replay_timer_clock_t clock) {
    if (!session->host.deadline_ns)
        return -1;
    int64_t deadline = session->host.deadline_ns(session->opaque, clock);
    return deadline < -1 ? 0 : deadline;
}

/* ns to the nearest virtual timer, the host's or ours, 0: due, -1: none. */
static int64_t virtual_deadline(replay_session_t *session) {
    int64_t deadline = host_deadline(session, REPLAY_TIMERS_VIRTUAL);
    int64_t now = replay_get_virtual_clock();
    pthread_mutex_lock(&session->mutex);
    const replay_timer_t *first = first_timer(session, UINT64_MAX);
    if (first) {
        int64_t own = first->expire > now ? first->expire - now : 0;
        deadline = deadline < 0 || own < deadline ? own : deadline;
    }
    pthread_mutex_unlock(&session->mutex);
    return deadline;
}

/* Runs our timers that are due. Those that a callback sets wait for the next
 * turn, so that a turn ends. */
static void run_own_timers(replay_session_t *session) {
    int64_t now = replay_get_virtual_clock();
    pthread_mutex_lock(&session->mutex);
    uint64_t order = session->timer_order;
    replay_timer_t *timer;
    while ((timer = first_timer(session, order)) && timer->expire <= now) {
        replay_callback_t callback = timer->callback;
        void *opaque = timer->opaque;
        timer->expire = -1;
        pthread_mutex_unlock(&session->mutex);
        callback(opaque);
        pthread_mutex_lock(&session->mutex);
    }
    pthread_mutex_unlock(&session->mutex);
}

static void run_host_timers(replay_session_t *session, replay_timer_clock_t clock) {
    if (session->host.run_timers && host_deadline(session, clock) == 0)
        session->host.run_timers(session->opaque, clock);
}

uint64_t replay_get_budget(uint64_t max) {
    replay_session_t *session = replay_stub_session();
    int64_t deadline = virtual_deadline(session);
    if (deadline < 0)
        return max;
    pthread_mutex_lock(&session->mutex);
    int32_t shift = session->shift;
    pthread_mutex_unlock(&session->mutex);
    uint64_t budget = ((uint64_t)deadline + (UINT64_C(1) << shift) - 1) >> shift;
    return budget < max ? budget : max;
}

/* ---------------------------------------------------------------- the warp */

bool replay_stub_machine_runs(replay_session_t *session) {
    bool runs = session->configured &&
                (!session->host.machine_running || session->host.machine_running(session->opaque));
    int64_t now = replay_stub_now();
    pthread_mutex_lock(&session->mutex);
    if (runs && session->pause_start >= 0) {
        session->paused += now - session->pause_start;
        session->pause_start = -1;
    } else if (!runs && session->pause_start < 0) {
        session->pause_start = now;
    }
    pthread_mutex_unlock(&session->mutex);
    return runs;
}

/* Real time without the pauses. With the mutex held. */
static int64_t running_ns(const replay_session_t *session) {
    int64_t now = session->pause_start >= 0 ? session->pause_start : replay_stub_now();
    return now - session->paused;
}

static bool idle(replay_session_t *session) {
    return session->host.cpus_idle && session->host.cpus_idle(session->opaque);
}

static void warn_once(replay_session_t *session) {
    if (!session->warned && session->host.message)
        session->host.message(session->opaque, REPLAY_MESSAGE_WARNING,
                              "all vCPUs sleep, no timer is set and sleep=off: nothing will ever "
                              "wake the guest");
    session->warned = true;
}

/* sleep=off: an idle guest is at its next timer at once; if two threads look,
 * one of them jumps. */
static void jump(replay_session_t *session) {
    pthread_mutex_lock(&session->mutex);
    int64_t bias = session->bias;
    pthread_mutex_unlock(&session->mutex);
    int64_t deadline = virtual_deadline(session);
    if (deadline < 0)
        warn_once(session);
    if (deadline <= 0)
        return;
    pthread_mutex_lock(&session->mutex);
    if (session->bias == bias) {
        session->bias = sum(bias, deadline);
        session->warped += deadline;
    }
    pthread_mutex_unlock(&session->mutex);
}

/* sleep=on: adds the real time since the last look, and looks on while the
 * guest is idle. With shift=auto virtual time does not get ahead of real time. */
static void follow_real_time(replay_session_t *session, bool goes_on) {
    uint64_t icount = replay_get_current_icount();
    pthread_mutex_lock(&session->mutex);
    int64_t now = running_ns(session);
    if (session->warp_start >= 0) {
        int64_t slept = now - session->warp_start;
        int64_t behind = now - session->real_start - virtual_ns(session, icount);
        if (session->adapt && slept > behind)
            slept = behind > 0 ? behind : 0;
        session->bias = sum(session->bias, slept);
        session->warped += slept;
    }
    session->warp_start = goes_on ? now : -1;
    pthread_mutex_unlock(&session->mutex);
}

static void warp(replay_session_t *session) {
    bool is_idle = idle(session);
    if (session->sleep)
        follow_real_time(session, is_idle);
    else if (is_idle)
        jump(session);
}

/* shift=auto: a step each 100 ms of virtual time or second of real time, if
 * the distance to real time is large and grows. */
static void adapt_shift(replay_session_t *session) {
    uint64_t icount = replay_get_current_icount();
    pthread_mutex_lock(&session->mutex);
    int64_t now = running_ns(session);
    int64_t virtual_now = virtual_ns(session, icount);
    if (virtual_now - session->adapt_virtual >= ADAPT_INTERVAL_NS ||
        now - session->adapt_real >= 10 * (int64_t)ADAPT_INTERVAL_NS) {
        int64_t lead = virtual_now - (now - session->real_start);
        if (lead > 0 && session->adapt_lead + ADAPT_WOBBLE_NS < lead * 2 && session->shift > 0)
            session->shift--;
        if (lead < 0 && session->adapt_lead - ADAPT_WOBBLE_NS > lead * 2 &&
            session->shift < REPLAY_STUB_SHIFT_MAX)
            session->shift++;
        session->bias = virtual_now - executed_ns(icount, session->shift);
        session->adapt_lead = lead;
        session->adapt_virtual = virtual_now;
        session->adapt_real = now;
    }
    pthread_mutex_unlock(&session->mutex);
}

replay_status_t replay_start_warp_timer(void) {
    replay_session_t *session = replay_stub_session();
    replay_stub_turn_begins(session);
    if (!replay_stub_machine_runs(session))
        return REPLAY_OK;
    run_host_timers(session, REPLAY_TIMERS_HOST);
    if (session->host.handle_requests)
        session->host.handle_requests(session->opaque);
    warp(session);
    if (idle(session) && virtual_deadline(session) == 0) {
        replay_stub_changed(session);
        if (session->host.kick)
            session->host.kick(session->opaque);
    }
    return REPLAY_OK;
}

replay_status_t replay_account_warp_timer(void) {
    replay_session_t *session = replay_stub_session();
    replay_stub_turn_begins(session);
    if (!replay_stub_machine_runs(session))
        return REPLAY_OK;
    warp(session);
    if (session->adapt)
        adapt_shift(session);
    run_own_timers(session);
    run_host_timers(session, REPLAY_TIMERS_VIRTUAL);
    return REPLAY_OK;
}

replay_status_t replay_turn(void) {
    replay_role_t roles = replay_stub_roles();
    if (roles & REPLAY_THREAD_IO)
        replay_start_warp_timer();
    if (roles & REPLAY_THREAD_VCPU)
        replay_account_warp_timer();
    return REPLAY_OK;
}

/* Real ns until virtual time moves an idle guest on, -1: nothing will. */
static int64_t warp_deadline(replay_session_t *session) {
    if (!idle(session))
        return -1;
    int64_t deadline = virtual_deadline(session);
    return session->sleep || deadline < 0 ? deadline : 0;
}

int64_t replay_warp_deadline_ns(void) {
    replay_session_t *session = replay_stub_session();
    if (!replay_stub_machine_runs(session))
        return session->configured ? PAUSE_INTERVAL_NS : -1;
    int64_t warp_end = warp_deadline(session);
    int64_t host = host_deadline(session, REPLAY_TIMERS_HOST);
    return warp_end < 0 || (host >= 0 && host < warp_end) ? host : warp_end;
}

int64_t replay_stub_wait_limit(replay_session_t *session) {
    if (replay_stub_machine_runs(session) && virtual_deadline(session) == 0)
        return 0;
    return replay_warp_deadline_ns();
}

/* ----------------------------------------------------------- virtual timers */

/* Where a timer stands in its session's list; with the mutex held. */
static replay_timer_t **find(replay_session_t *session, const replay_timer_t *timer) {
    for (replay_timer_t **at = &session->timers; *at; at = &(*at)->next)
        if (*at == timer)
            return at;
    return NULL;
}

static replay_status_t no_timer(replay_session_t *session) {
    return replay_stub_fail(session, REPLAY_ERROR_INVALID_ARGUMENT,
                            "this is no timer of the session");
}

replay_timer_t *replay_timer_new(replay_callback_t callback, void *opaque) {
    replay_session_t *session = replay_stub_session();
    if (!callback) {
        replay_stub_fail(session, REPLAY_ERROR_INVALID_ARGUMENT, "the callback is NULL");
        return NULL;
    }
    replay_timer_t *timer = malloc(sizeof *timer);
    if (!timer) {
        replay_stub_fail(session, REPLAY_ERROR_NO_MEMORY, "memory ran out");
        return NULL;
    }
    pthread_mutex_lock(&session->mutex);
    *timer = (replay_timer_t){session->timers, callback, opaque, -1, 0};
    session->timers = timer;
    pthread_mutex_unlock(&session->mutex);
    return timer;
}

static replay_status_t set(replay_timer_t *timer, int64_t expire) {
    replay_session_t *session = replay_stub_session();
    pthread_mutex_lock(&session->mutex);
    bool found = find(session, timer);
    if (found) {
        timer->expire = expire;
        timer->order = session->timer_order++;
    }
    pthread_mutex_unlock(&session->mutex);
    if (!found)
        return no_timer(session);
    replay_stub_changed(session);
    return REPLAY_OK;
}

replay_status_t replay_timer_mod(replay_timer_t *timer, int64_t expire_ns) {
    return set(timer, expire_ns < 0 ? 0 : expire_ns);
}

replay_status_t replay_timer_del(replay_timer_t *timer) {
    return set(timer, -1);
}

replay_status_t replay_timer_free(replay_timer_t *timer) {
    replay_session_t *session = replay_stub_session();
    if (!timer)
        return REPLAY_OK;
    pthread_mutex_lock(&session->mutex);
    replay_timer_t **at = find(session, timer);
    if (at)
        *at = timer->next;
    pthread_mutex_unlock(&session->mutex);
    if (!at)
        return no_timer(session);
    free(timer);
    return REPLAY_OK;
}

int64_t replay_timer_expire_time(const replay_timer_t *timer) {
    replay_session_t *session = replay_stub_session();
    pthread_mutex_lock(&session->mutex);
    int64_t expire = find(session, timer) ? timer->expire : -1;
    pthread_mutex_unlock(&session->mutex);
    return expire;
}

void replay_stub_free_timers(replay_session_t *session) {
    while (session->timers) {
        replay_timer_t *timer = session->timers;
        session->timers = timer->next;
        free(timer);
    }
}
