/* SPDX-License-Identifier: MIT */
/** @file digest.h
 *  A 64-bit digest of bytes and numbers that are added one by one. */
#ifndef RV64_DIGEST_H
#define RV64_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct digest {
    uint64_t value;
} digest_t;

/** Adds bytes. Their layout must be the same on every host: no pointers, no padding. */
void digest_bytes(digest_t *digest, const void *bytes, size_t length);

/** Adds a number. */
void digest_number(digest_t *digest, uint64_t number);

/** Makes the digest of a file's contents. @return false: it can't be read, errno says why. */
bool digest_file(const char *name, uint64_t *value);

#endif /* RV64_DIGEST_H */
