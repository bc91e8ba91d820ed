/* SPDX-License-Identifier: MIT */
/* Which files a recording touches, which it refuses, and how it finds its own
 * again. */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static host_t host;
static char log_path[400];

static const char *in_log(const char *suffix) {
    static char paths[8][440];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s%s", log_path, suffix);
    return path;
}

static void choose_log(const char *name) {
    snprintf(log_path, sizeof log_path, "%s", test_path(name));
}

static int64_t value_of(uint64_t n, uint64_t salt) {
    uint64_t seed = n + salt * 1000003;
    return (int64_t)(test_random(&seed) >> 8);
}

/* A recording of @p count clock readings that depend on @p salt. */
static void read_clocks(replay_mode_t mode, uint64_t salt, uint64_t from, uint64_t to) {
    for (uint64_t n = from; n < to && !host_stopped(&host); n++) {
        host_execute(&host, 3, 10);
        int64_t got = REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, value_of(n, salt));
        if (mode == REPLAY_MODE_PLAY)
            CHECK_EQ(got, value_of(n, salt));
    }
}

enum { EVENTS = 500 };

static void record(const char *path, uint64_t salt) {
    host_begin(&host, REPLAY_MODE_RECORD, path, NULL);
    read_clocks(REPLAY_MODE_RECORD, salt, 0, EVENTS);
    CHECK_STATUS(host_end(&host), OK);
}

static void check_played(const char *path, uint64_t salt) {
    host_begin(&host, REPLAY_MODE_PLAY, path, NULL);
    read_clocks(REPLAY_MODE_PLAY, salt, 0, EVENTS);
    CHECK(host_run_to_end(&host, 3));
    CHECK_EQ(host_info().events, EVENTS);
    CHECK_STATUS(host_end(&host), OK);
}

static bool exists(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

static void expect_files(const char *const suffixes) {
    /* One letter each: NAME, NAME.live, NAME.new, NAME.live.new. */
    static const char *const all[] = {"", ".live", ".new", ".live.new"};
    for (int i = 0; i < 4; i++)
        if (exists(in_log(all[i])) != (strchr(suffixes, "nlNL"[i]) != NULL))
            test_fail(TEST_HERE, "NAME%s is %sthere", all[i], exists(in_log(all[i])) ? "" : "not ");
}

/* --------------------------------------------------------------- neighbours */

typedef enum { TEXT, EMPTY, FINISHED_LOG, LINK, DANGLING_LINK, FIFO, FOLDER, KINDS } neighbour_t;

static void make_neighbour(neighbour_t kind, const char *path) {
    static const char notes[] = "my notes\n";
    switch (kind) {
    case TEXT:
        test_write_file(path, notes, sizeof notes);
        break;
    case EMPTY:
        test_write_file(path, "", 0);
        break;
    case FINISHED_LOG:
        record(test_path("finished"), 9);
        REQUIRE(rename(test_path("finished"), path) == 0);
        break;
    case LINK:
        test_write_file(test_path("notes"), notes, sizeof notes);
        REQUIRE(symlink(test_path("notes"), path) == 0);
        break;
    case DANGLING_LINK:
        REQUIRE(symlink(test_path("nowhere"), path) == 0);
        break;
    case FIFO:
        REQUIRE(mkfifo(path, 0600) == 0);
        break;
    default:
        REQUIRE(mkdir(path, 0700) == 0);
    }
}

static void check_untouched(neighbour_t kind, const char *path, const struct stat *before) {
    struct stat now;
    REQUIRE(lstat(path, &now) == 0);
    CHECK_EQ(now.st_ino, before->st_ino);
    CHECK_EQ(now.st_mode, before->st_mode);
    CHECK_EQ(now.st_size, before->st_size);
    CHECK(!exists(test_path("nowhere")));
    if (kind == FINISHED_LOG)
        check_played(path, 9);
    if (kind == TEXT || kind == LINK) {
        size_t length;
        uint8_t *text = test_read_file(path, &length);
        CHECK_EQ(length, 10);
        CHECK_STR((const char *)text, "my notes\n");
        free(text);
    }
}

/* May this stand there? An empty file takes a recording, and a recorder that is
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
                record(log_path, 1);
            const char *path = in_log(suffixes[i]);
            make_neighbour(kind, path);
            struct stat before;
            REQUIRE(lstat(path, &before) == 0);
            host_init(&host);
            CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path, NULL),
                         ERROR_LOG_NOT_A_LOG);
            CHECK_HAS(host_last_error().message, path);
            CHECK_EQ(replay_get_mode(), REPLAY_MODE_NONE);
            check_untouched(kind, path, &before);
            if (*suffixes[i]) {
                /* A finished recording needs none of them. */
                check_played(log_path, 1);
                CHECK(unlink(log_path) == 0);
            }
            CHECK((kind == FOLDER ? rmdir(path) : unlink(path)) == 0);
            expect_files("");
        }
    }
}

