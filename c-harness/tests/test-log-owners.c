/* SPDX-License-Identifier: MIT */
/* Several processes and sessions that want one log, and what others do to its files while it
 * is recorded. */
#include "log-files.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

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
    host_begin(&recorder, REPLAY_MODE_RECORD, log_name, NULL);
    read_clocks(REPLAY_MODE_RECORD, 1, 0, EVENTS / 2);
    REQUIRE(link(log_name, test_path("hard.log")) == 0);
    REQUIRE(symlink(log_name, test_path("symbolic.log")) == 0);
    CHECK_STATUS(try_other(REPLAY_MODE_RECORD, log_name), ERROR_LOG_BUSY);
    CHECK_STATUS(try_other(REPLAY_MODE_RECORD, test_path("hard.log")), ERROR_LOG_BUSY);
    CHECK_STATUS(try_other(REPLAY_MODE_RECORD, test_path("symbolic.log")), ERROR_LOG_NOT_A_LOG);
    read_clocks(REPLAY_MODE_RECORD, 1, EVENTS / 2, EVENTS);
    CHECK_STATUS(host_end(&recorder), OK);
    check_played(log_name, 1);
    check_played(test_path("symbolic.log"), 1);
}

TEST(a_recording_that_is_replayed_is_not_replaced) {
    choose_log("run.log");
    record(log_name, 1);
    REQUIRE(link(log_name, test_path("hard.log")) == 0);
    host_begin(&recorder, REPLAY_MODE_PLAY, log_name, NULL);
    read_clocks(REPLAY_MODE_PLAY, 1, 0, EVENTS / 2);
    CHECK_STATUS(try_other(REPLAY_MODE_RECORD, log_name), ERROR_LOG_BUSY);
    CHECK_STATUS(try_other(REPLAY_MODE_RECORD, test_path("hard.log")), ERROR_LOG_BUSY);
    CHECK_STATUS(try_other(REPLAY_MODE_PLAY, log_name), OK);
    read_clocks(REPLAY_MODE_PLAY, 1, EVENTS / 2, EVENTS);
    CHECK(host_run_to_end(&recorder, 3));
    CHECK_STATUS(host_end(&recorder), OK);
    record(log_name, 2);
    check_played(log_name, 2);
    check_played(test_path("hard.log"), 1);
}

TEST(two_recorders_that_prepare_one_name_exclude_each_other) {
    choose_log("run.log");
    host_init(&recorder);
    REQUIRE_STATUS(host_configure(&recorder, REPLAY_MODE_RECORD, log_name, NULL), OK);
    expect_files("NL");
    CHECK_STATUS(try_other(REPLAY_MODE_RECORD, log_name), ERROR_LOG_BUSY);
    host_start(&recorder, 3);
    expect_files("nl");
    read_clocks(REPLAY_MODE_RECORD, 1, 0, EVENTS);
    CHECK_STATUS(host_end(&recorder), OK);
    expect_files("n");
    check_played(log_name, 1);
}

/* Exits with 0 if the whole recording was made, with 1 if another one was first. */
static void record_or_be_refused(void) {
    host_init(&recorder);
    replay_status_t status =
        host_configure(&recorder, REPLAY_MODE_RECORD, log_name, "rrsegment=1024");
    if (status != REPLAY_OK)
        _exit(status == REPLAY_ERROR_LOG_BUSY ? 1 : 2);
    host_start(&recorder, 3);
    read_clocks(REPLAY_MODE_RECORD, 1, 0, EVENTS);
    _exit(host_end(&recorder) == REPLAY_OK ? 0 : 2);
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
        check_played(log_name, 1);
    }
}

/* ---------------------------------------------------- what others do meanwhile */

static void do_remove(void) {
    REQUIRE(unlink(log_name) == 0);
}
static void do_empty(void) {
    REQUIRE(truncate(log_name, 0) == 0);
}
static void do_cut(void) {
    REQUIRE(truncate(log_name, 70) == 0);
}
static void do_write(void) {
    test_write_file(log_name, "text\n", 5);
}
static void do_overwrite(void) {
    int file = open(log_name, O_WRONLY);
    REQUIRE(file >= 0 && pwrite(file, "text", 4, 2) == 4);
    close(file);
}
static void do_replace(void) {
    REQUIRE(unlink(log_name) == 0);
    test_write_file(log_name, "text\n", 5);
}
static void do_rename(void) {
    REQUIRE(rename(log_name, test_path("moved.log")) == 0);
}

TEST(a_recording_that_is_gone_is_reported_at_the_end) {
    static void (*const deeds[])(void) = {do_remove,    do_empty,   do_cut,   do_write,
                                          do_overwrite, do_replace, do_rename};
    choose_log("run.log");
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        test_note("deed %zu", i);
        host_begin(&recorder, REPLAY_MODE_RECORD, log_name, NULL);
        read_clocks(REPLAY_MODE_RECORD, 1, 0, EVENTS / 2);
        deeds[i]();
        read_clocks(REPLAY_MODE_RECORD, 1, EVENTS / 2, EVENTS);
        CHECK_STATUS(host_end(&recorder), ERROR_LOG_LOST);
        CHECK_HAS(host_last_error().message, log_name);
        unlink(log_name);
        unlink(in_log(".live"));
        expect_files("");
    }
    /* Whoever has moved it has all of it. */
    check_played(test_path("moved.log"), 1);
}

TEST(a_live_file_that_is_gone_costs_nothing_at_the_end) {
    choose_log("run.log");
    host_begin(&recorder, REPLAY_MODE_RECORD, log_name, NULL);
    read_clocks(REPLAY_MODE_RECORD, 1, 0, EVENTS);
    REQUIRE(unlink(in_log(".live")) == 0);
    CHECK_STATUS(host_end(&recorder), OK);
    CHECK_HAS(recorder.text, "run.log.live was removed");
    check_played(log_name, 1);
    host_begin(&recorder, REPLAY_MODE_RECORD, log_name, NULL);
    read_clocks(REPLAY_MODE_RECORD, 2, 0, EVENTS);
    REQUIRE(unlink(in_log(".live")) == 0);
    make_neighbour(TEXT, in_log(".live"));
    struct stat before;
    REQUIRE(lstat(in_log(".live"), &before) == 0);
    CHECK_STATUS(host_end(&recorder), OK);
    CHECK_HAS(recorder.text, "run.log.live is not the file");
    check_untouched(TEXT, in_log(".live"), &before);
    check_played(log_name, 2);
}
