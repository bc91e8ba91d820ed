/* SPDX-License-Identifier: MIT */
/** @file signals.h
 *  SIGINT, SIGTERM and SIGHUP, those of them that the program was not started to ignore.
 *
 *  GLib's own (g_unix_signal_add()) would lose one that comes when the loop has ended. */
#ifndef RV64_SIGNALS_H
#define RV64_SIGNALS_H

#include <stdbool.h>

/** From now on they do not end the program, but have @p asked called by the main loop.
 *  On the I/O thread. @return false: told on stderr. */
bool signals_catch(void (*asked)(void *opaque), void *opaque);

/** When the loop has ended: one that comes now ends the program, unless one has come
 *  before: then more of them do nothing, for they must not cut what that one ends.
 *  @return one has come. */
bool signals_release(void);

#endif /* RV64_SIGNALS_H */
