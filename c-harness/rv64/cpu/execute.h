/* SPDX-License-Identifier: MIT */
/** @file execute.h
 *  The interpreter. */
#ifndef RV64_EXECUTE_H
#define RV64_EXECUTE_H

#include "cpu.h"

/** Executes at most @p budget instructions from cpu->pc on, at least one. */
void execute(cpu_t *cpu, uint64_t budget);

/** What an atomic instruction writes: the function of AMO @p instruction, for
 *  operands of 32 (sign-extended) or 64 bits. (arithmetic.c) */
uint64_t amo_result(uint32_t instruction, uint64_t memory, uint64_t operand);

/** High halves of products, quotients and remainders as the specification has them
 *  for every operand. (arithmetic.c) */
uint64_t mulh(uint64_t a, uint64_t b);
uint64_t mulhsu(uint64_t a, uint64_t b);
uint64_t mulhu(uint64_t a, uint64_t b);
uint64_t div_signed(uint64_t a, uint64_t b);
uint64_t div_unsigned(uint64_t a, uint64_t b);
uint64_t rem_signed(uint64_t a, uint64_t b);
uint64_t rem_unsigned(uint64_t a, uint64_t b);

#endif /* RV64_EXECUTE_H */
