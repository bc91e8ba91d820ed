/* SPDX-License-Identifier: MIT */
/* What goes wrong in practice, each reported in one sentence within two seconds,
 * with the default time for stalls: the place, what was expected, what was
 * found. Another disk image is in block-replay.c, another machine in machine.c. */
#include "scripted-host.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static script_run_t recorded, played;

static void record(const step_t *steps, size_t count) {
    script_record(&recorded, log_path(), steps, count);
}

/* Plays; the replay must fail with @p status, reported once, in time. */
static const replay_error_t *play_badly(const char *what, const step_t *steps, size_t count,
                                        replay_status_t status) {
    script_init(&played, REPLAY_MODE_PLAY, log_path(), steps, count);
    script_run(&played);
    const replay_error_t *error = &played.host.stop_error;
    printf("    %-36s %s\n", what, error->message);
    CHECK_STATUS_IS(script_status(&played), status);
    CHECK_STATUS_IS(played.finished, status);
    CHECK(played.ns < 2000000000);
    CHECK(!played.host.hung);
    CHECK_EQ(played.host.stops, 1);
    CHECK_EQ(played.host.stop_reason, REPLAY_STOP_DIVERGENCE);
    CHECK(strchr(error->message, '\n') == NULL);
    CHECK_STR(played.error.message, error->message);
    return error;
}

TEST(a_missing_clock_reading) {
    static const step_t good[] = {
        {OP_EXECUTE, 1234}, {OP_CLOCK, 5, REPLAY_CLOCK_HOST}, {OP_EXECUTE, 10}, {OP_INTERRUPT}};
    static const step_t bad[] = {{OP_EXECUTE, 1244}, {OP_INTERRUPT}};
    record(STEPS(good));
    const replay_error_t *error =
        play_badly("missing clock reading", STEPS(bad), REPLAY_ERROR_STALLED);
    CHECK_EQ(error->icount, 1234);
    CHECK_EQ(error->event_index, 0);
    CHECK_HAS(error->message, "1234");
    CHECK_HAS(error->expected, "CLOCK_HOST");
}

TEST(an_extra_checkpoint) {
    static const step_t good[] = {{OP_EXECUTE, 500}, {OP_INTERRUPT}, {OP_EXECUTE, 500}};
    for (int64_t id = REPLAY_CHECKPOINT_INIT; id <= REPLAY_CHECKPOINT_RESET; id++) {
        step_t bad[] = {{OP_EXECUTE, 321},
                        {OP_CHECKPOINT, id},
                        {OP_EXECUTE, 179},
                        {OP_INTERRUPT},
                        {OP_EXECUTE, 500}};
        record(STEPS(good));
        const replay_error_t *error =
            play_badly("extra checkpoint", STEPS(bad), REPLAY_ERROR_DIVERGENCE);
        CHECK_EQ(error->icount, 321);
        CHECK_HAS(error->expected, "INTERRUPT");
        CHECK_HAS(error->found, id == REPLAY_CHECKPOINT_INIT ? "INIT" : "RESET");
        CHECK_HAS(error->message, "321");
        CHECK_HAS(error->message, "500");
    }
}

TEST(an_extra_checkpoint_of_a_timer_is_false) {
    static const step_t good[] = {{OP_EXECUTE, 500}, {OP_INTERRUPT}, {OP_EXECUTE, 500}};
    static const step_t extra[] = {{OP_EXECUTE, 321},
                                   {OP_TRY, REPLAY_CHECKPOINT_CLOCK_VIRTUAL},
                                   {OP_TRY, REPLAY_CHECKPOINT_CLOCK_HOST},
                                   {OP_EXECUTE, 179},
                                   {OP_TRY, REPLAY_CHECKPOINT_SUSPEND_REQUESTED},
                                   {OP_INTERRUPT},
                                   {OP_EXECUTE, 500}};
    record(STEPS(good));
    script_init(&played, REPLAY_MODE_PLAY, log_path(), STEPS(extra));
    script_run(&played);
    CHECK_STATUS(script_status(&played), OK);
    script_check_same(TEST_HERE, &played, &recorded);
}

