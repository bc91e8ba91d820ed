/* SPDX-License-Identifier: MIT */
/** @file journey-hits.h
 *  The machine of journey-host.h on its way past breakpoints, forward and back. */
#ifndef JOURNEY_HITS_H
#define JOURNEY_HITS_H

#include "journey-host.h"

enum { JOURNEY_HITS_MOST = 30 };

/** Sets what the pauses of a replay lead to: on to so many hits, then back past all of them to the
 *  begin, and from there to the end. These are twice as many pauses. */
void journey_go_there_and_back(journey_host_t *m, unsigned hits);

#endif /* JOURNEY_HITS_H */
