/* SPDX-License-Identifier: MIT */
/* Journeys of a machine with a disk that the guest writes to. The controller compares what
 * it reads with what was written up to there, the library compares it with the recording,
 * and the digests tell whether the guest is the same. */
#include "journey-disk.h"
#include "journey-hits.h"

#include <unistd.h>

static journey_host_t m;
static disk_options_t disk;

static uint64_t target, seed;
static unsigned journeys;

static void record(uint64_t from, const char *options) {
    seed = from;
    m.device = disk_device(&disk);
    journey_record(&m, from, options);
    CHECK(disk_completions() > 20);
}

/** A replay whose overlay is kept. */
static void begin_replay(journey_loop_t loop, const char *options) {
    disk.overlay = REPLAY_BLOCK_OVERLAY_FILE;
    disk_device(&disk);
    journey_begin(&m, loop, options);
}

static void begin(journey_loop_t loop, uint64_t from, const char *options) {
    record(from, options);
    begin_replay(loop, options);
}

static void end(void) {
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    disk_check_overlay();
    free(m.digests);
    disk.overlay = REPLAY_BLOCK_OVERLAY_DEFAULT;
}

/* ------------------------------------------------------------------- journeys */

static bool seek_again(replay_pause_reason_t why) {
    CHECK_EQ(why, REPLAY_PAUSE_PLACE);
    if (!journey_is_here(&m, target) || journeys-- == 0)
        return false;
    if (test_random(&seed) % 4 == 0 && target > 0) {
        target--;
        CHECK_STATUS(replay_reverse_step(), OK);
        return true;
    }
    target = test_random(&seed) % JOURNEY_LAST;
    CHECK_STATUS(replay_seek(target), OK);
    return true;
}

/** To a place first, then so many journeys on. */
static void travel(bool (*next)(replay_pause_reason_t why), uint64_t first, unsigned count) {
    m.on_pause = journey_at_pause;
    m.next = next;
    journeys = count;
    target = first;
    CHECK_STATUS(replay_seek(target), OK);
    journey_run(&m);
}

static void seek_around(journey_loop_t loop, uint64_t from, unsigned count, const char *options) {
    begin(loop, from, options);
    travel(seek_again, test_random(&seed) % JOURNEY_LAST, count);
    CHECK(m.loads > count / 8);
    CHECK(m.saves > 10);
    end();
}

TEST_SLOW(random_journeys_find_the_same_state_and_content, 120) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++)
        seek_around(loop, 100 + loop, 60, NULL);
}

TEST_SLOW(a_disk_whose_data_the_log_has_goes_back_too, 120) {
    begin(LOOP_OWN, 3, "rrdata=on");
    travel(seek_again, 30000, 40);
    CHECK(m.loads > 5);
    end();
}

TEST_LONG(many_random_journeys, 1200) {
    for (unsigned i = 0; i < 60; i++) {
        disk.pace = i % 2 ? DISK_BUSY : DISK_CALM;
        disk.resubmits = i % 2 || i % 3;
        seek_around(i % LOOP_COUNT, 1000 + i, 150, NULL);
    }
}

enum { HITS = 20 };

static void break_and_reverse(void) {
    begin(LOOP_OWN, 5, NULL);
    journey_go_there_and_back(&m, HITS);
    for (unsigned i = 0; i < JOURNEY_BREAKS; i++)
        journey_set_break(&m, i, REPLAY_BREAK_SOFTWARE, 77 + 7 * i);
    CHECK_STATUS(replay_pause(), OK); /* from now on there are snapshots on the way */
    CHECK_STATUS(replay_resume(), OK);
    journey_run(&m);
    CHECK_EQ(m.pauses, 2 * HITS);
    end();
}

TEST_SLOW(reverse_continue_passes_writes, 120) {
    break_and_reverse();
}

/* ------------------------------------------------------- a disk that is always busy */

static void be_busy(void) {
    disk.pace = DISK_BUSY;
    disk.resubmits = true;
}

TEST_SLOW(pending_requests_are_submitted_again, 120) {
    be_busy();
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++)
        seek_around(loop, 200 + loop, 60, NULL);
}

TEST_SLOW(reverse_continue_passes_pending_requests, 120) {
    be_busy();
    break_and_reverse();
}

TEST_SLOW(a_busy_disk_without_resubmission_has_one_snapshot, 120) {
    disk.pace = DISK_BUSY;
    begin(LOOP_OWN, 3, NULL);
    travel(seek_again, 30000, 10);
    CHECK_EQ(m.saves, 1);
    CHECK(m.loads > 2);
    end();
}

static bool seek_back_and_forth(replay_pause_reason_t why) {
    CHECK_EQ(why, REPLAY_PAUSE_PLACE);
    if (m.pauses == 1)
        CHECK_EQ(m.loads, 1); /* one of the file: the way forward needs no other */
    return seek_again(why);
}

