/* SPDX-License-Identifier: MIT */
/** @file host.h
 *  A host whose virtual CPU only counts: what the tests hand to the library.
 *
 *  It executes as a real host does: at most the budget, and when there is none
 *  it takes its turns and waits, but never without end. */
#ifndef HOST_H
#define HOST_H

#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

enum { HOST_TEXT_BYTES = 4096 };

typedef struct host {
    replay_host_t callbacks; /**< filled by host_init(); a test may change it */

    /* The guest. Only the thread with the replay lock touches it. */
    uint64_t icount;
    atomic_bool idle;
    atomic_bool paused; /* a thread of the library asks without the lock */
    uint64_t digest;    /**< what the digest callback returns */

    /* What the library asked for. */
    atomic_uint stops;
    atomic_uint kicks;
    atomic_uint io_wakes;
    atomic_uint shutdowns;
    atomic_uint requests_turns;
    atomic_uint inputs;
    atomic_uint input_syncs;
    atomic_uint messages;
    atomic_uint error_messages;
    replay_shutdown_cause_t cause;
    replay_input_event_t input;

    pthread_mutex_t guard; /**< of what follows */
    replay_stop_reason_t stop_reason;
    bool stop_had_error;
    replay_error_t stop_error;
    int64_t stop_ns;
    char last_message[512];
    char text[HOST_TEXT_BYTES]; /**< all messages, a line each */

    /* What the host itself found. */
    int64_t limit_ns; /**< so long it waits without progress; 10 s */
    bool hung;        /**< it waited so long */
    void *user;       /**< for the test */
} host_t;

/** Where a case records if it needs only one log. */
const char *log_path(void);

/** Callbacks that do nothing. */
void ignore(void *opaque);
void ignore_data(void *opaque, const uint8_t *data, size_t length);
void ignore_packet(void *opaque, uint32_t flags, const uint8_t *data, size_t length);
void ignore_result(void *opaque, int32_t result);

/** All callbacks that every host has, none for timers, input, digest. */
void host_init(host_t *host);

/** A configuration for @p host; the strings are not copied. */
replay_config_t host_config(host_t *host, replay_mode_t mode, const char *path,
                            const char *options);

/** Configures. */
replay_status_t host_configure(host_t *host, replay_mode_t mode, const char *path,
                               const char *options);

/** Attaches the calling thread to @p roles, starts, and takes the lock. Ends the
 *  case if one of it fails. */
void host_start(host_t *host, replay_role_t roles);

/** host_init(), host_configure() and host_start() with both roles. */
void host_begin(host_t *host, replay_mode_t mode, const char *path, const char *options);

/** Gives the lock back and finishes. */
replay_status_t host_end(host_t *host);

/** Has the library stopped the machine? */
bool host_stopped(host_t *host);

/** One turn for each role of the thread, then a short wait for a change. False
 *  if the machine was stopped or there was no progress for limit_ns since
 *  @p since. */
bool host_again(host_t *host, replay_role_t roles, int64_t since);

/** Executes @p n instructions. False if the machine was stopped before, or
 *  nothing went on. */
bool host_execute(host_t *host, replay_role_t roles, uint64_t n);

/** PLAY: executes until the library stops the machine. False: it never did. */
bool host_run_to_end(host_t *host, replay_role_t roles);

/** In PLAY the status that the machine was stopped with; OK for the end. */
replay_status_t host_stop_status(host_t *host);

/** The last error, filled. */
replay_error_t host_last_error(void);

/** The library's account of itself. */
replay_info_t host_info(void);

#endif /* HOST_H */
