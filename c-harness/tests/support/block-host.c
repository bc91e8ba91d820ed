/* SPDX-License-Identifier: MIT */
#include "block-host.h"

void disk_fill(disk_t *disk) {
    memset(disk, 0, sizeof *disk);
    for (size_t i = 0; i < DISK_BYTES; i++)
        disk->bytes[i] = (uint8_t)(i * 31 + (i >> 9));
}

static int64_t backend_length(void *opaque) {
    disk_t *disk = opaque;
    return disk->length ? disk->length : DISK_BYTES;
}

static void *complete_later(void *request) {
    test_sleep_ms(2);
    replay_block_complete(request, 0);
    return NULL;
}

static void end(disk_t *disk, replay_block_request_t *request) {
    pthread_t thread;
    if (disk->hold && disk->held_count < 64) {
        disk->held[disk->held_count++] = request;
    } else if (disk->by_thread && disk->fail_with == 0) {
        pthread_create(&thread, NULL, complete_later, request);
        pthread_detach(thread);
    } else {
        CHECK_STATUS(replay_block_complete(request, disk->fail_with), OK);
    }
}

static void backend_read(void *opaque, replay_block_request_t *request, uint64_t offset,
                         const struct iovec *pieces, int32_t count, uint32_t flags) {
    disk_t *disk = opaque;
    (void)flags;
    atomic_fetch_add(&disk->reads, 1);
    for (int32_t i = 0; i < count; i++) {
        if (offset + pieces[i].iov_len <= DISK_BYTES)
            memcpy(pieces[i].iov_base, disk->bytes + offset, pieces[i].iov_len);
        offset += pieces[i].iov_len;
    }
    end(disk, request);
}

static void backend_write(void *opaque, replay_block_request_t *request, uint64_t offset,
                          const struct iovec *pieces, int32_t count, uint32_t flags) {
    disk_t *disk = opaque;
    (void)flags;
    atomic_fetch_add(&disk->writes, 1);
    for (int32_t i = 0; i < count; i++) {
        if (offset + pieces[i].iov_len <= DISK_BYTES)
            memcpy(disk->bytes + offset, pieces[i].iov_base, pieces[i].iov_len);
        offset += pieces[i].iov_len;
    }
    end(disk, request);
}

static void backend_zeroes(void *opaque, replay_block_request_t *request, uint64_t offset,
                           uint64_t length, uint32_t flags) {
    disk_t *disk = opaque;
    (void)flags;
    atomic_fetch_add(&disk->zeroes, 1);
    memset(disk->bytes + offset, 0, length);
    end(disk, request);
}

static void backend_discard(void *opaque, replay_block_request_t *request, uint64_t offset,
                            uint64_t length) {
    disk_t *disk = opaque;
    (void)offset, (void)length;
    atomic_fetch_add(&disk->discards, 1);
    end(disk, request);
}

static void backend_flush(void *opaque, replay_block_request_t *request) {
    disk_t *disk = opaque;
    atomic_fetch_add(&disk->flushes, 1);
    end(disk, request);
}

static void backend_close(void *opaque) {
    atomic_fetch_add(&((disk_t *)opaque)->closes, 1);
}

replay_block_backend_t disk_backend(void) {
    replay_block_backend_t backend = REPLAY_BLOCK_BACKEND_INIT;
    backend.length = backend_length;
    backend.read = backend_read;
    backend.write = backend_write;
    backend.zeroes = backend_zeroes;
    backend.discard = backend_discard;
    backend.flush = backend_flush;
    backend.close = backend_close;
    return backend;
}

void disk_release(disk_t *disk) {
    while (disk->held_count > 0)
        CHECK_STATUS(replay_block_complete(disk->held[--disk->held_count], disk->fail_with), OK);
}

replay_block_t *disk_open(disk_t *disk, replay_block_overlay_t overlay) {
    replay_block_backend_t backend = disk_backend();
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    replay_status_t status = REPLAY_OK;
    config.name = "system";
    config.backend = &backend;
    config.opaque = disk;
    config.overlay = overlay;
    replay_block_t *block = replay_block_open(&config, &status);
    CHECK_STATUS(status, OK);
    REQUIRE(block != NULL);
    return block;
}

void note_done(void *opaque, int32_t result) {
    done_t *done = opaque;
    done->result = result;
    done->icount = done->host ? done->host->icount : 0;
    atomic_fetch_add(&done->runs, 1);
}

bool wait_for(host_t *host, const done_t *done) {
    int64_t since = test_now_ns();
    replay_async_events();
    while (done->runs == 0 && host_again(host, 3, since))
        if (done->runs == 0)
            replay_wait(10000000);
    return done->runs > 0;
}

/* On the heap, and never freed: replay_finish() runs what is queued still. */
static done_t *new_done(host_t *host) {
    done_t *done = calloc(1, sizeof *done);
    done->host = host;
    return done;
}

static int32_t outcome(host_t *host, const char *what, uint64_t offset, replay_status_t status,
                       const done_t *done) {
    if (status != REPLAY_OK)
        return status;
    if (wait_for(host, done))
        return done->result;
    if (!host_stopped(host))
        test_fail(TEST_HERE, "a %s at %llu never completes", what, (unsigned long long)offset);
    return -ETIMEDOUT;
}

int32_t read_now(host_t *host, replay_block_t *block, uint64_t offset, void *data, size_t length) {
    struct iovec piece = {data, length};
    done_t *done = new_done(host);
    replay_status_t status = replay_block_read(block, offset, &piece, 1, 0, note_done, done);
    return outcome(host, "read", offset, status, done);
}

int32_t write_now(host_t *host, replay_block_t *block, uint64_t offset, const void *data,
                  size_t length) {
    struct iovec piece = {(void *)data, length};
    done_t *done = new_done(host);
    replay_status_t status = replay_block_write(block, offset, &piece, 1, 0, note_done, done);
    return outcome(host, "write", offset, status, done);
}
