/* SPDX-License-Identifier: MIT */
/** @file threads.h
 *  The threads of a machine: their roles, the replay lock, waiting; and which of several
 *  machines a thread works for. */
#ifndef REPLAY_THREADS_H
#define REPLAY_THREADS_H

#include "errors.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -------------------------------------------------------- lock and threads */

/** The stack that a thread needs to call the library, in bytes, as
 *  pthread_attr_setstacksize() counts. The host's callbacks run on it too, so what
 *  they use beyond a few kilobytes comes on top; so does what GLib uses. */
#define REPLAY_STACK_BYTES 49152

/** Declares which work the calling thread does: REPLAY_THREAD_VCPU,
 *  REPLAY_THREAD_IO, or both. Each thread calls it once, before any call that
 *  is tagged [vcpu], [io] or [lock-held]; calling it again changes the roles.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT.
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_thread_attach(replay_role_t roles);

/** Takes the replay lock. First come, first served; not recursive; comes before
 *  the host's own big lock.
 *
 *  The vCPU thread holds it through a slice (prepare, execute, account), the
 *  I/O thread always, except while it polls.
 *
 *  A thread that ends while it holds the lock ends the run: the library reports
 *  ERROR_THREAD_ENDED, stops the machine, and releases the lock.
 *
 *  None: does nothing. Before replay_configure(): the thread that calls this
 *  and then configures has the lock from then on.
 *  @return REPLAY_OK; ERROR_LOCK_HELD if the thread has it already (it keeps it);
 *    ERROR_FORKED in a child of the process that records or replays.
 *  Thread: [any] [hot]. */
REPLAY_API replay_status_t replay_mutex_lock(void);

/** Releases the replay lock.
 *
 *  Play: first delivers what is due and comes from no call of the host's: a
 *  shutdown from outside, the end of the log, a cut. So replay_host::shutdown
 *  and replay_host::stop are called in here too.
 *  @return REPLAY_OK; ERROR_LOCK_NOT_HELD. None: REPLAY_OK.
 *  Thread: [any] [lock-held] [hot]. */
REPLAY_API replay_status_t replay_mutex_unlock(void);

/** True if the calling thread holds the replay lock, and in mode NONE.
 *  Thread: [any] [hot]. */
REPLAY_API bool replay_mutex_locked(void);

/** Waits until the engine has something for this thread, and releases the lock
 *  meanwhile. Returns when anything has changed since the thread's last turn
 *  (replay_account_warp_timer(), replay_start_warp_timer(), replay_wait()), so
 *  that nothing that happened in between is missed.
 *
 *  None: waits too, for what is posted or notified.
 *
 *  @param timeout_ns at most so long, in ns of real time; negative: for ever.
 *  @return REPLAY_OK if something changed, or this thread's turn is due;
 *    REPLAY_TIMEOUT; ERROR_LOCK_NOT_HELD, ERROR_WRONG_ROLE.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_wait(int64_t timeout_ns);

/** Wakes every thread that is in replay_wait(), and makes the I/O thread take a
 *  turn: the host has changed something that they look at, has a request for
 *  replay_host::handle_requests, say.  Thread: [any], without the lock too. */
REPLAY_API void replay_notify(void);

/* -------------------------------------------------------- several sessions */

/** One machine's session. */
typedef struct replay_session replay_session_t;

/** Makes a session, not configured. @return it, or NULL if memory ran out.
 *  The caller frees it with replay_session_free().
 *  Thread: [any]. */
REPLAY_API replay_session_t *replay_session_new(void);

/** Frees a session that replay_session_new() made; finishes it if needed. It
 *  may not be current in any other thread.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT for NULL, the default session, or
 *    one that was freed; ERROR_WRONG_STATE if it is current somewhere;
 *    ERROR_REENTERED as replay_finish(): the session is not freed then.
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_session_free(replay_session_t *session);

/** Makes @p session the calling thread's current one, until the matching
 *  replay_session_pop_current(). NULL stands for the default session.
 *  A thread that ends without its pops gives its sessions free; each reports that.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT; ERROR_WRONG_STATE when 16 are pushed.
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_session_push_current(replay_session_t *session);

/** Goes back to the session that was current before the last push.
 *  @return REPLAY_OK; ERROR_WRONG_STATE if none was pushed.
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_session_pop_current(void);

/** The calling thread's current session; NULL stands for the default one.
 *  Thread: [any] [hot]. */
REPLAY_API replay_session_t *replay_session_get_current(void);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_THREADS_H */
