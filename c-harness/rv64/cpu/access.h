/* SPDX-License-Identifier: MIT */
/** @file access.h
 *  A part of execute.c, which alone includes it: accesses that it can't do by its own tables, and
 * atomic instructions. They are compiled with the interpreter, so that a call saves no register in
 * vain.
 *
 *  Each returns false after it has noted an exception, or CAUSE_STOP before it has done anything.
 */
#ifndef RV64_ACCESS_H
#define RV64_ACCESS_H

#include <string.h>

#include "break.h"
#include "code.h"
#include "execute.h"
#include "mmu.h"
#include "trap.h"

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Floating-point state is used now. */
static void float_used(cpu_t *cpu) {
    cpu->sstatus |= SSTATUS_FS;
}

static bool float_is_off(const cpu_t *cpu) {
    return (cpu->sstatus & SSTATUS_FS) == 0;
}

static bool load_slowly(cpu_t *cpu, const op_t *op, uint64_t address) {
    static const uint8_t sizes[] = {
        [CODE_LB] = 1,  [CODE_LH] = 2,  [CODE_LW] = 4,  [CODE_LD] = 8, [CODE_LBU] = 1,
        [CODE_LHU] = 2, [CODE_LWU] = 4, [CODE_FLW] = 4, [CODE_FLD] = 8};
    unsigned size = sizes[op->code];
    uint64_t value;
    if (UNLIKELY(cpu->watch_count > 0) && break_load(cpu, address, size))
        return false;
    if (op->code == CODE_FLW || op->code == CODE_FLD)
        float_used(cpu);
    if (!mmu_load(cpu, address, size, &value))
        return false;
    switch (op->code) {
    case CODE_LB:
        cpu->x[op->rd] = (uint64_t)(int64_t)(int8_t)value;
        break;
    case CODE_LH:
        cpu->x[op->rd] = (uint64_t)(int64_t)(int16_t)value;
        break;
    case CODE_LW:
        cpu->x[op->rd] = (uint64_t)(int64_t)(int32_t)value;
        break;
    case CODE_FLW:
        cpu->f[op->rd] = value | UINT64_C(0xffffffff00000000);
        break;
    case CODE_FLD:
        cpu->f[op->rd] = value;
        break;
    default:
        cpu->x[op->rd] = value;
        break;
    }
    return true;
}

static bool store_slowly(cpu_t *cpu, const op_t *op, uint64_t address) {
    static const uint8_t sizes[] = {
        [CODE_SB] = 1, [CODE_SH] = 2, [CODE_SW] = 4, [CODE_SD] = 8, [CODE_FSW] = 4, [CODE_FSD] = 8};
    bool is_float = op->code == CODE_FSW || op->code == CODE_FSD;
    uint64_t value = is_float ? cpu->f[op->rs2] : cpu->x[op->rs2];
    unsigned size = sizes[op->code];
    if (UNLIKELY(cpu->watch_count > 0) && break_store(cpu, address, size, value))
        return false;
    if (is_float)
        float_used(cpu);
    return mmu_store(cpu, address, size, value);
}

static uint64_t word_or_all(uint64_t value, unsigned size) {
    return size == 4 ? (uint64_t)(int64_t)(int32_t)value : value;
}

/* Does SC hold, for its address? AMO always writes. */
static bool atomic_writes(const cpu_t *cpu, const op_t *op, uint64_t physical) {
    return op->code == CODE_AMO ||
           (op->code == CODE_SC && cpu->reserved && cpu->reservation == physical);
}

/* What it writes then. */
static uint64_t atomic_result(const cpu_t *cpu, const op_t *op, unsigned size, uint64_t memory) {
    uint64_t operand = word_or_all(cpu->x[op->rs2], size);
    return op->code == CODE_SC ? operand : amo_result((uint32_t)op->imm, memory, operand);
}

/* Is LR, SC or AMO one to stop before? One that will trap isn't. */
static bool break_atomic(cpu_t *cpu, const op_t *op, uint64_t address, unsigned size) {
    uint64_t physical, memory = 0;
    bool reads = op->code != CODE_SC;
    if ((address & (size - 1)) ||
        !mmu_probe(cpu, address, op->code == CODE_LR ? MMU_READ : MMU_WRITE, &physical))
        return false;
    const uint8_t *ram = cpu_ram(cpu, physical, size);
    if (!ram)
        return false;
    memcpy(&memory, ram, size);
    memory = word_or_all(memory, size);
    return (reads && break_load(cpu, address, size)) ||
           (atomic_writes(cpu, op, physical) &&
            break_store(cpu, address, size, atomic_result(cpu, op, size, memory)));
}

/* LR, SC and AMO; of 32 bits, sign-extended, or of 64. */
static bool atomic(cpu_t *cpu, const op_t *op) {
    unsigned size = (uint32_t)op->imm >> 12 & 1 ? 8 : 4;
    uint64_t physical, memory = 0, address = cpu->x[op->rs1];
    if (UNLIKELY(cpu->watch_count > 0) && break_atomic(cpu, op, address, size))
        return false;
    uint8_t *ram =
        mmu_atomic(cpu, address, size, op->code == CODE_LR ? MMU_READ : MMU_WRITE, &physical);
    if (!ram)
        return false;
    memcpy(&memory, ram, size);
    memory = word_or_all(memory, size);
    bool writes = atomic_writes(cpu, op, physical);
    uint64_t result = writes ? atomic_result(cpu, op, size, memory) : 0;
    if (op->code == CODE_LR) {
        cpu->reserved = 1;
        cpu->reservation = physical;
    }
    if (op->code == CODE_SC) {
        cpu->reserved = 0;
        memory = !writes;
    }
    cpu->x[op->rd] = memory;
    if (writes)
        mmu_write(cpu, physical, &result, size);
    return true;
}

#endif /* RV64_ACCESS_H */
