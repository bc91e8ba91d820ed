/* SPDX-License-Identifier: MIT */
/** @file plugin-table.h
 *  The plugin's table alone, for hosts whose own functions, types or constants have the
 *  same names. plugin.h includes this after #define REPLAY_TABLE_ONLY.
 *
 *      #define REPLAY_TABLE_ONLY
 *      #include <replay/plugin.h>
 *
 *  and then, with the library loaded,
 *
 *      libreplay_plugin_query_t query;
 *      *(void **)&query = dlsym(handle, "replay_plugin_query");
 *      const libreplay_plugin_t *replay = query(LIBREPLAY_ABI_VERSION);
 *      replay->replay_mutex_lock();
 *      int64_t now = LIBREPLAY_CLOCK_LOCKED(replay, LIBREPLAY_CLOCK_HOST, wall_clock_ns());
 *
 *  replay_host_t is libreplay_host_t here, REPLAY_OK is LIBREPLAY_OK, and so on.
 *  The header that declares a name without the prefix describes it.
 *  Every name outside of a struct begins with libreplay_ or LIBREPLAY_.
 *
 *  Generated from the other headers. */
#ifndef LIBREPLAY_PLUGIN_TABLE_H
#define LIBREPLAY_PLUGIN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LIBREPLAY_VERSION_MAJOR 0

#define LIBREPLAY_VERSION_MINOR 1

#define LIBREPLAY_VERSION_PATCH 0

#define LIBREPLAY_VERSION                                                                          \
    (LIBREPLAY_VERSION_MAJOR * 10000 + LIBREPLAY_VERSION_MINOR * 100 + LIBREPLAY_VERSION_PATCH)

#define LIBREPLAY_VERSION_TEXT                                                                     \
    LIBREPLAY_QUOTED(LIBREPLAY_VERSION_MAJOR)                                                      \
    "." LIBREPLAY_QUOTED(LIBREPLAY_VERSION_MINOR) "." LIBREPLAY_QUOTED(LIBREPLAY_VERSION_PATCH)

#define LIBREPLAY_SOVERSION 0

#define LIBREPLAY_SONAME "libreplay.so." LIBREPLAY_QUOTED(LIBREPLAY_SOVERSION)

#define LIBREPLAY_ABI_VERSION 1u

#define LIBREPLAY_QUOTED(value) LIBREPLAY_QUOTED_AS_IT_IS(value)

#define LIBREPLAY_QUOTED_AS_IT_IS(value) #value

typedef int32_t libreplay_mode_t;

enum { LIBREPLAY_MODE_NONE = 0, LIBREPLAY_MODE_RECORD = 1, LIBREPLAY_MODE_PLAY = 2 };

typedef int32_t libreplay_role_t;

enum { LIBREPLAY_THREAD_VCPU = 1, LIBREPLAY_THREAD_IO = 2 };

typedef int32_t libreplay_clock_kind_t;

enum { LIBREPLAY_CLOCK_HOST = 0, LIBREPLAY_CLOCK_VIRTUAL_RT = 1, LIBREPLAY_CLOCK_COUNT = 2 };

typedef int32_t libreplay_timer_clock_t;

enum { LIBREPLAY_TIMERS_VIRTUAL = 0, LIBREPLAY_TIMERS_HOST = 1 };

typedef int32_t libreplay_checkpoint_t;

enum {
    LIBREPLAY_CHECKPOINT_CLOCK_WARP_START = 0,
    LIBREPLAY_CHECKPOINT_CLOCK_WARP_ACCOUNT = 1,
    LIBREPLAY_CHECKPOINT_RESET_REQUESTED = 2,
    LIBREPLAY_CHECKPOINT_SUSPEND_REQUESTED = 3,
    LIBREPLAY_CHECKPOINT_CLOCK_VIRTUAL = 4,
    LIBREPLAY_CHECKPOINT_CLOCK_HOST = 5,
    LIBREPLAY_CHECKPOINT_CLOCK_VIRTUAL_RT = 6,
    LIBREPLAY_CHECKPOINT_INIT = 7,
    LIBREPLAY_CHECKPOINT_RESET = 8,
    LIBREPLAY_CHECKPOINT_COUNT = 9
};

