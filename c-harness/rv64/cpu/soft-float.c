/* SPDX-License-Identifier: MIT */
#include "soft-float.h"

__extension__ typedef unsigned __int128 wide_t;

const float_format_t float_single = {23, 8}, float_double = {52, 11};

typedef enum kind { ZERO, FINITE, INFINITE, QUIET, SIGNALLING } kind_t;

/* The parts of a number. A finite one is significand * 2^exponent, with the significand's
 * bit TOP set. Two bits above it are free for sums, and many below for rounding. */
typedef struct number {
    kind_t kind;
    bool negative;
    int32_t exponent;
    wide_t significand;
} number_t;

enum { TOP = 125 };

/* ------------------------------------------------------------------------- formats */

static int32_t bias(float_format_t f) {
    return (1 << (f.exponent - 1)) - 1;
}

static uint64_t fraction_mask(float_format_t f) {
    return (UINT64_C(1) << f.fraction) - 1;
}

static uint64_t exponent_mask(float_format_t f) {
    return ((UINT64_C(1) << f.exponent) - 1) << f.fraction;
}

uint64_t float_sign(float_format_t f) {
    return UINT64_C(1) << (f.fraction + f.exponent);
}

uint64_t float_nan(float_format_t f) {
    return exponent_mask(f) | UINT64_C(1) << (f.fraction - 1);
}

static uint64_t infinity(float_format_t f, bool negative) {
    return exponent_mask(f) | (negative ? float_sign(f) : 0);
}

/* Moves the highest bit that is set to TOP. */
static void normalize(number_t *n) {
    uint64_t high = (uint64_t)(n->significand >> 64), low = (uint64_t)n->significand;
    int top = high != 0 ? 127 - __builtin_clzll(high) : 63 - __builtin_clzll(low);
    if (top > TOP) {
        unsigned by = (unsigned)(top - TOP);
        wide_t lost = n->significand & (((wide_t)1 << by) - 1);
        n->significand = n->significand >> by | (lost != 0);
    } else {
        n->significand <<= TOP - top;
    }
    n->exponent += top - TOP;
}

static number_t unpack(float_format_t f, uint64_t bits) {
    uint64_t fraction = bits & fraction_mask(f);
    int32_t exponent = (int32_t)((bits & exponent_mask(f)) >> f.fraction);
    number_t n = {FINITE, (bits & float_sign(f)) != 0, 0, fraction};
    if (exponent == 2 * bias(f) + 1) {
        n.kind = fraction == 0 ? INFINITE : fraction >> (f.fraction - 1) & 1 ? QUIET : SIGNALLING;
    } else if (exponent == 0 && fraction == 0) {
        n.kind = ZERO;
    } else {
        if (exponent == 0)
            exponent = 1;
        else
            n.significand |= UINT64_C(1) << f.fraction;
        n.exponent = exponent - bias(f) - (int32_t)f.fraction;
        normalize(&n);
    }
    return n;
}

/* ------------------------------------------------------------------------ rounding */

/* Does the magnitude round up, if @p rest of 2^@p bits is cut off? */
static bool rounds_up(unsigned rounding, bool negative, bool odd, wide_t rest, unsigned bits) {
    wide_t half = (wide_t)1 << (bits - 1);
    switch (rounding) {
    case ROUND_EVEN:
        return rest > half || (rest == half && odd);
    case ROUND_AWAY:
        return rest >= half;
    case ROUND_DOWN:
        return rest != 0 && negative;
    case ROUND_UP:
        return rest != 0 && !negative;
    default:
        return false;
    }
}

/* The significand without its low @p bits, rounded. @p inexact: were any of these set? */
static uint64_t round_off(wide_t significand, unsigned bits, unsigned rounding, bool negative,
                          bool *inexact) {
    if (bits > 127) { /* less than half of the last place */
        *inexact = significand != 0;
        return (rounding == ROUND_DOWN && negative) || (rounding == ROUND_UP && !negative);
    }
    wide_t rest = significand & (((wide_t)1 << bits) - 1);
    uint64_t kept = (uint64_t)(significand >> bits);
    *inexact = rest != 0;
    return kept + rounds_up(rounding, negative, kept & 1, rest, bits);
}

