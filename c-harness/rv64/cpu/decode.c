/* SPDX-License-Identifier: MIT */
/* From bits to operations. The RISC-V Instruction Set Manual, volume I, has the
 * encodings; names of fields and formats are its own. */
#include "code.h"

static uint32_t bits(uint32_t value, unsigned high, unsigned low) {
    return value >> low & ((UINT32_C(2) << (high - low)) - 1);
}

static int32_t sign_extend(uint32_t value, unsigned width) {
    uint32_t sign = UINT32_C(1) << (width - 1);
    return (int32_t)((value ^ sign) - sign);
}

/* ---------------------------------------------------------------- immediates */

static int32_t imm_i(uint32_t i) {
    return sign_extend(bits(i, 31, 20), 12);
}

static int32_t imm_s(uint32_t i) {
    return sign_extend(bits(i, 31, 25) << 5 | bits(i, 11, 7), 12);
}

static int32_t imm_b(uint32_t i) {
    return sign_extend(bits(i, 31, 31) << 12 | bits(i, 7, 7) << 11 | bits(i, 30, 25) << 5 |
                           bits(i, 11, 8) << 1,
                       13);
}

static int32_t imm_j(uint32_t i) {
    return sign_extend(bits(i, 31, 31) << 20 | bits(i, 19, 12) << 12 | bits(i, 20, 20) << 11 |
                           bits(i, 30, 21) << 1,
                       21);
}

/* ----------------------------------------------------------- 32-bit instructions */

static void decode_branch(uint32_t i, uint64_t offset, op_t *op) {
    static const uint8_t codes[8] = {CODE_BEQ, CODE_BNE, CODE_ILLEGAL, CODE_ILLEGAL,
                                     CODE_BLT, CODE_BGE, CODE_BLTU,    CODE_BGEU};
    op->code = codes[bits(i, 14, 12)];
    op->imm = (int32_t)offset + imm_b(i);
    if (op->rs2 == 0 && op->code == CODE_BEQ)
        op->code = CODE_BEQZ;
    if (op->rs2 == 0 && op->code == CODE_BNE)
        op->code = CODE_BNEZ;
}

static void decode_op_imm(uint32_t i, op_t *op) {
    static const uint8_t codes[8] = {CODE_ADDI, CODE_SLLI, CODE_SLTI, CODE_SLTIU,
                                     CODE_XORI, CODE_SRLI, CODE_ORI,  CODE_ANDI};
    uint32_t funct6 = bits(i, 31, 26);
    op->code = codes[bits(i, 14, 12)];
    op->imm = imm_i(i);
    if (op->code == CODE_SLLI || op->code == CODE_SRLI) {
        op->imm = (int32_t)bits(i, 25, 20);
        if (op->code == CODE_SRLI && funct6 == 0x10)
            op->code = CODE_SRAI;
        else if (funct6 != 0)
            op->code = CODE_ILLEGAL;
    }
    if (op->code == CODE_ADDI && op->rd == CPU_ZERO)
        op->code = CODE_NOP;
    else if (op->code == CODE_ADDI && op->rs1 == 0)
        op->code = CODE_LI;
    else if (op->code == CODE_ADDI && op->imm == 0)
        op->code = CODE_MV;
}

static void decode_op_imm_32(uint32_t i, op_t *op) {
    uint32_t funct7 = bits(i, 31, 25);
    switch (bits(i, 14, 12)) {
    case 0:
        op->code = CODE_ADDIW;
        op->imm = imm_i(i);
        return;
    case 1:
        op->code = funct7 == 0 ? CODE_SLLIW : CODE_ILLEGAL;
        break;
    case 5:
        op->code = funct7 == 0 ? CODE_SRLIW : funct7 == 0x20 ? CODE_SRAIW : CODE_ILLEGAL;
        break;
    default:
        op->code = CODE_ILLEGAL;
    }
    op->imm = (int32_t)bits(i, 24, 20);
}

