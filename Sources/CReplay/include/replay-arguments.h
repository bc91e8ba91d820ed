/* SPDX-License-Identifier: MIT */
/* Checks and copies of arguments, for the library and for the stubs. Not installed.
 */
#ifndef REPLAY_ARGUMENTS_H
#define REPLAY_ARGUMENTS_H

#include <string.h>

#include "replay/block.h"
#include "replay/devices.h"
#include "replay/session.h"

enum {
    REPLAY_CHAR_DEVICES_MAX = 256,
    REPLAY_WORKERS_MAX = 64,
    REPLAY_PIECES_MAX = 1024,
    REPLAY_PORT_MAX = 65535,
    REPLAY_PAYLOAD_MAX = 1 << 30,
    REPLAY_SESSIONS_PUSHED_MAX = 16
};

/* -------------------------------------------------------------------- structs */

/* A struct that may grow begins with its size. */

/** Copies the part of the host's struct that it has and that this version knows. */
static inline void replay_copy_known(void *to, const void *from, size_t known) {
    uint32_t size = *(const uint32_t *)from;
    memcpy(to, from, size < known ? size : known);
}

/** Fills the host's struct as far as it has room; its size stays. @return false: it has no room
 *  even for the first members. */
static inline bool replay_copy_out(void *to, const void *from, size_t known) {
    uint32_t size = *(const uint32_t *)to;
    if (size < 8)
        return false;
    memcpy(to, from, size < known ? size : known);
    *(uint32_t *)to = size;
    return true;
}

/** A struct's size before anything was appended to it. */
enum {
    REPLAY_CONFIG_SIZE_MIN = offsetof(replay_config_t, overwrite),
    REPLAY_HOST_SIZE_MIN = offsetof(replay_host_t, execute)
};

#define REPLAY_KEY_PREFIX "replay."

/** May the host use this key in a fingerprint? Others are reserved for the library. */
static inline bool replay_key_is_the_hosts(const char *key) {
    return *key && strncmp(key, REPLAY_KEY_PREFIX, strlen(REPLAY_KEY_PREFIX)) != 0;
}

/* --------------------------------------------------------------------- pieces */

/** The length of all pieces, or -1 if they can't be right. */
static inline int64_t replay_pieces_length(const struct iovec *pieces, int32_t count) {
    if (count < 0 || count > REPLAY_PIECES_MAX || (!pieces && count > 0))
        return -1;
    size_t length = 0;
    for (int32_t i = 0; i < count; length += pieces[i++].iov_len)
        if ((!pieces[i].iov_base && pieces[i].iov_len > 0) ||
            pieces[i].iov_len > REPLAY_PAYLOAD_MAX - length)
            return -1;
    return (int64_t)length;
}

/** Copies the pieces, one after the other, up to @p size bytes. @return the bytes copied */
static inline size_t replay_pieces_gather(void *to, size_t size, const struct iovec *pieces,
                                          int32_t count) {
    size_t at = 0;
    for (int32_t i = 0; i < count && pieces[i].iov_len <= size - at; at += pieces[i++].iov_len)
        if (pieces[i].iov_len > 0)
            memcpy((char *)to + at, pieces[i].iov_base, pieces[i].iov_len);
    return at;
}

static inline void replay_pieces_scatter(const struct iovec *pieces, int32_t count,
                                         const void *from, size_t size) {
    size_t at = 0;
    for (int32_t i = 0; i < count && pieces[i].iov_len <= size - at; at += pieces[i++].iov_len)
        if (pieces[i].iov_len > 0)
            memcpy(pieces[i].iov_base, (const char *)from + at, pieces[i].iov_len);
}

/* ---------------------------------------------------------------------- input */

/** For a host without the callback for origins. */
static inline replay_input_event_t replay_input_plain(const replay_input_t *input) {
    int64_t code = input->code < INT32_MIN ? INT32_MIN : input->code;
    replay_input_event_t plain = {
        input->kind,        (int32_t)(code > INT32_MAX ? INT32_MAX : code),
        input->axis,        input->slot,
        input->tracking_id, input->value};
    return plain;
}

#endif
