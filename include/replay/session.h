/* SPDX-License-Identifier: MIT */
/** @file session.h
 *  The life of a session: configure, describe the machine, start, finish, query.
 *
 *  A session is one machine's recording or replay. A host with one machine
 *  needs no handle: all calls act on the process's default session. A host
 *  with several creates a session for each, and makes it current in each of the
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
 *  one branch. Only the library writes it, in replay_start(), replay_branch() and
 *  replay_finish(). A thread that may run at the same time as these calls, and a
 *  host with several machines, call replay_get_mode() instead. */
REPLAY_API extern replay_mode_t replay_mode;

/** The snapshot that the default session's configuration names (rrsnapshot),
 *  or NULL. The library owns it; it is valid until the next replay_configure(). */
REPLAY_API extern const char *replay_snapshot;

/* ----------------------------------------------------------- configuration */

/** Values of replay_config::shift besides 0 to 10. */
enum {
    REPLAY_SHIFT_DEFAULT = -2, /**< RECORD, NONE: 0; PLAY: as recorded */
    REPLAY_SHIFT_AUTO = -1     /**< adapted so that virtual time follows real time */
};

/** Values of replay_config::snap_ms besides milliseconds. */
enum {
    REPLAY_SNAP_OFF = -1,  /**< no snapshots */
    REPLAY_SNAP_MEMORY = 0 /**< PLAY: in memory; RECORD: none. See rrsnap=memory */
};

/** A switch with a default. */
typedef int32_t replay_switch_t;
enum { REPLAY_DEFAULT = 0, REPLAY_ON = 1, REPLAY_OFF = 2 };

/** The configuration of a session. Strings are copied.
 *
 *  The option string is what emulator users write after -icount; it overrides the
 *  members. Its keys, separated by commas:
 *
 *    shift=N|auto       virtual nanoseconds per instruction, as a power of two, 0 to 10
 *    sleep=on|off       while the guest sleeps, virtual time follows real time (on)
 *                       or jumps to the next timer (off)          default on
 *    align=on|off       warn when virtual time falls behind real time  default off
 *    rr=record|replay   the mode; without it, none
 *    rrfile=PATH        the log; the last part of a new log's name has at most 246
 *                       bytes, else ERROR_INVALID_ARGUMENT
 *    rrsnapshot=NAME    the snapshot that replay_vmstate_init() makes or loads
 *    rrsnap=off|memory|TIME|SIZE  snapshots of the machine, which the journeys of debug.h
 *                       load. memory: only PLAY makes them, in memory, as debug.h says.
 *                       TIME, in ms (500) or with ms, s, m or h (2s): RECORD and PLAY make
 *                       one after so much CPU time of the vCPU thread, and keep them in the
 *                       file NAME.snap beside the log, which may not be a symbolic link.
 *                       SIZE, a number with K, M or G (8M): the same, after the guest has
 *                       written so much of the registered RAM (whole pages; where the library
 *                       must compare pages, because neither the host nor the kernel says
 *                       which were written, after every 50 ms of CPU time).
 *                       PLAY also makes one after every 2,500 written pages.
 *                       In RECORD this is the shortest distance: if snapshots cost much there
 *                       are fewer of them, so that they take at most about 5 % of the
 *                       process's CPU time. off: none; NAME.snap isn't read either
 *                       default memory
 *    rrsnapsize=BYTES   the size, a number without K, M or G, that NAME.snap keeps within.
 *                       From the first snapshot that doesn't fit, none is written: those of
 *                       the beginning of the run stay, and a message says so  default 1 GiB
 *    rrsnapmem=BYTES    the memory that snapshots may take: when it is full, some are
 *                       dropped, and journeys take longer          default 256 MiB
 *    rrlast=SIZE|TIME|off  RECORD: keep only the last part of the run, from a snapshot on, in
 *                       NAME and NAME.snap. SIZE, a number with K, M or G (64M): NAME,
 *                       NAME.snap and NAME.live take at most that much of the disk, plus
 *                       two segments (rrsegment). TIME, a number with ms, s, m or h (20s):
 *                       at least the last TIME of real time is kept. rrsnap is implied; its
 *                       default is then 500 ms or, if that is less, a 16th of TIME. The
 *                       host needs save_state and load_state, and disks that the guest
 *                       writes to must have an overlay (ERROR_NOT_SUPPORTED); the file system
 *                       must be able to free a part of a file (ERROR_NOT_SUPPORTED)
 *                       default off
 *    rrdata=on|off      record the data that disks deliver, so that replay needs
 *                       no image                                   default off
 *    rrdigest=N         compare a digest of the guest's state every N instructions,
 *                       in the vCPU thread's turn or, in a host that takes no turns,
 *                       in replay_async_events()
 *    rrstall=MS         report a machine that makes no progress for that many ms: a
 *                       replay ends as stalled, other modes warn   default 1000
 *    rrlint=on|off      report all misuse, with its caller          default off
 *    rrfull=stop|go     if the log can't be written any more, stop the machine, or
 *                       let it continue unrecorded                 default stop
 *    rrend=stop|live    at the end of the log, stop the replay, or let the machine go on
 *                       in mode NONE                               default stop
 *    rroverwrite=on|off replace an older recording of that name, or fail with
 *                       ERROR_LOG_EXISTS                           default on
 *    rroverlay=FOLDER   the folder for temporary overlays of disks
 *                       default the environment's TMPDIR, else /var/tmp
 *    rrsegment=BYTES    size of a live segment, 256 to 2^30        default 1 MiB
 *
 *  The environment variable LIBREPLAY_OPTIONS may contain such a string too, for users of
 *  a host whose own parser rejects these keys. The default session applies it after
 *  the host's string, so its values override that string's. It is ignored in a program
 *  whose rights differ from its user's (setuid).
 *
 *  Names of files and folders are bytes, and needn't be UTF-8. A message shows a
 *  byte that isn't part of UTF-8 as \xNN. A comma within a value is written twice.
 *  PLAY uses the recorded rrdata and rrdigest, whatever is given. It also uses the recorded
 *  shift and sleep: if one is given that differs, replay_start() returns
 *  ERROR_FINGERPRINT. */
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
    uint64_t created_ns;        /**< creation time, ns since 1970, stored in the log; 0: unknown */
    replay_switch_t overwrite;  /**< rroverwrite, default on */
    int32_t snap_ms;            /**< rrsnap: ms, or REPLAY_SNAP_…; default REPLAY_SNAP_MEMORY */
    const char *overlay_folder; /**< rroverlay, or NULL */
    uint64_t snap_bytes;        /**< rrsnapsize; 0: the default, 1 GiB */
    replay_switch_t live_end;   /**< rrend=live, default off */
    uint32_t reserved;          /**< 0 */
    uint64_t snap_memory;       /**< rrsnapmem, in bytes; 0: the default, 256 MiB */
    uint64_t last_bytes;        /**< rrlast=SIZE, in bytes; 0: no limit */
    uint64_t last_ms;           /**< rrlast=TIME, in ms; 0: no limit */
    uint64_t snap_written;      /**< rrsnap=SIZE, in bytes; 0: after snap_ms. If both are set,
                                     whichever comes first */
} replay_config_t;

