/* SPDX-License-Identifier: MIT */
/* A process that forks, and threads that end while a session needs them. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "block-host.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static host_t host;

/* ----------------------------------------------------------------------- fork */

static replay_net_t *net;
static replay_block_t *disk;

static void prepare(replay_mode_t mode, const char *path) {
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, mode, path, NULL), OK);
    CHECK_EQ(replay_register_char_driver(ignore_data, NULL), 0);
    REQUIRE((net = replay_register_net(ignore_packet, NULL)) != NULL);
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    const char *image = test_path("image");
    test_write_file(image, "0123456789abcdef", 16);
    config.filename = image;
    REQUIRE((disk = replay_block_open(&config, NULL)) != NULL);
}

/* Everything that belongs to the parent's session is refused at once. */
static void check_child(replay_mode_t mode) {
    uint8_t byte = 0;
    struct iovec piece = {&byte, 1};
    replay_info_t info = REPLAY_INFO_INIT;
    replay_input_event_t key = {REPLAY_INPUT_KEY, 4, 0, 0, 0, 1};
    CHECK_STATUS(replay_mutex_lock(), ERROR_FORKED);
    CHECK_EQ(host.stops, 1);
    CHECK_EQ(host.stop_reason, REPLAY_STOP_LOG_ERROR);
    CHECK_STATUS(host.stop_error.status, ERROR_FORKED);
    CHECK_HAS(host.text,
              "and this process is a forked child of it: fork before replay_configure()");
    CHECK(!replay_mutex_locked());
    CHECK_STATUS(replay_mutex_unlock(), ERROR_FORKED);
    CHECK_EQ(replay_get_budget(10), 0);
    CHECK_EQ(replay_get_instructions(), 0);
    CHECK(!replay_interrupt());
    CHECK(!replay_checkpoint(REPLAY_CHECKPOINT_RESET));
    CHECK_STATUS(replay_account_executed_instructions(), ERROR_FORKED);
    CHECK_STATUS(replay_account_warp_timer(), ERROR_FORKED);
    CHECK_STATUS(replay_start_warp_timer(), ERROR_FORKED);
    CHECK_STATUS(replay_async_events(), ERROR_FORKED);
    CHECK_STATUS(replay_wait(-1), ERROR_FORKED);
    CHECK_STATUS(replay_bh_schedule_event(ignore, NULL), ERROR_FORKED);
    CHECK(replay_timer_new(ignore, NULL) == NULL);
    CHECK_STATUS(replay_shutdown_request(REPLAY_SHUTDOWN_HOST_QUIT), ERROR_FORKED);
    CHECK_STATUS(replay_chr_be_write(0, &byte, 1), ERROR_FORKED);
    CHECK_STATUS(replay_net_packet_event(net, 0, &piece, 1), ERROR_FORKED);
    CHECK_STATUS(replay_input_event(&key), ERROR_FORKED);
    CHECK_STATUS(replay_block_read(disk, 0, &piece, 1, 0, ignore_result, NULL), ERROR_FORKED);
    CHECK_STATUS(replay_block_close(disk), ERROR_FORKED);
    CHECK_STATUS(replay_query(&info), ERROR_FORKED);
    CHECK_STATUS(replay_fingerprint("a", "b"), ERROR_FORKED);
    CHECK_STATUS(replay_start(), ERROR_FORKED);
    CHECK_STATUS(host_configure(&host, mode, test_path("other"), NULL), ERROR_FORKED);
    replay_notify();
    CHECK_STATUS(replay_last_error(NULL), ERROR_FORKED);
    CHECK_STATUS(replay_finish(), ERROR_FORKED);
    CHECK_EQ(host.stops, 1);
    CHECK_EQ(host.error_messages, 1);
}

/* A session of the child's own. */
static void check_own_session(void) {
    static host_t mine;
    replay_session_t *session = replay_session_new();
    REQUIRE_STATUS(replay_session_push_current(session), OK);
    host_begin(&mine, REPLAY_MODE_RECORD, test_path("child"), NULL);
    host_execute(&mine, 3, 100);
    CHECK(replay_interrupt());
    CHECK_STATUS(host_end(&mine), OK);
    CHECK_STATUS(replay_session_pop_current(), OK);
    CHECK_STATUS(replay_session_free(session), OK);
}

static void wait_for_child(pid_t child) {
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
}

