/* SPDX-License-Identifier: MIT */
/* The guest's virtual time, (icount << shift) + bias, its warp and the pauses, as values
 * for the library and for the stubs. They use neither log nor host. Not installed. */
#ifndef REPLAY_VCLOCK_H
#define REPLAY_VCLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum {
    REPLAY_SHIFT_MAX = 10,
    REPLAY_SHIFT_AUTO_BEGIN = 3,
    /** Auto: how often the shift is checked, in virtual and in real time. */
    REPLAY_LOOK_VIRTUAL_NS = 100000000,
    REPLAY_LOOK_REAL_NS = 1000000000,
    /** Auto: how far virtual time may be off before the shift is adapted. */
    REPLAY_WOBBLE_NS = 100000000,
    /** How often a host is asked whether its machine is still paused, because it may not call
     *  replay_notify() at the end of a pause. */
    REPLAY_PAUSE_LOOK_NS = 100000000
};

typedef struct replay_vclock {
    int64_t bias;
    int64_t warped;      /**< the sum of all warps */
    int64_t warp_start;  /**< real time at which the guest fell asleep, if it sleeps */
    int64_t warp_end;    /**< real time at which the warp must end for a timer, if it is armed */
    int64_t warp_target; /**< the virtual time for which it was armed */
    int64_t last_delta;
    int64_t next_virtual_look;
    int64_t next_real_look;
    uint32_t changes; /**< counts what changes the virtual time of an instruction */
    uint8_t shift;
    bool is_auto;
    bool sleeps;
    bool is_armed;
} replay_vclock_t;

/* Sums wrap around: icount and readings may be any numbers. */
static inline int64_t replay_ns_add(int64_t a, int64_t b) {
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static inline int64_t replay_ns_since(int64_t now, int64_t then) {
    return (int64_t)((uint64_t)now - (uint64_t)then);
}

/** @param shift 0 to 10, or -1: automatic */
static inline replay_vclock_t replay_vclock(int32_t shift) {
    replay_vclock_t clock = {0};
    clock.shift = (uint8_t)(shift < 0 ? REPLAY_SHIFT_AUTO_BEGIN : shift);
    clock.is_auto = shift < 0;
    clock.next_virtual_look = REPLAY_LOOK_VIRTUAL_NS;
    clock.next_real_look = REPLAY_LOOK_REAL_NS;
    return clock;
}

static inline int64_t replay_vclock_now(const replay_vclock_t *clock, uint64_t icount) {
    return replay_ns_add((int64_t)(icount << clock->shift), clock->bias);
}

/** Whole instructions until @p ns have passed. */
static inline uint64_t replay_vclock_instructions(const replay_vclock_t *clock, int64_t ns) {
    uint64_t time = ns < 0 ? 0 : (uint64_t)ns, unit = UINT64_C(1) << clock->shift;
    return (time >> clock->shift) + ((time & (unit - 1)) != 0);
}

/* ---------------------------------------------------------------------- warp */

/** Advances virtual time. */
static inline void replay_vclock_skip(replay_vclock_t *clock, int64_t ns) {
    clock->changes++;
    clock->bias = replay_ns_add(clock->bias, ns);
    clock->warped = replay_ns_add(clock->warped, ns);
}

/** The guest has slept since @p real; a timer is due @p deadline later, at @p target. */
static inline void replay_vclock_arm(replay_vclock_t *clock, int64_t real, int64_t deadline,
                                     int64_t target) {
    if (!clock->sleeps || real < clock->warp_start)
        clock->warp_start = real;
    clock->warp_end =
        deadline > 0 && real > INT64_MAX - deadline ? INT64_MAX : replay_ns_add(real, deadline);
    clock->warp_target = target;
    clock->sleeps = clock->is_armed = true;
}

/** Is the warp to @p target, where a sleeping guest's next timer is due, not armed yet? */
static inline bool replay_vclock_must_arm(const replay_vclock_t *clock, int64_t target) {
    return !clock->is_armed || clock->warp_target != target;
}

/** Real ns until a timer ends the warp; 0: now; -1: none is armed. */
static inline int64_t replay_vclock_warp_left(const replay_vclock_t *clock, int64_t real) {
    int64_t left = replay_ns_since(clock->warp_end, real);
    return !clock->is_armed ? -1 : left > 0 ? left : 0;
}

/** Ends the warp: virtual time advances by the time slept, in auto mode at most up to real time. */
static inline void replay_vclock_end_warp(replay_vclock_t *clock, int64_t real, uint64_t icount) {
    if (!clock->sleeps)
        return;
    clock->sleeps = false;
    int64_t slept = replay_ns_since(real, clock->warp_start);
    int64_t late = replay_ns_since(real, replay_vclock_now(clock, icount));
    slept = slept > 0 ? slept : 0;
    late = late > 0 ? late : 0;
    replay_vclock_skip(clock, clock->is_auto && slept > late ? late : slept);
}

/* ------------------------------------------------------------ automatic shift */

static inline bool replay_vclock_must_look(const replay_vclock_t *clock, int64_t real,
                                           uint64_t icount) {
    return clock->is_auto && (replay_vclock_now(clock, icount) >= clock->next_virtual_look ||
                              real >= clock->next_real_look);
}

/** Compares virtual with real time: if it is ahead the shift gets smaller, if it falls behind
 *  larger, unless it is already catching up. The clock itself doesn't jump. */
static inline void replay_vclock_look(replay_vclock_t *clock, int64_t real, uint64_t icount) {
    int64_t now = replay_vclock_now(clock, icount), delta = replay_ns_since(now, real);
    int64_t twice = replay_ns_add(delta, delta);
    if (delta > 0 && replay_ns_add(clock->last_delta, REPLAY_WOBBLE_NS) < twice && clock->shift > 0)
        clock->shift--;
    else if (delta < 0 && replay_ns_since(clock->last_delta, REPLAY_WOBBLE_NS) > twice &&
             clock->shift < REPLAY_SHIFT_MAX)
        clock->shift++;
    clock->changes++;
    clock->last_delta = delta;
    clock->bias = replay_ns_since(now, (int64_t)(icount << clock->shift));
    clock->next_virtual_look = replay_ns_add(now, REPLAY_LOOK_VIRTUAL_NS);
    clock->next_real_look = replay_ns_add(real, REPLAY_LOOK_REAL_NS);
}

/* -------------------------------------------------------------------- pauses */

/** The real time in which the machine was paused. */
typedef struct replay_pauses {
    int64_t since; /**< the beginning of the pause, if it is paused */
    int64_t total; /**< the sum of earlier pauses */
    bool is_paused;
} replay_pauses_t;

static inline void replay_pauses_note(replay_pauses_t *pauses, bool is_paused, int64_t real) {
    if (is_paused && !pauses->is_paused)
        pauses->since = real;
    else if (!is_paused && pauses->is_paused)
        pauses->total = replay_ns_add(pauses->total, replay_ns_since(real, pauses->since));
    pauses->is_paused = is_paused;
}

/** Real time, minus the pauses. */
static inline int64_t replay_pauses_running(const replay_pauses_t *pauses, int64_t real) {
    return replay_ns_since(pauses->is_paused ? pauses->since : real, pauses->total);
}

#endif
