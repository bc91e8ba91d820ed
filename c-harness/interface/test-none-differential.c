/* SPDX-License-Identifier: MIT */
/* Mode NONE twice: random scripts of calls against the library and against the
 * stubs, in one process, must give the same results and the same callbacks.
 *
 * usage: none-differential LIBRARY [SCRIPTS [SEED]]
 *
 * Each side has a machine of its own: the same icount, timers, disks and
 * devices, and a real time that passes by a step of the script only. Handles are
 * compared by whether there is one. What the stubs leave out (replay.h lists it)
 * is not part of a script. */
#include "none-differential.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ------------------------------------------------------------------ real time */

/* The side that is at work in this thread; the others have the true time. */
static _Thread_local const side_t *present;

/* Both sides are linked with this one. */
int clock_gettime(clockid_t clock, struct timespec *time) {
    if (!present || clock != CLOCK_MONOTONIC)
        return (int)syscall(SYS_clock_gettime, clock, time);
    *time = (struct timespec){present->now / 1000000000, present->now % 1000000000};
    return 0;
}

/* --------------------------------------------------------------------- draws */

#define ROW(name, weight) {#name, weight, step_##name},
static const step_t steps[] = {NONE_STEPS(ROW)};
#undef ROW
static const size_t step_count = sizeof steps / sizeof *steps;

static uint64_t random_state;

static uint64_t random_number(void) {
    uint64_t z = (random_state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t below(uint64_t count) {
    return random_number() % count;
}

static const step_t *draw_step(void) {
    unsigned total = 0;
    for (size_t i = 0; i < step_count; i++)
        total += steps[i].weight;
    uint64_t left = below(total);
    for (size_t i = 0;; left -= steps[i++].weight)
        if (left < steps[i].weight)
            return &steps[i];
}

/* -------------------------------------------------------------------- scripts */

static void begin(side_t *side) {
    present = side;
    side->icount = 0;
    side->now = 1000000000;
    side->idle = side->paused = side->holds = false;
    side->alarm[0] = side->alarm[1] = -1;
    memset(side->memory, 0, sizeof side->memory);
    memset(side->disk, 7, sizeof side->disk);
    memset(side->timers, 0, sizeof side->timers);
    memset(side->nets, 0, sizeof side->nets);
    memset(side->disks, 0, sizeof side->disks);
    side->length = 0;
    side->calls_back = 0;
    side->api->replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
}

/* Whatever the script left over. */
static void end(side_t *side) {
    present = side;
    side->calls_back = 0;
    if (side->held)
        side->api->replay_block_complete(side->held, -EIO);
    side->held = NULL;
    side->api->replay_finish();
    while (side->api->replay_session_pop_current() == REPLAY_OK)
        continue;
}

/* One script on both sides. @return false at the first difference, which it prints. */
static bool script(side_t sides[2], uint64_t seed) {
    random_state = seed;
    begin(&sides[0]), begin(&sides[1]);
    const char *done[STEPS];
    bool same = true;
    for (int i = 0; i < STEPS && same; i++) {
        const step_t *step = i == 0 ? &steps[0] : draw_step();
        draw_t draw = {random_number(), random_number(), random_number(), 0};
        draw.slot = below(SLOTS);
        done[i] = step->name;
        for (int s = 0; s < 2; s++) {
            present = &sides[s];
            sides[s].length = 0;
            sides[s].trace[0] = '\0';
            step->run(&sides[s], &draw);
        }
        same = strcmp(sides[0].trace, sides[1].trace) == 0;
        if (same)
            continue;
        printf("seed %" PRIu64 ", step %d: %s\n", seed, i, step->name);
        for (int s = 0; s < 2; s++)
            printf("  %s:%s\n", sides[s].name, sides[s].trace);
        printf("  after:");
        for (int k = i > 12 ? i - 12 : 0; k < i; k++)
            printf(" %s", done[k]);
        printf("\n");
    }
    end(&sides[0]), end(&sides[1]);
    return same;
}

int main(int argc, char **argv) {
    if (argc < 2)
        return 2;
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    replay_plugin_query_t query = NULL;
    if (library)
        *(void **)&query = dlsym(library, "replay_plugin_query");
    if (!query) {
        printf("%s\n", dlerror());
        return 2;
    }
    static side_t sides[2] = {{.name = "library"}, {.name = "stubs  "}};
    sides[0].api = query(REPLAY_ABI_VERSION);
    sides[1].api = replay_plugin_query(REPLAY_ABI_VERSION);
    if (!sides[0].api || !sides[1].api || sides[0].api == sides[1].api)
        return 2;
    uint64_t scripts = argc > 2 ? strtoull(argv[2], NULL, 0) : 10000;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : (uint64_t)time(NULL) << 20;
    uint64_t different = 0;
    for (uint64_t i = 0; i < scripts && different < 10; i++)
        different += !script(sides, seed + i);
    printf("%" PRIu64 " scripts from seed %" PRIu64 ", %" PRIu64 " differ\n", scripts, seed,
           different);
    return different != 0;
}
