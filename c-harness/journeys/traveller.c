/* SPDX-License-Identifier: MIT */
/* Leads the replay of any host to many places. It takes the place of replay_configure() and
 * replay_start(): it gives the host's callbacks to the library with a `paused` of its own,
 * and each pause leads to the next place. When it has been everywhere, the replay runs on to
 * its end as if nothing had happened.
 *
 *     TRAVELLER_WRITE=FILE   straight on: to the places of the file, which grow, and
 *                            completes its lines, "PLACE", to "PLACE ICOUNT DIGEST"
 *     TRAVELLER_READ=FILE    in any order, with steps in both directions, and compares
 *     TRAVELLER_SEED=N       what the order depends on
 *     TRAVELLER_STRETCHES=N  with a snapshot at every place of each Nth thousand of instructions
 *     TRAVELLER_DROPS=1      most of these must be dropped on the way
 *
 * ICOUNT is where the machine stopped, which may be after PLACE if an instruction counts as
 * more than one. Neighbouring places let steps be compared. What is wrong ends the process. */
#include <replay/replay.h>

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 8192, STEPS = 12, STRETCH = 1000 };

typedef struct place {
    uint64_t target, icount, digest;
} place_t;

static struct traveller {
    replay_host_t host; /* its own callbacks */
    void *opaque;
    const char *writes, *reads;
    place_t places[MOST];
    unsigned count;
    uint64_t random;
    uint64_t stretches; /* 0: snapshots as always */

    unsigned journeys; /* so far */
    uint64_t target;
    /* Reading: what is under way. */
    enum { SEEK, STEP_FORWARD, STEP_BACK, TO_THE_END } doing;
    unsigned steps; /* to go here */
    uint64_t from;  /* where the step began */
    unsigned compared, compared_steps;
    uint64_t saves; /* of the host's state */
} it;

static uint64_t random_next(void) {
    uint64_t z = (it.random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ (z >> 31);
}

#define CHECK(condition, ...)                                                                      \
    ((condition) ? (void)0                                                                         \
                 : (fprintf(stderr, "traveller: journey %u, at %" PRIu64 ": ", it.journeys,        \
                            it.host.icount(it.opaque)),                                            \
                    fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), _Exit(9)))

/* ------------------------------------------------------------------------- the places */

static void read_places(const char *name) {
    FILE *file = fopen(name, "r");
    char line[100];
    while (file && it.count < MOST && fgets(line, sizeof line, file)) {
        place_t *p = &it.places[it.count++];
        sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNx64, &p->target, &p->icount, &p->digest);
    }
    if (file)
        fclose(file);
}

static void write_places(const char *name) {
    FILE *file = fopen(name, "w");
    CHECK(file, "%s can't be written", name);
    for (unsigned i = 0; i < it.count; i++)
        fprintf(file, "%" PRIu64 " %" PRIu64 " %016" PRIx64 "\n", it.places[i].target,
                it.places[i].icount, it.places[i].digest);
    fclose(file);
}

/* The first place that wants to be at @p icount or after it. */
static const place_t *first_from(uint64_t icount) {
    unsigned first = 0, last = it.count;
    while (first < last) {
        unsigned middle = (first + last) / 2;
        if (it.places[middle].icount < icount)
            first = middle + 1;
        else
            last = middle;
    }
    return first < it.count ? &it.places[first] : NULL;
}

/* --------------------------------------------------------------------------- journeys */

static void seek(uint64_t target) {
    it.journeys++;
    it.doing = SEEK;
    it.target = target;
    replay_status_t status = replay_seek(target);
    replay_error_t error = REPLAY_ERROR_INIT;
    if (status != REPLAY_OK)
        replay_last_error(&error);
    CHECK(status == REPLAY_OK, "a seek to %" PRIu64 " was refused: %s", target, error.message);
}

static void let_it_run(void) {
    CHECK(replay_resume() == REPLAY_OK, "it can't run on");
}

static void go_straight_on(void) {
    if (it.journeys > 0) {
        place_t *here = &it.places[it.journeys - 1];
        here->icount = it.host.icount(it.opaque);
        here->digest = it.host.digest(it.opaque);
    }
    if (it.journeys < it.count) {
        seek(it.places[it.journeys].target);
        return;
    }
    write_places(it.writes);
    let_it_run();
}

/* Is everything as it was when the replay went straight on? Only if it stopped here. */
static bool compare(uint64_t icount) {
    const place_t *known = first_from(icount);
    if (!known || known->icount != icount)
        return false;
    uint64_t digest = it.host.digest(it.opaque);
    CHECK(digest == known->digest,
          "the digest is %016" PRIx64 " instead of %016" PRIx64 " (place %" PRIu64 ")", digest,
          known->digest, it.target);
    return true;
}

