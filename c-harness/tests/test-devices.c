/* SPDX-License-Identifier: MIT */
/* Character devices, network, input, audio, random numbers, shutdown. */
#include "scripted-host.h"

static host_t host;
static unsigned calls;
static void on_char(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque, (void)data;
    calls += (unsigned)length;
}
static void on_packet(void *opaque, uint32_t flags, const uint8_t *data, size_t length) {
    (void)opaque, (void)data, (void)flags;
    calls += (unsigned)length;
}

static void configure(replay_mode_t mode) {
    calls = 0;
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, mode, log_path(), "rrstall=60000"), OK);
}

/* ---------------------------------------------------------------- character */

TEST(character_devices_are_numbered) {
    configure(REPLAY_MODE_RECORD);
    for (int i = 0; i < 256; i++)
        CHECK_EQ(replay_register_char_driver(on_char, NULL), i);
    CHECK_STATUS(replay_register_char_driver(on_char, NULL), ERROR_WRONG_STATE);
    host_start(&host, 3);
    CHECK_STATUS(replay_chr_be_write(255, (const uint8_t *)"abc", 3), OK);
    CHECK_STATUS(replay_chr_be_write(256, (const uint8_t *)"abc", 3), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_chr_be_write(-1, (const uint8_t *)"abc", 3), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_chr_be_write(0, NULL, 3), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_chr_be_write(0, (const uint8_t *)"abc", (1ul << 30) + 1),
                 ERROR_INVALID_ARGUMENT);
    CHECK_EQ(calls, 0);
    replay_async_events();
    CHECK_EQ(calls, 3);
    CHECK_STATUS(host_end(&host), OK);
    CHECK_STATUS(replay_chr_be_write(0, (const uint8_t *)"abc", 3), ERROR_INVALID_ARGUMENT);
}

TEST(registration_of_filters_ends_at_the_start) {
    configure(REPLAY_MODE_RECORD);
    host_start(&host, 3);
    CHECK(replay_register_net(on_packet, NULL) == NULL);
    CHECK_ERROR(ERROR_WRONG_STATE);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(playing_drops_input_from_outside) {
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        configure(mode);
        int32_t device = replay_register_char_driver(on_char, NULL);
        replay_net_t *net = replay_register_net(on_packet, NULL);
        host_start(&host, 3);
        struct iovec piece = {"packet", 6};
        replay_input_event_t key = {.kind = REPLAY_INPUT_KEY};
        if (mode == REPLAY_MODE_PLAY) {
            CHECK_STATUS(replay_chr_be_write(device, (const uint8_t *)"outside", 7), OK);
            CHECK_STATUS(replay_net_packet_event(net, 0, &piece, 1), OK);
            CHECK_STATUS(replay_input_event(&key), OK);
            CHECK_STATUS(replay_input_sync_event(), OK);
            CHECK_EQ(host_info().queued, 0);
        } else {
            CHECK_STATUS(replay_chr_be_write(device, (const uint8_t *)"in", 2), OK);
        }
        host_execute(&host, 3, 10);
        replay_async_events();
        CHECK_EQ(calls, 2);
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
    }
}

static uint8_t large[300000], got[300000];
static size_t got_length;
static void keep(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque;
    got_length = length;
    if (length)
        memcpy(got, data, length);
}

