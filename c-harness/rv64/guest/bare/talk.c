/* SPDX-License-Identifier: MIT */
/* Says three million bytes, whether anybody listens or not, and waits for a key. */
#include "bare.h"

static volatile uint32_t heard;

static void on_uart(uint32_t source) {
    (void)source;
    while (read8(UART + 5) & 1) {
        read8(UART);
        heard++;
    }
}

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    for (uint32_t line = 0; line < 100000; line++)
        put_line("line number ", line);
    put("all is said: type a key\n");
    on_interrupt = on_uart;
    plic_enable(IRQ_UART, 1);
    write8(UART + 1, 1);
    interrupts(false);
    while (heard == 0) {
        wfi();
        interrupts(true);
        interrupts(false);
    }
    check("one key", heard, 1);
}
