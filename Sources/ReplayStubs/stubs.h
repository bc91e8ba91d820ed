/* SPDX-License-Identifier: MIT */
/* Declarations that the files of the stubs share.
 *
 * A host without record and replay links these instead of the library: the
 * same functions, always in mode NONE, for the default session. replay.h lists
 * what they leave out. One mutex guards everything; it is never held while the host
 * is called. Code that the library and the stubs share is in ../CReplay/include. */
#ifndef REPLAY_STUBS_H
#define REPLAY_STUBS_H

#include <pthread.h>
#include <stdatomic.h>
#include <replay/replay.h>

#include "replay-arguments.h"
#include "replay-backend.h"
#include "replay-timers.h"
#include "replay-vclock.h"

/* What the host has a handle of, besides timers. A handle is never reused. */
typedef enum { REPLAY_STUB_NET, REPLAY_STUB_DISK, REPLAY_STUB_REQUEST } replay_stub_kind_t;

typedef struct replay_stub_item {
    struct replay_stub_item *next;
    uintptr_t handle;
    replay_stub_kind_t kind;
} replay_stub_item_t;

typedef struct {
    pthread_mutex_t mutex, error_mutex;
    pthread_cond_t changed;
    uint64_t changes; /* counts what replay_wait() waits for */

    bool configured, started;
    bool preparing; /* disks may be opened */
    _Atomic bool run_stopped, vcpu_runs;
    _Atomic bool asked;      /* the I/O thread's turn was asked for */
    replay_status_t failure; /* of replay_start(); it stays until replay_finish() */
    replay_error_t error;
    replay_host_t host;
    void *opaque;
    char *snapshot;

    uintptr_t last_handle;
    replay_stub_item_t *items; /* in the order in which they were made */
    int32_t disks, chars;      /* how many there were so far, and how many exist */

    int64_t epoch; /* when the clock began, real ns */
    replay_vclock_t clock;
    replay_pauses_t pauses;
    replay_timers_t timers;
    bool sleeps;
} replay_stub_t;

/* The calling thread. */
typedef struct {
    replay_role_t roles;
    int32_t pushed; /* sessions */
    uint64_t seen;  /* changes at its last turn */
    bool runs;      /* is in replay_run() */
    int32_t calls;  /* callbacks of the host that it is in */
} replay_stub_thread_t;

#pragma GCC visibility push(hidden)

extern replay_stub_t replay_stub;
extern _Thread_local replay_stub_thread_t replay_stub_thread;

/* Holds a mutex until the end of the block. */
#define HOLD(name)                                                                                 \
    __attribute__((cleanup(replay_stub_release), unused)) pthread_mutex_t *held_##name =           \
        replay_stub_hold(&replay_stub.name)
pthread_mutex_t *replay_stub_hold(pthread_mutex_t *mutex);
void replay_stub_release(pthread_mutex_t **mutex);

/* Calls the host, or returns the default of a callback that is NULL. */
#define HOST(name, arguments, otherwise)                                                           \
    (replay_stub.host.name ? replay_stub.host.name arguments : (otherwise))

/* Calls the host, which may not end the session there. */
#define IN_HOST(call) (replay_stub_thread.calls++, (call), (void)replay_stub_thread.calls--)

/* Notes a failure of the calling function for replay_last_error() and returns it. */
#define FAIL(status) replay_stub_fail(REPLAY_ERROR_##status, __func__)
replay_status_t replay_stub_fail(replay_status_t status, const char *function);

/* The calling function fails unless the condition holds. */
#define REQUIRE(condition, status)                                                                 \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return FAIL(status);                                                                   \
    } while (0)
#define REQUIRE_OR(condition, status, result)                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return FAIL(status), (result);                                                         \
    } while (0)

/* Copies an item of @p size bytes, with zeroes after it. @return NULL: memory ran out. */
void *replay_stub_add(replay_stub_kind_t kind, const replay_stub_item_t *content, size_t size,
                      size_t room);
/* The item of a handle, or the first of the kind. "Take" also removes it. */
void *replay_stub_find(replay_stub_kind_t kind, const void *handle); /* with the mutex held */
void *replay_stub_take(replay_stub_kind_t kind, const void *handle);

replay_role_t replay_stub_roles(void); /* both for a thread that hasn't declared any */
bool replay_stub_idle(void);
bool replay_stub_runs(void); /* has the user not paused the machine? */
void replay_stub_note_turn(void);
void replay_stub_wake_vcpu(void);
void replay_stub_wake_io(void);
void replay_stub_wake_io_for_warp(void);
void replay_stub_wake_context(void); /* the main context that is attached */

int64_t replay_stub_now(void);       /* real ns, monotonic */
bool replay_stub_machine_runs(void); /* as above; the time of a pause is counted */
bool replay_stub_timer_due(void);    /* one that the vCPU's turn runs */
/* Real ns until the I/O thread must take a turn for the stubs, or also for the host; -1: never. */
int64_t replay_stub_next_turn(bool of_turns);
bool replay_stub_has_io_turn(void); /* would it do something now? */
void replay_stub_clock_reset(int32_t shift, bool sleeps);
void replay_stub_close_disks(void);
/* Opens a file as the backend of a disk. @return false: errno says why. */
bool replay_stub_open_image(const char *name, bool is_read_only, replay_block_backend_t *backend,
                            void **opaque);

#pragma GCC visibility pop

#endif /* REPLAY_STUBS_H */
