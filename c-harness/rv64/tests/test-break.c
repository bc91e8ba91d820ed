/* SPDX-License-Identifier: MIT */
/* test-break FOLDER GUEST...: a run of each guest, one instruction at a time, shows where it is and
 * what it accesses. Then random sets of breakpoints and watchpoints have to be hit at exactly these
 * places, in runs that only note them and in runs that stop at each, and nothing else may change.
 */
#include "alone.h"

#include <string.h>

#include <xxhash.h>

#include "../cpu/code.h"
#include "../cpu/mmu.h"

enum { STEPS = 300000, SETS = 40, SET_MOST = 5, HITS_MOST = 1 << 20, STOPS_MOST = 3000 };

/* What the next instruction does. */
typedef struct step {
    uint64_t pc, state;
    uint64_t address, old, new; /* of an access; bytes in memory before and after a store */
    uint8_t size;               /* 0: it accesses nothing */
    bool reads, writes, waits;  /* waits: the CPU was in wfi, and is woken */
} step_t;

typedef struct hit {
    uint64_t icount;
    cpu_break_kind_t kind;
    uint64_t address;
} hit_t;

static step_t *steps;
static uint64_t step_count;
static uint8_t *stored[8]; /* the bytes that the last step has stored to */
static hit_t *expected, *found;
static size_t expected_count, found_count;
static uint64_t resumed; /* it is to go on from this icount */
static alone_t *running;

static uint64_t state_of(alone_t *a) {
    static alone_bytes_t bytes;
    bytes.length = 0;
    replay_stream_t stream = alone_stream(&bytes);
    CHECK(machine_save_state(&a->machine, &stream));
    return XXH3_64bits(bytes.bytes, bytes.length);
}

/* ---------------------------------------------------------------- one step at a time */

static uint8_t *byte_at(cpu_t *cpu, uint64_t address, mmu_access_t access) {
    uint64_t physical;
    return mmu_probe(cpu, address, access, &physical) ? cpu_ram(cpu, physical, 1) : NULL;
}

static uint32_t instruction_at(cpu_t *cpu, uint64_t pc) {
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t *byte = byte_at(cpu, pc + i, MMU_FETCH);
        if (byte)
            value |= (uint32_t)*byte << (8 * i);
        else if (i < 2 || (value & 3) == 3)
            return 0;
    }
    return (value & 3) == 3 ? value : decode_compressed(value & 0xffff);
}

static int64_t signed_12(uint32_t value) {
    return (int64_t)((value & 0xfff) ^ 0x800) - 0x800;
}

/* Notes an access, unless it faults. */
static void note_access(cpu_t *cpu, step_t *s, uint64_t address, unsigned size, bool reads,
                        bool writes) {
    uint8_t *bytes[8];
    for (unsigned i = 0; i < size; i++)
        if (!(bytes[i] = byte_at(cpu, address + i, writes ? MMU_WRITE : MMU_READ)))
            return; /* it faults, or is to a device */
    s->address = address;
    s->size = (uint8_t)size;
    s->reads = reads;
    s->writes = writes;
    for (unsigned i = 0; i < size; i++)
        s->old |= (uint64_t)*bytes[i] << (8 * i);
    memcpy(stored, bytes, sizeof(*bytes) * size);
}

static void note_atomic(cpu_t *cpu, step_t *s, uint32_t i, uint64_t address) {
    unsigned size = 1U << (i >> 12 & 3), function = i >> 27;
    uint64_t physical;
    if (size < 4 || (address & (size - 1)))
        return;
    if (function == 2)
        note_access(cpu, s, address, size, true, false);
    else if (function != 3)
        note_access(cpu, s, address, size, true, true);
    else if (mmu_probe(cpu, address, MMU_WRITE, &physical) && cpu->reserved &&
             cpu->reservation == physical)
        note_access(cpu, s, address, size, false, true);
}

static void end_step(void) {
    if (step_count == 0)
        return;
    step_t *last = &steps[step_count - 1];
    for (unsigned i = 0; i < last->size; i++)
        last->new |= (uint64_t)*stored[i] << (8 * i);
}

static void before_step(alone_t *a) {
    static const uint8_t sizes[8] = {1, 2, 4, 8, 1, 2, 4, 0};
    cpu_t *cpu = &a->machine.cpu;
    CHECK(cpu->icount == step_count && step_count < STEPS);
    end_step();
    step_t *s = &steps[step_count++];
    *s = (step_t){.pc = cpu->pc, .state = state_of(a), .waits = cpu->waiting};
    uint32_t i = instruction_at(cpu, cpu->pc), f3 = i >> 12 & 7;
    uint64_t base = cpu->x[i >> 15 & 31];
    bool is_float = (i & 4) != 0;
    if (is_float && ((cpu->sstatus >> 13 & 3) == 0 || (f3 != 2 && f3 != 3)) && (i & 0x7f) != 0x2f)
        return;
    switch (i & 0x7f) {
    case 0x03:
    case 0x07:
        note_access(cpu, s, base + (uint64_t)signed_12(i >> 20), sizes[f3], true, false);
        break;
    case 0x23:
    case 0x27:
        if (f3 <= 3)
            note_access(cpu, s, base + (uint64_t)signed_12((i >> 25) << 5 | (i >> 7 & 31)),
                        sizes[f3], false, true);
        break;
    case 0x2f:
        note_atomic(cpu, s, i, base);
        break;
    default:
        break;
    }
}

