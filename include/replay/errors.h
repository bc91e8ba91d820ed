/* SPDX-License-Identifier: MIT */
/** @file errors.h
 *  Status codes, and the details of a failure.
 *
 *  No call ends the process. A call that fails returns a negative status, or the neutral
 *  value that its comment names; replay_last_error() has the details. */
#ifndef REPLAY_ERRORS_H
#define REPLAY_ERRORS_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ status */

/** A status: 0 is success, a negative one a failure. A positive one is neither: REPLAY_TIMEOUT. */
typedef int32_t replay_status_t;

/** Every status: X(code, NAME, sentence). Failures are of these kinds: misuse by
 *  the host (-1xx), the environment (-2xx), the log (-3xx), and a replay that differs
 *  from the recording (-4xx). */
#define REPLAY_STATUS_MAP(X)                                                                       \
    X(0, OK, "success")                                                                            \
    X(1, TIMEOUT, "the time ran out before anything changed")                                      \
    X(-101, ERROR_INVALID_ARGUMENT, "an argument is NULL or out of range")                         \
    X(-102, ERROR_WRONG_STATE, "the call is not possible in the session's state")                  \
    X(-103, ERROR_WRONG_MODE, "the call is not possible in this mode")                             \
    X(-104, ERROR_LOCK_NOT_HELD, "the calling thread does not hold the replay lock")               \
    X(-105, ERROR_LOCK_HELD, "the calling thread already holds the replay lock")                   \
    X(-106, ERROR_WRONG_ROLE, "the calling thread does not have the role that the call needs")     \
    X(-107, ERROR_REENTERED, "the call was made from within itself")                               \
    X(-108, ERROR_STRUCT_SIZE, "a struct's size is smaller than the smallest ever released")       \
    X(-109, ERROR_BAD_OPTION, "an option is unknown, or has an invalid value")                     \
    X(-110, ERROR_ICOUNT_BACKWARDS, "the host's instruction count went back")                      \
    X(-111, ERROR_NOT_SUPPORTED,                                                                   \
      "this build of the library, or this machine, does not support that")                         \
    X(-112, ERROR_FORKED, "the session belongs to the process that forked this one")               \
    X(-113, ERROR_THREAD_ENDED, "a thread ended while it held the replay lock")                    \
    X(-114, ERROR_NOT_QUIET, "events are queued or requests are not complete")                     \
    X(-201, ERROR_NO_MEMORY, "memory ran out")                                                     \
    X(-202, ERROR_SYSTEM, "a system call failed")                                                  \
    X(-203, ERROR_DISK_FULL, "the disk is full")                                                   \
    X(-204, ERROR_BLOCKED, "the machine has a device that cannot be replayed")                     \
    X(-301, ERROR_LOG_NOT_FOUND, "no recording of that name exists")                               \
    X(-302, ERROR_LOG_NOT_A_LOG, "the file is not a recording")                                    \
    X(-303, ERROR_LOG_VERSION, "this version cannot read the recording's format")                  \
    X(-304, ERROR_LOG_DAMAGED, "the recording is damaged")                                         \
    X(-305, ERROR_LOG_BUSY, "another session records or replays that file")                        \
    X(-306, ERROR_LOG_EMPTY, "the recording ended before its first event")                         \
    X(-307, ERROR_LOG_CUT, "the recording was cut: the recorder ended without finishing it")       \
    X(-308, ERROR_LOG_EXISTS, "a file of that name exists, and may not be replaced")               \
    X(-309, ERROR_LOG_LOST, "something else removed, replaced or changed the recording's files")   \
    X(-310, ERROR_POSITION, "the saved position is damaged, or of a different recording")          \
    X(-401, ERROR_FINGERPRINT, "the machine differs from the recording")                           \
    X(-402, ERROR_DIVERGENCE, "the replayed guest did something different from the recorded one")  \
    X(-403, ERROR_STALLED, "the replay makes no progress")                                         \
    X(-404, ERROR_STOPPED_SHORT, "the host ended the replay before the end of the recording")      \
    X(-405, ERROR_BLOCK_DATA, "a disk returned different data than while recording")               \
    X(-406, ERROR_DIGEST, "the guest's state differs from the recording")

/** The constants REPLAY_OK, REPLAY_TIMEOUT, REPLAY_ERROR_… */
enum {
#define REPLAY_STATUS_CONSTANT(code, name, sentence) REPLAY_##name = code,
    REPLAY_STATUS_MAP(REPLAY_STATUS_CONSTANT)
#undef REPLAY_STATUS_CONSTANT
};

/* ------------------------------------------------------------------- error */

/** The details of a failure. All text ends with NUL and is UTF-8.
 *
 *  Set @c size to sizeof(replay_error_t) before a call fills it. Members beyond a
 *  smaller size aren't written. */
typedef struct replay_error {
    uint32_t size;          /**< sizeof(replay_error_t), set by the caller */
    replay_status_t status; /**< what failed; REPLAY_OK: nothing */
    uint64_t icount;        /**< where in the run */
    uint64_t event_index;   /**< number of the log's next event, from 0 */
    replay_role_t role;     /**< role of the thread that failed; 0: none */
    int32_t system_error;   /**< errno if a system call failed, else 0 */
    char expected[96];      /**< what the recording has, or "" */
    char found[96];         /**< what the host did, or "" */
    char device[64];        /**< the device's name, or "" */
    char message[512];      /**< one sentence with all of this */
    char history[1024];     /**< the last events before it, one per line, oldest first, if the
                                 replay diverged, stalled or stopped short; else "" */
} replay_error_t;

/** The value to start a replay_error_t from. */
#define REPLAY_ERROR_INIT                                                                          \
    { (uint32_t)sizeof(replay_error_t), 0, 0, 0, 0, 0, "", "", "", "", "" }

/** The session's failure. The first divergence or failure of the log stays until
 *  replay_finish(). Before there is one, it is the failure of the last call that failed;
 *  after a replay_finish() or replay_configure() that failed, the failure of that call.
 *
 *  @param error [out] filled up to its size; NULL: only the status.
 *  @return its status: REPLAY_OK if nothing failed; ERROR_STRUCT_SIZE if
 *    @p error has no room for its first two members.
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_last_error(replay_error_t *error);

/** The name of a status, "ERROR_LOG_CUT", or "UNKNOWN". Never NULL, never freed.
 *  Thread: [any]. */
REPLAY_API const char *replay_status_name(replay_status_t status);

/** The sentence of a status. Never NULL, never freed.  Thread: [any]. */
REPLAY_API const char *replay_status_sentence(replay_status_t status);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_ERRORS_H */
