/* SPDX-License-Identifier: MIT */
/* The options: one table has the values that each may have. */
#include "replay-options.h"

#include <stdio.h>
#include <string.h>

#include "replay-vclock.h"

#define MEMBER(name)                                                                               \
    .member = offsetof(replay_config_t, name), .size = sizeof((replay_config_t *)NULL)->name

/* A text option has neither words nor a range; a number has a range, and may have words. With
 * units, the unit decides which of two members gets the number. */
typedef struct {
    const char *name; /* "": a number without a unit */
    uint64_t factor;
    size_t member, size; /* of replay_config_t; the members of the other units become 0 */
    uint64_t most;       /* of the member */
} unit_t;

#define UNIT(name, factor, to, most)                                                               \
    { name, factor, MEMBER(to), most }
#define SIZES(to)                                                                                  \
    UNIT("K", UINT64_C(1) << 10, to, INT64_MAX), UNIT("M", UINT64_C(1) << 20, to, INT64_MAX),      \
        UNIT("G", UINT64_C(1) << 30, to, INT64_MAX)
#define TIMES(to, most)                                                                            \
    UNIT("ms", 1, to, most), UNIT("s", 1000, to, most), UNIT("m", 60000, to, most),                \
        UNIT("h", 3600000, to, most)

/* Times are counted in ns, in 63 bits. */
static const unit_t units_of_last[] = {
    SIZES(last_bytes),
    TIMES(last_ms, INT64_MAX / 1000000),
    {.name = NULL},
};

static const unit_t units_of_snap[] = {
    SIZES(snap_written),
    TIMES(snap_ms, INT32_MAX),
    UNIT("", 1, snap_ms, INT32_MAX),
    {.name = NULL},
};

typedef struct {
    const char *key;
    size_t member; /* of replay_config_t */
    size_t size;
    uint64_t least, most;
    struct {
        const char *word;
        int32_t value;
    } words[2];
    const unit_t *units;
} option_t;

#define WORDS(a, value_a, b, value_b) .words = {{a, value_a}, {b, value_b}}
#define ON_OFF                        WORDS("on", REPLAY_ON, "off", REPLAY_OFF)

static const option_t options[] = {
    {"shift", MEMBER(shift), .most = REPLAY_SHIFT_MAX, .words = {{"auto", REPLAY_SHIFT_AUTO}}},
    {"sleep", MEMBER(sleep), ON_OFF},
    {"align", MEMBER(align), ON_OFF},
    {"rr", MEMBER(mode), WORDS("record", REPLAY_MODE_RECORD, "replay", REPLAY_MODE_PLAY)},
    {"rrfile", MEMBER(filename)},
    {"rrsnapshot", MEMBER(snapshot)},
    {"rrsnap", MEMBER(snap_ms), .least = 1, .most = INT32_MAX,
     WORDS("off", REPLAY_SNAP_OFF, "memory", REPLAY_SNAP_MEMORY), .units = units_of_snap},
    {"rrsnapsize", MEMBER(snap_bytes), .least = REPLAY_SNAP_SIZE_MIN, .most = INT64_MAX},
    {"rrsnapmem", MEMBER(snap_memory), .least = 1, .most = UINT64_MAX},
    {"rrlast", MEMBER(last_bytes), .words = {{"off", 0}}, .units = units_of_last},
    {"rrdata", MEMBER(block_data), ON_OFF},
    {"rrdigest", MEMBER(digest_interval), .most = UINT64_MAX},
    {"rrstall", MEMBER(stall_ms), .least = 1, .most = UINT32_MAX},
    {"rrlint", MEMBER(lint), ON_OFF},
    {"rrfull", MEMBER(go_on_when_full), WORDS("stop", REPLAY_OFF, "go", REPLAY_ON)},
    {"rrend", MEMBER(live_end), WORDS("stop", REPLAY_OFF, "live", REPLAY_ON)},
    {"rroverwrite", MEMBER(overwrite), ON_OFF},
    {"rroverlay", MEMBER(overlay_folder)},
    {"rrsegment", MEMBER(segment_bytes), .least = REPLAY_SEGMENT_MIN, .most = REPLAY_SEGMENT_MAX},
};

