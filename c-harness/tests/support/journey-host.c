/* SPDX-License-Identifier: MIT */
#include "journey-host.h"

#include <time.h>

enum { CLOCK_EVERY = 997, SLEEP_EVERY = 4999, KEY_ODDS = 40, SLICE = 700, SLOW_EVERY = 100 };

/* --------------------------------------------------------------------- guest */

uint64_t journey_mix(uint64_t value, uint64_t with) {
    value = (value ^ with) * UINT64_C(0x9e3779b97f4a7c15);
    return value ^ value >> 29;
}

static uint64_t hash_byte(size_t address, uint8_t byte) {
    return byte ? journey_mix(address + 1, byte) : 0;
}

uint64_t journey_hash_ram(const journey_host_t *m) {
    uint64_t hash = 0;
    for (size_t i = 0; i < JOURNEY_RAM; i++)
        hash += hash_byte(i, m->ram[i]);
    return hash;
}

uint64_t journey_digest(const journey_host_t *m) {
    uint64_t digest = journey_mix(m->cpu.state, m->ram_hash);
    digest = journey_mix(digest, m->cpu.icount);
    digest = journey_mix(digest, m->cpu.device);
    digest = journey_mix(digest, m->cpu.timer_fires);
    return journey_mix(digest, (uint64_t)(m->cpu.pending | m->cpu.key << 8 | m->cpu.idle << 16)) |
           1;
}

void journey_ram_written(journey_host_t *m, size_t address, size_t length) {
    for (size_t i = address / JOURNEY_PAGE; i <= (address + length - 1) / JOURNEY_PAGE; i++)
        m->dirty[i] = 0xFF;
    m->ram_hash = journey_hash_ram(m);
}

uint64_t journey_pc(const journey_host_t *m) {
    return m->cpu.state % JOURNEY_PCS;
}

size_t journey_store_address(const journey_host_t *m) {
    /* Most stores are to a few pages. */
    uint64_t value = m->cpu.state >> 20;
    return (size_t)(value % 8 ? value / 8 % (4 * JOURNEY_PAGE) : value / 8 % JOURNEY_RAM);
}

/** A tenth of a millisecond of CPU time. */
static void burn(void) {
    struct timespec from, now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    do {
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    } while ((now.tv_sec - from.tv_sec) * 1000000000 + now.tv_nsec - from.tv_nsec < 100000);
}

static bool hit(journey_host_t *m, replay_break_kind_t kind, uint64_t address) {
    for (unsigned i = 0; i < JOURNEY_BREAKS; i++) {
        const journey_break_t *b = &m->breaks[i];
        if (!b->set || b->kind != kind || b->address != address)
            continue;
        m->cpu.icount += (uint64_t)m->miscounts;
        bool stops = replay_breakpoint(kind, address);
        m->cpu.icount -= (uint64_t)m->miscounts;
        if (stops)
            return true;
    }
    return false;
}

/** @return false: a breakpoint has stopped it. */
static bool step(journey_host_t *m) {
    if (hit(m, REPLAY_BREAK_SOFTWARE, journey_pc(m)))
        return false;
    uint64_t state = journey_mix(m->cpu.state, m->cpu.icount + 1);
    size_t address = journey_store_address(m);
    uint8_t byte = (uint8_t)(state >> 56);
    if (m->ram[address] != byte && hit(m, REPLAY_WATCH_WRITE, address))
        return false;
    m->cpu.icount++;
    if (m->executed++ % SLOW_EVERY == 0 && m->is_slow)
        burn();
    m->cpu.state = state;
    m->ram_hash += hash_byte(address, byte) - hash_byte(address, m->ram[address]);
    m->ram[address] = byte;
    if (!m->misses_pages || address / JOURNEY_PAGE != 2)
        m->dirty[address / JOURNEY_PAGE] = 0xFF;
    if (m->device && m->device->execute)
        m->device->execute(m);
    if (m->cpu.icount % CLOCK_EVERY == 0)
        m->cpu.state = journey_mix(m->cpu.state,
                                   (uint64_t)REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, test_now_ns()));
    if (m->cpu.icount % SLEEP_EVERY == 0) {
        m->cpu.idle = 1;
        replay_timer_mod(m->timer, replay_get_virtual_clock() + 200000);
    }
    if (m->cpu.icount >= JOURNEY_LAST && !m->endless)
        m->cpu.ended = 1;
    if (m->cpu.icount > JOURNEY_LAST)
        return true;
    uint64_t digest = journey_digest(m), *known = &m->digests[m->cpu.icount];
    if (*known && *known != digest)
        m->differs = true;
    *known = digest;
    return true;
}

static void execute(void *opaque, uint64_t n) {
    journey_host_t *m = opaque;
    atomic_store(&m->kicked, false);
    while (n-- && !m->cpu.idle && !m->cpu.ended && !atomic_load(&m->kicked))
        if (!step(m))
            break;
    if (m->cpu.ended && REPLAY_MODE() != REPLAY_MODE_PLAY)
        replay_run_stop();
}

