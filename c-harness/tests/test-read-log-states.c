/* SPDX-License-Identifier: MIT */
/* Reading logs in C: log.h on logs in every state, beside sessions, and with every mistake. */
#include "log-files.h"
#include "log-reading.h"
#include "positions.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* ------------------------------------------------------------------- states */

TEST(a_log_that_is_being_recorded_is_read_as_far_as_it_is) {
    host_begin(&recorder, REPLAY_MODE_RECORD, log_path(), NULL);
    read_clocks(REPLAY_MODE_RECORD, 4, 0, 100);
    replay_log_t *log = open_log(log_path());
    read_clocks(REPLAY_MODE_RECORD, 4, 100, 150);
    replay_log_info_t info = info_of(log);
    CHECK_EQ(info.state, REPLAY_LOG_RUNNING);
    CHECK_EQ(info.events, 100);
    CHECK_EQ(info.icount, 1000);
    CHECK(info.live_bytes > 0);
    CHECK_STR(info.reason, "");
    for (int i = 0; i < 100; i++)
        CHECK_EQ(next_of(log).event, i);
    check_log_end(log);
    replay_log_close(log);
    log = open_log(log_path());
    CHECK_STATUS(replay_log_seek_event(log, 100), OK);
    CHECK_EQ(next_of(log).icount, 1010);
    CHECK_EQ(info_of(log).events, 150);
    replay_log_close(log);
    CHECK_STATUS(host_end(&recorder), OK);
}

static void die_after(uint64_t events) {
    pid_t child = fork();
    if (child == 0) {
        host_begin(&recorder, REPLAY_MODE_RECORD, log_path(), NULL);
        read_clocks(REPLAY_MODE_RECORD, 4, 0, events);
        kill(getpid(), SIGKILL);
    }
    REQUIRE(waitpid(child, NULL, 0) == child);
}

TEST(what_a_recorder_that_died_left_is_read) {
    die_after(77);
    replay_log_t *log = open_log(log_path());
    replay_log_info_t info = info_of(log);
    CHECK_EQ(info.state, REPLAY_LOG_DIED);
    CHECK_EQ(info.events, 77);
    CHECK_EQ(info.icount, 770);
    CHECK_HAS(info.reason, "replay_finish()");
    CHECK_EQ(info.recorder_errno, 0);
    for (int i = 0; i < 77; i++)
        CHECK_EQ(next_of(log).event, i);
    check_log_end(log);
    replay_log_close(log);
    char live[500];
    snprintf(live, sizeof live, "%s.live", log_path());
    REQUIRE(unlink(live) == 0);
    log = open_log(log_path());
    CHECK_EQ(info_of(log).state, REPLAY_LOG_CUT);
    CHECK(*info_of(log).reason);
    check_log_end(log);
    replay_log_close(log);
}

TEST(a_damage_is_reported_where_it_is) {
    host_begin(&recorder, REPLAY_MODE_RECORD, log_path(), "rrsegment=256");
    read_clocks(REPLAY_MODE_RECORD, 4, 0, EVENTS);
    CHECK_STATUS(host_end(&recorder), OK);
    size_t length;
    uint8_t *bytes = test_read_file(log_path(), &length);
    REQUIRE(bytes);
    bytes[length / 2] ^= 1;
    test_write_file(log_path(), bytes, length);
    free(bytes);
    replay_log_t *log = open_log(log_path());
    replay_log_event_t event = REPLAY_LOG_EVENT_INIT;
    uint64_t count = 0;
    while (replay_log_next(log, &event))
        count++;
    CHECK(count > 0 && count < EVENTS);
    replay_error_t error = REPLAY_ERROR_INIT;
    CHECK_STATUS(replay_log_last_error(log, &error), ERROR_LOG_DAMAGED);
    CHECK_HAS(error.message, "at byte");
    CHECK_EQ(error.event_index, count);
    CHECK(!replay_log_next(log, &event));
    CHECK_STATUS(replay_log_last_error(log, NULL), ERROR_LOG_DAMAGED);
    CHECK_STATUS(replay_log_seek_event(log, 0), OK);
    CHECK_EQ(next_of(log).event, 0);
    CHECK_STATUS(replay_log_seek_event(log, count), ERROR_LOG_DAMAGED);
    CHECK_STATUS(replay_log_seek_event(log, EVENTS - 1), OK); /* after the damage */
    CHECK_EQ(next_of(log).event, EVENTS - 1);
    replay_log_close(log);
}

