/* SPDX-License-Identifier: MIT */
/* A replay becomes a recording to a new log, which is replayed on its own. */
#include "positions.h"
#include "scripted-host.h"

#include <sys/wait.h>
#include <unistd.h>

enum { MOST_STEPS = 60 };

static char branch_path[512], third[512];
static size_t branch_at;
static replay_status_t branched;
static memory_t before;

/** From here on the guest gets other values than the recording has. */
static void branch(script_run_t *run, size_t index) {
    if (index != branch_at || run->mode != REPLAY_MODE_PLAY)
        return;
    branched = replay_branch(branch_path);
    if (branched != REPLAY_OK) {
        test_fail(TEST_HERE, "no branch after step %zu: %s", index, host_last_error().message);
        return;
    }
    CHECK(replay_mode == REPLAY_MODE_RECORD);
    CHECK_STR(replay_get_filename(), branch_path);
    run->mode = REPLAY_MODE_RECORD;
    run->shutdowns_seen = run->shutdowns_asked;
}

static step_t random_step(uint64_t *seed) {
    static const step_t kinds[] = {
        {OP_EXECUTE, 50},
        {OP_EXECUTE, 3},
        {OP_CLOCK, 5000, 0},
        {OP_CLOCK, 70, 1},
        {OP_CHECKPOINT, 4},
        {OP_INTERRUPT},
        {OP_RANDOM, 7, 33},
        {OP_CHAR_POST, .text = "typed"},
        {OP_PACKET, .b = 9, .text = "a packet"},
        {OP_BH, 1},
        {OP_BLOCK_EVENT, 5},
        {OP_FLUSH},
        {OP_TURN},
        {OP_DIGEST, 17},
        {OP_CHAR_WRITE, 3, 1},
        {OP_AUDIO_OUT, 12},
    };
    step_t step = kinds[test_random(seed) % (sizeof kinds / sizeof *kinds)];
    if (step.op == OP_EXECUTE || step.op == OP_CLOCK)
        step.a += (int64_t)(test_random(seed) % 1000);
    return step;
}

static void prepare(script_run_t *run, replay_mode_t mode, const char *path, const step_t *steps,
                    size_t count) {
    script_free(run);
    script_init(run, mode, path, steps, count);
    run->with_digest = true;
    run->options = mode == REPLAY_MODE_RECORD ? "rroverwrite=on" : "rroverwrite=on,rrsegment=256";
    run->each = branch;
}

/** @p at: the step after which the replay branches. */
static bool try_branch(const step_t *steps, size_t count, size_t at, uint64_t seed) {
    static script_run_t play, again;
    step_t other[MOST_STEPS + 2];
    memcpy(other, steps, count * sizeof *steps);
    for (size_t i = at + 1; i + 2 < count; i++)
        other[i] = random_step(&seed);
    branch_at = at;
    prepare(&play, REPLAY_MODE_PLAY, log_path(), other, count);
    script_run(&play);
    if (!CHECK_STATUS(branched, OK) || !CHECK_STATUS(script_status(&play), OK)) {
        printf("      %s\n", script_message(&play));
        return false;
    }
    branch_at = SIZE_MAX;
    prepare(&again, REPLAY_MODE_PLAY, branch_path, other, count);
    script_run(&again);
    bool good =
        CHECK_STATUS(script_status(&again), OK) && script_check_same(TEST_HERE, &again, &play);
    if (!good)
        printf("      branch at %zu: %s\n", at, script_message(&again));
    return good;
}

TEST_SLOW(a_branch_is_replayed_on_its_own, 120) {
    static script_run_t record;
    snprintf(branch_path, sizeof branch_path, "%s", test_path("branch"));
    for (uint64_t course = 1; course <= 40; course++) {
        step_t steps[MOST_STEPS + 2];
        uint64_t seed = course;
        for (size_t i = 0; i < MOST_STEPS; i++)
            steps[i] = random_step(&seed);
        steps[MOST_STEPS] = (step_t){OP_FLUSH};
        steps[MOST_STEPS + 1] = (step_t){OP_EXECUTE, 10};
        size_t count = MOST_STEPS + 2;
        branch_at = SIZE_MAX;
        prepare(&record, REPLAY_MODE_RECORD, log_path(), steps, count);
        script_run(&record);
        CHECK_STATUS(script_status(&record), OK);
        for (int i = 0; i < 3; i++) {
            test_note("course %llu", (unsigned long long)course);
            if (!try_branch(steps, count, test_random(&seed) % MOST_STEPS, test_random(&seed)))
                return;
        }
    }
}