TEST(a_checkpoint_that_is_never_asked_for) {
    static const step_t good[] = {{OP_EXECUTE, 77},
                                  {OP_INTERRUPT},
                                  {OP_EXECUTE, 23},
                                  {OP_CHECKPOINT, REPLAY_CHECKPOINT_CLOCK_HOST},
                                  {OP_EXECUTE, 100}};
    static const step_t bad[] = {{OP_EXECUTE, 77}, {OP_INTERRUPT}, {OP_EXECUTE, 123}};
    record(STEPS(good));
    const replay_error_t *error =
        play_badly("checkpoint never asked for", STEPS(bad), REPLAY_ERROR_STALLED);
    CHECK_EQ(error->icount, 100);
    CHECK_EQ(error->event_index, 1);
    CHECK_HAS(error->expected, "CLOCK_HOST");
    CHECK_HAS(error->history, "INTERRUPT");
}

TEST(a_checkpoint_of_the_wrong_role) {
    static const step_t good[] = {{OP_EXECUTE, 50},
                                  {OP_CHECKPOINT, REPLAY_CHECKPOINT_CLOCK_HOST, .io = true},
                                  {OP_EXECUTE, 50},
                                  {OP_CHECKPOINT, REPLAY_CHECKPOINT_INIT, .io = true}};
    static const step_t bad[] = {{OP_EXECUTE, 50},
                                 {OP_CHECKPOINT, REPLAY_CHECKPOINT_CLOCK_HOST},
                                 {OP_EXECUTE, 50},
                                 {OP_CHECKPOINT, REPLAY_CHECKPOINT_INIT, .io = true}};
    record(STEPS(good));
    const replay_error_t *error =
        play_badly("checkpoint of the wrong role", STEPS(bad), REPLAY_ERROR_STALLED);
    CHECK_EQ(error->icount, 50);
    CHECK(strstr(error->expected, "I/O") != NULL);
    CHECK(strstr(error->found, "vCPU") != NULL);
}

TEST(a_fixed_checkpoint_of_the_wrong_role) {
    static const step_t good[] = {
        {OP_EXECUTE, 50}, {OP_CHECKPOINT, REPLAY_CHECKPOINT_RESET, .io = true}, {OP_EXECUTE, 50}};
    static const step_t bad[] = {{OP_EXECUTE, 50},
                                 {OP_CHECKPOINT, REPLAY_CHECKPOINT_RESET},
                                 {OP_TRY, REPLAY_CHECKPOINT_CLOCK_HOST, .io = true},
                                 {OP_EXECUTE, 50}};
    record(STEPS(good));
    const replay_error_t *error =
        play_badly("RESET of the wrong role", STEPS(bad), REPLAY_ERROR_DIVERGENCE);
    CHECK_EQ(error->icount, 50);
    CHECK(strstr(error->expected, "I/O") != NULL);
}

TEST(a_host_that_stops_short) {
    static const step_t good[] = {
        {OP_EXECUTE, 50}, {OP_INTERRUPT}, {OP_EXECUTE, 50}, {OP_EXCEPTION}, {OP_EXECUTE, 50}};
    record(STEPS(good));
    script_init(&played, REPLAY_MODE_PLAY, log_path(), good, 3);
    played.leave_early = true;
    script_run(&played);
    printf("    %-36s %s\n", "host that stops short", played.error.message);
    CHECK_STATUS(played.finished, ERROR_STOPPED_SHORT);
    CHECK_EQ(played.error.icount, 100);
    CHECK_EQ(played.error.event_index, 1);
    CHECK_HAS(played.error.message, "100");
    CHECK_HAS(played.error.expected, "EXCEPTION");
}

TEST(another_digest) {
    static const step_t good[] = {{OP_EXECUTE, 50}, {OP_DIGEST, 0x1111}, {OP_EXECUTE, 50}};
    static const step_t bad[] = {{OP_EXECUTE, 50}, {OP_DIGEST, 0x2222}, {OP_EXECUTE, 50}};
    record(STEPS(good));
    const replay_error_t *error = play_badly("another digest", STEPS(bad), REPLAY_ERROR_DIGEST);
    CHECK_EQ(error->icount, 50);
    CHECK_HAS(error->expected, "1111");
    CHECK_HAS(error->found, "2222");
}

