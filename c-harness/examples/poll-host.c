/* SPDX-License-Identifier: MIT */
/** @file poll-host.c
 *  Two threads, one of them with a poll() loop; a UART, a timer, a disk. The guest sleeps
 *  between interrupts; the key q or the end of stdin switches the machine off.
 *
 *      cc poll-host.c $(pkg-config --cflags --libs replay) -o poll-host
 *      poll-host disk.img                             the machine runs by itself
 *      poll-host disk.img rr=record,rrfile=run.log    it is recorded
 *      poll-host disk.img rr=replay,rrfile=run.log    it does the same again */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <replay/replay.h>

enum { IRQ_TIMER = 1, IRQ_UART = 2, IRQ_DISK = 4, TICK_NS = 10000000, WORK = 20000, SECTOR = 512 };

/* The replay lock guards it. Mode NONE has no such lock: what several threads use is atomic. */
typedef struct machine {
    atomic_uint_fast64_t icount;
    atomic_uint pending; /* interrupts */
    atomic_uchar key;    /* in the UART's receiver */
    atomic_bool asleep, kicked, stopped;
    uint64_t state; /* of the guest's program: each instruction depends on all before it */
    unsigned ticks;
    uint8_t sector[SECTOR];
    replay_timer_t *timer;
    replay_block_t *disk;
    int32_t uart; /* its number in the log */
    int wake_fd;  /* ends the I/O thread's poll */
} machine;

static uint64_t m_icount(void *opaque) {
    return ((machine *)opaque)->icount;
}

static bool m_idle(void *opaque) {
    return ((machine *)opaque)->asleep && !((machine *)opaque)->pending;
}

static void m_kick(void *opaque) { /* the vCPU thread leaves its slice */
    ((machine *)opaque)->kicked = true;
}

static void m_wake_io(void *opaque) { /* the I/O thread leaves its poll */
    eventfd_write(((machine *)opaque)->wake_fd, 1);
}

static void m_shutdown(void *opaque, replay_shutdown_cause_t cause) {
    machine *m = opaque;
    (void)cause;
    m->stopped = m->kicked = true;
    replay_notify();
    m_wake_io(m);
}

static void m_stop(void *opaque, replay_stop_reason_t reason, const replay_error_t *error) {
    (void)reason, (void)error; /* replay_finish() returns it again */
    m_shutdown(opaque, REPLAY_SHUTDOWN_NONE);
}

/* A replay is switched off where the recording was: there the library calls m_shutdown(). */
static void power_off(machine *m, replay_shutdown_cause_t cause) {
    replay_shutdown_request(cause);
    if (replay_mode != REPLAY_MODE_PLAY)
        m_shutdown(m, cause);
}

/* The devices: each raises its interrupt. */
static void raise_interrupt(machine *m, unsigned irq) {
    atomic_fetch_or(&m->pending, irq);
    replay_notify();
}
static void timer_expired(void *opaque) {
    raise_interrupt(opaque, IRQ_TIMER);
}
static void uart_received(void *opaque, const uint8_t *data, size_t length) {
    ((machine *)opaque)->key = data[length - 1];
    raise_interrupt(opaque, IRQ_UART);
}
static void disk_done(void *opaque, int32_t result) {
    (void)result; /* after an error the sector is what it was */
    raise_interrupt(opaque, IRQ_DISK);
}

static void mix(machine *m, uint64_t value) {
    m->state = (m->state ^ value) * UINT64_C(0x9e3779b97f4a7c15);
}

static void handle_interrupts(machine *m) {
    unsigned irqs = atomic_exchange(&m->pending, 0);
    m->asleep = false;
    mix(m, irqs);
    if (irqs & IRQ_TIMER) { /* reads the next sector */
        struct iovec piece = {m->sector, SECTOR};
        replay_block_read(m->disk, m->ticks++ % 16 * SECTOR, &piece, 1, 0, disk_done, m);
    }
    if (irqs & IRQ_DISK) {
        for (size_t i = 0; i < SECTOR; i++)
            mix(m, m->sector[i]);
        replay_timer_mod(m->timer, replay_get_virtual_clock() + TICK_NS);
    }
    if (irqs & IRQ_UART) {
        printf("%c at tick %u\n", m->key, m->ticks);
        if (m->key == 'q')
            power_off(m, REPLAY_SHUTDOWN_GUEST_SHUTDOWN);
    }
}

