/* SPDX-License-Identifier: MIT */
/* Journeys over places where a device is plugged in and a timer created, or a disk closed. */
#include "journey-disk.h"
#include "journey-modes.h"

enum { CHANGE = 20000 };

static journey_host_t m;

/* What the guest knows. */
static struct { uint8_t has_changed; } state;

static replay_block_t *disk;

static void open_nothing(journey_host_t *machine) {
    (void)machine;
}

static void plug_in(journey_host_t *machine) {
    if (machine->cpu.icount != CHANGE)
        return;
    CHECK(!state.has_changed);
    state.has_changed = 1;
    CHECK_EQ(replay_register_char_driver(ignore_data, NULL), machine->keyboard + 1);
    CHECK(replay_timer_new(ignore, NULL));
}

static const journey_device_t plugged = {&state, sizeof state, open_nothing, plug_in, NULL};

static void open_disk(journey_host_t *machine) {
    (void)machine;
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    replay_status_t status = REPLAY_OK;
    config.filename = test_path("image");
    disk = replay_block_open(&config, &status);
    REQUIRE_STATUS(status, OK);
}

static void close_disk(journey_host_t *machine) {
    if (machine->cpu.icount != CHANGE)
        return;
    CHECK(!state.has_changed);
    state.has_changed = 1;
    CHECK_STATUS(replay_block_close(disk), OK);
}

static const journey_device_t ejected = {&state, sizeof state, open_disk, close_disk, NULL};

/* A way from place to place. */
static const uint64_t *way;
static size_t places;
static bool (*arrived)(replay_pause_reason_t why);

static bool go_on(replay_pause_reason_t why) {
    if (!arrived(why) || --places == 0)
        return false;
    CHECK_STATUS(replay_seek(*++way), OK);
    return true;
}

static void set_out(journey_host_t *machine) {
    (void)machine;
    CHECK_STATUS(replay_seek(*way), OK);
}

static void travel(journey_loop_t loop, const uint64_t *on, size_t count) {
    way = on;
    places = count;
    m.next = go_on;
    m.on_pause = journey_at_pause;
    m.on_start = set_out;
    journey_begin(&m, loop, NULL);
    journey_run(&m);
    CHECK_EQ(places, 0);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
}

static bool is_there(replay_pause_reason_t why) {
    return CHECK_EQ(why, REPLAY_PAUSE_PLACE) && journey_is_here(&m, *way) &&
           CHECK_EQ(state.has_changed, *way >= CHANGE);
}

TEST(a_device_that_is_plugged_in_is_passed_in_both_directions) {
    static const uint64_t on[] = {50000, 19990, 50000, 100, 20010, 40000, 19999, 20001, 50000};
    m.device = &plugged;
    arrived = is_there;
    /* With snapshots in memory, and with those that the recording has left. */
    for (int keeps = 0; keeps < 2; keeps++) {
        m.on_start = NULL;
        m.is_slow = keeps;
        journey_record(&m, 3, keeps ? "rrsnap=1" : NULL);
        m.is_slow = false;
        for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
            travel(loop, on, sizeof on / sizeof *on);
            CHECK_EQ(m.host.messages, 0);
        }
        free(m.digests);
    }
}

static bool is_there_or_after_the_disk(replay_pause_reason_t why) {
    if (*way >= CHANGE || way[-1] < CHANGE)
        return is_there(why);
    /* It was closed since: the first place that is left. */
    CHECK_EQ(why, REPLAY_PAUSE_BEGIN);
    CHECK(m.cpu.icount >= CHANGE);
    CHECK_HAS(m.host.text, "disk disk0 of the position isn't open here");
    return true;
}

TEST(before_the_closing_of_a_disk_there_is_no_way_back) {
    static const uint64_t on[] = {0, 15000, 100, 50000, 10000, 40000, 45000, 10000, 55000};
    test_write_file(test_path("image"), (const char[4096]){0}, 4096);
    m.device = &ejected;
    journey_record(&m, 3, NULL);
    arrived = is_there_or_after_the_disk;
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        travel(loop, on + 1, sizeof on / sizeof *on - 1);
        CHECK_EQ(m.host.messages, 1);
    }
    free(m.digests);
}
