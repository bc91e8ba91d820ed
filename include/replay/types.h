/* SPDX-License-Identifier: MIT */
/** @file types.h
 *  Constants and types that several headers use, and the conventions of all headers.
 *
 *  # Conventions
 *
 *  replay.h explains the words: turn, slice, warp, flush and so on.
 *
 *  All headers are C99 and C++11. Types that cross the interface have a fixed width, and
 *  numbers are never changed once released, only added.
 *
 *  Comments describe a function in one order: what it does, what each mode does, its
 *  parameters ([in] is read, [out] is filled), what it returns and why it fails, and which
 *  thread may call it:
 *
 *    [vcpu]      a thread with the role REPLAY_THREAD_VCPU (replay_thread_attach())
 *    [io]        a thread with the role REPLAY_THREAD_IO
 *    [any]       every thread
 *    [lock-held] the thread holds the replay lock
 *    [hot]       no allocation, no waiting, no file access in the common case
 *
 *  "[vcpu] [io]" means a thread with either role. "Without the lock too" means that the
 *  thread may hold the lock or not. ERROR_… in a comment is REPLAY_ERROR_….
 *
 *  Some errors aren't repeated everywhere: except in NONE, a call that returns a status and
 *  needs the lock or a role returns ERROR_LOCK_NOT_HELD or ERROR_WRONG_ROLE without it, and a
 *  call in a forked child returns ERROR_FORKED (see the traps in replay.h).
 *
 *  Times are nanoseconds, lengths are bytes, text ends with NUL. Strings and tables that a
 *  host passes are copied unless a comment says otherwise.
 *
 *  A struct that may grow begins with its size: start from its …_INIT value, or set @c size
 *  to its sizeof. The library reads and writes only that many bytes, so that a host that was
 *  built with an older header keeps working.
 *
 *  All functions and constants exist since ABI 1 (REPLAY_ABI_VERSION). The comment of one
 *  that is added later names the version that added it. */
#ifndef REPLAY_TYPES_H
#define REPLAY_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "version.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------- modes */

/** What a session does: see @ref replay_mode. */
typedef int32_t replay_mode_t;
enum {
    REPLAY_MODE_NONE = 0,   /**< the machine runs by itself */
    REPLAY_MODE_RECORD = 1, /**< what the guest's past doesn't determine is written to a log */
    REPLAY_MODE_PLAY = 2    /**< all of that comes from a log */
};

/** The work that a thread does; one thread may do both. */
typedef int32_t replay_role_t;
enum {
    REPLAY_THREAD_VCPU = 1, /**< executes instructions */
    REPLAY_THREAD_IO = 2    /**< runs the main loop */
};

/** The clocks whose readings are recorded. */
typedef int32_t replay_clock_kind_t;
enum {
    REPLAY_CLOCK_HOST = 0,       /**< real time that the guest can read */
    REPLAY_CLOCK_VIRTUAL_RT = 1, /**< real time for the warp; the library's turns read it */
    REPLAY_CLOCK_COUNT = 2
};

/** The clocks that timers run on: see replay_host::deadline_ns. */
typedef int32_t replay_timer_clock_t;
enum {
    REPLAY_TIMERS_VIRTUAL = 0, /**< timers on the guest's virtual clock */
    REPLAY_TIMERS_HOST = 1     /**< timers on the host's clock: alarms of a real-time clock */
};

/** Where a thread may act on the guest: see replay_checkpoint(). */
typedef int32_t replay_checkpoint_t;
enum {
    REPLAY_CHECKPOINT_CLOCK_WARP_START = 0,
    REPLAY_CHECKPOINT_CLOCK_WARP_ACCOUNT = 1,
    REPLAY_CHECKPOINT_RESET_REQUESTED = 2,
    REPLAY_CHECKPOINT_SUSPEND_REQUESTED = 3,
    REPLAY_CHECKPOINT_CLOCK_VIRTUAL = 4,
    REPLAY_CHECKPOINT_CLOCK_HOST = 5,
    REPLAY_CHECKPOINT_CLOCK_VIRTUAL_RT = 6,
    REPLAY_CHECKPOINT_INIT = 7,
    REPLAY_CHECKPOINT_RESET = 8,
    REPLAY_CHECKPOINT_COUNT = 9
};