/* ----------------------------------------------------------------- what it is */

static void record_short(host_t *host) {
    host_begin(host, REPLAY_MODE_RECORD, log_path(), NULL);
    for (int64_t i = 1; i <= 5; i++) {
        host_execute(host, REPLAY_THREAD_VCPU, 100);
        (void)REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_VIRTUAL_RT, i * 1000000000);
    }
    host_execute(host, REPLAY_THREAD_VCPU, 100);
    CHECK_STATUS(host_end(host), OK);
}

static int64_t play_short(host_t *host, int64_t readings) {
    int64_t last = 0;
    for (int64_t i = 1; i <= readings; i++) {
        host_execute(host, REPLAY_THREAD_VCPU, 100);
        last = REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_VIRTUAL_RT, -1);
    }
    return last;
}

TEST(a_branch_begins_with_what_was_replayed) {
    static host_t host;
    snprintf(branch_path, sizeof branch_path, "%s", test_path("branch"));
    record_short(&host);
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    CHECK_EQ(play_short(&host, 3), 3000000000);
    CHECK_STATUS(save(&before), OK);
    CHECK_STATUS(replay_branch(branch_path), OK);
    CHECK_STATUS(replay_branch(branch_path), ERROR_WRONG_MODE);
    CHECK_EQ(host_info().events, 3);
    CHECK_EQ(host_info().mode, REPLAY_MODE_RECORD);
    host_execute(&host, REPLAY_THREAD_VCPU, 50);
    CHECK(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 42) == 42);
    CHECK_STATUS(host_end(&host), OK);

    host_begin(&host, REPLAY_MODE_PLAY, branch_path, NULL);
    CHECK_STATUS(load(&before), ERROR_POSITION); /* of the parent */
    CHECK_EQ(play_short(&host, 3), 3000000000);
    host_execute(&host, REPLAY_THREAD_VCPU, 50);
    CHECK(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 0) == 42);
    /* A branch of a branch. */
    snprintf(third, sizeof third, "%s", test_path("third"));
    CHECK_STATUS(replay_branch(third), OK);
    host_execute(&host, REPLAY_THREAD_VCPU, 7);
    CHECK_STATUS(host_end(&host), OK);
    host_begin(&host, REPLAY_MODE_PLAY, third, NULL);
    CHECK_EQ(play_short(&host, 3), 3000000000);
    host_execute(&host, REPLAY_THREAD_VCPU, 50);
    CHECK(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 0) == 42);
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    CHECK_EQ(host.icount, 357);
    CHECK_STATUS(host_end(&host), OK);
    /* The parent is as it was. */
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    CHECK_EQ(play_short(&host, 5), 5000000000);
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_branch_that_cannot_be_leaves_the_replay_where_it_was) {
    static host_t host;
    snprintf(branch_path, sizeof branch_path, "%s", test_path("branch"));
    CHECK_STATUS(replay_branch(branch_path), ERROR_WRONG_MODE);
    record_short(&host);
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    CHECK_EQ(play_short(&host, 2), 2000000000);
    CHECK_STATUS(replay_branch(NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_branch(""), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_branch("/nowhere/at/all"), ERROR_SYSTEM);
    CHECK_STATUS(replay_branch(log_path()), ERROR_LOG_BUSY);
    CHECK(replay_mode == REPLAY_MODE_PLAY);
    host_execute(&host, REPLAY_THREAD_VCPU, 100);
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_VIRTUAL_RT, 0), 3000000000);
    host.icount = 401; /* past an event */
    CHECK_STATUS(replay_account_executed_instructions(), ERROR_DIVERGENCE);
    CHECK_STATUS(replay_branch(branch_path), ERROR_DIVERGENCE);
    CHECK_STATUS(host_end(&host), ERROR_DIVERGENCE);
}

/* --------------------------------------------------------------- after an end */

/** A recorder that dies after three readings. */
static void record_and_die(void) {
    static host_t host;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
        for (int64_t i = 1; i <= 3; i++) {
            host_execute(&host, REPLAY_THREAD_VCPU, 100);
            (void)REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_VIRTUAL_RT, i * 1000000000);
        }
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
}

