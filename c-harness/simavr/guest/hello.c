/* SPDX-License-Identifier: MIT */
/* What the exchange with the bootloader programs into the flash: says hi, and
 * stops by sleeping with interrupts off. Less than a page, without start files. */
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/sleep.h>

__attribute__((naked, used, section(".vectors"))) void start(void) {
    static const char text[3] PROGMEM = {'h', 'i', '\n'};
    __asm__ volatile("nop\n\tnop"); /* a second entry, at address 4: see machine.c */
    UCSR0B = _BV(TXEN0);
    UBRR0L = 16;
    const char *c = text;
    for (uint8_t left = sizeof text; left; left--) {
        while (!(UCSR0A & _BV(UDRE0)))
            ;
        UDR0 = pgm_read_byte(c++);
    }
    sleep_enable();
    sleep_cpu();
    for (;;)
        ;
}
