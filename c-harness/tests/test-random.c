/* SPDX-License-Identifier: MIT */
/* Random courses, recorded and replayed, whole and with one random mistake: a
 * replay sees the same, or says where it does not; it never hangs. */
#include "scripted-host.h"

enum { MOST_STEPS = 80 };

static step_t random_step(uint64_t *seed) {
    static const char *const texts[] = {"a", "some text", "",
                                        "a longer text, which takes more than one segment of "
                                        "the smallest size, because it goes on and on, and has "
                                        "been written for no other purpose than to be long: "
                                        "and so it is repeated, more or less, until it is long "
                                        "enough; which it now should be, if we count again"};
    uint64_t random = test_random(seed);
    step_t step = {.op = (op_t)(random % OP_COUNT), .io = random >> 60 == 0};
    uint64_t value = test_random(seed);
    switch (step.op) {
    case OP_EXECUTE:
        step.a = (int64_t)(value % 10 == 0 ? value >> 34 : value % 200);
        break;
    case OP_CLOCK:
        step.a = (int64_t)(value >> value % 60);
        step.b = (int64_t)(random >> 20) & 1;
        break;
    case OP_CHECKPOINT: /* those of the warp are met by the turns alone */
        step.a = (int64_t[]){2, 3, 4, 5, 7, 8}[value % 6];
        break;
    case OP_RANDOM:
        step.a = (int64_t)value;
        step.b = (int64_t)(value % 400);
        break;
    case OP_PACKET:
        step.b = (int64_t)(uint32_t)value;
        step.text = texts[value % 2];
        break;
    case OP_CHAR_POST:
    case OP_CHAR_READ:
        step.text = texts[value % 4];
        break;
    case OP_READ:
        step.a = (int64_t)(value % (SCRIPT_DISK_BYTES + 1000));
        step.b = (int64_t)(value >> 40) % 3000;
        break;
    case OP_WRITE:
        step.a = (int64_t)(value % SCRIPT_DISK_BYTES);
        step.text = texts[value % 4];
        break;
    case OP_AUDIO_IN:
        step.a = (int64_t)value;
        step.b = (int64_t)(value % 20);
        break;
    case OP_CHAR_READ_ERROR:
        step.a = -1 - (int64_t)(value % 1000);
        break;
    case OP_CHAR_WRITE:
        step.a = (int32_t)value;
        step.b = (int32_t)(value >> 32);
        break;
    case OP_SHUTDOWN:
        step.a = (int64_t)(1 + value % (REPLAY_SHUTDOWN_COUNT - 1));
        break;
    case OP_TRY: /* recorded it would be a checkpoint that PLAY may miss */
        step = (step_t){.op = OP_INTERRUPT};
        break;
    default:
        step.a = (int64_t)(value >> 1);
    }
    /* These belong to the vCPU thread. */
    if (step.op == OP_EXECUTE || step.op == OP_FLUSH || step.op == OP_DRAIN || step.op == OP_TURN ||
        step.op == OP_INTERRUPT || step.op == OP_EXCEPTION)
        step.io = false;
    else if (step.op == OP_IO_TURN)
        step.io = true;
    return step;
}

static size_t random_course(uint64_t *seed, step_t *steps) {
    size_t count = 1 + test_random(seed) % MOST_STEPS;
    for (size_t i = 0; i < count; i++)
        steps[i] = random_step(seed);
    steps[count] = (step_t){.op = OP_DRAIN};
    steps[count + 1] = (step_t){.op = OP_EXECUTE, .a = 10};
    return count + 2;
}

static void say(const step_t *steps, size_t count, size_t around) {
    for (size_t i = 0; i < count; i++)
        if (i + 15 > around && i < around + 5)
            printf("      %s%zu %s %lld %lld%s\n", i == around ? "> " : "  ", i,
                   op_name(steps[i].op), (long long)steps[i].a, (long long)steps[i].b,
                   steps[i].io ? " (I/O)" : "");
}

static bool is_good(const char *what, uint64_t seed, const script_run_t *run, const step_t *steps,
                    size_t count) {
    if (script_status(run) == REPLAY_OK && !run->host.hung)
        return true;
    test_fail(TEST_HERE, "%s of the course %llu: %s: %s", what, (unsigned long long)seed,
              run->host.hung ? "hangs" : test_status_name(script_status(run)), script_message(run));
    say(steps, count, run->done);
    return false;
}

