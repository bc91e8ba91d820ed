/* SPDX-License-Identifier: MIT */
/** @file virtio.h
 *  The common part of virtio devices: the MMIO transport, version 2, and split virtqueues.
 *  (Virtual I/O Device specification 1.2, sections 2.7 and 4.2.)
 *
 *  Nothing that the guest writes into a queue is trusted: a senseless queue breaks the device
 *  (DEVICE_NEEDS_RESET), never the host. */
#ifndef RV64_VIRTIO_H
#define RV64_VIRTIO_H

#include <sys/uio.h>

#include "device.h"

enum { VIRTIO_QUEUE_MOST = 256, VIRTIO_QUEUES = 2, VIRTIO_PIECES = 260 };

#define VIRTIO_F_INDIRECT  (UINT64_C(1) << 28)
#define VIRTIO_F_VERSION_1 (UINT64_C(1) << 32)

typedef struct virtio virtio_t;

/** A kind of device. */
typedef struct virtio_kind {
    uint32_t id;
    uint32_t queues;
    uint64_t features;
    /** Fills the configuration space as it is now. */
    void (*config)(void *opaque, uint8_t *config);
    size_t config_bytes; /**< at most VIRTIO_CONFIG */
    /** The guest has put something into a queue: virtio_take() takes it. */
    void (*notify)(void *opaque, unsigned queue);
    /** Saves or loads the requests under way. NULL: this kind answers at once. */
    void (*state)(void *opaque, state_t *state);
} virtio_kind_t;

enum { VIRTIO_CONFIG = 64 };

typedef struct virtio_queue {
    uint32_t size, ready;
    uint64_t descriptors, driver, device;
    uint16_t taken; /**< chains taken from the driver so far */
    uint16_t given; /**< chains given back so far */
} virtio_queue_t;

struct virtio {
    const virtio_kind_t *kind;
    const char *name;
    void *opaque;
    cpu_t *cpu;
    irq_line_t irq;
    uint32_t slot;

    uint32_t status, interrupt;
    uint32_t features_half, driver_half; /**< which 32 bits are read, written */
    uint64_t driver_features;
    uint32_t queue;  /**< which one its registers show */
    uint32_t resets; /**< their number: a request from before a reset has a lower one */
    virtio_queue_t queues[VIRTIO_QUEUES];
};

/** A chain of buffers. Those that the device reads come first. */
typedef struct virtio_chain {
    uint16_t head;
    int32_t readable, writable;         /**< pieces */
    struct iovec pieces[VIRTIO_PIECES]; /**< in guest RAM */
    uint64_t readable_bytes, writable_bytes;
} virtio_chain_t;

void virtio_open(virtio_t *virtio, const virtio_kind_t *kind, const char *name, void *opaque,
                 cpu_t *cpu, irq_line_t irq, uint32_t slot);
device_t virtio_device(virtio_t *virtio);

/** Takes the next chain. @return false: the queue is empty, or the device is broken. */
bool virtio_take(virtio_t *virtio, unsigned queue, virtio_chain_t *chain);

/** Puts the last chain back for the next virtio_take(). */
void virtio_put_back(virtio_t *virtio, unsigned queue);

/** Returns a chain to the guest, with @p written bytes written, and interrupts. */
void virtio_give(virtio_t *virtio, unsigned queue, uint16_t head, uint32_t written);

/** Notifies the CPU that pieces of its RAM were written. */
void virtio_written(virtio_t *virtio, const struct iovec *pieces, int32_t count);

#endif /* RV64_VIRTIO_H */
