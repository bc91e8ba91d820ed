/* SPDX-License-Identifier: MIT */
/** @file instructions.h
 *  The instruction count: how far the vCPU may run, and what it meets there.
 *
 *  icount, the number of guest instructions executed, is the only clock of a
 *  recording. While recording the library asks the host for it before each
 *  event; while replaying it tells the host how far to the next event. */
#ifndef REPLAY_INSTRUCTIONS_H
#define REPLAY_INSTRUCTIONS_H

#include "errors.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The host's raw instruction count (replay_host::icount); 0 without a host.
 *  Thread: [any] that may call that callback [hot]. */
REPLAY_API uint64_t replay_get_current_icount(void);

/** Play: instructions that may be executed before the next event of the log;
 *  0: an event is due now. Clamped to INT32_MAX.
 *  Record, None: INT32_MAX.
 *  After a divergence, or (but for None) without the lock: 0.
 *  Thread: [vcpu] [lock-held] [hot]. */
REPLAY_API int32_t replay_get_instructions(void);

/** Play: accounts what was executed since the last call. When the next event
 *  is reached, the thread that must act on it is woken.
 *  Record: checks that the count has not gone back. If it has, the recording
 *  ends there: the log keeps what it has, the machine is stopped
 *  (replay_host::stop), and replay_finish() returns the failure.
 *  None: nothing.
 *  @return REPLAY_OK; ERROR_DIVERGENCE if the host ran past the next event;
 *    ERROR_ICOUNT_BACKWARDS, ERROR_LOCK_NOT_HELD, ERROR_WRONG_ROLE.
 *  Thread: [vcpu] [lock-held] [hot]. */
REPLAY_API replay_status_t replay_account_executed_instructions(void);

/** The one line for a host's loop: instructions that may be executed now.
 *
 *  Record, None: up to the nearest virtual timer, rounded up to whole
 *  instructions (Record: up to the next digest of the guest's state too). A
 *  device that sets a nearer timer within a slice must end the slice: the
 *  library's timers do it by replay_host::kick.
 *  Play: as replay_get_instructions(), but 64 bits wide.
 *
 *  0: nothing; go round the loop again, and replay_wait() if nothing else is to
 *  do. It is always 0 while the machine is paused (replay_host::machine_running)
 *  and, except in None, before replay_start().
 *  @param max no more than this. The guest's sleep is not looked at: 0 while it
 *    sleeps.
 *  Thread: [vcpu] [lock-held] [hot]. */
REPLAY_API uint64_t replay_get_budget(uint64_t max);

/** Asks whether an interrupt may be delivered now.
 *
 *  Record: writes it, true.
 *  Play:   true, and consumed, if the log's next event is this one; else false:
 *          the host must not deliver it and asks again after more instructions.
 *  None:   true.
 *  Thread: [vcpu] [lock-held] [hot]. */
REPLAY_API bool replay_interrupt(void);

/** Play: would replay_interrupt() answer true? Consumes nothing. Else false.
 *  Thread: [vcpu] [lock-held] [hot]. */
REPLAY_API bool replay_has_interrupt(void);

/** As replay_interrupt(), for an exception that the guest's own past does not
 *  determine.  Thread: [vcpu] [lock-held] [hot]. */
REPLAY_API bool replay_exception(void);

/** Play: would replay_exception() answer true? Consumes nothing. Else false.
 *  Thread: [vcpu] [lock-held] [hot]. */
REPLAY_API bool replay_has_exception(void);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_INSTRUCTIONS_H */
