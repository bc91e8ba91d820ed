/* SPDX-License-Identifier: MIT */
/* Reading logs in C: log.h on logs in every state, on every kind of event, with every mistake. */
#include "course.h"
#include "journey-host.h"
#include "log-files.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static replay_log_t *open_log(const char *path) {
    replay_error_t error = REPLAY_ERROR_INIT;
    replay_log_t *log = replay_log_open(path, &error);
    if (!log)
        test_fail(TEST_HERE, "%s can't be opened: %s", path, error.message);
    REQUIRE(log);
    CHECK_STATUS(error.status, OK);
    CHECK_STR(error.message, "");
    return log;
}

static replay_log_info_t info_of(replay_log_t *log) {
    replay_log_info_t info = REPLAY_LOG_INFO_INIT;
    CHECK_STATUS(replay_log_query(log, &info), OK);
    return info;
}

static replay_log_event_t next_of(replay_log_t *log) {
    replay_log_event_t event = REPLAY_LOG_EVENT_INIT;
    REQUIRE(replay_log_next(log, &event));
    CHECK_STATUS(replay_log_last_error(log, NULL), OK);
    return event;
}

static void check_end(replay_log_t *log) {
    replay_log_event_t event = REPLAY_LOG_EVENT_INIT;
    CHECK(!replay_log_next(log, &event));
    CHECK_STATUS(replay_log_last_error(log, NULL), OK);
}

static void record_course(const char *options) {
    script_run_t run;
    script_init(&run, REPLAY_MODE_RECORD, log_path(), STEPS(course));
    run.machine = "scripted";
    run.options = options;
    run.with_digest = run.with_disk = true;
    script_run(&run);
    CHECK_STATUS(script_status(&run), OK);
    script_free(&run);
}

/* ------------------------------------------------------------- description */

TEST(a_finished_log_is_described) {
    host_t host;
    host_init(&host);
    replay_config_t config =
        host_config(&host, REPLAY_MODE_RECORD, log_path(), "shift=3,sleep=off");
    config.created_ns = 1234567890123456789;
    REQUIRE_STATUS(replay_configure(&config), OK);
    replay_fingerprint("ram", "64 MiB");
    replay_fingerprint("firmware", "b\xFFios");
    host_start(&host, 3);
    for (int i = 0; i < 5; i++) {
        host_execute(&host, 3, 100);
        REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 1000 + i);
    }
    host_execute(&host, 3, 17);
    replay_mutex_unlock();
    replay_end_t end = REPLAY_END_INIT;
    end.cause = REPLAY_SHUTDOWN_GUEST_PANIC;
    end.exit_code = -3;
    CHECK_STATUS(replay_finish_with(&end), OK);

    replay_log_t *log = open_log(log_path());
    replay_log_info_t info = info_of(log);
    struct stat status;
    REQUIRE(stat(log_path(), &status) == 0);
    CHECK_EQ(info.size, sizeof info);
    CHECK_EQ(info.state, REPLAY_LOG_FINISHED);
    CHECK_EQ(info.events, 5);
    CHECK_EQ(info.icount, 517);
    CHECK_EQ(info.virtual_ns, 517 * 8);
    CHECK_EQ(info.bytes, status.st_size);
    CHECK_EQ(info.live_bytes, 0);
    CHECK_EQ(info.created_ns, config.created_ns);
    CHECK_EQ(info.has_digest, 0);
    CHECK_EQ(info.end_cause, REPLAY_SHUTDOWN_GUEST_PANIC);
    CHECK_EQ(info.end_exit_code, -3);
    CHECK_EQ(info.shift, 3);
    CHECK(info.log_version > 1);
    CHECK_EQ(info.snapshots, 0);
    CHECK_EQ(info.damaged, 0);
    CHECK_EQ(info.first_event, 0);
    CHECK_EQ(info.first_icount, 0);
    CHECK_STR(info.reason, "");
    CHECK(!info.parent);

    CHECK_STR(replay_log_fingerprint(log, "ram"), "64 MiB");
    CHECK_STR(replay_log_fingerprint(log, "firmware"), "b\xFFios");
    CHECK_STR(replay_log_fingerprint(log, "replay.sleep"), "off");
    CHECK(!replay_log_fingerprint(log, "colour"));
    CHECK_STATUS(replay_log_last_error(log, NULL), OK);
    uint32_t found = 0;
    for (uint32_t i = 0; i < info.fingerprint_fields; i++) {
        const char *key = NULL, *value = NULL;
        REQUIRE_STATUS(replay_log_fingerprint_at(log, i, &key, &value), OK);
        CHECK_STR(replay_log_fingerprint(log, key), value);
        found += strcmp(key, "ram") == 0 || strcmp(key, "firmware") == 0;
    }
    CHECK_EQ(found, 2);
    CHECK_STATUS(replay_log_fingerprint_at(log, 0, NULL, NULL), OK);
    replay_log_close(log);
}

