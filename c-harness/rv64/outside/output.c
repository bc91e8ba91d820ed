/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

enum {
    BOUND = 1 << 20,     /* bytes that may wait for the log, and for a reader */
    PIPE_BOUND = 1 << 28 /* for one behind a pipe: a program, which is to get all of it */
};

/* A file, and the thread that writes to it. A reader can keep that thread in write() for
 * ever. (O_NONBLOCK would reach everybody else who has the same terminal or pipe.) Then the
 * thread is left behind, and ends with the program. */
typedef struct stream {
    const char *name;
    int file;
    bool is_reader; /* may leave, and what it does not read is lost */
    size_t bound;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    unsigned owners;     /* its user, and its thread */
    GByteArray *waiting; /* to be written */
    bool ending;         /* when that is done */
    bool closed;         /* the file is */
    bool ended;          /* and the thread has */
    bool told;           /* that some of it was lost */
    int error;           /* why nothing more can be written, or 0 */
} stream_t;

struct output {
    stream_t *log; /* or NULL */

    pthread_mutex_t mutex; /* guards what follows */
    stream_t *reader;      /* or NULL */
    GByteArray *unread;    /* for the next reader */
    size_t unread_most;
};

/* @return true: some of it is dropped. */
static bool keep_newest(GByteArray *bytes, size_t most) {
    bool too_much = bytes->len > 2 * most;
    if (too_much)
        g_byte_array_remove_range(bytes, 0, (guint)(bytes->len - most));
    return too_much;
}

/* ----------------------------------------------------------------- its own thread */

