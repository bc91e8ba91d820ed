/* SPDX-License-Identifier: MIT */
/** @file session.h
 *  The life of a session: configure, describe the machine, start, finish, query.
 *
 *  A session is one machine's recording or replay. A host with one machine
 *  never sees a handle: all calls act on the process's default session. One
 *  with several makes a session for each and makes it current in each of the
 *  machine's threads (threads.h). */
#ifndef REPLAY_SESSION_H
#define REPLAY_SESSION_H

#include "errors.h"
#include "host.h"
#include "threads.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The mode of the process's default session, so that a guard is one load and
 *  one branch. Read it; only the library writes it. A host of several machines
 *  asks replay_get_mode(). */
REPLAY_API extern replay_mode_t replay_mode;

/** The snapshot that the default session's configuration names (rrsnapshot),
 *  or NULL. It is the library's, and lives until the next replay_configure(). */
REPLAY_API extern const char *replay_snapshot;

/* ----------------------------------------------------------- configuration */

/** Values of replay_config::shift besides 0 to 10. */
enum {
    REPLAY_SHIFT_DEFAULT = -2, /**< RECORD, NONE: 0; PLAY: as recorded */
    REPLAY_SHIFT_AUTO = -1     /**< adapted so that virtual time follows real time */
};

/** A switch that may be left to its default. */
typedef int32_t replay_switch_t;
enum { REPLAY_DEFAULT = 0, REPLAY_ON = 1, REPLAY_OFF = 2 };

/** The configuration of a session. Strings are copied.
 *
 *  The option string holds what emulator users write after -icount; what it
 *  names wins over the members. Keys, separated by commas:
 *
 *    shift=N|auto       virtual nanoseconds an instruction, as a power of two, 0 to 10
 *    sleep=on|off       while the guest sleeps, virtual time follows real time (on)
 *                       or jumps to the next timer (off)          default on
 *    align=on|off       warn when virtual time falls behind real time  default off
 *    rr=record|replay   the mode; without it: none
 *    rrfile=PATH        the log; to record, its last part has at most 246 bytes, else
 *                       ERROR_INVALID_ARGUMENT
 *    rrsnapshot=NAME    the snapshot to make or load at the start
 *    rrdata=on|off      record the data that disks deliver, so that replay needs
 *                       no image                                   default off
 *    rrdigest=N         compare a digest of the guest's state every N instructions:
 *                       in the vCPU thread's turn, or, in a host that takes none,
 *                       in replay_async_events()
 *    rrstall=MS         report a machine that stands still after so many ms: a
 *                       replay ends as stalled, else it is a warning   default 1000
 *    rrlint=on|off      watch how the host uses the library         default off
 *    rrfull=stop|go     a log that cannot be written any more stops the
 *                       machine, or lets it go on unrecorded       default stop
 *    rroverwrite=on|off an older recording of that name may be replaced, or is
 *                       ERROR_LOG_EXISTS                           default on
 *    rroverlay=FOLDER   where temporary overlays of disks are made
 *                       default the environment's TMPDIR, else /var/tmp
 *    rrsegment=BYTES    size of a live segment, 256 to 2^30        default 1 MiB
 *
 *  The environment variable LIBREPLAY_OPTIONS holds such a string too, for users of
 *  a host whose own parser refuses these keys. The default session applies it after
 *  the host's string, so it wins. A program that has other rights than its user
 *  (setuid) ignores it.
 *
 *  Names of files and folders are bytes: they need not be UTF-8. A message shows a
 *  byte that isn't part of UTF-8 as \xNN. A comma within a value is written twice. In PLAY rrdata
 * and rrdigest are as they were recorded; shift and sleep are too where nothing is said, and
 *  another value is ERROR_FINGERPRINT. */
typedef struct replay_config {
    uint32_t size;                   /**< sizeof(replay_config_t) */
    replay_mode_t mode;              /**< what to do */
    const replay_host_t *host;       /**< the callbacks; copied */
    void *opaque;                    /**< given to each callback */
    const char *options;             /**< option string, or NULL */
    const char *filename;            /**< the log, or NULL */
    const char *snapshot;            /**< snapshot, or NULL */
    int32_t shift;                   /**< 0 to 10, or REPLAY_SHIFT_… */
    replay_switch_t sleep;           /**< default on */
    replay_switch_t align;           /**< default off */
    replay_switch_t block_data;      /**< rrdata, default off */
    replay_switch_t lint;            /**< rrlint, default off */
    replay_switch_t go_on_when_full; /**< rrfull=go, default off */
    uint64_t digest_interval;        /**< instructions; 0: only at the end */
    uint32_t stall_ms;               /**< milliseconds; 0: the default, 1000 */
    uint32_t segment_bytes;          /**< 0: the default, 1 MiB */
    uint64_t created_ns;             /**< time of creation, for the log's reader; 0: unknown */
    replay_switch_t overwrite;       /**< rroverwrite, default on */
    uint32_t reserved;               /**< 0 */
    const char *overlay_folder;      /**< rroverlay, or NULL */
} replay_config_t;

