/* SPDX-License-Identifier: MIT */
/* Debugging a replay over gdb's protocol: every motion, forward and back. */
#include "journey-gdb.h"

#include <unistd.h>

static journey_host_t m;
static gdb_client_t c;

static uint64_t where(void) {
    return gdb_register(&c, JOURNEY_A1);
}

/** The digest there is the one that it had when the machine ran straight on. */
static bool is_as_recorded(void) {
    uint64_t icount = where();
    if (CHECK(icount <= JOURNEY_LAST) && gdb_register(&c, JOURNEY_A0) == m.digests[icount])
        return true;
    test_fail(TEST_HERE, "the state at icount %d isn't the recorded one", (int)icount);
    return false;
}

#define CHECK_ANSWER(packet, answer) CHECK_STR(gdb_ask(&c, packet), answer)

/* ----------------------------------------------------------------------- play */

static void steps(void) {
    CHECK_ANSWER("?", "T05thread:1;");
    CHECK_EQ(where(), 0);
    for (uint64_t i = 1; i <= 20; i++) {
        CHECK_ANSWER("s", "T05thread:1;");
        CHECK_EQ(where(), i);
        is_as_recorded();
    }
    for (uint64_t i = 20; i-- > 0;) {
        CHECK_ANSWER("bs", "T05thread:1;");
        CHECK_EQ(where(), i);
        is_as_recorded();
    }
    CHECK_ANSWER("bs", "T05replaylog:begin;thread:1;");
}

/** Some come in each recording: 15 on average. */
enum { HITS = 4 };

static void breakpoints(void) {
    CHECK_ANSWER("Z0,4d,4", "OK");
    CHECK_ANSWER("Z0,4d,4", "OK");
    uint64_t hits[HITS];
    for (unsigned i = 0; i < HITS; i++) {
        CHECK_ANSWER("c", "T05swbreak:;thread:1;");
        CHECK_EQ(gdb_register(&c, JOURNEY_REG_PC), 0x4d);
        hits[i] = where();
        CHECK(i == 0 || hits[i] > hits[i - 1]);
    }
    for (unsigned i = HITS - 1; i-- > 0;) {
        CHECK_ANSWER("bc", "T05swbreak:;thread:1;");
        CHECK_EQ(where(), hits[i]);
        CHECK_EQ(gdb_register(&c, JOURNEY_REG_PC), 0x4d);
    }
    CHECK_ANSWER("bc", "T05replaylog:begin;thread:1;");
    /* icount > hits[1], as a debugger would say it. */
    char packet[128];
    snprintf(packet, sizeof packet, "Z0,4d,4;X8,23%04x26000b1427", (unsigned)hits[1]);
    CHECK_STR(gdb_ask(&c, "%s", packet), "OK");
    unsigned pauses = m.pauses;
    CHECK_ANSWER("c", "T05swbreak:;thread:1;");
    CHECK_EQ(where(), hits[2]);
    CHECK_EQ(m.pauses, pauses + 1);
    CHECK_ANSWER("c", "T05swbreak:;thread:1;");
    CHECK_ANSWER("bc", "T05swbreak:;thread:1;");
    CHECK_EQ(where(), hits[2]);
    CHECK_ANSWER("bc", "T05replaylog:begin;thread:1;");
    CHECK_ANSWER("z0,4d,4", "OK");
}