/** The value to start a replay_config_t from. */
#define REPLAY_CONFIG_INIT                                                                         \
    {                                                                                              \
        (uint32_t)sizeof(replay_config_t), REPLAY_MODE_NONE, 0, 0, 0, 0, 0, REPLAY_SHIFT_DEFAULT,  \
            REPLAY_DEFAULT, REPLAY_DEFAULT, REPLAY_DEFAULT, REPLAY_DEFAULT, REPLAY_DEFAULT, 0, 0,  \
            0, 0, REPLAY_DEFAULT, REPLAY_SNAP_MEMORY, 0, 0, REPLAY_DEFAULT, 0, 0, 0, 0, 0          \
    }

/* -------------------------------------------------------------------- life */

/** Configures the current session and enters its mode.
 *
 *  Record: prepares the log, as NAME.new and NAME.live.new, which replay_start()
 *          renames. Until then an older recording of that name stays, even if the
 *          process dies; meanwhile no other session may replay or replace it
 *          (ERROR_LOG_BUSY).
 *          Until replay_finish() a recording is two files, NAME and NAME.live, and
 *          after a crash both are needed. The library follows no symbolic link to
 *          them, and replaces only an older recording and its remains: any other
 *          file with one of these four names is left alone (ERROR_LOG_NOT_A_LOG). The
 *          older recording's NAME.snap is removed by replay_start(), if nothing uses it.
 *          The library keeps the folder open, so the process may change its working
 *          directory later.
 *          While it records, the process has a handler for SIGBUS, which acts
 *          only if another process truncates NAME.live, and passes every other
 *          SIGBUS to the handler that the host had installed before. A host that
 *          installs one later, or threads that block SIGBUS, aren't protected.
 *  Play:   opens the log, and reads its description of the machine.
 *  None:   stores the callbacks, for the virtual clock and its warp.
 *
 *  @param config [in] what to do; each member says what NULL means.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT (also if a required callback is missing),
 *    ERROR_STRUCT_SIZE (config or host is smaller than the smallest ever released),
 *    ERROR_BAD_OPTION (the message names key and value), ERROR_WRONG_STATE
 *    (already configured), ERROR_LOG_EXISTS (rroverwrite=off), ERROR_SYSTEM,
 *    ERROR_DISK_FULL, ERROR_LOG_… After a failure the session is not configured;
 *    devices and blockers that were registered before stay.
 *  Thread: one, before the machine's threads start. */