/* Operations between registers: the tables are by funct3, with the two that differ from
 * the base in one bit. */
static uint8_t decode_registers(uint32_t i, const uint8_t base[8], const uint8_t multiply[8],
                                uint8_t subtract, uint8_t shift_signed) {
    uint32_t funct3 = bits(i, 14, 12);
    switch (bits(i, 31, 25)) {
    case 0x00:
        return base[funct3];
    case 0x01:
        return multiply[funct3];
    case 0x20:
        return funct3 == 0 ? subtract : funct3 == 5 ? shift_signed : CODE_ILLEGAL;
    default:
        return CODE_ILLEGAL;
    }
}

static uint8_t decode_op(uint32_t i) {
    static const uint8_t base[8] = {CODE_ADD, CODE_SLL, CODE_SLT, CODE_SLTU,
                                    CODE_XOR, CODE_SRL, CODE_OR,  CODE_AND};
    static const uint8_t multiply[8] = {CODE_MUL, CODE_MULH, CODE_MULHSU, CODE_MULHU,
                                        CODE_DIV, CODE_DIVU, CODE_REM,    CODE_REMU};
    return decode_registers(i, base, multiply, CODE_SUB, CODE_SRA);
}

static uint8_t decode_op_32(uint32_t i) {
    static const uint8_t base[8] = {CODE_ADDW,    CODE_SLLW, CODE_ILLEGAL, CODE_ILLEGAL,
                                    CODE_ILLEGAL, CODE_SRLW, CODE_ILLEGAL, CODE_ILLEGAL};
    static const uint8_t multiply[8] = {CODE_MULW, CODE_ILLEGAL, CODE_ILLEGAL, CODE_ILLEGAL,
                                        CODE_DIVW, CODE_DIVUW,   CODE_REMW,    CODE_REMUW};
    return decode_registers(i, base, multiply, CODE_SUBW, CODE_SRAW);
}

static uint8_t decode_amo(uint32_t i) {
    uint32_t funct5 = bits(i, 31, 27), width = bits(i, 14, 12);
    if (width != 2 && width != 3)
        return CODE_ILLEGAL;
    switch (funct5) {
    case 0x02:
        return bits(i, 24, 20) == 0 ? CODE_LR : CODE_ILLEGAL;
    case 0x03:
        return CODE_SC;
    case 0x00: /* add */
    case 0x01: /* swap */
    case 0x04: /* xor */
    case 0x08: /* or */
    case 0x0c: /* and */
    case 0x10: /* min */
    case 0x14: /* max */
    case 0x18: /* minu */
    case 0x1c: /* maxu */
        return CODE_AMO;
    default:
        return CODE_ILLEGAL;
    }
}

static uint8_t decode_system(uint32_t i) {
    if (bits(i, 14, 12) != 0)
        return bits(i, 14, 12) == 4 ? CODE_ILLEGAL : CODE_CSR;
    if (bits(i, 31, 25) == 0x09 && bits(i, 11, 7) == 0)
        return CODE_SFENCE_VMA;
    switch (i) {
    case 0x00000073:
        return CODE_ECALL;
    case 0x00100073:
        return CODE_EBREAK;
    case 0x10200073:
        return CODE_SRET;
    case 0x10500073:
        return CODE_WFI;
    default:
        return CODE_ILLEGAL;
    }
}

/* Opcodes that need only a table. */
static const uint8_t loads[8] = {CODE_LB,  CODE_LH,  CODE_LW,  CODE_LD,
                                 CODE_LBU, CODE_LHU, CODE_LWU, CODE_ILLEGAL};
static const uint8_t stores[8] = {CODE_SB,      CODE_SH,      CODE_SW,      CODE_SD,
                                  CODE_ILLEGAL, CODE_ILLEGAL, CODE_ILLEGAL, CODE_ILLEGAL};

