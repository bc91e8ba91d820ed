/* SPDX-License-Identifier: MIT */
/** @file nbd.h
 *  A disk's image on a server: a backend with libnbd's asynchronous interface. */
#ifndef RV64_NBD_H
#define RV64_NBD_H

#include <stdbool.h>

#include "../library.h"

/** Is @p name a URI for nbd_open()? ("nbd://…", "nbd+unix:///?socket=…") */
bool nbd_is_uri(const char *name);

/** Connects to a server. A thread of its own drives the connection, and completes requests. The
 *  backend's close disconnects and frees.
 *  @return its data, NULL: reported on stderr. */
void *nbd_open(const char *uri, replay_block_backend_t *backend);

/** The run is over: from now on a server that doesn't answer is abandoned after some seconds.
 *  @param nbd what nbd_open() has returned */
void nbd_finish(void *nbd);

#endif /* RV64_NBD_H */
