/* SPDX-License-Identifier: MIT */
/* devices.h, events.h and instructions.h in mode NONE: nothing waits, what comes
 * from outside is delivered at once. */
#include "stubs.h"

#include <stdlib.h>
#include <string.h>

enum { CHAR_DEVICES_MAX = 256, PIECES_MAX = 1024, PORT_MAX = 65535 };

static replay_status_t wrong_mode(void) {
    return replay_stub_fail(REPLAY_ERROR_WRONG_MODE,
                            "the call makes sense only while recording or replaying");
}

int64_t replay_stub_length(const struct iovec *pieces, int32_t count) {
    if (count < 0 || count > PIECES_MAX || (!pieces && count))
        return -1;
    size_t length = 0;
    for (int32_t i = 0; i < count; length += pieces[i++].iov_len)
        if ((!pieces[i].iov_base && pieces[i].iov_len) ||
            pieces[i].iov_len > REPLAY_STUB_LENGTH_MAX - length)
            return -1;
    return (int64_t)length;
}

void replay_stub_gather(uint8_t *to, const struct iovec *pieces, int32_t count) {
    for (int32_t i = 0; i < count; to += pieces[i++].iov_len)
        if (pieces[i].iov_len)
            memcpy(to, pieces[i].iov_base, pieces[i].iov_len);
}

/* -------------------------------------------------------------- instructions */

uint64_t replay_get_current_icount(void) {
    return replay_stub_session.host.icount
               ? replay_stub_session.host.icount(replay_stub_session.opaque)
               : 0;
}

int32_t replay_get_instructions(void) {
    return INT32_MAX;
}

/* A call that has nothing to do, and what it returns. */
#define NOTHING(type, name, result)                                                                \
    type name(void) {                                                                              \
        return result;                                                                             \
    }

NOTHING(replay_status_t, replay_account_executed_instructions, REPLAY_OK)
NOTHING(bool, replay_interrupt, true)
NOTHING(bool, replay_has_interrupt, false)
NOTHING(bool, replay_exception, true)
NOTHING(bool, replay_has_exception, false)
NOTHING(bool, replay_has_event, false)
NOTHING(bool, replay_is_due, false)
NOTHING(replay_status_t, replay_async_events, replay_stub_session.failure)
NOTHING(replay_status_t, replay_enable_events, REPLAY_OK)
NOTHING(replay_status_t, replay_disable_events, REPLAY_OK)
NOTHING(bool, replay_events_enabled, false)
NOTHING(replay_status_t, replay_flush_events, REPLAY_OK)
NOTHING(uint64_t, blkreplay_next_id, 0)
NOTHING(replay_status_t, replay_audio_in_finish, REPLAY_OK)

bool replay_checkpoint(replay_checkpoint_t id) {
    (void)id;
    return true;
}

/* -------------------------------------------------------------------- events */

static replay_status_t run(replay_callback_t callback, void *opaque) {
    if (!callback)
        return replay_stub_invalid("an event needs a callback");
    callback(opaque);
    replay_stub_wake_vcpu();
    return REPLAY_OK;
}

replay_status_t replay_bh_schedule_event(replay_callback_t callback, void *opaque) {
    return run(callback, opaque);
}

replay_status_t replay_bh_schedule_oneshot_event(replay_callback_t callback, void *opaque) {
    return run(callback, opaque);
}

replay_status_t replay_block_event(replay_callback_t callback, void *opaque, uint64_t id) {
    (void)id;
    return run(callback, opaque);
}

replay_status_t replay_block_event_result(replay_block_complete_t complete, void *opaque,
                                          uint64_t id, int32_t result, const struct iovec *pieces,
                                          int32_t count) {
    (void)id;
    if (!complete || replay_stub_length(pieces, count) < 0)
        return replay_stub_invalid(
            "a completion needs a callback, and as many pieces as its count says");
    complete(opaque, result);
    replay_stub_wake_vcpu();
    return REPLAY_OK;
}

/* -------------------------------------------------------- character devices */

