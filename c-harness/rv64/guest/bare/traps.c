/* SPDX-License-Identifier: MIT */
/* Exceptions, U mode, page tables, and code that changes. */
#include "bare.h"

/* ------------------------------------------------- what was trapped, and going on */

static uint64_t cause, value, pc;
static bool called; /* it was called: returns to the caller, else after the instruction */

static void keep(const frame_t *frame, uint64_t why, uint64_t what) {
    cause = why;
    value = what;
    pc = frame->pc;
}

static void note(frame_t *frame, uint64_t why, uint64_t what) {
    keep(frame, why, what);
    if (called)
        frame->pc = frame->x[1];
    else
        frame->pc += (*(uint16_t *)frame->pc & 3) == 3 ? 4 : 2;
}

static void leave(frame_t *frame, uint64_t why, uint64_t what) {
    keep(frame, why, what);
    guest_leave_user();
}

#define TRAPS(name, instructions, expected)                                                        \
    do {                                                                                           \
        cause = 99;                                                                                \
        __asm__ volatile(instructions : : : "t0", "t1", "t2", "memory");                           \
        check(name, cause, expected);                                                              \
    } while (0)

static void exceptions(void) {
    on_trap = note;
    TRAPS("illegal instruction", ".word 0xffffffff", 2);
    check("its bits", value, 0xffffffff);
    TRAPS("illegal compressed instruction", ".half 0x0000", 2);
    check("its bits", value, 0);
    TRAPS("ebreak", "ebreak", 3);
    check_that("its address, or nothing", value == pc || value == 0);
    TRAPS("CSR of M mode", "csrr t0, mstatus", 2);
    TRAPS("write to a CSR that is read only", "csrw instret, zero", 2);
    TRAPS("load from nowhere", "li t0, 0x0f000000\n ld t1, 0(t0)", 5);
    check("where", value, 0x0f000000);
    TRAPS("store to nowhere", "li t0, 0x0f000008\n sd t1, 0(t0)", 7);
    TRAPS("LR misaligned", "la t0, stack_top\n addi t0, t0, -62\n lr.w t1, (t0)", 4);
    TRAPS("AMO misaligned", "la t0, stack_top\n addi t0, t0, -60\n amoadd.d t1, t2, (t0)", 6);
}

static uint64_t area[1024] __attribute__((aligned(4096)));

static void misaligned(void) {
    volatile uint8_t *bytes = (volatile uint8_t *)area;
    for (unsigned i = 0; i < 4200; i++)
        bytes[i] = (uint8_t)(i * 7);
    uint64_t word, expected = 0;
    for (unsigned at = 4089; at < 4098; at++) {
        __asm__ volatile("ld %0, 0(%1)" : "=r"(word) : "r"(bytes + at) : "memory");
        expected = 0;
        for (unsigned i = 0; i < 8; i++)
            expected |= (uint64_t)(uint8_t)((at + i) * 7) << (8 * i);
        check("misaligned load", word, expected);
    }
    __asm__ volatile("sw %0, 0(%1)" : : "r"(0x11223344), "r"(bytes + 4094) : "memory");
    check("misaligned store",
          (uint64_t)bytes[4094] | bytes[4095] << 8 | bytes[4096] << 16 |
              (uint64_t)bytes[4097] << 24,
          0x11223344);
}

static void atomics(void) {
    uint64_t *cell = area, old, failed;
    *cell = 5;
    __asm__ volatile("lr.d %0, (%2)\n sc.d %1, %3, (%2)"
                     : "=&r"(old), "=&r"(failed)
                     : "r"(cell), "r"(7)
                     : "memory");
    check("LR", old, 5);
    check("SC", failed, 0);
    __asm__ volatile("sc.d %0, %2, (%1)" : "=&r"(failed) : "r"(cell), "r"(9) : "memory");
    check("SC without LR", failed, 1);
    check("what it left", *cell, 7);
    __asm__ volatile("amomin.w %0, %2, (%1)" : "=&r"(old) : "r"(cell), "r"(-3) : "memory");
    check("AMO", old, 7);
    check("its result", (uint32_t)*cell, 0xfffffffd);
    __asm__ volatile("amomaxu.w %0, %2, (%1)" : "=&r"(old) : "r"(cell), "r"(1) : "memory");
    check("AMO sign-extends", old, (uint64_t)-3);
}

/* ---------------------------------------------------------------------- U mode */

static uint8_t user_stack[4096] __attribute__((aligned(4096)));
static uint8_t trap_stack[4096] __attribute__((aligned(16)));

__attribute__((naked, aligned(4096))) static void user_code(void) {
    __asm__ volatile("li a0, 42\n ecall\n 1: j 1b\n .balign 4096");
}
__attribute__((naked)) static void user_illegal(void) {
    __asm__ volatile("csrr a0, sstatus\n 1: j 1b");
}
__attribute__((naked)) static void user_wfi(void) {
    __asm__ volatile("sret\n 1: j 1b");
}

