/* SPDX-License-Identifier: MIT */
/* The values of a configuration's members and option strings, for the library and for the stubs.
 * Not installed. */
#ifndef REPLAY_OPTIONS_H
#define REPLAY_OPTIONS_H

#include "replay/session.h"

#pragma GCC visibility push(hidden)

enum { REPLAY_SEGMENT_MIN = 256, REPLAY_SEGMENT_MAX = 1 << 30, REPLAY_SNAP_SIZE_MIN = 4096 };

/** Copies the host's struct up to its size; missing members get their defaults. */
replay_config_t replay_options_known(const replay_config_t *given);

/** The bytes that replay_options_read() needs for copies of both strings. */
size_t replay_options_room(const replay_config_t *config, const char *environment);

/** Checks the members, then applies the option string, then that of the environment.
 *
 *  @param config [in,out] its strings may point into @p room afterwards
 *  @param environment the user's options that the host's own parser would reject, or NULL
 *  @param message [out] after a failure, the reason in one sentence
 *  @return OK, ERROR_INVALID_ARGUMENT or ERROR_BAD_OPTION */
replay_status_t replay_options_read(replay_config_t *config, const char *environment, char *room,
                                    char *message, size_t message_size);

#pragma GCC visibility pop

#endif
