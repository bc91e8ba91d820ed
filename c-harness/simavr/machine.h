/* SPDX-License-Identifier: MIT */
/* The guest: an ATmega328P in simavr, with the devices around it.
 *
 * Nothing in here knows about record and replay. Everything that the machine itself
 * doesn't determine enters through machine_receive() and the calls of `world_t`;
 * host.c, which provides them, calls the library. */
#ifndef SIMAVR_MACHINE_H
#define SIMAVR_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sim_avr.h>

#define MACHINE_MCU       "atmega328p"
#define MACHINE_FREQUENCY 16000000u

/* What the machine asks of the world. Each, except the last, is called in the middle of the
 * instruction that makes the device act. */
typedef struct world {
    void *opaque;
    void (*sent)(void *opaque, uint8_t byte);    /* the serial port sends */
    int64_t (*clock_ns)(void *opaque);           /* the clock chip is read */
    uint16_t (*noise)(void *opaque);             /* the converter starts: what is on its pin? */
    bool (*stops_at)(void *opaque, uint64_t pc); /* before an instruction with a breakpoint */
} world_t;

enum { MACHINE_BREAKS = 32 };

typedef struct machine {
    avr_t *avr;
    world_t world;
    avr_irq_t *serial_in, *analog_in;
    uint64_t slice_end;  /* cycle at which machine_run() stops */
    bool in_instruction; /* a device is being accessed by an instruction */
    uint32_t clock_us;   /* what the clock chip's three registers hold */
    uint64_t firmware_digest;
    uint64_t output_digest;          /* of all that the serial port has sent */
    uint64_t breaks[MACHINE_BREAKS]; /* addresses in the flash */
    unsigned break_count;
} machine_t;

/* Makes the machine, with the Intel hex file @p firmware in its flash; starts it
 * at the lowest address that the file fills, as if by the reset button. */
bool machine_open(machine_t *machine, const world_t *world, const char *firmware);
void machine_close(machine_t *machine);

/* Runs for @p cycles, up to the end of the instruction that reaches them; less
 * if the machine ends, or stops at a breakpoint. */
void machine_run(machine_t *machine, uint64_t cycles);

/* Cycles so far. An instruction in the middle of which a device asks has begun
 * its first cycle. */
uint64_t machine_cycles(const machine_t *machine);

bool machine_ended(const machine_t *machine);          /* the guest has slept with interrupts off */
bool machine_asleep(const machine_t *machine);         /* nothing is executed until an interrupt */
uint64_t machine_next_timer(const machine_t *machine); /* cycles from now; at least 1 */

/* Sets or removes a breakpoint. @return false if there are too many. */
bool machine_set_break(machine_t *machine, uint64_t pc, bool set);

/* Bytes arrive at the serial port. */
void machine_receive(machine_t *machine, const uint8_t *data, size_t length);

/* FNV-1a, to be continued from @p digest; DIGEST_EMPTY to begin with. */
#define DIGEST_EMPTY UINT64_C(0xcbf29ce484222325)
uint64_t digest_bytes(uint64_t digest, const void *data, size_t length);

uint64_t machine_ram_digest(const machine_t *machine); /* registers, I/O space, RAM */
uint64_t machine_digest(const machine_t *machine);     /* that, flash, pc, cycle, flags */

#endif
