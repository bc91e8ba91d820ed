// SPDX-License-Identifier: MIT
// The smallest program of a libreplay user, in C++.
#include <replay/replay.h>

#include <cstdint>
#include <iostream>

int main() {
    std::uint64_t executed = 1000;
    replay_host_t host = REPLAY_HOST_INIT;
    host.icount = [](void *opaque) { return *static_cast<std::uint64_t *>(opaque); };
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.host = &host;
    config.opaque = &executed;
    config.options = "shift=1";
    if (replay_configure(&config) != REPLAY_OK || replay_start() != REPLAY_OK)
        return 1;
    std::int64_t clock = REPLAY_CLOCK(REPLAY_CLOCK_HOST, replay_get_virtual_clock());
    std::cout << "libreplay " << replay_plugin_query(REPLAY_ABI_VERSION)->version << ": " << clock
              << " ns\n";
    return replay_finish() == REPLAY_OK && clock == 2000 ? 0 : 1;
}
