/* SPDX-License-Identifier: MIT */
/* Calls that do nothing without a log: what they return, and how they check their arguments. */
#include "stubs.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

#define ANSWER(type, name, parameters, result)                                                     \
    type name parameters {                                                                         \
        return result;                                                                             \
    }
#define NEEDS(condition, otherwise) ((condition) ? (otherwise) : FAIL(INVALID_ARGUMENT))

#define STREAM(stream, function)                                                                   \
    (stream && stream->size < sizeof *stream                                                       \
         ? FAIL(STRUCT_SIZE)                                                                       \
         : NEEDS(stream && stream->function, FAIL(WRONG_MODE)))

ANSWER(replay_mode_t, replay_get_mode, (void), REPLAY_MODE_NONE)
ANSWER(const char *, replay_get_filename, (void), NULL)
ANSWER(replay_status_t, replay_digest, (uint64_t digest), REPLAY_OK)

/* The lock does nothing, and only one session exists. */
ANSWER(replay_status_t, replay_mutex_lock, (void), REPLAY_OK)
ANSWER(replay_status_t, replay_mutex_unlock, (void), REPLAY_OK)
ANSWER(bool, replay_mutex_locked, (void), true)
ANSWER(replay_session_t *, replay_session_new, (void), (FAIL(NOT_SUPPORTED), NULL))
ANSWER(replay_status_t, replay_session_free, (replay_session_t * session), FAIL(INVALID_ARGUMENT))
ANSWER(replay_session_t *, replay_session_get_current, (void), NULL)

ANSWER(bool, replay_can_snapshot, (void), (FAIL(WRONG_MODE), false))
ANSWER(replay_status_t, replay_position_save, (const replay_stream_t *out), STREAM(out, write))
ANSWER(replay_status_t, replay_position_load, (const replay_stream_t *in), STREAM(in, read))

ANSWER(replay_status_t, replay_break, (uint64_t icount, replay_callback_t reached, void *opaque),
       NEEDS(reached, FAIL(WRONG_MODE)))
ANSWER(replay_status_t, replay_delete_break, (void), FAIL(WRONG_MODE))
ANSWER(bool, replay_output_due, (void), true)
ANSWER(replay_status_t, replay_branch, (const char *path), NEEDS(path &&*path, FAIL(WRONG_MODE)))

ANSWER(replay_status_t, replay_register_ram, (const replay_ram_config_t *config),
       config && config->size < sizeof *config
           ? FAIL(STRUCT_SIZE)
           : NEEDS(config && config->name && config->bytes, REPLAY_OK))
ANSWER(replay_status_t, replay_pause, (void), FAIL(NOT_SUPPORTED))
ANSWER(replay_status_t, replay_resume, (void), FAIL(NOT_SUPPORTED))
ANSWER(bool, replay_is_paused, (void), false)
ANSWER(replay_status_t, replay_seek, (uint64_t icount), FAIL(WRONG_MODE))
ANSWER(replay_status_t, replay_seek_event, (uint64_t event), FAIL(WRONG_MODE))
ANSWER(replay_status_t, replay_reverse_step, (void), FAIL(WRONG_MODE))
ANSWER(replay_status_t, replay_reverse_continue, (void), FAIL(WRONG_MODE))
ANSWER(bool, replay_running_debug, (void), false)
ANSWER(bool, replay_breakpoint, (replay_break_kind_t kind, uint64_t address), false)
ANSWER(replay_status_t, replay_gdb_listen, (const char *where, const replay_gdb_target_t *target),
       target && target->size < sizeof *target ? FAIL(STRUCT_SIZE)
                                               : NEEDS(where && target, FAIL(NOT_SUPPORTED)))
ANSWER(bool, replay_gdb_attached, (void), false)

ANSWER(int32_t, replay_get_instructions, (void), INT32_MAX)
ANSWER(replay_status_t, replay_account_executed_instructions, (void), REPLAY_OK)
ANSWER(bool, replay_interrupt, (void), true)
ANSWER(bool, replay_has_interrupt, (void), false)
ANSWER(bool, replay_exception, (void), true)
ANSWER(bool, replay_has_exception, (void), false)

