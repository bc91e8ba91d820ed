/* SPDX-License-Identifier: MIT */
/* compare-float COUNT [SEED]: the CPU's floating-point arithmetic (cpu/soft-float.c) beside
 * that of the host, with so many random operands for each operation, format and rounding:
 * bits and flags must be the same. Hosts lack "ties away", which is left to QEMU's
 * comparison (compare/compare-with-qemu). */
#include "../cpu/soft-float.h"

#include <fenv.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum operation {
    ADD,
    MULTIPLY,
    DIVIDE,
    ROOT,
    MULTIPLY_ADD,
    CONVERT,
    FROM_INTEGER,
    FROM_UNSIGNED,
    TO_INT32,
    TO_UINT32,
    TO_INT64,
    TO_UINT64,
    EQUAL,
    LESS,
    LESS_OR_EQUAL,
    MINIMUM,
    MAXIMUM,
    OPERATIONS
} operation_t;

static const char *const names[OPERATIONS] = {
    "add",      "multiply",  "divide",        "root",      "multiply-add", "convert",
    "from int", "from uint", "to int32",      "to uint32", "to int64",     "to uint64",
    "equal",    "less",      "less or equal", "minimum",   "maximum"};

typedef struct result {
    uint64_t bits;
    uint32_t flags;
} result_t;

/* ------------------------------------------------------------------------ operands */

static uint64_t dice_state;

