/* SPDX-License-Identifier: MIT */
/* The life of a session: configure, fingerprint, start, finish, query, errors. */
#include "scripted-host.h"

#include <sys/stat.h>
#include <unistd.h>

static const step_t course[] = {
    {OP_EXECUTE, 100}, {OP_CLOCK, 5000, REPLAY_CLOCK_HOST},
    {OP_EXECUTE, 50},  {OP_CHECKPOINT, REPLAY_CHECKPOINT_INIT},
    {OP_EXECUTE, 25},
};

static const char *recorded(void) {
    script_run_t run;
    const char *path = test_path("run.log");
    script_record(&run, path, STEPS(course));
    script_free(&run);
    return path;
}

TEST(recording_enters_and_leaves_its_mode) {
    host_t host;
    const char *path = test_path("run.log");
    host_begin(&host, REPLAY_MODE_RECORD, path, NULL);
    CHECK_EQ(replay_mode, REPLAY_MODE_RECORD);
    CHECK_EQ(replay_get_mode(), REPLAY_MODE_RECORD);
    CHECK_STR(replay_get_filename(), path);
    CHECK(replay_events_enabled());
    CHECK_STATUS(replay_vmstate_init(), OK);
    CHECK_STATUS(host_end(&host), OK);
    CHECK_EQ(replay_mode, REPLAY_MODE_NONE);
    CHECK_EQ(replay_get_mode(), REPLAY_MODE_NONE);
    CHECK(replay_get_filename() == NULL);
    CHECK(!replay_events_enabled());
    CHECK_STATUS(replay_finish(), ERROR_WRONG_STATE);
    CHECK_EQ(access(path, R_OK), 0);
}

TEST(the_mode_is_entered_by_configuring) {
    host_t host;
    host_init(&host);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, test_path("a.log"), NULL), OK);
    CHECK_EQ(replay_mode, REPLAY_MODE_RECORD);
    CHECK(!replay_events_enabled());
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, test_path("b.log"), NULL),
                 ERROR_WRONG_STATE);
    CHECK_EQ(replay_mode, REPLAY_MODE_RECORD);
    CHECK(access(test_path("b.log"), F_OK) != 0);
    CHECK_STATUS(replay_finish(), OK);
}

TEST(a_session_can_be_configured_anew) {
    const char *path = recorded();
    script_run_t play;
    for (int i = 0; i < 3; i++) {
        script_init(&play, REPLAY_MODE_PLAY, path, STEPS(course));
        script_run(&play);
        CHECK_STATUS(script_status(&play), OK);
        script_free(&play);
    }
    recorded();
}

TEST(playing_reaches_the_end_and_stops_the_machine) {
    script_run_t record, play;
    const char *path = test_path("run.log");
    script_record(&record, path, STEPS(course));
    CHECK_EQ(record.host.stops, 0);
    CHECK_EQ(record.info.mode, REPLAY_MODE_RECORD);
    CHECK_EQ(record.info.events, 2);
    CHECK_EQ(record.info.icount >= 150, true);
    CHECK_EQ(record.info.at_end, 0);
    CHECK(record.info.event_bytes > 0);
    CHECK(record.info.log_version > 0);
    script_init(&play, REPLAY_MODE_PLAY, path, STEPS(course));
    script_run(&play);
    CHECK_STATUS(script_status(&play), OK);
    script_check_same(TEST_HERE, &play, &record);
    CHECK_EQ(play.host.icount, 175);
    CHECK_EQ(play.host.stops, 1);
    CHECK_EQ(play.host.stop_reason, REPLAY_STOP_END);
    CHECK(!play.host.stop_had_error);
    CHECK_EQ(play.info.mode, REPLAY_MODE_PLAY);
    CHECK_EQ(play.info.events, 2);
    CHECK_EQ(play.info.total_events, 2);
    CHECK_EQ(play.info.at_end, 1);
    CHECK_EQ(play.info.log_finished, 1);
    CHECK_EQ(play.info.icount, 175);
    CHECK_EQ(play.info.log_version, record.info.log_version);
}

