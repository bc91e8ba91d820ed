/* SPDX-License-Identifier: MIT */
/* Character devices that are plugged in while the machine runs. */
#include "host.h"

static host_t host;
static unsigned calls;
static void on_char(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque, (void)data;
    calls += (unsigned)length;
}

static void configure(replay_mode_t mode) {
    calls = 0;
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, mode, log_path(), "rrstall=60000"), OK);
}

/* Plugs a device in at icount @p at (never: 0); its first input comes at once. */
static int32_t plug(replay_mode_t mode, uint64_t at) {
    configure(mode);
    CHECK_EQ(replay_register_char_driver(on_char, NULL), 0);
    host_start(&host, 3);
    int32_t device = 0;
    for (int i = 0; i < 3; i++) {
        host_execute(&host, 3, 10);
        if (host.icount == at) {
            device = replay_register_char_driver(on_char, NULL);
            if (device > 0)
                CHECK_STATUS(replay_chr_be_write(device, (const uint8_t *)"in", 2), OK);
        }
        replay_turn();
    }
    return device;
}

TEST(a_device_that_is_plugged_in_is_an_event) {
    CHECK_EQ(plug(REPLAY_MODE_RECORD, 20), 1);
    CHECK_EQ(host_info().events, 2);
    CHECK_EQ(calls, 2);
    REQUIRE_STATUS(host_end(&host), OK);
    CHECK_EQ(plug(REPLAY_MODE_PLAY, 20), 1);
    CHECK_EQ(calls, 2);
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_device_that_is_plugged_in_elsewhere_is_a_divergence) {
    CHECK_EQ(plug(REPLAY_MODE_RECORD, 20), 1);
    REQUIRE_STATUS(host_end(&host), OK);
    CHECK_STATUS(plug(REPLAY_MODE_PLAY, 10), ERROR_DIVERGENCE);
    CHECK_HAS(host_last_error().expected, "CHAR_REGISTER");
    CHECK_HAS(host_last_error().message, "icount 10");
    CHECK_STATUS(replay_chr_be_write(1, (const uint8_t *)"in", 2), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(host_end(&host), ERROR_DIVERGENCE);
}

TEST(a_different_number_of_devices_is_a_divergence) {
    CHECK_EQ(plug(REPLAY_MODE_RECORD, 20), 1);
    REQUIRE_STATUS(host_end(&host), OK);
    configure(REPLAY_MODE_PLAY);
    host_start(&host, 3);
    host_execute(&host, 3, 20);
    CHECK_STATUS(replay_register_char_driver(on_char, NULL), ERROR_DIVERGENCE);
    CHECK_HAS(host_last_error().found, "character device 0");
    CHECK_STATUS(host_end(&host), ERROR_DIVERGENCE);
}

static void *register_elsewhere(void *answer) {
    *(int32_t *)answer = replay_register_char_driver(on_char, NULL);
    return NULL;
}

TEST(plugging_in_needs_the_lock) {
    configure(REPLAY_MODE_RECORD);
    host_start(&host, 3);
    int32_t answer = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, register_elsewhere, &answer);
    pthread_join(thread, NULL);
    CHECK_STATUS(answer, ERROR_LOCK_NOT_HELD);
    for (int i = 0; i < 256; i++)
        CHECK_EQ(replay_register_char_driver(on_char, NULL), i);
    CHECK_STATUS(replay_register_char_driver(on_char, NULL), ERROR_WRONG_STATE);
    CHECK_EQ(host_info().events, 256);
    CHECK_STATUS(host_end(&host), OK);
}
