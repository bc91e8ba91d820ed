/* SPDX-License-Identifier: MIT */
/* simavr has no snapshots, but its structs are public. So each function here lists what
 * changes in one of them while the guest runs, and the same list saves and loads. All of it
 * was found by reading simavr 1.6; test-state.c compares everything that simavr has
 * allocated, so that it would find a member that is missing.
 *
 * Addresses are different in each process. Those of functions are saved as their distance
 * from a function of simavr, those of its own structs as their distance from avr_t, to which
 * they belong.
 *
 * Two things can't be saved, because simavr keeps them where nobody else can find them: an
 * external interrupt that is triggered by a level, and a timer that counts pulses at a pin.
 * Neither guest uses them. */
#include "state.h"

#include <avr_acomp.h>
#include <avr_adc.h>
#include <avr_eeprom.h>
#include <avr_flash.h>
#include <avr_ioport.h>
#include <avr_spi.h>
#include <avr_timer.h>
#include <avr_twi.h>
#include <avr_uart.h>
#include <avr_watchdog.h>
#include <malloc.h>
#include <string.h>

typedef struct pass {
    avr_t *avr;
    bool loads;
    bool failed;
    state_move_t move;
    void *opaque;
} pass_t;

static void bytes(pass_t *p, void *start, size_t length) {
    if (!p->failed && !p->move(p->opaque, start, length))
        p->failed = true;
}

#define MEMBER(p, member) bytes(p, &(member), sizeof(member))

/* Something that must be the same in the machine that loads. */
static void same(pass_t *p, uint64_t here) {
    uint64_t there = here;
    MEMBER(p, there);
    if (there != here)
        p->failed = true;
}

/* --------------------------------------------------------------- addresses */

static void function(pass_t *p, void (**address)(void)) {
    intptr_t base = (intptr_t)avr_callback_run_raw;
    int64_t distance = *address ? (intptr_t)*address - base : INT64_MAX;
    MEMBER(p, distance);
    if (p->loads && !p->failed)
        *address = distance == INT64_MAX ? NULL : (void (*)(void))(base + (intptr_t)distance);
}

#define FUNCTION(p, member) function(p, (void (**)(void)) & (member))

static void own_struct(pass_t *p, void **address) {
    int64_t distance = (char *)*address - (char *)p->avr;
    MEMBER(p, distance);
    if (distance < 0 || distance >= (int64_t)malloc_usable_size(p->avr))
        p->failed = true; /* see above: triggered by a level */
    if (p->loads && !p->failed)
        *address = (char *)p->avr + distance;
}

/* ---------------------------------------------------------------- the core */

static void core(pass_t *p) {
    avr_t *avr = p->avr;
    MEMBER(p, avr->state);
    MEMBER(p, avr->cycle);
    MEMBER(p, avr->sreg);
    MEMBER(p, avr->interrupt_state);
    MEMBER(p, avr->pc);
    FUNCTION(p, avr->run); /* the watchdog replaces it, to reset */
}

/* What is due at which cycle, in its order. */
static void cycle_timers(pass_t *p) {
    avr_t *avr = p->avr;
    uint32_t count = 0;
    for (avr_cycle_timer_slot_t *slot = avr->cycle_timers.timer; slot; slot = slot->next)
        count++;
    MEMBER(p, count);
    if (p->failed || count > MAX_CYCLE_TIMERS) {
        p->failed = true;
        return;
    }
    avr_cycle_timer_slot_t slots[MAX_CYCLE_TIMERS] = {0};
    avr_cycle_timer_slot_t *slot = avr->cycle_timers.timer;
    for (uint32_t i = 0; i < count && !p->failed; i++) {
        if (!p->loads) {
            slots[i] = *slot;
            slot = slot->next;
        }
        MEMBER(p, slots[i].when);
        FUNCTION(p, slots[i].timer);
        own_struct(p, &slots[i].param);
    }
    if (!p->loads || p->failed)
        return;
    while ((slot = avr->cycle_timers.timer) != NULL)
        avr_cycle_timer_cancel(avr, slot->timer, slot->param);
    for (uint32_t i = 0; i < count; i++)
        avr_cycle_timer_register(avr, slots[i].when - avr->cycle, slots[i].timer, slots[i].param);
}

static void vector(pass_t *p, avr_int_vector_t **vector) {
    const avr_int_table_t *table = &p->avr->interrupts;
    uint8_t number = 0;
    while (number < table->vector_count && table->vector[number] != *vector)
        number++;
    MEMBER(p, number);
    if (p->loads && !p->failed)
        *vector = number < table->vector_count ? table->vector[number] : NULL;
}

/* Which interrupts are raised, and which are being handled. */
static void interrupts(pass_t *p) {
    avr_int_table_t *table = &p->avr->interrupts;
    same(p, table->vector_count);
    for (unsigned i = 0; i < table->vector_count; i++) {
        uint8_t pending = table->vector[i]->pending;
        MEMBER(p, pending);
        table->vector[i]->pending = pending & 1;
    }
    for (unsigned i = 0; i < sizeof table->pending.buffer / sizeof *table->pending.buffer; i++)
        vector(p, &table->pending.buffer[i]);
    MEMBER(p, table->pending.read);
    MEMBER(p, table->pending.write);
    MEMBER(p, table->pending.flags);
    for (unsigned i = 0; i < sizeof table->running / sizeof *table->running; i++)
        vector(p, &table->running[i]);
    MEMBER(p, table->running_ptr);
}

