/* SPDX-License-Identifier: MIT */
/* A host with its own snapshots goes to a different place in the recording: the scripted
 * host saves itself and the library's position, and loads both. */
#include "positions.h"
#include "script-steps.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_STEPS = 80, LONG_STEPS = 500 };

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

static snapshot_t recorded[LONG_STEPS], replayed[MOST_STEPS + 4];

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

static size_t course_of(size_t count, uint64_t *seed, step_t *steps) {
    for (size_t i = 0; i < count; i++)
        steps[i] = random_step(seed);
    steps[count++] = (step_t){OP_FLUSH};
    steps[count++] = (step_t){OP_EXECUTE, 10};
    return count;
}

static size_t random_course(uint64_t *seed, step_t steps[MOST_STEPS + 4]) {
    return course_of(20 + test_random(seed) % (MOST_STEPS - 20), seed, steps);
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

/* ---------------------------------------------- a hundred places in any order */

enum { PLACES = 100, PROCESSES = 10, MOST_SEEN = 1 << 16 };

/** What a process knows of a recording that a different one made. */
typedef struct {
    snapshot_t recorded[LONG_STEPS];
    size_t order[PLACES];
    size_t seen_count;
    seen_t seen[MOST_SEEN];
} known_t;

static known_t *known;
static step_t long_course[LONG_STEPS];
static size_t long_count;

typedef struct {
    const script_run_t *record;
    size_t next, end; /* in the order */
} tour_t;

static void go_on_tour(script_run_t *run, size_t index) {
    tour_t *tour = run->user;
    (void)index;
    if (tour->next == tour->end)
        return;
    size_t target = known->order[tour->next++];
    CHECK_STATUS(go_to(run, &known->recorded[target], target, tour->record), OK);
}

/** Replays by way of a part of the places. */
static bool tour(size_t first, size_t end) {
    static script_run_t record, play;
    record.seen = known->seen;
    record.seen_count = known->seen_count;
    tour_t tour = {.record = &record, .next = first, .end = end};
    script_init(&play, REPLAY_MODE_PLAY, log_path(), long_course, long_count);
    prepare(&play, NULL);
    play.each = go_on_tour;
    play.user = &tour;
    script_run(&play);
    bool good = CHECK_STATUS(script_status(&play), OK) && CHECK_EQ(tour.next, end) &&
                script_check_same(TEST_HERE, &play, &record);
    script_free(&play);
    return good;
}

static void record_long_course(void) {
    static script_run_t record;
    size_t places[LONG_STEPS], count = 0;
    uint64_t seed = 4711;
    script_init(&record, REPLAY_MODE_RECORD, log_path(), long_course, long_count);
    prepare(&record, NULL);
    record.each = take_recorded;
    script_run(&record);
    REQUIRE_STATUS(script_status(&record), OK);
    REQUIRE(record.seen_count <= MOST_SEEN);
    memcpy(known->recorded, recorded, sizeof recorded);
    memcpy(known->seen, record.seen, record.seen_count * sizeof *record.seen);
    known->seen_count = record.seen_count;
    for (size_t i = 0; i < long_count; i++)
        if (recorded[i].exists)
            places[count++] = i;
    REQUIRE(count >= PLACES);
    for (size_t i = 0; i < PLACES; i++) {
        size_t other = i + test_random(&seed) % (count - i);
        known->order[i] = places[other];
        places[other] = places[i];
    }
    script_free(&record);
}

TEST_SLOW(a_hundred_places_are_loaded_in_any_order_in_this_process_and_in_new_ones, 120) {
    pid_t children[PROCESSES];
    int go[2];
    char byte;
    uint64_t seed = 99;
    known = mmap(NULL, sizeof *known, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(known != MAP_FAILED && pipe(go) == 0);
    long_count = course_of(LONG_STEPS - 4, &seed, long_course);
    fflush(stdout);
    /* They haven't used the library yet. */
    for (size_t i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            bool good = read(go[0], &byte, 1) == 1 &&
                        tour(i * PLACES / PROCESSES, (i + 1) * PLACES / PROCESSES);
            fflush(stdout);
            _exit(good ? 0 : 1);
        }
    }
    record_long_course();
    for (size_t i = 0; i < PROCESSES; i++) {
        int status;
        CHECK_EQ(write(go[1], "", 1), 1);
        CHECK(waitpid(-1, &status, 0) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    tour(0, PLACES);
}
