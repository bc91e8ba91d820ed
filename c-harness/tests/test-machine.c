/* SPDX-License-Identifier: MIT */
/* What describes the machine before it starts: fingerprint and blockers. */
#include "scripted-host.h"

typedef struct {
    const char *key, *value;
} field_t;

static const char *path_of_log(void) {
    return test_path("run.log");
}

static replay_status_t configure(host_t *host, replay_mode_t mode) {
    host_init(host);
    return host_configure(host, mode, path_of_log(), NULL);
}

static void record_with(const field_t *fields) {
    host_t host;
    REQUIRE_STATUS(configure(&host, REPLAY_MODE_RECORD), OK);
    for (; fields->key; fields++)
        CHECK_STATUS(replay_fingerprint(fields->key, fields->value), OK);
    host_start(&host, 3);
    host_execute(&host, 3, 10);
    CHECK(replay_checkpoint(REPLAY_CHECKPOINT_INIT));
    CHECK_STATUS(host_end(&host), OK);
}

static replay_status_t start_with(const field_t *fields, replay_error_t *error) {
    host_t host;
    REQUIRE_STATUS(configure(&host, REPLAY_MODE_PLAY), OK);
    for (; fields->key; fields++)
        CHECK_STATUS(replay_fingerprint(fields->key, fields->value), OK);
    replay_status_t status = replay_start();
    *error = host_last_error();
    replay_finish();
    return status;
}

static const field_t machine[] = {{"ram", "64 MiB"}, {"cpu", "rv64gc"}, {"disk", "41fe"}, {0, 0}};

TEST(the_same_machine_is_accepted_in_any_order) {
    static const field_t turned[] = {
        {"disk", "41fe"}, {"ram", "32 MiB"}, {"cpu", "rv64gc"}, {"ram", "64 MiB"}, {0, 0}};
    replay_error_t error;
    record_with(machine);
    CHECK_STATUS(start_with(machine, &error), OK);
    CHECK_STATUS(start_with(turned, &error), OK);
}

TEST(another_value_is_named) {
    static const field_t other[] = {{"ram", "64 MiB"}, {"cpu", "rv64g"}, {"disk", "41fe"}, {0, 0}};
    replay_error_t error;
    record_with(machine);
    CHECK_STATUS(start_with(other, &error), ERROR_FINGERPRINT);
    CHECK_STATUS(error.status, ERROR_FINGERPRINT);
    CHECK_HAS(error.expected, "rv64gc");
    CHECK_HAS(error.found, "rv64g");
    CHECK_HAS(error.message, "cpu");
    CHECK_HAS(error.message, "rv64gc");
}

TEST(a_missing_field_is_named) {
    static const field_t fewer[] = {{"ram", "64 MiB"}, {"cpu", "rv64gc"}, {0, 0}};
    replay_error_t error;
    record_with(machine);
    CHECK_STATUS(start_with(fewer, &error), ERROR_FINGERPRINT);
    CHECK_HAS(error.message, "disk");
    CHECK_HAS(error.message, "41fe");
}

TEST(an_additional_field_is_named) {
    static const field_t more[] = {
        {"ram", "64 MiB"}, {"cpu", "rv64gc"}, {"disk", "41fe"}, {"nic", "virtio"}, {0, 0}};
    replay_error_t error;
    record_with(machine);
    CHECK_STATUS(start_with(more, &error), ERROR_FINGERPRINT);
    CHECK_HAS(error.message, "nic");
    CHECK_HAS(error.message, "virtio");
}

TEST(every_field_that_differs_is_named) {
    static const field_t other[] = {{"cpu", "rv64g"}, {"ram", "65 MiB"}, {"nic", "virtio"}, {0, 0}};
    replay_error_t error;
    record_with(machine);
    CHECK_STATUS(start_with(other, &error), ERROR_FINGERPRINT);
    CHECK_STR(error.message, "the machine differs from the recording: ram was 64 MiB, is now 65 "
                             "MiB; cpu was rv64gc, is now rv64g; disk was 41fe, is not given now; "
                             "nic was not given, is now virtio");
    CHECK_STR(error.expected, "64 MiB");
    CHECK_STR(error.found, "65 MiB");
    CHECK_STR(error.device, "ram");
}

TEST(fields_that_do_not_fit_into_the_message_are_counted) {
    enum { COUNT = 60 };
    static char keys[COUNT][16];
    static field_t fields[COUNT + 1], other[COUNT + 1];
    for (int i = 0; i < COUNT; i++) {
        snprintf(keys[i], sizeof keys[i], "device.%d", i);
        fields[i] = (field_t){keys[i], "one kind"};
        other[i] = (field_t){keys[i], "a different kind"};
    }
    replay_error_t error;
    record_with(fields);
    CHECK_STATUS(start_with(other, &error), ERROR_FINGERPRINT);
    CHECK_HAS(error.message, "device.0 was one kind, is now a different kind; device.1 was");
    const char *more = strstr(error.message, "; and ");
    CHECK(more && strcmp(more + strlen(more) - 5, " more") == 0);
}