static uint64_t overflow(float_format_t f, bool negative, float_state_t *s) {
    s->flags |= FLOAT_OVERFLOW | FLOAT_INEXACT;
    bool to_infinity = s->rounding == ROUND_EVEN || s->rounding == ROUND_AWAY ||
                       s->rounding == (negative ? ROUND_DOWN : ROUND_UP);
    return infinity(f, negative) - (to_infinity ? 0 : 1);
}

/* Builds a finite number. The significand's lowest bit may represent everything below it.
 * A result is tiny if it would be below the normal numbers even with an unlimited exponent
 * ("after rounding"). */
static uint64_t pack(float_format_t f, number_t n, float_state_t *s) {
    normalize(&n);
    const unsigned cut = TOP - f.fraction;
    int32_t exponent = n.exponent + TOP + bias(f); /* as it is stored, if it is normal */
    uint64_t sign = n.negative ? float_sign(f) : 0;
    bool inexact;
    uint64_t kept = round_off(n.significand, cut, s->rounding, n.negative, &inexact);
    bool carried = kept >> (f.fraction + 1);
    if (exponent + carried >= 1) {
        if (exponent + carried > 2 * bias(f))
            return overflow(f, n.negative, s);
        if (exponent >= 1) {
            s->flags |= inexact ? FLOAT_INEXACT : 0;
            return sign | (((uint64_t)exponent << f.fraction) + kept - (UINT64_C(1) << f.fraction));
        }
    }
    /* Subnormal, or almost: fewer bits are kept. A carry makes it normal. */
    bool tiny = exponent + carried < 1;
    kept =
        round_off(n.significand, cut + (unsigned)(1 - exponent), s->rounding, n.negative, &inexact);
    if (inexact)
        s->flags |= FLOAT_INEXACT | (tiny ? FLOAT_UNDERFLOW : 0);
    return sign | kept;
}

static uint64_t invalid(float_format_t f, float_state_t *s) {
    s->flags |= FLOAT_INVALID;
    return float_nan(f);
}

static bool is_nan(number_t n) {
    return n.kind >= QUIET;
}

/* The result if an operand is a NaN. */
static uint64_t propagate(float_format_t f, const number_t *operands, unsigned count,
                          float_state_t *s) {
    for (unsigned i = 0; i < count; i++)
        if (operands[i].kind == SIGNALLING)
            s->flags |= FLOAT_INVALID;
    return float_nan(f);
}

/* ---------------------------------------------------------------------- arithmetic */

static wide_t shift_right(wide_t value, int32_t by) {
    if (by > 127)
        return value != 0;
    wide_t lost = by > 0 ? value & (((wide_t)1 << by) - 1) : 0;
    return value >> by | (lost != 0);
}

/* The sum of two numbers, neither of them a NaN. */
static uint64_t sum(float_format_t f, number_t a, number_t b, float_state_t *s) {
    if (a.kind == INFINITE || b.kind == INFINITE) {
        if (a.kind == b.kind && a.negative != b.negative)
            return invalid(f, s);
        return infinity(f, a.kind == INFINITE ? a.negative : b.negative);
    }
    if (a.kind == ZERO && b.kind == ZERO) {
        bool negative = a.negative == b.negative ? a.negative : s->rounding == ROUND_DOWN;
        return negative ? float_sign(f) : 0;
    }
    if (a.kind == ZERO || b.kind == ZERO)
        return pack(f, a.kind == ZERO ? b : a, s);
    if (a.exponent < b.exponent) {
        number_t swap = a;
        a = b;
        b = swap;
    }
    b.significand = shift_right(b.significand, a.exponent - b.exponent);
    if (a.negative == b.negative) {
        a.significand += b.significand;
    } else if (a.significand >= b.significand) {
        a.significand -= b.significand;
    } else {
        a.significand = b.significand - a.significand;
        a.negative = b.negative;
    }
    if (a.significand == 0)
        return s->rounding == ROUND_DOWN ? float_sign(f) : 0;
    return pack(f, a, s);
}

uint64_t float_add(float_format_t f, uint64_t a, uint64_t b, float_state_t *s) {
    number_t n[] = {unpack(f, a), unpack(f, b)};
    if (is_nan(n[0]) || is_nan(n[1]))
        return propagate(f, n, 2, s);
    return sum(f, n[0], n[1], s);
}

