/* SPDX-License-Identifier: MIT */
/** @file frame-host.c
 *  A host that counts frames, not instructions: a game console whose core runs one
 *  frame a call.
 *
 *      cc frame-host.c $(pkg-config --cflags --libs replay) -o frame-host
 *      frame-host                             the game runs, keys are the pad
 *      frame-host rr=record,rrfile=run.log    it is recorded
 *      frame-host rr=replay,rrfile=run.log    it does the same again */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <replay/replay.h>

enum { LAST_FRAME = 300, FRAME_NS = 1000000, PAD_PORTS = 2 };

typedef struct console {
    uint64_t frames; /* begun: the icount */
    uint64_t state;
    int64_t pad[PAD_PORTS]; /* what the core's polls find, in the whole frame */
} console;

static int64_t wall_clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The core, which polls the pads where it likes and throws its dice at the start. */
static void core_run_frame(console *c) {
    c->frames++; /* counted before it acts */
    if (c->frames == 1)
        c->state = (uint64_t)REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, wall_clock_ns());
    for (int port = 0; port < PAD_PORTS; port++)
        c->state = (c->state ^ (uint64_t)c->pad[port]) * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

static uint64_t c_icount(void *opaque) {
    return ((console *)opaque)->frames;
}

static bool c_idle(void *opaque) {
    (void)opaque;
    return false; /* a console shows frames all the time */
}

static uint64_t c_digest(void *opaque) {
    return ((console *)opaque)->state;
}

/* A pad has changed, between two frames. */
static void c_input(void *opaque, const replay_input_t *input) {
    console *c = opaque;
    c->pad[input->port % PAD_PORTS] = input->code;
}

/* The user's keys: lower case is the pad of port 0, all others that of port 1. */
static void poll_keys(void) {
    struct pollfd in = {STDIN_FILENO, POLLIN, 0};
    uint8_t key;
    while (poll(&in, 1, 0) == 1 && read(STDIN_FILENO, &key, 1) == 1) {
        replay_input_t input = REPLAY_INPUT_INIT;
        input.kind = REPLAY_INPUT_KEY;
        input.port = key >= 'a' && key <= 'z' ? 0 : 1;
        input.code = key;
        input.value = 1;
        replay_input_event_from(&input); /* queued; PLAY takes it from the log */
    }
}

/* One frame, whatever @p frames allows: the input of the next one comes first. */
static void c_execute(void *opaque, uint64_t frames) {
    console *c = opaque;
    (void)frames; /* at least 1 */
    poll_keys();
    core_run_frame(c);
    if (replay_mode != REPLAY_MODE_PLAY) /* as fast as the screen; a replay need not wait */
        nanosleep(&(struct timespec){0, FRAME_NS}, NULL);
    if (c->frames == LAST_FRAME)
        replay_run_stop();
}

static int complain(void) {
    replay_error_t error = REPLAY_ERROR_INIT;
    replay_last_error(&error);
    fprintf(stderr, "frame-host: %s\n", error.message);
    return 1;
}

int main(int argc, char **argv) {
    static console c;
    replay_host_t host = REPLAY_HOST_INIT;
    host.icount = c_icount, host.cpus_idle = c_idle, host.digest = c_digest;
    host.execute = c_execute, host.input_from = c_input;
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.host = &host, config.opaque = &c;
    config.options = argc > 1 ? argv[1] : NULL;
    if (replay_configure(&config))
        return complain();
    if (!replay_start() && !replay_run())
        printf("icount %" PRIu64 ", state %016" PRIx64 "\n", c.frames, c.state);
    return replay_finish() ? complain() : 0;
}