/* --------------------------------------------------------------- what is to be found */

static void add_hit(hit_t *hits, size_t *count, uint64_t icount, cpu_break_kind_t kind,
                    uint64_t address) {
    CHECK(*count < HITS_MOST);
    hits[(*count)++] = (hit_t){icount, kind, address};
}

static void expect_access(uint64_t icount, const cpu_break_t *b, bool write) {
    const step_t *s = &steps[icount];
    uint64_t end = s->address + s->size - 1;
    if (s->size == 0 || b->first > end || b->last < s->address || !(write ? s->writes : s->reads) ||
        b->kind < CPU_WATCH_WRITE || b->kind == (write ? CPU_WATCH_READ : CPU_WATCH_WRITE))
        return;
    uint64_t first = b->first > s->address ? b->first : s->address;
    bool changes = false;
    for (uint64_t at = first; at <= end && at <= b->last; at++)
        changes = changes || ((s->old ^ s->new) >> (8 * (at - s->address)) & 0xff);
    if (b->kind != CPU_WATCH_WRITE || changes)
        add_hit(expected, &expected_count, icount, b->kind, first);
}

static void expect(const cpu_break_t *breaks, unsigned count) {
    expected_count = 0;
    for (uint64_t icount = 0; icount < step_count; icount++) {
        for (unsigned i = 0; i < count; i++)
            if (breaks[i].kind <= CPU_BREAK_HARDWARE && breaks[i].first == steps[icount].pc)
                add_hit(expected, &expected_count, icount, breaks[i].kind, breaks[i].first);
        for (unsigned write = 0; write < 2; write++)
            for (unsigned i = 0; i < count; i++)
                expect_access(icount, &breaks[i], write);
    }
}

static cpu_break_t choose_one(void) {
    const step_t *s = &steps[alone_dice(step_count - 1)], *last = &steps[step_count - 1];
    cpu_break_kind_t kind = (cpu_break_kind_t)alone_dice(CPU_WATCH_ACCESS);
    if (kind <= CPU_BREAK_HARDWARE && alone_dice(1))
        while (!s->waits && s < last)
            s++;
    if (kind <= CPU_BREAK_HARDWARE)
        return (cpu_break_t){kind, s->pc, s->pc};
    while (s->size == 0)
        s = &steps[alone_dice(step_count - 1)];
    uint64_t first = s->address + alone_dice(10) - 5;
    return (cpu_break_t){kind, first, first + alone_dice(alone_dice(9) == 0 ? 9000 : 8)};
}

/* A breakpoint or watchpoint that may be hit. @return false: it is already there. */
static bool choose(cpu_break_t *b, const cpu_break_t *breaks, unsigned count) {
    *b = choose_one();
    for (unsigned i = 0; i < count; i++)
        if (breaks[i].kind == b->kind && breaks[i].first == b->first && breaks[i].last == b->last)
            return false;
    return true;
}

/* ------------------------------------------------------------------------------ runs */

static bool note(void *opaque, cpu_break_kind_t kind, uint64_t address) {
    (void)opaque;
    add_hit(found, &found_count, running->machine.cpu.icount, kind, address);
    return false;
}

static bool stop(void *opaque, cpu_break_kind_t kind, uint64_t address) {
    (void)opaque;
    uint64_t icount = running->machine.cpu.icount;
    if (resumed == icount)
        return false;
    add_hit(found, &found_count, icount, kind, address);
    running->stopped = true;
    resumed = icount;
    return true;
}

/* A debugger looks at code, stack, a device, and at what a stop is about. */
static void look_around(cpu_t *cpu, const step_t *s) {
    enum { DEVICE = 0x10000000 };
    uint64_t bytes[8] = {0}, value;
    CHECK(cpu_read_memory(cpu, cpu->pc, bytes, 2));
    cpu_read_memory(cpu, cpu->pc - alone_dice(4096), bytes, sizeof(bytes));
    cpu_read_memory(cpu, cpu->x[2] - 8, bytes, sizeof(bytes));
    CHECK(!cpu_read_memory(cpu, DEVICE, bytes, 1));
    for (unsigned csr = 0; csr < 4096; csr++)
        cpu_read_csr(cpu, csr, &value);
    value = 0;
    CHECK(s->size == 0 || cpu_read_memory(cpu, s->address, &value, s->size));
    CHECK(value == s->old);
}

static void set_all(cpu_t *cpu, const cpu_break_t *breaks, unsigned count, bool set) {
    for (unsigned i = 0; i < count; i++)
        CHECK(cpu_set_break(cpu, breaks[i].kind, breaks[i].first,
                            breaks[i].last - breaks[i].first + 1, set));
}

