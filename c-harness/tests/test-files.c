/* SPDX-License-Identifier: MIT */
/* Which files a recording touches, which it refuses, and what they are called. */
#include "log-files.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --------------------------------------------------------------- neighbours */

/* May this file be there? An empty file takes a recording, and a recorder that is
 * killed while it prepares one leaves empty files. */
static bool is_hostile(neighbour_t kind, const char *suffix) {
    if (!*suffix)
        return kind != EMPTY && kind != FINISHED_LOG;
    return kind != EMPTY || strcmp(suffix, ".live") == 0;
}

TEST(what_is_no_file_of_a_recording_stays_as_it_is) {
    static const char *const suffixes[] = {"", ".live", ".new", ".live.new"};
    choose_log("run.log");
    for (int i = 0; i < 4; i++) {
        for (neighbour_t kind = 0; kind < KINDS; kind++) {
            if (!is_hostile(kind, suffixes[i]))
                continue;
            test_note("neighbour %d as NAME%s", (int)kind, suffixes[i]);
            if (*suffixes[i])
                record(log_name, 1);
            const char *path = in_log(suffixes[i]);
            make_neighbour(kind, path);
            struct stat before;
            REQUIRE(lstat(path, &before) == 0);
            host_init(&recorder);
            CHECK_STATUS(host_configure(&recorder, REPLAY_MODE_RECORD, log_name, NULL),
                         ERROR_LOG_NOT_A_LOG);
            CHECK_HAS(host_last_error().message, path);
            CHECK_EQ(replay_get_mode(), REPLAY_MODE_NONE);
            check_untouched(kind, path, &before);
            if (*suffixes[i]) {
                /* A finished recording needs none of them. */
                check_played(log_name, 1);
                CHECK(unlink(log_name) == 0);
            }
            CHECK((kind == FOLDER ? rmdir(path) : unlink(path)) == 0);
            expect_files("");
        }
    }
}

TEST(an_empty_file_takes_a_recording) {
    choose_log("run.log");
    test_write_file(log_name, "", 0);
    record(log_name, 1);
    check_played(log_name, 1);
    expect_files("n");
}

TEST(rroverwrite_off_keeps_what_is_there) {
    choose_log("run.log");
    record(log_name, 1);
    host_init(&recorder);
    CHECK_STATUS(host_configure(&recorder, REPLAY_MODE_RECORD, log_name, "rroverwrite=off"),
                 ERROR_LOG_EXISTS);
    CHECK_HAS(host_last_error().message, log_name);
    replay_config_t config = host_config(&recorder, REPLAY_MODE_RECORD, log_name, NULL);
    config.overwrite = REPLAY_OFF;
    CHECK_STATUS(replay_configure(&config), ERROR_LOG_EXISTS);
    config.overwrite = 3;
    CHECK_STATUS(replay_configure(&config), ERROR_BAD_OPTION);
    expect_files("n");
    check_played(log_name, 1);
    /* It forbids nothing else. */
    REQUIRE(unlink(log_name) == 0);
    host_begin(&recorder, REPLAY_MODE_RECORD, log_name, "rroverwrite=off");
    CHECK_STATUS(host_end(&recorder), OK);
    record(log_name, 2);
    check_played(log_name, 2);
}

TEST(an_overlay_is_no_link_and_no_recording) {
    static const neighbour_t kinds[] = {FINISHED_LOG, LINK, DANGLING_LINK, FIFO, FOLDER};
    static uint8_t image[65536];
    choose_log("run.log");
    test_write_file(test_path("image"), image, sizeof image);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        test_note("neighbour %d", (int)kinds[i]);
        const char *path = test_path("overlay");
        make_neighbour(kinds[i], path);
        struct stat before;
        REQUIRE(lstat(path, &before) == 0);
        host_init(&recorder);
        REQUIRE_STATUS(host_configure(&recorder, REPLAY_MODE_RECORD, log_name, NULL), OK);
        replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
        config.filename = test_path("image");
        config.overlay = REPLAY_BLOCK_OVERLAY_FILE;
        config.overlay_filename = path;
        replay_status_t status = REPLAY_OK;
        CHECK(replay_block_open(&config, &status) == NULL);
        CHECK_STATUS(status, ERROR_INVALID_ARGUMENT);
        CHECK_STATUS(replay_finish(), OK);
        check_untouched(kinds[i], path, &before);
        CHECK((kinds[i] == FOLDER ? rmdir(path) : unlink(path)) == 0);
    }
}