REPLAY_API replay_status_t replay_configure(const replay_config_t *config);

/** Describes one property of the machine: its RAM size, the digest of a disk, a device.
 *  A replay is refused if any differs. Call it between configure and start, with
 *  the same keys in every mode, in any order. Keys that begin with "replay." are
 *  reserved for the library.
 *
 *  Record: stored.  Play: kept for the comparison at the start.  None: ignored.
 *
 *  @param key, value [in] bytes without 0, which needn't be UTF-8; copied. A key that
 *    was given before gets the new value. Two keys or values are equal only if all bytes
 *    are. At most 4000 keys, and 16 MiB for all of them together.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT (NULL, an empty or reserved key, too many
 *    or too long), ERROR_WRONG_STATE (not between configure and start).
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_fingerprint(const char *key, const char *value);

/** Ends the preparation. From now on events are queued (replay_enable_events()), and
 *  a machine that makes no progress is reported: in PLAY as ERROR_STALLED, in other
 *  modes once, as a warning that names call and thread.
 *
 *  Play, of a log that has only a part of its run (replay-log cut): the machine starts as
 *  it did for the recording, and before its first slice the library takes it to the
 *  log's beginning, with a snapshot of NAME.snap. Until then checkpoints return false.
 *
 *  @return REPLAY_OK; ERROR_BLOCKED (the message has the reason),
 *    ERROR_FINGERPRINT (the message names every field that differs; expected
 *    and found are the values of the first); PLAY: the failure of a call that
 *    was made before the start, unless the fingerprint differs;
 *    ERROR_NOT_SUPPORTED (a snapshot is named, but the host has no save_state and
 *    load_state, or the mode is NONE; the log has only a part of its run, and the host
 *    has none of these two, or rrsnap=off), ERROR_POSITION (such a log, but there is no
 *    NAME.snap), ERROR_WRONG_STATE,
 *    ERROR_LOG_LOST (something else has created or replaced a file with the
 *    log's name since the configuration), or a failure of writing the log's
 *    head. After a failure the machine must not run: budgets are 0 and checkpoints
 *    false until replay_finish(), which frees what was opened.
 *  Thread: one, before the first instruction. */
REPLAY_API replay_status_t replay_start(void);

/** Ends the session, which can then be configured again. The mode becomes NONE.
 *
 *  Record: writes the index and the end of the log, with the digest of the
 *          guest's state. ERROR_LOG_LOST if something else has removed, renamed,
 *          replaced, truncated or changed the log since the start. A recording
 *          that was never started leaves no files, and an older one unchanged.
 *  Play:   ERROR_STOPPED_SHORT if events of the log are left. They may be left if all of
 *          these hold, because the recorder's threads may go on for a while after a shutdown:
 *          - the log's last shutdown request was replayed;
 *          - it wasn't a reset, or it is the cause with which the recording ended;
 *          - the guest has not executed past the next event;
 *          - the log isn't damaged.
 *          replay_query() shows how many events were replayed.
 *
 *  If such events are left, the replay compares only digests at the icount where it
 *  stopped, up to the first event there that changes the guest. If there is no such event,
 *  and the log ends at this icount, it also compares the digest of the log's end.
 *
 *  First, queued events reach the guest, at this place of the run: Record writes
 *  them, Play takes them from the log. Input from outside that comes later is dropped;
 *  bottom halves and completions that come later are run, but aren't part of the run.
 *  The call waits for the replay lock if the calling thread doesn't hold it. When it
 *  returns, no other thread may be in a call for this session.
 *
 *  You may call this with locks of the host's own that were acquired after the replay
 *  lock. If the library's watchdog is blocked on one of them (in machine_running,
 *  cpus_idle or message), the call goes on after one second. The watchdog then makes
 *  no further call to the host, but what the callback that it is in uses must stay
 *  valid until that callback returns.
 *
 *  @return REPLAY_OK; the session's failure if it had one, for example
 *    ERROR_DIVERGENCE, ERROR_DISK_FULL, or ERROR_LOG_CUT (a log that was cut was
 *    replayed to its end); ERROR_WRONG_STATE if not configured;
 *    ERROR_REENTERED from within a callback of this session (replay_host::stop,
 *    shutdown, digest, run_timers, handle_requests, execute, that of a timer or an
 *    event): then the session goes on.
 *  Thread: one, when the machine's threads have ended or wait. */
REPLAY_API replay_status_t replay_finish(void);