bool decode(uint32_t i, uint64_t offset, op_t *op) {
    uint8_t rd = (uint8_t)bits(i, 11, 7);
    uint32_t funct3 = bits(i, 14, 12);
    *op = (op_t){.code = CODE_ILLEGAL,
                 .rd = rd != 0 ? rd : CPU_ZERO,
                 .rs1 = (uint8_t)bits(i, 19, 15),
                 .rs2 = (uint8_t)bits(i, 24, 20)};
    switch (bits(i, 6, 0)) {
    case 0x37:
        op->code = CODE_LUI;
        op->imm = (int32_t)(i & 0xfffff000);
        break;
    case 0x17:
        op->code = CODE_AUIPC;
        op->imm = (int32_t)(i & 0xfffff000);
        op->rs1 = (uint8_t)offset;
        op->rs2 = (uint8_t)(offset >> 8);
        break;
    case 0x6f:
        op->code = rd == 0 ? CODE_J : CODE_JAL;
        op->imm = (int32_t)offset + imm_j(i);
        return true;
    case 0x67:
        op->code = funct3 == 0 ? CODE_JALR : CODE_ILLEGAL;
        op->imm = imm_i(i);
        return true;
    case 0x63:
        decode_branch(i, offset, op);
        return true;
    case 0x03:
        op->code = loads[funct3];
        op->imm = imm_i(i);
        break;
    case 0x23:
        op->code = stores[funct3];
        op->imm = imm_s(i);
        break;
    case 0x07:
        op->code = funct3 == 2 ? CODE_FLW : funct3 == 3 ? CODE_FLD : CODE_ILLEGAL;
        op->rd = rd;
        op->imm = imm_i(i);
        break;
    case 0x27:
        op->code = funct3 == 2 ? CODE_FSW : funct3 == 3 ? CODE_FSD : CODE_ILLEGAL;
        op->imm = imm_s(i);
        break;
    case 0x13:
        decode_op_imm(i, op);
        break;
    case 0x1b:
        decode_op_imm_32(i, op);
        break;
    case 0x33:
        op->code = decode_op(i);
        if (op->code == CODE_ADD && op->rs1 == 0) { /* c.mv */
            op->code = CODE_MV;
            op->rs1 = op->rs2;
        }
        break;
    case 0x3b:
        op->code = decode_op_32(i);
        break;
    case 0x0f:
        op->code = funct3 == 0 ? CODE_NOP : funct3 == 1 ? CODE_FENCE_I : CODE_ILLEGAL;
        break;
    case 0x2f:
        op->code = decode_amo(i);
        op->imm = (int32_t)i;
        break;
    case 0x43:
    case 0x47:
    case 0x4b:
    case 0x4f:
    case 0x53:
        op->code = CODE_FLOAT;
        op->imm = (int32_t)i;
        break;
    case 0x73:
        op->code = decode_system(i);
        op->imm = (int32_t)i;
        return true;
    default:
        break;
    }
    return op->code == CODE_ILLEGAL || op->code == CODE_FENCE_I;
}

/* ----------------------------------------------------------- 16-bit instructions */

enum { SP = 2 };

static uint32_t r_type(uint32_t opcode, uint32_t f3, uint32_t f7, uint32_t rd, uint32_t rs1,
                       uint32_t rs2) {
    return opcode | rd << 7 | f3 << 12 | rs1 << 15 | rs2 << 20 | f7 << 25;
}

static uint32_t i_type(uint32_t opcode, uint32_t f3, uint32_t rd, uint32_t rs1, int32_t imm) {
    return opcode | rd << 7 | f3 << 12 | rs1 << 15 | (uint32_t)imm << 20;
}

static uint32_t s_type(uint32_t opcode, uint32_t f3, uint32_t rs1, uint32_t rs2, uint32_t imm) {
    return opcode | bits(imm, 4, 0) << 7 | f3 << 12 | rs1 << 15 | rs2 << 20 |
           bits(imm, 11, 5) << 25;
}

