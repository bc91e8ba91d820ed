/* SPDX-License-Identifier: MIT */
/* Every kind of access to memory, near a few words: of all sizes, aligned or not, across pages,
 * atomic, floating-point, compressed; with and without page tables, through two windows to the
 * same page. */
#include "bare.h"

enum { V = 1, R = 2, W = 4, X = 8, A = 64, D = 128, ALL = V | R | W | X | A | D, PAGE = 4096 };
#define WINDOW UINT64_C(0xc0000000)

static uint8_t area[2 * PAGE] __attribute__((aligned(4096)));
static uint64_t root[512] __attribute__((aligned(4096)));
static uint64_t middle[512] __attribute__((aligned(4096)));
static uint64_t leaves[512] __attribute__((aligned(4096)));

static uint64_t entry(const void *to, uint64_t flags) {
    return (uint64_t)to >> 12 << 10 | flags;
}

static uint64_t state = 1;
static uint64_t below(uint64_t n) {
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (state >> 33) % n;
}

/* Half of the stores leave the bytes as they are. */
static uint64_t value(uint64_t old) {
    return below(2) ? old : state;
}

static void integers(uint64_t at) {
    switch (below(4)) {
    case 0: {
        volatile uint8_t *p = (uint8_t *)at;
        *p = (uint8_t)value(*p);
        break;
    }
    case 1: {
        volatile uint16_t *p = (uint16_t *)at;
        *p = (uint16_t)value(*p);
        break;
    }
    case 2: {
        volatile uint32_t *p = (uint32_t *)at;
        *p = (uint32_t)value(*p);
        break;
    }
    default: {
        volatile uint64_t *p = (uint64_t *)at;
        *p = value(*p);
        break;
    }
    }
}

static void floats(uint64_t at) {
    if (below(2))
        __asm__ volatile("flw fa0, 0(%0)\nfsw fa0, 4(%0)" : : "r"(at) : "fa0", "memory");
    else
        __asm__ volatile("mv a5, %0\nc.fld fa0, 0(a5)\nfadd.d fa1, fa0, fa1\nc.fsd fa1, 0(a5)"
                         :
                         : "r"(at)
                         : "a5", "fa0", "fa1", "memory");
    if (below(4) == 0)
        csr_clear(sstatus, 0x4000); /* no longer dirty, but not off */
}

static void atomics(uint64_t at) {
    uint64_t got;
    at &= ~UINT64_C(7);
    switch (below(7)) {
    case 0:
        __asm__ volatile("amoadd.d %0, %2, (%1)" : "=r"(got) : "r"(at), "r"(below(2)) : "memory");
        break;
    case 1:
        __asm__ volatile("amoswap.w %0, %2, (%1)" : "=r"(got) : "r"(at), "r"(below(3)) : "memory");
        break;
    case 2:
        __asm__ volatile("amomaxu.w %0, %2, (%1)" : "=r"(got) : "r"(at + 4), "r"(state) : "memory");
        break;
    case 3:
        __asm__ volatile("sc.d %0, %2, (%1)" : "=&r"(got) : "r"(at), "r"(state) : "memory");
        break;
    case 4:
        __asm__ volatile("amoand.d %0, %2, (%1)" : "=r"(got) : "r"(at), "r"(state) : "memory");
        break;
    default:
        __asm__ volatile("1: lr.d %0, (%1)\nadd %0, %0, %2\nsc.d %0, %0, (%1)\nbnez %0, 1b"
                         : "=&r"(got)
                         : "r"(at), "r"(below(2))
                         : "memory");
        break;
    }
}

/* c.ldsp, c.sdsp, c.lw, c.sw with another stack pointer, which must be mapped: a trap would use
 * it. */
static void compressed(uint64_t at) {
    read8(at);
    read8(at + 15);
    __asm__ volatile("mv a4, sp\nmv sp, %0\nc.ldsp a5, 8(sp)\nc.addi a5, 1\nc.sdsp a5, 8(sp)\n"
                     "c.swsp a5, 4(sp)\nmv sp, a4\nmv a4, %0\nc.lw a5, 0(a4)\nc.sw a5, 12(a4)"
                     :
                     : "r"(at)
                     : "a4", "a5", "memory");
}

static void once(uint64_t base) {
    /* At the beginning of a page, or about its end. */
    uint64_t at = base + (below(2) ? below(24) : PAGE - 24 + below(40));
    switch (below(4)) {
    case 0:
        floats(at);
        break;
    case 1:
        atomics(at);
        break;
    case 2:
        compressed(at);
        break;
    default:
        integers(at);
        break;
    }
}

static uint32_t faults;
static void map_again(frame_t *frame, uint64_t cause, uint64_t address) {
    (void)frame;
    (void)cause;
    leaves[(address >> 12) & 511] |= V;
    __asm__ volatile("sfence.vma" : : : "memory");
    faults++;
}

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    for (uint32_t i = 0; i < 500; i++)
        once((uint64_t)area);
    root[0] = entry(NULL, ALL);
    root[2] = entry((void *)0x80000000, ALL);
    root[3] = entry(middle, V);
    middle[0] = entry(leaves, V);
    for (uint32_t i = 0; i < 4; i++) /* neither used nor written yet */
        leaves[i] = entry(area + (i % 2) * PAGE, V | R | W);
    on_trap = map_again;
    csr_write(satp, UINT64_C(8) << 60 | (uint64_t)root >> 12);
    for (uint32_t i = 0; i < 1500; i++) {
        once(below(3) == 0 ? (uint64_t)area : WINDOW + below(2) * 2 * PAGE);
        if (below(16) == 0) {
            leaves[below(4)] &= ~(uint64_t)(below(2) ? V : A | D);
            __asm__ volatile("sfence.vma" : : : "memory");
        }
    }
    csr_write(satp, 0);
    put_line("faults", faults);
    check_that("some accesses faulted", faults > 10);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < sizeof(area); i++)
        sum = sum * 31 + area[i];
    put_line("sum", sum);
}
