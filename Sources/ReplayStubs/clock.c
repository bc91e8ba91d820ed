/* SPDX-License-Identifier: MIT */
/* clock.h: the virtual clock, its timers, the turns of the two threads. */
#include <stdlib.h>
#include <time.h>

#include "stubs.h"

int64_t replay_stub_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void replay_stub_clock_reset(int32_t shift, bool sleeps) {
    HOLD(mutex);
    replay_stub.clock = replay_vclock(shift == REPLAY_SHIFT_DEFAULT ? 0 : shift);
    replay_stub.pauses = (replay_pauses_t){0};
    replay_stub.sleeps = sleeps;
    replay_stub.epoch = replay_stub_now();
}

uint64_t replay_get_current_icount(void) {
    return HOST(icount, (replay_stub.opaque), 0);
}

/* Everything that time depends on, at one moment. */
typedef struct {
    replay_vclock_t clock;
    uint64_t icount;
    int64_t virtual;
    int64_t real;  /* without the pauses */
    int64_t timer; /* when our nearest timer runs, -1: none is set */
    bool is_paused;
} moment_t;

/* With the mutex held. */
static int64_t real_time(void) {
    return replay_pauses_running(&replay_stub.pauses, replay_stub_now() - replay_stub.epoch);
}

static moment_t look(void) {
    uint64_t icount = replay_get_current_icount();
    HOLD(mutex);
    return (moment_t){replay_stub.clock,
                      icount,
                      replay_vclock_now(&replay_stub.clock, icount),
                      real_time(),
                      replay_timers_nearest(&replay_stub.timers),
                      replay_stub.pauses.is_paused};
}

int64_t replay_get_virtual_clock(void) {
    return look().virtual;
}

/* -------------------------------------------------------------- what is due */

