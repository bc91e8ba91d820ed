/* SPDX-License-Identifier: MIT */
/* Unmodified debuggers: gdb and LLDB. */
#include "journey-gdb.h"

static journey_host_t m;
static gdb_client_t c;

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
    journey_debug(&m, &c, talk);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    free(m.digests);
}

TEST_SLOW(unmodified_gdb_goes_forward_and_back, 100) {
    debug_with("gdb-multiarch", real_gdb);
}

TEST_SLOW(unmodified_lldb_goes_forward_and_back, 100) {
    debug_with("lldb-22", real_lldb);
}
