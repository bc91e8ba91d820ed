/* SPDX-License-Identifier: MIT */
/* What happens to a session when a thread ends or the process forks. */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <unistd.h>

#include "replay-support.h"

/* ------------------------------------------------------------------ threads */

static pthread_key_t end_key;
static bool has_end_key;
static pthread_once_t end_once = PTHREAD_ONCE_INIT;
static void (*end_call)(void);

/* The destructors of the host's own thread data may release the lock, so they run first. */
static void end_thread(void *record) {
    replay_thread_t *thread = record;
    if (++thread->endings < PTHREAD_DESTRUCTOR_ITERATIONS - 1) {
        pthread_setspecific(end_key, thread);
        return;
    }
    void (*call)(void) = __atomic_load_n(&end_call, __ATOMIC_ACQUIRE);
    if (call)
        call();
}

static void make_end_key(void) {
    has_end_key = pthread_key_create(&end_key, end_thread) == 0;
}

void replay_thread_on_end(void (*call)(void)) {
    __atomic_store_n(&end_call, call, __ATOMIC_RELEASE);
}

void replay_thread_watch(void) {
    replay_this_thread.watched = true;
    pthread_once(&end_once, make_end_key);
    if (has_end_key)
        pthread_setspecific(end_key, &replay_this_thread);
}

bool replay_can_open_two(void) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    close(ends[0]);
    close(ends[1]);
    return true;
}

/* --------------------------------------------------------------------- fork */

enum { MOST_DESCRIPTORS = 1 << 20, MOST_HELD = 8 };

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static uint32_t forks;
static replay_fair_lock_t *watched; /* under the guard */
static pthread_mutex_t *held[MOST_HELD];
static int held_count;
static uint64_t owned[MOST_DESCRIPTORS / 64]; /* a bit for each descriptor of a log */
static int owned_words;                       /* the number of words that may have a bit */

static void before_fork(void) {
    pthread_mutex_lock(&guard);
    for (int i = 0; i < held_count; i++)
        pthread_mutex_lock(held[i]);
}

static void release_held(void) {
    for (int i = held_count; i > 0; i--)
        pthread_mutex_unlock(held[i - 1]);
    pthread_mutex_unlock(&guard);
}

#ifdef REPLAY_SWIFT_THREAD_NUMBER
/* The Swift runtime's copy of gettid(); 0: it calls gettid() again. It writes the number into the
 * locks that guard initialisation of globals and type metadata. A forked child has a different
 * number, so two threads that meet there would wait for ever. */
extern __thread int32_t
    swift_thread_number __asm__("_ZZN5swift14threading_impl5linux13ulock_get_tidEvE3tid")
        __attribute__((visibility("hidden")));
#endif

/* Does only what a signal handler may do, because the parent's other threads don't exist here. */
static void in_child(void) {
#ifdef REPLAY_SWIFT_THREAD_NUMBER
    swift_thread_number = 0;
#endif
    __atomic_add_fetch(&forks, 1, __ATOMIC_RELAXED);
    for (replay_fair_lock_t *lock = watched; lock; lock = lock->following) {
        lock->owner = NULL;
        lock->next = lock->serving + 1; /* nobody can acquire it */
        __atomic_store_n(&lock->forked, 1, __ATOMIC_RELEASE);
    }
    for (int word = 0; word < owned_words; word++)
        while (owned[word]) {
            close(word * 64 + __builtin_ctzll(owned[word]));
            owned[word] &= owned[word] - 1;
        }
    release_held();
}

static void watch_forks(void) {
    pthread_atfork(before_fork, release_held, in_child);
}

/* Installed when the library is loaded, because Swift's runtime may be at work before the first
 * call. */
__attribute__((constructor)) static void watch_forks_at_once(void) {
    pthread_once(&fork_once, watch_forks);
}

uint32_t replay_fork_count(void) {
    pthread_once(&fork_once, watch_forks);
    return __atomic_load_n(&forks, __ATOMIC_RELAXED);
}

void replay_fork_watch(replay_fair_lock_t *lock) {
    pthread_once(&fork_once, watch_forks);
    pthread_mutex_lock(&guard);
    lock->following = watched;
    watched = lock;
    pthread_mutex_unlock(&guard);
}

void replay_fork_unwatch(replay_fair_lock_t *lock) {
    pthread_mutex_lock(&guard);
    for (replay_fair_lock_t **place = &watched; *place; place = &(*place)->following)
        if (*place == lock) {
            *place = lock->following;
            break;
        }
    pthread_mutex_unlock(&guard);
}

void replay_fork_hold(pthread_mutex_t *mutex) {
    pthread_once(&fork_once, watch_forks);
    pthread_mutex_lock(&guard);
    if (held_count < MOST_HELD)
        held[held_count++] = mutex;
    pthread_mutex_unlock(&guard);
}

void replay_fork_own(int descriptor, bool owns) {
    if (descriptor < 0 || descriptor >= MOST_DESCRIPTORS)
        return;
    pthread_once(&fork_once, watch_forks);
    int word = descriptor / 64;
    uint64_t bit = UINT64_C(1) << descriptor % 64;
    pthread_mutex_lock(&guard);
    if (owns)
        owned[word] |= bit;
    else
        owned[word] &= ~bit;
    if (owned_words <= word)
        owned_words = word + 1;
    pthread_mutex_unlock(&guard);
}
