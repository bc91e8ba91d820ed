/* SPDX-License-Identifier: MIT */
/* simavr-host: records and replays an ATmega328P that runs in simavr.
 *
 * What it takes to make an emulator recordable, with one thread for everything:
 *
 *  1. A count of what was executed. simavr counts cycles, not instructions, and
 *     avr->cycle is as good: it never goes back, not even at a reset, and the
 *     guest's past determines how far each instruction and each sleep moves it.
 *     Recorded events are at the ends of instructions, so a replay that runs up
 *     to a recorded cycle stops there exactly, however long instructions take.
 *     With run_cycle_limit = 1, avr_run() returns after each. When a device asks in
 *     the middle of an instruction, the count is one cycle after its beginning: a
 *     replay runs up to there, and so into that instruction (machine_cycles()).
 *  2. Time. simavr has only one clock, the cycle, which advances while the CPU sleeps.
 *     So there is nothing to warp: a sleeping CPU executes cycles like a working
 *     one, and cpus_idle() is always false. A recording keeps them at the pace of
 *     real time (next_slice()), and a replay doesn't wait at all.
 *  3. Input from outside: bytes for the serial port. A thread posts them at any
 *     time, and they reach the machine between slices.
 *  4. What the guest asks for: clock and noise, in the middle of an instruction.
 *  5. State that can be saved and loaded, so that one can go back in a replay; and
 *     breakpoints for a debugger, which is then --gdb WHERE.
 *
 * All calls of the library are in this file. It is loaded at run time, and called
 * through its table; a host that links with it doesn't need the two macros and
 * load_library(). */
#define REPLAY_FN(name) (replay->name)
#define REPLAY_MODE()   (*replay->mode)
#include <replay/replay.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "debug.h"
#include "machine.h"
#include "outside.h"
#include "state.h"

#define CYCLES_PER_US (MACHINE_FREQUENCY / 1000000u)
#define BUSY_SLICE    (MACHINE_FREQUENCY / 1000u) /* cycles that a working CPU runs at once */
#define SLEEP_SLICE   (MACHINE_FREQUENCY / 100u)  /* cycles that a sleeping one does */
#define DIGEST_CYCLES (MACHINE_FREQUENCY / 100u)  /* between two digests of everything */

typedef struct host {
    machine_t machine;
    outside_t outside;
    int32_t serial;      /* the library's number of the serial port */
    int64_t began_ns;    /* real time at cycle 0 */
    uint64_t noise;      /* state of the converter's noise */
    atomic_bool stopped; /* set by any thread, if a replay stalls */
} host_t;

static host_t host;
static const replay_plugin_t *replay; /* the library's functions */

static int complain(void) {
    replay_error_t error = REPLAY_ERROR_INIT;
    replay->replay_last_error(&error);
    fprintf(stderr, "simavr-host: %s\n", error.message);
    return 1;
}

static int64_t real_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ------------------------------------------ 1. what the library asks of the host */

static uint64_t on_icount(void *opaque) {
    return machine_cycles(&((host_t *)opaque)->machine);
}

static bool on_cpus_idle(void *opaque) {
    (void)opaque;
    return false;
}

static uint64_t on_digest(void *opaque) {
    return machine_digest(&((host_t *)opaque)->machine);
}

static void on_stop(void *opaque, replay_stop_reason_t reason, const replay_error_t *error) {
    (void)reason, (void)error;
    ((host_t *)opaque)->stopped = true;
}

/* Where a debugger can connect, and warnings. complain() prints errors. */
static void on_message(void *opaque, replay_message_level_t level, const char *text) {
    (void)opaque;
    if (level != REPLAY_MESSAGE_ERROR)
        fprintf(stderr, "simavr-host: %s\n", text);
}

static void on_shutdown(void *opaque, replay_shutdown_cause_t cause) {
    (void)cause;
    ((host_t *)opaque)->stopped = true;
}

/* -------------------------------------------- 3. what comes from outside by itself */

