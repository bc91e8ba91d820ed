/* SPDX-License-Identifier: MIT */
/* Going to any place in a replay, forward and back: pause, seek, reverse step, reverse
 * continue. What is found there is compared with what was there when the run was recorded. */
#include "journey-hits.h"

#include <sys/wait.h>
#include <unistd.h>

static journey_host_t m;

static uint64_t target, seed;
static unsigned journeys;

/* ----------------------------------------------------------------------- seek */

static bool seek_again(replay_pause_reason_t why) {
    CHECK_EQ(why, REPLAY_PAUSE_PLACE);
    CHECK(!replay_running_debug());
    if (!journey_is_here(&m, target) || journeys-- == 0)
        return false;
    target = test_random(&seed) % 8 ? test_random(&seed) % JOURNEY_LAST
                                    : (target > 5 ? target - test_random(&seed) % 5 : 3);
    CHECK_STATUS(replay_seek(target), OK);
    return true;
}

static void seek_around(journey_loop_t loop, uint64_t from, unsigned count) {
    seed = from;
    journey_record(&m, from, NULL);
    journey_begin(&m, loop, NULL);
    m.on_pause = journey_at_pause;
    m.next = seek_again;
    journeys = count;
    target = test_random(&seed) % JOURNEY_LAST;
    CHECK_STATUS(replay_seek(target), OK);
    journey_run(&m);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK(m.loads > count / 8);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

TEST_SLOW(random_seeks_find_the_same_state, 60) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++)
        seek_around(loop, 100 + loop, 60);
}

TEST_SLOW(random_seeks_without_a_map_of_dirty_pages, 60) {
    m.no_map = true;
    seek_around(LOOP_OWN, 7, 60);
}

TEST_LONG(many_random_seeks, 1200) {
    for (unsigned i = 0; i < 60; i++)
        seek_around(i % LOOP_COUNT, 1000 + i, 200);
}

/* ---------------------------------------------------------------- single steps */

static bool walk_back(replay_pause_reason_t why) {
    CHECK_EQ(why, target == UINT64_MAX ? REPLAY_PAUSE_BEGIN : REPLAY_PAUSE_PLACE);
    if (target == UINT64_MAX) {
        journey_is_here(&m, 0);
        return false;
    }
    if (!journey_is_here(&m, target))
        return false;
    if (journeys-- == 0) {
        target = 2;
        CHECK_STATUS(replay_seek(target), OK);
        return true;
    }
    target--;
    CHECK_STATUS(replay_reverse_step(), OK);
    CHECK(replay_running_debug());
    return true;
}

TEST_SLOW(steps_back_pass_sleep_interrupts_and_the_begin, 60) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        journey_record(&m, loop, NULL);
        journey_begin(&m, loop, NULL);
        m.on_pause = journey_at_pause;
        m.next = walk_back;
        journeys = 300;
        target = 20100; /* the guest slept at 19996 */
        CHECK_STATUS(replay_seek(target), OK);
        journey_run(&m);
        CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
        CHECK_STATUS(journey_end(&m), OK);
        free(m.digests);
    }
}

/* --------------------------------------------------------- breakpoints, backwards */

enum { HITS = 30 };

static void break_and_reverse(journey_loop_t loop, replay_break_kind_t kind, uint64_t address) {
    journey_record(&m, loop + address, NULL);
    journey_begin(&m, loop, NULL);
    journey_go_there_and_back(&m, HITS);
    for (unsigned i = 0; i < JOURNEY_BREAKS; i++)
        journey_set_break(&m, i, kind, address + 7 * i);
    CHECK_STATUS(replay_pause(), OK); /* from now on there are snapshots on the way */
    CHECK_STATUS(replay_resume(), OK);
    journey_run(&m);
    CHECK_EQ(m.pauses, 2 * HITS);
    CHECK_STATUS(journey_end(&m), OK);
    journey_clear_breaks(&m);
    free(m.digests);
}

