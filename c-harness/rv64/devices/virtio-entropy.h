/* SPDX-License-Identifier: MIT */
/** @file virtio-entropy.h
 *  A source of random numbers. */
#ifndef RV64_VIRTIO_ENTROPY_H
#define RV64_VIRTIO_ENTROPY_H

#include "virtio.h"

typedef struct virtio_entropy {
    virtio_t virtio;
} virtio_entropy_t;

void virtio_entropy_open(virtio_entropy_t *entropy, cpu_t *cpu, irq_line_t irq, uint32_t slot);
device_t virtio_entropy_device(virtio_entropy_t *entropy);

#endif /* RV64_VIRTIO_ENTROPY_H */
