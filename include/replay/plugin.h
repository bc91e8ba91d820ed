/* SPDX-License-Identifier: MIT */
/** @file plugin.h
 *  The table of all functions, for hosts that load the library at run time.
 *
 *  A host that loads the library with dlopen(), or that has functions of the same names,
 *  looks up one symbol:
 *
 *      void *handle = dlopen(REPLAY_SONAME, RTLD_NOW | RTLD_LOCAL);
 *      replay_plugin_query_t query;
 *      *(void **)&query = dlsym(handle, "replay_plugin_query");
 *      const replay_plugin_t *replay = query(REPLAY_ABI_VERSION); // NULL: it has a different ABI
 *      replay->replay_configure(&config);
 *
 *  The macros of clock.h use the table with
 *
 *      #define REPLAY_FN(name) (replay->name)
 *      #define REPLAY_MODE()   (*replay->mode)
 *
 *  before the #include.
 *
 *  A host whose own functions, types or constants have the same names (as QEMU's
 *  do) includes only the table:
 *
 *      #define REPLAY_TABLE_ONLY
 *      #include <replay/plugin.h>
 *
 *  This declares libreplay_plugin_t and, with the prefixes libreplay_ and LIBREPLAY_,
 *  every type and constant of the other headers, and nothing else (see
 *  plugin-table.h). Don't include other headers of replay/ there. A program that
 *  exports its names (-rdynamic) adds RTLD_DEEPBIND to dlopen's flags; otherwise
 *  the library's own references would find the program's replay_mode.
 *
 *  The table is generated from the other headers. */
#ifdef REPLAY_TABLE_ONLY
#include "plugin-table.h"
#elif !defined(REPLAY_PLUGIN_H)
#define REPLAY_PLUGIN_H

#include "block.h"
#include "clock.h"
#include "debug.h"
#include "devices.h"
#include "errors.h"
#include "events.h"
#include "gdb.h"
#include "glib.h"
#include "host.h"
#include "instructions.h"
#include "log.h"
#include "run.h"
#include "session.h"
#include "snapshot.h"
#include "threads.h"
#include "version.h"

