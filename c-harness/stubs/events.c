/* SPDX-License-Identifier: MIT */
/* events.h in mode NONE: nothing waits, events run where they are posted. */
#include "stubs.h"

bool replay_checkpoint(replay_checkpoint_t id) {
    (void)id;
    return true;
}

bool replay_has_event(void) {
    return false;
}

bool replay_is_due(void) {
    return false;
}

replay_status_t replay_async_events(void) {
    return REPLAY_OK;
}

replay_status_t replay_enable_events(void) {
    return REPLAY_OK;
}

replay_status_t replay_disable_events(void) {
    return REPLAY_OK;
}

bool replay_events_enabled(void) {
    return false;
}

replay_status_t replay_flush_events(void) {
    return REPLAY_OK;
}

static replay_status_t run(replay_callback_t callback, void *opaque) {
    replay_session_t *session = replay_stub_session();
    if (!callback)
        return replay_stub_fail(session, REPLAY_ERROR_INVALID_ARGUMENT, "the callback is NULL");
    callback(opaque);
    replay_stub_changed(session);
    return REPLAY_OK;
}

replay_status_t replay_bh_schedule_event(replay_callback_t callback, void *opaque) {
    return run(callback, opaque);
}

replay_status_t replay_bh_schedule_oneshot_event(replay_callback_t callback, void *opaque) {
    return run(callback, opaque);
}

uint64_t blkreplay_next_id(void) {
    return 0;
}

replay_status_t replay_block_event(replay_callback_t callback, void *opaque, uint64_t id) {
    (void)id;
    return run(callback, opaque);
}

replay_status_t replay_block_event_result(replay_block_complete_t complete, void *opaque,
                                          uint64_t id, int32_t result, const struct iovec *pieces,
                                          int32_t count) {
    (void)id;
    replay_session_t *session = replay_stub_session();
    if (!complete || replay_stub_length(pieces, count) < 0)
        return replay_stub_fail(session, REPLAY_ERROR_INVALID_ARGUMENT,
                                "the callback is NULL, or the pieces cannot be right");
    complete(opaque, result);
    replay_stub_changed(session);
    return REPLAY_OK;
}