/* -------------------------------------------------------------------- start */

TEST(an_older_recording_stays_until_the_start) {
    choose_log("run.log");
    record(log_name, 1);
    /* Never started. */
    host_init(&recorder);
    REQUIRE_STATUS(host_configure(&recorder, REPLAY_MODE_RECORD, log_name, NULL), OK);
    expect_files("nNL");
    CHECK_STATUS(replay_finish(), OK);
    expect_files("n");
    check_played(log_name, 1);
    /* A start that fails. */
    host_init(&recorder);
    REQUIRE_STATUS(host_configure(&recorder, REPLAY_MODE_RECORD, log_name, NULL), OK);
    CHECK_STATUS(replay_add_blocker("a test"), OK);
    CHECK_STATUS(replay_start(), ERROR_BLOCKED);
    expect_files("nNL");
    CHECK_STATUS(replay_finish(), ERROR_BLOCKED);
    expect_files("n");
    check_played(log_name, 1);
    /* A session that is freed. */
    replay_session_t *session = replay_session_new();
    replay_session_push_current(session);
    host_init(&recorder);
    REQUIRE_STATUS(host_configure(&recorder, REPLAY_MODE_RECORD, log_name, NULL), OK);
    replay_session_pop_current();
    CHECK_STATUS(replay_session_free(session), OK);
    expect_files("n");
    check_played(log_name, 1);
}

/* In place of the C library's, for the library too. */
static bool refuses_renames;
int renameat2(int from, const char *old_name, int to, const char *new_name, unsigned flags);
__attribute__((visibility("default"))) int renameat2(int from, const char *old_name, int to,
                                                     const char *new_name, unsigned flags) {
    if (!refuses_renames)
        return (int)syscall(SYS_renameat2, from, old_name, to, new_name, flags);
    errno = EIO;
    return -1;
}

/* The older log is replaced by renameat(), the live file then gets its name by renameat2(). */
TEST(a_live_file_that_keeps_its_first_name_costs_a_warning) {
    choose_log("run.log");
    record(log_name, 1);
    for (uint64_t salt = 2; salt < 4; salt++) {
        host_init(&recorder);
        REQUIRE_STATUS(host_configure(&recorder, REPLAY_MODE_RECORD, log_name, NULL), OK);
        refuses_renames = true;
        host_start(&recorder, 3);
        refuses_renames = false;
        CHECK_EQ(recorder.messages, 1);
        CHECK_EQ(recorder.error_messages, 0);
        expect_files("nL");
        read_clocks(REPLAY_MODE_RECORD, salt, 0, EVENTS);
        CHECK_STATUS(host_end(&recorder), OK);
        expect_files("n");
        check_played(log_name, salt);
    }
}

static mode_t mode_of(const char *suffix) {
    struct stat status;
    return lstat(in_log(suffix), &status) == 0 ? status.st_mode & 0777 : 0;
}

TEST(a_recording_is_no_more_readable_than_the_one_that_it_replaces) {
    choose_log("run.log");
    umask(022);
    static const mode_t modes[] = {0600, 0640, 0666, 0644};
    record(log_name, 1);
    for (int i = 0; i < 4; i++) {
        REQUIRE(chmod(log_name, modes[i]) == 0);
        host_init(&recorder);
        REQUIRE_STATUS(host_configure(&recorder, REPLAY_MODE_RECORD, log_name, NULL), OK);
        CHECK_EQ(mode_of(".new"), modes[i]);
        CHECK_EQ(mode_of(".live.new"), modes[i]);
        host_start(&recorder, 3);
        CHECK_EQ(mode_of(""), modes[i]);
        CHECK_EQ(mode_of(".live"), modes[i]);
        CHECK_STATUS(host_end(&recorder), OK);
        CHECK_EQ(mode_of(""), modes[i]);
    }
}

