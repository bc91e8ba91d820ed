/* SPDX-License-Identifier: MIT */
#include "serial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <glib-unix.h>
#include <glib.h>

enum {
    OUTPUT_BOUND = 1 << 20, /* bytes that may wait to be written */
    EARLY_BOUND = 1 << 14,  /* bytes that are kept for a socket's first client */
    CHUNK = 256,            /* bytes of input at once */
    TYPED = 16,             /* bytes of a file or pipe at once, */
    TYPING_MS = 1,          /* and the time between them */
    ESCAPE = 1              /* Ctrl-A */
};

struct serial {
    serial_events_t events;
    int in, out;            /* -1: none (any more) */
    int keep;               /* a descriptor that is only kept open */
    char *socket_path;      /* to remove */
    guint source;           /* of the input, or of the socket's connections */
    guint client_source;    /* of the input of the socket's client */
    bool terminal, escaped; /* Ctrl-A was typed */
    struct termios before;  /* the terminal's state */
    bool raw;

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    GByteArray *output;
    GByteArray *early; /* of a socket to which nobody has come yet; else NULL */
    bool closing;
    FILE *log;
    GThread *writer;
};

/* ------------------------------------------------------------------- output */

/* Writes all of it, or as much as the other end takes. */
static void write_all(int file, const uint8_t *bytes, size_t length) {
    while (length > 0) {
        ssize_t n = write(file, bytes, length);
        if (n < 0 && errno == EAGAIN) {
            struct pollfd ready = {.fd = file, .events = POLLOUT};
            poll(&ready, 1, -1);
        } else if (n < 0 && errno != EINTR) {
            return;
        } else if (n > 0) {
            bytes += n;
            length -= (size_t)n;
        }
    }
}

static gpointer writer_thread(gpointer opaque) {
    serial_t *s = opaque;
    GByteArray *writing = g_byte_array_new();
    pthread_mutex_lock(&s->mutex);
    while (s->output->len > 0 || !s->closing) {
        if (s->output->len == 0) {
            pthread_cond_wait(&s->changed, &s->mutex);
            continue;
        }
        GByteArray *taken = s->output;
        s->output = writing;
        writing = taken;
        if (s->early && s->early->len + writing->len <= EARLY_BOUND)
            g_byte_array_append(s->early, writing->data, writing->len);
        int out = s->out >= 0 ? dup(s->out) : -1; /* the client may leave meanwhile */
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->mutex);
        if (s->log)
            fwrite(writing->data, 1, writing->len, s->log);
        if (out >= 0) {
            write_all(out, writing->data, writing->len);
            close(out);
        }
        g_byte_array_set_size(writing, 0);
        pthread_mutex_lock(&s->mutex);
    }
    pthread_mutex_unlock(&s->mutex);
    g_byte_array_unref(writing);
    return NULL;
}

