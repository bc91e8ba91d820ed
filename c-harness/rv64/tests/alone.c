/* SPDX-License-Identifier: MIT */
#include "alone.h"

#include <string.h>

enum { NS_PER_INSTRUCTION = 7, ALARM_INTERVAL = 5000 };

static alone_t *current; /* the machine that runs */
static replay_plugin_t table;
static replay_mode_t mode = REPLAY_MODE_PLAY;

/* ----------------------------------------------------------- instead of the library */

static int64_t now(void) {
    return current
               ? (int64_t)(current->machine.cpu.icount * NS_PER_INSTRUCTION + current->time.warped)
               : 0;
}

static int64_t read_clock(replay_clock_kind_t kind, uint64_t icount) {
    (void)kind;
    (void)icount;
    return 1700000000000000000 + now();
}

static int32_t read_random(void *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        ((uint8_t *)bytes)[i] =
            (uint8_t)((uint64_t)(now() + (int64_t)i) * 0x9e3779b97f4a7c15 >> 56);
    return (int32_t)length;
}

static int64_t get_virtual_clock(void) {
    return now();
}

/* A timer is its machine. */
static replay_timer_t *timer_new(replay_callback_t callback, void *opaque) {
    (void)callback;
    return opaque;
}

static alone_t *of_timer(const replay_timer_t *timer) {
    return (alone_t *)(uintptr_t)timer; /* the machine is the first member */
}

static replay_status_t timer_mod(replay_timer_t *timer, int64_t expires) {
    of_timer(timer)->time.expires = expires;
    return REPLAY_OK;
}

static replay_status_t timer_del(replay_timer_t *timer) {
    of_timer(timer)->time.expires = -1;
    return REPLAY_OK;
}

static int64_t timer_expire_time(const replay_timer_t *timer) {
    return of_timer(timer)->time.expires;
}

static replay_status_t configure(const replay_config_t *config) {
    (void)config;
    return REPLAY_OK;
}

static replay_status_t shutdown_request(replay_shutdown_cause_t cause) {
    machine_power_off(&current->machine, cause);
    return REPLAY_OK;
}

static replay_status_t attach(GMainContext *context) {
    (void)context;
    return REPLAY_OK;
}

static int32_t register_char_driver(replay_char_receive_t receive, void *opaque) {
    (void)receive;
    (void)opaque;
    return 0;
}

static replay_status_t fingerprint(const char *key, const char *value) {
    (void)key;
    (void)value;
    return REPLAY_OK;
}

static replay_status_t register_ram(const replay_ram_config_t *config) {
    (void)config;
    return REPLAY_OK;
}

static void replace_library(void) {
    table = *replay_plugin_query(REPLAY_ABI_VERSION); /* that of the stubs */
    table.mode = &mode;
    table.replay_configure = configure;
    table.replay_glib_attach = attach;
    table.replay_fingerprint = fingerprint;
    table.replay_shutdown_request = shutdown_request;
    table.replay_register_ram = register_ram;
    table.replay_register_char_driver = register_char_driver;
    table.replay_read_clock = read_clock;
    table.replay_read_random = read_random;
    table.replay_get_virtual_clock = get_virtual_clock;
    table.replay_timer_new = timer_new;
    table.replay_timer_mod = timer_mod;
    table.replay_timer_del = timer_del;
    table.replay_timer_expire_time = timer_expire_time;
    replay = &table;
}

/* -------------------------------------------------------------------------- machines */

alone_t *alone_new(const char *folder, const char *name, const char *cpu) {
    alone_t *a = calloc(1, sizeof(*a));
    CHECK(a);
    replace_library();
    a->options = (options_t){.ram_mib = 128, .serial = "null", .append = "", .no_reboot = false};
    a->options.cpu = g_strdup(cpu);
    a->options.kernel = g_strdup_printf("%s/%s.elf", folder, name);
    a->time.expires = -1;
    a->slice = 20000;
    CHECK(machine_open(&a->machine, &a->options));
    return a;
}

