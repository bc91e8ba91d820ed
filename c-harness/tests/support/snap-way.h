/* SPDX-License-Identifier: MIT */
/** @file snap-way.h
 *  The file NAME.snap of the machine of journey-host.h, and replays that go from place to place
 * with it. */
#ifndef SNAP_WAY_H
#define SNAP_WAY_H

#include "journey-host.h"

const char *snap_path(void);

/** -1: there is no file. */
long snap_size(void);

typedef struct snap_way {
    uint64_t seed;     /**< of the places after the first one */
    uint64_t target;   /**< the place that the machine is on the way to */
    unsigned more;     /**< how many places follow */
    uint64_t executed; /**< the instructions until the first place was reached */
} snap_way_t;

extern snap_way_t snap_way;

/** Seeks to a place, from there to @p more others, then on to the end. */
void snap_set_out(journey_host_t *m, uint64_t first, unsigned more);

/** A whole replay on such a way.
 *  @return the instructions until the first place was reached. */
uint64_t snap_play(journey_host_t *m, journey_loop_t loop, const char *options, uint64_t first,
                   unsigned more);

#endif /* SNAP_WAY_H */
