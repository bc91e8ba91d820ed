/* SPDX-License-Identifier: MIT */
/** @file frames-host.h
 *  A machine that counts frames, for the tests of places at one icount. */
#ifndef FRAMES_HOST_H
#define FRAMES_HOST_H

#include "host.h"

/* A machine that counts frames: within a frame it works, flushes the queue, works
 * on, flushes again; between frames it takes its turns. What the guest does and
 * gets is mixed into its state, in order. */
typedef struct {
    host_t host;
    uint64_t state;
    uint64_t end; /**< the state before what is left over is run */
    uint64_t seed;
    int places;      /**< direct flushes in a frame */
    bool reads_time; /**< the I/O thread reads a clock without a checkpoint */
    atomic_bool over;
} frames_t;

/** Sets the one machine, and configures. */
void frames_init(frames_t *frames, replay_mode_t mode, const char *options);

/** Mixes what the guest does or gets into the machine's state. */
void mix(uint64_t value);

/** A key from outside. */
void press(int code);

/** Runs to frame @p count as a thread with @p roles, which holds the lock. */
void run_frames(frames_t *frames, uint64_t count, replay_role_t roles);

/** The replay ended as the recording did. */
void check_end(frames_t *play, const frames_t *record);

#endif /* FRAMES_HOST_H */
