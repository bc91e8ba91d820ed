/* SPDX-License-Identifier: MIT */
/* What the files of the stubs share.
 *
 * A host without record and replay links these instead of the library: the
 * same names, always in mode NONE, for the default session; replay.h lists
 * what is left out. One mutex guards all; it is never held while the host is
 * called. */
#ifndef REPLAY_STUBS_H
#define REPLAY_STUBS_H

#include <pthread.h>
#include <stdatomic.h>
#include <replay/replay.h>

enum { REPLAY_STUB_SHIFT_MAX = 10, REPLAY_STUB_LENGTH_MAX = 1 << 30 };

/* What the host has a handle of. A handle is used once, never again. */
typedef enum {
    REPLAY_STUB_TIMER,
    REPLAY_STUB_NET,
    REPLAY_STUB_DISK,
    REPLAY_STUB_REQUEST
} replay_stub_kind_t;

typedef struct replay_stub_item {
    struct replay_stub_item *next;
    uintptr_t handle;
    replay_stub_kind_t kind;
} replay_stub_item_t;

typedef struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t changes;          /* counts what replay_wait() waits for */
    replay_stub_item_t *items; /* in the order in which they were made */

    bool configured, started;
    bool preparing; /* disks may be opened */
    _Atomic bool run_stopped, vcpu_runs;
    _Atomic bool asked;      /* the I/O thread's turn was asked for */
    replay_status_t failure; /* of replay_start(); it stays until replay_finish() */
    replay_host_t host;
    void *opaque;
    char *snapshot;
    replay_error_t error;
    int32_t disk_count;
} replay_stub_t;

#pragma GCC visibility push(hidden)

extern replay_stub_t replay_stub_session;

/* The calling thread. */
typedef struct {
    replay_role_t roles;
    int32_t pushed;
    uint64_t seen; /* changes at its last turn */
    bool runs;     /* is in replay_run() */
} replay_stub_thread_t;
extern _Thread_local replay_stub_thread_t replay_stub_thread;

/* The calling thread's roles; both for a thread that has not said any. */
replay_role_t replay_stub_roles(void);

/* Notes a failure for replay_last_error() and returns it. */
replay_status_t replay_stub_fail(replay_status_t status, const char *text);
replay_status_t replay_stub_invalid(const char *text);

/* Makes an item of @p size bytes, all 0. @return NULL if memory ran out. */
void *replay_stub_add(replay_stub_kind_t kind, size_t size);
/* With the mutex held: the item of a handle, or NULL. To take it is to remove it. */
void *replay_stub_find(replay_stub_kind_t kind, const void *handle);
void *replay_stub_take(replay_stub_kind_t kind, const void *handle);
/* Frees all of a kind. */
void replay_stub_drop(replay_stub_kind_t kind);

static inline void *replay_stub_handle(const replay_stub_item_t *item) {
    return (void *)item->handle;
}

/* Reads what a configuration and its option string say. */
replay_status_t replay_stub_options(replay_config_t *config, char **snapshot);

int64_t replay_stub_now(void); /* real ns, monotonic */
bool replay_stub_idle(void);
/* Has the user not paused it? */
bool replay_stub_runs(void);
void replay_stub_note_turn(void);
void replay_stub_wake_vcpu(void);
void replay_stub_wake_io(void);
void replay_stub_wake_io_for_warp(void);
void replay_stub_wake_context(void); /* the main context that is attached */

/* The virtual clock begins anew. @p shift may be REPLAY_SHIFT_AUTO. */
void replay_stub_clock_reset(int32_t shift, bool sleep);
void replay_stub_clock_info(replay_info_t *info);
/* Does the machine run? The time of a pause is counted. */
bool replay_stub_machine_runs(void);
bool replay_stub_timer_due(void);
int64_t replay_stub_next_turn(bool of_turns); /* real ns to the I/O thread's turn, -1: none */
bool replay_stub_has_io_turn(void);

/* The length of all pieces, or -1: they can't be right. And their copy. */
int64_t replay_stub_length(const struct iovec *pieces, int32_t count);
void replay_stub_gather(uint8_t *to, const struct iovec *pieces, int32_t count);

void replay_stub_close_disks(void);
void replay_stub_drop_devices(void);

#pragma GCC visibility pop

#endif /* REPLAY_STUBS_H */