TEST_SLOW(no_damage_ends_the_process, 60) {
    host_begin(&recorder, REPLAY_MODE_RECORD, log_path(), "rrsegment=256");
    read_clocks(REPLAY_MODE_RECORD, 4, 0, 60);
    CHECK_STATUS(host_end(&recorder), OK);
    size_t length;
    uint8_t *bytes = test_read_file(log_path(), &length);
    REQUIRE(bytes);
    uint64_t seed = test_seed();
    for (int i = 0; i < 600; i++) {
        size_t at = test_random(&seed) % length;
        uint8_t bit = (uint8_t)(1u << test_random(&seed) % 8);
        bytes[at] ^= bit;
        test_write_file(log_path(), bytes, i % 5 ? length : at);
        bytes[at] ^= bit;
        replay_error_t error = REPLAY_ERROR_INIT;
        replay_log_t *log = replay_log_open(log_path(), &error);
        if (!log) {
            CHECK(error.status < 0 && *error.message);
            continue;
        }
        replay_log_info_t info = info_of(log);
        replay_log_event_t event = REPLAY_LOG_EVENT_INIT;
        uint64_t count = 0;
        while (replay_log_next(log, &event))
            count++;
        CHECK(count <= 60);
        replay_status_t status = replay_log_last_error(log, NULL);
        CHECK(status == REPLAY_OK || status == REPLAY_ERROR_LOG_DAMAGED);
        if (status == REPLAY_OK && info.state == REPLAY_LOG_FINISHED && !info.damaged)
            test_fail(TEST_HERE, "the flip of byte %zu was not found", at);
        replay_log_seek(log, test_random(&seed) % 700);
        replay_log_next(log, &event);
        replay_log_close(log);
    }
    free(bytes);
}

/* ------------------------------------------------------------------ sessions */

TEST(a_branch_names_its_parent) {
    record(log_path(), 4);
    host_begin(&recorder, REPLAY_MODE_PLAY, log_path(), NULL);
    read_clocks(REPLAY_MODE_PLAY, 4, 0, 100);
    /* A position of the parent has the checksum of its log up to there. */
    static memory_t position;
    uint64_t checksum;
    char parent[80];
    CHECK_STATUS(save(&position), OK);
    memcpy(&checksum, position.bytes + 32, sizeof checksum);
    snprintf(parent, sizeof parent, "events 100, icount 1000, checksum %016llx",
             (unsigned long long)checksum);
    REQUIRE_STATUS(replay_branch(test_path("branch")), OK);
    CHECK_STATUS(host_end(&recorder), OK);
    replay_log_t *log = open_log(test_path("branch"));
    CHECK_STR(info_of(log).parent, parent);
    CHECK_STR(info_of(log).parent, replay_log_fingerprint(log, "replay.parent"));
    replay_log_close(log);
}