TEST(a_recording_that_was_cut_is_continued) {
    static host_t host;
    snprintf(branch_path, sizeof branch_path, "%s", test_path("branch"));
    record_and_die();
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    CHECK_EQ(play_short(&host, 3), 3000000000);
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    CHECK_STATUS(host_stop_status(&host), ERROR_LOG_CUT);
    CHECK_STATUS(replay_branch(branch_path), OK);
    atomic_store(&host.stops, 0);
    host_execute(&host, REPLAY_THREAD_VCPU, 100);
    CHECK(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_VIRTUAL_RT, 4000000000) == 4000000000);
    CHECK_STATUS(host_end(&host), OK);
    host_begin(&host, REPLAY_MODE_PLAY, branch_path, NULL);
    CHECK_EQ(play_short(&host, 4), 4000000000);
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_recording_that_is_complete_goes_on_from_its_end) {
    static host_t host;
    snprintf(branch_path, sizeof branch_path, "%s", test_path("branch"));
    record_short(&host);
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    CHECK_EQ(play_short(&host, 5), 5000000000);
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    CHECK_STATUS(replay_branch(branch_path), OK);
    atomic_store(&host.stops, 0);
    host_execute(&host, REPLAY_THREAD_VCPU, 100);
    CHECK(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 6) == 6);
    CHECK_STATUS(host_end(&host), OK);
    host_begin(&host, REPLAY_MODE_PLAY, branch_path, NULL);
    CHECK_EQ(play_short(&host, 5), 5000000000);
    host_execute(&host, REPLAY_THREAD_VCPU, 200);
    CHECK(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 0) == 6);
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    CHECK_STATUS(host_end(&host), OK);
}

/* -------------------------------------------------------------------- refused */

static replay_status_t branched_within;

static void branch_within(void *opaque) {
    (void)opaque;
    branched_within = replay_branch(branch_path);
}

static int64_t length_of_disk(void *opaque) {
    (void)opaque;
    return 4096;
}

static void never(void *opaque, replay_block_request_t *request, uint64_t offset,
                  const struct iovec *pieces, int32_t count, uint32_t flags) {
    (void)opaque, (void)request, (void)offset, (void)pieces, (void)count, (void)flags;
}

TEST(a_place_that_is_not_quiet_is_no_place_to_branch) {
    static host_t host;
    snprintf(branch_path, sizeof branch_path, "%s", test_path("branch"));
    for (int play = 0; play < 2; play++) {
        replay_block_backend_t backend = REPLAY_BLOCK_BACKEND_INIT;
        backend.length = length_of_disk;
        backend.read = never;
        replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
        config.backend = &backend;
        size_t samples = 1;
        uint64_t left = 1, right = 2;
        host_init(&host);
        CHECK_STATUS(host_configure(&host, play ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD, log_path(),
                                    play ? NULL : "rrdata=on"),
                     OK);
        CHECK(replay_block_open(&config, NULL) != NULL);
        replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
        replay_mutex_lock();
        if (play)
            CHECK_STATUS(replay_branch(branch_path), ERROR_WRONG_STATE);
        replay_mutex_unlock();
        host_start(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
        replay_bh_schedule_event(branch_within, NULL);
        CHECK_STATUS(replay_async_events(), OK);
        CHECK_STATUS_IS(branched_within, play ? REPLAY_ERROR_REENTERED : REPLAY_ERROR_WRONG_MODE);
        CHECK_STATUS(replay_audio_in_start(&samples), OK);
        if (play)
            CHECK_STATUS(replay_branch(branch_path), ERROR_NOT_QUIET);
        CHECK_STATUS(replay_audio_in_sample_lr(&left, &right), OK);
        CHECK_STATUS(replay_audio_in_finish(), OK);
        if (play) {
            CHECK_STATUS(replay_branch(branch_path), ERROR_NOT_SUPPORTED); /* rrdata=on */
            CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
        }
        CHECK_STATUS(host_end(&host), OK);
    }
}

/* A host without the digest callback branches from a recording with digests. */
static uint64_t same_digest(void *opaque) {
    (void)opaque;
    return 5;
}

TEST(a_host_without_digests_records_none_in_its_branch) {
    static host_t host;
    snprintf(branch_path, sizeof branch_path, "%s", test_path("branch"));
    for (int run = 0; run < 3; run++) {
        host_init(&host);
        if (run != 1)
            host.callbacks.digest = same_digest;
        CHECK_STATUS(host_configure(&host, run ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD,
                                    run == 2 ? branch_path : log_path(),
                                    run ? NULL : "rrdigest=50"),
                     OK);
        host_start(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
        for (int i = 0; i < 6; i++) {
            CHECK_STATUS(replay_turn(), OK);
            host_execute(&host, REPLAY_THREAD_VCPU, 50);
            if (run == 1 && i == 2)
                CHECK_STATUS(replay_branch(branch_path), OK);
        }
        if (run == 2)
            CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
        CHECK_STATUS(host_end(&host), OK);
    }
}
