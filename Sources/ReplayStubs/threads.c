/* SPDX-License-Identifier: MIT */
/* Threads: their roles, who wakes whom, waiting, and the loop of run.h. */
#include "stubs.h"

replay_role_t replay_stub_roles(void) {
    replay_role_t roles = replay_stub_thread.roles;
    return roles ? roles : REPLAY_THREAD_VCPU | REPLAY_THREAD_IO;
}

replay_status_t replay_thread_attach(replay_role_t roles) {
    REQUIRE(roles > 0 && roles <= (REPLAY_THREAD_VCPU | REPLAY_THREAD_IO), INVALID_ARGUMENT);
    replay_stub_thread.roles = roles;
    return REPLAY_OK;
}

bool replay_stub_idle(void) {
    return HOST(cpus_idle, (replay_stub.opaque), false);
}

bool replay_stub_runs(void) {
    return HOST(machine_running, (replay_stub.opaque), true);
}

/* ------------------------------------------------------------------- waking */

static void note_change(void) {
    HOLD(mutex);
    replay_stub.changes++;
    pthread_cond_broadcast(&replay_stub.changed);
}

void replay_stub_note_turn(void) {
    HOLD(mutex);
    replay_stub_thread.seen = replay_stub.changes;
}

void replay_stub_wake_vcpu(void) {
    HOST(kick, (replay_stub.opaque), (void)0);
    note_change();
}

void replay_stub_wake_io(void) {
    note_change();
    HOST(wake_io, (replay_stub.opaque), (void)0);
    replay_stub_wake_context();
}

void replay_stub_wake_io_for_warp(void) {
    if (!(replay_stub_roles() & REPLAY_THREAD_IO) && !atomic_exchange(&replay_stub.asked, true))
        replay_stub_wake_io();
}

void replay_notify(void) {
    replay_stub.asked = true;
    replay_stub_wake_io();
}

/* ------------------------------------------------------------------ waiting */

/* Sleeps until something changes that this thread hasn't seen; ns < 0: without limit. */
static bool rest(int64_t ns) {
    int64_t now = replay_stub_now(), end = ns < 0 || ns > INT64_MAX - now ? INT64_MAX : now + ns;
    struct timespec until = {end / 1000000000, end % 1000000000};
    HOLD(mutex);
    for (int error = 0; replay_stub_thread.seen == replay_stub.changes && error == 0;)
        error = pthread_cond_clockwait(&replay_stub.changed, &replay_stub.mutex, CLOCK_MONOTONIC,
                                       &until);
    bool changed = replay_stub_thread.seen != replay_stub.changes;
    replay_stub_thread.seen = replay_stub.changes;
    return changed;
}

replay_status_t replay_wait(int64_t timeout_ns) {
    replay_role_t roles = replay_stub_roles();
    if (roles & REPLAY_THREAD_VCPU && replay_stub_runs() && replay_stub_idle()) {
        if (replay_stub_timer_due())
            return REPLAY_OK;
        replay_stub_wake_io_for_warp();
    }
    int64_t limit = timeout_ns, next = -1;
    if (roles & REPLAY_THREAD_IO)
        next = replay_stub_next_turn(true);
    if (next >= 0 && (limit < 0 || next < limit))
        limit = next;
    return rest(limit) || limit != timeout_ns ? REPLAY_OK : REPLAY_TIMEOUT;
}

/* ------------------------------------------------------ run.h: the host's loop */

enum { SLICE = 10000, LONGEST_REST_NS = 100000000, REST_WITHOUT_PROGRESS_NS = 10000000 };

static void run_slice(void) {
    IN_HOST(HOST(interrupt, (replay_stub.opaque), (void)0));
    if (replay_stub.run_stopped)
        return;
    uint64_t before = replay_get_current_icount();
    uint64_t instructions = replay_get_budget(replay_stub_idle() ? 0 : SLICE);
    if (instructions == 0) {
        replay_wait(LONGEST_REST_NS);
        return;
    }
    replay_stub.host.execute(replay_stub.opaque, instructions);
    if (replay_get_current_icount() == before)
        rest(REST_WITHOUT_PROGRESS_NS);
}

static void run_turn(bool is_vcpu) {
    if (!replay_stub_machine_runs()) {
        rest(LONGEST_REST_NS);
        return;
    }
    replay_turn();
    if (is_vcpu)
        run_slice();
    else if (!replay_stub.run_stopped)
        replay_wait(-1);
}

replay_status_t replay_run(void) {
    if (replay_stub.failure)
        return replay_stub.failure;
    REQUIRE(replay_stub.started, WRONG_STATE);
    replay_stub_thread.roles = replay_stub_roles();
    bool is_vcpu = replay_stub_thread.roles & REPLAY_THREAD_VCPU;
    REQUIRE(!is_vcpu || replay_stub.host.execute, INVALID_ARGUMENT);
    REQUIRE(!replay_stub_thread.runs, REENTERED);
    REQUIRE(!is_vcpu || !atomic_exchange(&replay_stub.vcpu_runs, true), WRONG_ROLE);
    replay_stub_thread.runs = true;
    replay_stub_note_turn();
    while (!replay_stub.run_stopped)
        run_turn(is_vcpu);
    replay_stub_thread.runs = false;
    if (is_vcpu)
        replay_stub.vcpu_runs = false;
    return REPLAY_OK;
}

replay_status_t replay_run_stop(void) {
    REQUIRE(replay_stub.configured, WRONG_STATE);
    replay_stub.run_stopped = true;
    replay_stub_wake_vcpu();
    replay_stub_wake_io();
    return REPLAY_OK;
}