/** Why the guest or its user ends the run. */
typedef int32_t replay_shutdown_cause_t;
enum {
    REPLAY_SHUTDOWN_NONE = 0,
    REPLAY_SHUTDOWN_HOST_ERROR = 1,
    REPLAY_SHUTDOWN_HOST_QUIT = 2,
    REPLAY_SHUTDOWN_HOST_RESET = 3,
    REPLAY_SHUTDOWN_HOST_SIGNAL = 4,
    REPLAY_SHUTDOWN_HOST_UI = 5,
    REPLAY_SHUTDOWN_GUEST_SHUTDOWN = 6,
    REPLAY_SHUTDOWN_GUEST_RESET = 7,
    REPLAY_SHUTDOWN_GUEST_PANIC = 8,
    REPLAY_SHUTDOWN_SUBSYSTEM_RESET = 9,
    REPLAY_SHUTDOWN_SNAPSHOT_LOAD = 10,
    REPLAY_SHUTDOWN_COUNT = 11
};

/** Why the library stops the machine: see replay_host::stop. */
typedef int32_t replay_stop_reason_t;
enum {
    REPLAY_STOP_END = 1, /**< PLAY: the end of a finished recording was reached */
    REPLAY_STOP_CUT = 2, /**< PLAY: the end of an unfinished recording was reached */
    /** PLAY: the guest left the recording or stalled, or a thread ended while it held the lock. */
    REPLAY_STOP_DIVERGENCE = 3,
    /** The log is damaged or can't be written any more, or the run can't go on: the process is a
     *  forked child; in RECORD the instruction count went back, or a thread ended while it held
     *  the lock; in PLAY the overlay of a disk can't be written. */
    REPLAY_STOP_LOG_ERROR = 4
};

/** Why the library has paused the machine: see replay_host::paused. */
typedef int32_t replay_pause_reason_t;
enum {
    REPLAY_PAUSE_REQUEST = 1,    /**< replay_pause() */
    REPLAY_PAUSE_PLACE = 2,      /**< a journey or a debugger's step has reached its place */
    REPLAY_PAUSE_BREAKPOINT = 3, /**< replay_breakpoint() returned true */
    REPLAY_PAUSE_BEGIN = 4,      /**< PLAY: at the first snapshot, so the way back ends here */
    /** PLAY: the log ends here, or has a shutdown here that isn't a reset. */
    REPLAY_PAUSE_END = 5
};

/** A byte in a registered region of RAM: see replay_host::watched_ram. */
typedef struct replay_ram_place {
    uint32_t region;   /**< its number, in the order of registration, from 0 */
    uint32_t reserved; /**< 0 */
    uint64_t offset;   /**< in the region */
} replay_ram_place_t;

/** The level of a message: see replay_host::message. */
typedef int32_t replay_message_level_t;
enum { REPLAY_MESSAGE_INFO = 0, REPLAY_MESSAGE_WARNING = 1, REPLAY_MESSAGE_ERROR = 2 };

/** A stream, for the bytes of a snapshot. A function that the call doesn't use may be NULL. */
typedef struct replay_stream {
    uint32_t size; /**< sizeof(replay_stream_t) */
    /** Writes all @p length bytes. @return false on failure. */
    bool (*write)(void *opaque, const void *bytes, size_t length);
    /** Reads exactly @p length bytes. @return false on failure, or if the stream ends. */
    bool (*read)(void *opaque, void *bytes, size_t length);
    void *opaque; /**< passed to both */
} replay_stream_t;

#define REPLAY_STREAM_INIT                                                                         \
    { (uint32_t)sizeof(replay_stream_t), NULL, NULL, NULL }

/** A callback whose only argument is the pointer that was passed with it. */
typedef void (*replay_callback_t)(void *opaque);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_TYPES_H */
