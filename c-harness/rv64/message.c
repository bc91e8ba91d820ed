/* SPDX-License-Identifier: MIT */
#include "message.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <glib.h>

enum { PATIENCE = 1000 /* ms */, LONGEST = 2048 /* no more than a pipe with room takes at once */ };

static bool has_room(int patience) {
    struct pollfd file = {.fd = STDERR_FILENO, .events = POLLOUT};
    const int64_t end = g_get_monotonic_time() / 1000 + patience;
    int ready, left = patience;
    while ((ready = poll(&file, 1, left)) < 0 && errno == EINTR) {
        int64_t more = end - g_get_monotonic_time() / 1000;
        left = more > 0 ? (int)more : 0;
    }
    return ready == 1;
}

bool can_tell(void) {
    return has_room(0);
}

void tell(const char *format, ...) {
    char text[LONGEST];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (has_room(PATIENCE))
        fprintf(stderr, "rv64-machine: %s\n", text);
}
