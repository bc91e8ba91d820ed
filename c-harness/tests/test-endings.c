/* SPDX-License-Identifier: MIT */
/* The end of a run: what is queued then belongs to it, and what only the recorder's threads
 * still did need not be repeated. */
#include "host.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static host_t host;

static uint64_t state;
static uint64_t digest_of_state(void *opaque) {
    (void)opaque;
    return state;
}
static void take_input(void *opaque, const replay_input_event_t *event) {
    (void)opaque;
    state = state * 31 + (uint64_t)event->code;
}
static void take_chars(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque;
    for (size_t i = 0; i < length; i++)
        state = state * 31 + data[i];
    if (replay_mode == REPLAY_MODE_RECORD && data[0] == 'a')
        replay_chr_be_write(0, (const uint8_t *)"b", 1); /* an echo */
}
static void note_bottom_half(void *opaque) {
    (void)opaque;
    state = state * 31 + 7;
}
static void post(int code) {
    replay_input_event_t key = {.kind = REPLAY_INPUT_KEY, .code = code};
    CHECK_STATUS(replay_input_event(&key), OK);
}
static void *finish_without_a_role(void *status) {
    *(replay_status_t *)status = replay_finish();
    return NULL;
}

/* Ends while events are queued, by any thread; a replaying host ends at the same place, or waits
 * for the end of the log. */
TEST(what_is_queued_at_the_end_is_part_of_the_run) {
    for (int variant = 0; variant < 4; variant++) {
        uint64_t recorded = 0;
        for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
            state = 1;
            host_init(&host);
            host.callbacks.digest = digest_of_state;
            host.callbacks.input = take_input;
            REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
            REQUIRE(replay_register_char_driver(take_chars, NULL) == 0);
            host_start(&host, 3);
            CHECK(host_execute(&host, 3, 10));
            replay_bh_schedule_event(note_bottom_half, NULL);
            post(50);
            CHECK_STATUS(replay_chr_be_write(0, (const uint8_t *)"a", 1), OK);
            if (mode == REPLAY_MODE_PLAY && variant & 1)
                CHECK(host_run_to_end(&host, 3));
            replay_status_t status = REPLAY_ERROR_STALLED;
            replay_mutex_unlock();
            if (variant & 2) {
                pthread_t thread;
                pthread_create(&thread, NULL, finish_without_a_role, &status);
                pthread_join(thread, NULL);
            } else {
                status = replay_finish();
            }
            CHECK_STATUS(status, OK);
            if (mode == REPLAY_MODE_RECORD)
                recorded = state;
            CHECK_EQ(state, recorded);
        }
        CHECK_EQ(recorded, (((31 + 7) * 31 + 50) * 31 + 'a') * 31 + 'b');
    }
}

/* The main loop reads a clock once more; the replay's has ended before. */
TEST(a_reading_of_the_main_loop_at_the_end_need_not_be_repeated) {
    uint64_t recorded = 0;
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        state = 1;
        host_init(&host);
        host.callbacks.digest = digest_of_state;
        host.callbacks.input = take_input;
        REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
        host_start(&host, REPLAY_THREAD_VCPU);
        CHECK(host_execute(&host, REPLAY_THREAD_VCPU, 10));
        if (mode == REPLAY_MODE_RECORD) {
            replay_thread_attach(REPLAY_THREAD_IO);
            REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 5);
            post(50);
        }
        CHECK_STATUS(host_end(&host), OK);
        recorded = mode == REPLAY_MODE_RECORD ? state : recorded;
        CHECK_EQ(state, recorded);
    }
    CHECK_EQ(recorded, 31 + 50);
}

TEST(a_reset_after_which_the_machine_goes_on_did_not_end_the_run) {
    static const struct {
        replay_shutdown_cause_t cause, end;
        uint64_t goes_on;
    } runs[] = {{REPLAY_SHUTDOWN_GUEST_RESET, REPLAY_SHUTDOWN_NONE, 10},
                {REPLAY_SHUTDOWN_HOST_RESET, REPLAY_SHUTDOWN_NONE, 10},
                {REPLAY_SHUTDOWN_SUBSYSTEM_RESET, REPLAY_SHUTDOWN_NONE, 10},
                {REPLAY_SHUTDOWN_SNAPSHOT_LOAD, REPLAY_SHUTDOWN_NONE, 10},
                {REPLAY_SHUTDOWN_GUEST_RESET, REPLAY_SHUTDOWN_GUEST_RESET, 0},
                {REPLAY_SHUTDOWN_GUEST_SHUTDOWN, REPLAY_SHUTDOWN_GUEST_SHUTDOWN, 10}};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
        host_execute(&host, 3, 10);
        CHECK_STATUS(replay_shutdown_request(runs[i].cause), OK);
        host_execute(&host, 3, runs[i].goes_on);
        CHECK_STATUS(host_end(&host), OK);
        host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
        CHECK_EQ(host_info().end_cause, runs[i].end);
        host_end(&host);
    }
}

/* A recorder of ten events, which then waits. */
static pid_t record_and_wait(void) {
    int ready[2];
    REQUIRE(pipe(ready) == 0);
    pid_t child = fork();
    if (child == 0) {
        host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
        for (int i = 0; i < 10; i++) {
            host_execute(&host, 3, 10);
            REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, i);
        }
        if (write(ready[1], "!", 1) == 1)
            test_sleep_ms(15000);
        _exit(0);
    }
    char byte;
    REQUIRE(child > 0 && read(ready[0], &byte, 1) == 1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

TEST(the_end_of_a_growing_log_says_whether_its_recorder_still_runs) {
    for (int is_killed = 0; is_killed < 2; is_killed++) {
        pid_t child = record_and_wait();
        host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
        for (int i = 0; i < 5; i++) {
            host_execute(&host, 3, 10);
            CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, -1), i);
        }
        if (is_killed) {
            kill(child, SIGKILL);
            REQUIRE(waitpid(child, NULL, 0) == child);
        }
        for (int i = 5; i < 10; i++) {
            host_execute(&host, 3, 10);
            CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, -1), i);
        }
        CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_stop_status(&host), ERROR_LOG_CUT);
        CHECK_HAS(host.stop_error.message,
                  is_killed ? "its recorder has ended since" : "it is still being recorded");
        CHECK_STATUS(host_end(&host), ERROR_LOG_CUT);
        if (!is_killed) {
            kill(child, SIGKILL);
            REQUIRE(waitpid(child, NULL, 0) == child);
        }
    }
}
