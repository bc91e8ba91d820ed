/* SPDX-License-Identifier: MIT */
/** @file guest.h
 *  The demo's guest: a register machine that is small enough to read in one go.
 *
 *  It has eight registers, RAM, interrupt lines, and ports for the host's devices. It
 *  doesn't know about threads, real time or libreplay: what it does depends only on its
 *  program, on what its ports return, and on the instruction at which an interrupt is
 *  delivered. */
#ifndef GUEST_H
#define GUEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { GUEST_RAM_WORDS = 4096, GUEST_SECTOR_WORDS = 64 };

/** Interrupt lines; the lowest that is raised is delivered first. */
enum { LINE_TIMER, LINE_DISK, LINE_KEYBOARD, LINE_COUNT };

/** What the ports do; `in` ones are read, `out` ones written. */
enum {
    PORT_TIMER,        /* out: raise LINE_TIMER after this many virtual ns */
    PORT_VIRTUAL_TIME, /* in: ns since the start */
    PORT_WALL_CLOCK,   /* in: ns since 1970 */
    PORT_RANDOM,       /* in: 64 random bits */
    PORT_KEYBOARD,     /* in: the next key, 0: none */
    PORT_DISK_SECTOR,  /* out: the sector of the next request */
    PORT_DISK_READ,    /* out: read it to this RAM address; then LINE_DISK */
    PORT_DISK_WRITE,   /* out: write it from this RAM address; then LINE_DISK */
    PORT_DISK_RESULT,  /* in: the result of the last request, 0: success */
    PORT_POWER         /* out: switch the machine off */
};

/** The address of instruction n is GUEST_CODE + 4 * n; that of a word of RAM, 8 times its index. */
enum { GUEST_CODE = 0x100000, GUEST_STOPS = 16 };

/** A place at which a debugger wants to look. */
typedef struct guest_stop {
    int32_t kind; /**< the debugger's name for it */
    bool code;    /**< an instruction is about to be executed; else words are about to be */
    bool load;    /**< loaded, */
    bool store;   /**< stored, */
    bool change;  /**< only if that changes them */
    uint64_t address, length;
} guest_stop_t;

typedef struct guest {
    uint64_t icount;       /**< instructions executed so far */
    uint64_t registers[8]; /**< registers[1] is the number of rounds at the start */
    uint32_t pc;           /**< index of the next instruction */
    uint32_t return_pc;    /**< where the handler returns to */
    uint32_t lines;        /**< a bit for each interrupt line that is raised */
    bool in_handler;       /**< no interrupt is taken meanwhile */
    bool asleep;           /**< in WAIT, until an interrupt is delivered */
    uint64_t ram[GUEST_RAM_WORDS];

    /* The host's side of the ports. */
    uint64_t (*in)(void *opaque, uint32_t port);
    void (*out)(void *opaque, uint32_t port, uint64_t value);
    void *opaque;

    /* The debugger's side. */
    guest_stop_t stops[GUEST_STOPS];
    uint32_t stop_count;
    bool (*stops_at)(int32_t kind,
                     uint64_t address); /**< true: not before the debugger has looked */
} guest_t;

/** Executes at most @p budget instructions; fewer if the guest falls asleep, @p kicked
 *  becomes true, or a debugger wants to look. */
void guest_run(guest_t *g, uint64_t budget, const atomic_bool *kicked);

/** Would the guest take an interrupt now? */
bool guest_wants_interrupt(const guest_t *g);

/** Delivers the interrupt that guest_wants_interrupt() reported. */
void guest_take_interrupt(guest_t *g);

/** A digest of all that the guest can see of itself. */
uint64_t guest_digest(const guest_t *g);

/** A digest of the program, because a recording matches only one program. */
uint64_t guest_program_digest(void);

/** Mixes @p b into @p a; the order of what is mixed matters. */
static inline uint64_t guest_mix(uint64_t a, uint64_t b) {
    a = (a ^ b) * 0x9e3779b97f4a7c15u;
    return a ^ a >> 29;
}

#endif /* GUEST_H */