TEST(an_empty_file_takes_a_recording) {
    choose_log("run.log");
    test_write_file(log_path, "", 0);
    record(log_path, 1);
    check_played(log_path, 1);
    expect_files("n");
}

TEST(rroverwrite_off_keeps_what_is_there) {
    choose_log("run.log");
    record(log_path, 1);
    host_init(&host);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path, "rroverwrite=off"),
                 ERROR_LOG_EXISTS);
    CHECK_HAS(host_last_error().message, log_path);
    replay_config_t config = host_config(&host, REPLAY_MODE_RECORD, log_path, NULL);
    config.overwrite = REPLAY_OFF;
    CHECK_STATUS(replay_configure(&config), ERROR_LOG_EXISTS);
    config.overwrite = 3;
    CHECK_STATUS(replay_configure(&config), ERROR_BAD_OPTION);
    expect_files("n");
    check_played(log_path, 1);
    /* It forbids nothing else. */
    REQUIRE(unlink(log_path) == 0);
    host_begin(&host, REPLAY_MODE_RECORD, log_path, "rroverwrite=off");
    CHECK_STATUS(host_end(&host), OK);
    record(log_path, 2);
    check_played(log_path, 2);
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
        host_init(&host);
        REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path, NULL), OK);
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

/* ------------------------------------------------------------------- owners */

static replay_status_t try_other(replay_mode_t mode, const char *path) {
    static host_t other;
    replay_session_t *session = replay_session_new();
    REQUIRE(session && replay_session_push_current(session) == REPLAY_OK);
    host_init(&other);
    replay_status_t status = host_configure(&other, mode, path, NULL);
    replay_finish();
    replay_session_pop_current();
    CHECK_STATUS(replay_session_free(session), OK);
    return status;
}

TEST(a_second_recorder_is_refused_by_whatever_name) {
    choose_log("run.log");
    host_begin(&host, REPLAY_MODE_RECORD, log_path, NULL);
    read_clocks(REPLAY_MODE_RECORD, 1, 0, EVENTS / 2);
    REQUIRE(link(log_path, test_path("hard.log")) == 0);
    REQUIRE(symlink(log_path, test_path("symbolic.log")) == 0);
    CHECK_STATUS(try_other(REPLAY_MODE_RECORD, log_path), ERROR_LOG_BUSY);
    CHECK_STATUS(try_other(REPLAY_MODE_RECORD, test_path("hard.log")), ERROR_LOG_BUSY);
    CHECK_STATUS(try_other(REPLAY_MODE_RECORD, test_path("symbolic.log")), ERROR_LOG_NOT_A_LOG);
    read_clocks(REPLAY_MODE_RECORD, 1, EVENTS / 2, EVENTS);
    CHECK_STATUS(host_end(&host), OK);
    check_played(log_path, 1);
    check_played(test_path("symbolic.log"), 1);
}

