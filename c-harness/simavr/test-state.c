/* SPDX-License-Identifier: MIT */
/* test-state FIRMWARE…: saves and loads the machine's state at random places, without
 * libreplay, and compares all memory that simavr has for it: a member that state.c doesn't
 * list would be different afterwards. */
#include "state.h"

#include <avr_eeprom.h>
#include <avr_flash.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outside.h"

enum { PLACES = 2000, NEAR = 2000, FAR = 60000, MOST_BYTES = 1 << 17 };

typedef struct picture {
    uint8_t bytes[MOST_BYTES];
    size_t length, place;
} picture_t;

typedef struct test {
    machine_t machine;
    uint64_t noise, typing;
    uint64_t next_key;   /* the cycle at which the next byte arrives */
    const char *message; /* the rest of what is being typed */
} test_t;

static bool add(void *opaque, void *bytes, size_t length) {
    picture_t *picture = opaque;
    if (length > sizeof picture->bytes - picture->length)
        return false;
    memcpy(picture->bytes + picture->length, bytes, length);
    picture->length += length;
    return true;
}

static bool take(void *opaque, void *bytes, size_t length) {
    picture_t *picture = opaque;
    if (length > picture->length - picture->place)
        return false;
    memcpy(bytes, picture->bytes + picture->place, length);
    picture->place += length;
    return true;
}

/* ------------------------------------------------------------ everything there is */

/* All of simavr's memory, and what decides about it in the test. */
static void add_all(test_t *t, picture_t *all) {
    avr_t *avr = t->machine.avr;
    *all = (picture_t){0};
    add(all, avr->data, avr->ramend + 1u);
    add(all, avr->flash, avr->flashend + 1u);
    /* The slots of cycle timers are filled in any order: what counts is the list. */
    char *start = (char *)avr, *slots = (char *)&avr->cycle_timers;
    char *rest = slots + sizeof avr->cycle_timers;
    add(all, start, (size_t)(slots - start));
    add(all, rest, malloc_usable_size(avr) - (size_t)(rest - start));
    for (avr_cycle_timer_slot_t *slot = avr->cycle_timers.timer; slot; slot = slot->next) {
        add(all, &slot->when, sizeof slot->when);
        add(all, &slot->timer, sizeof slot->timer);
        add(all, &slot->param, sizeof slot->param);
    }
    for (int i = 0; i < avr->irq_pool.count; i++)
        if (avr->irq_pool.irq[i] != NULL)
            add(all, avr->irq_pool.irq[i], sizeof *avr->irq_pool.irq[i]);
    for (avr_io_t *io = avr->io_port; io; io = io->next) {
        if (strcmp(io->kind, "flash") == 0) {
            avr_flash_t *flash = (void *)io;
            add(all, flash->tmppage, flash->spm_pagesize);
            add(all, flash->tmppage_used, flash->spm_pagesize / 2u);
        } else if (strcmp(io->kind, "eeprom") == 0) {
            avr_eeprom_t *eeprom = (void *)io;
            add(all, eeprom->eeprom, eeprom->size);
        }
    }
    test_t rest_of_test = *t;
    rest_of_test.machine.slice_end = 0;
    add(all, &rest_of_test, sizeof rest_of_test);
}

static bool equal(const char *when, const picture_t *a, const picture_t *b) {
    if (a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0)
        return true;
    size_t i = 0;
    while (i < a->length && i < b->length && a->bytes[i] == b->bytes[i])
        i++;
    fprintf(stderr, "test-state: %s: byte %zu differs (%zu and %zu bytes)\n", when, i, a->length,
            b->length);
    return false;
}

/* ------------------------------------------------------------------------- the world */

static void sent(void *opaque, uint8_t byte) {
    (void)opaque, (void)byte;
}

static int64_t clock_ns(void *opaque) {
    return (int64_t)machine_cycles(&((test_t *)opaque)->machine) * 1234;
}

static uint16_t noise(void *opaque) {
    return (uint16_t)random_next(&((test_t *)opaque)->noise);
}

