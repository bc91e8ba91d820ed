/* SPDX-License-Identifier: MIT */
/* A table: one host call of the replayed course is dropped, added, swapped or
 * altered, at each position. Each is reported at once, in one sentence, with the
 * exact place, what was expected and what was found, or it changes nothing that
 * the guest sees. */
#include "course.h"

#include <ctype.h>

static script_run_t recorded;
static uint64_t place[COURSE_STEPS + 1]; /* icount before each step */
static int rows, reported;

static void record(void) {
    script_record(&recorded, log_path(), course, COURSE_STEPS);
    for (int i = 0; i < COURSE_STEPS; i++)
        place[i + 1] = place[i] + (course[i].op == OP_EXECUTE ? (uint64_t)course[i].a : 0);
    CHECK_EQ(place[COURSE_STEPS], recorded.host.icount);
}

static bool has_number(const char *text, uint64_t number) {
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    for (const char *at = text; (at = strstr(at, digits)); at++)
        if ((at == text || !isdigit((unsigned char)at[-1])) && !isdigit((unsigned char)at[length]))
            return true;
    return false;
}

static void check_reported(const char *what, const script_run_t *run) {
    const replay_error_t *error = &run->host.stop_error;
    replay_status_t status = error->status;
    if (!(status == REPLAY_ERROR_DIVERGENCE || status == REPLAY_ERROR_STALLED ||
          status == REPLAY_ERROR_DIGEST || status == REPLAY_ERROR_BLOCK_DATA ||
          status == REPLAY_ERROR_ICOUNT_BACKWARDS))
        test_fail(TEST_HERE, "%s: reported as %s", what, test_status_name(status));
    if (run->host.stop_reason != REPLAY_STOP_DIVERGENCE || run->host.stops != 1)
        test_fail(TEST_HERE, "%s: stopped %u times, reason %d", what, run->host.stops,
                  run->host.stop_reason);
    if (error->icount != run->host.icount)
        test_fail(TEST_HERE, "%s: reported at %llu, the host is at %llu", what,
                  (unsigned long long)error->icount, (unsigned long long)run->host.icount);
    if (error->event_index != run->info.events)
        test_fail(TEST_HERE, "%s: reported at event %llu, %llu were consumed", what,
                  (unsigned long long)error->event_index, (unsigned long long)run->info.events);
    if (!*error->expected || !*error->found || !*error->message || strchr(error->message, '\n') ||
        !has_number(error->message, error->icount))
        test_fail(TEST_HERE, "%s: expected \"%s\", found \"%s\", message \"%s\"", what,
                  error->expected, error->found, error->message);
    if (error->event_index > 0 && !*error->history)
        test_fail(TEST_HERE, "%s: no history", what);
    if (!script_is_prefix(run, &recorded))
        test_fail(TEST_HERE, "%s: the guest saw something else before it was reported", what);
    if (run->finished != status)
        test_fail(TEST_HERE, "%s: reported as %s, finished with %s", what, test_status_name(status),
                  test_status_name(run->finished));
}

/* Runs the edited course; the error, or NULL if nothing changed. Kept until the
 * next call. */
static const replay_error_t *check_row(const char *what, const step_t *steps, size_t count) {
    static script_run_t run;
    script_free(&run);
    test_note("%s", what);
    script_init(&run, REPLAY_MODE_PLAY, log_path(), steps, count);
    run.options = "rrstall=150";
    run.own_session = true;
    run.with_disk = true;
    script_run(&run);
    rows++;
    if (run.host.hung || run.ns > 2000000000)
        test_fail(TEST_HERE, "%s: not reported within 2 s", what);
    if (script_status(&run) == REPLAY_OK) {
        if (!script_is_same(&run, &recorded))
            test_fail(TEST_HERE, "%s: accepted silently", what);
        printf("  %-44s changes nothing\n", what);
        return NULL;
    }
    reported++;
    check_reported(what, &run);
    printf("  %-44s %s\n", what, run.host.stop_error.message);
    return &run.host.stop_error;
}

static const char *describe(const char *edit, size_t at, const step_t *step) {
    static char text[128];
    snprintf(text, sizeof text, "%s %s %lld at step %zu, icount %llu", edit, op_name(step->op),
             (long long)step->a, at, (unsigned long long)place[at]);
    return text;
}

static bool writes_an_event(op_t op) {
    switch (op) {
    case OP_EXECUTE:
    case OP_FLUSH:
    case OP_DRAIN:
    case OP_CHAR_POST:
    case OP_PACKET:
    case OP_INPUT:
    case OP_INPUT_SYNC:
    case OP_SHUTDOWN:
        return false;
    default:
        return true;
    }
}

/* Where the event of a dropped step is in the log. */
static uint64_t place_of_event(size_t at) {
    op_t op = course[at].op;
    if (op != OP_BH && op != OP_READ && op != OP_BLOCK_EVENT)
        return place[at];
    while (course[at].op != OP_FLUSH && course[at].op != OP_DRAIN)
        at++;
    return place[at];
}

