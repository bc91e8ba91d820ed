/* SPDX-License-Identifier: MIT */
/* What the library needs to go back: the machine's state as bytes, its RAM, and their digest.
 *
 * What belongs to the host stays as it is: output that waits for its reader, files, connections.
 * The library itself saves its timers and the place in the log. */
#include "machine.h"

#include "digest.h"

/* To be changed with the lists of fields. */
#define STATE_MAGIC UINT64_C(0x3230657461747372) /* "rstate02" */

/* What comes before the saved bytes. */
typedef struct head {
    uint64_t magic, length, digest;
} head_t;

/* Of a page of RAM that contains only zeroes. */
static uint64_t digest_of_zeroes(void) {
    static const uint8_t zeroes[CPU_PAGE_BYTES];
    digest_t digest = {0};
    digest_bytes(&digest, zeroes, sizeof(zeroes));
    return digest.value;
}

static uint64_t digest_of_state(const state_t *state) {
    digest_t digest = {0};
    digest_bytes(&digest, state->bytes, state->length);
    return digest.value;
}

/* ----------------------------------------------------------------------- fields */

static void cpu_state(cpu_t *cpu, state_t *state) {
    state_same(state, &cpu->ram_bytes, sizeof(cpu->ram_bytes));
    state_same(state, &cpu->options, sizeof(cpu->options));
    for (unsigned i = 1; i < CPU_ZERO; i++)
        STATE_FIELD(state, cpu->x[i]);
    STATE_FIELD(state, cpu->f);
    STATE_FIELD(state, cpu->pc);
    STATE_FIELD(state, cpu->icount);
    state_number(state, &cpu->privilege, CPU_USER, CPU_SUPERVISOR);
    state_number(state, &cpu->waiting, 0, 1);
    STATE_FIELD(state, cpu->sstatus);
    STATE_FIELD(state, cpu->sie);
    STATE_FIELD(state, cpu->stvec);
    STATE_FIELD(state, cpu->scounteren);
    STATE_FIELD(state, cpu->sscratch);
    STATE_FIELD(state, cpu->sepc);
    STATE_FIELD(state, cpu->scause);
    STATE_FIELD(state, cpu->stval);
    STATE_FIELD(state, cpu->satp);
    STATE_FIELD(state, cpu->senvcfg);
    STATE_FIELD(state, cpu->lines);
    STATE_FIELD(state, cpu->fcsr);
    state_number(state, &cpu->reserved, 0, 1);
    STATE_FIELD(state, cpu->reservation);
}

static void machine_state(machine_t *m, state_way_t way) {
    state_begin(&m->state, way);
    cpu_state(&m->cpu, &m->state);
    bus_state(&m->bus, &m->state);
    state_bool(&m->state, &m->reset_requested);
}

/* -------------------------------------------------------------- saving and loading */

bool machine_save_state(void *opaque, const replay_stream_t *out) {
    machine_t *m = opaque;
    big_lock_take(&m->lock);
    machine_state(m, STATE_SAVE);
    const head_t head = {STATE_MAGIC, m->state.length, digest_of_state(&m->state)};
    bool good = m->state.good && out->write(out->opaque, &head, sizeof(head)) &&
                out->write(out->opaque, m->state.bytes, m->state.length);
    big_lock_give(&m->lock);
    return good;
}

/* Reads and checks what will be loaded. */
static bool read_state(machine_t *m, const replay_stream_t *in) {
    head_t head;
    if (!in->read(in->opaque, &head, sizeof(head)) || head.magic != STATE_MAGIC ||
        head.length > STATE_BYTES_MOST || !in->read(in->opaque, m->state.bytes, head.length))
        return false;
    m->state.length = head.length;
    if (digest_of_state(&m->state) != head.digest)
        return false;
    machine_state(m, STATE_CHECK);
    return m->state.good && m->state.at == m->state.length;
}

