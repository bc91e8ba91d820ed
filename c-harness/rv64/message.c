/* SPDX-License-Identifier: MIT */
#include "message.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { PATIENCE = 1000 /* ms */, LONGEST = 2048 /* no more than a pipe with room takes at once */ };

static bool has_room(int patience) {
    struct pollfd file = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&file, 1, patience) == 1;
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
