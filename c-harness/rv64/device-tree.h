/* SPDX-License-Identifier: MIT */
/** @file device-tree.h
 *  Describes the machine to the guest's kernel. */
#ifndef RV64_DEVICE_TREE_H
#define RV64_DEVICE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct device_tree {
    uint64_t ram_bytes;
    const char *command_line;
    uint64_t initrd_start, initrd_end; /**< 0: there is none */
    bool floating_point, has_rtc, has_disk, has_entropy;
} device_tree_t;

/** Writes the flattened tree. @return its length; 0: it doesn't fit. */
size_t device_tree_build(uint8_t *buffer, size_t room, const device_tree_t *tree);

#endif /* RV64_DEVICE_TREE_H */
