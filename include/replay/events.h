/* SPDX-License-Identifier: MIT */
/** @file events.h
 *  Checkpoints, and the queue of asynchronous events.
 *
 *  A checkpoint marks a place where a thread may act on the guest. What comes
 *  from outside (input, packets, completions) and what is put off (bottom
 *  halves) is queued, and reaches the guest only when the vCPU thread flushes
 *  the queue: in RECORD where it happens to, in PLAY where the log says. */
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
 *  Record: writes it with the thread's role; true.
 *  Play:   true, and consumed, if it is the log's next event and was recorded
 *          by a thread of this role; else false: skip the work, try again later.
 *          INIT and RESET stand where the host's own course puts them: there
 *          anything else than the recorded one is a divergence.
 *  None:   true.
 *  After a failure, without the lock or a role: false.
 *
 *  CLOCK_WARP_START, CLOCK_WARP_ACCOUNT and CLOCK_VIRTUAL_RT belong to the
 *  library's own turns (clock.h): a host that takes those does not meet these,
 *  nor CLOCK_VIRTUAL and CLOCK_HOST where its table has run_timers.
 *
 *  RESET_REQUESTED and SUSPEND_REQUESTED guard the main loop's handling of a
 *  request, in replay_host::handle_requests. A request of the guest's comes
 *  again by itself in PLAY; one of the user's must be asked for by
 *  replay_shutdown_request(), and is then made in replay_host::shutdown.
 *
 *  @param id REPLAY_CHECKPOINT_…
 *  Thread: [vcpu] [io] [lock-held] [hot]. */
REPLAY_API bool replay_checkpoint(replay_checkpoint_t id);

/** Play: is a checkpoint or an asynchronous event the log's next event, and due
 *  now? Consumes nothing. Other modes: false.
 *  Thread: [vcpu] [io] [lock-held] [hot]. */
REPLAY_API bool replay_has_event(void);

/** Play: is what comes next in the log due now, and can a thread of this role act
 *  on it? For a host's own loop, before it polls or sleeps: if true, it goes
 *  round once more instead. True for the thread whose role the event was
 *  recorded with; for every thread where a shutdown, the end of the log or a
 *  cut is next; for a bottom half or a completion only once that has arrived.
 *  Other modes, after the end or a failure, without a role: false.
 *
 *  It consumes nothing, changes nothing, and calls nothing of the host's, so it
 *  may be asked anywhere, with the lock or without it, inside a seqlock too. It
 *  looks at the icount of the last accounting.
 *  Thread: [any] [hot]. */
REPLAY_API bool replay_is_due(void);

/* ------------------------------------------------------- asynchronous queue */

/** Flushes the queue; replay_account_warp_timer() does it too.
 *
 *  Record: runs what is queued, in the order of arrival, and writes each.
 *  Play:   as long as the log's next event is an asynchronous one: input and
 *          packets are made from the log; bottom halves and block completions
 *          are run by their number, or waited for if they have not arrived.
 *  None:   runs what is queued.
 *
 *  A host may flush several times at one icount, in its turn and by this call,
 *  with guest work between: events come at the flush that delivered them while
 *  recording, and a replay that has passed it reports ERROR_DIVERGENCE. Flushes
 *  are counted since the icount changed; those of a sleeping guest
 *  (replay_host::cpus_idle) are one place, however often it wakes: a replay
 *  delivers at the first of them, so the host must do no guest work between two
 *  flushes at one icount while the guest sleeps. Also, the host
 *  must flush as often in PLAY as in RECORD between two instructions that
 *  execute, unless it flushes just to wait for what then comes; and it must do
 *  no guest work when it goes round without a budget.
 *  Within a slice PLAY waits here for a disk of block.h. A host with a block
 *  layer of its own waits itself: a completion that comes after the slice in
 *  which the recording has it is a divergence.
 *
 *  In a host that takes no turns of the vCPU thread (replay_account_warp_timer())
 *  this call also takes the digests of rrdigest.
 *  @return REPLAY_OK; ERROR_REENTERED from one of the events' callbacks;
 *    ERROR_LOCK_NOT_HELD, ERROR_WRONG_ROLE; the session's failure.
 *  Thread: [vcpu] [lock-held]. */
