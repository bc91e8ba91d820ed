/* SPDX-License-Identifier: MIT */
#include "virtio-block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../message.h"

enum { BLOCK_ID = 2, SECTOR = 512, SERIAL_BYTES = 20, SEGMENTS_MOST = 254 };

#define F_SEG_MAX      (UINT64_C(1) << 2)
#define F_READ_ONLY    (UINT64_C(1) << 5)
#define F_BLOCK_SIZE   (UINT64_C(1) << 6)
#define F_FLUSH        (UINT64_C(1) << 9)
#define F_DISCARD      (UINT64_C(1) << 13)
#define F_WRITE_ZEROES (UINT64_C(1) << 14)

enum { S_OK = 0, S_IOERR = 1, S_UNSUPPORTED = 2 };
enum { HEADER_BYTES = 16, RANGE_BYTES = 16, RANGE_SECTORS_MOST = 1 << 21 };
enum { FLAG_UNMAP = 1 };
/* While the requests under way have more data, the next one waits. */
enum { BYTES_MOST = 1 << 27 };

/* ---------------------------------------------------------------- ends of requests */

static void take_requests(virtio_block_t *b);

/* A guest must not see how much memory its host has. So a machine without memory ends like one that
 * was killed: its recording is complete up to here. */
static void *need(void *memory) {
    if (memory)
        return memory;
    tell("disk: memory ran out");
    abort();
}

/* Returns a request to the guest. @param written bytes of data; the status byte after them counts
 * only if they fill the buffers. */
static void give(virtio_block_request_t *r, uint8_t status, uint64_t written) {
    virtio_block_t *b = r->block;
    struct iovec piece = {r->status, 1};
    *r->status = status;
    virtio_written(&b->virtio, &piece, 1);
    virtio_give(&b->virtio, 0, r->head, (uint32_t)(written == r->room ? written + 1 : written));
}

void virtio_block_release(virtio_block_request_t *r) {
    r->block->bytes -= r->bytes;
    free(r->data);
    free(r->pieces);
    r->data = NULL;
    r->pieces = NULL;
    r->busy = false;
}

/* Copies bytes to the pieces of a chain. */
static void scatter(virtio_block_t *b, const struct iovec *pieces, int32_t count,
                    const uint8_t *bytes, uint64_t length) {
    for (int32_t i = 0; i < count && length > 0; i++) {
        struct iovec piece = pieces[i];
        if (piece.iov_len > length)
            piece.iov_len = length;
        memcpy(piece.iov_base, bytes, piece.iov_len);
        virtio_written(&b->virtio, &piece, 1);
        bytes += piece.iov_len;
        length -= piece.iov_len;
    }
}

/* The library calls this when the request ends for the guest: on the vCPU thread, or, in mode NONE,
 * on a thread of the backend, hence the lock. */
static void on_done(void *opaque, int32_t result) {
    virtio_block_request_t *r = opaque;
    virtio_block_t *b = r->block;
    big_lock_take(b->lock);
    /* If the guest has reset the device meanwhile, it no longer waits for this. */
    if (r->resets == b->virtio.resets) {
        bool was_read = result == 0 && r->data;
        if (was_read)
            scatter(b, r->pieces, r->count, r->data, r->room);
        give(r,
             result == 0          ? S_OK
             : result == -ENOTSUP ? S_UNSUPPORTED
                                  : S_IOERR,
             was_read ? r->room : 0);
    }
    virtio_block_release(r);
    if (b->waiting)
        take_requests(b);
    big_lock_give(b->lock);
}

/* ------------------------------------------------------------------------- requests */

/* Copies the bytes of a chain's readable pieces, from byte @p skip on. */
static bool gather(const virtio_chain_t *chain, uint64_t skip, uint8_t *out, size_t length) {
    for (int32_t i = 0; i < chain->readable && length > 0; i++) {
        const struct iovec *piece = &chain->pieces[i];
        if (skip >= piece->iov_len) {
            skip -= piece->iov_len;
            continue;
        }
        size_t n = piece->iov_len - skip < length ? piece->iov_len - skip : length;
        memcpy(out, (uint8_t *)piece->iov_base + skip, n);
        out += n;
        length -= n;
        skip = 0;
    }
    return length == 0;
}

/* Copies pieces without their first @p skip and last @p cut bytes. @return their number. */
static int32_t trim(const struct iovec *from, int32_t count, uint64_t skip, uint64_t cut,
                    struct iovec *to) {
    int32_t n = 0;
    for (int32_t i = 0; i < count; i++) {
        struct iovec piece = from[i];
        size_t less = skip < piece.iov_len ? (size_t)skip : piece.iov_len;
        piece.iov_base = (uint8_t *)piece.iov_base + less;
        piece.iov_len -= less;
        skip -= less;
        if (piece.iov_len > 0)
            to[n++] = piece;
    }
    while (n > 0 && cut > 0) {
        size_t less = cut < to[n - 1].iov_len ? (size_t)cut : to[n - 1].iov_len;
        to[n - 1].iov_len -= less;
        cut -= less;
        if (to[n - 1].iov_len == 0)
            n--;
    }
    return n;
}

