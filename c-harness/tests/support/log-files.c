/* SPDX-License-Identifier: MIT */
#include "log-files.h"

#include <unistd.h>

host_t recorder;
char log_name[400];

const char *in_log(const char *suffix) {
    static char paths[8][440];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s%s", log_name, suffix);
    return path;
}

void choose_log(const char *name) {
    snprintf(log_name, sizeof log_name, "%s", test_path(name));
}

static int64_t value_of(uint64_t n, uint64_t salt) {
    uint64_t seed = n + salt * 1000003;
    return (int64_t)(test_random(&seed) >> 8);
}

void read_clocks(replay_mode_t mode, uint64_t salt, uint64_t from, uint64_t to) {
    for (uint64_t n = from; n < to && !host_stopped(&recorder); n++) {
        host_execute(&recorder, 3, 10);
        int64_t got = REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, value_of(n, salt));
        if (mode == REPLAY_MODE_PLAY)
            CHECK_EQ(got, value_of(n, salt));
    }
}

void record(const char *path, uint64_t salt) {
    host_begin(&recorder, REPLAY_MODE_RECORD, path, NULL);
    read_clocks(REPLAY_MODE_RECORD, salt, 0, EVENTS);
    CHECK_STATUS(host_end(&recorder), OK);
}

void check_played(const char *path, uint64_t salt) {
    host_begin(&recorder, REPLAY_MODE_PLAY, path, NULL);
    read_clocks(REPLAY_MODE_PLAY, salt, 0, EVENTS);
    CHECK(host_run_to_end(&recorder, 3));
    CHECK_EQ(host_info().events, EVENTS);
    CHECK_STATUS(host_end(&recorder), OK);
}

bool exists(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

void expect_files(const char *suffixes) {
    static const char *const all[] = {"", ".live", ".new", ".live.new"};
    for (int i = 0; i < 4; i++)
        if (exists(in_log(all[i])) != (strchr(suffixes, "nlNL"[i]) != NULL))
            test_fail(TEST_HERE, "NAME%s is %sthere", all[i], exists(in_log(all[i])) ? "" : "not ");
}

void make_neighbour(neighbour_t kind, const char *path) {
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

void check_untouched(neighbour_t kind, const char *path, const struct stat *before) {
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