void alone_free(alone_t *a) {
    machine_close(&a->machine);
    g_free(a->options.cpu);
    g_free(a->options.kernel);
    free(a);
}

/* What is due now; afterwards nothing is. */
static void catch_up(alone_t *a) {
    machine_t *m = &a->machine;
    if (a->time.expires >= 0 && a->time.expires <= now()) {
        a->time.expires = -1;
        machine_timer_expired(m);
    }
    if (m->cpu.icount % ALARM_INTERVAL == 0)
        rtc_run_alarm(&m->rtc);
    if (m->reset_requested) {
        m->reset_requested = false;
        a->time.expires = -1;
        CHECK(machine_reset(m));
    }
    if (cpu_interrupt_pending(&m->cpu))
        cpu_take_interrupt(&m->cpu);
}

/* Instructions until something is due. */
static uint64_t budget(const alone_t *a, uint64_t icount) {
    const cpu_t *cpu = &a->machine.cpu;
    uint64_t most = icount - cpu->icount, alarm = ALARM_INTERVAL - cpu->icount % ALARM_INTERVAL;
    most = a->slice < most ? a->slice : most;
    most = alarm < most ? alarm : most;
    if (a->time.expires >= 0) {
        uint64_t ns = (uint64_t)(a->time.expires - now());
        uint64_t due = ns / NS_PER_INSTRUCTION + (ns % NS_PER_INSTRUCTION != 0);
        most = due < most ? due : most;
    }
    return most;
}

/* The guest sleeps until something happens. @return false: nothing will. */
static bool pass_time(alone_t *a) {
    enum { LINES = 40 };
    machine_t *m = &a->machine;
    if (a->time.expires >= 0) {
        a->time.warped += (uint64_t)(a->time.expires - now());
    } else if (m->rtc.armed) {
        a->time.warped += 1000;
        rtc_run_alarm(&m->rtc);
    } else if (a->time.typed < LINES) {
        char line[32];
        snprintf(line, sizeof(line), "a line, number %" PRIu32 "\n", a->time.typed++);
        const char *text = a->time.typed < LINES ? line : "quit\n";
        uart_receive(&m->uart, (const uint8_t *)text, strlen(text));
    } else {
        return false;
    }
    return true;
}

bool alone_run(alone_t *a, uint64_t icount) {
    machine_t *m = &a->machine;
    current = a;
    a->stopped = false;
    while (m->cpu.icount < icount && !a->stopped && !atomic_load(&m->off)) {
        catch_up(a);
        if (cpu_idle(&m->cpu)) {
            if (!pass_time(a))
                break;
            continue;
        }
        if (a->before)
            a->before(a);
        cpu_run(&m->cpu, budget(a, icount));
    }
    return m->cpu.icount >= icount;
}

/* --------------------------------------------------------------------------- the rest */

uint64_t alone_dice(uint64_t most) {
    static uint64_t state = 88172645463325252;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 11) % (most + 1);
}

static bool write_bytes(void *opaque, const void *bytes, size_t length) {
    alone_bytes_t *b = opaque;
    b->bytes = realloc(b->bytes, b->length + length);
    CHECK(b->bytes);
    memcpy(b->bytes + b->length, bytes, length);
    b->length += length;
    return true;
}

static bool read_bytes(void *opaque, void *bytes, size_t length) {
    alone_bytes_t *b = opaque;
    if (length > b->length - b->at)
        return false;
    memcpy(bytes, b->bytes + b->at, length);
    b->at += length;
    return true;
}

replay_stream_t alone_stream(alone_bytes_t *bytes) {
    replay_stream_t stream = REPLAY_STREAM_INIT;
    stream.write = write_bytes;
    stream.read = read_bytes;
    stream.opaque = bytes;
    return stream;
}
