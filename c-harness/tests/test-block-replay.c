/* SPDX-License-Identifier: MIT */
/* The block filter, recorded and replayed: places, results, another image. */
#include "block-host.h"

#include <unistd.h>

static host_t host;
static disk_t disk;
static uint8_t buffers[32][4096];
static void configure(replay_mode_t mode, const char *options) {
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, mode, log_path(), options), OK);
}

static replay_block_t *begin(replay_mode_t mode, const char *options) {
    configure(mode, options);
    disk_fill(&disk);
    return disk_open(&disk, 0);
}

typedef struct {
    uint64_t icount[32];
    int32_t result[32];
    uint8_t first[32];
} course_t;

/* Submits 32 requests of all kinds at known places, continues executing, and
 * flushes once in a while. In PLAY the completions must run where they did. */
static course_t run_course(replay_mode_t mode, replay_block_t *block) {
    static done_t done[32];
    course_t course;
    memset(done, 0, sizeof done);
    memset(buffers, 0, sizeof buffers);
    for (int i = 0; i < 32; i++) {
        done[i].host = &host;
        struct iovec pieces[2] = {{buffers[i], 512}, {buffers[i] + 1000, 1024}};
        uint64_t offset = (uint64_t)i * 3000;
        replay_status_t status;
        if (i % 8 == 3) {
            memset(buffers[i], i, 4096);
            status = replay_block_write(block, offset, pieces, 2, 0, note_done, &done[i]);
        } else if (i % 8 == 5) {
            status = replay_block_zeroes(block, offset, 700, 0, note_done, &done[i]);
        } else if (i % 8 == 6) {
            status = replay_block_flush(block, note_done, &done[i]);
        } else if (i % 8 == 7) {
            status = replay_block_discard(block, offset, 512, note_done, &done[i]);
        } else {
            status = replay_block_read(block, offset, pieces, 2, 0, note_done, &done[i]);
        }
        CHECK_STATUS(status, OK);
        host_execute(&host, 3, 100);
        replay_account_warp_timer();
        if (mode == REPLAY_MODE_RECORD && i % 4 == 0)
            test_sleep_ms(1);
    }
    for (int i = 0; i < 32 && !host_stopped(&host); i++)
        while (done[i].runs == 0 && !host_stopped(&host) && host_execute(&host, 3, 50))
            replay_account_warp_timer();
    for (int i = 0; i < 32; i++) {
        CHECK_EQ(done[i].runs, 1);
        course.icount[i] = done[i].icount;
        course.result[i] = done[i].result;
        course.first[i] = buffers[i][0];
    }
    return course;
}

