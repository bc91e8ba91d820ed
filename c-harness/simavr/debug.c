/* SPDX-License-Identifier: MIT */
#include "debug.h"

#include <string.h>

/* gdb knows an AVR without a description: its registers have these numbers, and flash and
 * RAM are in one address space. */
enum { SREG = 32, SP = 33, PC = 34, RAM = 0x800000 };

static size_t read_register(void *opaque, uint32_t cpu, uint32_t number, void *bytes, size_t most) {
    const avr_t *avr = ((machine_t *)opaque)->avr;
    (void)cpu;
    uint8_t value[4] = {0};
    size_t length = 1;
    if (number < SREG) {
        value[0] = avr->data[number];
    } else if (number == SREG) {
        for (unsigned bit = 0; bit < 8; bit++)
            value[0] |= (uint8_t)(avr->sreg[bit] << bit);
    } else if (number == SP) {
        memcpy(value, &avr->data[R_SPL], length = 2);
    } else if (number == PC) {
        for (length = 0; length < 4; length++)
            value[length] = (uint8_t)(avr->pc >> 8 * length);
    } else {
        return 0;
    }
    if (length > most)
        return 0;
    memcpy(bytes, value, length);
    return length;
}

static bool read_memory(void *opaque, uint32_t cpu, uint64_t address, void *bytes, size_t length) {
    const avr_t *avr = ((machine_t *)opaque)->avr;
    (void)cpu;
    const uint8_t *memory = avr->flash;
    uint64_t size = avr->flashend + 1u;
    if (address >= RAM) {
        memory = avr->data;
        size = avr->ramend + 1u;
        address -= RAM;
    }
    if (address > size || length > size - address)
        return false;
    memcpy(bytes, memory + address, length);
    return true;
}

/* simavr tells nobody before it writes: so there are no watchpoints. */
static bool set_break(void *opaque, replay_break_kind_t kind, uint64_t address, uint64_t length,
                      bool set) {
    (void)length;
    return (kind == REPLAY_BREAK_SOFTWARE || kind == REPLAY_BREAK_HARDWARE) &&
           machine_set_break(opaque, address, set);
}

/* Registers and memory can only be read: a recording depends on what is in them. */
replay_gdb_target_t debug_target(machine_t *machine) {
    replay_gdb_target_t target = REPLAY_GDB_TARGET_INIT;
    target.read_register = read_register;
    target.read_memory = read_memory;
    target.set_break = set_break;
    target.opaque = machine;
    return target;
}
