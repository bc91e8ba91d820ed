/* SPDX-License-Identifier: MIT */
/** @file positions.h
 *  Positions of the library in memory. */
#ifndef POSITIONS_H
#define POSITIONS_H

#include "test.h"

enum { POSITION_BYTES = 4096 };

/** Memory that a stream writes or reads. */
typedef struct {
    uint8_t bytes[POSITION_BYTES];
    size_t length, at;
    bool fails;
} memory_t;

/** A stream that writes to @p memory at its end, or reads from where it was read last. */
replay_stream_t stream_of(memory_t *memory);

/** Saves the position alone in @p memory. */
replay_status_t save(memory_t *memory);

replay_status_t load(memory_t *memory);

#endif /* POSITIONS_H */