TEST(an_empty_recording_is_reported) {
    host_t host;
    const char *path = test_path("run.log");
    host_begin(&host, REPLAY_MODE_RECORD, path, NULL);
    CHECK_STATUS(host_end(&host), OK);
    host_init(&host);
    replay_status_t status = host_configure(&host, REPLAY_MODE_PLAY, path, NULL);
    if (status == REPLAY_OK) { /* finished at icount 0: it ends where it starts */
        host_start(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
        CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
        CHECK_EQ(host.stop_reason, REPLAY_STOP_END);
        CHECK_EQ(host.icount, 0);
        CHECK_STATUS(host_end(&host), OK);
    } else {
        CHECK_STATUS(status, ERROR_LOG_EMPTY);
    }
}

TEST(instructions_without_events_are_replayed) {
    static const step_t steps[] = {{OP_EXECUTE, 12345}};
    script_check_round_trip(TEST_HERE, NULL, STEPS(steps));
}

TEST(stopping_short_is_reported) {
    const char *path = recorded();
    for (size_t count = 0; count < 4; count++) {
        script_run_t play;
        script_init(&play, REPLAY_MODE_PLAY, path, course, count);
        play.leave_early = true;
        script_run(&play);
        CHECK_STATUS(play.finished, ERROR_STOPPED_SHORT);
        CHECK_STATUS(play.error.status, ERROR_STOPPED_SHORT);
        CHECK(*play.error.message != 0);
        CHECK(*play.error.expected != 0);
        script_free(&play);
    }
}

/* Records 1,000 instructions and two interrupts, and ends as @p end says. */
static void record_end(const replay_end_t *end) {
    host_t host;
    host_begin(&host, REPLAY_MODE_RECORD, test_path("run.log"), NULL);
    host_execute(&host, 3, 500);
    CHECK(replay_interrupt());
    CHECK(replay_interrupt());
    CHECK_STATUS(replay_shutdown_request(REPLAY_SHUTDOWN_HOST_UI), OK);
    host_execute(&host, 3, 500);
    CHECK_EQ(host_info().total_icount, 0);
    CHECK_STATUS(replay_mutex_unlock(), OK);
    REQUIRE_STATUS(replay_finish_with(end), OK);
}

TEST(the_end_of_a_log_has_a_cause_an_exit_code_and_its_size) {
    replay_end_t end = REPLAY_END_INIT;
    end.cause = REPLAY_SHUTDOWN_GUEST_PANIC;
    end.exit_code = INT32_MIN;
    for (int which = 0; which < 3; which++) {
        /* NULL, and no cause: that of the last request. */
        if (which == 2)
            end = (replay_end_t)REPLAY_END_INIT;
        record_end(which == 0 ? NULL : &end);
        host_t host;
        host_begin(&host, REPLAY_MODE_PLAY, test_path("run.log"), NULL);
        replay_info_t info = host_info();
        CHECK_EQ(info.total_icount, 1000);
        CHECK_EQ(info.total_events, 3);
        CHECK_EQ(info.end_cause,
                 which == 1 ? REPLAY_SHUTDOWN_GUEST_PANIC : REPLAY_SHUTDOWN_HOST_UI);
        CHECK_EQ(info.end_exit_code, which == 1 ? INT32_MIN : 0);
        CHECK(info.icount < info.total_icount);
        host_execute(&host, 3, 500);
        CHECK(replay_interrupt());
        CHECK(replay_interrupt());
        CHECK(host_run_to_end(&host, 3));
        CHECK_EQ(host_info().icount, info.total_icount);
        CHECK_EQ(host_info().events, info.total_events);
        CHECK_STATUS(replay_mutex_unlock(), OK);
        CHECK_STATUS(replay_finish_with(&end), OK);
    }
}

TEST(a_replay_may_end_on_purpose) {
    record_end(NULL);
    replay_end_t end = REPLAY_END_INIT;
    end.on_purpose = 1;
    for (uint64_t at = 0; at <= 500; at += 250) {
        host_t host;
        host_begin(&host, REPLAY_MODE_PLAY, test_path("run.log"), NULL);
        host_execute(&host, 3, at);
        CHECK_STATUS(replay_mutex_unlock(), OK);
        CHECK_STATUS(replay_finish_with(&end), OK);
        CHECK_ERROR(OK);
        CHECK_EQ(atomic_load(&host.error_messages), 0);
    }
    /* What failed before stays a failure. */
    host_t host;
    host_begin(&host, REPLAY_MODE_PLAY, test_path("run.log"), NULL);
    host.icount = 501;
    CHECK_STATUS(replay_account_executed_instructions(), ERROR_DIVERGENCE);
    CHECK_STATUS(replay_mutex_unlock(), OK);
    CHECK_STATUS(replay_finish_with(&end), ERROR_DIVERGENCE);
}

TEST(a_refused_end_leaves_the_session_as_it_is) {
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_RECORD; mode++) {
        host_t host;
        host_begin(&host, mode, mode ? test_path("run.log") : NULL, NULL);
        replay_end_t end = REPLAY_END_INIT;
        end.size--;
        CHECK_STATUS(replay_finish_with(&end), ERROR_STRUCT_SIZE);
        end.size++;
        end.cause = REPLAY_SHUTDOWN_COUNT;
        CHECK_STATUS(replay_finish_with(&end), ERROR_INVALID_ARGUMENT);
        end.cause = -1;
        CHECK_STATUS(replay_finish_with(&end), ERROR_INVALID_ARGUMENT);
        end.cause = 0;
        end.on_purpose = 2;
        CHECK_STATUS(replay_finish_with(&end), ERROR_INVALID_ARGUMENT);
        CHECK_EQ(replay_get_mode(), mode);
        end.on_purpose = 1;
        host_execute(&host, 3, 10);
        CHECK_STATUS(replay_mutex_unlock(), OK);
        CHECK_STATUS(replay_finish_with(&end), OK);
        CHECK_STATUS(replay_finish_with(NULL), ERROR_WRONG_STATE);
    }
}

