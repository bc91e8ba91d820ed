/* SPDX-License-Identifier: MIT */
/* The block filter: a guest that replays and requests something different from a disk. */
#include "block-host.h"

static host_t host;
static disk_t disk;
static uint8_t buffer[512];
static bool read_only; /* while playing */

static replay_block_t *begin(replay_mode_t mode, const char *options) {
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, mode, log_path(), options), OK);
    disk_fill(&disk);
    replay_block_backend_t backend = disk_backend();
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.name = "system";
    config.backend = &backend;
    config.opaque = &disk;
    config.read_only = read_only && mode == REPLAY_MODE_PLAY;
    replay_block_t *block = replay_block_open(&config, NULL);
    REQUIRE(block != NULL);
    host_start(&host, 3);
    host_execute(&host, 3, 10);
    return block;
}

TEST(another_request_is_a_divergence) {
    for (int what = 0; what < 3; what++) {
        replay_block_t *block = begin(REPLAY_MODE_RECORD, NULL);
        CHECK_EQ(read_now(&host, block, 1024, buffer, 512), 0);
        host_execute(&host, 3, 10);
        replay_interrupt();
        REQUIRE_STATUS(host_end(&host), OK);
        block = begin(REPLAY_MODE_PLAY, NULL);
        if (what == 0) /* another offset */
            read_now(&host, block, 1536, buffer, 512);
        else if (what == 1) /* a write */
            write_now(&host, block, 1024, buffer, 512);
        else /* another length */
            read_now(&host, block, 1024, buffer, 511);
        CHECK_EQ(host.stops, 1);
        CHECK(host_stop_status(&host) == REPLAY_ERROR_BLOCK_DATA ||
              host_stop_status(&host) == REPLAY_ERROR_DIVERGENCE);
        CHECK_EQ(host.stop_error.icount, 10);
        CHECK(host_end(&host) < 0);
    }
}

/* Submits a request of 512 bytes, and waits until it or the run has ended. */
static void request_now(replay_block_t *block, char kind, uint64_t offset) {
    static done_t done; /* a request that is left ends with the run */
    done = (done_t){.host = &host};
    struct iovec piece = {buffer, 512};
    replay_status_t status = REPLAY_OK;
    if (kind == 'r')
        status = replay_block_read(block, offset, &piece, 1, 0, note_done, &done);
    else if (kind == 'w')
        status = replay_block_write(block, offset, &piece, 1, 0, note_done, &done);
    else if (kind == 'z')
        status = replay_block_zeroes(block, offset, 512, 0, note_done, &done);
    else
        status = replay_block_discard(block, offset, 512, note_done, &done);
    CHECK_STATUS(status, OK);
    wait_for(&host, &done);
}

/* The disk refuses the request: that is the guest's fault, and neither the overlay's nor
 * the image's. */
static void check_refused(char kind, const char *options, uint64_t offset, const char *sentence) {
    replay_block_t *block = begin(REPLAY_MODE_RECORD, options);
    request_now(block, kind, 1024);
    host_execute(&host, 3, 10);
    REQUIRE_STATUS(host_end(&host), OK);
    block = begin(REPLAY_MODE_PLAY, options);
    request_now(block, kind, offset);
    CHECK_EQ(host.stops, 1);
    CHECK_STATUS(host_stop_status(&host), ERROR_DIVERGENCE);
    CHECK_STR(host.stop_error.device, "system");
    CHECK_EQ(host.stop_error.icount, 10);
    CHECK_EQ(host.stop_error.system_error, 0);
    CHECK_HAS(host.stop_error.message, sentence);
    CHECK_STATUS(host_end(&host), ERROR_DIVERGENCE);
}

TEST(a_request_beyond_the_end_is_a_divergence) {
#define BEYOND ", 512 bytes, beyond the end of the disk; the recording's request succeeded"
    const uint64_t across = DISK_BYTES - 511;
    check_refused('w', NULL, across, "write 0 of system at offset 261633" BEYOND);
    check_refused('z', NULL, across, "write of zeroes 0 of system at offset 261633" BEYOND);
    check_refused('d', NULL, across, "discard 0 of system at offset 261633" BEYOND);
    check_refused('r', NULL, across, "read 0 of system at offset 261633" BEYOND);
    check_refused('r', "rrdata=on", across, "read 0 of system at offset 261633" BEYOND);
    check_refused('w', "rrdata=on", across, "write 0 of system at offset 261633" BEYOND);
    check_refused('w', NULL, UINT64_MAX, "write 0 of system at offset 18446744073709551615" BEYOND);
#undef BEYOND
}

TEST(a_disk_that_has_become_read_only_is_a_divergence) {
    read_only = true;
#define READ_ONLY                                                                                  \
    " of system at offset 1024, 512 bytes, but the disk is read-only; "                            \
    "the recording's request succeeded"
    check_refused('w', NULL, 1024, "write 0" READ_ONLY);
    check_refused('z', NULL, 1024, "write of zeroes 0" READ_ONLY);
    check_refused('d', NULL, 1024, "discard 0" READ_ONLY);
#undef READ_ONLY
    read_only = false;
}
