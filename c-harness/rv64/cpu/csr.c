/* SPDX-License-Identifier: MIT */
/* Control and status registers: the Privileged Specification, chapter 4. */
#include "mmu.h"
#include "trap.h"

enum {
    CSR_FFLAGS = 0x001,
    CSR_FRM = 0x002,
    CSR_FCSR = 0x003,
    CSR_SSTATUS = 0x100,
    CSR_SIE = 0x104,
    CSR_STVEC = 0x105,
    CSR_SCOUNTEREN = 0x106,
    CSR_SENVCFG = 0x10a,
    CSR_SSCRATCH = 0x140,
    CSR_SEPC = 0x141,
    CSR_SCAUSE = 0x142,
    CSR_STVAL = 0x143,
    CSR_SIP = 0x144,
    CSR_SATP = 0x180,
    CSR_CYCLE = 0xc00,
    CSR_TIME = 0xc01,
    CSR_INSTRET = 0xc02
};

#define LINES_ALL                                                                                  \
    (UINT64_C(1) << CPU_LINE_SOFTWARE | UINT64_C(1) << CPU_LINE_TIMER |                            \
     UINT64_C(1) << CPU_LINE_EXTERNAL)
#define SSTATUS_WRITABLE                                                                           \
    (SSTATUS_SIE | SSTATUS_SPIE | SSTATUS_SPP | SSTATUS_FS | SSTATUS_SUM | SSTATUS_MXR)

/* Floating-point state is accessible only while sstatus.FS isn't "off". */
static bool float_is_off(const cpu_t *cpu) {
    return (cpu->sstatus & SSTATUS_FS) == 0;
}

/* Is it one that exists, but not for the guest's program now? */
static bool is_hidden(const cpu_t *cpu, unsigned csr) {
    if (csr <= CSR_FCSR)
        return float_is_off(cpu);
    return csr >= CSR_CYCLE && csr <= CSR_INSTRET && cpu->privilege == CPU_USER &&
           !(cpu->scounteren >> (csr - CSR_CYCLE) & 1);
}

bool cpu_read_csr(cpu_t *cpu, unsigned csr, uint64_t *value) {
    switch (csr) {
    case CSR_FFLAGS:
        *value = cpu->fcsr & 0x1f;
        return true;
    case CSR_FRM:
        *value = cpu->fcsr >> 5 & 7;
        return true;
    case CSR_FCSR:
        *value = cpu->fcsr;
        return true;
    case CSR_SSTATUS:
        *value = cpu->sstatus | SSTATUS_UXL_64;
        if ((cpu->sstatus & SSTATUS_FS) == SSTATUS_FS)
            *value |= SSTATUS_SD;
        return true;
    case CSR_SIE:
        *value = cpu->sie;
        return true;
    case CSR_STVEC:
        *value = cpu->stvec;
        return true;
    case CSR_SCOUNTEREN:
        *value = cpu->scounteren;
        return true;
    case CSR_SENVCFG:
        *value = cpu->senvcfg;
        return true;
    case CSR_SSCRATCH:
        *value = cpu->sscratch;
        return true;
    case CSR_SEPC:
        *value = cpu->sepc;
        return true;
    case CSR_SCAUSE:
        *value = cpu->scause;
        return true;
    case CSR_STVAL:
        *value = cpu->stval;
        return true;
    case CSR_SIP:
        *value = cpu->lines;
        return true;
    case CSR_SATP:
        *value = cpu->satp;
        return true;
    case CSR_CYCLE:
    case CSR_INSTRET:
        *value = cpu->icount;
        return true;
    case CSR_TIME:
        *value = cpu->bus.time(cpu->bus.opaque);
        return true;
    default:
        return false;
    }
}

static void write_float(cpu_t *cpu, uint32_t mask, uint32_t value) {
    cpu->fcsr = (cpu->fcsr & ~mask) | (value & mask);
    cpu->sstatus |= SSTATUS_FS; /* dirty */
}

static void write_sstatus(cpu_t *cpu, uint64_t value) {
    uint64_t mask = SSTATUS_WRITABLE, before = cpu->sstatus;
    if (!cpu->options.floating_point)
        mask &= ~SSTATUS_FS;
    cpu->sstatus = value & mask;
    if ((before ^ cpu->sstatus) & SSTATUS_MXR)
        mmu_flush(cpu); /* the TLBs don't distinguish what MXR makes readable, as they do for SUM */
}

/* Unsupported modes leave the register unchanged. */
static void write_satp(cpu_t *cpu, uint64_t value) {
    uint64_t mode = value >> 60;
    if (mode != SATP_BARE && mode != SATP_SV39)
        return;
    cpu->satp = mode << 60 | (value & SATP_PAGE_MASK);
    mmu_flush(cpu);
}

static void write_csr(cpu_t *cpu, unsigned csr, uint64_t value) {
    switch (csr) {
    case CSR_FFLAGS:
        write_float(cpu, 0x1f, (uint32_t)value);
        break;
    case CSR_FRM:
        write_float(cpu, 0xe0, (uint32_t)value << 5);
        break;
    case CSR_FCSR:
        write_float(cpu, 0xff, (uint32_t)value);
        break;
    case CSR_SSTATUS:
        write_sstatus(cpu, value);
        break;
    case CSR_SIE:
        cpu->sie = value & LINES_ALL;
        break;
    case CSR_STVEC:
        cpu->stvec = value & ~UINT64_C(2);
        break;
    case CSR_SCOUNTEREN:
        cpu->scounteren = value & 7;
        break;
    case CSR_SENVCFG:
        cpu->senvcfg = value & 1;
        break;
    case CSR_SSCRATCH:
        cpu->sscratch = value;
        break;
    case CSR_SEPC:
        cpu->sepc = value & ~UINT64_C(1);
        break;
    case CSR_SCAUSE:
        cpu->scause = value;
        break;
    case CSR_STVAL:
        cpu->stval = value;
        break;
    case CSR_SIP: /* the only line that the guest can set is its own */
        cpu->lines = (cpu->lines & ~(UINT64_C(1) << CPU_LINE_SOFTWARE)) |
                     (value & UINT64_C(1) << CPU_LINE_SOFTWARE);
        break;
    case CSR_SATP:
        write_satp(cpu, value);
        break;
    default:
        break;
    }
}

bool cpu_write_csr(cpu_t *cpu, unsigned csr, uint64_t value) {
    uint64_t old;
    if (csr >> 10 == 3 || !cpu_read_csr(cpu, csr, &old))
        return false;
    write_csr(cpu, csr, value);
    return true;
}

bool csr_execute(cpu_t *cpu, uint32_t instruction) {
    unsigned csr = instruction >> 20, how = instruction >> 12 & 7;
    unsigned rd = instruction >> 7 & 31, field = instruction >> 15 & 31;
    uint64_t operand = how & 4 ? field : cpu->x[field];
    bool writes = (how & 3) == 1 || field != 0;
    uint64_t old = 0;
    if ((csr >> 8 & 3) > cpu->privilege || (writes && csr >> 10 == 3))
        return false;
    if (is_hidden(cpu, csr) || !cpu_read_csr(cpu, csr, &old))
        return false;
    if (writes)
        write_csr(cpu, csr,
                  (how & 3) == 1   ? operand
                  : (how & 3) == 2 ? old | operand
                                   : old & ~operand);
    cpu->x[rd != 0 ? rd : CPU_ZERO] = old;
    return true;
}
