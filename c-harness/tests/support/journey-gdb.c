/* SPDX-License-Identifier: MIT */
#include "journey-gdb.h"

const char *journey_listen_options = "";

const char *journey_socket(const char *options) {
    static char text[256];
    snprintf(text, sizeof text, "unix:%s%s", test_path("gdb"), options);
    return text;
}

static const char *target_xml(void) {
    static const char *const names[] = {"zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "fp",
                                        "s1",   "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7",
                                        "s2",   "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10",
                                        "s11",  "t3", "t4", "t5", "t6", "pc"};
    static char xml[4096];
    int n = snprintf(xml, sizeof xml,
                     "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
                     "<architecture>riscv:rv64</architecture><osabi>none</osabi>"
                     "<feature name=\"org.gnu.gdb.riscv.cpu\">");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        n += snprintf(xml + n, sizeof xml - (size_t)n, "<reg name=\"%s\" bitsize=\"64\"/>",
                      names[i]);
    snprintf(xml + n, sizeof xml - (size_t)n, "</feature></target>");
    return xml;
}

static size_t read_register(void *opaque, uint32_t cpu, uint32_t number, void *bytes, size_t most) {
    journey_host_t *m = opaque;
    uint64_t value = number == JOURNEY_A0       ? journey_digest(m)
                     : number == JOURNEY_A1     ? m->cpu.icount
                     : number == JOURNEY_REG_PC ? journey_pc(m)
                                                : 0;
    CHECK(cpu < 2 && most >= sizeof value);
    if (number > JOURNEY_REG_PC)
        return 0;
    memcpy(bytes, &value, sizeof value);
    return sizeof value;
}

/** A new a0 becomes the machine's state. */
static bool write_register(void *opaque, uint32_t cpu, uint32_t number, const void *bytes,
                           size_t length) {
    journey_host_t *m = opaque;
    if (cpu != 0 || number != JOURNEY_A0 || length != sizeof m->cpu.state)
        return false;
    memcpy(&m->cpu.state, bytes, length);
    return true;
}

static bool read_memory(void *opaque, uint32_t cpu, uint64_t address, void *bytes, size_t length) {
    journey_host_t *m = opaque;
    if (cpu != 0 || address >= JOURNEY_RAM || length > JOURNEY_RAM - address)
        return false;
    memcpy(bytes, m->ram + address, length);
    return true;
}

static bool write_memory(void *opaque, uint32_t cpu, uint64_t address, const void *bytes,
                         size_t length) {
    journey_host_t *m = opaque;
    if (cpu != 0 || address >= JOURNEY_RAM || length > JOURNEY_RAM - address)
        return false;
    memcpy(m->ram + address, bytes, length);
    m->ram_hash = journey_hash_ram(m);
    return true;
}

/** The machine has breakpoints and, of one byte, watchpoints for writing. */
static bool set_break(void *opaque, replay_break_kind_t kind, uint64_t address, uint64_t length,
                      bool set) {
    journey_host_t *m = opaque;
    if (kind != REPLAY_BREAK_SOFTWARE && (kind != REPLAY_WATCH_WRITE || length != 1))
        return false;
    for (unsigned i = 0; i < JOURNEY_BREAKS; i++) {
        journey_break_t *b = &m->breaks[i];
        bool is_same = b->set && b->kind == kind && b->address == address;
        if (set ? !b->set : is_same) {
            if (set)
                journey_set_break(m, i, kind, address);
            else
                b->set = false;
            return true;
        }
        CHECK(!is_same);
    }
    return false;
}

replay_gdb_target_t journey_target(journey_host_t *m) {
    replay_gdb_target_t target = REPLAY_GDB_TARGET_INIT;
    target.target_xml = target_xml();
    target.read_register = read_register;
    target.write_register = write_register;
    target.read_memory = read_memory;
    target.write_memory = write_memory;
    target.set_break = set_break;
    target.opaque = m;
    return target;
}

void journey_listen(journey_host_t *m) {
    replay_gdb_target_t target = journey_target(m);
    REQUIRE_STATUS(replay_gdb_listen(journey_socket(journey_listen_options), &target), OK);
    CHECK(!replay_gdb_attached());
}

struct debugger {
    gdb_client_t *client;
    void (*talk)(void);
};

static void *debug(void *opaque) {
    struct debugger it = *(struct debugger *)opaque;
    free(opaque);
    if (gdb_connect(it.client, test_path("gdb")))
        it.talk();
    gdb_close(it.client);
    return NULL;
}

pthread_t journey_start_debugger(gdb_client_t *c, void (*talk)(void)) {
    struct debugger *it = malloc(sizeof *it);
    REQUIRE(it);
    *it = (struct debugger){c, talk};
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, debug, it) == 0);
    return thread;
}

void journey_debug(journey_host_t *m, gdb_client_t *c, void (*talk)(void)) {
    pthread_t thread = journey_start_debugger(c, talk);
    journey_run(m);
    CHECK_STATUS(journey_end(m), OK);
    pthread_join(thread, NULL);
}
