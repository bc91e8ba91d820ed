/* SPDX-License-Identifier: MIT */
/* A host with its own snapshots goes to a different place in the recording: the scripted
 * host saves itself and the library's position, and loads both. */
#include "script-steps.h"

#include <sys/wait.h>
#include <unistd.h>

enum { POSITION_BYTES = 4096, MOST_STEPS = 80 };

/* ------------------------------------------------------------ the host's snapshots */

/** Memory that a stream writes or reads. */
typedef struct {
    uint8_t bytes[POSITION_BYTES];
    size_t length, at;
    bool fails;
} memory_t;

static bool write_memory(void *opaque, const void *bytes, size_t length) {
    memory_t *memory = opaque;
    if (memory->fails || length > sizeof memory->bytes - memory->length)
        return false;
    memcpy(memory->bytes + memory->length, bytes, length);
    memory->length += length;
    return true;
}

static bool read_memory(void *opaque, void *bytes, size_t length) {
    memory_t *memory = opaque;
    if (memory->fails || length > memory->length - memory->at)
        return false;
    memcpy(bytes, memory->bytes + memory->at, length);
    memory->at += length;
    return true;
}

static replay_stream_t stream_of(memory_t *memory) {
    replay_stream_t stream = REPLAY_STREAM_INIT;
    stream.write = write_memory;
    stream.read = read_memory;
    stream.opaque = memory;
    return stream;
}

static replay_status_t save(memory_t *memory) {
    replay_stream_t stream = stream_of(memory);
    memory->length = 0;
    return replay_position_save(&stream);
}

static replay_status_t load(memory_t *memory) {
    replay_stream_t stream = stream_of(memory);
    memory->at = 0;
    return replay_position_load(&stream);
}

/** The machine after a step. What the guest saw is the beginning of what it saw in the end. */
typedef struct {
    bool exists;
    uint64_t icount;
    size_t seen_count;
    unsigned shutdowns_asked, shutdowns_seen;
    memory_t position;
} snapshot_t;

static bool take(script_run_t *run, snapshot_t *snapshot) {
    snapshot->exists = replay_can_snapshot();
    if (!snapshot->exists) {
        CHECK_STATUS(host_last_error().status, ERROR_NOT_QUIET);
        CHECK_STATUS(save(&snapshot->position), ERROR_NOT_QUIET);
        return false;
    }
    CHECK_STATUS(save(&snapshot->position), OK);
    snapshot->icount = run->host.icount;
    snapshot->seen_count = run->seen_count;
    snapshot->shutdowns_asked = run->shutdowns_asked;
    /* In PLAY the library asks for one perhaps before the script does. */
    bool records = run->mode == REPLAY_MODE_RECORD;
    snapshot->shutdowns_seen = records ? run->shutdowns_asked : run->shutdowns_seen;
    return true;
}

/** @p known is a run that has seen all that a snapshot may refer to. */
static replay_status_t go_to(script_run_t *run, snapshot_t *snapshot, size_t step,
                             const script_run_t *known) {
    while (run->seen_count < snapshot->seen_count) {
        const seen_t *seen = &known->seen[run->seen_count];
        run->host.icount = seen->icount;
        script_see(run, seen->op, seen->value);
    }
    run->seen_count = snapshot->seen_count;
    run->host.icount = snapshot->icount;
    run->shutdowns_asked = snapshot->shutdowns_asked;
    run->shutdowns_seen = snapshot->shutdowns_seen;
    run->done = step;
    return load(&snapshot->position);
}

/* --------------------------------------------------------------- random walks */

static snapshot_t recorded[MOST_STEPS + 4], replayed[MOST_STEPS + 4];

typedef struct {
    const script_run_t *record;
    uint64_t seed;
    unsigned jumps; /* that are left */
    size_t farthest;
    unsigned saved;
} walk_t;

static void take_recorded(script_run_t *run, size_t index) {
    take(run, &recorded[index]);
}