/* The exact product; significands have 53 bits at most, so it fits. */
static number_t product(number_t a, number_t b) {
    number_t p = {FINITE, a.negative != b.negative, 0, 0};
    if (a.kind == INFINITE || b.kind == INFINITE)
        p.kind = INFINITE;
    else if (a.kind == ZERO || b.kind == ZERO)
        p.kind = ZERO;
    if (p.kind != FINITE)
        return p;
    enum { DOWN = TOP - 62 };
    p.significand = (wide_t)(uint64_t)(a.significand >> DOWN) * (uint64_t)(b.significand >> DOWN);
    p.exponent = a.exponent + b.exponent + 2 * DOWN;
    normalize(&p);
    return p;
}

static bool zero_times_infinity(number_t a, number_t b) {
    return (a.kind == ZERO && b.kind == INFINITE) || (a.kind == INFINITE && b.kind == ZERO);
}

uint64_t float_multiply(float_format_t f, uint64_t a, uint64_t b, float_state_t *s) {
    number_t n[] = {unpack(f, a), unpack(f, b)};
    if (is_nan(n[0]) || is_nan(n[1]))
        return propagate(f, n, 2, s);
    if (zero_times_infinity(n[0], n[1]))
        return invalid(f, s);
    number_t p = product(n[0], n[1]);
    if (p.kind == INFINITE)
        return infinity(f, p.negative);
    return p.kind == ZERO ? (p.negative ? float_sign(f) : 0) : pack(f, p, s);
}

uint64_t float_multiply_add(float_format_t f, uint64_t a, uint64_t b, uint64_t c,
                            float_state_t *s) {
    number_t n[] = {unpack(f, a), unpack(f, b), unpack(f, c)};
    /* Zero times infinity is invalid even if a quiet NaN is added. */
    if (zero_times_infinity(n[0], n[1]))
        return invalid(f, s);
    if (is_nan(n[0]) || is_nan(n[1]) || is_nan(n[2]))
        return propagate(f, n, 3, s);
    return sum(f, product(n[0], n[1]), n[2], s);
}

uint64_t float_divide(float_format_t f, uint64_t a, uint64_t b, float_state_t *s) {
    number_t n[] = {unpack(f, a), unpack(f, b)};
    if (is_nan(n[0]) || is_nan(n[1]))
        return propagate(f, n, 2, s);
    bool negative = n[0].negative != n[1].negative;
    if (n[0].kind == n[1].kind && n[0].kind != FINITE)
        return invalid(f, s); /* 0/0, infinity/infinity */
    if (n[0].kind == INFINITE)
        return infinity(f, negative);
    if (n[0].kind == ZERO || n[1].kind == INFINITE)
        return negative ? float_sign(f) : 0;
    if (n[1].kind == ZERO) {
        s->flags |= FLOAT_DIV_ZERO;
        return infinity(f, negative);
    }
    uint64_t divisor = (uint64_t)(n[1].significand >> (TOP - 62));
    number_t q = {FINITE, negative, n[0].exponent - n[1].exponent - (TOP - 62),
                  n[0].significand / divisor};
    /* 63 bits of quotient or more, and a bit that is set if there is a rest. */
    q.significand = q.significand << 1 | (n[0].significand % divisor != 0);
    q.exponent--;
    return pack(f, q, s);
}

uint64_t float_root(float_format_t f, uint64_t a, float_state_t *s) {
    number_t n = unpack(f, a);
    if (is_nan(n))
        return propagate(f, &n, 1, s);
    if (n.kind == ZERO)
        return a;
    if (n.negative)
        return invalid(f, s);
    if (n.kind == INFINITE)
        return a;
    if (n.exponent & 1) { /* the exponent is halved */
        n.significand <<= 1;
        n.exponent--;
    }
    /* The integer root, bit by bit. */
    wide_t rest = n.significand, root = 0;
    for (wide_t bit = (wide_t)1 << 126; bit != 0; bit >>= 2) {
        bool fits = rest >= root + bit;
        rest -= fits ? root + bit : 0;
        root = (root >> 1) + (fits ? bit : 0);
    }
    n.significand = root << 1 | (rest != 0);
    n.exponent = n.exponent / 2 - 1;
    return pack(f, n, s);
}

/* --------------------------------------------------------------------- conversions */