/** The value to start a replay_config_t from. */
#define REPLAY_CONFIG_INIT                                                                         \
    {                                                                                              \
        (uint32_t)sizeof(replay_config_t), REPLAY_MODE_NONE, 0, 0, 0, 0, 0, REPLAY_SHIFT_DEFAULT,  \
            REPLAY_DEFAULT, REPLAY_DEFAULT, REPLAY_DEFAULT, REPLAY_DEFAULT, REPLAY_DEFAULT, 0, 0,  \
            0, 0, REPLAY_DEFAULT, 0, 0                                                             \
    }

/* -------------------------------------------------------------------- life */

/** Configures the current session and enters its mode.
 *
 *  Record: prepares the log, as NAME.new and NAME.live.new; replay_start()
 *          gives them their names. An older recording of that name stays until
 *          then, also if the process dies, and may be neither recorded nor
 *          replayed (ERROR_LOG_BUSY). Until replay_finish() a recording is two
 *          files, NAME and NAME.live: after a crash both are needed. The library
 *          follows no symbolic link to them, and replaces nothing but an older
 *          recording, and what one left: anything else that has one of these
 *          four names stays as it is (ERROR_LOG_NOT_A_LOG). The folder is held
 *          open: the names are those in it wherever the process goes later.
 *          While it records, the process has a handler for SIGBUS, which acts
 *          only if another process cuts NAME.live; every other SIGBUS is passed
 *          to the handler that the host has set before. A host that sets one
 *          later, or threads that block SIGBUS, aren't protected.
 *  Play:   opens the log and reads what it says of the machine.
 *  None:   keeps the callbacks for the virtual clock and its warp.
 *
 *  @param config [in] what to do; each member says what NULL means.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT (a needed callback is missing,
 *    too), ERROR_STRUCT_SIZE (config, host: smaller than they ever were),
 *    ERROR_BAD_OPTION (the message names key and value), ERROR_WRONG_STATE
 *    (configured already), ERROR_LOG_EXISTS (rroverwrite=off), ERROR_SYSTEM, ERROR_DISK_FULL,
 * ERROR_LOG_… After a failure the session is not configured; devices and blockers that were
 * registered before stay. Thread: one, before the machine's threads start. */
REPLAY_API replay_status_t replay_configure(const replay_config_t *config);

/** Tells one property of the machine: RAM size, digest of a disk, a device.
 *  Replay is refused if any differs. Call between configure and start, with
 *  the same keys in every mode; the order does not matter for the comparison.
 *  Keys that begin with "replay." are the library's.
 *
 *  Record: stored.  Play: kept for the comparison at the start.  None: ignored.
 *
 *  @param key, value [in] bytes without 0, copied; a key that was given before
 *    gets the new value. Two keys or values are equal only if all bytes are:
 *    they need not be UTF-8. All of them together may be 4000 keys and 16 MiB.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT (NULL, no key, a key of the
 *    library's, too many or too long), ERROR_WRONG_STATE (not between configure
 *    and start).
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_fingerprint(const char *key, const char *value);

/** Ends the preparation: from now on events are queued
 *  (replay_enable_events()), and a machine that stands still is reported: in
 *  PLAY as ERROR_STALLED, else once as a warning that names call and thread.
 *
 *  @return REPLAY_OK; ERROR_BLOCKED (the message has the reason),
 *    ERROR_FINGERPRINT (the message names every field that differs, expected
 *    and found are the first one's values); PLAY: the failure of a call that
 *    was made before the start, which is reported after the fingerprint;
 *    ERROR_NOT_SUPPORTED (a snapshot is named), ERROR_WRONG_STATE,
 *    ERROR_LOG_LOST (since the configuration something else has made or
 *    replaced a file that has the log's name), or what writing the log's head
 *    met. After it the machine may not run: budgets are
 *    0, checkpoints false, until replay_finish(), which frees what was opened.
 *  Thread: one, before the first instruction. */
REPLAY_API replay_status_t replay_start(void);

/** Ends the session: it can be configured anew. The mode becomes NONE.
 *
 *  Record: writes the index and the end of the log, with the digest of the
 *  guest's state. ERROR_LOG_LOST if something else has removed, renamed,
 *  replaced, cut or changed the log since the start. A recording that was
 *  never started leaves no file, and an older one of that name as it was.
 *  Play:   ERROR_STOPPED_SHORT if events of the log are left, unless these are
 *          only what the recorded run still met after its last shutdown
 *          request, this one was ended by that request, and its guest has not
 *          executed past the next event. The state is then
 *          compared only where it must be the recorded one: digests that the log
 *          has at the icount where the replay stopped, and the end's if it is
 *          there. What the log has at a greater icount isn't compared, however
 *          much that is; replay_query() shows how many events were replayed.
 *
 *  Events that are queued reach the guest first, at this place of the run:
 *  Record writes them, Play takes them from the log. Of what comes later, input
 *  from outside is dropped; bottom halves and completions are run, but are not
 *  part of the run. Waits for the
 *  replay lock if the calling thread does not hold it; afterwards no thread
 *  may be inside the library for this session.
 *
 *  The calling thread may hold the host's own locks if it took the replay lock
 *  before them. A thread of the library's may be in machine_running, cpus_idle
 *  or message then, and wait for such a lock: it gets one second, and is left to
 *  itself after that. It makes no further call of the host's; what that callback
 *  uses must be there until it returns.
 *
 *  @return REPLAY_OK; the session's failure if it had one, e.g.
 *    ERROR_DIVERGENCE, ERROR_DISK_FULL, or ERROR_LOG_CUT: all that there was of
 *    a cut log was replayed; ERROR_WRONG_STATE if not configured;
 *    ERROR_REENTERED from within a callback of this session's: replay_host::stop,
 *    shutdown, digest, run_timers, handle_requests, execute, a timer's or an
 *    event's. The session goes on then.
 *  Thread: one, when the machine's threads have ended or wait. */
