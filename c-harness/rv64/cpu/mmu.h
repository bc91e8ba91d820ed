/* SPDX-License-Identifier: MIT */
/** @file mmu.h
 *  Virtual addresses: page tables, TLBs, and accesses that the TLBs don't answer.
 *
 *  A TLB's contents can be seen by a guest that changes its page tables and does not say
 *  so (sfence.vma): it meets the old translation or the new one, and finds the bits
 *  "accessed" and "dirty" set anew or not. Real CPUs leave that to chance. Here a TLB is
 *  always as the page tables are, because what is written to them is seen: so that when
 *  entries are made or forgotten (at the end of a slice, at a digest) never matters to
 *  the guest, and sfence.vma has nothing to do. */
#ifndef RV64_MMU_H
#define RV64_MMU_H

#include "cpu.h"

typedef enum mmu_access { MMU_FETCH, MMU_READ, MMU_WRITE } mmu_access_t;

enum { SATP_BARE = 0, SATP_SV39 = 8 };
#define SATP_PAGE_MASK ((UINT64_C(1) << 44) - 1)

/** Memory for what is known of page tables. @return false if it is short. */
bool mmu_open(cpu_t *cpu);
void mmu_close(cpu_t *cpu);

/** Walks the page table. @return false with an exception noted. */
bool mmu_translate(cpu_t *cpu, uint64_t address, mmu_access_t access, uint64_t *physical);

/** A load or store of @p size bytes that no TLB entry answers: any address, aligned or
 *  not, RAM or device. @return false with an exception noted, nothing changed. */
bool mmu_load(cpu_t *cpu, uint64_t address, unsigned size, uint64_t *value);
bool mmu_store(cpu_t *cpu, uint64_t address, unsigned size, uint64_t value);

/** Writes RAM for an instruction, which is all within one page. */
void mmu_write(cpu_t *cpu, uint64_t physical, const void *bytes, unsigned size);

/** A device has written RAM. */
void mmu_written(cpu_t *cpu, uint64_t physical, uint64_t length);

/** Where an atomic instruction works: aligned, and in RAM.
 *  @param access MMU_READ for LR, MMU_WRITE for all others
 *  @return NULL with an exception noted. */
uint8_t *mmu_atomic(cpu_t *cpu, uint64_t address, unsigned size, mmu_access_t access,
                    uint64_t *physical);

/** The TLB of the CPU's mode: CPU_TLB_… */
unsigned mmu_tlb(const cpu_t *cpu);

/** Forgets all translations, or those that allow to write. */
void mmu_flush(cpu_t *cpu);
void mmu_flush_writes(cpu_t *cpu);

/** Forgets the translations that allow to write a page of RAM. */
void mmu_protect(cpu_t *cpu, uint64_t page);

#endif /* RV64_MMU_H */
