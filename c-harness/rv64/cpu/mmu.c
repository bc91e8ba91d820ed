/* SPDX-License-Identifier: MIT */
#include "mmu.h"

#include <stdlib.h>
#include <string.h>

#include "break.h"
#include "code.h"
#include "trap.h"

enum {
    PTE_V = 1,
    PTE_R = 2,
    PTE_W = 4,
    PTE_X = 8,
    PTE_U = 16,
    PTE_G = 32,
    PTE_A = 64,
    PTE_D = 128
};
enum { LEVELS = MMU_LEVELS, LEVEL_BITS = 9 };
#define PTE_RESERVED (UINT64_C(0x3ff) << 54)

#define PAGE_MASK ((uint64_t)CPU_PAGE_BYTES - 1)

/* ------------------------------------------------------------------------- TLBs */

/* This bit is never set in the tag of an aligned address. */
#define NO_TAG UINT64_C(0x800)

static void forget(cpu_tlb_entry_t *entry) {
    entry->tag = NO_TAG;
}

void mmu_flush_writes(cpu_t *cpu) {
    for (unsigned mode = 0; mode < CPU_TLB_COUNT; mode++)
        for (unsigned i = 0; i < CPU_TLB_ENTRIES; i++)
            forget(&cpu->tlb[mode].write[i]);
}

void mmu_flush(cpu_t *cpu) {
    for (unsigned mode = 0; mode < CPU_TLB_COUNT; mode++)
        for (unsigned i = 0; i < CPU_TLB_ENTRIES; i++)
            forget(&cpu->tlb[mode].read[i]);
    mmu_flush_writes(cpu);
    code_flush_fetch(cpu);
    /* No translation comes from any page table now. */
    while (cpu->tables_count > 0)
        cpu->tables[cpu->tables_known[--cpu->tables_count]] = 0;
}

/* A large page is stored as many small ones; this removes the one with the address. */
void mmu_flush_page(cpu_t *cpu, uint64_t address) {
    unsigned i = (address >> CPU_PAGE_SHIFT) % CPU_TLB_ENTRIES;
    for (unsigned mode = 0; mode < CPU_TLB_COUNT; mode++) {
        forget(&cpu->tlb[mode].read[i]);
        forget(&cpu->tlb[mode].write[i]);
    }
    code_flush_fetch_page(cpu, address);
}

void mmu_protect(cpu_t *cpu, uint64_t page) {
    uintptr_t host = (uintptr_t)cpu->ram + page * CPU_PAGE_BYTES;
    for (unsigned mode = 0; mode < CPU_TLB_COUNT; mode++) {
        for (unsigned i = 0; i < CPU_TLB_ENTRIES; i++) {
            cpu_tlb_entry_t *entry = &cpu->tlb[mode].write[i];
            if (entry->tag != NO_TAG && entry->host + entry->tag == host)
                forget(entry);
        }
    }
}

unsigned mmu_tlb(const cpu_t *cpu) {
    if (cpu->privilege == CPU_USER)
        return CPU_TLB_USER;
    return cpu->sstatus & SSTATUS_SUM ? CPU_TLB_SUPERVISOR_SUM : CPU_TLB_SUPERVISOR;
}

/* Stores a translation, if the interpreter may do such accesses by itself. */
static inline void remember(cpu_t *cpu, uint64_t address, mmu_access_t access, uint64_t physical) {
    uint64_t index = (physical - cpu->ram_base) >> CPU_PAGE_SHIFT;
    cpu_tlb_t *tlb = &cpu->tlb[mmu_tlb(cpu)];
    unsigned i = (address >> CPU_PAGE_SHIFT) % CPU_TLB_ENTRIES;
    cpu_tlb_entry_t *entry = access == MMU_WRITE ? &tlb->write[i] : &tlb->read[i];
    if (cpu->watch_count > 0 && break_watches(cpu, address, access == MMU_WRITE))
        return;
    if (access == MMU_WRITE) {
        if (code_in_page(cpu, index) || cpu->tables[index] != 0)
            return;
        cpu->dirty[index] = CPU_DIRTY_ALL;
    }
    entry->tag = address & ~PAGE_MASK;
    entry->host = (uintptr_t)cpu->ram + (index << CPU_PAGE_SHIFT) - entry->tag;
}

