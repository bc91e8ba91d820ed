/* SPDX-License-Identifier: MIT */
#include "serial.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <glib-unix.h>
#include <glib.h>

#include "../message.h"
#include "output.h"

enum {
    TYPED = 256,       /* bytes of input that are read at once; */
    PACED = 16,        /* of a file or a pipe, */
    PACE_MS = 1,       /* with a pause between them, so that the guest keeps up */
    ESCAPE = 'A' - '@' /* Ctrl-A */
};

struct serial {
    serial_events_t events;
    output_t *output, *log; /* or NULL */
    int log_file;           /* -1: there is no log */

    int in;       /* where input comes from, or -1 */
    bool paced;   /* it is a file or a pipe */
    guint source; /* the main loop's: input, or a client that connects; or 0 */

    bool terminal, escaped; /* input is a terminal; Ctrl-A was typed at it */
    bool raw;
    struct termios before; /* the terminal's state */

    int listener;      /* the socket to which clients connect, or -1 */
    char *socket_path; /* its file, or NULL */
};

void serial_transmit(serial_t *s, uint8_t byte) {
    if (s->log)
        output_put(s->log, byte);
    if (s->output)
        output_put(s->output, byte);
}

/* ----------------------------------------------------------------------- input */

/* At a terminal Ctrl-A x quits, Ctrl-A Ctrl-A is a Ctrl-A, and Ctrl-A and any other key is
 * ignored. */
static void type(serial_t *s, const uint8_t *bytes, size_t length) {
    uint8_t typed[TYPED];
    size_t count = 0;
    bool quit = false;
    for (size_t i = 0; i < length; i++) {
        if (s->escaped) {
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

static gboolean on_connection(gint listener, GIOCondition condition, gpointer opaque);
static gboolean on_input(gint file, GIOCondition condition, gpointer opaque);

/* Input has ended: a socket waits for its next client. */
static void end_input(serial_t *s) {
    s->source = 0;
    if (s->listener < 0)
        return;
    output_set_client(s->output, -1);
    close(s->in);
    s->in = -1;
    s->source = g_unix_fd_add(s->listener, G_IO_IN, on_connection, s);
}

static gboolean on_pause_over(gpointer opaque) {
    serial_t *s = opaque;
    s->source = g_unix_fd_add(s->in, G_IO_IN, on_input, s);
    return G_SOURCE_REMOVE;
}

static gboolean on_input(gint file, GIOCondition condition, gpointer opaque) {
    (void)condition;
    serial_t *s = opaque;
    uint8_t bytes[TYPED];
    if (!s->paced || s->events.listening(s->events.opaque)) {
        ssize_t count = read(file, bytes, s->paced ? PACED : TYPED);
        if (count > 0) {
            type(s, bytes, (size_t)count);
        } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
            end_input(s);
            return G_SOURCE_REMOVE;
        }
    }
    if (!s->paced)
        return G_SOURCE_CONTINUE;
    s->source = g_timeout_add(PACE_MS, on_pause_over, s);
    return G_SOURCE_REMOVE;
}

/* One client at a time: the next one waits until this one has left. */
static gboolean on_connection(gint listener, GIOCondition condition, gpointer opaque) {
    (void)condition;
    serial_t *s = opaque;
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
        return G_SOURCE_CONTINUE; /* it has left already */
    s->source = 0;
    if (client < 0) {
        tell("%s: %s", s->socket_path, strerror(errno));
        return G_SOURCE_REMOVE;
    }
    s->in = client;
    output_set_client(s->output, client);
    s->source = g_unix_fd_add(client, G_IO_IN, on_input, s);
    return G_SOURCE_REMOVE;
}

/* ---------------------------------------------------------------- the terminal */

void serial_begin(serial_t *s) {
    if (!s->terminal || tcgetattr(s->in, &s->before) != 0)
        return;
    struct termios raw = s->before;
    cfmakeraw(&raw);
    raw.c_oflag |= OPOST; /* our own messages go there too */
    s->raw = tcsetattr(s->in, TCSANOW, &raw) == 0;
}

void serial_end(serial_t *s) {
    if (s->raw)
        tcsetattr(s->in, TCSANOW, &s->before);
    s->raw = false;
}

/* ------------------------------------------------------------------------ open */

/* Input from @p file, output to stdout. */
static bool open_stdio(serial_t *s, int file) {
    if (file < 0)
        return false;
    s->in = file;
    s->terminal = isatty(file);
    s->paced = !s->terminal;
    s->source = g_unix_fd_add(file, G_IO_IN, on_input, s);
    s->output = output_open("stdout", STDOUT_FILENO);
    return true;
}

static bool open_socket(serial_t *s, const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&address, sizeof(address)) != 0)
        return false;
    s->socket_path = g_strdup(path);
    if (listen(s->listener, 1) != 0)
        return false;
    s->source = g_unix_fd_add(s->listener, G_IO_IN, on_connection, s);
    s->output = output_open(s->socket_path, -1);
    return true;
}

static bool open_line(serial_t *s, const char *where) {
    if (strcmp(where, "null") == 0)
        return true;
    if (strcmp(where, "stdio") == 0)
        return open_stdio(s, STDIN_FILENO);
    if (g_str_has_prefix(where, "file:"))
        return open_stdio(s, open(where + strlen("file:"), O_RDONLY | O_CLOEXEC));
    if (g_str_has_prefix(where, "unix:"))
        return open_socket(s, where + strlen("unix:"));
    errno = EINVAL;
    return false;
}

static bool open_log(serial_t *s, const char *log) {
    s->log_file = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (s->log_file >= 0)
        s->log = output_open(log, s->log_file);
    return s->log_file >= 0;
}

serial_t *serial_open(const char *where, const char *log, const serial_events_t *events) {
    serial_t *s = g_new0(serial_t, 1);
    s->events = *events;
    s->in = s->listener = s->log_file = -1;
    bool opened = open_line(s, where);
    if (opened && (!log || open_log(s, log)))
        return s;
    tell("%s: %s", opened ? log : where, strerror(errno));
    serial_close(s);
    return NULL;
}

bool serial_close(serial_t *s) {
    if (!s)
        return true;
    if (s->source)
        g_source_remove(s->source);
    if (s->socket_path)
        unlink(s->socket_path);
    /* First the log: it doesn't depend on a reader. */
    bool whole = !s->log || output_close(s->log);
    whole = (!s->output || output_close(s->output)) && whole;
    const int files[] = {s->in, s->listener, s->log_file};
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
        if (files[i] > STDERR_FILENO)
            close(files[i]);
    g_free(s->socket_path);
    g_free(s);
    return whole;
}
