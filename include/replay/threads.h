/* SPDX-License-Identifier: MIT */
/** @file threads.h
 *  The threads of a machine: their roles, the replay lock, waiting; and, with several
 *  machines, which one a thread works for. */
#ifndef REPLAY_THREADS_H
#define REPLAY_THREADS_H

#include "errors.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -------------------------------------------------------- lock and threads */

/** The stack that a thread needs to call the library, in bytes, as
 *  pthread_attr_setstacksize() counts them. The host's callbacks run on it too: add
 *  what they use beyond a few kilobytes, and what GLib uses. */
#define REPLAY_STACK_BYTES 49152

/** Declares the work that the calling thread does: REPLAY_THREAD_VCPU,
 *  REPLAY_THREAD_IO, or both. Each thread calls it once, before any call that
 *  is tagged [vcpu], [io] or [lock-held]; calling it again changes the roles.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT.
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_thread_attach(replay_role_t roles);

/** Acquires the replay lock. It is first come, first served, and not recursive. Acquire
 *  it before the host's own big lock.
 *
 *  The vCPU thread holds it for a whole slice (turn, budget, execute, account), and
 *  releases it between two slices if there is an I/O thread. The I/O thread always holds
 *  it, except while it polls. (replay_run() does this for both threads, replay_glib_attach()
 *  for the I/O thread.)
 *
 *  A thread that ends while it holds the lock ends the run: the library reports
 *  ERROR_THREAD_ENDED, stops the machine, and releases the lock.
 *
 *  None: does nothing. A thread may lock before it calls replay_configure(); it then
 *  holds the lock in the new mode.
 *  @return REPLAY_OK; ERROR_LOCK_HELD if the thread already holds it (and keeps it);
 *    ERROR_FORKED in a child of the process that records or replays.
 *  Thread: [any] [hot]. */
REPLAY_API replay_status_t replay_mutex_lock(void);

/** Releases the replay lock.
 *
 *  Play: first delivers events that are due and that no call of the host leads to: a
 *  shutdown from outside, the end of the log, a cut. So this may call
 *  replay_host::shutdown and replay_host::stop.
 *  @return REPLAY_OK; ERROR_LOCK_NOT_HELD. None: REPLAY_OK.
 *  Thread: [any] [lock-held] [hot]. */
REPLAY_API replay_status_t replay_mutex_unlock(void);

/** True if the calling thread holds the replay lock; always true in mode NONE.
 *  Thread: [any] [hot]. */
REPLAY_API bool replay_mutex_locked(void);

/** Waits until there is something to do for this thread, and releases the lock
 *  meanwhile. Returns when anything has changed since the thread's last turn or last
 *  replay_wait(), so that no change in between is missed.
 *
 *  None: waits too, for events that are posted, and for replay_notify().
 *
 *  @param timeout_ns limit, in ns of real time; negative: no limit. No limit is needed
 *    if the host calls replay_notify() after its own changes; otherwise the limit is how
 *    late the thread may notice them, for example 100 ms.
 *  @return REPLAY_OK if something changed, or this thread's turn is due;
 *    REPLAY_TIMEOUT; ERROR_LOCK_NOT_HELD, ERROR_WRONG_ROLE.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_wait(int64_t timeout_ns);

/** Wakes every thread in replay_wait(), and makes the I/O thread take a turn. Call it
 *  after a change that these threads must notice, for example a new request for
 *  replay_host::handle_requests.  Thread: [any], without the lock too. */
REPLAY_API void replay_notify(void);

/* -------------------------------------------------------- several sessions */

/** One machine's session. */
typedef struct replay_session replay_session_t;

/** Creates a session, not configured. @return it, or NULL if memory ran out.
 *  The caller frees it with replay_session_free().
 *  Thread: [any]. */
REPLAY_API replay_session_t *replay_session_new(void);

/** Frees a session that replay_session_new() created; finishes it if necessary. It
 *  may not be current in any other thread.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT for NULL, the default session, or
 *    one that was freed; ERROR_WRONG_STATE if it is current somewhere;
 *    ERROR_REENTERED as for replay_finish(): then the session isn't freed.
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_session_free(replay_session_t *session);

/** Makes @p session the calling thread's current one, until the matching
 *  replay_session_pop_current(). NULL is the default session.
 *  If a thread ends before it has popped a session, the session is no longer current
 *  there, and reports that.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT; ERROR_WRONG_STATE when 16 are pushed.
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_session_push_current(replay_session_t *session);

/** Returns to the session that was current before the last push.
 *  @return REPLAY_OK; ERROR_WRONG_STATE if none was pushed.
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_session_pop_current(void);

/** The calling thread's current session; NULL is the default one.
 *  Thread: [any] [hot]. */
REPLAY_API replay_session_t *replay_session_get_current(void);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_THREADS_H */
