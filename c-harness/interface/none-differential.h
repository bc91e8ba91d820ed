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

    replay_timer_t *timers[SLOTS];
    replay_net_t *nets[SLOTS];
    replay_block_t *disks[SLOTS];
    char image[64];

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

extern const step_t steps[];
extern const size_t step_count;

#endif /* NONE_DIFFERENTIAL_H */
