/* SPDX-License-Identifier: MIT */
/** @file message.h
 *  Messages to the user, on stderr. */
#ifndef RV64_MESSAGE_H
#define RV64_MESSAGE_H

/** Prints "rv64-machine: ", the message, and the end of the line. On any thread. A stderr
 *  that isn't read loses the message after a second, so that it doesn't hang the machine. */
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* RV64_MESSAGE_H */
