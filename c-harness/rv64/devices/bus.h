/* SPDX-License-Identifier: MIT */
/** @file bus.h
 *  The devices, by address. */
#ifndef RV64_BUS_H
#define RV64_BUS_H

#include "device.h"

enum { BUS_DEVICES = 16 };

typedef struct bus {
    device_t devices[BUS_DEVICES];
    size_t count;
} bus_t;

/** Adds a device. @return false: its addresses are taken, or there are too many devices. */
bool bus_add(bus_t *bus, device_t device);

/** An access of 1, 2, 4 or 8 bytes, aligned. @return false: nothing is there. */
bool bus_read(bus_t *bus, uint64_t address, unsigned size, uint64_t *value);
bool bus_write(bus_t *bus, uint64_t address, unsigned size, uint64_t value);

/** Puts all devices into the state at power on. */
void bus_reset(bus_t *bus);

/** Saves or loads everything that the guest can see of all devices. */
void bus_state(bus_t *bus, state_t *state);

#endif /* RV64_BUS_H */