/* ------------------------------------------------------------------- permission */

static bool page_fault(cpu_t *cpu, uint64_t address, mmu_access_t access) {
    static const uint64_t causes[] = {CAUSE_FETCH_PAGE, CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE};
    return exception(cpu, causes[access], address);
}

static bool access_fault(cpu_t *cpu, uint64_t address, mmu_access_t access) {
    static const uint64_t causes[] = {CAUSE_FETCH_ACCESS, CAUSE_LOAD_ACCESS, CAUSE_STORE_ACCESS};
    return exception(cpu, causes[access], address);
}

static bool permitted(const cpu_t *cpu, uint64_t pte, mmu_access_t access) {
    if (access == MMU_DEBUG)
        return true;
    if (cpu->privilege == CPU_USER && !(pte & PTE_U))
        return false;
    if (cpu->privilege == CPU_SUPERVISOR && (pte & PTE_U) &&
        (access == MMU_FETCH || !(cpu->sstatus & SSTATUS_SUM)))
        return false;
    switch (access) {
    case MMU_FETCH:
        return pte & PTE_X;
    case MMU_WRITE:
        return pte & PTE_W;
    default:
        return (pte & PTE_R) || ((pte & PTE_X) && (cpu->sstatus & SSTATUS_MXR));
    }
}

/* ---------------------------------------------------------- page tables in RAM
 *
 * A page of RAM from which translations have come is known as a page table until all
 * translations are removed. No write TLB has an entry for it, so every store to it is
 * noticed; one that changes a valid entry removes the translations that came from it. */

enum { TABLES_MOST = 4096 };

/* What is known of a page table: the first address that it maps, and in the low bits: */
enum { TABLE_KNOWN = 1, TABLE_LEVEL = 6, TABLE_LEVEL_SHIFT = 1, TABLE_SHARED = 8 };

bool mmu_open(cpu_t *cpu) {
    cpu->tables = calloc(cpu->ram_bytes / CPU_PAGE_BYTES, sizeof(*cpu->tables));
    cpu->tables_known = calloc(TABLES_MOST, sizeof(*cpu->tables_known));
    return cpu->tables && cpu->tables_known;
}

void mmu_close(cpu_t *cpu) {
    free(cpu->tables);
    free(cpu->tables_known);
    cpu->tables = cpu->tables_known = NULL;
}

static void know_table(cpu_t *cpu, uint64_t physical, unsigned level, uint64_t address) {
    uint64_t index = (physical - cpu->ram_base) >> CPU_PAGE_SHIFT;
    unsigned shift = CPU_PAGE_SHIFT + (level + 1) * LEVEL_BITS;
    uint64_t what = (address >> shift << shift) | level << TABLE_LEVEL_SHIFT | TABLE_KNOWN;
    uint64_t *known = &cpu->tables[index];
    if (*known == 0) {
        *known = what;
        cpu->tables_known[cpu->tables_count++] = index;
        mmu_protect(cpu, index);
    } else if ((*known & ~(uint64_t)TABLE_SHARED) != what) {
        *known |= TABLE_SHARED;
    }
}

/* Bytes of a page table are about to be written. */
static void change_table(cpu_t *cpu, uint64_t physical, unsigned size) {
    uint64_t known = cpu->tables[(physical - cpu->ram_base) >> CPU_PAGE_SHIFT];
    for (uint64_t at = physical & ~UINT64_C(7); at < physical + size; at += 8) {
        uint64_t pte;
        memcpy(&pte, cpu->ram + (at - cpu->ram_base), sizeof(pte));
        if (!(pte & PTE_V))
            continue; /* no translation has come from it */
        if (known & (TABLE_LEVEL | TABLE_SHARED)) {
            mmu_flush(cpu);
            return;
        }
        mmu_flush_page(cpu, (known & ~PAGE_MASK) + (at & PAGE_MASK) / 8 * CPU_PAGE_BYTES);
    }
}

static void write_ram(cpu_t *cpu, uint64_t physical, const void *bytes, unsigned size) {
    memcpy(cpu->ram + (physical - cpu->ram_base), bytes, size);
    uint64_t page = (physical - cpu->ram_base) >> CPU_PAGE_SHIFT;
    cpu->dirty[page] = CPU_DIRTY_ALL;
    if (code_in_page(cpu, page))
        code_written(cpu, physical, size);
}

