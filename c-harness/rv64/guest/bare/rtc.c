/* SPDX-License-Identifier: MIT */
/* The real-time clock, its alarm, and what the guest may do to its time. */
#include "bare.h"

static volatile uint32_t rung;

static void on_alarm(uint32_t source) {
    rung += source == IRQ_RTC;
    write32(RTC + 0x1c, 1);
}

static uint64_t now(void) {
    uint32_t low = read32(RTC);
    return (uint64_t)read32(RTC + 4) << 32 | low;
}

static void set_alarm(uint64_t at) {
    write32(RTC + 0x0c, (uint32_t)(at >> 32));
    write32(RTC + 0x08, (uint32_t)at);
}

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    on_interrupt = on_alarm;
    plic_enable(IRQ_RTC, 1);
    uint64_t first = now();
    put_line("time", first);
    check_that("it is not 1970", first > UINT64_C(1500000000000000000));
    check_that("it goes on", now() >= first);

    write32(RTC + 0x10, 1);
    for (uint32_t i = 0; i < 5; i++) {
        uint64_t start = now();
        set_alarm(start + 5000000);
        interrupts(false);
        while (!(csr_read(sip) & SIE_EXTERNAL))
            wfi();
        interrupts(true);
        check("rung", rung, i + 1);
        check("not armed", read32(RTC + 0x18), 0);
        put_line("after ns", now() - start);
        check_that("not too early", now() - start >= 5000000);
    }
    set_alarm(1);
    for (uint32_t i = 0; i < 100 && rung == 5; i++)
        now();
    check("an alarm in the past", rung, 6);
    set_alarm(now() + UINT64_C(1000000000000));
    check("armed", read32(RTC + 0x18), 1);
    write32(RTC + 0x14, 1);
    check("cleared", read32(RTC + 0x18), 0);

    /* The time is set beyond an alarm that is far away. */
    uint64_t far = now() + UINT64_C(1000000000000);
    set_alarm(far);
    write32(RTC + 0x04, (uint32_t)((far + 1) >> 32));
    write32(RTC, (uint32_t)(far + 1));
    for (uint64_t start = csr_read(time); rung == 6 && csr_read(time) - start < 30000000;)
        ;
    check("an alarm that the time has passed", rung, 7);

    uint64_t other = UINT64_C(1000000000000000000);
    write32(RTC + 4, (uint32_t)(other >> 32));
    write32(RTC, (uint32_t)other);
    uint64_t moved = now();
    check_that("set", moved >= other && moved < other + UINT64_C(10000000000));
}
