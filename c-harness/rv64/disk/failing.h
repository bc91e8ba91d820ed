/* SPDX-License-Identifier: MIT */
/** @file failing.h
 *  A backend for tests: a file, and requests to it that fail. */
#ifndef RV64_FAILING_H
#define RV64_FAILING_H

#include "../library.h"

/** Opens @p path. The requests whose numbers, from 1, are in @p list ("3,7-9") fail
 *  with EIO. While recording only reads get here: writes go to the overlay.
 *  The backend's close frees it.
 *  @return its data, NULL: reported on stderr. */
void *failing_open(const char *path, const char *list, replay_block_backend_t *backend);

#endif /* RV64_FAILING_H */