/** As gdb uses watchpoints on a processor of this kind: it steps over the access itself. */
static void watchpoints(void) {
    uint64_t hits[5];
    char before[8], after[8];
    for (unsigned i = 0; i < 5; i++) {
        CHECK_ANSWER("Z2,3e8,1", "OK");
        snprintf(before, sizeof before, "%s", gdb_ask(&c, "m3e8,1"));
        CHECK_ANSWER("c", "T05watch:3e8;thread:1;");
        hits[i] = where();
        CHECK_ANSWER("m3e8,1", before);
        CHECK_ANSWER("z2,3e8,1", "OK");
        CHECK_ANSWER("s", "T05thread:1;");
        CHECK_EQ(where(), hits[i] + 1);
        snprintf(after, sizeof after, "%s", gdb_ask(&c, "m3e8,1"));
        CHECK(strcmp(before, after) != 0);
    }
    for (unsigned i = 5; i-- > 0;) {
        CHECK_ANSWER("Z2,3e8,1", "OK");
        CHECK_ANSWER("bc", "T05watch:3e8;thread:1;");
        CHECK_EQ(where(), hits[i] + 1);
        CHECK_ANSWER("z2,3e8,1", "OK");
        CHECK_ANSWER("bs", "T05thread:1;");
        CHECK_EQ(where(), hits[i]);
        is_as_recorded();
    }
    /* The access at which the machine stands now is still to come. */
    CHECK_ANSWER("Z2,3e8,1", "OK");
    CHECK_ANSWER("c", "T05watch:3e8;thread:1;");
    CHECK_EQ(where(), hits[0]);
    CHECK_ANSWER("c", "T05watch:3e8;thread:1;");
    CHECK_EQ(where(), hits[1]);
    CHECK_ANSWER("z2,3e8,1", "OK");
    CHECK_ANSWER("Z3,3e8,1", "E1c");
}

static void ends_of_history(void) {
    CHECK_ANSWER("c", "T05replaylog:end;thread:1;");
    CHECK_EQ(where(), JOURNEY_LAST);
    CHECK_ANSWER("bc", "T05replaylog:begin;thread:1;");
    CHECK_ANSWER("c", "T05replaylog:end;thread:1;");
    CHECK_ANSWER("Z0,4d,4", "OK");
    CHECK_HAS(gdb_ask(&c, "bc"), "swbreak");
    CHECK_ANSWER("z0,4d,4", "OK");
    CHECK_ANSWER("c", "T05replaylog:end;thread:1;");
    CHECK_ANSWER("c", "T05replaylog:end;thread:1;");
    CHECK_ANSWER("bs", "T05thread:1;");
    is_as_recorded();
    CHECK_ANSWER("bc", "T05replaylog:begin;thread:1;");
    CHECK_ANSWER("P0a=0000000000000000", "E.a recording's registers and memory can't be changed");
    CHECK_ANSWER("M0,1:00", "E01");
}

static void monitor_commands(void) {
    CHECK_HAS(gdb_monitor(&c, "seek 30000"), "icount 30000");
    CHECK_EQ(where(), 30000);
    is_as_recorded();
    CHECK_HAS(gdb_monitor(&c, "where"), "play, icount 30000, event");
    CHECK_HAS(gdb_monitor(&c, "info"), "can go back");
    CHECK_HAS(gdb_monitor(&c, "snapshots"), "snapshots, ");
    CHECK_HAS(gdb_monitor(&c, "events 3"), "\n");
    CHECK_HAS(gdb_monitor(&c, "events x"), "events needs a count");
    CHECK_HAS(gdb_monitor(&c, "help"), "seek event NUMBER");
    CHECK_HAS(gdb_monitor(&c, "dance"), "unknown command");
    CHECK_HAS(gdb_monitor(&c, "seek event 99999999"), "event");
    CHECK_HAS(gdb_monitor(&c, "seek 99999999999"), "this is the end of the recording");
    CHECK_HAS(gdb_monitor(&c, "seek event 0"), "icount");
}

static void all_of_it(void) {
    CHECK_HAS(gdb_ask(&c, "qSupported:swbreak+;hwbreak+"), "ReverseStep+;ReverseContinue+");
    CHECK(replay_gdb_attached());
    steps();
    breakpoints();
    watchpoints();
    ends_of_history();
    monitor_commands();
    CHECK_ANSWER("Z0,4d,4", "OK");
    CHECK_ANSWER("D", "OK");
}

static void play(journey_loop_t loop) {
    journey_record(&m, 3 + loop, NULL);
    m.prepare = journey_listen;
    journey_begin(&m, loop, NULL);
    journey_debug(&m, &c, all_of_it);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK(access(test_path("gdb"), F_OK) != 0);
    for (unsigned i = 0; i < JOURNEY_BREAKS; i++)
        CHECK(!m.breaks[i].set);
    free(m.digests);
    m.prepare = NULL;
}

