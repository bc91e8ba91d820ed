/* SPDX-License-Identifier: MIT */
/* The firmware's interface, and the serial line without interrupts. */
#include "bare.h"

/* The line's end connected with its beginning. Nothing can be said meanwhile. */
static void loop(void) {
    enum { FIFO_CLEAR = 3, LOOP = 0x10, READY = 1, OVERRUN = 2 };
    uint8_t heard = 0;
    write8(UART + 2, FIFO_CLEAR);
    write8(UART + 4, LOOP);
    write8(UART, 'a');
    write8(UART, 'b');
    uint8_t ready = read8(UART + 5);
    heard = read8(UART);
    write8(UART + 2, FIFO_CLEAR);
    uint8_t cleared = read8(UART + 5);
    for (uint32_t i = 0; i < 17; i++)
        write8(UART, (uint8_t)i);
    uint8_t overrun = read8(UART + 5), last = 0;
    while (read8(UART + 5) & READY)
        last = read8(UART);
    write8(UART + 4, 0);
    check("loop: ready", ready & READY, READY);
    check("loop: heard", heard, 'a');
    check("loop: cleared", cleared & READY, 0);
    check("loop: a byte too many", overrun & OVERRUN, OVERRUN);
    check("loop: the last one that had room", last, 15);
}

void guest_main(uint64_t device_tree) {
    put("hello\n");
    check("device tree", __builtin_bswap32(*(uint32_t *)device_tree), 0xd00dfeed);
    check_that("SBI version", sbi_call(0x10, 0, 0, 0, 0).value >= UINT64_C(1) << 24);
    check("SBI has TIME", sbi_call(0x10, 3, 0x54494d45, 0, 0).value != 0, 1);
    check("SBI has SRST", sbi_call(0x10, 3, 0x53525354, 0, 0).value != 0, 1);
    check("SBI has no 0x12345", sbi_call(0x10, 3, 0x12345, 0, 0).value, 0);
    check("unknown extension", (uint64_t)sbi_call(0x12345, 0, 0, 0, 0).error, (uint64_t)-2);
    check("unknown reset", (uint64_t)sbi_call(0x53525354, 0, 77, 0, 0).error, (uint64_t)-3);
    if (sbi_call(0x10, 3, 0x4442434e, 0, 0).value) {
        static const char text[] = "through the debug console\n";
        sbi_t result = sbi_call(0x4442434e, 0, sizeof(text) - 1, (uint64_t)text, 0);
        check("console write", (uint64_t)result.error, 0);
        check("console length", result.value, sizeof(text) - 1);
        check("console byte", (uint64_t)sbi_call(0x4442434e, 2, '\n', 0, 0).error, 0);
        check("console outside of RAM", sbi_call(0x4442434e, 0, 8, 0x1000, 0).error != 0, 1);
    }
    write8(UART + 7, 0x5a);
    check("scratch register", read8(UART + 7), 0x5a);
    write8(UART + 3, 0x83);
    write8(UART, 0x12);
    check("divisor", read8(UART), 0x12);
    write8(UART + 3, 0x03);
    check("nothing received", read8(UART + 5) & 1, 0);
    loop();
    uint64_t before = csr_read(instret);
    uint64_t after = csr_read(instret);
    check_that("instret counts", after > before);
}
