/* SPDX-License-Identifier: MIT */
/* The same events by a loop that does nothing else: a byte for the kind, the two numbers as the
 * log has them, in memory. No lock, no role, no checksum, no file. */
#include "bench.h"

enum { KIND_CLOCK = 19, SAME_PLACE = 0x40, LONGEST = 24 };

static uint8_t *put_number(uint8_t *to, uint64_t value) {
    while (value >= 0x80) {
        *to++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *to++ = (uint8_t)value;
    return to;
}

__attribute__((noinline)) void bench_compact(bench_machine_t *machine, unsigned count) {
    static uint8_t memory[1 << 20];
    uint8_t *to = memory;
    uint64_t icount = machine->icount;
    int64_t clock = machine->clock;
    for (unsigned i = 0; i < count; i++) {
        bench_advance(machine);
        if (to > memory + sizeof memory - LONGEST)
            to = memory;
        uint64_t instructions = machine->icount - icount;
        int64_t change = machine->clock - clock;
        *to++ = (uint8_t)(instructions ? KIND_CLOCK : KIND_CLOCK | SAME_PLACE);
        if (instructions)
            to = put_number(to, instructions);
        to = put_number(to, (uint64_t)change << 1 ^ (uint64_t)(change >> 63));
        icount = machine->icount;
        clock = machine->clock;
        __asm__ volatile("" : : "r"(to) : "memory");
    }
}
