/* SPDX-License-Identifier: MIT */
/** @file loop-host.c
 *  The machine of minimal-host.c, with an interrupt for its keys, in a host that keeps
 *  its own loop: the turns, the budget, the wait and the lock are written out.
 *
 *      cc loop-host.c $(pkg-config --cflags --libs replay) -o loop-host
 *      loop-host                             the machine runs by itself
 *      loop-host rr=record,rrfile=run.log    it is recorded
 *      loop-host rr=replay,rrfile=run.log    it does the same again */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <replay/replay.h>

enum { LAST_INSTRUCTION = 50000000, CLOCK_EVERY = 1000000 };

typedef struct machine {
    uint64_t icount, state;
    int32_t keyboard; /* its number in the log */
    uint8_t key;
    bool interrupt_pending;
    atomic_bool stopped; /* by any thread: a replay that stalls */
} machine;

static int64_t rtc_read(void);

/* The guest, which knows nothing of libreplay: each instruction depends on all
 * before it. Executes at most n of them. */
static void execute(machine *m, uint64_t n) {
    for (; n > 0 && !m->stopped; n--) {
        m->icount++; /* counted before it acts: see replay_host::icount */
        m->state = (m->state ^ m->icount) * UINT64_C(0x9e3779b97f4a7c15);
        if (m->icount % CLOCK_EVERY == 0)
            m->state ^= (uint64_t)rtc_read();
        if (m->icount == LAST_INSTRUCTION)
            m->stopped = true;
    }
}

static void deliver_interrupt(machine *m) {
    m->state += m->key;
    m->interrupt_pending = false;
}

static int64_t wall_clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool key_typed(uint8_t *key) {
    struct pollfd in = {STDIN_FILENO, POLLIN, 0};
    return poll(&in, 1, 0) == 1 && read(STDIN_FILENO, key, 1) == 1;
}

static int complain(void) {
    replay_error_t error = REPLAY_ERROR_INIT;
    replay_last_error(&error);
    fprintf(stderr, "loop-host: %s\n", error.message);
    return 1;
}

static uint64_t m_icount(void *opaque) {
    return ((machine *)opaque)->icount;
}

static bool m_idle(void *opaque) {
    (void)opaque;
    return false; /* this guest never sleeps */
}

static void m_stop(void *opaque, replay_stop_reason_t reason, const replay_error_t *error) {
    (void)reason, (void)error; /* replay_finish() returns it too */
    ((machine *)opaque)->stopped = true;
}

/* Keys have reached their place in the run. */
static void m_receive(void *opaque, const uint8_t *data, size_t length) {
    ((machine *)opaque)->key = data[length - 1];
    ((machine *)opaque)->interrupt_pending = true;
}

static int64_t rtc_read(void) { // a device, in the middle of an instruction
    return REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, wall_clock_ns());
}

int main(int argc, char **argv) {
    static machine m;
    replay_host_t host = REPLAY_HOST_INIT;
    host.icount = m_icount, host.cpus_idle = m_idle, host.stop = m_stop;
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.host = &host, config.opaque = &m;
    config.options = argc > 1 ? argv[1] : NULL; // "rr=record,rrfile=run.log"
    if (replay_configure(&config))
        return complain(); // prints the sentence of replay_last_error()
    replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    replay_mutex_lock();
    m.keyboard = replay_register_char_driver(m_receive, &m);
    if (replay_start()) { // the machine differs from the recording
        complain();
        replay_finish();
        return 1;
    }
    for (uint8_t key; !m.stopped;) {
        if (key_typed(&key))
            replay_chr_be_write(m.keyboard, &key, 1); // queued; PLAY takes it from the log
        replay_turn();                                // of both roles: timers run, keys arrive
        if (m.interrupt_pending && replay_interrupt())
            deliver_interrupt(&m);
        uint64_t n = replay_get_budget(m_idle(&m) ? 0 : 10000); // not beyond the next event
        if (n == 0)
            replay_wait(100000000); // not its turn, or asleep: returns when something changes
        execute(&m, n);
        replay_account_executed_instructions();
    }
    replay_mutex_unlock();
    replay_status_t status = replay_finish(); // what is still queued reaches the guest here
    printf("icount %" PRIu64 ", state %016" PRIx64 "\n", m.icount, m.state);
    return status ? complain() : 0;
}