static void execute(machine *m, uint64_t n) {
    for (; n > 0 && !m->asleep && !m->kicked; n--) {
        mix(m, ++m->icount);
        m->asleep = m->icount % WORK == 0; /* until the next interrupt */
    }
}

static void *run_vcpu(void *opaque) {
    machine *m = opaque;
    replay_thread_attach(REPLAY_THREAD_VCPU);
    replay_mutex_lock();
    replay_timer_mod(m->timer, TICK_NS);
    while (!m->stopped) {
        m->kicked = false;
        replay_turn(); // timers, input and completions reach the guest here
        if (m->pending && replay_interrupt())
            handle_interrupts(m);
        uint64_t n = replay_get_budget(m_idle(m) ? 0 : WORK);
        if (n == 0 && !m->stopped)
            replay_wait(-1); // releases the lock
        execute(m, n);
        replay_account_executed_instructions();
        replay_mutex_unlock(); // the I/O thread's turn
        replay_mutex_lock();
    }
    replay_mutex_unlock();
    return NULL;
}

static void dispatch(machine *m, const struct pollfd *fds) {
    uint8_t key;
    if (fds[0].revents)
        eventfd_read(m->wake_fd, &(eventfd_t){0});
    if (fds[1].revents && read(STDIN_FILENO, &key, 1) == 1)
        replay_chr_be_write(m->uart, &key, 1); // reaches the guest in the vCPU's turn
    else if (fds[1].revents)
        power_off(m, REPLAY_SHUTDOWN_HOST_QUIT);
}

static void run_io(machine *m) {
    int keys = replay_mode == REPLAY_MODE_PLAY ? -1 : STDIN_FILENO; // PLAY: the log has them
    struct pollfd fds[] = {{m->wake_fd, POLLIN, 0}, {keys, POLLIN, 0}};
    while (!m->stopped) {
        replay_turn();
        int64_t ns = replay_warp_deadline_ns(); // how long it may sleep; -1: without limit
        replay_mutex_unlock();
        poll(fds, 2, ns < 0 ? -1 : (int)((ns + 999999) / 1000000));
        replay_mutex_lock();
        dispatch(m, fds); // m_wake_io() makes one of them readable
    }
}

static int complain(void) {
    replay_error_t error = REPLAY_ERROR_INIT;
    replay_last_error(&error);
    fprintf(stderr, "poll-host: %s\n", error.message);
    return replay_finish(), 1; // also if it was not started
}

int main(int argc, char **argv) {
    static machine m;
    replay_host_t host = REPLAY_HOST_INIT;
    host.icount = m_icount, host.cpus_idle = m_idle, host.kick = m_kick;
    host.wake_io = m_wake_io, host.shutdown = m_shutdown, host.stop = m_stop;
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.host = &host, config.opaque = &m, config.options = argc > 2 ? argv[2] : NULL;
    m.wake_fd = eventfd(0, EFD_NONBLOCK);
    if (replay_configure(&config))
        return complain();
    replay_thread_attach(REPLAY_THREAD_IO);
    replay_mutex_lock();
    replay_block_config_t disk = REPLAY_BLOCK_CONFIG_INIT;
    disk.filename = argc > 1 ? argv[1] : "disk.img";
    m.disk = replay_block_open(&disk, NULL);
    m.timer = replay_timer_new(timer_expired, &m);
    m.uart = replay_register_char_driver(uart_received, &m);
    pthread_t vcpu;
    if (!m.disk || !m.timer || replay_start() || pthread_create(&vcpu, NULL, run_vcpu, &m))
        return complain();
    run_io(&m);
    replay_mutex_unlock();
    pthread_join(vcpu, NULL);
    replay_status_t status = replay_finish(); // what is still queued reaches the guest here
    printf("icount %" PRIu64 ", state %016" PRIx64 "\n", (uint64_t)m.icount, m.state);
    return status ? complain() : 0;
}