TEST(long_and_empty_input_is_copied) {
    uint64_t seed = 5;
    static const size_t lengths[] = {0, 1, 127, 128, 65536, sizeof large};
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        configure(mode);
        int32_t device = replay_register_char_driver(keep, NULL);
        host_start(&host, 3);
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            seed = i;
            for (size_t at = 0; at < lengths[i]; at++)
                large[at] = (uint8_t)test_random(&seed);
            host_execute(&host, 3, 10);
            if (mode == REPLAY_MODE_RECORD) {
                uint8_t *copy = malloc(lengths[i] + 1);
                memcpy(copy, large, lengths[i]);
                CHECK_STATUS(replay_chr_be_write(device, copy, lengths[i]), OK);
                memset(copy, 0xdd, lengths[i] + 1);
                free(copy);
            }
            memset(got, 0, sizeof got);
            got_length = 999;
            CHECK_STATUS(replay_async_events(), OK);
            if (mode == REPLAY_MODE_PLAY || lengths[i] > 0)
                CHECK_EQ(got_length == lengths[i] || (lengths[i] == 0 && got_length == 999), 1);
            CHECK_BYTES(got, large, lengths[i]);
            replay_interrupt();
        }
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(synchronous_calls_make_the_round_trip) {
    static const step_t steps[] = {
        {OP_EXECUTE, 10},
        {OP_CHAR_WRITE, 5, 0},
        {OP_CHAR_WRITE, -11, 123456},
        {OP_CHAR_WRITE, INT32_MIN, INT32_MAX},
        {OP_CHAR_WRITE, INT32_MAX, INT32_MIN},
        {OP_CHAR_READ, .text = "what was typed"},
        {OP_CHAR_READ, .text = ""},
        {OP_CHAR_READ_ERROR, -5},
        {OP_EXECUTE, 10},
        {OP_CHAR_READ, .text = "x", .io = true},
        {OP_RANDOM, 1, 16},
        {OP_RANDOM, 2, 0},
        {OP_RANDOM, 3, 500},
        {OP_AUDIO_OUT, 480},
        {OP_AUDIO_OUT, 0},
        {OP_AUDIO_IN, 1000, 64},
        {OP_AUDIO_IN, -1, 1},
        {OP_AUDIO_IN, 0, 0},
        {OP_EXECUTE, 10},
        {OP_DIGEST, 0x1234},
        {OP_DIGEST, -1},
        {OP_SHUTDOWN, REPLAY_SHUTDOWN_GUEST_RESET},
        {OP_EXECUTE, 10},
        {OP_SHUTDOWN, REPLAY_SHUTDOWN_HOST_QUIT, .io = true},
    };
    script_check_round_trip(TEST_HERE, NULL, STEPS(steps));
}

