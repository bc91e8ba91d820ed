/* SPDX-License-Identifier: MIT */
/* Snapshots that are kept in NAME.snap: made while recording or replaying, used by a later
 * replay; files that are of something else, or damaged, or whose writer was killed. */
#include "journey-disk.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static journey_host_t m;
static uint64_t seed, target;
static unsigned seeks;

static const char *snap_path(void) {
    return test_path("run.log.snap");
}

static long snap_size(void) {
    struct stat status;
    return stat(snap_path(), &status) == 0 ? (long)status.st_size : -1;
}

static unsigned snapshots(void) {
    replay_info_t info = REPLAY_INFO_INIT;
    REQUIRE_STATUS(replay_query(&info), OK);
    return info.snapshots;
}

/* ---------------------------------------------------------------------- seeks */

/** At each pause: is this the place? Then to the next one, until there were enough. */
static void seek_on(journey_host_t *machine, replay_pause_reason_t why) {
    CHECK_EQ(why, REPLAY_PAUSE_PLACE);
    CHECK_EQ(m.cpu.icount, target);
    CHECK(journey_digest(&m) == m.digests[target]);
    if (seeks-- == 0 || test_failures() > 0) {
        machine->on_pause = NULL;
        CHECK_STATUS(replay_resume(), OK);
        return;
    }
    target = test_random(&seed) % (JOURNEY_LAST - 2000);
    CHECK_STATUS(replay_seek(target), OK);
}

/** Replays with some seeks, first to @p first, to the end. @return instructions that were executed
 * until the first place was reached. */
static uint64_t first_executed;
static void note_executed(journey_host_t *machine, replay_pause_reason_t why) {
    first_executed = m.executed;
    machine->on_pause = seek_on;
    seek_on(machine, why);
}

static uint64_t play(journey_loop_t loop, const char *options, uint64_t first, unsigned more) {
    journey_begin(&m, loop, options);
    m.on_pause = note_executed;
    seeks = more;
    target = first;
    CHECK_STATUS(replay_seek(first), OK);
    journey_run(&m);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    return first_executed;
}

TEST_SLOW(a_replay_uses_the_snapshots_of_the_recording, 100) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        seed = 10 + loop;
        m.is_slow = true;
        m.no_map = loop == LOOP_RUN;
        journey_record(&m, 10 + loop, "rrsnap=2");
        CHECK(snap_size() > 1000);
        m.is_slow = false;
        uint64_t executed = play(loop, NULL, 55000, 25);
        if (executed > 40000)
            test_fail(TEST_HERE, "loop %d: %llu instructions to the first place", (int)loop,
                      (unsigned long long)executed);
        free(m.digests);
    }
}

static unsigned counted;
static void count_snapshots(journey_host_t *machine, replay_pause_reason_t why) {
    (void)why;
    counted = snapshots();
    machine->on_pause = NULL;
    CHECK_STATUS(replay_resume(), OK);
}

TEST(a_query_counts_those_of_the_file) {
    m.is_slow = true;
    journey_record(&m, 1, "rrsnap=2");
    m.is_slow = false;
    for (int round = 0; round < 2; round++) {
        journey_begin(&m, LOOP_OWN, round ? "rrsnap=off" : NULL);
        m.on_pause = count_snapshots;
        CHECK_STATUS(replay_seek(10), OK);
        journey_run(&m);
        CHECK_STATUS(journey_end(&m), OK);
        CHECK(round ? counted == 0 : counted > 5);
    }
    free(m.digests);
}