static uint32_t j_type(uint32_t rd, int32_t imm) {
    uint32_t u = (uint32_t)imm;
    return 0x6f | rd << 7 | bits(u, 19, 12) << 12 | bits(u, 11, 11) << 20 | bits(u, 10, 1) << 21 |
           bits(u, 20, 20) << 31;
}

static uint32_t b_type(uint32_t f3, uint32_t rs1, int32_t imm) {
    uint32_t u = (uint32_t)imm;
    return 0x63 | bits(u, 11, 11) << 7 | bits(u, 4, 1) << 8 | f3 << 12 | rs1 << 15 |
           bits(u, 10, 5) << 25 | bits(u, 12, 12) << 31;
}

/* Registers x8 to x15, in three bits. */
static uint32_t short_register(uint32_t i, unsigned low) {
    return 8 + bits(i, low + 2, low);
}

static int32_t c_imm(uint32_t i) {
    return sign_extend(bits(i, 12, 12) << 5 | bits(i, 6, 2), 6);
}

static uint32_t quadrant_0(uint32_t i) {
    uint32_t rd = short_register(i, 2), rs1 = short_register(i, 7);
    uint32_t word = bits(i, 12, 10) << 3 | bits(i, 6, 6) << 2 | bits(i, 5, 5) << 6;
    uint32_t twice = bits(i, 12, 10) << 3 | bits(i, 6, 5) << 6;
    uint32_t stack =
        bits(i, 12, 11) << 4 | bits(i, 10, 7) << 6 | bits(i, 6, 6) << 2 | bits(i, 5, 5) << 3;
    switch (bits(i, 15, 13)) {
    case 0: /* c.addi4spn */
        return stack == 0 ? 0 : i_type(0x13, 0, rd, SP, (int32_t)stack);
    case 1: /* c.fld */
        return i_type(0x07, 3, rd, rs1, (int32_t)twice);
    case 2: /* c.lw */
        return i_type(0x03, 2, rd, rs1, (int32_t)word);
    case 3: /* c.ld */
        return i_type(0x03, 3, rd, rs1, (int32_t)twice);
    case 5: /* c.fsd */
        return s_type(0x27, 3, rs1, rd, twice);
    case 6: /* c.sw */
        return s_type(0x23, 2, rs1, rd, word);
    case 7: /* c.sd */
        return s_type(0x23, 3, rs1, rd, twice);
    default:
        return 0;
    }
}

/* c.srli, c.srai, c.andi, and operations on two registers. */
static uint32_t arithmetic(uint32_t i) {
    uint32_t rd = short_register(i, 7), rs2 = short_register(i, 2);
    uint32_t shift = bits(i, 12, 12) << 5 | bits(i, 6, 2);
    static const uint8_t functions[4] = {0, 4, 6, 7}; /* sub, xor, or, and */
    switch (bits(i, 11, 10)) {
    case 0:
        return i_type(0x13, 5, rd, rd, (int32_t)shift);
    case 1:
        return i_type(0x13, 5, rd, rd, (int32_t)(shift | 0x400));
    case 2:
        return i_type(0x13, 7, rd, rd, c_imm(i));
    default:
        break;
    }
    uint32_t which = bits(i, 6, 5);
    if (bits(i, 12, 12) == 0)
        return r_type(0x33, functions[which], which == 0 ? 0x20 : 0, rd, rd, rs2);
    return which > 1 ? 0 : r_type(0x3b, 0, which == 0 ? 0x20 : 0, rd, rd, rs2);
}

