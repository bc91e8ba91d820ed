/* SPDX-License-Identifier: MIT */
/* Memory whose amount a host, a file or a guest decides. */
#include <stdlib.h>

#include "replay-support.h"

/* A test program that defines and exports this function makes single allocations fail. */
#pragma GCC visibility push(default)
extern bool replay_test_fails_allocation(size_t size) __attribute__((weak));
#pragma GCC visibility pop

void *replay_allocate(size_t size) {
    if (replay_test_fails_allocation && replay_test_fails_allocation(size))
        return NULL;
    return malloc(size > 0 ? size : 1);
}
