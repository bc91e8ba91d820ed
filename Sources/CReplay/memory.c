/* SPDX-License-Identifier: MIT */
/* Memory whose amount a host, a file or a guest decides. */
#include <stdlib.h>
#include <sys/mman.h>

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

void *replay_allocate_large(size_t size) {
    static const size_t large_page = 1 << 21;
    if (size < large_page || size > SIZE_MAX - large_page)
        return replay_allocate(size);
    if (replay_test_fails_allocation && replay_test_fails_allocation(size))
        return NULL;
    size_t whole = (size + large_page - 1) / large_page * large_page;
    void *memory = aligned_alloc(large_page, whole);
    if (memory) /* without large pages it is only slower */
        (void)madvise(memory, whole, MADV_HUGEPAGE);
    return memory;
}
