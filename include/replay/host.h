/* SPDX-License-Identifier: MIT */
/** @file host.h
 *  The callbacks of a host: what the library calls, and when.
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

/** The host's callbacks. Each gets the configuration's @c opaque. Those marked
 *  "required" may not be NULL while recording or replaying; all others may.
 *
 *  Unless its comment says otherwise, a callback is called with the replay lock held,
 *  by the thread whose call into the library led to it. It may call the library,
 *  except replay_async_events() and the functions of session.h that begin or end
 *  something.
 *
 *  In NONE, and with the stubs, the replay lock does nothing: the library may call
 *  icount, cpus_idle, machine_running and deadline_ns from both threads at the same
 *  time, while the vCPU executes. There the state that these read must be atomic, or
 *  guarded by a lock of the host's own.
 *
 *  The library's watchdog, a thread that watches for a machine that makes no progress,
 *  also calls icount, cpus_idle and deadline_ns: in RECORD and PLAY with the replay lock
 *  held, in NONE without it. It calls machine_running without the lock in every mode. */
typedef struct replay_host {
    uint32_t size; /**< sizeof(replay_host_t) */

    /** Required. The number of guest instructions executed so far, including the one
     *  that is being executed (and reads a device, for example). So in PLAY that
     *  instruction can be the last one of a budget. The count never goes back: if it does,
     *  a recording or replay ends with ERROR_ICOUNT_BACKWARDS. [hot] */
    uint64_t (*icount)(void *opaque);

    /** Required. True if every vCPU sleeps and nothing is pending for it. */
    bool (*cpus_idle)(void *opaque);

    /** True if the machine runs, false if its user has paused it. NULL: it always runs.
     *  Virtual time stops during a pause, which lasts from the first turn in which this
     *  is false to the first in which it is true; replay_notify() causes a turn at once.
     *  [any], without the lock. */
    bool (*machine_running)(void *opaque);

    /** Nanoseconds from now to the nearest timer of @p clock: 0 if one is due or
     *  late, -1 if no timer is set (other negative values count as 0). "Now" is
     *  replay_get_virtual_clock() for REPLAY_TIMERS_VIRTUAL, and for REPLAY_TIMERS_HOST
     *  a plain reading of the host's clock, without REPLAY_CLOCK. NULL: the host has no
     *  timers. */
    int64_t (*deadline_ns)(void *opaque, replay_timer_clock_t clock);

    /** Runs the timers of @p clock that are due. The library has already handled
     *  their checkpoint: don't call replay_checkpoint() here. NULL: in your own loop, call
     *  replay_checkpoint() with CLOCK_VIRTUAL or CLOCK_HOST, and run the timers if it
     *  returns true. */
    void (*run_timers)(void *opaque, replay_timer_clock_t clock);

    /** Makes the vCPU thread end its slice or its sleep soon. Provide it if the host has
     *  two threads, or timers of replay_timer_mod(): without it input is late, and so is a
     *  timer that is set during a slice. Called from any thread, with or without the
     *  lock, so it should only set a flag, and wake the thread if it sleeps in the host.
     *  (The library itself wakes a thread in replay_wait().) Clear the flag where a slice
     *  begins (in a loop of your own: before the turn), not where it ends: otherwise a kick
     *  between two slices makes the next one empty. An empty slice now and then does no
     *  harm; if all are empty, the guest makes no progress. */
    void (*kick)(void *opaque);

    /** Makes the I/O thread's main loop iterate. A main loop other than GLib's needs
     *  it for the warp of the virtual clock. Called from any thread, with or without
     *  the lock, so it must not wait for it. (The library itself wakes a thread in
     *  replay_wait(), and a main context that was passed to replay_glib_attach().) */
    void (*wake_io)(void *opaque);

    /** Required if execute is NULL. (With execute, replay_run() returns, and stop is
     *  optional.) Stops the machine, because nothing more can be replayed or recorded.
     *  @p error is NULL for REPLAY_STOP_END, and valid only during the call. When the
     *  watchdog reports a stall, it calls this without the lock: set an atomic flag. */
    void (*stop)(void *opaque, replay_stop_reason_t reason, const replay_error_t *error);

    /** PLAY: ends or resets the machine. Do here what the host did after
     *  replay_shutdown_request() while recording; a replaying host does so only here: only
     *  here may it leave its loop or call replay_run_stop(). On a journey of debug.h, and
     *  while a debugger is attached, the library doesn't call it for a cause that ends the
     *  machine: it pauses the machine there, with REPLAY_PAUSE_END. */
    void (*shutdown)(void *opaque, replay_shutdown_cause_t cause);

    /** Called in the I/O thread's turn. Handles pending requests to the main loop (reset,
     *  suspend), each after its checkpoint. */
    void (*handle_requests)(void *opaque);

    /** An input event has reached its place in the run. */
    void (*input)(void *opaque, const replay_input_event_t *event);

    /** The input events since the last sync belong together. */
    void (*input_sync)(void *opaque);

    /** A digest of everything that the guest can see: RAM, registers, devices. What only
     *  the host sees (an I/O thread's buffers, input that is still queued) doesn't belong
     *  to it. Called by the vCPU thread every @ref replay_config::digest_interval
     *  instructions, and at the end: in RECORD by the thread that calls replay_finish(), in
     *  PLAY by the one that reaches the end of the log. It must not change anything: calls
     *  that would write events or consume them (a clock reading, for example) are refused
     *  and reported. NULL: a replay compares only events, so its REPLAY_OK says nothing
     *  about the state; if the recording has digests, the library warns
     *  once that they aren't compared. */
    uint64_t (*digest)(void *opaque);

    /** A message for the host's user, one sentence. Called from any thread, with or
     *  without the lock; must not call the library. It gets failures that end the run,
     *  and misuse that would hang the machine or spoil the run, each once: a missing
     *  lock, role or start, a call from a callback that may not make it, and, while
     *  recording, a vCPU thread that takes no turns; and the end of a log that was cut, as a
     *  REPLAY_MESSAGE_WARNING, because it isn't a failure. With rrlint=on it gets all misuse,
     *  with the caller. NULL: messages are dropped (replay_last_error() still has errors). */
    void (*message)(void *opaque, replay_message_level_t level, const char *text);

    /* The table of a host that was built before these were added is smaller. */

    /** Required for replay_run() on the vCPU thread. Executes at most @p instructions
     *  instructions, and at least one if the guest is awake and no kick has come. It may
     *  return early, and must do so soon after a kick. */
    void (*execute)(void *opaque, uint64_t instructions);

    /** Called by replay_run() before each slice. Delivers the interrupts that are
     *  pending and not masked, each only if replay_interrupt() returns true;
     *  the others stay pending. NULL: no interrupt needs replay_interrupt(). */
    void (*interrupt)(void *opaque);

    /** An input event has reached its place in the run. If it isn't NULL, it is called
     *  for all input events, instead of input. */
    void (*input_from)(void *opaque, const replay_input_t *input);

    /** Writes everything that the guest can see to a stream of the library: registers and
     *  devices, but not RAM that is registered (debug.h), nor the library's timers. Called
     *  on the vCPU thread between two slices; it must not change anything: calls that would are
     *  refused and reported, as in digest. NULL: the library makes no snapshots, so that
     *  debug.h's journeys only go forward.
     *  @return false: no snapshot is possible now, for example because a request of the host's
     *    own is under way, which can't be saved. */
    bool (*save_state)(void *opaque, const replay_stream_t *out);

    /** PLAY: reads back what save_state wrote. Afterwards icount must return the snapshot's.
     *  Drop what was derived from the earlier state (decoded code, for example), and the host's
     *  requests that are under way. The library itself takes its timers back: a call that sets or
     *  frees a timer, or writes or consumes events, is refused (ERROR_REENTERED) and reported,
     *  except for disk requests that are submitted again (debug.h). Called on the vCPU thread
     *  between two slices. With rrlint=on also while recording: directly after save_state, to
     *  compare.
     *  @return false: the state isn't this machine's. If it is of a NAME.snap that another process
     *    wrote, that file isn't used any more, and the library loads a snapshot that this one has
     *    taken. Without one that can be loaded, the replay ends with ERROR_POSITION. */
    bool (*load_state)(void *opaque, const replay_stream_t *in);

    /** The library has paused the machine (debug.h). It stays paused until replay_resume() or a
     *  new journey; both may be called here, but not while a debugger is attached (gdb.h), which
     *  expects to do that itself. Usually called by the vCPU thread. */
    void (*paused)(void *opaque, replay_pause_reason_t why);

    /** PLAY: makes replay_reverse_continue() faster, which skips parts of the run that can't
     *  have a hit. Lists pages of RAM, each by any byte in it, so that no breakpoint or
     *  watchpoint can be hit in a part of the run in which none of these pages is written. Such
     *  a list exists if there are only watchpoints for writing, whose addresses are mapped
     *  globally (the same in all address spaces): list the page that each watches,
     *  and the pages of the page table that lead to it. Called on the vCPU thread between two
     *  slices.
     *  @param places [out] room for @p most places
     *  @return how many; -1: there is no such list, search everywhere. NULL: -1. */
    int32_t (*watched_ram)(void *opaque, replay_ram_place_t *places, uint32_t most);
} replay_host_t;

/** The value to start a replay_host_t from. */
#define REPLAY_HOST_INIT                                                                           \
    {                                                                                              \
        (uint32_t)sizeof(replay_host_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  \
            0, 0                                                                                   \
    }

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_HOST_H */
