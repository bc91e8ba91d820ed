/* SPDX-License-Identifier: MIT */
/** @file log.h
 *  Reading logs: what a recording is of, how it ended, and its events.
 *
 *  A host lists recordings, chooses firmware and options before it configures, or shows
 *  progress; a program without a machine analyses events. Neither needs a session:
 *
 *      replay_error_t error = REPLAY_ERROR_INIT;
 *      replay_log_t *log = replay_log_open("run.log", &error);
 *      if (!log)
 *          return complain(error.message), 1;
 *      replay_log_event_t event = REPLAY_LOG_EVENT_INIT;
 *      replay_log_seek(log, 1000000); // the first event at this icount or later
 *      while (replay_log_next(log, &event))
 *          printf("%" PRIu64 " %s\n", event.icount, event.kind_name);
 *      if (replay_log_last_error(log, &error))
 *          complain(error.message); // the log is damaged there
 *      replay_log_close(log);
 *
 *  A log is read as it was when it was opened, whether it is finished, was cut, still grows
 *  or was left by a recorder that died. To follow one that grows, open it again and go on with
 *  replay_log_seek_event(). The events before a damage are read; the call that meets it fails.
 *  No call changes a file. As long as a log is open, no recorder replaces it.
 *
 *  A handle is for one thread at a time; any number may be open. The calls need no lock, and
 *  don't touch the session's failure: each handle has its own. The memory that a handle
 *  takes hardly grows with its log: by about 40 bytes for each chunk of events.
 *
 *  Logs of QEMU's record/replay are refused: the tool replay-log reads those. */
#ifndef REPLAY_LOG_H
#define REPLAY_LOG_H

#include "errors.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An open log. */
typedef struct replay_log replay_log_t;

/* -------------------------------------------------------------------- life */

/** Opens a log for reading, at its first event.
 *
 *  @param path [in] its name, as rrfile; copied.
 *  @param error [out] why it can't be opened; filled up to its size. NULL: not needed.
 *  @return a handle to be closed with replay_log_close(). NULL: ERROR_INVALID_ARGUMENT,
 *    ERROR_LOG_NOT_FOUND, ERROR_LOG_NOT_A_LOG (also for a log of QEMU's), ERROR_LOG_VERSION,
 *    ERROR_LOG_EMPTY, ERROR_LOG_DAMAGED (nothing of it can be used; the message has the
 *    place), ERROR_LOG_BUSY (the file is a disk of this process, for example),
 *    ERROR_NO_MEMORY, ERROR_SYSTEM; ERROR_NOT_SUPPORTED by the stubs. Also NULL if @p error
 *    has no room for its first two members.
 *  Thread: [any]. */
REPLAY_API replay_log_t *replay_log_open(const char *path, replay_error_t *error);

/** Closes a log. All texts and bytes that its calls returned become invalid.
 *  @param log NULL: does nothing.
 *  Thread: [any]. */
REPLAY_API void replay_log_close(replay_log_t *log);

/** The failure of the handle's last call: any of this header except this one.
 *
 *  @param error [out] filled up to its size; NULL: only the status. For a damaged log,
 *    icount and event_index are of the first event that can't be read, and the message
 *    has the place in the file.
 *  @return its status: REPLAY_OK if the call succeeded; ERROR_STRUCT_SIZE if @p error has
 *    no room for its first two members; ERROR_INVALID_ARGUMENT if @p log isn't open.
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_log_last_error(replay_log_t *log, replay_error_t *error);

/* ------------------------------------------------------------- description */

/** What became of a recording. */
typedef int32_t replay_log_state_t;
enum {
    REPLAY_LOG_FINISHED = 1, /**< it has an end */
    REPLAY_LOG_RUNNING = 2,  /**< a recorder is writing it now */
    REPLAY_LOG_DIED = 3,     /**< its recorder ended without replay_finish() */
    REPLAY_LOG_CUT = 4       /**< it ends early: cut, repaired, or without its live file */
};

/** A log as a whole. Set @c size first. */
typedef struct replay_log_info {
    uint32_t size;            /**< sizeof(replay_log_info_t), set by the caller */
    replay_log_state_t state; /**< REPLAY_LOG_… */
    uint64_t events;          /**< the number of good events, as far as known */
    uint64_t icount;          /**< of the end or, in a log without one, of the last good event */
    int64_t virtual_ns;       /**< icount << shift: the virtual time that instructions took,
                                   without what was slept; -1: the shift is automatic */
    uint64_t bytes;           /**< the size of the file, NAME */
    uint64_t live_bytes;      /**< bytes of events that only NAME.live has */
    uint64_t created_ns;      /**< ns since 1970, from the recording host; 0: unknown */
    uint64_t digest;          /**< FINISHED: of the guest's state at the end, if has_digest */
    uint32_t has_digest;      /**< 1 if the host that recorded had a digest */
    replay_shutdown_cause_t end_cause; /**< FINISHED: see replay_finish_with() */
    int32_t end_exit_code;             /**< the same */
    int32_t shift;                     /**< 0 to 10, or REPLAY_SHIFT_AUTO */
    uint32_t log_version;              /**< the version of the log's format */
    uint32_t fingerprint_fields;       /**< how many replay_log_fingerprint_at() has */
    uint32_t snapshots;                /**< in NAME.snap, if that belongs to this recording */
    uint32_t damaged;                  /**< 1: damage is known without reading all events */
    int32_t recorder_errno;            /**< DIED: what stopped the recorder, or 0 */
    uint32_t reserved;                 /**< 0 */
    uint64_t first_event;  /**< a log that has only a part of its run: the number of its first
                                event; else 0 */
    uint64_t first_icount; /**< the same: the icount at which that part begins; else 0 */
    const char *reason;    /**< DIED, CUT: one sentence, which names the place of any damage;
                                else "". Valid until replay_log_close() */
    const char *parent;    /**< a branch: "events N, icount M, checksum X" of the log that it
                                left; else NULL. Valid until replay_log_close() */
} replay_log_info_t;