static void interrupt(void *opaque) {
    journey_host_t *m = opaque;
    if (!m->cpu.pending || !replay_interrupt())
        return;
    m->cpu.pending = 0;
    m->cpu.idle = 0;
    m->cpu.state = journey_mix(m->cpu.state, m->cpu.key);
}

static void ring(void *opaque) {
    journey_host_t *m = opaque;
    m->cpu.idle = 0;
    m->cpu.timer_fires++;
}

static void receive(void *opaque, const uint8_t *data, size_t length) {
    journey_host_t *m = opaque;
    m->cpu.key = data[length - 1];
    m->cpu.pending = 1;
}

/* ---------------------------------------------------------------------- host */

static uint64_t on_icount(void *opaque) {
    return ((journey_host_t *)opaque)->cpu.icount;
}

static bool on_idle(void *opaque) {
    return ((journey_host_t *)opaque)->cpu.idle;
}

static uint64_t on_digest(void *opaque) {
    journey_host_t *m = opaque;
    if (m->ram_hash != journey_hash_ram(m))
        m->differs = true;
    return journey_digest(m);
}

static void on_kick(void *opaque) {
    atomic_store(&((journey_host_t *)opaque)->kicked, true);
}

static bool save(void *opaque, const replay_stream_t *out) {
    journey_host_t *m = opaque;
    const journey_device_t *device = m->device;
    m->saves++;
    if (m->on_save)
        m->on_save(m);
    return !m->refuses && out->write(out->opaque, &m->cpu, sizeof m->cpu) &&
           (!m->has_more_state || out->write(out->opaque, &m->loop, sizeof m->loop)) &&
           (!device || out->write(out->opaque, device->state, device->bytes));
}

static bool load(void *opaque, const replay_stream_t *in) {
    journey_host_t *m = opaque;
    m->loads++;
    const journey_device_t *device = m->device;
    journey_loop_t more_state;
    if (m->refuses_load || !in->read(in->opaque, &m->cpu, sizeof m->cpu) ||
        (m->has_more_state && !in->read(in->opaque, &more_state, sizeof more_state)) ||
        (device && !in->read(in->opaque, device->state, device->bytes)))
        return false;
    m->ram_hash = journey_hash_ram(m);
    if (device && device->loaded)
        device->loaded(m);
    uint8_t more;
    return !in->read(in->opaque, &more, 1);
}

static void loaded(void *opaque, uint64_t offset, uint64_t length) {
    journey_host_t *m = opaque;
    m->loaded_pages++;
    CHECK(offset % JOURNEY_PAGE == 0 && length % JOURNEY_PAGE == 0 &&
          offset + length <= JOURNEY_RAM);
}

static int32_t watched(void *opaque, replay_ram_place_t *places, uint32_t most) {
    journey_host_t *m = opaque;
    int32_t count = 0;
    if (m->on_watched)
        m->on_watched(m);
    for (unsigned i = 0; i < JOURNEY_BREAKS; i++) {
        if (!m->breaks[i].set)
            continue;
        if (m->breaks[i].kind != REPLAY_WATCH_WRITE || (uint32_t)count == most)
            return -1;
        places[count++] = (replay_ram_place_t){0, 0, m->breaks[i].address};
    }
    return count;
}

static void paused(void *opaque, replay_pause_reason_t why) {
    journey_host_t *m = opaque;
    m->pauses++;
    m->why = why;
    CHECK(replay_is_paused());
    if (m->on_pause)
        m->on_pause(m, why);
}

