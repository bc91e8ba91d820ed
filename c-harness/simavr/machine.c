/* SPDX-License-Identifier: MIT */
#include "machine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <avr_adc.h>
#include <avr_uart.h>

/* The clock chip: reading the first register samples the time, in microseconds;
 * the other two hold the rest of it. They are general purpose registers of the
 * ATmega328P (GPIOR0 to 2), which simavr doesn't use. */
static const avr_io_addr_t clock_registers[3] = {0x3e, 0x4a, 0x4b};

uint64_t digest_bytes(uint64_t digest, const void *data, size_t length) {
    const uint8_t *byte = data;
    for (size_t i = 0; i < length; i++)
        digest = (digest ^ byte[i]) * UINT64_C(0x100000001b3);
    return digest;
}

/* ----------------------------------------------------------------- devices */

static void serial_sent(avr_irq_t *irq, uint32_t value, void *param) {
    machine_t *machine = param;
    uint8_t byte = (uint8_t)value;
    (void)irq;
    machine->output_digest = digest_bytes(machine->output_digest, &byte, 1);
    machine->in_instruction = true;
    machine->world.sent(machine->world.opaque, byte);
    machine->in_instruction = false;
}

static void conversion_starts(avr_irq_t *irq, uint32_t value, void *param) {
    machine_t *machine = param;
    (void)irq, (void)value;
    machine->in_instruction = true;
    uint32_t millivolts = machine->world.noise(machine->world.opaque) % 5000u;
    machine->in_instruction = false;
    avr_raise_irq(machine->analog_in, millivolts);
}

static uint8_t clock_read(avr_t *avr, avr_io_addr_t address, void *param) {
    machine_t *machine = param;
    (void)avr;
    if (address == clock_registers[0]) {
        machine->in_instruction = true;
        machine->clock_us = (uint32_t)(machine->world.clock_ns(machine->world.opaque) / 1000);
        machine->in_instruction = false;
        return (uint8_t)machine->clock_us;
    }
    return (uint8_t)(machine->clock_us >> (address == clock_registers[1] ? 8 : 16));
}

void machine_receive(machine_t *machine, const uint8_t *data, size_t length) {
    for (size_t i = 0; i < length; i++)
        avr_raise_irq(machine->serial_in, data[i]);
}

/* ------------------------------------------------------------ running it */

/* simavr calls this in place of sleeping itself, when the CPU sleeps and no timer
 * is due for @p how_long cycles; then it adds 1 + @p how_long to the cycle. We
 * stop at the slice's end instead, so that a sleep can be cut anywhere, and the
 * guest cannot see where it was cut:
 *  - no time passes before an SEI has taken effect, for which simavr counts
 *    calls, not cycles (interrupt_state below 0);
 *  - timers run at their cycle, not one later. */
static void cpu_sleeps(avr_t *avr, avr_cycle_count_t how_long) {
    machine_t *machine = avr->custom.data;
    uint64_t slept = 0;
    if (avr->interrupt_state >= 0 && machine->slice_end > avr->cycle)
        slept = machine->slice_end - avr->cycle;
    if (slept > how_long)
        slept = how_long;
    avr->cycle += slept - (1 + how_long);
}

static bool stops_here(machine_t *machine) {
    if (machine_asleep(machine))
        return false;
    for (unsigned i = 0; i < machine->break_count; i++)
        if (machine->breaks[i] == machine->avr->pc)
            return machine->world.stops_at(machine->world.opaque, machine->avr->pc);
    return false;
}

void machine_run(machine_t *machine, uint64_t cycles) {
    avr_t *avr = machine->avr;
    machine->slice_end = avr->cycle + cycles;
    while (avr->cycle < machine->slice_end && !machine_ended(machine)) {
        if (machine->break_count > 0 && stops_here(machine))
            break;
        avr_run(avr); /* one instruction, or a piece of sleep */
    }
}

bool machine_set_break(machine_t *machine, uint64_t pc, bool set) {
    if (set) {
        if (machine->break_count == MACHINE_BREAKS)
            return false;
        machine->breaks[machine->break_count++] = pc;
        return true;
    }
    for (unsigned i = 0; i < machine->break_count; i++)
        if (machine->breaks[i] == pc) {
            machine->breaks[i] = machine->breaks[--machine->break_count];
            return true;
        }
    return false;
}

uint64_t machine_cycles(const machine_t *machine) {
    return machine->avr->cycle + (machine->in_instruction ? 1 : 0);
}