void serial_transmit(serial_t *s, uint8_t byte) {
    pthread_mutex_lock(&s->mutex);
    while (s->output->len >= OUTPUT_BOUND)
        pthread_cond_wait(&s->changed, &s->mutex);
    g_byte_array_append(s->output, &byte, 1);
    if (s->output->len == 1)
        pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

/* -------------------------------------------------------------------- input */

/* Ctrl-A x quits, Ctrl-A Ctrl-A is a Ctrl-A, Ctrl-A and something else is nothing. */
static void type(serial_t *s, const uint8_t *bytes, size_t length) {
    uint8_t typed[CHUNK];
    size_t count = 0;
    bool quit = false;
    for (size_t i = 0; i < length; i++) {
        if (s->terminal && s->escaped) {
            s->escaped = false;
            quit = quit || bytes[i] == 'x';
            if (bytes[i] != ESCAPE)
                continue;
        } else if (s->terminal && bytes[i] == ESCAPE) {
            s->escaped = true;
            continue;
        }
        typed[count++] = bytes[i];
    }
    if (count > 0)
        s->events.receive(s->events.opaque, typed, count);
    if (quit)
        s->events.quit(s->events.opaque);
}

/* @return false: the other end is gone. */
static bool read_some(serial_t *s, int file, size_t most) {
    uint8_t bytes[CHUNK];
    ssize_t n = read(file, bytes, most);
    if (n > 0)
        type(s, bytes, (size_t)n);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static gboolean on_input(gint file, GIOCondition condition, gpointer opaque) {
    (void)condition;
    serial_t *s = opaque;
    if (read_some(s, file, CHUNK))
        return G_SOURCE_CONTINUE;
    s->source = 0;
    return G_SOURCE_REMOVE;
}

/* Nobody sits at a file or a pipe, so it is typed at a pace, and when somebody listens. */
static gboolean on_typing(gpointer opaque) {
    serial_t *s = opaque;
    struct pollfd ready = {.fd = s->in, .events = POLLIN};
    if (!s->events.listening(s->events.opaque) || poll(&ready, 1, 0) == 0 ||
        read_some(s, s->in, TYPED))
        return G_SOURCE_CONTINUE;
    s->source = 0;
    return G_SOURCE_REMOVE;
}

/* The first client gets what was said before it came: so much that a socket takes it
 * at once. */
static void set_client(serial_t *s, int client) {
    pthread_mutex_lock(&s->mutex);
    if (s->early) {
        write_all(client, s->early->data, s->early->len);
        g_byte_array_unref(s->early);
        s->early = NULL;
    }
    if (s->in >= 0)
        close(s->in);
    s->in = s->out = client;
    pthread_mutex_unlock(&s->mutex);
}

static gboolean on_client_input(gint file, GIOCondition condition, gpointer opaque) {
    (void)condition;
    serial_t *s = opaque;
    if (read_some(s, file, CHUNK))
        return G_SOURCE_CONTINUE;
    set_client(s, -1);
    s->client_source = 0;
    return G_SOURCE_REMOVE;
}

/* One client at a time: a new one takes the place of the one before. */
static gboolean on_connection(gint file, GIOCondition condition, gpointer opaque) {
    (void)condition;
    serial_t *s = opaque;
    int client = accept4(file, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0)
        return G_SOURCE_CONTINUE;
    if (s->client_source)
        g_source_remove(s->client_source);
    set_client(s, client);
    s->client_source = g_unix_fd_add(client, G_IO_IN, on_client_input, s);
    return G_SOURCE_CONTINUE;
}

/* --------------------------------------------------------------------- open */

static bool type_from(serial_t *s, int file) {
    s->in = file;
    s->out = STDOUT_FILENO;
    s->source = g_timeout_add(TYPING_MS, on_typing, s);
    return true;
}

static bool open_stdio(serial_t *s) {
    if (isatty(STDIN_FILENO) != 1)
        return type_from(s, STDIN_FILENO);
    s->in = STDIN_FILENO;
    s->out = STDOUT_FILENO;
    s->terminal = true;
    if (tcgetattr(STDIN_FILENO, &s->before) == 0) {
        struct termios raw = s->before;
        cfmakeraw(&raw);
        raw.c_oflag |= OPOST; /* our own messages go there too */
        s->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    }
    s->source = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input, s);
    return true;
}

static bool open_file(serial_t *s, const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    return file >= 0 && type_from(s, file);
}

static bool open_pty(serial_t *s) {
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    const char *name = NULL;
    if (master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0)
        name = ptsname(master);
    /* Our own end of the other side: without it the line hangs up when a user leaves. */
    if (name)
        s->keep = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    s->in = s->out = master;
    if (s->keep < 0)
        return false;
    struct termios raw;
    if (tcgetattr(s->keep, &raw) == 0) {
        cfmakeraw(&raw);
        tcsetattr(s->keep, TCSANOW, &raw);
    }
    fprintf(stderr, "rv64-machine: the serial line is %s\n", name);
    s->source = g_unix_fd_add(master, G_IO_IN, on_input, s);
    return true;
}

static bool open_socket(serial_t *s, const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    strcpy(address.sun_path, path);
    s->keep = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(path);
    if (s->keep < 0 || bind(s->keep, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(s->keep, 1) != 0)
        return false;
    s->socket_path = g_strdup(path);
    s->early = g_byte_array_new();
    s->source = g_unix_fd_add(s->keep, G_IO_IN, on_connection, s);
    return true;
}

static bool open_where(serial_t *s, const char *where) {
    if (strcmp(where, "stdio") == 0)
        return open_stdio(s);
    if (strcmp(where, "null") == 0)
        return true;
    if (strcmp(where, "pty") == 0)
        return open_pty(s);
    if (g_str_has_prefix(where, "file:"))
        return open_file(s, where + strlen("file:"));
    if (g_str_has_prefix(where, "unix:"))
        return open_socket(s, where + strlen("unix:"));
    errno = EINVAL;
    return false;
}

serial_t *serial_open(const char *where, const char *log, const serial_events_t *events) {
    serial_t *s = g_new0(serial_t, 1);
    s->events = *events;
    s->in = s->out = s->keep = -1;
    s->output = g_byte_array_new();
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->changed, NULL);
    const char *what = where;
    bool good = open_where(s, where);
    if (good && log) {
        what = log;
        s->log = fopen(log, "wb");
        good = s->log && setvbuf(s->log, NULL, _IONBF, 0) == 0; /* whole if we are killed */
    }
    if (!good) {
        fprintf(stderr, "rv64-machine: %s: %s\n", what, strerror(errno));
        serial_close(s);
        return NULL;
    }
    s->writer = g_thread_new("serial", writer_thread, s);
    return s;
}

void serial_close(serial_t *s) {
    if (!s)
        return;
    if (s->writer) {
        pthread_mutex_lock(&s->mutex);
        s->closing = true;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->mutex);
        g_thread_join(s->writer);
    }
    if (s->source)
        g_source_remove(s->source);
    if (s->client_source)
        g_source_remove(s->client_source);
    if (s->raw)
        tcsetattr(STDIN_FILENO, TCSANOW, &s->before);
    if (s->in >= 0 && s->in != STDIN_FILENO)
        close(s->in);
    if (s->keep >= 0)
        close(s->keep);
    if (s->socket_path)
        unlink(s->socket_path);
    if (s->log)
        fclose(s->log);
    g_free(s->socket_path);
    if (s->early)
        g_byte_array_unref(s->early);
    g_byte_array_unref(s->output);
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->changed);
    g_free(s);
}