/* Some of what optiboot understands: it reads and programs pages, and at last it leaves. */
static char next_byte(test_t *t) {
    static const char *const messages[] = {
        "0 ", "A\x81 ", "u ", "U\x10\x10 ", "d\x01\x04Awxyz ", "t\x01\x04\x41 ", "Q "};
    enum { COUNT = sizeof messages / sizeof *messages };
    if (t->message == NULL || *t->message == 0)
        t->message =
            messages[random_next(&t->typing) % (COUNT - (random_next(&t->typing) % 40 != 0))];
    return *t->message++;
}

static void run(test_t *t, uint64_t cycles) {
    uint64_t end = machine_cycles(&t->machine) + cycles;
    while (machine_cycles(&t->machine) < end && !machine_ended(&t->machine)) {
        uint64_t now = machine_cycles(&t->machine);
        if (now >= t->next_key) {
            uint8_t key = (uint8_t)next_byte(t);
            machine_receive(&t->machine, &key, 1);
            t->next_key = now + 1 + random_next(&t->typing) % 2000;
        }
        uint64_t stop = t->next_key < end ? t->next_key : end;
        machine_run(&t->machine, stop > now ? stop - now : 1);
    }
}

/* --------------------------------------------------------------------------- the test */

static picture_t before, after, now, saved, memory;

/* RAM and flash, which the library would restore. */
static void move_memory(test_t *t, bool loads) {
    avr_t *avr = t->machine.avr;
    bool (*move)(void *, void *, size_t) = loads ? take : add;
    move(&memory, avr->data, avr->ramend + 1u);
    move(&memory, avr->flash, avr->flashend + 1u);
}

/* Saves here, runs on, comes back and runs on again. */
static bool there_and_back(test_t *t, uint64_t cycles) {
    saved = (picture_t){0}, memory = (picture_t){0};
    add_all(t, &before);
    move_memory(t, false);
    test_t world = *t;
    if (!state_save(&t->machine, add, &saved)) {
        fprintf(stderr, "test-state: the state can't be saved\n");
        return false;
    }
    add_all(t, &now);
    if (!equal("saving changes nothing", &before, &now))
        return false;
    run(t, cycles);
    add_all(t, &after);

    move_memory(t, true);
    if (!state_load(&t->machine, take, &saved) || saved.place != saved.length) {
        fprintf(stderr, "test-state: the state can't be loaded\n");
        return false;
    }
    t->noise = world.noise, t->typing = world.typing, t->next_key = world.next_key;
    t->message = world.message;
    add_all(t, &now);
    if (!equal("loading brings everything back", &before, &now))
        return false;
    run(t, cycles);
    add_all(t, &now);
    return equal("the machine goes on as before", &after, &now);
}

/* A state that was cut, and that of a different machine. */
static bool refuses(test_t *t) {
    saved.place = 0, saved.length -= 1;
    if (state_load(&t->machine, take, &saved))
        return false;
    saved.place = 0, saved.length += 1;
    t->machine.firmware_digest++;
    return !state_load(&t->machine, take, &saved);
}

int main(int argc, char **argv) {
    static test_t t;
    const world_t world = {&t, sent, clock_ns, noise, NULL};
    for (int i = 1; i < argc; i++) {
        t = (test_t){.noise = 1, .typing = 2, .next_key = 100000};
        if (!machine_open(&t.machine, &world, argv[i]))
            return fprintf(stderr, "test-state: cannot load %s\n", argv[i]), 1;
        unsigned places = 0;
        uint64_t random = 3;
        while (places < PLACES && !machine_ended(&t.machine)) {
            uint64_t farthest = random_next(&random) % 16 ? NEAR : FAR;
            if (!there_and_back(&t, 1 + random_next(&random) % farthest))
                return fprintf(stderr, "test-state: %s, place %u\n", argv[i], places), 1;
            places++;
        }
        if (places < PLACES / 2)
            return fprintf(stderr, "test-state: %s ended after %u places\n", argv[i], places), 1;
        if (!refuses(&t))
            return fprintf(stderr, "test-state: a wrong state was loaded\n"), 1;
        machine_close(&t.machine);
    }
    return 0;
}
