/* SPDX-License-Identifier: MIT */
/** @file clock.h
 *  Clocks, the virtual clock and its warp, timers on the virtual clock.
 *
 *  Virtual time = (icount << shift) + bias. While all vCPUs sleep the bias
 *  follows real time: the I/O thread starts the warp, the vCPU thread accounts
 *  it before it executes code again. */
#ifndef REPLAY_CLOCK_H
#define REPLAY_CLOCK_H

#include "instructions.h"
#include "session.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------ readings of a clock */

/** Instead of a reading's icount: the library calls replay_host::icount itself. */
#define REPLAY_ICOUNT_NOW UINT64_MAX

/** Stores a reading of a clock. Use the macro REPLAY_CLOCK.
 *
 *  Record: accounts up to @p icount, writes @p value, returns it.
 *  Other modes: returns @p value (in PLAY with ERROR_WRONG_MODE).
 *  @param kind REPLAY_CLOCK_HOST or REPLAY_CLOCK_VIRTUAL_RT.
 *  @param value ns. @param icount as replay_get_current_icount(), or
 *  REPLAY_ICOUNT_NOW.
 *  Thread: [vcpu] [io] [lock-held] [hot]. */
REPLAY_API int64_t replay_save_clock(replay_clock_kind_t kind, int64_t value, uint64_t icount);

/** Reads a clock from the log. Use the macro REPLAY_CLOCK.
 *
 *  Play:
 *  - If the log's next event is a reading of this clock by a thread of this role,
 *    consumes and returns it. A thread that is only a vCPU thread first skips readings
 *    that come before its own: the I/O thread made them while recording, and hasn't
 *    repeated them.
 *  - Otherwise, in a vCPU thread: a divergence; returns the last reading.
 *  - Otherwise, in a thread that is only an I/O thread: returns the last reading. This
 *    isn't a divergence, because the main loop may iterate at different times in a replay.
 *  Other modes: the last reading, with ERROR_WRONG_MODE. Without the lock: 0.
 *  Thread: [vcpu] [io] [lock-held] [hot]. */
REPLAY_API int64_t replay_read_clock(replay_clock_kind_t kind, uint64_t icount);

/* A host that calls through the plugin's table defines REPLAY_FN(name), for example as
 * (my_table->name), and REPLAY_MODE(), before it includes a header of replay/. */
#ifndef REPLAY_FN
#define REPLAY_FN(name) name
#endif
#ifndef REPLAY_MODE
#ifdef REPLAY_SEVERAL_SESSIONS
#define REPLAY_MODE() (REPLAY_FN(replay_get_mode)())
#else
#define REPLAY_MODE() (replay_mode)
#endif
#endif

/** Reads a clock that the guest can see, or that affects it, in one expression for
 *  all modes. @p value, in ns, is evaluated only if it is used. The calling
 *  thread holds the replay lock.
 *  In mode NONE this costs a load and a branch. */
#define REPLAY_CLOCK_LOCKED(kind, value) REPLAY_CLOCK_AT(kind, value, REPLAY_ICOUNT_NOW)

/** Like REPLAY_CLOCK_LOCKED, where the host has its instruction count at hand: @p icount is what
 *  replay_host::icount would return here. The library doesn't call that then, which makes the
 *  reading cheaper. @p icount is evaluated except in mode NONE. */
#define REPLAY_CLOCK_AT(kind, value, icount)                                                       \
    (REPLAY_MODE() == REPLAY_MODE_NONE ? (int64_t)(value)                                          \
     : REPLAY_MODE() == REPLAY_MODE_PLAY                                                           \
         ? REPLAY_FN(replay_read_clock)((kind), (icount))                                          \
         : REPLAY_FN(replay_save_clock)((kind), (int64_t)(value), (icount)))

/** Like REPLAY_CLOCK_LOCKED, for code that may run with or without the replay
 *  lock: acquires it for the reading if the thread doesn't hold it. */
#define REPLAY_CLOCK(kind, value)                                                                  \
    (REPLAY_MODE() == REPLAY_MODE_NONE ? (int64_t)(value)                                          \
     : REPLAY_FN(replay_mutex_locked)()                                                            \
         ? REPLAY_CLOCK_LOCKED(kind, value)                                                        \
         : (REPLAY_FN(replay_mutex_lock)(),                                                        \
            REPLAY_FN(replay_clock_unlock)(REPLAY_CLOCK_LOCKED(kind, value))))

