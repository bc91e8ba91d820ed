/* SPDX-License-Identifier: MIT */
/** @file output.h
 *  What the guest sends over the serial line, on its way out.
 *
 *  Whoever does not read delays neither the guest nor the main loop: a reader is written to
 *  by a thread of its own, and gets the newest megabyte when it reads again; the rest is
 *  lost, as it is on a real line (behind a pipe, the newest 256). The log gets everything,
 *  and its file is waited for. */
#ifndef RV64_OUTPUT_H
#define RV64_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct output output_t;

/** @param log name of a file for a copy of everything, or NULL
 *  @param unread how many bytes at least are kept while there is no reader, for the
 *    one that comes
 *  @return NULL: errno says why. */
output_t *output_open(const char *log, size_t unread);

/** The guest sends a byte. On one thread at a time. */
void output_send(output_t *output, uint8_t byte);

/** There is another reader, or none (-1). The one before must be a socket: it is shut down.
 *  @param file stays the caller's: a duplicate is used
 *  @return false: there is none now; errno says why. */
bool output_set_reader(output_t *output, int file);

/** Writes what is left.
 *  @param patience for how many milliseconds a reader that does not read is waited for; -1:
 *    until it does
 *  @return false: the log, or the file that is the reader, is not whole; told on stderr when
 *    it happened. */
bool output_close(output_t *output, int patience);

#endif /* RV64_OUTPUT_H */