/* The parent has a session of that mode, started or not, its lock held or not. */
static void check_fork(replay_mode_t mode, bool starts, bool holds) {
    prepare(mode, test_path("log"));
    replay_thread_attach(3);
    if (starts)
        REQUIRE_STATUS(replay_start(), OK);
    if (holds)
        REQUIRE_STATUS(replay_mutex_lock(), OK);
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        check_child(mode);
        check_own_session();
        _exit(test_failures() > 0);
    }
    wait_for_child(child);
    CHECK_EQ(host.stops, 0);
    if (!starts)
        REQUIRE_STATUS(replay_start(), OK);
    if (!holds)
        REQUIRE_STATUS(replay_mutex_lock(), OK);
    if (mode == REPLAY_MODE_RECORD) {
        host_execute(&host, 3, 100);
        CHECK(replay_interrupt());
    } else {
        CHECK(host_execute(&host, 3, 100));
        CHECK(replay_interrupt());
        CHECK(host_run_to_end(&host, 3));
    }
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_forked_child_is_refused_at_once_and_its_parent_goes_on) {
    for (int i = 0; i < 4; i++) {
        test_note("started %d, lock held %d", i & 1, i >> 1);
        check_fork(REPLAY_MODE_RECORD, i & 1, i >> 1);
        check_fork(REPLAY_MODE_PLAY, i & 1, i >> 1);
    }
}

/* Other threads are inside the library while the process forks; not in their first calls: what the
 * Swift runtime makes then, a child would wait for. */
static atomic_bool over;
static atomic_uint rounds;

static void *keep_busy(void *unused) {
    while (!atomic_load(&over)) {
        uint8_t byte = 1;
        replay_info_t info = REPLAY_INFO_INIT;
        replay_chr_be_write(0, &byte, 1);
        replay_query(&info);
        replay_session_t *session = replay_session_new();
        replay_session_push_current(session);
        replay_session_pop_current();
        replay_session_free(session);
        atomic_fetch_add(&rounds, 1);
    }
    return unused;
}

TEST_SLOW(a_fork_while_other_threads_are_in_the_library_never_hangs, 60) {
    pthread_t threads[3];
    prepare(REPLAY_MODE_RECORD, test_path("log"));
    host_start(&host, 3);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, keep_busy, NULL);
    while (atomic_load(&rounds) < 100)
        test_sleep_ms(1);
    for (int i = 0; i < 100; i++) {
        replay_account_warp_timer();
        pid_t child = fork();
        if (child == 0) {
            alarm(5);
            uint8_t byte = 1;
            bool refused = replay_chr_be_write(0, &byte, 1) == REPLAY_ERROR_FORKED &&
                           replay_last_error(NULL) == REPLAY_ERROR_FORKED &&
                           replay_finish() == REPLAY_ERROR_FORKED;
            replay_session_t *session = replay_session_new();
            refused = refused && replay_session_push_current(session) == REPLAY_OK &&
                      replay_get_mode() == REPLAY_MODE_NONE;
            _exit(!refused);
        }
        wait_for_child(child);
        if (test_failures() > 0)
            break;
    }
    atomic_store(&over, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_child_that_lives_on_does_not_keep_the_log_busy) {
    const char *path = test_path("log");
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    pid_t recorder = fork();
    if (recorder == 0) {
        host_begin(&host, REPLAY_MODE_RECORD, path, NULL);
        host_execute(&host, 3, 100);
        replay_interrupt();
        pid_t child = fork();
        if (child == 0) {
            sleep(15);
            _exit(0);
        }
        if (write(ready[1], &child, sizeof child)) {
        }
        _exit(0); /* dies as by a kill: nothing is finished */
    }
    pid_t child = 0;
    REQUIRE(read(ready[0], &child, sizeof child) == sizeof child);
    wait_for_child(recorder);
    /* Its reader sees a dead recorder, and a recorder may replace it. */
    host_begin(&host, REPLAY_MODE_PLAY, path, NULL);
    host_execute(&host, 3, 100);
    CHECK(replay_interrupt());
    host_run_to_end(&host, 3);
    CHECK_STATUS(host_stop_status(&host), ERROR_LOG_CUT);
    CHECK_HAS(host.stop_error.message, "icount 100, event 1");
    host_end(&host);
    host_begin(&host, REPLAY_MODE_RECORD, path, NULL);
    CHECK_STATUS(host_end(&host), OK);
    kill(child, SIGKILL);
}

TEST(a_process_may_fork_before_it_configures) {
    CHECK_EQ(replay_get_mode(), REPLAY_MODE_NONE);
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        check_fork(REPLAY_MODE_RECORD, true, false);
        check_fork(REPLAY_MODE_PLAY, true, false);
        _exit(test_failures() > 0);
    }
    wait_for_child(child);
}

TEST(without_a_log_a_child_goes_on_but_for_its_disks) {
    prepare(REPLAY_MODE_NONE, NULL);
    replay_thread_attach(3);
    REQUIRE_STATUS(replay_start(), OK);
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        uint8_t byte;
        CHECK_EQ(replay_get_budget(10), 10);
        done_t done = {.host = &host};
        struct iovec piece = {&byte, 1};
        CHECK_STATUS(replay_block_read(disk, 0, &piece, 1, 0, note_done, &done), OK);
        CHECK_EQ(done.runs, 1);
        CHECK_EQ(done.result, -EIO);
        CHECK_STATUS(replay_finish(), OK);
        _exit(test_failures() > 0);
    }
    wait_for_child(child);
    CHECK_STATUS(replay_finish(), OK);
}

/* -------------------------------------------------------------------- threads */

static replay_session_t *session;

