/* SPDX-License-Identifier: MIT */
/* test-state FOLDER GUEST...: saves the machine at many places of each guest's run, goes back and
 * forth between them, in the same machine and in a new one, and compares what follows with a run
 * that goes straight through. Damaged states are refused. */
#include "alone.h"

#include <string.h>

#include <xxhash.h>

enum { PLACES = 24, JUMPS = 100 };

/* A place of a run, with what a library would have saved. */
typedef struct place {
    uint64_t icount, digest;
    alone_time_t time;
    alone_bytes_t state;
    uint8_t *ram;    /* of the pages that were used */
    uint8_t *is_set; /* for each page: it is in ram */
} place_t;

static uint64_t pages_of(const alone_t *a) {
    return a->machine.cpu.ram_bytes / CPU_PAGE_BYTES;
}

/* Checks that pages that are clean haven't changed, and cleans the others.
 * @param known for each page: it has been dirty; @c before has its content then */
static void check_dirty(alone_t *a, uint8_t *before, bool *known) {
    cpu_t *cpu = &a->machine.cpu;
    replay_ram_config_t ram = machine_ram(&a->machine);
    for (uint64_t page = 0; page < pages_of(a); page++) {
        size_t at = page * CPU_PAGE_BYTES;
        if (cpu->dirty[page] & CPU_DIRTY_LIBRARY) {
            memcpy(before + at, cpu->ram + at, CPU_PAGE_BYTES);
            known[page] = true;
        } else if (known[page])
            CHECK(memcmp(before + at, cpu->ram + at, CPU_PAGE_BYTES) == 0);
        cpu->dirty[page] &= (uint8_t)~CPU_DIRTY_LIBRARY;
    }
    ram.cleaned(ram.opaque);
}

static void save(alone_t *a, place_t *p) {
    cpu_t *cpu = &a->machine.cpu;
    size_t used = 0, n = 0;
    p->icount = cpu->icount;
    p->time = a->time;
    replay_stream_t stream = alone_stream(&p->state);
    CHECK(machine_save_state(&a->machine, &stream));
    p->is_set = calloc(pages_of(a), 1);
    CHECK(p->is_set);
    for (uint64_t page = 0; page < pages_of(a); page++)
        used += (p->is_set[page] = (cpu->dirty[page] & CPU_DIRTY_USED) != 0);
    p->ram = malloc(used * CPU_PAGE_BYTES + 1);
    CHECK(p->ram);
    for (uint64_t page = 0; page < pages_of(a); page++)
        if (p->is_set[page])
            memcpy(p->ram + CPU_PAGE_BYTES * n++, cpu->ram + page * CPU_PAGE_BYTES, CPU_PAGE_BYTES);
    p->digest = machine_digest(&a->machine);
}

/* Writes the pages that differ, as the library does. */
static void load_ram(alone_t *a, const place_t *p) {
    static const uint8_t zeroes[CPU_PAGE_BYTES];
    replay_ram_config_t config = machine_ram(&a->machine);
    size_t n = 0;
    for (uint64_t page = 0; page < pages_of(a); page++) {
        const uint8_t *saved = p->is_set[page] ? p->ram + CPU_PAGE_BYTES * n++ : zeroes;
        uint8_t *ram = a->machine.cpu.ram + page * CPU_PAGE_BYTES;
        if (memcmp(ram, saved, CPU_PAGE_BYTES) != 0) {
            memcpy(ram, saved, CPU_PAGE_BYTES);
            config.loaded(config.opaque, page * CPU_PAGE_BYTES, CPU_PAGE_BYTES);
        }
    }
}

static void load(alone_t *a, place_t *p) {
    p->state.at = 0;
    replay_stream_t stream = alone_stream(&p->state);
    bool ram_first = alone_dice(1);
    if (ram_first)
        load_ram(a, p);
    CHECK(machine_load_state(&a->machine, &stream));
    if (!ram_first)
        load_ram(a, p);
    a->time = p->time;
    atomic_store(&a->machine.off, false);
    CHECK(machine_digest(&a->machine) == p->digest);
}

/* ------------------------------------------------------------------------ one guest */

static uint64_t length_of(const char *folder, const char *guest) {
    alone_t *a = alone_new(folder, guest, "rv64gc");
    alone_run(a, 50000000);
    uint64_t icount = a->machine.cpu.icount;
    alone_free(a);
    CHECK(icount > 1000);
    return icount;
}

