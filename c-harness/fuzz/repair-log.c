/* SPDX-License-Identifier: MIT */
#include "repair-log.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { FILE_HEADER = 64, CHUNK_HEADER = 72, TRAILER = 40, ENTRY = 32 };
enum { EVENTS = 2, INDEX = 3, STORED = 0, COLUMNS = 2, IN_WORDS = 64, MOST_CHUNKS = 256 };

static uint32_t get32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t get64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static void put32(uint8_t *at, uint32_t value) {
    memcpy(at, &value, sizeof value);
}

static void put64(uint8_t *at, uint64_t value) {
    memcpy(at, &value, sizeof value);
}

bool split_input(const uint8_t *data, size_t size, size_t *length) {
    if (size < 4 || get32(data) > size - 4)
        return false;
    *length = get32(data);
    return true;
}

void join_input(uint8_t *data, size_t length) {
    put32(data, (uint32_t)length);
}

/* ------------------------------------------------------------------ the chain */

static uint64_t fold(uint64_t state, uint64_t word) {
    uint64_t product = (state ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return product ^ (product >> 32);
}

static uint64_t fold_event(uint64_t state, const uint8_t *event, size_t length) {
    if (length > IN_WORDS)
        return fold(state, XXH3_64bits(event, length));
    for (size_t at = 0; at < length; at += 8) {
        uint64_t word = 0;
        memcpy(&word, event + at, length - at < 8 ? length - at : 8);
        state = fold(state, word);
    }
    return state;
}

static const uint8_t *skip_number(const uint8_t *at, const uint8_t *end, uint64_t *value) {
    *value = 0;
    for (int shift = 0; at < end && shift < 70; shift += 7) {
        *value |= shift < 64 ? (uint64_t)(*at & 0x7f) << shift : 0;
        if (!(*at++ & 0x80))
            return at;
    }
    return NULL;
}

static const char *layout_of(uint8_t kind) {
    static const char *const layouts[] = {
        NULL, "",  "",  "u",  "u",  "usssss", "",  "ub", "us", "usq", "usb",    "uub", "u",   "ss",
        "b",  "s", "u", "ub", "sb", "c",      "c", "q",  "q",  NULL,  "usssss", "u",   "uub",
    };
    if (kind >= 32 && kind <= 40)
        return "";
    return kind < sizeof layouts / sizeof *layouts ? layouts[kind] : NULL;
}

/* @return where the event ends; NULL: it is not one. */
static const uint8_t *skip_event(const uint8_t *at, const uint8_t *end) {
    uint64_t value;
    const char *layout = layout_of(*at & 0x3f);
    bool has_icount = !(*at++ & 0x40);
    if (!layout || (has_icount && !(at = skip_number(at, end, &value))))
        return NULL;
    for (; *layout; layout++) {
        if (*layout == 'q') {
            at = end - at >= 8 ? at + 8 : NULL;
        } else {
            at = skip_number(at, end, &value);
            if (at && *layout == 'b')
                at = (uint64_t)(end - at) >= value ? at + value : NULL;
        }
        if (!at)
            return NULL;
    }
    return at;
}

static uint64_t fold_events(uint64_t chain, const uint8_t *at, const uint8_t *end) {
    while (at < end) {
        const uint8_t *next = skip_event(at, end);
        if (!next)
            break;
        chain = fold_event(chain, at, (size_t)(next - at));
        at = next;
    }
    return chain;
}

/* ------------------------------------------------------------------- the file */

/* A chunk in columns is as long as they are together, by their directory. */
static void repair_columns(uint8_t *header, const uint8_t *at, const uint8_t *end) {
    uint64_t count, skipped, length, stored, sum = 0;
    at = skip_number(at, end, &count);
    for (; at && count > 0 && sum <= INT32_MAX; count--) {
        at = skip_number(at, end, &skipped);
        at = at ? skip_number(at, end, &length) : NULL;
        at = at ? skip_number(at, end, &stored) : NULL;
        sum += at && length <= INT32_MAX ? length : 0;
    }
    if (at && sum <= INT32_MAX)
        put32(header + 36, (uint32_t)sum);
}

/* The index holds the checksum of each chunk's header. */
static void repair_index(uint8_t *entry, size_t length, const uint64_t *checksums, size_t count) {
    for (size_t i = 0; i < count && length >= ENTRY; i++, entry += ENTRY, length -= ENTRY)
        put64(entry + 24, checksums[i]);
}

void repair_log(uint8_t *log, size_t length) {
    if (length < FILE_HEADER)
        return;
    put64(log + 56, XXH3_64bits(log, 56));
    bool has_links = get32(log + 8) >= 2;
    uint64_t chain = UINT64_C(0x5245504C41594C47), checksum = 0, checksums[MOST_CHUNKS];
    size_t count = 0, at = FILE_HEADER;
    while (length - at >= CHUNK_HEADER && memcmp(log + at, "RCHK", 4) == 0) {
        uint8_t *header = log + at, *payload = header + CHUNK_HEADER;
        size_t stored = get32(header + 40), room = length - at - CHUNK_HEADER;
        if (stored > room)
            put32(header + 40, (uint32_t)(stored = room));
        if (header[5] == STORED)
            put32(header + 36, (uint32_t)stored);
        if (header[4] == EVENTS && header[5] == COLUMNS)
            repair_columns(header, payload, payload + stored);
        if (header[4] == EVENTS) /* what is compressed keeps its own */
            chain = header[5] == STORED ? fold_events(chain, payload, payload + stored)
                                        : get64(header + 48);
        if (header[4] == INDEX && has_links)
            repair_index(payload, stored, checksums, count);
        if (has_links)
            put32(header + 44, (uint32_t)checksum);
        put64(header + 48, chain);
        put64(header + 56, XXH3_64bits(payload, stored));
        put64(header + 64, checksum = XXH3_64bits(header, 64));
        if (header[4] == EVENTS && count < MOST_CHUNKS)
            checksums[count++] = checksum;
        at += CHUNK_HEADER + stored;
    }
    if (length - at == TRAILER) {
        put64(log + at + 24, length);
        put64(log + at + 32, XXH3_64bits(log + at, 32));
    }
}