/* A device that is reset before the start reads a clock, or asks for other events. */
static void read_clock(void) {
    REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 5);
}
static void draw_random(void) {
    char bytes[4];
    replay_read_random(bytes, sizeof bytes);
}
static void run_on(void) {
    replay_account_executed_instructions();
}

TEST(a_different_machine_is_reported_before_what_follows_from_it) {
    static const field_t other[] = {{"ram", "65 MiB"}, {0, 0}};
    static void (*const early[])(void) = {read_clock, draw_random, run_on};
    host_t host;
    record_with(machine);
    for (size_t i = 0; i < 2 * sizeof early / sizeof *early; i++) {
        bool differs = i % 2 == 0;
        REQUIRE_STATUS(configure(&host, REPLAY_MODE_PLAY), OK);
        replay_thread_attach(3);
        replay_mutex_lock();
        host.icount = early[i / 2] == run_on ? 1000 : 0;
        early[i / 2]();
        CHECK_EQ(host.stops, 0);
        CHECK_EQ(host.messages, 0);
        for (const field_t *field = differs ? other : machine; field->key; field++)
            CHECK_STATUS(replay_fingerprint(field->key, field->value), OK);
        if (differs) {
            CHECK_STATUS(replay_start(), ERROR_FINGERPRINT);
            CHECK_HAS(host_last_error().message, "ram was 64 MiB, is now 65 MiB");
            CHECK_EQ(host.stops, 0);
            CHECK_STATUS(host_end(&host), ERROR_FINGERPRINT);
        } else {
            CHECK_STATUS(replay_start(), ERROR_DIVERGENCE);
            CHECK_EQ(host.stops, 1);
            CHECK_EQ(host.error_messages, 1);
            CHECK_EQ(replay_get_budget(1000), 0);
            CHECK_STATUS(host_end(&host), ERROR_DIVERGENCE);
        }
    }
}

TEST(a_failure_before_the_start_is_kept_without_a_start) {
    host_t host;
    record_with(machine);
    REQUIRE_STATUS(configure(&host, REPLAY_MODE_PLAY), OK);
    replay_thread_attach(3);
    replay_mutex_lock();
    read_clock();
    CHECK_ERROR(ERROR_DIVERGENCE);
    CHECK_STATUS(host_end(&host), ERROR_DIVERGENCE);
    CHECK_EQ(host.stops, 0);
}

TEST(a_refused_machine_does_not_run) {
    static const field_t other[] = {{"ram", "65 MiB"}, {0, 0}};
    host_t host;
    record_with(machine);
    REQUIRE_STATUS(configure(&host, REPLAY_MODE_PLAY), OK);
    replay_fingerprint(other[0].key, other[0].value);
    CHECK_STATUS(replay_start(), ERROR_FINGERPRINT);
    replay_thread_attach(3);
    replay_mutex_lock();
    CHECK_EQ(replay_get_budget(1000), 0);
    CHECK(!replay_checkpoint(REPLAY_CHECKPOINT_INIT));
    replay_mutex_unlock();
    CHECK(replay_finish() != REPLAY_OK);
}

/* Not as text: what looks the same, or is not UTF-8 at all, may differ. */
TEST(keys_and_values_are_compared_byte_by_byte) {
    static const struct {
        field_t recorded, replayed;
    } pairs[] = {
        {{"k", "caf\xE9"}, {"k", "caf\xE8"}},          {{"k", "\xFF\xFF"}, {"k", "\x80\x81"}},
        {{"k", "caf\xC3\xA9"}, {"k", "cafe\xCC\x81"}}, {{"\xE9", "v"}, {"\xE8", "v"}},
        {{"caf\xC3\xA9", "v"}, {"cafe\xCC\x81", "v"}},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const field_t recorded[] = {pairs[i].recorded, {0, 0}},
                      other[] = {pairs[i].replayed, {0, 0}};
        replay_error_t error;
        record_with(recorded);
        CHECK_STATUS(start_with(recorded, &error), OK);
        CHECK_STATUS(start_with(other, &error), ERROR_FINGERPRINT);
        /* Two keys that differ are two fields; of two values for one key the last counts. */
        const field_t both[] = {pairs[i].recorded, pairs[i].replayed, {0, 0}};
        record_with(both);
        CHECK_STATUS(start_with(both, &error), OK);
        CHECK_STATUS(start_with(recorded, &error), ERROR_FINGERPRINT);
    }
}

