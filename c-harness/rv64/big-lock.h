/* SPDX-License-Identifier: MIT */
/** @file big-lock.h
 *  The machine's own lock: whoever touches CPU or devices holds it.
 *
 *  While recording and replaying the replay lock would do, because then all that
 *  comes from outside reaches the machine on the vCPU thread. In mode NONE there
 *  is no replay lock, and what is posted (serial input, the end of a disk
 *  request) reaches the machine at once, on the thread that posts it. So a
 *  machine with threads needs a lock of its own, and takes it after the replay
 *  lock, never before.
 *
 *  Fair, because the vCPU thread takes it again as soon as it has given it back;
 *  recursive, because a request may end while it is being made. */
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
