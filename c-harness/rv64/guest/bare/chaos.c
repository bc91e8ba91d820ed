/* SPDX-License-Identifier: MIT */
/* Everything that makes no sense, at random: descriptors, registers, calls, page tables.
 * The machine has to survive it, and a replay has to go the same way. Other numbers each
 * time: they begin with the time of day. */
#include "bare.h"

enum { ROUNDS = 6000, AREA = 64 * 4096, MOST = 65536 };

static uint64_t dice_state;
static uint8_t area[AREA] __attribute__((aligned(4096)));
/* In this order, because devices write to queues and leaves, and up to MOST bytes beyond: at
 * any time, also while this program itself needs the root of its page table. */
static struct {
    uint64_t root[512], middle[512];
    queue_t queues[2];
    uint64_t leaves[512];
    uint8_t beyond[MOST];
} memory __attribute__((aligned(4096)));
static uint64_t *const root = memory.root, *const middle = memory.middle;
static uint64_t *const leaves = memory.leaves;
static queue_t *const queues = memory.queues;
static uint64_t traps;

static uint64_t dice(void) {
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return dice_state * UINT64_C(0x2545f4914f6cdd1d) >> 3;
}

static uint64_t below(uint64_t n) {
    return dice() % n;
}

static void skip(frame_t *frame, uint64_t why, uint64_t what) {
    (void)why;
    (void)what;
    traps++;
    frame->pc += (*(uint16_t *)frame->pc & 3) == 3 ? 4 : 2;
}

/* ------------------------------------------------------------------ odd accesses */

static void load(uint64_t a) {
    switch (below(5)) {
    case 0:
        __asm__ volatile("lb zero, 0(%0)" : : "r"(a) : "memory");
        break;
    case 1:
        __asm__ volatile("lh zero, 0(%0)" : : "r"(a) : "memory");
        break;
    case 2:
        __asm__ volatile("lw zero, 0(%0)" : : "r"(a) : "memory");
        break;
    case 3:
        __asm__ volatile("ld zero, 0(%0)" : : "r"(a) : "memory");
        break;
    default:
        __asm__ volatile("lr.d zero, (%0)" : : "r"(a) : "memory");
        break;
    }
}

static void store(uint64_t a, uint64_t value) {
    switch (below(6)) {
    case 0:
        __asm__ volatile("sb %1, 0(%0)" : : "r"(a), "r"(value) : "memory");
        break;
    case 1:
        __asm__ volatile("sh %1, 0(%0)" : : "r"(a), "r"(value) : "memory");
        break;
    case 2:
    case 3:
        __asm__ volatile("sw %1, 0(%0)" : : "r"(a), "r"(value) : "memory");
        break;
    case 4:
        __asm__ volatile("sd %1, 0(%0)" : : "r"(a), "r"(value) : "memory");
        break;
    default:
        __asm__ volatile("amoadd.d zero, %1, (%0)" : : "r"(a), "r"(value) : "memory");
        break;
    }
}

/* A number as registers like it: few bits, or many. */
static uint64_t number(void) {
    switch (below(4)) {
    case 0:
        return below(8);
    case 1:
        return UINT64_C(1) << below(64);
    case 2:
        return below(4096);
    default:
        return dice();
    }
}

static uint64_t device(void) {
    static const uint64_t bases[] = {UART, PLIC,      PLIC + 0x2000, PLIC + 0x201000,
                                     RTC,  VIRTIO(0), VIRTIO(1),     VIRTIO(2)};
    return bases[below(sizeof(bases) / sizeof(bases[0]))] + below(below(4) == 0 ? 0x1000 : 0x140);
}

/* ----------------------------------------------------------------------- virtio */

/* Where a device may write nothing that this program needs, or nothing at all is. */
static uint64_t place(void) {
    switch (below(12)) {
    case 0:
        return (uint64_t)&queues[below(2)] + below(sizeof(queue_t));
    case 1:
        return 0;
    case 2:
        return UINT64_C(0x88000000) - below(64); /* the end of RAM */
    case 3:
        return UINT64_MAX - below(32);
    case 4:
        return UART;
    case 5:
        return dice() | UINT64_C(1) << 40;
    case 6:
        return (uint64_t)leaves + below(sizeof(memory.leaves));
    default:
        return (uint64_t)area + below(AREA - MOST);
    }
}

static uint32_t length(void) {
    static const uint32_t usual[] = {0, 1, 16, 512, 4096, MOST};
    return below(20) == 0 ? (uint32_t)dice() : usual[below(6)];
}

static void make_descriptors(descriptor_t *table, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        table[i] = (descriptor_t){place(), length(), (uint16_t)below(8),
                                  (uint16_t)below(below(10) == 0 ? 65536 : QUEUE)};
}

/* A request that a disk could like: its header, data, status. */
static void make_request(descriptor_t *table) {
    static const uint32_t types[] = {0, 0, 0, 1, 1, 4, 8, 11, 13, 77};
    uint64_t header = (uint64_t)area + 64 * below(512);
    *(uint32_t *)header = types[below(10)];
    *(uint64_t *)(header + 8) = below(8) == 0 ? dice() : below(8192);
    table[0] = (descriptor_t){header, 16, DESC_NEXT, 1};
    table[1] = (descriptor_t){place(), length(), (uint16_t)(DESC_NEXT | below(2) * DESC_WRITE), 2};
    table[2] = (descriptor_t){place(), 1, DESC_WRITE, 0};
    if (below(4) == 0) { /* the same by way of another table */
        descriptor_t *other = (descriptor_t *)(area + 48 * 1024);
        other[0] = table[0], other[1] = table[1], other[2] = table[2];
        table[0] = (descriptor_t){(uint64_t)other, 16 * (uint32_t)below(5), DESC_INDIRECT, 0};
    }
}

