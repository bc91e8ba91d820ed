/* SPDX-License-Identifier: MIT */
/* What reaches the user while the library goes to different places: no byte twice, and none after
 * those that the guest sends later. */
#include "journey-host.h"

enum { PRINT_EVERY = 100, MOST_PAUSES = 4, ALL = JOURNEY_LAST / PRINT_EVERY };

static journey_host_t m;

/** A device that prints at each hundredth instruction, where the user is to see it. */
static struct {
    uint64_t here, furthest, last; /**< executed; and before a snapshot was loaded; printed */
    unsigned count, wrong;
    unsigned at_pause[MOST_PAUSES];
} printer;

static void open_printer(journey_host_t *machine) {
    (void)machine;
    memset(&printer, 0, sizeof printer);
}

static void print(journey_host_t *machine) {
    printer.here = machine->cpu.icount;
    if (printer.here % PRINT_EVERY != 0)
        return;
    bool due = replay_output_due();
    printer.wrong += due != (printer.here > printer.furthest);
    if (!due)
        return;
    printer.wrong += printer.here <= printer.last;
    printer.last = printer.here;
    printer.count++;
}

static void print_elsewhere(journey_host_t *machine) {
    (void)machine;
    if (printer.here > printer.furthest)
        printer.furthest = printer.here;
}

static const journey_device_t device = {
    .open = open_printer, .execute = print, .loaded = print_elsewhere};

/** Forward, back before the snapshot there, into what it has left out, forward again. */
static const uint64_t places[MOST_PAUSES] = {30950, 10, 20000, 50950};

static bool go_on(replay_pause_reason_t why) {
    CHECK_EQ(why, REPLAY_PAUSE_PLACE);
    CHECK(journey_is_here(&m, places[m.pauses - 1]));
    printer.at_pause[m.pauses - 1] = printer.count;
    if (m.pauses == MOST_PAUSES || test_failures() > 0)
        return false;
    CHECK_STATUS(replay_seek(places[m.pauses]), OK);
    return true;
}

static void travel(journey_loop_t loop) {
    journey_begin(&m, loop, NULL);
    m.next = go_on;
    m.on_pause = journey_at_pause;
    CHECK_STATUS(replay_seek(places[0]), OK);
    journey_run(&m);
    CHECK_STATUS(journey_end(&m), OK);
    CHECK_EQ(m.pauses, MOST_PAUSES);
    CHECK_EQ(printer.wrong, 0);
    CHECK_EQ(printer.last, JOURNEY_LAST);
    CHECK_EQ(printer.at_pause[1], printer.at_pause[0]);
    CHECK_EQ(printer.at_pause[2], printer.at_pause[0]);
}

TEST(each_byte_is_shown_once) {
    m.device = &device;
    journey_record(&m, 20, NULL);
    CHECK_EQ(printer.count, ALL);
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        travel(loop);
        CHECK_EQ(printer.at_pause[0], places[0] / PRINT_EVERY);
        CHECK_EQ(printer.at_pause[3], places[3] / PRINT_EVERY);
        CHECK_EQ(printer.count, ALL);
    }
    free(m.digests);
}

TEST_SLOW(what_a_snapshot_of_the_file_leaves_out_is_not_shown_later, 60) {
    m.device = &device;
    m.is_slow = true;
    journey_record(&m, 19, "rrsnap=2");
    m.is_slow = false;
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        travel(loop);
        CHECK(printer.at_pause[0] < places[0] / PRINT_EVERY);
        CHECK(printer.count > (JOURNEY_LAST - places[3]) / PRINT_EVERY);
        CHECK(printer.count < ALL);
    }
    free(m.digests);
}
