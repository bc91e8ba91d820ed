/* SPDX-License-Identifier: MIT */
/* test-journeys PLACES MACHINE-OPTION...: replays a guest, and goes to the places in a file: lines
 * "icount", in the order of the file, and prints "icount digest" for each; or lines "icount
 * digest", in any order, and compares. From there it goes one step back, or back to the last write
 * to a word that a register points to, which it prints. Then the replay runs to its end. If SLOWLY
 * is set in the environment, the host doesn't say where to search. If BUSY is set, some snapshots
 * must be loaded that have disk requests under way; if DROPS is set, most snapshots must be dropped
 * on the way. There are 60 journeys, or as many as places if these are more. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../machine.h"

#define CHECK(condition)                                                                           \
    ((condition) ? (void)0                                                                         \
                 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), abort()))

enum { PLACES_MOST = 4096, JOURNEYS_LEAST = 60 };

static machine_t machine;
static replay_plugin_t table; /* the library's, with a host that notices pauses */
static replay_status_t (*library_configure)(const replay_config_t *);

static struct { uint64_t icount, digest; } places[PLACES_MOST];
static unsigned place_count, target, journeys, journeys_wanted;
static bool compares;
static enum { SEEK, STEP, SEARCH } journey;
static uint64_t from, watched; /* where a step or a search began, and for what */

/* The library asks where to make the next snapshot; 0: as always. STRETCHES=N of the environment:
 * at every place of each Nth thousand of instructions. */
uint64_t replay_test_next_snapshot(uint64_t icount);
uint64_t replay_test_next_snapshot(uint64_t icount) {
    const char *text = getenv("STRETCHES");
    uint64_t stretches = text ? strtoull(text, NULL, 10) : 0, stretch = icount / 1000;
    if (stretches == 0)
        return 0;
    return stretch % stretches == 0 ? icount + 1 : (stretch / stretches + 1) * stretches * 1000;
}

static void read_places(const char *name) {
    FILE *file = fopen(name, "r");
    char line[128];
    CHECK(file);
    while (place_count < PLACES_MOST && fgets(line, sizeof(line), file))
        compares = sscanf(line, "%" SCNu64 " %" SCNx64, &places[place_count].icount,
                          &places[place_count].digest) == 2,
        place_count++;
    fclose(file);
    CHECK(place_count > 0);
    journeys_wanted = compares && place_count < JOURNEYS_LEAST ? JOURNEYS_LEAST : place_count;
}

/* A journey must begin. */
static void begun(replay_status_t status) {
    if (status == REPLAY_OK)
        return;
    library_complain();
    abort();
}

static void go(void) {
    begun(replay->replay_seek(places[target].icount));
}

/* At a place: what to do next. */
static void arrive(void) {
    uint64_t digest = machine_digest(&machine);
    CHECK(machine.cpu.icount == places[target].icount);
    if (compares && digest != places[target].digest) {
        fprintf(stderr, "digest %016" PRIx64 " at %" PRIu64 " instead of %016" PRIx64 "\n", digest,
                places[target].icount, places[target].digest);
        abort();
    }
    if (!compares)
        printf("%" PRIu64 " %016" PRIx64 "\n", machine.cpu.icount, digest);
}

/* Goes back to the last write to a word. @return false: this place has no such word. */
static bool begin_search(void) {
    uint64_t word;
    bool found = false;
    for (unsigned tries = 0; tries < 20 && !found; tries++) {
        watched = (machine.cpu.x[2 + rand() % 30] + 8 * (uint64_t)(rand() % 16)) & ~UINT64_C(7);
        found = cpu_read_memory(&machine.cpu, watched, &word, sizeof(word));
    }
    if (!found)
        return false;
    CHECK(cpu_set_break(&machine.cpu, CPU_WATCH_WRITE, watched, sizeof(word), true));
    begun(replay->replay_reverse_continue());
    return true;
}

