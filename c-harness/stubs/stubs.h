/* SPDX-License-Identifier: MIT */
/* What the files of the stubs share: the session, errors, waking.
 *
 * A host without record and replay links these instead of the library: the
 * same names, always in mode NONE. The replay lock does nothing here, so each
 * session has a mutex of its own around what its threads share; it is never
 * held while the host is called. */
#ifndef REPLAY_STUBS_H
#define REPLAY_STUBS_H

#include <pthread.h>
#include <replay/replay.h>

#define REPLAY_STUB_HIDDEN __attribute__((visibility("hidden")))

enum {
    REPLAY_STUB_CHAR_DEVICES = 256,
    REPLAY_STUB_PIECES_MAX = 1024, /* of a packet or a disk request */
    REPLAY_STUB_LENGTH_MAX = 1 << 30,
    REPLAY_STUB_SHIFT_MAX = 10,
    REPLAY_STUB_SHIFT_AUTO = 3, /* where shift=auto begins */
    REPLAY_STUB_SEGMENT_MIN = 256,
    REPLAY_STUB_SEGMENT_MAX = 1 << 30
};

/* A device that takes bytes from outside. */
typedef struct {
    replay_char_receive_t receive;
    void *opaque;
} replay_stub_char_t;

struct replay_session {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t generation; /* counts what replay_wait() waits for */
    int32_t users;       /* times that threads have it pushed */
    struct replay_session *next;

    bool configured;
    bool started;
    bool run_stopped; /* replay_run_stop() was called */
    bool vcpu_runs;   /* a vCPU thread is in replay_run() */
    replay_host_t host;
    void *opaque;
    char *snapshot;
    replay_error_t error;

    /* The virtual clock: (icount << shift) + bias. */
    int32_t shift;
    bool adapt; /* shift=auto */
    bool sleep;
    bool warned;           /* that nothing will ever wake the guest */
    int64_t bias;          /* ns */
    int64_t warped;        /* ns of sleep within the bias */
    int64_t warp_start;    /* real time, -1: no warp */
    int64_t real_start;    /* real time of replay_configure() */
    int64_t pause_start;   /* real time, -1: the machine was not paused at the last look */
    int64_t paused;        /* ns of real time in pauses that are over */
    int64_t adapt_real;    /* real time of the last adaption */
    int64_t adapt_virtual; /* virtual time of the last adaption */
    int64_t adapt_lead;    /* ns that virtual time was ahead then */
    replay_timer_t *timers;
    uint64_t timer_order; /* orders timers of equal times */

    replay_stub_char_t chars[REPLAY_STUB_CHAR_DEVICES];
    int32_t char_count;
    replay_net_t *nets;
};

/* The calling thread's current session; never NULL. */
REPLAY_STUB_HIDDEN replay_session_t *replay_stub_session(void);

/* The calling thread's roles; both for a thread that told none. */
REPLAY_STUB_HIDDEN replay_role_t replay_stub_roles(void);

/* Notes a failure for replay_last_error() and returns it. */
REPLAY_STUB_HIDDEN replay_status_t replay_stub_fail(replay_session_t *session,
                                                    replay_status_t status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A call that makes sense only while recording or replaying. */
REPLAY_STUB_HIDDEN replay_status_t replay_stub_wrong_mode(const char *function);

/* Something changed that a thread in replay_wait() looks at. */
REPLAY_STUB_HIDDEN void replay_stub_changed(replay_session_t *session);

/* Counts the changes. */
REPLAY_STUB_HIDDEN uint64_t replay_stub_generation(replay_session_t *session);

/* Wakes the main contexts that are attached to a session. */
REPLAY_STUB_HIDDEN void replay_stub_wake_contexts(const replay_session_t *session);

/* The calling thread has seen all changes: its turn begins. */
REPLAY_STUB_HIDDEN void replay_stub_turn_begins(replay_session_t *session);

/* Reads a configuration and its option string. */
REPLAY_STUB_HIDDEN replay_status_t replay_stub_options(replay_session_t *session,
                                                       replay_config_t *config, char **snapshot);

/* Does the machine run? If not, virtual time stands still: the pause is counted. */
REPLAY_STUB_HIDDEN bool replay_stub_machine_runs(replay_session_t *session);

/* Real time in ns, monotonic. */
REPLAY_STUB_HIDDEN int64_t replay_stub_now(void);

/* Waits for a change only, whatever timers are due. */
REPLAY_STUB_HIDDEN void replay_stub_rest(replay_session_t *session, int64_t ns);

/* Real ns after which a thread in replay_wait() must look again; -1: never. */
REPLAY_STUB_HIDDEN int64_t replay_stub_wait_limit(replay_session_t *session);

/* Starts the virtual clock of a session that was just configured. */
REPLAY_STUB_HIDDEN void replay_stub_clock_start(replay_session_t *session);

/* Frees what is left of a session. */
REPLAY_STUB_HIDDEN void replay_stub_free_timers(replay_session_t *session);
REPLAY_STUB_HIDDEN void replay_stub_free_nets(replay_session_t *session);

/* The length of a packet or a disk request, or -1: pieces that cannot be right. */
REPLAY_STUB_HIDDEN int64_t replay_stub_length(const struct iovec *pieces, int32_t count);

/* A backend that serves a file, and its opaque. @return NULL, and errno. */
REPLAY_STUB_HIDDEN void *replay_stub_file_open(const char *name, bool read_only);
REPLAY_STUB_HIDDEN extern const replay_block_backend_t replay_stub_file_backend;

#endif /* REPLAY_STUBS_H */
