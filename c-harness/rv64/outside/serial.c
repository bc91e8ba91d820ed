/* SPDX-License-Identifier: MIT */
#include "serial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <glib-unix.h>
#include <glib.h>

#include "../message.h"
#include "output.h"

enum {
    UNREAD = 1 << 14,       /* bytes that are kept for a socket's next client */
    PATIENCE = 1000,        /* ms that a reader has at the end, if it has ceased to read */
    CLIENT_BYTES = 1 << 14, /* that the kernel keeps for a client */
    CHUNK = 256,            /* bytes of input at once */
    TYPED = 16,             /* bytes of a file or pipe at once, */
    TYPING_MS = 1,          /* and the time between them */
    DRAIN_MS = 5,           /* between two looks whether a pseudo-terminal was read */
    RETRY_MS = 500,         /* from a client that could not be taken to the next attempt */
    ESCAPE = 1              /* Ctrl-A */
};

struct serial {
    serial_events_t events;
    output_t *output;
    bool to_stdout;
    int in;                 /* -1: none (any more) */
    int keep;               /* a descriptor that is only kept open */
    char *socket_path;      /* to remove, if it still is */
    struct stat socket;     /* this one */
    guint source;           /* of the input, or of the socket's connections */
    guint client_source;    /* of the input of the socket's client */
    bool refusing;          /* no client can be taken, and that was told */
    bool is_pty;            /* "in" is one side, "keep" the other */
    bool terminal, escaped; /* Ctrl-A was typed */
    struct termios before;  /* the terminal's state */
    bool raw;
};

static void tell_error(const char *what) {
    tell("%s: %s", what, strerror(errno));
}

