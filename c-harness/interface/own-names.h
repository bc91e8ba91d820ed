/* SPDX-License-Identifier: MIT */
/* The names of a host like QEMU, which has record/replay functions, types and
 * constants of its own: with signatures that are not the library's. Only the names
 * matter; the test includes this header beside the library's table. */
#ifndef OWN_NAMES_H
#define OWN_NAMES_H

typedef struct Own Own;

enum ReplayMode { REPLAY_MODE_NONE, REPLAY_MODE_RECORD, REPLAY_MODE_PLAY, REPLAY_MODE__MAX };
typedef enum ReplayMode ReplayMode;

enum ReplayClockKind { REPLAY_CLOCK_HOST, REPLAY_CLOCK_VIRTUAL_RT, REPLAY_CLOCK_COUNT };
typedef enum ReplayClockKind ReplayClockKind;

enum ReplayCheckpoint { CHECKPOINT_CLOCK_WARP_START, CHECKPOINT_CLOCK_VIRTUAL, CHECKPOINT_RESET };
typedef enum ReplayCheckpoint ReplayCheckpoint;

extern ReplayMode replay_mode;
extern char *replay_snapshot;

#define REPLAY_CLOCK(clock, value)        ((value) + (clock) + 1000)
#define REPLAY_CLOCK_LOCKED(clock, value) ((value) + (clock) + 2000)

/* What the library's table must not meet: types, tags and macros of its names. */
#define REPLAY_OK          "own"
#define REPLAY_ABI_VERSION "own"
typedef Own *replay_status_t;
typedef Own *replay_plugin_t;
struct replay_host {
    Own *own;
};
struct replay_info {
    Own *own;
};

void replay_configure(Own *options);
void replay_start(void);
void replay_finish(void);
void replay_add_blocker(Own **reason);
const char *replay_get_filename(int own);
void replay_vmstate_init(void);
void replay_mutex_lock(void);
void replay_mutex_unlock(void);
int replay_mutex_locked(void);
double replay_get_current_icount(void);
int replay_get_instructions(int own);
void replay_account_executed_instructions(void);
int replay_interrupt(void);
int replay_has_interrupt(void);
int replay_exception(void);
int replay_has_exception(void);
long replay_save_clock(ReplayClockKind kind, long clock, long raw_icount);
long replay_read_clock(ReplayClockKind kind, long raw_icount);
void replay_start_warp_timer(Own *own);
void replay_account_warp_timer(Own *own);
int replay_checkpoint(ReplayCheckpoint checkpoint);
int replay_has_event(void);
void replay_async_events(void);
void replay_enable_events(void);
void replay_disable_events(void);
int replay_events_enabled(void);
void replay_flush_events(void);
void replay_bh_schedule_event(Own *bh);
void replay_bh_schedule_oneshot_event(Own *context, Own *bh, void *opaque);
void replay_input_event(Own *console, Own *event);
void replay_input_sync_event(void);
void replay_block_event(Own *bh, long id);
long blkreplay_next_id(void);
void replay_register_char_driver(Own *chr);
void replay_chr_be_write(Own *chr, const char *buf, int len);
void replay_char_write_event_save(int result, int offset);
void replay_char_write_event_load(int *result, int *offset);
int replay_char_read_all_load(char *buf);
void replay_char_read_all_save_buf(char *buf, int offset);
void replay_char_read_all_save_error(int result);
Own *replay_register_net(Own *filter);
void replay_unregister_net(Own *net);
void replay_net_packet_event(Own *net, unsigned flags, int count);
void replay_audio_out(long *played);
void replay_audio_in_start(long *recorded);
void replay_audio_in_sample_lr(long *left, long *right);
void replay_audio_in_finish(long *recorded, void *samples, long *position, long size);
void replay_save_random(int result, void *buf, long size);
int replay_read_random(void *buf, long size);
void replay_shutdown_request(Own *cause);
int replay_can_snapshot(void);
void replay_break(long icount, Own *callback, void *opaque);
void replay_delete_break(void);
void replay_seek(long icount, Own *callback);
int replay_reverse_step(void);
int replay_reverse_continue(void);
int replay_running_debug(void);
void replay_breakpoint(void);
void replay_gdb_attached(void);
Own *replay_query(void);
void replay_notify(Own *own);
void replay_wait(Own *own);
void replay_run(Own *own);

#endif /* OWN_NAMES_H */
