/* SPDX-License-Identifier: MIT */
/* block.h in mode NONE: requests go to the backend, and their completions run
 * where it ends them. An image is served by the calling thread. */
#include "stubs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORKERS_MAX = 64 };

typedef struct {
    replay_stub_item_t item;
    replay_block_backend_t backend;
    void *opaque;
    char *name;
    int64_t length;
    bool read_only;
    uint32_t under_way;
} disk_t;

typedef enum { READ, WRITE, ZEROES, DISCARD, FLUSH } operation_t;

typedef struct {
    replay_stub_item_t item;
    disk_t *disk;
    operation_t operation;
    uint32_t flags;
    uint64_t offset, length;
    replay_block_complete_t complete;
    void *opaque;
    struct iovec piece; /* all data on its way */
    int32_t count;
    struct iovec pieces[]; /* of a read: guest memory */
} request_t;

/* -------------------------------------------------------- images: one file each */

static int64_t file_length(void *opaque) {
    off_t length = lseek((int)(intptr_t)opaque, 0, SEEK_END);
    return length < 0 ? -errno : length;
}

/* Reads or writes all. @return 0 or a negative errno. */
static int32_t transfer(void *opaque, bool writes, const struct iovec *piece, uint64_t offset) {
    int file = (int)(intptr_t)opaque;
    for (size_t at = 0; at < piece->iov_len;) {
        uint8_t *data = (uint8_t *)piece->iov_base + at;
        off_t place = (off_t)(offset + at);
        ssize_t done = writes ? pwrite(file, data, piece->iov_len - at, place)
                              : pread(file, data, piece->iov_len - at, place);
        if (done <= 0 && !(done < 0 && errno == EINTR))
            return done < 0 ? -errno : -EIO;
        at += done > 0 ? (size_t)done : 0;
    }
    return 0;
}

static int32_t sync_file(void *opaque) {
    return fdatasync((int)(intptr_t)opaque) < 0 ? -errno : 0;
}

static void file_read(void *opaque, replay_block_request_t *request, uint64_t offset,
                      const struct iovec *pieces, int32_t count, uint32_t flags) {
    (void)count, (void)flags;
    replay_block_complete(request, transfer(opaque, false, pieces, offset));
}

static void file_write(void *opaque, replay_block_request_t *request, uint64_t offset,
                       const struct iovec *pieces, int32_t count, uint32_t flags) {
    (void)count;
    int32_t result = transfer(opaque, true, pieces, offset);
    if (result == 0 && flags & REPLAY_BLOCK_FUA)
        result = sync_file(opaque);
    replay_block_complete(request, result);
}

static void file_flush(void *opaque, replay_block_request_t *request) {
    replay_block_complete(request, sync_file(opaque));
}

static void file_close(void *opaque) {
    close((int)(intptr_t)opaque);
}

static const replay_block_backend_t file_backend = {(uint32_t)sizeof file_backend,
                                                    file_length,
                                                    file_read,
                                                    file_write,
                                                    NULL,
                                                    NULL,
                                                    file_flush,
                                                    file_close};

/* ------------------------------------------------------------ open and close */

static bool has_disk(const char *name) {
    bool found = false;
    pthread_mutex_lock(&replay_stub_session.mutex);
    for (replay_stub_item_t *at = replay_stub_session.items; at; at = at->next)
        found = found || (at->kind == REPLAY_STUB_DISK && !strcmp(((disk_t *)at)->name, name));
    pthread_mutex_unlock(&replay_stub_session.mutex);
    return found;
}

