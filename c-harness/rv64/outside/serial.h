/* SPDX-License-Identifier: MIT */
/** @file serial.h
 *  The other end of the serial line: a terminal, a file, a pseudo-terminal, a socket.
 *
 *  None of it matters to the guest but the bytes that come in. Input is read on the
 *  I/O thread, by the main loop. What the guest sends goes out by output.h. */
#ifndef RV64_SERIAL_H
#define RV64_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct serial serial_t;

/** What becomes of what is typed. */
typedef struct serial_events {
    void *opaque;
    /** Bytes for the guest. On the I/O thread. */
    void (*receive)(void *opaque, const uint8_t *bytes, size_t length);
    /** The user has typed Ctrl-A x. On the I/O thread. */
    void (*quit)(void *opaque);
    /** Does the guest listen? A file is typed only from then on, because before the
     *  driver of the serial line is there all input is lost. */
    bool (*listening)(void *opaque);
} serial_events_t;

/** Opens it.
 *  @param where "stdio", "null", "file:PATH", "pty", "unix:PATH"
 *  @param log file for a copy of all output, or NULL
 *  @return NULL: told on stderr. */
serial_t *serial_open(const char *where, const char *log, const serial_events_t *events);

/** The machine runs from now on: a terminal is made raw. */
void serial_begin(serial_t *serial);

/** The guest sends a byte. On any thread. */
void serial_transmit(serial_t *serial, uint8_t byte);

/** The machine is off: a terminal is as it was before. */
void serial_end(serial_t *serial);

/** Writes what is left. NULL is allowed.
 *  @param hurry whoever has ceased to read is waited for a second only, even if it is a
 *    program, or the log
 *  @return false: as output_close(). */
bool serial_close(serial_t *serial, bool hurry);

#endif /* RV64_SERIAL_H */
