/* SPDX-License-Identifier: MIT */
/* A debugger where an interrupt comes: steps, watchpoints and breakpoints at the instruction
 * that it interrupts, and at the first one of its handler, in both directions. */
#include "journey-gdb.h"

static journey_host_t m;
static gdb_client_t c;

#define CHECK_ANSWER(packet, answer) CHECK_STR(gdb_ask(&c, packet), answer)

static uint64_t where(void) {
    return gdb_register(&c, JOURNEY_A1);
}

static uint64_t pc(void) {
    return gdb_register(&c, JOURNEY_REG_PC);
}

/* ----------------------------------------------------------------------- a replay */

enum { MOST = 60 };

/* Interrupts whose handler begins with a write that changes a byte. */
static struct interrupt {
    uint64_t icount, pc; /* of the handler's first instruction */
    size_t address;      /* that it writes */
    uint8_t before, after;
} interrupts[MOST];
static unsigned interrupt_count;

static void note_interrupt(void) {
    struct interrupt it = {m.cpu.icount, journey_pc(&m), journey_store_address(&m), 0, 0};
    it.before = m.ram[it.address];
    it.after = (uint8_t)(journey_mix(m.cpu.state, m.cpu.icount + 1) >> 56);
    if (it.before != it.after && interrupt_count < MOST)
        interrupts[interrupt_count++] = it;
}

static void note_interrupts(void) {
    const replay_host_t *host = &m.host.callbacks;
    journey_begin(&m, LOOP_OWN, NULL);
    while (!host_stopped(&m.host)) {
        replay_turn();
        bool was_pending = m.cpu.pending;
        host->interrupt(&m);
        if (was_pending && !m.cpu.pending)
            note_interrupt();
        uint64_t n = replay_get_budget(m.cpu.idle ? 0 : 700);
        if (n == 0)
            replay_wait(100000000);
        host->execute(&m, n);
        replay_account_executed_instructions();
    }
    CHECK_STATUS(journey_end(&m), OK);
    CHECK(interrupt_count > 10);
    CHECK_EQ(interrupts[0].icount, 0);
}

static void go_to(uint64_t icount) {
    char command[32];
    snprintf(command, sizeof command, "seek %u", (unsigned)icount);
    gdb_monitor(&c, command);
    CHECK_EQ(where(), icount);
}

static void set_watch(const struct interrupt *it, bool set) {
    CHECK_STR(gdb_ask(&c, "%c2,%x,1", set ? 'Z' : 'z', (unsigned)it->address), "OK");
}

static void check_byte(const struct interrupt *it, uint8_t byte) {
    char text[8];
    snprintf(text, sizeof text, "%02x", byte);
    CHECK_STR(gdb_ask(&c, "m%x,1", (unsigned)it->address), text);
}

static void check_watch(const char *motion, const struct interrupt *it) {
    char stop[64];
    snprintf(stop, sizeof stop, "T05watch:%x;thread:1;", (unsigned)it->address);
    CHECK_STR(gdb_ask(&c, "%s", motion), stop);
}

/** A step executes an instruction: the handler's first one. */
static void step(const struct interrupt *it) {
    go_to(it->icount);
    uint64_t interrupted = pc();
    CHECK(interrupted != it->pc);
    CHECK_ANSWER("s", "T05thread:1;");
    CHECK_EQ(where(), it->icount + 1);
    check_byte(it, it->after);
    CHECK_ANSWER("bs", "T05thread:1;");
    CHECK_EQ(where(), it->icount);
    CHECK_EQ(pc(), interrupted);
    check_byte(it, it->before);
}

/** As gdb does: it removes the watchpoint, and steps over the access itself. */
static void watch_forward(const char *motion, const struct interrupt *it) {
    set_watch(it, true);
    check_watch(motion, it);
    CHECK_EQ(where(), it->icount);
    CHECK_EQ(pc(), it->pc);
    check_byte(it, it->before);
    set_watch(it, false);
    CHECK_ANSWER("s", "T05thread:1;");
    CHECK_EQ(where(), it->icount + 1);
    check_byte(it, it->after);
}

static void watch_back(const struct interrupt *it) {
    set_watch(it, true);
    check_watch("bc", it);
    CHECK_EQ(where(), it->icount + 1);
    check_byte(it, it->after);
    set_watch(it, false);
    CHECK_ANSWER("bs", "T05thread:1;");
    CHECK_EQ(where(), it->icount);
    CHECK_EQ(pc(), it->pc); /* the instruction that will write, not the interrupted one */
    check_byte(it, it->before);
}

