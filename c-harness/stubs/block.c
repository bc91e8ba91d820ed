/* SPDX-License-Identifier: MIT */
/* block.h in mode NONE: requests go to the backend, completions run where it
 * ends them. There is no overlay. */
#include "stubs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct replay_block {
    struct replay_block *next;
    replay_session_t *session;
    replay_block_backend_t backend;
    void *opaque;
    bool read_only;
    uint32_t under_way;
};

struct replay_block_request {
    struct replay_block_request *next;
    replay_block_t *disk;
    replay_block_complete_t complete;
    void *opaque;
    uint8_t *data; /* of a write, else NULL */
    struct iovec pieces[];
};

/* All disks and all requests under way, so that a stale one is told. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t request_ended = PTHREAD_COND_INITIALIZER;
static replay_block_t *disks;
static replay_block_request_t *requests;

static replay_status_t invalid(const char *what) {
    return replay_stub_fail(replay_stub_session(), REPLAY_ERROR_INVALID_ARGUMENT, "%s", what);
}

static replay_status_t no_memory(void) {
    return replay_stub_fail(replay_stub_session(), REPLAY_ERROR_NO_MEMORY, "memory ran out");
}

/* ------------------------------------------------------------ open and close */

/* Reads the configuration into @p disk. */
static replay_status_t open_backend(replay_block_t *disk, const replay_block_config_t *given) {
    if (given->size < sizeof *given ||
        (given->backend && given->backend->size < sizeof *given->backend))
        return replay_stub_fail(disk->session, REPLAY_ERROR_STRUCT_SIZE,
                                "the size of a disk's configuration or backend is too small");
    replay_block_config_t config = *given;
    if (!config.filename == !config.backend)
        return invalid("a disk needs either an image or a backend");
    if (config.overlay < REPLAY_BLOCK_OVERLAY_DEFAULT || config.overlay > REPLAY_BLOCK_OVERLAY_OFF)
        return invalid("no such overlay");
    if (config.overlay == REPLAY_BLOCK_OVERLAY_TEMPORARY ||
        config.overlay == REPLAY_BLOCK_OVERLAY_FILE)
        return replay_stub_fail(disk->session, REPLAY_ERROR_NOT_SUPPORTED,
                                "this program was built without overlays");
    disk->read_only = config.read_only;
    disk->opaque = config.opaque;
    if (config.backend) {
        disk->backend = *config.backend;
        return disk->backend.length && disk->backend.read
                   ? REPLAY_OK
                   : invalid("a backend needs length and read");
    }
    disk->backend = replay_stub_file_backend;
    disk->opaque = replay_stub_file_open(config.filename, config.read_only);
    if (!disk->opaque) {
        int error = errno;
        return replay_stub_fail(disk->session, REPLAY_ERROR_SYSTEM, "the image %s: %s",
                                config.filename, strerror(error));
    }
    return REPLAY_OK;
}

replay_block_t *replay_block_open(const replay_block_config_t *config, replay_status_t *status) {
    replay_status_t ignored;
    status = status ? status : &ignored;
    replay_session_t *session = replay_stub_session();
    if (!config) {
        *status = invalid("the configuration is NULL");
        return NULL;
    }
    replay_block_t *disk = calloc(1, sizeof *disk);
    if (!disk) {
        *status = no_memory();
        return NULL;
    }
    disk->session = session;
    *status = open_backend(disk, config);
    if (*status != REPLAY_OK) {
        free(disk);
        return NULL;
    }
    pthread_mutex_lock(&mutex);
    disk->next = disks;
    disks = disk;
    pthread_mutex_unlock(&mutex);
    return disk;
}

/* Where a disk stands in the list, or NULL; with the mutex held. */
static replay_block_t **find(const replay_block_t *disk) {
    for (replay_block_t **at = &disks; *at; at = &(*at)->next)
        if (*at == disk)
            return at;
    return NULL;
}

