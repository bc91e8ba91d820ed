/* SPDX-License-Identifier: MIT */
/* The disk is full while recording: this is reported once, the machine stops or
 * continues as the host chose, and what was written replays. */
#include "block-host.h"
#include "journey-disk.h"
#include "own-disk.h"
#include "snap-way.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static host_t host;
static char log_name[500];

enum { MOST = 60000 };

static uint64_t value_of(uint64_t n) {
    uint64_t seed = n;
    return test_random(&seed);
}

/* Writes what does not compress, until the machine is stopped; the number of
 * events that the library took. */
static uint64_t record_until_full(const char *options, uint64_t most) {
    host_begin(&host, REPLAY_MODE_RECORD, log_name, options);
    uint64_t n = 0;
    uint8_t bytes[64];
    for (; n < most && !host_stopped(&host); n++) {
        host_execute(&host, 3, 100);
        for (int i = 0; i < 8; i++)
            memcpy(bytes + 8 * i, &(uint64_t){value_of(n * 8 + (uint64_t)i)}, 8);
        if (replay_save_random(0, bytes, sizeof bytes) != REPLAY_OK && host_stopped(&host))
            break;
    }
    return n;
}

static uint64_t play_back(replay_status_t *finished) {
    host_begin(&host, REPLAY_MODE_PLAY, log_name, NULL);
    uint64_t n = 0;
    uint8_t bytes[64], want[64];
    while (host_execute(&host, 3, 100) && !host_stopped(&host)) {
        for (int i = 0; i < 8; i++)
            memcpy(want + 8 * i, &(uint64_t){value_of(n * 8 + (uint64_t)i)}, 8);
        if (replay_read_random(bytes, sizeof bytes) != 0)
            break;
        CHECK_BYTES(bytes, want, sizeof bytes);
        n++;
    }
    host_run_to_end(&host, 3);
    CHECK_EQ(host.stops, 1);
    *finished = host_end(&host);
    return n;
}

static void check_played(uint64_t recorded) {
    replay_status_t finished;
    uint64_t played = play_back(&finished);
    printf("    %llu events were recorded, %llu are replayed, then: %s\n",
           (unsigned long long)recorded, (unsigned long long)played, test_status_name(finished));
    CHECK(played > 100);
    CHECK(played >= recorded);
    CHECK(finished == REPLAY_OK || finished == REPLAY_ERROR_LOG_CUT);
}

TEST(the_machine_stops_and_the_failure_is_reported_once) {
    snprintf(log_name, sizeof log_name, "%s/run.log", own_disk("tmpfs", "size=512k"));
    uint64_t recorded = record_until_full("rrsegment=16384", MOST);
    REQUIRE(recorded < MOST);
    CHECK_EQ(host.stops, 1);
    CHECK_EQ(host.stop_reason, REPLAY_STOP_LOG_ERROR);
    CHECK_STATUS(host_stop_status(&host), ERROR_DISK_FULL);
    CHECK_EQ(host.stop_error.system_error, ENOSPC);
    CHECK_HAS(host.stop_error.message, "run.log");
    printf("    %s\n", host.stop_error.message);
    CHECK_ERROR(ERROR_DISK_FULL);
    /* Later calls return neutral values, and report nothing again. */
    unsigned errors = host.error_messages;
    CHECK(errors <= 1);
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(replay_get_budget(100), 0);
        CHECK(!replay_interrupt());
        CHECK(!replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_HOST));
        CHECK_EQ(replay_save_clock(REPLAY_CLOCK_HOST, 77, host.icount), 77);
        CHECK_STATUS(replay_start_warp_timer(), ERROR_DISK_FULL);
    }
    CHECK_EQ(host.stops, 1);
    CHECK_EQ(host.error_messages, errors);
    CHECK_STATUS(host_end(&host), ERROR_DISK_FULL);
    CHECK_ERROR(ERROR_DISK_FULL);
    check_played(recorded);
}