static void go_back_and_forth(const char *folder, const char *guest) {
    uint64_t length = length_of(folder, guest);
    place_t places[PLACES] = {{0}};
    alone_t *a = alone_new(folder, guest, "rv64gc");
    uint8_t *before = calloc(a->machine.cpu.ram_bytes, 1);
    bool *known = calloc(pages_of(a), sizeof(*known));
    CHECK(before && known);
    for (unsigned i = 0; i < PLACES; i++) {
        /* Every other place is near the one before it, with little but registers changed. */
        uint64_t icount = length * i / (PLACES - 1);
        if (i % 2 == 1 && places[i - 1].icount + 40 < icount)
            icount = places[i - 1].icount + 1 + alone_dice(39);
        /* Pages are also cleaned where there is no digest, which finds written pages as well. */
        alone_run(a, icount - alone_dice(i > 0 ? (icount - places[i - 1].icount) / 2 : 0));
        check_dirty(a, before, known);
        alone_run(a, icount);
        check_dirty(a, before, known);
        save(a, &places[i]);
    }
    free(before);
    free(known);
    for (unsigned n = 0, last = 0; n < JUMPS; n++) {
        /* Often to the place near the last one. */
        unsigned from = alone_dice(1) ? last - last % 2 : (unsigned)alone_dice(PLACES - 1);
        unsigned to = from + (unsigned)alone_dice(PLACES - 1 - from < 3 ? PLACES - 1 - from : 3);
        if (n % 8 == 0) {
            alone_free(a);
            a = alone_new(folder, guest, "rv64gc");
        }
        a->slice = alone_dice(1) ? 20000 : 1 + alone_dice(300);
        load(a, &places[from]);
        last = to;
        alone_run(a, places[to].icount);
        CHECK(a->machine.cpu.icount == places[to].icount);
        CHECK(machine_digest(&a->machine) == places[to].digest);
    }
    alone_free(a);
    for (unsigned i = 0; i < PLACES; i++) {
        free(places[i].state.bytes);
        free(places[i].ram);
        free(places[i].is_set);
    }
    printf("pass %s, %" PRIu64 " instructions\n", guest, length);
}

/* ---------------------------------------------------------------------------- damage */

static bool loads(alone_t *a, const alone_bytes_t *state) {
    alone_bytes_t copy = {state->bytes, state->length, 0};
    replay_stream_t stream = alone_stream(&copy);
    return machine_load_state(&a->machine, &stream);
}

/* Every length, every byte: refused, and nothing has changed. */
static void refuse_damaged(alone_t *a, const alone_bytes_t *state) {
    uint64_t digest = machine_digest(&a->machine);
    for (size_t length = 0; length < state->length; length++)
        CHECK(!loads(a, &(alone_bytes_t){state->bytes, length, 0}));
    for (size_t i = 0; i < state->length; i++) {
        uint8_t bit = (uint8_t)(1 << alone_dice(7));
        state->bytes[i] ^= bit;
        CHECK(!loads(a, state));
        state->bytes[i] ^= bit;
        CHECK(machine_digest(&a->machine) == digest);
    }
}

/* Senseless values with the right digest: refused, or the machine runs with them. */
static void survive_senseless(alone_t *a, const alone_bytes_t *state) {
    enum { DIGEST_AT = 16, HEAD = 24 };
    alone_bytes_t copy = {malloc(state->length), state->length, 0};
    CHECK(copy.bytes);
    unsigned loaded = 0;
    for (unsigned n = 0; n < 3000; n++) {
        memcpy(copy.bytes, state->bytes, state->length);
        for (uint64_t changes = 1 + alone_dice(3); changes > 0; changes--)
            copy.bytes[HEAD + alone_dice(state->length - HEAD - 1)] = (uint8_t)alone_dice(255);
        uint64_t digest =
            XXH3_64bits_withSeed(copy.bytes + HEAD, (size_t)(state->length - HEAD), 0);
        memcpy(copy.bytes + DIGEST_AT, &digest, sizeof(digest));
        if (loads(a, &copy)) {
            loaded++;
            atomic_store(&a->machine.off, false);
            alone_run(a, a->machine.cpu.icount + 300);
        }
    }
    CHECK(loaded > 100);
    free(copy.bytes);
}

static void refuse(const char *folder) {
    alone_t *a = alone_new(folder, "chaos", "rv64gc"),
            *other = alone_new(folder, "chaos", "rv64imac");
    alone_bytes_t state = {0};
    replay_stream_t stream = alone_stream(&state);
    alone_run(a, 3000000);
    CHECK(machine_save_state(&a->machine, &stream));
    CHECK(!loads(other, &state)); /* a different CPU */
    CHECK(loads(a, &state));
    refuse_damaged(a, &state);
    survive_senseless(a, &state);
    free(state.bytes);
    alone_free(a);
    alone_free(other);
    printf("pass damage\n");
}

int main(int argc, char **argv) {
    CHECK(argc > 2);
    for (int i = 2; i < argc; i++)
        go_back_and_forth(argv[1], argv[i]);
    refuse(argv[1]);
    return 0;
}
