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

/** The files' contents when the machine was made: a reset loads the same again. */
typedef struct image {
    GBytes *kernel;
    GBytes *initrd; /**< NULL: there is none */
} image_t;

/** Reads the files that @p options name.
 *  @return false: reported on stderr. Release with image_close() in any case. */
bool image_open(image_t *image, const options_t *options);
void image_close(image_t *image);

/** Where the guest starts. */
typedef struct image_entry {
    uint64_t pc;
    uint64_t device_tree; /**< address */
} image_entry_t;

/** Loads the image into RAM, which is all zero, and makes the device tree.
 *  @return false: a file is damaged or doesn't fit; reported on stderr. */
bool image_load(const image_t *image, cpu_t *cpu, const options_t *options, image_entry_t *entry);

#endif /* RV64_IMAGE_H */
