/* SPDX-License-Identifier: MIT */
/* What test-gdb has a debugger do with a replay of the guest "sleep": the environment's
 * variable DEBUGGER_SOCKET is where the host listens. */
#include "gdb-client.h"

#include <unistd.h>

enum { STEPS = 40, TIMER_VECTOR = 0x2c /* TIMER1_COMPA */ };

static gdb_client_t c;

static unsigned long pc(void) {
    unsigned bytes[4] = {0};
    sscanf(gdb_ask(&c, "p22"), "%2x%2x%2x%2x", &bytes[0], &bytes[1], &bytes[2], &bytes[3]);
    return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (unsigned long)bytes[3] << 24;
}

/* Registers and RAM. */
static const char *state(void) {
    static char text[4096];
    int n = snprintf(text, sizeof text, "%s ", gdb_ask(&c, "g"));
    snprintf(text + n, sizeof text - (size_t)n, "%s", gdb_ask(&c, "m800100,200"));
    return text;
}

TEST_SLOW(a_debugger_goes_back_and_forward, 60) {
    const char *path = getenv("DEBUGGER_SOCKET");
    REQUIRE(path);
    for (unsigned i = 0; access(path, F_OK) != 0 && i < 500; i++)
        test_sleep_ms(10);
    REQUIRE(gdb_connect(&c, path));
    gdb_ask(&c, "qSupported:swbreak+");
    CHECK_HAS(gdb_ask(&c, "?"), "T05");

    static char states[STEPS + 1][4096];
    unsigned long pcs[STEPS + 1];
    for (unsigned i = 0; i <= STEPS; i++) {
        strcpy(states[i], state());
        pcs[i] = pc();
        if (i < STEPS)
            CHECK_HAS(gdb_ask(&c, "s"), "T05");
    }
    CHECK(pcs[1] != pcs[0]);
    for (unsigned i = STEPS; i-- > 0;) {
        CHECK_HAS(gdb_ask(&c, "bs"), "T05");
        CHECK_EQ(pc(), pcs[i]);
        CHECK_STR(state(), states[i]);
    }
    CHECK_HAS(gdb_ask(&c, "bs"), "replaylog:begin");

    CHECK_STR(gdb_ask(&c, "Z0,%x,2", TIMER_VECTOR), "OK");
    for (unsigned i = 0; i < 5; i++) {
        CHECK_HAS(gdb_ask(&c, "c"), "T05");
        CHECK_EQ(pc(), TIMER_VECTOR);
        strcpy(states[i], state());
    }
    for (unsigned i = 4; i-- > 0;) {
        CHECK_HAS(gdb_ask(&c, "bc"), "T05");
        CHECK_EQ(pc(), TIMER_VECTOR);
        CHECK_STR(state(), states[i]);
    }
    CHECK_HAS(gdb_ask(&c, "bc"), "replaylog:begin");
    CHECK_HAS(gdb_ask(&c, "m7fff0,20"), "E");
    CHECK_HAS(gdb_ask(&c, "M800100,1:00"), "E"); /* the recording depends on it */
    CHECK_STR(gdb_ask(&c, "z0,%x,2", TIMER_VECTOR), "OK");
    CHECK_HAS(gdb_ask(&c, "c"), "replaylog:end");
    CHECK_STR(gdb_ask(&c, "D"), "OK");
    gdb_close(&c);
}