/* Called by the thread outside; the library takes it over to ours. */
static void post_to_serial(const uint8_t *data, size_t length) {
    replay->replay_chr_be_write(host.serial, data, length);
}

static void serial_receives(void *opaque, const uint8_t *data, size_t length) {
    machine_receive(&((host_t *)opaque)->machine, data, length);
}

/* -------------------------------------------------- 4. what the guest asks for */

static int64_t clock_ns(void *opaque) {
    (void)opaque;
    return REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, real_ns(CLOCK_REALTIME));
}

static uint16_t noise(void *opaque) {
    uint16_t value = 0;
    if (REPLAY_MODE() == REPLAY_MODE_PLAY) {
        replay->replay_read_random(&value, sizeof value);
    } else {
        value = (uint16_t)random_next(&((host_t *)opaque)->noise);
        if (REPLAY_MODE() == REPLAY_MODE_RECORD)
            replay->replay_save_random(0, &value, sizeof value);
    }
    return value;
}

/* What the machine sends is determined, so it isn't recorded. But with a digest after
 * each byte, a replay reports the first one that differs. */
static void serial_sent(void *opaque, uint8_t byte) {
    host_t *h = opaque;
    replay->replay_digest(h->machine.output_digest);
    if (REPLAY_MODE() == REPLAY_MODE_RECORD)
        outside_hear(&h->outside, byte);
}

/* ------------------------------------------------- 5. going back in a replay
 *
 * The library loads RAM and flash by itself (configure() registers them), and calls these
 * for the rest, between two slices. */

static bool write_bytes(void *opaque, void *bytes, size_t length) {
    const replay_stream_t *out = opaque;
    return out->write(out->opaque, bytes, length);
}

static bool read_bytes(void *opaque, void *bytes, size_t length) {
    const replay_stream_t *in = opaque;
    return in->read(in->opaque, bytes, length);
}

static bool on_save_state(void *opaque, const replay_stream_t *out) {
    replay_stream_t stream = *out;
    return state_save(&((host_t *)opaque)->machine, write_bytes, &stream);
}

static bool on_load_state(void *opaque, const replay_stream_t *in) {
    replay_stream_t stream = *in;
    return state_load(&((host_t *)opaque)->machine, read_bytes, &stream);
}

static bool stops_at(void *opaque, uint64_t pc) {
    (void)opaque;
    return replay->replay_breakpoint(REPLAY_BREAK_SOFTWARE, pc);
}

static replay_status_t register_memory(const machine_t *machine) {
    avr_t *avr = machine->avr;
    /* simavr doesn't tell which pages it writes: so there is no map of dirty pages, and the
     * library compares them. For so little memory that costs nothing. */
    replay_ram_config_t memory = REPLAY_RAM_CONFIG_INIT;
    memory.name = "data"; /* registers, I/O space and RAM */
    memory.bytes = avr->data;
    memory.length = avr->ramend + 1u;
    memory.page_bytes = 256;
    replay_status_t status = replay->replay_register_ram(&memory);
    if (status != REPLAY_OK)
        return status;
    memory.name = "flash"; /* the bootloader writes to it */
    memory.bytes = avr->flash;
    memory.length = avr->flashend + 1u;
    return replay->replay_register_ram(&memory);
}

/* -------------------------------------------------------------- 2. the main loop */

/* The cycle at which a machine that had always run at its frequency would be. */
static uint64_t real_cycle(const host_t *h) {
    return (uint64_t)(real_ns(CLOCK_MONOTONIC) - h->began_ns) * CYCLES_PER_US / 1000;
}

/* How far the machine may run now. Recording lets it follow real time: it waits
 * until the time of the next slice is over, or something is posted. */
static uint64_t next_slice(const host_t *h) {
    if (machine_ended(&h->machine))
        return 0;
    uint64_t slice = BUSY_SLICE;
    if (machine_asleep(&h->machine)) {
        uint64_t timer = machine_next_timer(&h->machine);
        slice = timer < SLEEP_SLICE ? timer : SLEEP_SLICE;
    }
    if (REPLAY_MODE() == REPLAY_MODE_PLAY)
        return slice;
    uint64_t now = machine_cycles(&h->machine), end = now + slice;
    uint64_t real = real_cycle(h);
    if (real < end) {
        replay->replay_wait((int64_t)((end - real) * 1000 / CYCLES_PER_US));
        real = real_cycle(h);
    }
    if (real >= end)
        return slice;
    return real > now ? real - now : 1;
}

