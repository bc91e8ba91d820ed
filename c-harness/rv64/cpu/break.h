/* SPDX-License-Identifier: MIT */
/** @file break.h
 *  Breakpoints and watchpoints inside the CPU; cpu.h has what the machine calls.
 *
 *  Breakpoints are in the code: where the address of one is mapped, a block of decoded
 *  instructions begins, with a block of no instruction before it that asks whether to stop
 *  (code.h). Watchpoints keep a page out of the TLBs, so that every access to it goes through
 *  break_load() or break_store(). Without any, nothing is slower. */
#ifndef RV64_BREAK_H
#define RV64_BREAK_H

#include "cpu.h"

/** Instead of the cause of an exception: don't execute this instruction, leave cpu_run(). */
#define CAUSE_STOP (UINT64_MAX - 1)

/** Is the instruction at cpu->pc one to stop before? */
bool break_execute(cpu_t *cpu);

/** Is a load, or a store of @p value, one to stop before? Call where cpu->icount includes the
 *  instruction. @return true: CAUSE_STOP was noted. */
bool break_load(cpu_t *cpu, uint64_t address, unsigned size);
bool break_store(cpu_t *cpu, uint64_t address, unsigned size, uint64_t value);

/** Must every access of this kind to the page of a virtual address be noticed? */
bool break_watches(const cpu_t *cpu, uint64_t address, bool write);

/** Sets the bits of the halves of a page at which breakpoints are.
 *  @return true: at least one wasn't set before. */
bool break_mark(const cpu_t *cpu, uint64_t address, uint64_t *halves);

#endif /* RV64_BREAK_H */
