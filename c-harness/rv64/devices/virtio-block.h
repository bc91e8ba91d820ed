/* SPDX-License-Identifier: MIT */
/** @file virtio-block.h
 *  A disk controller that uses libreplay's block filter.
 *
 *  A request goes to the filter as soon as the guest makes it; its end comes back on
 *  the vCPU thread, while recording when it happens to, while replaying at the same
 *  instruction. Until then no byte of guest RAM changes. */
#ifndef RV64_VIRTIO_BLOCK_H
#define RV64_VIRTIO_BLOCK_H

#include "../big-lock.h"
#include "../library.h"
#include "virtio.h"

enum { VIRTIO_BLOCK_REQUESTS = VIRTIO_QUEUE_MOST };

struct virtio_block;

/** What a driver can ask for. */
enum {
    VIRTIO_BLOCK_IN = 0,
    VIRTIO_BLOCK_OUT = 1,
    VIRTIO_BLOCK_FLUSH = 4,
    VIRTIO_BLOCK_GET_ID = 8,
    VIRTIO_BLOCK_DISCARD = 11,
    VIRTIO_BLOCK_ZEROES = 13
};

/** A request under way. */
typedef struct virtio_block_request {
    struct virtio_block *block;
    uint64_t serial; /**< the order in which they were made */
    uint32_t resets; /**< of the device, when it was made */
    uint16_t head;
    bool busy;
    uint8_t *status; /**< where the guest looks for the result */
    uint64_t room;   /**< bytes that the guest can be given besides */
    uint64_t bytes;  /**< of data, either way */
    uint32_t type;
    uint64_t offset, length; /**< on the disk */
    /** A read: what is read, and where it goes when it has ended, if the guest has not
     *  reset the device meanwhile: its RAM is for something else then. */
    uint8_t *data;
    struct iovec *pieces;
    int32_t count;
} virtio_block_request_t;

typedef struct virtio_block {
    virtio_t virtio;
    virtio_kind_t kind;
    replay_block_t *disk;
    big_lock_t *lock;
    uint64_t sectors;
    bool read_only;
    uint64_t bytes;  /**< of all requests under way */
    uint64_t serial; /**< of the next request */
    bool waiting;    /**< there are more in the queue than can be taken now */
    bool taking;     /**< they are being taken right now */
    bool finished;   /**< no more are taken */
    virtio_block_request_t requests[VIRTIO_BLOCK_REQUESTS];
} virtio_block_t;

void virtio_block_open(virtio_block_t *block, cpu_t *cpu, irq_line_t irq, uint32_t slot,
                       replay_block_t *disk, bool read_only, big_lock_t *lock);

/** Are requests under way? */
bool virtio_block_busy(const virtio_block_t *block);

/** A snapshot was loaded: submits again the requests that it has, in their first order. */
bool virtio_block_resubmit(virtio_block_t *block);

/** The run is over: requests under way may end, but no more are begun. */
void virtio_block_finish(virtio_block_t *block);
void virtio_block_close(virtio_block_t *block);
device_t virtio_block_device(virtio_block_t *block);

/* Between the parts of the controller. */

/* Data is copied, so there is a limit: a larger request is an error. */
enum { VIRTIO_BLOCK_BYTES_MOST = 1 << 26 };

/** Passes a request on to the filter. @param pieces what a write writes */
replay_status_t virtio_block_submit(virtio_block_request_t *request, const struct iovec *pieces,
                                    int32_t count);

/** Makes room for what a read reads. */
void virtio_block_reserve(virtio_block_request_t *request, int32_t pieces);
void virtio_block_release(virtio_block_request_t *request);

/** Saves or loads the requests under way (virtio_kind_t::state). */
void virtio_block_state(void *opaque, state_t *state);

#endif /* RV64_VIRTIO_BLOCK_H */