static struct {
    replay_char_receive_t receive;
    void *opaque;
} chars[CHAR_DEVICES_MAX];
static int32_t char_count;

int32_t replay_register_char_driver(replay_char_receive_t receive, void *opaque) {
    if (!receive)
        return replay_stub_invalid("a character device needs a callback");
    pthread_mutex_lock(&replay_stub_session.mutex);
    int32_t number = char_count;
    if (number < CHAR_DEVICES_MAX) {
        chars[char_count].receive = receive;
        chars[char_count++].opaque = opaque;
    }
    pthread_mutex_unlock(&replay_stub_session.mutex);
    return number < CHAR_DEVICES_MAX
               ? number
               : replay_stub_fail(REPLAY_ERROR_WRONG_STATE, "there are 256 character devices");
}

replay_status_t replay_chr_be_write(int32_t device, const uint8_t *data, size_t length) {
    pthread_mutex_lock(&replay_stub_session.mutex);
    bool found = device >= 0 && device < char_count;
    replay_char_receive_t receive = found ? chars[device].receive : NULL;
    void *opaque = found ? chars[device].opaque : NULL;
    pthread_mutex_unlock(&replay_stub_session.mutex);
    if (!found || (!data && length) || length > REPLAY_STUB_LENGTH_MAX)
        return replay_stub_invalid("no such character device, no data, or more than 1 GiB");
    receive(opaque, data, length);
    replay_stub_wake_vcpu();
    return REPLAY_OK;
}

replay_status_t replay_char_write_event_save(int32_t result, int32_t offset) {
    (void)result, (void)offset;
    return wrong_mode();
}

replay_status_t replay_char_write_event_load(int32_t *result, int32_t *offset) {
    if (!result || !offset)
        return replay_stub_invalid("there is no room for result or offset");
    *result = *offset = 0;
    return wrong_mode();
}

replay_status_t replay_char_read_all_save_buf(const uint8_t *data, size_t length) {
    return data || !length ? wrong_mode() : replay_stub_invalid("the data is NULL");
}

replay_status_t replay_char_read_all_save_error(int32_t error) {
    (void)error;
    return wrong_mode();
}

replay_status_t replay_char_read_all_size(size_t *size) {
    if (!size)
        return replay_stub_invalid("there is no room for the size");
    *size = 0;
    return wrong_mode();
}

replay_status_t replay_char_read_all_load(uint8_t *data, size_t size, int32_t *result) {
    if ((!data && size) || !result)
        return replay_stub_invalid("there is no room for data or result");
    *result = 0;
    return wrong_mode();
}

/* ------------------------------------------------------------------- network */

typedef struct {
    replay_stub_item_t item;
    replay_net_receive_t receive;
    void *opaque;
} net_t;

replay_net_t *replay_register_net(replay_net_receive_t receive, void *opaque) {
    if (!receive || replay_stub_session.started) {
        replay_stub_fail(receive ? REPLAY_ERROR_WRONG_STATE : REPLAY_ERROR_INVALID_ARGUMENT,
                         "a network filter needs a callback, and comes before the start");
        return NULL;
    }
    net_t *net = replay_stub_add(REPLAY_STUB_NET, sizeof *net);
    if (!net)
        return NULL;
    net->receive = receive, net->opaque = opaque;
    return replay_stub_handle(&net->item);
}

static replay_status_t no_net(void) {
    return replay_stub_invalid("the network filter is not registered, or the packet has no data");
}

replay_status_t replay_unregister_net(replay_net_t *handle) {
    pthread_mutex_lock(&replay_stub_session.mutex);
    void *net = replay_stub_take(REPLAY_STUB_NET, handle);
    pthread_mutex_unlock(&replay_stub_session.mutex);
    free(net);
    return net || !handle ? REPLAY_OK : no_net();
}

