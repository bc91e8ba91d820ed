/* SPDX-License-Identifier: MIT */
/* Mode NONE twice: the two sides that are compared, and what a script does to both. */
#ifndef NONE_DIFFERENTIAL_H
#define NONE_DIFFERENTIAL_H

#include <inttypes.h>

#include <replay/replay.h>

enum { SLOTS = 4, TRACE_BYTES = 1 << 14, DISK_BYTES = 1 << 14, STEPS = 80 };

/* ----------------------------------------------------------- one of two sides */

typedef struct side {
    const char *name;
    const replay_plugin_t *api;

    /* The machine. */
    uint64_t icount;
    bool idle, paused;
    int64_t now; /* real time, ns: it passes by a step only */
    int interrupts;
    int64_t alarm[2]; /* the host's own timers, by clock; -1: not set */
    uint8_t memory[512];
    uint8_t disk[DISK_BYTES];
    replay_block_request_t *held; /* a request that the backend ends later */
    bool holds;                   /* the backend keeps the next request */
    unsigned calls_back;          /* what its callbacks call, see m_call_back(); 0: nothing */
    bool is_called_back, is_running;

    replay_timer_t *timers[SLOTS];
    replay_net_t *nets[SLOTS];
    replay_block_t *disks[SLOTS];

    /* What it was called for, and what calls returned. */
    char trace[TRACE_BYTES];
    size_t length;
} side_t;

/* Appends to the trace. */
__attribute__((format(printf, 2, 3))) void note(side_t *side, const char *format, ...);

/* The callbacks of a side's machine, of its devices, and a backend in memory. */
replay_host_t machine_host(void);
replay_block_backend_t machine_backend(void);
void m_callback(void *opaque);
void m_complete(void *opaque, int32_t result);
void m_receive(void *opaque, const uint8_t *data, size_t length);
void m_packet(void *opaque, uint32_t flags, const uint8_t *data, size_t length);

/* What a step needs is drawn once, for both sides. */
typedef struct draw {
    uint64_t a, b, c;
    size_t slot;
} draw_t;

typedef struct step {
    const char *name;
    unsigned weight;
    void (*run)(side_t *side, const draw_t *draw);
} step_t;

/* Every step, and how often it is drawn compared with others. A script begins with the first. */
#define NONE_STEPS(X)                                                                              \
    X(configure, 6)                                                                                \
    X(start, 4)                                                                                    \
    X(finish, 2)                                                                                   \
    X(fingerprint, 2)                                                                              \
    X(blocker, 1)                                                                                  \
    X(names, 1)                                                                                    \
    X(query, 2)                                                                                    \
    X(last_error, 3)                                                                               \
    X(status_words, 1)                                                                             \
    X(attach, 1)                                                                                   \
    X(lock, 1)                                                                                     \
    X(unlock, 1)                                                                                   \
    X(wait_shortly, 1)                                                                             \
    X(sessions, 3)                                                                                 \
    X(execute, 8)                                                                                  \
    X(turns, 8)                                                                                    \
    X(change_machine, 6)                                                                           \
    X(call_back, 3)                                                                                \
    X(interrupts, 1)                                                                               \
    X(clocks, 2)                                                                                   \
    X(checkpoints, 2)                                                                              \
    X(queue, 5)                                                                                    \
    X(timers, 10)                                                                                  \
    X(disk_open, 4)                                                                                \
    X(disk_request, 10)                                                                            \
    X(disk_close, 3)                                                                               \
    X(characters, 5)                                                                               \
    X(network, 5)                                                                                  \
    X(input, 3)                                                                                    \
    X(audio, 1)                                                                                    \
    X(random_bytes, 1)                                                                             \
    X(shutdown_digest, 1)                                                                          \
    X(finish_with, 1)                                                                              \
    X(position, 1)                                                                                 \
    X(read_log, 1)                                                                                 \
    X(time_passes, 8)                                                                              \
    X(run, 2)                                                                                      \
    X(sleep_on, 8)

/* What steps are written with. A step is a function of its own, step_NAME(). */
#define STEP(name)     void step_##name(side_t *side, const draw_t *draw __attribute__((unused)))
#define CALL(function) (side->api->function)
#define RESULT(value)  note(side, " = %lld", (long long)(value))
/* A handle of this slot; sometimes none. */
#define SLOT(array) (draw->c % 13 ? side->array[draw->slot] : NULL)

#define DECLARE(name, weight) STEP(name);
NONE_STEPS(DECLARE)
#undef DECLARE

#endif /* NONE_DIFFERENTIAL_H */
