/* SPDX-License-Identifier: MIT */
/* C parts of the Swift core, for what Swift can't express: thread-locals, the fair lock,
 * the change signal, the name of a caller. Not installed. */
#ifndef REPLAY_SUPPORT_H
#define REPLAY_SUPPORT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/replay.h"

#include "replay-arguments.h"

/* Tells Swift that the C code guards a variable. */
#if defined(__has_attribute) && __has_attribute(swift_attr)
#define REPLAY_SWIFT_ATTR(x) __attribute__((swift_attr(x)))
#else
#define REPLAY_SWIFT_ATTR(x)
#endif

#pragma GCC visibility push(hidden)

/* ------------------------------------------------------------------ threads */

/** The library's state of a thread. Its address identifies the thread. */
typedef struct replay_thread {
    void *current;            /**< the session that calls use; NULL: not known yet */
    void *session;            /**< the one that was made current; NULL: the default */
    int32_t roles;            /**< REPLAY_THREAD_… */
    uint32_t seen;            /**< the count of changes at its last turn */
    const void *seen_of;      /**< whose changes; NULL: it had no turn yet */
    const void *locked_early; /**< the lock that it acquired before replay_configure(), or NULL */
    void *glib;               /**< the attachment whose context is being iterated */
    int32_t pushed;           /**< sessions below the current one */
    int32_t visits;           /**< how many disks it is opening: see Preparation */
    void *callback;           /**< the innermost callback that it is in: see CallbackFrame */
    bool watched;             /**< replay_thread_watch() was called */
    int32_t endings;          /**< how often its destructor was called */
    void *below[REPLAY_SESSIONS_PUSHED_MAX];
} replay_thread_t;

/* Small enough for the space that the loader reserves for late-loaded libraries, so that
 * an access is one instruction. */
extern __thread replay_thread_t replay_this_thread __attribute__((tls_model("initial-exec")));

__attribute__((returns_nonnull)) static inline replay_thread_t *replay_thread_self(void) {
    return &replay_this_thread;
}

/** From now on the end of the calling thread is noticed. */
void replay_thread_watch(void);

/** Called by each watched thread at its end. */
void replay_thread_on_end(void (*call)(void));

/** The process's default session, created at its first use. */
extern void *replay_default_session REPLAY_SWIFT_ATTR("nonisolated(unsafe)");

static inline void *replay_default_session_now(void) {
    return __atomic_load_n(&replay_default_session, __ATOMIC_ACQUIRE);
}

/** Makes a session current; NULL: the default one. */
static inline void replay_thread_use(void *session) {
    replay_this_thread.session = session;
    replay_this_thread.current = session;
}

/** Sets the default session if it isn't set yet. @return the default session. */
void *replay_default_session_install(void *session);

static inline void replay_mode_store(replay_mode_t mode) {
    __atomic_store_n(&replay_mode, mode, __ATOMIC_RELEASE);
}

static inline void replay_snapshot_store(const char *snapshot) {
    replay_snapshot = snapshot;
}

/* ---------------------------------------------------------------- fair lock */

/** A ticket lock: first come, first served. Waiters spin briefly, then sleep. */
typedef struct replay_fair_lock {
    uint32_t next;                      /**< the next ticket */
    uint32_t serving;                   /**< ticket of the owner */
    const void *owner;                  /**< its replay_thread_t, or NULL */
    uint32_t forked;                    /**< this process is a forked child of the lock's process */
    struct replay_fair_lock *following; /**< in the list of replay_fork_watch() */
} replay_fair_lock_t;

/** @return false in a forked child, where nobody can acquire the lock. */
bool replay_fair_lock_take(replay_fair_lock_t *lock);
bool replay_fair_lock_try(replay_fair_lock_t *lock);
void replay_fair_lock_give(replay_fair_lock_t *lock);

/** Does a thread wait for the lock that the caller holds? */
static inline bool replay_fair_lock_wanted(const replay_fair_lock_t *lock) {
    return __atomic_load_n(&lock->next, __ATOMIC_RELAXED) !=
           __atomic_load_n(&lock->serving, __ATOMIC_RELAXED) + 1;
}

static inline bool replay_fair_lock_mine(const replay_fair_lock_t *lock) {
    return __atomic_load_n(&lock->owner, __ATOMIC_RELAXED) == &replay_this_thread;
}

static inline const void *replay_fair_lock_owner(const replay_fair_lock_t *lock) {
    return __atomic_load_n(&lock->owner, __ATOMIC_RELAXED);
}

/** The number of the lock's current turn: the same number twice means that nobody has released
 *  the lock in between. */
static inline uint32_t replay_fair_lock_turn(const replay_fair_lock_t *lock) {
    return __atomic_load_n(&lock->serving, __ATOMIC_RELAXED);
}

/** The number of threads that hold the lock or wait for it. */
static inline uint32_t replay_fair_lock_users(const replay_fair_lock_t *lock) {
    return __atomic_load_n(&lock->next, __ATOMIC_RELAXED) -
           __atomic_load_n(&lock->serving, __ATOMIC_RELAXED);
}

/* -------------------------------------------------------------------- watch */

/** What a session's threads store for its watchdog, which takes samples. */
typedef struct replay_watch {
    uint64_t asks[4];    /**< by roles: calls for what isn't next, and turns */
    uint64_t vcpu_turns; /**< turns and flushes */
    uint64_t io_turns;
    uint32_t last_asked; /**< the kind that was asked for last, and the roles; 0: none */
    uint32_t
        is_wanted; /**< set by the watchdog: the owner of the lock must report the stall itself */
    uint32_t knows_end; /**< the I/O thread has asked when the guest's sleep ends */
} replay_watch_t;

