/* SPDX-License-Identifier: MIT */
/* Descriptors that a debugger talks through: close-on-exec, never 0, 1 or 2, and no call on
 * them waits. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "descriptors.h"
#include "replay-system.h"

static int make_socket(const void *family) {
    return socket(*(const int *)family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int make_connection(const void *listener) {
    return accept4(*(const int *)listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static int make_event(const void *unused) {
    (void)unused;
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int replay_socket(int family) {
    int descriptor = replay_make_descriptor(make_socket, &family);
    int on = 1;
    if (descriptor >= 0 && family != AF_UNIX)
        (void)setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return descriptor;
}

/* A computer that was switched off, or its network, would keep the connection for hours: ask it
 * after 30 s of silence, and give it up after 30 s more. */
static void notice_loss(int descriptor) {
    int on = 1, idle = 30, interval = 10, count = 3;
    (void)setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

int replay_accept(int listener) {
    int descriptor = replay_make_descriptor(make_connection, &listener);
    int on = 1;
    if (descriptor < 0)
        return descriptor;
    /* These fail on a UNIX socket, which needs nothing. */
    (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    notice_loss(descriptor);
    return descriptor;
}

int replay_event(void) {
    return replay_make_descriptor(make_event, NULL);
}

ssize_t replay_send(int descriptor, const void *bytes, size_t count) {
    return send(descriptor, bytes, count, MSG_NOSIGNAL);
}