TEST(a_recording_that_is_replayed_is_not_replaced) {
    choose_log("run.log");
    record(log_path, 1);
    REQUIRE(link(log_path, test_path("hard.log")) == 0);
    host_begin(&host, REPLAY_MODE_PLAY, log_path, NULL);
    read_clocks(REPLAY_MODE_PLAY, 1, 0, EVENTS / 2);
    CHECK_STATUS(try_other(REPLAY_MODE_RECORD, log_path), ERROR_LOG_BUSY);
    CHECK_STATUS(try_other(REPLAY_MODE_RECORD, test_path("hard.log")), ERROR_LOG_BUSY);
    CHECK_STATUS(try_other(REPLAY_MODE_PLAY, log_path), OK);
    read_clocks(REPLAY_MODE_PLAY, 1, EVENTS / 2, EVENTS);
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
    record(log_path, 2);
    check_played(log_path, 2);
    check_played(test_path("hard.log"), 1);
}

TEST(two_recorders_that_prepare_one_name_exclude_each_other) {
    choose_log("run.log");
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path, NULL), OK);
    expect_files("NL");
    CHECK_STATUS(try_other(REPLAY_MODE_RECORD, log_path), ERROR_LOG_BUSY);
    host_start(&host, 3);
    expect_files("nl");
    read_clocks(REPLAY_MODE_RECORD, 1, 0, EVENTS);
    CHECK_STATUS(host_end(&host), OK);
    expect_files("n");
    check_played(log_path, 1);
}

/* Exits with 0 if the whole recording was made, with 1 if another one was first. */
static void record_or_be_refused(void) {
    host_init(&host);
    replay_status_t status = host_configure(&host, REPLAY_MODE_RECORD, log_path, "rrsegment=1024");
    if (status != REPLAY_OK)
        _exit(status == REPLAY_ERROR_LOG_BUSY ? 1 : 2);
    host_start(&host, 3);
    read_clocks(REPLAY_MODE_RECORD, 1, 0, EVENTS);
    _exit(host_end(&host) == REPLAY_OK ? 0 : 2);
}

TEST(of_processes_that_record_one_name_each_is_refused_or_whole) {
    enum { ROUNDS = 10, PROCESSES = 6 };
    choose_log("run.log");
    for (int round = 0; round < ROUNDS; round++) {
        test_note("round %d", round);
        pid_t children[PROCESSES];
        int whole = 0;
        for (int i = 0; i < PROCESSES; i++)
            if ((children[i] = fork()) == 0)
                record_or_be_refused();
        for (int i = 0; i < PROCESSES; i++) {
            int status = 0;
            REQUIRE(waitpid(children[i], &status, 0) == children[i]);
            CHECK(WIFEXITED(status) && WEXITSTATUS(status) < 2);
            whole += WIFEXITED(status) && WEXITSTATUS(status) == 0;
        }
        CHECK(whole > 0);
        expect_files("n");
        check_played(log_path, 1);
    }
}

TEST(a_name_may_have_246_bytes) {
    char name[300];
    for (size_t length = 245; length <= 260; length++) {
        memset(name, 'n', length);
        name[length] = 0;
        choose_log(name);
        if (length <= 246) {
            record(log_path, length);
            expect_files("n");
            check_played(log_path, length);
            continue;
        }
        host_init(&host);
        CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path, NULL),
                     ERROR_INVALID_ARGUMENT);
        CHECK_HAS(host_last_error().message, "at most 246 bytes, and not ");
    }
}

/* -------------------------------------------------------------------- start */

