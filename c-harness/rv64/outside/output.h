/* SPDX-License-Identifier: MIT */
/** @file output.h
 *  A file that gets what the guest sends, and a thread that writes to it.
 *
 *  The guest never waits for whoever reads the file. What it sends goes into a buffer,
 *  which the thread empties; what doesn't fit into the buffer is dropped, and counted. */
#ifndef RV64_OUTPUT_H
#define RV64_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct output output_t;

/** Opens an output.
 *  @param name for messages
 *  @param file remains the caller's; -1: a socket that has no client yet. */
output_t *output_open(const char *name, int file);

/** Sends a byte. On any thread. */
void output_put(output_t *output, uint8_t byte);

/** A client has connected to the socket: it gets what is in the buffer, and what follows.
 *  -1: it has left, and its file isn't used after this call. */
void output_set_client(output_t *output, int client);

/** Writes what is in the buffer, and frees the output. A terminal or a socket has a second
 *  to read it; a file or a pipe is waited for until it has all of it.
 *  @return false: a file or a pipe didn't get all of it, which was reported on stderr. */
bool output_close(output_t *output);

#endif /* RV64_OUTPUT_H */
