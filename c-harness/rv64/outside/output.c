/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

#include "../message.h"

enum {
    LIVE_ROOM = 1 << 20, /* bytes in the buffer of a terminal or a socket, */
    FILE_ROOM = 1 << 26, /* and of a file or a pipe, which is to get all of them */
    LIVE_PATIENCE = 1,   /* seconds in which a terminal or a socket has to read the end */
    PIECE = 4096         /* bytes that are written at once */
};

struct output {
    const char *name;
    bool live; /* a terminal or a socket */
    GThread *thread;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    int file;              /* -1: there is no client */
    uint8_t *buffer;       /* a ring */
    size_t room;           /* its size */
    size_t first, waiting; /* the bytes in it */
    uint64_t dropped;      /* bytes that didn't fit */
    bool writing;          /* the thread is using the file */
    int error;             /* why nothing more can be written, or 0 */
    bool ending, ended;    /* the thread is to end when all is written; it has */
};

/* ------------------------------------------------------------------ the thread */

static bool can_write(const output_t *o) {
    return o->file >= 0 && o->error == 0 && o->waiting > 0;
}

/* Called with the mutex held, which it releases while it writes. */
static void write_piece(output_t *o) {
    const uint8_t *piece = o->buffer + o->first;
    size_t length = MIN(MIN(o->waiting, o->room - o->first), PIECE);
    o->writing = true;
    pthread_mutex_unlock(&o->mutex);

    ssize_t written = write(o->file, piece, length);
    int error = written < 0 ? errno : 0;
    struct pollfd file = {.fd = o->file, .events = POLLOUT};
    if (error == EAGAIN) /* whoever shares our stdout has set O_NONBLOCK */
        poll(&file, 1, -1);

    pthread_mutex_lock(&o->mutex);
    o->writing = false;
    if (error == 0) {
        o->waiting -= (size_t)written;
        o->first = o->waiting == 0 ? 0 : (o->first + (size_t)written) % o->room;
    } else if (error != EAGAIN && error != EINTR) {
        o->error = error;
    }
    pthread_cond_broadcast(&o->changed);
}

static gpointer output_thread(gpointer opaque) {
    output_t *o = opaque;
    pthread_mutex_lock(&o->mutex);
    while (can_write(o) || !o->ending) {
        if (can_write(o))
            write_piece(o);
        else
            pthread_cond_wait(&o->changed, &o->mutex);
    }
    o->ended = true;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->mutex);
    return NULL;
}

/* ----------------------------------------------------------- the other threads */

static bool is_live(int file) {
    struct stat about;
    return file < 0 || isatty(file) || (fstat(file, &about) == 0 && S_ISSOCK(about.st_mode));
}

output_t *output_open(const char *name, int file) {
    output_t *o = g_new0(output_t, 1);
    o->name = name;
    o->file = file;
    o->live = is_live(file);
    o->room = o->live ? LIVE_ROOM : FILE_ROOM;
    o->buffer = g_malloc(o->room);
    pthread_mutex_init(&o->mutex, NULL);
    pthread_cond_init(&o->changed, NULL);
    o->thread = g_thread_new("output", output_thread, o);
    return o;
}

void output_put(output_t *o, uint8_t byte) {
    pthread_mutex_lock(&o->mutex);
    if (o->waiting == o->room)
        o->dropped++;
    else if (o->error == 0)
        o->buffer[(o->first + o->waiting++) % o->room] = byte;
    if (o->waiting == 1)
        pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->mutex);
}

void output_set_client(output_t *o, int client) {
    pthread_mutex_lock(&o->mutex);
    if (o->file >= 0)
        shutdown(o->file, SHUT_RDWR); /* ends a write() that waits for the client */
    while (o->writing)
        pthread_cond_wait(&o->changed, &o->mutex);
    o->file = client;
    o->error = 0;
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->mutex);
}

/* Lets the thread write what is left. Mutex held. @return false: a reader delays it. */
static bool end_thread(output_t *o) {
    struct timespec end;
    int timeout = 0;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += LIVE_PATIENCE;
    o->ending = true;
    pthread_cond_broadcast(&o->changed);
    while (!o->ended && timeout == 0) {
        if (o->live)
            timeout = pthread_cond_clockwait(&o->changed, &o->mutex, CLOCK_MONOTONIC, &end);
        else
            pthread_cond_wait(&o->changed, &o->mutex);
    }
    return o->ended;
}

bool output_close(output_t *o) {
    pthread_mutex_lock(&o->mutex);
    bool ended = end_thread(o);
    uint64_t dropped = o->dropped + (ended ? 0 : o->waiting);
    bool failed = !o->live && o->error != 0 && o->error != EPIPE;
    bool whole = o->live || (!failed && dropped == 0);
    pthread_mutex_unlock(&o->mutex);

    if (failed)
        tell("%s: %s", o->name, strerror(o->error));
    if (dropped > 0)
        tell("%s: %" PRIu64 " bytes were dropped, because they weren't read in time", o->name,
             dropped);
    if (!ended)
        return whole; /* the thread is in write(), and ends with the program */
    g_thread_join(o->thread);
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->mutex);
    g_free(o->buffer);
    g_free(o);
    return whole;
}
