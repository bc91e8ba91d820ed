/* SPDX-License-Identifier: MIT */
/* The fair lock and the change signal, over futexes. */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "replay-support.h"

enum { SPINS = 64 };

static void pause_shortly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#else
    __asm__ volatile("" ::: "memory");
#endif
}

/** Sleeps while *word is @p value. @return false at @p deadline (absolute, or NULL). */
static bool futex_wait(uint32_t *word, uint32_t value, const struct timespec *deadline,
                       uint32_t bits) {
    long r = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, deadline, NULL, bits);
    return !(r == -1 && errno == ETIMEDOUT);
}

static void futex_wake(uint32_t *word, uint32_t bits) {
    syscall(SYS_futex, word, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL, NULL, bits);
}

/* ---------------------------------------------------------------- fair lock */

/** Waiters sleep on the bit of their ticket, so that a release wakes only one. */
static uint32_t bit_of(uint32_t ticket) {
    return UINT32_C(1) << (ticket % 32);
}

/** Not inlined, so that acquiring a free lock saves no registers. */
__attribute__((noinline)) static bool wait_for_turn(replay_fair_lock_t *lock, uint32_t ticket) {
    uint32_t serving = __atomic_load_n(&lock->serving, __ATOMIC_SEQ_CST);
    for (int spins = 0; serving != ticket; spins++) {
        if (__atomic_load_n(&lock->forked, __ATOMIC_RELAXED))
            return false;
        if (spins < SPINS)
            pause_shortly();
        else
            futex_wait(&lock->serving, serving, NULL, bit_of(ticket));
        serving = __atomic_load_n(&lock->serving, __ATOMIC_SEQ_CST);
    }
    return true;
}

bool replay_fair_lock_take(replay_fair_lock_t *lock) {
    if (!replay_this_thread.watched)
        replay_thread_watch();
    uint32_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&lock->serving, __ATOMIC_SEQ_CST) != ticket && !wait_for_turn(lock, ticket))
        return false;
    __atomic_store_n(&lock->owner, &replay_this_thread, __ATOMIC_RELAXED);
    return true;
}

bool replay_fair_lock_try(replay_fair_lock_t *lock) {
    uint32_t serving = __atomic_load_n(&lock->serving, __ATOMIC_SEQ_CST);
    uint32_t ticket = serving;
    if (!__atomic_compare_exchange_n(&lock->next, &ticket, serving + 1, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_RELAXED))
        return false;
    __atomic_store_n(&lock->owner, &replay_this_thread, __ATOMIC_RELAXED);
    return true;
}

void replay_fair_lock_give(replay_fair_lock_t *lock) {
    __atomic_store_n(&lock->owner, NULL, __ATOMIC_RELAXED);
    uint32_t serving = __atomic_add_fetch(&lock->serving, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&lock->next, __ATOMIC_SEQ_CST) != serving)
        futex_wake(&lock->serving, bit_of(serving));
}

/* ------------------------------------------------------------------- change */

void replay_change_note(replay_change_t *change) {
    __atomic_add_fetch(&change->count, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&change->waiters, __ATOMIC_SEQ_CST) != 0)
        futex_wake(&change->count, FUTEX_BITSET_MATCH_ANY);
}

uint32_t replay_change_count(const replay_change_t *change) {
    return __atomic_load_n(&change->count, __ATOMIC_SEQ_CST);
}

bool replay_change_wait(replay_change_t *change, uint32_t seen, int64_t timeout_ns) {
    struct timespec deadline;
    if (timeout_ns >= 0) {
        int64_t now = replay_monotonic_ns();
        int64_t end = timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
        deadline.tv_sec = (time_t)(end / 1000000000);
        deadline.tv_nsec = (long)(end % 1000000000);
    }
    bool changed = true;
    __atomic_add_fetch(&change->waiters, 1, __ATOMIC_SEQ_CST);
    while (replay_change_count(change) == seen && changed)
        changed = futex_wait(&change->count, seen, timeout_ns >= 0 ? &deadline : NULL,
                             FUTEX_BITSET_MATCH_ANY);
    __atomic_sub_fetch(&change->waiters, 1, __ATOMIC_SEQ_CST);
    return replay_change_count(change) != seen;
}

int64_t replay_monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
