/* SPDX-License-Identifier: MIT */
#include "message.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <glib.h>

void tell(const char *format, ...) {
    struct pollfd file = {.fd = STDERR_FILENO, .events = POLLOUT};
    va_list arguments;
    va_start(arguments, format);
    char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    if (poll(&file, 1, 1000) != 0)
        fprintf(stderr, "rv64-machine: %s\n", text);
    g_free(text);
}