static uint64_t dice(void) { /* splitmix64 */
    uint64_t z = dice_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* A fraction with long runs of equal bits, where carries and ties are. */
static uint64_t fraction(unsigned bits) {
    uint64_t value = dice();
    if (dice() % 2)
        value =
            (dice() % 2 ? value : 0) ^ (UINT64_MAX << dice() % 64) ^ (UINT64_C(1) << dice() % 64);
    return value & ((UINT64_C(1) << bits) - 1);
}

static uint64_t number(float_format_t f) {
    uint64_t most = (UINT64_C(1) << f.exponent) - 1, exponent = dice() & most;
    switch (dice() % 8) {
    case 0: /* zero, subnormal, infinite, none */
        exponent = dice() % 2 ? most : 0;
        break;
    case 1: /* at the ends */
        exponent = dice() % 2 ? most - 1 - dice() % 3 : dice() % 4;
        break;
    case 2:
    case 3: /* near one, and near integers */
    case 4:
        exponent = most / 2 - 4 + dice() % (f.fraction + 20);
        break;
    default:
        break;
    }
    uint64_t bits = dice() % 16 == 0 ? 0 : fraction(f.fraction);
    return (dice() % 2 ? float_sign(f) : 0) | exponent << f.fraction | bits;
}

/* Of about the size of another, so that they interact in a sum. */
static uint64_t near(float_format_t f, uint64_t other) {
    uint64_t far = dice() % (2 * f.fraction), bits = other ^ fraction(f.fraction);
    return (dice() % 2 ? bits + (far << f.fraction) : bits - (far << f.fraction)) ^
           (dice() % 2 ? float_sign(f) : 0);
}

/* --------------------------------------------------------------------------- host */

static double as_double(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}
static float as_single(uint64_t bits) {
    uint32_t low = (uint32_t)bits;
    float value;
    memcpy(&value, &low, sizeof(value));
    return value;
}
static uint64_t of_double(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return isnan(value) ? float_nan(float_double) : bits;
}
static uint64_t of_single(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return isnan(value) ? float_nan(float_single) : bits;
}

static uint32_t host_flags(void) {
    int raised = fetestexcept(FE_ALL_EXCEPT);
    return (raised & FE_INEXACT ? FLOAT_INEXACT : 0u) |
           (raised & FE_UNDERFLOW ? FLOAT_UNDERFLOW : 0u) |
           (raised & FE_OVERFLOW ? FLOAT_OVERFLOW : 0u) |
           (raised & FE_DIVBYZERO ? FLOAT_DIV_ZERO : 0u) |
           (raised & FE_INVALID ? FLOAT_INVALID : 0u);
}

/* To integers as RISC-V has them: what does not fit becomes what is nearest. */
static result_t host_to_integer(volatile double a, unsigned width, bool is_signed) {
    double least = is_signed ? -ldexp(1, (int)width - 1) : 0;
    double beyond = ldexp(1, (int)(is_signed ? width - 1 : width));
    feclearexcept(FE_ALL_EXCEPT);
    volatile double rounded = isnan(a) ? a : rint(a); /* inexact, if it is */
    uint32_t flags = host_flags();
    uint64_t greatest = is_signed ? (UINT64_C(1) << (width - 1)) - 1 : UINT64_MAX;
    if (!(rounded < beyond))
        return (result_t){greatest, FLOAT_INVALID};
    if (rounded < least)
        return (result_t){is_signed ? (uint64_t) - ((int64_t)greatest) - 1 : 0, FLOAT_INVALID};
    uint64_t value = rounded < 0 ? (uint64_t)(int64_t)rounded : (uint64_t)rounded;
    return (result_t){width == 32 ? (uint64_t)(int32_t)value : value, flags};
}

/* Volatile, like the operands: so it is calculated between the two calls. */
#define ARITHMETIC(value)                                                                          \
    feclearexcept(FE_ALL_EXCEPT);                                                                  \
    bits = (value);                                                                                \
    return (result_t) {                                                                            \
        bits, host_flags()                                                                         \
    }

#define OPERATE(type, fma_, sqrt_, from, to, to_other, other)                                      \
    volatile type a = from(x), b = from(y), c = from(z);                                           \
    volatile uint64_t bits;                                                                        \
    switch (operation) {                                                                           \
    case ADD:                                                                                      \
        ARITHMETIC(to(a + b));                                                                     \
    case MULTIPLY:                                                                                 \
        ARITHMETIC(to(a *b));                                                                      \
    case DIVIDE:                                                                                   \
        ARITHMETIC(to(a / b));                                                                     \
    case ROOT:                                                                                     \
        ARITHMETIC(to(sqrt_(a)));                                                                  \
    case MULTIPLY_ADD:                                                                             \
        ARITHMETIC(to(fma_(a, b, c)));                                                             \
    case CONVERT:                                                                                  \
        ARITHMETIC(to_other((other)a));                                                            \
    case FROM_INTEGER:                                                                             \
        ARITHMETIC(to((type)(volatile int64_t){(int64_t)x}));                                      \
    case FROM_UNSIGNED:                                                                            \
        ARITHMETIC(to((type)(volatile uint64_t){x}));                                              \
    case EQUAL:                                                                                    \
        ARITHMETIC(a == b);                                                                        \
    case LESS:                                                                                     \
        ARITHMETIC(a < b);                                                                         \
    case LESS_OR_EQUAL:                                                                            \
        ARITHMETIC(a <= b);                                                                        \
    default:                                                                                       \
        return host_to_integer((double)a, operation <= TO_UINT32 ? 32 : 64,                        \
                               operation == TO_INT32 || operation == TO_INT64);                    \
    }

static result_t on_double(operation_t operation, uint64_t x, uint64_t y, uint64_t z) {
    OPERATE(double, fma, sqrt, as_double, of_double, of_single, float)
}
static result_t on_single(operation_t operation, uint64_t x, uint64_t y, uint64_t z) {
    OPERATE(float, fmaf, sqrtf, as_single, of_single, of_double, double)
}

static bool is_nan(float_format_t f, uint64_t bits, bool signalling_only) {
    uint64_t quiet = UINT64_C(1) << (f.fraction - 1);
    bits &= float_sign(f) - 1;
    return bits > float_nan(f) - quiet && !(signalling_only && bits & quiet);
}

/* minNum and maxNum of RISC-V, which no host has. */
static result_t extreme(float_format_t f, uint64_t a, uint64_t b, bool maximum) {
    bool no_a = is_nan(f, a, false), no_b = is_nan(f, b, false);
    uint32_t flags = is_nan(f, a, true) || is_nan(f, b, true) ? FLOAT_INVALID : 0;
    if (no_a || no_b)
        return (result_t){!no_a ? a : !no_b ? b : float_nan(f), flags};
    /* As integers they have the order of the numbers that they represent. */
    uint64_t sign = float_sign(f);
    int64_t left = (int64_t)(a & ~sign), right = (int64_t)(b & ~sign);
    left = a & sign ? -left - 1 : left;
    right = b & sign ? -right - 1 : right;
    return (result_t){(left < right) != maximum ? a : b, flags};
}

static result_t expected(operation_t operation, float_format_t f, uint64_t a, uint64_t b,
                         uint64_t c) {
    if (operation == MINIMUM || operation == MAXIMUM)
        return extreme(f, a, b, operation == MAXIMUM);
    result_t r = f.fraction == 52 ? on_double(operation, a, b, c) : on_single(operation, a, b, c);
    /* RISC-V: infinity times zero is invalid, whatever is added. */
    uint64_t infinity = float_nan(f) & ~(UINT64_C(1) << (f.fraction - 1)), sign = float_sign(f);
    uint64_t x = a & (sign - 1), y = b & (sign - 1);
    if (operation == MULTIPLY_ADD && ((x == 0 && y == infinity) || (x == infinity && y == 0)))
        r.flags |= FLOAT_INVALID;
    return r;
}

/* --------------------------------------------------------------------------- ours */

static result_t actual(operation_t operation, float_format_t f, uint64_t a, uint64_t b, uint64_t c,
                       unsigned rounding) {
    float_state_t s = {rounding, 0};
    float_format_t other = f.fraction == 52 ? float_single : float_double;
    uint64_t bits = 0;
    switch (operation) {
    case ADD:
        bits = float_add(f, a, b, &s);
        break;
    case MULTIPLY:
        bits = float_multiply(f, a, b, &s);
        break;
    case DIVIDE:
        bits = float_divide(f, a, b, &s);
        break;
    case ROOT:
        bits = float_root(f, a, &s);
        break;
    case MULTIPLY_ADD:
        bits = float_multiply_add(f, a, b, c, &s);
        break;
    case CONVERT:
        bits = float_convert(f, other, a, &s);
        break;
    case FROM_INTEGER:
        bits = float_from_integer(f, (int64_t)a < 0, (int64_t)a < 0 ? 0 - a : a, &s);
        break;
    case FROM_UNSIGNED:
        bits = float_from_integer(f, false, a, &s);
        break;
    case EQUAL:
        bits = float_equal(f, a, b, &s);
        break;
    case LESS:
    case LESS_OR_EQUAL:
        bits = float_less(f, a, b, operation == LESS_OR_EQUAL, &s);
        break;
    case MINIMUM:
    case MAXIMUM:
        bits = float_minimum(f, a, b, operation == MAXIMUM, &s);
        break;
    default:
        bits = float_to_integer(f, a, operation <= TO_UINT32 ? 32 : 64,
                                operation == TO_INT32 || operation == TO_INT64, &s);
        break;
    }
    return (result_t){bits, s.flags};
}

/* ---------------------------------------------------------------------- comparison */

/* Hosts may look for underflow before they round; RISC-V and x86 do it afterwards. */
#if defined(__x86_64__)
enum { COMPARED = 31 };
#else
enum { COMPARED = 31 & ~FLOAT_UNDERFLOW };
#endif

static bool same(operation_t operation, float_format_t f, unsigned rounding) {
    uint64_t a = number(f), b = dice() % 2 ? number(f) : near(f, a), c = number(f);
    bool is_integer = operation == FROM_INTEGER || operation == FROM_UNSIGNED;
    if (is_integer)
        a = dice() >> dice() % 64 ^ (UINT64_MAX << dice() % 64);
    if (operation == MULTIPLY_ADD && dice() % 2) /* what is left of the product */
        c = near(f, expected(MULTIPLY, f, a, b, 0).bits);
    if (f.fraction != 52) {
        a = is_integer ? a : (uint32_t)a;
        b = (uint32_t)b;
        c = (uint32_t)c;
    }
    result_t host = expected(operation, f, a, b, c);
    result_t ours = actual(operation, f, a, b, c, rounding);
    if (host.bits == ours.bits && ((host.flags ^ ours.flags) & COMPARED) == 0)
        return true;
    printf("%s, binary%u, rounding %u: %016" PRIx64 " %016" PRIx64 " %016" PRIx64 ": %016" PRIx64
           " flags %02" PRIx32 ", host %016" PRIx64 " flags %02" PRIx32 "\n",
           names[operation], f.fraction == 52 ? 64 : 32, rounding, a, b, c, ours.bits, ours.flags,
           host.bits, host.flags);
    return false;
}

int main(int argc, char **argv) {
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    if (count == 0) {
        fprintf(stderr, "usage: compare-float COUNT [SEED]\n");
        return 2;
    }
    dice_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    const int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
    uint64_t compared = 0, differ = 0;
    for (operation_t operation = ADD; operation < OPERATIONS; operation++)
        for (unsigned rounding = ROUND_EVEN; rounding <= ROUND_UP; rounding++) {
            fesetround(modes[rounding]);
            for (uint64_t i = 0; i < count && differ < 20; i++, compared++)
                differ += !same(operation, compared % 2 ? float_double : float_single, rounding);
        }
    printf("%" PRIu64 " compared, %" PRIu64 " differ\n", compared, differ);
    return differ > 0;
}
