/* SPDX-License-Identifier: MIT */
/** @file block-host.h
 *  What the two block tests share: a machine with a disk in memory or in a file,
 *  whose backend can be slow, fail, or answer from another thread. */
#ifndef BLOCK_HOST_H
#define BLOCK_HOST_H

#include "host.h"

#include <errno.h>

enum { DISK_BYTES = 1 << 18 };

typedef struct disk {
    uint8_t bytes[DISK_BYTES];
    int64_t length;    /**< what the backend says; 0: DISK_BYTES */
    int32_t fail_with; /**< result of every operation */
    bool hold;         /**< operations are kept until disk_release() */
    bool by_thread;    /**< completed by another thread, after a short while */
    atomic_int reads, writes, zeroes, discards, flushes, closes;
    replay_block_request_t *held[64];
    int held_count;
} disk_t;

/** A pattern, the same each time. */
void disk_fill(disk_t *disk);

replay_block_backend_t disk_backend(void);

/** Ends what is held, the last first. */
void disk_release(disk_t *disk);

/** Opens a disk with @p disk's callbacks; the case ends if that fails. */
replay_block_t *disk_open(disk_t *disk, replay_block_overlay_t overlay);

/** The end of one request: without a log it may come from any thread. */
typedef struct {
    atomic_int runs; /**< set last */
    int32_t result;
    uint64_t icount;
    host_t *host;
} done_t;

void note_done(void *opaque, int32_t result);

/** Flushes until @p done has run, at most 10 s. */
bool wait_for(host_t *host, const done_t *done);

/** Reads, waits; the result, or a negative status of the call. */
int32_t read_now(host_t *host, replay_block_t *block, uint64_t offset, void *data, size_t length);
int32_t write_now(host_t *host, replay_block_t *block, uint64_t offset, const void *data,
                  size_t length);

#endif /* BLOCK_HOST_H */
