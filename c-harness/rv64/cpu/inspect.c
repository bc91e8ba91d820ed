/* SPDX-License-Identifier: MIT */
/* What a debugger sees and changes. Its accesses leave no trace: no exception, no bits "accessed"
 * and "dirty", no TLB entry. */
#include "cpu.h"

#include <string.h>

#include "mmu.h"

/* RAM at a virtual address, up to the end of the page at most. @return NULL: there isn't any. */
static uint8_t *piece(cpu_t *cpu, uint64_t address, uint64_t length, uint64_t *physical,
                      uint64_t *room) {
    uint64_t rest = CPU_PAGE_BYTES - address % CPU_PAGE_BYTES;
    *room = length < rest ? length : rest;
    return mmu_probe(cpu, address, MMU_DEBUG, physical) ? cpu_ram(cpu, *physical, *room) : NULL;
}

bool cpu_read_memory(cpu_t *cpu, uint64_t address, void *bytes, uint64_t length) {
    uint64_t physical, n;
    for (uint64_t done = 0; done < length; done += n) {
        const uint8_t *ram = piece(cpu, address + done, length - done, &physical, &n);
        if (!ram)
            return false;
        memcpy((uint8_t *)bytes + done, ram, n);
    }
    return true;
}

bool cpu_write_memory(cpu_t *cpu, uint64_t address, const void *bytes, uint64_t length) {
    uint64_t physical, n;
    for (uint64_t done = 0; done < length; done += n)
        if (!piece(cpu, address + done, length - done, &physical, &n))
            return false;
    for (uint64_t done = 0; done < length; done += n) {
        uint8_t *ram = piece(cpu, address + done, length - done, &physical, &n);
        if (!ram)
            return false; /* the bytes before have changed the page table */
        memcpy(ram, (const uint8_t *)bytes + done, n);
        cpu_ram_written(cpu, physical, n);
    }
    return true;
}
