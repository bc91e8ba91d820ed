/* SPDX-License-Identifier: MIT */
/* The guard in a loop, and the loop alone. */
#include "bench.h"

/* Other code runs between two readings, so the mode is loaded for each. */
#define OTHER_CODE(value) __asm__ volatile("" : "+r"(value) : : "memory")

__attribute__((noinline)) int64_t bench_guarded_loop(unsigned count) {
    int64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        sum += REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, i);
        OTHER_CODE(sum);
    }
    return sum;
}

__attribute__((noinline)) int64_t bench_empty_loop(unsigned count) {
    int64_t sum = 0;
    for (unsigned i = 0; i < count; i++) {
        sum += i;
        OTHER_CODE(sum);
    }
    return sum;
}