#ifdef __cplusplus
extern "C" {
#endif

/** All functions, and the addresses of the variables. Later versions of one ABI
 *  only add members at the end. Check @c size before you use a member that an older
 *  library may not have. */
typedef struct replay_plugin {
    uint32_t size;         /**< of the library's table, in bytes */
    uint32_t abi_version;  /**< REPLAY_ABI_VERSION of the library */
    const char *version;   /**< of the package, "0.1.0" */
    replay_mode_t *mode;   /**< replay_mode */
    const char **snapshot; /**< replay_snapshot */
    replay_status_t (*replay_configure)(const replay_config_t *config);
    replay_status_t (*replay_fingerprint)(const char *key, const char *value);
    replay_status_t (*replay_start)(void);
    replay_status_t (*replay_finish)(void);
    replay_status_t (*replay_add_blocker)(const char *reason);
    const char *(*replay_get_filename)(void);
    replay_mode_t (*replay_get_mode)(void);
    replay_status_t (*replay_vmstate_init)(void);
    replay_status_t (*replay_query)(replay_info_t *info);
    replay_status_t (*replay_thread_attach)(replay_role_t roles);
    replay_status_t (*replay_mutex_lock)(void);
    replay_status_t (*replay_mutex_unlock)(void);
    bool (*replay_mutex_locked)(void);
    replay_status_t (*replay_wait)(int64_t timeout_ns);
    void (*replay_notify)(void);
    replay_session_t *(*replay_session_new)(void);
    replay_status_t (*replay_session_free)(replay_session_t *session);
    replay_status_t (*replay_session_push_current)(replay_session_t *session);
    replay_status_t (*replay_session_pop_current)(void);
    replay_session_t *(*replay_session_get_current)(void);
    replay_status_t (*replay_last_error)(replay_error_t *error);
    const char *(*replay_status_name)(replay_status_t status);
    const char *(*replay_status_sentence)(replay_status_t status);
    replay_status_t (*replay_digest)(uint64_t digest);
    uint64_t (*replay_get_current_icount)(void);
    int32_t (*replay_get_instructions)(void);
    replay_status_t (*replay_account_executed_instructions)(void);
    uint64_t (*replay_get_budget)(uint64_t max);
    bool (*replay_interrupt)(void);
    bool (*replay_has_interrupt)(void);
    bool (*replay_exception)(void);
    bool (*replay_has_exception)(void);
    int64_t (*replay_save_clock)(replay_clock_kind_t kind, int64_t value, uint64_t icount);
    int64_t (*replay_read_clock)(replay_clock_kind_t kind, uint64_t icount);
    int64_t (*replay_clock_unlock)(int64_t value);
    int64_t (*replay_get_virtual_clock)(void);
    replay_status_t (*replay_start_warp_timer)(void);
    replay_status_t (*replay_account_warp_timer)(void);
    int64_t (*replay_warp_deadline_ns)(void);
    replay_timer_t *(*replay_timer_new)(replay_callback_t callback, void *opaque);
    replay_status_t (*replay_timer_mod)(replay_timer_t *timer, int64_t expire_ns);
    replay_status_t (*replay_timer_del)(replay_timer_t *timer);
    replay_status_t (*replay_timer_free)(replay_timer_t *timer);
    int64_t (*replay_timer_expire_time)(const replay_timer_t *timer);
    bool (*replay_checkpoint)(replay_checkpoint_t id);
    bool (*replay_has_event)(void);
    replay_status_t (*replay_async_events)(void);
    replay_status_t (*replay_enable_events)(void);
    replay_status_t (*replay_disable_events)(void);
    bool (*replay_events_enabled)(void);
    replay_status_t (*replay_flush_events)(void);
    replay_status_t (*replay_bh_schedule_event)(replay_callback_t callback, void *opaque);
    replay_status_t (*replay_bh_schedule_oneshot_event)(replay_callback_t callback, void *opaque);
    uint64_t (*blkreplay_next_id)(void);
    replay_status_t (*replay_block_event)(replay_callback_t callback, void *opaque, uint64_t id);
    replay_block_t *(*replay_block_open)(const replay_block_config_t *config,
                                         replay_status_t *status);
    replay_status_t (*replay_block_close)(replay_block_t *disk);
    int64_t (*replay_block_length)(replay_block_t *disk);
    replay_status_t (*replay_block_read)(replay_block_t *disk, uint64_t offset,
                                         const struct iovec *pieces, int32_t count, uint32_t flags,
                                         replay_block_complete_t complete, void *opaque);
    replay_status_t (*replay_block_write)(replay_block_t *disk, uint64_t offset,
                                          const struct iovec *pieces, int32_t count, uint32_t flags,
                                          replay_block_complete_t complete, void *opaque);
    replay_status_t (*replay_block_zeroes)(replay_block_t *disk, uint64_t offset, uint64_t length,
                                           uint32_t flags, replay_block_complete_t complete,
                                           void *opaque);
    replay_status_t (*replay_block_discard)(replay_block_t *disk, uint64_t offset, uint64_t length,
                                            replay_block_complete_t complete, void *opaque);
    replay_status_t (*replay_block_flush)(replay_block_t *disk, replay_block_complete_t complete,
                                          void *opaque);
    replay_status_t (*replay_block_complete)(replay_block_request_t *request, int32_t result);
    int32_t (*replay_register_char_driver)(replay_char_receive_t receive, void *opaque);
    replay_status_t (*replay_chr_be_write)(int32_t device, const uint8_t *data, size_t length);
    replay_status_t (*replay_char_write_event_save)(int32_t result, int32_t offset);
    replay_status_t (*replay_char_write_event_load)(int32_t *result, int32_t *offset);
    replay_status_t (*replay_char_read_all_save_buf)(const uint8_t *data, size_t length);
    replay_status_t (*replay_char_read_all_save_error)(int32_t error);
    replay_status_t (*replay_char_read_all_load)(uint8_t *data, size_t size, int32_t *result);
    replay_net_t *(*replay_register_net)(replay_net_receive_t receive, void *opaque);
    replay_status_t (*replay_unregister_net)(replay_net_t *net);
    replay_status_t (*replay_net_packet_event)(replay_net_t *net, uint32_t flags,
                                               const struct iovec *pieces, int32_t count);
    replay_status_t (*replay_input_event)(const replay_input_event_t *event);
    replay_status_t (*replay_input_sync_event)(void);
    replay_status_t (*replay_audio_out)(size_t *played);
    replay_status_t (*replay_audio_in_start)(size_t *count);
    replay_status_t (*replay_audio_in_sample_lr)(uint64_t *left, uint64_t *right);
    replay_status_t (*replay_audio_in_finish)(void);
    replay_status_t (*replay_save_random)(int32_t result, const void *data, size_t length);
    int32_t (*replay_read_random)(void *data, size_t length);
    replay_status_t (*replay_shutdown_request)(replay_shutdown_cause_t cause);
    replay_status_t (*replay_glib_attach)(struct _GMainContext *context);
    replay_status_t (*replay_glib_detach)(struct _GMainContext *context);
    replay_status_t (*replay_turn)(void);
    replay_status_t (*replay_run)(void);
    replay_status_t (*replay_run_stop)(void);
    replay_status_t (*replay_block_event_result)(replay_block_complete_t complete, void *opaque,
                                                 uint64_t id, int32_t result,
                                                 const struct iovec *pieces, int32_t count);
    replay_status_t (*replay_finish_with)(const replay_end_t *end);
    replay_status_t (*replay_char_read_all_size)(size_t *size);
    replay_status_t (*replay_input_event_from)(const replay_input_t *input);
    replay_status_t (*replay_audio_in_start_at)(size_t *count, size_t *position);
    bool (*replay_is_due)(void);
    uint32_t (*replay_version)(void);
    const char *(*replay_version_text)(void);
    bool (*replay_can_snapshot)(void);
    replay_status_t (*replay_position_save)(const replay_stream_t *out);
    replay_status_t (*replay_position_load)(const replay_stream_t *in);
    replay_status_t (*replay_break)(uint64_t icount, replay_callback_t reached, void *opaque);
    replay_status_t (*replay_delete_break)(void);
    bool (*replay_output_due)(void);
    replay_status_t (*replay_branch)(const char *path);
    replay_status_t (*replay_register_ram)(const replay_ram_config_t *config);
    replay_status_t (*replay_pause)(void);
    replay_status_t (*replay_resume)(void);
    bool (*replay_is_paused)(void);
    replay_status_t (*replay_seek)(uint64_t icount);
    replay_status_t (*replay_seek_event)(uint64_t event);
    replay_status_t (*replay_reverse_step)(void);
    replay_status_t (*replay_reverse_continue)(void);
    bool (*replay_running_debug)(void);
    bool (*replay_breakpoint)(replay_break_kind_t kind, uint64_t address);
    replay_status_t (*replay_gdb_listen)(const char *where, const replay_gdb_target_t *target);
    bool (*replay_gdb_attached)(void);
    replay_log_t *(*replay_log_open)(const char *path, replay_error_t *error);
    void (*replay_log_close)(replay_log_t *log);
    replay_status_t (*replay_log_last_error)(replay_log_t *log, replay_error_t *error);
    replay_status_t (*replay_log_query)(replay_log_t *log, replay_log_info_t *info);
    const char *(*replay_log_fingerprint)(replay_log_t *log, const char *key);
    replay_status_t (*replay_log_fingerprint_at)(replay_log_t *log, uint32_t index,
                                                 const char **key, const char **value);
    replay_status_t (*replay_log_seek)(replay_log_t *log, uint64_t icount);
    replay_status_t (*replay_log_seek_event)(replay_log_t *log, uint64_t event);
    bool (*replay_log_next)(replay_log_t *log, replay_log_event_t *event);
} replay_plugin_t;

/** The type of replay_plugin_query(). */
typedef const replay_plugin_t *(*replay_plugin_query_t)(uint32_t abi_version);

/** The library's table, or NULL if its ABI isn't @p abi_version. It is
 *  constant and never freed. The archive of stubs has a table of its own.
 *  Thread: [any]. */
REPLAY_API const replay_plugin_t *replay_plugin_query(uint32_t abi_version);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_PLUGIN_H */
