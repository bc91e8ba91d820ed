/* SPDX-License-Identifier: MIT */
#include "float.h"

#include "soft-float.h"

#define BOX UINT64_C(0xffffffff00000000)

/* The fields of an instruction. */
typedef struct fields {
    uint32_t rd, funct3, rs1, rs2, funct5, rs3;
    bool wide; /* D, not F */
    float_format_t format;
} fields_t;

/* A single is in a register's low half, below 32 ones; any other value is a NaN. */
static uint64_t get(const cpu_t *cpu, const fields_t *i, uint32_t number) {
    uint64_t value = cpu->f[number];
    if (i->wide)
        return value;
    return (value & BOX) == BOX ? value & ~BOX : float_nan(float_single);
}

static void set(cpu_t *cpu, bool wide, uint32_t number, uint64_t value) {
    cpu->f[number] = wide ? value : value | BOX;
}

static void set_integer(cpu_t *cpu, uint32_t rd, uint64_t value) {
    cpu->x[rd != 0 ? rd : CPU_ZERO] = value;
}

/* The rounding mode that an instruction names, or the one in fcsr. */
static bool rounding(const cpu_t *cpu, uint32_t funct3, float_state_t *state) {
    enum { DYNAMIC = 7 };
    state->rounding = funct3 == DYNAMIC ? cpu->fcsr >> 5 & 7 : funct3;
    return state->rounding <= ROUND_AWAY;
}

static bool done(cpu_t *cpu, const float_state_t *state) {
    cpu->fcsr |= state->flags;
    return true;
}

/* -------------------------------------------------------------------- multiply-add */

/* FMADD, FMSUB, FNMSUB, FNMADD: the signs of product and addend. */
static bool multiply_add(cpu_t *cpu, const fields_t *i, uint32_t opcode) {
    float_state_t state = {0, 0};
    if (!rounding(cpu, i->funct3, &state))
        return false;
    uint64_t sign = float_sign(i->format);
    uint64_t a = get(cpu, i, i->rs1), b = get(cpu, i, i->rs2), c = get(cpu, i, i->rs3);
    if (opcode == 0x4b || opcode == 0x4f)
        a ^= sign;
    if (opcode == 0x47 || opcode == 0x4f)
        c ^= sign;
    set(cpu, i->wide, i->rd, float_multiply_add(i->format, a, b, c, &state));
    return done(cpu, &state);
}

/* ------------------------------------------------------------------------- OP-FP */

static bool arithmetic(cpu_t *cpu, const fields_t *i) {
    float_state_t state = {0, 0};
    float_format_t f = i->format;
    if (!rounding(cpu, i->funct3, &state))
        return false;
    uint64_t a = get(cpu, i, i->rs1), b = get(cpu, i, i->rs2), result;
    switch (i->funct5) {
    case 0x00:
        result = float_add(f, a, b, &state);
        break;
    case 0x01: /* the sign of a NaN does not matter */
        result = float_add(f, a, b ^ float_sign(f), &state);
        break;
    case 0x02:
        result = float_multiply(f, a, b, &state);
        break;
    case 0x03:
        result = float_divide(f, a, b, &state);
        break;
    default: /* 0x0b */
        if (i->rs2 != 0)
            return false;
        result = float_root(f, a, &state);
        break;
    }
    set(cpu, i->wide, i->rd, result);
    return done(cpu, &state);
}

static bool inject_sign(cpu_t *cpu, const fields_t *i) {
    uint64_t sign = float_sign(i->format);
    uint64_t a = get(cpu, i, i->rs1), b = get(cpu, i, i->rs2);
    if (i->funct3 > 2)
        return false;
    uint64_t of = i->funct3 == 0 ? b : i->funct3 == 1 ? ~b : a ^ b;
    set(cpu, i->wide, i->rd, (a & ~sign) | (of & sign));
    return true;
}

static bool minimum(cpu_t *cpu, const fields_t *i) {
    float_state_t state = {0, 0};
    if (i->funct3 > 1)
        return false;
    set(cpu, i->wide, i->rd,
        float_minimum(i->format, get(cpu, i, i->rs1), get(cpu, i, i->rs2), i->funct3 == 1, &state));
    return done(cpu, &state);
}

