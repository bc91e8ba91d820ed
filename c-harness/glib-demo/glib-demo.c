/* SPDX-License-Identifier: MIT */
/** @file glib-demo.c
 *  A host to read first: a machine with a timer, a keyboard, a disk, a clock and
 *  a random generator, recorded and replayed.
 *
 *      glib-demo record FILE [options]    runs it, and records its input
 *      glib-demo replay FILE [options]    runs it again with the recorded input
 *      glib-demo replay FILE --gdb 1234   waits for gdb, which steps forward and back
 *
 *  Two threads work on the machine, never at the same time, because each holds
 *  the replay lock while it does:
 *
 *    vCPU  executes the guest (guest.c) slice by slice, and sleeps with it;
 *    I/O   runs a GMainLoop, in which somebody types at random times.
 *
 *  Everything that the guest's own past doesn't determine enters through a call
 *  of libreplay. Search for "replay_" to see them all; each comment explains why the
 *  call is where it is. The code is the same for both modes. */
#include <inttypes.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include <replay/replay.h>

#include "debug.h"
#include "guest.h"
#include "setup.h"

enum {
    SLICE = 20000, /* instructions between two chances for the I/O thread */
    SECTOR_BYTES = GUEST_SECTOR_WORDS * 8,
    DISK_SECTORS = 128
};

/** The machine. The replay lock guards all of it except the atomic members. */
typedef struct machine {
    guest_t guest;
    replay_timer_t *timer;
    replay_block_t *disk;
    int32_t keyboard; /* its number in the log */
    struct {
        uint64_t sector;
        int32_t disk_result;
        uint32_t key_count;
        uint8_t keys[16];
    } devices; /* what the guest sees of them */

    GMainLoop *loop;
    GRand *rand;                 /* the world outside: who types when, and random numbers */
    atomic_bool kicked;          /* leave the slice */
    atomic_bool off;             /* leave the loop */
    _Atomic uint64_t *committed; /* events that have reached the log, for a test that watches */
} machine_t;

/* ------------------------------------------------- what the library asks of us */

static uint64_t machine_icount(void *opaque) {
    machine_t *m = opaque;
    return m->guest.icount;
}

/** A sleeping guest for which nothing is pending: the library then lets virtual
 *  time follow real time in RECORD, and skips the gap in PLAY. */
static bool machine_idle(void *opaque) {
    machine_t *m = opaque;
    return m->guest.asleep && !guest_wants_interrupt(&m->guest);
}

static bool machine_running(void *opaque) {
    machine_t *m = opaque;
    return !atomic_load(&m->off);
}

/** Called from any thread, in the middle of a slice, so it only sets a flag. */
static void machine_kick(void *opaque) {
    machine_t *m = opaque;
    atomic_store(&m->kicked, true);
}

/** Switches the machine off. It is the host's shutdown callback too: in PLAY the
 *  library calls it where the recorded machine was switched off. */
static void machine_power_off(void *opaque, replay_shutdown_cause_t cause) {
    machine_t *m = opaque;
    (void)cause;
    atomic_store(&m->off, true);
    atomic_store(&m->kicked, true);
}

/** The log ended, or the guest left it. replay_finish() returns the reason. */
static void machine_stop(void *opaque, replay_stop_reason_t reason, const replay_error_t *error) {
    (void)reason;
    (void)error;
    machine_power_off(opaque, REPLAY_SHUTDOWN_NONE);
}

/** complain() prints errors, when the threads have ended. */
static void machine_message(void *opaque, replay_message_level_t level, const char *text) {
    (void)opaque;
    if (level != REPLAY_MESSAGE_ERROR)
        fprintf(stderr, "glib-demo: %s\n", text);
}

/** The library compares this at the end of the run: if the two digests are equal,
 *  so were all instructions in between. */
static uint64_t machine_digest(void *opaque) {
    machine_t *m = opaque;
    uint64_t digest = guest_mix(guest_digest(&m->guest), (uint64_t)m->devices.disk_result);
    digest = guest_mix(digest, m->devices.sector);
    for (uint32_t i = 0; i < m->devices.key_count; i++)
        digest = guest_mix(digest, m->devices.keys[i]);
    return digest;
}

/* ------------------------------------------------------ going back in a replay
 *
 * The library makes snapshots between two slices, and loads them. It takes care of the
 * RAM, the disk and the timer; the host of everything else that the guest can see. */