static bool is_disk(const replay_block_t *disk) {
    pthread_mutex_lock(&mutex);
    bool found = find(disk);
    pthread_mutex_unlock(&mutex);
    return found;
}

replay_status_t replay_block_close(replay_block_t *disk) {
    if (!disk)
        return REPLAY_OK;
    pthread_mutex_lock(&mutex);
    replay_block_t **at = find(disk);
    if (at)
        *at = disk->next;
    while (at && disk->under_way > 0)
        pthread_cond_wait(&request_ended, &mutex);
    pthread_mutex_unlock(&mutex);
    if (!at)
        return invalid("this is no disk");
    if (disk->backend.close)
        disk->backend.close(disk->opaque);
    free(disk);
    return REPLAY_OK;
}

int64_t replay_block_length(replay_block_t *disk) {
    return is_disk(disk) ? disk->backend.length(disk->opaque) : -EINVAL;
}

/* ----------------------------------------------------------------- requests */

/* What a request is made of. */
typedef struct {
    replay_block_t *disk;
    const struct iovec *pieces;
    int32_t count;
    uint64_t data_length; /* bytes that are copied; from no pieces: zeroes */
    replay_block_complete_t complete;
    void *opaque;
} parts_t;

/* Copies the data of a write, which becomes one piece. */
static void gather(replay_block_request_t *request, const parts_t *parts) {
    uint8_t *to = request->data;
    for (int32_t i = 0; i < parts->count; to += parts->pieces[i++].iov_len)
        if (parts->pieces[i].iov_len)
            memcpy(to, parts->pieces[i].iov_base, parts->pieces[i].iov_len);
    request->pieces[0] = (struct iovec){request->data, parts->data_length};
}

/* @return the request, under way, or NULL if memory ran out. */
static replay_block_request_t *begin(parts_t parts) {
    size_t slots = parts.count > 0 ? (size_t)parts.count : 1;
    replay_block_request_t *request = calloc(1, sizeof *request + slots * sizeof *parts.pieces);
    uint8_t *data = parts.data_length ? calloc(1, parts.data_length) : NULL;
    if (!request || (parts.data_length && !data)) {
        free(request);
        free(data);
        return NULL;
    }
    request->disk = parts.disk;
    request->complete = parts.complete;
    request->opaque = parts.opaque;
    request->data = data;
    if (data)
        gather(request, &parts);
    else if (parts.count > 0)
        memcpy(request->pieces, parts.pieces, slots * sizeof *parts.pieces);
    pthread_mutex_lock(&mutex);
    request->next = requests;
    requests = request;
    parts.disk->under_way++;
    pthread_mutex_unlock(&mutex);
    return request;
}

replay_status_t replay_block_complete(replay_block_request_t *request, int32_t result) {
    pthread_mutex_lock(&mutex);
    replay_block_request_t **at = &requests;
    while (*at && *at != request)
        at = &(*at)->next;
    bool found = request && *at;
    if (found)
        *at = request->next;
    pthread_mutex_unlock(&mutex);
    if (!found)
        return invalid("the request is not under way");
    request->complete(request->opaque, result);
    replay_block_t *disk = request->disk;
    replay_stub_changed(disk->session);
    free(request->data);
    free(request);
    pthread_mutex_lock(&mutex);
    disk->under_way--;
    pthread_cond_broadcast(&request_ended);
    pthread_mutex_unlock(&mutex);
    return REPLAY_OK;
}

/* What ends a request before it reaches the backend: a negative errno, or 0. */
static int32_t refusal(replay_block_t *disk, bool writes, uint64_t offset, uint64_t length) {
    int64_t end = disk->backend.length(disk->opaque);
    if (end < 0)
        return (int32_t)end;
    if (writes && disk->read_only)
        return -EROFS;
    return offset > (uint64_t)end || length > (uint64_t)end - offset ? -EIO : 0;
}

