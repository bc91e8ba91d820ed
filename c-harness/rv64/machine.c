/* SPDX-License-Identifier: MIT */
#include "machine.h"

#include <errno.h>
#include <string.h>

#include "debug.h"
#include "files.h"
#include "memory-map.h"
#include "message.h"

/* ------------------------------------------------------------ what devices do */

static uint64_t cpu_time(void *opaque) {
    (void)opaque;
    /* It follows from the icount and the time slept, so it isn't recorded. */
    return (uint64_t)replay->replay_get_virtual_clock() / (1000000000 / MAP_TIMEBASE_HZ);
}

/* A device may have set a timer, or the library may want attention: the budget of the current
 * slice was calculated before that. */
static void after_access(machine_t *m) {
    if (atomic_load_explicit(&m->kicked, memory_order_relaxed))
        cpu_end_slice(&m->cpu);
}

static bool cpu_reads(void *opaque, uint64_t address, unsigned size, uint64_t *value) {
    machine_t *m = opaque;
    bool good = bus_read(&m->bus, address, size, value);
    after_access(m);
    return good;
}

static bool cpu_writes(void *opaque, uint64_t address, unsigned size, uint64_t value) {
    machine_t *m = opaque;
    bool good = bus_write(&m->bus, address, size, value);
    after_access(m);
    return good;
}

/* The library notes that the guest was here, or pauses the machine before this instruction. */
static bool cpu_stops(void *opaque, cpu_break_kind_t kind, uint64_t address) {
    (void)opaque;
    return replay->replay_breakpoint((replay_break_kind_t)kind, address);
}

/* After a step back the guest sends again what its user has already seen. */
void machine_send(void *opaque, uint8_t byte) {
    if (replay->replay_output_due())
        serial_transmit(((machine_t *)opaque)->serial, byte);
}

/* --------------------------------------------------------- the serial line's input */

/* Input from outside, at any time. The library takes it: in RECORD it writes down when the
 * guest gets it, in PLAY it drops it. */
static void serial_typed(void *opaque, const uint8_t *bytes, size_t length) {
    replay->replay_chr_be_write(((machine_t *)opaque)->serial_number, bytes, length);
}

/* The library delivers input to the guest: on the vCPU thread, or, in mode NONE, at once on the
 * thread that has read it. */
static void serial_arrives(void *opaque, const uint8_t *bytes, size_t length) {
    machine_t *m = opaque;
    big_lock_take(&m->lock);
    uart_receive(&m->uart, bytes, length);
    big_lock_give(&m->lock);
}

static void serial_quits(void *opaque) {
    machine_t *m = opaque;
    /* A replay ends where the recording did, but its user may leave earlier. */
    if (REPLAY_MODE() == REPLAY_MODE_PLAY)
        machine_power_off(m, REPLAY_SHUTDOWN_HOST_QUIT);
    else
        machine_request_shutdown(m, REPLAY_SHUTDOWN_HOST_QUIT);
}

static bool serial_listening(void *opaque) {
    machine_t *m = opaque;
    big_lock_take(&m->lock);
    bool listening = uart_listens(&m->uart);
    big_lock_give(&m->lock);
    return listening;
}

/* ------------------------------------------------------------------ off and on */

void machine_power_off(machine_t *m, replay_shutdown_cause_t cause) {
    int none = REPLAY_SHUTDOWN_NONE;
    atomic_compare_exchange_strong(&m->cause, &none, cause); /* keeps the first cause */
    atomic_store(&m->off, true);
    atomic_store(&m->kicked, true);
    replay->replay_notify();
}

void machine_request_shutdown(machine_t *m, replay_shutdown_cause_t cause) {
    /* In PLAY this does nothing: the log ends the run, through on_shutdown(). */
    replay->replay_shutdown_request(cause);
    if (REPLAY_MODE() != REPLAY_MODE_PLAY)
        machine_power_off(m, cause);
}

bool machine_reset(machine_t *m) {
    image_entry_t entry;
    bus_reset(&m->bus);
    cpu_clear_ram(&m->cpu);
    if (!image_load(&m->image, &m->cpu, m->options, &entry))
        return false;
    cpu_reset(&m->cpu, entry.pc, entry.device_tree);
    return true;
}

/* ------------------------------------------------------------------- assembling */

static irq_line_t wire(machine_t *m, uint32_t source) {
    return (irq_line_t){&m->plic, source};
}

