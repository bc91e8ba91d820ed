/* SPDX-License-Identifier: MIT */
/** @file disk.h
 *  The disk's image.
 *
 *  The disk controller calls libreplay's block filter. The filter passes requests on to the image
 *  that the user has named: a file, which the library reads and writes with its own threads; a
 *  server of network block devices (nbd.h); or, for tests, a file some of whose requests fail
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
    void *nbd; /**< the connection to a server, or NULL */
} disk_t;

/** Opens the disk that @p options name, between replay_configure() and _start().
 *  @return NULL: reported on stderr. */
disk_t *disk_open(const options_t *options);

/** To be called before replay_finish() waits for requests that are under way. NULL is
 *  allowed. */
void disk_finish(disk_t *disk);

/** Frees it, after replay_finish() has closed the image. NULL is allowed. */
void disk_free(disk_t *disk);

#endif /* RV64_DISK_H */
