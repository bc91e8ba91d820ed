/* SPDX-License-Identifier: MIT */
/* A debugger in the modes without a way back; connections, several CPUs, ends, mistakes. */
#include "journey-gdb.h"
#include "journey-modes.h"

#include <sys/wait.h>
#include <unistd.h>

static journey_host_t m;
static gdb_client_t c;

static uint64_t where(void) {
    return gdb_register(&c, JOURNEY_A1);
}

#define CHECK_ANSWER(packet, answer) CHECK_STR(gdb_ask(&c, packet), answer)

/** Some come in each recording: 15 on average. */
enum { HITS = 4 };

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
        journey_debug(&m, &c, interrupt_and_change);
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
    CHECK_STR(gdb_monitor(&c, "seek 5"), "only a replay can go to a place\n");
    CHECK_ANSWER("M0,1:00", "E01");
    CHECK_ANSWER("vKill;1", "OK");
}

static pthread_t recording_debugger;
static void (*talk)(void);

static void listen_and_connect(journey_host_t *machine) {
    journey_listen(machine);
    recording_debugger = journey_start_debugger(&c, talk);
}

TEST_SLOW(a_debugger_during_a_recording_leaves_no_trace, 60) {
    talk = look_around;
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
    journey_debug(&m, &c, come_and_go);
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
    journey_debug(&m, &c, two_threads);
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
    CHECK_HAS(host_last_error().message, "and may end with ,nowait");
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
    CHECK(!strstr(machine->host.text, "architecture"));
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

TEST(a_description_without_an_architecture_is_reported) {
    host_t host;
    host_init(&host);
    for (unsigned i = 0; i < 3; i++) {
        static const char *const xml[] = {
            NULL, "<target><!-- <architecture>avr</architecture> --></target>",
            "<target><architecture>avr</architecture></target>"};
        replay_gdb_target_t target = journey_target(&m);
        target.target_xml = xml[i];
        REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_NONE, NULL, NULL), OK);
        CHECK_STATUS(replay_gdb_listen(journey_socket(""), &target), OK);
        CHECK_EQ(strstr(host.text,
                        "the target description has no <architecture>: gdb rejects it") != NULL,
                 i == 1);
        memset(host.text, 0, sizeof host.text);
        CHECK_STATUS(replay_finish(), OK);
    }
}

/* ----------------------------------------------------------------------- ends */

TEST(a_run_that_never_started_ends_with_a_debugger) {
    host_t host;
    host_init(&host);
    for (unsigned i = 0; i < 3; i++) {
        replay_gdb_target_t target = journey_target(&m);
        REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_NONE, NULL, NULL), OK);
        CHECK_STATUS(replay_gdb_listen(journey_socket(""), &target), OK);
        CHECK(gdb_connect(&c, test_path("gdb")));
        if (i > 0)
            CHECK_HAS(gdb_ask(&c, "qSupported"), "PacketSize");
        if (i > 1)
            gdb_send(&c, "g"); /* waits for the machine */
        CHECK_STATUS(replay_finish(), OK);
        CHECK(access(test_path("gdb"), F_OK) != 0);
        CHECK_STR(gdb_receive(&c), "");
        gdb_close(&c);
    }
}

static void stay_to_the_end(void) {
    const char *stop;
    CHECK_ANSWER("Z0,4d,4", "OK");
    while (strncmp(stop = gdb_ask(&c, "c"), "T05", 3) == 0)
        ;
    CHECK_STR(stop, "W00");
}

/** The next run in the process, which has no debugger, would be paused there for ever. */
TEST_SLOW(breakpoints_that_are_set_at_the_end_are_removed, 60) {
    talk = stay_to_the_end;
    m.prepare = listen_and_connect;
    journey_record(&m, 5, NULL);
    pthread_join(recording_debugger, NULL);
    CHECK(m.pauses > 2);
    CHECK(!m.breaks[0].set);
    m.prepare = NULL;
    journey_begin(&m, LOOP_OWN, NULL);
    journey_run(&m);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
    for (journey_loop_t loop = LOOP_OWN; loop <= LOOP_RUN; loop++) {
        m.prepare = journey_listen;
        journey_begin_unrecorded(&m, loop);
        journey_debug(&m, &c, stay_to_the_end);
        CHECK(!m.breaks[0].set);
        free(m.digests);
    }
}