enum { OPTIONS = sizeof options / sizeof *options };

/* -------------------------------------------------------------- option string */

/* Decimal digits, with an optional plus. */
static bool read_number(const char *text, uint64_t *number) {
    text += *text == '+';
    bool is_number = *text != '\0';
    for (*number = 0; is_number && *text; text++) {
        uint64_t digit = (uint64_t)(unsigned char)*text - '0';
        is_number = digit <= 9 && *number <= (UINT64_MAX - digit) / 10;
        *number = *number * 10 + digit;
    }
    return is_number;
}

static void store(replay_config_t *config, size_t member, size_t size, uint64_t number) {
    uint32_t narrow = (uint32_t)number;
    const void *from = size == sizeof narrow ? (const void *)&narrow : (const void *)&number;
    memcpy((char *)config + member, from, size);
}

/* Is it one of the option's words? */
static bool read_word(const option_t *option, const char *text, uint64_t *value) {
    for (int i = 0; i < 2 && option->words[i].word; i++) {
        *value = (uint64_t)option->words[i].value;
        if (strcmp(text, option->words[i].word) == 0)
            return true;
    }
    return false;
}

/* Applies a number with a unit, or a word. @return false: it is neither. */
static bool apply_units(replay_config_t *config, const option_t *option, const char *text) {
    char digits[21];
    size_t count = strspn(text, "0123456789");
    uint64_t number;
    bool is_word = read_word(option, text, &number);
    if (count >= sizeof digits)
        return false;
    memcpy(digits, text, count);
    digits[count] = '\0';
    const unit_t *unit = option->units;
    while (unit->name && strcmp(text + count, unit->name) != 0)
        unit++;
    if (!is_word && (!unit->name || !read_number(digits, &number) || number == 0 ||
                     number > unit->most / unit->factor))
        return false;
    for (const unit_t *other = option->units; other->name; other++)
        store(config, other->member, other->size, 0);
    if (is_word)
        store(config, option->member, option->size, number);
    else
        store(config, unit->member, unit->size, number * unit->factor);
    return true;
}

/* Reads an option's value. @return false: the option can't have it. */
static bool read_value(const option_t *option, const char *text, uint64_t *value) {
    return read_word(option, text, value) || (option->most > 0 && read_number(text, value) &&
                                              *value >= option->least && *value <= option->most);
}

static const char *or_empty(const char *text) {
    return text ? text : "";
}

static replay_status_t bad_value(const option_t *option, const char *value, char *message,
                                 size_t size) {
    char allowed[120];
    if (option->units)
        snprintf(allowed, sizeof allowed,
                 "%sa size with K, M or G (64M), a time with ms, s, m or h (20s), or %s%s%s",
                 option->most > 0 ? "a number of ms, " : "", option->words[0].word,
                 option->words[1].word ? " or " : "", or_empty(option->words[1].word));
    else if (option->most > 0)
        snprintf(allowed, sizeof allowed, "a number from %llu to %llu%s%s%s%s",
                 (unsigned long long)option->least, (unsigned long long)option->most,
                 option->words[0].word ? ", or " : "", or_empty(option->words[0].word),
                 option->words[1].word ? " or " : "", or_empty(option->words[1].word));
    else
        snprintf(allowed, sizeof allowed, "%s or %s", option->words[0].word, option->words[1].word);
    snprintf(message, size, "option %s is '%s'; it must be %s", option->key, value, allowed);
    return REPLAY_ERROR_BAD_OPTION;
}