static bool good(const parts_t *parts) {
    return parts->complete && replay_stub_length(parts->pieces, parts->count) >= 0 &&
           is_disk(parts->disk);
}

static uint64_t length_of(const parts_t *parts) {
    return (uint64_t)replay_stub_length(parts->pieces, parts->count);
}

static replay_status_t bad_request(void) {
    return invalid("the disk, the pieces or the callback of a request is not good");
}

replay_status_t replay_block_read(replay_block_t *disk, uint64_t offset, const struct iovec *pieces,
                                  int32_t count, uint32_t flags, replay_block_complete_t complete,
                                  void *opaque) {
    parts_t parts = {disk, pieces, count, 0, complete, opaque};
    if (!good(&parts))
        return bad_request();
    replay_block_request_t *request = begin(parts);
    if (!request)
        return no_memory();
    int32_t error = refusal(disk, false, offset, length_of(&parts));
    if (error)
        return replay_block_complete(request, error);
    disk->backend.read(disk->opaque, request, offset, request->pieces, count, flags);
    return REPLAY_OK;
}

replay_status_t replay_block_write(replay_block_t *disk, uint64_t offset,
                                   const struct iovec *pieces, int32_t count, uint32_t flags,
                                   replay_block_complete_t complete, void *opaque) {
    parts_t parts = {disk, pieces, count, 0, complete, opaque};
    if (!good(&parts))
        return bad_request();
    parts.data_length = length_of(&parts);
    int32_t error = refusal(disk, true, offset, parts.data_length);
    if (error || !disk->backend.write)
        parts.data_length = parts.count = 0;
    replay_block_request_t *request = begin(parts);
    if (!request)
        return no_memory();
    if (error || !disk->backend.write)
        return replay_block_complete(request, error ? error : -ENOTSUP);
    disk->backend.write(disk->opaque, request, offset, request->pieces, 1, flags);
    return REPLAY_OK;
}

replay_status_t replay_block_zeroes(replay_block_t *disk, uint64_t offset, uint64_t length,
                                    uint32_t flags, replay_block_complete_t complete,
                                    void *opaque) {
    parts_t parts = {disk, NULL, 0, 0, complete, opaque};
    if (!good(&parts))
        return bad_request();
    const replay_block_backend_t *backend = &disk->backend;
    int32_t error = refusal(disk, true, offset, length);
    if (!error && !backend->zeroes && !backend->write)
        error = -ENOTSUP;
    if (!error && !backend->zeroes)
        parts.data_length = length;
    replay_block_request_t *request = begin(parts);
    if (!request)
        return no_memory();
    if (error)
        return replay_block_complete(request, error);
    if (backend->zeroes)
        backend->zeroes(disk->opaque, request, offset, length, flags);
    else
        backend->write(disk->opaque, request, offset, request->pieces, 1, flags);
    return REPLAY_OK;
}

replay_status_t replay_block_discard(replay_block_t *disk, uint64_t offset, uint64_t length,
                                     replay_block_complete_t complete, void *opaque) {
    parts_t parts = {disk, NULL, 0, 0, complete, opaque};
    if (!good(&parts))
        return bad_request();
    replay_block_request_t *request = begin(parts);
    if (!request)
        return no_memory();
    int32_t error = refusal(disk, true, offset, length);
    if (error || !disk->backend.discard)
        return replay_block_complete(request, error);
    disk->backend.discard(disk->opaque, request, offset, length);
    return REPLAY_OK;
}

replay_status_t replay_block_flush(replay_block_t *disk, replay_block_complete_t complete,
                                   void *opaque) {
    parts_t parts = {disk, NULL, 0, 0, complete, opaque};
    if (!good(&parts))
        return bad_request();
    replay_block_request_t *request = begin(parts);
    if (!request)
        return no_memory();
    if (!disk->backend.flush)
        return replay_block_complete(request, 0);
    disk->backend.flush(disk->opaque, request);
    return REPLAY_OK;
}
