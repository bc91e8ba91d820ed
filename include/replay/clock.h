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

/** Stores a reading of a clock. Use the macro REPLAY_CLOCK.
 *
 *  Record: accounts up to @p icount, writes @p value, returns it.
 *  Else: returns @p value (in PLAY with ERROR_WRONG_MODE).
 *  @param kind REPLAY_CLOCK_HOST or REPLAY_CLOCK_VIRTUAL_RT.
 *  @param value ns. @param icount as replay_get_current_icount().
 *  Thread: [vcpu] [io] [lock-held] [hot]. */
REPLAY_API int64_t replay_save_clock(replay_clock_kind_t kind, int64_t value, uint64_t icount);

/** Reads a clock from the log. Use the macro REPLAY_CLOCK.
 *
 *  Play: if the log's next event is a reading of this clock by a thread of this
 *  role it is consumed and returned. Else the last reading is returned; for a
 *  vCPU thread that is a divergence, for an I/O thread, whose loop may turn at
 *  other times, it is not. What an I/O thread read in front of it then, and does
 *  not repeat now, a vCPU thread passes over.
 *  Other modes: the last reading, with ERROR_WRONG_MODE. Without the lock: 0.
 *  Thread: [vcpu] [io] [lock-held] [hot]. */
REPLAY_API int64_t replay_read_clock(replay_clock_kind_t kind, uint64_t icount);

/* A host that calls through the plugin's table defines REPLAY_FN(name), e.g. as
 * (my_table->name), and REPLAY_MODE, before it includes a header of replay/. */
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

/** A clock that the guest can see, or that acts on it, in one expression for
 *  all modes; @p value, in ns, is evaluated only where it is used. The calling
 *  thread holds the replay lock.
 *  In mode NONE it costs a load and a branch. */
#define REPLAY_CLOCK_LOCKED(kind, value)                                                           \
    (REPLAY_MODE() == REPLAY_MODE_NONE ? (int64_t)(value)                                          \
     : REPLAY_MODE() == REPLAY_MODE_PLAY                                                           \
         ? REPLAY_FN(replay_read_clock)((kind), REPLAY_FN(replay_get_current_icount)())            \
         : REPLAY_FN(replay_save_clock)((kind), (int64_t)(value),                                  \
                                        REPLAY_FN(replay_get_current_icount)()))

/** As REPLAY_CLOCK_LOCKED, for code that may run with or without the replay
 *  lock: takes it for the reading if the thread does not hold it. */
#define REPLAY_CLOCK(kind, value)                                                                  \
    (REPLAY_MODE() == REPLAY_MODE_NONE ? (int64_t)(value)                                          \
     : REPLAY_FN(replay_mutex_locked)()                                                            \
         ? REPLAY_CLOCK_LOCKED(kind, value)                                                        \
         : (REPLAY_FN(replay_mutex_lock)(),                                                        \
            REPLAY_FN(replay_clock_unlock)(REPLAY_CLOCK_LOCKED(kind, value))))

/** Releases the replay lock, delivers nothing, and returns @p value: a part of
 *  REPLAY_CLOCK.
 *  Thread: [any] [lock-held] [hot]. */
REPLAY_API int64_t replay_clock_unlock(int64_t value);

/* -------------------------------------------------------- the virtual clock */

/** The guest's virtual time in ns: (icount << shift) + bias. Deterministic in
 *  PLAY: no event is written for it. Without a configured host: 0.
 *  Thread: [any] that may call replay_host::icount [hot]. */
REPLAY_API int64_t replay_get_virtual_clock(void);

/** The I/O thread's turn: called once an iteration of its main loop (the GLib
 *  source does it). Runs the host's timers that are due, lets the host handle
 *  its requests, and, if all vCPUs sleep, starts the warp of the virtual clock.
 *
 *  Record: each after its checkpoint, written only where something is done.
 *  Play:   does what the log says that this thread did here, and only that.
 *  None:   the same, unwritten. Does nothing if the machine is stopped.
 *  @return REPLAY_OK; but for None ERROR_LOCK_NOT_HELD, ERROR_WRONG_ROLE; or
 *    the failure that the session has.
 *  Thread: [io] [lock-held]. */
REPLAY_API replay_status_t replay_start_warp_timer(void);

/** The vCPU thread's turn: called before it executes code. Flushes the
 *  asynchronous events, ends the warp and adds the time slept to the virtual
 *  clock, and runs the virtual timers that are due.
 *
 *  Modes, returns: as replay_start_warp_timer().
 *  Thread: [vcpu] [lock-held]. */
REPLAY_API replay_status_t replay_account_warp_timer(void);

/** The turn or turns of the calling thread's roles: replay_start_warp_timer() for
 *  the I/O side, then replay_account_warp_timer() for the vCPU side. Where a host
 *  would take a turn, this is the one line for all its threads.
 *
 *  Modes: as these two. None: a thread without a role takes both.
 *  @return REPLAY_OK; except in None ERROR_LOCK_NOT_HELD, ERROR_WRONG_ROLE;
 *    ERROR_REENTERED from an event's callback; or the failure that the session has.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_turn(void);

/** Real ns until the I/O thread must turn because the warp ends (or one of its
 *  timers is due); -1: nothing is pending. For main loops other than GLib's,
 *  with the library's turns or without them; replay_host::deadline_ns may be NULL.
 *  PLAY: 0 if the log's next event is due and this thread's; for one that a loop
 *  may not repeat (a reading of a clock) the time until it is passed over;
 *  else -1.
 *  Thread: [io] [lock-held]. */
REPLAY_API int64_t replay_warp_deadline_ns(void);

/* ----------------------------------------------------------- virtual timers */

/** A timer on the virtual clock, for hosts that have no timers of their own.
 *  Due timers run in replay_account_warp_timer(), in the order of their times,
 *  equal ones in the order in which they were set. One that is set by a timer
 *  that is running waits for the next turn. */
typedef struct replay_timer replay_timer_t;

/** Makes a timer, not set. @return it, or NULL with an error. Freed by
 *  replay_timer_free().  Thread: [any] [lock-held]. */
REPLAY_API replay_timer_t *replay_timer_new(replay_callback_t callback, void *opaque);

/** Sets @p timer to run at @p expire_ns of virtual time, instead of any time
 *  that was set before; negative counts as 0. If it is the nearest now, the
 *  vCPU is kicked, so that its slice ends.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_timer_mod(replay_timer_t *timer, int64_t expire_ns);

/** Takes the time from @p timer: it will not run.  @return as above.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_timer_del(replay_timer_t *timer);

/** Frees @p timer; NULL is allowed; a timer's own callback may do it.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT if it is not one (any more).
 *  Thread: [any] [lock-held]. */
REPLAY_API replay_status_t replay_timer_free(replay_timer_t *timer);

/** The virtual time in ns at which @p timer will run; -1: not set, or not one.
 *  Thread: [any] [lock-held]. */
REPLAY_API int64_t replay_timer_expire_time(const replay_timer_t *timer);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_CLOCK_H */