TEST(a_shift_that_adapts_has_no_virtual_time) {
    host_begin(&recorder, REPLAY_MODE_RECORD, log_path(), "shift=auto");
    read_clocks(REPLAY_MODE_RECORD, 1, 0, 3);
    CHECK_STATUS(host_end(&recorder), OK);
    replay_log_t *log = open_log(log_path());
    CHECK_EQ(info_of(log).shift, REPLAY_SHIFT_AUTO);
    CHECK_EQ(info_of(log).virtual_ns, -1);
    CHECK_EQ(next_of(log).virtual_ns, -1);
    replay_log_close(log);
}

TEST(snapshots_beside_the_log_are_counted) {
    static journey_host_t m;
    journey_record(&m, 1, "rrsnap=1");
    replay_log_t *log = open_log(log_path());
    CHECK(info_of(log).snapshots > 0);
    CHECK_EQ(info_of(log).has_digest, 1);
    replay_log_close(log);
    /* Those of a different recording don't count. */
    char snap[500];
    snprintf(snap, sizeof snap, "%s.snap", test_path("other"));
    host_begin(&recorder, REPLAY_MODE_RECORD, test_path("other"), "shift=2");
    CHECK_STATUS(host_end(&recorder), OK);
    size_t length;
    snprintf(log_name, sizeof log_name, "%s", log_path());
    uint8_t *bytes = test_read_file(in_log(".snap"), &length);
    REQUIRE(bytes);
    test_write_file(snap, bytes, length);
    log = open_log(test_path("other"));
    CHECK_EQ(info_of(log).snapshots, 0);
    replay_log_close(log);
    /* Nor does a damaged head. */
    bytes[20] ^= 1;
    test_write_file(in_log(".snap"), bytes, length);
    free(bytes);
    log = open_log(log_path());
    CHECK_EQ(info_of(log).snapshots, 0);
    replay_log_close(log);
}

/* ------------------------------------------------------------------ events */

TEST(every_kind_of_event_is_read) {
    record_course("rrdata=on");
    replay_log_t *log = open_log(log_path());
    replay_log_event_t event = REPLAY_LOG_EVENT_INIT;
    uint64_t count = 0, last = 0;
    unsigned packets = 0, typed = 0, clocks = 0, digests = 0, reads = 0;
    while (replay_log_next(log, &event)) {
        CHECK_EQ(event.size, sizeof event);
        CHECK_EQ(event.event, count++);
        CHECK(event.icount >= last);
        last = event.icount;
        CHECK(event.kind > 0 && event.kind < 64 && strncmp(event.kind_name, "KIND_", 5) != 0);
        CHECK(event.role == REPLAY_THREAD_VCPU || event.role == REPLAY_THREAD_IO);
        CHECK(event.value_count <= REPLAY_LOG_VALUES);
        for (uint32_t i = 0; i < event.value_count; i++)
            CHECK(*event.value_names[i] && strncmp(event.value_names[i], "field", 5) != 0);
        if (strcmp(event.kind_name, "NET") == 0) {
            packets++;
            CHECK_EQ(event.value_count, 2);
            CHECK_STR(event.value_names[1], "flags");
            CHECK_EQ(event.values[1], 3);
            CHECK_EQ(event.length, 8);
            CHECK_BYTES(event.bytes, "a packet", 8);
        } else if (strcmp(event.kind_name, "CHAR_READ") == 0) {
            typed++;
            CHECK_STR(event.value_names[0], "device");
            CHECK_EQ(event.length, 5);
            CHECK_BYTES(event.bytes, "typed", 5);
        } else if (strcmp(event.kind_name, "CLOCK_HOST") == 0) {
            CHECK_STR(event.value_names[0], "ns");
            CHECK_EQ(event.values[0], clocks++ ? 3000000 : 1000000);
            CHECK(!event.bytes);
            CHECK_EQ(event.length, 0);
        } else if (strcmp(event.kind_name, "HOST_DIGEST") == 0) {
            digests++;
            CHECK_STR(event.value_names[0], "digest");
            CHECK_EQ(event.values[0], 777);
        } else if (strcmp(event.kind_name, "BLOCK_DATA") == 0) {
            reads++;
            CHECK_STR(event.value_names[0], "request");
            CHECK_EQ(event.length, 512);
        }
    }
    CHECK_STATUS(replay_log_last_error(log, NULL), OK);
    CHECK_EQ(count, info_of(log).events);
    CHECK_EQ(packets, 1);
    CHECK_EQ(typed, 1);
    CHECK_EQ(clocks, 2);
    CHECK_EQ(digests, 1);
    CHECK_EQ(reads, 1);
    replay_log_close(log);
}