static uint64_t state_digest(void *opaque) {
    const host_t *host = opaque;
    return host->icount < 700 ? host->icount : host->icount + host->digest;
}

TEST(a_state_that_differs_is_bounded_by_digests) {
    static const step_t steps[] = {{OP_EXECUTE, 450}, {OP_INTERRUPT}, {OP_EXECUTE, 750}};
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        script_init(&played, mode, log_path(), STEPS(steps));
        played.options = "rrdigest=100";
        played.host.callbacks.digest = state_digest;
        played.host.digest = (uint64_t)mode;
        script_run(&played);
        if (mode == REPLAY_MODE_RECORD)
            CHECK_STATUS(script_status(&played), OK);
    }
    printf("    %-36s %s\n", "state that differs", script_message(&played));
    CHECK_STATUS(script_status(&played), ERROR_DIGEST);
    const replay_error_t *error = &played.host.stop_error;
    CHECK(error->icount >= 700 && error->icount <= 900);
    CHECK_HAS(error->message,
              "no digest was compared since icount 600: record with a smaller rrdigest=N");
    CHECK_EQ(played.host.stop_reason, REPLAY_STOP_DIVERGENCE);
}

TEST(a_last_state_that_differs_is_reported) {
    static const step_t steps[] = {{OP_EXECUTE, 450}, {OP_INTERRUPT}, {OP_EXECUTE, 750}};
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        script_init(&played, mode, log_path(), STEPS(steps));
        played.host.callbacks.digest = state_digest;
        played.host.digest = (uint64_t)mode;
        script_run(&played);
    }
    printf("    %-36s %s\n", "last state that differs", script_message(&played));
    CHECK_STATUS(script_status(&played), ERROR_DIGEST);
    CHECK_STATUS(played.finished, ERROR_DIGEST);
}

/* A recorder that is gone before it finished. */
static void record_and_die(const step_t *steps, size_t count) {
    pid_t child = fork();
    if (child == 0) {
        host_t host;
        host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
        for (size_t i = 0; i < count; i++) {
            if (steps[i].op == OP_EXECUTE)
                host_execute(&host, 3, (uint64_t)steps[i].a);
            else if (steps[i].op == OP_INTERRUPT)
                replay_interrupt();
            else
                replay_save_clock((replay_clock_kind_t)steps[i].b, steps[i].a, host.icount);
        }
        kill(getpid(), SIGKILL);
    }
    int status;
    waitpid(child, &status, 0);
}

TEST(a_log_that_ends_early) {
    static const step_t steps[] = {{OP_EXECUTE, 50},  {OP_INTERRUPT},
                                   {OP_EXECUTE, 150}, {OP_CLOCK, 17, REPLAY_CLOCK_HOST},
                                   {OP_EXECUTE, 100}, {OP_INTERRUPT}};
    record_and_die(STEPS(steps));
    script_init(&played, REPLAY_MODE_PLAY, log_path(), STEPS(steps));
    script_run(&played);
    printf("    %-36s %s\n", "log that ends early", script_message(&played));
    CHECK_STATUS(played.configured, OK);
    CHECK_STATUS(script_status(&played), ERROR_LOG_CUT);
    CHECK_STATUS(played.finished, ERROR_LOG_CUT);
    CHECK_EQ(played.host.stops, 1);
    CHECK_EQ(played.host.stop_reason, REPLAY_STOP_CUT);
    CHECK_EQ(played.seen_count, 3);
    CHECK_EQ(played.host.icount, 300);
    CHECK_EQ(played.info.events, 3);
    CHECK_EQ(played.info.log_finished, 0);
    CHECK_EQ(played.info.at_end, 1);
    CHECK_EQ(played.info.total_events, 0);
    CHECK_HAS(script_message(&played), "300");
    script_free(&played);
    /* Reading it took nothing from it. */
    script_init(&played, REPLAY_MODE_PLAY, log_path(), STEPS(steps));
    script_run(&played);
    CHECK_STATUS(script_status(&played), ERROR_LOG_CUT);
    CHECK_EQ(played.seen_count, 3);
}