TEST_SLOW(pending_requests_are_in_the_file_too, 60) {
    be_busy();
    disk.reads = disk.read_only = true;
    m.device = disk_device(&disk);
    journey_record(&m, 6, "rrsnap=1");
    CHECK(m.saves > 1);
    journey_begin(&m, LOOP_OWN, NULL);
    seed = 6;
    travel(seek_back_and_forth, 55000, 30);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

/** A named overlay gets the content of the snapshots of the file, and the disk's layout. */
static void go_to_snapshots_of_the_file(const char *options) {
    m.device = disk_device(&disk);
    m.is_slow = true;
    journey_record(&m, 6, options);
    m.is_slow = false;
    CHECK(m.saves > 1);
    disk.overlay = REPLAY_BLOCK_OVERLAY_FILE;
    disk_device(&disk);
    journey_begin(&m, LOOP_OWN, NULL);
    seed = 6;
    travel(seek_back_and_forth, 55000, 30);
    end();
}

TEST_SLOW(what_the_guest_writes_is_in_the_file_too, 60) {
    go_to_snapshots_of_the_file("rrsnap=1");
}

TEST_SLOW(what_a_busy_guest_writes_is_in_the_file_too, 60) {
    be_busy();
    go_to_snapshots_of_the_file("rrsnap=1");
}

TEST_SLOW(a_store_of_a_run_whose_log_has_the_data_has_what_is_written, 60) {
    go_to_snapshots_of_the_file("rrsnap=1,rrdata=on");
}

TEST_SLOW(without_an_overlay_no_snapshots_are_in_the_file, 60) {
    disk.overlay = REPLAY_BLOCK_OVERLAY_OFF;
    disk.reads = true; /* it could write */
    m.device = disk_device(&disk);
    journey_record(&m, 6, "rrsnap=1");
    CHECK_EQ(m.saves, 0);
    CHECK_HAS(m.host.text,
              "rrsnap keeps no snapshots: the guest writes to disk0 without an overlay");
    free(m.digests);
    disk.overlay = REPLAY_BLOCK_OVERLAY_DEFAULT;
}

/** A host that doesn't submit the same again. */
static void check_failure(const char *message) {
    begin(LOOP_OWN, 8, NULL);
    travel(seek_again, 30000, 100);
    CHECK(host_stopped(&m.host));
    CHECK_EQ(m.host.stop_error.status, REPLAY_ERROR_POSITION);
    CHECK_HAS(m.host.stop_error.message, message);
    CHECK_HAS(m.host.stop_error.message, "of disk0");
    CHECK_STATUS(journey_end(&m), ERROR_POSITION);
}

TEST_SLOW(a_request_that_is_forgotten_is_reported, 60) {
    be_busy();
    disk.forgets = true;
    check_failure("did not submit again");
}

TEST_SLOW(a_request_that_was_not_pending_is_refused, 60) {
    be_busy();
    disk.differs = true;
    check_failure("did not submit again");
}

/* ------------------------------------------------------------------ ends of it */

static bool leave_at_the_second(replay_pause_reason_t why) {
    CHECK_EQ(why, REPLAY_PAUSE_PLACE);
    journey_is_here(&m, target);
    m.leaves = m.pauses == 2;
    if (m.leaves)
        return true;
    target = 21000;
    CHECK_STATUS(replay_seek(target), OK);
    return true;
}

/** To a late place, and back to one in the middle. */
static void go_back_and_leave(void) {
    m.on_pause = journey_at_pause;
    m.next = leave_at_the_second;
    target = 55000;
    CHECK_STATUS(replay_seek(target), OK);
    journey_run(&m);
    CHECK_EQ(m.pauses, 2);
    m.on_pause = NULL;
    m.leaves = false;
}

TEST_SLOW(an_end_after_going_back_leaves_the_content_of_there, 60) {
    begin(LOOP_OWN, 11, NULL);
    go_back_and_leave();
    CHECK_STATUS(journey_end(&m), ERROR_STOPPED_SHORT);
    CHECK(disk_completions() > 20);
    disk_check_overlay();
    free(m.digests);
    disk.overlay = REPLAY_BLOCK_OVERLAY_DEFAULT;
}

/** Branches after going back, and replaces the recording by the branch. @p has_store: with rrsnap,
 *  the branch has a store of its own. */
static void branch_after_going_back(bool has_store) {
    go_back_and_leave();
    const char *branch = test_path("branch");
    CHECK_STATUS(replay_branch(branch), OK);
    memset(m.digests + m.cpu.icount + 1, 0, (JOURNEY_LAST - m.cpu.icount) * sizeof *m.digests);
    CHECK_STATUS(replay_resume(), OK);
    journey_run(&m);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    disk_check_overlay();
    char store[600];
    snprintf(store, sizeof store, "%s.snap", branch);
    const char *own = test_path("run.log.snap");
    CHECK_EQ(rename(store, own), has_store ? 0 : -1);
    CHECK_EQ(rename(test_path("branch"), log_path()), 0);
}

static void go_back_and_branch(const char *options) {
    begin(LOOP_OWN, 11, options);
    branch_after_going_back(options != NULL);
    disk_device(&disk);
    journey_begin(&m, LOOP_OWN, NULL);
    if (options) {
        /* To the branch at once, because it has the snapshot from which its parent came there. */
        m.on_pause = journey_at_pause;
        m.next = seek_back_and_forth;
        journeys = 30;
        target = 21500;
        CHECK_STATUS(replay_seek(target), OK);
    }
    journey_run(&m);
    CHECK(!strstr(m.host.text, "isn't used"));
    end();
}

/** There at once: only the file can have a snapshot on the way from the start. */
static bool came_by_the_file(replay_pause_reason_t why) {
    CHECK_EQ(why, REPLAY_PAUSE_PLACE);
    journey_is_here(&m, target);
    CHECK_EQ(m.loads, 1);
    if (m.executed > target / 2)
        test_fail(TEST_HERE, "%llu instructions to icount %llu", (unsigned long long)m.executed,
                  (unsigned long long)target);
    return false;
}

/** New sessions, each to one place before the branch, with its log and its store alone. The
 *  recording had no store, so the parent made its snapshots all along the way. */
static void go_to_what_precedes_the_branch(void) {
    static const uint64_t places[] = {20999, 18003, 17000, 20001};
    record(11, NULL);
    m.is_slow = true;
    begin_replay(LOOP_OWN, "rrsnap=1");
    branch_after_going_back(true);
    m.is_slow = false;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        begin_replay(i % LOOP_COUNT, NULL);
        m.on_pause = journey_at_pause;
        m.next = came_by_the_file;
        target = places[i];
        CHECK_STATUS(replay_seek(target), OK);
        journey_run(&m);
        CHECK_EQ(m.pauses, 1);
        CHECK(!strstr(m.host.text, "isn't used"));
        CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
        CHECK_STATUS(journey_end(&m), OK);
        disk_check_overlay();
    }
    free(m.digests);
    disk.overlay = REPLAY_BLOCK_OVERLAY_DEFAULT;
}

