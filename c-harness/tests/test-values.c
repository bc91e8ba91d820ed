/* SPDX-License-Identifier: MIT */
/* Values whose length or place the host does not know before a replay: a read from a
 * character backend, a block of samples. */
#include "host.h"

static host_t host;
static void configure(replay_mode_t mode) {
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, mode, log_path(), "rrstall=60000"), OK);
}

/* --------------------------------------------------- a read of unknown length */

static void read_all(replay_mode_t mode) {
    static const uint8_t data[5000] = {1, 2, 3, [4999] = 9};
    configure(mode);
    host_start(&host, 3);
    host_execute(&host, 3, 10);
    size_t size = 77;
    if (mode == REPLAY_MODE_RECORD) {
        CHECK_STATUS(replay_char_read_all_size(&size), ERROR_WRONG_MODE);
        CHECK_EQ(size, 0);
        CHECK_STATUS(replay_char_read_all_save_buf(data, sizeof data), OK);
        CHECK_STATUS(replay_char_read_all_save_error(-5), OK);
        return;
    }
    CHECK_STATUS(replay_char_read_all_size(NULL), ERROR_INVALID_ARGUMENT);
    for (int i = 0; i < 2; i++) { /* consumes nothing */
        CHECK_STATUS(replay_char_read_all_size(&size), OK);
        CHECK_EQ(size, sizeof data);
    }
    uint8_t *room = malloc(size);
    int32_t result = 0;
    CHECK_STATUS(replay_char_read_all_load(room, size, &result), OK);
    CHECK_EQ(result, sizeof data);
    CHECK_BYTES(room, data, sizeof data);
    CHECK_STATUS(replay_char_read_all_size(&size), OK);
    CHECK_EQ(size, 0);
    CHECK_STATUS(replay_char_read_all_load(NULL, 0, &result), OK);
    CHECK_EQ(result, -5);
    free(room);
    CHECK(host_run_to_end(&host, 3));
}

TEST(the_length_of_a_read_can_be_asked_for_first) {
    read_all(REPLAY_MODE_RECORD);
    REQUIRE_STATUS(host_end(&host), OK);
    read_all(REPLAY_MODE_PLAY);
    CHECK_STATUS(host_end(&host), OK);
    configure(REPLAY_MODE_PLAY);
    host_start(&host, 3);
    host_execute(&host, 3, 5);
    size_t size = 77;
    CHECK_STATUS(replay_char_read_all_size(&size), ERROR_DIVERGENCE);
    CHECK_EQ(size, 0);
    CHECK_STATUS(host_end(&host), ERROR_DIVERGENCE);
}

/* ----------------------------------------------------- a microphone's position */

static void sample(replay_mode_t mode, bool with_position) {
    configure(mode);
    host_start(&host, 3);
    host_execute(&host, 3, 10);
    bool plays = mode == REPLAY_MODE_PLAY;
    size_t count = plays ? 99 : 2, position = plays ? 1 : (size_t)INT64_MAX;
    CHECK_STATUS(with_position ? replay_audio_in_start_at(&count, &position)
                               : replay_audio_in_start(&count),
                 OK);
    CHECK_EQ(count, 2);
    if (with_position)
        CHECK_EQ(position, INT64_MAX);
    for (uint64_t i = 0; i < 2; i++) {
        uint64_t left = plays ? 0 : i, right = plays ? 0 : ~i;
        CHECK_STATUS(replay_audio_in_sample_lr(&left, &right), OK);
        CHECK_EQ(left, i);
        CHECK_EQ(right, ~i);
    }
    CHECK_STATUS(replay_audio_in_finish(), OK);
    if (plays)
        CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_block_of_samples_may_have_a_position) {
    for (int with_position = 0; with_position < 2; with_position++) {
        sample(REPLAY_MODE_RECORD, with_position);
        sample(REPLAY_MODE_PLAY, with_position);
        /* The other call is a different event. */
        configure(REPLAY_MODE_PLAY);
        host_start(&host, 3);
        host_execute(&host, 3, 10);
        size_t count = 2, position = 7;
        CHECK_STATUS(with_position ? replay_audio_in_start(&count)
                                   : replay_audio_in_start_at(&count, &position),
                     ERROR_DIVERGENCE);
        CHECK_EQ(position, 7);
        CHECK_STATUS(host_end(&host), ERROR_DIVERGENCE);
    }
    configure(REPLAY_MODE_RECORD);
    host_start(&host, 3);
    size_t count = 2, position = SIZE_MAX;
    CHECK_STATUS(replay_audio_in_start_at(&count, &position), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_audio_in_start_at(&count, NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_audio_in_start_at(NULL, &position), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(host_end(&host), OK);
}
