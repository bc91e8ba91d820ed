/* SPDX-License-Identifier: MIT */
/** @file serial.h
 *  The other end of the serial line: a terminal, a pipe, a file, a UNIX socket.
 *
 *  The guest's bytes leave through output.h. What is typed is read by the main loop, on the
 *  I/O thread. */
#ifndef RV64_SERIAL_H
#define RV64_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct serial serial_t;

/** What the machine does with input. All of it is called on the I/O thread. */
typedef struct serial_events {
    void *opaque;
    /** Bytes for the guest. */
    void (*receive)(void *opaque, const uint8_t *bytes, size_t length);
    /** The user has typed Ctrl-A x. */
    void (*quit)(void *opaque);
    /** Does the guest listen? A file or a pipe is read only from then on, because a guest
     *  loses what arrives before its driver has started. */
    bool (*listening)(void *opaque);
} serial_events_t;

/** Opens the serial line.
 *  @param where "stdio", "null", "file:PATH", "unix:PATH"
 *  @param log file for a copy of all output, or NULL
 *  @return NULL: the error was reported on stderr. */
serial_t *serial_open(const char *where, const char *log, const serial_events_t *events);

/** The machine starts: makes a terminal raw. */
void serial_begin(serial_t *serial);

/** The guest sends a byte. On any thread. */
void serial_transmit(serial_t *serial, uint8_t byte);

/** The machine is off: restores the terminal. */
void serial_end(serial_t *serial);

/** Writes what is left, as output_close() does, and frees everything. NULL is allowed.
 *  @return false: a file or a pipe didn't get all output, which was reported on stderr. */
bool serial_close(serial_t *serial);

#endif /* RV64_SERIAL_H */
