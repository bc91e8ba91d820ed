/* SPDX-License-Identifier: MIT */
/** @file run.h
 *  The simple layer: the library runs the host's loop.
 *
 *  A host provides replay_host::execute, and replay_host::interrupt if it has
 *  interrupts, and calls replay_run() in each of its threads. That takes care of
 *  turns, budget, waiting and lock. A host that keeps its own loop calls
 *  replay_turn(), replay_get_budget(), replay_wait() and
 *  replay_account_executed_instructions() instead. */
#ifndef REPLAY_RUN_H
#define REPLAY_RUN_H

#include "errors.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Runs the machine, or this thread's part of it, until it stops.
 *
 *  A thread with the role REPLAY_THREAD_VCPU repeats: take a turn, call
 *  replay_host::interrupt, and call replay_host::execute with at most 10,000
 *  instructions. Between two slices other threads get the lock. A thread with
 *  the role REPLAY_THREAD_IO takes its turns. A thread without a role gets both
 *  roles, which suits a host with one thread. When there is nothing to do (the guest
 *  sleeps, the machine is paused, execute() executed nothing, the next event belongs
 *  to the other thread) the thread sleeps, without the lock.
 *
 *  With two threads, either both call it, or the I/O thread runs a GMainLoop
 *  (replay_glib_attach()). The call acquires and releases the lock; a thread that
 *  already held it holds it again when the call returns.
 *
 *  Returns after replay_run_stop(), at the end of the log in PLAY, or when the session has
 *  failed. A journey that is asked for after the end of the log (replay_seek() and its like)
 *  begins when each thread calls replay_run() again.
 *  After replay_run_stop() the thread that runs the vCPU first delivers to the guest
 *  what is queued: RECORD writes it, PLAY takes the log's events at that icount. So a host
 *  with one thread has its final state when the call returns; with more threads others may
 *  still queue something, and the state is final after replay_finish().
 *  A log that was recorded with one thread may be replayed with two, and vice versa.
 *  The host itself handles a shutdown or a reset: it calls replay_run_stop() to end
 *  the machine.
 *
 *  @return REPLAY_OK; the session's failure if it has one; ERROR_WRONG_STATE (not
 *    started), ERROR_INVALID_ARGUMENT (replay_host::execute is missing),
 *    ERROR_REENTERED (from within one of the host's callbacks; if the host runs its own
 *    loop, this isn't checked in icount, cpus_idle, machine_running, deadline_ns, kick and
 *    wake_io, which must not make this call either),
 *    ERROR_WRONG_ROLE (a different thread already runs the vCPU).
 *  Thread: [vcpu] [io], without the lock too. */
REPLAY_API replay_status_t replay_run(void);

/** Ends every replay_run() of the session soon: one that is in execute() returns
 *  after that (replay_host::kick is called). Until replay_finish() every later
 *  replay_run() returns at once, and replay_seek() and its like return ERROR_WRONG_STATE,
 *  unless replay_position_load() or replay_branch() was called. A journey that is under way is
 *  given up.
 *
 *  replay_position_load() and replay_branch() are refused while a thread of the machine is in
 *  replay_run(). The way:
 *
 *  - replay_run_stop(), in execute() or replay_host::paused; each replay_run() returns;
 *  - when all have returned, in one of these threads: replay_mutex_lock(), replay_branch() or
 *    replay_position_load(), replay_mutex_unlock(); replay_resume() if the library has paused
 *    the machine;
 *  - replay_run() again, in each thread.
 *
 *  replay_position_save() needs none of this: it may be called in execute() too.
 *  @return REPLAY_OK; ERROR_WRONG_STATE if not configured.
 *  Thread: [any], without the lock too, also in callbacks, but not in a signal
 *  handler. */
REPLAY_API replay_status_t replay_run_stop(void);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_RUN_H */
