/* SPDX-License-Identifier: MIT */
#include "journey-disk.h"

#include <errno.h>
#include <unistd.h>

enum { CALM_EVERY = 700, GRAIN = 64 };

/** What a slot does. */
typedef enum { NOTHING, READ, WRITE, ZEROES, DISCARD, FLUSH } work_t;

typedef struct slot {
    work_t work;
    uint64_t serial, since;           /* the icount of the submission */
    uint32_t offset, length, address; /* on the disk, and in RAM */
    uint8_t data[DISK_MOST];          /* of a write */
} slot_t;

static struct {
    slot_t slots[DISK_SLOTS];
    uint64_t serial, completions;
    uint8_t content[DISK_SIZE], written[DISK_SIZE];
} state;

static disk_options_t options;
static replay_block_t *disk;
static journey_host_t *machine;

static uint8_t image_byte(size_t i) {
    return (uint8_t)(i * 31 + (i >> 9));
}

static void complete(void *opaque, int32_t result);

static void submit(journey_host_t *m, slot_t *slot) {
    struct iovec piece = {m->ram + slot->address, slot->length};
    replay_status_t status = REPLAY_OK;
    switch (slot->work) {
    case READ:
        status = replay_block_read(disk, slot->offset, &piece, 1, 0, complete, slot);
        break;
    case WRITE:
        status = replay_block_write(disk, slot->offset, &piece, 1, 0, complete, slot);
        break;
    case ZEROES:
        status = replay_block_zeroes(disk, slot->offset, slot->length, 0, complete, slot);
        break;
    case DISCARD:
        status = replay_block_discard(disk, slot->offset, slot->length, complete, slot);
        break;
    default:
        status = replay_block_flush(disk, complete, slot);
    }
    CHECK_STATUS(status, OK);
}

/** A new request, which the guest's state decides. */
static void begin(journey_host_t *m, slot_t *slot) {
    static const work_t works[] = {READ,  READ,  READ,   WRITE,   WRITE,
                                   WRITE, WRITE, ZEROES, DISCARD, FLUSH};
    uint64_t random = journey_mix(m->cpu.state, state.serial);
    slot->work = works[random % (sizeof works / sizeof *works)];
    if (options.reads)
        slot->work = READ;
    slot->serial = state.serial++;
    slot->since = m->cpu.icount;
    slot->length = (uint32_t)(random >> 8) % (DISK_MOST / GRAIN) * GRAIN + GRAIN;
    slot->offset = (uint32_t)(random >> 24) % ((DISK_SIZE - slot->length) / GRAIN + 1) * GRAIN;
    slot->address = (uint32_t)(random >> 40) % (JOURNEY_RAM - slot->length);
    memcpy(slot->data, m->ram + slot->address, slot->length);
    submit(m, slot);
}

static void complete(void *opaque, int32_t result) {
    slot_t *slot = opaque;
    journey_host_t *m = machine;
    if ((options.fails && result == -ENOSPC) || !CHECK_EQ(result, 0))
        return;
    switch (slot->work) {
    case READ:
        CHECK_BYTES(m->ram + slot->address, state.content + slot->offset, slot->length);
        journey_ram_written(m, slot->address, slot->length);
        break;
    case WRITE:
        memcpy(state.content + slot->offset, slot->data, slot->length);
        memset(state.written + slot->offset, 1, slot->length);
        break;
    case ZEROES:
    case DISCARD:
        memset(state.content + slot->offset, 0, slot->length);
        memset(state.written + slot->offset, 1, slot->length);
        break;
    default:
        CHECK_EQ(slot->work, FLUSH);
    }
    slot->work = NOTHING;
    state.completions++;
    m->cpu.device = journey_mix(m->cpu.device, slot->serial);
    for (size_t i = 0; i < DISK_SIZE; i += 8) {
        uint64_t word;
        memcpy(&word, state.content + i, sizeof word);
        m->cpu.device += word * (i + 1);
    }
    m->cpu.state = journey_mix(m->cpu.state, m->cpu.device);
    if (options.pace == DISK_BUSY && !m->cpu.ended && !host_stopped(&m->host))
        begin(m, slot);
}