void serial_transmit(serial_t *s, uint8_t byte) {
    output_send(s->output, byte);
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
static gboolean on_readable(gint file, GIOCondition condition, gpointer opaque);

static gboolean on_typing(gpointer opaque) {
    serial_t *s = opaque;
    struct pollfd ready = {.fd = s->in, .events = POLLIN};
    if (!s->events.listening(s->events.opaque))
        return G_SOURCE_CONTINUE;
    int count = poll(&ready, 1, 0);
    if (count < 0)
        return G_SOURCE_CONTINUE;
    if (count == 0)
        s->source = g_unix_fd_add(s->in, G_IO_IN, on_readable, s);
    else if (read_some(s, s->in, TYPED))
        return G_SOURCE_CONTINUE;
    else
        s->source = 0;
    return G_SOURCE_REMOVE;
}

static gboolean on_readable(gint file, GIOCondition condition, gpointer opaque) {
    (void)file;
    (void)condition;
    serial_t *s = opaque;
    s->source = g_timeout_add(TYPING_MS, on_typing, s);
    return G_SOURCE_REMOVE;
}

static gboolean on_client_input(gint file, GIOCondition condition, gpointer opaque);

/* One client at a time. @return false: it stays the one before, and errno says why. */
static bool set_client(serial_t *s, int client) {
    if (!output_set_reader(s->output, client, OUTPUT_PERSON))
        return false;
    if (s->client_source)
        g_source_remove(s->client_source);
    if (s->in >= 0)
        close(s->in);
    s->in = client;
    s->client_source = client < 0 ? 0 : g_unix_fd_add(client, G_IO_IN, on_client_input, s);
    return true;
}

static gboolean on_client_left(gint file, GIOCondition condition, gpointer opaque) {
    (void)file;
    (void)condition;
    serial_t *s = opaque;
    s->client_source = 0; /* this one */
    set_client(s, -1);
    return G_SOURCE_REMOVE;
}

static gboolean on_client_input(gint file, GIOCondition condition, gpointer opaque) {
    serial_t *s = opaque;
    if (read_some(s, file, CHUNK))
        return G_SOURCE_CONTINUE;
    if (condition & G_IO_HUP)
        return on_client_left(file, condition, opaque);
    /* It says nothing more, but still listens. */
    s->client_source = g_unix_fd_add(file, G_IO_HUP, on_client_left, s);
    return G_SOURCE_REMOVE;
}

static gboolean on_connection(gint file, GIOCondition condition, gpointer opaque);

/* Nobody can be taken now: those who are waiting may be later. */
static gboolean on_retry(gpointer opaque) {
    serial_t *s = opaque;
    s->source = g_unix_fd_add(s->keep, G_IO_IN, on_connection, s);
    return G_SOURCE_REMOVE;
}

/* A new one takes the place of the one before. It needs two descriptors: one is kept free. */
static bool take_client(serial_t *s) {
    int reserve = fcntl(s->keep, F_DUPFD_CLOEXEC, 0);
    if (reserve < 0)
        return false;
    int client = accept4(s->keep, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    int error = errno;
    close(reserve);
    if (client < 0 && (error == EAGAIN || error == EINTR || error == ECONNABORTED))
        return true; /* it has left already */
    /* What the kernel keeps for it the next client will not hear: let it be little. */
    const int bytes = CLIENT_BYTES;
    if (client >= 0)
        setsockopt(client, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    if (client >= 0 && set_client(s, client))
        return true;
    if (client >= 0) {
        error = errno;
        close(client);
    }
    errno = error;
    return false;
}

static gboolean on_connection(gint file, GIOCondition condition, gpointer opaque) {
    (void)file;
    (void)condition;
    serial_t *s = opaque;
    bool taken = take_client(s);
    if (!taken && !s->refusing)
        tell_error(s->socket_path);
    s->refusing = !taken;
    if (taken)
        return G_SOURCE_CONTINUE;
    s->source = g_timeout_add(RETRY_MS, on_retry, s);
    return G_SOURCE_REMOVE;
}

/* --------------------------------------------------------------------- open */

static bool type_from(serial_t *s, int file) {
    s->in = file;
    s->to_stdout = true;
    s->source = g_unix_fd_add(file, G_IO_IN, on_readable, s);
    return true;
}

static bool open_stdio(serial_t *s) {
    if (isatty(STDIN_FILENO) != 1)
        return type_from(s, STDIN_FILENO);
    s->in = STDIN_FILENO;
    s->to_stdout = true;
    s->terminal = true;
    s->source = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input, s);
    return true;
}

void serial_begin(serial_t *s) {
    if (!s->terminal || tcgetattr(STDIN_FILENO, &s->before) != 0)
        return;
    struct termios raw = s->before;
    cfmakeraw(&raw);
    raw.c_oflag |= OPOST; /* our own messages go there too */
    s->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

void serial_end(serial_t *s) {
    if (s->raw)
        tcsetattr(STDIN_FILENO, TCSANOW, &s->before);
    s->raw = false;
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
    s->in = master;
    if (s->keep < 0)
        return false;
    struct termios raw;
    if (tcgetattr(s->keep, &raw) == 0) {
        cfmakeraw(&raw);
        tcsetattr(s->keep, TCSANOW, &raw);
    }
    tell("the serial line is %s", name);
    s->is_pty = true;
    s->source = g_unix_fd_add(master, G_IO_IN, on_input, s);
    return true;
}

/* Closing one side of it discards what has not been read on the other. */
static void drain_pty(const serial_t *s) {
    int before = -1;
    int64_t end = 0;
    /* Until there is nothing, again and again: what was written last may be on its way. */
    for (unsigned empty = 0; empty < 3; g_usleep(DRAIN_MS * 1000)) {
        int left = 0;
        if (ioctl(s->keep, FIONREAD, &left) != 0)
            return;
        if (left != before)
            end = g_get_monotonic_time() + PATIENCE * 1000;
        else if (g_get_monotonic_time() > end)
            return;
        empty = left == 0 ? empty + 1 : 0;
        before = left;
    }
}

/* A socket that a killed machine has left behind is removed; nothing else is. */
static bool make_room(const char *path, const struct sockaddr_un *address) {
    struct stat about;
    if (lstat(path, &about) != 0)
        return errno == ENOENT;
    bool dead = false;
    /* Of another type than ours, so that one who listens there is not disturbed. */
    int probe = S_ISSOCK(about.st_mode) ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (probe >= 0) {
        dead = connect(probe, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
               errno == ECONNREFUSED;
        close(probe);
    }
    if (dead)
        return unlink(path) == 0;
    errno = EADDRINUSE;
    return false;
}

static bool open_socket(serial_t *s, const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    strcpy(address.sun_path, path);
    s->keep = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->keep < 0 || !make_room(path, &address) ||
        bind(s->keep, (struct sockaddr *)&address, sizeof(address)) != 0)
        return false;
    if (lstat(path, &s->socket) == 0)
        s->socket_path = g_strdup(path);
    if (listen(s->keep, 1) != 0)
        return false;
    s->source = g_unix_fd_add(s->keep, G_IO_IN, on_connection, s);
    return true;
}

static void remove_socket(const serial_t *s) {
    struct stat about;
    if (lstat(s->socket_path, &about) == 0 && about.st_dev == s->socket.st_dev &&
        about.st_ino == s->socket.st_ino)
        unlink(s->socket_path);
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

/* Whatever stdout is, but a terminal, is read by a program, or is a file. */
static bool to_program(const serial_t *s) {
    return s->to_stdout && isatty(STDOUT_FILENO) != 1;
}

serial_t *serial_open(const char *where, const char *log, const serial_events_t *events) {
    serial_t *s = g_new0(serial_t, 1);
    s->events = *events;
    s->in = s->keep = -1;
    const char *what = where;
    bool good = open_where(s, where);
    if (good) {
        s->output = output_open(log, s->socket_path ? UNREAD : 0);
        good = s->output != NULL;
        what = log;
    }
    if (good && (s->to_stdout || s->in >= 0)) {
        good = s->to_stdout ? output_set_reader(s->output, STDOUT_FILENO,
                                                to_program(s) ? OUTPUT_PROGRAM : OUTPUT_PERSON)
                            : output_set_reader(s->output, s->in, OUTPUT_PERSON);
        what = where;
    }
    if (good)
        return s;
    tell_error(what);
    serial_close(s, true);
    return NULL;
}

bool serial_close(serial_t *s, bool hurry) {
    if (!s)
        return true;
    if (s->source)
        g_source_remove(s->source);
    if (s->client_source)
        g_source_remove(s->client_source);
    if (s->socket_path)
        remove_socket(s);
    /* A program gets all of it, as from any other; who sits at a terminal or a socket and
     * has ceased to read does not keep us. */
    bool whole = !s->output || output_close(s->output, to_program(s) && !hurry ? -1 : PATIENCE,
                                            hurry ? PATIENCE : -1);
    if (s->is_pty)
        drain_pty(s);
    if (s->in >= 0 && s->in != STDIN_FILENO)
        close(s->in);
    if (s->keep >= 0)
        close(s->keep);
    g_free(s->socket_path);
    g_free(s);
    return whole;
}
