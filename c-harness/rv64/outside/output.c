/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

#include "../message.h"

enum {
    CHUNK = 4096,       /* bytes that are kept together, */
    PIECE = 512,        /* and that a reader is given at once: it may be slow */
    DROP_PATIENCE = 500 /* ms for a socket that was shut down */
};

/* A file, and the thread that writes to it. A reader can keep that thread in write() for
 * ever. (O_NONBLOCK would reach everybody else who has the same terminal or pipe.) Then the
 * thread is left behind, and ends with the program. */
typedef struct stream {
    const char *name;
    int file;
    bool is_log, is_terminal;
    size_t bound;
    atomic_uint_fast64_t progress; /* grows with what is written */

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    unsigned owners; /* its user, and its thread */
    GQueue chunks;   /* of GByteArray, none empty: to be written */
    size_t waiting;  /* bytes in them */
    bool ending;     /* when all is written */
    bool closed;     /* the file is */
    bool ended;      /* the thread has */
    bool lost;       /* some of it */
    bool told;       /* that it was */
    int error;       /* why nothing more can be written, or 0 */
} stream_t;

struct output {
    stream_t *log; /* or NULL */

    pthread_mutex_t mutex; /* guards what follows */
    stream_t *reader;      /* or NULL */
    GByteArray *unread;    /* for the next reader */
    size_t unread_most;
};

/* ----------------------------------------------------------------- its own thread */

/* Has its reader left, rather than failed? */
static bool has_left(const stream_t *s) {
    return !s->is_log &&
           (s->error == EPIPE || s->error == ECONNRESET || (s->error == EIO && s->is_terminal));
}

/* @return 0, or why the rest of it, which stays in it, can't be written. */
static int write_chunk(stream_t *s, GByteArray *chunk) {
    size_t done = 0;
    int error = 0;
    while (done < chunk->len && error == 0) {
        size_t piece = MIN(chunk->len - done, s->is_log ? CHUNK : PIECE);
        ssize_t n = write(s->file, chunk->data + done, piece);
        struct pollfd room = {.fd = s->file, .events = POLLOUT};
        if (n > 0) {
            done += (size_t)n;
            atomic_fetch_add(&s->progress, 1);
        } else if (n < 0 && errno == EAGAIN) { /* somebody has set O_NONBLOCK */
            poll(&room, 1, -1);
        } else if (n == 0 || errno != EINTR) {
            error = n == 0 ? EPIPE : errno;
        }
    }
    g_byte_array_remove_range(chunk, 0, (guint)done);
    return error;
}

static void release(stream_t *s) {
    pthread_mutex_lock(&s->mutex);
    bool last = --s->owners == 0;
    pthread_mutex_unlock(&s->mutex);
    if (!last)
        return;
    g_queue_clear_full(&s->chunks, (GDestroyNotify)g_byte_array_unref);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->mutex);
    g_free(s);
}

static void write_chunks(stream_t *s) {
    while (s->error == 0 && (s->waiting > 0 || !s->ending)) {
        GByteArray *chunk = g_queue_pop_head(&s->chunks);
        if (!chunk) {
            pthread_cond_wait(&s->changed, &s->mutex);
            continue;
        }
        s->waiting -= chunk->len;
        pthread_mutex_unlock(&s->mutex);
        int error = write_chunk(s, chunk);
        pthread_mutex_lock(&s->mutex);
        s->error = error;
        s->waiting += chunk->len;
        if (chunk->len > 0)
            g_queue_push_head(&s->chunks, chunk);
        else
            g_byte_array_unref(chunk);
    }
}

static gpointer stream_thread(gpointer opaque) {
    stream_t *s = opaque;
    pthread_mutex_lock(&s->mutex);
    write_chunks(s);
    s->closed = true;
    pthread_mutex_unlock(&s->mutex);

    int error = close(s->file) != 0 ? errno : 0;

    pthread_mutex_lock(&s->mutex);
    if (s->error == 0)
        s->error = error;
    error = has_left(s) ? 0 : s->error;
    pthread_mutex_unlock(&s->mutex);
    if (error != 0)
        tell("%s: %s", s->name, strerror(error));
    pthread_mutex_lock(&s->mutex);
    s->ended = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
    release(s);
    return NULL;
}

/* ------------------------------------------------------------------- its user's */

/* @param file becomes the stream's, and is closed if there will be none
 * @return NULL: errno says why. */
static stream_t *stream_open(const char *name, int file, bool is_log, size_t bound) {
    if (file < 0)
        return NULL;
    stream_t *s = g_new0(stream_t, 1);
    s->name = name;
    s->file = file;
    s->is_log = is_log;
    s->is_terminal = isatty(file) == 1;
    s->bound = bound;
    s->owners = 2;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->changed, NULL);
    GThread *thread = g_thread_try_new("serial-writer", stream_thread, s, NULL);
    if (thread) {
        g_thread_unref(thread);
        return s;
    }
    close(file);
    s->owners = 1;
    release(s);
    errno = EAGAIN;
    return NULL;
}

static void append(stream_t *s, const uint8_t *bytes, size_t length) {
    GByteArray *chunk = g_queue_peek_tail(&s->chunks);
    if (!chunk || chunk->len + length > CHUNK) {
        chunk = g_byte_array_new();
        g_queue_push_tail(&s->chunks, chunk);
    }
    g_byte_array_append(chunk, bytes, (guint)length);
    s->waiting += length;
}

