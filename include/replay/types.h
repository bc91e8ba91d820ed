/* SPDX-License-Identifier: MIT */
/** @file types.h
 *  Constants, status codes and the error of libreplay.
 *
 *  Everything here is plain C99 and C++11, of fixed width where it crosses the
 *  interface, and numbered for ever: numbers are added, never changed.
 */
#ifndef REPLAY_TYPES_H
#define REPLAY_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Version of the C interface: functions, structs, numbers. Not the version of
 *  the log's format (@ref replay_info::log_version), nor of the package. */
#define REPLAY_ABI_VERSION 1u

/* Marks what the library exports. */
#if defined(__GNUC__)
#define REPLAY_API __attribute__((visibility("default")))
#else
#define REPLAY_API
#endif

/* Tells Swift, whose compiler checks the library against this header, that a
 * C variable is shared. Nothing for C and C++. */
#if defined(__has_attribute)
#if __has_attribute(swift_attr)
#define REPLAY_SWIFT_ATTR(x) __attribute__((swift_attr(x)))
#endif
#endif
#ifndef REPLAY_SWIFT_ATTR
#define REPLAY_SWIFT_ATTR(x)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ status */

/** A status: 0 is success, positive is an answer, negative a failure. */
typedef int32_t replay_status_t;

/** Every status: X(code, NAME, sentence). Three kinds of failure are kept
 *  apart: misuse by the host (-1xx), the environment (-2xx) and the log
 *  (-3xx), and a replay that is not the recording (-4xx). */
#define REPLAY_STATUS_MAP(X)                                                                       \
    X(0, OK, "success")                                                                            \
    X(1, TIMEOUT, "the time was over before anything changed")                                     \
    X(-101, ERROR_INVALID_ARGUMENT, "an argument is NULL or out of range")                         \
    X(-102, ERROR_WRONG_STATE, "the call does not fit the state of the session")                   \
    X(-103, ERROR_WRONG_MODE, "the call does not make sense in this mode")                         \
    X(-104, ERROR_LOCK_NOT_HELD, "the calling thread does not hold the replay lock")               \
    X(-105, ERROR_LOCK_HELD, "the calling thread holds the replay lock already")                   \
    X(-106, ERROR_WRONG_ROLE, "the calling thread does not have the role that the call needs")     \
    X(-107, ERROR_REENTERED, "the call was made from within itself")                               \
    X(-108, ERROR_STRUCT_SIZE, "a struct's size is smaller than the smallest ever released")       \
    X(-109, ERROR_BAD_OPTION, "an option is unknown or its value is bad")                          \
    X(-110, ERROR_ICOUNT_BACKWARDS, "the host's instruction count went back")                      \
    X(-111, ERROR_NOT_SUPPORTED, "this build of the library cannot do that")                       \
    X(-112, ERROR_FORKED, "the session belongs to the process that this one was forked from")      \
    X(-113, ERROR_THREAD_ENDED, "a thread ended while it held the replay lock")                    \
    X(-201, ERROR_NO_MEMORY, "memory ran out")                                                     \
    X(-202, ERROR_SYSTEM, "a system call failed")                                                  \
    X(-203, ERROR_DISK_FULL, "the disk is full")                                                   \
    X(-204, ERROR_BLOCKED, "a device of the machine cannot be replayed")                           \
    X(-301, ERROR_LOG_NOT_FOUND, "there is no recording of that name")                             \
    X(-302, ERROR_LOG_NOT_A_LOG, "the file is not a recording")                                    \
    X(-303, ERROR_LOG_VERSION, "the recording has a format that this version cannot read")         \
    X(-304, ERROR_LOG_DAMAGED, "the recording is damaged")                                         \
    X(-305, ERROR_LOG_BUSY, "another session records or replays that file")                        \
    X(-306, ERROR_LOG_EMPTY, "the recording ended before its first event")                         \
    X(-307, ERROR_LOG_CUT, "the recording was cut: the recorder ended without finishing it")       \
    X(-308, ERROR_LOG_EXISTS, "there is a file of that name, which may not be replaced")           \
    X(-309, ERROR_LOG_LOST, "something else removed, replaced or changed the recording's files")   \
    X(-401, ERROR_FINGERPRINT, "the machine differs from the recording")                           \
    X(-402, ERROR_DIVERGENCE, "the replayed guest did something different from the recorded one")  \
    X(-403, ERROR_STALLED, "the replay makes no progress")                                         \
    X(-404, ERROR_STOPPED_SHORT, "the replay was ended before the end of the recording")           \
    X(-405, ERROR_BLOCK_DATA, "a disk returned different data than while recording")               \
    X(-406, ERROR_DIGEST, "the guest's state is not the recorded one")

