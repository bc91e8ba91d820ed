/* SPDX-License-Identifier: MIT */
/* What library and stubs export alike: the variables, the versions, the texts of the statuses, and
 * the table for hosts that call through replay_plugin_t. */
#include "replay/replay.h"

replay_mode_t replay_mode = REPLAY_MODE_NONE;
const char *replay_snapshot = NULL;

uint32_t replay_version(void) {
    return REPLAY_VERSION;
}

const char *replay_version_text(void) {
    return REPLAY_VERSION_TEXT;
}

const char *replay_status_name(replay_status_t status) {
    switch (status) {
#define REPLAY_STATUS_NAME(code, name, sentence)                                                   \
    case code:                                                                                     \
        return #name;
        REPLAY_STATUS_MAP(REPLAY_STATUS_NAME)
    default:
        return "UNKNOWN";
    }
}

const char *replay_status_sentence(replay_status_t status) {
    switch (status) {
#define REPLAY_STATUS_SENTENCE(code, name, sentence)                                               \
    case code:                                                                                     \
        return sentence;
        REPLAY_STATUS_MAP(REPLAY_STATUS_SENTENCE)
    default:
        return "an unknown status";
    }
}

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
