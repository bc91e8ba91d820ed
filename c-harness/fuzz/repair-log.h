/* SPDX-License-Identifier: MIT */
/** @file repair-log.h
 *  Corrects the checksums of a changed log, as the format page has them. */
#ifndef REPAIR_LOG_H
#define REPAIR_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The length of NAME within an input. @return false: there is no such part. */
bool split_input(const uint8_t *data, size_t size, size_t *length);
void join_input(uint8_t *data, size_t length);

/** Header, chunks (checksums and chain), trailer, as far as lengths make sense. */
void repair_log(uint8_t *log, size_t length);

#endif