/** The constants REPLAY_OK, REPLAY_TIMEOUT, REPLAY_ERROR_… */
enum {
#define REPLAY_STATUS_CONSTANT(code, name, sentence) REPLAY_##name = code,
    REPLAY_STATUS_MAP(REPLAY_STATUS_CONSTANT)
#undef REPLAY_STATUS_CONSTANT
};

/** The stack that a thread needs to call the library, in bytes, as
 *  pthread_attr_setstacksize() counts. The host's callbacks run on it too, so what
 *  they use beyond a few kilobytes comes on top; so does what GLib uses. */
#define REPLAY_STACK_BYTES 49152

/* ------------------------------------------------------------------- modes */

/** What a session does: see @ref replay_mode. */
typedef int32_t replay_mode_t;
enum {
    REPLAY_MODE_NONE = 0,   /**< the machine runs by itself */
    REPLAY_MODE_RECORD = 1, /**< what is not determined is written to a log */
    REPLAY_MODE_PLAY = 2    /**< what is not determined comes from a log */
};

/** Which work a thread does; one thread may do both. */
typedef int32_t replay_role_t;
enum {
    REPLAY_THREAD_VCPU = 1, /**< executes instructions */
    REPLAY_THREAD_IO = 2    /**< runs the main loop */
};

/** The clocks whose readings are recorded. */
typedef int32_t replay_clock_kind_t;
enum {
    REPLAY_CLOCK_HOST = 0,       /**< real time that the guest can read */
    REPLAY_CLOCK_VIRTUAL_RT = 1, /**< real time that only feeds the warp */
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
    REPLAY_STOP_CUT = 2, /**< PLAY: the end of a recording that was never finished */
    /** PLAY: the guest left the recording or stalled, or a thread ended with the replay lock. */
    REPLAY_STOP_DIVERGENCE = 3,
    /** The log is damaged or can no longer be written, or the run cannot go on: the process was
     *  forked, or in RECORD the instruction count went back or a thread ended with the lock. */
    REPLAY_STOP_LOG_ERROR = 4
};

/** How loud a message is: see replay_host::message. */
typedef int32_t replay_message_level_t;
enum { REPLAY_MESSAGE_INFO = 0, REPLAY_MESSAGE_WARNING = 1, REPLAY_MESSAGE_ERROR = 2 };

/* ------------------------------------------------------------------- error */

/** The details of a failure. All text ends with NUL and is UTF-8.
 *
 *  Set @c size to sizeof(replay_error_t) before a call fills it: members that
 *  a smaller size does not hold are left alone.
 *
 *  Since ABI 1. */
typedef struct replay_error {
    uint32_t size;          /**< sizeof(replay_error_t), set by the caller */
    replay_status_t status; /**< what failed; REPLAY_OK: nothing did */
    uint64_t icount;        /**< where in the run */
    uint64_t event_index;   /**< number of the log's next event, from 0 */
    replay_role_t role;     /**< role of the thread that met it; 0: none */
    int32_t system_error;   /**< errno, where a system call failed; else 0 */
    char expected[96];      /**< what the recording holds, or "" */
    char found[96];         /**< what the host did, or "" */
    char device[64];        /**< the device concerned, or "" */
    char message[512];      /**< one sentence that says it all */
    char history[1024];     /**< the last events before it, a line each, oldest first */
} replay_error_t;

/** The value to start a replay_error_t from. */
#define REPLAY_ERROR_INIT                                                                          \
    {                                                                                              \
        (uint32_t)sizeof(replay_error_t), 0, 0, 0, 0, 0, {0}, {0}, {0}, {0}, {                     \
            0                                                                                      \
        }                                                                                          \
    }

/** A call without arguments but the data that was given with it. */
typedef void (*replay_callback_t)(void *opaque);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_TYPES_H */
