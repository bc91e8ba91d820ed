/* SPDX-License-Identifier: MIT */
#include "trap.h"

void trap_take(cpu_t *cpu, uint64_t cause, uint64_t value) {
    cpu->sepc = cpu->pc;
    cpu->scause = cause;
    cpu->stval = value;
    uint64_t status = cpu->sstatus & ~(SSTATUS_SPIE | SSTATUS_SPP | SSTATUS_SIE);
    if (cpu->sstatus & SSTATUS_SIE)
        status |= SSTATUS_SPIE;
    if (cpu->privilege == CPU_SUPERVISOR)
        status |= SSTATUS_SPP;
    cpu->sstatus = status;
    cpu->privilege = CPU_SUPERVISOR;
    cpu->reserved = 0;
    cpu->pc = cpu->stvec & ~UINT64_C(3);
    if ((cpu->stvec & 1) && (cause & CAUSE_INTERRUPT))
        cpu->pc += 4 * (cause & ~CAUSE_INTERRUPT);
}

void trap_exception(cpu_t *cpu) {
    trap_take(cpu, cpu->exception_cause, cpu->exception_value);
}

void trap_return(cpu_t *cpu) {
    uint64_t status = cpu->sstatus;
    cpu->privilege = status & SSTATUS_SPP ? CPU_SUPERVISOR : CPU_USER;
    cpu->sstatus = (status & ~(SSTATUS_SPP | SSTATUS_SIE)) |
                   (status & SSTATUS_SPIE ? SSTATUS_SIE : 0) | SSTATUS_SPIE;
    cpu->pc = cpu->sepc;
    cpu->reserved = 0;
}

bool cpu_interrupt_pending(const cpu_t *cpu) {
    return (cpu->lines & cpu->sie) != 0 &&
           (cpu->privilege == CPU_USER || (cpu->sstatus & SSTATUS_SIE));
}

void cpu_take_interrupt(cpu_t *cpu) {
    /* In the order of their priority. */
    static const unsigned lines[] = {CPU_LINE_EXTERNAL, CPU_LINE_SOFTWARE, CPU_LINE_TIMER};
    uint64_t pending = cpu->lines & cpu->sie;
    for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (pending >> lines[i] & 1) {
            cpu->waiting = 0;
            trap_take(cpu, CAUSE_INTERRUPT | lines[i], 0);
            return;
        }
    }
}
