/* SPDX-License-Identifier: MIT */
/* The smallest program of a libreplay user, in C. */
#include <replay/replay.h>

#include <inttypes.h>
#include <stdio.h>

static uint64_t icount(void *opaque) {
    return *(uint64_t *)opaque;
}

int main(void) {
    uint64_t executed = 1000;
    replay_host_t host = REPLAY_HOST_INIT;
    host.icount = icount;
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.host = &host;
    config.opaque = &executed;
    config.options = "shift=1";
    if (replay_configure(&config) != REPLAY_OK || replay_start() != REPLAY_OK)
        return 1;
    int64_t clock = REPLAY_CLOCK(REPLAY_CLOCK_HOST, replay_get_virtual_clock());
    printf("libreplay %s: %" PRId64 " ns\n", replay_version_text(), clock);
    return replay_finish() == REPLAY_OK && clock == 2000 && replay_version() == REPLAY_VERSION ? 0
                                                                                               : 1;
}