typedef int32_t libreplay_shutdown_cause_t;

enum {
    LIBREPLAY_SHUTDOWN_NONE = 0,
    LIBREPLAY_SHUTDOWN_HOST_ERROR = 1,
    LIBREPLAY_SHUTDOWN_HOST_QUIT = 2,
    LIBREPLAY_SHUTDOWN_HOST_RESET = 3,
    LIBREPLAY_SHUTDOWN_HOST_SIGNAL = 4,
    LIBREPLAY_SHUTDOWN_HOST_UI = 5,
    LIBREPLAY_SHUTDOWN_GUEST_SHUTDOWN = 6,
    LIBREPLAY_SHUTDOWN_GUEST_RESET = 7,
    LIBREPLAY_SHUTDOWN_GUEST_PANIC = 8,
    LIBREPLAY_SHUTDOWN_SUBSYSTEM_RESET = 9,
    LIBREPLAY_SHUTDOWN_SNAPSHOT_LOAD = 10,
    LIBREPLAY_SHUTDOWN_COUNT = 11
};

typedef int32_t libreplay_stop_reason_t;

enum {
    LIBREPLAY_STOP_END = 1,
    LIBREPLAY_STOP_CUT = 2,
    LIBREPLAY_STOP_DIVERGENCE = 3,
    LIBREPLAY_STOP_LOG_ERROR = 4
};

typedef int32_t libreplay_pause_reason_t;

enum {
    LIBREPLAY_PAUSE_REQUEST = 1,
    LIBREPLAY_PAUSE_PLACE = 2,
    LIBREPLAY_PAUSE_BREAKPOINT = 3,
    LIBREPLAY_PAUSE_BEGIN = 4,
    LIBREPLAY_PAUSE_END = 5
};

typedef struct libreplay_ram_place {
    uint32_t region;
    uint32_t reserved;
    uint64_t offset;
} libreplay_ram_place_t;

typedef int32_t libreplay_message_level_t;

enum { LIBREPLAY_MESSAGE_INFO = 0, LIBREPLAY_MESSAGE_WARNING = 1, LIBREPLAY_MESSAGE_ERROR = 2 };

typedef struct libreplay_stream {
    uint32_t size;
    bool (*write)(void *opaque, const void *bytes, size_t length);
    bool (*read)(void *opaque, void *bytes, size_t length);
    void *opaque;
} libreplay_stream_t;

#define LIBREPLAY_STREAM_INIT                                                                      \
    { (uint32_t)sizeof(libreplay_stream_t), NULL, NULL, NULL }

typedef void (*libreplay_callback_t)(void *opaque);

typedef int32_t libreplay_status_t;

#define LIBREPLAY_STATUS_MAP(X)                                                                    \
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

enum {
#define LIBREPLAY_STATUS_CONSTANT(code, name, sentence) LIBREPLAY_##name = code,
    LIBREPLAY_STATUS_MAP(LIBREPLAY_STATUS_CONSTANT)
#undef LIBREPLAY_STATUS_CONSTANT
};

typedef struct libreplay_error {
    uint32_t size;
    libreplay_status_t status;
    uint64_t icount;
    uint64_t event_index;
    libreplay_role_t role;
    int32_t system_error;
    char expected[96];
    char found[96];
    char device[64];
    char message[512];
    char history[1024];
} libreplay_error_t;

#define LIBREPLAY_ERROR_INIT                                                                       \
    { (uint32_t)sizeof(libreplay_error_t), 0, 0, 0, 0, 0, "", "", "", "", "" }

typedef void (*libreplay_char_receive_t)(void *opaque, const uint8_t *data, size_t length);

typedef struct libreplay_net libreplay_net_t;

typedef void (*libreplay_net_receive_t)(void *opaque, uint32_t flags, const uint8_t *data,
                                        size_t length);

typedef int32_t libreplay_input_kind_t;

