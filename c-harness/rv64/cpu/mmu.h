/* SPDX-License-Identifier: MIT */
/** @file mmu.h
 *  Virtual addresses: page tables, TLBs, and accesses without a TLB entry.
 *
 *  A guest that changes its page tables without sfence.vma can notice a TLB's contents: it
 *  gets the old translation or the new one, and finds the bits "accessed" and "dirty" set
 *  again or not. Real CPUs leave that to chance. Here a TLB always agrees with the page
 *  tables, because stores to them are noticed. So the guest can't notice when entries are
 *  made or removed (at the end of a slice, at a digest), and sfence.vma has nothing to
 *  do. */
#ifndef RV64_MMU_H
#define RV64_MMU_H

#include "cpu.h"

/** MMU_DEBUG: with mmu_probe() only, for a debugger, which may do everything. */
typedef enum mmu_access { MMU_FETCH, MMU_READ, MMU_WRITE, MMU_DEBUG } mmu_access_t;

enum { SATP_BARE = 0, SATP_SV39 = 8 };
enum { MMU_LEVELS = 3 };
#define SATP_PAGE_MASK ((UINT64_C(1) << 44) - 1)

/** Allocates memory for what is known of page tables. @return false if memory ran out. */
bool mmu_open(cpu_t *cpu);
void mmu_close(cpu_t *cpu);

/** Walks the page table. @return false: an exception was noted. */
bool mmu_translate(cpu_t *cpu, uint64_t address, mmu_access_t access, uint64_t *physical);

/** Walks the page table as mmu_translate() does, for somebody who only looks: nothing is noted,
 *  and neither page tables nor TLBs change. @return false: there would be a page fault. */
bool mmu_probe(cpu_t *cpu, uint64_t address, mmu_access_t access, uint64_t *physical);

/** The physical addresses of the entries that lead to a byte of RAM, and of the byte, if it is
 *  mapped there in all address spaces. @return how many; 0: it isn't so. */
unsigned mmu_global_path(cpu_t *cpu, uint64_t address, uint64_t path[MMU_LEVELS + 1]);

/** A load or store of @p size bytes without a TLB entry: any address, aligned or
 *  not, RAM or device. @return false: an exception was noted, and nothing changed. */
bool mmu_load(cpu_t *cpu, uint64_t address, unsigned size, uint64_t *value);
bool mmu_store(cpu_t *cpu, uint64_t address, unsigned size, uint64_t value);

/** Writes RAM for an instruction, within one page. */
void mmu_write(cpu_t *cpu, uint64_t physical, const void *bytes, unsigned size);

/** A device has written RAM. */
void mmu_written(cpu_t *cpu, uint64_t physical, uint64_t length);

/** The operand of an atomic instruction: aligned, and in RAM.
 *  @param access MMU_READ for LR, MMU_WRITE for all others
 *  @return NULL: an exception was noted. */
uint8_t *mmu_atomic(cpu_t *cpu, uint64_t address, unsigned size, mmu_access_t access,
                    uint64_t *physical);

/** The TLB of the CPU's mode: CPU_TLB_… */
unsigned mmu_tlb(const cpu_t *cpu);

/** Removes all translations, those of one page, or those that allow writing. */
void mmu_flush(cpu_t *cpu);
void mmu_flush_page(cpu_t *cpu, uint64_t address);
void mmu_flush_writes(cpu_t *cpu);

/** Removes the translations that allow writing a page of RAM. */
void mmu_protect(cpu_t *cpu, uint64_t page);

#endif /* RV64_MMU_H */
