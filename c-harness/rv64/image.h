/* SPDX-License-Identifier: MIT */
/** @file image.h
 *  Brings kernel, initial RAM file system and device tree into RAM. */
#ifndef RV64_IMAGE_H
#define RV64_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include "cpu/cpu.h"
#include "options.h"

/** The files, as they were when the machine was made: a reset loads the same again. */
typedef struct image {
    GBytes *kernel;
    GBytes *initrd; /**< NULL: there is none */
} image_t;

/** Reads what @p options name.
 *  @return false: told on stderr. Release with image_close() in any case. */
bool image_open(image_t *image, const options_t *options);
void image_close(image_t *image);

/** Where the guest begins. */
typedef struct image_entry {
    uint64_t pc;
    uint64_t device_tree; /**< address */
} image_entry_t;

/** Loads it into RAM, which is all zero.
 *  @return false: it does not fit, or is none; told on stderr. */
bool image_load(const image_t *image, cpu_t *cpu, const options_t *options, image_entry_t *entry);

#endif /* RV64_IMAGE_H */
