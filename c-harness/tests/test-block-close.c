/* SPDX-License-Identifier: MIT */
/* A disk is closed while requests end: when replay_block_close() returns, every completion has
 * returned, so that the host may free what they use. */
#include "block-host.h"

static host_t host;
static disk_t disk;

typedef struct {
    atomic_bool began, ended;
    replay_block_t *closes; /* NULL, or the completion closes it */
    replay_status_t status;
} slow_t;

static void complete_slowly(void *opaque, int32_t result) {
    slow_t *slow = opaque;
    CHECK_EQ(result, 0);
    atomic_store(&slow->began, true);
    test_sleep_ms(100);
    if (slow->closes)
        slow->status = replay_block_close(slow->closes);
    atomic_store(&slow->ended, true);
}

static replay_block_t *begin(replay_mode_t mode) {
    disk_fill(&disk);
    disk.by_thread = true;
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, mode, mode ? test_path("log") : NULL, NULL), OK);
    replay_block_t *block = disk_open(&disk, REPLAY_BLOCK_OVERLAY_OFF);
    host_start(&host, 3);
    return block;
}

static void read_sector(replay_block_t *block, slow_t *slow) {
    static uint8_t sector[512];
    struct iovec piece = {sector, sizeof sector};
    CHECK_STATUS(replay_block_read(block, 0, &piece, 1, 0, complete_slowly, slow), OK);
}

static void wait_until_begun(slow_t *slow) {
    for (int i = 0; i < 1000 && !atomic_load(&slow->began); i++)
        test_sleep_ms(10);
    REQUIRE(atomic_load(&slow->began));
}

/* Without a log a completion runs on the thread on which its request ends. */
TEST(a_disk_is_closed_after_the_completion_that_runs_on_a_different_thread) {
    slow_t slow = {0};
    replay_block_t *block = begin(REPLAY_MODE_NONE);
    read_sector(block, &slow);
    wait_until_begun(&slow);
    CHECK_STATUS(replay_block_close(block), OK);
    CHECK(atomic_load(&slow.ended));
    CHECK_EQ(disk.closes, 1);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_session_ends_after_the_completion_that_runs_on_a_different_thread) {
    slow_t slow = {0};
    replay_block_t *block = begin(REPLAY_MODE_NONE);
    read_sector(block, &slow);
    wait_until_begun(&slow);
    CHECK_STATUS(host_end(&host), OK);
    CHECK(atomic_load(&slow.ended));
    CHECK_EQ(disk.closes, 1);
}

static void close_in_a_completion(replay_mode_t mode) {
    replay_block_t *block = begin(mode);
    slow_t slow = {.closes = block};
    read_sector(block, &slow);
    for (int64_t since = test_now_ns(); !atomic_load(&slow.ended);) {
        replay_async_events();
        if (!host_again(&host, 3, since))
            break;
        replay_wait(10000000);
    }
    CHECK(atomic_load(&slow.ended));
    CHECK_STATUS(slow.status, OK);
    CHECK_EQ(disk.closes, 1);
    CHECK_STATUS(replay_block_close(block), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_completion_may_close_its_disk) {
    close_in_a_completion(REPLAY_MODE_NONE);
}

TEST(a_completion_may_close_its_disk_with_a_log) {
    close_in_a_completion(REPLAY_MODE_RECORD);
    close_in_a_completion(REPLAY_MODE_PLAY);
}
