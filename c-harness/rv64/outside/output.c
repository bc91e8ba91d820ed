/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

enum {
    BOUND = 1 << 20,     /* bytes that may wait for the log, and for a reader */
    PIPE_BOUND = 1 << 28 /* for one behind a pipe: a program, which is to get all of it */
};

struct output {
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t taken;  /* the writer has taken what was sent */
    GByteArray *sent;
    int next_reader;
    bool reader_changed, closing;
    int patience;

    int wake; /* eventfd: there is something to do */
    GThread *writer;

    /* The writer's own. */
    int log;          /* -1: none (any more) */
    bool log_failed;  /* and that was told */
    int reader;       /* -1: nobody */
    bool is_pipe;     /* what the reader reads from */
    GByteArray *left; /* for the reader */
    size_t done;      /* bytes of it that are written */
    size_t unread;    /* bytes to keep for the next reader */
    bool lost;        /* some of it was dropped, and that was told */
};

static void wake(output_t *o) {
    uint64_t one = 1;
    while (write(o->wake, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

/* A descriptor of our own, which does not block. A terminal or pipe that does is opened
 * anew: O_NONBLOCK would reach everybody who has the same one. */
static int own_descriptor(int file) {
    struct stat about;
    char path[32];
    int own = -1;
    bool blocks = (fcntl(file, F_GETFL) & O_NONBLOCK) == 0;
    if (blocks && fstat(file, &about) == 0 && (S_ISFIFO(about.st_mode) || isatty(file) == 1)) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
        own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    }
    return own >= 0 ? own : fcntl(file, F_DUPFD_CLOEXEC, 0);
}

/* --------------------------------------------------------------- the writer */

static void write_log(output_t *o, const uint8_t *bytes, size_t length) {
    while (length > 0 && o->log >= 0 && !o->log_failed) {
        ssize_t n = write(o->log, bytes, length);
        if (n < 0 && errno != EINTR) {
            o->log_failed = true;
            fprintf(stderr, "rv64-machine: the console's log: %s\n", strerror(errno));
        } else if (n > 0) {
            bytes += n;
            length -= (size_t)n;
        }
    }
}

/* Of what waits for the reader only the newest is kept, if it becomes too much. */
static void keep_newest(output_t *o) {
    size_t bound = o->reader < 0 ? o->unread : o->is_pipe ? PIPE_BOUND : BOUND;
    size_t length = o->left->len - o->done;
    if (o->done > BOUND) {
        g_byte_array_remove_range(o->left, 0, (guint)o->done);
        o->done = 0;
    }
    if (length <= 2 * bound)
        return;
    if (o->reader >= 0 && !o->lost) {
        o->lost = true;
        fprintf(stderr, "rv64-machine: nobody reads the serial line: some of it is lost\n");
    }
    g_byte_array_remove_range(o->left, 0, (guint)(o->left->len - bound));
    o->done = 0;
}

static void write_reader(output_t *o) {
    while (o->reader >= 0 && o->done < o->left->len) {
        ssize_t n = write(o->reader, o->left->data + o->done, o->left->len - o->done);
        if (n > 0) {
            o->done += (size_t)n;
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) { /* it is gone */
            close(o->reader);
            o->reader = -1;
        }
    }
    if (o->reader >= 0) {
        g_byte_array_set_size(o->left, 0);
        o->done = 0;
    }
}

static void change_reader(output_t *o, int reader) {
    if (o->reader >= 0) {
        close(o->reader);
        /* The rest of it was for that one. */
        g_byte_array_set_size(o->left, 0);
        o->done = 0;
    }
    struct stat about;
    o->reader = reader;
    o->is_pipe = reader >= 0 && fstat(reader, &about) == 0 && S_ISFIFO(about.st_mode);
}

/* Sleeps until there is something to do. @return false: it took longer than @p patience. */
static bool await(output_t *o, int patience) {
    struct pollfd files[2] = {{.fd = o->wake, .events = POLLIN},
                              {.fd = o->done < o->left->len ? o->reader : -1, .events = POLLOUT}};
    int ready = poll(files, 2, patience);
    uint64_t count;
    if (files[0].revents && read(o->wake, &count, sizeof(count)) < 0)
        return true; /* woken twice */
    return ready != 0;
}

static gpointer writer_thread(gpointer opaque) {
    output_t *o = opaque;
    GByteArray *taken = g_byte_array_new();
    bool ended = false;
    while (!ended) {
        pthread_mutex_lock(&o->mutex);
        GByteArray *sent = o->sent;
        o->sent = taken;
        taken = sent;
        bool closing = o->closing;
        int patience = closing ? o->patience : -1;
        if (o->reader_changed)
            change_reader(o, o->next_reader);
        o->reader_changed = false;
        pthread_cond_broadcast(&o->taken);
        pthread_mutex_unlock(&o->mutex);

        write_log(o, taken->data, taken->len);
        g_byte_array_append(o->left, taken->data, taken->len);
        g_byte_array_set_size(taken, 0);
        write_reader(o);
        keep_newest(o);
        ended = closing && (o->reader < 0 || o->left->len == 0);
        if (!ended)
            ended = !await(o, patience);
    }
    g_byte_array_unref(taken);
    return NULL;
}

/* ------------------------------------------------------------------- outside */

void output_send(output_t *o, uint8_t byte) {
    pthread_mutex_lock(&o->mutex);
    while (o->sent->len >= BOUND)
        pthread_cond_wait(&o->taken, &o->mutex);
    g_byte_array_append(o->sent, &byte, 1);
    if (o->sent->len == 1)
        wake(o);
    pthread_mutex_unlock(&o->mutex);
}

void output_set_reader(output_t *o, int file) {
    int own = file >= 0 ? own_descriptor(file) : -1;
    pthread_mutex_lock(&o->mutex);
    if (o->reader_changed && o->next_reader >= 0)
        close(o->next_reader); /* the writer has not even seen it */
    o->next_reader = own;
    o->reader_changed = true;
    pthread_mutex_unlock(&o->mutex);
    wake(o);
}

output_t *output_open(const char *log, size_t unread) {
    int file = -1, wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake >= 0 && log)
        file = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (wake < 0 || (log && file < 0)) {
        int error = errno;
        if (wake >= 0)
            close(wake);
        errno = error;
        return NULL;
    }
    output_t *o = g_new0(output_t, 1);
    o->wake = wake;
    o->log = file;
    o->reader = -1;
    o->unread = unread;
    o->sent = g_byte_array_new();
    o->left = g_byte_array_new();
    pthread_mutex_init(&o->mutex, NULL);
    pthread_cond_init(&o->taken, NULL);
    o->writer = g_thread_new("serial", writer_thread, o);
    return o;
}

bool output_close(output_t *o, int patience) {
    pthread_mutex_lock(&o->mutex);
    o->closing = true;
    o->patience = patience;
    pthread_mutex_unlock(&o->mutex);
    wake(o);
    g_thread_join(o->writer);

    if (o->reader >= 0)
        close(o->reader);
    if (o->log >= 0 && close(o->log) != 0 && !o->log_failed) {
        o->log_failed = true;
        fprintf(stderr, "rv64-machine: the console's log: %s\n", strerror(errno));
    }
    bool whole = !o->log_failed;
    close(o->wake);
    g_byte_array_unref(o->sent);
    g_byte_array_unref(o->left);
    pthread_mutex_destroy(&o->mutex);
    pthread_cond_destroy(&o->taken);
    g_free(o);
    return whole;
}
