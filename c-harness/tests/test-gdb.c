/* SPDX-License-Identifier: MIT */
/* Debugging the guest over gdb's protocol: replay_gdb_listen(), in each mode and loop. */
#include "gdb-client.h"
#include "journey-gdb.h"

#include <unistd.h>

static journey_host_t m;
static gdb_client_t c;
static void (*conversation)(void);

static void *debugger(void *unused) {
    (void)unused;
    if (gdb_connect(&c, test_path("gdb")))
        conversation();
    gdb_close(&c);
    return NULL;
}

/** Runs the machine, with a debugger in a thread of its own. */
static void run_with(void (*talk)(void)) {
    pthread_t thread;
    conversation = talk;
    REQUIRE(pthread_create(&thread, NULL, debugger, NULL) == 0);
    journey_run(&m);
    CHECK_STATUS(journey_end(&m), OK);
    pthread_join(thread, NULL);
}

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
    CHECK_ANSWER("P0a=0000000000000000", "E01");
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
    CHECK_HAS(gdb_monitor(&c, "dance"), "there is no command");
    CHECK_HAS(gdb_monitor(&c, "seek event 99999999"), "event");
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
    run_with(all_of_it);
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
    run_with(wander);
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
    run_with(no_way_back);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    free(m.digests);
}

/* ----------------------------------------------------------------------- none */

static void interrupt_and_change(void) {
    CHECK(!strstr(gdb_ask(&c, "qSupported:swbreak+"), "Reverse"));
    CHECK_ANSWER("?", "T05thread:1;");
    CHECK_EQ(where(), 0);
    CHECK_ANSWER("s", "T05thread:1;");
    CHECK_EQ(where(), 1);
    for (unsigned i = 0; i < 20; i++) {
        gdb_send(&c, "c");
        usleep(1000 * (i % 3));
        gdb_send_raw(&c, "\3", 1);
        CHECK_STR(gdb_receive(&c), "T02thread:1;");
    }
    CHECK_ANSWER("M10,2:abcd", "OK");
    CHECK_ANSWER("m10,2", "abcd");
    CHECK_ANSWER("P0a=4d00000000000000", "OK");
    CHECK_EQ(gdb_register(&c, JOURNEY_REG_PC), 0x4d);
    CHECK_ANSWER("P0b=4d00000000000000", "E0e");
    CHECK_ANSWER("Z0,4d,4", "OK");
    CHECK_ANSWER("c", "T05swbreak:;thread:1;");
    CHECK_ANSWER("bc", "");
    CHECK_HAS(gdb_monitor(&c, "info"), "none, icount");
    CHECK_HAS(gdb_monitor(&c, "seek 5"), "replay");
    m.endless = false;
    CHECK_ANSWER("z0,4d,4", "OK");
    /* The guest's end is the debuggee's. */
    CHECK_ANSWER("c", "W00");
}

TEST_SLOW(a_machine_without_a_log_is_stopped_and_changed, 60) {
    for (journey_loop_t loop = LOOP_OWN; loop <= LOOP_RUN; loop++) {
        m.prepare = journey_listen;
        m.endless = true;
        journey_begin_unrecorded(&m, loop);
        run_with(interrupt_and_change);
        free(m.digests);
    }
}

/* --------------------------------------------------------------------- record */

static void look_around(void) {
    CHECK_ANSWER("?", "T05thread:1;");
    CHECK_ANSWER("Z0,4d,4", "OK");
    for (unsigned i = 0; i < HITS; i++) {
        CHECK_HAS(gdb_ask(&c, "c"), "T05");
        CHECK_ANSWER("s", "T05thread:1;");
    }
    CHECK_ANSWER("bs", "");
    CHECK_ANSWER("M0,1:00", "E01");
    CHECK_ANSWER("vKill;1", "OK");
}

static pthread_t recording_debugger;

static void listen_and_connect(journey_host_t *machine) {
    journey_listen(machine);
    conversation = look_around;
    REQUIRE(pthread_create(&recording_debugger, NULL, debugger, NULL) == 0);
}

