/* SPDX-License-Identifier: MIT */
/* The interpreter: threaded code over decoded blocks (code.h).
 *
 * Instructions are counted by blocks: entering a block subtracts its whole length from
 * what is left of the budget, and leaving it early adds back what wasn't executed. So
 * a usual instruction does no counting, and the count is still exact wherever it can be
 * read (HERE). A block that is longer than the rest of the budget is cut.
 *
 * Addresses of labels are an extension of gcc and clang. With them each instruction
 * jumps to the next one's code by its own branch, which the host predicts well. */
#pragma GCC diagnostic ignored "-Wpedantic"

#include "execute.h"

#include <string.h>

#include "access.h"
#include "break.h"
#include "code.h"
#include "float.h"
#include "mmu.h"
#include "trap.h"

#define PAGE_MASK ((uint64_t)CPU_PAGE_BYTES - 1)

/* The instruction itself, for what isn't in the decoded form. */
static uint32_t instruction_at(cpu_t *cpu, const block_t *block, uint64_t index) {
    uint64_t offset = code_offset(block, index);
    const uint8_t *bytes = cpu->ram + block->page->index * CPU_PAGE_BYTES + offset;
    uint32_t low = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
    if (!(block->wide >> index & 1))
        return low;
    if (block->straddles)
        return low | (uint32_t)block->other_half << 16;
    return low | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* ------------------------------------------------------------------ the interpreter */

void execute(cpu_t *cpu, uint64_t budget) {
    static const void *const labels[] = {
#define LABEL(name) [CODE_##name] = &&do_##name,
        CODE_OPERATIONS(LABEL)
#undef LABEL
    };
    uint64_t *const x = cpu->x;
    const uint64_t end = cpu->icount + budget; /* the count at the end of the budget */
    uint64_t left = budget;
    uint64_t page = 0; /* virtual address of the page that is executed */
    const cpu_tlb_t *tlb = &cpu->tlb[mmu_tlb(cpu)];
    block_t *block;
    const op_t *op;
    uint64_t address;

#define INDEX ((uint64_t)(op - block->ops))
/* The number of instructions in the block after this one. */
#define REST (block->count - INDEX - 1)
/* Makes the CPU's state right for others while this instruction is executed. */
#define HERE     (cpu->icount = end - left - REST, cpu->pc = page + code_offset(block, INDEX))
#define DISPATCH goto *labels[op->code]
#define NEXT                                                                                       \
    do {                                                                                           \
        op++;                                                                                      \
        DISPATCH;                                                                                  \
    } while (0)
#define ENTER(target)                                                                              \
    do {                                                                                           \
        block = (target);                                                                          \
        if (UNLIKELY(left < block->count))                                                         \
            goto cut;                                                                              \
        left -= block->count;                                                                      \
        op = block->ops;                                                                           \
        DISPATCH;                                                                                  \
    } while (0)
/* To the instruction after the block; to a branch's target. */
#define FALL_THROUGH                                                                               \
    do {                                                                                           \
        if (LIKELY(block->next != NULL))                                                           \
            ENTER(block->next);                                                                    \
        goto fall_through;                                                                         \
    } while (0)
#define BRANCH                                                                                     \
    do {                                                                                           \
        if (LIKELY(block->taken != NULL))                                                          \
            ENTER(block->taken);                                                                   \
        goto branch;                                                                               \
    } while (0)

find: /* the block at cpu->pc */
    if (left == 0)
        goto out;
    page = cpu->pc & ~PAGE_MASK;
    block = code_find(cpu);
found:
    if (UNLIKELY(!block)) {
        left--; /* an instruction that can't be fetched counts, like all that trap */
        trap_exception(cpu);
        tlb = &cpu->tlb[mmu_tlb(cpu)];
        goto find;
    }
    ENTER(block);

cut: /* the budget ends within the block */
    if (left == 0) {
        cpu->pc = page + block->offset;
        goto out;
    }
    block = code_cut(cpu, block, left);
    left = 0;
    op = block->ops;
    DISPATCH;

fall_through:
    cpu->pc = page + block->end;
    if (block->end < CPU_PAGE_BYTES && left > 0) {
        block_t *next = code_find(cpu);
        if (UNLIKELY(!next))
            goto find; /* which notes the same exception */
        if (!next->straddles && !cpu->code->changed)
            block->next = next;
        ENTER(next);
    }
    goto find;

branch:
    cpu->pc = page + (uint64_t)(int64_t)op->imm;
    if ((uint32_t)op->imm < CPU_PAGE_BYTES && left > 0) {
        block_t *next = code_find(cpu);
        if (UNLIKELY(!next))
            goto find;
        if (!next->straddles && !cpu->code->changed)
            block->taken = next;
        ENTER(next);
    }
    goto find;

trap: /* this instruction noted an exception, after HERE */
    left += REST;
    if (UNLIKELY(cpu->exception_cause == CAUSE_STOP)) {
        left++; /* it isn't executed */
        goto out;
    }
    trap_exception(cpu);
    tlb = &cpu->tlb[mmu_tlb(cpu)];
    goto find;

illegal:
    HERE;
    exception(cpu, CAUSE_ILLEGAL, instruction_at(cpu, block, INDEX));
    goto trap;

after_access: /* it was executed, but may have changed the block or ended the slice */
    if (UNLIKELY(cpu->end_slice || cpu->code->changed)) {
        cpu->code->changed = false;
        left += REST;
        cpu->pc = page + (REST == 0 ? block->end : code_offset(block, INDEX + 1));
        if (cpu->end_slice)
            goto out;
        goto find;
    }
    NEXT;

load_slowly:
    HERE;
    if (UNLIKELY(!load_slowly(cpu, op, address)))
        goto trap;
    goto after_access;

store_slowly:
    HERE;
    if (UNLIKELY(!store_slowly(cpu, op, address)))
        goto trap;
    goto after_access;

after_system: /* the last one of its block; cpu->pc is set */
    tlb = &cpu->tlb[mmu_tlb(cpu)];
    if (cpu->end_slice || cpu_interrupt_pending(cpu))
        goto out;
    goto find;

out:
    cpu->icount = end - left;
    return;

    /* -------------------------------------------------------------- ends of blocks */

do_END:
    FALL_THROUGH;
do_STOP:
    cpu->pc = page + block->end;
    goto out;
do_BREAK: /* before the instruction at a breakpoint */
    cpu->pc = page + block->offset;
    cpu->icount = end - left;
    if (left == 0 || break_execute(cpu))
        goto out;
    block = code_find_instruction(cpu);
    goto found;

    /* -------------------------------------------------------- constants and jumps */

do_ILLEGAL:
    goto illegal;
do_NOP:
    NEXT;
do_LI:
do_LUI:
    x[op->rd] = (uint64_t)(int64_t)op->imm;
    NEXT;
do_MV:
    x[op->rd] = x[op->rs1];
    NEXT;
do_AUIPC:
    x[op->rd] = page + (op->rs1 | (uint64_t)op->rs2 << 8) + (uint64_t)(int64_t)op->imm;
    NEXT;
do_JAL:
    x[op->rd] = page + block->end;
    BRANCH;
do_J:
    BRANCH;
do_JALR:
    address = (x[op->rs1] + (uint64_t)(int64_t)op->imm) & ~UINT64_C(1);
    x[op->rd] = page + block->end;
    cpu->pc = address;
    goto find;

#define DO_BRANCH(name, type, compare)                                                             \
    do_##name : if ((type)x[op->rs1] compare(type) x[op->rs2]) BRANCH;                             \
    FALL_THROUGH;
    DO_BRANCH(BEQ, uint64_t, ==)
    DO_BRANCH(BNE, uint64_t, !=)
    DO_BRANCH(BLT, int64_t, <)
    DO_BRANCH(BGE, int64_t, >=)
    DO_BRANCH(BLTU, uint64_t, <)
    DO_BRANCH(BGEU, uint64_t, >=)
do_BEQZ:
    if (x[op->rs1] == 0)
        BRANCH;
    FALL_THROUGH;
do_BNEZ:
    if (x[op->rs1] != 0)
        BRANCH;
    FALL_THROUGH;

    /* ------------------------------------------------------------ loads and stores */

/* The tag of an aligned address; an unaligned one never matches. */
#define TAG(size)   (address & (~PAGE_MASK | ((size)-1)))
#define ENTRY(kind) (&tlb->kind[(address >> CPU_PAGE_SHIFT) % CPU_TLB_ENTRIES])

#define DO_LOAD(name, type, extend)                                                                \
    do_##name : {                                                                                  \
        address = x[op->rs1] + (uint64_t)(int64_t)op->imm;                                         \
        const cpu_tlb_entry_t *entry = ENTRY(read);                                                \
        if (UNLIKELY(entry->tag != TAG(sizeof(type))))                                             \
            goto load_slowly;                                                                      \
        type value;                                                                                \
        memcpy(&value, (const void *)(entry->host + address), sizeof(value));                      \
        x[op->rd] = (uint64_t)(extend)value;                                                       \
        NEXT;                                                                                      \
    }
    DO_LOAD(LB, int8_t, int64_t)
    DO_LOAD(LH, int16_t, int64_t)
    DO_LOAD(LW, int32_t, int64_t)
    DO_LOAD(LD, uint64_t, uint64_t)
    DO_LOAD(LBU, uint8_t, uint64_t)
    DO_LOAD(LHU, uint16_t, uint64_t)
    DO_LOAD(LWU, uint32_t, uint64_t)

#define DO_STORE(name, type)                                                                       \
    do_##name : {                                                                                  \
        address = x[op->rs1] + (uint64_t)(int64_t)op->imm;                                         \
        const cpu_tlb_entry_t *entry = ENTRY(write);                                               \
        if (UNLIKELY(entry->tag != TAG(sizeof(type))))                                             \
            goto store_slowly;                                                                     \
        type value = (type)x[op->rs2];                                                             \
        memcpy((void *)(entry->host + address), &value, sizeof(value));                            \
        NEXT;                                                                                      \
    }
    DO_STORE(SB, uint8_t)
    DO_STORE(SH, uint16_t)
    DO_STORE(SW, uint32_t)
    DO_STORE(SD, uint64_t)