static void run_user(void (*code)(void)) {
    cause = 99;
    on_trap = leave;
    guest_user((uint64_t)code, (uint64_t)(user_stack + sizeof(user_stack)),
               (uint64_t)(trap_stack + sizeof(trap_stack)));
    on_trap = note;
}

static void user_mode(void) {
    run_user(user_code);
    check("ecall from U mode", cause, 8);
    check("where", pc, (uint64_t)user_code + 4);
    run_user(user_illegal);
    check("CSR of S mode in U mode", cause, 2);
    run_user(user_wfi);
    check("sret in U mode", cause, 2);
}

/* ------------------------------------------------------------------ page tables */

enum { V = 1, R = 2, W = 4, X = 8, U = 16, A = 64, D = 128 };
static uint64_t root[512] __attribute__((aligned(4096)));
static uint64_t middle[512] __attribute__((aligned(4096)));
static uint64_t leaves[512] __attribute__((aligned(4096)));
static uint64_t page[512] __attribute__((aligned(4096)));

static uint64_t entry(const void *to, uint64_t flags) {
    return (uint64_t)to >> 12 << 10 | flags;
}

#define WINDOW UINT64_C(0x40000000) /* maps leaves, by 4 KiB */

static uint64_t load(uint64_t address) {
    uint64_t result = 0;
    cause = 99;
    __asm__ volatile("ld %0, 0(%1)" : "+r"(result) : "r"(address) : "memory");
    return result;
}

static void store(uint64_t address, uint64_t what) {
    cause = 99;
    __asm__ volatile("sd %0, 0(%1)" : : "r"(what), "r"(address) : "memory");
}

static void map(unsigned index, const void *to, uint64_t flags) {
    leaves[index] = entry(to, flags);
    __asm__ volatile("sfence.vma %0" : : "r"(WINDOW + 4096 * index) : "memory");
}

static uint32_t code[1024] __attribute__((aligned(4096)));

static uint64_t call(uint64_t address) {
    __asm__ volatile("fence.i" : : : "memory");
    return ((uint64_t(*)(void))address)();
}

/* Changes of page tables without sfence.vma. No CPU needs to notice them, so on another
 * machine these checks may fail. This one does, so that nothing of its TLBs shows. */
static void changing_tables(void) {
    const uint64_t all = V | R | W | X | A | D, at = WINDOW + 8 * 4096;
    leaves[8] = entry(page, all);
    check("a page, not announced", load(at), page[0]);
    store(at + 8, 5);
    leaves[8] = entry(area, all);
    area[0] = 4321;
    check("another page, not announced", load(at), 4321);
    store(at + 8, 6);
    check("stores went to the one, and the other", page[1] * 10 + area[1], 56);
    leaves[8] = entry(area, all & ~(A | D));
    load(at);
    check("accessed", leaves[8] & (A | D), A);
    store(at, 1);
    check("dirty", leaves[8] & (A | D), A | D);
    *(volatile uint8_t *)&leaves[8] = V | R | A; /* only a byte of the entry is written */
    store(at, 1);
    check("read only, not announced", cause, 15);
    __asm__ volatile("amoand.d zero, %0, (%1)" : : "r"(~V), "r"(&leaves[8]) : "memory");
    load(at);
    check("gone, by an AMO", cause, 13);

    middle[3] = entry(leaves, V);
    leaves[9] = entry(page, all);
    check("a table at two places", load(WINDOW + 9 * 4096) ^ load(WINDOW + 0x600000 + 9 * 4096), 0);
    leaves[9] = 0;
    load(WINDOW + 9 * 4096);
    check("gone at the one", cause, 13);
    load(WINDOW + 0x600000 + 9 * 4096);
    check("and at the other", cause, 13);
    leaves[9] = entry(page, all);
    load(WINDOW + 0x600000 + 9 * 4096);
    middle[3] = 0;
    load(WINDOW + 0x600000 + 9 * 4096);
    check("a table that is gone", cause, 13);

    code[0] = 0x00100513; /* li a0, 1 */
    code[1] = 0x00008067; /* ret */
    area[0] = (uint64_t)code[1] << 32 | 0x00200513;
    leaves[10] = entry(code, all);
    check("code in a page", call(WINDOW + 10 * 4096), 1);
    leaves[10] = entry(area, all);
    check("code in another page, not announced", call(WINDOW + 10 * 4096), 2);
}

