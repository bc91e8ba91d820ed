/* SPDX-License-Identifier: MIT */
/* Several machines in one process. */
#include "course.h"

#include <errno.h>

TEST(sessions_are_made_and_freed) {
    CHECK(replay_session_get_current() == NULL);
    replay_session_t *a = replay_session_new(), *b = replay_session_new();
    REQUIRE(a && b && a != b);
    CHECK(replay_session_get_current() == NULL);
    CHECK_STATUS(replay_session_push_current(a), OK);
    CHECK(replay_session_get_current() == a);
    CHECK_STATUS(replay_session_free(a), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_session_push_current(b), OK);
    CHECK(replay_session_get_current() == b);
    CHECK_STATUS(replay_session_push_current(NULL), OK); /* the default one */
    CHECK(replay_session_get_current() == NULL);
    CHECK_STATUS(replay_session_pop_current(), OK);
    CHECK(replay_session_get_current() == b);
    CHECK_STATUS(replay_session_pop_current(), OK);
    CHECK_STATUS(replay_session_pop_current(), OK);
    CHECK(replay_session_get_current() == NULL);
    CHECK_STATUS(replay_session_pop_current(), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_session_free(a), OK);
    CHECK_STATUS(replay_session_free(b), OK);
    CHECK_STATUS(replay_session_free(a), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_session_free(NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_session_push_current(a), ERROR_INVALID_ARGUMENT);
    int other = 0;
    CHECK_STATUS(replay_session_free((replay_session_t *)&other), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_session_push_current((replay_session_t *)&other), ERROR_INVALID_ARGUMENT);
    CHECK(replay_session_get_current() == NULL);
}

TEST(sixteen_can_be_pushed) {
    replay_session_t *session = replay_session_new();
    for (int i = 0; i < 16; i++)
        CHECK_STATUS(replay_session_push_current(i % 2 ? session : NULL), OK);
    CHECK_STATUS(replay_session_push_current(session), ERROR_WRONG_STATE);
    for (int i = 0; i < 16; i++)
        CHECK_STATUS(replay_session_pop_current(), OK);
    CHECK_STATUS(replay_session_pop_current(), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_session_free(session), OK);
}

TEST(the_global_mode_is_that_of_the_default_session) {
    host_t one, two;
    replay_session_t *session = replay_session_new();
    replay_session_push_current(session);
    host_begin(&one, REPLAY_MODE_RECORD, test_path("one.log"), NULL);
    CHECK_EQ(replay_mode, REPLAY_MODE_NONE);
    CHECK_EQ(replay_get_mode(), REPLAY_MODE_RECORD);
    CHECK_STR(replay_get_filename(), test_path("one.log"));
    replay_session_pop_current();
    CHECK_EQ(replay_get_mode(), REPLAY_MODE_NONE);
    CHECK(replay_get_filename() == NULL);
    CHECK(replay_mutex_locked()); /* in mode NONE it is always held */
    host_begin(&two, REPLAY_MODE_RECORD, test_path("two.log"), NULL);
    CHECK_EQ(replay_mode, REPLAY_MODE_RECORD);
    two.icount = 5;
    CHECK(replay_interrupt());
    CHECK_EQ(host_info().events, 1);
    replay_session_push_current(session);
    CHECK(replay_mutex_locked());
    CHECK_EQ(host_info().events, 0);
    one.icount = 1000;
    CHECK_EQ(replay_get_current_icount(), 1000);
    CHECK_STATUS(host_end(&one), OK);
    CHECK_EQ(replay_mode, REPLAY_MODE_RECORD);
    CHECK_EQ(replay_get_mode(), REPLAY_MODE_NONE);
    replay_session_pop_current();
    CHECK_STATUS(host_end(&two), OK);
    CHECK_EQ(replay_mode, REPLAY_MODE_NONE);
    CHECK_STATUS(replay_session_free(session), OK);
}

TEST(errors_belong_to_their_session) {
    replay_session_t *session = replay_session_new();
    host_t host;
    replay_session_push_current(session);
    host_init(&host);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_PLAY, test_path("missing.log"), NULL),
                 ERROR_LOG_NOT_FOUND);
    CHECK_ERROR(ERROR_LOG_NOT_FOUND);
    replay_session_pop_current();
    CHECK_ERROR(OK);
    CHECK_STATUS(replay_session_free(session), OK);
}

TEST(freeing_finishes) {
    replay_session_t *session = replay_session_new();
    host_t host;
    replay_session_push_current(session);
    host_begin(&host, REPLAY_MODE_RECORD, test_path("run.log"), NULL);
    host_execute(&host, 3, 100);
    replay_interrupt();
    replay_mutex_unlock();
    replay_session_pop_current();
    CHECK_STATUS(replay_session_free(session), OK);
    host_begin(&host, REPLAY_MODE_PLAY, test_path("run.log"), NULL);
    host_execute(&host, 3, 100);
    CHECK(replay_interrupt());
    CHECK(host_run_to_end(&host, 3));
    CHECK_EQ(host.stop_reason, REPLAY_STOP_END);
    CHECK_STATUS(host_end(&host), OK);
}

static void *hold_current(void *session) {
    replay_session_push_current(session);
    test_sleep_ms(100);
    replay_session_pop_current();
    return NULL;
}

TEST(a_session_that_is_current_elsewhere_is_not_freed) {
    replay_session_t *session = replay_session_new();
    pthread_t thread;
    pthread_create(&thread, NULL, hold_current, session);
    test_sleep_ms(30);
    CHECK_STATUS(replay_session_free(session), ERROR_WRONG_STATE);
    pthread_join(thread, NULL);
    CHECK_STATUS(replay_session_free(session), OK);
}

