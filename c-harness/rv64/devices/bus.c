/* SPDX-License-Identifier: MIT */
#include "bus.h"

#include <string.h>

static device_t *find(bus_t *bus, uint64_t address, unsigned size) {
    for (size_t i = 0; i < bus->count; i++) {
        device_t *device = &bus->devices[i];
        uint64_t offset = address - device->base;
        if (offset < device->bytes && size <= device->bytes - offset)
            return device;
    }
    return NULL;
}

bool bus_add(bus_t *bus, device_t device) {
    if (bus->count == BUS_DEVICES || find(bus, device.base, 1) ||
        find(bus, device.base + device.bytes - 1, 1))
        return false;
    bus->devices[bus->count++] = device;
    return true;
}

bool bus_read(bus_t *bus, uint64_t address, unsigned size, uint64_t *value) {
    device_t *device = find(bus, address, size);
    if (!device)
        return false;
    *value = device->read(device->opaque, address - device->base, size);
    return true;
}

bool bus_write(bus_t *bus, uint64_t address, unsigned size, uint64_t value) {
    device_t *device = find(bus, address, size);
    if (!device)
        return false;
    device->write(device->opaque, address - device->base, size, value);
    return true;
}

void bus_reset(bus_t *bus) {
    for (size_t i = 0; i < bus->count; i++)
        bus->devices[i].reset(bus->devices[i].opaque);
}

void bus_state(bus_t *bus, state_t *state) {
    for (size_t i = 0; i < bus->count; i++) {
        const device_t *device = &bus->devices[i];
        state_same(state, device->name, strlen(device->name) + 1);
        device->state(device->opaque, state);
    }
}