static void page_tables(void) {
    on_trap = note;
    root[0] = entry(NULL, V | R | W | A | D); /* devices: 1 GiB as they are */
    root[1] = entry(middle, V);
    root[2] = entry((void *)0x80000000, V | R | W | X | A | D); /* RAM */
    middle[0] = entry(leaves, V);
    middle[1] = entry((void *)0x80200000, V | R | A | D); /* 2 MiB */
    middle[2] = entry((void *)0x80201000, V | R | A | D); /* not aligned to its size */
    uint64_t satp = UINT64_C(8) << 60 | (uint64_t)root >> 12;
    csr_write(satp, UINT64_C(9) << 60); /* Sv48 is not there, or goes at once */
    csr_write(satp, satp);
    __asm__ volatile("sfence.vma" : : : "memory");
    check("satp", csr_read(satp), satp);

    page[0] = 1234;
    map(0, page, V | R | W | A | D);
    check("load through a page", load(WINDOW), 1234);
    store(WINDOW + 8, 77);
    check("store through a page", page[1], 77);
    map(0, page, V | R | A | D);
    store(WINDOW, 1);
    check("store to a page that is read only", cause, 15);
    check("where", value, WINDOW);
    check("what it left", page[0], 1234);
    map(0, page, 0);
    load(WINDOW + 16);
    check("load from no page", cause, 13);
    map(0, page, V | W | A | D);
    load(WINDOW);
    check("W without R", cause, 13);
    load(UINT64_C(0x4000000000));
    check("an address that is none", cause, 13);
    check("2 MiB page", load(WINDOW + 0x200000), *(uint64_t *)0x80200000);
    load(WINDOW + 0x400000);
    check("misaligned 2 MiB page", cause, 13);
    map(1, page, V | R | W | X | U | A | D);
    load(WINDOW + 4096);
    check("page of U mode", cause, 13);
    csr_set(sstatus, 1 << 18);
    check("with SUM", load(WINDOW + 4096), 1234);
    csr_clear(sstatus, 1 << 18);
    load(WINDOW + 4096);
    check("and without again", cause, 13);
    map(2, page, V | X | A | D);
    load(WINDOW + 8192);
    check("page to execute only", cause, 13);
    csr_set(sstatus, 1 << 19);
    check("with MXR", load(WINDOW + 8192), 1234);
    csr_clear(sstatus, 1 << 19);

    map(3, page, V | R | W | A | D);
    called = true;
    cause = 99;
    ((void (*)(void))(WINDOW + 3 * 4096))();
    called = false;
    check("execute a page of data", cause, 12);
    check("where", value, WINDOW + 3 * 4096);

    /* U mode with a page table. */
    map(4, (void *)user_code, V | R | X | U | A | D);
    map(5, user_stack, V | R | W | U | A | D);
    cause = 99;
    on_trap = leave;
    guest_user(WINDOW + 4 * 4096, WINDOW + 6 * 4096, (uint64_t)(trap_stack + sizeof(trap_stack)));
    on_trap = note;
    check("ecall from a page of U mode", cause, 8);
    check("where", pc, WINDOW + 4 * 4096 + 4);

    /* The same bytes at two addresses, one of them across a border of pages. */
    map(6, page, V | R | W | A | D);
    map(7, page, V | R | W | A | D);
    page[0] = 0x1111111111111111;
    page[511] = 0x2222222222222222;
    check("across two pages", load(WINDOW + 7 * 4096 - 4), 0x1111111122222222);
    map(7, page, 0);
    store(WINDOW + 7 * 4096 - 4, 0);
    check("store of which half has no page", cause, 15);
    check("where", value & ~UINT64_C(7), WINDOW + 7 * 4096);
    check("what it left", page[511], 0x2222222222222222);
    changing_tables();
    csr_write(satp, 0);
    __asm__ volatile("sfence.vma" : : : "memory");
}

/* ------------------------------------------------------------ code that changes */

static void changing_code(void) {
    for (uint32_t i = 0; i < 50; i++) {
        code[0] = 0x00000513 | i << 20; /* li a0, i */
        code[1] = 0x00008067;           /* ret */
        if (call((uint64_t)code) != i) {
            check("changed code", call((uint64_t)code), i);
            return;
        }
    }
    check("changed code", call((uint64_t)code), 49);
    /* An instruction half of which is in the next page. */
    uint16_t *halves = (uint16_t *)area;
    for (uint32_t i = 0; i < 20; i++) {
        uint32_t instruction = 0x00000513 | i << 20;
        halves[2047] = (uint16_t)instruction;
        halves[2048] = (uint16_t)(instruction >> 16);
        halves[2049] = 0x8082; /* ret */
        if (call((uint64_t)&halves[2047]) != i) {
            check_that("changed code across pages", false);
            return;
        }
    }
    check_that("changed code across pages", true);
}

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    exceptions();
    misaligned();
    atomics();
    user_mode();
    page_tables();
    changing_code();
}