TEST(the_machine_may_go_on_unrecorded) {
    snprintf(log_name, sizeof log_name, "%s/run.log", own_disk("tmpfs", "size=512k"));
    uint64_t done = record_until_full("rrsegment=16384,rrfull=go", MOST);
    CHECK_EQ(done, MOST);
    CHECK_EQ(host.stops, 0);
    CHECK_EQ(host.error_messages, 1);
    CHECK_HAS(host.text, "run.log");
    CHECK_ERROR(ERROR_DISK_FULL);
    CHECK_EQ(replay_get_budget(100), 100);
    CHECK(replay_interrupt());
    CHECK(replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_HOST));
    CHECK_STATUS(host_end(&host), ERROR_DISK_FULL);
    CHECK_EQ(host.error_messages, 1);
    check_played(1000);
}

TEST(a_disk_that_is_full_before_the_start_is_reported) {
    snprintf(log_name, sizeof log_name, "%s/run.log", own_disk("tmpfs", "size=96k"));
    host_init(&host);
    replay_status_t status =
        host_configure(&host, REPLAY_MODE_RECORD, log_name, "rrsegment=1048576");
    if (status == REPLAY_OK)
        status = replay_start();
    CHECK_STATUS_IS(status, REPLAY_ERROR_DISK_FULL);
    CHECK_HAS(host_last_error().message, "run.log");
    if (replay_get_mode() != REPLAY_MODE_NONE)
        replay_finish();
}

TEST(a_disk_that_fills_at_the_very_end_is_reported_by_finish) {
    const char *folder = own_disk("tmpfs", "size=512k");
    char filler[600];
    snprintf(log_name, sizeof log_name, "%s/run.log", folder);
    snprintf(filler, sizeof filler, "%s/filler", folder);
    uint64_t recorded = record_until_full("rrsegment=16384", 2000);
    CHECK_EQ(recorded, 2000);
    CHECK_EQ(host.stops, 0);
    int file = open(filler, O_CREAT | O_WRONLY, 0600);
    char block[4096] = {0};
    while (write(file, block, sizeof block) > 0)
        ;
    while (write(file, block, 1) > 0)
        ;
    replay_status_t status = host_end(&host);
    close(file);
    printf("    finish: %s\n", test_status_name(status));
    CHECK(status == REPLAY_OK || status == REPLAY_ERROR_DISK_FULL);
    check_played(recorded);
}

TEST(a_limit_of_the_file_size_is_reported_too) {
    snprintf(log_name, sizeof log_name, "%s", test_path("run.log"));
    struct rlimit limit = {200000, 200000};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    uint64_t recorded = record_until_full("rrsegment=4096", MOST);
    REQUIRE(recorded < MOST);
    CHECK_EQ(host.stops, 1);
    CHECK_EQ(host.stop_reason, REPLAY_STOP_LOG_ERROR);
    CHECK(host_stop_status(&host) == REPLAY_ERROR_DISK_FULL ||
          host_stop_status(&host) == REPLAY_ERROR_SYSTEM);
    CHECK_EQ(host.stop_error.system_error, EFBIG);
    CHECK(host_end(&host) < 0);
    check_played(recorded);
}

/* ------------------------------------------------------------------ overlays */

/** Writes until it can't. */
static uint64_t write_blocks(replay_mode_t mode) {
    static disk_t disk;
    uint8_t data[4096];
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, mode, test_path("run.log"), NULL), OK);
    replay_block_t *block = disk_open(&disk, REPLAY_BLOCK_OVERLAY_TEMPORARY);
    host_start(&host, 3);
    uint64_t n = 0;
    for (; n < 16 && !host_stopped(&host); n++) {
        memset(data, (int)n + 1, sizeof data);
        int32_t result = write_now(&host, block, n * sizeof data, data, sizeof data);
        CHECK(result == 0 || host_stopped(&host));
        host_execute(&host, 3, 100);
    }
    return n;
}

TEST(an_overlay_that_is_full_in_a_replay_is_no_divergence) {
    CHECK_EQ(write_blocks(REPLAY_MODE_RECORD), 16);
    REQUIRE_STATUS(host_end(&host), OK);
    struct rlimit limit = {5 * 4096, 5 * 4096};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    write_blocks(REPLAY_MODE_PLAY);
    CHECK_EQ(host.stops, 1);
    CHECK_EQ(host.stop_reason, REPLAY_STOP_LOG_ERROR);
    CHECK_STATUS(host_stop_status(&host), ERROR_DISK_FULL);
    CHECK_EQ(host.stop_error.system_error, EFBIG);
    CHECK_HAS(host.stop_error.message, "overlay");
    CHECK_STATUS(host_end(&host), ERROR_DISK_FULL);
}

