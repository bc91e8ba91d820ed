/* SPDX-License-Identifier: MIT */
/* The timer, and sleep: time passes while nothing is executed. */
#include "bare.h"

static volatile uint32_t ticks;

static void on_timer(frame_t *frame, uint64_t cause, uint64_t value) {
    (void)frame;
    (void)value;
    if (cause != (UINT64_C(1) << 63 | 5))
        put_line("FAIL another trap", cause);
    ticks++;
    sbi_set_timer(UINT64_MAX);
}

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    on_trap = on_timer;
    csr_set(sie, SIE_TIMER);

    /* Busy: the interrupt comes in the middle of it. */
    uint64_t start = csr_read(time);
    sbi_set_timer(start + 1000); /* 0.1 ms */
    interrupts(true);
    while (ticks == 0)
        ;
    uint64_t took = csr_read(time) - start;
    check_that("not too early", took >= 1000);

    /* Asleep: with nothing to do the machine lets the time go by. */
    for (uint32_t i = 0; i < 20; i++) {
        uint32_t before = ticks;
        start = csr_read(time);
        uint64_t executed = csr_read(instret);
        interrupts(false);
        sbi_set_timer(start + 20000); /* 2 ms */
        while (!(csr_read(sip) & SIE_TIMER))
            wfi();
        interrupts(true);
        while (ticks == before)
            ;
        took = csr_read(time) - start;
        executed = csr_read(instret) - executed;
        put_line("slept", took >= 20000);
        check_that("asleep, nothing is executed", executed < 100000);
    }
    check("each came once", ticks, 21);

    /* One in the past comes at once, one that is taken back never. */
    uint32_t before = ticks;
    sbi_set_timer(1);
    while (ticks == before)
        ;
    interrupts(false);
    sbi_set_timer(1);
    check("pending", csr_read(sip) & SIE_TIMER, SIE_TIMER);
    sbi_set_timer(UINT64_MAX);
    check("taken back", csr_read(sip) & SIE_TIMER, 0);
    put_line("time", csr_read(time) != 0);
}