TEST(a_fingerprint_that_no_log_could_hold_is_refused) {
    static char value[(16 << 20) + 1];
    host_t host;
    REQUIRE_STATUS(configure(&host, REPLAY_MODE_RECORD), OK);
    memset(value, 'x', sizeof value - 1);
    CHECK_STATUS(replay_fingerprint("long", value), ERROR_INVALID_ARGUMENT);
    int accepted = 0;
    for (; accepted < 5000; accepted++) {
        char key[32];
        snprintf(key, sizeof key, "%d", accepted);
        if (replay_fingerprint(key, "") != REPLAY_OK)
            break;
    }
    CHECK_EQ(accepted, 4000);
    CHECK_STATUS(replay_fingerprint("0", "again"), OK);
    host_start(&host, 3);
    CHECK_STATUS(host_end(&host), OK);
}

/* Seconds for each, if every key were compared with every other. */
TEST(many_long_keys_cost_little) {
    enum { PREFIX = 4000, KEYS = 4000 };
    static char key[PREFIX + 8];
    memset(key, 'k', PREFIX);
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        host_t host;
        REQUIRE_STATUS(configure(&host, mode), OK);
        int64_t begun = test_now_ns();
        int accepted = 0;
        for (int i = 0; i < KEYS; i++) {
            snprintf(key + PREFIX, 8, "%04d", i);
            accepted += replay_fingerprint(key, "v") == REPLAY_OK;
        }
        host_start(&host, 3);
        CHECK(test_now_ns() - begun < 4000000000);
        CHECK(accepted > 3900);
        CHECK(host_execute(&host, 3, 10));
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(a_fingerprint_is_checked) {
    host_t host;
    REQUIRE_STATUS(configure(&host, REPLAY_MODE_RECORD), OK);
    CHECK_STATUS(replay_fingerprint(NULL, "x"), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_fingerprint("x", NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_fingerprint("replay.shift", "x"), ERROR_INVALID_ARGUMENT);
    /* U+0301 after the dot makes one character with it: the prefix is the same. */
    CHECK_STATUS(replay_fingerprint("replay.\xCC\x81x", "x"), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_fingerprint("x", ""), OK);
    CHECK_STATUS(replay_start(), OK);
    CHECK_STATUS(replay_fingerprint("x", "y"), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_finish(), OK);
}

TEST(a_long_value_and_many_fields_are_kept) {
    enum { COUNT = 200 };
    static char values[COUNT][1200], keys[COUNT][32];
    static field_t fields[COUNT + 1];
    for (int i = 0; i < COUNT; i++) {
        snprintf(keys[i], sizeof keys[i], "device.%d", i);
        memset(values[i], 'a' + i % 26, sizeof values[i] - 1);
        fields[i] = (field_t){keys[i], values[i]};
    }
    replay_error_t error;
    record_with(fields);
    CHECK_STATUS(start_with(fields, &error), OK);
    values[137][1100]++;
    CHECK_STATUS(start_with(fields, &error), ERROR_FINGERPRINT);
    CHECK_HAS(error.message, "device.137");
}

TEST(another_shift_is_reported) {
    script_run_t record;
    static const step_t steps[] = {{OP_EXECUTE, 10}, {OP_CLOCK, 1, REPLAY_CLOCK_HOST}};
    script_init(&record, REPLAY_MODE_RECORD, path_of_log(), STEPS(steps));
    record.options = "shift=2";
    script_run(&record);
    CHECK_STATUS(script_status(&record), OK);
    static const struct {
        const char *options;
        replay_status_t status;
    } cases[] = {{NULL, REPLAY_OK},
                 {"shift=2", REPLAY_OK},
                 {"shift=3", REPLAY_ERROR_FINGERPRINT},
                 {"shift=auto", REPLAY_ERROR_FINGERPRINT}};
    for (int i = 0; i < 4; i++) {
        script_run_t play;
        script_init(&play, REPLAY_MODE_PLAY, path_of_log(), STEPS(steps));
        play.options = cases[i].options;
        script_run(&play);
        CHECK_STATUS_IS(script_status(&play), cases[i].status);
        if (cases[i].status == REPLAY_OK)
            CHECK_EQ(play.info.shift, 2);
        else
            CHECK_HAS(script_message(&play), "shift");
    }
}

TEST(a_blocker_blocks_with_its_reason) {
    host_t host;
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        if (mode == REPLAY_MODE_PLAY)
            record_with(machine);
        REQUIRE_STATUS(configure(&host, mode), OK);
        CHECK_STATUS(replay_add_blocker(NULL), ERROR_INVALID_ARGUMENT);
        CHECK_STATUS(replay_add_blocker("the sound card is passed through"), OK);
        CHECK_STATUS(replay_start(), ERROR_BLOCKED);
        CHECK_HAS(host_last_error().message, "the sound card is passed through");
        replay_finish();
    }
    record_with(machine); /* the reason is gone */
}

TEST(a_blocker_comes_before_the_start) {
    host_t host;
    REQUIRE_STATUS(configure(&host, REPLAY_MODE_RECORD), OK);
    CHECK_STATUS(replay_start(), OK);
    CHECK_STATUS(replay_add_blocker("too late"), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_start(), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_finish(), OK);
}
