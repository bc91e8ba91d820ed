/* SPDX-License-Identifier: MIT */
/* What Swift's view of libc lacks of the environment. */
#include <stdlib.h>

#include "replay-support.h"

const char *replay_environment_options(void) {
    return secure_getenv("LIBREPLAY_OPTIONS");
}
