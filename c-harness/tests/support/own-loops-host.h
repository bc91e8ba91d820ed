/* SPDX-License-Identifier: MIT */
/** @file own-loops-host.h
 *  A host with its own loops, in QEMU's style: two threads, a vCPU that sleeps on a
 *  condition, a main loop with its own poll, its own timers and its own warp by the
 *  low-level calls. It never calls replay_turn() or replay_wait(). */
#ifndef OWN_LOOPS_HOST_H
#define OWN_LOOPS_HOST_H

#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

enum { TIMERS = 3, MOST_SEEN = 200000, MOST_REQUESTS = 8 };

/* How a recording ends. */
typedef enum {
    END_GUEST,  /**< the guest powers off; its threads go on for a moment */
    END_USER,   /**< the user quits: a request of the I/O thread */
    END_FINISH, /**< replay_finish() without a request */
    END_KILL,   /**< SIGKILL */
    END_COUNT
} ending_t;

typedef struct {
    uint64_t seed;
    ending_t ending;
    bool asleep;   /**< the guest sleeps for ever before the end */
    bool forgets;  /**< PLAY: the vCPU thread forgets a call */
    uint64_t last; /**< from this icount on the run ends */
    const char *options;
} plan_t;

/* What the guest saw; shared with the recorder, which may be killed. */
typedef struct {
    atomic_uint count;
    uint64_t icount[MOST_SEEN], state[MOST_SEEN];
} trace_t;

typedef struct {
    plan_t plan;
    trace_t *trace;
    /* The guest, under the replay lock and the big lock. */
    uint64_t icount, state;
    int64_t timers[TIMERS]; /**< virtual ns, -1: not set */
    bool halted, interrupt;
    /* The virtual clock. */
    int64_t bias, warp_start, warp_end;
    /* Disk requests: done by the main loop after a while. */
    struct {
        uint64_t id;
        int64_t due;
        bool busy;
    } requests[MOST_REQUESTS];
    int64_t alarm; /**< of the real-time clock */
    int64_t began;
    unsigned rounds;
    /* The host. */
    pthread_mutex_t big_lock, halt_lock;
    pthread_cond_t halt_cond;
    int wake_fd;
    atomic_bool kicked, quit, stopped, ending, in_seqlock, asked_in_seqlock;
    atomic_int shutdowns;
    int reason, cause;
    replay_error_t error;
    char messages[2000];
} own_loops_t;

/** The one machine. */
extern own_loops_t m;

/** The machine's pseudo-random function. */
uint64_t own_loops_hash(uint64_t value);

/** Runs the machine from its configuration to replay_finish(), whose status it returns. */
replay_status_t own_loops_run(const plan_t *plan, replay_mode_t mode, trace_t *trace);

#endif /* OWN_LOOPS_HOST_H */
