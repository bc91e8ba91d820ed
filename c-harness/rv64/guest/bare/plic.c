/* SPDX-License-Identifier: MIT */
/* The interrupt controller: two sources at once, priorities, thresholds. */
#include "bare.h"

static uint32_t claim(void) {
    return read32(PLIC + 0x201004);
}
static void complete(uint32_t source) {
    write32(PLIC + 0x201004, source);
}
static bool line(void) {
    return csr_read(sip) >> 9 & 1;
}

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    check("nothing to claim", claim(), 0);
    plic_enable(IRQ_UART, 1);
    plic_enable(IRQ_RTC, 1);
    write32(PLIC + 4 * IRQ_UART, 9);
    check("priorities have three bits", read32(PLIC + 4 * IRQ_UART) <= 7, 1);
    write32(PLIC + 4 * IRQ_UART, 1);
    check("no line", line(), 0);

    write8(UART + 1, 2); /* THR is empty */
    write32(RTC + 0x10, 1);
    write32(RTC + 0x0c, 0);
    write32(RTC + 0x08, 1); /* an alarm long ago */
    check("line", line(), 1);
    check("both are pending", read32(PLIC + 0x1000) & (1u << IRQ_UART | 1u << IRQ_RTC),
          1u << IRQ_UART | 1u << IRQ_RTC);
    check("equal ones by their number", claim(), IRQ_UART);
    check("then the other", claim(), IRQ_RTC);
    check("then none", claim(), 0);
    check("no line", line(), 0);
    complete(IRQ_RTC);
    check("it is still raised", claim(), IRQ_RTC);
    complete(IRQ_RTC);
    complete(IRQ_UART);
    write32(PLIC + 4 * IRQ_RTC, 5);
    check("by priority", claim(), IRQ_RTC);
    complete(IRQ_RTC);
    write32(PLIC + 0x201000, 5);
    check("threshold", line(), 0);
    check("a claim does not mind it", claim(), IRQ_RTC);
    complete(IRQ_RTC);
    check("still no line", line(), 0);
    write32(PLIC + 0x201000, 4);
    check("lower threshold", line(), 1);
    write32(RTC + 0x1c, 1);
    check("alarm cleared", read32(PLIC + 0x1000) >> IRQ_RTC & 1, 0);
    check("the other is below the threshold", line(), 0);
    write32(PLIC + 0x201000, 0);
    check("none", line(), 1);
    write32(PLIC + 0x2080, 0);
    check("disabled", line(), 0);
    write8(UART + 1, 0);
}
