/* SPDX-License-Identifier: MIT */
/* A disk's image: a backend that serves a file, on the thread that asks. */
#include <fcntl.h>
#include <unistd.h>

#include "stubs.h"

static int file_of(void *opaque) {
    return (int)(intptr_t)opaque;
}

static int64_t length(void *opaque) {
    off_t end = lseek(file_of(opaque), 0, SEEK_END);
    return end < 0 ? -errno : end;
}

/* Reads or writes all. */
static void transfer(void *opaque, replay_block_request_t *request, uint64_t offset,
                     const struct iovec *data, uint32_t flags, bool writes) {
    int32_t result = 0;
    for (size_t at = 0; at < data->iov_len && result == 0;) {
        char *place = (char *)data->iov_base + at;
        size_t left = data->iov_len - at;
        off_t from = (off_t)(offset + at);
        ssize_t done = writes ? pwrite(file_of(opaque), place, left, from)
                              : pread(file_of(opaque), place, left, from);
        if (done <= 0 && !(done < 0 && errno == EINTR))
            result = done < 0 ? -errno : -EIO;
        at += done > 0 ? (size_t)done : 0;
    }
    if (result == 0 && writes && flags & REPLAY_BLOCK_FUA && fdatasync(file_of(opaque)) < 0)
        result = -errno;
    replay_block_complete(request, result);
}

static void read_data(void *opaque, replay_block_request_t *request, uint64_t offset,
                      const struct iovec *data, int32_t count, uint32_t flags) {
    (void)count;
    transfer(opaque, request, offset, data, flags, false);
}

static void write_data(void *opaque, replay_block_request_t *request, uint64_t offset,
                       const struct iovec *data, int32_t count, uint32_t flags) {
    (void)count;
    transfer(opaque, request, offset, data, flags, true);
}

static void flush(void *opaque, replay_block_request_t *request) {
    replay_block_complete(request, fdatasync(file_of(opaque)) < 0 ? -errno : 0);
}

static void close_file(void *opaque) {
    close(file_of(opaque));
}

bool replay_stub_open_image(const char *name, bool is_read_only, replay_block_backend_t *backend,
                            void **opaque) {
    int file = open(name, (is_read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    *backend = (replay_block_backend_t){
        sizeof *backend, length, read_data, write_data, NULL, NULL, flush, close_file};
    *opaque = (void *)(intptr_t)file;
    return file >= 0;
}
