/* SPDX-License-Identifier: MIT */
/** @file big-lock.h
 *  The machine's own lock. A thread that touches CPU or devices holds it.
 *
 *  In RECORD and PLAY the replay lock would be enough, because everything from outside reaches
 *  the machine on the vCPU thread. In mode NONE there is no replay lock, and serial input or a
 *  finished disk request reaches the machine at once, on the thread that brings it. So a machine
 *  with threads needs its own lock. It is acquired after the replay lock, never before.
 *
 *  The lock is fair, because the vCPU thread acquires it again as soon as it has released it,
 *  and recursive, because a request may finish while it is being made. */
#ifndef RV64_BIG_LOCK_H
#define RV64_BIG_LOCK_H

#include <pthread.h>
#include <stdint.h>

typedef struct big_lock {
    pthread_mutex_t mutex;
    pthread_cond_t turn;
    uint64_t next, serving; /* tickets */
    pthread_t owner;
    uint32_t depth;
} big_lock_t;

#define BIG_LOCK_INIT                                                                              \
    { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0 }

void big_lock_take(big_lock_t *lock);
void big_lock_give(big_lock_t *lock);

#endif /* RV64_BIG_LOCK_H */