uint64_t float_convert(float_format_t from, float_format_t to, uint64_t a, float_state_t *s) {
    number_t n = unpack(from, a);
    if (is_nan(n))
        return propagate(to, &n, 1, s);
    if (n.kind == INFINITE)
        return infinity(to, n.negative);
    return n.kind == ZERO ? (n.negative ? float_sign(to) : 0) : pack(to, n, s);
}

uint64_t float_from_integer(float_format_t f, bool negative, uint64_t magnitude, float_state_t *s) {
    number_t n = {FINITE, negative, 0, magnitude};
    return magnitude == 0 ? 0 : pack(f, n, s);
}

uint64_t float_to_integer(float_format_t f, uint64_t a, unsigned width, bool is_signed,
                          float_state_t *s) {
    number_t n = unpack(f, a);
    uint64_t most = UINT64_MAX >> (64 - width + is_signed);
    uint64_t least = is_signed ? ~most : 0;
    uint64_t clamped = n.negative && !is_nan(n) ? least : most;
    uint64_t result = 0;
    bool inexact = false, fits = true;
    if (n.kind == INFINITE || is_nan(n)) {
        fits = false;
    } else if (n.kind == FINITE) {
        int32_t bits = -n.exponent; /* below the point */
        if (bits <= TOP - 64) {     /* 2^64 and more */
            fits = false;
        } else {
            uint64_t kept =
                round_off(n.significand, (unsigned)bits, s->rounding, n.negative, &inexact);
            /* Rounding can overflow 64 bits. */
            bool wrapped = kept == 0 && bits <= TOP - 63;
            fits = !wrapped && kept <= (n.negative ? 0 - least : most);
            result = n.negative ? 0 - kept : kept;
        }
    }
    if (!fits) {
        s->flags |= FLOAT_INVALID;
        result = clamped;
    } else if (inexact) {
        s->flags |= FLOAT_INEXACT;
    }
    return width == 32 ? (uint64_t)(int64_t)(int32_t)result : result;
}

/* --------------------------------------------------------------------- comparisons */

/* Neither is a NaN, so they compare as integers, except for signs and zeroes. */
static bool below(float_format_t f, uint64_t a, uint64_t b, bool or_equal) {
    uint64_t sign = float_sign(f);
    bool both_zero = ((a | b) & ~sign) == 0;
    if (both_zero || a == b)
        return or_equal;
    if ((a & sign) != (b & sign))
        return (a & sign) != 0;
    return (a & sign) ? a > b : a < b;
}

bool float_equal(float_format_t f, uint64_t a, uint64_t b, float_state_t *s) {
    number_t n[] = {unpack(f, a), unpack(f, b)};
    if (is_nan(n[0]) || is_nan(n[1])) {
        propagate(f, n, 2, s);
        return false;
    }
    return a == b || ((a | b) & ~float_sign(f)) == 0;
}

bool float_less(float_format_t f, uint64_t a, uint64_t b, bool or_equal, float_state_t *s) {
    if (is_nan(unpack(f, a)) || is_nan(unpack(f, b))) {
        s->flags |= FLOAT_INVALID;
        return false;
    }
    return below(f, a, b, or_equal);
}

uint64_t float_minimum(float_format_t f, uint64_t a, uint64_t b, bool maximum, float_state_t *s) {
    number_t n[] = {unpack(f, a), unpack(f, b)};
    uint64_t nan = propagate(f, n, 2, s);
    if (is_nan(n[0]))
        return is_nan(n[1]) ? nan : b;
    if (is_nan(n[1]))
        return a;
    /* -0 is less than +0 here. */
    bool a_first =
        ((a | b) & ~float_sign(f)) == 0 ? (a & float_sign(f)) != 0 : below(f, a, b, true);
    return a_first != maximum ? a : b;
}

uint64_t float_classify(float_format_t f, uint64_t a) {
    number_t n = unpack(f, a);
    bool subnormal = (a & exponent_mask(f)) == 0;
    switch (n.kind) {
    case INFINITE:
        return n.negative ? 1 << 0 : 1 << 7;
    case ZERO:
        return n.negative ? 1 << 3 : 1 << 4;
    case SIGNALLING:
        return 1 << 8;
    case QUIET:
        return 1 << 9;
    default:
        return n.negative ? (subnormal ? 1 << 2 : 1 << 1) : (subnormal ? 1 << 5 : 1 << 6);
    }
}
