/* SPDX-License-Identifier: MIT */
#include "snap-way.h"

#include <sys/stat.h>

snap_way_t snap_way;

const char *snap_path(void) {
    return test_path("run.log.snap");
}

long snap_size(void) {
    struct stat status;
    return stat(snap_path(), &status) == 0 ? (long)status.st_size : -1;
}

/** At each pause: is this the place? Then to the next one, until there were enough. */
static void seek_on(journey_host_t *m, replay_pause_reason_t why) {
    CHECK_EQ(why, REPLAY_PAUSE_PLACE);
    CHECK_EQ(m->cpu.icount, snap_way.target);
    CHECK(journey_digest(m) == m->digests[snap_way.target]);
    if (snap_way.more-- == 0 || test_failures() > 0) {
        m->on_pause = NULL;
        CHECK_STATUS(replay_resume(), OK);
        return;
    }
    snap_way.target = test_random(&snap_way.seed) % (JOURNEY_LAST - 2000);
    CHECK_STATUS(replay_seek(snap_way.target), OK);
}

static void note_executed(journey_host_t *m, replay_pause_reason_t why) {
    snap_way.executed = m->executed;
    m->on_pause = seek_on;
    seek_on(m, why);
}

void snap_set_out(journey_host_t *m, uint64_t first, unsigned more) {
    m->on_pause = note_executed;
    snap_way.more = more;
    snap_way.target = first;
    CHECK_STATUS(replay_seek(first), OK);
}

uint64_t snap_play(journey_host_t *m, journey_loop_t loop, const char *options, uint64_t first,
                   unsigned more) {
    journey_begin(m, loop, options);
    snap_set_out(m, first, more);
    journey_run(m);
    CHECK_EQ(m->cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(m), OK);
    return snap_way.executed;
}