bool machine_load_state(void *opaque, const replay_stream_t *in) {
    machine_t *m = opaque;
    big_lock_take(&m->lock);
    bool good = read_state(m, in);
    if (good) {
        machine_state(m, STATE_LOAD);
        cpu_registers_loaded(&m->cpu);
        good = virtio_block_resubmit(&m->block);
    }
    big_lock_give(&m->lock);
    return good;
}

/* -------------------------------------------------------------------------- RAM */

/* Pages were marked clean: their next stores have to be noticed. */
static void ram_cleaned(void *opaque) {
    machine_t *m = opaque;
    big_lock_take(&m->lock);
    cpu_notice_writes(&m->cpu);
    big_lock_give(&m->lock);
}

/* The library has written to RAM: drops what was derived from it. */
static void ram_loaded(void *opaque, uint64_t offset, uint64_t length) {
    machine_t *m = opaque;
    big_lock_take(&m->lock);
    cpu_ram_loaded(&m->cpu, m->cpu.ram_base + offset, length);
    big_lock_give(&m->lock);
}

replay_ram_config_t machine_ram(machine_t *m) {
    replay_ram_config_t ram = REPLAY_RAM_CONFIG_INIT;
    ram.name = "ram";
    ram.bytes = m->cpu.ram;
    ram.length = m->cpu.ram_bytes;
    ram.page_bytes = CPU_PAGE_BYTES;
    ram.dirty = m->cpu.dirty;
    ram.cleaned = ram_cleaned;
    ram.loaded = ram_loaded;
    ram.opaque = m;
    return ram;
}

/* A search for the last write to what is watched can leave out where these weren't written. */
int32_t machine_watched_ram(void *opaque, replay_ram_place_t *places, uint32_t most) {
    enum { PLACES = 256 };
    machine_t *m = opaque;
    uint64_t addresses[PLACES];
    big_lock_take(&m->lock);
    int32_t count = cpu_watched_ram(&m->cpu, addresses, most < PLACES ? most : PLACES);
    for (int32_t i = 0; i < count; i++)
        places[i] = (replay_ram_place_t){.region = 0, .offset = addresses[i] - m->cpu.ram_base};
    big_lock_give(&m->lock);
    return count;
}

/* ----------------------------------------------------------------------- digest */

bool machine_open_digests(machine_t *m) {
    uint64_t pages = m->cpu.ram_bytes / CPU_PAGE_BYTES, zeroes = digest_of_zeroes();
    m->page_digests = g_try_new(uint64_t, pages);
    for (uint64_t page = 0; m->page_digests && page < pages; page++)
        m->page_digests[page] = zeroes;
    return m->page_digests != NULL;
}

/* Reads only the pages that were written since the last digest. */
static void digest_ram(machine_t *m, digest_t *digest) {
    uint64_t pages = m->cpu.ram_bytes / CPU_PAGE_BYTES;
    for (uint64_t page = 0; page < pages; page++) {
        if (m->cpu.dirty[page] & CPU_DIRTY_DIGEST) {
            digest_t one = {0};
            digest_bytes(&one, m->cpu.ram + page * CPU_PAGE_BYTES, CPU_PAGE_BYTES);
            m->page_digests[page] = one.value;
            m->cpu.dirty[page] &= (uint8_t)~CPU_DIRTY_DIGEST;
        }
    }
    cpu_notice_writes(&m->cpu);
    digest_bytes(digest, m->page_digests, pages * sizeof(*m->page_digests));
}

uint64_t machine_digest(machine_t *m) {
    digest_t digest = {0};
    big_lock_take(&m->lock);
    machine_state(m, STATE_SAVE);
    digest_bytes(&digest, m->state.bytes, m->state.length);
    digest_number(&digest, (uint64_t)replay->replay_timer_expire_time(m->timer));
    digest_ram(m, &digest);
    big_lock_give(&m->lock);
    return digest.value;
}

uint64_t machine_take_account(machine_t *m) {
    m->account = (account_t){REPLAY_INFO_INIT, m->cpu.icount, machine_digest(m)};
    replay->replay_query(&m->account.info);
    return m->account.digest;
}
