/* SPDX-License-Identifier: MIT */
/** @file debug.h
 *  What a debugger may see of the guest, and where it may stop it. */
#ifndef DEBUG_H
#define DEBUG_H

#include <replay/replay.h>

#include "guest.h"

/** Lets a debugger connect at @p where; call it as replay_gdb_listen(). */
replay_status_t debug_listen(const char *where, guest_t *guest);

#endif /* DEBUG_H */