enum {
    LIBREPLAY_INPUT_KEY = 0,
    LIBREPLAY_INPUT_BUTTON = 1,
    LIBREPLAY_INPUT_RELATIVE = 2,
    LIBREPLAY_INPUT_ABSOLUTE = 3,
    LIBREPLAY_INPUT_TOUCH = 4,
    LIBREPLAY_INPUT_COUNT = 5
};

typedef struct libreplay_input_event {
    libreplay_input_kind_t kind;
    int32_t code;
    int32_t axis;
    int32_t slot;
    int64_t tracking_id;
    int64_t value;
} libreplay_input_event_t;

typedef struct libreplay_input {
    uint32_t size;
    libreplay_input_kind_t kind;
    uint32_t port;
    uint32_t device;
    int64_t code;
    int32_t axis;
    int32_t slot;
    int64_t tracking_id;
    int64_t value;
} libreplay_input_t;

#define LIBREPLAY_INPUT_INIT                                                                       \
    { (uint32_t)sizeof(libreplay_input_t), 0, 0, 0, 0, 0, 0, 0, 0 }

typedef struct libreplay_block libreplay_block_t;

typedef struct libreplay_block_request libreplay_block_request_t;

typedef void (*libreplay_block_complete_t)(void *opaque, int32_t result);

enum { LIBREPLAY_BLOCK_FUA = 1 };

typedef struct libreplay_block_backend {
    uint32_t size;
    int64_t (*length)(void *opaque);
    void (*read)(void *opaque, libreplay_block_request_t *request, uint64_t offset,
                 const struct iovec *pieces, int32_t count, uint32_t flags);
    void (*write)(void *opaque, libreplay_block_request_t *request, uint64_t offset,
                  const struct iovec *pieces, int32_t count, uint32_t flags);
    void (*zeroes)(void *opaque, libreplay_block_request_t *request, uint64_t offset,
                   uint64_t length, uint32_t flags);
    void (*discard)(void *opaque, libreplay_block_request_t *request, uint64_t offset,
                    uint64_t length);
    void (*flush)(void *opaque, libreplay_block_request_t *request);
    void (*close)(void *opaque);
} libreplay_block_backend_t;

#define LIBREPLAY_BLOCK_BACKEND_INIT                                                               \
    { (uint32_t)sizeof(libreplay_block_backend_t), 0, 0, 0, 0, 0, 0, 0 }

typedef int32_t libreplay_block_overlay_t;

enum {
    LIBREPLAY_BLOCK_OVERLAY_DEFAULT = 0,
    LIBREPLAY_BLOCK_OVERLAY_TEMPORARY = 1,
    LIBREPLAY_BLOCK_OVERLAY_FILE = 2,
    LIBREPLAY_BLOCK_OVERLAY_OFF = 3
};

typedef struct libreplay_block_config {
    uint32_t size;
    uint32_t read_only;
    const char *name;
    const char *filename;
    const libreplay_block_backend_t *backend;
    void *opaque;
    libreplay_block_overlay_t overlay;
    uint32_t workers;
    const char *overlay_filename;
    uint32_t resubmits;
    uint32_t reserved;
} libreplay_block_config_t;

