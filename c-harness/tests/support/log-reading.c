/* SPDX-License-Identifier: MIT */
#include "log-reading.h"

replay_log_t *open_log(const char *path) {
    replay_error_t error = REPLAY_ERROR_INIT;
    replay_log_t *log = replay_log_open(path, &error);
    if (!log)
        test_fail(TEST_HERE, "%s can't be opened: %s", path, error.message);
    REQUIRE(log);
    CHECK_STATUS(error.status, OK);
    CHECK_STR(error.message, "");
    return log;
}

replay_log_info_t info_of(replay_log_t *log) {
    replay_log_info_t info = REPLAY_LOG_INFO_INIT;
    CHECK_STATUS(replay_log_query(log, &info), OK);
    return info;
}

replay_log_event_t next_of(replay_log_t *log) {
    replay_log_event_t event = REPLAY_LOG_EVENT_INIT;
    REQUIRE(replay_log_next(log, &event));
    CHECK_STATUS(replay_log_last_error(log, NULL), OK);
    return event;
}

void check_log_end(replay_log_t *log) {
    replay_log_event_t event = REPLAY_LOG_EVENT_INIT;
    CHECK(!replay_log_next(log, &event));
    CHECK_STATUS(replay_log_last_error(log, NULL), OK);
}
