/* SPDX-License-Identifier: MIT */
/* The block filter: requests, checks, overlay, in each mode. */
#include "block-host.h"

#include <unistd.h>

static host_t host;
static disk_t disk;
static uint8_t data[8192], other[8192];
static replay_block_t *begin(replay_mode_t mode, replay_block_overlay_t overlay) {
    host_init(&host);
    disk_fill(&disk);
    REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
    replay_block_t *block = disk_open(&disk, overlay);
    host_start(&host, 3);
    return block;
}

TEST(opening_is_checked) {
    replay_block_backend_t backend = disk_backend();
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.backend = &backend;
    config.opaque = &disk;
    replay_status_t status = REPLAY_OK;
    CHECK(replay_block_open(&config, &status) == NULL); /* not configured */
    CHECK_STATUS(status, ERROR_WRONG_STATE);
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    CHECK(replay_block_open(NULL, &status) == NULL);
    CHECK_STATUS(status, ERROR_INVALID_ARGUMENT);
    config.backend = NULL;
    CHECK(replay_block_open(&config, &status) == NULL);
    CHECK_STATUS(status, ERROR_INVALID_ARGUMENT);
    config.filename = "/no/such/image";
    CHECK(replay_block_open(&config, &status) == NULL);
    CHECK_STATUS(status, ERROR_SYSTEM);
    CHECK_HAS(host_last_error().message, "/no/such/image");
    CHECK_EQ(host_last_error().system_error, ENOENT);
    CHECK(replay_block_open(&config, NULL) == NULL);
    config.filename = NULL;
    config.backend = &backend;
    config.size = 4;
    CHECK(replay_block_open(&config, &status) == NULL);
    CHECK_STATUS(status, ERROR_STRUCT_SIZE);
    config.size = (uint32_t)sizeof config;
    backend.size = 4;
    CHECK(replay_block_open(&config, &status) == NULL);
    CHECK_STATUS(status, ERROR_STRUCT_SIZE);
    backend.size = (uint32_t)sizeof backend;
    backend.read = NULL;
    CHECK(replay_block_open(&config, &status) == NULL);
    CHECK_STATUS(status, ERROR_INVALID_ARGUMENT);
    backend = disk_backend();
    backend.write = NULL;
    config.overlay = REPLAY_BLOCK_OVERLAY_OFF;
    CHECK(replay_block_open(&config, &status) == NULL);
    CHECK_STATUS(status, ERROR_INVALID_ARGUMENT);
    config.overlay = REPLAY_BLOCK_OVERLAY_FILE; /* without a name */
    CHECK(replay_block_open(&config, &status) == NULL);
    CHECK_STATUS(status, ERROR_INVALID_ARGUMENT);
    config.overlay = 4;
    CHECK(replay_block_open(&config, &status) == NULL);
    CHECK_STATUS(status, ERROR_INVALID_ARGUMENT);
    config.overlay = 0;
    config.workers = 65;
    CHECK(replay_block_open(&config, &status) == NULL);
    CHECK_STATUS(status, ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_finish(), OK);
}