/** Releases the replay lock without delivering anything, and returns @p value. Part of
 *  REPLAY_CLOCK.
 *  Thread: [any] [lock-held] [hot]. */
REPLAY_API int64_t replay_clock_unlock(int64_t value);

/* -------------------------------------------------------- the virtual clock */

/** The guest's virtual time in ns: (icount << shift) + bias. It is deterministic, so no
 *  event is written for it. Without a configured host: 0.
 *  Thread: [any] that may call replay_host::icount [hot]. */
REPLAY_API int64_t replay_get_virtual_clock(void);

/** The I/O thread's turn, called once in each iteration of its main loop (the GLib
 *  source does so). Runs the timers on the host's clock that are due, lets the host
 *  handle its requests, and, if all vCPUs sleep, starts the warp of the virtual clock.
 *
 *  Record: writes a checkpoint before each of these that does something.
 *  Play:   does only what the log says that this thread did here.
 *  None:   the same as Record, without a log. Does nothing if the machine is stopped.
 *  @return REPLAY_OK; except in None ERROR_LOCK_NOT_HELD, ERROR_WRONG_ROLE; or
 *    the session's failure.
 *  Thread: [io] [lock-held]. */
REPLAY_API replay_status_t replay_start_warp_timer(void);

/** The vCPU thread's turn, called before it executes instructions. Flushes the
 *  queue, ends the warp and adds the time slept to the virtual clock, and runs the
 *  virtual timers that are due.
 *
 *  Modes, returns: as replay_start_warp_timer().
 *  Thread: [vcpu] [lock-held]. */
REPLAY_API replay_status_t replay_account_warp_timer(void);

/** The turn of the calling thread, by its roles: replay_start_warp_timer() for an
 *  I/O thread, then replay_account_warp_timer() for a vCPU thread. One call that is
 *  right in every thread.
 *
 *  Modes: as these two. None: a thread without a role takes both turns.
 *  @return REPLAY_OK; except in None ERROR_LOCK_NOT_HELD, ERROR_WRONG_ROLE;
 *    ERROR_REENTERED from an event's callback; or the session's failure.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_turn(void);

/** Real ns until the I/O thread's main loop must iterate again, because the warp ends or a
 *  timer on the host's clock is due (replay_host::deadline_ns, which may be NULL); 0: at
 *  once; -1: no limit. For main loops other than GLib's, whether they take turns or
 *  handle warp and timers themselves.
 *  Play: 0 if the log's next event is due and belongs to this thread. If that is a
 *  reading of a clock, which the loop perhaps doesn't repeat: the time until the library
 *  skips it. Otherwise -1.
 *  Thread: [io] [lock-held]. */
REPLAY_API int64_t replay_warp_deadline_ns(void);

/* ----------------------------------------------------------- virtual timers */

/** A timer on the virtual clock, for hosts that have no timers of their own.
 *  Due timers run in replay_account_warp_timer(), in the order of their times;
 *  those with the same time run in the order in which they were set. A timer that a
 *  running timer sets waits for the next turn. replay_position_load() knows a timer by how
 *  many were created before it, and frees those that were created after the position. */
typedef struct replay_timer replay_timer_t;

/** Creates a timer, not set. @return it, or NULL with an error. The caller frees it
 *  with replay_timer_free().  Thread: [any] [lock-held]. */
REPLAY_API replay_timer_t *replay_timer_new(replay_callback_t callback, void *opaque);

/** Sets @p timer to run at @p expire_ns of virtual time, which replaces a time
 *  that was set before; a negative time counts as 0. A time that has passed, 0 for
 *  example, means the next turn. If it is the nearest timer, the library kicks the
 *  vCPU, so that its slice ends.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT; ERROR_REENTERED (within replay_host::save_state,
 *    load_state or digest: the library sets its timers itself when it loads a snapshot).
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_timer_mod(replay_timer_t *timer, int64_t expire_ns);

/** Unsets @p timer, so that it doesn't run.  @return as above.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_timer_del(replay_timer_t *timer);

/** Frees @p timer. NULL is allowed. A timer's own callback may free it.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT if it isn't a timer (any more);
 *    ERROR_REENTERED as above.
 *  Thread: [any] [lock-held]. */
REPLAY_API replay_status_t replay_timer_free(replay_timer_t *timer);

/** The virtual time in ns at which @p timer will run; -1 if it isn't set, or isn't a timer.
 *  Thread: [any] [lock-held]. */
REPLAY_API int64_t replay_timer_expire_time(const replay_timer_t *timer);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_CLOCK_H */
