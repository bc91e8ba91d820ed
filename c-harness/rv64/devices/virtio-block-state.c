/* SPDX-License-Identifier: MIT */
/* Snapshots while disk requests are under way: what the guest will see of them when they end. The
 * library keeps what they read or write, once they were submitted to it again. */
#include <string.h>

#include "virtio-block.h"

bool virtio_block_busy(const virtio_block_t *b) {
    for (unsigned i = 0; i < VIRTIO_BLOCK_REQUESTS; i++)
        if (b->requests[i].busy)
            return true;
    return false;
}

/* The oldest request that was made at @p serial or later. @return NULL: there is none. */
static virtio_block_request_t *oldest(virtio_block_t *b, uint64_t serial) {
    virtio_block_request_t *found = NULL;
    for (unsigned i = 0; i < VIRTIO_BLOCK_REQUESTS; i++) {
        virtio_block_request_t *r = &b->requests[i];
        if (r->busy && r->serial >= serial && (!found || r->serial < found->serial))
            found = r;
    }
    return found;
}

/* ------------------------------------------------------------------------ one request */

/* A part of guest RAM. */
static void place_state(virtio_block_t *b, state_t *state, void **bytes, uint64_t *length) {
    cpu_t *cpu = b->virtio.cpu;
    uint64_t offset = state->way == STATE_SAVE ? (uint64_t)((uint8_t *)*bytes - cpu->ram) : 0;
    uint64_t saved = state_wide(state, &offset, cpu->ram_bytes);
    *length = state_wide(state, length, cpu->ram_bytes - saved);
    if (state->way == STATE_LOAD)
        *bytes = cpu->ram + saved;
}

/* Where a read goes. */
static void pieces_state(virtio_block_request_t *r, state_t *state) {
    uint64_t total = 0;
    uint32_t count = (uint32_t)r->count;
    count = state_number(state, &count, 0, VIRTIO_PIECES);
    if (state->way == STATE_LOAD)
        virtio_block_reserve(r, (int32_t)count);
    for (uint32_t i = 0; i < count; i++) {
        struct iovec piece = {0};
        if (state->way == STATE_SAVE)
            piece = r->pieces[i];
        uint64_t length = piece.iov_len;
        place_state(r->block, state, &piece.iov_base, &length);
        total += length;
        piece.iov_len = length;
        if (state->way == STATE_LOAD)
            r->pieces[i] = piece;
    }
    state->good = state->good && (state->way == STATE_SAVE || total == r->length);
}

static bool is_type(uint32_t type) {
    return type == VIRTIO_BLOCK_IN || type == VIRTIO_BLOCK_OUT || type == VIRTIO_BLOCK_FLUSH ||
           type == VIRTIO_BLOCK_DISCARD || type == VIRTIO_BLOCK_ZEROES;
}

/* CHECK fills @p r too, which isn't a request of the controller then. */
static void request_state(virtio_block_request_t *r, state_t *state) {
    virtio_t *v = &r->block->virtio;
    void *status = r->status;
    uint64_t one = 1;
    uint32_t head = r->head, is_forgotten = r->resets != v->resets;
    r->type = state_number(state, &r->type, 0, VIRTIO_BLOCK_ZEROES);
    state->good = state->good && is_type(r->type);
    r->head = (uint16_t)state_number(state, &head, 0, UINT16_MAX);
    /* The guest doesn't wait for one that was made before the last reset. */
    r->resets = v->resets - state_number(state, &is_forgotten, 0, 1);
    place_state(r->block, state, &status, &one);
    state->good = state->good && one == 1;
    r->status = status;
    r->room = state_wide(state, &r->room, UINT64_MAX);
    r->bytes = state_wide(state, &r->bytes, UINT64_MAX);
    r->offset = state_wide(state, &r->offset, UINT64_MAX);
    r->length = state_wide(state, &r->length, VIRTIO_BLOCK_BYTES_MOST << 4);
    bool has_data = r->type == VIRTIO_BLOCK_IN || r->type == VIRTIO_BLOCK_OUT;
    if (has_data && r->length > VIRTIO_BLOCK_BYTES_MOST)
        state->good = false;
    if (r->type == VIRTIO_BLOCK_IN) {
        state->good = state->good && r->room == r->length;
        if (state->good)
            pieces_state(r, state);
    }
}

/* ----------------------------------------------------------------------- all of them */

/* The library has dropped them, and has its own copies of the data. */
static void forget(virtio_block_t *b) {
    for (unsigned i = 0; i < VIRTIO_BLOCK_REQUESTS; i++)
        if (b->requests[i].busy)
            virtio_block_release(&b->requests[i]);
    b->serial = 0;
}

void virtio_block_state(void *opaque, state_t *state) {
    virtio_block_t *b = opaque;
    uint32_t count = 0;
    for (unsigned i = 0; i < VIRTIO_BLOCK_REQUESTS; i++)
        count += b->requests[i].busy;
    if (state->way == STATE_LOAD)
        forget(b);
    state_bool(state, &b->waiting);
    count = state_number(state, &count, 0, VIRTIO_BLOCK_REQUESTS);
    virtio_block_request_t *next = NULL;
    for (uint32_t i = 0; i < count && state->good; i++) {
        virtio_block_request_t checked = {.block = b};
        if (state->way == STATE_CHECK) {
            request_state(&checked, state);
        } else if (state->way == STATE_SAVE) {
            next = oldest(b, next ? next->serial + 1 : 0);
            request_state(next, state);
        } else {
            next = &b->requests[i];
            *next = (virtio_block_request_t){.block = b, .serial = b->serial++, .busy = true};
            request_state(next, state);
            b->bytes += next->bytes;
        }
    }
}

bool virtio_block_resubmit(virtio_block_t *b) {
    virtio_block_request_t *r = oldest(b, 0);
    for (; r; r = oldest(b, r->serial + 1)) {
        /* The library has what is written, and reads nothing there. */
        const struct iovec piece = {b->virtio.cpu->ram, r->length};
        if (virtio_block_submit(r, &piece, r->length > 0) != REPLAY_OK)
            return false;
    }
    return true;
}
