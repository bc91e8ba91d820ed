/* SPDX-License-Identifier: MIT */
/* The stubs' own table for hosts that call through replay_plugin_t. */
#include "stubs.h"

static const replay_plugin_t table = {
    (uint32_t)sizeof(replay_plugin_t),
    REPLAY_ABI_VERSION,
    REPLAY_VERSION_TEXT,
    &replay_mode,
    &replay_snapshot,
#include "plugin-functions.inc"
};

const replay_plugin_t *replay_plugin_query(uint32_t abi_version) {
    return abi_version == REPLAY_ABI_VERSION ? &table : NULL;
}

uint32_t replay_version(void) {
    return REPLAY_VERSION;
}

const char *replay_version_text(void) {
    return REPLAY_VERSION_TEXT;
}
