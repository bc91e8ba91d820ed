/* SPDX-License-Identifier: MIT */
/* The firmware's interface, and the serial line without interrupts. */
#include "bare.h"

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
    uint64_t before = csr_read(instret);
    uint64_t after = csr_read(instret);
    check_that("instret counts", after > before);
}