TEST(a_failure_is_reported_after_finish_until_the_next_configuration) {
    const char *path = recorded();
    script_run_t play;
    script_init(&play, REPLAY_MODE_PLAY, path, course, 1);
    play.leave_early = true;
    script_run(&play);
    CHECK_ERROR(ERROR_STOPPED_SHORT);
    host_t host;
    host_init(&host);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_PLAY, path, NULL), OK);
    CHECK_ERROR(OK);
    replay_finish();
}

/* ----------------------------------------------------------- configuration */

TEST(a_configuration_is_checked) {
    host_t host;
    host_init(&host);
    const char *path = test_path("run.log");
    CHECK_STATUS(replay_configure(NULL), ERROR_INVALID_ARGUMENT);
    CHECK_ERROR(ERROR_INVALID_ARGUMENT);
    replay_config_t config = host_config(&host, REPLAY_MODE_RECORD, path, NULL);
    config.host = NULL;
    CHECK_STATUS(replay_configure(&config), ERROR_INVALID_ARGUMENT);
    CHECK_HAS(host_last_error().message, "replay_config_t's host is NULL");
    config = host_config(&host, REPLAY_MODE_RECORD, NULL, NULL);
    CHECK_STATUS(replay_configure(&config), ERROR_BAD_OPTION);
    CHECK_HAS(host_last_error().message, "rrfile");
    config = host_config(&host, REPLAY_MODE_PLAY, NULL, NULL);
    CHECK_STATUS(replay_configure(&config), ERROR_BAD_OPTION);
    config = host_config(&host, 3, path, NULL);
    CHECK_STATUS(replay_configure(&config), ERROR_INVALID_ARGUMENT);
    config = host_config(&host, -1, path, NULL);
    CHECK_STATUS(replay_configure(&config), ERROR_INVALID_ARGUMENT);
    config = host_config(&host, REPLAY_MODE_RECORD, path, NULL);
    config.shift = 11;
    CHECK_STATUS(replay_configure(&config), ERROR_BAD_OPTION);
    config.shift = -3;
    CHECK_STATUS(replay_configure(&config), ERROR_BAD_OPTION);
    config = host_config(&host, REPLAY_MODE_RECORD, path, NULL);
    config.segment_bytes = 17;
    CHECK_STATUS(replay_configure(&config), ERROR_BAD_OPTION);
    config = host_config(&host, REPLAY_MODE_RECORD, path, NULL);
    config.sleep = 3;
    CHECK_STATUS(replay_configure(&config), ERROR_BAD_OPTION);
    CHECK_EQ(replay_mode, REPLAY_MODE_NONE);
    CHECK_STATUS(replay_finish(), ERROR_WRONG_STATE);
    CHECK(access(path, F_OK) != 0);
}

static int64_t no_timer(void *opaque, replay_timer_clock_t clock) {
    (void)opaque, (void)clock;
    return -1;
}