/** RECORD: the guest is not much faster than its disk. */
static void wait_for_worker(const journey_host_t *m) {
    if (REPLAY_MODE() != REPLAY_MODE_RECORD || m->cpu.icount % CALM_EVERY)
        return;
    for (unsigned i = 0; i < DISK_SLOTS; i++)
        if (state.slots[i].work != NOTHING && m->cpu.icount > state.slots[i].since + CALM_EVERY)
            test_sleep_ms(1);
}

static void execute(journey_host_t *m) {
    bool busy = options.pace == DISK_BUSY;
    wait_for_worker(m);
    if (!busy && (m->cpu.icount % CALM_EVERY || m->cpu.state % 3 == 0))
        return;
    for (unsigned i = 0; i < DISK_SLOTS; i++)
        if (state.slots[i].work == NOTHING && !m->cpu.ended && (busy || m->cpu.state >> i & 1))
            begin(m, &state.slots[i]);
}

static void loaded(journey_host_t *m) {
    bool done[DISK_SLOTS] = {false};
    for (unsigned n = 0; n < DISK_SLOTS; n++) {
        slot_t *first = NULL; /* in the order of the first submission */
        for (unsigned i = 0; i < DISK_SLOTS; i++)
            if (!done[i] && state.slots[i].work != NOTHING &&
                (!first || state.slots[i].serial < first->serial))
                first = &state.slots[i];
        if (!first)
            return;
        done[first - state.slots] = true;
        CHECK(options.resubmits);
        if (options.differs) { /* a length that no request has */
            struct iovec piece = {m->ram, 1};
            CHECK_EQ(replay_block_read(disk, 0, &piece, 1, 0, complete, first),
                     REPLAY_ERROR_INVALID_ARGUMENT);
        }
        if (!options.forgets && !options.differs)
            submit(m, first);
    }
}

static void open_disk(journey_host_t *m) {
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    replay_status_t status = REPLAY_OK;
    machine = m;
    config.filename = test_path("image");
    config.overlay = options.overlay;
    config.read_only = options.read_only;
    config.resubmits = options.resubmits;
    config.read_only = options.read_only;
    if (options.overlay == REPLAY_BLOCK_OVERLAY_FILE)
        config.overlay_filename = disk_overlay_path();
    disk = replay_block_open(&config, &status);
    REQUIRE_STATUS(status, OK);
    for (size_t i = 0; i < DISK_SIZE; i++)
        state.content[i] = image_byte(i);
}

const journey_device_t *disk_device(const disk_options_t *given) {
    static const journey_device_t device = {&state, sizeof state, open_disk, execute, loaded};
    options = *given;
    FILE *image = fopen(test_path("image"), "wb");
    REQUIRE(image);
    for (size_t i = 0; i < DISK_SIZE; i++)
        fputc(image_byte(i), image);
    REQUIRE(fclose(image) == 0);
    return &device;
}

const char *disk_overlay_path(void) {
    static char path[400];
    snprintf(path, sizeof path, "%s", test_path("overlay"));
    return path;
}

void disk_check_overlay(void) {
    static uint8_t found[DISK_SIZE + 1];
    FILE *file = fopen(disk_overlay_path(), "rb");
    REQUIRE(file);
    memset(found, 0, sizeof found);
    size_t length = fread(found, 1, sizeof found, file), end = 0;
    fclose(file);
    for (size_t i = 0; i < DISK_SIZE; i++) {
        if (state.written[i])
            end = i + 1;
        uint8_t expected = state.written[i] ? state.content[i] : 0;
        if (!CHECK_EQ(found[i], expected))
            return;
    }
    CHECK_EQ(length, end);
}

uint64_t disk_completions(void) {
    return state.completions;
}
