/* SPDX-License-Identifier: MIT */
/** @file disk.h
 *  The disk's image, behind libreplay's block filter.
 *
 *  The filter is what the disk controller talks to. Behind it stands what the user
 *  names: a file, which the library serves with threads of its own; a server of
 *  network block devices (nbd.h); or, for tests, a file some of whose requests fail
 *  (failing.h). */
#ifndef RV64_DISK_H
#define RV64_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "../library.h"
#include "../options.h"

typedef struct disk {
    replay_block_t *block;
    bool read_only;
    void *nbd; /**< the server's side, while it is open; NULL: there is no server */
} disk_t;

/** Opens the disk that @p options name, between replay_configure() and _start().
 *  @return NULL: told on stderr. */
disk_t *disk_open(const options_t *options);

/** The run is over, and replay_finish() is about to wait for what is under way. NULL is
 *  allowed. */
void disk_finish(disk_t *disk);

/** Frees it, when replay_finish() has closed what is behind it. NULL is allowed. */
void disk_free(disk_t *disk);

#endif /* RV64_DISK_H */
