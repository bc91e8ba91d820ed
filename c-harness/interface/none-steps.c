/* SPDX-License-Identifier: MIT */
/* Steps with the session, its clocks, timers and queue; each is made of one draw, for both sides.
 */
#include "none-differential.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const options[] = {
    NULL,
    "",
    "shift=0",
    "shift=3,sleep=off",
    "shift=auto",
    "shift=11",
    "colour=red",
    "sleep=off,align=on,rrlint=on",
    "rrsegment=1",
    "rrfile=a",
    "rrsnapshot=s",
    "sleep=off,rrdigest=5,rrfull=go",
    "sleep=perhaps",
    "sleep",
    "shift=2,,",
    "rrstall=0",
};

STEP(configure) {
    replay_host_t host = machine_host();
    if (draw->b % 4 == 0)
        host.run_timers = NULL;
    if (draw->b % 4 == 0 && draw->b % 32)
        host.deadline_ns = NULL;
    if (draw->b % 3)
        host.input_from = NULL;
    if (draw->b % 17 == 0)
        host.execute = NULL;
    static const char *const variables[] = {"sleep=off", "shift=1", "shift=12", ""};
    if (draw->c % 7 == 0)
        setenv("LIBREPLAY_OPTIONS", variables[draw->b % 4], 1);
    else
        unsetenv("LIBREPLAY_OPTIONS");
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.host = draw->c % 16 ? &host : NULL;
    config.opaque = side;
    config.sleep = draw->b % 2 ? REPLAY_OFF : REPLAY_DEFAULT;
    config.options =
        options[draw->a % 3 ? 1 + draw->a % 4 : draw->a % (sizeof options / sizeof *options)];
    config.shift = draw->c % 23 == 0 ? (int32_t)(draw->b % 14) - 3 : REPLAY_SHIFT_DEFAULT;
    config.size = draw->c % 37 == 0 ? 8 : (uint32_t)sizeof config;
    config.mode = draw->c % 41 == 0 ? (replay_mode_t)9 : REPLAY_MODE_NONE;
    RESULT(CALL(replay_configure)(draw->c % 43 == 0 ? NULL : &config));
}

STEP(start) {
    RESULT(CALL(replay_start)());
}

STEP(finish) {
    if (side->held) { /* a host must end what it was given */
        replay_block_request_t *request = side->held;
        side->held = NULL;
        RESULT(CALL(replay_block_complete)(request, -EIO));
    }
    RESULT(CALL(replay_finish)());
}

static bool write_nowhere(void *opaque, const void *bytes, size_t length) {
    (void)opaque, (void)bytes, (void)length;
    return true;
}

static bool read_nothing(void *opaque, void *bytes, size_t length) {
    (void)opaque, (void)bytes, (void)length;
    return false;
}

static void never_reached(void *opaque) {
    (void)opaque;
}

STEP(position) {
    replay_stream_t stream = REPLAY_STREAM_INIT;
    stream.write = draw->a % 5 ? write_nowhere : NULL;
    stream.read = draw->b % 5 ? read_nothing : NULL;
    stream.size = draw->c % 7 ? stream.size : 8;
    const replay_stream_t *given = draw->c % 11 ? &stream : NULL;
    RESULT(CALL(replay_can_snapshot)());
    RESULT(CALL(replay_position_save)(given));
    RESULT(CALL(replay_position_load)(given));
    RESULT(CALL(replay_break)(draw->a, draw->b % 3 ? never_reached : NULL, NULL));
    RESULT(CALL(replay_delete_break)());
    RESULT(CALL(replay_output_due)());
    RESULT(CALL(replay_branch)(draw->a % 3 ? "branch" : draw->a % 2 ? "" : NULL));
}

STEP(finish_with) {
    replay_end_t given = REPLAY_END_INIT;
    given.cause = (replay_shutdown_cause_t)(draw->a % 14) - 1;
    given.on_purpose = (uint32_t)(draw->b % 3);
    given.size -= draw->c % 7 == 0;
    if (!side->held)
        RESULT(CALL(replay_finish_with)(draw->c % 5 ? &given : NULL));
}

STEP(time_passes) {
    side->now += (int64_t)(draw->a % 3 ? draw->b % 20000 : draw->b % 400000000);
}

/* The guest sleeps, for its timer or until something wakes it before. */
STEP(sleep_on) {
    side->idle = true;
    side->alarm[0] = CALL(replay_get_virtual_clock)() + (int64_t)(draw->a % 1000000);
    for (int i = 0; i < 3; i++) {
        RESULT(CALL(replay_turn)());
        RESULT(CALL(replay_get_virtual_clock)());
        RESULT(CALL(replay_warp_deadline_ns)());
        side->now += (int64_t)(draw->b % 700000);
        if (i == 1 && draw->c % 2)
            side->idle = false;
    }
    side->idle = false;
    side->icount += draw->c % 100000000;
    RESULT(CALL(replay_turn)());
    RESULT(CALL(replay_get_virtual_clock)());
}

