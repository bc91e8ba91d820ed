/* SPDX-License-Identifier: MIT */
/* Says three million bytes when a key is pressed, whether anybody listens or not; then waits
 * for another one. */
#include "bare.h"

static volatile uint32_t heard;

static void on_uart(uint32_t source) {
    (void)source;
    while (read8(UART + 5) & 1) {
        read8(UART);
        heard++;
    }
}

static void wait_for_key(const char *text, uint32_t count) {
    put(text);
    while (heard < count) {
        wfi();
        interrupts(true);
        interrupts(false);
    }
}

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    on_interrupt = on_uart;
    plic_enable(IRQ_UART, 1);
    write8(UART + 1, 1);
    interrupts(false);
    wait_for_key("to be said: type a key\n", 1);
    for (uint32_t line = 0; line < 100000; line++)
        put_line("line number ", line);
    wait_for_key("all is said: type a key\n", 2);
    check("two keys", heard, 2);
}
