/* SPDX-License-Identifier: MIT */
/** @file block.h
 *  The block filter: disks whose completions reach the guest where the log says.
 *
 *  The filter is between a disk controller and a backend, which is either a file with
 *  worker threads or a table of callbacks. The guest's device submits a request, which
 *  goes to the backend at once. When the backend is done the completion is queued, and
 *  its callback runs on the vCPU thread at a flush of the queue. Guest memory changes
 *  only there: the data of a read goes to a buffer of the filter, and is copied at the
 *  completion. The data of a write is copied when it is submitted, and reaches the
 *  overlay at its completion. So a read sees exactly the writes that were completed
 *  before it.
 *
 *  While recording and replaying, writes go to an overlay, and the image stays
 *  unchanged, as a replay needs it. A replay returns the recorded result of each
 *  request, including failures. The log has a digest of each read, so that a
 *  different image is detected at the first read that differs. */
#ifndef REPLAY_BLOCK_H
#define REPLAY_BLOCK_H

#include <sys/uio.h>

#include "errors.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A disk: one filter and its backend. */
typedef struct replay_block replay_block_t;

/** A request that a backend works on. */
typedef struct replay_block_request replay_block_request_t;

/** Called when a request is complete.
 *  @param result 0, or a negative errno. */
typedef void (*replay_block_complete_t)(void *opaque, int32_t result);

/** Flags of requests. */
enum {
    REPLAY_BLOCK_FUA = 1 /**< force unit access: the data is on the disk before the completion */
};

/** A backend of the host. Each operation starts a request and returns; the backend ends
 *  it, at once or later, from any thread, with one replay_block_complete(). The pieces
 *  (where the data is in memory) stay valid until then. An operation that is NULL
 *  fails with -ENOTSUP, except: without zeroes, the library calls write with zeroes; without
 *  discard or flush, these requests succeed. */
typedef struct replay_block_backend {
    uint32_t size; /**< sizeof(replay_block_backend_t) */
    /** Required. The disk's length in bytes, or a negative errno. */
    int64_t (*length)(void *opaque);
    /** Required. */
    void (*read)(void *opaque, replay_block_request_t *request, uint64_t offset,
                 const struct iovec *pieces, int32_t count, uint32_t flags);
    /** Required without an overlay. */
    void (*write)(void *opaque, replay_block_request_t *request, uint64_t offset,
                  const struct iovec *pieces, int32_t count, uint32_t flags);
    void (*zeroes)(void *opaque, replay_block_request_t *request, uint64_t offset, uint64_t length,
                   uint32_t flags);
    void (*discard)(void *opaque, replay_block_request_t *request, uint64_t offset,
                    uint64_t length);
    void (*flush)(void *opaque, replay_block_request_t *request);
    /** The disk is closed; no request is pending. */
    void (*close)(void *opaque);
} replay_block_backend_t;

/** The value to start a replay_block_backend_t from. */
#define REPLAY_BLOCK_BACKEND_INIT                                                                  \
    { (uint32_t)sizeof(replay_block_backend_t), 0, 0, 0, 0, 0, 0, 0 }

/** Where writes go. */
typedef int32_t replay_block_overlay_t;
enum {
    REPLAY_BLOCK_OVERLAY_DEFAULT = 0,   /**< RECORD, PLAY: as TEMPORARY; NONE: as OFF */
    REPLAY_BLOCK_OVERLAY_TEMPORARY = 1, /**< a sparse file without a name, which closing removes */
    REPLAY_BLOCK_OVERLAY_FILE = 2,      /**< the sparse file overlay_filename, which may not be
                                             a link or a recording: emptied first, and kept. If
                                             snapshots were made (debug.h), its bytes are in the
                                             disk's order only after the disk is closed */
    REPLAY_BLOCK_OVERLAY_OFF = 3        /**< writes go to the image or backend; a replay needs it as
                                             it was before the recording */
};

/** The configuration of a disk. Strings and the table are copied. */
typedef struct replay_block_config {
    uint32_t size;                         /**< sizeof(replay_block_config_t) */
    uint32_t read_only;                    /**< 1: writes fail with -EROFS */
    const char *name;                      /**< unique, for errors; NULL: "disk0", … */
    const char *filename;                  /**< the image, a file or a block device, or NULL */
    const replay_block_backend_t *backend; /**< instead of an image, or NULL */
    void *opaque;                          /**< for the backend */
    replay_block_overlay_t overlay;        /**< where writes go */
    uint32_t workers;                      /**< threads for an image, at most 64; 0: two */
    const char *overlay_filename;          /**< for REPLAY_BLOCK_OVERLAY_FILE */
    uint32_t resubmits;                    /**< 1: replay_host::load_state submits again what was
                                                pending (debug.h) */
    uint32_t reserved;                     /**< 0 */
} replay_block_config_t;