TEST_SLOW(a_debugger_during_a_recording_leaves_no_trace, 60) {
    m.prepare = listen_and_connect;
    journey_record(&m, 5, NULL);
    pthread_join(recording_debugger, NULL);
    m.prepare = NULL;
    CHECK(m.pauses > 2 * HITS);
    journey_begin(&m, LOOP_OWN, NULL);
    journey_run(&m);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

/* ---------------------------------------------------------------- connections */

static void come_and_go(void) {
    gdb_client_t other;
    CHECK_ANSWER("?", "T05thread:1;");
    CHECK(gdb_connect(&other, test_path("gdb")));
    CHECK_STR(gdb_receive(&other), ""); /* one at a time */
    gdb_close(&other);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_ANSWER("Z0,4d,4", "OK");
        CHECK_HAS(gdb_ask(&c, "c"), "T05");
        gdb_close(&c); /* without a word */
        CHECK(gdb_connect(&c, test_path("gdb")));
        CHECK_ANSWER("?", "T05thread:1;");
        CHECK_HAS(gdb_ask(&c, "bc"), "T05");
    }
}

TEST_SLOW(debuggers_come_and_go, 60) {
    journey_record(&m, 9, NULL);
    m.prepare = journey_listen;
    journey_begin(&m, LOOP_RUN, NULL);
    run_with(come_and_go);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    free(m.digests);
}

