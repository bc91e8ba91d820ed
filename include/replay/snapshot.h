/* SPDX-License-Identifier: MIT */
/** @file snapshot.h
 *  Going to a different place in a recording, for a host that has its own snapshots;
 *  stopping at an icount; starting a new recording from any place.
 *
 *  A host that can save and load its machine adds the library's part, the position, to what
 *  it saves: replay_position_save() while it records or replays. To go there, forward or
 *  back, in the same process or in a different one that replays the same recording, it calls
 *  replay_position_load(), and loads its machine if that returns REPLAY_OK. To reach a place
 *  between two snapshots it goes to the earlier one, and sets a break. */
#ifndef REPLAY_SNAPSHOT_H
#define REPLAY_SNAPSHOT_H

#include "session.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Can a position be saved here?
 *
 *  Not now (ERROR_NOT_QUIET: try again later) if
 *
 *  - a bottom half or a completion is queued,
 *  - a request of a disk, or one with an id from blkreplay_next_id(), is pending,
 *  - the library is within a flush or a callback of the host (replay_host::execute isn't one
 *    of these),
 *  - a block of audio samples has begun,
 *  - PLAY: a shutdown is about to be requested,
 *
 *  because these refer to callbacks and memory of the host. Queued input from outside doesn't
 *  matter. Never in this run (ERROR_NOT_SUPPORTED) with more than 300,000 timers, or with a
 *  disk of block.h that the guest writes to and whose overlay or image the library keeps:
 *  use the library's snapshots (debug.h), or REPLAY_BLOCK_OVERLAY_OFF with a backend whose
 *  content your own snapshots hold. Not after the run has failed.
 *
 *  @return if false, replay_last_error() has the status that replay_position_save() would
 *    return, and the reason. None: false, ERROR_WRONG_MODE.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API bool replay_can_snapshot(void);

/** Writes the library's part of a snapshot: the place in the log, the last reading of each
 *  clock, the virtual clock and its timers, the next numbers of bottom halves and requests,
 *  and which devices exist. About 300 bytes, at most 24 for each timer, and a few for each
 *  disk and network filter.
 *
 *  Record: writes nothing to the log.
 *  Play:   reads a part of the log again, which takes a few milliseconds.
 *  Whether a recording or a replay saved a position makes no difference to its load.
 *  @param out its write() is called twice, with the replay lock held.
 *  @return REPLAY_OK; ERROR_NOT_QUIET and ERROR_NOT_SUPPORTED, see replay_can_snapshot();
 *    ERROR_SYSTEM (write() failed); the failure of a run that has failed;
 *    ERROR_INVALID_ARGUMENT (no write()); ERROR_STRUCT_SIZE; ERROR_WRONG_STATE (before
 *    replay_start()); ERROR_WRONG_MODE (NONE).
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_position_save(const replay_stream_t *out);

/** Continues the replay at a saved place. Load the machine's own state directly before this
 *  call, or directly after it has returned REPLAY_OK, with no other call of the library in
 *  between. From then on replay_host::icount must return the icount of the snapshot. Continue
 *  as if a turn had just ended, wherever the host's loops are; a replay_run() that has
 *  returned can be called again.
 *
 *  Play: the log's next event is the one that was next when the position was saved. An
 *        earlier failure, reported end or replay_run_stop() no longer counts. What is
 *        queued is dropped without a callback, and so are completions of the library's disks
 *        for requests from before; the host drops its own requests. A backend that the guest
 *        writes to must have ended its requests before its content is set back, or a late
 *        write would change it. The library's timers are
 *        set as they were. One that was created later doesn't exist any more, and its handle
 *        isn't valid: the replay creates it again where the recording did.
 *        Character devices that were plugged in later are dropped; the replay registers them
 *        again where the recording did. All that the position has must exist: if one of its
 *        devices is plugged in only later than here, replay up to there first. A network
 *        filter that was unregistered since, or a disk that was closed, can't come back.
 *
 *  A journey of debug.h that is under way ends without a pause. A machine that the library has
 *  paused stays paused: replay_resume() lets it go on. The library calls kick and
 *  wake_io, and calls stop again at the next end or failure.
 *  @param in its read() is called twice, with the replay lock held.
 *  @return REPLAY_OK; ERROR_POSITION: it is damaged, or of a different recording, or has a
 *    timer, character device, network filter or disk that doesn't exist here, which the
 *    reason names (create them in the same order in each run, before the start if possible);
 *    ERROR_NOT_SUPPORTED (a disk as in replay_can_snapshot()); ERROR_SYSTEM (read() failed);
 *    ERROR_NO_MEMORY; a failure to read the log; ERROR_INVALID_ARGUMENT (no read());
 *    ERROR_STRUCT_SIZE; ERROR_WRONG_MODE; ERROR_WRONG_STATE (before replay_start());
 *    ERROR_REENTERED (from within a callback or replay_run(): run.h has the way). After a
 *    failure the replay is where it was.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_position_load(const replay_stream_t *in);

/* -------------------------------------------------------- breaks and output */

