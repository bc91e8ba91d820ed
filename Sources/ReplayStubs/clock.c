/* SPDX-License-Identifier: MIT */
/* clock.h in mode NONE: the virtual clock, its warp, timers, the two turns. */
#include "stubs.h"

#include <stdlib.h>

enum { VIRTUAL_LOOK_NS = 100000000, REAL_LOOK_NS = 1000000000, WOBBLE_NS = 100000000 };
enum { PAUSE_LOOK_NS = 100000000 };

typedef struct {
    replay_stub_item_t item;
    replay_callback_t callback;
    void *opaque;
    int64_t expire; /* virtual ns, -1: not set */
    uint64_t order; /* the later set, the higher */
} stub_timer_t;

static struct {
    int32_t shift;
    bool adapts, sleeps, warned;
    int64_t bias, warped;
    int64_t warp_start, warp_end; /* real time, -1: none */
    int64_t warp_target;          /* virtual time */
    int64_t epoch, pause_start, paused;
    int64_t last_delta, next_virtual_look, next_real_look;
    uint64_t order;
} vclock = {.sleeps = true, .warp_start = -1, .warp_end = -1, .pause_start = -1};

void replay_stub_clock_reset(int32_t shift, bool sleep) {
    pthread_mutex_lock(&replay_stub_session.mutex);
    vclock.adapts = shift == REPLAY_SHIFT_AUTO;
    vclock.shift = vclock.adapts ? 3 : shift;
    vclock.sleeps = sleep;
    vclock.warned = false;
    vclock.bias = vclock.warped = vclock.paused = vclock.last_delta = 0;
    vclock.warp_start = vclock.warp_end = vclock.pause_start = -1;
    vclock.next_virtual_look = VIRTUAL_LOOK_NS;
    vclock.next_real_look = REAL_LOOK_NS;
    vclock.epoch = replay_stub_now();
    pthread_mutex_unlock(&replay_stub_session.mutex);
}

/* ------------------------------------------------------ with the mutex held */