/* ---------------------------------------------- machines that run side by side */

enum { MACHINES = 4, ROUNDS = 15 };

static void *run_machine(void *path) {
    for (int i = 0; i < ROUNDS; i++) {
        script_run_t record, play;
        script_init(&record, REPLAY_MODE_RECORD, path, STEPS(course));
        record.own_session = true;
        script_run(&record);
        script_init(&play, REPLAY_MODE_PLAY, path, STEPS(course));
        play.own_session = true;
        script_run(&play);
        if (script_status(&record) != REPLAY_OK || script_status(&play) != REPLAY_OK)
            test_fail(TEST_HERE, "%s: %s, %s", (char *)path, script_message(&record),
                      script_message(&play));
        script_check_same(TEST_HERE, &play, &record);
        script_free(&record);
        script_free(&play);
    }
    return NULL;
}

TEST_SLOW(machines_run_side_by_side, 60) {
    pthread_t threads[MACHINES];
    char paths[MACHINES][400];
    for (int i = 0; i < MACHINES; i++) {
        snprintf(paths[i], sizeof paths[i], "%s.%d", test_path("machine"), i);
        pthread_create(&threads[i], NULL, run_machine, paths[i]);
    }
    for (int i = 0; i < MACHINES; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ(replay_mode, REPLAY_MODE_NONE);
}

static void *play_one_log(void *path) {
    script_run_t play;
    script_init(&play, REPLAY_MODE_PLAY, path, STEPS(course));
    play.own_session = true;
    script_run(&play);
    CHECK_STATUS(script_status(&play), OK);
    return NULL;
}

TEST(one_log_can_be_played_by_several_at_once) {
    script_run_t record;
    script_record(&record, test_path("run.log"), STEPS(course));
    pthread_t threads[MACHINES];
    char path[400];
    snprintf(path, sizeof path, "%s", test_path("run.log"));
    for (int i = 0; i < MACHINES; i++)
        pthread_create(&threads[i], NULL, play_one_log, path);
    for (int i = 0; i < MACHINES; i++)
        pthread_join(threads[i], NULL);
}

/* What a session hands out, and what it returns for each. */
typedef struct {
    replay_timer_t *timer;
    replay_net_t *net;
    replay_block_t *disk;
} handles_t;

static handles_t handles_of(void) {
    handles_t handles;
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    const char *image = test_path("image");
    test_write_file(image, "0123456789abcdef", 16);
    config.filename = image;
    config.read_only = 1; /* two sessions may read one image */
    replay_mutex_lock();
    REQUIRE((handles.timer = replay_timer_new(ignore, NULL)) != NULL);
    replay_mutex_unlock();
    REQUIRE((handles.net = replay_register_net(ignore_packet, NULL)) != NULL);
    REQUIRE((handles.disk = replay_block_open(&config, NULL)) != NULL);
    return handles;
}

static void check_handles(handles_t theirs, handles_t mine) {
    uint8_t byte = 0;
    struct iovec piece = {&byte, 1};
    CHECK_STATUS(replay_timer_mod(theirs.timer, 77), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_timer_del(theirs.timer), ERROR_INVALID_ARGUMENT);
    CHECK_EQ(replay_timer_expire_time(theirs.timer), -1);
    CHECK_STATUS(replay_timer_free(theirs.timer), ERROR_INVALID_ARGUMENT);
    CHECK_HAS(host_last_error().message, "replay_timer_free was called for a timer that this "
                                         "session does not have");
    CHECK_STATUS(replay_net_packet_event(theirs.net, 0, &piece, 1), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_unregister_net(theirs.net), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_block_read(theirs.disk, 0, &piece, 1, 0, ignore_result, NULL),
                 ERROR_INVALID_ARGUMENT);
    CHECK_HAS(host_last_error().message, "a disk that this session does not have open");
    CHECK_EQ(replay_block_length(theirs.disk), -EBADF);
    CHECK_STATUS(replay_block_close(theirs.disk), ERROR_INVALID_ARGUMENT);
    CHECK_EQ(replay_timer_expire_time(mine.timer), -1);
    CHECK_STATUS(replay_timer_mod(mine.timer, 5), OK);
    CHECK_EQ(replay_block_length(mine.disk), 16);
}

static void check_modes(replay_mode_t mode) {
    host_t one, two;
    replay_session_t *first = replay_session_new(), *second = replay_session_new();
    replay_session_push_current(first);
    host_init(&one);
    REQUIRE_STATUS(host_configure(&one, mode, test_path("one.log"), NULL), OK);
    handles_t a = handles_of();
    host_start(&one, 3);
    replay_session_push_current(second);
    host_init(&two);
    REQUIRE_STATUS(host_configure(&two, mode, test_path("two.log"), NULL), OK);
    handles_t b = handles_of();
    host_start(&two, 3);
    check_handles(a, b);
    replay_session_pop_current();
    check_handles(b, a);
    replay_session_push_current(second);
    CHECK_STATUS(host_end(&two), OK);
    replay_session_pop_current();
    CHECK_STATUS(host_end(&one), OK);
    replay_session_pop_current();
    CHECK_STATUS(replay_session_free(first), OK);
    CHECK_STATUS(replay_session_free(second), OK);
}

TEST(a_handle_of_a_different_session_is_refused) {
    check_modes(REPLAY_MODE_RECORD);
    check_modes(REPLAY_MODE_PLAY);
    check_modes(REPLAY_MODE_NONE);
}
