/* SPDX-License-Identifier: MIT */
/** @file journey-gdb.h
 *  The machine of journey-host.h for a debugger. It looks like an RV64 to gdb: a0 is its digest,
 *  a1 its icount, pc its place, and RAM begins at address 0. */
#ifndef JOURNEY_GDB_H
#define JOURNEY_GDB_H

#include "gdb-client.h"
#include "journey-host.h"

enum { JOURNEY_A0 = 10, JOURNEY_A1 = 11, JOURNEY_REG_PC = 32 };

/** Listens at a UNIX socket. For journey_host_t::prepare. */
void journey_listen(journey_host_t *m);

/** Where. @param options what is after the path, or "" */
const char *journey_socket(const char *options);

/** The target, as journey_listen() uses it. */
replay_gdb_target_t journey_target(journey_host_t *m);

/** What follows the path for journey_listen(). */
extern const char *journey_listen_options;

/** Connects @p c in a thread of its own, and calls @p talk there. */
pthread_t journey_start_debugger(gdb_client_t *c, void (*talk)(void));

/** Runs the machine with a debugger until both have ended, and finishes. */
void journey_debug(journey_host_t *m, gdb_client_t *c, void (*talk)(void));

#endif /* JOURNEY_GDB_H */
