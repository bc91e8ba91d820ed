/* SPDX-License-Identifier: MIT */
/* Input events that say where they come from. */
#include "host.h"

static host_t host;
static replay_input_t seen[8];
static unsigned seen_count;
static void on_input_from(void *opaque, const replay_input_t *input) {
    (void)opaque;
    seen[seen_count++ % 8] = *input;
}
static replay_input_event_t plain[8];
static unsigned plain_count;
static void on_input(void *opaque, const replay_input_event_t *event) {
    (void)opaque;
    plain[plain_count++ % 8] = *event;
}

static void begin_input(replay_mode_t mode, bool with_origin) {
    host_init(&host);
    if (with_origin)
        host.callbacks.input_from = on_input_from;
    host.callbacks.input = on_input;
    seen_count = plain_count = 0;
    REQUIRE_STATUS(host_configure(&host, mode, mode ? log_path() : NULL, NULL), OK);
    host_start(&host, 3);
    host_execute(&host, 3, 10);
}

static const replay_input_t inputs[] = {
    {sizeof(replay_input_t), REPLAY_INPUT_KEY, 0, 0, INT64_MIN, 0, 0, 0, 1},
    {sizeof(replay_input_t), REPLAY_INPUT_TOUCH, 65535, UINT32_MAX, INT64_MAX, INT32_MIN, INT32_MAX,
     INT64_MIN, INT64_MAX},
    {sizeof(replay_input_t), REPLAY_INPUT_RELATIVE, 1, 2, 0, 3, 4, 5, 6},
};
enum { INPUTS = sizeof inputs / sizeof *inputs };

static void post_inputs(void) {
    for (int i = 0; i < INPUTS; i++)
        CHECK_STATUS(replay_input_event_from(&inputs[i]), OK);
    replay_input_event_t event = {REPLAY_INPUT_BUTTON, 5, 0, 0, 0, 1};
    CHECK_STATUS(replay_input_event(&event), OK);
}

static void check_seen(void) {
    CHECK_EQ(plain_count, 0);
    CHECK_EQ(seen_count, INPUTS + 1);
    CHECK_BYTES(seen, inputs, sizeof inputs);
    replay_input_t last = {sizeof(replay_input_t), REPLAY_INPUT_BUTTON, 0, 0, 5, 0, 0, 0, 1};
    CHECK_BYTES(&seen[INPUTS], &last, sizeof last);
}

TEST(input_says_where_it_comes_from) {
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_PLAY; mode++) {
        begin_input(mode, true);
        post_inputs();
        CHECK_STATUS(replay_turn(), OK);
        check_seen();
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(a_host_without_origins_gets_plain_input) {
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_PLAY; mode++) {
        begin_input(mode, false);
        post_inputs();
        CHECK_STATUS(replay_turn(), OK);
        CHECK_EQ(plain_count, INPUTS + 1);
        CHECK_EQ(plain[0].code, INT32_MIN); /* clamped */
        CHECK_EQ(plain[1].code, INT32_MAX);
        CHECK_EQ(plain[1].tracking_id, INT64_MIN);
        CHECK_EQ(plain[2].axis, 3);
        CHECK_EQ(plain[3].code, 5);
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(input_with_an_impossible_origin_is_refused) {
    begin_input(REPLAY_MODE_RECORD, true);
    CHECK_STATUS(replay_input_event_from(NULL), ERROR_INVALID_ARGUMENT);
    replay_input_t input = REPLAY_INPUT_INIT;
    input.port = 65536;
    CHECK_STATUS(replay_input_event_from(&input), ERROR_INVALID_ARGUMENT);
    input.port = 0;
    input.kind = REPLAY_INPUT_COUNT;
    CHECK_STATUS(replay_input_event_from(&input), ERROR_INVALID_ARGUMENT);
    input.kind = 0;
    input.size--;
    CHECK_STATUS(replay_input_event_from(&input), ERROR_STRUCT_SIZE);
    CHECK_EQ(host_info().queued, 0);
    CHECK_STATUS(host_end(&host), OK);
}