TEST(reading_does_not_touch_a_session) {
    record(log_path(), 4);
    record(test_path("other"), 5);
    host_begin(&recorder, REPLAY_MODE_PLAY, log_path(), NULL);
    read_clocks(REPLAY_MODE_PLAY, 4, 0, 10);
    replay_log_t *same = open_log(log_path()), *other = open_log(test_path("other"));
    CHECK_EQ(next_of(same).event, 0);
    CHECK_EQ(next_of(other).event, 0);
    CHECK(!replay_log_open(test_path("nowhere"), NULL));
    CHECK_STATUS(replay_log_query(NULL, NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_last_error(NULL), OK);
    CHECK_EQ(next_of(same).event, 1);
    read_clocks(REPLAY_MODE_PLAY, 4, 10, EVENTS);
    CHECK(host_run_to_end(&recorder, 3));
    CHECK_STATUS(host_end(&recorder), OK);
    CHECK_EQ(next_of(other).event, 1);
    replay_log_close(other);
    /* Nobody replaces a log that is being read. */
    CHECK_STATUS(host_configure(&recorder, REPLAY_MODE_RECORD, log_path(), NULL), ERROR_LOG_BUSY);
    replay_log_close(same);
    record(log_path(), 6);
}

/* ------------------------------------------------------------------- mistakes */

static void check_refused(const char *path, replay_status_t status, const char *part) {
    replay_error_t error = REPLAY_ERROR_INIT;
    CHECK(!replay_log_open(path, &error));
    CHECK_STATUS_IS(error.status, status);
    CHECK_HAS(error.message, part);
    CHECK(!replay_log_open(path, NULL));
}

TEST(what_is_not_a_log_is_refused_with_a_reason) {
    check_refused(NULL, REPLAY_ERROR_INVALID_ARGUMENT, "name of a log");
    check_refused("", REPLAY_ERROR_LOG_NOT_FOUND, "no usable name");
    check_refused(test_path("nowhere"), REPLAY_ERROR_LOG_NOT_FOUND, "No such file");
    check_refused(test_path("."), REPLAY_ERROR_LOG_NOT_A_LOG, "not a regular file");
    test_write_file(test_path("empty"), "", 0);
    check_refused(test_path("empty"), REPLAY_ERROR_LOG_EMPTY, "is empty");
    test_write_file(test_path("notes"), "my notes, which are long enough for a header", 44);
    check_refused(test_path("notes"), REPLAY_ERROR_LOG_NOT_A_LOG, "is not a recording");
    static const uint8_t qemu[80] = {0, 0xE0, 0x20, 0x0C, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
    test_write_file(test_path("qemu"), qemu, sizeof qemu);
    check_refused(test_path("qemu"), REPLAY_ERROR_LOG_NOT_A_LOG,
                  "log of QEMU's; the tool replay-log");
    record(log_path(), 1);
    size_t length;
    uint8_t *bytes = test_read_file(log_path(), &length);
    REQUIRE(bytes && length > 200);
    bytes[150] ^= 4;
    test_write_file(log_path(), bytes, length);
    free(bytes);
    check_refused(log_path(), REPLAY_ERROR_LOG_DAMAGED, "chunk 0 at byte 64");
}

TEST(mistakes_are_reported_by_the_handle) {
    replay_error_t error = REPLAY_ERROR_INIT;
    CHECK_STATUS(replay_log_last_error(NULL, &error), ERROR_INVALID_ARGUMENT);
    CHECK_HAS(error.message, "open log");
    CHECK_STATUS(replay_log_query(NULL, NULL), ERROR_INVALID_ARGUMENT);
    CHECK(!replay_log_fingerprint(NULL, "ram"));
    CHECK_STATUS(replay_log_fingerprint_at(NULL, 0, NULL, NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_log_seek(NULL, 0), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_log_seek_event(NULL, 0), ERROR_INVALID_ARGUMENT);
    CHECK(!replay_log_next(NULL, NULL));
    replay_log_close(NULL);

    record(log_path(), 1);
    error.size = 7;
    CHECK(!replay_log_open(log_path(), &error));
    CHECK(!replay_log_open(test_path("nowhere"), &error));
    replay_log_t *log = open_log(log_path());
    CHECK_STATUS(replay_log_last_error(log, &error), ERROR_STRUCT_SIZE);
    CHECK_STATUS(replay_log_query(log, NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_log_last_error(log, NULL), ERROR_INVALID_ARGUMENT);
    replay_log_info_t info = {.size = 7};
    CHECK_STATUS(replay_log_query(log, &info), ERROR_STRUCT_SIZE);
    CHECK(!replay_log_fingerprint(log, NULL));
    CHECK_STATUS(replay_log_last_error(log, NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_log_fingerprint_at(log, 10000, NULL, NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_log_fingerprint_at(log, UINT32_MAX, NULL, NULL), ERROR_INVALID_ARGUMENT);
    CHECK(!replay_log_next(log, NULL));
    CHECK_STATUS(replay_log_last_error(log, NULL), ERROR_INVALID_ARGUMENT);
    replay_log_event_t event = {.size = 7};
    CHECK(!replay_log_next(log, &event));
    CHECK_STATUS(replay_log_last_error(log, NULL), ERROR_STRUCT_SIZE);
    CHECK_EQ(next_of(log).event, 0); /* no mistake has moved it */
    replay_log_close(log);

    /* A handle that was closed is known as such until its place is used again. */
    replay_log_close(log);
    CHECK_STATUS(replay_log_query(log, &info), ERROR_INVALID_ARGUMENT);
    CHECK(!replay_log_next(log, &event));
}

TEST(structs_of_other_sizes_are_filled_as_far_as_they_go) {
    record(log_path(), 1);
    replay_log_t *log = open_log(log_path());
    union {
        replay_log_info_t info;
        replay_log_event_t event;
        uint8_t bytes[1024];
    } room;
    for (uint32_t size = 8; size <= 1024; size += 8) {
        memset(&room, 0xA5, sizeof room);
        room.info.size = size;
        CHECK_STATUS(replay_log_query(log, &room.info), OK);
        CHECK_EQ(room.info.size, size);
        CHECK_EQ(room.info.state, REPLAY_LOG_FINISHED);
        for (size_t i = size < sizeof room.info ? size : sizeof room.info; i < sizeof room; i++)
            if (room.bytes[i] != 0xA5)
                test_fail(TEST_HERE, "byte %zu beyond a size of %u was written", i, size);
        memset(&room, 0xA5, sizeof room);
        room.event.size = size;
        CHECK(replay_log_next(log, &room.event));
        CHECK_EQ(room.event.size, size);
        for (size_t i = size < sizeof room.event ? size : sizeof room.event; i < sizeof room; i++)
            if (room.bytes[i] != 0xA5)
                test_fail(TEST_HERE, "byte %zu beyond a size of %u was written", i, size);
    }
    replay_log_close(log);
}
