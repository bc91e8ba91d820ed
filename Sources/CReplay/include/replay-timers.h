/* SPDX-License-Identifier: MIT */
/* Timers on the virtual clock, for the library and for the stubs: by time, equal ones in the order
 * in which they were set. The array's owner makes room for an element before it adds one. Not
 * installed. */
#ifndef REPLAY_TIMERS_H
#define REPLAY_TIMERS_H

#include <string.h>

#include "replay/types.h"

typedef struct replay_timer_entry {
    uintptr_t handle;
    replay_callback_t callback;
    void *opaque;
    int64_t expire; /**< virtual ns; -1: not set */
    uint64_t order; /**< higher for a timer that was set later */
} replay_timer_entry_t;

/** The first @c pending of them are set, ordered by when they run. */
typedef struct replay_timers {
    replay_timer_entry_t *entries;
    size_t count, pending;
    uint64_t next_order;
} replay_timers_t;

/** @return its place, or @c count if there is no such timer. */
static inline size_t replay_timers_find(const replay_timers_t *timers, uintptr_t handle) {
    size_t at = 0;
    while (at < timers->count && timers->entries[at].handle != handle)
        at++;
    return at;
}

static inline void replay_timers_add(replay_timers_t *timers, uintptr_t handle,
                                     replay_callback_t callback, void *opaque) {
    replay_timer_entry_t timer = {handle, callback, opaque, -1, 0};
    timers->entries[timers->count++] = timer;
}

/** Moves one to a different place; those in between shift by one. */
static inline void replay_timers_move(replay_timers_t *timers, size_t from, size_t to) {
    replay_timer_entry_t *entries = timers->entries, moved = entries[from];
    if (from < to)
        memmove(entries + from, entries + from + 1, (to - from) * sizeof moved);
    else
        memmove(entries + to + 1, entries + to, (from - to) * sizeof moved);
    entries[to] = moved;
}

/** @return false if there is no such timer. */
static inline bool replay_timers_clear(replay_timers_t *timers, uintptr_t handle) {
    size_t at = replay_timers_find(timers, handle);
    if (at < timers->pending) {
        timers->entries[at].expire = -1;
        replay_timers_move(timers, at, --timers->pending);
    }
    return at < timers->count;
}

static inline bool replay_timers_set(replay_timers_t *timers, uintptr_t handle, int64_t expire) {
    if (!replay_timers_clear(timers, handle))
        return false;
    size_t at = replay_timers_find(timers, handle), to = 0;
    timers->entries[at].expire = expire < 0 ? 0 : expire;
    timers->entries[at].order = timers->next_order++;
    while (to < timers->pending && timers->entries[to].expire <= timers->entries[at].expire)
        to++;
    replay_timers_move(timers, at, to);
    timers->pending++;
    return true;
}

static inline bool replay_timers_remove(replay_timers_t *timers, uintptr_t handle) {
    if (!replay_timers_clear(timers, handle))
        return false;
    replay_timers_move(timers, replay_timers_find(timers, handle), timers->count - 1);
    timers->count--;
    return true;
}

/** When it runs; -1 if it isn't set, or doesn't exist. */
static inline int64_t replay_timers_expire(const replay_timers_t *timers, uintptr_t handle) {
    size_t at = replay_timers_find(timers, handle);
    return at < timers->pending ? timers->entries[at].expire : -1;
}

/** When the next one runs; -1 if none is set. */
static inline int64_t replay_timers_nearest(const replay_timers_t *timers) {
    return timers->pending ? timers->entries[0].expire : -1;
}

/** Removes the next timer that is due and was set before the run began, when @c next_order was
 *  @p order, so that a timer that sets itself again doesn't run for ever. @return false: no such
 *  timer. */
static inline bool replay_timers_take_due(replay_timers_t *timers, int64_t now, uint64_t order,
                                          replay_timer_entry_t *due) {
    for (size_t at = 0; at < timers->pending && timers->entries[at].expire <= now; at++) {
        if (timers->entries[at].order >= order)
            continue;
        *due = timers->entries[at];
        return replay_timers_clear(timers, due->handle);
    }
    return false;
}

#endif
