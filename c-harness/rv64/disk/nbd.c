/* SPDX-License-Identifier: MIT */
#include "nbd.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib.h>
#include <libnbd.h>

#include "../message.h"

/* A thread waits for the connection and lets libnbd read and write it. The vCPU thread makes
 * requests; this thread completes them, but not within libnbd's callback: libnbd holds its lock
 * there, and replay_block_complete() may have to wait for the vCPU thread, which may be waiting
 * for that lock to make the next request. */
typedef struct nbd {
    struct nbd_handle *handle;
    GThread *thread;
    GAsyncQueue *ended; /* requests all of whose parts are done */
    int wake;           /* eventfd: a request was made, or has ended */
    gint finishing, closing;
    int64_t length;
} nbd_t;

enum { PATIENCE = 5000 /* ms that a silent server has when the run is over */ };

/* A request of the library: one NBD command for each piece. */
typedef struct request {
    nbd_t *nbd;
    replay_block_request_t *request;
    gint left;
    gint result;
} request_t;

static void wake(nbd_t *nbd) {
    uint64_t one = 1;
    if (write(nbd->wake, &one, sizeof(one)) < 0 && errno != EAGAIN)
        tell("eventfd: %s", strerror(errno));
}

/* A part is done, or has failed. */
static void end_part(request_t *r, int error) {
    if (error != 0)
        g_atomic_int_compare_and_exchange(&r->result, 0, -error);
    if (g_atomic_int_dec_and_test(&r->left)) {
        nbd_t *nbd = r->nbd;
        g_async_queue_push(nbd->ended, r);
        wake(nbd);
    }
}

static int on_command_done(void *opaque, int *error) {
    end_part(opaque, *error);
    return 1; /* libnbd may forget the command */
}

static void end_requests(nbd_t *nbd) {
    request_t *r;
    while ((r = g_async_queue_try_pop(nbd->ended))) {
        replay->replay_block_complete(r->request, g_atomic_int_get(&r->result));
        g_free(r);
    }
}

static gpointer nbd_thread(gpointer opaque) {
    nbd_t *nbd = opaque;
    while (!g_atomic_int_get(&nbd->closing)) {
        unsigned direction = nbd_aio_get_direction(nbd->handle);
        struct pollfd files[2] = {
            {.fd = nbd_aio_get_fd(nbd->handle),
             .events = (short)((direction & LIBNBD_AIO_DIRECTION_READ ? POLLIN : 0) |
                               (direction & LIBNBD_AIO_DIRECTION_WRITE ? POLLOUT : 0))},
            {.fd = nbd->wake, .events = POLLIN}};
        int ready = poll(files, 2, g_atomic_int_get(&nbd->finishing) ? PATIENCE : -1);
        if (ready < 0)
            continue;
        if (ready == 0 && nbd_aio_in_flight(nbd->handle) > 0) {
            /* Makes the requests that are under way fail. */
            tell("the disk's server doesn't answer");
            shutdown(files[0].fd, SHUT_RDWR);
        }
        uint64_t count;
        if (files[1].revents && read(nbd->wake, &count, sizeof(count)) < 0 && errno != EAGAIN)
            tell("eventfd: %s", strerror(errno));
        if ((files[0].revents & (POLLIN | POLLHUP | POLLERR)) &&
            (direction & LIBNBD_AIO_DIRECTION_READ))
            nbd_aio_notify_read(nbd->handle);
        else if (files[0].revents & POLLOUT)
            nbd_aio_notify_write(nbd->handle);
        end_requests(nbd);
    }
    return NULL;
}

/* --------------------------------------------------------------- the backend */

static request_t *begin(nbd_t *nbd, replay_block_request_t *request, int32_t parts) {
    request_t *r = g_new0(request_t, 1);
    r->nbd = nbd;
    r->request = request;
    r->left = parts + 1; /* one is ours, until all parts have been sent */
    return r;
}