static void virtio(void) {
    unsigned slot = (unsigned)below(2);
    queue_t *q = &queues[slot];
    switch (below(6)) {
    case 0:
        virtio_begin(VIRTIO(slot), slot == 0 ? 2 : 4, q);
        break;
    case 1:
        make_descriptors(q->table, QUEUE);
        break;
    case 2:
        write32(VIRTIO(slot) + 4 * below(0x48), (uint32_t)number());
        break;
    case 3: /* offered, but how many? */
        q->driver.index += (uint16_t)(below(10) == 0 ? dice() : below(4));
        write32(VIRTIO(slot) + 0x50, (uint32_t)below(3));
        break;
    default:
        make_request(q->table);
        virtio_offer(VIRTIO(slot), q, (uint16_t)below(below(8) == 0 ? 65536 : 2));
        break;
    }
}

/* ------------------------------------------------------------------ page tables */

static uint64_t entry(uint64_t to, uint64_t flags) {
    return to >> 12 << 10 | flags;
}

static uint64_t random_entry(void) {
    uint64_t to;
    switch (below(8)) {
    case 0:
        to = (uint64_t)leaves; /* a table that maps itself */
        break;
    case 1:
        to = UINT64_C(0x87fff000);
        break;
    case 2:
        to = number() << 12;
        to = to >= UINT64_C(0x80000000) && to < UINT64_C(0x88000000) ? 0 : to;
        break;
    default:
        to = (uint64_t)area + 4096 * below(AREA / 4096);
        break;
    }
    uint64_t flags = below(3) == 0 ? below(1024) : 0xc7;
    return entry(to, flags) | (below(20) == 0 ? UINT64_C(1) << (54 + below(10)) : 0);
}

/* Looks at, and writes through, a window of random pages; the tables change meanwhile,
 * with sfence.vma and without. */
static void window(void) {
    root[0] = entry(0, 0xc7); /* devices */
    root[1] = entry((uint64_t)middle, 1);
    root[2] = entry(UINT64_C(0x80000000), 0xcf);
    root[511] = below(2) ? entry((uint64_t)middle, 1) : 0;
    middle[0] = entry((uint64_t)leaves, 1);
    middle[1] = below(2) ? entry((uint64_t)leaves, 1) : entry(UINT64_C(0x90000000), 0xc7);
    for (unsigned i = 0; i < 32; i++)
        leaves[i] = random_entry();
    csr_write(satp, UINT64_C(8) << 60 | (uint64_t)root >> 12);
    for (unsigned i = 0; i < 100; i++) {
        uint64_t at = UINT64_C(0x40000000) + below(2) * 0x200000 + below(32) * 4096 + below(4096);
        if (below(8) == 0)
            at |= UINT64_C(0xffffffff80000000);
        switch (below(5)) {
        case 0:
            leaves[below(32)] = random_entry();
            break;
        case 1:
            if (below(2))
                __asm__ volatile("sfence.vma %0" : : "r"(at) : "memory");
            else
                csr_write(sstatus, csr_read(sstatus) ^ (UINT64_C(1) << (18 + below(2))));
            break;
        case 2:
        case 3:
            load(at);
            break;
        default:
            store(at, below(2) ? dice() : random_entry());
            break;
        }
    }
    csr_write(satp, 0);
    csr_clear(sstatus, 3 << 18);
}

/* ------------------------------------------------------------------------- calls */

static void call_firmware(void) {
    static const uint64_t extensions[] = {0x10, 0x54494d45, 0x4442434e, 0, 1, 0x735049};
    uint64_t extension = extensions[below(6)];
    if (extension == 0x4442434e) /* the console: only what fails, or says nothing */
        sbi_call(extension, 0, below(2) ? 0 : number(), UINT64_C(0x88000000) - below(2), number());
    else
        sbi_call(extension, below(8), number(), number(), number());
}

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    on_trap = skip;
    dice_state = (uint64_t)read32(RTC) | (uint64_t)read32(RTC + 4) << 32 | 1;
    put_line("seed", dice_state);
    for (unsigned round = 0; round < ROUNDS; round++) {
        switch (below(8)) {
        case 0:
            load(device());
            break;
        case 1: {
            uint64_t to = device();
            if ((to & ~UINT64_C(7)) != UART) /* it is to stay readable */
                store(to, number());
            break;
        }
        case 2:
            call_firmware();
            break;
        case 3:
            if (below(20) == 0)
                window();
            break;
        default:
            virtio();
            break;
        }
    }
    put_line("traps", traps);
    put_line("icount", csr_read(instret));
    for (unsigned slot = 0; slot < 2; slot++) {
        on_trap = skip;
        check_that("the device can be set up again",
                   virtio_begin(VIRTIO(slot), slot == 0 ? 2 : 4, &queues[slot]) != 0);
    }
    queues[1].table[0] = (descriptor_t){(uint64_t)area, 16, DESC_WRITE, 0};
    uint32_t given = 0;
    virtio_offer(VIRTIO(1), &queues[1], 0);
    virtio_wait(VIRTIO(1), &queues[1], &given);
    check("and works", given, 16);
}
