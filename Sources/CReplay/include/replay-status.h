/* SPDX-License-Identifier: MIT */
/* The words of the statuses, for the library and for the stubs. Not installed. */
#ifndef REPLAY_STATUS_H
#define REPLAY_STATUS_H

#include "replay/errors.h"

static inline const char *replay_status_name_of(replay_status_t status) {
    switch (status) {
#define REPLAY_STATUS_NAME(code, name, sentence)                                                   \
    case code:                                                                                     \
        return #name;
        REPLAY_STATUS_MAP(REPLAY_STATUS_NAME)
#undef REPLAY_STATUS_NAME
    default:
        return "UNKNOWN";
    }
}

static inline const char *replay_status_sentence_of(replay_status_t status) {
    switch (status) {
#define REPLAY_STATUS_SENTENCE(code, name, sentence)                                               \
    case code:                                                                                     \
        return sentence;
        REPLAY_STATUS_MAP(REPLAY_STATUS_SENTENCE)
#undef REPLAY_STATUS_SENTENCE
    default:
        return "an unknown status";
    }
}

#endif