void mmu_write(cpu_t *cpu, uint64_t physical, const void *bytes, unsigned size) {
    if (cpu->tables[(physical - cpu->ram_base) >> CPU_PAGE_SHIFT] != 0)
        change_table(cpu, physical, size);
    write_ram(cpu, physical, bytes, size);
}

void mmu_written(cpu_t *cpu, uint64_t physical, uint64_t length) {
    uint64_t first = (physical - cpu->ram_base) >> CPU_PAGE_SHIFT;
    uint64_t last = (physical - cpu->ram_base + length - 1) >> CPU_PAGE_SHIFT;
    for (uint64_t page = first; page <= last; page++)
        if (cpu->tables[page] != 0)
            mmu_flush(cpu);
}

/* Sets "accessed" or "dirty" in the leaf. Permissions only grow, so all translations stay. */
static void mark_used(cpu_t *cpu, uint64_t at, uint64_t pte, mmu_access_t access) {
    uint64_t used = pte | PTE_A | (access == MMU_WRITE ? PTE_D : 0);
    if (used != pte)
        write_ram(cpu, at, &used, sizeof(used));
}

/* ---------------------------------------------------------------- translation */

/* Walks the page table; one who only looks changes and notes nothing. Compiled twice, because
 * translations are frequent. */
static inline __attribute__((always_inline)) bool
walk(cpu_t *cpu, uint64_t address, mmu_access_t access, uint64_t *physical, bool looks) {
    *physical = address;
    if (cpu->satp >> 60 == SATP_BARE)
        return true;
    if ((uint64_t)((int64_t)(address << 25) >> 25) != address)
        return !looks && page_fault(cpu, address, access);
    uint64_t table = (cpu->satp & SATP_PAGE_MASK) << CPU_PAGE_SHIFT;
    for (unsigned level = LEVELS; level-- > 0;) {
        unsigned shift = CPU_PAGE_SHIFT + level * LEVEL_BITS;
        uint64_t at = table + (address >> shift & 0x1ff) * 8, pte;
        const uint8_t *place = cpu_ram(cpu, at, sizeof(pte));
        if (!place)
            return !looks && access_fault(cpu, address, access);
        if (!looks)
            know_table(cpu, at, level, address);
        memcpy(&pte, place, sizeof(pte));
        if (!(pte & PTE_V) || (pte & (PTE_R | PTE_W)) == PTE_W || (pte & PTE_RESERVED))
            break;
        uint64_t frame = (pte >> 10 & SATP_PAGE_MASK) << CPU_PAGE_SHIFT;
        uint64_t within = (UINT64_C(1) << shift) - 1;
        if (!(pte & (PTE_R | PTE_X))) {
            if (pte & (PTE_A | PTE_D | PTE_U))
                break;
            table = frame;
            continue;
        }
        if (!permitted(cpu, pte, access) || (frame & within))
            break;
        if (!looks)
            mark_used(cpu, at, pte, access);
        *physical = frame | (address & within);
        return true;
    }
    return !looks && page_fault(cpu, address, access);
}

bool mmu_translate(cpu_t *cpu, uint64_t address, mmu_access_t access, uint64_t *physical) {
    cpu->exception_cause = CAUSE_NONE;
    if (cpu->tables_count > TABLES_MOST - LEVELS)
        mmu_flush(cpu); /* before the walk, and not in the middle of it */
    return walk(cpu, address, access, physical, false);
}

unsigned mmu_global_path(cpu_t *cpu, uint64_t address, uint64_t path[MMU_LEVELS + 1]) {
    uint64_t table = (cpu->satp & SATP_PAGE_MASK) << CPU_PAGE_SHIFT, pte = 0, physical;
    bool global = false;
    unsigned count = 0;
    if (cpu->satp >> 60 == SATP_BARE || !mmu_probe(cpu, address, MMU_DEBUG, &physical) ||
        !cpu_ram(cpu, physical, 1))
        return 0;
    for (unsigned level = LEVELS; level-- > 0 && !(pte & (PTE_R | PTE_X));) {
        path[count++] = table + (address >> (CPU_PAGE_SHIFT + level * LEVEL_BITS) & 0x1ff) * 8;
        memcpy(&pte, cpu_ram(cpu, path[count - 1], sizeof(pte)), sizeof(pte));
        global = global || (pte & PTE_G);
        table = (pte >> 10 & SATP_PAGE_MASK) << CPU_PAGE_SHIFT;
    }
    path[count++] = physical;
    return global ? count : 0;
}

