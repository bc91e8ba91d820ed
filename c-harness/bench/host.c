/* SPDX-License-Identifier: MIT */
/* The host: one vCPU thread that holds the replay lock throughout. */
#include "bench.h"

uint64_t bench_sum_recorded, bench_sum_played;

static uint64_t on_icount(void *opaque) {
    return ((const bench_machine_t *)opaque)->icount;
}

static bool on_cpus_idle(void *opaque) {
    (void)opaque;
    return false;
}

static void on_stop(void *opaque, replay_stop_reason_t reason, const replay_error_t *error) {
    (void)opaque;
    bench_require(reason == REPLAY_STOP_END, error ? error->message : "the machine was stopped");
}

void bench_begin(replay_mode_t mode, bench_machine_t *machine) {
    replay_host_t host = REPLAY_HOST_INIT;
    host.icount = on_icount;
    host.cpus_idle = on_cpus_idle;
    host.stop = on_stop;
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.mode = mode;
    config.host = &host;
    config.opaque = machine;
    config.filename = bench_log;
    bench_require(replay_configure(&config) == REPLAY_OK, "no session");
    bench_require(replay_start() == REPLAY_OK, "no start");
    bench_require(replay_thread_attach(REPLAY_THREAD_VCPU) == REPLAY_OK, "no role");
    bench_require(replay_mutex_lock() == REPLAY_OK, "no lock");
}

void bench_end(void) {
    bench_require(replay_mutex_unlock() == REPLAY_OK, "the lock was lost");
    bench_require(replay_finish() == REPLAY_OK, "the session failed");
}

__attribute__((noinline)) void bench_record(bench_machine_t *machine, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        bench_advance(machine);
        bench_sum_recorded +=
            (uint64_t)REPLAY_CLOCK_AT(REPLAY_CLOCK_HOST, machine->clock, machine->icount);
    }
}

/* The same line of host code; the machine has no clock of its own here. */
__attribute__((noinline)) void bench_play(bench_machine_t *machine, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        bench_advance(machine);
        bench_sum_played += (uint64_t)REPLAY_CLOCK_AT(REPLAY_CLOCK_HOST, 0, machine->icount);
    }
}

__attribute__((noinline)) void bench_asked_record(bench_machine_t *machine, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        bench_advance(machine);
        bench_sum_recorded += (uint64_t)REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, machine->clock);
    }
}

__attribute__((noinline)) void bench_asked_play(bench_machine_t *machine, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        bench_advance(machine);
        bench_sum_played += (uint64_t)REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 0);
    }
}

__attribute__((noinline)) void bench_checkpoint(bench_machine_t *machine, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        bench_advance(machine);
        replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL);
    }
}

__attribute__((noinline)) void bench_lock(bench_machine_t *machine, unsigned count) {
    (void)machine;
    for (unsigned i = 0; i < count; i++) {
        replay_mutex_unlock();
        replay_mutex_lock();
    }
}

__attribute__((noinline)) void bench_slice(bench_machine_t *machine, unsigned count) {
    (void)machine;
    for (unsigned i = 0; i < count; i++) {
        replay_get_instructions();
        replay_account_executed_instructions();
    }
}

/* Where the log's next event is not due yet. */
__attribute__((noinline)) void bench_refused_checkpoint(bench_machine_t *machine, unsigned count) {
    (void)machine;
    for (unsigned i = 0; i < count; i++)
        bench_require(!replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL), "not refused");
}

__attribute__((noinline)) void bench_refused_interrupt(bench_machine_t *machine, unsigned count) {
    (void)machine;
    for (unsigned i = 0; i < count; i++)
        bench_require(!replay_interrupt(), "not refused");
}