static bool open_hardware(machine_t *m) {
    const cpu_bus_t bus = {m, cpu_reads, cpu_writes, cpu_time, machine_environment_call, cpu_stops};
    const cpu_options_t options = {.floating_point = strcmp(m->options->cpu, "rv64gc") == 0};
    uint64_t ram_bytes = (uint64_t)m->options->ram_mib << 20;
    if (!cpu_open(&m->cpu, &bus, &options, MAP_RAM_BASE, ram_bytes) || !machine_open_digests(m)) {
        tell("RAM: %s", strerror(ENOMEM));
        return false;
    }
    plic_open(&m->plic, &m->cpu);
    bus_add(&m->bus, plic_device(&m->plic));
    uart_open(&m->uart, wire(m, MAP_IRQ_UART), machine_send, m);
    bus_add(&m->bus, uart_device(&m->uart));
    if (!m->options->no_rtc) {
        rtc_open(&m->rtc, wire(m, MAP_IRQ_RTC));
        bus_add(&m->bus, rtc_device(&m->rtc));
    }
    if (!m->options->no_entropy) {
        virtio_entropy_open(&m->entropy, &m->cpu, wire(m, MAP_IRQ_VIRTIO + MAP_SLOT_ENTROPY),
                            MAP_SLOT_ENTROPY);
        bus_add(&m->bus, virtio_entropy_device(&m->entropy));
    }
    if (m->disk) {
        virtio_block_open(&m->block, &m->cpu, wire(m, MAP_IRQ_VIRTIO + MAP_SLOT_DISK),
                          MAP_SLOT_DISK, m->disk->block, m->disk->read_only, &m->lock);
        bus_add(&m->bus, virtio_block_device(&m->block));
    }
    return machine_reset(m);
}

static bool configure(machine_t *m) {
    replay_host_t host;
    machine_hooks(&host);
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.host = &host;
    config.opaque = m;
    config.options = m->options->fingerprint ? NULL : m->options->icount;
    config.digest_interval = (uint64_t)m->options->digest_interval;
    config.created_ns = (uint64_t)g_get_real_time() * 1000;
    if (replay->replay_configure(&config) != REPLAY_OK)
        return false;
    /* This thread will run the main loop. From here on it holds the replay lock, except while
     * the loop polls. */
    return replay->replay_glib_attach(NULL) == REPLAY_OK;
}

static bool open_serial(machine_t *m) {
    const serial_events_t events = {m, serial_typed, serial_quits, serial_listening};
    if (m->options->fingerprint)
        return true; /* the machine won't run */
    if (!files_are_distinct(m->options, replay->replay_get_filename()))
        return false;
    m->serial = serial_open(m->options->serial, m->options->console_log, &events);
    return m->serial != NULL;
}

static bool register_ram(machine_t *m) {
    const replay_ram_config_t ram = machine_ram(m);
    if (replay->replay_register_ram(&ram) == REPLAY_OK)
        return true;
    library_complain();
    return false;
}

bool machine_open(machine_t *m, const options_t *options) {
    *m = (machine_t){.options = options, .lock = BIG_LOCK_INIT};
    m->loop = g_main_loop_new(NULL, FALSE);
    if (!configure(m)) {
        library_complain();
        return false;
    }
    /* The log numbers them in this order, so it has to be the same in every mode. */
    m->serial_number = replay->replay_register_char_driver(serial_arrives, m);
    m->timer = replay->replay_timer_new(machine_timer_expired, m);
    if (m->serial_number < 0 || !m->timer) {
        library_complain();
        return false;
    }
    if (options->disk && !(m->disk = disk_open(options)))
        return false;
    return open_serial(m) && image_open(&m->image, options) && open_hardware(m) &&
           register_ram(m) && machine_fingerprint(m) && debug_listen(m);
}

replay_status_t machine_finish(machine_t *m) {
    virtio_block_finish(&m->block);
    disk_finish(m->disk);
    /* Detaching releases the replay lock. replay_finish() closes the disk and frees the timer:
     * it takes the last digest of the guest first, and then ends the requests that are still
     * under way. */
    replay->replay_glib_detach(NULL);
    return replay->replay_finish();
}

bool machine_close(machine_t *m) {
    virtio_block_close(&m->block);
    disk_free(m->disk);
    bool whole = serial_close(m->serial);
    cpu_close(&m->cpu);
    image_close(&m->image);
    g_free(m->page_digests);
    g_main_loop_unref(m->loop);
    return whole;
}
