/* SPDX-License-Identifier: MIT */
/* What a configuration's members and option strings may be, for the library and for the stubs.
 * Not installed. */
#ifndef REPLAY_OPTIONS_H
#define REPLAY_OPTIONS_H

#include "replay/session.h"

#pragma GCC visibility push(hidden)

enum { REPLAY_SEGMENT_MIN = 256, REPLAY_SEGMENT_MAX = 1 << 30, REPLAY_STALL_MS = 1000 };

/** As much of the host's struct as its size says; what is missing has its default. */
replay_config_t replay_options_known(const replay_config_t *given);

/** The bytes that replay_options_read() needs for copies of both strings. */
size_t replay_options_room(const replay_config_t *config, const char *environment);

/** Checks the members, then applies the option string, then the user's.
 *
 *  @param config [in,out] its strings may lie in @p room afterwards
 *  @param environment options that the host's own parser would refuse, or NULL
 *  @param message [out] if refused, the reason in one sentence
 *  @return OK, ERROR_INVALID_ARGUMENT or ERROR_BAD_OPTION */
replay_status_t replay_options_read(replay_config_t *config, const char *environment, char *room,
                                    char *message, size_t message_size);

#pragma GCC visibility pop

#endif