TEST(without_snapshots_there_is_no_way_back) {
    journey_record(&m, 1, NULL);
    CHECK_EQ(snap_size(), -1);
    journey_begin(&m, LOOP_OWN, "rrsnap=off");
    m.on_pause = count_snapshots;
    CHECK_STATUS(replay_reverse_step(), ERROR_NOT_SUPPORTED);
    CHECK_HAS(host_last_error().message, "rrsnap=off");
    CHECK_STATUS(replay_seek(5000), OK);
    journey_run(&m);
    CHECK_EQ(m.pauses, 1);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

TEST_SLOW(a_replay_leaves_snapshots_for_the_next_one, 60) {
    journey_record(&m, 3, NULL);
    m.is_slow = true;
    seed = 3;
    play(LOOP_OWN, "rrsnap=5", 100, 0);
    long size = snap_size();
    CHECK(size > 1000);
    m.is_slow = false;
    CHECK(play(LOOP_OWN, NULL, 55000, 10) < 40000);
    CHECK_EQ(snap_size(), size);
    /* And adds to them. */
    m.is_slow = true;
    play(LOOP_THREADS, "rrsnap=1", 50000, 3);
    CHECK(snap_size() > size);
    m.is_slow = false;
    CHECK(play(LOOP_OWN, NULL, 57000, 10) < 40000);
    free(m.digests);
}

TEST(a_branch_without_the_option_has_no_store) {
    journey_record(&m, 4, "rrsnap=1");
    journey_begin(&m, LOOP_OWN, NULL);
    m.on_pause = count_snapshots;
    CHECK_STATUS(replay_seek(3000), OK);
    while (m.pauses == 0) {
        uint64_t n = replay_get_budget(m.cpu.idle ? 0 : 500);
        replay_turn();
        if (n == 0)
            replay_wait(1000000);
        m.host.callbacks.execute(&m, n);
        m.host.callbacks.interrupt(&m);
        replay_account_executed_instructions();
    }
    CHECK_STATUS(replay_branch(test_path("branch.log")), OK);
    CHECK_EQ(replay_get_mode(), REPLAY_MODE_RECORD);
    memset(m.digests, 0, (JOURNEY_LAST + 1) * sizeof *m.digests);
    m.cpu.ended = 1;
    CHECK_STATUS(journey_end(&m), OK);
    struct stat status;
    CHECK(stat(test_path("branch.log.snap"), &status) != 0);
    free(m.digests);
}

TEST_SLOW(a_machine_with_a_disk_that_it_only_reads_has_snapshots, 60) {
    static const disk_options_t reads = {
        .pace = DISK_BUSY, .resubmits = true, .reads = true, .read_only = true};
    m.device = disk_device(&reads);
    m.is_slow = true;
    journey_record(&m, 14, "rrsnap=2");
    m.is_slow = false;
    seed = 14;
    CHECK(play(LOOP_OWN, NULL, 55000, 10) < 40000);
    CHECK(!strstr(m.host.text, "isn't used"));
    free(m.digests);
}

static const disk_options_t calm_disk = {.pace = DISK_CALM};
static const disk_options_t busy_disk = {.pace = DISK_BUSY, .resubmits = true};

/** Made while recording, then added to by a replay. */
static void write_and_go_back(const disk_options_t *disk, journey_loop_t loop) {
    m.device = disk_device(disk);
    m.is_slow = true;
    journey_record(&m, 15 + loop, "rrsnap=2");
    CHECK(snap_size() > 1000);
    CHECK(!strstr(m.host.text, "rrsnap"));
    m.is_slow = false;
    seed = 15 + loop;
    CHECK(play(loop, NULL, 55000, 25) < 40000);
    CHECK(!strstr(m.host.text, "isn't used"));
    m.is_slow = true;
    long size = snap_size();
    play(loop, "rrsnap=1", 57000, 3);
    CHECK(snap_size() > size);
    m.is_slow = false;
    CHECK(play(LOOP_OWN, NULL, 58000, 10) < 40000);
    CHECK(!strstr(m.host.text, "isn't used"));
    free(m.digests);
}

TEST_SLOW(what_a_guest_writes_to_disks_is_in_the_file, 200) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++)
        write_and_go_back(&calm_disk, loop);
}

TEST_SLOW(what_a_busy_disk_is_about_to_write_is_in_the_file, 200) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++)
        write_and_go_back(&busy_disk, loop);
}

/** The replayed machine could write to a disk that was read-only while recording. */
TEST_SLOW(a_snapshot_without_a_disk_that_is_written_to_is_not_used, 60) {
    static const disk_options_t fixed = {.reads = true, .read_only = true}, open = {.reads = true};
    m.device = disk_device(&fixed);
    m.is_slow = true;
    journey_record(&m, 18, "rrsnap=2");
    m.is_slow = false;
    m.device = disk_device(&open);
    seed = 18;
    play(LOOP_OWN, NULL, 55000, 5);
    CHECK_HAS(m.host.text, "isn't used: it doesn't have what the guest had written to disk0");
    free(m.digests);
}

