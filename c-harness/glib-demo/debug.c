/* SPDX-License-Identifier: MIT */
#include "debug.h"

#include <string.h>

#include <glib.h>

/* gdb doesn't know this machine, so it shows it as a RISC-V: registers 0 to 7 as a0 to a7,
 * the place a handler returns to as ra, RAM at 0, and instruction n at GUEST_CODE + 4 * n. */
enum { RA = 1, A0 = 10, PC = 32 };

static char *target_xml(void) {
    /* Without "none" gdb would take it for Linux, where it steps by breakpoints. */
    GString *xml = g_string_new("<target><architecture>riscv:rv64</architecture>"
                                "<osabi>none</osabi><feature name=\"org.gnu.gdb.riscv.cpu\">");
    for (int i = 0; i < PC; i++)
        g_string_append_printf(xml, "<reg name=\"x%d\" bitsize=\"64\" type=\"int\"/>", i);
    g_string_append(xml, "<reg name=\"pc\" bitsize=\"64\" type=\"code_ptr\"/></feature></target>");
    return g_string_free(xml, FALSE);
}

static size_t read_register(void *opaque, uint32_t cpu, uint32_t number, void *bytes, size_t most) {
    const guest_t *g = opaque;
    uint64_t value = 0;
    (void)cpu;
    if (number == PC)
        value = GUEST_CODE + 4 * (uint64_t)g->pc;
    else if (number == RA)
        value = GUEST_CODE + 4 * (uint64_t)g->return_pc;
    else if (number >= A0 && number < A0 + 8)
        value = g->registers[number - A0];
    if (number > PC || most < sizeof(value))
        return 0;
    memcpy(bytes, &value, sizeof(value));
    return sizeof(value);
}

static bool read_memory(void *opaque, uint32_t cpu, uint64_t address, void *bytes, size_t length) {
    const guest_t *g = opaque;
    (void)cpu;
    if (address > sizeof(g->ram) || length > sizeof(g->ram) - address)
        return false;
    memcpy(bytes, (const char *)g->ram + address, length);
    return true;
}

static bool set_break(void *opaque, replay_break_kind_t kind, uint64_t address, uint64_t length,
                      bool set) {
    guest_t *g = opaque;
    if (set) {
        if (g->stop_count == GUEST_STOPS)
            return false;
        g->stops[g->stop_count++] = (guest_stop_t){
            .kind = kind,
            .code = kind == REPLAY_BREAK_SOFTWARE || kind == REPLAY_BREAK_HARDWARE,
            .load = kind == REPLAY_WATCH_READ || kind == REPLAY_WATCH_ACCESS,
            .store = kind == REPLAY_WATCH_WRITE || kind == REPLAY_WATCH_ACCESS,
            .change = kind == REPLAY_WATCH_WRITE,
            .address = address,
            .length = length,
        };
        return true;
    }
    for (uint32_t i = 0; i < g->stop_count; i++) {
        const guest_stop_t *stop = &g->stops[i];
        if (stop->kind == kind && stop->address == address && stop->length == length) {
            g->stops[i] = g->stops[--g->stop_count];
            return true;
        }
    }
    return false;
}

/* Registers and memory can only be read: a recording depends on what is in them. */
replay_status_t debug_listen(const char *where, guest_t *guest) {
    char *xml = target_xml();
    replay_gdb_target_t target = REPLAY_GDB_TARGET_INIT;
    target.target_xml = xml;
    target.read_register = read_register;
    target.read_memory = read_memory;
    target.set_break = set_break;
    target.opaque = guest;
    guest->stops_at = replay_breakpoint;
    replay_status_t status = replay_gdb_listen(where, &target);
    g_free(xml);
    return status;
}