REPLAY_API replay_status_t replay_finish(void);

/** How a run ends. Set @c size first. */
typedef struct replay_end {
    uint32_t size;                 /**< sizeof(replay_end_t) */
    replay_shutdown_cause_t cause; /**< REPLAY_SHUTDOWN_…; NONE: that of the last
                                        request, unless it was a reset */
    int32_t exit_code;             /**< the guest's or the host's own; any number */
    uint32_t on_purpose;           /**< PLAY: 1 if the replay may end before the log does */
} replay_end_t;

/** The value to start a replay_end_t from. */
#define REPLAY_END_INIT                                                                            \
    { (uint32_t)sizeof(replay_end_t), REPLAY_SHUTDOWN_NONE, 0, 0 }

/** As replay_finish(), with the reason.
 *
 *  Record: the end of the log holds @p end's cause and exit code: see replay_info_t.
 *  Play:   with on_purpose a replay that has not failed is REPLAY_OK even if events
 *          of the log are left.
 *  @param end [in] NULL: exactly as replay_finish().
 *  @return as replay_finish(); ERROR_STRUCT_SIZE, ERROR_INVALID_ARGUMENT (the cause,
 *    or on_purpose, does not exist): then the session goes on.
 *  Thread: as replay_finish(). */
REPLAY_API replay_status_t replay_finish_with(const replay_end_t *end);

/** A device says that it cannot be replayed: replay_start() then fails with
 *  @p reason. NONE: ignored. Reasons are dropped by replay_finish().
 *
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT; ERROR_WRONG_STATE once started.
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_add_blocker(const char *reason);

/** The log's file name, or NULL. It lives until replay_finish().
 *  Thread: [any]. */
REPLAY_API const char *replay_get_filename(void);

/** The mode of the calling thread's current session.  Thread: [any] [hot]. */
REPLAY_API replay_mode_t replay_get_mode(void);

/** Makes or loads the snapshot that the configuration names. Without one it
 *  does nothing.
 *
 *  @return REPLAY_OK; ERROR_NOT_SUPPORTED if a snapshot is named: this version
 *    has no snapshots yet.
 *  Thread: [lock-held]. */
REPLAY_API replay_status_t replay_vmstate_init(void);

/** What there is to know of a session. Set @c size first. */
typedef struct replay_info {
    uint32_t size;         /**< sizeof(replay_info_t), set by the caller */
    replay_mode_t mode;    /**< as replay_get_mode() */
    uint64_t icount;       /**< now; without the lock: at the last accounting */
    uint64_t events;       /**< RECORD: written; PLAY: consumed */
    uint64_t total_events; /**< PLAY of a finished log: all of it; else 0 */
    uint64_t event_bytes;  /**< RECORD: bytes of the events, before compression */
    uint64_t log_stalls;   /**< RECORD: times the recorder waited for the disk */
    uint64_t queued;       /**< events that wait in the queue */
    int64_t virtual_ns;    /**< as replay_get_virtual_clock() */
    int64_t warped_ns;     /**< virtual time that passed in sleep */
    int32_t shift;         /**< in force now */
    uint32_t log_version;  /**< format of the log, 0: no log */
    uint32_t at_end;       /**< PLAY: 1 if the end of the log was reached */
    uint32_t log_finished; /**< PLAY: 1 if the log was finished, 0 if it was cut */
    uint32_t block_data;   /**< 1 if the log holds what disks deliver (rrdata=on), so that
                                PLAY needs no image */
    uint32_t reserved;     /**< 0 */
    uint64_t total_icount; /**< PLAY of a finished log: the icount at its end; else 0.
                                icount of total_icount is a replay's progress */
    replay_shutdown_cause_t end_cause; /**< PLAY of a finished log: as it was ended */
    int32_t end_exit_code;             /**< so, too: replay_finish_with() */
} replay_info_t;

/** The value to start a replay_info_t from. */
#define REPLAY_INFO_INIT                                                                           \
    { (uint32_t)sizeof(replay_info_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** Fills @p info, as far as its size goes.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT, ERROR_STRUCT_SIZE.
 *  Thread: [any]; exact with the lock held. */
REPLAY_API replay_status_t replay_query(replay_info_t *info);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_SESSION_H */
