/* SPDX-License-Identifier: MIT */
#include "cpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "code.h"
#include "execute.h"
#include "mmu.h"

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Guest RAM is accessed as the host's: it has to be little-endian."
#endif

bool cpu_open(cpu_t *cpu, const cpu_bus_t *bus, const cpu_options_t *options, uint64_t ram_base,
              uint64_t ram_bytes) {
    memset(cpu, 0, sizeof(*cpu));
    cpu->bus = *bus;
    cpu->options = *options;
    cpu->ram_base = ram_base;
    cpu->ram_bytes = ram_bytes;
    void *ram = mmap(NULL, ram_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cpu->ram = ram != MAP_FAILED ? ram : NULL;
    cpu->dirty = calloc(ram_bytes / CPU_PAGE_BYTES, 1);
    if (!cpu->ram || !cpu->dirty || !mmu_open(cpu) || !code_open(cpu)) {
        cpu_close(cpu);
        errno = ENOMEM;
        return false;
    }
    cpu_reset(cpu, ram_base, 0);
    return true;
}

void cpu_close(cpu_t *cpu) {
    code_close(cpu);
    mmu_close(cpu);
    if (cpu->ram)
        munmap(cpu->ram, cpu->ram_bytes);
    free(cpu->dirty);
    cpu->ram = NULL;
    cpu->dirty = NULL;
}

void cpu_reset(cpu_t *cpu, uint64_t pc, uint64_t device_tree) {
    memset(cpu->x, 0, sizeof(cpu->x));
    memset(cpu->f, 0, sizeof(cpu->f));
    cpu->x[11] = device_tree;
    cpu->pc = pc & ~UINT64_C(1);
    cpu->privilege = CPU_SUPERVISOR;
    cpu->waiting = 0;
    cpu->sstatus = cpu->sie = cpu->stvec = cpu->scounteren = cpu->sscratch = 0;
    cpu->sepc = cpu->scause = cpu->stval = cpu->satp = cpu->senvcfg = cpu->lines = 0;
    cpu->fcsr = cpu->reserved = 0;
    cpu->reservation = 0;
    mmu_flush(cpu);
}

uint64_t cpu_run(cpu_t *cpu, uint64_t budget) {
    if (cpu_idle(cpu) || budget == 0)
        return 0;
    if (cpu->break_count == 0 && cpu->code->has_breaks)
        code_forget_breaks(cpu);
    uint64_t before = cpu->icount;
    uint32_t waiting = cpu->waiting;
    cpu->waiting = 0;
    cpu->end_slice = false;
    execute(cpu, budget);
    if (cpu->icount == before)
        cpu->waiting = waiting; /* it stops before its first instruction */
    return cpu->icount - before;
}

void cpu_end_slice(cpu_t *cpu) {
    cpu->end_slice = true;
}

void cpu_set_line(cpu_t *cpu, unsigned line, bool level) {
    uint64_t bit = UINT64_C(1) << line;
    cpu->lines = level ? cpu->lines | bit : cpu->lines & ~bit;
    cpu->end_slice = true;
}

bool cpu_idle(const cpu_t *cpu) {
    return cpu->waiting && (cpu->lines & cpu->sie) == 0;
}

uint8_t *cpu_ram(cpu_t *cpu, uint64_t address, uint64_t length) {
    uint64_t offset = address - cpu->ram_base;
    if (offset >= cpu->ram_bytes || length > cpu->ram_bytes - offset)
        return NULL;
    return cpu->ram + offset;
}

void cpu_ram_written(cpu_t *cpu, uint64_t address, uint64_t length) {
    if (length == 0 || !cpu_ram(cpu, address, length))
        return;
    uint64_t first = (address - cpu->ram_base) / CPU_PAGE_BYTES;
    uint64_t last = (address - cpu->ram_base + length - 1) / CPU_PAGE_BYTES;
    memset(cpu->dirty + first, CPU_DIRTY_ALL, last - first + 1);
    mmu_written(cpu, address, length);
    code_written(cpu, address, length);
    /* A reservation is of 8 bytes, aligned. */
    uint64_t reservation = cpu->reservation & ~UINT64_C(7);
    if (address < reservation + 8 && reservation < address + length)
        cpu->reserved = 0;
}

void cpu_notice_writes(cpu_t *cpu) {
    mmu_flush_writes(cpu);
}

void cpu_clear_ram(cpu_t *cpu) {
    /* Unmapping it and mapping it again costs less than writing zeroes. */
    if (madvise(cpu->ram, cpu->ram_bytes, MADV_DONTNEED) != 0)
        memset(cpu->ram, 0, cpu->ram_bytes);
    for (uint64_t page = 0; page < cpu->ram_bytes / CPU_PAGE_BYTES; page++)
        if (cpu->dirty[page] & CPU_DIRTY_USED)
            cpu->dirty[page] = CPU_DIRTY_ALL & ~CPU_DIRTY_USED;
    code_drop_all(cpu);
    mmu_flush(cpu);
}

void cpu_registers_loaded(cpu_t *cpu) {
    mmu_flush(cpu);
}

void cpu_ram_loaded(cpu_t *cpu, uint64_t address, uint64_t length) {
    if (length == 0 || !cpu_ram(cpu, address, length))
        return;
    uint64_t first = (address - cpu->ram_base) / CPU_PAGE_BYTES;
    uint64_t last = (address - cpu->ram_base + length - 1) / CPU_PAGE_BYTES;
    for (uint64_t page = first; page <= last; page++) {
        cpu->dirty[page] |= CPU_DIRTY_ALL & ~CPU_DIRTY_LIBRARY;
        code_drop_page(cpu, page);
    }
    mmu_written(cpu, address, length);
}
