/* SPDX-License-Identifier: MIT */
#include "state.h"

#include <string.h>

void state_begin(state_t *s, state_way_t way) {
    s->way = way;
    s->good = true;
    s->at = 0;
    if (way == STATE_SAVE)
        s->length = 0;
}

static void append(state_t *s, const void *bytes, size_t length) {
    s->good = s->good && length <= STATE_BYTES_MOST - s->length;
    if (!s->good)
        return;
    memcpy(s->bytes + s->length, bytes, length);
    s->length += length;
}

/* The next bytes to check or load. @return NULL: there aren't as many. */
static const uint8_t *next(state_t *s, size_t length) {
    s->good = s->good && length <= s->length - s->at;
    if (!s->good)
        return NULL;
    s->at += length;
    return s->bytes + s->at - length;
}

void state_bytes(state_t *s, void *bytes, size_t length) {
    if (s->way == STATE_SAVE) {
        append(s, bytes, length);
        return;
    }
    const uint8_t *saved = next(s, length);
    if (saved && s->way == STATE_LOAD)
        memcpy(bytes, saved, length);
}

uint32_t state_number(state_t *s, uint32_t *field, uint32_t least, uint32_t most) {
    uint32_t number = *field;
    if (s->way == STATE_SAVE) {
        append(s, &number, sizeof(number));
        return number;
    }
    const uint8_t *saved = next(s, sizeof(number));
    if (!saved)
        return 0;
    memcpy(&number, saved, sizeof(number));
    s->good = number >= least && number <= most;
    if (s->good && s->way == STATE_LOAD)
        *field = number;
    return s->good ? number : 0;
}

uint64_t state_wide(state_t *s, uint64_t *field, uint64_t most) {
    uint64_t number = *field;
    if (s->way == STATE_SAVE) {
        append(s, &number, sizeof(number));
        return number;
    }
    const uint8_t *saved = next(s, sizeof(number));
    if (!saved)
        return 0;
    memcpy(&number, saved, sizeof(number));
    s->good = number <= most;
    if (s->good && s->way == STATE_LOAD)
        *field = number;
    return s->good ? number : 0;
}

void state_bool(state_t *s, bool *field) {
    uint32_t number = *field;
    state_number(s, &number, 0, 1);
    *field = number != 0; /* only LOAD has changed it */
}

void state_same(state_t *s, const void *bytes, size_t length) {
    if (s->way == STATE_SAVE) {
        append(s, bytes, length);
        return;
    }
    const uint8_t *saved = next(s, length);
    s->good = saved && memcmp(saved, bytes, length) == 0;
}