TEST(a_second_recorder_is_refused) {
    host_t host, other;
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    replay_session_t *session = replay_session_new();
    CHECK_STATUS(replay_session_push_current(session), OK);
    host_init(&other);
    CHECK_STATUS(host_configure(&other, REPLAY_MODE_RECORD, log_path(), NULL), ERROR_LOG_BUSY);
    CHECK_HAS(host_last_error().message, "run.log");
    CHECK_STATUS(replay_session_pop_current(), OK);
    CHECK_STATUS(replay_session_free(session), OK);
    host_execute(&host, 3, 10);
    CHECK(replay_interrupt());
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_paused_machine_is_not_stalled) {
    static const step_t good[] = {{OP_EXECUTE, 50}, {OP_INTERRUPT}, {OP_EXECUTE, 50}};
    record(STEPS(good));
    host_t host;
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), "rrstall=100");
    host_execute(&host, 3, 50);
    host.paused = true;
    for (int i = 0; i < 30; i++)
        replay_wait(10000000);
    CHECK_EQ(host.stops, 0);
    host.paused = false;
    CHECK(replay_interrupt());
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_slow_host_is_not_stalled) {
    static const step_t good[] = {{OP_EXECUTE, 50}, {OP_INTERRUPT}, {OP_EXECUTE, 50}};
    record(STEPS(good));
    host_t host;
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), "rrstall=100");
    for (int i = 0; i < 10; i++) { /* executes, slowly, and never waits */
        CHECK(host_execute(&host, 3, 5));
        test_sleep_ms(30);
    }
    CHECK_EQ(host.stops, 0);
    CHECK(replay_interrupt());
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

/* Each call by the other thread: checkpoints must be reported, the rest may be. */
TEST_SLOW(calls_of_the_other_thread, 60) {
    static const step_t good[] = {
        {OP_EXECUTE, 50},
        {OP_CHECKPOINT, REPLAY_CHECKPOINT_CLOCK_HOST, .io = true},
        {OP_CLOCK, 40, REPLAY_CLOCK_HOST, NULL, true},
        {OP_EXECUTE, 20},
        {OP_CHECKPOINT, REPLAY_CHECKPOINT_CLOCK_HOST},
        {OP_CLOCK, 50, REPLAY_CLOCK_HOST},
        {OP_EXECUTE, 20},
        {OP_CHECKPOINT, REPLAY_CHECKPOINT_RESET, .io = true},
        {OP_BH, 1, .io = true},
        {OP_FLUSH},
        {OP_RANDOM, 5, 8, NULL, true},
        {OP_RANDOM, 5, 8},
        {OP_EXECUTE, 20},
        {OP_CHECKPOINT, REPLAY_CHECKPOINT_INIT},
        {OP_SHUTDOWN, REPLAY_SHUTDOWN_HOST_QUIT, .io = true},
        {OP_EXECUTE, 20},
    };
    enum { COUNT = sizeof good / sizeof *good };
    record(good, COUNT);
    for (size_t at = 0; at < COUNT; at++) {
        step_t bad[COUNT];
        if (good[at].op == OP_EXECUTE || good[at].op == OP_FLUSH)
            continue;
        memcpy(bad, good, sizeof bad);
        bad[at].io = !bad[at].io;
        script_init(&played, REPLAY_MODE_PLAY, log_path(), bad, COUNT);
        played.options = "rrstall=200";
        script_run(&played);
        replay_status_t status = script_status(&played);
        printf("    %-11s %-8s %s\n", op_name(good[at].op), test_status_name(status),
               script_message(&played));
        if (good[at].op == OP_CHECKPOINT) {
            CHECK(status == REPLAY_ERROR_DIVERGENCE || status == REPLAY_ERROR_STALLED);
            CHECK(strstr(played.host.stop_error.expected, good[at].io ? "I/O" : "vCPU"));
        }
        if (status == REPLAY_OK)
            script_check_same(TEST_HERE, &played, &recorded);
        CHECK(!played.host.hung && played.ns < 2000000000);
        script_free(&played);
    }
}
