/* SPDX-License-Identifier: MIT */
#include "journey-modes.h"

void journey_begin_in(journey_host_t *m, replay_mode_t mode, journey_loop_t loop) {
    if (mode == REPLAY_MODE_NONE)
        journey_begin_unrecorded(m, loop);
    else if (mode == REPLAY_MODE_RECORD)
        journey_begin_recording(m, loop, 5, NULL);
    else
        journey_begin(m, loop, NULL);
}

void journey_end_in(journey_host_t *m, replay_mode_t mode, journey_loop_t loop) {
    CHECK_EQ(m->cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(m), OK);
    m->on_pause = NULL, m->on_start = NULL;
    journey_clear_breaks(m);
    if (mode == REPLAY_MODE_RECORD) {
        journey_begin(m, loop, NULL);
        journey_run(m);
        CHECK_EQ(m->cpu.icount, JOURNEY_LAST);
        CHECK_STATUS(journey_end(m), OK);
    }
    free(m->digests);
    m->digests = NULL;
}