TEST_SLOW(a_branch_has_snapshots_from_before_it, 60) {
    go_to_what_precedes_the_branch();
}

TEST_SLOW(a_branch_of_a_busy_disk_has_snapshots_from_before_it, 60) {
    be_busy();
    go_to_what_precedes_the_branch();
}

TEST_SLOW(a_branch_after_going_back_writes_on_from_there, 60) {
    go_back_and_branch(NULL);
}

TEST_SLOW(a_branch_has_snapshots_of_its_own, 60) {
    m.is_slow = true;
    go_back_and_branch("rrsnap=1");
}

TEST_SLOW(a_branch_of_a_busy_disk_has_snapshots_of_its_own, 60) {
    be_busy();
    m.is_slow = true;
    go_back_and_branch("rrsnap=1");
}

TEST_SLOW(a_branch_with_pending_requests_writes_on_from_there, 60) {
    be_busy();
    go_back_and_branch(NULL);
}

TEST_SLOW(a_replay_without_journeys_leaves_the_same_content, 60) {
    begin(LOOP_OWN, 12, NULL);
    journey_run(&m);
    CHECK_EQ(m.saves, 1);
    end();
}

static bool is_refused(replay_pause_reason_t why) {
    CHECK_EQ(why, REPLAY_PAUSE_PLACE);
    CHECK_STATUS(replay_reverse_step(), ERROR_NOT_SUPPORTED);
    CHECK_HAS(host_last_error().message, "disk0");
    CHECK_HAS(host_last_error().message, "without an overlay");
    return false;
}

TEST_SLOW(without_an_overlay_there_is_no_way_back, 60) {
    disk.overlay = REPLAY_BLOCK_OVERLAY_OFF;
    disk.reads = true; /* it could write */
    m.device = disk_device(&disk);
    journey_record(&m, 4, NULL);
    journey_begin(&m, LOOP_OWN, NULL);
    m.on_pause = journey_at_pause;
    m.next = is_refused;
    CHECK_STATUS(replay_seek(2000), OK);
    journey_run(&m);
    CHECK_EQ(m.pauses, 1);
    CHECK_EQ(m.saves, 0);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
    disk.overlay = REPLAY_BLOCK_OVERLAY_DEFAULT;
}
