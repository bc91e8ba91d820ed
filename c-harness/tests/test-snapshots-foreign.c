/* SPDX-License-Identifier: MIT */
/* Files NAME.snap of a different host, or of a different recording: a replay is the same as
 * without them. */
#include "journey-disk.h"
#include "snap-way.h"

#include <sys/stat.h>
#include <unistd.h>

static journey_host_t m;

/** How often the host heard this. */
static unsigned count_messages(const char *words) {
    unsigned count = 0;
    for (const char *at = m.host.text; (at = strstr(at, words)); at++)
        count++;
    return count;
}

/* --------------------------------------------------------------- of a different host */

/** From place to place, with load_state that refuses what the file has. */
TEST_SLOW(a_store_that_the_host_refuses_is_left_out, 100) {
    for (int more = 0; more < 2; more++) {
        m.has_more_state = more;
        m.is_slow = true;
        journey_record(&m, 40, "rrsnap=2");
        m.is_slow = false;
        m.has_more_state = !more;
        for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
            snap_way.seed = 40 + loop;
            snap_play(&m, loop, NULL, 50000, 10);
            CHECK_EQ(count_messages("isn't used"), 1);
            CHECK_HAS(m.host.text, "the host refused its state");
            CHECK_HAS(m.host.text, "run.log.snap");
        }
        free(m.digests);
    }
    m.has_more_state = false;
}

static unsigned hits;
static void back_to_begin(journey_host_t *machine, replay_pause_reason_t why) {
    (void)machine;
    if (why == REPLAY_PAUSE_BEGIN || hits > 200) {
        CHECK_EQ(m.cpu.icount, 0);
        journey_clear_breaks(&m);
        m.on_pause = NULL;
        CHECK_STATUS(replay_resume(), OK);
        return;
    }
    if (why == REPLAY_PAUSE_BREAKPOINT)
        hits++;
    CHECK_STATUS(replay_reverse_continue(), OK);
}

/** Back past breakpoints to the begin. - @return the hits on the way. */
static unsigned hits_on_the_way_back(void) {
    hits = 0;
    journey_begin(&m, LOOP_OWN, NULL);
    m.on_pause = back_to_begin;
    journey_set_break(&m, 0, REPLAY_BREAK_SOFTWARE, 77);
    CHECK_STATUS(replay_seek(50000), OK);
    journey_run(&m);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    return hits;
}

TEST_SLOW(a_search_goes_on_without_a_store_that_the_host_refuses, 100) {
    m.is_slow = true;
    journey_record(&m, 41, "rrsnap=2");
    m.is_slow = false;
    unsigned found = hits_on_the_way_back();
    CHECK(found > 3);
    CHECK_EQ(count_messages("isn't used"), 0);
    m.has_more_state = true;
    CHECK_EQ(hits_on_the_way_back(), found);
    CHECK_EQ(count_messages("isn't used"), 1);
    m.has_more_state = false;
    free(m.digests);
}

/** Nothing else can take its place. */
TEST(what_the_host_itself_has_saved_must_be_loaded) {
    journey_record(&m, 42, NULL);
    journey_begin(&m, LOOP_OWN, NULL);
    m.refuses_load = true;
    m.next = NULL;
    m.on_pause = NULL;
    for (int i = 0; i < 20; i++)
        journey_turn(&m);
    CHECK_STATUS(replay_seek(10), OK);
    journey_run(&m);
    m.refuses_load = false;
    CHECK_EQ(m.host.stop_error.status, REPLAY_ERROR_POSITION);
    CHECK_HAS(m.host.stop_error.message,
              "the snapshot at icount 0 can't be loaded: the host refused");
    CHECK_STATUS(journey_end(&m), ERROR_POSITION);
    free(m.digests);
}

TEST_SLOW(snapshots_with_requests_need_a_host_that_submits_them_again, 60) {
    static const disk_options_t busy = {.pace = DISK_BUSY, .resubmits = true};
    static const disk_options_t forgets = {.pace = DISK_BUSY};
    m.device = disk_device(&busy);
    m.is_slow = true;
    journey_record(&m, 43, "rrsnap=2");
    m.is_slow = false;
    m.device = disk_device(&forgets);
    snap_way.seed = 43;
    snap_play(&m, LOOP_OWN, NULL, 50000, 10);
    CHECK_EQ(count_messages("isn't used: requests of disk0 were under way"), 1);
    free(m.digests);
    m.device = NULL;
}

/* ---------------------------------------------------------- of a different recording */

/** The machine is the same, and so is the head of the log. */
TEST_SLOW(a_recording_removes_the_snapshots_of_the_one_that_it_replaces, 60) {
    m.is_slow = true;
    journey_record(&m, 44, "rrsnap=2");
    free(m.digests);
    CHECK(snap_size() > 1000);
    m.is_slow = false;
    journey_record(&m, 45, NULL);
    CHECK_EQ(snap_size(), -1);
    free(m.digests);
    /* What is no store stays. */
    static const char *const names[] = {"my notes, which are longer than a header's magic bytes",
                                        ""};
    for (size_t i = 0; i < 2; i++) {
        test_write_file(snap_path(), names[i], strlen(names[i]));
        journey_record(&m, 46, NULL);
        CHECK_EQ(snap_size(), (long)strlen(names[i]));
        free(m.digests);
    }
    unlink(snap_path());
}

static void keep_store(const char *path) {
    size_t length;
    uint8_t *bytes = test_read_file(snap_path(), &length);
    REQUIRE(bytes);
    test_write_file(path, bytes, length);
    free(bytes);
}

TEST_SLOW(a_link_to_a_store_stays, 60) {
    m.is_slow = true;
    journey_record(&m, 47, "rrsnap=5");
    free(m.digests);
    m.is_slow = false;
    REQUIRE(rename(snap_path(), test_path("other.snap")) == 0);
    REQUIRE(symlink("other.snap", snap_path()) == 0);
    journey_record(&m, 48, NULL);
    free(m.digests);
    CHECK(snap_size() > 1000);
    unlink(snap_path());
    unlink(test_path("other.snap"));
}

TEST_SLOW(a_replay_replaces_the_store_of_a_different_recording, 60) {
    m.is_slow = true;
    journey_record(&m, 49, "rrsnap=1");
    free(m.digests);
    long size = snap_size();
    keep_store(test_path("other.snap"));
    journey_record(&m, 50, NULL);
    REQUIRE(rename(test_path("other.snap"), snap_path()) == 0);
    snap_way.seed = 50;
    snap_play(&m, LOOP_OWN, NULL, 50000, 10);
    CHECK_EQ(count_messages("different recording"), 1);
    CHECK_EQ(snap_size(), size);
    snap_play(&m, LOOP_OWN, "rrsnap=20", 50000, 2);
    CHECK_EQ(count_messages("isn't used"), 0);
    CHECK(snap_size() < size);
    m.is_slow = false;
    snap_play(&m, LOOP_OWN, NULL, 50000, 10);
    CHECK_EQ(count_messages("isn't used"), 0);
    free(m.digests);
}
