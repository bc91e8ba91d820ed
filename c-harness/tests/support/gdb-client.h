/* SPDX-License-Identifier: MIT */
/** @file gdb-client.h
 *  A debugger of the tests, which speaks gdb's protocol over a UNIX socket. */
#ifndef GDB_CLIENT_H
#define GDB_CLIENT_H

#include "test.h"

typedef struct gdb_client {
    int socket;
    char packet[1 << 16]; /**< the last one that came, without its frame */
} gdb_client_t;

/** Connects; fails the case if that isn't possible. */
bool gdb_connect(gdb_client_t *c, const char *path);
void gdb_close(gdb_client_t *c);

/** Sends bytes as they are. */
void gdb_send_raw(gdb_client_t *c, const void *bytes, size_t length);

/** Sends a packet. */
void gdb_send(gdb_client_t *c, const char *content);

/** Waits for a packet. @return its content; "" if the connection has ended, or after 15 s. */
const char *gdb_receive(gdb_client_t *c);

/** Both. */
const char *gdb_ask(gdb_client_t *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** A register of 8 bytes, little-endian. */
uint64_t gdb_register(gdb_client_t *c, unsigned number);

/** Sends a monitor command. @return its text. */
const char *gdb_monitor(gdb_client_t *c, const char *command);

#endif /* GDB_CLIENT_H */