do_FLW:
do_FLD:
    if (float_is_off(cpu))
        goto illegal;
    address = x[op->rs1] + (uint64_t)(int64_t)op->imm;
    goto load_slowly;
do_FSW:
do_FSD:
    if (float_is_off(cpu))
        goto illegal;
    address = x[op->rs1] + (uint64_t)(int64_t)op->imm;
    goto store_slowly;

do_LR:
do_SC:
do_AMO:
    HERE;
    if (UNLIKELY(!atomic(cpu, op)))
        goto trap;
    goto after_access;

    /* ------------------------------------------------------------------- arithmetic */

#define IMM         ((uint64_t)(int64_t)op->imm)
#define A           x[op->rs1]
#define B           x[op->rs2]
#define WORD(value) ((uint64_t)(int64_t)(int32_t)(uint32_t)(value))
#define DO(name, value)                                                                            \
    do_##name : x[op->rd] = (value);                                                               \
    NEXT;
    DO(ADDI, A + IMM)
    DO(SLTI, (int64_t)A < (int64_t)op->imm)
    DO(SLTIU, A < IMM)
    DO(XORI, A ^ IMM)
    DO(ORI, A | IMM)
    DO(ANDI, A & IMM)
    DO(SLLI, A << op->imm)
    DO(SRLI, A >> op->imm)
    DO(SRAI, (uint64_t)((int64_t)A >> op->imm))
    DO(ADDIW, WORD(A + IMM))
    DO(SLLIW, WORD(A << op->imm))
    DO(SRLIW, WORD((uint32_t)A >> op->imm))
    DO(SRAIW, WORD((int32_t)A >> op->imm))
    DO(ADD, A + B)
    DO(SUB, A - B)
    DO(SLL, A << (B & 63))
    DO(SLT, (int64_t)A < (int64_t)B)
    DO(SLTU, A < B)
    DO(XOR, A ^ B)
    DO(SRL, A >> (B & 63))
    DO(SRA, (uint64_t)((int64_t)A >> (B & 63)))
    DO(OR, A | B)
    DO(AND, A & B)
    DO(ADDW, WORD(A + B))
    DO(SUBW, WORD(A - B))
    DO(SLLW, WORD((uint32_t)A << (B & 31)))
    DO(SRLW, WORD((uint32_t)A >> (B & 31)))
    DO(SRAW, WORD((int32_t)A >> (B & 31)))
    DO(MUL, A * B)
    DO(MULH, mulh(A, B))
    DO(MULHSU, mulhsu(A, B))
    DO(MULHU, mulhu(A, B))
    DO(DIV, div_signed(A, B))
    DO(DIVU, div_unsigned(A, B))
    DO(REM, rem_signed(A, B))
    DO(REMU, rem_unsigned(A, B))
    DO(MULW, WORD(A * B))
    DO(DIVW, WORD(div_signed(WORD(A), WORD(B))))
    DO(DIVUW, WORD(div_unsigned((uint32_t)A, (uint32_t)B)))
    DO(REMW, WORD(rem_signed(WORD(A), WORD(B))))
    DO(REMUW, WORD(rem_unsigned((uint32_t)A, (uint32_t)B)))

