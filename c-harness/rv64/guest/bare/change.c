/* SPDX-License-Identifier: MIT */
/* Code and page tables that change all the time, so that a CPU's caches of them are out of date
 * at once. */
#include "bare.h"

enum { V = 1, R = 2, W = 4, X = 8, A = 64, D = 128, ALL = V | R | W | X | A | D };
enum { PAGE = 4096, ROUNDS = 1000, RET = 0x8082 };
#define WINDOW UINT64_C(0xc0000000)

/* Two address spaces with the same tables, but different leaves. */
static uint64_t roots[2][512] __attribute__((aligned(4096)));
static uint64_t middles[2][512] __attribute__((aligned(4096)));
static uint64_t leaves[2][512] __attribute__((aligned(4096)));
static uint8_t pages[4][PAGE] __attribute__((aligned(4096)));
static uint16_t code[2][PAGE / 2] __attribute__((aligned(4096)));

static uint64_t entry(const void *to, uint64_t flags) {
    return (uint64_t)to >> 12 << 10 | flags;
}

static uint64_t call(const void *function) {
    return ((uint64_t(*)(void))function)();
}

/* Makes a function that returns a number below 32: li a0, number; ret. */
static void write_function(volatile uint16_t *to, uint32_t number) {
    to[0] = (uint16_t)(0x4501 | number << 2);
    to[1] = RET;
}

static void use_space(uint64_t space) {
    csr_write(satp, UINT64_C(8) << 60 | (uint64_t)roots[space] >> 12);
}

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    uint64_t wrong = 0, sum = 0;
    for (uint64_t space = 0; space < 2; space++) {
        roots[space][0] = entry(NULL, ALL);
        roots[space][2] = entry((void *)0x80000000, ALL);
        roots[space][3] = entry(middles[space], V);
        middles[space][0] = entry(leaves[space], V);
        leaves[space][0] = entry(pages[space], V | R | W);
    }
    for (uint64_t i = 0; i < 4; i++)
        pages[i][0] = (uint8_t)(10 + i);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t space = round % 2, page = round / 3 % 4, which = round / 5 % 2;
        uint32_t number = (uint32_t)(round * 7 % 32);
        write_function(code[which], number);
        /* Through the window in this space: a page of data, and one of code. */
        leaves[space][0] = entry(pages[page], V | R | W);
        leaves[space][1] = entry(code[which], V | R | X);
        use_space(space);
        __asm__ volatile("sfence.vma\nfence.i" : : : "memory");
        wrong += read8(WINDOW) != pages[page][0];
        wrong += call((void *)(WINDOW + PAGE)) != number;
        wrong += call(code[which]) != number;
        write8(WINDOW + 1 + round % 64, (uint8_t)round);
        /* Nothing but the address space changes. */
        for (uint64_t i = 0; i < 6; i++) {
            use_space(i % 2);
            for (uint64_t at = 0; at < 8; at++)
                sum += read8(WINDOW + at);
        }
        use_space(space);
        sum = sum * 31 + pages[page][1 + round % 64] + number;
    }
    csr_write(satp, 0);
    __asm__ volatile("sfence.vma" : : : "memory");
    check("all as it was written", wrong, 0);
    put_line("sum", sum);
}
