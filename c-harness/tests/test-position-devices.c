/* SPDX-License-Identifier: MIT */
/* Positions and devices: disks, what was plugged in or removed since, requests that are
 * under way. */
#include "block-host.h"
#include "positions.h"

static int64_t length_of_disk(void *opaque) {
    (void)opaque;
    return 4096;
}

static void never(void *opaque, replay_block_request_t *request, uint64_t offset,
                  const struct iovec *iov, int32_t count, uint32_t flags) {
    (void)opaque, (void)request, (void)offset, (void)iov, (void)count, (void)flags;
}

TEST(a_disk_that_the_guest_writes_to_is_not_part_of_a_position) {
    host_t host;
    static memory_t memory;
    replay_block_backend_t backend = REPLAY_BLOCK_BACKEND_INIT;
    backend.length = length_of_disk;
    backend.read = never;
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.backend = &backend;
    host_init(&host);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    CHECK(replay_block_open(&config, NULL) != NULL);
    host_start(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    CHECK(!replay_can_snapshot());
    CHECK_STATUS(host_last_error().status, ERROR_NOT_SUPPORTED);
    CHECK_STATUS(save(&memory), ERROR_NOT_SUPPORTED);
    CHECK_HAS(host_last_error().message, "disk0");
    CHECK_HAS(host_last_error().message, "use the library's snapshots");
    CHECK_STATUS(host_end(&host), OK);
}

/** The host's snapshot has the content of its backend. */
TEST(a_disk_whose_content_the_host_holds_goes_back_with_its_snapshots) {
    enum { PLACES = 6 };
    static host_t host;
    static memory_t memory[PLACES];
    static disk_t disk, kept[PLACES];
    static const unsigned order[] = {4, 1, 5, 0, 3};
    for (int play = 0; play < 2; play++) {
        disk_fill(&disk);
        host_init(&host);
        CHECK_STATUS(
            host_configure(&host, play ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD, log_path(), NULL),
            OK);
        replay_block_t *block = disk_open(&disk, REPLAY_BLOCK_OVERLAY_OFF);
        host_start(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
        for (size_t round = 0; round <= (play ? sizeof order / sizeof *order : 0); round++) {
            unsigned first = 0;
            if (round > 0) {
                first = order[round - 1];
                host.icount = first * 100;
                memcpy(disk.bytes, kept[first].bytes, DISK_BYTES);
                CHECK_STATUS(load(&memory[first]), OK);
            }
            for (unsigned i = first; i < PLACES; i++) {
                uint8_t data[64], found[64];
                memset(data, (int)i + 1, sizeof data);
                CHECK(replay_can_snapshot());
                if (!play) {
                    CHECK_STATUS(save(&memory[i]), OK);
                    kept[i] = disk;
                }
                CHECK_EQ(read_now(&host, block, 512, found, sizeof found), 0);
                CHECK_EQ(found[0], i ? i : disk.bytes[512]);
                CHECK_EQ(write_now(&host, block, 512, data, sizeof data), 0);
                host_execute(&host, REPLAY_THREAD_VCPU, (i + 1) * 100 - host.icount);
            }
        }
        if (play)
            CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
        CHECK_STATUS(replay_block_close(block), OK);
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(going_back_past_the_plugging_in_of_a_device_drops_it) {
    host_t host;
    static memory_t early, late;
    for (int play = 0; play < 2; play++) {
        host_begin(&host, play ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD, log_path(), NULL);
        host_execute(&host, REPLAY_THREAD_VCPU, 50);
        if (play) {
            /* It can't be plugged in by going forward. */
            CHECK_STATUS(load(&late), ERROR_POSITION);
            CHECK_HAS(host_last_error().message, "character device 0");
        } else {
            CHECK_STATUS(save(&early), OK);
        }
        for (int round = 0; round < (play ? 3 : 1); round++) {
            if (round) {
                host.icount = 50;
                CHECK_STATUS(load(&early), OK);
                CHECK_STATUS(replay_chr_be_write(0, (const uint8_t *)"x", 1),
                             ERROR_INVALID_ARGUMENT);
            }
            CHECK_EQ(replay_register_char_driver(ignore_data, NULL), 0);
            host_execute(&host, REPLAY_THREAD_VCPU, 50);
        }
        CHECK_STATUS(play ? load(&late) : save(&late), OK);
        if (play)
            CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(a_filter_or_a_disk_that_is_gone_is_named) {
    host_t host;
    static memory_t memory;
    replay_block_backend_t backend = REPLAY_BLOCK_BACKEND_INIT;
    backend.length = length_of_disk;
    backend.read = never;
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.backend = &backend;
    config.read_only = true;
    for (int play = 0; play < 2; play++) {
        host_init(&host);
        replay_mode_t mode = play ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD;
        REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
        replay_block_t *disk = replay_block_open(&config, NULL);
        replay_net_t *first = replay_register_net(ignore_packet, NULL);
        replay_net_t *second = replay_register_net(ignore_packet, NULL);
        REQUIRE(disk && first && second);
        host_start(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
        CHECK_STATUS(replay_unregister_net(first), OK);
        host_execute(&host, REPLAY_THREAD_VCPU, 20);
        if (play) {
            CHECK_STATUS(load(&memory), OK);
            CHECK_STATUS(replay_block_close(disk), OK);
            CHECK_STATUS(load(&memory), ERROR_POSITION);
            CHECK_HAS(host_last_error().message, "disk0");
            CHECK_STATUS(replay_unregister_net(second), OK);
            CHECK_STATUS(load(&memory), ERROR_POSITION);
            CHECK_HAS(host_last_error().message, "network filter 1");
            CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
        } else {
            CHECK_STATUS(save(&memory), OK);
            host_execute(&host, REPLAY_THREAD_VCPU, 20);
        }
        CHECK_STATUS(host_end(&host), OK);
    }
}

/* ------------------------------------------------------- requests from before */

static replay_block_request_t *kept[2];
static unsigned kept_count, completions;

static void keep(void *opaque, replay_block_request_t *request, uint64_t offset,
                 const struct iovec *pieces, int32_t count, uint32_t flags) {
    (void)opaque, (void)offset, (void)pieces, (void)count, (void)flags;
    kept[kept_count++] = request;
}

static void complete_one(void *opaque, int32_t result) {
    (void)opaque, (void)result;
    completions++;
}

/** A run with a disk whose backend keeps the requests. */
static replay_block_t *begin_with_disk(host_t *host, replay_mode_t mode, const char *path) {
    replay_block_backend_t backend = REPLAY_BLOCK_BACKEND_INIT;
    backend.length = length_of_disk;
    backend.read = keep;
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.backend = &backend;
    config.read_only = 1;
    kept_count = completions = 0;
    host_init(host);
    CHECK_STATUS(host_configure(host, mode, path, NULL), OK);
    replay_block_t *disk = replay_block_open(&config, NULL);
    host_start(host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    return disk;
}

TEST(a_request_from_before_never_completes) {
    static host_t host;
    static memory_t early, late;
    static uint8_t data[512];
    struct iovec piece = {data, sizeof data};
    for (int play = 0; play < 2; play++) {
        replay_block_t *disk =
            begin_with_disk(&host, play ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD, log_path());
        if (!play)
            CHECK_STATUS(save(&early), OK);
        for (int round = 0; round <= play; round++) {
            CHECK_STATUS(replay_block_read(disk, 0, &piece, 1, 0, complete_one, NULL), OK);
            CHECK(!replay_can_snapshot());
            if (play && round == 0) { /* back, with the request in the backend's hands */
                host.icount = 0;
                CHECK_STATUS(load(&early), OK);
                CHECK(replay_can_snapshot());
            }
        }
        replay_block_complete(kept[0], 0);
        if (play) {
            CHECK_STATUS(replay_async_events(), OK);
            CHECK_EQ(completions, 0);
            CHECK(!replay_can_snapshot());
            replay_block_complete(kept[1], 0);
        }
        CHECK_STATUS(replay_async_events(), OK);
        CHECK_EQ(completions, 1);
        CHECK_STATUS(save(&late), OK);
        if (play)
            CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
        CHECK_STATUS(replay_block_close(disk), OK);
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(nor_is_it_in_the_log_of_a_branch) {
    static host_t host;
    static memory_t early;
    static uint8_t data[512];
    struct iovec piece = {data, sizeof data};
    enum { RECORDED, BRANCHES, REPLAYED };
    for (int run = RECORDED; run <= REPLAYED; run++) {
        const char *path = run == REPLAYED ? test_path("branch") : log_path();
        replay_block_t *disk =
            begin_with_disk(&host, run ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD, path);
        if (run == RECORDED)
            CHECK_STATUS(save(&early), OK);
        CHECK_STATUS(replay_block_read(disk, 0, &piece, 1, 0, complete_one, NULL), OK);
        if (run == BRANCHES) {
            CHECK_STATUS(load(&early), OK);
            CHECK_STATUS(replay_branch(test_path("branch")), OK);
            replay_block_complete(kept[0], 0);
            CHECK_STATUS(replay_async_events(), OK);
            CHECK_EQ(completions, 0);
            CHECK_EQ(host_info().events, 0);
            CHECK_STATUS(replay_block_read(disk, 0, &piece, 1, 0, complete_one, NULL), OK);
        }
        host_execute(&host, REPLAY_THREAD_VCPU, 10);
        replay_block_complete(kept[kept_count - 1], 0);
        CHECK_STATUS(replay_async_events(), OK);
        CHECK_EQ(completions, 1);
        CHECK_EQ(host_info().events, 1);
        if (run == REPLAYED)
            CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
        else
            host_execute(&host, REPLAY_THREAD_VCPU, 10);
        CHECK_STATUS(replay_block_close(disk), OK);
        CHECK_STATUS(host_end(&host), OK);
    }
}
