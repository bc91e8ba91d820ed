/* SPDX-License-Identifier: MIT */
/** @file plic.h
 *  The platform-level interrupt controller: SiFive's, which became the specification.
 *
 *  31 sources and two contexts: 0 is M mode of hart 0, which doesn't exist here but has its
 *  registers; 1 is its S mode. */
#ifndef RV64_PLIC_H
#define RV64_PLIC_H

#include "device.h"

enum { PLIC_SOURCES = 32, PLIC_CONTEXTS = 2, PLIC_SUPERVISOR = 1 };

typedef struct plic {
    cpu_t *cpu;
    uint32_t levels;  /**< raised lines */
    uint32_t pending; /**< sources whose gateway has let an interrupt through */
    uint32_t claimed; /**< sources that were claimed, and aren't completed */
    uint32_t priority[PLIC_SOURCES];
    uint32_t enabled[PLIC_CONTEXTS];
    uint32_t threshold[PLIC_CONTEXTS];
} plic_t;

void plic_open(plic_t *plic, cpu_t *cpu);
device_t plic_device(plic_t *plic);

#endif /* RV64_PLIC_H */
