/* SPDX-License-Identifier: MIT */
/* Snapshots that are kept in NAME.snap: made while recording or replaying, used by a later
 * replay; files that are of something else. */
#include "journey-disk.h"
#include "snap-way.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static journey_host_t m;

static unsigned snapshots(void) {
    replay_info_t info = REPLAY_INFO_INIT;
    REQUIRE_STATUS(replay_query(&info), OK);
    return info.snapshots;
}

TEST_SLOW(a_replay_uses_the_snapshots_of_the_recording, 100) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        snap_way.seed = 10 + loop;
        m.is_slow = true;
        m.no_map = loop == LOOP_RUN;
        journey_record(&m, 10 + loop, "rrsnap=2");
        CHECK(snap_size() > 1000);
        m.is_slow = false;
        uint64_t executed = snap_play(&m, loop, NULL, 55000, 25);
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

/** How many a recording has with an option. */
static unsigned count_recorded(const char *options) {
    m.is_slow = true;
    journey_record(&m, 1, options);
    m.is_slow = false;
    journey_begin(&m, LOOP_OWN, NULL);
    m.on_pause = count_snapshots;
    CHECK_STATUS(replay_seek(10), OK);
    journey_run(&m);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
    return counted;
}

TEST_SLOW(a_size_is_what_the_guest_has_written_between_two, 60) {
    static const char *const both[] = {"rrsnap=1,rrsnap=1G", "rrsnap=1G,rrsnap=1"};
    for (int no_map = 0; no_map < 2; no_map++) {
        m.no_map = no_map;
        unsigned dense = count_recorded("rrsnap=4K"), sparse = count_recorded("rrsnap=1G");
        printf("    %u after each 4K, %u after each 1G\n", dense, sparse);
        CHECK(dense > 4);
        CHECK(sparse <= 2); /* those at the start, of the recording and of the replay */
    }
    m.no_map = false;
    /* The last one counts. */
    CHECK(count_recorded(both[0]) <= 2);
    CHECK(count_recorded(both[1]) > 5);
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
    snap_way.seed = 3;
    snap_play(&m, LOOP_OWN, "rrsnap=5", 100, 0);
    long size = snap_size();
    CHECK(size > 1000);
    m.is_slow = false;
    CHECK(snap_play(&m, LOOP_OWN, NULL, 55000, 10) < 40000);
    CHECK_EQ(snap_size(), size);
    /* And adds to them. */
    m.is_slow = true;
    snap_play(&m, LOOP_THREADS, "rrsnap=1", 50000, 3);
    CHECK(snap_size() > size);
    m.is_slow = false;
    CHECK(snap_play(&m, LOOP_OWN, NULL, 57000, 10) < 40000);
    free(m.digests);
}

static int may_extend[2];
static pid_t extender;
static unsigned before;

static void extend(journey_host_t *machine, replay_pause_reason_t why) {
    int status = -1;
    (void)why;
    before = snapshots();
    CHECK_EQ(write(may_extend[1], "", 1), 1);
    CHECK(waitpid(extender, &status, 0) == extender);
    CHECK_EQ(status, 0);
    machine->on_pause = count_snapshots;
    CHECK_STATUS(replay_seek(10), OK);
}

static unsigned count_at_begin(void) {
    journey_begin(&m, LOOP_OWN, NULL);
    m.on_pause = count_snapshots;
    CHECK_STATUS(replay_seek(10), OK);
    journey_run(&m);
    CHECK_STATUS(journey_end(&m), OK);
    return counted;
}

