/* SPDX-License-Identifier: MIT */
#include "digest.h"

#include <errno.h>
#include <stdio.h>

#include <xxhash.h>

void digest_bytes(digest_t *digest, const void *bytes, size_t length) {
    digest->value = XXH3_64bits_withSeed(bytes, length, digest->value);
}

void digest_number(digest_t *digest, uint64_t number) {
    /* Its bytes in one order, whatever the host's is. */
    uint8_t bytes[8];
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(number >> (8 * i));
    digest_bytes(digest, bytes, sizeof(bytes));
}

bool digest_file(const char *name, uint64_t *value) {
    FILE *file = fopen(name, "rb");
    if (!file)
        return false;
    XXH3_state_t *state = XXH3_createState();
    uint8_t buffer[1 << 16];
    bool good = state != NULL;
    if (!good)
        errno = ENOMEM;
    else
        XXH3_64bits_reset(state);
    size_t length = 1;
    while (good && length > 0) {
        length = fread(buffer, 1, sizeof(buffer), file);
        XXH3_64bits_update(state, buffer, length);
        good = !ferror(file);
    }
    if (good)
        *value = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    int error = errno;
    fclose(file);
    errno = error;
    return good;
}