/** For test-support's calls that count in its own member. */
static void configure(journey_host_t *m, replay_mode_t mode, const char *options) {
    uint64_t *digests = m->digests;
    host_init(&m->host);
    memset(&m->cpu, 0, sizeof m->cpu);
    memset(m->ram, 0, sizeof m->ram);
    for (size_t i = 0; i < JOURNEY_RAM / 2; i++)
        m->ram[i * 2] = (uint8_t)i;
    m->ram_hash = journey_hash_ram(m);
    m->digests = digests;
    m->saves = m->loads = m->loaded_pages = m->pauses = 0;
    m->executed = 0;
    replay_host_t *host = &m->host.callbacks;
    host->icount = on_icount;
    host->cpus_idle = on_idle;
    host->digest = on_digest;
    host->kick = on_kick;
    host->execute = execute;
    host->interrupt = interrupt;
    if (!m->no_state)
        host->save_state = save, host->load_state = m->load ? m->load : load;
    host->paused = paused;
    if (m->knows_watched)
        host->watched_ram = watched;
    replay_config_t config = host_config(&m->host, mode, m->path ? m->path : log_path(), options);
    config.opaque = m;
    REQUIRE_STATUS(replay_configure(&config), OK);
    m->keyboard = replay_register_char_driver(receive, m);
    replay_ram_config_t ram = REPLAY_RAM_CONFIG_INIT;
    ram.name = "ram";
    ram.bytes = m->ram;
    ram.length = JOURNEY_RAM;
    ram.page_bytes = JOURNEY_PAGE;
    ram.dirty = m->no_map ? NULL : m->dirty;
    ram.loaded = loaded;
    ram.opaque = m;
    REQUIRE_STATUS(replay_register_ram(&ram), OK);
    if (m->device) {
        memset(m->device->state, 0, m->device->bytes);
        m->device->open(m);
    }
    replay_thread_attach(m->loop == LOOP_THREADS ? REPLAY_THREAD_IO
                                                 : REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    replay_mutex_lock();
    m->timer = replay_timer_new(ring, m);
    if (m->prepare)
        m->prepare(m);
    REQUIRE(replay_start() == m->refused);
    if (m->on_start)
        m->on_start(m);
}

static void press(journey_host_t *m) {
    if (REPLAY_MODE() != REPLAY_MODE_RECORD || (test_random(&m->seed) % KEY_ODDS && !m->has_key))
        return;
    uint8_t key = (uint8_t)test_random(&m->seed);
    replay_chr_be_write(m->keyboard, &key, 1);
}

void journey_turn(journey_host_t *m) {
    press(m);
    replay_turn();
    interrupt(m);
    uint64_t n = replay_get_budget(m->cpu.idle || m->cpu.ended ? 0 : SLICE);
    if (n == 0)
        replay_wait(100000000);
    execute(m, n);
    replay_account_executed_instructions();
}

static void run_own_loop(journey_host_t *m) {
    while (!host_stopped(&m->host) && !m->leaves &&
           !(m->cpu.ended && REPLAY_MODE() != REPLAY_MODE_PLAY))
        journey_turn(m);
}

void journey_restore(journey_host_t *m, const journey_host_t *saved) {
    m->cpu = saved->cpu;
    memcpy(m->ram, saved->ram, sizeof m->ram);
    memset(m->dirty, 0xFF, sizeof m->dirty);
    m->ram_hash = journey_hash_ram(m);
}

static void *run_vcpu(void *opaque) {
    journey_host_t *m = opaque;
    replay_thread_attach(REPLAY_THREAD_VCPU);
    replay_mutex_lock();
    while (!host_stopped(&m->host) && !(m->cpu.ended && REPLAY_MODE() != REPLAY_MODE_PLAY)) {
        replay_account_warp_timer();
        interrupt(m);
        uint64_t n = replay_get_budget(m->cpu.idle || m->cpu.ended ? 0 : SLICE);
        if (n == 0)
            replay_wait(100000000);
        execute(m, n);
        replay_account_executed_instructions();
        replay_mutex_unlock();
        replay_mutex_lock();
    }
    replay_mutex_unlock();
    replay_run_stop();
    return NULL;
}

void journey_run(journey_host_t *m) {
    switch (m->loop) {
    case LOOP_OWN:
        run_own_loop(m);
        break;
    case LOOP_RUN:
        replay_run();
        break;
    default: {
        pthread_t vcpu;
        REQUIRE(pthread_create(&vcpu, NULL, run_vcpu, m) == 0);
        replay_run();
        replay_mutex_unlock();
        pthread_join(vcpu, NULL);
        replay_mutex_lock();
    }
    }
}

void journey_begin_recording(journey_host_t *m, journey_loop_t loop, uint64_t seed,
                             const char *options) {
    m->seed = seed;
    m->digests = calloc(JOURNEY_LAST + 1, sizeof *m->digests);
    REQUIRE(m->digests);
    m->loop = loop;
    configure(m, REPLAY_MODE_RECORD, options);
    m->digests[0] = journey_digest(m);
}

void journey_record(journey_host_t *m, uint64_t seed, const char *options) {
    journey_begin_recording(m, LOOP_OWN, seed, options);
    journey_run(m);
    CHECK_EQ(m->cpu.icount, JOURNEY_LAST);
    REQUIRE_STATUS(journey_end(m), OK);
}

void journey_begin_log(journey_host_t *m, journey_loop_t loop, const char *path,
                       const char *options) {
    m->path = path;
    journey_begin(m, loop, options);
    m->path = NULL;
}

void journey_begin(journey_host_t *m, journey_loop_t loop, const char *options) {
    m->loop = loop;
    configure(m, REPLAY_MODE_PLAY, options);
}

void journey_begin_unrecorded(journey_host_t *m, journey_loop_t loop) {
    m->digests = calloc(JOURNEY_LAST + 1, sizeof *m->digests);
    REQUIRE(m->digests);
    m->loop = loop;
    configure(m, REPLAY_MODE_NONE, NULL);
}

replay_status_t journey_end(journey_host_t *m) {
    CHECK(!m->differs);
    replay_mutex_unlock();
    return replay_finish();
}

void journey_set_break(journey_host_t *m, unsigned number, replay_break_kind_t kind,
                       uint64_t address) {
    m->breaks[number] = (journey_break_t){kind, address, true};
}

void journey_clear_breaks(journey_host_t *m) {
    memset(m->breaks, 0, sizeof m->breaks);
}

void journey_at_pause(journey_host_t *m, replay_pause_reason_t why) {
    if (!m->next(why)) {
        m->on_pause = NULL;
        journey_clear_breaks(m);
        CHECK_STATUS(replay_resume(), OK);
    }
}

bool journey_is_here(const journey_host_t *m, uint64_t icount) {
    return CHECK_EQ(m->cpu.icount, icount) && CHECK(journey_digest(m) == m->digests[icount]);
}