TEST_SLOW(what_another_process_adds_hides_nothing, 60) {
    char byte;
    journey_record(&m, 3, NULL);
    m.is_slow = true;
    snap_play(&m, LOOP_OWN, "rrsnap=30", 100, 0);
    unsigned first = count_at_begin();
    REQUIRE(pipe(may_extend) == 0);
    extender = fork(); /* while no session exists */
    if (extender == 0) {
        CHECK_EQ(read(may_extend[0], &byte, 1), 1);
        snap_play(&m, LOOP_OWN, "rrsnap=1", 100, 0);
        _exit(test_failures() > 0);
    }
    journey_begin(&m, LOOP_OWN, NULL);
    m.on_pause = extend;
    CHECK_STATUS(replay_seek(50000), OK);
    journey_run(&m);
    unsigned counted_after = counted, found = snapshots();
    CHECK_STATUS(journey_end(&m), OK);
    unsigned added = count_at_begin() - first;
    printf("    %u, %u were added, now %u\n", before, added, found);
    CHECK(added > 5);
    CHECK(counted_after >= before + added); /* already in the pause */
    CHECK(found >= counted_after);
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
    CHECK_EQ(snapshots(), 0);
    memset(m.digests, 0, (JOURNEY_LAST + 1) * sizeof *m.digests);
    m.cpu.ended = 1;
    CHECK_STATUS(journey_end(&m), OK);
    struct stat status;
    CHECK(stat(test_path("branch.log.snap"), &status) != 0);
    free(m.digests);
}

TEST(a_branch_fills_a_store_of_its_own) {
    journey_record(&m, 4, NULL);
    m.is_slow = true;
    journey_begin(&m, LOOP_OWN, "rrsnap=1,rrsnapsize=20000");
    m.on_pause = count_snapshots;
    CHECK_STATUS(replay_seek(40000), OK);
    while (m.pauses == 0)
        journey_turn(&m);
    CHECK_HAS(m.host.text, "run.log.snap has the size that rrsnapsize=20000 allows");
    CHECK_STATUS(replay_branch(test_path("branch.log")), OK);
    memset(m.digests, 0, (JOURNEY_LAST + 1) * sizeof *m.digests);
    journey_run(&m);
    CHECK_STATUS(journey_end(&m), OK);
    m.is_slow = false;
    CHECK_HAS(m.host.text, "branch.log.snap has the size that rrsnapsize=20000 allows");
    struct stat status;
    REQUIRE(stat(test_path("branch.log.snap"), &status) == 0);
    CHECK(status.st_size > 5000 && status.st_size <= 20000);
    free(m.digests);
}

TEST_SLOW(a_machine_with_a_disk_that_it_only_reads_has_snapshots, 60) {
    static const disk_options_t reads = {
        .pace = DISK_BUSY, .resubmits = true, .reads = true, .read_only = true};
    m.device = disk_device(&reads);
    m.is_slow = true;
    journey_record(&m, 14, "rrsnap=2");
    m.is_slow = false;
    snap_way.seed = 14;
    CHECK(snap_play(&m, LOOP_OWN, NULL, 55000, 10) < 40000);
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
    snap_way.seed = 15 + loop;
    CHECK(snap_play(&m, loop, NULL, 55000, 25) < 40000);
    CHECK(!strstr(m.host.text, "isn't used"));
    m.is_slow = true;
    long size = snap_size();
    snap_play(&m, loop, "rrsnap=1", 57000, 3);
    CHECK(snap_size() > size);
    m.is_slow = false;
    CHECK(snap_play(&m, LOOP_OWN, NULL, 58000, 10) < 40000);
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
    snap_way.seed = 18;
    snap_play(&m, LOOP_OWN, NULL, 55000, 5);
    CHECK_HAS(m.host.text, "isn't used: it doesn't have what the guest had written to disk0");
    free(m.digests);
}

/** Records a run of which the log has only the last part, and begins to replay it. On a busy
 *  computer it may have all of it. */
static bool begin_last_part(uint64_t seed) {
    m.on_pause = NULL;
    m.is_slow = true;
    journey_record(&m, seed, "rrlast=15ms,rrsnap=2,rrsegment=1024");
    m.is_slow = false;
    journey_begin(&m, LOOP_OWN, NULL);
    if (host_info().first_icount > 0)
        return true;
    (void)journey_end(&m);
    free(m.digests);
    return false;
}