static void *end_with_lock(void *roles) {
    if (session)
        replay_session_push_current(session);
    replay_thread_attach(*(replay_role_t *)roles);
    CHECK_STATUS(replay_mutex_lock(), OK);
    return NULL;
}

static void end_thread(void *(*work)(void *), void *argument) {
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, work, argument) == 0);
    pthread_join(thread, NULL);
}

static void check_end_with_lock(replay_mode_t mode) {
    replay_role_t role = REPLAY_THREAD_VCPU;
    host_begin(&host, mode, test_path("log"), NULL);
    host_execute(&host, 3, 100);
    CHECK(replay_interrupt());
    CHECK_STATUS(replay_mutex_unlock(), OK);
    end_thread(end_with_lock, &role);
    CHECK_EQ(host.stops, 1);
    CHECK_STATUS(host.stop_error.status, ERROR_THREAD_ENDED);
    CHECK_HAS(host.text, "the vCPU thread ended while it held the replay lock, at icount 100");
    int64_t begin = test_now_ns();
    CHECK_STATUS(replay_mutex_lock(), OK);
    CHECK(replay_mutex_locked());
    CHECK_EQ(replay_get_budget(10), 0);
    CHECK_STATUS(replay_mutex_unlock(), OK);
    CHECK_STATUS(replay_finish(), ERROR_THREAD_ENDED);
    CHECK(test_now_ns() - begin < 2000000000);
}

TEST(a_thread_that_ends_with_the_lock_ends_a_recording) {
    check_end_with_lock(REPLAY_MODE_RECORD);
    /* What it had recorded is there. */
    host_begin(&host, REPLAY_MODE_PLAY, test_path("log"), NULL);
    host_execute(&host, 3, 100);
    CHECK(replay_interrupt());
    host_run_to_end(&host, 3);
    CHECK_STATUS(host_end(&host), ERROR_LOG_CUT);
}

TEST(a_thread_that_ends_with_the_lock_ends_a_replay) {
    host_begin(&host, REPLAY_MODE_RECORD, test_path("log"), NULL);
    host_execute(&host, 3, 100);
    CHECK(replay_interrupt());
    host_execute(&host, 3, 100);
    CHECK_STATUS(host_end(&host), OK);
    check_end_with_lock(REPLAY_MODE_PLAY);
}

TEST(a_thread_that_ends_with_a_session_pushed_does_not_keep_it) {
    replay_role_t role = REPLAY_THREAD_IO;
    REQUIRE((session = replay_session_new()) != NULL);
    replay_session_push_current(session);
    host_begin(&host, REPLAY_MODE_RECORD, test_path("log"), NULL);
    CHECK_STATUS(replay_mutex_unlock(), OK);
    end_thread(end_with_lock, &role);
    CHECK_HAS(host.text, "the I/O thread ended while it held the replay lock");
    CHECK_HAS(host.text, "the I/O thread ended without replay_session_pop_current()");
    CHECK_STATUS(replay_finish(), ERROR_THREAD_ENDED);
    replay_session_pop_current();
    CHECK_STATUS(replay_session_free(session), OK);
}

/* A host's own thread data may release the lock at the thread's end. */
static void unlock_at_end(void *unused) {
    (void)unused;
    CHECK_STATUS(replay_mutex_unlock(), OK);
}

static pthread_key_t key;

static void *end_with_destructor(void *unused) {
    replay_thread_attach(REPLAY_THREAD_IO);
    CHECK_STATUS(replay_mutex_lock(), OK);
    pthread_setspecific(key, &key);
    return unused;
}

TEST(a_thread_that_releases_the_lock_in_a_destructor_is_fine) {
    host_begin(&host, REPLAY_MODE_RECORD, test_path("log"), NULL);
    CHECK_STATUS(replay_mutex_unlock(), OK);
    REQUIRE(pthread_key_create(&key, unlock_at_end) == 0);
    end_thread(end_with_destructor, NULL);
    CHECK_EQ(host.stops, 0);
    CHECK_EQ(host.messages, 0);
    CHECK_STATUS(replay_finish(), OK);
}

/* ------------------------------------- threads of a child that begin at once */

static pthread_barrier_t all_there;

static void *begin(void *unused) {
    pthread_barrier_wait(&all_there);
    replay_get_mode();
    replay_session_free(replay_session_new());
    return unused;
}

/* Its program loaded the library before it forked, and has not used it. */
TEST_SLOW(threads_of_a_child_may_begin_at_once, 60) {
    for (int child = 0; child < 400; child++) {
        pid_t pid = fork();
        if (pid == 0) {
            alarm(10);
            pthread_t threads[2];
            pthread_barrier_init(&all_there, NULL, 3);
            for (int i = 0; i < 2; i++)
                pthread_create(&threads[i], NULL, begin, NULL);
            begin(NULL);
            for (int i = 0; i < 2; i++)
                pthread_join(threads[i], NULL);
            _exit(0);
        }
        int status = -1;
        REQUIRE(waitpid(pid, &status, 0) == pid);
        REQUIRE(status == 0);
    }
}