TEST_SLOW(a_debugger_goes_anywhere_in_a_replay, 100) {
    play(LOOP_OWN);
}
TEST_SLOW(a_debugger_goes_anywhere_in_a_replay_of_the_library_s_loop, 100) {
    play(LOOP_RUN);
}
TEST_SLOW(a_debugger_goes_anywhere_in_a_replay_with_two_threads, 100) {
    play(LOOP_THREADS);
}

static uint64_t seed;
static unsigned moves;

/** Motions in any order, some interrupted: the state is always that of the recording. */
static void wander(void) {
    bool is_set = false, is_exact = true;
    gdb_ask(&c, "qSupported:swbreak+");
    gdb_ask(&c, "QStartNoAckMode");
    for (unsigned i = 0; i < moves; i++) {
        uint64_t choice = test_random(&seed);
        const char *motion = (const char *const[]){"c", "bc", "s", "bs"}[choice % 4];
        test_note("move %u: %s from %llu", i, motion, (unsigned long long)where());
        if (choice / 4 % 8 == 0) {
            char command[32];
            snprintf(command, sizeof command, "seek %d", (int)(test_random(&seed) % JOURNEY_LAST));
            gdb_monitor(&c, command);
            is_exact = true;
        } else if (choice / 4 % 8 == 1) {
            CHECK_STR(gdb_ask(&c, "%c0,4d,4", is_set ? 'z' : 'Z'), "OK");
            is_set = !is_set;
        } else {
            gdb_send(&c, motion);
            if (choice / 4 % 8 > 4) {
                usleep((unsigned)(choice >> 8) % 1000);
                gdb_send_raw(&c, "\3", 1);
            }
            const char *stop = gdb_receive(&c);
            CHECK_HAS(stop, "T0");
            /* Otherwise what comes at the same icount may have come already. */
            is_exact = strncmp(stop, "T02", 3) != 0 && !strstr(stop, "break");
        }
        if (is_exact && !is_as_recorded()) {
            test_fail(TEST_HERE, "after move %u, %s of choice %u", i, motion,
                      (unsigned)(choice / 4 % 8));
            return;
        }
    }
}

static void wander_in(journey_loop_t loop, uint64_t from, unsigned count) {
    (seed = from, moves = count);
    journey_record(&m, from, NULL);
    m.prepare = journey_listen;
    journey_begin(&m, loop, NULL);
    journey_debug(&m, &c, wander);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    m.prepare = NULL;
    free(m.digests);
}

TEST_SLOW(any_order_of_motions_finds_the_recorded_states, 100) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++)
        wander_in(loop, 50 + loop, 150);
}

TEST_LONG(many_motions_find_the_recorded_states, 1200) {
    for (unsigned i = 0; i < 30; i++)
        wander_in(i % LOOP_COUNT, 500 + i, 2000);
}

static void no_way_back(void) {
    CHECK_ANSWER("?", "T05thread:1;");
    CHECK_ANSWER("s", "T05thread:1;");
    for (unsigned i = 0; i < 2; i++) {
        gdb_send(&c, i ? "bc" : "bs");
        CHECK(gdb_receive(&c)[0] == 'O'); /* the reason, for the user */
        CHECK_STR(gdb_receive(&c), "T05replaylog:begin;thread:1;");
        CHECK_EQ(where(), 1);
    }
    CHECK_HAS(gdb_monitor(&c, "seek 0"), "save_state");
    CHECK_HAS(gdb_monitor(&c, "seek 5"), "icount 5");
    CHECK_HAS(gdb_monitor(&c, "snapshots"), "0 snapshots");
    CHECK_ANSWER("c", "T05replaylog:end;thread:1;");
}

TEST(a_debugger_reads_why_there_is_no_way_back) {
    journey_record(&m, 2, NULL);
    m.prepare = journey_listen;
    m.refuses = true;
    journey_begin(&m, LOOP_OWN, NULL);
    journey_debug(&m, &c, no_way_back);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    free(m.digests);
}