TEST(handles_are_checked) {
    replay_block_t *block = begin(REPLAY_MODE_RECORD, 0);
    struct iovec piece = {data, 512}, no_piece = {NULL, 512};
    done_t done = {0};
    CHECK_STATUS(replay_block_read(NULL, 0, &piece, 1, 0, note_done, &done),
                 ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_block_read(block, 0, NULL, 1, 0, note_done, &done), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_block_read(block, 0, &piece, -1, 0, note_done, &done),
                 ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_block_read(block, 0, &no_piece, 1, 0, note_done, &done),
                 ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_block_read(block, 0, &piece, 1, 0, NULL, &done), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_block_write(NULL, 0, &piece, 1, 0, note_done, &done),
                 ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_block_write(block, 0, &piece, 1, 0, NULL, &done), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_block_zeroes(NULL, 0, 512, 0, note_done, &done), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_block_zeroes(block, 0, 512, 0, NULL, &done), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_block_discard(NULL, 0, 512, note_done, &done), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_block_flush(NULL, note_done, &done), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_block_flush(block, NULL, &done), ERROR_INVALID_ARGUMENT);
    CHECK(replay_block_length(NULL) < 0);
    CHECK_STATUS(replay_block_complete(NULL, 0), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_block_complete((replay_block_request_t *)&done, 0), ERROR_INVALID_ARGUMENT);
    CHECK_EQ(done.runs, 0);
    replay_mutex_unlock();
    CHECK_STATUS(replay_block_read(block, 0, &piece, 1, 0, note_done, &done), ERROR_LOCK_NOT_HELD);
    CHECK_STATUS(replay_block_flush(block, note_done, &done), ERROR_LOCK_NOT_HELD);
    CHECK_STATUS(replay_block_close(block), ERROR_LOCK_NOT_HELD);
    replay_mutex_lock();
    CHECK_STATUS(replay_block_close(NULL), OK);
    CHECK_STATUS(replay_block_close(block), OK);
    CHECK_EQ(disk.closes, 1);
    CHECK_STATUS(replay_block_close(block), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_block_read(block, 0, &piece, 1, 0, note_done, &done),
                 ERROR_INVALID_ARGUMENT);
    CHECK(replay_block_length(block) < 0);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_completion_waits_for_the_flush) {
    replay_block_t *block = begin(REPLAY_MODE_RECORD, 0);
    CHECK_EQ(replay_block_length(block), DISK_BYTES);
    done_t done = {.host = &host};
    struct iovec pieces[3] = {{data, 100}, {data + 200, 0}, {data + 300, 412}};
    host_execute(&host, 3, 10);
    CHECK_STATUS(replay_block_read(block, 1024, pieces, 3, 0, note_done, &done), OK);
    memset(pieces, 0, sizeof pieces); /* the array was copied */
    CHECK_EQ(disk.reads, 1);
    CHECK_EQ(done.runs, 0);
    CHECK_EQ(data[0], 0); /* guest memory changes only at the completion */
    host_execute(&host, 3, 10);
    CHECK(wait_for(&host, &done));
    CHECK_EQ(done.runs, 1);
    CHECK_EQ(done.result, 0);
    CHECK_EQ(done.icount, 20);
    CHECK_BYTES(data, disk.bytes + 1024, 100);
    CHECK_BYTES(data + 300, disk.bytes + 1124, 412);
    CHECK_EQ(data[100], 0);
    CHECK_EQ(host_info().events, 1);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(what_lies_outside_fails) {
    replay_block_t *block = begin(REPLAY_MODE_RECORD, 0);
    CHECK_EQ(read_now(&host, block, DISK_BYTES, data, 1), -EIO);
    CHECK_EQ(read_now(&host, block, DISK_BYTES - 1, data, 2), -EIO);
    CHECK_EQ(read_now(&host, block, UINT64_MAX, data, 2), -EIO);
    CHECK_EQ(write_now(&host, block, DISK_BYTES - 1, data, 2), -EIO);
    CHECK_EQ(read_now(&host, block, DISK_BYTES - 1, data, 1), 0);
    done_t done = {0};
    CHECK_STATUS(replay_block_zeroes(block, UINT64_MAX - 1, 100, 0, note_done, &done), OK);
    CHECK(wait_for(&host, &done));
    CHECK_EQ(done.result, -EIO);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_completion_is_given_once) {
    replay_block_t *block = begin(REPLAY_MODE_RECORD, 0);
    disk.hold = true;
    done_t done = {0};
    struct iovec piece = {data, 512};
    CHECK_STATUS(replay_block_read(block, 0, &piece, 1, 0, note_done, &done), OK);
    REQUIRE(disk.held_count == 1);
    replay_block_request_t *request = disk.held[0];
    replay_async_events();
    CHECK_EQ(done.runs, 0);
    disk_release(&disk);
    CHECK_STATUS(replay_block_complete(request, 0), ERROR_INVALID_ARGUMENT);
    CHECK(wait_for(&host, &done));
    CHECK_STATUS(replay_block_complete(request, 0), ERROR_INVALID_ARGUMENT);
    replay_async_events();
    CHECK_EQ(done.runs, 1);
    CHECK_STATUS(host_end(&host), OK);
}

/* ------------------------------------------------------------------ overlay */

static void write_and_read_back(replay_block_t *block) {
    memset(data, 0x77, sizeof data);
    CHECK_EQ(write_now(&host, block, 1000, data, 3000), 0);
    memset(data, 0, sizeof data);
    CHECK_EQ(read_now(&host, block, 500, data, 4000), 0);
    for (int i = 0; i < 4000; i++) {
        uint8_t want = i >= 500 && i < 3500 ? 0x77 : (uint8_t)((500 + i) * 31 + ((500 + i) >> 9));
        if (!CHECK_EQ(data[i], want))
            break;
    }
    done_t done = {0};
    CHECK_STATUS(replay_block_zeroes(block, 2000, 100, 0, note_done, &done), OK);
    CHECK(wait_for(&host, &done));
    CHECK_EQ(done.result, 0);
    CHECK_EQ(read_now(&host, block, 1999, data, 102), 0);
    CHECK_EQ(data[0], 0x77);
    for (int i = 1; i <= 100; i++)
        CHECK_EQ(data[i], 0);
    CHECK_EQ(data[101], 0x77);
    done = (done_t){0};
    CHECK_STATUS(replay_block_flush(block, note_done, &done), OK);
    CHECK(wait_for(&host, &done));
    CHECK_EQ(done.result, 0);
    done = (done_t){0};
    CHECK_STATUS(replay_block_discard(block, 4096, 4096, note_done, &done), OK);
    CHECK(wait_for(&host, &done));
    CHECK_EQ(done.result, 0);
}

TEST(writes_go_to_an_overlay) {
    replay_block_t *block = begin(REPLAY_MODE_RECORD, 0);
    write_and_read_back(block);
    CHECK_EQ(read_now(&host, block, 4096, data, 4096), 0);
    memset(other, 0, sizeof other);
    CHECK_BYTES(data, other, 4096); /* discarded on an overlay: zeroes */
    CHECK_EQ(disk.writes + disk.zeroes + disk.discards, 0);
    CHECK_EQ(disk.bytes[1500], (uint8_t)(1500 * 31 + (1500 >> 9)));
    CHECK_STATUS(host_end(&host), OK);
}

TEST(an_overlay_can_be_kept) {
    host_init(&host);
    disk_fill(&disk);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    replay_block_backend_t backend = disk_backend();
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    replay_status_t status;
    config.backend = &backend;
    config.opaque = &disk;
    config.overlay = REPLAY_BLOCK_OVERLAY_FILE;
    config.overlay_filename = "/no/such/folder/overlay";
    CHECK(replay_block_open(&config, &status) == NULL);
    CHECK_STATUS(status, ERROR_SYSTEM);
    config.overlay_filename = test_path("overlay");
    replay_block_t *block = replay_block_open(&config, &status);
    REQUIRE(block != NULL);
    host_start(&host, 3);
    write_and_read_back(block);
    CHECK_EQ(disk.writes, 0);
    CHECK_STATUS(replay_block_close(block), OK);
    CHECK_STATUS(host_end(&host), OK);
    CHECK_EQ(access(test_path("overlay"), R_OK), 0);
}

TEST(without_an_overlay_the_backend_is_written) {
    replay_block_t *block = begin(REPLAY_MODE_RECORD, REPLAY_BLOCK_OVERLAY_OFF);
    write_and_read_back(block);
    CHECK_EQ(disk.writes, 1);
    CHECK_EQ(disk.zeroes, 1);
    CHECK_EQ(disk.flushes, 1);
    CHECK_EQ(disk.discards, 1);
    CHECK_EQ(disk.bytes[1500], 0x77);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(without_a_log_completions_run_at_once) {
    host_init(&host);
    disk_fill(&disk);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_NONE, NULL, NULL), OK);
    replay_block_t *block = disk_open(&disk, 0);
    host_start(&host, 3);
    CHECK_EQ(replay_block_length(block), DISK_BYTES);
    done_t done = {0};
    struct iovec piece = {data, 512};
    CHECK_STATUS(replay_block_read(block, 512, &piece, 1, 0, note_done, &done), OK);
    CHECK_EQ(done.runs, 1);
    CHECK_BYTES(data, disk.bytes + 512, 512);
    memset(data, 9, 512);
    CHECK_STATUS(replay_block_write(block, 0, &piece, 1, 0, note_done, &done), OK);
    CHECK_EQ(done.runs, 2);
    CHECK_EQ(disk.writes, 1); /* no overlay in mode NONE */
    CHECK_EQ(disk.bytes[0], 9);
    CHECK_STATUS(replay_block_close(block), OK);
    CHECK_EQ(disk.closes, 1);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(missing_operations_have_their_answers) {
    host_init(&host);
    disk_fill(&disk);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    replay_block_backend_t backend = disk_backend();
    backend.zeroes = NULL;
    backend.discard = NULL;
    backend.flush = NULL;
    backend.close = NULL;
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.backend = &backend;
    config.opaque = &disk;
    config.overlay = REPLAY_BLOCK_OVERLAY_OFF;
    replay_block_t *block = replay_block_open(&config, NULL);
    REQUIRE(block != NULL);
    host_start(&host, 3);
    write_and_read_back(block);
    CHECK_EQ(disk.writes, 2); /* zeroes by writing */
    CHECK_STATUS(replay_block_close(block), OK);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_read_only_disk_refuses_writes) {
    host_init(&host);
    disk_fill(&disk);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    replay_block_backend_t backend = disk_backend();
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.backend = &backend;
    config.opaque = &disk;
    config.read_only = 1;
    replay_block_t *block = replay_block_open(&config, NULL);
    REQUIRE(block != NULL);
    host_start(&host, 3);
    CHECK_EQ(write_now(&host, block, 0, data, 512), -EROFS);
    CHECK_EQ(read_now(&host, block, 0, data, 512), 0);
    done_t done = {0};
    CHECK_STATUS(replay_block_zeroes(block, 0, 512, 0, note_done, &done), OK);
    CHECK(wait_for(&host, &done));
    CHECK_EQ(done.result, -EROFS);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(written_data_is_copied_when_it_is_submitted) {
    replay_block_t *block = begin(REPLAY_MODE_RECORD, REPLAY_BLOCK_OVERLAY_OFF);
    disk.by_thread = true;
    done_t done = {0};
    memset(data, 0x11, 512);
    struct iovec piece = {data, 512};
    CHECK_STATUS(replay_block_write(block, 0, &piece, 1, REPLAY_BLOCK_FUA, note_done, &done), OK);
    memset(data, 0x22, 512);
    CHECK(wait_for(&host, &done));
    CHECK_EQ(read_now(&host, block, 0, data, 512), 0);
    CHECK_EQ(data[0], 0x11);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(closing_waits_for_what_is_under_way) {
    replay_block_t *block = begin(REPLAY_MODE_RECORD, 0);
    disk.by_thread = true;
    done_t done = {0};
    struct iovec piece = {data, 512};
    CHECK_STATUS(replay_block_read(block, 0, &piece, 1, 0, note_done, &done), OK);
    CHECK_STATUS(replay_block_close(block), OK);
    CHECK_EQ(done.runs, 1);
    CHECK_EQ(disk.closes, 1);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(finish_closes_the_disks) {
    replay_block_t *block = begin(REPLAY_MODE_RECORD, 0);
    CHECK_EQ(read_now(&host, block, 0, data, 512), 0);
    CHECK_STATUS(host_end(&host), OK);
    CHECK_EQ(disk.closes, 1);
}

TEST(an_image_file_is_served_and_left_as_it_is) {
    disk_fill(&disk);
    const char *image = test_path("disk.img");
    test_write_file(image, disk.bytes, DISK_BYTES);
    for (replay_mode_t mode = 0; mode <= 2; mode++) {
        host_init(&host);
        REQUIRE_STATUS(host_configure(&host, mode, mode ? log_path() : NULL, NULL), OK);
        replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
        config.filename = image;
        config.workers = mode == 1 ? 1 : 4;
        config.overlay = REPLAY_BLOCK_OVERLAY_TEMPORARY;
        replay_status_t status = REPLAY_OK;
        replay_block_t *block = replay_block_open(&config, &status);
        CHECK_STATUS(status, OK);
        REQUIRE(block != NULL);
        host_start(&host, 3);
        CHECK_EQ(replay_block_length(block), DISK_BYTES);
        write_and_read_back(block);
        CHECK_STATUS(replay_block_close(block), OK);
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
    }
    size_t length;
    uint8_t *after = test_read_file(image, &length);
    CHECK_EQ(length, DISK_BYTES);
    CHECK_BYTES(after, disk.bytes, DISK_BYTES);
}

TEST(an_image_is_no_overlay_of_itself) {
    host_init(&host);
    disk_fill(&disk);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, test_path("run.log"), NULL), OK);
    FILE *file = fopen(test_path("image"), "wb");
    REQUIRE(file && fwrite(disk.bytes, DISK_BYTES, 1, file) == 1 && fclose(file) == 0);
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.filename = test_path("image");
    config.overlay = REPLAY_BLOCK_OVERLAY_FILE;
    config.overlay_filename = test_path("image");
    replay_status_t status = REPLAY_OK;
    CHECK(replay_block_open(&config, &status) == NULL);
    CHECK_STATUS_IS(status, REPLAY_ERROR_INVALID_ARGUMENT);
    static uint8_t back[DISK_BYTES];
    file = fopen(test_path("image"), "rb");
    REQUIRE(file && fread(back, DISK_BYTES, 1, file) == 1);
    fclose(file);
    CHECK_BYTES(back, disk.bytes, DISK_BYTES);
    CHECK_STATUS(replay_finish(), OK);
}
