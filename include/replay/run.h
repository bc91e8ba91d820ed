/* SPDX-License-Identifier: MIT */
/** @file run.h
 *  The simple layer: the library runs the host's loop.
 *
 *  A host gives replay_host::execute, and replay_host::interrupt if it has
 *  interrupts, and calls replay_run() in each of its threads. What it would
 *  write itself otherwise (the turns, the budget, the wait, the lock) is done
 *  there. A host that needs its loop for itself calls replay_turn(),
 *  replay_get_budget(), replay_wait() and
 *  replay_account_executed_instructions() in its place. */
#ifndef REPLAY_RUN_H
#define REPLAY_RUN_H

#include "errors.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Runs the machine, or this thread's part of it, until it stops.
 *
 *  A thread with the role REPLAY_THREAD_VCPU, again and again: takes its turn,
 *  calls replay_host::interrupt, and calls replay_host::execute with at most
 *  10,000 instructions; between two slices others get the lock. A thread with
 *  the role REPLAY_THREAD_IO takes its turns. A thread without a role gets both,
 *  which is all that a host with one thread needs. While there is nothing to do
 *  (the guest sleeps, the machine is paused, execute() has executed nothing, the
 *  next event is the other thread's) the thread sleeps, without the lock.
 *
 *  With two threads each calls it, or the I/O thread runs a GMainLoop
 *  (replay_glib_attach()). The lock is taken and released here; a thread that
 *  holds it already gets it back at the end.
 *
 *  Returns when replay_run_stop() was called (PLAY: and what the log still has at
 *  this icount was delivered), when PLAY has reached the end of the log, or when
 *  the session has failed. A log that was recorded with one thread may be replayed
 *  with two, and the other way round. A shutdown or a reset is the host's:
 *  it calls replay_run_stop() where the machine is to end.
 *
 *  @return REPLAY_OK; the session's failure if it has one; ERROR_WRONG_STATE (not
 *    started), ERROR_INVALID_ARGUMENT (replay_host::execute is missing),
 *    ERROR_REENTERED (from within one of the host's callbacks),
 *    ERROR_WRONG_ROLE (another thread runs the vCPU already).
 *  Thread: [vcpu] [io], with the lock or without it. */
REPLAY_API replay_status_t replay_run(void);

/** Ends every replay_run() of the session, soon: one that is in execute() returns
 *  after it (replay_host::kick is called). Until replay_finish() every further
 *  replay_run() returns at once.
 *  @return REPLAY_OK; ERROR_WRONG_STATE if not configured.
 *  Thread: [any], without the lock too, within callbacks too; but not in a signal
 *  handler. */
REPLAY_API replay_status_t replay_run_stop(void);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_RUN_H */