TEST_SLOW(reverse_continue_finds_each_breakpoint_that_was_passed, 120) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        break_and_reverse(loop, REPLAY_BREAK_SOFTWARE, 77);
        break_and_reverse(loop, REPLAY_WATCH_WRITE, 1000);
        m.knows_watched = true;
        break_and_reverse(loop, REPLAY_WATCH_WRITE, 1000);
        m.knows_watched = false;
    }
}

/* ------------------------------------------------------------ the end of the log */

static bool end_and_back(replay_pause_reason_t why) {
    switch (m.pauses) {
    case 1: /* the seek went beyond the end */
        CHECK_EQ(why, REPLAY_PAUSE_END);
        CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
        CHECK(!host_stopped(&m.host));
        CHECK_STATUS(replay_reverse_step(), OK);
        return true;
    case 2:
        CHECK_EQ(why, REPLAY_PAUSE_PLACE);
        journey_is_here(&m, JOURNEY_LAST - 1);
        CHECK_STATUS(replay_seek(UINT64_MAX), OK);
        return true;
    default:
        CHECK_EQ(why, REPLAY_PAUSE_END);
        return false;
    }
}

TEST(the_end_of_the_log_is_a_place_like_any_other) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        journey_record(&m, 1, NULL);
        journey_begin(&m, loop, NULL);
        m.on_pause = journey_at_pause;
        m.next = end_and_back;
        CHECK_STATUS(replay_seek(JOURNEY_LAST + 1), OK);
        journey_run(&m);
        CHECK_EQ(m.pauses, 3);
        CHECK_STATUS(journey_end(&m), OK);
        free(m.digests);
    }
}

/** A recorder that doesn't finish: the last that it writes is an interrupt. */
static void cut_recording(uint64_t icount) {
    unlink(log_path());
    pid_t child = fork();
    if (child == 0) {
        journey_begin_recording(&m, LOOP_OWN, icount, NULL);
        while (m.cpu.icount < icount)
            journey_turn(&m);
        replay_chr_be_write(m.keyboard, (const uint8_t[]){1}, 1);
        replay_turn();
        m.host.callbacks.interrupt(&m);
        _exit(0);
    }
    REQUIRE(waitpid(child, NULL, 0) == child);
}

/** Nobody asks for anything until the machine has been paused for some turns. */
static void go_on(unsigned pauses, replay_pause_reason_t why, uint64_t icount) {
    while (m.pauses < pauses && !host_stopped(&m.host))
        journey_turn(&m);
    for (int i = 0; i < 3; i++)
        journey_turn(&m);
    CHECK_EQ(m.pauses, pauses);
    CHECK_EQ(m.why, why);
    CHECK_EQ(m.cpu.icount, icount);
}

TEST(the_last_event_of_a_cut_log_is_such_an_end) {
    cut_recording(20000);
    m.digests = calloc(JOURNEY_LAST + 1, sizeof *m.digests);
    REQUIRE(m.digests);
    journey_begin(&m, LOOP_OWN, NULL);
    journey_run(&m); /* straight on, to have the digests */
    uint64_t last = m.cpu.icount;
    CHECK(last >= 20000);
    CHECK_STATUS(journey_end(&m), ERROR_LOG_CUT);
    journey_begin(&m, LOOP_OWN, NULL);
    CHECK_STATUS(replay_seek(JOURNEY_LAST), OK);
    go_on(1, REPLAY_PAUSE_END, last);
    CHECK_STATUS(replay_reverse_step(), OK);
    go_on(2, REPLAY_PAUSE_PLACE, last - 1);
    journey_is_here(&m, last - 1);
    CHECK_STATUS(replay_seek(UINT64_MAX), OK);
    go_on(3, REPLAY_PAUSE_END, last);
    CHECK_STATUS(journey_end(&m), ERROR_LOG_CUT);
    free(m.digests);
}