static void prepare(script_run_t *run, const char *options) {
    run->options = options;
    run->own_session = true;
    run->with_disk = true;
    run->with_digest = true;
}

/* False after a failure. */
static bool try_course(uint64_t seed, bool with_mistake) {
    static script_run_t record, play;
    step_t steps[MOST_STEPS + 4];
    uint64_t state = seed;
    test_note("course %llu", (unsigned long long)seed);
    const char *options = test_random(&state) % 3 ? NULL : "rrsegment=256";
    size_t count = random_course(&state, steps);
    script_free(&record);
    script_free(&play);
    script_init(&record, REPLAY_MODE_RECORD, log_path(), steps, count);
    prepare(&record, options);
    record.failing_from = SCRIPT_DISK_BYTES / 2;
    script_run(&record);
    if (!is_good("recording", seed, &record, steps, count))
        return false;
    script_init(&play, REPLAY_MODE_PLAY, log_path(), steps, count);
    prepare(&play, NULL);
    script_run(&play);
    if (!is_good("replay", seed, &play, steps, count) ||
        !script_check_same(TEST_HERE, &play, &record)) {
        printf("      course %llu\n", (unsigned long long)seed);
        return false;
    }
    if (!with_mistake)
        return true;
    size_t at = test_random(&state) % count, other = test_random(&state) % count;
    step_t mistake = test_random(&state) % 2 ? random_step(&state) : steps[other];
    steps[at] = mistake;
    script_free(&play);
    script_init(&play, REPLAY_MODE_PLAY, log_path(), steps, count);
    prepare(&play, "rrstall=60");
    play.two_threads |= record.two_threads;
    play.host.limit_ns = 1000000000;
    script_run(&play);
    /* The script's vCPU thread does nothing while its I/O thread waits for a place
     * further on: that is this host's own deadlock, and not the replay's. */
    if (play.host.hung && play.two_threads && play.finished == REPLAY_ERROR_STOPPED_SHORT)
        return true;
    replay_status_t status = script_status(&play);
    bool reported = status <= -401 && status >= -406 && *script_message(&play) &&
                    play.host.stops <= 1 && !strchr(script_message(&play), '\n');
    if (status == REPLAY_OK ? !script_is_same(&play, &record) : !reported) {
        test_fail(TEST_HERE, "course %llu with step %zu replaced by %s: %s: %s",
                  (unsigned long long)seed, at, op_name(mistake.op), test_status_name(status),
                  script_message(&play));
        say(steps, count, at);
        return false;
    }
    if (play.host.hung || play.ns > 2000000000) {
        test_fail(TEST_HERE, "course %llu with step %zu replaced by %s: not reported in time: %s",
                  (unsigned long long)seed, at, op_name(mistake.op), script_message(&play));
        say(steps, count, at);
        printf("      at step %zu, icount %llu\n", play.done, (unsigned long long)play.host.icount);
        return false;
    }
    return true;
}

static void try_courses(int count, bool with_mistakes) {
    const char *one = getenv("TEST_COURSE");
    if (one) {
        try_course(strtoull(one, NULL, 0), with_mistakes);
        return;
    }
    uint64_t seed = test_seed();
    for (int i = 0; i < count && test_failures() < 5; i++)
        try_course(test_random(&seed), with_mistakes);
    if (test_failures())
        printf("    TEST_COURSE=… runs one again\n");
}

TEST_SLOW(random_courses_are_replayed, 100) {
    try_courses(1000, false);
}
TEST_SLOW(random_mistakes_are_reported, 200) {
    try_courses(200, true);
}
/* Courses that lack a bottom half while a completion waits for its place. */
TEST(mistakes_that_were_once_reported_late) {
    static const uint64_t seeds[] = {
        UINT64_C(16025515218197148626), UINT64_C(10391775997078978087),
        UINT64_C(5574988284286536642),  UINT64_C(8023323779034569549),
        UINT64_C(1867633287946623983),  UINT64_C(13032750961605972105),
        UINT64_C(9406084993671390404),
    };
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++)
        try_course(seeds[i], true);
}

TEST_LONG(many_random_courses_are_replayed, 900) {
    try_courses(30000, false);
}
TEST_LONG(many_random_mistakes_are_reported, 1700) {
    try_courses(10000, true);
}