static int64_t add(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t virtual_at(uint64_t icount) {
    return add((int64_t)(icount << vclock.shift), vclock.bias);
}

/* Real time without the pauses. */
static int64_t running(void) {
    int64_t now = replay_stub_now() - vclock.epoch;
    return (vclock.pause_start >= 0 ? vclock.pause_start : now) - vclock.paused;
}

static void skip(int64_t ns) {
    vclock.bias = add(vclock.bias, ns);
    vclock.warped = add(vclock.warped, ns);
}

/* Virtual time moves on by the time slept, with shift=auto at most to real time. */
static void end_warp(uint64_t icount) {
    int64_t now = running(), start = vclock.warp_start, late = now - virtual_at(icount);
    vclock.warp_start = vclock.warp_end = -1;
    if (start < 0)
        return;
    int64_t slept = now > start ? now - start : 0;
    if (vclock.adapts && slept > late)
        slept = late > 0 ? late : 0;
    skip(slept);
}

/* The set timer that runs next, of those set before @p order. */
static stub_timer_t *first_timer(uint64_t order) {
    stub_timer_t *first = NULL;
    for (replay_stub_item_t *at = replay_stub_session.items; at; at = at->next) {
        stub_timer_t *timer = (stub_timer_t *)at;
        if (at->kind != REPLAY_STUB_TIMER || timer->expire < 0 || timer->order >= order)
            continue;
        if (!first || timer->expire < first->expire ||
            (timer->expire == first->expire && timer->order < first->order))
            first = timer;
    }
    return first;
}

/* ----------------------------------------------------------------- readings */

int64_t replay_save_clock(replay_clock_kind_t kind, int64_t value, uint64_t icount) {
    (void)kind, (void)icount;
    return value;
}

int64_t replay_read_clock(replay_clock_kind_t kind, uint64_t icount) {
    (void)icount;
    bool is_one = kind >= 0 && kind < REPLAY_CLOCK_COUNT;
    replay_stub_fail(is_one ? REPLAY_ERROR_WRONG_MODE : REPLAY_ERROR_INVALID_ARGUMENT,
                     "replay_read_clock was called while not replaying, or for no clock");
    return 0;
}

int64_t replay_clock_unlock(int64_t value) {
    return value;
}

int64_t replay_get_virtual_clock(void) {
    uint64_t icount = replay_get_current_icount();
    pthread_mutex_lock(&replay_stub_session.mutex);
    int64_t now = virtual_at(icount);
    pthread_mutex_unlock(&replay_stub_session.mutex);
    return now;
}

void replay_stub_clock_info(replay_info_t *info) {
    info->virtual_ns = replay_stub_session.configured ? replay_get_virtual_clock() : 0;
    pthread_mutex_lock(&replay_stub_session.mutex);
    info->warped_ns = vclock.warped;
    info->shift = vclock.shift;
    pthread_mutex_unlock(&replay_stub_session.mutex);
}

/* -------------------------------------------------------------- what is due */

/* ns to the host's nearest timer, 0: due, -1: none. */
static int64_t host_deadline(replay_timer_clock_t kind) {
    const replay_host_t *host = &replay_stub_session.host;
    int64_t ns = host->deadline_ns ? host->deadline_ns(replay_stub_session.opaque, kind) : -1;
    return ns < -1 ? 0 : ns;
}

/* When the nearest timer of ours runs, -1: none. */
static int64_t own_expire(void) {
    pthread_mutex_lock(&replay_stub_session.mutex);
    const stub_timer_t *first = first_timer(UINT64_MAX);
    int64_t expire = first ? first->expire : -1;
    pthread_mutex_unlock(&replay_stub_session.mutex);
    return expire;
}

/* ns to the nearest virtual timer, the host's or ours, 0: due, -1: none. */
static int64_t virtual_deadline(void) {
    int64_t hosts = host_deadline(REPLAY_TIMERS_VIRTUAL), expire = own_expire();
    if (expire < 0)
        return hosts;
    int64_t left = add(expire, -replay_get_virtual_clock());
    left = left > 0 ? left : 0;
    return hosts >= 0 && hosts < left ? hosts : left;
}

bool replay_stub_timer_due(void) {
    return (replay_stub_session.host.run_timers || own_expire() >= 0) && virtual_deadline() == 0;
}

bool replay_stub_runs(void) {
    const replay_host_t *host = &replay_stub_session.host;
    return !host->machine_running || host->machine_running(replay_stub_session.opaque);
}

uint64_t replay_get_budget(uint64_t max) {
    if (replay_stub_session.failure || max == 0 || !replay_stub_runs())
        return 0;
    int64_t deadline = virtual_deadline();
    pthread_mutex_lock(&replay_stub_session.mutex);
    uint64_t unit = UINT64_C(1) << vclock.shift;
    pthread_mutex_unlock(&replay_stub_session.mutex);
    uint64_t budget = ((uint64_t)deadline + unit - 1) / unit;
    return deadline >= 0 && budget < max ? budget : max;
}

/* Was the machine paused at the last turn? */
static bool is_paused(void) {
    pthread_mutex_lock(&replay_stub_session.mutex);
    bool paused = vclock.pause_start >= 0;
    pthread_mutex_unlock(&replay_stub_session.mutex);
    return paused;
}

int64_t replay_stub_next_turn(bool of_turns) {
    if (is_paused())
        return replay_stub_runs() ? 0 : PAUSE_LOOK_NS;
    pthread_mutex_lock(&replay_stub_session.mutex);
    int64_t warp = vclock.warp_end < 0 ? -1 : vclock.warp_end - running();
    warp = vclock.warp_end >= 0 && warp < 0 ? 0 : warp;
    pthread_mutex_unlock(&replay_stub_session.mutex);
    int64_t alarm =
        replay_stub_session.host.run_timers || !of_turns ? host_deadline(REPLAY_TIMERS_HOST) : -1;
    return warp < 0 || (alarm >= 0 && alarm < warp) ? alarm : warp;
}

int64_t replay_warp_deadline_ns(void) {
    return replay_stub_next_turn(false);
}

/* Is there no warp yet to @p target, where the sleeping guest's next timer is due? */
static bool must_arm(int64_t deadline, int64_t *target) {
    *target = add(replay_get_virtual_clock(), deadline);
    pthread_mutex_lock(&replay_stub_session.mutex);
    bool must = vclock.warp_end < 0 || vclock.warp_target != *target;
    pthread_mutex_unlock(&replay_stub_session.mutex);
    return must;
}

bool replay_stub_has_io_turn(void) {
    int64_t target;
    if (replay_stub_session.asked || replay_stub_next_turn(true) == 0)
        return true;
    int64_t deadline = !is_paused() && replay_stub_idle() ? virtual_deadline() : -1;
    return deadline > 0 && must_arm(deadline, &target);
}

/* ---------------------------------------------------------------- the turns */

bool replay_stub_machine_runs(void) {
    bool runs = replay_stub_runs();
    pthread_mutex_lock(&replay_stub_session.mutex);
    int64_t now = replay_stub_now() - vclock.epoch;
    if (runs && vclock.pause_start >= 0) {
        vclock.paused += now - vclock.pause_start;
        vclock.pause_start = -1;
    } else if (!runs && vclock.pause_start < 0) {
        vclock.pause_start = now;
    }
    pthread_mutex_unlock(&replay_stub_session.mutex);
    return runs;
}

static void end_warp_that_is_over(void) {
    uint64_t icount = replay_get_current_icount();
    pthread_mutex_lock(&replay_stub_session.mutex);
    bool is_over = vclock.warp_end >= 0 && vclock.warp_end <= running();
    if (is_over)
        end_warp(icount);
    pthread_mutex_unlock(&replay_stub_session.mutex);
    if (is_over)
        replay_stub_wake_vcpu();
}

static void warn_of_endless_sleep(void) {
    const replay_host_t *host = &replay_stub_session.host;
    if (vclock.sleeps || vclock.warned || !host->message)
        return;
    vclock.warned = true;
    host->message(replay_stub_session.opaque, REPLAY_MESSAGE_WARNING,
                  "the guest sleeps, has no timer, and with sleep=off nothing will ever wake it");
}

/* The guest sleeps until @p target. */
static void begin_warp(int64_t deadline, int64_t target) {
    pthread_mutex_lock(&replay_stub_session.mutex);
    if (vclock.sleeps) {
        int64_t now = running();
        vclock.warp_start =
            vclock.warp_start < 0 || now < vclock.warp_start ? now : vclock.warp_start;
        vclock.warp_end = deadline > INT64_MAX - now ? INT64_MAX : now + deadline;
        vclock.warp_target = target;
    } else {
        skip(deadline);
    }
    pthread_mutex_unlock(&replay_stub_session.mutex);
    if (!vclock.sleeps)
        replay_stub_wake_vcpu();
}

replay_status_t replay_start_warp_timer(void) {
    const replay_host_t *host = &replay_stub_session.host;
    int64_t target;
    replay_stub_note_turn();
    replay_stub_session.asked = false;
    if (replay_stub_session.failure || !replay_stub_machine_runs())
        return replay_stub_session.failure;
    end_warp_that_is_over();
    if (host->run_timers && host_deadline(REPLAY_TIMERS_HOST) == 0)
        host->run_timers(replay_stub_session.opaque, REPLAY_TIMERS_HOST);
    if (host->handle_requests)
        host->handle_requests(replay_stub_session.opaque);
    if (!replay_stub_idle())
        return REPLAY_OK;
    int64_t deadline = virtual_deadline();
    if (deadline < 0)
        warn_of_endless_sleep();
    else if (deadline == 0)
        replay_stub_wake_vcpu();
    else if (must_arm(deadline, &target))
        begin_warp(deadline, target);
    return REPLAY_OK;
}

/* shift=auto: from time to time the shift follows the host's speed. */
static void look_at_shift(void) {
    uint64_t icount = replay_get_current_icount();
    pthread_mutex_lock(&replay_stub_session.mutex);
    int64_t real = running(), now = virtual_at(icount), delta = now - real;
    if (vclock.adapts && (now >= vclock.next_virtual_look || real >= vclock.next_real_look)) {
        if (delta > 0 && vclock.last_delta + WOBBLE_NS < delta * 2 && vclock.shift > 0)
            vclock.shift--;
        else if (delta < 0 && vclock.last_delta - WOBBLE_NS > delta * 2 &&
                 vclock.shift < REPLAY_STUB_SHIFT_MAX)
            vclock.shift++;
        vclock.last_delta = delta;
        vclock.bias = add(now, -(int64_t)(icount << vclock.shift));
        vclock.next_virtual_look = now + VIRTUAL_LOOK_NS;
        vclock.next_real_look = real + REAL_LOOK_NS;
    }
    pthread_mutex_unlock(&replay_stub_session.mutex);
}

/* A timer that sets itself anew waits for the next turn, so that this one ends. */
static void run_virtual_timers(void) {
    int64_t now = replay_get_virtual_clock();
    pthread_mutex_lock(&replay_stub_session.mutex);
    uint64_t order = vclock.order;
    stub_timer_t *timer;
    while ((timer = first_timer(order)) && timer->expire <= now) {
        replay_callback_t callback = timer->callback;
        void *opaque = timer->opaque;
        timer->expire = -1;
        pthread_mutex_unlock(&replay_stub_session.mutex);
        callback(opaque);
        pthread_mutex_lock(&replay_stub_session.mutex);
    }
    pthread_mutex_unlock(&replay_stub_session.mutex);
    if (replay_stub_session.host.run_timers && host_deadline(REPLAY_TIMERS_VIRTUAL) == 0)
        replay_stub_session.host.run_timers(replay_stub_session.opaque, REPLAY_TIMERS_VIRTUAL);
}

replay_status_t replay_account_warp_timer(void) {
    if (!(replay_stub_session.asked && replay_stub_roles() & REPLAY_THREAD_IO))
        replay_stub_note_turn();
    if (replay_stub_session.failure || !replay_stub_machine_runs())
        return replay_stub_session.failure;
    look_at_shift();
    if (!replay_stub_idle()) {
        uint64_t icount = replay_get_current_icount();
        pthread_mutex_lock(&replay_stub_session.mutex);
        end_warp(icount);
        pthread_mutex_unlock(&replay_stub_session.mutex);
    }
    if (replay_stub_timer_due())
        run_virtual_timers();
    return REPLAY_OK;
}

replay_status_t replay_turn(void) {
    replay_role_t roles = replay_stub_roles();
    replay_status_t io = roles & REPLAY_THREAD_IO ? replay_start_warp_timer() : REPLAY_OK;
    replay_status_t vcpu = roles & REPLAY_THREAD_VCPU ? replay_account_warp_timer() : REPLAY_OK;
    return io == REPLAY_OK ? vcpu : io;
}

/* ----------------------------------------------------------- virtual timers */

static replay_status_t no_timer(void) {
    return replay_stub_invalid("this session does not have that timer");
}

replay_timer_t *replay_timer_new(replay_callback_t callback, void *opaque) {
    if (!callback) {
        replay_stub_invalid("a timer needs a callback");
        return NULL;
    }
    stub_timer_t *timer = replay_stub_add(REPLAY_STUB_TIMER, sizeof *timer);
    if (!timer)
        return NULL;
    timer->callback = callback, timer->opaque = opaque, timer->expire = -1;
    return replay_stub_handle(&timer->item);
}

static replay_status_t set(const replay_timer_t *handle, int64_t expire) {
    pthread_mutex_lock(&replay_stub_session.mutex);
    stub_timer_t *timer = replay_stub_find(REPLAY_STUB_TIMER, handle);
    if (timer)
        timer->expire = expire, timer->order = vclock.order++;
    pthread_mutex_unlock(&replay_stub_session.mutex);
    return timer ? REPLAY_OK : no_timer();
}

replay_status_t replay_timer_mod(replay_timer_t *timer, int64_t expire_ns) {
    int64_t expire = expire_ns < 0 ? 0 : expire_ns, before = own_expire();
    replay_status_t status = set(timer, expire);
    if (status != REPLAY_OK || (before >= 0 && expire >= before))
        return status;
    /* The slice under way was cut for a later deadline, and so was the warp armed. */
    if (replay_stub_session.host.kick)
        replay_stub_session.host.kick(replay_stub_session.opaque);
    if (replay_stub_idle())
        replay_stub_wake_io_for_warp();
    return REPLAY_OK;
}

replay_status_t replay_timer_del(replay_timer_t *timer) {
    return set(timer, -1);
}

replay_status_t replay_timer_free(replay_timer_t *handle) {
    pthread_mutex_lock(&replay_stub_session.mutex);
    void *timer = replay_stub_take(REPLAY_STUB_TIMER, handle);
    pthread_mutex_unlock(&replay_stub_session.mutex);
    free(timer);
    return timer || !handle ? REPLAY_OK : no_timer();
}

int64_t replay_timer_expire_time(const replay_timer_t *handle) {
    pthread_mutex_lock(&replay_stub_session.mutex);
    const stub_timer_t *timer = replay_stub_find(REPLAY_STUB_TIMER, handle);
    int64_t expire = timer ? timer->expire : -1;
    pthread_mutex_unlock(&replay_stub_session.mutex);
    return expire;
}
