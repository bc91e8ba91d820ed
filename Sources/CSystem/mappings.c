/* SPDX-License-Identifier: MIT */
/* Mappings of files that other processes may truncate.
 *
 * SIGBUS belongs to the process, and so to the host. The handler is installed only while
 * a mapping is guarded, acts only on addresses in one, and otherwise does what
 * would have happened without it. A host that installs its own handler later
 * replaces this one. If a thread blocks SIGBUS, nothing helps: the kernel
 * ends the process. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "replay-system.h"

struct replay_mapping {
    uintptr_t start; /* 0: not in use */
    size_t length;
    bool lost;
    bool inherited;              /* by a forked child, which doesn't have the mapping */
    struct replay_mapping *next; /* never freed: the handler may walk the list at any time */
};

static replay_mapping_t *mappings;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static unsigned guarded;
static uintptr_t page_size;
static pid_t owner; /* a forked child doesn't have the mappings, and may have others there */

/* The handlers before this one was installed last, and first. */
static struct sigaction previous, first;
static bool was_ever_set;

/* The signal that this thread forwards to a different handler. That one may leave with
 * siglongjmp(), so this may be stale: a later signal then has a different context, or is handled in
 * the same frame or above. */
typedef struct {
    const void *context, *frame;
    unsigned round;
} forwarding_t;
static __thread forwarding_t forwarding __attribute__((tls_model("initial-exec")));
static unsigned rounds; /* how often the handler was installed */

static replay_mapping_t *mapping_at(uintptr_t address) {
    if (getpid() != owner)
        return NULL;
    replay_mapping_t *one = __atomic_load_n(&mappings, __ATOMIC_ACQUIRE);
    for (; one; one = one->next) {
        uintptr_t start = __atomic_load_n(&one->start, __ATOMIC_ACQUIRE);
        if (start != 0 && address >= start && address - start < one->length)
            return one;
    }
    return NULL;
}

/** Maps an empty page in place of one that the file no longer has. */
static bool replace_page(uintptr_t address) {
    replay_mapping_t *mapping = mapping_at(address);
    if (!mapping)
        return false;
    void *page = (void *)(address & ~(page_size - 1));
    if (mmap(page, page_size, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1,
             0) == MAP_FAILED)
        return false;
    __atomic_store_n(&mapping->lost, true, __ATOMIC_RELEASE);
    return true;
}

/** Does what the kernel would have done with that disposition. */
static void forward(struct sigaction *to, int number, siginfo_t *info, void *context,
                    const void *frame) {
    bool is_fault = info->si_code > 0;
    if (to->sa_handler == SIG_DFL || (to->sa_handler == SIG_IGN && is_fault)) {
        /* A fault repeats when the handler returns; a signal that was sent doesn't. */
        signal(number, SIG_DFL);
        if (!is_fault)
            raise(number);
        return;
    }
    if (to->sa_handler == SIG_IGN)
        return;
    struct sigaction target = *to;
    if (target.sa_flags & (int)SA_RESETHAND)
        to->sa_handler = SIG_DFL;
    forwarding_t before = forwarding;
    forwarding = (forwarding_t){context, frame, __atomic_load_n(&rounds, __ATOMIC_RELAXED)};
    if (target.sa_flags & SA_SIGINFO)
        target.sa_sigaction(number, info, context);
    else
        target.sa_handler(number);
    forwarding = before;
}

/** Was this handler called by a handler that it called itself? */
static bool is_called_again(const void *context, const void *frame) {
    return forwarding.context == context && (uintptr_t)frame < (uintptr_t)forwarding.frame &&
           forwarding.round == __atomic_load_n(&rounds, __ATOMIC_RELAXED);
}

static void on_bus_error(int number, siginfo_t *info, void *context) {
    int error = errno;
    /* A handler that was installed over this one and calls it must not be called again. */
    const void *frame = __builtin_frame_address(0);
    if (info->si_code <= 0 || !replace_page((uintptr_t)info->si_addr))
        forward(is_called_again(context, frame) ? &first : &previous, number, info, context, frame);
    errno = error;
}

static bool is_ours(const struct sigaction *action) {
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_bus_error;
}

static int set_handler(void) {
    struct sigaction now;
    if (sigaction(SIGBUS, NULL, &now) != 0)
        return -1;
    if (is_ours(&now))
        return 0;
    previous = now;
    __atomic_fetch_add(&rounds, 1, __ATOMIC_RELAXED);
    if (!was_ever_set)
        first = now;
    was_ever_set = true;
    struct sigaction ours = {.sa_sigaction = on_bus_error, .sa_mask = now.sa_mask};
    ours.sa_flags =
        SA_SIGINFO | SA_ONSTACK | (now.sa_flags & (int)(SA_NODEFER | SA_RESTART | SA_ONSTACK));
    return sigaction(SIGBUS, &ours, NULL);
}

static void remove_handler(void) {
    struct sigaction now;
    if (sigaction(SIGBUS, NULL, &now) == 0 && is_ours(&now))
        sigaction(SIGBUS, &previous, NULL);
}

/* A forked child must find the list unlocked. */
static void hold_list(void) {
    pthread_mutex_lock(&guard);
}

static void release_list(void) {
    pthread_mutex_unlock(&guard);
}

/* The child doesn't have the parent's mappings; what it maps in their place is its own. */
static void forget_parent(void) {
    for (replay_mapping_t *one = mappings; one; one = one->next) {
        one->inherited = true;
        __atomic_store_n(&one->start, 0, __ATOMIC_RELEASE);
    }
    guarded = 0;
    release_list();
}

static void watch_forks(void) {
    pthread_atfork(hold_list, release_list, forget_parent);
}

replay_mapping_t *replay_mapping_guard(void *start, size_t length) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    pthread_mutex_lock(&guard);
    if (page_size == 0)
        page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    replay_mapping_t *one = mappings;
    /* A guard that a child has inherited still belongs to its parent's session. */
    while (one && (one->start != 0 || one->inherited))
        one = one->next;
    if (!one && (one = calloc(1, sizeof *one)) != NULL) {
        one->next = mappings;
        __atomic_store_n(&mappings, one, __ATOMIC_RELEASE);
    }
    if (one && guarded == 0 && set_handler() != 0)
        one = NULL;
    if (one) {
        owner = getpid();
        one->length = length;
        __atomic_store_n(&one->lost, false, __ATOMIC_RELAXED);
        __atomic_store_n(&one->start, (uintptr_t)start, __ATOMIC_RELEASE);
        guarded++;
    }
    pthread_mutex_unlock(&guard);
    return one;
}

bool replay_mapping_is_lost(const replay_mapping_t *mapping) {
    return __atomic_load_n(&mapping->lost, __ATOMIC_ACQUIRE);
}

void replay_mapping_release(replay_mapping_t *mapping) {
    pthread_mutex_lock(&guard);
    if (!mapping->inherited) {
        __atomic_store_n(&mapping->start, 0, __ATOMIC_RELEASE);
        if (--guarded == 0)
            remove_handler();
    }
    pthread_mutex_unlock(&guard);
}
