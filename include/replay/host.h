/* SPDX-License-Identifier: MIT */
/** @file host.h
 *  The callbacks of a host: what the library asks of it, and when.
 *
 *  A host fills the table once and passes it to replay_configure(), which copies it. */
#ifndef REPLAY_HOST_H
#define REPLAY_HOST_H

#include "devices.h"
#include "errors.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What the library asks of the host. Every callback gets the configuration's
 *  @c opaque. Those marked "needed" may not be NULL while recording or
 *  replaying; each other may.
 *
 *  Unless it says otherwise a callback is called with the replay lock held, by
 *  the thread whose call into the library led to it, and may call the library
 *  again, except for replay_async_events() and the functions of session.h that
 *  begin or end something.
 *
 *  In NONE, with the stubs too, there is no replay lock: both threads ask
 *  icount, cpus_idle, machine_running and deadline_ns at the same time, while
 *  the vCPU executes. What they look at is atomic there, or guarded by a lock
 *  of the host's own.
 *
 *  A thread of the library's watches for a machine that stands still. It too
 *  asks icount, cpus_idle and deadline_ns (in NONE without a lock, see above),
 *  and in every mode machine_running, without the lock. */
typedef struct replay_host {
    uint32_t size; /**< sizeof(replay_host_t) */

    /** Needed. Guest instructions executed so far. An instruction that is being
     *  executed (and reads a device, say) counts as executed already: PLAY
     *  lets the vCPU run just up to and with it. Never goes back: if it does,
     *  a recording or replay ends with ERROR_ICOUNT_BACKWARDS. [hot] */
    uint64_t (*icount)(void *opaque);

    /** Needed. True if every vCPU sleeps and nothing is pending for it. */
    bool (*cpus_idle)(void *opaque);

    /** True if the machine runs, false if its user has paused it. NULL: it runs.
     *  Virtual time stands still in a pause, which lasts from the first turn that
     *  finds the machine paused to the first that finds it running:
     *  replay_notify() leads to such a turn at once. [any], without the lock. */
    bool (*machine_running)(void *opaque);

    /** Nanoseconds from now to the nearest timer of @p clock: 0 or less if one
     *  is due, but -1 means that there is none (a timer that is late is due: 0).
     *  For REPLAY_TIMERS_VIRTUAL against replay_get_virtual_clock(), for
     *  REPLAY_TIMERS_HOST against a plain reading of the host's clock, outside
     *  of REPLAY_CLOCK. NULL: the host has no timers of its own. */
    int64_t (*deadline_ns)(void *opaque, replay_timer_clock_t clock);

    /** Runs the timers of @p clock that are due. The library has met the
     *  checkpoint that guards them. NULL: the host runs its timers itself, each
     *  after its checkpoint. */
    void (*run_timers)(void *opaque, replay_timer_clock_t clock);

    /** Needed in practice with two threads, or input lags. Makes the vCPU thread
     *  leave its slice, or its sleep, soon: a timer that is set within a slice
     *  may be nearer than the slice's end. Called from every thread, with the
     *  lock or without it: set a flag. A thread in replay_wait() is woken by the
     *  library. */
    void (*kick)(void *opaque);

    /** A main loop other than GLib's needs it for the warp of the virtual clock.
     *  Makes the I/O thread's main loop turn. Called from every thread, without
     *  the lock. A main context that was given to replay_glib_attach(), and a
     *  thread in replay_wait(), are woken by the library. */
    void (*wake_io)(void *opaque);

    /** Needed, except where execute is given: replay_run() returns then. Stops the
     *  machine: nothing more can be replayed or recorded. @p error is NULL for
     *  REPLAY_STOP_END; it lives as long as the call. A stall may be reported by
     *  a thread of the library's, without the lock: set a flag that every thread
     *  may set. */
    void (*stop)(void *opaque, replay_stop_reason_t reason, const replay_error_t *error);

    /** PLAY: does what the recorded replay_shutdown_request() did: here, and
     *  only here, a replaying host ends or resets the machine. */
    void (*shutdown)(void *opaque, replay_shutdown_cause_t cause);

    /** I/O thread's turn: handle the requests that the main loop keeps (reset,
     *  suspend), each guarded by its checkpoint. */
    void (*handle_requests)(void *opaque);

    /** An input event has reached its place in the run. */
    void (*input)(void *opaque, const replay_input_event_t *event);

    /** The input events since the last sync belong together. */
    void (*input_sync)(void *opaque);

    /** A digest of all the guest can see: RAM, registers, devices. Used every
     *  @ref replay_config::digest_interval instructions, and at the end. It only
     *  looks: calls that would add to the log, or take from it (a clock
     *  reading, say), are refused meanwhile and reported. NULL: then REPLAY_OK
     *  of a replay says that its events were the recorded ones, and nothing of
     *  the state; a recording that has digests is reported once. */
    uint64_t (*digest)(void *opaque);

    /** A message for the host's user, one sentence. Called from every thread,
     *  with or without the lock; must not call the library. Failures that end
     *  the run come here too, and misuse that would hang the machine or spoil
     *  the run (no lock, no role, not started, a call from within a callback
     *  that may not make it; while recording, a vCPU thread that never
     *  turns), each once; with rrlint=on all misuse, with its caller. NULL:
     *  messages are dropped (errors stay readable by replay_last_error()). */
    void (*message)(void *opaque, replay_message_level_t level, const char *text);

    /* The table of a host built before these were added is smaller. */

    /** Needed by the vCPU thread's replay_run(). Executes at most @p instructions
     *  instructions, at least one if the guest is awake; may return earlier, and
     *  does soon after a kick. */
    void (*execute)(void *opaque, uint64_t instructions);

    /** replay_run() calls it before each slice. Delivers the interrupts that are
     *  pending and not masked, each only where replay_interrupt() returns true;
     *  the others stay pending. NULL: no interrupt needs to be asked for. */
    void (*interrupt)(void *opaque);

    /** An input event has reached its place in the run: called instead of input,
     *  if it is not NULL, for all input events. */
    void (*input_from)(void *opaque, const replay_input_t *input);
} replay_host_t;

/** The value to start a replay_host_t from. */
#define REPLAY_HOST_INIT                                                                           \
    { (uint32_t)sizeof(replay_host_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_HOST_H */
