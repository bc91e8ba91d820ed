/* SPDX-License-Identifier: MIT */
/* Steps with disks and devices. */
#include "none-differential.h"

#include <errno.h>
#include <string.h>

STEP(disk_open) {
    replay_block_backend_t backend = machine_backend();
    if (draw->a % 2)
        backend.flush = NULL;
    if (draw->a % 17 == 0)
        backend.read = NULL; /* needed */
    static const char *const names[] = {NULL, NULL, "a", "b"};
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.name = names[draw->b % 4];
    config.backend = &backend;
    config.opaque = side;
    config.read_only = draw->b % 11 == 0;
    config.workers = draw->b % 13 == 0 ? 65 : 0;
    if (draw->b % 19 == 0)
        config.filename = "image"; /* as well as a backend */
    if (draw->b % 23 == 0)
        config.backend = NULL, config.filename = NULL; /* neither */
    if (draw->b % 29 == 0)
        config.backend = NULL, config.filename = "/nonexistent/image";
    if (draw->b % 31 == 0)
        config.size = 4;
    replay_status_t status = 1;
    if (!side->disks[draw->slot]) {
        side->disks[draw->slot] = CALL(replay_block_open)(draw->c % 29 ? &config : NULL, &status);
        note(side, " = %d, a disk: %d", status, side->disks[draw->slot] != NULL);
    }
}

STEP(disk_request) {
    replay_block_t *disk = SLOT(disks);
    struct iovec pieces[2] = {{side->memory, draw->b % 256}, {side->memory + 256, draw->c % 256}};
    if (draw->b % 53 == 0)
        pieces[0].iov_base = NULL;
    uint64_t offset = draw->b % 9 ? draw->b % DISK_BYTES : draw->b;
    replay_block_complete_t complete = draw->a % 31 ? m_complete : NULL;
    int32_t count = (int32_t)(draw->c % 3);
    side->holds = draw->a % 5 == 0;
    switch (draw->a % 7) {
    case 0:
        RESULT(CALL(replay_block_read)(disk, offset, pieces, count, 0, complete, side));
        break;
    case 1:
        memset(side->memory, (int)draw->c, sizeof side->memory);
        RESULT(CALL(replay_block_write)(disk, offset, pieces, count, draw->b % 3, complete, side));
        break;
    case 2:
        RESULT(CALL(replay_block_zeroes)(disk, offset, draw->c % 600, 0, complete, side));
        break;
    case 3:
        RESULT(CALL(replay_block_discard)(disk, offset, draw->c % 600, complete, side));
        break;
    case 4:
        RESULT(CALL(replay_block_flush)(disk, complete, side));
        break;
    case 5:
        RESULT(CALL(replay_block_length)(disk));
        break;
    default:
        if (side->held) {
            replay_block_request_t *request = side->held;
            side->held = NULL;
            RESULT(CALL(replay_block_complete)(request, draw->b % 2 ? 0 : -EIO));
        } else {
            RESULT(CALL(replay_block_complete)(NULL, 0));
        }
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof side->memory; i++)
        sum = sum * 31 + side->memory[i];
    note(side, " memory %" PRIx64, sum);
}

STEP(disk_close) {
    if (side->held || draw->a % 3)
        return; /* closing waits for requests */
    RESULT(CALL(replay_block_close)(SLOT(disks)));
    if (draw->c % 13)
        side->disks[draw->slot] = NULL;
}

STEP(characters) {
    static const uint8_t text[] = "text";
    switch (draw->a % 6) {
    case 0:
        RESULT(CALL(replay_register_char_driver)(draw->b % 9 ? m_receive : NULL, side));
        break;
    case 1:
    case 2:
        RESULT(CALL(replay_chr_be_write)((int32_t)(draw->b % 5) - 1, draw->c % 9 ? text : NULL,
                                         draw->c % 5));
        break;
    case 3:
        RESULT(CALL(replay_char_write_event_save)(1, 2));
        break;
    case 4: {
        int32_t result = 7, offset = 7;
        RESULT(CALL(replay_char_write_event_load)(draw->b % 5 ? &result : NULL, &offset));
        note(side, " %d %d", result, offset);
        break;
    }
    default: {
        uint8_t bytes[4] = {9, 9, 9, 9};
        int32_t result = 7;
        RESULT(CALL(replay_char_read_all_save_buf)(text, 3));
        RESULT(CALL(replay_char_read_all_save_error)(-5));
        size_t size = 7;
        RESULT(CALL(replay_char_read_all_size)(draw->c % 5 ? &size : NULL));
        RESULT(CALL(replay_char_read_all_load)(bytes, sizeof bytes, draw->b % 5 ? &result : NULL));
        note(side, " %d %d %zu", result, bytes[0], size);
    }
    }
}

STEP(network) {
    uint8_t packet[] = {1, 2, 3};
    struct iovec pieces[2] = {{packet, draw->b % 4}, {packet, draw->c % 4}};
    switch (draw->a % 4) {
    case 0:
        if (!side->nets[draw->slot])
            side->nets[draw->slot] = CALL(replay_register_net)(draw->b % 9 ? m_packet : NULL, side);
        RESULT(side->nets[draw->slot] != NULL);
        break;
    case 1:
        RESULT(CALL(replay_unregister_net)(SLOT(nets)));
        if (draw->b % 2 && draw->c % 13)
            side->nets[draw->slot] = NULL;
        break;
    default:
        RESULT(CALL(replay_net_packet_event)(SLOT(nets), (uint32_t)draw->b % 5,
                                             draw->b % 17 ? pieces : NULL,
                                             (int32_t)(draw->c % 4) - 1));
    }
}

STEP(input) {
    replay_input_event_t event = {0};
    event.kind = (replay_input_kind_t)(draw->a % 7) - 1;
    event.code = (int32_t)draw->b;
    event.value = (int64_t)draw->c;
    RESULT(CALL(replay_input_event)(draw->b % 17 ? &event : NULL));
    replay_input_t input = REPLAY_INPUT_INIT;
    input.kind = event.kind, input.code = (int64_t)draw->b;
    input.port = (uint32_t)(draw->c % 70000);
    input.size -= draw->c % 11 == 0;
    RESULT(CALL(replay_input_event_from)(draw->a % 13 ? &input : NULL));
    RESULT(CALL(replay_input_sync_event)());
}

STEP(audio) {
    size_t count = draw->a % 4;
    uint64_t left = 1, right = 2;
    RESULT(CALL(replay_audio_out)(draw->b % 9 ? &count : NULL));
    RESULT(CALL(replay_audio_in_start)(draw->b % 7 ? &count : NULL));
    RESULT(CALL(replay_audio_in_start_at)(&count, draw->c % 7 ? &count : NULL));
    RESULT(CALL(replay_audio_in_sample_lr)(draw->b % 5 ? &left : NULL, &right));
    RESULT(CALL(replay_audio_in_finish)());
    note(side, " %zu", count);
}

STEP(random_bytes) {
    uint8_t bytes[4] = {9, 9, 9, 9};
    RESULT(CALL(replay_save_random)(3, draw->a % 5 ? bytes : NULL, 4));
    RESULT(CALL(replay_read_random)(draw->b % 5 ? bytes : NULL, 4));
    note(side, " %d", bytes[0]);
}