/** The value to start a replay_log_info_t from. */
#define REPLAY_LOG_INFO_INIT                                                                       \
    {                                                                                              \
        (uint32_t)sizeof(replay_log_info_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
            0, 0, NULL, NULL                                                                       \
    }

/** Fills @p info, up to its size. Moves nothing.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT, ERROR_STRUCT_SIZE.
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_log_query(replay_log_t *log, replay_log_info_t *info);

/** A field of the recorded machine's fingerprint (replay_fingerprint()) by its key. The
 *  library's own ones are "replay.shift", "replay.sleep", "replay.rrdata", "replay.rrdigest",
 *  "replay.parent", and "replay.NAME.length" of each disk.
 *
 *  @param key [in] bytes without 0.
 *  @return its value, valid until replay_log_close(). NULL: it has no such field (REPLAY_OK),
 *    or ERROR_INVALID_ARGUMENT.
 *  Thread: [any]. */
REPLAY_API const char *replay_log_fingerprint(replay_log_t *log, const char *key);

/** A field of the fingerprint by its number, in the recorded order.
 *
 *  @param index from 0 to replay_log_info_t::fingerprint_fields - 1.
 *  @param key, value [out] valid until replay_log_close(). NULL: not needed.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT (there is no such field).
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_log_fingerprint_at(replay_log_t *log, uint32_t index,
                                                     const char **key, const char **value);

/* ------------------------------------------------------------------ events */

/** Goes to the first event at @p icount or later; to the end if there is none.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT; ERROR_LOG_DAMAGED, ERROR_NO_MEMORY, ERROR_SYSTEM:
 *    the events up to there can't be read.
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_log_seek(replay_log_t *log, uint64_t icount);

/** Goes to an event by its number in the run. The number after the last one's is the end.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT (also if the log has no such event); as
 *    replay_log_seek().
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_log_seek_event(replay_log_t *log, uint64_t event);

/** The most values that an event has. */
enum { REPLAY_LOG_VALUES = 8 };

/** An event. Set @c size first. The page on the log's format describes the kinds. */
typedef struct replay_log_event {
    uint32_t size;                     /**< sizeof(replay_log_event_t), set by the caller */
    uint32_t kind;                     /**< its number in the log, 1 to 63 */
    uint64_t icount;                   /**< the instructions before it */
    uint64_t event;                    /**< its number in the run, from 0 */
    int64_t virtual_ns;                /**< icount << shift; -1: the shift is automatic */
    replay_role_t role;                /**< of the thread that it belongs to */
    uint32_t value_count;              /**< how many values it has */
    const char *kind_name;             /**< "CLOCK_HOST"; valid until replay_log_close() */
    const char *const *value_names;    /**< of its values: "ns"; valid until replay_log_close() */
    int64_t values[REPLAY_LOG_VALUES]; /**< digests and numbers use all 64 bits: read these as
                                          uint64_t */
    const void *bytes; /**< its payload, valid until the next call for this log; NULL: none */
    uint64_t length;   /**< of the payload */
} replay_log_event_t;

/** The value to start a replay_log_event_t from. */
#define REPLAY_LOG_EVENT_INIT                                                                      \
    {                                                                                              \
        (uint32_t)sizeof(replay_log_event_t), 0, 0, 0, 0, 0, 0, NULL, NULL,                        \
            {0, 0, 0, 0, 0, 0, 0, 0}, NULL, 0                                                      \
    }

/** Reads the next event.
 *
 *  @param event [out] filled up to its size.
 *  @return true. false: there is none, and replay_log_last_error() says why: REPLAY_OK at the
 *    end; ERROR_LOG_DAMAGED (every later call fails too, until a seek), ERROR_NO_MEMORY,
 *    ERROR_SYSTEM, ERROR_INVALID_ARGUMENT, ERROR_STRUCT_SIZE.
 *  Thread: [any]. */
REPLAY_API bool replay_log_next(replay_log_t *log, replay_log_event_t *event);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_LOG_H */
