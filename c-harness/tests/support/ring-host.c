/* SPDX-License-Identifier: MIT */
#include "ring-host.h"

#include <sys/stat.h>
#include <time.h>

enum { SLICE = 1000 };

static uint64_t mix(uint64_t value, uint64_t with) {
    value = (value ^ with) * UINT64_C(0x9e3779b97f4a7c15);
    return value ^ value >> 29;
}

static uint64_t hash_word(size_t number, uint64_t word) {
    return word ? mix(number + 1, word) : 0;
}

static uint64_t hash_ram(const ring_host_t *m) {
    uint64_t hash = 0;
    for (size_t i = 0; i < RING_RAM / 8; i++) {
        uint64_t word;
        memcpy(&word, m->ram + 8 * i, 8);
        hash += hash_word(i, word);
    }
    return hash;
}

/** An instruction: reads the clock, and writes a word of RAM. */
static void step(ring_host_t *m) {
    m->cpu.icount++;
    uint64_t time = (uint64_t)REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, test_now_ns());
    uint64_t state = mix(m->cpu.state, time), old, word = state;
    if (m->random_bytes && m->cpu.icount % m->random_bytes == 0) {
        uint64_t bytes[8];
        if (REPLAY_MODE() == REPLAY_MODE_PLAY) {
            replay_read_random(bytes, sizeof bytes);
        } else {
            for (int i = 0; i < 8; i++)
                bytes[i] = mix((uint64_t)test_now_ns(), (uint64_t)i);
            replay_save_random(0, bytes, sizeof bytes);
        }
        for (int i = 0; i < 8; i++)
            state = mix(state, bytes[i]);
    }
    m->cpu.state = state;
    /* Most writes are to a few pages. */
    size_t number = state % 16 ? state >> 32 & 1023 : state >> 32 & (RING_RAM / 8 - 1);
    memcpy(&old, m->ram + 8 * number, 8);
    memcpy(m->ram + 8 * number, &word, 8);
    m->ram_hash += hash_word(number, word) - hash_word(number, old);
    m->dirty[number * 8 / RING_PAGE] = 0xFF;
}

static uint64_t on_icount(void *opaque) {
    return ((ring_host_t *)opaque)->cpu.icount;
}

static uint64_t on_digest(void *opaque) {
    ring_host_t *m = opaque;
    CHECK(m->ram_hash == hash_ram(m));
    return mix(mix(m->cpu.state, m->ram_hash), m->cpu.icount);
}

static bool save(void *opaque, const replay_stream_t *out) {
    ring_host_t *m = opaque;
    return out->write(out->opaque, &m->cpu, sizeof m->cpu);
}

static bool load(void *opaque, const replay_stream_t *in) {
    ring_host_t *m = opaque;
    m->loads++;
    if (!in->read(in->opaque, &m->cpu, sizeof m->cpu))
        return false;
    m->ram_hash = hash_ram(m);
    m->begin = m->cpu.icount;
    return true;
}

void ring_begin(ring_host_t *m, replay_mode_t mode, const char *path, const char *options) {
    host_init(&m->host);
    memset(&m->cpu, 0, sizeof m->cpu);
    if (!m->ram)
        m->ram = malloc(RING_RAM);
    REQUIRE(m->ram);
    memset(m->ram, 0, RING_RAM);
    for (size_t i = 0; i < RING_RAM / 4; i++)
        m->ram[i] = (uint8_t)(i * i >> 8);
    m->ram_hash = hash_ram(m);
    m->loads = 0;
    m->begin = 0;
    m->longest = 0;
    m->host.callbacks.icount = on_icount;
    m->host.callbacks.digest = on_digest;
    if (!m->no_state)
        m->host.callbacks.save_state = save, m->host.callbacks.load_state = load;
    replay_config_t config = host_config(&m->host, mode, path, options);
    config.opaque = m;
    REQUIRE_STATUS(replay_configure(&config), OK);
    replay_ram_config_t ram = REPLAY_RAM_CONFIG_INIT;
    ram.name = "ram";
    ram.bytes = m->ram;
    ram.length = RING_RAM;
    ram.page_bytes = RING_PAGE;
    ram.dirty = m->dirty;
    REQUIRE_STATUS(replay_register_ram(&ram), OK);
    replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    replay_mutex_lock();
    CHECK_STATUS_IS(replay_start(), m->refused);
}

static void wait_until(int64_t time) {
    struct timespec at = {time / 1000000000, time % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

uint64_t ring_run(ring_host_t *m, unsigned ms) {
    bool records = REPLAY_MODE() == REPLAY_MODE_RECORD;
    int64_t start = test_now_ns(), end = start + (int64_t)ms * 1000000;
    uint64_t executed = 0;
    while (!host_stopped(&m->host) && !(records && test_now_ns() >= end)) {
        replay_turn();
        uint64_t n = replay_get_budget(SLICE);
        if (n == 0 && !records)
            replay_wait(100000000);
        executed += n;
        while (n-- > 0) {
            if (m->longest < 0) {
                step(m);
                continue;
            }
            int64_t before = test_now_ns();
            step(m);
            int64_t took = test_now_ns() - before;
            if (took > m->longest)
                m->longest = took;
        }
        replay_account_executed_instructions();
        if (records && m->rate) {
            int64_t due = start + (int64_t)(executed * 1000000000 / m->rate);
            if (due > test_now_ns() + 1000000)
                wait_until(due);
        }
    }
    return executed;
}

replay_status_t ring_end(ring_host_t *m) {
    (void)m;
    replay_mutex_unlock();
    return replay_finish();
}

static uint64_t look_at_disk(const char *path) {
    static const char *const suffixes[] = {"", ".live", ".new", ".live.new", ".snap", ".snap.new"};
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char name[1000];
        struct stat status;
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        if (stat(name, &status) == 0)
            sum += (uint64_t)status.st_blocks * 512;
    }
    return sum;
}

uint64_t ring_disk_use(const char *path) {
    /* What moves from one file to another between two looks counts twice: the least of three. */
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 3; i++) {
        uint64_t used = look_at_disk(path);
        if (used < least)
            least = used;
    }
    return least;
}