/** How a run ends. Set @c size first. */
typedef struct replay_end {
    uint32_t size;                 /**< sizeof(replay_end_t) */
    replay_shutdown_cause_t cause; /**< REPLAY_SHUTDOWN_…; NONE: that of the last
                                        request, unless that was a reset */
    int32_t exit_code;             /**< the guest's or the host's own; any number */
    uint32_t on_purpose;           /**< PLAY: 1 if the replay may end before the log does */
} replay_end_t;

/** The value to start a replay_end_t from. */
#define REPLAY_END_INIT                                                                            \
    { (uint32_t)sizeof(replay_end_t), REPLAY_SHUTDOWN_NONE, 0, 0 }

/** Like replay_finish(), with the reason.
 *
 *  Record: the end of the log holds @p end's cause and exit code: see replay_info_t.
 *  Play:   with on_purpose a replay that hasn't failed returns REPLAY_OK even if events
 *          of the log are left.
 *  @param end [in] NULL: exactly as replay_finish().
 *  @return as replay_finish(); ERROR_STRUCT_SIZE, ERROR_INVALID_ARGUMENT (cause
 *    or on_purpose is out of range): then the session goes on.
 *  Thread: as replay_finish(). */
REPLAY_API replay_status_t replay_finish_with(const replay_end_t *end);

/** Declares that a device can't be replayed: replay_start() then fails with
 *  @p reason. None: ignored. replay_finish() drops all reasons.
 *
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT; ERROR_WRONG_STATE once started.
 *  Thread: [any]. */
REPLAY_API replay_status_t replay_add_blocker(const char *reason);

/** The log's file name, or NULL. It is valid until replay_finish().
 *  Thread: [any]. */
REPLAY_API const char *replay_get_filename(void);

/** The mode of the calling thread's current session.  Thread: [any] [hot]. */
REPLAY_API replay_mode_t replay_get_mode(void);

/** Makes or loads the snapshot that the configuration names. Does nothing if it names
 *  none. Call it after replay_start(), before the first slice.
 *
 *  Record: makes the snapshot, of the machine as it is, in the file NAME.snap beside the log.
 *  Play:   takes the machine to it, as a journey of debug.h does.
 *  @return REPLAY_OK; ERROR_WRONG_STATE (before the start); ERROR_NOT_QUIET, ERROR_NOT_SUPPORTED
 *    (as replay_position_save()); ERROR_POSITION (there is no such snapshot, or it is of a
 *    different recording or machine); ERROR_SYSTEM and others: NAME.snap can't be written or
 *    read; ERROR_NO_MEMORY.
 *  Thread: [vcpu] [lock-held]. */
REPLAY_API replay_status_t replay_vmstate_init(void);

/** The state of a session. Set @c size first. */
typedef struct replay_info {
    uint32_t size;         /**< sizeof(replay_info_t), set by the caller */
    replay_mode_t mode;    /**< as replay_get_mode() */
    uint64_t icount;       /**< now, or without the lock at the last accounting */
    uint64_t events;       /**< RECORD: written; PLAY: consumed */
    uint64_t total_events; /**< PLAY of a finished log: all of it; else 0 */
    uint64_t event_bytes;  /**< RECORD: bytes of the events, before compression */
    uint64_t log_stalls;   /**< RECORD: how often the recorder waited for the disk */
    uint64_t queued;       /**< events in the queue */
    int64_t virtual_ns;    /**< as replay_get_virtual_clock() */
    int64_t warped_ns;     /**< virtual time that passed in sleep */
    int32_t shift;         /**< the current one */
    uint32_t log_version;  /**< format of the log, 0: no log */
    uint32_t at_end;       /**< PLAY: 1 if the end of the log was reached */
    uint32_t log_finished; /**< PLAY: 1 if the log was finished, 0 if it was cut */
    uint32_t block_data;   /**< 1 if the log has the data of disks (rrdata=on), so that
                                PLAY needs no image */
    uint32_t snapshots;    /**< how many are in memory and in NAME.snap; may be a little late */
    uint64_t total_icount; /**< PLAY of a finished log: the icount at its end; else 0.
                                icount / total_icount is a replay's progress */
    replay_shutdown_cause_t end_cause; /**< PLAY of a finished log: see replay_finish_with() */
    int32_t end_exit_code;             /**< the same */
    uint64_t break_icount;             /**< PLAY: where replay_break() interrupts the replay;
                                            UINT64_MAX if none is set, and in other modes */
    uint64_t first_icount;             /**< PLAY of a log that has only a part of its run: the first
                                            place that can be reached, a snapshot; else 0 */
} replay_info_t;

/** The value to start a replay_info_t from. */
#define REPLAY_INFO_INIT                                                                           \
    { (uint32_t)sizeof(replay_info_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** Fills @p info, up to its size.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT, ERROR_STRUCT_SIZE.
 *  Thread: [any]; exact with the lock held. */
REPLAY_API replay_status_t replay_query(replay_info_t *info);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_SESSION_H */