TEST(a_file_that_came_since_the_configuration_is_not_replaced) {
    static const char *const suffixes[] = {"", ".live"};
    choose_log("run.log");
    for (int i = 0; i < 2; i++) {
        for (int had_log = 0; had_log < 2; had_log++) {
            if (had_log)
                record(log_name, 1);
            host_init(&recorder);
            REQUIRE_STATUS(host_configure(&recorder, REPLAY_MODE_RECORD, log_name, NULL), OK);
            unlink(in_log(suffixes[i]));
            make_neighbour(TEXT, in_log(suffixes[i]));
            struct stat before;
            REQUIRE(lstat(in_log(suffixes[i]), &before) == 0);
            CHECK_STATUS(replay_start(), ERROR_LOG_LOST);
            CHECK_HAS(host_last_error().message, in_log(suffixes[i]));
            CHECK_EQ(replay_get_budget(100), 0);
            CHECK_STATUS(replay_finish(), ERROR_LOG_LOST);
            check_untouched(TEXT, in_log(suffixes[i]), &before);
            unlink(log_name);
            unlink(in_log(".live"));
            expect_files("");
        }
    }
}

/* -------------------------------------------------------------------- names */

TEST(a_relative_name_is_kept_where_the_process_goes) {
    mkdir(test_path("here"), 0700);
    mkdir(test_path("there"), 0700);
    test_write_file(test_path("there/run.log.live"), "another's", 9);
    REQUIRE(chdir(test_path("here")) == 0);
    host_begin(&recorder, REPLAY_MODE_RECORD, "run.log", NULL);
    read_clocks(REPLAY_MODE_RECORD, 1, 0, EVENTS / 2);
    REQUIRE(chdir(test_path("there")) == 0);
    read_clocks(REPLAY_MODE_RECORD, 1, EVENTS / 2, EVENTS);
    CHECK_STATUS(host_end(&recorder), OK);
    CHECK(exists(test_path("there/run.log.live")) && !exists(test_path("there/run.log")));
    CHECK(!exists(test_path("here/run.log.live")));
    check_played(test_path("here/run.log"), 1);
    /* Between configuration and start, too. */
    REQUIRE(chdir(test_path("here")) == 0);
    host_init(&recorder);
    REQUIRE_STATUS(host_configure(&recorder, REPLAY_MODE_RECORD, "run.log", NULL), OK);
    REQUIRE(chdir("/") == 0);
    host_start(&recorder, 3);
    read_clocks(REPLAY_MODE_RECORD, 2, 0, EVENTS);
    CHECK_STATUS(host_end(&recorder), OK);
    check_played(test_path("here/run.log"), 2);
}

TEST(a_folder_may_move) {
    mkdir(test_path("here"), 0700);
    host_begin(&recorder, REPLAY_MODE_RECORD, test_path("here/run.log"), NULL);
    read_clocks(REPLAY_MODE_RECORD, 1, 0, EVENTS);
    REQUIRE(rename(test_path("here"), test_path("there")) == 0);
    CHECK_STATUS(host_end(&recorder), OK);
    CHECK(!exists(test_path("there/run.log.live")));
    check_played(test_path("there/run.log"), 1);
}

/* Root drops its privileges; the folder of somebody else no longer lets files be removed. */
static bool may_not_remove(bool denies, const char *folder) {
    if (getuid() == 0)
        return seteuid(denies ? 65534 : 0) == 0;
    return chmod(folder, denies ? 0555 : 0755) == 0;
}

TEST(dropped_privileges_cost_only_the_removal_of_the_live_file) {
    mkdir(test_path("roots"), 0755);
    choose_log("roots/run.log");
    host_begin(&recorder, REPLAY_MODE_RECORD, log_name, NULL);
    read_clocks(REPLAY_MODE_RECORD, 1, 0, EVENTS);
    REQUIRE(may_not_remove(true, test_path("roots")));
    CHECK_STATUS(host_end(&recorder), OK);
    REQUIRE(may_not_remove(false, test_path("roots")));
    CHECK_HAS(recorder.text, "run.log.live could not be removed");
    expect_files("nl");
    struct stat status;
    CHECK(stat(in_log(".live"), &status) == 0 && status.st_size <= 4096);
    check_played(log_name, 1);
    record(log_name, 2);
    expect_files("n");
    check_played(log_name, 2);
}

TEST(a_name_may_have_246_bytes) {
    char name[300];
    for (size_t length = 245; length <= 260; length++) {
        memset(name, 'n', length);
        name[length] = 0;
        choose_log(name);
        if (length <= 246) {
            record(log_name, length);
            expect_files("n");
            check_played(log_name, length);
            continue;
        }
        host_init(&recorder);
        CHECK_STATUS(host_configure(&recorder, REPLAY_MODE_RECORD, log_name, NULL),
                     ERROR_INVALID_ARGUMENT);
        CHECK_HAS(host_last_error().message, "at most 246 bytes, but this one has ");
    }
}
