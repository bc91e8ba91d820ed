/* SPDX-License-Identifier: MIT */
/* Functions for the environment that Swift's libc module lacks. */
#include <stdlib.h>

#include "replay-support.h"

const char *replay_environment_options(void) {
    return secure_getenv("LIBREPLAY_OPTIONS");
}