static void end_search(replay_pause_reason_t why) {
    CHECK(why == REPLAY_PAUSE_BREAKPOINT || why == REPLAY_PAUSE_BEGIN);
    CHECK(machine.cpu.icount < from);
    CHECK(cpu_set_break(&machine.cpu, CPU_WATCH_WRITE, watched, 8, false));
    printf("%016" PRIx64 " before %" PRIu64 ": %" PRIu64 "\n", watched, from,
           why == REPLAY_PAUSE_BEGIN ? 0 : machine.cpu.icount);
}

static bool (*save_state)(void *, const replay_stream_t *);
static bool (*load_state)(void *, const replay_stream_t *);
static bool (*library_output_due)(void);
static uint64_t saves;
static unsigned busy_loads; /* with requests under way */
static uint64_t furthest;   /* that was reached before the machine went elsewhere */

static bool save(void *opaque, const replay_stream_t *out) {
    saves++;
    return save_state(opaque, out);
}

static bool load(void *opaque, const replay_stream_t *in) {
    furthest = machine.cpu.icount > furthest ? machine.cpu.icount : furthest;
    bool good = load_state(opaque, in);
    busy_loads += virtio_block_busy(&machine.block);
    return good;
}

/* No byte reaches the user twice, or after those that the guest sends later. */
static bool output_due(void) {
    bool due = library_output_due();
    CHECK(due == (machine.cpu.icount > furthest));
    return due;
}

static void check_drops(void) {
    replay_info_t info = REPLAY_INFO_INIT;
    CHECK(replay->replay_query(&info) == REPLAY_OK);
    fprintf(stderr, "%" PRIu32 " of %" PRIu64 " snapshots are left\n", info.snapshots, saves);
    CHECK(!getenv("DROPS") || saves > 2 * info.snapshots);
}

static void on_paused(void *opaque, replay_pause_reason_t why) {
    (void)opaque;
    CHECK(journey == SEARCH || why == REPLAY_PAUSE_PLACE);
    if (journey == STEP)
        CHECK(machine.cpu.icount == from - 1);
    else if (journey == SEARCH)
        end_search(why);
    if (journey != SEEK) {
        journey = SEEK;
        go(); /* the same place again */
        return;
    }
    arrive();
    from = machine.cpu.icount;
    if (++journeys == journeys_wanted) {
        check_drops();
        CHECK(replay->replay_resume() == REPLAY_OK);
    } else if (compares && from > 0 && rand() % 3 == 0) {
        journey = STEP;
        begun(replay->replay_reverse_step());
    } else if (compares && from > 0 && rand() % 4 == 0 && begin_search()) {
        journey = SEARCH;
    } else {
        target = compares ? (unsigned)rand() % place_count : target + 1;
        go();
    }
}

static replay_status_t configure(const replay_config_t *config) {
    replay_host_t host = *config->host;
    replay_config_t changed = *config;
    host.paused = on_paused;
    save_state = host.save_state;
    load_state = host.load_state;
    host.save_state = save;
    host.load_state = load;
    if (getenv("SLOWLY"))
        host.watched_ram = NULL;
    changed.host = &host;
    return library_configure(&changed);
}

int main(int argc, char **argv) {
    options_t options;
    CHECK(argc > 2);
    read_places(argv[1]);
    argv[1] = argv[0];
    CHECK(options_parse(&options, argc - 1, argv + 1) && library_load(options.replay_lib));
    table = *replay;
    library_configure = table.replay_configure;
    library_output_due = table.replay_output_due;
    table.replay_configure = configure;
    table.replay_output_due = output_due;
    replay = &table;
    CHECK(machine_open(&machine, &options));
    if (replay->replay_start() != REPLAY_OK) {
        library_complain();
        return 1;
    }
    srand((unsigned)places[0].icount);
    go();
    serial_begin(machine.serial);
    GThread *vcpu = g_thread_new("vcpu", machine_vcpu_thread, &machine);
    g_main_loop_run(machine.loop);
    g_thread_join(vcpu);
    serial_end(machine.serial);
    if (machine_finish(&machine) != REPLAY_OK) {
        library_complain();
        return 1;
    }
    CHECK(journeys == journeys_wanted);
    CHECK(!compares || !getenv("BUSY") || busy_loads > 0);
    CHECK(machine_close(&machine));
    options_free(&options);
    return 0;
}
