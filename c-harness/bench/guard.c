/* SPDX-License-Identifier: MIT */
/* What a host pays where it reads a clock and neither records nor replays. */
#include "bench.h"

int64_t bench_guard(int64_t value) {
    return REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, value);
}