static void check_course(bool by_thread, int32_t fail_with) {
    replay_block_t *block = begin(REPLAY_MODE_RECORD, NULL);
    disk.by_thread = by_thread;
    disk.fail_with = fail_with;
    host_start(&host, 3);
    course_t recorded = run_course(REPLAY_MODE_RECORD, block);
    CHECK_STATUS(replay_block_close(block), OK);
    REQUIRE_STATUS(host_end(&host), OK);
    block = begin(REPLAY_MODE_PLAY, NULL);
    disk.by_thread = !by_thread;
    host_start(&host, 3);
    course_t played = run_course(REPLAY_MODE_PLAY, block);
    CHECK(host_run_to_end(&host, 3));
    if (host_stop_status(&host) != REPLAY_OK)
        test_fail(TEST_HERE, "replay fails: %s", host.stop_error.message);
    for (int i = 0; i < 32; i++) {
        CHECK_EQ(played.icount[i], recorded.icount[i]);
        CHECK_EQ(played.result[i], recorded.result[i]);
        CHECK_EQ(played.first[i], recorded.first[i]);
    }
    CHECK_STATUS(replay_block_close(block), OK);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(completions_run_at_their_places) {
    check_course(false, 0);
}
TEST(completions_of_a_slow_backend_too) {
    check_course(true, 0);
}
TEST(a_failure_fails_again) {
    check_course(false, -EIO);
}

TEST(results_are_those_of_the_recording) {
    replay_block_t *block = begin(REPLAY_MODE_RECORD, NULL);
    host_start(&host, 3);
    disk.fail_with = -ENOSPC;
    CHECK_EQ(read_now(&host, block, 0, buffers[0], 512), -ENOSPC);
    host_execute(&host, 3, 10);
    disk.fail_with = 0;
    CHECK_EQ(read_now(&host, block, 0, buffers[0], 512), 0);
    REQUIRE_STATUS(host_end(&host), OK);
    block = begin(REPLAY_MODE_PLAY, NULL);
    host_start(&host, 3);
    CHECK_EQ(read_now(&host, block, 0, buffers[0], 512), -ENOSPC);
    host_execute(&host, 3, 10);
    CHECK_EQ(read_now(&host, block, 0, buffers[0], 512), 0);
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_backend_that_fails_where_it_did_not_is_reported) {
    replay_block_t *block = begin(REPLAY_MODE_RECORD, NULL);
    host_start(&host, 3);
    host_execute(&host, 3, 10);
    CHECK_EQ(read_now(&host, block, 512, buffers[0], 512), 0);
    REQUIRE_STATUS(host_end(&host), OK);
    block = begin(REPLAY_MODE_PLAY, NULL);
    disk.fail_with = -EIO;
    host_start(&host, 3);
    host_execute(&host, 3, 10);
    read_now(&host, block, 512, buffers[0], 512);
    CHECK_EQ(host.stops, 1);
    CHECK_STATUS(host_stop_status(&host), ERROR_BLOCK_DATA);
    CHECK_STR(host.stop_error.device, "system");
    CHECK_STATUS(host_end(&host), ERROR_BLOCK_DATA);
}

TEST(another_image_is_named_with_disk_offset_and_length) {
    replay_block_t *block = begin(REPLAY_MODE_RECORD, NULL);
    host_start(&host, 3);
    host_execute(&host, 3, 777);
    CHECK_EQ(read_now(&host, block, 0, buffers[0], 512), 0);
    host_execute(&host, 3, 111);
    CHECK_EQ(read_now(&host, block, 8192, buffers[0], 2048), 0);
    REQUIRE_STATUS(host_end(&host), OK);
    block = begin(REPLAY_MODE_PLAY, NULL);
    CHECK_EQ(host_info().block_data, 0);
    disk.bytes[9000] ^= 1;
    host_start(&host, 3);
    host_execute(&host, 3, 777);
    CHECK_EQ(read_now(&host, block, 0, buffers[0], 512), 0);
    host_execute(&host, 3, 111);
    int64_t begun = test_now_ns();
    memset(buffers[1], 0, 4096);
    read_now(&host, block, 8192, buffers[1], 2048);
    CHECK(test_now_ns() - begun < 2000000000);
    CHECK_EQ(host.stops, 1);
    CHECK_STATUS(host_stop_status(&host), ERROR_BLOCK_DATA);
    printf("    sentence: %s\n", host.stop_error.message);
    CHECK_STR(host.stop_error.device, "system");
    CHECK_EQ(host.stop_error.icount, 888);
    CHECK_HAS(host.stop_error.message, "system");
    CHECK_HAS(host.stop_error.message, "8192");
    CHECK_HAS(host.stop_error.message, "2048");
    CHECK_HAS(host.stop_error.message, "888");
    CHECK_HAS(host.stop_error.message, "the image, the backend or the bytes from the host differ");
    CHECK_STATUS(host_end(&host), ERROR_BLOCK_DATA);
}

TEST(another_length_is_reported_at_the_start) {
    begin(REPLAY_MODE_RECORD, NULL);
    host_start(&host, 3);
    host_execute(&host, 3, 10);
    replay_interrupt();
    REQUIRE_STATUS(host_end(&host), OK);
    configure(REPLAY_MODE_PLAY, NULL);
    disk_fill(&disk);
    disk.length = DISK_BYTES / 2;
    disk_open(&disk, 0);
    CHECK_STATUS(replay_start(), ERROR_FINGERPRINT);
    CHECK_HAS(host_last_error().message, "system");
    CHECK_HAS(host_last_error().message, "262144");
    CHECK_HAS(host_last_error().message, "131072");
    replay_finish();
}

TEST(a_missing_disk_is_reported_at_the_start) {
    begin(REPLAY_MODE_RECORD, NULL);
    host_start(&host, 3);
    host_execute(&host, 3, 10);
    replay_interrupt();
    REQUIRE_STATUS(host_end(&host), OK);
    configure(REPLAY_MODE_PLAY, NULL);
    CHECK_STATUS(replay_start(), ERROR_FINGERPRINT);
    CHECK_HAS(host_last_error().message, "system");
    replay_finish();
}

TEST(with_the_data_recorded_no_image_is_needed) {
    disk_fill(&disk);
    const char *image = test_path("disk.img");
    test_write_file(image, disk.bytes, DISK_BYTES);
    course_t courses[3];
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        configure(mode, mode == REPLAY_MODE_RECORD ? "rrdata=on" : NULL);
        CHECK_EQ(host_info().block_data, 1);
        replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
        replay_status_t status = REPLAY_OK;
        config.filename = image;
        config.name = "system";
        replay_block_t *block = replay_block_open(&config, &status);
        CHECK_STATUS(status, OK);
        REQUIRE(block != NULL);
        host_start(&host, 3);
        CHECK_EQ(replay_block_length(block), DISK_BYTES);
        courses[mode] = run_course(mode, block);
        CHECK_STATUS(replay_block_close(block), OK);
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
        unlink(image);
    }
    for (int i = 0; i < 32; i++) {
        CHECK_EQ(courses[2].icount[i], courses[1].icount[i]);
        CHECK_EQ(courses[2].result[i], courses[1].result[i]);
        CHECK_EQ(courses[2].first[i], courses[1].first[i]);
    }
}

