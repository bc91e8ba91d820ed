/* SPDX-License-Identifier: MIT */
/* Multiplication, division and atomic functions. Division by zero and the one quotient
 * that overflows have defined results and don't trap: volume I, chapter "M". */
#include "execute.h"

__extension__ typedef __int128 int128_t;
__extension__ typedef unsigned __int128 uint128_t;

uint64_t mulh(uint64_t a, uint64_t b) {
    return (uint64_t)(((int128_t)(int64_t)a * (int64_t)b) >> 64);
}

uint64_t mulhsu(uint64_t a, uint64_t b) {
    return (uint64_t)(((int128_t)(int64_t)a * (int128_t)b) >> 64);
}

uint64_t mulhu(uint64_t a, uint64_t b) {
    return (uint64_t)(((uint128_t)a * b) >> 64);
}

uint64_t div_signed(uint64_t a, uint64_t b) {
    if (b == 0)
        return UINT64_MAX;
    if (b == UINT64_MAX)
        return 0 - a; /* right for the smallest number too */
    return (uint64_t)((int64_t)a / (int64_t)b);
}

uint64_t div_unsigned(uint64_t a, uint64_t b) {
    return b == 0 ? UINT64_MAX : a / b;
}

uint64_t rem_signed(uint64_t a, uint64_t b) {
    if (b == 0)
        return a;
    return b == UINT64_MAX ? 0 : (uint64_t)((int64_t)a % (int64_t)b);
}

uint64_t rem_unsigned(uint64_t a, uint64_t b) {
    return b == 0 ? a : a % b;
}

uint64_t amo_result(uint32_t instruction, uint64_t memory, uint64_t operand) {
    switch (instruction >> 27) {
    case 0x00:
        return memory + operand;
    case 0x01:
        return operand;
    case 0x04:
        return memory ^ operand;
    case 0x08:
        return memory | operand;
    case 0x0c:
        return memory & operand;
    case 0x10:
        return (int64_t)memory < (int64_t)operand ? memory : operand;
    case 0x14:
        return (int64_t)memory > (int64_t)operand ? memory : operand;
    case 0x18: /* 32-bit operands are sign-extended, which keeps the unsigned order */
        return memory < operand ? memory : operand;
    default:
        return memory > operand ? memory : operand;
    }
}
