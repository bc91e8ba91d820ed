/* SPDX-License-Identifier: MIT */
/* block.h: requests go to the host's backend, and their completions run where it ends them. */
#include <stdio.h>
#include <stdlib.h>

#include "stubs.h"

typedef struct {
    replay_stub_item_t item;
    replay_block_backend_t backend;
    void *opaque;
    char *name;
    int64_t length;
    bool is_read_only;
    uint32_t under_way; /* requests */
} disk_t;

typedef struct request {
    replay_stub_item_t item;
    disk_t *disk;
    struct request *outer; /* while it completes: the request in whose completion this happens */
    replay_asked_t asked;
    replay_block_complete_t complete;
    void *opaque;
    struct iovec data; /* all of its data */
    int32_t count;
    struct iovec pieces[]; /* of a read: guest memory; the data follows */
} request_t;

/* ------------------------------------------------------------ open and close */

static bool is_taken(const char *name) {
    HOLD(mutex);
    for (replay_stub_item_t *at = replay_stub.items; at; at = at->next)
        if (at->kind == REPLAY_STUB_DISK && strcmp(((disk_t *)at)->name, name) == 0)
            return true;
    return false;
}

static replay_status_t open_disk(const replay_block_config_t *config, replay_block_t **handle) {
    REQUIRE(config, INVALID_ARGUMENT);
    const replay_block_backend_t *backend = config->backend;
    REQUIRE(config->size >= sizeof *config && (!backend || backend->size >= sizeof *backend),
            STRUCT_SIZE);
    REQUIRE(replay_stub.preparing, WRONG_STATE);
    char numbered[24];
    snprintf(numbered, sizeof numbered, "disk%d", replay_stub.disks++);
    const char *name = config->name ? config->name : numbered;
    REQUIRE(!is_taken(name) && config->workers <= REPLAY_WORKERS_MAX, INVALID_ARGUMENT);
    REQUIRE(config->overlay >= 0 && config->overlay <= REPLAY_BLOCK_OVERLAY_OFF, INVALID_ARGUMENT);
    REQUIRE(config->overlay != REPLAY_BLOCK_OVERLAY_TEMPORARY &&
                config->overlay != REPLAY_BLOCK_OVERLAY_FILE,
            NOT_SUPPORTED);
    REQUIRE(backend ? replay_backend_is_whole(backend, !config->read_only)
                    : config->filename != NULL,
            INVALID_ARGUMENT);
    disk_t disk = {.opaque = config->opaque, .is_read_only = config->read_only};
    if (backend)
        disk.backend = *backend;
    else
        REQUIRE(replay_stub_open_image(config->filename, disk.is_read_only, &disk.backend,
                                       &disk.opaque),
                SYSTEM);
    disk.length = disk.backend.length(disk.opaque);
    disk.name = strdup(name);
    disk_t *added =
        disk.name ? replay_stub_add(REPLAY_STUB_DISK, &disk.item, sizeof disk, 0) : NULL;
    if (!added) {
        free(disk.name);
        if (!backend)
            disk.backend.close(disk.opaque);
        return FAIL(NO_MEMORY);
    }
    *handle = (replay_block_t *)added->item.handle;
    return REPLAY_OK;
}

replay_block_t *replay_block_open(const replay_block_config_t *config, replay_status_t *status) {
    replay_block_t *handle = NULL;
    replay_status_t result = open_disk(config, &handle);
    if (result != REPLAY_OK)
        replay_stub_fail(result, __func__);
    if (status)
        *status = result;
    return handle;
}

/* The innermost request whose completion the thread is in. It may close the disk. */
static _Thread_local request_t *completing;

static void close_disk(disk_t *disk) {
    uint32_t own = 0;
    for (request_t *at = completing; at; at = at->outer)
        if (at->disk == disk)
            at->disk = NULL, own++;
    {
        HOLD(mutex);
        while (disk->under_way > own)
            pthread_cond_wait(&replay_stub.changed, &replay_stub.mutex);
    }
    if (disk->backend.close)
        disk->backend.close(disk->opaque);
    free(disk->name);
    free(disk);
}

replay_status_t replay_block_close(replay_block_t *handle) {
    if (!handle)
        return REPLAY_OK;
    disk_t *disk = replay_stub_take(REPLAY_STUB_DISK, handle);
    REQUIRE(disk, INVALID_ARGUMENT);
    close_disk(disk);
    return REPLAY_OK;
}

void replay_stub_close_disks(void) {
    for (disk_t *disk; (disk = replay_stub_take(REPLAY_STUB_DISK, NULL));)
        close_disk(disk);
}

int64_t replay_block_length(replay_block_t *handle) {
    HOLD(mutex);
    const disk_t *disk = handle ? replay_stub_find(REPLAY_STUB_DISK, handle) : NULL;
    return disk ? disk->length : -EBADF;
}

/* ----------------------------------------------------------------- requests */

static bool has_data(const request_t *request) {
    return request->asked.operation <= REPLAY_OPERATION_WRITE;
}