static void arrive(replay_pause_reason_t why) {
    uint64_t icount = it.host.icount(it.opaque);
    if (it.doing == TO_THE_END) {
        CHECK(why == REPLAY_PAUSE_END, "paused because of %d instead of the end", (int)why);
        return;
    }
    if (it.doing == STEP_BACK && why == REPLAY_PAUSE_BEGIN) {
        CHECK(icount <= it.from, "the begin is after %" PRIu64, it.from);
        return;
    }
    if (it.doing == STEP_FORWARD && why == REPLAY_PAUSE_END)
        return;
    CHECK(why == REPLAY_PAUSE_PLACE, "paused because of %d", (int)why);
    bool is_known = compare(icount);
    if (it.doing == SEEK) {
        CHECK(is_known, "place %" PRIu64 " isn't where it was", it.target);
        it.compared++;
        return;
    }
    it.compared_steps += is_known;
    if (it.doing == STEP_BACK)
        CHECK(icount < it.from, "a step back from %" PRIu64 " went forward", it.from);
    else
        CHECK(icount > it.from, "a step from %" PRIu64 " went back", it.from);
}

static void step(void) {
    it.steps--;
    it.from = it.host.icount(it.opaque);
    if (random_next() % 2) {
        seek(it.from + 1);
        it.doing = STEP_FORWARD;
        return;
    }
    it.journeys++;
    it.doing = STEP_BACK;
    CHECK(replay_reverse_step() == REPLAY_OK, "a step back was refused");
}

static void go_around(replay_pause_reason_t why) {
    if (it.journeys > 0)
        arrive(why);
    if (it.steps > 0) {
        step();
    } else if (it.compared < it.count) {
        if (random_next() % 64 == 0) {
            seek(UINT64_MAX);
            it.doing = TO_THE_END;
            it.steps = STEPS;
        } else {
            unsigned next = (unsigned)(random_next() % it.count);
            seek(it.places[next].target);
            bool has_neighbour = next + 1 < it.count && it.places[next + 1].target == it.target + 1;
            it.steps = has_neighbour && random_next() % 4 == 0 ? STEPS : 0;
        }
    } else {
        replay_info_t info = REPLAY_INFO_INIT;
        replay_query(&info);
        fprintf(stderr,
                "traveller: %u places and %u steps compared, %" PRIu32 " of %" PRIu64
                " snapshots left\n",
                it.compared, it.compared_steps, info.snapshots, it.saves);
        CHECK(!getenv("TRAVELLER_DROPS") || it.saves > 2 * info.snapshots, "too few were dropped");
        let_it_run();
    }
}

/* --------------------------------------------------------------- in the library's place */

static void on_paused(void *opaque, replay_pause_reason_t why) {
    (void)opaque;
    if (it.writes)
        go_straight_on();
    else
        go_around(why);
}

static bool save_state(void *opaque, const replay_stream_t *out) {
    it.saves++;
    return it.host.save_state(opaque, out);
}

static const replay_plugin_t *library(void) {
    replay_plugin_query_t query = NULL;
    *(void **)&query = dlsym(RTLD_NEXT, "replay_plugin_query");
    return query(REPLAY_ABI_VERSION);
}

static replay_status_t configure(const replay_config_t *config) {
    it.writes = getenv("TRAVELLER_WRITE"), it.reads = getenv("TRAVELLER_READ");
    if (!it.writes && !it.reads)
        return library()->replay_configure(config);
    const char *seed = getenv("TRAVELLER_SEED");
    it.random = seed ? strtoull(seed, NULL, 10) : 0;
    const char *stretches = getenv("TRAVELLER_STRETCHES");
    it.stretches = stretches ? strtoull(stretches, NULL, 10) : 0;
    read_places(it.writes ? it.writes : it.reads);
    replay_config_t changed = *config;
    it.host = *config->host;
    it.opaque = config->opaque;
    replay_host_t host = it.host;
    host.paused = on_paused;
    host.save_state = save_state;
    changed.host = &host;
    return library()->replay_configure(&changed);
}

static replay_status_t start(void) {
    replay_status_t status = library()->replay_start();
    /* The first pause is before the first instruction. */
    if (status == REPLAY_OK && it.count > 0)
        status = replay_pause();
    return status;
}

/* The library asks where to make the next snapshot. */
REPLAY_API uint64_t replay_test_next_snapshot(uint64_t icount);
uint64_t replay_test_next_snapshot(uint64_t icount) {
    if (it.stretches == 0)
        return 0;
    uint64_t stretch = icount / STRETCH;
    return stretch % it.stretches == 0 ? icount + 1
                                       : (stretch / it.stretches + 1) * it.stretches * STRETCH;
}

REPLAY_API replay_status_t replay_configure(const replay_config_t *config);
replay_status_t replay_configure(const replay_config_t *config) {
    return configure(config);
}

REPLAY_API replay_status_t replay_start(void);
replay_status_t replay_start(void) {
    return start();
}

REPLAY_API const replay_plugin_t *replay_plugin_query(uint32_t abi);
const replay_plugin_t *replay_plugin_query(uint32_t abi) {
    (void)abi;
    static replay_plugin_t table;
    table = *library();
    table.replay_configure = configure;
    table.replay_start = start;
    return &table;
}