/* ------------------------------------------------------------------ journeys */

static journey_host_t machine;

/* The library asks where to make the next snapshot: how many there are, and so how much of the
 * disk they need, doesn't depend on time. */
uint64_t replay_test_next_snapshot(uint64_t icount);

uint64_t replay_test_next_snapshot(uint64_t icount) {
    return icount + 500;
}

static unsigned count(const char *text, const char *part) {
    unsigned n = 0;
    for (; (text = strstr(text, part)); text++)
        n++;
    return n;
}

static char small_disk[300];

/** A recording, and the options for journeys with an overlay on a small disk. */
static const char *record_for(const char *size, bool keeps, disk_pace_t pace) {
    static char options[500];
    disk_options_t disk = {.resubmits = true, .pace = pace, .fails = true};
    machine.device = disk_device(&disk);
    journey_record(&machine, 3, keeps ? "rrsnap=1" : NULL);
    snprintf(small_disk, sizeof small_disk, "%s", own_disk("tmpfs", size));
    snprintf(options, sizeof options, "rroverlay=%s", small_disk);
    snap_way.seed = 3;
    return options;
}

TEST_SLOW(snapshots_that_find_no_room_are_reported_once, 60) {
    const char *options = record_for("size=96k", true, DISK_CALM);
    snap_play(&machine, LOOP_OWN, options, 50000, 40);
    CHECK_EQ(count(machine.host.text, "disk is full"), 1);
    CHECK_EQ(count(machine.host.text, "isn't used"), 0);
    free(machine.digests);
}

/* So many snapshots would need ten times the room that there is. */
TEST_SLOW(snapshots_in_memory_give_up_their_room, 60) {
    const char *options = record_for("size=96k", false, DISK_BUSY);
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        snap_play(&machine, loop, options, 50000, 40);
        CHECK_EQ(machine.host.messages, 0);
    }
    free(machine.digests);
}

static unsigned journeys_left;

static void go_anywhere(journey_host_t *m, replay_pause_reason_t why) {
    CHECK_EQ(why, REPLAY_PAUSE_PLACE);
    if (journeys_left-- == 0) {
        m->on_pause = NULL;
        CHECK_STATUS(replay_resume(), OK);
        return;
    }
    CHECK_STATUS(replay_seek(test_random(&snap_way.seed) % (JOURNEY_LAST - 2000)), OK);
}

static replay_status_t travel_until_full(journey_loop_t loop, const char *options) {
    journeys_left = 40;
    machine.on_pause = go_anywhere;
    journey_begin(&machine, loop, options);
    CHECK_STATUS(replay_seek(50000), OK);
    journey_run(&machine);
    replay_error_t error = host_last_error();
    replay_status_t status = journey_end(&machine);
    if (status == REPLAY_OK)
        return status;
    CHECK_STATUS(status, ERROR_DISK_FULL);
    CHECK_STATUS(host_stop_status(&machine.host), ERROR_DISK_FULL);
    CHECK_EQ(machine.host.stops, 1);
    CHECK_EQ(error.system_error, ENOSPC);
    CHECK_HAS(error.message, "its overlay can't be written");
    CHECK_HAS(error.message, "rroverlay");
    return status;
}

/* It has less room than what the guest has written at the end, or hardly more. */
TEST_SLOW(a_disk_that_is_too_small_ends_the_replay, 100) {
    const char *options = record_for("size=24k", false, DISK_BUSY);
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++)
        CHECK_STATUS(travel_until_full(loop, options), ERROR_DISK_FULL);
    unsigned full = 0;
    REQUIRE(mount("none", small_disk, "tmpfs", MS_REMOUNT, "size=48k") == 0);
    for (unsigned i = 0; i < 6; i++)
        full += travel_until_full(i % LOOP_COUNT, options) != REPLAY_OK;
    printf("    %u of 6 replays found no room\n", full);
    free(machine.digests);
}
