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

/** A request under way. */
typedef struct virtio_block_request {
    struct virtio_block *block;
    uint32_t resets; /**< of the device, when it was made */
    uint16_t head;
    bool busy;
    uint8_t *status; /**< where the guest looks for the result */
    uint64_t room;   /**< bytes that the guest can be given besides */
    uint64_t bytes;  /**< of data, either way */
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
    uint64_t bytes; /**< of all requests under way */
    bool waiting;   /**< there are more in the queue than can be taken now */
    bool taking;    /**< they are being taken right now */
    bool finished;  /**< no more are taken */
    virtio_block_request_t requests[VIRTIO_BLOCK_REQUESTS];
} virtio_block_t;

void virtio_block_open(virtio_block_t *block, cpu_t *cpu, irq_line_t irq, uint32_t slot,
                       replay_block_t *disk, bool read_only, big_lock_t *lock);

/** Are requests under way? Then there can be no snapshot. */
bool virtio_block_busy(const virtio_block_t *block);

/** The run is over: requests under way may end, but no more are begun. */
void virtio_block_finish(virtio_block_t *block);
void virtio_block_close(virtio_block_t *block);
device_t virtio_block_device(virtio_block_t *block);

#endif /* RV64_VIRTIO_BLOCK_H */