replay_status_t replay_net_packet_event(replay_net_t *handle, uint32_t flags,
                                        const struct iovec *pieces, int32_t count) {
    int64_t length = replay_stub_length(pieces, count);
    pthread_mutex_lock(&replay_stub_session.mutex);
    const net_t *net = replay_stub_find(REPLAY_STUB_NET, handle);
    net_t target = net ? *net : (net_t){0};
    pthread_mutex_unlock(&replay_stub_session.mutex);
    if (!net || length < 0)
        return no_net();
    uint8_t *data = malloc(length ? (size_t)length : 1);
    if (!data)
        return replay_stub_fail(REPLAY_ERROR_NO_MEMORY, "memory ran out for a packet");
    replay_stub_gather(data, pieces, count);
    target.receive(target.opaque, flags, data, (size_t)length);
    free(data);
    replay_stub_wake_vcpu();
    return REPLAY_OK;
}

void replay_stub_drop_devices(void) {
    replay_stub_drop(REPLAY_STUB_NET);
    char_count = 0;
}

/* --------------------------------------------------------------------- input */

static int32_t clamped(int64_t code) {
    return code < INT32_MIN ? INT32_MIN : code > INT32_MAX ? INT32_MAX : (int32_t)code;
}

static replay_status_t input_is_lost(void) {
    return replay_stub_fail(REPLAY_ERROR_WRONG_STATE,
                            "the session is not configured: the input is lost");
}

replay_status_t replay_input_event_from(const replay_input_t *input) {
    const replay_host_t *host = &replay_stub_session.host;
    if (input && input->size < sizeof *input)
        return replay_stub_fail(REPLAY_ERROR_STRUCT_SIZE,
                                "the size of replay_input_t is too small");
    if (!input || input->kind < 0 || input->kind >= REPLAY_INPUT_COUNT || input->port > PORT_MAX)
        return replay_stub_invalid("the event is NULL, its kind does not exist, or its port");
    if (!replay_stub_session.configured)
        return input_is_lost();
    replay_input_t known = *input;
    known.size = (uint32_t)sizeof known;
    if (host->input_from) {
        host->input_from(replay_stub_session.opaque, &known);
    } else if (host->input) {
        replay_input_event_t event = {input->kind, clamped(input->code), input->axis,
                                      input->slot, input->tracking_id,   input->value};
        host->input(replay_stub_session.opaque, &event);
    }
    replay_stub_wake_vcpu();
    return REPLAY_OK;
}

replay_status_t replay_input_event(const replay_input_event_t *event) {
    if (!event)
        return replay_stub_invalid("the event is NULL");
    replay_input_t input = {
        (uint32_t)sizeof input, event->kind, 0, 0, event->code, event->axis, event->slot,
        event->tracking_id,     event->value};
    return replay_input_event_from(&input);
}

replay_status_t replay_input_sync_event(void) {
    if (!replay_stub_session.configured)
        return input_is_lost();
    if (replay_stub_session.host.input_sync)
        replay_stub_session.host.input_sync(replay_stub_session.opaque);
    replay_stub_wake_vcpu();
    return REPLAY_OK;
}

/* --------------------------------------------- audio, random numbers, shutdown */

static replay_status_t needs(bool has_all) {
    return has_all ? REPLAY_OK : replay_stub_invalid("a count, a position or a sample is NULL");
}

replay_status_t replay_audio_out(size_t *played) {
    return needs(played);
}

replay_status_t replay_audio_in_start(size_t *count) {
    return needs(count);
}

replay_status_t replay_audio_in_start_at(size_t *count, size_t *position) {
    return needs(count && position);
}

replay_status_t replay_audio_in_sample_lr(uint64_t *left, uint64_t *right) {
    return needs(left && right);
}

replay_status_t replay_save_random(int32_t result, const void *data, size_t length) {
    (void)result;
    return data || !length ? wrong_mode() : replay_stub_invalid("the data is NULL");
}

int32_t replay_read_random(void *data, size_t length) {
    if (!data && length)
        return replay_stub_invalid("there is no room for the data");
    if (length)
        memset(data, 0, length);
    return wrong_mode();
}

replay_status_t replay_shutdown_request(replay_shutdown_cause_t cause) {
    return cause >= 0 && cause < REPLAY_SHUTDOWN_COUNT
               ? REPLAY_OK
               : replay_stub_invalid("the cause of a shutdown does not exist");
}