static bool machine_save(void *opaque, const replay_stream_t *out) {
    machine_t *m = opaque;
    return out->write(out->opaque, &m->guest, offsetof(guest_t, ram)) &&
           out->write(out->opaque, &m->devices, sizeof(m->devices));
}

static bool machine_load(void *opaque, const replay_stream_t *in) {
    machine_t *m = opaque;
    return in->read(in->opaque, &m->guest, offsetof(guest_t, ram)) &&
           in->read(in->opaque, &m->devices, sizeof(m->devices));
}

/** The library finds the pages that were written by itself. A host that knows them gives it
 *  a map, which costs less. */
static replay_status_t register_ram(machine_t *m) {
    replay_ram_config_t ram = REPLAY_RAM_CONFIG_INIT;
    ram.name = "ram";
    ram.bytes = m->guest.ram;
    ram.length = sizeof(m->guest.ram);
    return replay_register_ram(&ram);
}

/* ---------------------------------------------------------------- the devices
 *
 * Each of these runs on the vCPU thread: either the guest executes an instruction,
 * or the library calls back from within replay_account_warp_timer(). So they raise
 * interrupt lines at the same icount in every replay, and need no lock. */

/** The guest's timer expires. */
static void timer_expired(void *opaque) {
    machine_t *m = opaque;
    m->guest.lines |= 1u << LINE_TIMER;
}

/** Keys arrive at their place in the run. If there is no room for some they are
 *  lost, in PLAY the same ones. */
static void keyboard_receive(void *opaque, const uint8_t *data, size_t length) {
    machine_t *m = opaque;
    for (size_t i = 0; i < length && m->devices.key_count < sizeof(m->devices.keys); i++)
        m->devices.keys[m->devices.key_count++] = data[i];
    m->guest.lines |= 1u << LINE_KEYBOARD;
}

static uint64_t keyboard_read(machine_t *m) {
    if (m->devices.key_count == 0)
        return 0;
    uint8_t key = m->devices.keys[0];
    memmove(m->devices.keys, m->devices.keys + 1, --m->devices.key_count);
    return key;
}

/** A disk request is complete. A worker thread did it at some time; the library has
 *  delayed its completion until the vCPU thread flushed the queue or, in PLAY, until
 *  the guest reached the recorded instruction. Only now is the data of a read in the
 *  guest's RAM. */
static void disk_done(void *opaque, int32_t result) {
    machine_t *m = opaque;
    m->devices.disk_result = result;
    m->guest.lines |= 1u << LINE_DISK;
}

static void disk_request(machine_t *m, bool write, uint64_t address) {
    struct iovec piece = {&m->guest.ram[address % (GUEST_RAM_WORDS - GUEST_SECTOR_WORDS + 1)],
                          SECTOR_BYTES};
    uint64_t offset = m->devices.sector % DISK_SECTORS * SECTOR_BYTES;
    if (write)
        replay_block_write(m->disk, offset, &piece, 1, 0, disk_done, m);
    else
        replay_block_read(m->disk, offset, &piece, 1, 0, disk_done, m);
}

/** Random numbers. A recording draws and stores them, a replay reads them. */
static uint64_t random_read(machine_t *m) {
    uint64_t value = 0;
    if (replay_mode == REPLAY_MODE_PLAY) {
        replay_read_random(&value, sizeof(value));
    } else {
        value = (uint64_t)g_rand_int(m->rand) << 32 | g_rand_int(m->rand);
        replay_save_random(0, &value, sizeof(value));
    }
    return value;
}

static uint64_t machine_in(void *opaque, uint32_t port) {
    machine_t *m = opaque;
    switch (port) {
    case PORT_VIRTUAL_TIME:
        /* Computed from icount and time slept: nothing needs to be recorded. */
        return (uint64_t)replay_get_virtual_clock();
    case PORT_WALL_CLOCK:
        /* Real time comes from outside. The macro reads it in RECORD only. */
        return (uint64_t)REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, g_get_real_time() * 1000);
    case PORT_RANDOM:
        return random_read(m);
    case PORT_KEYBOARD:
        return keyboard_read(m);
    case PORT_DISK_RESULT:
        return (uint64_t)m->devices.disk_result;
    default:
        return 0;
    }
}

