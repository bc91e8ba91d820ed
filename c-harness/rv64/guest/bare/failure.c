/* SPDX-License-Identifier: MIT */
/* A check that fails, so that one sees what becomes of it. */
#include "bare.h"

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    check("one is two", 1, 2);
}
