/* SPDX-License-Identifier: MIT */
/** @file device.h
 *  What a device is to the bus, and what the bus is to a device. */
#ifndef RV64_DEVICE_H
#define RV64_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../cpu/cpu.h"
#include "../digest.h"

/** A range of physical addresses with a device behind it. Offsets are in the
 *  range, sizes are 1, 2, 4 or 8, aligned. */
typedef struct device {
    const char *name; /**< for the fingerprint and errors */
    uint64_t base, bytes;
    void *opaque;
    uint64_t (*read)(void *opaque, uint64_t offset, unsigned size);
    void (*write)(void *opaque, uint64_t offset, unsigned size, uint64_t value);
    /** To the state at power on. */
    void (*reset)(void *opaque);
    /** Mixes all that the guest can see of the device into a digest. */
    void (*digest)(void *opaque, digest_t *digest);
} device_t;

/** A wire from a device to the interrupt controller. */
typedef struct irq_line {
    struct plic *plic;
    uint32_t source;
} irq_line_t;

/** plic.c */
void irq_set(const irq_line_t *line, bool level);

#endif /* RV64_DEVICE_H */
