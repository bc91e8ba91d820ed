/* SPDX-License-Identifier: MIT */
/* Work for the CPU: arithmetic, memory, branches, calls, floating point. */
#include "bare.h"

enum { WORDS = 1 << 14, ROUNDS = 120 };
static uint64_t words[WORDS];

static __attribute__((noinline)) uint64_t mix(uint64_t a, uint64_t b) {
    return a % 3 == 0 ? a * b + 7 : (a >> 3) ^ (b << 1);
}

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    uint64_t sum = 1;
    double real = 1;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < WORDS; i++) {
            words[i] = mix(words[i] + i, sum);
            sum += words[(i * 7919) % WORDS];
            if (sum & 1)
                sum = sum * UINT64_C(6364136223846793005) + 1;
        }
        real = real * 1.25 + 1 / (real + (double)(round & 7));
    }
    put_line("sum", sum);
    put_line("real", (uint64_t)(real * 1000));
    check("sum", sum != 0, 1);
}
