/* SPDX-License-Identifier: MIT */
/** @file watched-host.h
 *  A host whose threads work, sleep or hang as a case wants, for the tests of what the
 *  library's watchdog reports and of what it must not report. */
#ifndef WATCHED_HOST_H
#define WATCHED_HOST_H

#include "host.h"

extern host_t watched;
extern atomic_bool ended;         /**< the case's other threads return */
extern size_t received;           /**< pages of input that came with what record_input() wrote */
extern _Atomic int64_t expire_ns; /**< the host's one virtual timer; 0: not set */
extern atomic_int timer_runs;
extern int64_t ran_at; /**< the virtual time of its last run */

/** Configures, registers a character device, starts. */
replay_status_t watched_begin(replay_mode_t mode, const char *options);

/** The host has a timer of its own. */
void watched_set_timer(int64_t expire);

/** Waits for a stop or a message, at most 5 s. */
bool watched_reported(void);

/** vCPU threads, until `ended`: one sleeps in replay_wait(), one never calls the library. */
void *sleep_in_the_library(void *opaque);
void *sleep_elsewhere(void *opaque);

#endif /* WATCHED_HOST_H */
