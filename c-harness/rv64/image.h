/* SPDX-License-Identifier: MIT */
/** @file image.h
 *  Brings kernel, initial RAM file system and device tree into RAM. */
#ifndef RV64_IMAGE_H
#define RV64_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu/cpu.h"
#include "options.h"

/** Where the guest begins. */
typedef struct image_entry {
    uint64_t pc;
    uint64_t device_tree; /**< address */
} image_entry_t;

/** Loads all that @p options name into RAM, which is all zero.
 *  @return false: told on stderr. */
bool image_load(cpu_t *cpu, const options_t *options, image_entry_t *entry);

#endif /* RV64_IMAGE_H */