/* A recording ends with the guest. A replay ends where the log says so (on_shutdown()): in
 * the meantime one may go back from its end. */
static bool must_end(const host_t *h) {
    bool has_ended = machine_ended(&h->machine), has_failed = atomic_load(&h->outside.failed);
    if (REPLAY_MODE() != REPLAY_MODE_RECORD || !(has_ended || has_failed))
        return false;
    replay->replay_shutdown_request(has_failed ? REPLAY_SHUTDOWN_HOST_ERROR
                                               : REPLAY_SHUTDOWN_GUEST_SHUTDOWN);
    return true;
}

static void run(host_t *h) {
    replay->replay_mutex_lock();
    h->began_ns = real_ns(CLOCK_MONOTONIC);
    while (!h->stopped) {
        replay->replay_start_warp_timer();   /* the I/O thread's turn */
        replay->replay_account_warp_timer(); /* the vCPU thread's turn: input arrives */
        if (must_end(h))
            break;
        uint64_t cycles = replay->replay_get_budget(next_slice(h));
        if (cycles > 0) {
            machine_run(&h->machine, cycles);
            replay->replay_account_executed_instructions();
        } else if (!h->stopped) {
            int64_t begin = real_ns(CLOCK_MONOTONIC);
            replay->replay_wait(100000000);                  /* woken when there is something */
            h->began_ns += real_ns(CLOCK_MONOTONIC) - begin; /* paused by a debugger */
        }
    }
    replay->replay_mutex_unlock();
}

/* ------------------------------------------------------------------- the program */

typedef struct arguments {
    bool record;
    const char *file, *library, *firmware, *program, *options, *gdb;
    uint64_t seed;
} arguments_t;

static bool parse(int argc, char **argv, arguments_t *arguments) {
    *arguments = (arguments_t){
        .library = REPLAY_SONAME, .firmware = BOOTLOADER_FIRMWARE, .program = HELLO_PROGRAM};
    if (getrandom(&arguments->seed, sizeof arguments->seed, 0) < 0 || argc < 3 || argc % 2 == 0)
        return false;
    arguments->record = strcmp(argv[1], "record") == 0;
    arguments->file = argv[2];
    for (int i = 3; i < argc; i += 2) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--guest") == 0 && strcmp(value, "sleep") == 0) {
            arguments->firmware = SLEEPER_FIRMWARE;
            arguments->program = NULL;
        } else if (strcmp(argv[i], "--seed") == 0) {
            arguments->seed = strtoull(value, NULL, 0);
        } else if (strcmp(argv[i], "--lib") == 0) {
            arguments->library = value;
        } else if (strcmp(argv[i], "--gdb") == 0) {
            arguments->gdb = value;
        } else if (strcmp(argv[i], "--options") == 0) {
            arguments->options = value;
        } else if (strcmp(argv[i], "--guest") != 0 || strcmp(value, "bootloader") != 0) {
            return false;
        }
    }
    return arguments->record || strcmp(argv[1], "replay") == 0;
}

static bool load_library(const char *path) {
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    replay_plugin_query_t query = NULL;
    if (handle != NULL)
        *(void **)&query = dlsym(handle, "replay_plugin_query");
    if (query == NULL) {
        fprintf(stderr, "simavr-host: %s\n", dlerror());
        return false;
    }
    replay = query(REPLAY_ABI_VERSION);
    if (replay == NULL)
        fprintf(stderr, "simavr-host: %s does not have ABI %u\n", path, REPLAY_ABI_VERSION);
    return replay != NULL;
}

