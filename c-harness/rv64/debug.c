/* SPDX-License-Identifier: MIT */
/* The library calls these functions on a thread of its own, while the machine is paused, or on the
 * vCPU thread before an instruction at a breakpoint. So they acquire the big lock. */
#include "debug.h"

#include <string.h>

/* --------------------------------------------------------------------- registers */

/* gdb's numbers: up to F0 they are those that it has by itself; the others are in the order of the
 * table. */
enum { X0 = 0, PC = 32, F0 = 33, TABLE = 65, PRIVILEGE = UINT16_MAX };

typedef struct special {
    const char *name;
    uint16_t csr; /* or PRIVILEGE */
    uint8_t bytes;
    const char *feature; /* the one that it begins */
} special_t;

/* The first three are there only with F and D. */
enum { FLOAT_SPECIALS = 3 };
static const special_t specials[] = {
    {"fflags", 0x001, 4, NULL},     {"frm", 0x002, 4, NULL},
    {"fcsr", 0x003, 4, NULL},       {"sstatus", 0x100, 8, "org.gnu.gdb.riscv.csr"},
    {"sie", 0x104, 8, NULL},        {"stvec", 0x105, 8, NULL},
    {"scounteren", 0x106, 8, NULL}, {"senvcfg", 0x10a, 8, NULL},
    {"sscratch", 0x140, 8, NULL},   {"sepc", 0x141, 8, NULL},
    {"scause", 0x142, 8, NULL},     {"stval", 0x143, 8, NULL},
    {"sip", 0x144, 8, NULL},        {"satp", 0x180, 8, NULL},
    {"instret", 0xc02, 8, NULL},    {"priv", PRIVILEGE, 8, "org.gnu.gdb.riscv.virtual"},
};

static void add_register(GString *xml, const char *name, unsigned number, unsigned bytes,
                         const char *type) {
    g_string_append_printf(xml, "<reg name=\"%s\" bitsize=\"%u\" regnum=\"%u\" type=\"%s\"/>\n",
                           name, 8 * bytes, number, type);
}

static void begin_feature(GString *xml, const char *name) {
    g_string_append_printf(xml, "<feature name=\"%s\">\n", name);
}

static void end_feature(GString *xml) {
    g_string_append(xml, "</feature>\n");
}

static void add_specials(GString *xml, size_t first, size_t end) {
    for (size_t i = first; i < end; i++) {
        const special_t *s = &specials[i];
        if (s->feature)
            begin_feature(xml, s->feature);
        add_register(xml, s->name, TABLE + (unsigned)i, s->bytes, "int");
        if (i + 1 == end || specials[i + 1].feature)
            end_feature(xml);
    }
}