/* Applies one "key=value". A member may point to the value, so the text must stay. */
static replay_status_t apply(replay_config_t *config, char *text, char *message, size_t size) {
    char *value = strchr(text, '=');
    if (!value) {
        snprintf(message, size, "option '%s' has no value", text);
        return REPLAY_ERROR_BAD_OPTION;
    }
    *value++ = '\0';
    const option_t *option = options;
    while (option < options + OPTIONS && strcmp(option->key, text) != 0)
        option++;
    if (option == options + OPTIONS) {
        snprintf(message, size, "option '%s' does not exist (its value is '%s')", text, value);
        return REPLAY_ERROR_BAD_OPTION;
    }
    if (option->units)
        return apply_units(config, option, value) ? REPLAY_OK
                                                  : bad_value(option, value, message, size);
    uint64_t number = 0;
    bool is_text = !option->words[0].word && option->most == 0;
    if (!is_text && !read_value(option, value, &number))
        return bad_value(option, value, message, size);
    if (is_text)
        memcpy((char *)config + option->member, &value, option->size);
    else
        store(config, option->member, option->size, number);
    return REPLAY_OK;
}

/* Cuts off the next piece; a comma that is written twice belongs to it. */
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

static replay_status_t apply_all(replay_config_t *config, char *text, char *message, size_t size) {
    replay_status_t status = REPLAY_OK;
    for (char *rest = text; rest && status == REPLAY_OK;) {
        char *piece = next_piece(&rest);
        status = *piece ? apply(config, piece, message, size) : REPLAY_OK;
    }
    return status;
}

/* -------------------------------------------------------------------- members */

/* A member may have the values of its option, or its default. */
static replay_status_t check(const replay_config_t *config, char *message, size_t size) {
    static const replay_config_t defaults = REPLAY_CONFIG_INIT;
    if (config->mode < REPLAY_MODE_NONE || config->mode > REPLAY_MODE_PLAY) {
        snprintf(message, size, "mode %d does not exist", config->mode);
        return REPLAY_ERROR_INVALID_ARGUMENT;
    }
    for (const option_t *option = options; option < options + OPTIONS; option++) {
        const char *member = (const char *)config + option->member;
        uint32_t value;
        if (option->size != sizeof value ||
            memcmp(member, (const char *)&defaults + option->member, sizeof value) == 0)
            continue;
        memcpy(&value, member, sizeof value);
        bool is_good = option->most > 0 && value >= option->least && value <= option->most;
        for (int i = 0; i < 2 && option->words[i].word; i++)
            is_good = is_good || value == (uint32_t)option->words[i].value;
        if (is_good)
            continue;
        char text[12];
        snprintf(text, sizeof text, option->words[0].word ? "%d" : "%u", value);
        return bad_value(option, text, message, size);
    }
    return REPLAY_OK;
}

/* ---------------------------------------------------------------------- both */

replay_config_t replay_options_known(const replay_config_t *given) {
    replay_config_t config = REPLAY_CONFIG_INIT;
    memcpy(&config, given, given->size < sizeof config ? given->size : sizeof config);
    return config;
}

size_t replay_options_room(const replay_config_t *config, const char *environment) {
    return strlen(or_empty(config->options)) + strlen(or_empty(environment)) + 2;
}

replay_status_t replay_options_read(replay_config_t *config, const char *environment, char *room,
                                    char *message, size_t message_size) {
    char *own = strcpy(room, or_empty(config->options));
    char *users = strcpy(room + strlen(room) + 1, or_empty(environment));
    replay_status_t status = check(config, message, message_size);
    if (status == REPLAY_OK)
        status = apply_all(config, own, message, message_size);
    if (status != REPLAY_OK)
        return status;
    status = apply_all(config, users, message, message_size);
    if (status != REPLAY_OK) {
        size_t length = strlen(message);
        snprintf(message + length, message_size - length,
                 " (in the environment variable LIBREPLAY_OPTIONS)");
    }
    return status;
}