static void walk(script_run_t *run, size_t index) {
    walk_t *walk = run->user;
    snapshot_t *here = &replayed[index];
    walk->saved += take(run, here);
    if (!walk->jumps || test_random(&walk->seed) % 3)
        return;
    /* Back to what this run or the recording has saved, or forward to what the recording has. */
    size_t target = test_random(&walk->seed) % run->count;
    bool own = target <= index && test_random(&walk->seed) % 2;
    snapshot_t *snapshot = own ? &replayed[target] : &recorded[target];
    if (!snapshot->exists)
        return;
    walk->jumps--;
    CHECK_STATUS(go_to(run, snapshot, target, walk->record), OK);
}

static step_t random_step(uint64_t *seed) {
    static const step_t kinds[] = {
        {OP_EXECUTE, 50},
        {OP_EXECUTE, 3},
        {OP_CLOCK, 5000, 0},
        {OP_CLOCK, 70, 1},
        {OP_CHECKPOINT, 4},
        {OP_INTERRUPT},
        {OP_EXCEPTION},
        {OP_RANDOM, 7, 33},
        {OP_CHAR_POST, .text = "typed"},
        {OP_PACKET, .b = 9, .text = "a packet"},
        {OP_INPUT, 3},
        {OP_INPUT_SYNC},
        {OP_BH, 1},
        {OP_BH_ONESHOT, 2},
        {OP_BLOCK_EVENT, 5},
        {OP_FLUSH},
        {OP_FLUSH},
        {OP_TURN},
        {OP_DIGEST, 17},
        {OP_CHAR_WRITE, 3, 1},
        {OP_CHAR_READ, .text = "x"},
        {OP_CHAR_READ_ERROR, -5},
        {OP_AUDIO_OUT, 12},
        {OP_AUDIO_IN, 3, 4},
        {OP_SHUTDOWN, REPLAY_SHUTDOWN_GUEST_RESET},
    };
    step_t step = kinds[test_random(seed) % (sizeof kinds / sizeof *kinds)];
    if (step.op == OP_EXECUTE || step.op == OP_CLOCK)
        step.a += (int64_t)(test_random(seed) % 1000);
    return step;
}

static size_t random_course(uint64_t *seed, step_t steps[MOST_STEPS + 4]) {
    size_t count = 20 + test_random(seed) % (MOST_STEPS - 20);
    for (size_t i = 0; i < count; i++)
        steps[i] = random_step(seed);
    steps[count++] = (step_t){OP_FLUSH};
    steps[count++] = (step_t){OP_EXECUTE, 10};
    return count;
}

static void prepare(script_run_t *run, const char *options) {
    run->options = options;
    run->with_digest = true;
}

/** Where a replay could save, in all courses. */
static unsigned places;

static bool try_walk(uint64_t seed) {
    static script_run_t record, play;
    step_t steps[MOST_STEPS + 4];
    uint64_t state = seed;
    test_note("course %llu", (unsigned long long)seed);
    size_t count = random_course(&state, steps);
    memset(recorded, 0, sizeof recorded);
    memset(replayed, 0, sizeof replayed);
    script_free(&record);
    script_free(&play);
    script_init(&record, REPLAY_MODE_RECORD, log_path(), steps, count);
    prepare(&record, seed % 2 ? "rrsegment=256,rroverwrite=on" : "rroverwrite=on");
    record.each = take_recorded;
    script_run(&record);
    script_init(&play, REPLAY_MODE_PLAY, log_path(), steps, count);
    prepare(&play, NULL);
    walk_t walking = {.record = &record, .seed = state, .jumps = 12};
    play.each = walk;
    play.user = &walking;
    script_run(&play);
    bool good = CHECK_STATUS(script_status(&record), OK) &&
                CHECK_STATUS(script_status(&play), OK) && CHECK(!play.host.hung) &&
                script_check_same(TEST_HERE, &play, &record);
    places += walking.saved;
    if (!good)
        printf("      course %llu: %s\n", (unsigned long long)seed, script_message(&play));
    return good;
}

TEST_SLOW(a_replay_goes_back_and_forward_to_saved_places, 120) {
    for (uint64_t seed = 1; seed <= 200; seed++)
        if (!try_walk(seed))
            return;
    CHECK(places > 1000);
}

TEST_LONG(so_it_does_in_thousands_of_courses, 900) {
    for (uint64_t seed = 1000; seed <= 11000; seed++)
        if (!try_walk(seed))
            return;
}

