/* SPDX-License-Identifier: MIT */
/* The backend that serves a file; each request has ended when its call returns. */
#include "stubs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct {
    int descriptor;
} file_t;

static int descriptor_of(const void *opaque) {
    return ((const file_t *)opaque)->descriptor;
}

void *replay_stub_file_open(const char *name, bool read_only) {
    file_t *file = malloc(sizeof *file);
    if (!file)
        return NULL;
    file->descriptor = open(name, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    if (file->descriptor >= 0)
        return file;
    int error = errno;
    free(file);
    errno = error;
    return NULL;
}

static int64_t file_length(void *opaque) {
    int64_t length = lseek(descriptor_of(opaque), 0, SEEK_END);
    return length < 0 ? -errno : length;
}

/* Reads or writes all of one piece. @return 0 or a negative errno. */
static int32_t transfer(int descriptor, bool writes, uint8_t *data, size_t length,
                        uint64_t offset) {
    while (length > 0) {
        ssize_t done = writes ? pwrite(descriptor, data, length, (off_t)offset)
                              : pread(descriptor, data, length, (off_t)offset);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? -errno : -EIO;
        data += done;
        length -= (size_t)done;
        offset += (uint64_t)done;
    }
    return 0;
}

static int32_t transfer_all(int descriptor, bool writes, const struct iovec *pieces, int32_t count,
                            uint64_t offset) {
    int32_t result = 0;
    for (int32_t i = 0; i < count && result == 0; offset += pieces[i++].iov_len)
        result = transfer(descriptor, writes, pieces[i].iov_base, pieces[i].iov_len, offset);
    return result;
}

static int32_t sync_data(int descriptor) {
    return fdatasync(descriptor) < 0 ? -errno : 0;
}

static void file_read(void *opaque, replay_block_request_t *request, uint64_t offset,
                      const struct iovec *pieces, int32_t count, uint32_t flags) {
    (void)flags;
    replay_block_complete(request,
                          transfer_all(descriptor_of(opaque), false, pieces, count, offset));
}

static void file_write(void *opaque, replay_block_request_t *request, uint64_t offset,
                       const struct iovec *pieces, int32_t count, uint32_t flags) {
    int descriptor = descriptor_of(opaque);
    int32_t result = transfer_all(descriptor, true, pieces, count, offset);
    if (result == 0 && flags & REPLAY_BLOCK_FUA)
        result = sync_data(descriptor);
    replay_block_complete(request, result);
}

static void file_discard(void *opaque, replay_block_request_t *request, uint64_t offset,
                         uint64_t length) {
    int32_t result = 0;
    if (length > 0 && fallocate(descriptor_of(opaque), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                (off_t)offset, (off_t)length) < 0)
        result = errno == EOPNOTSUPP ? 0 : -errno;
    replay_block_complete(request, result);
}

static void file_flush(void *opaque, replay_block_request_t *request) {
    replay_block_complete(request, sync_data(descriptor_of(opaque)));
}

static void file_close(void *opaque) {
    close(descriptor_of(opaque));
    free(opaque);
}

const replay_block_backend_t replay_stub_file_backend = {
    .size = sizeof(replay_block_backend_t),
    .length = file_length,
    .read = file_read,
    .write = file_write,
    .discard = file_discard,
    .flush = file_flush,
    .close = file_close,
};