/* gdb knows x1 as well, but LLDB finds callers by the names of the calling convention. */
static const char *const x_names[32] = {"zero", "ra", "sp",  "gp",  "tp", "t0", "t1", "t2",
                                        "fp",   "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
                                        "a6",   "a7", "s2",  "s3",  "s4", "s5", "s6", "s7",
                                        "s8",   "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
static const char *const f_names[32] = {"ft0", "ft1", "ft2",  "ft3",  "ft4", "ft5", "ft6",  "ft7",
                                        "fs0", "fs1", "fa0",  "fa1",  "fa2", "fa3", "fa4",  "fa5",
                                        "fa6", "fa7", "fs2",  "fs3",  "fs4", "fs5", "fs6",  "fs7",
                                        "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11"};

static char *target_xml(bool floating_point) {
    /* Without "none" gdb would take it for Linux, where it steps by breakpoints. */
    GString *xml = g_string_new("<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM "
                                "\"gdb-target.dtd\">\n<target version=\"1.0\">\n"
                                "<architecture>riscv:rv64</architecture>\n<osabi>none</osabi>\n");
    begin_feature(xml, "org.gnu.gdb.riscv.cpu");
    for (unsigned i = 0; i < 32; i++)
        add_register(xml, x_names[i], X0 + i, 8,
                     i == 1             ? "code_ptr"
                     : i >= 2 && i <= 4 ? "data_ptr"
                                        : "int");
    add_register(xml, "pc", PC, 8, "code_ptr");
    end_feature(xml);
    if (floating_point) {
        begin_feature(xml, "org.gnu.gdb.riscv.fpu");
        g_string_append(xml,
                        "<union id=\"riscv_double\"><field name=\"float\" type=\"ieee_single\"/>"
                        "<field name=\"double\" type=\"ieee_double\"/></union>\n");
        for (unsigned i = 0; i < 32; i++)
            add_register(xml, f_names[i], F0 + i, 8, "riscv_double");
        add_specials(xml, 0, FLOAT_SPECIALS);
    }
    add_specials(xml, FLOAT_SPECIALS, G_N_ELEMENTS(specials));
    g_string_append(xml, "</target>\n");
    return g_string_free(xml, FALSE);
}

/* The table's entry of a register that isn't in an array. NULL: there is none. */
static const special_t *special(const cpu_t *cpu, uint32_t number) {
    uint32_t i = number - TABLE;
    bool exists = number >= TABLE && i < G_N_ELEMENTS(specials) &&
                  (i >= FLOAT_SPECIALS || cpu->options.floating_point);
    return exists ? &specials[i] : NULL;
}

/* The register if it is in an array, or pc. NULL: it isn't, or doesn't exist. */
static uint64_t *plain(cpu_t *cpu, uint32_t number) {
    if (number < PC)
        return &cpu->x[number];
    if (number == PC)
        return &cpu->pc;
    return number < TABLE && cpu->options.floating_point ? &cpu->f[number - F0] : NULL;
}

/* Both return the register's length, or 0 if it doesn't exist. */
static size_t get(cpu_t *cpu, uint32_t number, uint64_t *value) {
    const uint64_t *known = plain(cpu, number);
    const special_t *s = special(cpu, number);
    if (known)
        *value = *known;
    else if (s && s->csr == PRIVILEGE)
        *value = cpu->privilege;
    else if (!s || !cpu_read_csr(cpu, s->csr, value))
        return 0;
    return s ? s->bytes : sizeof(*value);
}

static size_t set(cpu_t *cpu, uint32_t number, uint64_t value) {
    uint64_t *known = plain(cpu, number);
    const special_t *s = special(cpu, number);
    if (known)
        *known = number == X0 ? 0 : number == PC ? value & ~UINT64_C(1) : value;
    else if (s && s->csr == PRIVILEGE)
        cpu->privilege = value & 1 ? CPU_SUPERVISOR : CPU_USER;
    else if (!s || !cpu_write_csr(cpu, s->csr, value))
        return 0;
    return s ? s->bytes : sizeof(value);
}

static size_t read_register(void *opaque, uint32_t cpu, uint32_t number, void *bytes, size_t most) {
    machine_t *m = opaque;
    uint64_t value = 0;
    (void)cpu; /* there is only one */
    big_lock_take(&m->lock);
    size_t length = get(&m->cpu, number, &value);
    big_lock_give(&m->lock);
    if (length > most)
        return 0;
    memcpy(bytes, &value, length);
    return length;
}

static bool write_register(void *opaque, uint32_t cpu, uint32_t number, const void *bytes,
                           size_t length) {
    machine_t *m = opaque;
    uint64_t value = 0;
    (void)cpu;
    big_lock_take(&m->lock);
    bool good = length == get(&m->cpu, number, &value);
    if (good) {
        memcpy(&value, bytes, length);
        good = set(&m->cpu, number, value) != 0;
    }
    big_lock_give(&m->lock);
    return good;
}

/* ------------------------------------------------------------- memory, breakpoints */

static bool read_memory(void *opaque, uint32_t cpu, uint64_t address, void *bytes, size_t length) {
    machine_t *m = opaque;
    (void)cpu;
    big_lock_take(&m->lock);
    bool good = cpu_read_memory(&m->cpu, address, bytes, length);
    big_lock_give(&m->lock);
    return good;
}

static bool write_memory(void *opaque, uint32_t cpu, uint64_t address, const void *bytes,
                         size_t length) {
    machine_t *m = opaque;
    (void)cpu;
    big_lock_take(&m->lock);
    bool good = cpu_write_memory(&m->cpu, address, bytes, length);
    big_lock_give(&m->lock);
    return good;
}

static bool set_break(void *opaque, replay_break_kind_t kind, uint64_t address, uint64_t length,
                      bool is_set) {
    machine_t *m = opaque;
    if (kind < 0)
        return false;
    big_lock_take(&m->lock);
    bool good = cpu_set_break(&m->cpu, (cpu_break_kind_t)kind, address, length, is_set);
    big_lock_give(&m->lock);
    return good;
}

bool debug_listen(machine_t *m) {
    if (!m->options->gdb || m->options->fingerprint) /* the machine won't run */
        return true;
    replay_gdb_target_t target = REPLAY_GDB_TARGET_INIT;
    char *xml = target_xml(m->cpu.options.floating_point);
    target.target_xml = xml;
    target.read_register = read_register;
    target.write_register = write_register;
    target.read_memory = read_memory;
    target.write_memory = write_memory;
    target.set_break = set_break;
    target.opaque = m;
    bool good = replay->replay_gdb_listen(m->options->gdb, &target) == REPLAY_OK;
    if (!good)
        library_complain();
    g_free(xml);
    return good;
}
