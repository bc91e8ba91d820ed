/* SPDX-License-Identifier: MIT */
/** @file trap.h
 *  Exceptions and interrupts. Code that fails notes an exception and returns; the
 *  interpreter, which knows the instruction, then takes the trap. */
#ifndef RV64_TRAP_H
#define RV64_TRAP_H

#include "cpu.h"

/** Values of scause. */
enum {
    CAUSE_FETCH_ACCESS = 1,
    CAUSE_ILLEGAL = 2,
    CAUSE_BREAKPOINT = 3,
    CAUSE_LOAD_MISALIGNED = 4,
    CAUSE_LOAD_ACCESS = 5,
    CAUSE_STORE_MISALIGNED = 6,
    CAUSE_STORE_ACCESS = 7,
    CAUSE_ECALL_USER = 8,
    CAUSE_FETCH_PAGE = 12,
    CAUSE_LOAD_PAGE = 13,
    CAUSE_STORE_PAGE = 15
};
#define CAUSE_NONE      UINT64_MAX
#define CAUSE_INTERRUPT (UINT64_C(1) << 63)

/** Notes an exception. @return false, for callers that return it. */
static inline bool exception(cpu_t *cpu, uint64_t cause, uint64_t value) {
    cpu->exception_cause = cause;
    cpu->exception_value = value;
    return false;
}

/** Enters the handler; cpu->pc is that of the instruction. */
void trap_take(cpu_t *cpu, uint64_t cause, uint64_t value);

/** Takes the exception that was noted. */
void trap_exception(cpu_t *cpu);

/** Returns from the handler. */
void trap_return(cpu_t *cpu);

/* ------------------------------------------------------------------ sstatus */

#define SSTATUS_SIE    UINT64_C(0x2)
#define SSTATUS_SPIE   UINT64_C(0x20)
#define SSTATUS_SPP    UINT64_C(0x100)
#define SSTATUS_FS     UINT64_C(0x6000)
#define SSTATUS_SUM    UINT64_C(0x40000)
#define SSTATUS_MXR    UINT64_C(0x80000)
#define SSTATUS_UXL_64 UINT64_C(0x200000000)
#define SSTATUS_SD     UINT64_C(0x8000000000000000)

/* -------------------------------------------------------------------- csr.c */

/** Executes a CSR instruction, @p instruction; writes rd.
 *  @return false: it is illegal. */
bool csr_execute(cpu_t *cpu, uint32_t instruction);

#endif /* RV64_TRAP_H */
