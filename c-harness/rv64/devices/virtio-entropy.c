/* SPDX-License-Identifier: MIT */
#include "virtio-entropy.h"

#include <string.h>
#include <sys/random.h>

#include "../library.h"

enum { ENTROPY_ID = 4, BYTES_MOST = 256 /* getrandom() always returns that many */ };

/* RECORD asks the host and writes the bytes to the log; PLAY reads them from the log. Both have the
 * same buffers, so the log needs nothing but the bytes. */
static void random_bytes(uint8_t *bytes, size_t length) {
    if (REPLAY_MODE() == REPLAY_MODE_PLAY) {
        replay->replay_read_random(bytes, length);
        return;
    }
    ssize_t n = getrandom(bytes, length, 0);
    if (n < (ssize_t)length) /* the kernel doesn't have it */
        memset(bytes + (n > 0 ? n : 0), 0, length - (size_t)(n > 0 ? n : 0));
    if (REPLAY_MODE() == REPLAY_MODE_RECORD)
        replay->replay_save_random(0, bytes, length);
}

/* Answers at once, on the vCPU thread. A buffer that is longer than BYTES_MOST gets only that many
 * bytes, and its driver asks again. */
static void notify(void *opaque, unsigned queue) {
    virtio_entropy_t *e = opaque;
    virtio_chain_t chain;
    while (virtio_take(&e->virtio, queue, &chain)) {
        uint32_t written = 0;
        if (chain.writable > 0) {
            struct iovec *piece = &chain.pieces[chain.readable];
            written = (uint32_t)(piece->iov_len < BYTES_MOST ? piece->iov_len : BYTES_MOST);
            piece->iov_len = written;
            random_bytes(piece->iov_base, written);
            virtio_written(&e->virtio, piece, 1);
        }
        virtio_give(&e->virtio, queue, chain.head, written);
    }
}

static void config(void *opaque, uint8_t *bytes) {
    (void)opaque;
    (void)bytes;
}

static const virtio_kind_t kind = {ENTROPY_ID, 1, 0, config, 0, notify, NULL};

void virtio_entropy_open(virtio_entropy_t *e, cpu_t *cpu, irq_line_t irq, uint32_t slot) {
    virtio_open(&e->virtio, &kind, "entropy", e, cpu, irq, slot);
}

device_t virtio_entropy_device(virtio_entropy_t *e) {
    return virtio_device(&e->virtio);
}
