/* SPDX-License-Identifier: MIT */
/* A request and the host's backend of a disk, for the library and for the stubs. Not installed. */
#ifndef REPLAY_BACKEND_H
#define REPLAY_BACKEND_H

#include <errno.h>

#include "replay/block.h"

typedef enum replay_operation {
    REPLAY_OPERATION_READ,
    REPLAY_OPERATION_WRITE,
    REPLAY_OPERATION_ZEROES,
    REPLAY_OPERATION_DISCARD,
    REPLAY_OPERATION_FLUSH
} replay_operation_t;

/** The operation of a request. */
typedef struct replay_asked {
    replay_operation_t operation;
    uint32_t flags;
    uint64_t offset, length;
} replay_asked_t;

/** Does the table have the callbacks that every backend needs? */
static inline bool replay_backend_is_whole(const replay_block_backend_t *backend, bool writable) {
    return backend->length && backend->read && (backend->write || !writable);
}

/** Checks what needs no backend. @return 0, or the negative errno that is the result. */
static inline int32_t replay_asked_refusal(const replay_asked_t *asked, int64_t disk_length,
                                           bool is_read_only) {
    uint64_t all = disk_length > 0 ? (uint64_t)disk_length : 0;
    if (asked->operation == REPLAY_OPERATION_FLUSH)
        return 0;
    if (asked->offset > all || asked->length > all - asked->offset)
        return -EIO;
    return asked->operation != REPLAY_OPERATION_READ && is_read_only ? -EROFS : 0;
}

/** Passes a request to the backend, with all its data in one piece. The backend ends it by its
 *  handle. @return 1, or the result if the table has no callback for it. */
static inline int32_t replay_backend_submit(const replay_block_backend_t *backend, void *opaque,
                                            replay_block_request_t *handle,
                                            const replay_asked_t *asked, const struct iovec *data) {
    if (asked->operation == REPLAY_OPERATION_READ && backend->read)
        backend->read(opaque, handle, asked->offset, data, 1, asked->flags);
    else if (asked->operation == REPLAY_OPERATION_WRITE && backend->write)
        backend->write(opaque, handle, asked->offset, data, 1, asked->flags);
    else if (asked->operation == REPLAY_OPERATION_ZEROES && backend->zeroes)
        backend->zeroes(opaque, handle, asked->offset, asked->length, asked->flags);
    else if (asked->operation == REPLAY_OPERATION_DISCARD && backend->discard)
        backend->discard(opaque, handle, asked->offset, asked->length);
    else if (asked->operation == REPLAY_OPERATION_FLUSH && backend->flush)
        backend->flush(opaque, handle);
    else
        return asked->operation >= REPLAY_OPERATION_DISCARD ? 0 : -ENOTSUP;
    return 1;
}

#endif