/* From one icount to another, all that was expected was found, and nothing else. */
static void compare(uint64_t begin, uint64_t end, bool stops) {
    size_t n = 0;
    for (size_t i = 0; i < expected_count; i++) {
        const hit_t *e = &expected[i], *f = &found[n];
        if (e->icount < begin || e->icount >= end)
            continue;
        if (stops && n > 0 && found[n - 1].icount == e->icount)
            continue; /* it stops once before an instruction */
        CHECK(n++ < found_count);
        CHECK(f->icount == e->icount && f->kind == e->kind && f->address == e->address);
    }
    CHECK(n == found_count);
}

/* Runs to the end; in between it may stop, where the state must be that of the step. */
static void run(const char *folder, const char *guest, const cpu_break_t *breaks, unsigned count,
                bool stops, uint64_t digest) {
    alone_t *a = running = alone_new(folder, guest, "rv64gc");
    cpu_t *cpu = &a->machine.cpu;
    cpu->bus.stop_at = stops ? stop : note;
    resumed = UINT64_MAX;
    found_count = 0;
    a->slice = alone_dice(1) ? 20000 : 1 + alone_dice(100);
    /* They are set at the start or, when code and translations are cached, later. */
    uint64_t begin = alone_dice(1) ? 0 : alone_dice(step_count - 1);
    uint64_t end = alone_dice(1) ? step_count : begin + alone_dice(step_count - begin);
    alone_run(a, begin);
    set_all(cpu, breaks, count, true);
    do {
        alone_run(a, end);
        if (a->stopped) {
            CHECK(cpu->icount == resumed && state_of(a) == steps[resumed].state);
            CHECK(cpu->pc == steps[resumed].pc);
            look_around(cpu, &steps[resumed]);
        }
    } while (a->stopped);
    set_all(cpu, breaks, count, false);
    compare(begin, end, stops);
    size_t before = found_count;
    alone_run(a, step_count);
    CHECK(found_count == before);
    CHECK(cpu->icount == step_count && machine_digest(&a->machine) == digest);
    alone_free(a);
}

static void test(const char *folder, const char *guest) {
    step_count = 0;
    alone_t *a = alone_new(folder, guest, "rv64gc");
    a->slice = 1;
    a->before = before_step;
    alone_run(a, STEPS);
    end_step();
    CHECK(a->machine.cpu.icount == step_count);
    uint64_t digest = machine_digest(&a->machine), hits = 0, stops = 0;
    alone_free(a);
    for (unsigned n = 0; n < SETS; n++) {
        cpu_break_t breaks[SET_MOST];
        unsigned count = 0;
        for (unsigned i = 1 + (unsigned)alone_dice(SET_MOST - 1); i > 0; i--)
            count += choose(&breaks[count], breaks, count);
        expect(breaks, count);
        hits += expected_count;
        run(folder, guest, breaks, count, false, digest);
        if (expected_count <= STOPS_MOST) {
            run(folder, guest, breaks, count, true, digest);
            stops += expected_count;
        }
    }
    printf("pass %s: %" PRIu64 " instructions, %" PRIu64 " hits, %" PRIu64 " stops\n", guest,
           step_count, hits, stops);
}

/* A debugger writes: over code that was executed, and to a page of which half isn't there. */
static void write_memory(const char *folder) {
    static const uint16_t code[] = {0x0001, 0x42a9, 0xa001}; /* nop; li t0, 10; j . */
    alone_t *a = alone_new(folder, "hello", "rv64gc");
    cpu_t *cpu = &a->machine.cpu;
    alone_run(a, 1000);
    uint64_t end = cpu->ram_base + cpu->ram_bytes, before = 0, after = 0;
    CHECK(cpu_write_memory(cpu, cpu->pc, code, sizeof(code)));
    alone_run(a, 1010);
    CHECK(cpu->x[5] == 10);
    CHECK(cpu_read_memory(cpu, end - 4, &before, 4));
    CHECK(!cpu_write_memory(cpu, end - 4, code, sizeof(code)));
    CHECK(cpu_read_memory(cpu, end - 4, &after, 4) && before == after);
    CHECK(!cpu_write_memory(cpu, UINT64_MAX - 2, code, sizeof(code)));
    CHECK(cpu_write_csr(cpu, 0x140, 5) && cpu->sscratch == 5);
    CHECK(!cpu_write_csr(cpu, 0xc02, 5) && !cpu_write_csr(cpu, 0x200, 5));
    alone_free(a);
}

int main(int argc, char **argv) {
    CHECK(argc > 2);
    steps = calloc(STEPS, sizeof(*steps));
    expected = calloc(HITS_MOST, sizeof(*expected));
    found = calloc(HITS_MOST, sizeof(*found));
    CHECK(steps && expected && found);
    for (int i = 2; i < argc; i++)
        test(argv[1], argv[i]);
    write_memory(argv[1]);
    free(steps);
    free(expected);
    free(found);
    return 0;
}