/** What is kept begins at a snapshot, with what was written to the disk before it. */
TEST_SLOW(the_last_part_of_a_run_has_what_was_written_before_it, 100) {
    for (size_t i = 0; i < 2; i++) {
        m.device = disk_device(i ? &busy_disk : &calm_disk);
        m.is_slow = true;
        journey_record(&m, 30 + i, "rrlast=15ms,rrsnap=2,rrsegment=1024");
        m.is_slow = false;
        journey_begin(&m, LOOP_OWN, NULL);
        m.on_pause = NULL;
        journey_run(&m);
        CHECK_EQ(m.loads, 1);
        CHECK(m.executed < JOURNEY_LAST);
        CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
        CHECK_STATUS(journey_end(&m), OK);
        free(m.digests);
    }
}

/* ------------------------------------------------------- files that aren't its own */

static void copy(const char *from, const char *to) {
    size_t length;
    uint8_t *bytes = test_read_file(from, &length);
    REQUIRE(bytes);
    test_write_file(to, bytes, length);
    free(bytes);
}

/** The clocks and keys of both recordings differ; all that the file's header has is the same. */
TEST_SLOW(snapshots_of_a_different_recording_are_not_used, 60) {
    m.is_slow = true;
    journey_record(&m, 5, "rrsnap=1");
    free(m.digests);
    copy(snap_path(), test_path("other.snap"));
    journey_record(&m, 6, NULL);
    copy(test_path("other.snap"), snap_path());
    m.is_slow = false;
    seed = 6;
    play(LOOP_OWN, NULL, 50000, 10);
    CHECK_HAS(m.host.text, "it is of a different recording");
    /* One that is made later replaces them. */
    m.is_slow = true;
    journey_record(&m, 7, "rrsnap=1");
    m.is_slow = false;
    CHECK(play(LOOP_OWN, NULL, 55000, 5) < 40000);
    CHECK(!strstr(m.host.text, "different recording"));
    free(m.digests);
}

TEST(what_is_no_store_stays_and_the_run_goes_on) {
    test_write_file(snap_path(), "my notes", 8);
    journey_record(&m, 8, "rrsnap=1");
    CHECK_HAS(m.host.text, "is not a store of snapshots");
    seed = 8;
    play(LOOP_OWN, "rrsnap=1", 30000, 3);
    CHECK_HAS(m.host.text, "is not a store of snapshots");
    CHECK_EQ(snap_size(), 8);
    free(m.digests);
    unlink(snap_path());
    REQUIRE(mkdir(snap_path(), 0777) == 0);
    journey_record(&m, 9, "rrsnap=1");
    CHECK_HAS(m.host.text, "snapshots aren't written");
    play(LOOP_OWN, NULL, 30000, 3);
    free(m.digests);
    rmdir(snap_path());
}

TEST(a_store_stops_at_its_limit_and_the_run_goes_on) {
    m.is_slow = true;
    journey_record(&m, 10, "rrsnap=1,rrsnapsize=20000");
    CHECK(snap_size() > 20000 && snap_size() < 60000);
    m.is_slow = false;
    seed = 10;
    play(LOOP_OWN, NULL, 55000, 3);
    free(m.digests);
}

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
    seed = test_seed();
    for (unsigned round = 0; round < rounds; round++) {
        memcpy(bytes, sound, sound_length);
        size_t length = sound_length;
        for (unsigned i = 0; i < round % 4; i++)
            bytes[test_random(&seed) % length] ^= (uint8_t)(1 + test_random(&seed) % 255);
        if (round % 4 == 0 || round % 5 == 0)
            length = test_random(&seed) % length;
        test_write_file(snap_path(), bytes, length);
        test_note("round %u", round);
        play(LOOP_OWN, round % 3 ? NULL : "rrsnap=10", test_random(&seed) % JOURNEY_LAST, 3);
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
        m.on_pause = seek_on;
        seeks = 6;
        target = last - 1;
        CHECK_STATUS(replay_seek(target), OK);
        while (seeks > 0 && !host_stopped(&m.host) && m.on_pause) {
            replay_turn();
            m.host.callbacks.interrupt(&m);
            uint64_t n = replay_get_budget(m.cpu.idle || m.cpu.ended ? 0 : 700);
            if (n == 0)
                replay_wait(10000000);
            m.host.callbacks.execute(&m, n);
            replay_account_executed_instructions();
            if (target > last)
                break; /* beyond the end of what is left */
        }
        CHECK(!m.differs);
        journey_end(&m);
    }
    free(m.digests);
}

