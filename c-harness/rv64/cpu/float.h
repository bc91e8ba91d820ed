/* SPDX-License-Identifier: MIT */
/** @file float.h
 *  Floating-point arithmetic: F and D. */
#ifndef RV64_FLOAT_H
#define RV64_FLOAT_H

#include "cpu.h"

/** Executes an instruction of one of the opcodes OP-FP, FMADD, FMSUB, FNMSUB, FNMADD:
 *  writes x or f, and the flags. The caller has checked sstatus.FS.
 *  @return false: it is illegal; nothing was changed. */
bool float_execute(cpu_t *cpu, uint32_t instruction);

#endif /* RV64_FLOAT_H */
