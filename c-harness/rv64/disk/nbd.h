/* SPDX-License-Identifier: MIT */
/** @file nbd.h
 *  A backend over the network: libnbd's asynchronous interface. */
#ifndef RV64_NBD_H
#define RV64_NBD_H

#include <stdbool.h>

#include "../library.h"

/** Is @p name a URI for nbd_open()? ("nbd://…", "nbd+unix:///?socket=…") */
bool nbd_is_uri(const char *name);

/** Connects to a server. A thread of its own drives the connection; requests end
 *  there. The backend's close disconnects and frees.
 *  @return its data, NULL: told on stderr. */
void *nbd_open(const char *uri, replay_block_backend_t *backend);

/** The run is over: a server that does not answer is waited for some seconds, and not for
 *  ever. @param nbd what nbd_open() has returned. */
void nbd_finish(void *nbd);

#endif /* RV64_NBD_H */
