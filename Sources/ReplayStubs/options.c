/* SPDX-License-Identifier: MIT */
/* The option string: every key is checked; shift, sleep and rrsnapshot mean
 * something without a log. */
#include "stubs.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEGMENT_MIN = 256, SEGMENT_MAX = 1 << 30 };

/* What the value of a key may be: one of two words, or a number, else any text. */
typedef struct {
    const char *key, *first, *second;
    uint64_t least, most;
} option_t;

static const option_t options[] = {
    {"shift", "auto", NULL, 0, REPLAY_STUB_SHIFT_MAX},
    {"sleep", "on", "off", 0, 0},
    {"align", "on", "off", 0, 0},
    {"rr", "record", "replay", 0, 0},
    {"rrfile", NULL, NULL, 0, 0},
    {"rrsnapshot", NULL, NULL, 0, 0},
    {"rrdata", "on", "off", 0, 0},
    {"rrdigest", NULL, NULL, 0, UINT64_MAX},
    {"rrstall", NULL, NULL, 1, UINT32_MAX},
    {"rrlint", "on", "off", 0, 0},
    {"rrfull", "stop", "go", 0, 0},
    {"rroverwrite", "on", "off", 0, 0},
    {"rroverlay", NULL, NULL, 0, 0},
    {"rrsegment", NULL, NULL, SEGMENT_MIN, SEGMENT_MAX},
};

static const option_t *find(const char *key) {
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (strcmp(options[i].key, key) == 0)
            return &options[i];
    return NULL;
}

static bool is(const char *value, const char *word) {
    return word && strcmp(value, word) == 0;
}

static bool valid(const option_t *option, const char *value) {
    if (is(value, option->first) || is(value, option->second))
        return true;
    if (option->most == 0)
        return !option->first;
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    return isdigit((unsigned char)*value) && !*end && !errno && number >= option->least &&
           number <= option->most;
}

/* Cuts the next piece off; a comma that is written twice belongs to it. */
static char *next_piece(char **rest) {
    char *piece = *rest, *to = piece, *from = piece;
    *rest = NULL;
    for (; *from; *to++ = *from++) {
        if (*from == ',' && *++from != ',') {
            *rest = from;
            break;
        }
    }
    *to = '\0';
    return piece;
}

static replay_status_t bad(const char *key, const char *value) {
    char text[256];
    if (value && find(key))
        snprintf(text, sizeof text, "option \"%s\" has the bad value \"%s\"", key, value);
    else
        snprintf(text, sizeof text, "option \"%s\" is unknown, or has no value", key);
    return replay_stub_fail(REPLAY_ERROR_BAD_OPTION, text);
}

/* One "key=value". */
static replay_status_t apply(replay_config_t *config, char *piece, char **snapshot) {
    if (!*piece)
        return REPLAY_OK;
    char *value = strchr(piece, '=');
    if (value)
        *value++ = '\0';
    const option_t *option = find(piece);
    if (!option || !value || !valid(option, value))
        return bad(piece, value);
    if (is(piece, "shift"))
        config->shift = is(value, "auto") ? REPLAY_SHIFT_AUTO : (int32_t)strtol(value, NULL, 10);
    else if (is(piece, "sleep"))
        config->sleep = is(value, "on") ? REPLAY_ON : REPLAY_OFF;
    else if (is(piece, "rr"))
        config->mode = is(value, "record") ? REPLAY_MODE_RECORD : REPLAY_MODE_PLAY;
    else if (is(piece, "rrsnapshot")) {
        free(*snapshot);
        *snapshot = strdup(value);
    }
    return REPLAY_OK;
}

static replay_status_t apply_all(replay_config_t *config, const char *text, char **snapshot) {
    char *copy = strdup(text ? text : "");
    if (!copy)
        return replay_stub_fail(REPLAY_ERROR_NO_MEMORY, "memory ran out");
    replay_status_t status = REPLAY_OK;
    for (char *rest = copy; rest && status == REPLAY_OK;)
        status = apply(config, next_piece(&rest), snapshot);
    free(copy);
    return status;
}

static bool no_switch(replay_switch_t value) {
    return value < REPLAY_DEFAULT || value > REPLAY_OFF;
}

/* What the members hold. */
static replay_status_t check(const replay_config_t *config) {
    if (config->mode < REPLAY_MODE_NONE || config->mode > REPLAY_MODE_PLAY)
        return replay_stub_invalid("the mode does not exist");
    bool is_bad = no_switch(config->sleep) || no_switch(config->align) ||
                  no_switch(config->block_data) || no_switch(config->lint) ||
                  no_switch(config->go_on_when_full) || no_switch(config->overwrite) ||
                  config->shift < REPLAY_SHIFT_DEFAULT || config->shift > REPLAY_STUB_SHIFT_MAX ||
                  (config->segment_bytes != 0 &&
                   (config->segment_bytes < SEGMENT_MIN || config->segment_bytes > SEGMENT_MAX));
    return is_bad ? replay_stub_fail(REPLAY_ERROR_BAD_OPTION,
                                     "a switch, the shift or the segment's size is out of range")
                  : REPLAY_OK;
}

replay_status_t replay_stub_options(replay_config_t *config, char **snapshot) {
    replay_status_t status = check(config);
    *snapshot = config->snapshot ? strdup(config->snapshot) : NULL;
    if (status == REPLAY_OK)
        status = apply_all(config, config->options, snapshot);
    /* The user's own; a program with other rights than its user's has none. */
    if (status == REPLAY_OK)
        status = apply_all(config, secure_getenv("LIBREPLAY_OPTIONS"), snapshot);
    if (status == REPLAY_OK && config->mode != REPLAY_MODE_NONE)
        status = replay_stub_fail(
            REPLAY_ERROR_NOT_SUPPORTED,
            "this program runs without libreplay: it can neither record nor replay");
    if (config->shift == REPLAY_SHIFT_DEFAULT)
        config->shift = 0;
    return status;
}
