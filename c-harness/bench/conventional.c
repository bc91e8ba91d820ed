/* SPDX-License-Identifier: MIT */
/* The conventional log: every byte through stdio, which locks its file for each
 * one as soon as the process has a second thread. */
#include "bench.h"

enum { KIND_INSTRUCTIONS = 0, KIND_CLOCK = 1 };

static void put_dword(FILE *file, uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8)
        putc((int)(value >> shift & 0xFF), file);
}

static void put_qword(FILE *file, uint64_t value) {
    put_dword(file, (uint32_t)(value >> 32));
    put_dword(file, (uint32_t)value);
}

static uint32_t get_dword(FILE *file) {
    uint32_t value = 0;
    for (int i = 0; i < 4; i++)
        value = value << 8 | (uint32_t)getc(file);
    return value;
}

static uint64_t get_qword(FILE *file) {
    uint64_t high = get_dword(file);
    return high << 32 | get_dword(file);
}

__attribute__((noinline)) void bench_stdio_write(FILE *file, bench_machine_t *machine,
                                                 unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        uint64_t before = machine->icount;
        bench_advance(machine);
        if (machine->icount != before) {
            putc(KIND_INSTRUCTIONS, file);
            put_dword(file, (uint32_t)(machine->icount - before));
        }
        putc(KIND_CLOCK, file);
        put_qword(file, (uint64_t)machine->clock);
    }
}

__attribute__((noinline)) void bench_stdio_read(FILE *file, bench_machine_t *machine,
                                                unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        int kind = getc(file);
        if (kind == KIND_INSTRUCTIONS) {
            machine->icount += get_dword(file);
            kind = getc(file);
        }
        if (kind != KIND_CLOCK)
            bench_require(false, "the conventional log is not what was written");
        machine->clock = (int64_t)get_qword(file);
    }
}