TEST(needed_callbacks_are_needed) {
    for (int missing = 0; missing < 3; missing++)
        for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
            const char *path = mode == REPLAY_MODE_PLAY ? recorded() : test_path("other.log");
            host_t host;
            host_init(&host);
            if (missing == 0)
                host.callbacks.icount = NULL;
            else if (missing == 1)
                host.callbacks.cpus_idle = NULL;
            else
                host.callbacks.stop = NULL;
            CHECK_STATUS(host_configure(&host, mode, path, NULL), ERROR_INVALID_ARGUMENT);
            CHECK_HAS(host_last_error().message, missing == 0   ? "icount"
                                                 : missing == 1 ? "cpus_idle"
                                                                : "stop");
        }
    host_t host;
    host_init(&host);
    /* A host that runs its timers itself need not give run_timers. */
    host.callbacks.deadline_ns = no_timer;
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, test_path("other.log"), NULL), OK);
    CHECK_STATUS(replay_finish(), OK);
}

TEST(a_host_of_needed_callbacks_only_is_enough) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        host_t host;
        host_init(&host);
        replay_host_t few = REPLAY_HOST_INIT;
        few.icount = host.callbacks.icount;
        few.cpus_idle = host.callbacks.cpus_idle;
        few.stop = host.callbacks.stop;
        host.callbacks = few;
        REQUIRE_STATUS(host_configure(&host, mode, test_path("run.log"), NULL), OK);
        host_start(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
        CHECK(host_execute(&host, 3, 100));
        CHECK_EQ(replay_save_clock(0, 5, 100), 5);
        if (mode == REPLAY_MODE_RECORD) {
            replay_input_event_t key = {.kind = REPLAY_INPUT_KEY, .code = 7};
            CHECK_STATUS(replay_input_event(&key), OK);
            CHECK_STATUS(replay_input_sync_event(), OK);
            CHECK_STATUS(replay_shutdown_request(REPLAY_SHUTDOWN_HOST_QUIT), OK);
        } else {
            CHECK_EQ(replay_read_clock(0, 100), 5);
        }
        replay_account_warp_timer();
        replay_start_warp_timer();
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(small_structs_are_refused_and_larger_ones_accepted) {
    host_t host;
    host_init(&host);
    const char *path = test_path("run.log");
    replay_config_t config = host_config(&host, REPLAY_MODE_RECORD, path, NULL);
    config.size = 0;
    CHECK_STATUS(replay_configure(&config), ERROR_STRUCT_SIZE);
    config.size = 8;
    CHECK_STATUS(replay_configure(&config), ERROR_STRUCT_SIZE);
    /* The smallest is what there was before anything was appended. */
    config.size = (uint32_t)offsetof(replay_config_t, overwrite) - 1;
    CHECK_STATUS(replay_configure(&config), ERROR_STRUCT_SIZE);
    config.size++;
    config.overwrite = 77; /* not read */
    CHECK_STATUS(replay_configure(&config), OK);
    CHECK_STATUS(replay_start(), OK);
    CHECK_STATUS(replay_finish(), OK);
    config.overwrite = REPLAY_DEFAULT;
    config.size = (uint32_t)sizeof config;
    host.callbacks.size = 0;
    CHECK_STATUS(replay_configure(&config), ERROR_STRUCT_SIZE);
    host.callbacks.size = 16;
    CHECK_STATUS(replay_configure(&config), ERROR_STRUCT_SIZE);

    struct {
        replay_config_t known;
        uint64_t unknown[8];
    } future;
    struct {
        replay_host_t known;
        void *unknown[8];
    } future_host;
    memset(&future, 0xff, sizeof future);
    memset(&future_host, 0xff, sizeof future_host);
    host.callbacks.size = (uint32_t)sizeof future_host;
    future_host.known = host.callbacks;
    future.known = config;
    future.known.size = (uint32_t)sizeof future;
    future.known.host = &future_host.known;
    CHECK_STATUS(replay_configure(&future.known), OK);
    CHECK_STATUS(replay_start(), OK);
    struct {
        replay_info_t known;
        uint64_t unknown[4];
    } future_info;
    memset(&future_info, 0x5a, sizeof future_info);
    future_info.known.size = (uint32_t)sizeof future_info;
    CHECK_STATUS(replay_query(&future_info.known), OK);
    CHECK_EQ(future_info.known.mode, REPLAY_MODE_RECORD);
    CHECK_EQ(future_info.known.size, sizeof future_info);
    CHECK_EQ(future_info.unknown[0], 0x5a5a5a5a5a5a5a5a);
    struct {
        replay_error_t known;
        uint64_t unknown[4];
    } future_error;
    memset(&future_error, 0x5a, sizeof future_error);
    future_error.known.size = (uint32_t)sizeof future_error;
    replay_last_error(&future_error.known);
    CHECK_EQ(future_error.known.size, sizeof future_error);
    CHECK_EQ(future_error.unknown[0], 0x5a5a5a5a5a5a5a5a);
    CHECK_STATUS(replay_finish(), OK);
}

TEST(a_failed_configuration_leaves_the_session_as_it_was) {
    host_t host;
    host_init(&host);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, "/no/such/directory/run.log", NULL),
                 ERROR_SYSTEM);
    replay_error_t error = host_last_error();
    CHECK_STATUS(error.status, ERROR_SYSTEM);
    CHECK_EQ(error.system_error, 2);
    CHECK_HAS(error.message, "/no/such/directory/run.log");
    CHECK_EQ(replay_mode, REPLAY_MODE_NONE);
    CHECK(replay_get_filename() == NULL);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_PLAY, test_path("missing.log"), NULL),
                 ERROR_LOG_NOT_FOUND);
    CHECK_HAS(host_last_error().message, "missing.log");
    CHECK(access(test_path("missing.log"), F_OK) != 0);
    test_write_file(test_path("text.log"), "This is a letter to my aunt.\n", 29);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_PLAY, test_path("text.log"), NULL),
                 ERROR_LOG_NOT_A_LOG);
    CHECK_HAS(host_last_error().message, "text.log");
    test_write_file(test_path("empty.log"), "", 0);
    replay_status_t status = host_configure(&host, REPLAY_MODE_PLAY, test_path("empty.log"), NULL);
    CHECK(status == REPLAY_ERROR_LOG_NOT_A_LOG || status == REPLAY_ERROR_LOG_EMPTY);
    mkdir(test_path("folder"), 0700);
    CHECK(host_configure(&host, REPLAY_MODE_PLAY, test_path("folder"), NULL) <= -200);
    CHECK(host_configure(&host, REPLAY_MODE_RECORD, test_path("folder"), NULL) <= -200);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, test_path("run.log"), NULL), OK);
    CHECK_STATUS(replay_finish(), OK);
}