REPLAY_API replay_status_t replay_async_events(void);

/** From now on events are queued. replay_start() calls it.
 *  @return REPLAY_OK; ERROR_LOCK_NOT_HELD.  Thread: [any] [lock-held]. */
REPLAY_API replay_status_t replay_enable_events(void);

/** From now on events are run at once, unwritten, as in mode NONE; but bottom
 *  halves are queued, and the next flush runs them, unwritten, before the others.
 *  Numbers of bottom halves and requests don't advance. What is queued already
 *  stays queued.
 *  @return REPLAY_OK; ERROR_LOCK_NOT_HELD.  Thread: [any] [lock-held]. */
REPLAY_API replay_status_t replay_disable_events(void);

/** Are events queued? Always false in mode NONE.  Thread: [any] [hot]. */
REPLAY_API bool replay_events_enabled(void);

/** Runs all that is queued without writing it (before a snapshot, at shutdown).
 *  @return REPLAY_OK; ERROR_LOCK_NOT_HELD, ERROR_REENTERED.
 *  Thread: [any] [lock-held]. */
REPLAY_API replay_status_t replay_flush_events(void);

/** Queues a bottom half: @p callback runs on the vCPU thread at the next flush.
 *  Numbers are drawn in the order of the calls, so the calls themselves must be
 *  deterministic: hence the lock.
 *  None: runs it at once.
 *  Events disabled, before replay_start() too: the next flush runs it, unwritten.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT, ERROR_LOCK_NOT_HELD, ERROR_WRONG_ROLE,
 *    ERROR_NO_MEMORY (ends a recording or replay: its guest does not get the bottom half).
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_bh_schedule_event(replay_callback_t callback, void *opaque);

/** As replay_bh_schedule_event(), for a bottom half that is freed when it has
 *  run; the log tells them apart. */
REPLAY_API replay_status_t replay_bh_schedule_oneshot_event(replay_callback_t callback,
                                                            void *opaque);

/** Draws the number of a block request: one sequence for all devices. Until its
 *  completion is queued, the request counts as work in progress: a replay that
 *  waits for it is not reported as stalled.
 *  While events are disabled after the start, the number comes from a sequence of
 *  its own (bit 63 is set) and is in no log: the completion runs unwritten, at once
 *  or, if events are enabled again by then, at the next flush.
 *  @return the number; UINT64_MAX with an error without the lock. None: 0.
 *  Thread: [vcpu] [io] [lock-held] [hot]. */
REPLAY_API uint64_t blkreplay_next_id(void);

/** Queues the completion of block request @p id of a host with a block layer
 *  of its own: @p callback runs on the vCPU thread at the flush. (block.h has
 *  a filter that does all of it.)
 *  None, events disabled: runs it at once; before replay_start() it waits.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT; ERROR_NO_MEMORY: it is not queued, try again.
 *  Thread: [any], without the lock too. */
REPLAY_API replay_status_t replay_block_event(replay_callback_t callback, void *opaque,
                                              uint64_t id);

/** As replay_block_event(), with the request's result and the data that it read.
 *
 *  Record: stores @p result and a digest of the data; @p complete gets @p result.
 *  Play:   compares the digest: different data is ERROR_BLOCK_DATA, which names
 *          the request. @p complete gets the recorded result: a failed read fails
 *          again.
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
 *  Record: stored.  Play: compared; a different one is ERROR_DIGEST, and so is a
 *  call at another place.  None: nothing.
 *
 *  @return REPLAY_OK; ERROR_DIGEST, ERROR_LOCK_NOT_HELD, ERROR_WRONG_ROLE.
 *  Thread: [vcpu] [io] [lock-held] [hot]. */
REPLAY_API replay_status_t replay_digest(uint64_t digest);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_EVENTS_H */