/* Takes the result of a libnbd call that starts a command: one that hasn't started has ended. */
static void started(request_t *r, int64_t cookie) {
    if (cookie < 0)
        end_part(r, nbd_get_errno() != 0 ? nbd_get_errno() : EIO);
}

static nbd_completion_callback callback(request_t *r) {
    return (nbd_completion_callback){.callback = on_command_done, .user_data = r};
}

static int64_t on_length(void *opaque) {
    return ((nbd_t *)opaque)->length;
}

static void on_read(void *opaque, replay_block_request_t *request, uint64_t offset,
                    const struct iovec *pieces, int32_t count, uint32_t flags) {
    (void)flags;
    nbd_t *nbd = opaque;
    request_t *r = begin(nbd, request, count);
    for (int32_t i = 0; i < count; i++) {
        started(r, nbd_aio_pread(nbd->handle, pieces[i].iov_base, pieces[i].iov_len, offset,
                                 callback(r), 0));
        offset += pieces[i].iov_len;
    }
    end_part(r, 0);
    wake(nbd);
}

static void on_write(void *opaque, replay_block_request_t *request, uint64_t offset,
                     const struct iovec *pieces, int32_t count, uint32_t flags) {
    nbd_t *nbd = opaque;
    uint32_t how =
        flags & REPLAY_BLOCK_FUA && nbd_can_fua(nbd->handle) == 1 ? LIBNBD_CMD_FLAG_FUA : 0;
    request_t *r = begin(nbd, request, count);
    for (int32_t i = 0; i < count; i++) {
        started(r, nbd_aio_pwrite(nbd->handle, pieces[i].iov_base, pieces[i].iov_len, offset,
                                  callback(r), how));
        offset += pieces[i].iov_len;
    }
    end_part(r, 0);
    wake(nbd);
}

static void on_flush(void *opaque, replay_block_request_t *request) {
    nbd_t *nbd = opaque;
    bool can = nbd_can_flush(nbd->handle) == 1;
    request_t *r = begin(nbd, request, can ? 1 : 0);
    if (can)
        started(r, nbd_aio_flush(nbd->handle, callback(r), 0));
    end_part(r, 0);
    wake(nbd);
}

static void on_close(void *opaque) {
    nbd_t *nbd = opaque;
    g_atomic_int_set(&nbd->closing, 1);
    if (nbd->thread) {
        wake(nbd);
        g_thread_join(nbd->thread);
    }
    nbd_close(nbd->handle);
    if (nbd->ended)
        g_async_queue_unref(nbd->ended);
    if (nbd->wake >= 0)
        close(nbd->wake);
    g_free(nbd);
}

void nbd_finish(void *opaque) {
    nbd_t *nbd = opaque;
    g_atomic_int_set(&nbd->finishing, 1);
    wake(nbd);
}

/* ------------------------------------------------------------------ connecting */

bool nbd_is_uri(const char *name) {
    static const char *const schemes[] = {"nbd:", "nbds:", "nbd+", "nbds+"};
    for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++)
        if (g_ascii_strncasecmp(name, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

void *nbd_open(const char *uri, replay_block_backend_t *backend) {
    nbd_t *nbd = g_new0(nbd_t, 1);
    nbd->wake = -1;
    nbd->handle = nbd_create();
    if (!nbd->handle || nbd_connect_uri(nbd->handle, uri) != 0 ||
        (nbd->length = nbd_get_size(nbd->handle)) < 0) {
        tell("%s: %s", uri, nbd_get_error());
        on_close(nbd);
        return NULL;
    }
    nbd->ended = g_async_queue_new();
    nbd->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (nbd->wake < 0) {
        tell("eventfd: %s", strerror(errno));
        on_close(nbd);
        return NULL;
    }
    nbd->thread = g_thread_new("nbd", nbd_thread, nbd);
    *backend = (replay_block_backend_t)REPLAY_BLOCK_BACKEND_INIT;
    backend->length = on_length;
    backend->read = on_read;
    backend->write = on_write;
    backend->flush = on_flush;
    backend->close = on_close;
    return nbd;
}
