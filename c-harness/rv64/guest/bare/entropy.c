/* SPDX-License-Identifier: MIT */
/* The entropy device: what nobody can know. */
#include "bare.h"

static queue_t queue;
static uint64_t bytes[4][8];

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    check_that("an entropy device", virtio_begin(VIRTIO(1), 4, &queue) != 0);
    for (uint16_t i = 0; i < 4; i++) {
        queue.table[i] = (descriptor_t){(uint64_t)bytes[i], sizeof(bytes[i]), DESC_WRITE, 0};
        virtio_offer(VIRTIO(1), &queue, i);
        uint32_t length = 0;
        check("given back", virtio_wait(VIRTIO(1), &queue, &length), i);
        check("its length", length, sizeof(bytes[i]));
        for (unsigned k = 0; k < 8; k++)
            put_line("random", bytes[i][k]);
        check_that("not all zero", bytes[i][0] | bytes[i][1]);
        check_that("not the last ones", i == 0 || bytes[i][0] != bytes[i - 1][0]);
    }
    queue.table[0] = (descriptor_t){0x1000, 64, DESC_WRITE, 0};
    virtio_offer(VIRTIO(1), &queue, 0);
    put_line("after a buffer outside of RAM, needs reset", read32(VIRTIO(1) + 0x70) >> 6 & 1);
    check_that("it works again", virtio_begin(VIRTIO(1), 4, &queue) != 0);
    queue.table[0] = (descriptor_t){(uint64_t)bytes[0], 16, DESC_WRITE, 0};
    uint32_t length = 0;
    virtio_offer(VIRTIO(1), &queue, 0);
    virtio_wait(VIRTIO(1), &queue, &length);
    check("after a reset", length, 16);
}