TEST(an_older_recording_stays_until_the_start) {
    choose_log("run.log");
    record(log_path, 1);
    /* Never started. */
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path, NULL), OK);
    expect_files("nNL");
    CHECK_STATUS(replay_finish(), OK);
    expect_files("n");
    check_played(log_path, 1);
    /* A start that fails. */
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path, NULL), OK);
    CHECK_STATUS(replay_add_blocker("a test"), OK);
    CHECK_STATUS(replay_start(), ERROR_BLOCKED);
    expect_files("nNL");
    CHECK_STATUS(replay_finish(), ERROR_BLOCKED);
    expect_files("n");
    check_played(log_path, 1);
    /* A session that is freed. */
    replay_session_t *session = replay_session_new();
    replay_session_push_current(session);
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path, NULL), OK);
    replay_session_pop_current();
    CHECK_STATUS(replay_session_free(session), OK);
    expect_files("n");
    check_played(log_path, 1);
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
    record(log_path, 1);
    for (uint64_t salt = 2; salt < 4; salt++) {
        host_init(&host);
        REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path, NULL), OK);
        refuses_renames = true;
        host_start(&host, 3);
        refuses_renames = false;
        CHECK_EQ(host.messages, 1);
        CHECK_EQ(host.error_messages, 0);
        expect_files("nL");
        read_clocks(REPLAY_MODE_RECORD, salt, 0, EVENTS);
        CHECK_STATUS(host_end(&host), OK);
        expect_files("n");
        check_played(log_path, salt);
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
    record(log_path, 1);
    for (int i = 0; i < 4; i++) {
        REQUIRE(chmod(log_path, modes[i]) == 0);
        host_init(&host);
        REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path, NULL), OK);
        CHECK_EQ(mode_of(".new"), modes[i]);
        CHECK_EQ(mode_of(".live.new"), modes[i]);
        host_start(&host, 3);
        CHECK_EQ(mode_of(""), modes[i]);
        CHECK_EQ(mode_of(".live"), modes[i]);
        CHECK_STATUS(host_end(&host), OK);
        CHECK_EQ(mode_of(""), modes[i]);
    }
}

TEST(a_file_that_came_since_the_configuration_is_not_replaced) {
    static const char *const suffixes[] = {"", ".live"};
    choose_log("run.log");
    for (int i = 0; i < 2; i++) {
        for (int had_log = 0; had_log < 2; had_log++) {
            if (had_log)
                record(log_path, 1);
            host_init(&host);
            REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path, NULL), OK);
            unlink(in_log(suffixes[i]));
            make_neighbour(TEXT, in_log(suffixes[i]));
            struct stat before;
            REQUIRE(lstat(in_log(suffixes[i]), &before) == 0);
            CHECK_STATUS(replay_start(), ERROR_LOG_LOST);
            CHECK_HAS(host_last_error().message, in_log(suffixes[i]));
            CHECK_EQ(replay_get_budget(100), 0);
            CHECK_STATUS(replay_finish(), ERROR_LOG_LOST);
            check_untouched(TEXT, in_log(suffixes[i]), &before);
            unlink(log_path);
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
    host_begin(&host, REPLAY_MODE_RECORD, "run.log", NULL);
    read_clocks(REPLAY_MODE_RECORD, 1, 0, EVENTS / 2);
    REQUIRE(chdir(test_path("there")) == 0);
    read_clocks(REPLAY_MODE_RECORD, 1, EVENTS / 2, EVENTS);
    CHECK_STATUS(host_end(&host), OK);
    CHECK(exists(test_path("there/run.log.live")) && !exists(test_path("there/run.log")));
    CHECK(!exists(test_path("here/run.log.live")));
    check_played(test_path("here/run.log"), 1);
    /* Between configuration and start, too. */
    REQUIRE(chdir(test_path("here")) == 0);
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, "run.log", NULL), OK);
    REQUIRE(chdir("/") == 0);
    host_start(&host, 3);
    read_clocks(REPLAY_MODE_RECORD, 2, 0, EVENTS);
    CHECK_STATUS(host_end(&host), OK);
    check_played(test_path("here/run.log"), 2);
}

TEST(a_folder_may_move) {
    mkdir(test_path("here"), 0700);
    host_begin(&host, REPLAY_MODE_RECORD, test_path("here/run.log"), NULL);
    read_clocks(REPLAY_MODE_RECORD, 1, 0, EVENTS);
    REQUIRE(rename(test_path("here"), test_path("there")) == 0);
    CHECK_STATUS(host_end(&host), OK);
    CHECK(!exists(test_path("there/run.log.live")));
    check_played(test_path("there/run.log"), 1);
}

