/* SPDX-License-Identifier: MIT */
#include "break.h"

#include <string.h>

#include "code.h"
#include "mmu.h"
#include "trap.h"

#define PAGE_OF(address) ((address) >> CPU_PAGE_SHIFT)

static bool is_watch(const cpu_break_t *b) {
    return b->kind >= CPU_WATCH_WRITE;
}

/* Does it stop accesses of this kind? */
static bool watches(const cpu_break_t *b, bool write) {
    return b->kind == CPU_WATCH_ACCESS || b->kind == (write ? CPU_WATCH_WRITE : CPU_WATCH_READ);
}

/* ---------------------------------------------------------------------- the table */

static cpu_break_t *find(cpu_t *cpu, const cpu_break_t *wanted) {
    for (unsigned i = 0; i < cpu->break_count; i++) {
        cpu_break_t *b = &cpu->breaks[i];
        if (b->kind == wanted->kind && b->first == wanted->first && b->last == wanted->last)
            return b;
    }
    return NULL;
}

/* What was cached knows nothing of a new one. */
static void forget_pages(cpu_t *cpu, const cpu_break_t *b) {
    for (uint64_t page = PAGE_OF(b->first); page <= PAGE_OF(b->last); page++)
        mmu_flush_page(cpu, page << CPU_PAGE_SHIFT);
}

bool cpu_set_break(cpu_t *cpu, cpu_break_kind_t kind, uint64_t address, uint64_t length, bool set) {
    if (!is_watch(&(cpu_break_t){.kind = kind}))
        length = 1; /* the instruction's own length doesn't matter */
    const cpu_break_t wanted = {kind, address, address + length - 1};
    if (kind > CPU_WATCH_ACCESS || length == 0 || length > CPU_BREAK_BYTES ||
        wanted.last < wanted.first)
        return false;
    cpu_break_t *known = find(cpu, &wanted);
    if (!set && known) {
        *known = cpu->breaks[--cpu->break_count];
        cpu->watch_count -= is_watch(&wanted);
    }
    if (!set || known)
        return true;
    if (cpu->break_count == CPU_BREAKS)
        return false;
    cpu->breaks[cpu->break_count++] = wanted;
    cpu->watch_count += is_watch(&wanted);
    forget_pages(cpu, &wanted);
    return true;
}

/* ------------------------------------------------------------------- breakpoints */

bool break_execute(cpu_t *cpu) {
    for (unsigned i = 0; i < cpu->break_count; i++) {
        const cpu_break_t b = cpu->breaks[i];
        if (!is_watch(&b) && b.first == cpu->pc &&
            cpu->bus.stop_at(cpu->bus.opaque, b.kind, cpu->pc))
            return true;
    }
    return false;
}

bool break_mark(const cpu_t *cpu, uint64_t address, uint64_t *halves) {
    bool added = false;
    for (unsigned i = 0; i < cpu->break_count; i++) {
        const cpu_break_t *b = &cpu->breaks[i];
        if (is_watch(b) || PAGE_OF(b->first) != PAGE_OF(address))
            continue;
        uint64_t half = b->first % CPU_PAGE_BYTES / 2, bit = UINT64_C(1) << (half % 64);
        added = added || !(halves[half / 64] & bit);
        halves[half / 64] |= bit;
    }
    return added;
}

/* ------------------------------------------------------------------- watchpoints */

bool break_watches(const cpu_t *cpu, uint64_t address, bool write) {
    for (unsigned i = 0; i < cpu->break_count; i++) {
        const cpu_break_t *b = &cpu->breaks[i];
        if (is_watch(b) && watches(b, write) && PAGE_OF(b->first) <= PAGE_OF(address) &&
            PAGE_OF(address) <= PAGE_OF(b->last))
            return true;
    }
    return false;
}

int32_t cpu_watched_ram(cpu_t *cpu, uint64_t *places, uint32_t most) {
    uint32_t count = 0;
    for (unsigned i = 0; i < cpu->break_count; i++) {
        const cpu_break_t *b = &cpu->breaks[i];
        if (b->kind != CPU_WATCH_WRITE)
            return -1;
        for (uint64_t page = PAGE_OF(b->first); page <= PAGE_OF(b->last); page++) {
            uint64_t path[MMU_LEVELS + 1];
            unsigned n = mmu_global_path(cpu, page << CPU_PAGE_SHIFT, path);
            if (n == 0 || n > most - count)
                return -1;
            memcpy(places + count, path, n * sizeof(*path));
            count += n;
        }
    }
    return (int32_t)count;
}

/* A store would leave the bytes from @p first to @p last as they are. A device's are never known.
 */
static bool same_bytes(cpu_t *cpu, uint64_t address, uint64_t value, uint64_t first,
                       uint64_t last) {
    for (uint64_t at = first; at <= last; at++) {
        uint64_t physical;
        const uint8_t *ram = NULL;
        if (mmu_probe(cpu, at, MMU_WRITE, &physical))
            ram = cpu_ram(cpu, physical, 1);
        if (!ram || *ram != (uint8_t)(value >> 8 * (at - address)))
            return false;
    }
    return true;
}

/* An access that faults isn't one: it will be made again after the guest has mapped the page. */
static bool faults(cpu_t *cpu, uint64_t address, unsigned size, mmu_access_t access) {
    uint64_t end, physical;
    return !mmu_probe(cpu, address + size - 1, access, &end) ||
           !mmu_probe(cpu, address, access, &physical) ||
           ((address & (size - 1)) && (!cpu_ram(cpu, physical, 1) || !cpu_ram(cpu, end, 1)));
}

static bool break_access(cpu_t *cpu, uint64_t address, unsigned size, mmu_access_t access,
                         uint64_t value) {
    bool write = access == MMU_WRITE;
    uint64_t end = address + size - 1;
    for (unsigned i = 0; i < cpu->break_count; i++) {
        const cpu_break_t b = cpu->breaks[i];
        if (!is_watch(&b) || !watches(&b, write) || b.first > end || b.last < address)
            continue;
        uint64_t first = b.first > address ? b.first : address, last = b.last < end ? b.last : end;
        if (faults(cpu, address, size, access))
            return false;
        if (b.kind == CPU_WATCH_WRITE && same_bytes(cpu, address, value, first, last))
            continue;
        cpu->icount--; /* it counts completed instructions while the machine decides */
        bool stop = cpu->bus.stop_at(cpu->bus.opaque, b.kind, first);
        cpu->icount++;
        if (stop)
            return !exception(cpu, CAUSE_STOP, 0);
    }
    return false;
}

bool break_load(cpu_t *cpu, uint64_t address, unsigned size) {
    return break_access(cpu, address, size, MMU_READ, 0);
}

bool break_store(cpu_t *cpu, uint64_t address, unsigned size, uint64_t value) {
    return break_access(cpu, address, size, MMU_WRITE, value);
}
