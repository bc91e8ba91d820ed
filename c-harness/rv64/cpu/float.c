/* SPDX-License-Identifier: MIT */
#include "float.h"
bool float_execute(cpu_t *cpu, uint32_t instruction) {
    (void)cpu;
    (void)instruction;
    return false;
}
