/* SPDX-License-Identifier: MIT */
/* Pauses and breakpoints in the modes that can't go back; misuse of debug.h. */
#include "journey-modes.h"

static journey_host_t m;

/* --------------------------------------------------------------------- pauses */

static void pause_before_the_first_slice(journey_host_t *machine) {
    (void)machine;
    CHECK(!replay_is_paused());
    CHECK_STATUS(replay_pause(), OK);
}

static void resume_at_once(journey_host_t *machine, replay_pause_reason_t why) {
    CHECK_EQ(why, REPLAY_PAUSE_REQUEST);
    CHECK_EQ(machine->cpu.icount, 0);
    CHECK_STATUS(replay_pause(), OK); /* it is paused already */
    CHECK_STATUS(replay_resume(), OK);
    CHECK_STATUS(replay_resume(), OK);
    CHECK(replay_is_paused()); /* until the callback has returned */
}

TEST(a_pause_before_the_first_slice_comes_before_the_first_instruction) {
    JOURNEY_EACH_MODE_AND_LOOP {
        m.on_start = pause_before_the_first_slice;
        m.on_pause = resume_at_once;
        journey_begin_in(&m, mode, loop);
        journey_run(&m);
        CHECK_EQ(m.pauses, 1);
        CHECK(!replay_is_paused());
        journey_end_in(&m, mode, loop);
    }
}

/* ---------------------------------------------------------------- breakpoints */

enum { HITS = 30 };
static uint64_t last_hit;

static void at_breakpoint(journey_host_t *machine, replay_pause_reason_t why) {
    CHECK_EQ(why, REPLAY_PAUSE_BREAKPOINT);
    CHECK(machine->pauses == 1 || machine->cpu.icount > last_hit);
    last_hit = machine->cpu.icount;
    if (machine->pauses == HITS)
        journey_clear_breaks(machine);
    CHECK_STATUS(replay_resume(), OK);
}

static void stop_at(replay_break_kind_t kind, uint64_t address) {
    JOURNEY_EACH_MODE_AND_LOOP {
        m.on_pause = at_breakpoint;
        for (unsigned i = 0; i < JOURNEY_BREAKS; i++)
            journey_set_break(&m, i, kind, address + 7 * i);
        journey_begin_in(&m, mode, loop);
        journey_run(&m);
        CHECK_EQ(m.pauses, HITS);
        journey_end_in(&m, mode, loop);
    }
}

TEST(a_breakpoint_stops_before_its_instruction_which_is_then_executed) {
    stop_at(REPLAY_BREAK_SOFTWARE, 77);
}

TEST(a_watchpoint_stops_before_the_write_which_then_happens) {
    stop_at(REPLAY_WATCH_WRITE, 1000);
}

/* -------------------------------------------------------------- what is refused */

static void refuse_journeys(void) {
    CHECK_STATUS(replay_seek(5), ERROR_WRONG_MODE);
    CHECK_STATUS(replay_seek_event(0), ERROR_WRONG_MODE);
    CHECK_STATUS(replay_reverse_step(), ERROR_WRONG_MODE);
    CHECK_STATUS(replay_reverse_continue(), ERROR_WRONG_MODE);
    CHECK(!replay_running_debug());
}

static void refuse_everything(void) {
    CHECK_STATUS(replay_pause(), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_resume(), ERROR_WRONG_STATE);
    CHECK(!replay_is_paused());
    CHECK(!replay_breakpoint(REPLAY_BREAK_SOFTWARE, 0));
}

TEST(journeys_need_a_replay) {
    JOURNEY_EACH_MODE_AND_LOOP {
        refuse_everything();
        refuse_journeys();
        journey_begin_in(&m, mode, loop);
        refuse_journeys();
        CHECK(!replay_is_paused());
        journey_run(&m);
        refuse_journeys();
        journey_end_in(&m, mode, loop);
        refuse_everything();
        refuse_journeys();
    }
}

static void before_the_start(journey_host_t *machine) {
    (void)machine;
    refuse_everything();
    if (replay_mode == REPLAY_MODE_PLAY) {
        CHECK_STATUS(replay_seek(5), ERROR_WRONG_STATE);
        CHECK_STATUS(replay_seek_event(0), ERROR_WRONG_STATE);
        CHECK_STATUS(replay_reverse_step(), ERROR_WRONG_STATE);
        CHECK_STATUS(replay_reverse_continue(), ERROR_WRONG_STATE);
    } else {
        refuse_journeys();
    }
}

TEST(nothing_can_be_paused_before_the_start) {
    m.prepare = before_the_start;
    JOURNEY_EACH_MODE_AND_LOOP {
        journey_begin_in(&m, mode, loop);
        journey_run(&m);
        journey_end_in(&m, mode, loop); /* a recording is replayed */
    }
}

TEST(breakpoints_need_the_vcpu_and_a_kind) {
    journey_begin_in(&m, REPLAY_MODE_NONE, LOOP_OWN);
    CHECK(!replay_breakpoint(REPLAY_BREAK_KINDS, 0));
    CHECK(!replay_breakpoint(-1, 0));
    CHECK(replay_breakpoint(REPLAY_WATCH_ACCESS, 0));
    m.on_pause = at_breakpoint;
    journey_run(&m);
    CHECK_EQ(m.pauses, 1);
    journey_end_in(&m, REPLAY_MODE_NONE, LOOP_OWN);
}
