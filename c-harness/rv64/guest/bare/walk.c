/* SPDX-License-Identifier: MIT */
/* A page table that is executed: looking for the second half of an instruction writes to
 * the page that has its first half. */
#include "bare.h"

enum { V = 1, R = 2, W = 4, X = 8, A = 64, D = 128, ALL = V | R | W | X | A | D };
enum { PAGE = 4096, HALVES = 2048, LAST = 4094 };
#define WINDOW UINT64_C(0xc0000000)

/* So aligned, a page table's entry for it begins with an instruction that does nothing. */
static uint16_t next[HALVES] __attribute__((aligned(1 << 18)));
static uint64_t root[512] __attribute__((aligned(4096)));
static uint64_t middle[512] __attribute__((aligned(4096)));
static uint64_t leaves[512] __attribute__((aligned(4096)));

static uint64_t entry(const void *to, uint64_t flags) {
    return (uint64_t)to >> 12 << 10 | flags;
}

/* Back to the caller of what was no code. */
static void go_back(frame_t *frame, uint64_t cause, uint64_t value) {
    (void)cause;
    (void)value;
    frame->pc = frame->x[1];
}

static uint64_t call(uint64_t page, uint64_t offset, uint64_t argument) {
    return ((uint64_t(*)(uint64_t))(WINDOW + page * PAGE + offset))(argument);
}

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    on_trap = go_back;
    root[0] = entry(NULL, ALL);
    root[2] = entry((void *)0x80000000, ALL);
    root[3] = entry(middle, V);
    middle[0] = entry(leaves, V);
    /* Twice the same two pages, of which the last is not marked as used yet. */
    leaves[1] = leaves[17] = entry(leaves, ALL);
    leaves[2] = entry(next, ALL);
    leaves[18] = entry(next, V | X);

    /* At the end of the table: bne a0, zero, to 0x800 in the same page. */
    uint32_t to = 0x800 - LAST;
    uint32_t branch = 0x63 | 1 << 12 | 10 << 15 | (to >> 11 & 1) << 7 | (to >> 1 & 15) << 8 |
                      (to >> 5 & 63) << 25 | (to >> 12 & 1) << 31;
    uint16_t *halves = (uint16_t *)leaves;
    halves[LAST / 2] = (uint16_t)branch;
    next[0] = (uint16_t)(branch >> 16);
    next[1] = 0x8082;       /* ret */
    halves[0x400] = 0x451d; /* li a0, 7 */
    halves[0x401] = 0x8082;
    csr_write(satp, UINT64_C(8) << 60 | (uint64_t)root >> 12);
    __asm__ volatile("sfence.vma\nfence.i" : : : "memory");

    call(1, 18 * sizeof(*leaves), 0); /* the entry that will be marked is known as code */
    check("not taken", call(1, LAST, 0), 0);
    check("not used yet", leaves[18] & A, 0);
    check("taken", call(17, LAST, 1), 7);
    check("used", leaves[18] & A, A);
    check("taken again", call(17, LAST, 1), 7);
    csr_write(satp, 0);
    __asm__ volatile("sfence.vma" : : : "memory");
}