TEST(saving_is_for_recording_and_loading_for_playing) {
    uint8_t bytes[8] = {0};
    int32_t result = 1, offset = 1;
    configure(REPLAY_MODE_RECORD);
    host_start(&host, 3);
    CHECK_STATUS(replay_char_write_event_load(&result, &offset), ERROR_WRONG_MODE);
    CHECK_EQ(result, 0);
    CHECK_STATUS(replay_char_read_all_load(bytes, 8, &result), ERROR_WRONG_MODE);
    CHECK_STATUS(replay_read_random(bytes, 8), ERROR_WRONG_MODE);
    CHECK_STATUS(replay_char_read_all_save_buf(NULL, 3), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_save_random(0, NULL, 3), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_audio_out(NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_audio_in_start(NULL), ERROR_INVALID_ARGUMENT);
    CHECK_EQ(host_info().events, 0);
    CHECK_STATUS(replay_save_random(-3, bytes, 8), OK);
    CHECK_STATUS(host_end(&host), OK);

    configure(REPLAY_MODE_PLAY);
    host_start(&host, 3);
    CHECK_STATUS(replay_char_write_event_save(1, 1), ERROR_WRONG_MODE);
    CHECK_STATUS(replay_char_read_all_save_buf(bytes, 8), ERROR_WRONG_MODE);
    CHECK_STATUS(replay_char_read_all_save_error(-1), ERROR_WRONG_MODE);
    CHECK_STATUS(replay_save_random(0, bytes, 8), ERROR_WRONG_MODE);
    CHECK_STATUS(replay_char_write_event_load(NULL, &offset), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_char_write_event_load(&result, NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_char_read_all_load(bytes, 8, NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_char_read_all_load(NULL, 8, &result), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_read_random(NULL, 8), ERROR_INVALID_ARGUMENT);
    CHECK_EQ(host.stops, 0);
    CHECK_EQ(replay_read_random(bytes, 8), -3);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_load_that_does_not_fit_is_a_divergence) {
    for (int what = 0; what < 3; what++) {
        uint8_t bytes[16];
        int32_t result = 7, offset = 7;
        configure(REPLAY_MODE_RECORD);
        host_start(&host, 3);
        host_execute(&host, 3, 30);
        if (what == 0)
            replay_char_read_all_save_buf((const uint8_t *)"0123456789", 10);
        else
            replay_save_random(0, "0123456789", 10);
        REQUIRE_STATUS(host_end(&host), OK);
        configure(REPLAY_MODE_PLAY);
        host_start(&host, 3);
        host_execute(&host, 3, 30);
        memset(bytes, 0xee, sizeof bytes);
        if (what == 0) {
            CHECK_STATUS(replay_char_read_all_load(bytes, 9, &result), ERROR_DIVERGENCE);
        } else if (what == 1) {
            CHECK_STATUS(replay_read_random(bytes, 11), ERROR_DIVERGENCE);
            CHECK_BYTES(bytes, "\0\0\0\0\0\0\0\0\0\0\0", 11);
        } else {
            CHECK_STATUS(replay_char_write_event_load(&result, &offset), ERROR_DIVERGENCE);
            CHECK_EQ(result, 0);
            CHECK_EQ(offset, 0);
        }
        CHECK_EQ(bytes[11], 0xee);
        CHECK_EQ(host.stops, 1);
        CHECK_EQ(host.stop_error.icount, 30);
        CHECK(*host.stop_error.expected && *host.stop_error.found);
        CHECK_STATUS(host_end(&host), ERROR_DIVERGENCE);
    }
}

/* ------------------------------------------------------------------ network */

TEST(filters_are_checked) {
    configure(REPLAY_MODE_RECORD);
    replay_net_t *a = replay_register_net(on_packet, NULL);
    replay_net_t *b = replay_register_net(on_packet, NULL);
    REQUIRE(a && b && a != b);
    CHECK(replay_register_net(NULL, NULL) == NULL);
    CHECK_ERROR(ERROR_INVALID_ARGUMENT);
    host_start(&host, 3);
    struct iovec pieces[3] = {{"ab", 2}, {NULL, 0}, {"cde", 3}};
    CHECK_STATUS(replay_net_packet_event(a, 1, pieces, 3), OK);
    CHECK_STATUS(replay_net_packet_event(b, 2, pieces, 1), OK);
    CHECK_STATUS(replay_net_packet_event(NULL, 0, pieces, 1), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_net_packet_event(a, 0, NULL, 1), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_net_packet_event(a, 0, pieces, -1), ERROR_INVALID_ARGUMENT);
    pieces[1].iov_len = 4;
    CHECK_STATUS(replay_net_packet_event(a, 0, pieces, 3), ERROR_INVALID_ARGUMENT);
    CHECK_EQ(host_info().queued, 2);
    CHECK_STATUS(replay_unregister_net(b), OK);
    CHECK_STATUS(replay_unregister_net(b), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_net_packet_event(b, 0, pieces, 1), ERROR_INVALID_ARGUMENT);
    replay_async_events();
    CHECK_EQ(calls, 5);
    CHECK_STATUS(replay_unregister_net(a), OK);
    CHECK_STATUS(host_end(&host), OK);
}

/* -------------------------------------------------------------------- input */

static replay_input_event_t seen_inputs[8];
static int seen_count, syncs;
static void on_input(void *opaque, const replay_input_event_t *event) {
    (void)opaque;
    seen_inputs[seen_count++ % 8] = *event;
}
static void on_sync(void *opaque) {
    (void)opaque;
    syncs++;
}

TEST(input_events_come_back_whole) {
    static const replay_input_event_t events[] = {
        {REPLAY_INPUT_KEY, 30, 0, 0, 0, 1},
        {REPLAY_INPUT_BUTTON, 2, 0, 0, 0, 0},
        {REPLAY_INPUT_RELATIVE, 0, 1, 0, 0, -7},
        {REPLAY_INPUT_ABSOLUTE, 0, 1, 0, 0, INT64_MAX},
        {REPLAY_INPUT_TOUCH, 3, 1, 4, INT64_MIN, 1234567890123},
    };
    enum { COUNT = sizeof events / sizeof *events };
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        seen_count = syncs = 0;
        host_init(&host);
        host.callbacks.input = on_input;
        host.callbacks.input_sync = on_sync;
        REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
        host_start(&host, 3);
        host_execute(&host, 3, 10);
        for (int i = 0; mode == 1 && i < COUNT; i++)
            CHECK_STATUS(replay_input_event(&events[i]), OK);
        replay_input_sync_event();
        CHECK_EQ(seen_count, 0);
        CHECK_STATUS(replay_async_events(), OK);
        CHECK_EQ(seen_count, COUNT);
        CHECK_EQ(syncs, 1);
        CHECK_BYTES(seen_inputs, events, sizeof events);
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(input_is_checked) {
    configure(REPLAY_MODE_RECORD);
    host_start(&host, 3);
    replay_input_event_t event = {.kind = REPLAY_INPUT_COUNT};
    CHECK_STATUS(replay_input_event(&event), ERROR_INVALID_ARGUMENT);
    event.kind = -1;
    CHECK_STATUS(replay_input_event(&event), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_input_event(NULL), ERROR_INVALID_ARGUMENT);
    CHECK_EQ(host_info().queued, 0);
    CHECK_STATUS(host_end(&host), OK);
}

/* -------------------------------------------------------------------- audio */

TEST(a_block_of_samples_keeps_its_order) {
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        configure(mode);
        host_start(&host, 3);
        size_t count = mode == REPLAY_MODE_RECORD ? 2 : 77;
        uint64_t left = UINT64_MAX, right = 0;
        CHECK_STATUS(replay_audio_in_sample_lr(&left, &right), ERROR_WRONG_STATE);
        CHECK_STATUS(replay_audio_in_finish(), ERROR_WRONG_STATE);
        CHECK_STATUS(replay_audio_in_start(&count), OK);
        CHECK_EQ(count, 2);
        CHECK_STATUS(replay_audio_in_start(&count), ERROR_WRONG_STATE);
        CHECK_STATUS(replay_audio_in_sample_lr(NULL, &right), ERROR_INVALID_ARGUMENT);
        CHECK_STATUS(replay_audio_in_sample_lr(&left, NULL), ERROR_INVALID_ARGUMENT);
        for (int i = 0; i < 2; i++) {
            left = mode == 1 ? UINT64_MAX - (uint64_t)i : 5;
            right = mode == 1 ? (uint64_t)i : 5;
            CHECK_STATUS(replay_audio_in_sample_lr(&left, &right), OK);
            CHECK(left == UINT64_MAX - (uint64_t)i && right == (uint64_t)i);
        }
        CHECK_STATUS(replay_audio_in_sample_lr(&left, &right), ERROR_WRONG_STATE);
        CHECK_STATUS(replay_audio_in_finish(), OK);
        CHECK_STATUS(replay_audio_in_finish(), ERROR_WRONG_STATE);
        CHECK_EQ(host.stops, 0);
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(a_block_that_ends_early_is_dropped) {
    configure(REPLAY_MODE_RECORD);
    host_start(&host, 3);
    size_t count = 3;
    uint64_t sample = 1;
    CHECK_STATUS(replay_audio_in_start(&count), OK);
    CHECK_STATUS(replay_audio_in_sample_lr(&sample, &sample), OK);
    CHECK_STATUS(replay_audio_in_finish(), ERROR_WRONG_STATE);
    CHECK_EQ(host_info().events, 0);
    CHECK_STATUS(replay_audio_in_start(&count), OK);
    for (int i = 0; i < 3; i++)
        replay_audio_in_sample_lr(&sample, &sample);
    CHECK_STATUS(replay_audio_in_finish(), OK);
    CHECK_STATUS(host_end(&host), OK);
}

/* ----------------------------------------------------------------- shutdown */

TEST(a_shutdown_comes_again_at_its_place) {
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        configure(mode);
        host_start(&host, 3);
        CHECK_STATUS(replay_shutdown_request(REPLAY_SHUTDOWN_COUNT), ERROR_INVALID_ARGUMENT);
        CHECK_STATUS(replay_shutdown_request(-1), ERROR_INVALID_ARGUMENT);
        if (mode == REPLAY_MODE_PLAY) { /* another user: nothing */
            CHECK_STATUS(replay_shutdown_request(REPLAY_SHUTDOWN_HOST_SIGNAL), OK);
            CHECK_EQ(host.shutdowns, 0);
        }
        host_execute(&host, 3, 50);
        if (mode == REPLAY_MODE_RECORD)
            CHECK_STATUS(replay_shutdown_request(REPLAY_SHUTDOWN_GUEST_SHUTDOWN), OK);
        CHECK(host_execute(&host, 3, 50));
        if (mode == REPLAY_MODE_RECORD) {
            CHECK_EQ(host.shutdowns, 0);
        } else {
            CHECK_EQ(host.shutdowns, 1);
            CHECK_EQ(host.cause, REPLAY_SHUTDOWN_GUEST_SHUTDOWN);
            CHECK(host_run_to_end(&host, 3));
        }
        CHECK_STATUS(host_end(&host), OK);
    }
}
