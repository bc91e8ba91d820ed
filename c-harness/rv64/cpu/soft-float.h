/* SPDX-License-Identifier: MIT */
/** @file soft-float.h
 *  IEEE 754 arithmetic with integers: the same bits and flags on every host, whatever its
 *  floating-point unit and compiler do, including the mode that many hosts lack (ties to
 *  the larger magnitude). Guests rarely use floating point, and a replay must never
 *  differ, so this is worth its slowness. */
#ifndef RV64_SOFT_FLOAT_H
#define RV64_SOFT_FLOAT_H

#include <stdbool.h>
#include <stdint.h>

/** Flags, as in fcsr. */
enum {
    FLOAT_INEXACT = 1,
    FLOAT_UNDERFLOW = 2,
    FLOAT_OVERFLOW = 4,
    FLOAT_DIV_ZERO = 8,
    FLOAT_INVALID = 16
};

/** Rounding: to nearest, ties to even; to zero; down; up; to nearest, ties away. */
enum { ROUND_EVEN = 0, ROUND_ZERO = 1, ROUND_DOWN = 2, ROUND_UP = 3, ROUND_AWAY = 4 };

/** A format: binary32 or binary64. */
typedef struct float_format {
    unsigned fraction; /**< bits */
    unsigned exponent; /**< bits */
} float_format_t;

extern const float_format_t float_single, float_double;

/** How to round, and what has happened. */
typedef struct float_state {
    unsigned rounding;
    uint32_t flags;
} float_state_t;

uint64_t float_add(float_format_t format, uint64_t a, uint64_t b, float_state_t *state);
uint64_t float_multiply(float_format_t format, uint64_t a, uint64_t b, float_state_t *state);
uint64_t float_divide(float_format_t format, uint64_t a, uint64_t b, float_state_t *state);
uint64_t float_root(float_format_t format, uint64_t a, float_state_t *state);
/** a * b + c, rounded once. */
uint64_t float_multiply_add(float_format_t format, uint64_t a, uint64_t b, uint64_t c,
                            float_state_t *state);

uint64_t float_convert(float_format_t from, float_format_t to, uint64_t a, float_state_t *state);
uint64_t float_from_integer(float_format_t format, bool negative, uint64_t magnitude,
                            float_state_t *state);
/** Converts to an integer of @p width bits, 32 or 64. A value that doesn't fit becomes the
 *  nearest that does, and is invalid. 32 bits are sign-extended in either case. */
uint64_t float_to_integer(float_format_t format, uint64_t a, unsigned width, bool is_signed,
                          float_state_t *state);

/** Comparisons; false if an operand is a NaN. For the "quiet" comparison only a signalling
 *  NaN is invalid. */
bool float_equal(float_format_t format, uint64_t a, uint64_t b, float_state_t *state);
bool float_less(float_format_t format, uint64_t a, uint64_t b, bool or_equal, float_state_t *state);
uint64_t float_minimum(float_format_t format, uint64_t a, uint64_t b, bool maximum,
                       float_state_t *state);
/** The bit that fclass sets. */
uint64_t float_classify(float_format_t format, uint64_t a);

/** The NaN that arithmetic produces; the sign bit. */
uint64_t float_nan(float_format_t format);
uint64_t float_sign(float_format_t format);

#endif /* RV64_SOFT_FLOAT_H */
