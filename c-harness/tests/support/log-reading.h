/* SPDX-License-Identifier: MIT */
/** @file log-reading.h
 *  Calls of replay/log.h that must succeed. */
#ifndef LOG_READING_H
#define LOG_READING_H

#include "host.h"

replay_log_t *open_log(const char *path);
replay_log_info_t info_of(replay_log_t *log);

/** The next event, which there must be. */
replay_log_event_t next_of(replay_log_t *log);

/** There is none, and no error. */
void check_log_end(replay_log_t *log);

#endif /* LOG_READING_H */