ANSWER(int64_t, replay_save_clock, (replay_clock_kind_t kind, int64_t value, uint64_t icount),
       value)
ANSWER(int64_t, replay_read_clock, (replay_clock_kind_t kind, uint64_t icount),
       (NEEDS(kind >= 0 && kind < REPLAY_CLOCK_COUNT, FAIL(WRONG_MODE)), 0))
ANSWER(int64_t, replay_clock_unlock, (int64_t value), value)

ANSWER(bool, replay_checkpoint, (replay_checkpoint_t id), true)
ANSWER(bool, replay_has_event, (void), false)
ANSWER(bool, replay_is_due, (void), false)
ANSWER(replay_status_t, replay_async_events, (void), replay_stub.failure)
ANSWER(replay_status_t, replay_enable_events, (void), REPLAY_OK)
ANSWER(replay_status_t, replay_disable_events, (void), REPLAY_OK)
ANSWER(bool, replay_events_enabled, (void), false)
ANSWER(replay_status_t, replay_flush_events, (void), REPLAY_OK)
ANSWER(uint64_t, blkreplay_next_id, (void), 0)

ANSWER(replay_status_t, replay_audio_out, (size_t * played), NEEDS(played, REPLAY_OK))
ANSWER(replay_status_t, replay_audio_in_start, (size_t * count), NEEDS(count, REPLAY_OK))
ANSWER(replay_status_t, replay_audio_in_start_at, (size_t * count, size_t *position),
       NEEDS(count &&position, REPLAY_OK))
ANSWER(replay_status_t, replay_audio_in_sample_lr, (uint64_t * left, uint64_t *right),
       NEEDS(left &&right, REPLAY_OK))
ANSWER(replay_status_t, replay_audio_in_finish, (void), REPLAY_OK)
ANSWER(replay_status_t, replay_shutdown_request, (replay_shutdown_cause_t cause),
       NEEDS(cause >= 0 && cause < REPLAY_SHUTDOWN_COUNT, REPLAY_OK))

/* Values are only for a log; a loaded value is 0. */
ANSWER(replay_status_t, replay_char_write_event_save, (int32_t result, int32_t offset),
       FAIL(WRONG_MODE))
ANSWER(replay_status_t, replay_char_write_event_load, (int32_t * result, int32_t *offset),
       NEEDS(result &&offset, (*result = *offset = 0, FAIL(WRONG_MODE))))
ANSWER(replay_status_t, replay_char_read_all_save_buf, (const uint8_t *data, size_t length),
       NEEDS(data || !length, FAIL(WRONG_MODE)))
ANSWER(replay_status_t, replay_char_read_all_save_error, (int32_t error), FAIL(WRONG_MODE))
ANSWER(replay_status_t, replay_char_read_all_size, (size_t * size),
       NEEDS(size, (*size = 0, FAIL(WRONG_MODE))))
ANSWER(replay_status_t, replay_char_read_all_load, (uint8_t * data, size_t size, int32_t *result),
       NEEDS((data || !size) && result, (*result = 0, FAIL(WRONG_MODE))))
ANSWER(replay_status_t, replay_save_random, (int32_t result, const void *data, size_t length),
       NEEDS(data || !length, FAIL(WRONG_MODE)))
ANSWER(int32_t, replay_read_random, (void *data, size_t length),
       NEEDS(data || !length, (length ? memset(data, 0, length) : data, FAIL(WRONG_MODE))))

replay_status_t replay_session_push_current(replay_session_t *session) {
    REQUIRE(replay_stub_thread.pushed < REPLAY_SESSIONS_PUSHED_MAX, WRONG_STATE);
    REQUIRE(!session, INVALID_ARGUMENT);
    replay_stub_thread.pushed++;
    return REPLAY_OK;
}

replay_status_t replay_session_pop_current(void) {
    REQUIRE(replay_stub_thread.pushed > 0, WRONG_STATE);
    replay_stub_thread.pushed--;
    return REPLAY_OK;
}