#define LIBREPLAY_BLOCK_CONFIG_INIT                                                                \
    { (uint32_t)sizeof(libreplay_block_config_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

typedef struct libreplay_host {
    uint32_t size;
    uint64_t (*icount)(void *opaque);
    bool (*cpus_idle)(void *opaque);
    bool (*machine_running)(void *opaque);
    int64_t (*deadline_ns)(void *opaque, libreplay_timer_clock_t clock);
    void (*run_timers)(void *opaque, libreplay_timer_clock_t clock);
    void (*kick)(void *opaque);
    void (*wake_io)(void *opaque);
    void (*stop)(void *opaque, libreplay_stop_reason_t reason, const libreplay_error_t *error);
    void (*shutdown)(void *opaque, libreplay_shutdown_cause_t cause);
    void (*handle_requests)(void *opaque);
    void (*input)(void *opaque, const libreplay_input_event_t *event);
    void (*input_sync)(void *opaque);
    uint64_t (*digest)(void *opaque);
    void (*message)(void *opaque, libreplay_message_level_t level, const char *text);
    void (*execute)(void *opaque, uint64_t instructions);
    void (*interrupt)(void *opaque);
    void (*input_from)(void *opaque, const libreplay_input_t *input);
    bool (*save_state)(void *opaque, const libreplay_stream_t *out);
    bool (*load_state)(void *opaque, const libreplay_stream_t *in);
    void (*paused)(void *opaque, libreplay_pause_reason_t why);
    int32_t (*watched_ram)(void *opaque, libreplay_ram_place_t *places, uint32_t most);
} libreplay_host_t;

#define LIBREPLAY_HOST_INIT                                                                        \
    {                                                                                              \
        (uint32_t)sizeof(libreplay_host_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  \
            0, 0, 0                                                                                \
    }

enum { LIBREPLAY_SHIFT_DEFAULT = -2, LIBREPLAY_SHIFT_AUTO = -1 };

enum { LIBREPLAY_SNAP_OFF = -1, LIBREPLAY_SNAP_MEMORY = 0 };

typedef int32_t libreplay_switch_t;

enum { LIBREPLAY_DEFAULT = 0, LIBREPLAY_ON = 1, LIBREPLAY_OFF = 2 };

typedef struct libreplay_config {
    uint32_t size;
    libreplay_mode_t mode;
    const libreplay_host_t *host;
    void *opaque;
    const char *options;
    const char *filename;
    const char *snapshot;
    int32_t shift;
    libreplay_switch_t sleep;
    libreplay_switch_t align;
    libreplay_switch_t block_data;
    libreplay_switch_t lint;
    libreplay_switch_t go_on_when_full;
    uint64_t digest_interval;
    uint32_t stall_ms;
    uint32_t segment_bytes;
    uint64_t created_ns;
    libreplay_switch_t overwrite;
    int32_t snap_ms;
    const char *overlay_folder;
    uint64_t snap_bytes;
    libreplay_switch_t live_end;
    uint32_t reserved;
    uint64_t snap_memory;
    uint64_t last_bytes;
    uint64_t last_ms;
    uint64_t snap_written;
} libreplay_config_t;

#define LIBREPLAY_CONFIG_INIT                                                                      \
    {                                                                                              \
        (uint32_t)sizeof(libreplay_config_t), LIBREPLAY_MODE_NONE, 0, 0, 0, 0, 0,                  \
            LIBREPLAY_SHIFT_DEFAULT, LIBREPLAY_DEFAULT, LIBREPLAY_DEFAULT, LIBREPLAY_DEFAULT,      \
            LIBREPLAY_DEFAULT, LIBREPLAY_DEFAULT, 0, 0, 0, 0, LIBREPLAY_DEFAULT,                   \
            LIBREPLAY_SNAP_MEMORY, 0, 0, LIBREPLAY_DEFAULT, 0, 0, 0, 0, 0                          \
    }

typedef struct libreplay_end {
    uint32_t size;
    libreplay_shutdown_cause_t cause;
    int32_t exit_code;
    uint32_t on_purpose;
} libreplay_end_t;

#define LIBREPLAY_END_INIT                                                                         \
    { (uint32_t)sizeof(libreplay_end_t), LIBREPLAY_SHUTDOWN_NONE, 0, 0 }

typedef struct libreplay_info {
    uint32_t size;
    libreplay_mode_t mode;
    uint64_t icount;
    uint64_t events;
    uint64_t total_events;
    uint64_t event_bytes;
    uint64_t log_stalls;
    uint64_t queued;
    int64_t virtual_ns;
    int64_t warped_ns;
    int32_t shift;
    uint32_t log_version;
    uint32_t at_end;
    uint32_t log_finished;
    uint32_t block_data;
    uint32_t snapshots;
    uint64_t total_icount;
    libreplay_shutdown_cause_t end_cause;
    int32_t end_exit_code;
    uint64_t break_icount;
    uint64_t first_icount;
} libreplay_info_t;

#define LIBREPLAY_INFO_INIT                                                                        \
    {                                                                                              \
        (uint32_t)sizeof(libreplay_info_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  \
            0, 0                                                                                   \
    }

#define LIBREPLAY_STACK_BYTES 49152

typedef struct libreplay_session libreplay_session_t;

#define LIBREPLAY_ICOUNT_NOW UINT64_MAX

typedef struct libreplay_timer libreplay_timer_t;

typedef struct libreplay_ram_config {
    uint32_t size;
    uint32_t page_bytes;
    const char *name;
    void *bytes;
    uint64_t length;
    uint8_t *dirty;
    void (*cleaned)(void *opaque);
    void (*loaded)(void *opaque, uint64_t offset, uint64_t length);
    void *opaque;
} libreplay_ram_config_t;

#define LIBREPLAY_RAM_CONFIG_INIT                                                                  \
    { (uint32_t)sizeof(libreplay_ram_config_t), 0, NULL, NULL, 0, NULL, NULL, NULL, NULL }

typedef int32_t libreplay_break_kind_t;

enum {
    LIBREPLAY_BREAK_SOFTWARE = 0,
    LIBREPLAY_BREAK_HARDWARE = 1,
    LIBREPLAY_WATCH_WRITE = 2,
    LIBREPLAY_WATCH_READ = 3,
    LIBREPLAY_WATCH_ACCESS = 4,
    LIBREPLAY_BREAK_KINDS = 5
};

typedef struct libreplay_gdb_target {
    uint32_t size;
    uint32_t cpus;
    const char *target_xml;
    size_t (*read_register)(void *opaque, uint32_t cpu, uint32_t number, void *bytes, size_t most);
    bool (*write_register)(void *opaque, uint32_t cpu, uint32_t number, const void *bytes,
                           size_t length);
    bool (*read_memory)(void *opaque, uint32_t cpu, uint64_t address, void *bytes, size_t length);
    bool (*write_memory)(void *opaque, uint32_t cpu, uint64_t address, const void *bytes,
                         size_t length);
    bool (*set_break)(void *opaque, libreplay_break_kind_t kind, uint64_t address, uint64_t length,
                      bool set);
    uint32_t (*current_cpu)(void *opaque);
    void *opaque;
    uint32_t big_endian;
    uint32_t reserved;
} libreplay_gdb_target_t;

#define LIBREPLAY_GDB_TARGET_INIT                                                                  \
    {                                                                                              \
        (uint32_t)sizeof(libreplay_gdb_target_t), 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL,     \
            NULL, 0, 0                                                                             \
    }

struct _GMainContext;

typedef struct libreplay_log libreplay_log_t;

typedef int32_t libreplay_log_state_t;

enum {
    LIBREPLAY_LOG_FINISHED = 1,
    LIBREPLAY_LOG_RUNNING = 2,
    LIBREPLAY_LOG_DIED = 3,
    LIBREPLAY_LOG_CUT = 4
};

typedef struct libreplay_log_info {
    uint32_t size;
    libreplay_log_state_t state;
    uint64_t events;
    uint64_t icount;
    int64_t virtual_ns;
    uint64_t bytes;
    uint64_t live_bytes;
    uint64_t created_ns;
    uint64_t digest;
    uint32_t has_digest;
    libreplay_shutdown_cause_t end_cause;
    int32_t end_exit_code;
    int32_t shift;
    uint32_t log_version;
    uint32_t fingerprint_fields;
    uint32_t snapshots;
    uint32_t damaged;
    int32_t recorder_errno;
    uint32_t reserved;
    uint64_t first_event;
    uint64_t first_icount;
    const char *reason;
    const char *parent;
} libreplay_log_info_t;

#define LIBREPLAY_LOG_INFO_INIT                                                                    \
    {                                                                                              \
        (uint32_t)sizeof(libreplay_log_info_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
            0, 0, 0, NULL, NULL                                                                    \
    }

enum { LIBREPLAY_LOG_VALUES = 8 };

typedef struct libreplay_log_event {
    uint32_t size;
    uint32_t kind;
    uint64_t icount;
    uint64_t event;
    int64_t virtual_ns;
    libreplay_role_t role;
    uint32_t value_count;
    const char *kind_name;
    const char *const *value_names;
    int64_t values[LIBREPLAY_LOG_VALUES];
    const void *bytes;
    uint64_t length;
} libreplay_log_event_t;

#define LIBREPLAY_LOG_EVENT_INIT                                                                   \
    {                                                                                              \
        (uint32_t)sizeof(libreplay_log_event_t), 0, 0, 0, 0, 0, 0, NULL, NULL,                     \
            {0, 0, 0, 0, 0, 0, 0, 0}, NULL, 0                                                      \
    }

typedef struct libreplay_plugin {
    uint32_t size;
    uint32_t abi_version;
    const char *version;
    libreplay_mode_t *mode;
    const char **snapshot;
    libreplay_status_t (*replay_configure)(const libreplay_config_t *config);
    libreplay_status_t (*replay_fingerprint)(const char *key, const char *value);
    libreplay_status_t (*replay_start)(void);
    libreplay_status_t (*replay_finish)(void);
    libreplay_status_t (*replay_add_blocker)(const char *reason);
    const char *(*replay_get_filename)(void);
    libreplay_mode_t (*replay_get_mode)(void);
    libreplay_status_t (*replay_vmstate_init)(void);
    libreplay_status_t (*replay_query)(libreplay_info_t *info);
    libreplay_status_t (*replay_thread_attach)(libreplay_role_t roles);
    libreplay_status_t (*replay_mutex_lock)(void);
    libreplay_status_t (*replay_mutex_unlock)(void);
    bool (*replay_mutex_locked)(void);
    libreplay_status_t (*replay_wait)(int64_t timeout_ns);
    void (*replay_notify)(void);
    libreplay_session_t *(*replay_session_new)(void);
    libreplay_status_t (*replay_session_free)(libreplay_session_t *session);
    libreplay_status_t (*replay_session_push_current)(libreplay_session_t *session);
    libreplay_status_t (*replay_session_pop_current)(void);
    libreplay_session_t *(*replay_session_get_current)(void);
    libreplay_status_t (*replay_last_error)(libreplay_error_t *error);
    const char *(*replay_status_name)(libreplay_status_t status);
    const char *(*replay_status_sentence)(libreplay_status_t status);
    libreplay_status_t (*replay_digest)(uint64_t digest);
    uint64_t (*replay_get_current_icount)(void);
    int32_t (*replay_get_instructions)(void);
    libreplay_status_t (*replay_account_executed_instructions)(void);
    uint64_t (*replay_get_budget)(uint64_t max);
    bool (*replay_interrupt)(void);
    bool (*replay_has_interrupt)(void);
    bool (*replay_exception)(void);
    bool (*replay_has_exception)(void);
    int64_t (*replay_save_clock)(libreplay_clock_kind_t kind, int64_t value, uint64_t icount);
    int64_t (*replay_read_clock)(libreplay_clock_kind_t kind, uint64_t icount);
    int64_t (*replay_clock_unlock)(int64_t value);
    int64_t (*replay_get_virtual_clock)(void);
    libreplay_status_t (*replay_start_warp_timer)(void);
    libreplay_status_t (*replay_account_warp_timer)(void);
    int64_t (*replay_warp_deadline_ns)(void);
    libreplay_timer_t *(*replay_timer_new)(libreplay_callback_t callback, void *opaque);
    libreplay_status_t (*replay_timer_mod)(libreplay_timer_t *timer, int64_t expire_ns);
    libreplay_status_t (*replay_timer_del)(libreplay_timer_t *timer);
    libreplay_status_t (*replay_timer_free)(libreplay_timer_t *timer);
    int64_t (*replay_timer_expire_time)(const libreplay_timer_t *timer);
    bool (*replay_checkpoint)(libreplay_checkpoint_t id);
    bool (*replay_has_event)(void);
    libreplay_status_t (*replay_async_events)(void);
    libreplay_status_t (*replay_enable_events)(void);
    libreplay_status_t (*replay_disable_events)(void);
    bool (*replay_events_enabled)(void);
    libreplay_status_t (*replay_flush_events)(void);
    libreplay_status_t (*replay_bh_schedule_event)(libreplay_callback_t callback, void *opaque);
    libreplay_status_t (*replay_bh_schedule_oneshot_event)(libreplay_callback_t callback,
                                                           void *opaque);
    uint64_t (*blkreplay_next_id)(void);
    libreplay_status_t (*replay_block_event)(libreplay_callback_t callback, void *opaque,
                                             uint64_t id);
    libreplay_block_t *(*replay_block_open)(const libreplay_block_config_t *config,
                                            libreplay_status_t *status);
    libreplay_status_t (*replay_block_close)(libreplay_block_t *disk);
    int64_t (*replay_block_length)(libreplay_block_t *disk);
    libreplay_status_t (*replay_block_read)(libreplay_block_t *disk, uint64_t offset,
                                            const struct iovec *pieces, int32_t count,
                                            uint32_t flags, libreplay_block_complete_t complete,
                                            void *opaque);
    libreplay_status_t (*replay_block_write)(libreplay_block_t *disk, uint64_t offset,
                                             const struct iovec *pieces, int32_t count,
                                             uint32_t flags, libreplay_block_complete_t complete,
                                             void *opaque);
    libreplay_status_t (*replay_block_zeroes)(libreplay_block_t *disk, uint64_t offset,
                                              uint64_t length, uint32_t flags,
                                              libreplay_block_complete_t complete, void *opaque);
    libreplay_status_t (*replay_block_discard)(libreplay_block_t *disk, uint64_t offset,
                                               uint64_t length, libreplay_block_complete_t complete,
                                               void *opaque);
    libreplay_status_t (*replay_block_flush)(libreplay_block_t *disk,
                                             libreplay_block_complete_t complete, void *opaque);
    libreplay_status_t (*replay_block_complete)(libreplay_block_request_t *request, int32_t result);
    int32_t (*replay_register_char_driver)(libreplay_char_receive_t receive, void *opaque);
    libreplay_status_t (*replay_chr_be_write)(int32_t device, const uint8_t *data, size_t length);
    libreplay_status_t (*replay_char_write_event_save)(int32_t result, int32_t offset);
    libreplay_status_t (*replay_char_write_event_load)(int32_t *result, int32_t *offset);
    libreplay_status_t (*replay_char_read_all_save_buf)(const uint8_t *data, size_t length);
    libreplay_status_t (*replay_char_read_all_save_error)(int32_t error);
    libreplay_status_t (*replay_char_read_all_load)(uint8_t *data, size_t size, int32_t *result);
    libreplay_net_t *(*replay_register_net)(libreplay_net_receive_t receive, void *opaque);
    libreplay_status_t (*replay_unregister_net)(libreplay_net_t *net);
    libreplay_status_t (*replay_net_packet_event)(libreplay_net_t *net, uint32_t flags,
                                                  const struct iovec *pieces, int32_t count);
    libreplay_status_t (*replay_input_event)(const libreplay_input_event_t *event);
    libreplay_status_t (*replay_input_sync_event)(void);
    libreplay_status_t (*replay_audio_out)(size_t *played);
    libreplay_status_t (*replay_audio_in_start)(size_t *count);
    libreplay_status_t (*replay_audio_in_sample_lr)(uint64_t *left, uint64_t *right);
    libreplay_status_t (*replay_audio_in_finish)(void);
    libreplay_status_t (*replay_save_random)(int32_t result, const void *data, size_t length);
    int32_t (*replay_read_random)(void *data, size_t length);
    libreplay_status_t (*replay_shutdown_request)(libreplay_shutdown_cause_t cause);
    libreplay_status_t (*replay_glib_attach)(struct _GMainContext *context);
    libreplay_status_t (*replay_glib_detach)(struct _GMainContext *context);
    libreplay_status_t (*replay_turn)(void);
    libreplay_status_t (*replay_run)(void);
    libreplay_status_t (*replay_run_stop)(void);
    libreplay_status_t (*replay_block_event_result)(libreplay_block_complete_t complete,
                                                    void *opaque, uint64_t id, int32_t result,
                                                    const struct iovec *pieces, int32_t count);
    libreplay_status_t (*replay_finish_with)(const libreplay_end_t *end);
    libreplay_status_t (*replay_char_read_all_size)(size_t *size);
    libreplay_status_t (*replay_input_event_from)(const libreplay_input_t *input);
    libreplay_status_t (*replay_audio_in_start_at)(size_t *count, size_t *position);
    bool (*replay_is_due)(void);
    uint32_t (*replay_version)(void);
    const char *(*replay_version_text)(void);
    bool (*replay_can_snapshot)(void);
    libreplay_status_t (*replay_position_save)(const libreplay_stream_t *out);
    libreplay_status_t (*replay_position_load)(const libreplay_stream_t *in);
    libreplay_status_t (*replay_break)(uint64_t icount, libreplay_callback_t reached, void *opaque);
    libreplay_status_t (*replay_delete_break)(void);
    bool (*replay_output_due)(void);
    libreplay_status_t (*replay_branch)(const char *path);
    libreplay_status_t (*replay_register_ram)(const libreplay_ram_config_t *config);
    libreplay_status_t (*replay_pause)(void);
    libreplay_status_t (*replay_resume)(void);
    bool (*replay_is_paused)(void);
    libreplay_status_t (*replay_seek)(uint64_t icount);
    libreplay_status_t (*replay_seek_event)(uint64_t event);
    libreplay_status_t (*replay_reverse_step)(void);
    libreplay_status_t (*replay_reverse_continue)(void);
    bool (*replay_running_debug)(void);
    bool (*replay_breakpoint)(libreplay_break_kind_t kind, uint64_t address);
    libreplay_status_t (*replay_gdb_listen)(const char *where,
                                            const libreplay_gdb_target_t *target);
    bool (*replay_gdb_attached)(void);
    libreplay_log_t *(*replay_log_open)(const char *path, libreplay_error_t *error);
    void (*replay_log_close)(libreplay_log_t *log);
    libreplay_status_t (*replay_log_last_error)(libreplay_log_t *log, libreplay_error_t *error);
    libreplay_status_t (*replay_log_query)(libreplay_log_t *log, libreplay_log_info_t *info);
    const char *(*replay_log_fingerprint)(libreplay_log_t *log, const char *key);
    libreplay_status_t (*replay_log_fingerprint_at)(libreplay_log_t *log, uint32_t index,
                                                    const char **key, const char **value);
    libreplay_status_t (*replay_log_seek)(libreplay_log_t *log, uint64_t icount);
    libreplay_status_t (*replay_log_seek_event)(libreplay_log_t *log, uint64_t event);
    bool (*replay_log_next)(libreplay_log_t *log, libreplay_log_event_t *event);
} libreplay_plugin_t;

typedef const libreplay_plugin_t *(*libreplay_plugin_query_t)(uint32_t abi_version);

/** As REPLAY_CLOCK_LOCKED of clock.h, by way of @p table. */
#define LIBREPLAY_CLOCK_LOCKED(table, kind, value)                                                 \
    LIBREPLAY_CLOCK_AT(table, kind, value, LIBREPLAY_ICOUNT_NOW)

/** As REPLAY_CLOCK_AT of clock.h, by way of @p table. */
#define LIBREPLAY_CLOCK_AT(table, kind, value, icount)                                             \
    (*(table)->mode == LIBREPLAY_MODE_NONE ? (int64_t)(value)                                      \
     : *(table)->mode == LIBREPLAY_MODE_PLAY                                                       \
         ? (table)->replay_read_clock((kind), (icount))                                            \
         : (table)->replay_save_clock((kind), (int64_t)(value), (icount)))

/** As REPLAY_CLOCK of clock.h, by way of @p table. */
#define LIBREPLAY_CLOCK(table, kind, value)                                                        \
    (*(table)->mode == LIBREPLAY_MODE_NONE ? (int64_t)(value)                                      \
     : (table)->replay_mutex_locked()                                                              \
         ? LIBREPLAY_CLOCK_LOCKED(table, kind, value)                                              \
         : ((table)->replay_mutex_lock(),                                                          \
            (table)->replay_clock_unlock(LIBREPLAY_CLOCK_LOCKED(table, kind, value))))

#ifdef __cplusplus
}
#endif

#endif /* LIBREPLAY_PLUGIN_TABLE_H */
