/* SPDX-License-Identifier: MIT */
/* What a test program changes in the library. */
#include "replay-support.h"

/* A test program that defines and exports this function says where the library makes snapshots,
 * instead of the time that has passed: the next one after an icount is at the icount that it
 * returns, or at the next place after that. If it returns 0 for 0, the library makes them as
 * always. */
#pragma GCC visibility push(default)
extern uint64_t replay_test_next_snapshot(uint64_t icount) __attribute__((weak));
#pragma GCC visibility pop

bool replay_has_chosen_snapshots(void) {
    return replay_test_next_snapshot && replay_test_next_snapshot(0) > 0;
}

uint64_t replay_next_chosen_snapshot(uint64_t icount) {
    return replay_test_next_snapshot ? replay_test_next_snapshot(icount) : UINT64_MAX;
}
