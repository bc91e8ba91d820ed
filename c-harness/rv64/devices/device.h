/* SPDX-License-Identifier: MIT */
/** @file device.h
 *  The interface between a device and the bus. */
#ifndef RV64_DEVICE_H
#define RV64_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../cpu/cpu.h"
#include "../state.h"

/** A device, at a range of physical addresses. Offsets are in the range; sizes are 1, 2, 4 or 8,
 *  aligned. */
typedef struct device {
    const char *name; /**< for the fingerprint and errors */
    uint64_t base, bytes;
    void *opaque;
    uint64_t (*read)(void *opaque, uint64_t offset, unsigned size);
    void (*write)(void *opaque, uint64_t offset, unsigned size, uint64_t value);
    /** Puts the device into the state at power on. */
    void (*reset)(void *opaque);
    /** Saves or loads everything that the guest can see of the device. */
    void (*state)(void *opaque, state_t *state);
} device_t;

/** A wire from a device to the interrupt controller. */
typedef struct irq_line {
    struct plic *plic;
    uint32_t source;
} irq_line_t;

/** Raises or lowers the line (plic.c). */
void irq_set(const irq_line_t *line, bool level);

#endif /* RV64_DEVICE_H */