TEST(dropped_privileges_cost_only_the_removal_of_the_live_file) {
    if (getuid() != 0)
        return; /* nothing to drop */
    mkdir(test_path("roots"), 0755);
    choose_log("roots/run.log");
    host_begin(&host, REPLAY_MODE_RECORD, log_path, NULL);
    read_clocks(REPLAY_MODE_RECORD, 1, 0, EVENTS);
    REQUIRE(seteuid(65534) == 0);
    CHECK_STATUS(host_end(&host), OK);
    REQUIRE(seteuid(0) == 0);
    CHECK_HAS(host.text, "run.log.live could not be removed");
    expect_files("nl");
    struct stat status;
    CHECK(stat(in_log(".live"), &status) == 0 && status.st_size <= 4096);
    check_played(log_path, 1);
    record(log_path, 2);
    expect_files("n");
    check_played(log_path, 2);
}

/* ---------------------------------------------------- what others do meanwhile */

static void do_remove(void) {
    REQUIRE(unlink(log_path) == 0);
}
static void do_empty(void) {
    REQUIRE(truncate(log_path, 0) == 0);
}
static void do_cut(void) {
    REQUIRE(truncate(log_path, 70) == 0);
}
static void do_write(void) {
    test_write_file(log_path, "text\n", 5);
}
static void do_overwrite(void) {
    int file = open(log_path, O_WRONLY);
    REQUIRE(file >= 0 && pwrite(file, "text", 4, 2) == 4);
    close(file);
}
static void do_replace(void) {
    REQUIRE(unlink(log_path) == 0);
    test_write_file(log_path, "text\n", 5);
}
static void do_rename(void) {
    REQUIRE(rename(log_path, test_path("moved.log")) == 0);
}

TEST(a_recording_that_is_gone_is_reported_at_the_end) {
    static void (*const deeds[])(void) = {do_remove,    do_empty,   do_cut,   do_write,
                                          do_overwrite, do_replace, do_rename};
    choose_log("run.log");
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        test_note("deed %zu", i);
        host_begin(&host, REPLAY_MODE_RECORD, log_path, NULL);
        read_clocks(REPLAY_MODE_RECORD, 1, 0, EVENTS / 2);
        deeds[i]();
        read_clocks(REPLAY_MODE_RECORD, 1, EVENTS / 2, EVENTS);
        CHECK_STATUS(host_end(&host), ERROR_LOG_LOST);
        CHECK_HAS(host_last_error().message, log_path);
        unlink(log_path);
        unlink(in_log(".live"));
        expect_files("");
    }
    /* Whoever has moved it has all of it. */
    check_played(test_path("moved.log"), 1);
}

TEST(a_live_file_that_is_gone_costs_nothing_at_the_end) {
    choose_log("run.log");
    host_begin(&host, REPLAY_MODE_RECORD, log_path, NULL);
    read_clocks(REPLAY_MODE_RECORD, 1, 0, EVENTS);
    REQUIRE(unlink(in_log(".live")) == 0);
    CHECK_STATUS(host_end(&host), OK);
    CHECK_HAS(host.text, "run.log.live was removed");
    check_played(log_path, 1);
    host_begin(&host, REPLAY_MODE_RECORD, log_path, NULL);
    read_clocks(REPLAY_MODE_RECORD, 2, 0, EVENTS);
    REQUIRE(unlink(in_log(".live")) == 0);
    make_neighbour(TEXT, in_log(".live"));
    struct stat before;
    REQUIRE(lstat(in_log(".live"), &before) == 0);
    CHECK_STATUS(host_end(&host), OK);
    CHECK_HAS(host.text, "run.log.live is not the file");
    check_untouched(TEXT, in_log(".live"), &before);
    check_played(log_path, 2);
}