static uint32_t quadrant_1(uint32_t i) {
    uint32_t rd = bits(i, 11, 7);
    int32_t imm = c_imm(i);
    int32_t stack = sign_extend(bits(i, 12, 12) << 9 | bits(i, 6, 6) << 4 | bits(i, 5, 5) << 6 |
                                    bits(i, 4, 3) << 7 | bits(i, 2, 2) << 5,
                                10);
    int32_t jump = sign_extend(bits(i, 12, 12) << 11 | bits(i, 11, 11) << 4 | bits(i, 10, 9) << 8 |
                                   bits(i, 8, 8) << 10 | bits(i, 7, 7) << 6 | bits(i, 6, 6) << 7 |
                                   bits(i, 5, 3) << 1 | bits(i, 2, 2) << 5,
                               12);
    int32_t branch = sign_extend(bits(i, 12, 12) << 8 | bits(i, 11, 10) << 3 | bits(i, 6, 5) << 6 |
                                     bits(i, 4, 3) << 1 | bits(i, 2, 2) << 5,
                                 9);
    switch (bits(i, 15, 13)) {
    case 0: /* c.addi, c.nop */
        return i_type(0x13, 0, rd, rd, imm);
    case 1: /* c.addiw */
        return rd == 0 ? 0 : i_type(0x1b, 0, rd, rd, imm);
    case 2: /* c.li */
        return i_type(0x13, 0, rd, 0, imm);
    case 3: /* c.addi16sp, c.lui */
        if (rd == SP)
            return stack == 0 ? 0 : i_type(0x13, 0, SP, SP, stack);
        return imm == 0 ? 0 : 0x37 | rd << 7 | (uint32_t)imm << 12;
    case 4:
        return arithmetic(i);
    case 5: /* c.j */
        return j_type(0, jump);
    case 6: /* c.beqz */
        return b_type(0, short_register(i, 7), branch);
    default: /* c.bnez */
        return b_type(1, short_register(i, 7), branch);
    }
}

/* c.jr, c.mv, c.ebreak, c.jalr, c.add */
static uint32_t jump_or_move(uint32_t i) {
    uint32_t rd = bits(i, 11, 7), rs2 = bits(i, 6, 2), link = bits(i, 12, 12);
    if (rs2 != 0)
        return r_type(0x33, 0, 0, rd, link ? rd : 0, rs2);
    if (rd == 0)
        return link ? 0x00100073 : 0;
    return i_type(0x67, 0, link, rd, 0);
}

static uint32_t quadrant_2(uint32_t i) {
    uint32_t rd = bits(i, 11, 7), rs2 = bits(i, 6, 2);
    uint32_t load_word = bits(i, 12, 12) << 5 | bits(i, 6, 4) << 2 | bits(i, 3, 2) << 6;
    uint32_t load_twice = bits(i, 12, 12) << 5 | bits(i, 6, 5) << 3 | bits(i, 4, 2) << 6;
    uint32_t store_word = bits(i, 12, 9) << 2 | bits(i, 8, 7) << 6;
    uint32_t store_twice = bits(i, 12, 10) << 3 | bits(i, 9, 7) << 6;
    switch (bits(i, 15, 13)) {
    case 0: /* c.slli */
        return i_type(0x13, 1, rd, rd, (int32_t)(bits(i, 12, 12) << 5 | rs2));
    case 1: /* c.fldsp */
        return i_type(0x07, 3, rd, SP, (int32_t)load_twice);
    case 2: /* c.lwsp */
        return rd == 0 ? 0 : i_type(0x03, 2, rd, SP, (int32_t)load_word);
    case 3: /* c.ldsp */
        return rd == 0 ? 0 : i_type(0x03, 3, rd, SP, (int32_t)load_twice);
    case 4:
        return jump_or_move(i);
    case 5: /* c.fsdsp */
        return s_type(0x27, 3, SP, rs2, store_twice);
    case 6: /* c.swsp */
        return s_type(0x23, 2, SP, rs2, store_word);
    default: /* c.sdsp */
        return s_type(0x23, 3, SP, rs2, store_twice);
    }
}

uint32_t decode_compressed(uint32_t half) {
    switch (bits(half, 1, 0)) {
    case 0:
        return quadrant_0(half);
    case 1:
        return quadrant_1(half);
    case 2:
        return quadrant_2(half);
    default:
        return 0;
    }
}
