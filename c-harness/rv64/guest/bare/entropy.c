/* SPDX-License-Identifier: MIT */
/* The entropy device: what nobody can know. */
#include "bare.h"

static queue_t queue;
static uint64_t bytes[4][8];

/* What the device writes ends a reservation of which it writes but a part. */
static void reserved(void) {
    uint64_t failed, before;
    virtio_begin(VIRTIO(1), 4, &queue);
    queue.table[0] = (descriptor_t){(uint64_t)bytes[0], 16, DESC_WRITE, 0};
    queue.driver.ring[0] = 0;
    queue.driver.index = 1;
    __asm__ volatile("lr.d %1, (%2)\n sw zero, 0x50(%3)\n sc.d %0, %1, (%2)"
                     : "=&r"(failed), "=&r"(before)
                     : "r"(&queue.device), "r"(VIRTIO(1))
                     : "memory");
    check_that("a store that was reserved before the device wrote", failed != 0);
    check("what the device wrote", *(volatile uint16_t *)&queue.device.index, 1);
}

/* Steps that a driver must not leave out, and bits that are not its own. */
static void status(void) {
    enum {
        STATUS = 0x70,
        ACKNOWLEDGE = 1,
        DRIVER = 2,
        DRIVER_OK = 4,
        FEATURES_OK = 8,
        NEEDS_RESET = 64
    };
    virtio_begin(VIRTIO(1), 4, &queue);
    write32(VIRTIO(1) + STATUS, ACKNOWLEDGE | DRIVER | DRIVER_OK);
    virtio_offer(VIRTIO(1), &queue, 0);
    check("no answer without FEATURES_OK", *(volatile uint16_t *)&queue.device.index, 0);
    write32(VIRTIO(1) + STATUS, ACKNOWLEDGE | DRIVER | NEEDS_RESET);
    check("NEEDS_RESET is the device's", read32(VIRTIO(1) + STATUS) & NEEDS_RESET, 0);
    check("no shared memory", read32(VIRTIO(1) + 0xb0), UINT32_MAX);
}

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
    reserved();
    status();
}