/* ------------------------------------------------------------ a new process */

typedef struct {
    const script_run_t *record;
    size_t target;
    bool gone;
} jump_t;

static void jump_once(script_run_t *run, size_t index) {
    jump_t *jump = run->user;
    (void)index;
    if (jump->gone)
        return;
    jump->gone = true;
    CHECK_STATUS(go_to(run, &recorded[jump->target], jump->target, jump->record), OK);
}

TEST_SLOW(a_new_process_continues_at_each_saved_place, 120) {
    static script_run_t record, play;
    step_t steps[MOST_STEPS + 4];
    uint64_t seed = 77;
    size_t count = random_course(&seed, steps);
    unsigned places = 0;
    script_init(&record, REPLAY_MODE_RECORD, log_path(), steps, count);
    prepare(&record, NULL);
    record.each = take_recorded;
    script_run(&record);
    CHECK_STATUS(script_status(&record), OK);
    for (size_t target = 0; target < count; target++) {
        if (!recorded[target].exists)
            continue;
        places++;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            jump_t jump = {.record = &record, .target = target};
            script_init(&play, REPLAY_MODE_PLAY, log_path(), steps, count);
            prepare(&play, NULL);
            play.each = jump_once;
            play.user = &jump;
            script_run(&play);
            bool good = CHECK_STATUS(script_status(&play), OK) &&
                        script_check_same(TEST_HERE, &play, &record);
            fflush(stdout);
            _exit(good ? 0 : 1);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    CHECK(places > 10);
}

/* ------------------------------------------------------------------- failures */

static const step_t plain[] = {
    {OP_EXECUTE, 10}, {OP_CLOCK, 100},  {OP_EXECUTE, 10}, {OP_RANDOM, 1, 4}, {OP_EXECUTE, 20},
    {OP_CLOCK, 200},  {OP_EXECUTE, 10}, {OP_CLOCK, 300},  {OP_EXECUTE, 5},
};

static void record_plain(script_run_t *record) {
    script_init(record, REPLAY_MODE_RECORD, log_path(), STEPS(plain));
    prepare(record, NULL);
    record->each = take_recorded;
    script_run(record);
    CHECK_STATUS(script_status(record), OK);
}

static void load_damaged(script_run_t *run, size_t index) {
    if (index != 2)
        return;
    memory_t damaged = recorded[5].position;
    for (size_t i = 0; i < damaged.length; i++) {
        damaged.bytes[i] ^= 0x10;
        CHECK_STATUS(load(&damaged), ERROR_POSITION);
        damaged.bytes[i] ^= 0x10;
    }
    for (damaged.length = 0; damaged.length < recorded[5].position.length; damaged.length++)
        CHECK_STATUS(load(&damaged), ERROR_SYSTEM);
    damaged.fails = true;
    CHECK_STATUS(load(&damaged), ERROR_SYSTEM);
    CHECK_STATUS(save(&damaged), ERROR_SYSTEM);
    CHECK_STATUS(replay_position_save(NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_position_load(NULL), ERROR_INVALID_ARGUMENT);
    replay_stream_t empty = REPLAY_STREAM_INIT, small = stream_of(&damaged);
    small.size = 4;
    CHECK_STATUS(replay_position_save(&empty), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_position_load(&empty), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_position_load(&small), ERROR_INVALID_ARGUMENT);
    (void)run;
}

TEST(a_damaged_position_leaves_the_replay_where_it_was) {
    static script_run_t record, play;
    record_plain(&record);
    script_init(&play, REPLAY_MODE_PLAY, log_path(), STEPS(plain));
    prepare(&play, NULL);
    play.each = load_damaged;
    script_run(&play);
    CHECK_STATUS(script_status(&play), OK);
    script_check_same(TEST_HERE, &play, &record);
}

static void load_foreign(script_run_t *run, size_t index) {
    (void)run;
    if (index == 3)
        CHECK_STATUS(load(&recorded[5].position), ERROR_POSITION);
}

TEST(a_position_of_a_different_recording_is_refused) {
    static script_run_t record, other, play;
    record_plain(&record);
    step_t steps[sizeof plain / sizeof *plain];
    memcpy(steps, plain, sizeof plain);
    steps[1].a = 101; /* one reading differs */
    const char *path = test_path("other");
    script_init(&other, REPLAY_MODE_RECORD, path, STEPS(steps));
    prepare(&other, NULL);
    script_run(&other);
    script_init(&play, REPLAY_MODE_PLAY, path, STEPS(steps));
    prepare(&play, NULL);
    play.each = load_foreign;
    script_run(&play);
    CHECK_STATUS(script_status(&play), OK);
    script_check_same(TEST_HERE, &play, &other);
}

TEST(only_a_replay_that_has_started_goes_to_a_place) {
    host_t host;
    static memory_t memory;
    CHECK(!replay_can_snapshot());
    CHECK_STATUS(host_last_error().status, ERROR_WRONG_MODE);
    CHECK_STATUS(save(&memory), ERROR_WRONG_MODE);
    CHECK_STATUS(load(&memory), ERROR_WRONG_MODE);
    host_init(&host);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    CHECK_STATUS(save(&memory), ERROR_LOCK_NOT_HELD);
    replay_thread_attach(REPLAY_THREAD_VCPU);
    replay_mutex_lock();
    CHECK_STATUS(save(&memory), ERROR_WRONG_STATE);
    replay_mutex_unlock();
    host_start(&host, REPLAY_THREAD_VCPU);
    CHECK_STATUS(save(&memory), OK);
    CHECK_STATUS(load(&memory), ERROR_WRONG_MODE);
    CHECK_STATUS(host_end(&host), OK);
}

static memory_t from_callback;
static replay_status_t status_in_callback, save_in_callback;
static void load_in_callback(void *opaque) {
    (void)opaque;
    save_in_callback = save(&from_callback);
    status_in_callback = load(&recorded[0].position);
}

TEST(nothing_is_saved_or_loaded_within_a_callback_or_before_a_completion) {
    host_t host;
    static memory_t memory;
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    CHECK_STATUS(save(&recorded[0].position), OK);
    replay_bh_schedule_event(load_in_callback, NULL);
    CHECK(!replay_can_snapshot());
    CHECK_HAS(host_last_error().message, "bottom half");
    CHECK_STATUS(save(&memory), ERROR_NOT_QUIET);
    CHECK_STATUS(replay_async_events(), OK);
    CHECK_STATUS(save_in_callback, ERROR_NOT_QUIET);
    uint64_t id = blkreplay_next_id();
    CHECK(!replay_can_snapshot());
    CHECK_HAS(host_last_error().message, "disk request");
    CHECK_STATUS(replay_block_event(ignore, NULL, id), OK);
    CHECK(!replay_can_snapshot());
    CHECK_STATUS(replay_async_events(), OK);
    CHECK(replay_can_snapshot());
    size_t samples = 1;
    replay_audio_in_start(&samples);
    CHECK(!replay_can_snapshot());
    uint64_t left = 1, right = 2;
    replay_audio_in_sample_lr(&left, &right);
    replay_audio_in_finish();
    CHECK(replay_can_snapshot());
    CHECK_STATUS(host_end(&host), OK);

    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    replay_bh_schedule_event(load_in_callback, NULL);
    CHECK_STATUS(replay_async_events(), OK);
    CHECK_STATUS(status_in_callback, ERROR_REENTERED);
    CHECK_STATUS(load(&recorded[0].position), OK);
    replay_bh_schedule_event(ignore, NULL);
    CHECK_STATUS(replay_async_events(), OK);
    replay_block_event(ignore, NULL, blkreplay_next_id());
    CHECK_STATUS(replay_async_events(), OK);
    replay_audio_in_start(&samples);
    replay_audio_in_sample_lr(&left, &right);
    replay_audio_in_finish();
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    CHECK_STATUS(host_end(&host), OK);
}

static int64_t length_of_disk(void *opaque) {
    (void)opaque;
    return 4096;
}

static void never(void *opaque, replay_block_request_t *request, uint64_t offset,
                  const struct iovec *iov, int32_t count, uint32_t flags) {
    (void)opaque, (void)request, (void)offset, (void)iov, (void)count, (void)flags;
}

TEST(a_disk_that_the_guest_writes_to_is_not_part_of_a_position) {
    host_t host;
    static memory_t memory;
    replay_block_backend_t backend = REPLAY_BLOCK_BACKEND_INIT;
    backend.length = length_of_disk;
    backend.read = never;
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.backend = &backend;
    host_init(&host);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    CHECK(replay_block_open(&config, NULL) != NULL);
    host_start(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    CHECK_STATUS(save(&memory), ERROR_NOT_SUPPORTED);
    CHECK_HAS(host_last_error().message, "disk0");
    CHECK_STATUS(host_end(&host), OK);
}

/* ------------------------------------------------------ after a failure or the end */

TEST(a_failure_or_an_end_is_left_behind) {
    host_t host;
    static memory_t early;
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    host_execute(&host, REPLAY_THREAD_VCPU, 10);
    CHECK_STATUS(replay_save_random(1, "abcd", 4), OK);
    host_execute(&host, REPLAY_THREAD_VCPU, 10);
    CHECK_STATUS(save(&early), OK);
    (void)REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 42);
    host_execute(&host, REPLAY_THREAD_VCPU, 10);
    CHECK_STATUS(host_end(&host), OK);

    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    host.icount = 11; /* past the first event */
    CHECK_STATUS(replay_account_executed_instructions(), ERROR_DIVERGENCE);
    CHECK(host_stopped(&host));
    for (int round = 0; round < 3; round++) {
        host.icount = 20;
        CHECK_STATUS(load(&early), OK);
        CHECK_STATUS(host_last_error().status, OK);
        atomic_store(&host.stops, 0);
        CHECK(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 0) == 42);
        CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
        CHECK_STATUS(host_stop_status(&host), OK);
        CHECK_EQ(host.icount, 30);
    }
    CHECK_STATUS(host_end(&host), OK);
}

/* --------------------------------------------------------------------- timers */

static unsigned ticks;
static void tick(void *opaque) {
    ticks++;
    if (opaque)
        replay_timer_mod(*(replay_timer_t **)opaque, replay_get_virtual_clock() + 100);
}

static void run_timers(host_t *host, uint64_t until) {
    while (host->icount < until && !host_stopped(host)) {
        replay_account_warp_timer();
        uint64_t budget = replay_get_budget(until - host->icount);
        host->icount += budget;
        replay_account_executed_instructions();
    }
    replay_account_warp_timer();
}

TEST(timers_run_again_from_the_position_on) {
    host_t host;
    static memory_t early, late;
    replay_timer_t *timer = NULL;
    for (int play = 0; play < 2; play++) {
        ticks = 0;
        host_begin(&host, play ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD, log_path(), NULL);
        timer = replay_timer_new(tick, &timer);
        replay_timer_mod(timer, 100);
        run_timers(&host, 250);
        CHECK_EQ(ticks, 2);
        CHECK_STATUS(save(&early), OK);
        if (play) {
            /* One more, which the position doesn't know: it is not set after the load. */
            replay_timer_t *other = replay_timer_new(tick, NULL);
            replay_timer_mod(other, 400);
        }
        run_timers(&host, play ? 350 : 1000);
        if (play) {
            host.icount = 250;
            CHECK_STATUS(load(&early), OK);
            CHECK_EQ(replay_timer_expire_time(timer), 300);
            ticks = 2;
            run_timers(&host, 1000);
        }
        CHECK_EQ(ticks, 10);
        CHECK_STATUS(save(&late), OK);
        if (play)
            CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
        CHECK_STATUS(host_end(&host), OK);
    }
    /* The late position has two timers; this run has one. */
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    timer = replay_timer_new(tick, &timer);
    replay_timer_mod(timer, 100);
    CHECK_STATUS(load(&late), ERROR_POSITION);
    CHECK_HAS(host_last_error().message, "timer 1");
    host.icount = 250;
    CHECK_STATUS(load(&early), OK);
    ticks = 2;
    run_timers(&host, 1000);
    CHECK_EQ(ticks, 10);
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    CHECK_STATUS(host_end(&host), OK);
}
