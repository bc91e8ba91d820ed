/* SPDX-License-Identifier: MIT */
#include "plic.h"

#include "../memory-map.h"

/* The map: priorities, pending bits, enabled bits by context, then a page for each
 * context with its threshold and its claim register. */
enum {
    PENDING = 0x1000,
    ENABLED = 0x2000,
    ENABLED_STRIDE = 0x80,
    CONTEXT = 0x200000,
    CONTEXT_STRIDE = 0x1000,
    THRESHOLD = 0,
    CLAIM = 4,
    PRIORITY_MOST = 7
};

/* Returns the pending source with the highest priority above @p least, of several the one with the
 * lowest number; 0: none is pending. */
static uint32_t best(const plic_t *p, unsigned context, uint32_t least) {
    uint32_t candidates = p->pending & p->enabled[context] & ~p->claimed, found = 0;
    uint32_t highest = least;
    for (uint32_t source = 1; source < PLIC_SOURCES; source++) {
        if ((candidates >> source & 1) && p->priority[source] > highest) {
            highest = p->priority[source];
            found = source;
        }
    }
    return found;
}

static void update(plic_t *p) {
    bool level = best(p, PLIC_SUPERVISOR, p->threshold[PLIC_SUPERVISOR]) != 0;
    if (level != (p->cpu->lines >> CPU_LINE_EXTERNAL & 1))
        cpu_set_line(p->cpu, CPU_LINE_EXTERNAL, level);
}

/* A gateway lets an interrupt through while its line is raised, and the next one only
 * when this one is completed. */
static void gateways(plic_t *p) {
    p->pending |= p->levels & ~p->claimed;
    update(p);
}

void irq_set(const irq_line_t *line, bool level) {
    plic_t *p = line->plic;
    uint32_t bit = UINT32_C(1) << line->source;
    p->levels = level ? p->levels | bit : p->levels & ~bit;
    if (!level)
        p->pending &= ~bit; /* a line that is lowered no longer interrupts */
    gateways(p);
}

/* The threshold limits what interrupts, not what can be claimed. */
static uint32_t claim(plic_t *p, unsigned context) {
    uint32_t source = best(p, context, 0);
    if (source != 0) {
        p->pending &= ~(UINT32_C(1) << source);
        p->claimed |= UINT32_C(1) << source;
        update(p);
    }
    return source;
}

static void complete(plic_t *p, unsigned context, uint32_t source) {
    if (source >= PLIC_SOURCES || !(p->enabled[context] >> source & 1))
        return;
    p->claimed &= ~(UINT32_C(1) << source);
    gateways(p);
}

/* Registers have 32 bits: reads of other sizes return 0, and writes are ignored. */
static uint64_t plic_read(void *opaque, uint64_t offset, unsigned size) {
    plic_t *p = opaque;
    if (size != 4)
        return 0;
    if (offset < 4 * PLIC_SOURCES)
        return p->priority[offset / 4];
    if (offset == PENDING)
        return p->pending;
    for (unsigned context = 0; context < PLIC_CONTEXTS; context++) {
        if (offset == ENABLED + context * ENABLED_STRIDE)
            return p->enabled[context];
        if (offset == CONTEXT + context * CONTEXT_STRIDE + THRESHOLD)
            return p->threshold[context];
        if (offset == CONTEXT + context * CONTEXT_STRIDE + CLAIM)
            return claim(p, context);
    }
    return 0;
}

static void plic_write(void *opaque, uint64_t offset, unsigned size, uint64_t value) {
    plic_t *p = opaque;
    uint32_t word = (uint32_t)value;
    if (size != 4)
        return;
    if (offset >= 4 && offset < 4 * PLIC_SOURCES)
        p->priority[offset / 4] = word & PRIORITY_MOST;
    for (unsigned context = 0; context < PLIC_CONTEXTS; context++) {
        if (offset == ENABLED + context * ENABLED_STRIDE)
            p->enabled[context] = word & ~UINT32_C(1);
        if (offset == CONTEXT + context * CONTEXT_STRIDE + THRESHOLD)
            p->threshold[context] = word & PRIORITY_MOST;
        if (offset == CONTEXT + context * CONTEXT_STRIDE + CLAIM)
            complete(p, context, word);
    }
    update(p);
}

static void plic_reset(void *opaque) {
    plic_t *p = opaque;
    *p = (plic_t){.cpu = p->cpu};
    update(p);
}

static void plic_state(void *opaque, state_t *state) {
    plic_t *p = opaque;
    STATE_FIELD(state, p->levels);
    STATE_FIELD(state, p->pending);
    STATE_FIELD(state, p->claimed);
    STATE_FIELD(state, p->priority);
    STATE_FIELD(state, p->enabled);
    STATE_FIELD(state, p->threshold);
}

void plic_open(plic_t *p, cpu_t *cpu) {
    *p = (plic_t){.cpu = cpu};
}

device_t plic_device(plic_t *p) {
    return (device_t){"plic",    MAP_PLIC_BASE, MAP_PLIC_BYTES, p,
                      plic_read, plic_write,    plic_reset,     plic_state};
}