bool mmu_probe(cpu_t *cpu, uint64_t address, mmu_access_t access, uint64_t *physical) {
    return walk(cpu, address, access, physical, true);
}

/* -------------------------------------------------------------------- slow access */

/* Within one page. */
static bool load_part(cpu_t *cpu, uint64_t address, unsigned size, uint64_t *value) {
    uint64_t physical;
    if (!mmu_translate(cpu, address, MMU_READ, &physical))
        return false;
    const uint8_t *ram = cpu_ram(cpu, physical, size);
    *value = 0;
    if (ram) {
        memcpy(value, ram, size);
        remember(cpu, address, MMU_READ, physical);
        return true;
    }
    if (physical & (size - 1))
        return exception(cpu, CAUSE_LOAD_MISALIGNED, address);
    return cpu->bus.read(cpu->bus.opaque, physical, size, value) ||
           access_fault(cpu, address, MMU_READ);
}

/* An access across pages goes byte by byte. All bytes are translated before any is
 * written, so that a fault changes nothing. */
static bool load_across(cpu_t *cpu, uint64_t address, unsigned size, uint64_t *value) {
    uint64_t result = 0;
    for (unsigned i = 0; i < size; i++) {
        uint64_t physical, at = address + i;
        if (!mmu_translate(cpu, at, MMU_READ, &physical))
            return false;
        const uint8_t *ram = cpu_ram(cpu, physical, 1);
        if (!ram)
            return exception(cpu, CAUSE_LOAD_MISALIGNED, address);
        result |= (uint64_t)*ram << (8 * i);
    }
    *value = result;
    return true;
}

static bool store_across(cpu_t *cpu, uint64_t address, unsigned size, uint64_t value) {
    uint64_t physical[8];
    for (unsigned i = 0; i < size; i++) {
        if (!mmu_translate(cpu, address + i, MMU_WRITE, &physical[i]))
            return false;
        if (!cpu_ram(cpu, physical[i], 1))
            return exception(cpu, CAUSE_STORE_MISALIGNED, address);
    }
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(value >> (8 * i));
        mmu_write(cpu, physical[i], &byte, 1);
    }
    return true;
}

bool mmu_load(cpu_t *cpu, uint64_t address, unsigned size, uint64_t *value) {
    if ((address & PAGE_MASK) + size > CPU_PAGE_BYTES)
        return load_across(cpu, address, size, value);
    return load_part(cpu, address, size, value);
}

bool mmu_store(cpu_t *cpu, uint64_t address, unsigned size, uint64_t value) {
    if ((address & PAGE_MASK) + size > CPU_PAGE_BYTES)
        return store_across(cpu, address, size, value);
    uint64_t physical;
    if (!mmu_translate(cpu, address, MMU_WRITE, &physical))
        return false;
    if (cpu_ram(cpu, physical, size)) {
        /* In this order, because the store may change the very entry that led here. */
        remember(cpu, address, MMU_WRITE, physical);
        mmu_write(cpu, physical, &value, size);
        return true;
    }
    if (physical & (size - 1))
        return exception(cpu, CAUSE_STORE_MISALIGNED, address);
    return cpu->bus.write(cpu->bus.opaque, physical, size, value) ||
           access_fault(cpu, address, MMU_WRITE);
}

uint8_t *mmu_atomic(cpu_t *cpu, uint64_t address, unsigned size, mmu_access_t access,
                    uint64_t *physical) {
    uint8_t *ram = NULL;
    if (address & (size - 1)) {
        exception(cpu, access == MMU_READ ? CAUSE_LOAD_MISALIGNED : CAUSE_STORE_MISALIGNED,
                  address);
    } else if (mmu_translate(cpu, address, access, physical)) {
        ram = cpu_ram(cpu, *physical, size);
        if (!ram)
            access_fault(cpu, address, access);
    }
    return ram;
}