TEST_SLOW(a_dropped_call_is_reported, 100) {
    record();
    for (size_t at = 0; at < COURSE_STEPS; at++) {
        step_t steps[COURSE_STEPS];
        memcpy(steps, course, at * sizeof *steps);
        memcpy(steps + at, course + at + 1, (COURSE_STEPS - at - 1) * sizeof *steps);
        const char *what = describe("drop", at, &course[at]);
        const replay_error_t *error = check_row(what, steps, COURSE_STEPS - 1);
        if (!writes_an_event(course[at].op))
            continue;
        if (!error) {
            test_fail(TEST_HERE, "%s: not reported", what);
            continue;
        }
        if (error->icount != place_of_event(at))
            test_fail(TEST_HERE, "%s: reported at %llu, not at %llu", what,
                      (unsigned long long)error->icount, (unsigned long long)place_of_event(at));
        if (!strcasestr(error->expected, op_keyword(&course[at])))
            test_fail(TEST_HERE, "%s: expected is \"%s\", without \"%s\"", what, error->expected,
                      op_keyword(&course[at]));
    }
    printf("  %d rows, %d reported\n", rows, reported);
}

static void try_insert(size_t at, const step_t *step, bool must_be_reported) {
    step_t steps[COURSE_STEPS + 1];
    memcpy(steps, course, at * sizeof *steps);
    steps[at] = *step;
    memcpy(steps + at + 1, course + at, (COURSE_STEPS - at) * sizeof *steps);
    const char *what = describe("add", at, step);
    const replay_error_t *error = check_row(what, steps, COURSE_STEPS + 1);
    if (must_be_reported && !error)
        test_fail(TEST_HERE, "%s: not reported", what);
    if (!must_be_reported && error)
        test_fail(TEST_HERE, "%s: should change nothing", what);
}

TEST_SLOW(an_added_value_call_is_reported, 200) {
    static const step_t added[] = {{OP_CLOCK, 7, REPLAY_CLOCK_HOST},
                                   {OP_RANDOM, 1, 4},
                                   {OP_CHECKPOINT, REPLAY_CHECKPOINT_INIT},
                                   {OP_CHECKPOINT, REPLAY_CHECKPOINT_RESET},
                                   {OP_DIGEST, 5},
                                   {OP_CHAR_WRITE, 1, 2},
                                   {OP_CHAR_READ, .text = "more"},
                                   {OP_AUDIO_OUT, 3},
                                   {OP_AUDIO_IN, 3, 2}};
    record();
    for (size_t i = 0; i < sizeof added / sizeof *added; i++)
        for (size_t at = 0; at < COURSE_STEPS; at++)
            try_insert(at, &added[i], true);
    printf("  %d rows, %d reported\n", rows, reported);
}

TEST_SLOW(an_added_call_that_waits_for_its_place_is_reported, 100) {
    static const step_t added[] = {{OP_INTERRUPT}, {OP_EXCEPTION}};
    record();
    for (size_t i = 0; i < sizeof added / sizeof *added; i++)
        for (size_t at = 0; at < COURSE_STEPS; at++)
            try_insert(at, &added[i], true);
    printf("  %d rows, %d reported\n", rows, reported);
}

TEST_SLOW(an_added_call_that_only_looks_changes_nothing, 100) {
    static const step_t added[] = {{OP_TRY, REPLAY_CHECKPOINT_CLOCK_HOST},
                                   {OP_TRY, REPLAY_CHECKPOINT_RESET_REQUESTED},
                                   {OP_FLUSH},
                                   {OP_TURN},
                                   {OP_IO_TURN},
                                   {OP_CHAR_POST, .text = "outside"},
                                   {OP_INPUT, 5},
                                   {OP_PACKET, .text = "outside"},
                                   {OP_SHUTDOWN, REPLAY_SHUTDOWN_HOST_QUIT}};
    record();
    for (size_t i = 0; i < sizeof added / sizeof *added; i++)
        for (size_t at = 0; at < COURSE_STEPS; at++) {
            step_t step = added[i];
            if (step.op == OP_SHUTDOWN)
                continue; /* see below: it waits for its callback */
            if (step.op == OP_TURN && course[at].op == OP_CHECKPOINT &&
                course[at].a == REPLAY_CHECKPOINT_CLOCK_VIRTUAL)
                continue; /* a turn meets that checkpoint itself */
            if (step.op == OP_IO_TURN && course[at].op == OP_CHECKPOINT &&
                course[at].a == REPLAY_CHECKPOINT_CLOCK_VIRTUAL)
                continue;
            try_insert(at, &step, false);
        }
    printf("  %d rows, %d reported\n", rows, reported);
}