TEST(with_the_data_recorded_no_backend_is_called) {
    replay_block_t *block = begin(REPLAY_MODE_RECORD, "rrdata=on");
    host_start(&host, 3);
    CHECK_EQ(read_now(&host, block, 512, buffers[0], 512), 0);
    REQUIRE_STATUS(host_end(&host), OK);
    block = begin(REPLAY_MODE_PLAY, "rrdata=on");
    memset(disk.bytes, 0, DISK_BYTES);
    host_start(&host, 3);
    CHECK_EQ(read_now(&host, block, 512, buffers[1], 512), 0);
    CHECK_BYTES(buffers[1], buffers[0], 512);
    CHECK_EQ(disk.reads, 0);
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

TEST(several_disks_are_distinguished) {
    static disk_t second;
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        configure(mode, NULL);
        disk_fill(&disk);
        disk_fill(&second);
        memset(second.bytes, 0x55, DISK_BYTES);
        second.length = DISK_BYTES / 4;
        replay_block_backend_t backend = disk_backend();
        replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
        config.backend = &backend;
        config.opaque = &disk;
        replay_block_t *a = replay_block_open(&config, NULL);
        config.opaque = &second;
        replay_block_t *b = replay_block_open(&config, NULL);
        REQUIRE(a && b);
        host_start(&host, 3);
        CHECK_EQ(replay_block_length(a), DISK_BYTES);
        CHECK_EQ(replay_block_length(b), DISK_BYTES / 4);
        done_t done[2] = {{.host = &host}, {.host = &host}};
        struct iovec pieces[2] = {{buffers[0], 512}, {buffers[1], 512}};
        CHECK_STATUS(replay_block_read(a, 0, &pieces[0], 1, 0, note_done, &done[0]), OK);
        CHECK_STATUS(replay_block_read(b, 0, &pieces[1], 1, 0, note_done, &done[1]), OK);
        CHECK(wait_for(&host, &done[0]) && wait_for(&host, &done[1]));
        CHECK_EQ(buffers[1][7], 0x55);
        CHECK_BYTES(buffers[0], disk.bytes, 512);
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(the_smallest_result_of_a_backend_is_an_error_like_any_other) {
    replay_block_t *block = begin(REPLAY_MODE_RECORD, NULL);
    disk.fail_with = INT32_MIN;
    host_start(&host, 3);
    CHECK_EQ(read_now(&host, block, 0, buffers[0], 512), INT32_MIN);
    host_execute(&host, 3, 10);
    disk.fail_with = 0;
    CHECK_EQ(read_now(&host, block, 0, buffers[0], 512), 0);
    REQUIRE_STATUS(host_end(&host), OK);
    block = begin(REPLAY_MODE_PLAY, NULL);
    host_start(&host, 3);
    CHECK_EQ(read_now(&host, block, 0, buffers[0], 512), INT32_MIN);
    host_execute(&host, 3, 10);
    disk.fail_with = INT32_MIN;
    read_now(&host, block, 0, buffers[0], 512);
    CHECK_STATUS(host_stop_status(&host), ERROR_BLOCK_DATA);
    CHECK_HAS(host.stop_error.message, "error 2147483648 in read 1 of system");
    CHECK_STATUS(host_end(&host), ERROR_BLOCK_DATA);
}