replay_status_t virtio_block_submit(virtio_block_request_t *r, const struct iovec *pieces,
                                    int32_t count) {
    replay_block_t *disk = r->block->disk;
    const struct iovec whole = {r->data, r->length};
    switch (r->type) {
    case VIRTIO_BLOCK_IN:
        return replay->replay_block_read(disk, r->offset, &whole, r->length > 0, 0, on_done, r);
    case VIRTIO_BLOCK_OUT:
        return replay->replay_block_write(disk, r->offset, pieces, count, 0, on_done, r);
    case VIRTIO_BLOCK_DISCARD:
        return replay->replay_block_discard(disk, r->offset, r->length, on_done, r);
    case VIRTIO_BLOCK_ZEROES:
        return replay->replay_block_zeroes(disk, r->offset, r->length, 0, on_done, r);
    default:
        return replay->replay_block_flush(disk, on_done, r);
    }
}

void virtio_block_reserve(virtio_block_request_t *r, int32_t pieces) {
    r->count = pieces;
    r->pieces = need(malloc(sizeof(*r->pieces) * (size_t)(pieces + 1)));
    r->data = need(malloc(r->room + 1));
}

static replay_status_t submit_data(virtio_block_request_t *r, const virtio_chain_t *chain,
                                   uint64_t sector) {
    struct iovec pieces[VIRTIO_PIECES];
    bool reads = r->type == VIRTIO_BLOCK_IN;
    r->offset = sector <= UINT64_MAX / SECTOR ? sector * SECTOR : UINT64_MAX;
    r->length = reads ? r->room : chain->readable_bytes - HEADER_BYTES;
    if (r->length > VIRTIO_BLOCK_BYTES_MOST)
        return REPLAY_ERROR_INVALID_ARGUMENT;
    if (!reads) {
        int32_t count = trim(chain->pieces, chain->readable, HEADER_BYTES, 0, pieces);
        return virtio_block_submit(r, pieces, count);
    }
    virtio_block_reserve(r, trim(chain->pieces + chain->readable, chain->writable, 0, 1, pieces));
    memcpy(r->pieces, pieces, sizeof(*pieces) * (size_t)r->count);
    return virtio_block_submit(r, NULL, 0);
}

/* Discard and write zeroes: one range, as the configuration says. */
static replay_status_t submit_range(virtio_block_request_t *r, const virtio_chain_t *chain) {
    struct {
        uint64_t sector;
        uint32_t sectors, flags;
    } range;
    if (chain->readable_bytes != HEADER_BYTES + RANGE_BYTES ||
        !gather(chain, HEADER_BYTES, (uint8_t *)&range, sizeof(range)) ||
        range.sectors > RANGE_SECTORS_MOST || range.sector > r->block->sectors)
        return REPLAY_ERROR_INVALID_ARGUMENT;
    if (range.flags & ~(r->type == VIRTIO_BLOCK_DISCARD ? 0u : FLAG_UNMAP))
        return REPLAY_ERROR_NOT_SUPPORTED;
    r->offset = range.sector * SECTOR;
    r->length = (uint64_t)range.sectors * SECTOR;
    return virtio_block_submit(r, NULL, 0);
}

static uint8_t get_id(virtio_block_t *b, const virtio_chain_t *chain, uint64_t *written) {
    static const uint8_t serial[SERIAL_BYTES] = "rv64-disk";
    struct iovec pieces[VIRTIO_PIECES];
    if (chain->writable_bytes <= SERIAL_BYTES)
        return S_IOERR;
    int32_t count = trim(chain->pieces + chain->readable, chain->writable, 0, 1, pieces);
    scatter(b, pieces, count, serial, SERIAL_BYTES);
    *written = SERIAL_BYTES;
    return S_OK;
}

static virtio_block_request_t *free_request(virtio_block_t *b) {
    for (unsigned i = 0; i < VIRTIO_BLOCK_REQUESTS; i++)
        if (!b->requests[i].busy)
            return &b->requests[i];
    return NULL;
}

/* The bytes of a chain except its header and its status. */
static uint64_t data_bytes(const virtio_chain_t *chain) {
    uint64_t out = chain->readable_bytes > HEADER_BYTES ? chain->readable_bytes - HEADER_BYTES : 0;
    uint64_t in = chain->writable_bytes - 1;
    return out > in ? out : in;
}

