/* SPDX-License-Identifier: MIT */
/* The option string: each key, each bad value, who wins. */
#include "host.h"

#include <unistd.h>

static host_t host;

static replay_status_t try_options(replay_mode_t mode, const char *path, const char *options) {
    host_init(&host);
    return host_configure(&host, mode, path, options);
}

TEST(each_good_option_is_accepted) {
    static const char *const good[] = {
        "",
        "shift=0",
        "shift=10",
        "shift=auto",
        "sleep=on",
        "sleep=off",
        "align=on",
        "align=off",
        "rrdata=on",
        "rrdata=off",
        "rrdigest=1",
        "rrdigest=18446744073709551615",
        "rrstall=1",
        "rrstall=60000",
        "rrlint=on",
        "rrlint=off",
        "rrfull=stop",
        "rrfull=go",
        "rrend=stop",
        "rrend=live",
        "rroverwrite=on",
        "rroverlay=/tmp",
        "rrsnap=off",
        "rrsnap=memory",
        "rrsnap=1",
        "rrsnap=2147483647",
        "rrsnap=500ms",
        "rrsnap=596h",
        "rrsnap=64K",
        "rrsnap=8M",
        "rrsnap=1G",
        "rrsnapsize=4096",
        "rrsegment=256",
        "rrsegment=65536",
        "rrsnapmem=1",
        "rrsnapmem=18446744073709551615",
        "shift=1,sleep=off,align=off,rrdata=off,rrdigest=1000,rrstall=500,rrlint=off"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        test_note("options %s", good[i]);
        if (CHECK_STATUS(try_options(REPLAY_MODE_RECORD, test_path("run.log"), good[i]), OK)) {
            CHECK_STATUS(replay_start(), OK);
            CHECK_STATUS(replay_finish(), OK);
        } else {
            printf("    options: %s: %s\n", good[i], host_last_error().message);
        }
    }
}