bool machine_ended(const machine_t *machine) {
    return machine->avr->state == cpu_Done || machine->avr->state == cpu_Crashed;
}

bool machine_asleep(const machine_t *machine) {
    return machine->avr->state == cpu_Sleeping;
}

uint64_t machine_next_timer(const machine_t *machine) {
    const avr_cycle_timer_slot_t *first = machine->avr->cycle_timers.timer;
    if (first == NULL)
        return MACHINE_FREQUENCY;
    return first->when > machine->avr->cycle ? first->when - machine->avr->cycle : 1;
}

/* ----------------------------------------------------------------- digests */

uint64_t machine_ram_digest(const machine_t *machine) {
    return digest_bytes(DIGEST_EMPTY, machine->avr->data, machine->avr->ramend + 1u);
}

uint64_t machine_digest(const machine_t *machine) {
    const avr_t *avr = machine->avr;
    uint64_t digest = machine_ram_digest(machine);
    digest = digest_bytes(digest, avr->flash, avr->flashend + 1u);
    digest = digest_bytes(digest, avr->sreg, sizeof avr->sreg);
    digest = digest_bytes(digest, &avr->pc, sizeof avr->pc);
    digest = digest_bytes(digest, &avr->cycle, sizeof avr->cycle);
    digest = digest_bytes(digest, &avr->state, sizeof avr->state);
    return digest_bytes(digest, &machine->output_digest, sizeof machine->output_digest);
}

/* --------------------------------------------------------------- making it */

/* simavr prints what a guest does wrong, such as losing bytes: that isn't our business. */
static void log_nothing(avr_t *avr, const int level, const char *format, va_list arguments) {
    (void)avr, (void)level, (void)format, (void)arguments;
}

/* Copies an Intel hex file into the flash. @return the lowest address that it
 * fills; UINT32_MAX if it cannot be read.
 *
 * What lies beyond the end is cut: the bootloader as Debian builds it is 20 bytes
 * too large. Its jump to the program goes there, wraps around, as in the chip,
 * and meets the program at address 4. */
static uint32_t load(avr_t *avr, const char *firmware) {
    uint32_t lowest = UINT32_MAX;
    char line[600];
    FILE *file = fopen(firmware, "r");
    while (file && fgets(line, sizeof line, file)) {
        unsigned count = 0, address = 0, type = 1, byte = 0;
        sscanf(line, ":%2x%4x%2x", &count, &address, &type);
        if (type != 0) /* not data */
            continue;
        for (unsigned i = 0; i < count && sscanf(line + 9 + 2 * i, "%2x", &byte) == 1; i++)
            if (address + i <= avr->flashend)
                avr->flash[address + i] = (uint8_t)byte;
        if (address < lowest)
            lowest = address;
    }
    if (file)
        fclose(file);
    return lowest;
}

bool machine_open(machine_t *machine, const world_t *world, const char *firmware) {
    avr_global_logger_set(log_nothing);
    avr_t *avr = avr_make_mcu_by_name(MACHINE_MCU);
    if (avr == NULL)
        return false;
    *machine = (machine_t){.avr = avr, .world = *world, .output_digest = DIGEST_EMPTY};
    avr_init(avr);
    avr->frequency = MACHINE_FREQUENCY;
    avr->vcc = avr->avcc = avr->aref = 5000; /* millivolts */
    avr->codeend = avr->flashend;
    avr->custom.data = machine;
    avr->sleep = cpu_sleeps;
    avr->run_cycle_limit = 1; /* one instruction an avr_run() */
    avr->reset_pc = load(avr, firmware);
    if (avr->reset_pc == UINT32_MAX) {
        machine_close(machine);
        return false;
    }
    machine->firmware_digest = digest_bytes(DIGEST_EMPTY, avr->flash, avr->flashend + 1u);
    avr_reset(avr);
    avr_regbit_set(avr, avr->reset_flags.extrf); /* the reset button: a bootloader looks */

    /* By default simavr prints what is sent, and slows down guests that poll. */
    uint32_t flags = 0;
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    machine->serial_in = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    machine->analog_in = avr_io_getirq(avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_ADC0);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT),
                            serial_sent, machine);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_OUT_TRIGGER),
                            conversion_starts, machine);
    for (size_t i = 0; i < 3; i++)
        avr_register_io_read(avr, clock_registers[i], clock_read, machine);
    return true;
}

void machine_close(machine_t *machine) {
    avr_terminate(machine->avr);
    free(machine->avr);
    machine->avr = NULL;
}
