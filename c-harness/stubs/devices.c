/* SPDX-License-Identifier: MIT */
/* devices.h in mode NONE: what comes from outside is delivered at once. */
#include "stubs.h"

#include <stdlib.h>
#include <string.h>

static replay_status_t invalid(const char *what) {
    return replay_stub_fail(replay_stub_session(), REPLAY_ERROR_INVALID_ARGUMENT, "%s", what);
}

/* ------------------------------------------------------- character devices */

int32_t replay_register_char_driver(replay_char_receive_t receive, void *opaque) {
    replay_session_t *session = replay_stub_session();
    if (!receive)
        return invalid("the callback is NULL");
    pthread_mutex_lock(&session->mutex);
    int32_t number = session->char_count;
    if (number < REPLAY_STUB_CHAR_DEVICES)
        session->chars[session->char_count++] = (replay_stub_char_t){receive, opaque};
    pthread_mutex_unlock(&session->mutex);
    if (number == REPLAY_STUB_CHAR_DEVICES)
        return replay_stub_fail(session, REPLAY_ERROR_WRONG_STATE,
                                "%d character devices are registered already", number);
    return number;
}

replay_status_t replay_chr_be_write(int32_t device, const uint8_t *data, size_t length) {
    replay_session_t *session = replay_stub_session();
    pthread_mutex_lock(&session->mutex);
    bool found = device >= 0 && device < session->char_count;
    replay_stub_char_t target = {0};
    if (found)
        target = session->chars[device];
    pthread_mutex_unlock(&session->mutex);
    if (!found || (!data && length) || length > REPLAY_STUB_LENGTH_MAX)
        return invalid("no such character device, no data, or more than 1 GiB");
    target.receive(target.opaque, data, length);
    replay_stub_changed(session);
    return REPLAY_OK;
}

replay_status_t replay_char_write_event_save(int32_t result, int32_t offset) {
    (void)result;
    (void)offset;
    return replay_stub_wrong_mode(__func__);
}

replay_status_t replay_char_write_event_load(int32_t *result, int32_t *offset) {
    if (result)
        *result = 0;
    if (offset)
        *offset = 0;
    return replay_stub_wrong_mode(__func__);
}

replay_status_t replay_char_read_all_save_buf(const uint8_t *data, size_t length) {
    (void)data;
    (void)length;
    return replay_stub_wrong_mode(__func__);
}

replay_status_t replay_char_read_all_save_error(int32_t error) {
    (void)error;
    return replay_stub_wrong_mode(__func__);
}

replay_status_t replay_char_read_all_size(size_t *size) {
    if (size)
        *size = 0;
    return replay_stub_wrong_mode(__func__);
}

replay_status_t replay_char_read_all_load(uint8_t *data, size_t size, int32_t *result) {
    (void)data;
    (void)size;
    if (result)
        *result = 0;
    return replay_stub_wrong_mode(__func__);
}

/* ----------------------------------------------------------------- network */

struct replay_net {
    struct replay_net *next;
    replay_net_receive_t receive;
    void *opaque;
};

/* Where a filter stands in the session's list; with the mutex held. */
static replay_net_t **find(replay_session_t *session, const replay_net_t *net) {
    for (replay_net_t **at = &session->nets; *at; at = &(*at)->next)
        if (*at == net)
            return at;
    return NULL;
}

replay_net_t *replay_register_net(replay_net_receive_t receive, void *opaque) {
    replay_session_t *session = replay_stub_session();
    if (!receive) {
        invalid("the callback is NULL");
        return NULL;
    }
    replay_net_t *net = malloc(sizeof *net);
    if (!net) {
        replay_stub_fail(session, REPLAY_ERROR_NO_MEMORY, "memory ran out");
        return NULL;
    }
    pthread_mutex_lock(&session->mutex);
    *net = (replay_net_t){session->nets, receive, opaque};
    session->nets = net;
    pthread_mutex_unlock(&session->mutex);
    return net;
}

replay_status_t replay_unregister_net(replay_net_t *net) {
    replay_session_t *session = replay_stub_session();
    if (!net)
        return REPLAY_OK;
    pthread_mutex_lock(&session->mutex);
    replay_net_t **at = find(session, net);
    if (at)
        *at = net->next;
    pthread_mutex_unlock(&session->mutex);
    if (!at)
        return invalid("this is no network filter of the session");
    free(net);
    return REPLAY_OK;
}

void replay_stub_free_nets(replay_session_t *session) {
    while (session->nets) {
        replay_net_t *net = session->nets;
        session->nets = net->next;
        free(net);
    }
}

int64_t replay_stub_length(const struct iovec *pieces, int32_t count) {
    if (count < 0 || count > REPLAY_STUB_PIECES_MAX || (!pieces && count))
        return -1;
    size_t length = 0;
    for (int32_t i = 0; i < count; i++) {
        if ((!pieces[i].iov_base && pieces[i].iov_len) ||
            pieces[i].iov_len > REPLAY_STUB_LENGTH_MAX - length)
            return -1;
        length += pieces[i].iov_len;
    }
    return (int64_t)length;
}

