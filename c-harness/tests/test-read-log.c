/* SPDX-License-Identifier: MIT */
/* Reading logs in C: what log.h says of a finished log, on every kind of event. */
#include "course.h"
#include "journey-host.h"
#include "log-files.h"
#include "log-reading.h"

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
    check_log_end(log);
    check_log_end(log);
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
    check_log_end(log);
    CHECK_STATUS(replay_log_seek(log, UINT64_MAX), OK);
    check_log_end(log);
    CHECK_STATUS(replay_log_seek(log, icounts[EVENTS - 1] + 1), OK);
    check_log_end(log);
    CHECK_STATUS(replay_log_seek_event(log, EVENTS + 1), ERROR_INVALID_ARGUMENT);
    replay_error_t error = REPLAY_ERROR_INIT;
    CHECK_STATUS(replay_log_last_error(log, &error), ERROR_INVALID_ARGUMENT);
    CHECK_HAS(error.message, "has no event 501");
    CHECK_STATUS(replay_log_seek_event(log, 1), OK);
    CHECK_STATUS(replay_log_last_error(log, NULL), OK);
    CHECK_EQ(next_of(log).event, 1);
    replay_log_close(log);
}
