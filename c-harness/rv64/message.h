/* SPDX-License-Identifier: MIT */
/** @file message.h
 *  What the machine says to its user, on stderr. */
#ifndef RV64_MESSAGE_H
#define RV64_MESSAGE_H

#include <stdbool.h>

/** "rv64-machine: …", and the end of the line. On any thread. A stderr that nobody reads is
 *  waited for a second, so that it can hold up the machine or its end no longer. */
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Would tell() be heard at once? */
bool can_tell(void);

#endif /* RV64_MESSAGE_H */
