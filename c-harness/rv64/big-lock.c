/* SPDX-License-Identifier: MIT */
#include "big-lock.h"

void big_lock_take(big_lock_t *lock) {
    pthread_mutex_lock(&lock->mutex);
    if (lock->depth > 0 && pthread_equal(lock->owner, pthread_self())) {
        lock->depth++;
    } else {
        uint64_t ticket = lock->next++;
        while (ticket != lock->serving)
            pthread_cond_wait(&lock->turn, &lock->mutex);
        lock->owner = pthread_self();
        lock->depth = 1;
    }
    pthread_mutex_unlock(&lock->mutex);
}

void big_lock_give(big_lock_t *lock) {
    pthread_mutex_lock(&lock->mutex);
    if (--lock->depth == 0) {
        lock->serving++;
        if (lock->next != lock->serving)
            pthread_cond_broadcast(&lock->turn);
    }
    pthread_mutex_unlock(&lock->mutex);
}
