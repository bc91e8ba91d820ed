/* SPDX-License-Identifier: MIT */
/** @file code.h
 *  Decoded instructions: blocks, and the pages of RAM that they come from.
 *
 *  A block is a sequence of instructions in one page that is entered at its first and
 *  left at its last one. It belongs to a physical page, so it stays valid whatever the
 *  page tables contain, until its bytes are written. Pages with decoded bytes have no
 *  entry in a write TLB, so that every store to them is noticed (code_written()). That
 *  makes the guest's fence.i a no-op. */
#ifndef RV64_CODE_H
#define RV64_CODE_H

#include "cpu.h"

/** Operations. Each is an instruction, or a common special case of one. */
/* clang-format off */
#define CODE_OPERATIONS(X)                                                                        \
    X(ILLEGAL) X(END) X(STOP) X(BREAK) X(NOP) X(LI) X(MV) X(LUI) X(AUIPC) X(JAL) X(J) X(JALR)              \
    X(BEQ) X(BNE) X(BLT) X(BGE) X(BLTU) X(BGEU) X(BEQZ) X(BNEZ)                                   \
    X(LB) X(LH) X(LW) X(LD) X(LBU) X(LHU) X(LWU) X(FLW) X(FLD) X(SB) X(SH) X(SW) X(SD)            \
    X(FSW) X(FSD)                                                                                 \
    X(ADDI) X(SLTI) X(SLTIU) X(XORI) X(ORI) X(ANDI) X(SLLI) X(SRLI) X(SRAI) X(ADDIW)              \
    X(SLLIW) X(SRLIW) X(SRAIW)                                                                    \
    X(ADD) X(SUB) X(SLL) X(SLT) X(SLTU) X(XOR) X(SRL) X(SRA) X(OR) X(AND) X(ADDW) X(SUBW)         \
    X(SLLW) X(SRLW) X(SRAW)                                                                       \
    X(MUL) X(MULH) X(MULHSU) X(MULHU) X(DIV) X(DIVU) X(REM) X(REMU) X(MULW) X(DIVW)               \
    X(DIVUW) X(REMW) X(REMUW)                                                                     \
    X(LR) X(SC) X(AMO) X(FLOAT) X(CSR) X(FENCE_I) X(ECALL) X(EBREAK) X(SRET) X(WFI)               \
    X(SFENCE_VMA)
/* clang-format on */

enum {
#define CODE_CONSTANT(name) CODE_##name,
    CODE_OPERATIONS(CODE_CONSTANT)
#undef CODE_CONSTANT
};

/** One operation. Destination x0 is CPU_ZERO. What @c imm holds:
 *   branches, jumps  target, from the beginning of the page
 *   AUIPC            the immediate; rs1 and rs2 hold the instruction's own place
 *   LR, SC, AMO, FLOAT, CSR   the instruction itself */
typedef struct op {
    uint8_t code, rd, rs1, rs2;
    int32_t imm;
} op_t;

enum {
    CODE_BLOCK_MOST = 63, /**< so that a bit for each instruction fits into a word */
    CODE_FETCH_ENTRIES = 256
};

typedef struct code_page code_page_t;

typedef struct block {
    code_page_t *page;
    struct block *taken, *next; /**< its successors within its page, if they are known */
    struct block *sibling;      /**< the page's other blocks */
    uint64_t wide;              /**< bit n: instruction n has 4 bytes, not 2 */
    uint16_t count;             /**< of instructions */
    uint16_t offset;            /**< of the first one in its page */
    uint16_t end;               /**< after the last one */
    bool straddles;             /**< it is one instruction, half of it in the next page */
    bool breaks;                /**< it has no instruction: it is before one at a breakpoint */
    uint16_t other_half;        /**< that half, as it was */
    op_t ops[]; /**< count, and an END where the last one does not branch; or BREAK */
} block_t;

struct code_page {
    block_t *blocks[CPU_PAGE_BYTES / 2];       /**< by the offset of their first instruction */
    block_t *first;                            /**< of all of them */
    uint64_t decoded[CPU_PAGE_BYTES / 2 / 64]; /**< bit n: bytes 2n, 2n+1 were decoded */
    uint64_t breaks[CPU_PAGE_BYTES / 2 / 64];  /**< bit n: a breakpoint is, or was, at byte 2n */
    bool has_breaks;                           /**< one of these bits is set */
    uint64_t index;                            /**< of the page in RAM */
};

/** One entry of the fetch TLB. */
typedef struct code_fetch {
    uint64_t tag;
    code_page_t *page;
} code_fetch_t;

struct code {
    code_fetch_t fetch[2][CODE_FETCH_ENTRIES]; /**< by privilege */
    code_page_t **pages;                       /**< of each page of RAM, or NULL */
    block_t *trash;                            /**< blocks to free when none is being executed */
    bool changed; /**< the block being executed may no longer be right: dropped, or mapped elsewhere
                   */
    bool has_breaks; /**< a page has */
    block_t *cut;    /**< the beginning of a block, for a budget that ends in it */
};

bool code_open(cpu_t *cpu);
void code_close(cpu_t *cpu);

/** The block at cpu->pc. @return NULL: an exception was noted. */
block_t *code_find(cpu_t *cpu);

/** The block of the instruction at cpu->pc, without the one before it that breaks. */
block_t *code_find_instruction(cpu_t *cpu);

/** A block of only the first @p count instructions of a block. */
block_t *code_cut(cpu_t *cpu, const block_t *block, uint64_t count);

/** Bytes of RAM were written. */
void code_written(cpu_t *cpu, uint64_t address, uint64_t length);

/** Drops all blocks of a page, or of all. */
void code_drop_page(cpu_t *cpu, uint64_t index);
void code_drop_all(cpu_t *cpu);

/** Drops the blocks that were divided at breakpoints; none is set now. */
void code_forget_breaks(cpu_t *cpu);

/** Removes translations. */
void code_flush_fetch(cpu_t *cpu);
void code_flush_fetch_page(cpu_t *cpu, uint64_t address);

/** Does the page of RAM have decoded bytes? */
static inline bool code_in_page(const cpu_t *cpu, uint64_t index) {
    return cpu->code->pages[index] && cpu->code->pages[index]->first;
}

/** Where an instruction of a block is, in its page. */
static inline uint64_t code_offset(const block_t *block, uint64_t index) {
    uint64_t before = (UINT64_C(1) << index) - 1;
    return block->offset + 2 * index + 2 * (uint64_t)__builtin_popcountll(block->wide & before);
}

/* ------------------------------------------------------------------ decode.c */

/** Decodes one instruction of 32 bits, at @p offset in its page.
 *  @return true if a block ends with it. */
bool decode(uint32_t instruction, uint64_t offset, op_t *op);

/** The 32-bit equivalent of a 16-bit instruction; 0 if it is illegal. */
uint32_t decode_compressed(uint32_t half);

#endif /* RV64_CODE_H */