static void receive_input(void *opaque, const replay_input_t *input) {
    (void)opaque, (void)input;
}

TEST(the_origin_of_an_input_is_among_its_values) {
    host_t host;
    host_init(&host);
    host.callbacks.input_from = receive_input;
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    host_start(&host, 3);
    host_execute(&host, 3, 10);
    replay_input_t input = REPLAY_INPUT_INIT;
    input.kind = REPLAY_INPUT_KEY;
    input.port = 5;
    input.device = 7;
    input.code = 30;
    input.value = 1;
    CHECK_STATUS(replay_input_event_from(&input), OK);
    replay_async_events();
    CHECK_STATUS(host_end(&host), OK);
    replay_log_t *log = open_log(log_path());
    replay_log_event_t event = next_of(log);
    while (strcmp(event.kind_name, "INPUT_FROM") != 0)
        event = next_of(log);
    CHECK_EQ(event.value_count, 8);
    static const char *const names[] = {"kind",        "code",  "axis", "slot",
                                        "tracking_id", "value", "port", "device"};
    const int64_t values[] = {REPLAY_INPUT_KEY,  30, input.axis, input.slot,
                              input.tracking_id, 1,  5,          7};
    for (int i = 0; i < 8; i++) {
        CHECK_STR(event.value_names[i], names[i]);
        CHECK_EQ(event.values[i], values[i]);
    }
    replay_log_close(log);
}

TEST(seeks_find_the_same_events_as_reading_on) {
    host_begin(&recorder, REPLAY_MODE_RECORD, log_path(), "rrsegment=256");
    read_clocks(REPLAY_MODE_RECORD, 4, 0, EVENTS);
    CHECK_STATUS(host_end(&recorder), OK);
    static uint64_t icounts[EVENTS];
    static int64_t values[EVENTS];
    replay_log_t *log = open_log(log_path());
    for (int i = 0; i < EVENTS; i++) {
        replay_log_event_t event = next_of(log);
        icounts[i] = event.icount;
        values[i] = event.values[0];
    }
    check_end(log);
    check_end(log);
    uint64_t seed = 5;
    for (int i = 0; i < 400; i++) {
        uint64_t number = i == 0 ? 0 : test_random(&seed) % EVENTS;
        CHECK_STATUS(replay_log_seek_event(log, number), OK);
        CHECK_EQ(next_of(log).values[0], values[number]);
        uint64_t icount = i == 0 ? 0 : test_random(&seed) % (icounts[EVENTS - 1] + 1), first = 0;
        while (icounts[first] < icount)
            first++;
        CHECK_STATUS(replay_log_seek(log, icount), OK);
        CHECK_EQ(next_of(log).event, first);
        if (first + 1 < EVENTS)
            CHECK_EQ(next_of(log).values[0], values[first + 1]);
    }
    CHECK_STATUS(replay_log_seek_event(log, EVENTS), OK);
    check_end(log);
    CHECK_STATUS(replay_log_seek(log, UINT64_MAX), OK);
    check_end(log);
    CHECK_STATUS(replay_log_seek(log, icounts[EVENTS - 1] + 1), OK);
    check_end(log);
    CHECK_STATUS(replay_log_seek_event(log, EVENTS + 1), ERROR_INVALID_ARGUMENT);
    replay_error_t error = REPLAY_ERROR_INIT;
    CHECK_STATUS(replay_log_last_error(log, &error), ERROR_INVALID_ARGUMENT);
    CHECK_HAS(error.message, "has no event 501");
    CHECK_STATUS(replay_log_seek_event(log, 1), OK);
    CHECK_STATUS(replay_log_last_error(log, NULL), OK);
    CHECK_EQ(next_of(log).event, 1);
    replay_log_close(log);
}

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
    check_end(log);
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
    check_end(log);
    replay_log_close(log);
    char live[500];
    snprintf(live, sizeof live, "%s.live", log_path());
    REQUIRE(unlink(live) == 0);
    log = open_log(log_path());
    CHECK_EQ(info_of(log).state, REPLAY_LOG_CUT);
    CHECK(*info_of(log).reason);
    check_end(log);
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
    REQUIRE_STATUS(replay_branch(test_path("branch")), OK);
    CHECK_STATUS(host_end(&recorder), OK);
    replay_log_t *log = open_log(test_path("branch"));
    CHECK_HAS(info_of(log).parent, "events 100, icount 1000, checksum ");
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
