/* SPDX-License-Identifier: MIT */
/* events.h and devices.h: input from outside is delivered at once. */
#include <stdlib.h>

#include "stubs.h"

static replay_status_t delivered(void) {
    replay_stub_wake_vcpu();
    return REPLAY_OK;
}

/* -------------------------------------------------------------------- events */

replay_status_t replay_block_event(replay_callback_t callback, void *opaque, uint64_t id) {
    (void)id;
    REQUIRE(callback, INVALID_ARGUMENT);
    IN_HOST(callback(opaque));
    return delivered();
}

replay_status_t replay_bh_schedule_event(replay_callback_t callback, void *opaque) {
    return replay_block_event(callback, opaque, 0);
}

replay_status_t replay_bh_schedule_oneshot_event(replay_callback_t callback, void *opaque) {
    return replay_block_event(callback, opaque, 0);
}

replay_status_t replay_block_event_result(replay_block_complete_t complete, void *opaque,
                                          uint64_t id, int32_t result, const struct iovec *pieces,
                                          int32_t count) {
    (void)id;
    REQUIRE(complete && replay_pieces_length(pieces, count) >= 0, INVALID_ARGUMENT);
    IN_HOST(complete(opaque, result));
    return delivered();
}

/* ------------------------------------------- character devices and the network */

/* A character device, or a network filter. */
typedef struct {
    replay_stub_item_t item;
    replay_char_receive_t receive;
    replay_net_receive_t receive_packet;
    void *opaque;
} device_t;

static device_t chars[REPLAY_CHAR_DEVICES_MAX];

int32_t replay_register_char_driver(replay_char_receive_t receive, void *opaque) {
    REQUIRE(receive, INVALID_ARGUMENT);
    HOLD(mutex);
    REQUIRE(replay_stub.chars < REPLAY_CHAR_DEVICES_MAX, WRONG_STATE);
    chars[replay_stub.chars] = (device_t){.receive = receive, .opaque = opaque};
    return replay_stub.chars++;
}

replay_status_t replay_chr_be_write(int32_t number, const uint8_t *data, size_t length) {
    device_t device = {0};
    {
        HOLD(mutex);
        REQUIRE(number >= 0 && number < replay_stub.chars, INVALID_ARGUMENT);
        device = chars[number];
    }
    REQUIRE((data || !length) && length <= REPLAY_PAYLOAD_MAX, INVALID_ARGUMENT);
    IN_HOST(device.receive(device.opaque, data, length));
    return delivered();
}

replay_net_t *replay_register_net(replay_net_receive_t receive, void *opaque) {
    REQUIRE_OR(receive, INVALID_ARGUMENT, NULL);
    REQUIRE_OR(!replay_stub.started, WRONG_STATE, NULL);
    device_t net = {.receive_packet = receive, .opaque = opaque};
    device_t *added = replay_stub_add(REPLAY_STUB_NET, &net.item, sizeof net, 0);
    return added ? (replay_net_t *)added->item.handle : NULL;
}

replay_status_t replay_unregister_net(replay_net_t *handle) {
    void *net = handle ? replay_stub_take(REPLAY_STUB_NET, handle) : NULL;
    free(net);
    REQUIRE(net || !handle, INVALID_ARGUMENT);
    return REPLAY_OK;
}

replay_status_t replay_net_packet_event(replay_net_t *handle, uint32_t flags,
                                        const struct iovec *pieces, int32_t count) {
    int64_t length = replay_pieces_length(pieces, count);
    device_t net;
    {
        HOLD(mutex);
        const device_t *found = handle ? replay_stub_find(REPLAY_STUB_NET, handle) : NULL;
        REQUIRE(found && length >= 0, INVALID_ARGUMENT);
        net = *found;
    }
    uint8_t *data = malloc(length ? (size_t)length : 1);
    REQUIRE(data, NO_MEMORY);
    replay_pieces_gather(data, (size_t)length, pieces, count);
    IN_HOST(net.receive_packet(net.opaque, flags, data, (size_t)length));
    free(data);
    return delivered();
}

/* --------------------------------------------------------------------- input */

replay_status_t replay_input_event_from(const replay_input_t *given) {
    REQUIRE(given, INVALID_ARGUMENT);
    REQUIRE(given->size >= sizeof *given, STRUCT_SIZE);
    REQUIRE(given->kind >= 0 && given->kind < REPLAY_INPUT_COUNT && given->port <= REPLAY_PORT_MAX,
            INVALID_ARGUMENT);
    REQUIRE(replay_stub.configured, WRONG_STATE);
    replay_input_t input = *given;
    input.size = (uint32_t)sizeof input;
    replay_input_event_t plain = replay_input_plain(&input);
    if (replay_stub.host.input_from)
        IN_HOST(replay_stub.host.input_from(replay_stub.opaque, &input));
    else
        IN_HOST(HOST(input, (replay_stub.opaque, &plain), (void)0));
    return delivered();
}

replay_status_t replay_input_event(const replay_input_event_t *event) {
    REQUIRE(event, INVALID_ARGUMENT);
    replay_input_t input = {.size = (uint32_t)sizeof input,
                            .kind = event->kind,
                            .code = event->code,
                            .axis = event->axis,
                            .slot = event->slot,
                            .tracking_id = event->tracking_id,
                            .value = event->value};
    return replay_input_event_from(&input);
}

replay_status_t replay_input_sync_event(void) {
    REQUIRE(replay_stub.configured, WRONG_STATE);
    IN_HOST(HOST(input_sync, (replay_stub.opaque), (void)0));
    return delivered();
}
