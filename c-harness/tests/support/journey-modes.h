/* SPDX-License-Identifier: MIT */
/** @file journey-modes.h
 *  The machine of journey-host.h in each mode and with each loop. */
#ifndef JOURNEY_MODES_H
#define JOURNEY_MODES_H

#include "journey-host.h"

/* In NONE the lock does nothing. The host's two threads then read each other's count, which
 * does no harm here, but the thread sanitizer reports it. */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define JOURNEY_SANITIZES_THREADS
#endif
#endif
#ifdef JOURNEY_SANITIZES_THREADS
#define JOURNEY_LOOPS(mode) ((mode) == REPLAY_MODE_NONE ? LOOP_THREADS : LOOP_COUNT)
#else
#define JOURNEY_LOOPS(mode) LOOP_COUNT
#endif

#define JOURNEY_EACH_MODE_AND_LOOP                                                                 \
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_RECORD; mode++)                \
        for (journey_loop_t loop = LOOP_OWN; loop < JOURNEY_LOOPS(mode); loop++)

/** Configures and starts. A replay needs a recording. */
void journey_begin_in(journey_host_t *m, replay_mode_t mode, journey_loop_t loop);

/** Ends a run that has come to its end. A machine that was recorded, and may have been paused
 *  meanwhile, replays as it was. */
void journey_end_in(journey_host_t *m, replay_mode_t mode, journey_loop_t loop);

#endif /* JOURNEY_MODES_H */