static atomic_bool runs;

static void go_while_it_runs(void) {
    CHECK_ANSWER("Z0,fff1,4", "OK"); /* never hit */
    gdb_send(&c, "c");
    while (!atomic_load(&runs))
        test_sleep_ms(1);
}

/** For two seconds the machine can't be paused to remove them. */
TEST(breakpoints_of_a_debugger_that_went_are_removed_in_the_next_pause) {
    journey_record(&m, 9, NULL);
    talk = go_while_it_runs;
    m.prepare = listen_and_connect;
    journey_begin(&m, LOOP_OWN, NULL);
    while (!m.breaks[0].set || replay_is_paused())
        journey_turn(&m);
    atomic_store(&runs, true);
    pthread_join(recording_debugger, NULL);
    while (replay_gdb_attached())
        test_sleep_ms(1);
    CHECK(m.breaks[0].set);
    CHECK_STATUS(replay_pause(), OK);
    while (!replay_is_paused())
        journey_turn(&m);
    CHECK(!m.breaks[0].set);
    CHECK_STATUS(replay_resume(), OK);
    journey_run(&m);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

static atomic_bool gets_stuck, is_stuck;
static unsigned pauses_before;
static bool pauses_again;

/** Stays in an instruction until the library gives up waiting for it. */
static void get_stuck(journey_host_t *machine) {
    if (atomic_load(&gets_stuck)) {
        atomic_store(&is_stuck, true);
        while (replay_gdb_attached())
            usleep(1000);
        CHECK(machine->breaks[0].set);
        pauses_before = machine->pauses;
        atomic_store(&gets_stuck, false);
    }
    /* Its hits don't count, until the machine is paused for a different reason. */
    if (machine->cpu.icount == 50000) {
        CHECK_EQ(machine->pauses, pauses_before);
        CHECK(machine->breaks[0].set);
        pauses_again = true;
        CHECK_STATUS(replay_pause(), OK);
    }
}

static void open_nothing(journey_host_t *machine) {
    (void)machine;
}

static void resume_after_it(journey_host_t *machine, replay_pause_reason_t why) {
    if (!pauses_again)
        return; /* the debugger's */
    CHECK_EQ(why, REPLAY_PAUSE_REQUEST);
    machine->on_pause = NULL;
    CHECK_STATUS(replay_resume(), OK);
}

static void leave_a_stuck_machine(void) {
    CHECK_ANSWER("?", "T05thread:1;");
    CHECK_ANSWER("Z0,4d,4", "OK");
    CHECK_ANSWER("c", "T05thread:1;");
    atomic_store(&gets_stuck, true);
    gdb_send(&c, "c");
    while (!atomic_load(&is_stuck))
        usleep(1000);
}

TEST_SLOW(hits_of_breakpoints_left_in_a_stuck_machine_do_not_count, 60) {
    static uint8_t state;
    static const journey_device_t device = {&state, sizeof state, open_nothing, get_stuck, NULL};
    journey_record(&m, 5, NULL);
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_RECORD; mode++) {
        journey_loop_t loop = (journey_loop_t)mode; /* one of them each */
        atomic_store(&is_stuck, false);
        pauses_again = false;
        m.device = &device;
        m.prepare = listen_and_connect;
        m.on_pause = resume_after_it;
        talk = leave_a_stuck_machine;
        journey_begin_in(&m, mode, loop);
        journey_run(&m);
        pthread_join(recording_debugger, NULL);
        CHECK(atomic_load(&is_stuck));
        CHECK(!m.breaks[0].set);
        m.prepare = NULL;
        m.device = NULL;
        CHECK(!m.on_pause);
        journey_end_in(&m, mode, loop);
    }
}

TEST(a_forked_child_leaves_the_socket_alone) {
    journey_record(&m, 1, NULL);
    m.prepare = journey_listen;
    journey_listen_options = ",nowait";
    journey_begin(&m, LOOP_OWN, NULL);
    pid_t child = fork();
    if (child == 0) {
        replay_finish();
        _exit(access(test_path("gdb"), F_OK) != 0);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
    journey_run(&m);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}
