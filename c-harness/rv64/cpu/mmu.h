/* SPDX-License-Identifier: MIT */
/** @file mmu.h
 *  Virtual addresses: page tables, TLBs, and accesses that the TLBs don't answer. */
#ifndef RV64_MMU_H
#define RV64_MMU_H

#include "cpu.h"

typedef enum mmu_access { MMU_FETCH, MMU_READ, MMU_WRITE } mmu_access_t;

enum { SATP_BARE = 0, SATP_SV39 = 8 };
#define SATP_PAGE_MASK ((UINT64_C(1) << 44) - 1)

/** Walks the page table. @return false with an exception noted. */
bool mmu_translate(cpu_t *cpu, uint64_t address, mmu_access_t access, uint64_t *physical);

/** A load or store of @p size bytes that no TLB entry answers: any address, aligned or
 *  not, RAM or device. @return false with an exception noted, nothing changed. */
bool mmu_load(cpu_t *cpu, uint64_t address, unsigned size, uint64_t *value);
bool mmu_store(cpu_t *cpu, uint64_t address, unsigned size, uint64_t value);

/** Where an atomic instruction works: aligned, and in RAM.
 *  @param access MMU_READ for LR, MMU_WRITE for all others
 *  @return NULL with an exception noted. */
uint8_t *mmu_atomic(cpu_t *cpu, uint64_t address, unsigned size, mmu_access_t access,
                    uint64_t *physical);

/** The TLB of the CPU's mode: CPU_TLB_… */
unsigned mmu_tlb(const cpu_t *cpu);

/** Forgets all translations, or those of an address, or those that allow to write. */
void mmu_flush(cpu_t *cpu);
void mmu_flush_address(cpu_t *cpu, uint64_t address);
void mmu_flush_writes(cpu_t *cpu);

/** Forgets the translations that allow to write a page of RAM. */
void mmu_protect(cpu_t *cpu, uint64_t page);

#endif /* RV64_MMU_H */