TEST(strings_and_callbacks_are_copied) {
    const char *path = test_path("run.log");
    char name[300], options[100], key[] = "ram", value[] = "64 MiB";
    snprintf(name, sizeof name, "%s", path);
    snprintf(options, sizeof options, "shift=4");
    host_t host;
    host_init(&host);
    replay_host_t callbacks = host.callbacks;
    replay_config_t config = host_config(&host, REPLAY_MODE_RECORD, name, options);
    config.host = &callbacks;
    CHECK_STATUS(replay_configure(&config), OK);
    CHECK_STATUS(replay_fingerprint(key, value), OK);
    memset(name, 'x', sizeof name - 1);
    memset(options, 'x', sizeof options - 1);
    memset(key, 'x', 3);
    memset(value, 'x', 3);
    memset(&callbacks, 0, sizeof callbacks);
    memset(&config, 0, sizeof config);
    host_start(&host, 3);
    CHECK_STR(replay_get_filename(), path);
    host.icount = 10;
    CHECK_EQ(replay_get_virtual_clock(), 160);
    CHECK_STATUS(host_end(&host), OK);
    host_init(&host);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_PLAY, path, NULL), OK);
    CHECK_STATUS(replay_fingerprint("ram", "64 MiB"), OK);
    CHECK_STATUS(replay_start(), OK);
    replay_finish();
}

TEST(recording_replaces_an_older_log) {
    const char *path = recorded();
    script_run_t run;
    script_record(&run, path, course, 2);
    script_run_t play;
    script_init(&play, REPLAY_MODE_PLAY, path, course, 2);
    script_run(&play);
    CHECK_STATUS(script_status(&play), OK);
    CHECK_EQ(play.info.total_events, 1);
    script_check_same(TEST_HERE, &play, &run);
}

TEST(a_snapshot_is_not_supported_yet) {
    host_t host;
    host_init(&host);
    CHECK_STATUS(
        host_configure(&host, REPLAY_MODE_RECORD, test_path("run.log"), "rrsnapshot=start"), OK);
    CHECK_STR(replay_snapshot, "start");
    CHECK_STATUS(replay_start(), ERROR_NOT_SUPPORTED);
    CHECK_HAS(host_last_error().message, "start");
    replay_thread_attach(3);
    replay_mutex_lock();
    CHECK_STATUS(replay_vmstate_init(), ERROR_NOT_SUPPORTED);
    replay_mutex_unlock();
    replay_finish();
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, test_path("run.log"), NULL), OK);
    CHECK(replay_snapshot == NULL);
    replay_finish();
}
