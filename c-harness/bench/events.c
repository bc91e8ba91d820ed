/* SPDX-License-Identifier: MIT */
/* The events that every part of the benchmark writes and reads. */
#include "bench.h"

#include <stdlib.h>

bench_step_t bench_steps[BENCH_STEPS];

static uint32_t random_below(uint32_t limit) {
    static uint64_t state = 0x9E3779B97F4A7C15;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) * limit >> 32);
}

/* A guest that polls a clock does it again soon, one that works does it after
 * thousands of instructions: every length is equally frequent. */
void bench_make_steps(void) {
    for (size_t i = 0; i < BENCH_STEPS; i++) {
        bench_steps[i].instructions = 1 + random_below(2u << random_below(13));
        bench_steps[i].ns = random_below(2u << random_below(13));
    }
}

void bench_require(bool ok, const char *sentence) {
    if (ok)
        return;
    replay_error_t error = REPLAY_ERROR_INIT;
    replay_last_error(&error);
    fprintf(stderr, "replay-bench-hotpath: %s%s%s\n", sentence, error.message[0] ? ": " : "",
            error.message);
    exit(1);
}
