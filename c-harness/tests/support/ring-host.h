/* SPDX-License-Identifier: MIT */
/** @file ring-host.h
 *  A small machine that reads the clock with each instruction and writes to RAM, for as long as it
 *  is let: for recordings that keep only their last part. */
#ifndef RING_HOST_H
#define RING_HOST_H

#include "host.h"

enum { RING_RAM = 64 * 1024, RING_PAGE = 1024 };

typedef struct ring_host {
    host_t host;
    struct {
        uint64_t icount, state;
    } cpu;
    uint8_t *ram;
    uint64_t ram_hash; /* derived */
    uint8_t dirty[RING_RAM / RING_PAGE];
    bool no_state;  /**< without save_state */
    uint64_t rate;  /**< RECORD: instructions, and events, in a second; 0: as fast as it can */
    uint64_t begin; /**< PLAY: the icount to which it was taken */
    unsigned loads; /**< calls of load_state */
    uint64_t random_bytes; /**< with each of so many instructions, 64 random bytes; 0: never */
    int64_t longest;       /**< RECORD: the longest call for an event, in ns */
    replay_status_t refused;
} ring_host_t;

/** Configures and starts. The calling thread holds the lock. */
void ring_begin(ring_host_t *m, replay_mode_t mode, const char *path, const char *options);

/** RECORD: runs for so many ms of real time. PLAY: to the end. @return instructions executed */
uint64_t ring_run(ring_host_t *m, unsigned ms);

/** Gives the lock back and finishes. */
replay_status_t ring_end(ring_host_t *m);

/** The bytes on the disk of all files of a log. */
uint64_t ring_disk_use(const char *path);

#endif /* RING_HOST_H */
