/* SPDX-License-Identifier: MIT */
/** @file minimal-host.c
 *  The smallest host: one thread, a clock that the guest reads, keys from stdin.
 *
 *      cc minimal-host.c $(pkg-config --cflags --libs replay) -o minimal-host
 *      minimal-host                             the machine runs by itself
 *      minimal-host rr=record,rrfile=run.log    it is recorded
 *      minimal-host rr=replay,rrfile=run.log    it does the same again
 *
 *  The library runs the loop; loop-host.c is the same with a loop of its own. Built
 *  twice: with the library, and, as minimal-host-stubs, without it. */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <replay/replay.h>

enum { LAST_INSTRUCTION = 50000000, CLOCK_EVERY = 1000000 };

typedef struct machine {
    uint64_t icount, state;
    int32_t keyboard; /* its number in the log */
} machine;

static int64_t rtc_read(void);

/* The guest, which knows nothing of libreplay: each instruction depends on all
 * before it. Executes n of them; true if it switches the machine off. */
static bool execute(machine *m, uint64_t n) {
    for (; n > 0; n--) {
        m->icount++; /* counted before it acts: see replay_host::icount */
        m->state = (m->state ^ m->icount) * UINT64_C(0x9e3779b97f4a7c15);
        if (m->icount % CLOCK_EVERY == 0)
            m->state ^= (uint64_t)rtc_read();
        if (m->icount == LAST_INSTRUCTION)
            return true;
    }
    return false;
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
    fprintf(stderr, "minimal-host: %s\n", error.message);
    return 1;
}

static uint64_t m_icount(void *opaque) {
    return ((machine *)opaque)->icount;
}

static bool m_idle(void *opaque) {
    (void)opaque;
    return false; /* this guest never sleeps */
}

/* Keys have reached their place in the run: the guest sees them. */
static void m_receive(void *opaque, const uint8_t *data, size_t length) {
    ((machine *)opaque)->state += data[length - 1];
}

static int64_t rtc_read(void) { // a device, in the middle of an instruction
    return REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, wall_clock_ns());
}

static void m_execute(void *opaque, uint64_t n) { // at most n: the next event may be there
    machine *m = opaque;
    for (uint8_t key; key_typed(&key);)
        replay_chr_be_write(m->keyboard, &key, 1); // queued; PLAY takes it from the log
    if (execute(m, n))
        replay_run_stop();
}

int main(int argc, char **argv) {
    static machine m;
    replay_host_t host = REPLAY_HOST_INIT;
    host.icount = m_icount, host.cpus_idle = m_idle, host.execute = m_execute;
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.host = &host, config.opaque = &m;
    config.options = argc > 1 ? argv[1] : NULL; // "rr=record,rrfile=run.log"
    if (replay_configure(&config))
        return complain(); // prints the sentence of replay_last_error()
    m.keyboard = replay_register_char_driver(m_receive, &m);
    if (!replay_start() && !replay_run())
        printf("icount %" PRIu64 ", state %016" PRIx64 "\n", m.icount, m.state);
    return replay_finish() ? complain() : 0;
}