/** An interrupt before the first instruction may have come before the first snapshot. */
static void watch_at_the_begin(const struct interrupt *it) {
    CHECK_ANSWER("s", "T05thread:1;");
    set_watch(it, true);
    check_watch("bc", it);
    CHECK_EQ(where(), 1);
    check_byte(it, it->after);
    set_watch(it, false);
    CHECK_HAS(gdb_ask(&c, "bs"), "T05");
    CHECK_EQ(where(), 0);
    CHECK_EQ(pc(), it->pc);
    check_byte(it, it->before);
}

static void go_around(void) {
    CHECK_HAS(gdb_ask(&c, "qSupported:swbreak+;hwbreak+"), "ReverseStep+");
    watch_at_the_begin(&interrupts[0]);
    for (unsigned i = 1; i < interrupt_count; i++) {
        const struct interrupt *it = &interrupts[i];
        test_note("the interrupt at %u", (unsigned)it->icount);
        step(it);
        for (unsigned steps = 0; steps < 2; steps++) {
            go_to(it->icount);
            watch_forward(steps ? "s" : "c", it);
        }
        watch_back(it);
        watch_forward("c", it); /* the same access, because it is still to come */
        watch_back(it);
        /* It isn't reported once more on the way back, nor is it passed. */
        set_watch(it, true);
        CHECK_HAS(gdb_ask(&c, "bc"), "T05");
        CHECK(where() <= it->icount);
        set_watch(it, false);
        go_to(it->icount + 1);
        watch_back(it);
        CHECK_ANSWER("bs", "T05thread:1;");
        CHECK_EQ(where(), it->icount - 1);
        /* A breakpoint at the handler. */
        CHECK_STR(gdb_ask(&c, "Z0,%x,4", (unsigned)it->pc), "OK");
        go_to(it->icount);
        CHECK_ANSWER("c", "T05swbreak:;thread:1;");
        CHECK_EQ(where(), it->icount);
        CHECK_EQ(pc(), it->pc);
        go_to(it->icount + 1);
        CHECK_ANSWER("bc", "T05swbreak:;thread:1;");
        CHECK_EQ(where(), it->icount);
        CHECK_EQ(pc(), it->pc);
        CHECK_STR(gdb_ask(&c, "z0,%x,4", (unsigned)it->pc), "OK");
        CHECK_ANSWER("s", "T05thread:1;");
        CHECK_EQ(where(), it->icount + 1);
    }
    CHECK_ANSWER("D", "OK");
}

TEST_SLOW(a_watchpoint_at_an_interrupt_is_reported_once_in_each_direction, 100) {
    m.has_key = true;
    journey_record(&m, 8, NULL);
    note_interrupts();
    m.prepare = journey_listen;
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        journey_begin(&m, loop, NULL);
        journey_debug(&m, &c, go_around);
        CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    }
    free(m.digests);
}

/* --------------------------------------------------------------------- a recording */

static pthread_t debugger;

/** A key is waiting at each step, and none of them leads elsewhere. */
static void step_over_accesses(void) {
    char before[8], stop[64];
    for (unsigned i = 0; i < 20; i++) {
        CHECK_ANSWER("Z2,3e8,1", "OK");
        snprintf(before, sizeof before, "%s", gdb_ask(&c, "m3e8,1"));
        snprintf(stop, sizeof stop, "%s", gdb_ask(&c, "c"));
        if (strcmp(stop, "W00") == 0) { /* the guest has ended; keys led it elsewhere */
            CHECK(i > 5);
            return;
        }
        CHECK_STR(stop, "T05watch:3e8;thread:1;");
        uint64_t icount = where();
        CHECK_ANSWER("m3e8,1", before);
        CHECK_ANSWER("z2,3e8,1", "OK");
        CHECK_ANSWER("s", "T05thread:1;");
        CHECK_EQ(where(), icount + 1);
        CHECK(strcmp(before, gdb_ask(&c, "m3e8,1")) != 0);
        CHECK(i < 19 || icount > 1000);
    }
    CHECK_ANSWER("vKill;1", "OK");
}

static void listen_and_connect(journey_host_t *machine) {
    journey_listen(machine);
    debugger = journey_start_debugger(&c, step_over_accesses);
}

TEST_SLOW(a_step_over_an_access_is_not_interrupted_in_a_recording, 60) {
    m.has_key = true;
    m.prepare = listen_and_connect;
    journey_record(&m, 5, NULL);
    pthread_join(debugger, NULL);
    m.prepare = NULL;
    CHECK(m.pauses > 10);
    journey_begin(&m, LOOP_OWN, NULL);
    journey_run(&m);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}
