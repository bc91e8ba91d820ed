/* SPDX-License-Identifier: MIT */
#include "failing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "../message.h"

enum { RANGES = 64 };

typedef struct failing {
    int file;
    GThreadPool *pool; /* so that requests end at unpredictable times, as real ones do */
    gint count;        /* requests so far */
    struct {
        uint64_t first, last;
    } ranges[RANGES];
    size_t range_count;
} failing_t;

typedef struct job {
    replay_block_request_t *request;
    struct iovec *pieces;
    int32_t count;
    uint64_t offset;
    bool write, fail;
} job_t;

static void work(gpointer data, gpointer opaque) {
    job_t *job = data;
    failing_t *f = opaque;
    int32_t result = job->fail ? -EIO : 0;
    uint64_t offset = job->offset;
    for (int32_t i = 0; i < job->count && result == 0; i++) {
        const struct iovec *piece = &job->pieces[i];
        ssize_t n = job->write ? pwrite(f->file, piece->iov_base, piece->iov_len, (off_t)offset)
                               : pread(f->file, piece->iov_base, piece->iov_len, (off_t)offset);
        if (n != (ssize_t)piece->iov_len)
            result = n < 0 ? -errno : -EIO;
        offset += piece->iov_len;
    }
    replay->replay_block_complete(job->request, result);
    g_free(job->pieces);
    g_free(job);
}

static bool fails(failing_t *f, uint64_t number) {
    for (size_t i = 0; i < f->range_count; i++)
        if (number >= f->ranges[i].first && number <= f->ranges[i].last)
            return true;
    return false;
}

static void submit(failing_t *f, replay_block_request_t *request, uint64_t offset,
                   const struct iovec *pieces, int32_t count, bool write) {
    job_t *job = g_new0(job_t, 1);
    job->request = request;
    job->offset = offset;
    job->pieces = g_memdup2(pieces, (gsize)count * sizeof(*pieces));
    job->count = count;
    job->write = write;
    job->fail = fails(f, (uint64_t)g_atomic_int_add(&f->count, 1) + 1);
    g_thread_pool_push(f->pool, job, NULL);
}

static int64_t on_length(void *opaque) {
    struct stat about;
    return fstat(((failing_t *)opaque)->file, &about) == 0 ? about.st_size : -errno;
}

static void on_read(void *opaque, replay_block_request_t *request, uint64_t offset,
                    const struct iovec *pieces, int32_t count, uint32_t flags) {
    (void)flags;
    submit(opaque, request, offset, pieces, count, false);
}

static void on_write(void *opaque, replay_block_request_t *request, uint64_t offset,
                     const struct iovec *pieces, int32_t count, uint32_t flags) {
    (void)flags;
    submit(opaque, request, offset, pieces, count, true);
}

static void on_close(void *opaque) {
    failing_t *f = opaque;
    if (f->pool)
        g_thread_pool_free(f->pool, FALSE, TRUE);
    if (f->file >= 0)
        close(f->file);
    g_free(f);
}

/* "3,7-9" */
static bool parse(failing_t *f, const char *list) {
    for (const char *at = list; f->range_count < RANGES; at++) {
        char *end;
        uint64_t first = strtoull(at, &end, 10), last = first;
        if (end == at)
            return false;
        if (*end == '-') {
            at = end + 1;
            last = strtoull(at, &end, 10);
            if (end == at)
                return false;
        }
        f->ranges[f->range_count].first = first;
        f->ranges[f->range_count++].last = last;
        if (*end == '\0')
            return true;
        if (*end != ',')
            return false;
        at = end;
    }
    return false;
}

void *failing_open(const char *path, const char *list, replay_block_backend_t *backend) {
    failing_t *f = g_new0(failing_t, 1);
    f->file = open(path, O_RDWR | O_CLOEXEC);
    if (f->file < 0)
        tell("%s: %s", path, strerror(errno));
    else if (!parse(f, list))
        tell("--disk-fail: \"%s\" isn't a list of numbers", list);
    else
        f->pool = g_thread_pool_new(work, f, 2, FALSE, NULL);
    if (!f->pool) {
        on_close(f);
        return NULL;
    }
    *backend = (replay_block_backend_t)REPLAY_BLOCK_BACKEND_INIT;
    backend->length = on_length;
    backend->read = on_read;
    backend->write = on_write;
    backend->close = on_close;
    return f;
}