static replay_status_t choose_backend(const replay_block_config_t *config,
                                      replay_block_backend_t *backend, void **opaque) {
    *opaque = config->opaque;
    if (config->backend) {
        *backend = *config->backend;
        return backend->length && backend->read && (backend->write || config->read_only)
                   ? REPLAY_OK
                   : replay_stub_invalid("the backend lacks length, read or write");
    }
    if (!config->filename)
        return replay_stub_invalid("a disk has neither an image nor a backend");
    int file = open(config->filename, (config->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (file < 0) {
        char text[256];
        snprintf(text, sizeof text, "the image %s could not be opened: %s", config->filename,
                 strerror(errno));
        return replay_stub_fail(REPLAY_ERROR_SYSTEM, text);
    }
    *backend = file_backend;
    *opaque = (void *)(intptr_t)file;
    return REPLAY_OK;
}

static replay_status_t check(const replay_block_config_t *config) {
    if (!config)
        return replay_stub_invalid("replay_block_open was called without a configuration");
    if (config->size < sizeof *config ||
        (config->backend && config->backend->size < sizeof *config->backend))
        return replay_stub_fail(REPLAY_ERROR_STRUCT_SIZE,
                                "the size of a disk's configuration or backend is too small");
    return replay_stub_session.preparing
               ? REPLAY_OK
               : replay_stub_fail(
                     REPLAY_ERROR_WRONG_STATE,
                     "a disk can be opened only between replay_configure() and replay_start()");
}

static replay_status_t open_disk(const replay_block_config_t *config, replay_block_t **handle) {
    char numbered[24];
    snprintf(numbered, sizeof numbered, "disk%d", replay_stub_session.disk_count++);
    const char *name = config->name ? config->name : numbered;
    if (config->workers > WORKERS_MAX || has_disk(name))
        return replay_stub_invalid("a disk has too many workers, or the name of a different disk");
    replay_block_backend_t backend;
    void *opaque;
    if (config->overlay == REPLAY_BLOCK_OVERLAY_TEMPORARY ||
        config->overlay == REPLAY_BLOCK_OVERLAY_FILE)
        return replay_stub_fail(REPLAY_ERROR_NOT_SUPPORTED,
                                "without libreplay there are no overlays");
    if (config->overlay < 0 || config->overlay > REPLAY_BLOCK_OVERLAY_OFF)
        return replay_stub_invalid("the overlay does not exist");
    replay_status_t status = choose_backend(config, &backend, &opaque);
    if (status != REPLAY_OK)
        return status;
    char *copy = strdup(name);
    disk_t *disk = copy ? replay_stub_add(REPLAY_STUB_DISK, sizeof *disk) : NULL;
    if (!disk) {
        free(copy);
        if (!config->backend)
            file_close(opaque);
        return replay_stub_fail(REPLAY_ERROR_NO_MEMORY, "memory ran out for a disk");
    }
    disk->backend = backend, disk->opaque = opaque, disk->name = copy;
    disk->read_only = config->read_only;
    disk->length = backend.length(opaque);
    *handle = replay_stub_handle(&disk->item);
    return REPLAY_OK;
}

replay_block_t *replay_block_open(const replay_block_config_t *config, replay_status_t *status) {
    replay_block_t *handle = NULL;
    replay_status_t result = check(config);
    if (result == REPLAY_OK)
        result = open_disk(config, &handle);
    if (status)
        *status = result;
    return handle;
}

/* The disk whose completion this thread is in, how many deep; it may be closed there. */
typedef struct {
    disk_t *disk;
    uint32_t depth;
} ending_t;
static _Thread_local ending_t ending;

replay_status_t replay_block_close(replay_block_t *handle) {
    pthread_mutex_lock(&replay_stub_session.mutex);
    disk_t *disk = replay_stub_take(REPLAY_STUB_DISK, handle);
    uint32_t mine = disk && ending.disk == disk ? ending.depth : 0;
    while (disk && disk->under_way > mine)
        pthread_cond_wait(&replay_stub_session.changed, &replay_stub_session.mutex);
    if (mine)
        ending.disk = NULL;
    pthread_mutex_unlock(&replay_stub_session.mutex);
    if (!disk)
        return handle ? replay_stub_invalid("this session does not have that disk") : REPLAY_OK;
    if (disk->backend.close)
        disk->backend.close(disk->opaque);
    free(disk->name);
    free(disk);
    return REPLAY_OK;
}

void replay_stub_close_disks(void) {
    uintptr_t handle;
    do {
        handle = 0;
        pthread_mutex_lock(&replay_stub_session.mutex);
        for (replay_stub_item_t *at = replay_stub_session.items; at && !handle; at = at->next)
            handle = at->kind == REPLAY_STUB_DISK ? at->handle : 0;
        pthread_mutex_unlock(&replay_stub_session.mutex);
        replay_block_close((replay_block_t *)handle);
    } while (handle);
    replay_stub_session.disk_count = 0;
}

int64_t replay_block_length(replay_block_t *handle) {
    pthread_mutex_lock(&replay_stub_session.mutex);
    const disk_t *disk = replay_stub_find(REPLAY_STUB_DISK, handle);
    int64_t length = disk ? disk->length : -EBADF;
    pthread_mutex_unlock(&replay_stub_session.mutex);
    return length;
}

/* ----------------------------------------------------------------- requests */

/* The guest gets the result; only now its memory changes. */
static void end(request_t *request, int32_t result) {
    const uint8_t *data = request->piece.iov_base;
    for (int32_t i = 0; request->operation == READ && result >= 0 && i < request->count; i++) {
        if (request->pieces[i].iov_len)
            memcpy(request->pieces[i].iov_base, data, request->pieces[i].iov_len);
        data += request->pieces[i].iov_len;
    }
    disk_t *disk = request->disk;
    ending_t outer = ending;
    ending = (ending_t){disk, outer.disk == disk ? outer.depth + 1 : 1};
    request->complete(request->opaque, result < 0 ? result : 0);
    bool is_open = ending.disk == disk;
    if (is_open || outer.disk != disk)
        ending = outer;
    pthread_mutex_lock(&replay_stub_session.mutex);
    if (is_open)
        disk->under_way--;
    pthread_cond_broadcast(&replay_stub_session.changed);
    pthread_mutex_unlock(&replay_stub_session.mutex);
    replay_stub_wake_vcpu();
    free(request->piece.iov_base);
    free(request);
}

replay_status_t replay_block_complete(replay_block_request_t *handle, int32_t result) {
    pthread_mutex_lock(&replay_stub_session.mutex);
    request_t *request = replay_stub_take(REPLAY_STUB_REQUEST, handle);
    pthread_mutex_unlock(&replay_stub_session.mutex);
    if (!request)
        return replay_stub_invalid("a request that is not pending was completed");
    end(request, result);
    return REPLAY_OK;
}

/* Hands a request to the backend. @return 1, or the result where it has nothing for it. */
static int32_t hand_over(const request_t *request) {
    const disk_t *disk = request->disk;
    const replay_block_backend_t *backend = &disk->backend;
    replay_block_request_t *handle = replay_stub_handle(&request->item);
    uint64_t offset = request->offset, length = request->length;
    if (request->operation != FLUSH) {
        uint64_t all = disk->length > 0 ? (uint64_t)disk->length : 0;
        if (offset > all || length > all - offset)
            return -EIO;
        if (request->operation != READ && disk->read_only)
            return -EROFS;
    }
    if (request->operation == READ)
        backend->read(disk->opaque, handle, offset, &request->piece, 1, request->flags);
    else if (request->operation == WRITE && backend->write)
        backend->write(disk->opaque, handle, offset, &request->piece, 1, request->flags);
    else if (request->operation == ZEROES)
        backend->zeroes(disk->opaque, handle, offset, length, request->flags);
    else if (request->operation == DISCARD && backend->discard)
        backend->discard(disk->opaque, handle, offset, length);
    else if (request->operation == FLUSH && backend->flush)
        backend->flush(disk->opaque, handle);
    else
        return request->operation == WRITE ? -ENOTSUP : 0;
    return 1;
}

/* Makes a request; @p asked has what it is made of. */
static replay_status_t submit(replay_block_t *handle, request_t asked, const struct iovec *pieces) {
    if (!asked.complete || replay_stub_length(pieces, asked.count) < 0)
        return replay_stub_invalid("a disk request has no completion, or no valid pieces");
    if (asked.operation <= WRITE)
        asked.length = (uint64_t)replay_stub_length(pieces, asked.count);
    pthread_mutex_lock(&replay_stub_session.mutex);
    asked.disk = replay_stub_find(REPLAY_STUB_DISK, handle);
    if (asked.disk && asked.operation == ZEROES && !asked.disk->backend.zeroes)
        asked.operation = WRITE;
    bool has_data = asked.operation <= WRITE;
    bool good = asked.disk && asked.length <= (has_data ? REPLAY_STUB_LENGTH_MAX : INT64_MAX);
    if (good)
        asked.disk->under_way++;
    pthread_mutex_unlock(&replay_stub_session.mutex);
    if (!good)
        return replay_stub_invalid("a disk request is too long, or not for a disk of the session");
    size_t memory = (size_t)asked.count * sizeof *pieces;
    uint8_t *data = calloc(1, has_data && asked.length ? asked.length : 1);
    request_t *request =
        data ? replay_stub_add(REPLAY_STUB_REQUEST, sizeof *request + memory) : NULL;
    if (!request) {
        free(data);
        pthread_mutex_lock(&replay_stub_session.mutex);
        asked.disk->under_way--;
        pthread_mutex_unlock(&replay_stub_session.mutex);
        return replay_stub_fail(REPLAY_ERROR_NO_MEMORY, "memory ran out for a disk request");
    }
    pthread_mutex_lock(&replay_stub_session.mutex);
    asked.item = request->item;
    *request = asked;
    pthread_mutex_unlock(&replay_stub_session.mutex);
    request->piece = (struct iovec){data, has_data ? asked.length : 0};
    if (asked.count > 0)
        memcpy(request->pieces, pieces, memory);
    if (asked.operation == WRITE)
        replay_stub_gather(data, pieces, asked.count);
    replay_block_request_t *number = replay_stub_handle(&request->item);
    int32_t result = hand_over(request);
    return result > 0 ? REPLAY_OK : replay_block_complete(number, result);
}

replay_status_t replay_block_read(replay_block_t *disk, uint64_t offset, const struct iovec *pieces,
                                  int32_t count, uint32_t flags, replay_block_complete_t complete,
                                  void *opaque) {
    return submit(disk,
                  (request_t){.operation = READ,
                              .offset = offset,
                              .count = count,
                              .flags = flags,
                              .complete = complete,
                              .opaque = opaque},
                  pieces);
}

replay_status_t replay_block_write(replay_block_t *disk, uint64_t offset,
                                   const struct iovec *pieces, int32_t count, uint32_t flags,
                                   replay_block_complete_t complete, void *opaque) {
    return submit(disk,
                  (request_t){.operation = WRITE,
                              .offset = offset,
                              .count = count,
                              .flags = flags,
                              .complete = complete,
                              .opaque = opaque},
                  pieces);
}

replay_status_t replay_block_zeroes(replay_block_t *disk, uint64_t offset, uint64_t length,
                                    uint32_t flags, replay_block_complete_t complete,
                                    void *opaque) {
    return submit(disk,
                  (request_t){.operation = ZEROES,
                              .offset = offset,
                              .length = length,
                              .flags = flags,
                              .complete = complete,
                              .opaque = opaque},
                  NULL);
}

replay_status_t replay_block_discard(replay_block_t *disk, uint64_t offset, uint64_t length,
                                     replay_block_complete_t complete, void *opaque) {
    return submit(disk,
                  (request_t){.operation = DISCARD,
                              .offset = offset,
                              .length = length,
                              .complete = complete,
                              .opaque = opaque},
                  NULL);
}

replay_status_t replay_block_flush(replay_block_t *disk, replay_block_complete_t complete,
                                   void *opaque) {
    return submit(disk, (request_t){.operation = FLUSH, .complete = complete, .opaque = opaque},
                  NULL);
}