static void kill_recorders(unsigned count) {
    seed = test_seed();
    for (unsigned i = 0; i < count; i++) {
        uint64_t us = 3000 + test_random(&seed) % 90000;
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

/* --------------------------------------------------------------- named snapshots */

static replay_status_t named;
static void init_named(journey_host_t *machine) {
    (void)machine;
    named = replay_vmstate_init();
}
static void write_and_init(journey_host_t *machine) {
    machine->ram[100] ^= 1;
    named = replay_vmstate_init();
    machine->ram[100] ^= 1;
}

static replay_status_t play_named(void (*on_start)(journey_host_t *), const char *options) {
    m.on_start = on_start;
    journey_begin(&m, LOOP_OWN, options);
    m.on_start = NULL;
    m.on_pause = NULL;
    journey_run(&m);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    return named;
}

TEST(a_named_snapshot_is_made_and_loaded) {
    m.on_start = init_named;
    journey_record(&m, 12, "rrsnapshot=boot");
    CHECK_STATUS_IS(named, REPLAY_OK);
    CHECK_EQ(m.saves, 1);
    CHECK(snap_size() > 100);
    CHECK_STATUS_IS(play_named(init_named, "rrsnapshot=boot"), REPLAY_OK);
    CHECK_EQ(m.loads, 1);
    CHECK_STATUS_IS(play_named(init_named, NULL), REPLAY_OK);
    CHECK_STATUS_IS(play_named(init_named, "rrsnapshot=other"), REPLAY_ERROR_POSITION);
    CHECK_HAS(host_last_error().message, "can't be loaded");
    /* The machine is different. */
    CHECK_STATUS_IS(play_named(write_and_init, "rrsnapshot=boot"), REPLAY_ERROR_POSITION);
    CHECK_HAS(m.host.text, "the memory at the start differs");
    unlink(snap_path());
    CHECK_STATUS_IS(play_named(init_named, "rrsnapshot=boot"), REPLAY_ERROR_POSITION);
    free(m.digests);
}

TEST(a_named_snapshot_has_the_disks) {
    m.device = disk_device(&calm_disk);
    m.on_start = init_named;
    journey_record(&m, 16, "rrsnapshot=boot");
    CHECK_STATUS_IS(named, REPLAY_OK);
    CHECK_STATUS_IS(play_named(init_named, "rrsnapshot=boot"), REPLAY_OK);
    CHECK_EQ(m.loads, 1);
    free(m.digests);
}

TEST(a_named_snapshot_needs_a_mode_and_a_host_that_has_state) {
    static const replay_mode_t modes[] = {REPLAY_MODE_NONE, REPLAY_MODE_RECORD};
    for (size_t i = 0; i < 2; i++) {
        host_init(&m.host);
        REQUIRE_STATUS(host_configure(&m.host, modes[i], test_path("other.log"), "rrsnapshot=boot"),
                       OK);
        CHECK_STATUS(replay_start(), ERROR_NOT_SUPPORTED);
        CHECK_HAS(host_last_error().message, "'boot'");
        replay_finish();
    }
    m.on_start = init_named;
    m.refuses = true;
    journey_record(&m, 13, "rrsnapshot=boot");
    CHECK_STATUS_IS(named, REPLAY_ERROR_NOT_SUPPORTED);
    CHECK_HAS(host_last_error().message, "save_state");
    m.refuses = false;
    free(m.digests);
    REQUIRE(mkdir(snap_path(), 0777) == 0 || errno == EEXIST);
}

TEST(a_recording_without_memory_for_snapshots_reports_it) {
    journey_record(&m, 4, "rrsnap=1,rrsnapmem=1");
    CHECK_HAS(m.host.text, "rrsnap makes no snapshots: memory for snapshots ran out");
    free(m.digests);
}

static void refuse_to_go_back(journey_host_t *machine, replay_pause_reason_t why) {
    (void)why;
    machine->on_pause = NULL;
    CHECK_STATUS(replay_reverse_step(), ERROR_NOT_SUPPORTED);
    CHECK_HAS(host_last_error().message, "rrsnapmem=1 allows too little");
    CHECK_STATUS(replay_resume(), OK);
}

TEST(a_replay_without_memory_for_snapshots_names_the_option) {
    journey_record(&m, 4, NULL);
    journey_begin(&m, LOOP_OWN, "rrsnapmem=1");
    m.on_pause = refuse_to_go_back;
    CHECK_STATUS(replay_seek(5000), OK);
    journey_run(&m);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}
