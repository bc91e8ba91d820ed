/* SPDX-License-Identifier: MIT */
/* What Swift's view of libc lacks of files and of the environment. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "replay-support.h"

bool replay_make_hole(int descriptor, int64_t start, int64_t length) {
    int result;
    do
        result = fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start, length);
    while (result == -1 && errno == EINTR);
    return result == 0;
}

const char *replay_environment_options(void) {
    return secure_getenv("LIBREPLAY_OPTIONS");
}