/* Everything between the configuration and the start: what the machine is. */
static replay_status_t configure(host_t *h, const arguments_t *arguments) {
    replay_host_t callbacks = REPLAY_HOST_INIT;
    callbacks.icount = on_icount;
    callbacks.cpus_idle = on_cpus_idle;
    callbacks.stop = on_stop;
    callbacks.shutdown = on_shutdown;
    callbacks.message = on_message;
    callbacks.digest = on_digest;
    callbacks.save_state = on_save_state;
    callbacks.load_state = on_load_state;
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.mode = arguments->record ? REPLAY_MODE_RECORD : REPLAY_MODE_PLAY;
    config.host = &callbacks;
    config.opaque = h;
    config.filename = arguments->file;
    config.options = arguments->options;
    config.digest_interval = DIGEST_CYCLES;
    replay_status_t status = replay->replay_configure(&config);
    if (status != REPLAY_OK)
        return status;
    replay->replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    h->serial = replay->replay_register_char_driver(serial_receives, h);
    char text[32];
    replay->replay_fingerprint("mcu", MACHINE_MCU);
    snprintf(text, sizeof text, "%u", MACHINE_FREQUENCY);
    replay->replay_fingerprint("frequency", text);
    snprintf(text, sizeof text, "%016llx", (unsigned long long)h->machine.firmware_digest);
    replay->replay_fingerprint("firmware", text);
    status = register_memory(&h->machine);
    if (status == REPLAY_OK && arguments->gdb) {
        replay_gdb_target_t target = debug_target(&h->machine);
        status = replay->replay_gdb_listen(arguments->gdb, &target);
    }
    return status == REPLAY_OK ? replay->replay_start() : status;
}

static void print_result(const host_t *h, const char *file, uint64_t events, uint64_t icount) {
    struct stat log = {0};
    stat(file, &log);
    printf("events %llu\n", (unsigned long long)events);
    printf("log_bytes %llu\n", (unsigned long long)log.st_size);
    printf("icount %llu\n", (unsigned long long)icount);
    printf("cycle %llu\n", (unsigned long long)machine_cycles(&h->machine));
    printf("pc 0x%04x\n", (unsigned)h->machine.avr->pc);
    printf("ram_digest %016llx\n", (unsigned long long)machine_ram_digest(&h->machine));
    printf("output_digest %016llx\n", (unsigned long long)h->machine.output_digest);
    printf("digest %016llx\n", (unsigned long long)machine_digest(&h->machine));
}

int main(int argc, char **argv) {
    arguments_t arguments;
    if (!parse(argc, argv, &arguments)) {
        fprintf(stderr, "usage: simavr-host record|replay FILE [--guest bootloader|sleep] "
                        "[--seed N] [--lib PATH] [--options STRING] [--gdb WHERE]\n");
        return 2;
    }
    const world_t world = {&host, serial_sent, clock_ns, noise, stops_at};
    host.noise = arguments.seed;
    if (!load_library(arguments.library))
        return 1;
    if (!machine_open(&host.machine, &world, arguments.firmware)) {
        fprintf(stderr, "simavr-host: cannot load %s\n", arguments.firmware);
        return 1;
    }
    if (configure(&host, &arguments) != REPLAY_OK)
        return complain();
    if (arguments.record &&
        !outside_start(&host.outside, post_to_serial, arguments.program, ~arguments.seed)) {
        perror("simavr-host: thread");
        return 1;
    }

    run(&host);

    const char *failure = arguments.record ? outside_end(&host.outside) : NULL;
    replay_info_t info = REPLAY_INFO_INIT;
    replay->replay_query(&info);
    uint64_t icount = replay->replay_get_current_icount();
    replay_status_t status = replay->replay_finish();
    print_result(&host, arguments.file, info.events, icount);
    if (failure != NULL)
        fprintf(stderr, "simavr-host: the bootloader's answer to %s\n", failure);
    int result = status != REPLAY_OK || failure != NULL;
    if (status != REPLAY_OK && status != REPLAY_ERROR_LOG_CUT) /* which on_message() has printed */
        complain();
    machine_close(&host.machine);
    return result;
}