TEST_SLOW(more_instructions_are_reported, 100) {
    record();
    for (size_t at = 0; at < COURSE_STEPS - 1; at++) /* the last one is cut by the log's end */
        try_insert(at, &(step_t){OP_EXECUTE, 3}, true);
    printf("  %d rows, %d reported\n", rows, reported);
}

TEST_SLOW(a_doubled_call_is_reported_or_changes_nothing, 100) {
    record();
    for (size_t at = 0; at < COURSE_STEPS; at++) {
        if (course[at].op == OP_SHUTDOWN)
            continue;
        step_t steps[COURSE_STEPS + 1];
        memcpy(steps, course, at * sizeof *steps);
        steps[at] = course[at];
        memcpy(steps + at + 1, course + at, (COURSE_STEPS - at) * sizeof *steps);
        check_row(describe("double", at, &course[at]), steps, COURSE_STEPS + 1);
    }
    printf("  %d rows, %d reported\n", rows, reported);
}

TEST_SLOW(swapped_calls_are_reported_or_change_nothing, 100) {
    record();
    for (size_t at = 0; at + 1 < COURSE_STEPS; at++) {
        step_t steps[COURSE_STEPS];
        memcpy(steps, course, sizeof steps);
        steps[at] = course[at + 1];
        steps[at + 1] = course[at];
        const replay_error_t *error =
            check_row(describe("swap with next", at, &course[at]), steps, COURSE_STEPS);
        if (!error && writes_an_event(course[at].op) && writes_an_event(course[at + 1].op) &&
            course[at].op != OP_BH && course[at].op != OP_READ && course[at + 1].op != OP_READ &&
            course[at].op != OP_BLOCK_EVENT && course[at + 1].op != OP_BH)
            test_fail(TEST_HERE, "steps %zu and %zu may be swapped silently", at, at + 1);
    }
    printf("  %d rows, %d reported\n", rows, reported);
}

/* The nth variant of a step; false if it has no more. */
static bool alter(step_t *step, int n) {
    switch (step->op) {
    case OP_EXECUTE:
        step->a += n == 0 ? 1 : n == 1 ? -1 : 1000;
        return n < 3;
    case OP_CHECKPOINT:
        step->a = step->a == REPLAY_CHECKPOINT_INIT    ? REPLAY_CHECKPOINT_RESET
                  : step->a == REPLAY_CHECKPOINT_RESET ? REPLAY_CHECKPOINT_INIT
                                                       : REPLAY_CHECKPOINT_CLOCK_HOST;
        return n < 1;
    case OP_CLOCK:
        step->b = !step->b;
        return n < 1;
    case OP_INTERRUPT:
        step->op = OP_EXCEPTION;
        return n < 1;
    case OP_EXCEPTION:
        step->op = OP_INTERRUPT;
        return n < 1;
    case OP_RANDOM:
        step->b += n == 0 ? 1 : -1;
        return n < 2;
    case OP_DIGEST:
        step->a ^= 1;
        return n < 1;
    case OP_BH:
        step->op = OP_BH_ONESHOT;
        return n < 1;
    case OP_READ:
        if (n == 0)
            step->a += 512;
        else
            step->b = 256;
        return n < 2;
    case OP_CHAR_WRITE:
        *step = (step_t){OP_CHAR_READ, .text = "x"};
        return n < 1;
    case OP_CHAR_READ:
        *step = (step_t){OP_CHAR_WRITE, 1, 1};
        return n < 1;
    case OP_AUDIO_OUT:
        *step = (step_t){OP_AUDIO_IN, 1, 1};
        return n < 1;
    case OP_AUDIO_IN:
        *step = (step_t){OP_AUDIO_OUT, 1};
        return n < 1;
    default:
        return false;
    }
}

TEST_SLOW(an_altered_call_is_reported, 100) {
    record();
    for (size_t at = 0; at < COURSE_STEPS; at++)
        for (int n = 0; n < 3; n++) {
            step_t steps[COURSE_STEPS];
            memcpy(steps, course, sizeof steps);
            if (!alter(&steps[at], n))
                break;
            const char *what = describe("alter to", at, &steps[at]);
            const replay_error_t *error = check_row(what, steps, COURSE_STEPS);
            if (!error && at < COURSE_STEPS - 1)
                test_fail(TEST_HERE, "%s: not reported", what);
        }
    printf("  %d rows, %d reported\n", rows, reported);
}

TEST(other_values_from_outside_change_nothing) {
    record();
    for (size_t at = 0; at < COURSE_STEPS; at++) {
        step_t steps[COURSE_STEPS];
        memcpy(steps, course, sizeof steps);
        if (course[at].op == OP_CLOCK || course[at].op == OP_AUDIO_OUT)
            steps[at].a += 99;
        else if (course[at].op == OP_CHAR_POST)
            steps[at].text = "something else";
        else
            continue;
        if (check_row(describe("another value of", at, &course[at]), steps, COURSE_STEPS))
            test_fail(TEST_HERE, "reported, though the log has the value");
    }
}