TEST(each_bad_option_is_named) {
    static const struct {
        const char *options, *key, *value;
    } bad[] = {
        {"shift=11", "shift", "11"},
        {"shift=11", "or auto", "11"},
        {"shift=-1", "shift", "-1"},
        {"shift=", "shift", ""},
        {"shift", "shift", ""},
        {"shift=4x", "shift", "4x"},
        {"shift= 4", "shift", " 4"},
        {"shift=99999999999999999999999999", "shift", "99999999999999999999999999"},
        {"sleep=yes", "sleep", "yes"},
        {"sleep=ON", "sleep", "ON"},
        {"align=1", "align", "1"},
        {"rr=rec", "rr", "rec"},
        {"rr=play", "rr", "play"},
        {"rrdata=x", "rrdata", "x"},
        {"rrdigest=-5", "rrdigest", "-5"},
        {"rrdigest=18446744073709551616", "rrdigest", "18446744073709551616"},
        {"rrstall=soon", "rrstall", "soon"},
        {"rrlint=2", "rrlint", "2"},
        {"rrfull=wait", "rrfull", "wait"},
        {"rrend=on", "rrend", "on"},
        {"rroverwrite=no", "rroverwrite", "no"},
        {"rrsnap=0", "rrsnap", "0"},
        {"rrsnap=on", "rrsnap", "on"},
        {"rrsnap=2147483648", "rrsnap", "2147483648"},
        {"rrsnap=597h", "or off or memory", "597h"},
        {"rrsnap=0K", "rrsnap", "0K"},
        {"rrsnap=8589934592G", "a size with K, M or G", "8589934592G"},
        {"rrsnap=1T", "a number of ms, ", "1T"},
        {"rrsnap=M", "rrsnap", "M"},
        {"rrsnapsize=4095", "rrsnapsize", "4095"},
        {"rrsegment=255", "rrsegment", "255"},
        {"rrsegment=1073741825", "rrsegment", "1073741825"},
        {"rrsegment=1k", "rrsegment", "1k"},
        {"rrsnapmem=0", "rrsnapmem", "0"},
        {"rrfoo=1", "rrfoo", ""},
        {"Shift=1", "Shift", ""},
        {"=5", "", "5"},
        {"shift=1,bogus=7", "bogus", ""},
        {"bogus", "bogus", ""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        test_note("options %s", bad[i].options);
        replay_status_t status =
            try_options(REPLAY_MODE_RECORD, test_path("run.log"), bad[i].options);
        if (status != REPLAY_ERROR_BAD_OPTION)
            test_fail(TEST_HERE, "\"%s\" gives %s", bad[i].options, test_status_name(status));
        if (status == REPLAY_OK) {
            replay_finish();
            continue;
        }
        CHECK_HAS(host_last_error().message, bad[i].key);
        CHECK_HAS(host_last_error().message, bad[i].value);
        CHECK_EQ(replay_mode, REPLAY_MODE_NONE);
    }
    CHECK(access(test_path("run.log"), F_OK) != 0);
}

TEST(the_mode_and_the_file_may_come_from_the_string) {
    char options[500];
    const char *path = test_path("run.log");
    snprintf(options, sizeof options, "shift=0,rr=record,rrfile=%s", path);
    CHECK_STATUS(try_options(REPLAY_MODE_NONE, NULL, options), OK);
    CHECK_EQ(replay_mode, REPLAY_MODE_RECORD);
    CHECK_STR(replay_get_filename(), path);
    host_start(&host, 3);
    host_execute(&host, 3, 10);
    CHECK(replay_interrupt());
    CHECK_STATUS(host_end(&host), OK);
    snprintf(options, sizeof options, "rrfile=%s,rr=replay", path);
    CHECK_STATUS(try_options(REPLAY_MODE_NONE, NULL, options), OK);
    CHECK_EQ(replay_mode, REPLAY_MODE_PLAY);
    replay_finish();
}

TEST(the_string_wins_over_the_members) {
    host_init(&host);
    char options[500];
    const char *path = test_path("named.log");
    snprintf(options, sizeof options, "shift=5,rr=record,rrfile=%s", path);
    replay_config_t config = host_config(&host, REPLAY_MODE_PLAY, test_path("other.log"), options);
    config.shift = 2;
    CHECK_STATUS(replay_configure(&config), OK);
    CHECK_EQ(replay_mode, REPLAY_MODE_RECORD);
    CHECK_STR(replay_get_filename(), path);
    CHECK_EQ(host_info().shift, 5);
    CHECK_STATUS(replay_finish(), OK);
    CHECK(access(test_path("other.log"), F_OK) != 0);
}

TEST(members_hold_where_the_string_is_silent) {
    host_init(&host);
    replay_config_t config =
        host_config(&host, REPLAY_MODE_RECORD, test_path("run.log"), "align=off");
    config.shift = 7;
    config.snapshot = "base";
    CHECK_STATUS(replay_configure(&config), OK);
    CHECK_EQ(host_info().shift, 7);
    CHECK_STR(replay_snapshot, "base");
    CHECK_STATUS(replay_finish(), OK);
}

TEST(a_comma_in_a_value_is_written_twice) {
    char options[500], name[64];
    snprintf(name, sizeof name, "a,b.log");
    const char *path = test_path(name);
    const char *comma = strrchr(path, ',');
    snprintf(options, sizeof options, "rrfile=%.*s,,%s,shift=3", (int)(comma - path), path,
             comma + 1);
    CHECK_STATUS(try_options(REPLAY_MODE_RECORD, NULL, options), OK);
    CHECK_STR(replay_get_filename(), path);
    CHECK_EQ(host_info().shift, 3);
    CHECK_STATUS(replay_start(), OK);
    CHECK_STATUS(replay_finish(), OK);
    CHECK_EQ(access(path, F_OK), 0);
}

TEST(a_path_may_hold_an_equals_sign) {
    char options[500];
    const char *path = test_path("a=b.log");
    snprintf(options, sizeof options, "rrfile=%s", path);
    CHECK_STATUS(try_options(REPLAY_MODE_RECORD, NULL, options), OK);
    CHECK_STR(replay_get_filename(), path);
    CHECK_STATUS(replay_finish(), OK);
}

TEST(a_mode_needs_a_file) {
    CHECK(try_options(REPLAY_MODE_NONE, NULL, "rr=record") < 0);
    CHECK_HAS(host_last_error().message, "rrfile");
    CHECK(try_options(REPLAY_MODE_NONE, NULL, "rr=replay") < 0);
    CHECK_EQ(replay_mode, REPLAY_MODE_NONE);
}

TEST(without_a_mode_the_file_is_not_touched) {
    char options[500];
    snprintf(options, sizeof options, "rrfile=%s", test_path("run.log"));
    CHECK_STATUS(try_options(REPLAY_MODE_NONE, NULL, options), OK);
    CHECK_STATUS(replay_start(), OK);
    CHECK_STATUS(replay_finish(), OK);
    CHECK(access(test_path("run.log"), F_OK) != 0);
}

TEST(a_very_long_string_is_handled) {
    enum { LENGTH = 100000 };
    char *options = malloc(LENGTH + 1);
    memset(options, ',', LENGTH);
    options[LENGTH] = 0;
    replay_status_t status = try_options(REPLAY_MODE_RECORD, test_path("run.log"), options);
    if (status == REPLAY_OK)
        replay_finish();
    memset(options, 'x', LENGTH);
    CHECK_STATUS(try_options(REPLAY_MODE_RECORD, test_path("run.log"), options), ERROR_BAD_OPTION);
    memcpy(options, "rrfile=/tmp/", 12);
    CHECK(try_options(REPLAY_MODE_RECORD, NULL, options) < 0);
    free(options);
}

TEST(bytes_that_are_no_text_are_refused_or_kept) {
    static const char *const odd[] = {"\xff=1", "shift=\xc3\x28", "rrfile=\xff\xfe", "\x01\x02"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        replay_status_t status = try_options(REPLAY_MODE_NONE, NULL, odd[i]);
        if (status == REPLAY_OK)
            CHECK_STATUS(replay_finish(), OK);
        else
            CHECK_STATUS_IS(status, REPLAY_ERROR_BAD_OPTION);
    }
}

/* --------------------------------------------------------------- environment */

TEST(the_environment_wins_over_the_host) {
    setenv("LIBREPLAY_OPTIONS", "rr=record,sleep=off", 1);
    CHECK_STATUS(try_options(REPLAY_MODE_NONE, test_path("run.log"), "shift=3,sleep=on"), OK);
    CHECK_EQ(replay_mode, REPLAY_MODE_RECORD);
    CHECK_STATUS(replay_start(), OK);
    CHECK_EQ(host_info().shift, 3);
    CHECK_STATUS(replay_finish(), OK);
    /* A replay knows how it was recorded. */
    setenv("LIBREPLAY_OPTIONS", "rr=replay,sleep=on", 1);
    CHECK_STATUS(try_options(REPLAY_MODE_RECORD, test_path("run.log"), NULL), OK);
    CHECK_EQ(replay_mode, REPLAY_MODE_PLAY);
    CHECK_STATUS(replay_start(), ERROR_FINGERPRINT);
    CHECK_STATUS(replay_finish(), ERROR_FINGERPRINT);
    setenv("LIBREPLAY_OPTIONS", "", 1);
    CHECK_STATUS(try_options(REPLAY_MODE_NONE, NULL, NULL), OK);
    CHECK_EQ(replay_mode, REPLAY_MODE_NONE);
    CHECK_STATUS(replay_finish(), OK);
}

TEST(a_bad_option_of_the_environment_is_named) {
    setenv("LIBREPLAY_OPTIONS", "rrcolour=red", 1);
    CHECK_STATUS(try_options(REPLAY_MODE_NONE, NULL, NULL), ERROR_BAD_OPTION);
    CHECK_HAS(host_last_error().message, "rrcolour");
    CHECK_HAS(host_last_error().message, "LIBREPLAY_OPTIONS");
}

TEST(the_environment_is_the_default_sessions) {
    setenv("LIBREPLAY_OPTIONS", "rrcolour=red", 1);
    replay_session_t *session = replay_session_new();
    CHECK_STATUS(replay_session_push_current(session), OK);
    CHECK_STATUS(try_options(REPLAY_MODE_NONE, NULL, NULL), OK);
    CHECK_STATUS(replay_finish(), OK);
    CHECK_STATUS(replay_session_pop_current(), OK);
    CHECK_STATUS(replay_session_free(session), OK);
    CHECK_STATUS(try_options(REPLAY_MODE_NONE, NULL, NULL), ERROR_BAD_OPTION);
}