/** Interrupts the replay at an icount: there the vCPU thread calls @p reached, once, before
 *  anything that the recording has at that icount is delivered. Budgets end there. To stop,
 *  the callback pauses the machine (replay_host::machine_running) or sets a flag of the
 *  host. A new break replaces the one before it.
 *
 *  @param icount where; not before the place of the replay.
 *  @param reached called with the replay lock held, by replay_account_executed_instructions(),
 *    replay_get_instructions() or replay_get_budget(). It must not load a position.
 *  @param opaque passed to it.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT (no callback, or the replay is past @p icount);
 *    ERROR_WRONG_MODE (RECORD, NONE); ERROR_WRONG_STATE (before replay_start()).
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_break(uint64_t icount, replay_callback_t reached, void *opaque);

/** Deletes the break, if one is set. replay_position_load() deletes a break that is before
 *  the new place.
 *
 *  @return REPLAY_OK; ERROR_WRONG_MODE (RECORD, NONE).
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_delete_break(void);

/** Should the guest's output reach the user? After a replay has gone back, it executes a part
 *  of the run again. A host that writes the guest's output to its terminal, files and sockets
 *  only if this returns true writes no byte twice, and all of them in the guest's order.
 *
 *  A replay that goes forward to a snapshot (of NAME.snap, or the host's own) doesn't execute
 *  what is before it. The output from there is left out, also when the replay goes back later
 *  and executes that part: it would come after output that the guest has sent later.
 *
 *  Play: false up to the furthest place that the replay has ever reached.
 *  Record, none: true.
 *  Thread: [any] that may call replay_host::icount [hot]. */
REPLAY_API bool replay_output_due(void);

/* ------------------------------------------------------------------ branches */

/** Ends the replay at the current place, and records from there to a new log: the machine
 *  goes on, and the guest gets new input. The log begins with the events of the replayed one
 *  up to here, so that it can be replayed on its own; its fingerprint names the replayed one
 *  ("replay.parent") by place and checksum. A host can also call this after the end of the
 *  replay was reported, to continue a recording that was cut or is complete. Real time
 *  continues from where it was in the recording.
 *
 *  With rrsnap=TIME|SIZE the new log has a store of snapshots of its own: up to 100 of those
 *  that memory holds from before this place, and later ones.
 *
 *  The mode is RECORD from then on, in replay_mode too. A journey of debug.h that is under way
 *  ends without a pause. A machine that the library has paused stays paused:
 *  replay_resume() lets it go on. An older recording at @p path is replaced, unless
 *  rroverwrite=off.
 *  @param path the new log; read only during the call.
 *  @return REPLAY_OK; ERROR_NOT_QUIET (a shutdown is about to be requested, or a block of
 *    audio samples is begun); ERROR_NOT_SUPPORTED (rrdata=on: a disk has no image; the replayed
 *    log begins later than its run);
 *    ERROR_INVALID_ARGUMENT (no path); a failure to read the one log or to write the other;
 *    the failure of a replay that has failed; ERROR_WRONG_MODE (not PLAY); ERROR_WRONG_STATE
 *    (before replay_start()); ERROR_REENTERED (from within a callback or replay_run(): run.h
 *    has the way). After a failure the replay is where it was.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_branch(const char *path);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_SNAPSHOT_H */
