/* SPDX-License-Identifier: MIT */
/* The library's callbacks. Any thread that takes a turn may call them, and in mode NONE it
 * holds no replay lock: hence the big lock around what they read. */
#include "machine.h"

#include "message.h"

static uint64_t on_icount(void *opaque) {
    machine_t *m = opaque;
    big_lock_take(&m->lock);
    uint64_t icount = m->cpu.icount;
    big_lock_give(&m->lock);
    return icount;
}

/* True while the guest sleeps and nothing is pending for it. Virtual time then follows real
 * time in RECORD, and skips the gap in PLAY. */
static bool on_cpus_idle(void *opaque) {
    machine_t *m = opaque;
    big_lock_take(&m->lock);
    bool idle = cpu_idle(&m->cpu) && !m->reset_requested;
    big_lock_give(&m->lock);
    return idle;
}

static bool on_machine_running(void *opaque) {
    return !atomic_load(&((machine_t *)opaque)->off);
}

/* The machine's only virtual timer belongs to the library. The real-time clock's alarm is on
 * the host's clock. */
static int64_t on_deadline(void *opaque, replay_timer_clock_t clock) {
    machine_t *m = opaque;
    if (clock != REPLAY_TIMERS_HOST || m->options->no_rtc)
        return -1;
    big_lock_take(&m->lock);
    int64_t deadline = rtc_deadline_ns(&m->rtc);
    big_lock_give(&m->lock);
    return deadline;
}

/* On the I/O thread, after the checkpoint that the library has passed for us. */
static void on_run_timers(void *opaque, replay_timer_clock_t clock) {
    machine_t *m = opaque;
    if (clock != REPLAY_TIMERS_HOST)
        return;
    big_lock_take(&m->lock);
    rtc_run_alarm(&m->rtc);
    big_lock_give(&m->lock);
    /* The guest may be asleep: its thread has to see the line that was raised. */
    replay->replay_notify();
}

/* Any thread may call this in the middle of a slice. So it only sets a flag, which ends the
 * slice at its next access to the bus. A slice lasts about 0.2 ms. */
static void on_kick(void *opaque) {
    atomic_store(&((machine_t *)opaque)->kicked, true);
}

/* PLAY: the log has ended, or the guest has left it. replay_finish() returns the error, and
 * library_complain() prints it. */
static void on_stop(void *opaque, replay_stop_reason_t reason, const replay_error_t *error) {
    (void)reason;
    (void)error;
    machine_power_off(opaque, REPLAY_SHUTDOWN_NONE);
}

/* PLAY: only this switches a replayed machine off. */
static void on_shutdown(void *opaque, replay_shutdown_cause_t cause) {
    machine_power_off(opaque, cause);
}

/* The main loop resets the machine, between two slices. The checkpoint before the reset puts
 * it at the same place in a replay; the one after it says that the reset is done. */
static void on_handle_requests(void *opaque) {
    machine_t *m = opaque;
    big_lock_take(&m->lock);
    if (m->reset_requested && replay->replay_checkpoint(REPLAY_CHECKPOINT_RESET_REQUESTED)) {
        m->reset_requested = false;
        replay->replay_timer_del(m->timer);
        if (!machine_reset(m))
            machine_power_off(m, REPLAY_SHUTDOWN_HOST_ERROR);
        replay->replay_checkpoint(REPLAY_CHECKPOINT_RESET);
        replay->replay_notify();
    }
    big_lock_give(&m->lock);
}

static uint64_t on_digest(void *opaque) {
    return machine_take_account(opaque);
}

/* Errors are printed by library_complain(), after the threads have ended. */
static void on_message(void *opaque, replay_message_level_t level, const char *text) {
    (void)opaque;
    if (level != REPLAY_MESSAGE_ERROR)
        tell("%s", text);
}

void machine_hooks(replay_host_t *host) {
    *host = (replay_host_t)REPLAY_HOST_INIT;
    host->icount = on_icount;
    host->cpus_idle = on_cpus_idle;
    host->machine_running = on_machine_running;
    host->deadline_ns = on_deadline;
    host->run_timers = on_run_timers;
    host->kick = on_kick;
    host->stop = on_stop;
    host->shutdown = on_shutdown;
    host->handle_requests = on_handle_requests;
    host->digest = on_digest;
    host->message = on_message;
    host->save_state = machine_save_state;
    host->load_state = machine_load_state;
    host->watched_ram = machine_watched_ram;
}
