/* SPDX-License-Identifier: MIT */
/* A firmware that mostly sleeps. A timer and the serial port wake it; all it gets
 * from outside, and when it gets it, is mixed into a pool in RAM. Every tenth tick
 * it prints the pool's checksum, so that an input that comes one cycle too late
 * shows in the output; then it stops by sleeping with interrupts off. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

#define TICKS 100 /* of 4 ms */

static volatile uint8_t ticks;
static volatile uint16_t heard;
static uint8_t pool[512];
static uint16_t place;

/* Called by interrupt handlers, or with interrupts off. */
static void mix(uint8_t value) {
    place = (place + 1) % sizeof pool;
    pool[place] = (uint8_t)(pool[place] * 5 + pool[(place + 7) % sizeof pool] + value);
}

static void mix_time(void) {
    uint8_t low = TCNT1L; /* takes the high byte too */
    mix(low);
    mix(TCNT1H);
}

ISR(TIMER1_COMPA_vect) {
    ticks++;
}

ISR(USART_RX_vect) {
    mix(UDR0);
    mix_time();
    heard++;
}

static uint32_t checksum(void) {
    uint32_t sum = 2166136261u;
    for (uint16_t i = 0; i < sizeof pool; i++)
        sum = (sum ^ pool[i]) * 16777619u;
    return sum;
}

static void put(char c) {
    while (!(UCSR0A & _BV(UDRE0)))
        ;
    UDR0 = (uint8_t)c;
}

static void put_hex(uint32_t value) {
    for (int8_t shift = 28; shift >= 0; shift -= 4)
        put("0123456789abcdef"[(value >> shift) & 15]);
}

static void report(void) {
    cli();
    uint32_t values[] = {ticks, heard, checksum()};
    sei();
    for (uint8_t i = 0; i < 3; i++) {
        put_hex(values[i]);
        put(i < 2 ? ' ' : '\n');
    }
}

/* Every tick: the clock chip (three registers, see machine.c) and the converter. */
static void look_around(void) {
    cli();
    mix(GPIOR0);
    mix(GPIOR1);
    mix(GPIOR2);
    sei();
    ADCSRA |= _BV(ADSC);
    while (ADCSRA & _BV(ADSC))
        ;
    cli();
    mix(ADCL);
    mix(ADCH);
    sei();
}

int main(void) {
    UCSR0A = _BV(U2X0);
    UCSR0B = _BV(RXEN0) | _BV(TXEN0) | _BV(RXCIE0);
    UBRR0 = 16; /* 115200 baud */
    ADMUX = _BV(REFS0);
    ADCSRA = _BV(ADEN) | _BV(ADPS2) | _BV(ADPS1) | _BV(ADPS0);
    OCR1A = 1000 - 1;
    TIMSK1 = _BV(OCIE1A);
    TCCR1B = _BV(WGM12) | _BV(CS11) | _BV(CS10); /* 16 MHz / 64 / 1000 */
    set_sleep_mode(SLEEP_MODE_IDLE);
    sei();
    for (uint8_t seen = 0; seen < TICKS;) {
        cli();
        if (ticks == seen) {
            sleep_enable();
            sei(); /* takes effect after the next instruction: nothing is missed */
            sleep_cpu();
            sleep_disable();
            continue;
        }
        seen++;
        sei();
        look_around();
        if (seen % 10 == 0)
            report();
    }
    cli();
    sleep_enable();
    sleep_cpu();
    for (;;)
        ;
}
