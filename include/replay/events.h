/* SPDX-License-Identifier: MIT */
/** @file events.h
 *  Checkpoints, and the queue of asynchronous events.
 *
 *  A checkpoint marks a place where a thread may act on the guest. Input, packets,
 *  completions of disk requests and bottom halves (work that a device defers) are
 *  queued, and reach the guest only when the vCPU thread flushes the queue: in RECORD
 *  at any flush, in PLAY at the one that the log says. */
#ifndef REPLAY_EVENTS_H
#define REPLAY_EVENTS_H

#include "block.h"
#include "errors.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------- checkpoints */

/** Asks whether the work that checkpoint @p id guards may be done now.
 *
 *  Record: writes it with the thread's role, and returns true.
 *  Play:   if it is the log's next event and was recorded by a thread of this role,
 *          consumes it and returns true. Otherwise false: skip the work, and try
 *          again later. INIT and RESET are different: a host meets them where it did
 *          while recording, so if the log's next event isn't that one, it is a divergence.
 *  None:   true.
 *  After a failure, without the lock or a role: false.
 *
 *  CLOCK_WARP_START, CLOCK_WARP_ACCOUNT and CLOCK_VIRTUAL_RT belong to the
 *  library's own turns (clock.h): a host that takes those doesn't call this for them,
 *  nor for CLOCK_VIRTUAL and CLOCK_HOST if its table has run_timers.
 *
 *  RESET_REQUESTED and SUSPEND_REQUESTED guard the main loop's handling of a
 *  request, in replay_host::handle_requests. A request from the guest repeats itself
 *  in PLAY. For one from the user call replay_shutdown_request(); in PLAY
 *  replay_host::shutdown then makes the request again.
 *
 *  @param id REPLAY_CHECKPOINT_…
 *  Thread: [vcpu] [io] [lock-held] [hot]. */
REPLAY_API bool replay_checkpoint(replay_checkpoint_t id);

/** Play: is the log's next event a checkpoint or an asynchronous event, and is it due
 *  now? Consumes nothing. Other modes: false.
 *  Thread: [vcpu] [io] [lock-held] [hot]. */
REPLAY_API bool replay_has_event(void);

/** Play: is the log's next event due now, and can the calling thread act on it? A host
 *  with its own loop asks before it polls or sleeps, and iterates again if it is true.
 *  It is true for a thread of the role that recorded the event; for every thread if
 *  the next event is a shutdown, the end of the log or a cut; and for a bottom half or
 *  a completion only when that has arrived.
 *  Other modes, after the end or a failure, without a role: false.
 *
 *  It consumes nothing, changes nothing, and calls no callback, so it may be called
 *  anywhere, with or without the lock, even inside a seqlock. It uses the icount of the
 *  last accounting.
 *  Thread: [any] [hot]. */
REPLAY_API bool replay_is_due(void);

/* ------------------------------------------------------- asynchronous queue */

/** Flushes the queue; replay_account_warp_timer() does so too.
 *
 *  Record: runs the queued events in the order of arrival, and writes each.
 *  Play:   while the log's next event is an asynchronous one, delivers it: input and
 *          packets come from the log; bottom halves and completions are looked up by
 *          number, and one that hasn't arrived yet is delivered at a later flush.
 *  None:   runs the queued events.
 *
 *  A host may flush several times at one icount, in its turns and with this call, and
 *  do guest work in between. PLAY delivers each event at the flush that delivered it
 *  while recording, and reports ERROR_DIVERGENCE if that flush is over. For this the
 *  library counts the flushes since the icount changed:
 *  - While the guest is awake, flush equally often at each icount in both modes, with
 *    turns and with this call. Further turns without a budget, which wait for the next
 *    event, are allowed, if you do no guest work in them.
 *  - While the guest sleeps (replay_host::cpus_idle), flush as often as you like: nobody
 *    knows how often a sleeping vCPU wakes. For PLAY all these flushes are the same
 *    place: it delivers at the first of them. So do no guest work between two of them.
 *
 *  During a slice, PLAY waits in this call for a disk whose backend is an image
 *  (block.h). A host with its own backend or block layer must wait by itself: if a
 *  completion was flushed during a slice while recording, it must arrive before that
 *  slice ends; later is a divergence.
 *
 *  In a host whose vCPU thread takes no turns (replay_turn(), replay_account_warp_timer())
 *  this call also takes the digests of rrdigest.
 *  @return REPLAY_OK; ERROR_REENTERED from an event's callback;
 *    ERROR_LOCK_NOT_HELD, ERROR_WRONG_ROLE; the session's failure.
 *  Thread: [vcpu] [lock-held]. */