/* Starts one request. One that the filter refuses ends at once, with an error. */
static void begin(virtio_block_t *b, const virtio_chain_t *chain, virtio_block_request_t *r) {
    struct {
        uint32_t type, reserved;
        uint64_t sector;
    } header;
    const struct iovec *last = &chain->pieces[chain->readable + chain->writable - 1];
    *r = (virtio_block_request_t){.block = b,
                                  .serial = b->serial++,
                                  .resets = b->virtio.resets,
                                  .head = chain->head,
                                  .busy = true,
                                  .status = (uint8_t *)last->iov_base + last->iov_len - 1,
                                  .room = chain->writable_bytes - 1,
                                  .bytes = data_bytes(chain)};
    b->bytes += r->bytes;
    replay_status_t submitted = REPLAY_ERROR_INVALID_ARGUMENT;
    uint8_t status = S_IOERR;
    uint64_t written = 0;
    if (!gather(chain, 0, (uint8_t *)&header, sizeof(header))) {
        give(r, S_IOERR, 0);
        virtio_block_release(r);
        return;
    }
    r->type = header.type;
    switch (r->type) {
    case VIRTIO_BLOCK_IN:
    case VIRTIO_BLOCK_OUT:
        submitted = submit_data(r, chain, header.sector);
        break;
    case VIRTIO_BLOCK_FLUSH:
        submitted = virtio_block_submit(r, NULL, 0);
        break;
    case VIRTIO_BLOCK_DISCARD:
    case VIRTIO_BLOCK_ZEROES:
        submitted = submit_range(r, chain);
        break;
    case VIRTIO_BLOCK_GET_ID:
        status = get_id(b, chain, &written);
        break;
    default:
        status = S_UNSUPPORTED;
        break;
    }
    if (submitted == REPLAY_OK)
        return;
    if (submitted == REPLAY_ERROR_NO_MEMORY)
        need(NULL);
    give(r, submitted == REPLAY_ERROR_NOT_SUPPORTED ? S_UNSUPPORTED : status, written);
    virtio_block_release(r);
}

/* Takes requests from the queue while there is room. The others are taken when one that is under
 * way has ended, because the driver won't notify again. */
static void take_requests(virtio_block_t *b) {
    virtio_chain_t chain;
    if (b->taking || b->finished) /* taking: a request has ended while it was started */
        return;
    b->taking = true;
    b->waiting = false;
    while (!b->waiting) {
        virtio_block_request_t *r = free_request(b);
        if (!r) {
            b->waiting = true;
        } else if (!virtio_take(&b->virtio, 0, &chain)) {
            break;
        } else if (chain.writable == 0) {
            virtio_give(&b->virtio, 0, chain.head, 0); /* no room for a status */
        } else if (b->bytes > 0 && b->bytes + data_bytes(&chain) > BYTES_MOST) {
            virtio_put_back(&b->virtio, 0);
            b->waiting = true;
        } else {
            begin(b, &chain, r);
        }
    }
    b->taking = false;
}

static void notify(void *opaque, unsigned queue) {
    (void)queue; /* there is only one */
    take_requests(opaque);
}

/* --------------------------------------------------------------------------- device */

static void put(uint8_t *config, size_t at, uint64_t value, size_t size) {
    memcpy(config + at, &value, size);
}

static void config(void *opaque, uint8_t *bytes) {
    const virtio_block_t *b = opaque;
    put(bytes, 0, b->sectors, 8);
    put(bytes, 12, SEGMENTS_MOST, 4);
    put(bytes, 20, SECTOR, 4);
    put(bytes, 36, RANGE_SECTORS_MOST, 4); /* discard: sectors, ranges, alignment */
    put(bytes, 40, 1, 4);
    put(bytes, 44, 1, 4);
    put(bytes, 48, RANGE_SECTORS_MOST, 4); /* write zeroes: sectors, ranges */
    put(bytes, 52, 1, 4);
}

void virtio_block_open(virtio_block_t *b, cpu_t *cpu, irq_line_t irq, uint32_t slot,
                       replay_block_t *disk, bool read_only, big_lock_t *lock) {
    *b = (virtio_block_t){.disk = disk, .read_only = read_only, .lock = lock};
    int64_t length = replay->replay_block_length(disk);
    b->sectors = length > 0 ? (uint64_t)length / SECTOR : 0;
    b->kind = (virtio_kind_t){
        BLOCK_ID, 1, F_SEG_MAX | F_BLOCK_SIZE | F_FLUSH, config, 60, notify, virtio_block_state};
    b->kind.features |= read_only ? F_READ_ONLY : F_DISCARD | F_WRITE_ZEROES;
    virtio_open(&b->virtio, &b->kind, "disk", b, cpu, irq, slot);
}

void virtio_block_finish(virtio_block_t *b) {
    if (!b->lock) /* there is no disk */
        return;
    big_lock_take(b->lock);
    b->finished = true;
    big_lock_give(b->lock);
}

void virtio_block_close(virtio_block_t *b) {
    for (unsigned i = 0; i < VIRTIO_BLOCK_REQUESTS; i++) {
        free(b->requests[i].data);
        free(b->requests[i].pieces);
    }
}

device_t virtio_block_device(virtio_block_t *b) {
    return virtio_device(&b->virtio);
}