/** Adds one. Only the owner of the replay lock changes a count. */
static inline void replay_watch_count(uint64_t *count) {
    __atomic_store_n(count, __atomic_load_n(count, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

/** Resets all counts; other threads may still count. */
static inline void replay_watch_reset(replay_watch_t *watch) {
    for (int i = 0; i < 4; i++)
        __atomic_store_n(&watch->asks[i], 0, __ATOMIC_RELAXED);
    __atomic_store_n(&watch->vcpu_turns, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&watch->io_turns, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&watch->last_asked, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&watch->is_wanted, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&watch->knows_end, 0, __ATOMIC_RELAXED);
}

static inline void replay_watch_end(replay_watch_t *watch, bool is_known) {
    __atomic_store_n(&watch->knows_end, is_known, __ATOMIC_RELAXED);
}

static inline bool replay_watch_knows_end(const replay_watch_t *watch) {
    return __atomic_load_n(&watch->knows_end, __ATOMIC_RELAXED) != 0;
}

/** A thread with @p roles asked for what isn't next. */
static inline void replay_watch_ask(replay_watch_t *watch, int32_t roles) {
    replay_watch_count(&watch->asks[roles & 3]);
}

static inline void replay_watch_ask_kind(replay_watch_t *watch, uint8_t kind, int32_t roles) {
    replay_watch_ask(watch, roles);
    __atomic_store_n(&watch->last_asked, (uint32_t)kind << 2 | (uint32_t)(roles & 3),
                     __ATOMIC_RELAXED);
}

static inline void replay_watch_want(replay_watch_t *watch, bool is_wanted) {
    __atomic_store_n(&watch->is_wanted, is_wanted, __ATOMIC_RELAXED);
}

static inline bool replay_watch_is_wanted(const replay_watch_t *watch) {
    return __atomic_load_n(&watch->is_wanted, __ATOMIC_RELAXED) != 0;
}

/** A copy, member by member. */
static inline replay_watch_t replay_watch_sample(const replay_watch_t *watch) {
    replay_watch_t sample;
    for (int i = 0; i < 4; i++)
        sample.asks[i] = __atomic_load_n(&watch->asks[i], __ATOMIC_RELAXED);
    sample.vcpu_turns = __atomic_load_n(&watch->vcpu_turns, __ATOMIC_RELAXED);
    sample.io_turns = __atomic_load_n(&watch->io_turns, __ATOMIC_RELAXED);
    sample.last_asked = __atomic_load_n(&watch->last_asked, __ATOMIC_RELAXED);
    sample.is_wanted = replay_watch_is_wanted(watch);
    sample.knows_end = replay_watch_knows_end(watch);
    return sample;
}

/** The system's numbers of the process and of the calling thread. */
int32_t replay_process_number(void);
int32_t replay_thread_number(void);

/** Is a thread of this process at work: does it run, or wait for a processor, a disk, a debugger?
 *  Not if it sleeps or has ended. If the system doesn't report what threads do, every live thread
 *  counts as working. */
bool replay_thread_works(int32_t number);

/** Does a thread of this process run, or wait for a processor? */
bool replay_thread_is_ready(int32_t number);

/** How long a thread of this process has run; -1: not known. */
int64_t replay_thread_ns(int32_t number);

/** Does this process still have a thread of that number? */
bool replay_thread_lives(int32_t number);

/* ------------------------------------------------------------------- change */

/** A count of changes that threads can wait for. */
typedef struct replay_change {
    uint32_t count;
    uint32_t waiters;
} replay_change_t;

void replay_change_note(replay_change_t *change);
uint32_t replay_change_count(const replay_change_t *change);

/** Waits while the count is @p seen. @return false after @p timeout_ns. */
bool replay_change_wait(replay_change_t *change, uint32_t seen, int64_t timeout_ns);

/* --------------------------------------------------------------------- fork */

/** Between these two calls a forked child can't acquire the lock: see
 *  replay_fair_lock::forked. */
void replay_fork_watch(replay_fair_lock_t *lock);
void replay_fork_unwatch(replay_fair_lock_t *lock);

/** Makes sure that the mutex is free in a child. It belongs to the whole process, and is never
 * destroyed.
 */
void replay_fork_hold(pthread_mutex_t *mutex);

/** Adds or removes a descriptor that a child must not keep open. */
void replay_fork_own(int descriptor, bool owns);

/** How often this process and its ancestors have forked since the first call. */
uint32_t replay_fork_count(void);

/* ------------------------------------------------------------------- memory */

/** Like malloc(), with at least one byte. @return NULL if memory ran out. */
void *replay_allocate(size_t size);

/* ------------------------------------------------------------------ testing */

/** Does a test program say where snapshots are made (see testing.c)? */
bool replay_has_chosen_snapshots(void);

/** Where the next one is after this icount. */
uint64_t replay_next_chosen_snapshot(uint64_t icount);

/* -------------------------------------------------------------------- extras */

int64_t replay_monotonic_ns(void);

/* -------------------------------------------------------------- environment */

/** The value of LIBREPLAY_OPTIONS, or NULL; always NULL in a program whose rights differ
 *  from its user's. */
const char *replay_environment_options(void);

/** Can two more file descriptors be opened? */
bool replay_can_open_two(void);

/** Writes the name of the innermost frame outside of this library, with its
 *  object file, as "main+0x2a (host)". Slow; for lint messages. */
void replay_name_caller(char *text, size_t size);

#pragma GCC visibility pop

#endif /* REPLAY_SUPPORT_H */