static void machine_out(void *opaque, uint32_t port, uint64_t value) {
    machine_t *m = opaque;
    switch (port) {
    case PORT_TIMER:
        /* The current slice ends at the timer that was next: if this one is earlier,
         * the library kicks us. */
        replay_timer_mod(m->timer, replay_get_virtual_clock() + (int64_t)value);
        break;
    case PORT_DISK_SECTOR:
        m->devices.sector = value;
        break;
    case PORT_DISK_READ:
        disk_request(m, false, value);
        break;
    case PORT_DISK_WRITE:
        disk_request(m, true, value);
        break;
    case PORT_POWER:
        /* In PLAY this does nothing: the log ends the run, with our callback. */
        replay_shutdown_request(REPLAY_SHUTDOWN_GUEST_SHUTDOWN);
        if (replay_mode != REPLAY_MODE_PLAY)
            machine_power_off(m, REPLAY_SHUTDOWN_GUEST_SHUTDOWN);
        break;
    default:
        break;
    }
}

/* ------------------------------------------------------------ the vCPU thread */

/** Publishes how many events have reached the log: these survive, even if this process
 *  is killed in the next moment. */
static void count_committed(machine_t *m) {
    if (m->committed) {
        replay_info_t info = REPLAY_INFO_INIT;
        replay_query(&info);
        atomic_store(m->committed, info.events);
    }
}

static gboolean end_loop(gpointer opaque) {
    g_main_loop_quit(((machine_t *)opaque)->loop);
    return G_SOURCE_REMOVE;
}

static gpointer vcpu_thread(gpointer opaque) {
    machine_t *m = opaque;
    guest_t *g = &m->guest;

    /* The log stores which of the two threads met an event, and a replay gives it to
     * the same one only. */
    replay_thread_attach(REPLAY_THREAD_VCPU);
    replay_mutex_lock();
    while (!atomic_load(&m->off)) {
        count_committed(m);

        /* After a kick we must look again at everything below. So the flag is cleared
         * before we look, and a kick from now on ends the next slice. */
        atomic_store(&m->kicked, false);

        /* Our turn: queued keys and completions reach the guest, time slept is added
         * to the virtual clock, due timers run. */
        replay_account_warp_timer();

        /* A raised line may be delivered later, when the guest has left a handler:
         * so the delivery is an event of its own. */
        if (guest_wants_interrupt(g) && replay_interrupt())
            guest_take_interrupt(g);

        /* RECORD: not beyond the next timer. PLAY: not beyond the next event. */
        uint64_t budget = replay_get_budget(g->asleep ? 0 : SLICE);
        if (budget == 0) {
            /* Releases the lock while it waits, and returns when something has changed. */
            replay_wait(100000000);
            continue;
        }
        guest_run(g, budget, &m->kicked);
        replay_account_executed_instructions();

        /* The lock is fair: if the I/O thread waits for it, that gets it here. */
        replay_mutex_unlock();
        replay_mutex_lock();
    }
    replay_mutex_unlock();
    /* From within the loop: a short run may be over before the loop has begun. */
    g_idle_add(end_loop, m);
    return NULL;
}

/* ------------------------------------------------------------- the I/O thread */

/** Somebody types. In PLAY what is typed is dropped, and the keys come from the log. */
static gboolean type_key(gpointer opaque) {
    machine_t *m = opaque;
    uint8_t keys[3];
    size_t count = (size_t)g_rand_int_range(m->rand, 1, 4);
    for (size_t i = 0; i < count; i++)
        keys[i] = (uint8_t)g_rand_int_range(m->rand, 'a', 'z' + 1);
    replay_chr_be_write(m->keyboard, keys, count);
    g_timeout_add((guint)g_rand_int_range(m->rand, 1, 12), type_key, m);
    return G_SOURCE_REMOVE;
}

/* ----------------------------------------------------------- from start to end */

/** Prints what failed: one sentence, and the events before it. */
static int complain(void) {
    replay_error_t error = REPLAY_ERROR_INIT;
    replay_last_error(&error);
    fprintf(stderr, "glib-demo: %s\n", error.message);
    if (error.history[0] != '\0')
        fprintf(stderr, "%s\n", error.history);
    return 1;
}

/** Builds the machine: everything between configure and start, in the
 *  same order in both modes, because devices and disks are numbered. */
