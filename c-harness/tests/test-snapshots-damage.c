/* SPDX-License-Identifier: MIT */
/* Snapshots that are kept in NAME.snap, when the file is damaged or its writer was killed. */
#include "journey-disk.h"
#include "snap-way.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static journey_host_t m;
static const disk_options_t calm_disk = {.pace = DISK_CALM};
static const disk_options_t busy_disk = {.pace = DISK_BUSY, .resubmits = true};

/* --------------------------------------------------------------------- damage */

static uint8_t *sound;
static size_t sound_length;

static void damage_and_play(unsigned rounds, const disk_options_t *disk) {
    m.device = disk ? disk_device(disk) : NULL;
    m.is_slow = true;
    journey_record(&m, 11, "rrsnap=4");
    m.is_slow = false;
    sound = test_read_file(snap_path(), &sound_length);
    REQUIRE(sound && sound_length > 1000);
    uint8_t *bytes = malloc(sound_length);
    REQUIRE(bytes);
    snap_way.seed = test_seed();
    for (unsigned round = 0; round < rounds; round++) {
        memcpy(bytes, sound, sound_length);
        size_t length = sound_length;
        for (unsigned i = 0; i < round % 4; i++)
            bytes[test_random(&snap_way.seed) % length] ^=
                (uint8_t)(1 + test_random(&snap_way.seed) % 255);
        if (round % 4 == 0 || round % 5 == 0)
            length = test_random(&snap_way.seed) % length;
        test_write_file(snap_path(), bytes, length);
        test_note("round %u", round);
        snap_play(&m, LOOP_OWN, round % 3 ? NULL : "rrsnap=10",
                  test_random(&snap_way.seed) % JOURNEY_LAST, 3);
    }
    free(bytes);
    free(sound);
    free(m.digests);
}

TEST_SLOW(a_damaged_store_changes_no_replay, 100) {
    damage_and_play(40, NULL);
}
TEST_SLOW(a_damaged_store_with_disks_changes_no_replay, 100) {
    damage_and_play(20, &calm_disk);
    damage_and_play(20, &busy_disk);
}
TEST_LONG(nor_do_a_thousand_damaged_ones, 1500) {
    damage_and_play(1000, NULL);
}
TEST_LONG(nor_do_a_thousand_damaged_ones_with_disks, 3000) {
    damage_and_play(500, &calm_disk);
    damage_and_play(500, &busy_disk);
}

/* ---------------------------------------------------------------------- kills */

static void fill_digests(journey_host_t *machine, replay_pause_reason_t why) {
    (void)why;
    machine->on_pause = NULL;
    CHECK_STATUS(replay_resume(), OK);
}

/** Killed after @p us: the replay of what is left, and each place in it, is right. */
static void kill_recorder(uint64_t us) {
    unlink(log_path()); /* the last one's, of a machine that may have no disk */
    pid_t child = fork();
    if (child == 0) {
        m.is_slow = true;
        journey_record(&m, us, "rrsnap=1,rrsegment=4096");
        _exit(0);
    }
    struct timespec pause = {0, (long)us * 1000};
    nanosleep(&pause, NULL);
    int status;
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    m.digests = calloc(JOURNEY_LAST + 1, sizeof *m.digests);
    REQUIRE(m.digests);
    /* Straight on first, for what must be found at each place. */
    host_init(&m.host);
    replay_config_t config = host_config(&m.host, REPLAY_MODE_PLAY, log_path(), NULL);
    if (replay_configure(&config) != REPLAY_OK) {
        free(m.digests); /* it hadn't begun */
        return;
    }
    REQUIRE_STATUS(replay_finish(), OK);
    journey_begin(&m, LOOP_OWN, "rrsnap=off");
    m.digests[0] = journey_digest(&m);
    m.on_pause = fill_digests;
    journey_run(&m);
    uint64_t last = m.cpu.icount;
    journey_end(&m);
    if (last > 0) {
        journey_begin(&m, LOOP_OWN, NULL);
        snap_set_out(&m, last - 1, 6);
        while (snap_way.more > 0 && !host_stopped(&m.host) && m.on_pause) {
            replay_turn();
            m.host.callbacks.interrupt(&m);
            uint64_t n = replay_get_budget(m.cpu.idle || m.cpu.ended ? 0 : 700);
            if (n == 0)
                replay_wait(10000000);
            m.host.callbacks.execute(&m, n);
            replay_account_executed_instructions();
            if (snap_way.target > last)
                break; /* beyond the end of what is left */
        }
        CHECK(!m.differs);
        m.cpu.ended = true; /* its disk gets no more requests */
        journey_end(&m);
    }
    free(m.digests);
}

static void kill_recorders(unsigned count) {
    snap_way.seed = test_seed();
    for (unsigned i = 0; i < count; i++) {
        uint64_t us = 3000 + test_random(&snap_way.seed) % 90000;
        test_note("killed after %llu us", (unsigned long long)us);
        kill_recorder(us);
    }
}

TEST_SLOW(what_a_killed_recorder_leaves_is_right, 100) {
    kill_recorders(8);
    m.device = disk_device(&calm_disk);
    kill_recorders(8);
}
TEST_LONG(what_two_hundred_killed_recorders_leave_is_right, 1500) {
    kill_recorders(100);
    m.device = disk_device(&busy_disk);
    kill_recorders(100);
}