/** What is kept begins at a snapshot, with what was written to the disk before it. */
TEST_SLOW(the_last_part_of_a_run_has_what_was_written_before_it, 100) {
    for (size_t i = 0; i < 2; i++) {
        m.device = disk_device(i ? &busy_disk : &calm_disk);
        unsigned attempts = 1;
        while (!begin_last_part(30 + i))
            REQUIRE(attempts++ < 30);
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
    snap_way.seed = 6;
    snap_play(&m, LOOP_OWN, NULL, 50000, 10);
    CHECK_HAS(m.host.text, "it is of a different recording");
    /* One that is made later replaces them. */
    m.is_slow = true;
    journey_record(&m, 7, "rrsnap=1");
    m.is_slow = false;
    CHECK(snap_play(&m, LOOP_OWN, NULL, 55000, 5) < 40000);
    CHECK(!strstr(m.host.text, "different recording"));
    free(m.digests);
}

TEST(what_is_no_store_stays_and_the_run_goes_on) {
    test_write_file(snap_path(), "my notes", 8);
    journey_record(&m, 8, "rrsnap=1");
    CHECK_HAS(m.host.text, "is not a store of snapshots");
    snap_way.seed = 8;
    snap_play(&m, LOOP_OWN, "rrsnap=1", 30000, 3);
    CHECK_HAS(m.host.text, "is not a store of snapshots");
    CHECK_EQ(snap_size(), 8);
    free(m.digests);
    unlink(snap_path());
    REQUIRE(mkdir(snap_path(), 0777) == 0);
    journey_record(&m, 9, "rrsnap=1");
    CHECK_HAS(m.host.text, "snapshots aren't written");
    snap_play(&m, LOOP_OWN, NULL, 30000, 3);
    free(m.digests);
    rmdir(snap_path());
}

TEST(what_this_session_uses_itself_is_no_store) {
    journey_record(&m, 8, NULL);
    REQUIRE(link(log_path(), snap_path()) == 0);
    snap_way.seed = 8;
    snap_play(&m, LOOP_OWN, "rrsnap=1", 30000, 3);
    CHECK_HAS(m.host.text, "log that this process replays");
    CHECK(!strstr(m.host.text, "another session"));
    unlink(snap_path());
    /* Nor is the store a log to which a branch is recorded. */
    journey_begin(&m, LOOP_OWN, "rrsnap=1");
    journey_turn(&m);
    REQUIRE(snap_size() > 0);
    CHECK_STATUS(replay_branch(snap_path()), ERROR_LOG_BUSY);
    CHECK_HAS(host_last_error().message, "store of snapshots that this process uses");
    CHECK_STATUS(replay_branch(log_path()), ERROR_LOG_BUSY);
    CHECK_HAS(host_last_error().message, "log that this process replays");
    CHECK_EQ(replay_get_mode(), REPLAY_MODE_PLAY);
    journey_run(&m);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

TEST(a_host_that_saves_its_state_later_has_snapshots_from_then_on) {
    m.is_slow = m.refuses = true;
    journey_begin_recording(&m, LOOP_OWN, 10, "rrsnap=1");
    while (m.cpu.icount < 30000)
        journey_turn(&m);
    CHECK_HAS(m.host.text, "rrsnap has made no snapshot yet: the host can't save its state");
    CHECK_EQ(atomic_load(&m.host.messages), 1);
    m.refuses = false;
    journey_run(&m);
    m.is_slow = false;
    CHECK_STATUS(journey_end(&m), OK);
    CHECK(snap_size() > 10000);
    snap_way.seed = 10;
    snap_play(&m, LOOP_OWN, NULL, 55000, 3);
    free(m.digests);
}

TEST(a_store_stops_at_its_limit_and_the_run_goes_on) {
    m.is_slow = true;
    journey_record(&m, 10, "rrsnap=1,rrsnapsize=20000");
    CHECK(snap_size() > 5000 && snap_size() <= 20000);
    CHECK_HAS(m.host.text, "no more snapshots are written: ");
    CHECK_HAS(m.host.text, "has the size that rrsnapsize=20000 allows");
    CHECK_EQ(atomic_load(&m.host.messages), 1);
    m.is_slow = false;
    snap_way.seed = 10;
    snap_play(&m, LOOP_OWN, NULL, 55000, 3);
    free(m.digests);
}