static replay_status_t assemble(machine_t *m, const arguments_t *a) {
    replay_host_t host = REPLAY_HOST_INIT;
    host.icount = machine_icount;
    host.cpus_idle = machine_idle;
    host.machine_running = machine_running;
    host.kick = machine_kick;
    host.stop = machine_stop;
    host.shutdown = machine_power_off;
    host.digest = machine_digest;
    host.save_state = machine_save;
    host.load_state = machine_load;
    host.message = machine_message;

    replay_config_t config = REPLAY_CONFIG_INIT;
    config.mode = a->replay ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD;
    config.filename = a->log;
    config.options = a->options;
    config.host = &host;
    config.opaque = m;
    replay_status_t status = replay_configure(&config);
    if (status != REPLAY_OK)
        return status;

    /* This thread will run the main loop: from here on it holds the replay lock,
     * except while the loop polls. */
    if ((status = replay_glib_attach(NULL)) != REPLAY_OK)
        return status;

    /* A replay needs the recorded machine. The fingerprint describes it, and a
     * difference is refused before the first instruction. (The library adds the disk's
     * length, and finds different data at the first read.) */
    char text[32];
    snprintf(text, sizeof(text), "%016" PRIx64, guest_program_digest());
    replay_fingerprint("demo.program", text);
    snprintf(text, sizeof(text), "%zu", sizeof(m->guest.ram));
    replay_fingerprint("demo.ram", text);
    snprintf(text, sizeof(text), "%" PRIu64, m->guest.registers[1]);
    replay_fingerprint("demo.rounds", text);

    m->keyboard = replay_register_char_driver(keyboard_receive, m);
    m->timer = replay_timer_new(timer_expired, m);

    /* The guest's writes go to an overlay, so that the image stays as a replay needs it. */
    replay_block_config_t disk = REPLAY_BLOCK_CONFIG_INIT;
    disk.name = "disk";
    disk.filename = a->disk;
    m->disk = replay_block_open(&disk, &status);
    if (!m->disk || (status = register_ram(m)) != REPLAY_OK)
        return status;
    if (a->gdb && (status = debug_listen(a->gdb, &m->guest)) != REPLAY_OK)
        return status;
    return replay_start();
}

/** @return the exit status: 0, 1 for a failure, 2 for a recording that was cut. */
static int run(const arguments_t *a) {
    static machine_t m;
    m.guest.registers[1] = (uint64_t)a->rounds;
    m.guest.in = machine_in;
    m.guest.out = machine_out;
    m.guest.opaque = &m;
    m.rand = a->seed < 0 ? g_rand_new() : g_rand_new_with_seed((guint32)a->seed);
    m.loop = g_main_loop_new(NULL, FALSE);
    if (a->committed && !(m.committed = setup_counter(a->committed)))
        return 1;
    if (assemble(&m, a) != REPLAY_OK)
        return complain();

    /* The vCPU thread begins when the loop polls for the first time, and ends the
     * loop when it ends itself. */
    g_timeout_add(1, type_key, &m);
    GThread *vcpu = g_thread_new("vcpu", vcpu_thread, &m);
    g_main_loop_run(m.loop);
    g_thread_join(vcpu);

    /* Query the run while the session still exists. */
    replay_info_t info = REPLAY_INFO_INIT;
    replay_query(&info);

    /* Take apart in the opposite order. Detaching releases the lock. */
    replay_block_close(m.disk);
    replay_timer_free(m.timer);
    replay_glib_detach(NULL);

    /* RECORD: without this call the log looks as if its recorder had died.
     * PLAY: OK only if the guest did everything that is in the log.
     * What is still queued reaches the guest here, so its state is final after it. */
    replay_status_t status = replay_finish();
    uint64_t digest = machine_digest(&m);
    if (status != REPLAY_OK && status != REPLAY_ERROR_LOG_CUT)
        return complain();

    printf("events %" PRIu64 "\nlog_bytes %" PRIu64 "\nicount %" PRIu64 "\n", info.events,
           setup_file_size(a->log), m.guest.icount);
    printf("virtual_ns %" PRId64 "\nwarped_ns %" PRId64 "\ndigest %016" PRIx64 "\n",
           info.virtual_ns, info.warped_ns, digest);
    g_main_loop_unref(m.loop);
    g_rand_free(m.rand);

    if (status == REPLAY_OK)
        return 0;
    /* The recorder was killed, and everything that it wrote was replayed. That isn't a
     * failure: machine_message() has printed a warning. */
    return 2;
}

int main(int argc, char **argv) {
    arguments_t a = {0};
    int status = 1;
    if (setup_arguments(&a, argc, argv) &&
        (a.replay || setup_image(a.disk, DISK_SECTORS * GUEST_SECTOR_WORDS)))
        status = run(&a);
    setup_release(&a);
    return status;
}