/** The value to start a replay_block_config_t from. */
#define REPLAY_BLOCK_CONFIG_INIT                                                                   \
    { (uint32_t)sizeof(replay_block_config_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** Opens a disk on the current session. With rrdata=on, PLAY opens no image
 *  and calls no backend: data and length come from the log.
 *
 *  @param config [in]. @param status [out] why it failed, or NULL.
 *  @return the disk, which the caller closes with replay_block_close(); or NULL with
 *    ERROR_INVALID_ARGUMENT (the file can't be an image or overlay, or the process
 *    already uses it; several disks may share an image if none writes to it),
 *    ERROR_STRUCT_SIZE, ERROR_SYSTEM (the image or the overlay could not be
 *    opened), ERROR_NO_MEMORY, ERROR_WRONG_STATE (not between configure and
 *    start), ERROR_FINGERPRINT (rrdata=on: the recording has no such disk).
 *  Disks are numbered in the order of the calls, which must be the same in every mode.
 *  Thread: [any], after replay_configure(), before replay_start(). */
REPLAY_API replay_block_t *replay_block_open(const replay_block_config_t *config,
                                             replay_status_t *status);

/** Waits for pending requests, runs their completions, and closes the disk.
 *  NULL is allowed.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT if it isn't a disk (any more); ERROR_SYSTEM
 *    if a named overlay could not be completed after journeys (debug.h).
 *  Thread: [any] [lock-held]. */
REPLAY_API replay_status_t replay_block_close(replay_block_t *disk);

/** The disk's length in bytes, or a negative errno. The length is recorded: a replay
 *  with an image of a different length fails at the start.
 *  Thread: [any]. */
REPLAY_API int64_t replay_block_length(replay_block_t *disk);

/** Reads. @p complete runs when the data is in the pieces. Pieces in RAM that has a map of
 *  dirty pages (debug.h): @p complete sets the bytes of the pages that they fill.
 *  @param offset in bytes. @param pieces, count [in] guest memory, at most
 *    1,024 pieces and 1 GiB. The array is copied; the memory must stay valid until the
 *    completion.
 *  @return REPLAY_OK: @p complete will run, once; ERROR_INVALID_ARGUMENT,
 *    ERROR_LOCK_NOT_HELD, ERROR_WRONG_ROLE, ERROR_NO_MEMORY: it will not. If memory runs
 *    out, a recording or replay ends. Within replay_host::load_state, ERROR_INVALID_ARGUMENT
 *    also if it isn't the request that has to be submitted again.
 *    A request beyond the end of the disk completes with -EIO.
 *  None: @p complete runs as soon as the backend ends the request, in that thread: guard
 *  what it touches with a lock of the host's own.
 *  Record, Play: a completion before replay_start() waits for the start.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_block_read(replay_block_t *disk, uint64_t offset,
                                             const struct iovec *pieces, int32_t count,
                                             uint32_t flags, replay_block_complete_t complete,
                                             void *opaque);

/** Writes; like replay_block_read(). The data is copied during the call. */
REPLAY_API replay_status_t replay_block_write(replay_block_t *disk, uint64_t offset,
                                              const struct iovec *pieces, int32_t count,
                                              uint32_t flags, replay_block_complete_t complete,
                                              void *opaque);

/** Writes zeroes; like replay_block_read(). */
REPLAY_API replay_status_t replay_block_zeroes(replay_block_t *disk, uint64_t offset,
                                               uint64_t length, uint32_t flags,
                                               replay_block_complete_t complete, void *opaque);

/** Discards data that isn't needed any more; with an overlay, later reads return zeroes.
 *  Like replay_block_read(). */
REPLAY_API replay_status_t replay_block_discard(replay_block_t *disk, uint64_t offset,
                                                uint64_t length, replay_block_complete_t complete,
                                                void *opaque);

/** Completes when everything that was written before is on the disk (at once for a
 *  temporary overlay); like replay_block_read(). */
REPLAY_API replay_status_t replay_block_flush(replay_block_t *disk,
                                              replay_block_complete_t complete, void *opaque);

/** A backend ends a request.
 *  @param result 0 or a negative errno.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT if it isn't pending (any more).
 *  Thread: [any], without the lock too. */
REPLAY_API replay_status_t replay_block_complete(replay_block_request_t *request, int32_t result);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_BLOCK_H */