/* @return false: the disk does not exist, or the request is too long for it. */
static bool begin(request_t *request, const replay_block_t *handle) {
    HOLD(mutex);
    disk_t *disk = request->disk = handle ? replay_stub_find(REPLAY_STUB_DISK, handle) : NULL;
    if (disk && request->asked.operation == REPLAY_OPERATION_ZEROES && !disk->backend.zeroes)
        request->asked.operation = REPLAY_OPERATION_WRITE;
    if (!disk || request->asked.length > (has_data(request) ? REPLAY_PAYLOAD_MAX : INT64_MAX))
        return false;
    disk->under_way++;
    return true;
}

static void leave(disk_t *disk) {
    HOLD(mutex);
    disk->under_way--;
    pthread_cond_broadcast(&replay_stub.changed);
}

/* The guest gets the result; its memory changes only now. */
replay_status_t replay_block_complete(replay_block_request_t *handle, int32_t result) {
    request_t *request = handle ? replay_stub_take(REPLAY_STUB_REQUEST, handle) : NULL;
    REQUIRE(request, INVALID_ARGUMENT);
    if (request->asked.operation == REPLAY_OPERATION_READ && result >= 0)
        replay_pieces_scatter(request->pieces, request->count, request->data.iov_base,
                              request->data.iov_len);
    request->outer = completing;
    completing = request;
    IN_HOST(request->complete(request->opaque, result < 0 ? result : 0));
    completing = request->outer;
    replay_stub_wake_vcpu();
    if (request->disk) /* afterwards the session, and the host, may be gone */
        leave(request->disk);
    free(request);
    return REPLAY_OK;
}

/* @param asked what the request is made of, except for disk and data */
static replay_status_t submit(const char *function, replay_block_t *handle, request_t asked,
                              const struct iovec *pieces) {
    int64_t length = replay_pieces_length(pieces, asked.count);
    if (has_data(&asked))
        asked.asked.length = (uint64_t)length;
    if (!asked.complete || length < 0 || !begin(&asked, handle))
        return replay_stub_fail(REPLAY_ERROR_INVALID_ARGUMENT, function);
    asked.data.iov_len = has_data(&asked) ? asked.asked.length : 0;
    size_t pieces_size = (size_t)asked.count * sizeof *pieces;
    request_t *request = replay_stub_add(REPLAY_STUB_REQUEST, &asked.item, sizeof asked,
                                         pieces_size + asked.data.iov_len);
    if (!request) {
        leave(asked.disk);
        return REPLAY_ERROR_NO_MEMORY;
    }
    request->data.iov_base = request->pieces + asked.count;
    if (pieces_size > 0)
        memcpy(request->pieces, pieces, pieces_size);
    if (request->asked.operation == REPLAY_OPERATION_WRITE)
        replay_pieces_gather(request->data.iov_base, request->data.iov_len, pieces, asked.count);
    const disk_t *disk = request->disk;
    replay_block_request_t *number = (replay_block_request_t *)request->item.handle;
    int32_t result = replay_asked_refusal(&request->asked, disk->length, disk->is_read_only);
    if (result == 0)
        result = replay_backend_submit(&disk->backend, disk->opaque, number, &request->asked,
                                       &request->data);
    return result > 0 ? REPLAY_OK : replay_block_complete(number, result);
}

#define SUBMIT(operation, flags, offset, length, pieces, number)                                   \
    submit(__func__, disk,                                                                         \
           (request_t){.asked = {REPLAY_OPERATION_##operation, flags, offset, length},             \
                       .count = number,                                                            \
                       .complete = complete,                                                       \
                       .opaque = opaque},                                                          \
           pieces)

replay_status_t replay_block_read(replay_block_t *disk, uint64_t offset, const struct iovec *pieces,
                                  int32_t count, uint32_t flags, replay_block_complete_t complete,
                                  void *opaque) {
    return SUBMIT(READ, flags, offset, 0, pieces, count);
}

replay_status_t replay_block_write(replay_block_t *disk, uint64_t offset,
                                   const struct iovec *pieces, int32_t count, uint32_t flags,
                                   replay_block_complete_t complete, void *opaque) {
    return SUBMIT(WRITE, flags, offset, 0, pieces, count);
}

replay_status_t replay_block_zeroes(replay_block_t *disk, uint64_t offset, uint64_t length,
                                    uint32_t flags, replay_block_complete_t complete,
                                    void *opaque) {
    return SUBMIT(ZEROES, flags, offset, length, NULL, 0);
}

replay_status_t replay_block_discard(replay_block_t *disk, uint64_t offset, uint64_t length,
                                     replay_block_complete_t complete, void *opaque) {
    return SUBMIT(DISCARD, 0, offset, length, NULL, 0);
}

replay_status_t replay_block_flush(replay_block_t *disk, replay_block_complete_t complete,
                                   void *opaque) {
    return SUBMIT(FLUSH, 0, 0, 0, NULL, 0);
}
