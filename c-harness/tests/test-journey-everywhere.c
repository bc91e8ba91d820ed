/* SPDX-License-Identifier: MIT */
/* Journeys with a snapshot at every place where one is possible: each of them leads to the state
 * that the machine had when it ran straight on, and from each it comes to the same end. */
#include "journey-disk.h"
#include "journey-hits.h"

static journey_host_t m;
static disk_options_t disk;

enum { STRETCH = 1000, RARELY = 50 };

/* Each of them takes a switch of threads. So in a short test only each fourteenth stretch of the
 * run has one at every place. */
static uint64_t stretches = 14;
static uint64_t distance = 1; /* between two snapshots, in instructions */

/* The library asks where to make the next one. */
uint64_t replay_test_next_snapshot(uint64_t icount);

uint64_t replay_test_next_snapshot(uint64_t icount) {
    return icount + (icount / STRETCH % stretches == 0 ? distance : RARELY);
}

static uint64_t target, seed;
static unsigned journeys;
static bool is_first;

/** Goes to a random place, or steps there if it is the next one or the one before. */
static void set_out(void) {
    uint64_t choice = test_random(&seed) % 4;
    if (choice == 0 && target > 0) {
        target--;
        CHECK_STATUS(replay_reverse_step(), OK);
        return;
    }
    target =
        choice == 1 && target + 1 < JOURNEY_LAST ? target + 1 : test_random(&seed) % JOURNEY_LAST;
    CHECK_STATUS(replay_seek(target), OK);
}

static bool wander(replay_pause_reason_t why) {
    CHECK_EQ(why, is_first ? REPLAY_PAUSE_END : REPLAY_PAUSE_PLACE);
    /* At the end, what the recording has there was delivered. */
    if (!(is_first ? CHECK_EQ(m.cpu.icount, target) : journey_is_here(&m, target)) ||
        journeys-- == 0)
        return false;
    is_first = false;
    set_out();
    return true;
}

/** First to the end, so that there are snapshots everywhere, and then around. */
static void wander_in(journey_loop_t loop, unsigned count, const char *options) {
    journey_begin(&m, loop, options);
    m.on_pause = journey_at_pause;
    m.next = wander;
    journeys = count;
    is_first = true;
    target = JOURNEY_LAST;
    CHECK_STATUS(replay_seek(JOURNEY_LAST + 1), OK);
    journey_run(&m);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_EQ(journeys, -1u);
    /* A step forward needs none. */
    CHECK(m.loads > count / 2);
    CHECK_STATUS(journey_end(&m), OK);
}

/** Are there nearly as many as there are places? Where something is pending, none is possible. */
static void check_saves(void) {
    CHECK(m.saves > JOURNEY_LAST / distance / stretches / 10 * 9);
}

static void in_memory(journey_loop_t loop, uint64_t from, unsigned count, const char *options) {
    seed = from;
    journey_record(&m, from, NULL);
    wander_in(loop, count, options);
    check_saves();
    free(m.digests);
}

static void in_a_file(journey_loop_t loop, uint64_t from, unsigned count) {
    seed = from;
    journey_record(&m, from, "rrsnap=1");
    check_saves();
    wander_in(loop, count, NULL);
    CHECK(m.saves < JOURNEY_LAST / distance / stretches / 10); /* nearly all are in the file */
    free(m.digests);
}

TEST_SLOW(a_snapshot_at_every_place_leads_to_its_state, 120) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++)
        in_memory(loop, 20 + loop, 300, NULL);
}

TEST_SLOW(some_snapshots_of_every_place_are_dropped, 120) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++)
        in_memory(loop, 30 + loop, 100, "rrsnapmem=400000");
}

TEST_SLOW(a_snapshot_in_a_file_leads_to_the_state_of_its_place, 120) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++)
        in_a_file(loop, 40 + loop, 100);
}

static void with_a_disk(journey_loop_t loop, disk_pace_t pace, uint64_t from, unsigned count) {
    seed = from;
    disk.pace = pace;
    disk.resubmits = true;
    m.device = disk_device(&disk);
    journey_record(&m, from, NULL);
    disk.overlay = REPLAY_BLOCK_OVERLAY_FILE;
    disk_device(&disk);
    wander_in(loop, count, NULL);
    check_saves();
    disk_check_overlay();
    free(m.digests);
    disk.overlay = REPLAY_BLOCK_OVERLAY_DEFAULT;
}

TEST_SLOW(a_disk_follows_a_snapshot_at_every_place, 120) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++)
        with_a_disk(loop, loop % 2 ? DISK_BUSY : DISK_CALM, 50 + loop, 100);
}

/* ------------------------------------------------------------------ reverse continue */

enum { HITS = 12 };

TEST_SLOW(reverse_continue_passes_a_snapshot_at_every_place, 120) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        journey_record(&m, loop + 60, NULL);
        journey_begin(&m, loop, NULL);
        journey_go_there_and_back(&m, HITS);
        for (unsigned i = 0; i < JOURNEY_BREAKS; i++)
            journey_set_break(&m, i, i % 2 ? REPLAY_BREAK_SOFTWARE : REPLAY_WATCH_WRITE,
                              77 + 7 * i);
        journey_run(&m);
        CHECK_EQ(m.pauses, 2 * HITS);
        CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
        CHECK_STATUS(journey_end(&m), OK);
        free(m.digests);
    }
}

/* ------------------------------------------------------------------------------ long */

TEST_LONG(snapshots_at_many_places_lead_to_their_states, 1600) {
    static const uint64_t distances[] = {1, 1, 2, 3, 17, 640};
    stretches = 1;
    for (unsigned i = 0; i < 18; i++) {
        journey_loop_t loop = i % LOOP_COUNT;
        distance = distances[i / LOOP_COUNT % 6];
        test_note("round %u, distance %u", i, (unsigned)distance);
        m.device = NULL;
        if (i % 4 == 3)
            with_a_disk(loop, i % 8 == 3 ? DISK_BUSY : DISK_CALM, 500 + i, 1000);
        else if (i % 4 == 2)
            in_a_file(loop, 500 + i, 500);
        else
            in_memory(loop, 500 + i, 1000, i % 4 ? "rrsnapmem=3000000" : NULL);
    }
}