static int write_all(int file, const uint8_t *bytes, size_t length) {
    while (length > 0) {
        ssize_t n = write(file, bytes, length);
        struct pollfd room = {.fd = file, .events = POLLOUT};
        if (n > 0) {
            bytes += n;
            length -= (size_t)n;
        } else if (n == 0) {
            return EIO;
        } else if (errno == EAGAIN) { /* whose file it is has set O_NONBLOCK */
            poll(&room, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

static bool has_left(const stream_t *s) {
    return s->is_reader && (s->error == EPIPE || s->error == ECONNRESET || s->error == EIO);
}

static void release(stream_t *s) {
    pthread_mutex_lock(&s->mutex);
    bool last = --s->owners == 0;
    pthread_mutex_unlock(&s->mutex);
    if (!last)
        return;
    g_byte_array_unref(s->waiting);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->mutex);
    g_free(s);
}

static gpointer stream_thread(gpointer opaque) {
    stream_t *s = opaque;
    pthread_mutex_lock(&s->mutex);
    while (s->error == 0 && (s->waiting->len > 0 || !s->ending)) {
        if (s->waiting->len == 0) {
            pthread_cond_wait(&s->changed, &s->mutex);
            continue;
        }
        GByteArray *taken = s->waiting;
        s->waiting = g_byte_array_new();
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->mutex);
        int error = write_all(s->file, taken->data, taken->len);
        g_byte_array_unref(taken);
        pthread_mutex_lock(&s->mutex);
        s->error = error;
    }
    int error = close(s->file) != 0 ? errno : 0;
    if (s->error == 0)
        s->error = error;
    s->closed = true;
    if (s->error != 0 && !has_left(s)) {
        pthread_mutex_unlock(&s->mutex);
        fprintf(stderr, "rv64-machine: %s: %s\n", s->name, strerror(s->error));
        pthread_mutex_lock(&s->mutex);
    }
    s->ended = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
    release(s);
    return NULL;
}

/* ------------------------------------------------------------------- its user's */

/* Messages may go to the same terminal, which nobody reads. */
static void tell_loss(stream_t *s, const char *what) {
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (s->told || poll(&room, 1, 0) != 1)
        return;
    s->told = true;
    fprintf(stderr, "rv64-machine: nobody reads %s: %s lost\n", s->name, what);
}

/* @param file becomes the stream's, and is closed if there will be none
 * @return NULL: errno says why. */
static stream_t *stream_open(const char *name, int file, bool is_reader) {
    if (file < 0)
        return NULL;
    struct stat about;
    bool is_pipe = is_reader && fstat(file, &about) == 0 && S_ISFIFO(about.st_mode);
    stream_t *s = g_new0(stream_t, 1);
    s->name = name;
    s->file = file;
    s->is_reader = is_reader;
    s->bound = is_pipe ? PIPE_BOUND : BOUND;
    s->owners = 2;
    s->waiting = g_byte_array_new();
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

/* @return false: nothing more can be written. */
static bool stream_put(stream_t *s, const uint8_t *bytes, size_t length) {
    pthread_mutex_lock(&s->mutex);
    while (!s->is_reader && s->error == 0 && s->waiting->len >= s->bound)
        pthread_cond_wait(&s->changed, &s->mutex);
    bool good = s->error == 0;
    if (good) {
        g_byte_array_append(s->waiting, bytes, (guint)length);
        if (s->waiting->len == length)
            pthread_cond_broadcast(&s->changed);
        if (s->is_reader && keep_newest(s->waiting, s->bound))
            tell_loss(s, "some of it is");
    }
    pthread_mutex_unlock(&s->mutex);
    return good;
}

/* What is not written yet is dropped. */
static void stream_drop(stream_t *s) {
    pthread_mutex_lock(&s->mutex);
    g_byte_array_set_size(s->waiting, 0);
    s->ending = true;
    pthread_cond_broadcast(&s->changed);
    if (!s->closed)
        shutdown(s->file, SHUT_RDWR); /* it may be in the middle of a write() */
    pthread_mutex_unlock(&s->mutex);
    release(s);
}

/* @return false: it is not whole, which was told. */
static bool stream_close(stream_t *s, int patience) {
    int64_t us = g_get_monotonic_time() + (int64_t)patience * 1000;
    const struct timespec end = {us / 1000000, us % 1000000 * 1000};
    pthread_mutex_lock(&s->mutex);
    s->ending = true;
    pthread_cond_broadcast(&s->changed);
    int waited = 0;
    while (!s->ended && waited == 0) {
        if (patience < 0)
            pthread_cond_wait(&s->changed, &s->mutex);
        else
            waited = pthread_cond_clockwait(&s->changed, &s->mutex, CLOCK_MONOTONIC, &end);
    }
    if (!s->ended)
        tell_loss(s, "its end is");
    bool whole = s->error == 0 || has_left(s);
    pthread_mutex_unlock(&s->mutex);
    release(s);
    return whole;
}

/* ------------------------------------------------------------------- the output */

void output_send(output_t *o, uint8_t byte) {
    if (o->log)
        stream_put(o->log, &byte, 1);
    pthread_mutex_lock(&o->mutex);
    if (!o->reader || !stream_put(o->reader, &byte, 1)) {
        g_byte_array_append(o->unread, &byte, 1);
        keep_newest(o->unread, o->unread_most);
    }
    pthread_mutex_unlock(&o->mutex);
}

bool output_set_reader(output_t *o, int file) {
    stream_t *reader = NULL;
    if (file >= 0)
        reader = stream_open("the serial line", fcntl(file, F_DUPFD_CLOEXEC, 0), true);
    int error = errno;
    pthread_mutex_lock(&o->mutex);
    stream_t *before = o->reader;
    o->reader = reader;
    if (reader) {
        stream_put(reader, o->unread->data, o->unread->len);
        g_byte_array_set_size(o->unread, 0);
    }
    pthread_mutex_unlock(&o->mutex);
    if (before)
        stream_drop(before);
    errno = error;
    return reader || file < 0;
}

output_t *output_open(const char *log, size_t unread) {
    stream_t *stream = NULL;
    if (log) {
        int file = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        stream = stream_open("the console's log", file, false);
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

bool output_close(output_t *o, int patience) {
    bool good = !o->log || stream_close(o->log, -1);
    if (o->reader && !stream_close(o->reader, patience))
        good = false;
    g_byte_array_unref(o->unread);
    pthread_mutex_destroy(&o->mutex);
    g_free(o);
    return good;
}