static bool compare(cpu_t *cpu, const fields_t *i) {
    float_state_t state = {0, 0};
    uint64_t a = get(cpu, i, i->rs1), b = get(cpu, i, i->rs2);
    if (i->funct3 > 2)
        return false;
    bool result = i->funct3 == 2 ? float_equal(i->format, a, b, &state)
                                 : float_less(i->format, a, b, i->funct3 == 0, &state);
    set_integer(cpu, i->rd, result);
    return done(cpu, &state);
}

/* FCVT between the two formats; rs2 is the source format. */
static bool convert(cpu_t *cpu, const fields_t *i) {
    float_state_t state = {0, 0};
    if (i->rs2 != (i->wide ? 0 : 1) || !rounding(cpu, i->funct3, &state))
        return false;
    fields_t from = *i;
    from.wide = !i->wide;
    from.format = from.wide ? float_double : float_single;
    set(cpu, i->wide, i->rd,
        float_convert(from.format, i->format, get(cpu, &from, i->rs1), &state));
    return done(cpu, &state);
}

/* FCVT to and from integers; rs2 is the integer type: W, WU, L, LU. */
static bool to_integer(cpu_t *cpu, const fields_t *i) {
    float_state_t state = {0, 0};
    if (i->rs2 > 3 || !rounding(cpu, i->funct3, &state))
        return false;
    set_integer(cpu, i->rd,
                float_to_integer(i->format, get(cpu, i, i->rs1), i->rs2 & 2 ? 64 : 32,
                                 !(i->rs2 & 1), &state));
    return done(cpu, &state);
}

static bool from_integer(cpu_t *cpu, const fields_t *i) {
    float_state_t state = {0, 0};
    if (i->rs2 > 3 || !rounding(cpu, i->funct3, &state))
        return false;
    uint64_t value = cpu->x[i->rs1];
    if (!(i->rs2 & 2))
        value = i->rs2 & 1 ? (uint32_t)value : (uint64_t)(int64_t)(int32_t)value;
    bool negative = !(i->rs2 & 1) && value >> 63;
    set(cpu, i->wide, i->rd,
        float_from_integer(i->format, negative, negative ? 0 - value : value, &state));
    return done(cpu, &state);
}

/* FMV.X and FCLASS; the former moves bits, boxed or not. */
static bool to_bits(cpu_t *cpu, const fields_t *i) {
    if (i->rs2 != 0 || i->funct3 > 1)
        return false;
    if (i->funct3 == 1)
        set_integer(cpu, i->rd, float_classify(i->format, get(cpu, i, i->rs1)));
    else
        set_integer(cpu, i->rd,
                    i->wide ? cpu->f[i->rs1] : (uint64_t)(int64_t)(int32_t)cpu->f[i->rs1]);
    return true;
}

static bool from_bits(cpu_t *cpu, const fields_t *i) {
    if (i->rs2 != 0 || i->funct3 != 0)
        return false;
    set(cpu, i->wide, i->rd, i->wide ? cpu->x[i->rs1] : (uint32_t)cpu->x[i->rs1]);
    return true;
}

static bool operate(cpu_t *cpu, const fields_t *i) {
    switch (i->funct5) {
    case 0x00:
    case 0x01:
    case 0x02:
    case 0x03:
    case 0x0b:
        return arithmetic(cpu, i);
    case 0x04:
        return inject_sign(cpu, i);
    case 0x05:
        return minimum(cpu, i);
    case 0x08:
        return convert(cpu, i);
    case 0x14:
        return compare(cpu, i);
    case 0x18:
        return to_integer(cpu, i);
    case 0x1a:
        return from_integer(cpu, i);
    case 0x1c:
        return to_bits(cpu, i);
    case 0x1e:
        return from_bits(cpu, i);
    default:
        return false;
    }
}

bool float_execute(cpu_t *cpu, uint32_t instruction) {
    enum { OP_FP = 0x53 };
    uint32_t format = instruction >> 25 & 3, opcode = instruction & 0x7f;
    if (format > 1)
        return false;
    const fields_t i = {.rd = instruction >> 7 & 31,
                        .funct3 = instruction >> 12 & 7,
                        .rs1 = instruction >> 15 & 31,
                        .rs2 = instruction >> 20 & 31,
                        .funct5 = instruction >> 27,
                        .rs3 = instruction >> 27,
                        .wide = format == 1,
                        .format = format == 1 ? float_double : float_single};
    return opcode == OP_FP ? operate(cpu, &i) : multiply_add(cpu, &i, opcode);
}