/* Only the newest of what waits is kept. */
static void drop_oldest(stream_t *s) {
    while (s->waiting > s->bound) {
        GByteArray *chunk = g_queue_pop_head(&s->chunks);
        s->waiting -= chunk->len;
        g_byte_array_unref(chunk);
        s->lost = true;
    }
    if (!s->lost || s->told || !can_tell()) /* messages may go to the same terminal */
        return;
    s->told = true;
    tell("nobody reads %s: some of it is lost", s->name);
}

/* @return false: nothing more can be written. */
static bool stream_put(stream_t *s, const uint8_t *bytes, size_t length) {
    pthread_mutex_lock(&s->mutex);
    bool good = s->error == 0 && !s->ending;
    if (good && length > 0) {
        append(s, bytes, length);
        if (s->waiting == length)
            pthread_cond_broadcast(&s->changed);
        drop_oldest(s);
    }
    pthread_mutex_unlock(&s->mutex);
    return good;
}

static struct timespec in(int milliseconds) {
    int64_t us = g_get_monotonic_time() + (int64_t)milliseconds * 1000;
    return (struct timespec){us / 1000000, us % 1000000 * 1000};
}

/* Lets the thread write what is left, as long as its file takes some within @p patience.
 * Mutex held. @return false: the thread has to be left behind. */
static bool end(stream_t *s, int patience) {
    uint64_t progress = atomic_load(&s->progress);
    struct timespec until = in(patience);
    s->ending = true;
    pthread_cond_broadcast(&s->changed);
    while (!s->ended) {
        if (patience < 0) {
            pthread_cond_wait(&s->changed, &s->mutex);
        } else if (pthread_cond_clockwait(&s->changed, &s->mutex, CLOCK_MONOTONIC, &until) != 0) {
            uint64_t now = atomic_load(&s->progress);
            if (now == progress)
                return false;
            progress = now;
            until = in(patience);
        }
    }
    return true;
}

/* @return false: it is not whole, which was told. */
static bool stream_close(stream_t *s, int patience) {
    pthread_mutex_lock(&s->mutex);
    bool ended = end(s, patience);
    bool failed = s->error != 0 && !has_left(s);
    bool wanted = s->bound == OUTPUT_PROGRAM;
    bool whole = !failed && !(wanted && s->lost) && !(s->is_log && !ended);
    pthread_mutex_unlock(&s->mutex);
    if (!ended)
        tell("nobody reads %s: its end is lost", s->name);
    release(s);
    return whole;
}

/* Ends it now. @param rest gets what was not written. */
static void stream_drop(stream_t *s, GByteArray *rest) {
    pthread_mutex_lock(&s->mutex);
    if (!s->closed)
        shutdown(s->file, SHUT_RDWR); /* it may be in the middle of a write() */
    if (end(s, DROP_PATIENCE))
        for (GByteArray *chunk; (chunk = g_queue_pop_head(&s->chunks)); g_byte_array_unref(chunk))
            g_byte_array_append(rest, chunk->data, chunk->len);
    pthread_mutex_unlock(&s->mutex);
    release(s);
}

/* ------------------------------------------------------------------- the output */

static void keep_newest(GByteArray *bytes, size_t most) {
    if (bytes->len > 2 * most)
        g_byte_array_remove_range(bytes, 0, (guint)(bytes->len - most));
}

void output_send(output_t *o, uint8_t byte) {
    pthread_mutex_lock(&o->mutex);
    if (o->log)
        stream_put(o->log, &byte, 1);
    if (!o->reader || !stream_put(o->reader, &byte, 1)) {
        g_byte_array_append(o->unread, &byte, 1);
        keep_newest(o->unread, o->unread_most);
    }
    pthread_mutex_unlock(&o->mutex);
}

static void give_unread(output_t *o) {
    for (size_t done = 0; done < o->unread->len; done += CHUNK)
        stream_put(o->reader, o->unread->data + done, MIN(CHUNK, o->unread->len - done));
    g_byte_array_set_size(o->unread, 0);
}

bool output_set_reader(output_t *o, int file, size_t bound) {
    stream_t *reader = NULL;
    if (file >= 0) {
        reader = stream_open("the serial line", fcntl(file, F_DUPFD_CLOEXEC, 0), false, bound);
        if (!reader)
            return false;
    }
    pthread_mutex_lock(&o->mutex);
    if (o->reader) {
        GByteArray *later = o->unread; /* sent after that reader had left */
        o->unread = g_byte_array_new();
        stream_drop(o->reader, o->unread);
        g_byte_array_append(o->unread, later->data, later->len);
        g_byte_array_unref(later);
        keep_newest(o->unread, o->unread_most);
    }
    o->reader = reader;
    if (reader)
        give_unread(o);
    pthread_mutex_unlock(&o->mutex);
    return true;
}

output_t *output_open(const char *log, size_t unread) {
    stream_t *stream = NULL;
    if (log) {
        int file = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        stream = stream_open("the console's log", file, true, OUTPUT_PROGRAM);
        if (!stream)
            return NULL;
    }
    output_t *o = g_new0(output_t, 1);
    o->log = stream;
    o->unread = g_byte_array_new();
    o->unread_most = unread;
    pthread_mutex_init(&o->mutex, NULL);
    return o;
}

bool output_close(output_t *o, int patience, int log_patience) {
    bool good = !o->log || stream_close(o->log, log_patience);
    if (o->reader && !stream_close(o->reader, patience))
        good = false;
    g_byte_array_unref(o->unread);
    pthread_mutex_destroy(&o->mutex);
    g_free(o);
    return good;
}