/* The earlier of two times, of which -1 never comes. */
static int64_t earlier(int64_t a, int64_t b) {
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* ns to the host's nearest timer, 0: due, -1: none. */
static int64_t host_deadline(replay_timer_clock_t kind) {
    int64_t ns = HOST(deadline_ns, (replay_stub.opaque, kind), -1);
    return ns < -1 ? 0 : ns;
}

/* ns to the nearest virtual timer, the host's or ours, 0: due, -1: none. */
static int64_t virtual_deadline(void) {
    int64_t hosts = host_deadline(REPLAY_TIMERS_VIRTUAL);
    moment_t now = look();
    int64_t left = replay_ns_since(now.timer, now.virtual);
    return earlier(hosts, now.timer < 0 ? -1 : left > 0 ? left : 0);
}

bool replay_stub_timer_due(void) {
    return (replay_stub.host.run_timers || look().timer >= 0) && virtual_deadline() == 0;
}

uint64_t replay_get_budget(uint64_t max) {
    if (replay_stub.failure || max == 0 || !replay_stub_runs())
        return 0;
    int64_t deadline = virtual_deadline();
    moment_t now = look();
    uint64_t budget = replay_vclock_instructions(&now.clock, deadline);
    return deadline >= 0 && budget < max ? budget : max;
}

int64_t replay_stub_next_turn(bool of_turns) {
    moment_t now = look();
    if (now.is_paused)
        return replay_stub_runs() ? 0 : REPLAY_PAUSE_LOOK_NS;
    bool has_alarms = replay_stub.host.run_timers || !of_turns;
    return earlier(replay_vclock_warp_left(&now.clock, now.real),
                   has_alarms ? host_deadline(REPLAY_TIMERS_HOST) : -1);
}

int64_t replay_warp_deadline_ns(void) {
    return replay_stub_next_turn(false);
}

bool replay_stub_has_io_turn(void) {
    if (replay_stub.failure || !replay_stub_runs())
        return !replay_stub.failure && !look().is_paused;
    if (replay_stub.asked || replay_stub_next_turn(true) == 0)
        return true;
    int64_t deadline = replay_stub_idle() ? virtual_deadline() : -1;
    moment_t now = look();
    return deadline > 0 && replay_vclock_must_arm(&now.clock, replay_ns_add(now.virtual, deadline));
}

/* ---------------------------------------------------------------- the turns */

bool replay_stub_machine_runs(void) {
    bool runs = replay_stub_runs();
    HOLD(mutex);
    replay_pauses_note(&replay_stub.pauses, !runs, replay_stub_now() - replay_stub.epoch);
    return runs;
}

static void end_warp(void) {
    uint64_t icount = replay_get_current_icount();
    HOLD(mutex);
    replay_stub.clock.is_armed = false;
    replay_vclock_end_warp(&replay_stub.clock, real_time(), icount);
}

/* The guest sleeps, and a timer is due later. */
static void begin_warp(int64_t deadline) {
    moment_t now = look();
    int64_t target = replay_ns_add(now.virtual, deadline);
    if (!replay_vclock_must_arm(&now.clock, target))
        return;
    {
        HOLD(mutex);
        if (replay_stub.sleeps)
            replay_vclock_arm(&replay_stub.clock, now.real, deadline, target);
        else
            replay_vclock_skip(&replay_stub.clock, deadline);
    }
    if (!replay_stub.sleeps)
        replay_stub_wake_vcpu();
}

replay_status_t replay_start_warp_timer(void) {
    replay_stub_note_turn();
    replay_stub.asked = false;
    if (replay_stub.failure || !replay_stub_machine_runs())
        return replay_stub.failure;
    moment_t now = look();
    if (replay_vclock_warp_left(&now.clock, now.real) == 0) {
        end_warp();
        replay_stub_wake_vcpu();
    }
    if (replay_stub.host.run_timers && host_deadline(REPLAY_TIMERS_HOST) == 0)
        IN_HOST(replay_stub.host.run_timers(replay_stub.opaque, REPLAY_TIMERS_HOST));
    IN_HOST(HOST(handle_requests, (replay_stub.opaque), (void)0));
    int64_t deadline = replay_stub_idle() ? virtual_deadline() : -1;
    if (deadline == 0)
        replay_stub_wake_vcpu();
    else if (deadline > 0)
        begin_warp(deadline);
    return replay_stub.failure;
}

/* shift=auto: from time to time the shift follows the host's speed. */
static void look_at_shift(void) {
    moment_t now = look();
    HOLD(mutex);
    if (replay_vclock_must_look(&now.clock, now.real, now.icount))
        replay_vclock_look(&replay_stub.clock, now.real, now.icount);
}

/* Removes the next timer that is due; @p order separates those set before the run from later ones.
 */
static bool take_due(int64_t now, uint64_t *order, replay_timer_entry_t *due) {
    HOLD(mutex);
    if (*order == UINT64_MAX)
        *order = replay_stub.timers.next_order;
    return replay_timers_take_due(&replay_stub.timers, now, *order, due);
}

static void run_virtual_timers(void) {
    int64_t now = replay_get_virtual_clock();
    uint64_t order = UINT64_MAX;
    for (replay_timer_entry_t due; take_due(now, &order, &due);)
        IN_HOST(due.callback(due.opaque));
    if (replay_stub.host.run_timers && host_deadline(REPLAY_TIMERS_VIRTUAL) == 0)
        IN_HOST(replay_stub.host.run_timers(replay_stub.opaque, REPLAY_TIMERS_VIRTUAL));
}

replay_status_t replay_account_warp_timer(void) {
    /* A thread with both roles must still see a request to the I/O side. */
    if (!(replay_stub.asked && replay_stub_roles() & REPLAY_THREAD_IO))
        replay_stub_note_turn();
    if (replay_stub.failure || !replay_stub_machine_runs())
        return replay_stub.failure;
    look_at_shift();
    if (!replay_stub_idle())
        end_warp();
    if (replay_stub_timer_due())
        run_virtual_timers();
    return replay_stub.failure;
}

replay_status_t replay_turn(void) {
    replay_role_t roles = replay_stub_roles();
    replay_status_t io = roles & REPLAY_THREAD_IO ? replay_start_warp_timer() : REPLAY_OK;
    replay_status_t vcpu = roles & REPLAY_THREAD_VCPU ? replay_account_warp_timer() : REPLAY_OK;
    return io == REPLAY_OK ? vcpu : io;
}

/* ----------------------------------------------------------- virtual timers */

replay_timer_t *replay_timer_new(replay_callback_t callback, void *opaque) {
    REQUIRE_OR(callback, INVALID_ARGUMENT, NULL);
    HOLD(mutex);
    replay_timers_t *timers = &replay_stub.timers;
    void *larger = realloc(timers->entries, (timers->count + 1) * sizeof *timers->entries);
    REQUIRE_OR(larger, NO_MEMORY, NULL);
    timers->entries = larger;
    replay_timers_add(timers, ++replay_stub.last_handle, callback, opaque);
    return (replay_timer_t *)replay_stub.last_handle;
}

/* @return does it now run before all others? The current slice ends at a later deadline. */
static bool set(replay_timer_t *timer, int64_t expire, replay_status_t *status) {
    HOLD(mutex);
    int64_t before = replay_timers_nearest(&replay_stub.timers);
    bool found = replay_timers_set(&replay_stub.timers, (uintptr_t)timer, expire);
    *status = found ? REPLAY_OK : FAIL(INVALID_ARGUMENT);
    return found && (before < 0 || replay_timers_nearest(&replay_stub.timers) < before);
}

replay_status_t replay_timer_mod(replay_timer_t *timer, int64_t expire_ns) {
    replay_status_t status;
    if (set(timer, expire_ns, &status)) {
        HOST(kick, (replay_stub.opaque), (void)0);
        if (replay_stub_idle())
            replay_stub_wake_io_for_warp();
    }
    return status;
}

replay_status_t replay_timer_del(replay_timer_t *timer) {
    HOLD(mutex);
    REQUIRE(replay_timers_clear(&replay_stub.timers, (uintptr_t)timer), INVALID_ARGUMENT);
    return REPLAY_OK;
}

replay_status_t replay_timer_free(replay_timer_t *timer) {
    HOLD(mutex);
    REQUIRE(!timer || replay_timers_remove(&replay_stub.timers, (uintptr_t)timer),
            INVALID_ARGUMENT);
    return REPLAY_OK;
}

int64_t replay_timer_expire_time(const replay_timer_t *timer) {
    HOLD(mutex);
    return replay_timers_expire(&replay_stub.timers, (uintptr_t)timer);
}
