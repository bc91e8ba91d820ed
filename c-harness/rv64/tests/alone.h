/* SPDX-License-Identifier: MIT */
/** @file alone.h
 *  A machine without threads and without the library, for tests: the guest's clocks, random
 *  numbers and timer follow from the icount, so each run is the same, wherever its slices end. */
#ifndef RV64_ALONE_H
#define RV64_ALONE_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../machine.h"

/** Ends the test if something isn't so. */
#define CHECK(condition)                                                                           \
    ((condition) ? (void)0                                                                         \
                 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), abort()))

/** What the library would save. */
typedef struct alone_time {
    uint64_t warped; /**< ns that the guest has slept */
    int64_t expires; /**< the timer; -1: it isn't set */
    uint32_t typed;  /**< lines */
} alone_time_t;

typedef struct alone {
    machine_t machine;
    options_t options;
    alone_time_t time;
    uint64_t slice; /**< the most instructions that are executed at once */
    bool stopped;   /**< to be set by stop_at(): alone_run() returns */
    /** Called before each slice; may be NULL. */
    void (*before)(struct alone *alone);
} alone_t;

/** Switches a machine on with the guest "FOLDER/NAME.elf".
 *  @param cpu "rv64gc" or "rv64imac" */
alone_t *alone_new(const char *folder, const char *name, const char *cpu);
void alone_free(alone_t *alone);

/** Runs up to an icount, or until the guest switches off. One that waits for ever gets
 *  a few lines of input; the last one is "quit".
 *  @return false: it isn't there yet. */
bool alone_run(alone_t *alone, uint64_t icount);

/** A number from 0 to @p most. */
uint64_t alone_dice(uint64_t most);

/** Bytes of a stream in memory. */
typedef struct alone_bytes {
    uint8_t *bytes;
    size_t length, at;
} alone_bytes_t;
replay_stream_t alone_stream(alone_bytes_t *bytes);

#endif /* RV64_ALONE_H */
