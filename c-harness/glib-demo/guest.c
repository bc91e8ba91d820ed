/* SPDX-License-Identifier: MIT */
#include "guest.h"

/* What an instruction does with its operands. a is a register (its value, where
 * one is needed); b is a register in MIX, LOAD and SAVE, else a number. */
enum {
    ILLEGAL,
    SET,  /* a = b */
    DEC,  /* a = a - 1 */
    MIX,  /* a = mix(a, b) */
    LOAD, /* a = ram[b] */
    SAVE, /* ram[b] = a */
    IN,   /* a = port b */
    OUT,  /* port b = a */
    JUMP, /* go to b */
    JNZ,  /* go to b if a is not 0 */
    JZ,   /* go to b if a is 0 */
    WAIT, /* sleep until a is not 0 */
    BACK  /* return from an interrupt */
};

typedef struct instruction {
    uint8_t op, a;
    uint32_t b;
} instruction_t;

/* Places in the program. Handlers are 16 instructions apart. */
enum {
    RESET = 0,
    ROUND = RESET + 1,
    WORK = ROUND + 12,
    POWER_OFF = WORK + 13,
    HANDLERS = 32,
    ON_TIMER = HANDLERS + 16 * LINE_TIMER,
    ON_DISK = HANDLERS + 16 * LINE_DISK,
    ON_KEYBOARD = HANDLERS + 16 * LINE_KEYBOARD,
    PROGRAM_SIZE = HANDLERS + 16 * LINE_COUNT
};

/* Register 0 depends on everything that the guest has seen: the rounds and the handlers
 * that interrupt them mix it in. If an interrupt comes one instruction early or late,
 * everything after it is different. Register 1 counts rounds; rounds use 2 and 3,
 * handlers 4; 5 and 6 become 1 when the timer and the disk are done; 7 is the address
 * of the disk's buffer. */
static const instruction_t program[PROGRAM_SIZE] = {
    [RESET] = {SET, 7, GUEST_RAM_WORDS - GUEST_SECTOR_WORDS},

    /* Sleep for 20 ms, except when keys are typed. */
    [ROUND] = {SET, 5, 0},
    {SET, 2, 20000000},
    {OUT, 2, PORT_TIMER},
    {WAIT, 5, 0},

    /* Request a random sector. */
    {IN, 2, PORT_RANDOM},
    {MIX, 0, 2},
    {IN, 2, PORT_WALL_CLOCK},
    {MIX, 0, 2},
    {SET, 6, 0},
    {OUT, 0, PORT_DISK_SECTOR},
    {OUT, 7, PORT_DISK_READ},
    {SET, 3, 200000},

    /* Work on all of the RAM while the disk reads. */
    [WORK] = {MIX, 0, 3},
    {LOAD, 2, 0},
    {MIX, 2, 0},
    {SAVE, 2, 0},
    {DEC, 3, 0},
    {JNZ, 3, WORK},
    {WAIT, 6, 0},

    /* Change the sector, and write it back. */
    {SET, 6, 0},
    {SAVE, 0, 7},
    {OUT, 7, PORT_DISK_WRITE},
    {WAIT, 6, 0},
    {DEC, 1, 0},
    {JNZ, 1, ROUND},

    [POWER_OFF] = {OUT, 0, PORT_POWER},
    {JUMP, 0, POWER_OFF + 1}, /* never reached: switched off */

    [ON_TIMER] = {IN, 4, PORT_VIRTUAL_TIME},
    {MIX, 0, 4},
    {SET, 5, 1},
    {BACK, 0, 0},

    [ON_DISK] = {IN, 4, PORT_DISK_RESULT},
    {MIX, 0, 4},
    {LOAD, 4, 7},
    {MIX, 0, 4},
    {SET, 6, 1},
    {BACK, 0, 0},

    [ON_KEYBOARD] = {IN, 4, PORT_KEYBOARD},
    {JZ, 4, ON_KEYBOARD + 6},
    {MIX, 0, 4},
    {IN, 4, PORT_WALL_CLOCK},
    {MIX, 0, 4},
    {JUMP, 0, ON_KEYBOARD},
    {BACK, 0, 0},
};

/** Where a stop's words overlap with the one at @p address; false: nowhere. */
static bool overlaps(const guest_stop_t *stop, uint64_t address, uint64_t *first, uint64_t *end) {
    if (stop->address >= address + 8 || stop->length == 0)
        return false;
    *first = stop->address > address ? stop->address : address;
    uint64_t watched = stop->address + (stop->length - 1); /* the last byte */
    if (watched < stop->address || watched >= address + 8)
        watched = address + 7;
    *end = watched + 1;
    return *first < *end;
}