STEP(run) {
    if (side->paused)
        return;
    side->interrupts = 0;
    RESULT(CALL(replay_thread_attach)(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    if (draw->a % 4 == 0)
        RESULT(CALL(replay_run_stop)());
    side->is_running = true;
    RESULT(CALL(replay_run)());
    side->is_running = false;
}

STEP(fingerprint) {
    static const char *const keys[] = {"ram", "", NULL, "replay.shift", "cpu"};
    RESULT(CALL(replay_fingerprint)(keys[draw->a % 5], draw->b % 5 ? "x" : NULL));
}

STEP(blocker) {
    RESULT(CALL(replay_add_blocker)(draw->a % 5 ? "a device" : NULL));
}

STEP(names) {
    RESULT(CALL(replay_get_filename)() != NULL);
    RESULT(CALL(replay_get_mode)());
    RESULT(*side->api->mode);
    RESULT(*side->api->snapshot != NULL);
    RESULT(CALL(replay_vmstate_init)());
}

STEP(query) {
    replay_info_t info = REPLAY_INFO_INIT;
    info.size = draw->a % 7 ? (uint32_t)sizeof info : (uint32_t)(draw->b % sizeof info);
    replay_status_t status = CALL(replay_query)(draw->a % 19 ? &info : NULL);
    note(side, " = %d, mode %d icount %" PRIu64 " events %" PRIu64 " queued %" PRIu64, status,
         info.mode, info.icount, info.events, info.queued);
    note(side, " virtual %" PRId64 " warped %" PRId64 " shift %d version %u end %u break %" PRIu64,
         info.virtual_ns, info.warped_ns, info.shift, info.log_version, info.at_end,
         info.break_icount);
}

STEP(last_error) {
    replay_error_t error = REPLAY_ERROR_INIT;
    error.size = draw->a % 7 ? (uint32_t)sizeof error : (uint32_t)(draw->b % 64);
    replay_status_t status = CALL(replay_last_error)(draw->a % 5 ? &error : NULL);
    note(side, " = %d, %d with%s words", status, error.status, error.message[0] ? "" : "out");
}

STEP(status_words) {
    int32_t status = (int32_t)(draw->a % 420) * -1 + 2;
    note(side, " %s: %s", CALL(replay_status_name)(status), CALL(replay_status_sentence)(status));
}

STEP(attach) {
    static const replay_role_t roles[] = {3, 3, 3, 1, 2, 0, 4, -1};
    RESULT(CALL(replay_thread_attach)(roles[draw->a % 8]));
}

STEP(lock) {
    RESULT(CALL(replay_mutex_lock)());
    RESULT(CALL(replay_mutex_locked)());
}

STEP(unlock) {
    RESULT(CALL(replay_mutex_unlock)());
}

STEP(wait_shortly) {
    CALL(replay_notify)();
    RESULT(CALL(replay_wait)((int64_t)(draw->a % 2)));
}

STEP(sessions) {
    if (draw->a % 3)
        RESULT(CALL(replay_session_push_current)(NULL));
    if (draw->b % 3)
        RESULT(CALL(replay_session_pop_current)());
    RESULT(CALL(replay_session_free)(NULL));
    RESULT(CALL(replay_session_get_current)() != NULL);
}

STEP(execute) {
    uint64_t most = draw->a % 3 ? draw->a % 1000 : draw->b;
    uint64_t n = CALL(replay_get_budget)(side->idle ? 0 : most);
    note(side, " budget %" PRIu64, n);
    RESULT(CALL(replay_get_instructions)());
    side->icount += n < 5000 ? n : 5000;
    RESULT(CALL(replay_account_executed_instructions)());
    RESULT(CALL(replay_get_current_icount)());
}

STEP(turns) {
    if (draw->a % 3)
        RESULT(CALL(replay_start_warp_timer)());
    if (draw->a % 5)
        RESULT(CALL(replay_account_warp_timer)());
    if (draw->b % 3 == 0)
        RESULT(CALL(replay_turn)());
    RESULT(CALL(replay_get_virtual_clock)());
    RESULT(CALL(replay_warp_deadline_ns)());
}

STEP(change_machine) {
    switch (draw->a % 4) {
    case 0:
        side->idle = draw->b % 2;
        break;
    case 1:
        side->paused = draw->b % 8 == 0;
        break;
    case 2:
        side->alarm[0] = draw->b % 3 ? (int64_t)(draw->c % 20000) : -1;
        break;
    default:
        side->alarm[1] = draw->b % 3 ? 0 : -1;
    }
}

STEP(call_back) {
    side->calls_back = draw->a % 3 ? 0 : draw->b % 13;
}

STEP(interrupts) {
    RESULT(CALL(replay_interrupt)());
    RESULT(CALL(replay_has_interrupt)());
    RESULT(CALL(replay_exception)());
    RESULT(CALL(replay_has_exception)());
}

static void note_last_error(side_t *side) {
    replay_error_t error = REPLAY_ERROR_INIT;
    CALL(replay_last_error)(&error);
    note(side, " last error %d", error.status);
}

STEP(clocks) {
    replay_clock_kind_t kind = (replay_clock_kind_t)(draw->a % 4) - 1;
    RESULT(CALL(replay_save_clock)(kind, (int64_t)draw->b, side->icount));
    note_last_error(side);
    RESULT(CALL(replay_read_clock)(kind, side->icount));
    RESULT(CALL(replay_clock_unlock)((int64_t)draw->c));
}

STEP(checkpoints) {
    RESULT(CALL(replay_checkpoint)((replay_checkpoint_t)(draw->a % 12) - 1));
    RESULT(CALL(replay_has_event)());
    RESULT(CALL(replay_is_due)());
}

STEP(queue) {
    switch (draw->a % 8) {
    case 0:
        RESULT(CALL(replay_async_events)());
        break;
    case 1:
        RESULT(CALL(replay_flush_events)());
        break;
    case 2:
        RESULT(CALL(replay_enable_events)());
        break;
    case 3:
        RESULT(CALL(replay_disable_events)());
        break;
    case 4:
        RESULT(CALL(replay_events_enabled)());
        break;
    case 5:
        RESULT(CALL(replay_bh_schedule_event)(draw->b % 9 ? m_callback : NULL, side));
        RESULT(CALL(replay_bh_schedule_oneshot_event)(draw->b % 7 ? m_callback : NULL, side));
        break;
    case 6:
        RESULT(CALL(blkreplay_next_id)());
        break;
    default:
        RESULT(CALL(replay_block_event)(draw->b % 9 ? m_callback : NULL, side, draw->c % 4));
        RESULT(CALL(replay_block_event_result)(draw->c % 9 ? m_complete : NULL, side, 1,
                                               (int32_t)draw->b % 4, NULL, draw->c % 7 == 0));
    }
}

STEP(timers) {
    replay_timer_t *timer = SLOT(timers);
    switch (draw->a % 6) {
    case 0:
        if (!side->timers[draw->slot])
            side->timers[draw->slot] =
                CALL(replay_timer_new)(draw->b % 9 ? m_callback : NULL, side);
        RESULT(side->timers[draw->slot] != NULL);
        break;
    case 1:
    case 2:
        RESULT(CALL(replay_timer_mod)(timer, (int64_t)(draw->b % 30000) - 100));
        break;
    case 3:
        RESULT(CALL(replay_timer_del)(timer));
        break;
    case 4:
        RESULT(CALL(replay_timer_expire_time)(timer));
        break;
    default:
        if (draw->b % 2) { /* freed, but still known: the next calls must refuse it */
            RESULT(CALL(replay_timer_free)(timer));
            if (draw->b % 4 == 1 && timer)
                side->timers[draw->slot] = NULL;
        }
    }
}

STEP(shutdown_digest) {
    RESULT(CALL(replay_shutdown_request)((replay_shutdown_cause_t)(draw->a % 14) - 1));
    RESULT(CALL(replay_digest)(draw->b));
}

/* The stubs open no log; without one both answer alike. */
STEP(read_log) {
    replay_error_t error = REPLAY_ERROR_INIT;
    error.size = draw->a % 5 ? (uint32_t)sizeof error : (uint32_t)(draw->b % 16);
    RESULT(CALL(replay_log_open)(NULL, draw->a % 3 ? &error : NULL) != NULL);
    note(side, " status %d", error.status);
    RESULT(CALL(replay_log_last_error)(NULL, draw->b % 3 ? &error : NULL));
    note(side, " status %d", error.status);
    RESULT(CALL(replay_log_query)(NULL, NULL));
    RESULT(CALL(replay_log_fingerprint)(NULL, "ram") != NULL);
    RESULT(CALL(replay_log_fingerprint_at)(NULL, 0, NULL, NULL));
    RESULT(CALL(replay_log_seek)(NULL, draw->c));
    RESULT(CALL(replay_log_seek_event)(NULL, draw->c));
    RESULT(CALL(replay_log_next)(NULL, NULL));
    CALL(replay_log_close)(NULL);
}