REPLAY_API replay_status_t replay_async_events(void);

/** From now on events are queued. replay_start() calls it.
 *  @return REPLAY_OK; ERROR_LOCK_NOT_HELD.  Thread: [any] [lock-held]. */
REPLAY_API replay_status_t replay_enable_events(void);

/** From now on events run at once and aren't recorded, as in mode NONE. Only bottom
 *  halves are queued; the next flush runs them before other events, unrecorded.
 *  Numbers of bottom halves and requests don't advance. Events that are already
 *  queued stay queued.
 *  @return REPLAY_OK; ERROR_LOCK_NOT_HELD.  Thread: [any] [lock-held]. */
REPLAY_API replay_status_t replay_disable_events(void);

/** Are events queued? Always false in mode NONE.  Thread: [any] [hot]. */
REPLAY_API bool replay_events_enabled(void);

/** Runs all queued events without recording them (before a snapshot, at shutdown).
 *  @return REPLAY_OK; ERROR_LOCK_NOT_HELD, ERROR_REENTERED.
 *  Thread: [any] [lock-held]. */
REPLAY_API replay_status_t replay_flush_events(void);

/** Queues a bottom half: @p callback runs on the vCPU thread at the next flush.
 *  Bottom halves are numbered in the order of the calls, so that order must be
 *  deterministic; this is why the call needs the lock.
 *  None: runs it at once.
 *  Events disabled, or before replay_start(): the next flush runs it, unrecorded.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT, ERROR_LOCK_NOT_HELD, ERROR_WRONG_ROLE,
 *    ERROR_NO_MEMORY (ends a recording or replay, because its guest misses the bottom half).
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_bh_schedule_event(replay_callback_t callback, void *opaque);

/** Like replay_bh_schedule_event(), for a bottom half that the host frees after it
 *  has run. Only the kind of the event in the log differs. */
REPLAY_API replay_status_t replay_bh_schedule_oneshot_event(replay_callback_t callback,
                                                            void *opaque);

/** Draws the number of a block request, from one sequence for all devices. Until its
 *  completion is queued, the request counts as work in progress, so that a replay
 *  that waits for it isn't reported as stalled.
 *  While events are disabled after the start, the number comes from a separate
 *  sequence (bit 63 is set), and the completion isn't recorded: it runs at once
 *  or, if events are enabled again by then, at the next flush.
 *  @return the number; UINT64_MAX, with an error, if the thread doesn't hold the lock. None: 0.
 *  Thread: [vcpu] [io] [lock-held] [hot]. */
REPLAY_API uint64_t blkreplay_next_id(void);

/** Queues the completion of block request @p id, for a host with its own block layer:
 *  @p callback runs on the vCPU thread at the flush. (block.h is a filter that does
 *  all of this.)
 *  None, events disabled: runs it at once; before replay_start() it waits for the start.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT; ERROR_NO_MEMORY: it isn't queued; try again.
 *  Thread: [any], without the lock too. */
REPLAY_API replay_status_t replay_block_event(replay_callback_t callback, void *opaque,
                                              uint64_t id);

/** Like replay_block_event(), with the request's result and the data that it read.
 *
 *  Record: stores @p result and a digest of the data; @p complete gets @p result.
 *  Play:   compares the digest; different data is ERROR_BLOCK_DATA, whose message
 *          names the request. @p complete gets the recorded result, so a failed read
 *          fails again.
 *  None, events disabled: as replay_block_event().
 *  @param id as blkreplay_next_id() returned it.
 *  @param result 0 or more, or a negative errno.
 *  @param pieces, count [in] the data of a successful read: at most 1,024 pieces,
 *    1 GiB, read during the call; NULL and 0 for all other requests.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT, ERROR_NO_MEMORY.
 *  Thread: [any], without the lock too. */
REPLAY_API replay_status_t replay_block_event_result(replay_block_complete_t complete, void *opaque,
                                                     uint64_t id, int32_t result,
                                                     const struct iovec *pieces, int32_t count);

/* ----------------------------------------------------------------- digests */

/** A digest of the guest's state that the host computed at this place.
 *
 *  Record: stored.  Play: compared; ERROR_DIGEST if it differs, or if the call is at a
 *  different place.  None: ignored.
 *
 *  @return REPLAY_OK; ERROR_DIGEST, ERROR_LOCK_NOT_HELD, ERROR_WRONG_ROLE.
 *  Thread: [vcpu] [io] [lock-held] [hot]. */
REPLAY_API replay_status_t replay_digest(uint64_t digest);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_EVENTS_H */