/** Does a debugger want to look before this instruction is executed? */
static bool debugger_stops(const guest_t *g, const instruction_t *i) {
    uint64_t word = g->registers[i->b % 8] % GUEST_RAM_WORDS;
    uint64_t changed = g->ram[word] ^ g->registers[i->a];
    for (uint32_t n = 0; n < g->stop_count; n++) {
        const guest_stop_t *stop = &g->stops[n];
        uint64_t first = GUEST_CODE + 4 * (uint64_t)g->pc, end;
        if (stop->code) {
            if (stop->address != first)
                continue;
        } else {
            if (!(i->op == LOAD ? stop->load : i->op == SAVE && stop->store) ||
                !overlaps(stop, word * 8, &first, &end))
                continue;
            uint64_t bits = ~(uint64_t)0 >> (64 - 8 * (end - first)) << 8 * (first - word * 8);
            if (stop->change && (changed & bits) == 0)
                continue;
        }
        if (g->stops_at(stop->kind, first))
            return true;
    }
    return false;
}

void guest_run(guest_t *g, uint64_t budget, const atomic_bool *kicked) {
    uint64_t *r = g->registers;

    for (; budget > 0 && !g->asleep; budget--) {
        /* A kick ends the slice, at any instruction. */
        if (atomic_load_explicit(kicked, memory_order_relaxed))
            break;

        const instruction_t i = program[g->pc];
        if (g->stop_count > 0 && debugger_stops(g, &i))
            break;
        g->pc++;
        /* Counted before it acts: if it reads a device, the icount must include it. */
        g->icount++;

        switch (i.op) {
        case SET:
            r[i.a] = i.b;
            break;
        case DEC:
            r[i.a]--;
            break;
        case MIX:
            r[i.a] = guest_mix(r[i.a], r[i.b]);
            break;
        case LOAD:
            r[i.a] = g->ram[r[i.b] % GUEST_RAM_WORDS];
            break;
        case SAVE:
            g->ram[r[i.b] % GUEST_RAM_WORDS] = r[i.a];
            break;
        case IN:
            r[i.a] = g->in(g->opaque, i.b);
            break;
        case OUT:
            g->out(g->opaque, i.b, r[i.a]);
            break;
        case JUMP:
            g->pc = i.b;
            break;
        case JNZ:
            if (r[i.a] != 0)
                g->pc = i.b;
            break;
        case JZ:
            if (r[i.a] == 0)
                g->pc = i.b;
            break;
        case WAIT:
            /* An interrupt returns to the WAIT, which looks again, so that one between
             * the test and the sleep isn't missed. */
            if (r[i.a] == 0) {
                g->pc--;
                g->asleep = true;
            }
            break;
        case BACK:
            g->pc = g->return_pc;
            g->in_handler = false;
            break;
        default:
            g->pc--; /* a hole in the program: stay there */
            break;
        }
    }
}

bool guest_wants_interrupt(const guest_t *g) {
    return g->lines != 0 && !g->in_handler;
}

void guest_take_interrupt(guest_t *g) {
    uint32_t line = 0;
    while (!(g->lines >> line & 1))
        line++;
    g->lines &= ~(1u << line);
    g->return_pc = g->pc;
    g->pc = HANDLERS + 16 * line;
    g->in_handler = true;
    g->asleep = false;
}

uint64_t guest_digest(const guest_t *g) {
    uint64_t digest = guest_mix(g->icount, (uint64_t)g->pc << 32 | g->return_pc);
    digest = guest_mix(digest, (uint64_t)g->lines << 2 | g->in_handler * 2u | g->asleep);
    for (int i = 0; i < 8; i++)
        digest = guest_mix(digest, g->registers[i]);
    for (int i = 0; i < GUEST_RAM_WORDS; i++)
        digest = guest_mix(digest, g->ram[i]);
    return digest;
}

uint64_t guest_program_digest(void) {
    uint64_t digest = PROGRAM_SIZE;
    for (int i = 0; i < PROGRAM_SIZE; i++) {
        const instruction_t *p = &program[i];
        digest = guest_mix(digest, (uint64_t)p->op << 40 | (uint64_t)p->a << 32 | p->b);
    }
    return digest;
}
