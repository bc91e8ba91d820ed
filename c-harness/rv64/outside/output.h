/* SPDX-License-Identifier: MIT */
/** @file output.h
 *  What the guest sends over the serial line, on its way out.
 *
 *  Whoever does not read delays neither the guest nor the main loop. The log and the reader
 *  have a thread each that writes to them; of what waits for it the newest is kept, and the
 *  rest is lost, as it is on a real line. */
#ifndef RV64_OUTPUT_H
#define RV64_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct output output_t;

/** Bytes that may wait for whom: somebody at a terminal or a socket, who is to see the
 *  newest; a program or file, which is to get all of it. */
enum { OUTPUT_PERSON = 1 << 20, OUTPUT_PROGRAM = 1 << 28 };

/** @param log name of a file for a copy of everything, or NULL
 *  @param unread how many bytes at least are kept for a reader that comes later
 *  @return NULL: errno says why. */
output_t *output_open(const char *log, size_t unread);

/** The guest sends a byte. On any thread. */
void output_send(output_t *output, uint8_t byte);

/** There is another reader, or none (-1). The one before must be a socket: it is shut down.
 *  @param file stays the caller's: a duplicate is used
 *  @param bound OUTPUT_PERSON or OUTPUT_PROGRAM
 *  @return false: it stays as it was; errno says why. */
bool output_set_reader(output_t *output, int file, size_t bound);

/** Writes what is left, and frees everything.
 *  @param patience for how many milliseconds a reader that has ceased to read is waited for;
 *    -1: until it does
 *  @param log_patience the same for the log
 *  @return false: the log is not whole, or what a program was to get was lost or could not be
 *    written; told on stderr when it happened. (That a user would not wait is no failure.) */
bool output_close(output_t *output, int patience, int log_patience);

#endif /* RV64_OUTPUT_H */
