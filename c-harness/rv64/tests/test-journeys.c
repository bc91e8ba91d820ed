/* SPDX-License-Identifier: MIT */
/* test-journeys PLACES MACHINE-OPTION...: replays a guest, and goes to the places in a file: lines
 * "icount", in the order of the file, and prints "icount digest" for each; or lines "icount
 * digest", in any order, with steps back in between, and compares. Then the replay runs to its end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../machine.h"

#define CHECK(condition)                                                                           \
    ((condition) ? (void)0                                                                         \
                 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), abort()))

enum { PLACES_MOST = 4096, JOURNEYS = 60 };

static machine_t machine;
static replay_plugin_t table; /* the library's, with a host that notices pauses */
static replay_status_t (*library_configure)(const replay_config_t *);

static struct { uint64_t icount, digest; } places[PLACES_MOST];
static unsigned place_count, target, journeys;
static bool compares;
static uint64_t step_from; /* not 0: a step back from there is under way */

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
}

static void go(void) {
    CHECK(replay->replay_seek(places[target].icount) == REPLAY_OK);
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

static void on_paused(void *opaque, replay_pause_reason_t why) {
    (void)opaque;
    CHECK(why == REPLAY_PAUSE_PLACE);
    if (step_from != 0) {
        CHECK(machine.cpu.icount == step_from - 1);
        step_from = 0;
        go(); /* the same place again */
        return;
    }
    arrive();
    if (++journeys == (compares ? JOURNEYS : place_count)) {
        CHECK(replay->replay_resume() == REPLAY_OK);
    } else if (compares && machine.cpu.icount > 0 && rand() % 3 == 0) {
        step_from = machine.cpu.icount;
        CHECK(replay->replay_reverse_step() == REPLAY_OK);
    } else {
        target = compares ? (unsigned)rand() % place_count : target + 1;
        go();
    }
}

static replay_status_t configure(const replay_config_t *config) {
    replay_host_t host = *config->host;
    replay_config_t changed = *config;
    host.paused = on_paused;
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
    table.replay_configure = configure;
    replay = &table;
    CHECK(machine_open(&machine, &options));
    if (replay->replay_start() != REPLAY_OK) {
        library_complain();
        return 1;
    }
    srand(1);
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
    CHECK(journeys == (compares ? JOURNEYS : place_count));
    CHECK(machine_close(&machine));
    options_free(&options);
    return 0;
}
