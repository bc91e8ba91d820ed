/* SPDX-License-Identifier: MIT */
/** @file state.h
 *  Everything that the guest can see of the machine's parts, as bytes.
 *
 *  Each part has one function with a list of its fields. The same list saves the part, checks
 *  bytes that were saved, and loads them; the digest is that of the saved bytes. So what is
 *  in the digest can't be missing from a snapshot. */
#ifndef RV64_STATE_H
#define RV64_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** CHECK walks through the bytes without changing the machine, so that LOAD can't fail. */
typedef enum state_way { STATE_SAVE, STATE_CHECK, STATE_LOAD } state_way_t;

/* The serial line's backlog can be 64 KiB long, and each of 256 disk requests a few KiB; all else
 * is less than 4 KiB. */
enum { STATE_BYTES_MOST = 1 << 20 };

typedef struct state {
    state_way_t way;
    bool good;     /**< false: the bytes aren't a state of this machine */
    size_t length; /**< bytes saved, or to be checked and loaded */
    size_t at;     /**< how many of them were checked or loaded */
    uint8_t bytes[STATE_BYTES_MOST];
} state_t;

/** Begins to save, check or load. The last two need the bytes and their length. */
void state_begin(state_t *state, state_way_t way);

/** Bytes that may have any value, in the host's order: it is little-endian (cpu.c). */
void state_bytes(state_t *state, void *bytes, size_t length);
#define STATE_FIELD(state, field) state_bytes((state), &(field), sizeof(field))

/** A field that is true or false. */
void state_bool(state_t *state, bool *field);

/** A number between @p least and @p most. @return the number that was saved. */
uint32_t state_number(state_t *state, uint32_t *field, uint32_t least, uint32_t most);

/** A number that may be larger, up to @p most. @return the number that was saved. */
uint64_t state_wide(state_t *state, uint64_t *field, uint64_t most);

/** Bytes that must be the same in the machine that is loaded. */
void state_same(state_t *state, const void *bytes, size_t length);

#endif /* RV64_STATE_H */
