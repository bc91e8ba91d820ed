/* SPDX-License-Identifier: MIT */
/* What test-gdb has a debugger do with the demo: the environment's variables DEBUGGER_SOCKET
 * and DEBUGGER_MODE say where it listens, and whether it records or replays. */
#include "gdb-client.h"

#include <unistd.h>

enum { A0 = 10, PC = 32, CODE = 0x100000, ROUND = CODE + 4, ON_TIMER = CODE + 4 * 32 };
enum { STEPS = 30, BUFFER = (4096 - 64) * 8 };

static gdb_client_t c;

/* Registers, and the disk's buffer in RAM. */
static const char *state(void) {
    static char text[4096];
    int n = snprintf(text, sizeof text, "%s ", gdb_ask(&c, "g"));
    snprintf(text + n, sizeof text - (size_t)n, "%s", gdb_ask(&c, "m%x,200", BUFFER));
    return text;
}

static void connects(void) {
    const char *path = getenv("DEBUGGER_SOCKET");
    REQUIRE(path);
    for (unsigned i = 0; access(path, F_OK) != 0 && i < 500; i++)
        test_sleep_ms(10);
    REQUIRE(gdb_connect(&c, path));
    gdb_ask(&c, "qSupported:swbreak+;hwbreak+");
    CHECK_HAS(gdb_ask(&c, "?"), "T05");
    CHECK_HAS(gdb_ask(&c, "qXfer:features:read:target.xml:0,1000"), "riscv:rv64");
}

static void leaves(void) {
    CHECK_STR(gdb_ask(&c, "D"), "OK");
    gdb_close(&c);
}

static void stops_at_each_round(unsigned count, char (*states)[4096]) {
    CHECK_STR(gdb_ask(&c, "Z0,%x,4", ROUND), "OK");
    for (unsigned i = 0; i < count; i++) {
        CHECK_HAS(gdb_ask(&c, "c"), "T05");
        CHECK_EQ(gdb_register(&c, PC), ROUND);
        strcpy(states[i], state());
    }
    CHECK_STR(gdb_ask(&c, "z0,%x,4", ROUND), "OK");
}

TEST_SLOW(a_debugger_looks_while_the_demo_records, 60) {
    if (strcmp(getenv("DEBUGGER_MODE"), "record") != 0)
        return;
    static char states[2][4096];
    connects();
    stops_at_each_round(2, states);
    CHECK(strcmp(states[0], states[1]) != 0);
    CHECK_STR(gdb_ask(&c, "bs"), ""); /* gdb isn't offered to go back */
    leaves();
}

TEST_SLOW(a_debugger_goes_back_in_the_replay, 60) {
    if (strcmp(getenv("DEBUGGER_MODE"), "replay") != 0)
        return;
    static char states[STEPS + 1][4096];
    connects();
    for (unsigned i = 0; i < STEPS; i++) {
        strcpy(states[i], state());
        CHECK_HAS(gdb_ask(&c, "s"), "T05");
    }
    for (unsigned i = STEPS; i-- > 0;) {
        CHECK_HAS(gdb_ask(&c, "bs"), "T05");
        CHECK_STR(state(), states[i]);
    }

    stops_at_each_round(3, states);
    CHECK_STR(gdb_ask(&c, "Z0,%x,4", ON_TIMER), "OK");
    CHECK_HAS(gdb_ask(&c, "bc"), "T05");
    CHECK_EQ(gdb_register(&c, PC), ON_TIMER);
    CHECK_STR(gdb_ask(&c, "z0,%x,4", ON_TIMER), "OK");

    /* The guest stores register 0 at the buffer's begin, after the disk has read it. */
    CHECK_STR(gdb_ask(&c, "Z2,%x,8", BUFFER), "OK");
    CHECK_HAS(gdb_ask(&c, "c"), "watch:");
    CHECK_HAS(gdb_ask(&c, "bc"), "watch:");
    CHECK_STR(gdb_ask(&c, "z2,%x,8", BUFFER), "OK");
    CHECK_HAS(gdb_ask(&c, "bc"), "replaylog:begin");
    CHECK_HAS(gdb_ask(&c, "M0,1:00"), "E"); /* the recording depends on it */
    CHECK_HAS(gdb_ask(&c, "m%x,20", CODE), "E");
    CHECK_HAS(gdb_ask(&c, "c"), "replaylog:end");
    leaves();
}