/* The last value on each of the wires between modules. */
static void wires(pass_t *p) {
    const avr_irq_pool_t *pool = &p->avr->irq_pool;
    same(p, (uint64_t)pool->count);
    for (int i = 0; i < pool->count; i++)
        if (pool->irq[i] != NULL) {
            MEMBER(p, pool->irq[i]->value);
            MEMBER(p, pool->irq[i]->flags);
        }
}

/* ------------------------------------------------------------- the modules */

static void uart(pass_t *p, avr_uart_t *uart) {
    MEMBER(p, uart->input);
    MEMBER(p, uart->tx_cnt);
    MEMBER(p, uart->rx_cnt);
    MEMBER(p, uart->cycles_per_byte);
    MEMBER(p, uart->rxc_raise_time);
}

static void timer(pass_t *p, avr_timer_t *timer) {
    if (timer->ext_clock_flags & AVR_TIMER_EXTCLK_FLAG_STARTED)
        p->failed = true; /* see above: pulses at a pin */
    MEMBER(p, timer->mode);
    MEMBER(p, timer->wgm_op_mode_kind);
    MEMBER(p, timer->wgm_op_mode_size);
    MEMBER(p, timer->cs_div_value);
    MEMBER(p, timer->ext_clock_flags);
    MEMBER(p, timer->ext_clock);
    for (unsigned i = 0; i < AVR_TIMER_COMP_COUNT; i++)
        MEMBER(p, timer->comp[i].comp_cycles);
    MEMBER(p, timer->tov_cycles);
    MEMBER(p, timer->tov_cycles_fract);
    MEMBER(p, timer->phase_accumulator);
    MEMBER(p, timer->tov_base);
    MEMBER(p, timer->tov_top);
}

static void adc(pass_t *p, avr_adc_t *adc) {
    MEMBER(p, adc->adts_mode);
    MEMBER(p, adc->adc_values);
    MEMBER(p, adc->temp);
    MEMBER(p, adc->first);
    MEMBER(p, adc->read_status);
}

static void comparator(pass_t *p, avr_acomp_t *comparator) {
    MEMBER(p, comparator->adc_values);
    MEMBER(p, comparator->ain_values);
}

static void watchdog(pass_t *p, avr_watchdog_t *watchdog) {
    MEMBER(p, watchdog->cycle_count);
    MEMBER(p, watchdog->reset_context.wdrf);
    FUNCTION(p, watchdog->reset_context.avr_run);
}

static void flash(pass_t *p, avr_flash_t *flash) {
    bytes(p, flash->tmppage, flash->spm_pagesize);
    bytes(p, flash->tmppage_used, flash->spm_pagesize / 2u);
}

static void eeprom(pass_t *p, avr_eeprom_t *eeprom) {
    bytes(p, eeprom->eeprom, eeprom->size);
}

static void spi(pass_t *p, avr_spi_t *spi) {
    MEMBER(p, spi->input_data_register);
}

static void twi(pass_t *p, avr_twi_t *twi) {
    MEMBER(p, twi->state);
    MEMBER(p, twi->peer_addr);
    MEMBER(p, twi->next_twstate);
}

static void port(pass_t *p, avr_ioport_t *port) {
    MEMBER(p, port->external);
}

/* Each struct of a module begins with its avr_io_t. */
static void module(pass_t *p, avr_io_t *io) {
    void *m = io;
    if (strcmp(io->kind, "uart") == 0)
        uart(p, m);
    else if (strcmp(io->kind, "timer") == 0)
        timer(p, m);
    else if (strcmp(io->kind, "adc") == 0)
        adc(p, m);
    else if (strcmp(io->kind, "ac") == 0)
        comparator(p, m);
    else if (strcmp(io->kind, "watchdog") == 0)
        watchdog(p, m);
    else if (strcmp(io->kind, "flash") == 0)
        flash(p, m);
    else if (strcmp(io->kind, "eeprom") == 0)
        eeprom(p, m);
    else if (strcmp(io->kind, "spi") == 0)
        spi(p, m);
    else if (strcmp(io->kind, "twi") == 0)
        twi(p, m);
    else if (strcmp(io->kind, "port") == 0)
        port(p, m);
}

/* ---------------------------------------------------------------- together */

static bool pass(machine_t *machine, pass_t p) {
    /* Two functions of simavr are that far apart in this build of it. */
    same(&p, (uint64_t)((intptr_t)avr_callback_sleep_raw - (intptr_t)avr_callback_run_raw));
    same(&p, machine->firmware_digest);
    core(&p);
    interrupts(&p);
    wires(&p);
    for (avr_io_t *io = p.avr->io_port; io != NULL && !p.failed; io = io->next)
        module(&p, io);
    cycle_timers(&p); /* after the cycle, to which they are relative */
    MEMBER(&p, p.avr->run_cycle_count);
    MEMBER(&p, machine->clock_us);
    MEMBER(&p, machine->output_digest);
    return !p.failed;
}

bool state_save(machine_t *machine, state_move_t move, void *opaque) {
    return pass(machine, (pass_t){machine->avr, false, false, move, opaque});
}

bool state_load(machine_t *machine, state_move_t move, void *opaque) {
    return pass(machine, (pass_t){machine->avr, true, false, move, opaque});
}
