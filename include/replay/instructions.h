/* SPDX-License-Identifier: MIT */
/** @file instructions.h
 *  The instruction count: how far the vCPU may run, and interrupts.
 *
 *  icount, the number of guest instructions executed, is the only clock of a
 *  recording. While recording, the library asks the host for it before each
 *  event; while replaying, it returns how many are left to the next event. */
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
 *  After a divergence, or (except in None) without the lock: 0.
 *  Thread: [vcpu] [lock-held] [hot]. */
REPLAY_API int32_t replay_get_instructions(void);

/** Play: accounts the instructions that were executed since the last call. If they reach
 *  the next event, wakes the thread that must act on it.
 *  Record: checks that the count has not gone back. If it has, the recording
 *  ends there: the log keeps what was written, replay_host::stop is called,
 *  and replay_finish() returns the failure.
 *  None: nothing.
 *  @return REPLAY_OK; ERROR_DIVERGENCE if the vCPU executed past the next event;
 *    ERROR_ICOUNT_BACKWARDS, ERROR_LOCK_NOT_HELD, ERROR_WRONG_ROLE.
 *  Thread: [vcpu] [lock-held] [hot]. */
REPLAY_API replay_status_t replay_account_executed_instructions(void);

/** The number of instructions that may be executed now: the one call that a host's loop
 *  needs in every mode.
 *
 *  Record, None: up to the nearest virtual timer, rounded up to whole
 *  instructions (in Record also up to the next digest). A device that sets a
 *  nearer timer during a slice must end the slice; for its own timers the library
 *  calls replay_host::kick.
 *  Play: as replay_get_instructions(), but 64 bits wide.
 *
 *  0 means that nothing may be executed: iterate again, or call replay_wait() if there
 *  is nothing else to do. It is always 0 while the machine is paused
 *  (replay_host::machine_running) and, except in None, before replay_start().
 *  @param max the largest value to return. The library doesn't check here whether the
 *    guest sleeps: pass 0 while it does.
 *  Thread: [vcpu] [lock-held] [hot]. */
REPLAY_API uint64_t replay_get_budget(uint64_t max);

/** Asks whether an interrupt may be delivered now.
 *
 *  Record: writes the event, and returns true. False, without an event: the machine is paused,
 *          or a debugger steps over an instruction (gdb.h), for which the interrupt waits.
 *  Play:   if it is the log's next event, consumes it and returns true. Otherwise false:
 *          the host must not deliver the interrupt now, and asks again after the next
 *          slice. The budget of that slice ends at the recorded place at the latest.
 *  None:   true, or false as in Record.
 *  Thread: [vcpu] [lock-held] [hot]. */
REPLAY_API bool replay_interrupt(void);

/** Play: would replay_interrupt() return true? Consumes nothing. Other modes: false.
 *  Thread: [vcpu] [lock-held] [hot]. */
REPLAY_API bool replay_has_interrupt(void);

/** Like replay_interrupt(), for an exception that the guest's own past does not
 *  determine.  Thread: [vcpu] [lock-held] [hot]. */
REPLAY_API bool replay_exception(void);

/** Play: would replay_exception() return true? Consumes nothing. Other modes: false.
 *  Thread: [vcpu] [lock-held] [hot]. */
REPLAY_API bool replay_has_exception(void);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_INSTRUCTIONS_H */
