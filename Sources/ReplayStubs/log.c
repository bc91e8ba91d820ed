/* SPDX-License-Identifier: MIT */
/* Reading logs: not in the stubs. */
#include "stubs.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

static replay_status_t answer(replay_status_t status, replay_error_t *error) {
    replay_error_t answer = REPLAY_ERROR_INIT;
    answer.status = status;
    strcpy(answer.message, replay_status_sentence(status));
    return !error || replay_copy_out(error, &answer, sizeof answer) ? status
                                                                    : REPLAY_ERROR_STRUCT_SIZE;
}

replay_log_t *replay_log_open(const char *path, replay_error_t *error) {
    answer(path ? REPLAY_ERROR_NOT_SUPPORTED : REPLAY_ERROR_INVALID_ARGUMENT, error);
    return NULL;
}

replay_status_t replay_log_last_error(replay_log_t *log, replay_error_t *error) {
    return answer(REPLAY_ERROR_INVALID_ARGUMENT, error);
}

void replay_log_close(replay_log_t *log) {}

/* No handle exists. */
#define REFUSED(type, name, parameters, result)                                                    \
    type name parameters {                                                                         \
        return result;                                                                             \
    }
REFUSED(replay_status_t, replay_log_query, (replay_log_t * log, replay_log_info_t *info),
        REPLAY_ERROR_INVALID_ARGUMENT)
REFUSED(const char *, replay_log_fingerprint, (replay_log_t * log, const char *key), NULL)
REFUSED(replay_status_t, replay_log_fingerprint_at,
        (replay_log_t * log, uint32_t index, const char **key, const char **value),
        REPLAY_ERROR_INVALID_ARGUMENT)
REFUSED(replay_status_t, replay_log_seek, (replay_log_t * log, uint64_t icount),
        REPLAY_ERROR_INVALID_ARGUMENT)
REFUSED(replay_status_t, replay_log_seek_event, (replay_log_t * log, uint64_t event),
        REPLAY_ERROR_INVALID_ARGUMENT)
REFUSED(bool, replay_log_next, (replay_log_t * log, replay_log_event_t *event), false)
