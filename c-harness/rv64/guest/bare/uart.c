/* SPDX-License-Identifier: MIT */
/* The serial line by interrupts: echoes what it hears, with the instruction at which it
 * heard it, until a line is "quit". */
#include "bare.h"

static volatile char heard[256];
static volatile uint64_t when[256];
static volatile uint32_t count, sent;

static void on_uart(uint32_t source) {
    if (source != IRQ_UART)
        put_line("FAIL interrupt", source);
    uint8_t reason = read8(UART + 2) & 15;
    if (reason == 2)
        sent++;
    while (read8(UART + 5) & 1) {
        when[count % 256] = csr_read(instret);
        heard[count % 256] = (char)read8(UART);
        count++;
    }
}

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    on_interrupt = on_uart;
    plic_enable(IRQ_UART, 1);
    write8(UART + 2, 1);
    put("READY\n");
    write8(UART + 1, 1);
    interrupts(true);
    uint32_t done = 0, matched = 0;
    uint64_t digest = 0;
    while (matched < 5) {
        interrupts(false);
        if (count == done)
            wfi();
        interrupts(true);
        while (done < count) {
            char c = heard[done % 256];
            digest = (digest ^ (uint8_t)c ^ when[done % 256]) * UINT64_C(0x100000001b3);
            put_char(c);
            matched = c == "quit\n"[matched] ? matched + 1 : c == 'q';
            done++;
        }
    }
    put_line("heard", done);
    put_line("digest of bytes and times", digest);
    write8(UART + 1, 2); /* THR is empty, so the interrupt comes at once */
    for (uint32_t i = 0; i < 1000 && !sent; i++)
        wfi();
    check("told that all was sent", sent, 1);
    write8(UART + 1, 0);
}