do_FLOAT:
    if (float_is_off(cpu))
        goto illegal;
    float_used(cpu);
    if (!float_execute(cpu, (uint32_t)op->imm))
        goto illegal;
    NEXT;

    /* ---------------------------------------------------------- the system; all of
     * these end their block, so that what they change takes effect */

do_CSR:
    HERE;
    if (!csr_execute(cpu, (uint32_t)op->imm))
        goto illegal;
    cpu->pc = page + block->end;
    goto after_system;
do_FENCE_I: /* nothing to do: see code.h */
    FALL_THROUGH;
do_SFENCE_VMA: /* nothing to do: see mmu.h */
    if (cpu->privilege == CPU_USER)
        goto illegal;
    FALL_THROUGH;
do_ECALL:
    HERE;
    if (cpu->privilege == CPU_USER) {
        exception(cpu, CAUSE_ECALL_USER, 0);
        goto trap;
    }
    cpu->pc = page + block->end;
    cpu->bus.environment_call(cpu->bus.opaque, cpu);
    goto after_system;
do_EBREAK:
    HERE;
    exception(cpu, CAUSE_BREAKPOINT, cpu->pc);
    goto trap;
do_SRET:
    if (cpu->privilege == CPU_USER)
        goto illegal;
    trap_return(cpu);
    goto after_system;
do_WFI:
    if (cpu->privilege == CPU_USER)
        goto illegal;
    cpu->pc = page + block->end;
    cpu->waiting = (cpu->lines & cpu->sie) == 0;
    if (cpu->waiting)
        goto out;
    goto after_system;
}