TEST(nowait_starts_the_machine_at_once) {
    journey_record(&m, 1, NULL);
    m.prepare = journey_listen;
    journey_listen_options = ",nowait";
    journey_begin(&m, LOOP_OWN, NULL);
    journey_run(&m);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_EQ(m.pauses, 0);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

/* ----------------------------------------------------------------------- CPUs */

/** They take turns, an instruction each. */
static uint32_t current_cpu(void *opaque) {
    return ((journey_host_t *)opaque)->cpu.icount % 2;
}

static void listen_for_two(journey_host_t *machine) {
    replay_gdb_target_t target = journey_target(machine);
    target.cpus = 2;
    target.current_cpu = current_cpu;
    REQUIRE_STATUS(replay_gdb_listen(journey_socket(""), &target), OK);
}

static void two_threads(void) {
    CHECK_ANSWER("?", "T05thread:1;");
    CHECK_ANSWER("qfThreadInfo", "m1,2");
    CHECK_ANSWER("vCont;s:1;c", "T05thread:2;");
    CHECK_EQ(where(), 1);
    CHECK_ANSWER("vCont;s:1;c", "T05thread:2;"); /* after one of the other */
    CHECK_EQ(where(), 3);
    CHECK_ANSWER("vCont;s:2;c", "T05thread:1;");
    CHECK_EQ(where(), 4);
    CHECK_ANSWER("bs", "T05thread:2;");
    CHECK_EQ(where(), 3);
    CHECK_ANSWER("Hg1", "OK");
    CHECK_ANSWER("Z0,4d,4", "OK");
    bool is_second = strstr(gdb_ask(&c, "c"), "thread:2;") != NULL;
    CHECK_EQ(where() % 2, is_second);
    CHECK_ANSWER("D", "OK");
}

TEST(each_cpu_is_a_thread) {
    journey_record(&m, 4, NULL);
    m.prepare = listen_for_two;
    journey_begin(&m, LOOP_OWN, NULL);
    run_with(two_threads);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    free(m.digests);
}

/* --------------------------------------------------------------------- misuse */

static void misuse(journey_host_t *machine) {
    replay_gdb_target_t good = journey_target(machine), target = good;
    CHECK_STATUS(replay_gdb_listen(NULL, &good), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_gdb_listen("0", NULL), ERROR_INVALID_ARGUMENT);
    for (const char *const *where =
             (const char *const[]){"", "x", "65536", "tcp:name:1", "unix:", ",nowait", NULL};
         *where; where++)
        CHECK_STATUS(replay_gdb_listen(*where, &good), ERROR_INVALID_ARGUMENT);
    target.size = 8;
    CHECK_STATUS(replay_gdb_listen("0", &target), ERROR_STRUCT_SIZE);
#define WITHOUT(member)                                                                            \
    (target = good, target.member = 0,                                                             \
     CHECK_STATUS(replay_gdb_listen("0", &target), ERROR_INVALID_ARGUMENT))
    WITHOUT(read_register);
    WITHOUT(read_memory);
    WITHOUT(set_break);
    WITHOUT(cpus);
    CHECK_STATUS(replay_gdb_listen("unix:/nowhere/at/all", &good), ERROR_SYSTEM);
    CHECK_HAS(host_last_error().message, "/nowhere/at/all");
    CHECK_STATUS(replay_gdb_listen("tcp:localhost:0,nowait", &good), OK);
    CHECK_HAS(machine->host.text, "waiting for gdb at tcp:127.0.0.1:");
    CHECK_STATUS(replay_gdb_listen("0", &good), ERROR_WRONG_STATE);
}

TEST(mistakes_are_reported) {
    replay_gdb_target_t target = journey_target(&m);
    CHECK_STATUS(replay_gdb_listen("0", &target), ERROR_WRONG_STATE);
    CHECK(!replay_gdb_attached());
    journey_record(&m, 1, NULL);
    m.prepare = misuse;
    journey_begin(&m, LOOP_OWN, NULL);
    CHECK_STATUS(replay_gdb_listen("0", &target), ERROR_WRONG_STATE);
    journey_run(&m);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

/* -------------------------------------------------------------- gdb and LLDB */

/** What the debugger printed has the texts, in this order. */
static void run_debugger(const char *command, const char *const *parts) {
    static char text[1 << 16];
    gdb_close(&c);
    FILE *debugger = popen(command, "r");
    REQUIRE(debugger);
    text[fread(text, 1, sizeof text - 1, debugger)] = 0;
    CHECK_EQ(pclose(debugger), 0);
    const char *at = text;
    for (; *parts; parts++) {
        const char *found = strstr(at, *parts);
        if (!found) {
            test_fail(TEST_HERE, "\"%s\" isn't printed in its place, but:\n%s", *parts, text);
            return;
        }
        at = found + strlen(*parts);
    }
}

static void real_gdb(void) {
    static const char *const parts[] = {"begin 0",     "hit 1 pc 77",
                                        "hit 2 pc 77", "back 1 pc 77",
                                        "step 1",      "back 1",
                                        "watch 1",     "found 1",
                                        "condition 1", "No more reverse-execution history",
                                        "end 60000",   "seek 12345",
                                        "detached",    NULL};
    char command[1024];
    snprintf(command, sizeof command,
             "timeout 60 gdb-multiarch -nx -batch -ex 'set confirm off' "
             "-ex 'set architecture riscv:rv64' -ex 'target remote %s' -x %s/gdb-session 2>&1",
             test_path("gdb"), TEST_SCRIPTS);
    run_debugger(command, parts);
}

static void real_lldb(void) {
    static const char *const pc = "pc = 0x000000000000004d";
    const char *const parts[] = {"breakpoint 1.1",
                                 pc,
                                 "breakpoint 1.1",
                                 pc,
                                 "breakpoint 1.1",
                                 pc,
                                 "instruction step",
                                 "watchpoint 1",
                                 "watchpoint 1",
                                 "watchpoint 1",
                                 "icount 12345",
                                 "detached",
                                 NULL};
    char command[1024];
    snprintf(command, sizeof command,
             "timeout 60 lldb-22 -x -b -o 'process connect --plugin gdb-remote unix-connect://%s' "
             "-s %s/lldb-session 2>&1",
             test_path("gdb"), TEST_SCRIPTS);
    run_debugger(command, parts);
}

static void debug_with(const char *program, void (*talk)(void)) {
    char command[128];
    snprintf(command, sizeof command, "%s --version >/dev/null 2>&1", program);
    if (system(command) != 0) {
        printf("%s isn't installed\n", program);
        return;
    }
    journey_record(&m, 3, NULL);
    m.prepare = journey_listen;
    journey_begin(&m, LOOP_OWN, NULL);
    run_with(talk);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    free(m.digests);
}

TEST_SLOW(unmodified_gdb_goes_forward_and_back, 100) {
    debug_with("gdb-multiarch", real_gdb);
}

TEST_SLOW(unmodified_lldb_goes_forward_and_back, 100) {
    debug_with("lldb-22", real_lldb);
}