/* The pieces in one buffer, to be freed, or NULL. */
static uint8_t *joined(const struct iovec *pieces, int32_t count, size_t length) {
    uint8_t *data = malloc(length ? length : 1), *to = data;
    for (int32_t i = 0; data && i < count; to += pieces[i++].iov_len)
        if (pieces[i].iov_len)
            memcpy(to, pieces[i].iov_base, pieces[i].iov_len);
    return data;
}

replay_status_t replay_net_packet_event(replay_net_t *net, uint32_t flags,
                                        const struct iovec *pieces, int32_t count) {
    replay_session_t *session = replay_stub_session();
    pthread_mutex_lock(&session->mutex);
    bool found = find(session, net);
    replay_net_t target = {0};
    if (found)
        target = *net;
    pthread_mutex_unlock(&session->mutex);
    int64_t length = replay_stub_length(pieces, count);
    if (!found || length < 0)
        return invalid("this is no network filter of the session, or no packet");
    uint8_t *data = joined(pieces, count, (size_t)length);
    if (!data)
        return replay_stub_fail(session, REPLAY_ERROR_NO_MEMORY, "memory ran out");
    target.receive(target.opaque, flags, data, (size_t)length);
    free(data);
    replay_stub_changed(session);
    return REPLAY_OK;
}

/* ------------------------------------------------------------------- input */

enum { PORT_MAX = 65535 };

static int32_t clamped(int64_t code) {
    return code < INT32_MIN ? INT32_MIN : code > INT32_MAX ? INT32_MAX : (int32_t)code;
}

static replay_status_t input_is_lost(replay_session_t *session) {
    return replay_stub_fail(session, REPLAY_ERROR_WRONG_STATE,
                            "the session is not configured: the input is lost");
}

static replay_status_t deliver(const replay_input_t *input) {
    replay_session_t *session = replay_stub_session();
    if (!session->configured)
        return input_is_lost(session);
    if (session->host.input_from) {
        session->host.input_from(session->opaque, input);
    } else if (session->host.input) {
        replay_input_event_t event = {input->kind, clamped(input->code), input->axis,
                                      input->slot, input->tracking_id,   input->value};
        session->host.input(session->opaque, &event);
    }
    replay_stub_changed(session);
    return REPLAY_OK;
}

replay_status_t replay_input_event_from(const replay_input_t *input) {
    if (input && input->size < sizeof *input)
        return replay_stub_fail(replay_stub_session(), REPLAY_ERROR_STRUCT_SIZE,
                                "the size of replay_input_t is %u", input->size);
    if (!input || input->kind < 0 || input->kind >= REPLAY_INPUT_COUNT || input->port > PORT_MAX)
        return invalid("the input event is NULL, of no known kind, or of no possible port");
    replay_input_t known = *input;
    known.size = sizeof known;
    return deliver(&known);
}

replay_status_t replay_input_event(const replay_input_event_t *event) {
    if (!event || event->kind < 0 || event->kind >= REPLAY_INPUT_COUNT)
        return invalid("the input event is NULL or of no known kind");
    replay_input_t input = REPLAY_INPUT_INIT;
    input.kind = event->kind;
    input.code = event->code;
    input.axis = event->axis;
    input.slot = event->slot;
    input.tracking_id = event->tracking_id;
    input.value = event->value;
    return deliver(&input);
}

replay_status_t replay_input_sync_event(void) {
    replay_session_t *session = replay_stub_session();
    if (!session->configured)
        return input_is_lost(session);
    if (session->host.input_sync)
        session->host.input_sync(session->opaque);
    replay_stub_changed(session);
    return REPLAY_OK;
}

/* ------------------------------------------- audio, random numbers, shutdown */

replay_status_t replay_audio_out(size_t *played) {
    return played ? REPLAY_OK : invalid("the count is NULL");
}

replay_status_t replay_audio_in_start_at(size_t *count, size_t *position) {
    return count && position ? REPLAY_OK : invalid("the count or the position is NULL");
}

replay_status_t replay_audio_in_start(size_t *count) {
    return count ? REPLAY_OK : invalid("the count is NULL");
}

replay_status_t replay_audio_in_sample_lr(uint64_t *left, uint64_t *right) {
    return left && right ? REPLAY_OK : invalid("a sample is NULL");
}

replay_status_t replay_audio_in_finish(void) {
    return REPLAY_OK;
}

replay_status_t replay_save_random(int32_t result, const void *data, size_t length) {
    (void)result;
    (void)data;
    (void)length;
    return replay_stub_wrong_mode(__func__);
}

int32_t replay_read_random(void *data, size_t length) {
    if (data)
        memset(data, 0, length);
    return replay_stub_wrong_mode(__func__);
}

replay_status_t replay_shutdown_request(replay_shutdown_cause_t cause) {
    if (cause < 0 || cause >= REPLAY_SHUTDOWN_COUNT)
        return invalid("no such cause of a shutdown");
    return REPLAY_OK;
}
