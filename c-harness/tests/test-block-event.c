/* SPDX-License-Identifier: MIT */
/* A host with a block layer of its own: ids, completions with results, data, and
 * how long it may take. */
#include "host.h"

#include <errno.h>

static host_t host;
static int32_t results[8];
static unsigned count;
static char data[] = "what the disk holds";

static void note(void *opaque, int32_t result) {
    (void)opaque;
    results[count++ % 8] = result;
}

static void note_plain(void *opaque) {
    note(opaque, 77);
}

static struct iovec whole(void) {
    return (struct iovec){data, sizeof data};
}

/* A read that succeeds, one that fails, and a write. */
static void record(void) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    host_execute(&host, 3, 10);
    struct iovec all = whole();
    uint64_t id = blkreplay_next_id();
    CHECK_STATUS(replay_block_event_result(note, NULL, id, 3, &all, 1), OK);
    id = blkreplay_next_id();
    CHECK_STATUS(replay_block_event_result(note, NULL, id, -EIO, NULL, 0), OK);
    id = blkreplay_next_id();
    CHECK_STATUS(replay_block_event_result(note, NULL, id, 0, NULL, 0), OK);
    CHECK_EQ(count, 0);
    CHECK_STATUS(replay_async_events(), OK);
    CHECK_EQ(count, 3);
    CHECK_EQ(results[0], 3);
    CHECK_EQ(results[1], -EIO);
    CHECK_EQ(results[2], 0);
    REQUIRE_STATUS(host_end(&host), OK);
    count = 0;
}

static void begin_replay(const char *options) {
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), options);
    host_execute(&host, 3, 10);
}

TEST(a_replay_gets_the_recorded_results) {
    record();
    begin_replay(NULL);
    struct iovec all = whole();
    /* Other results, in another order, and the data in other pieces. */
    uint64_t read = blkreplay_next_id(), failed = blkreplay_next_id(), write = blkreplay_next_id();
    CHECK_STATUS(replay_block_event_result(note, NULL, write, -ENOSPC, NULL, 0), OK);
    CHECK_STATUS(replay_block_event_result(note, NULL, failed, 0, &all, 1), OK);
    struct iovec pieces[] = {{data, 5}, {NULL, 0}, {data + 5, sizeof data - 5}};
    CHECK_STATUS(replay_block_event_result(note, NULL, read, 0, pieces, 3), OK);
    CHECK_STATUS(replay_async_events(), OK);
    CHECK_EQ(count, 3);
    CHECK_EQ(results[0], 3);
    CHECK_EQ(results[1], -EIO);
    CHECK_EQ(results[2], 0);
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

static void check_refused(int32_t result, const struct iovec *pieces, const char *found) {
    count = 0;
    begin_replay(NULL);
    uint64_t id = blkreplay_next_id();
    CHECK_STATUS(replay_block_event_result(note, NULL, id, result, pieces, pieces ? 1 : 0), OK);
    CHECK_STATUS(replay_async_events(), ERROR_BLOCK_DATA);
    CHECK_EQ(count, 0);
    CHECK_HAS(host_last_error().found, found);
    CHECK_HAS(host_last_error().found, "request 0");
    CHECK_HAS(host_last_error().message, "icount 10");
    CHECK_STATUS(host_end(&host), ERROR_BLOCK_DATA);
}

TEST(different_data_is_reported_at_the_first_read) {
    record();
    struct iovec all = whole();
    data[3] ^= 1;
    check_refused(3, &all, "different data");
    data[3] ^= 1;
    check_refused(-ENOENT, &all, "error 2");
    check_refused(3, NULL, "no data");
}

TEST(a_replay_without_results_takes_the_recorded_places) {
    record();
    begin_replay(NULL);
    for (int i = 0; i < 3; i++)
        CHECK_STATUS(replay_block_event(note_plain, NULL, blkreplay_next_id()), OK);
    CHECK_STATUS(replay_async_events(), OK);
    CHECK_EQ(count, 3);
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

/* ------------------------------------------------------------ events disabled */

static void done_unwritten(void *opaque, int32_t result) {
    (void)opaque;
    note(NULL, 1000 + result);
}

/* A request that begins while events are disabled, and one that begins after it. The first
 * completes before the other one is queued, after it, or only at a later flush. */
static void overlap(replay_mode_t mode, int order) {
    count = 0;
    host_begin(&host, mode, log_path(), NULL);
    CHECK_STATUS(replay_disable_events(), OK);
    uint64_t unwritten = blkreplay_next_id(), second = blkreplay_next_id();
    CHECK_STATUS(replay_enable_events(), OK);
    uint64_t written = blkreplay_next_id();
    CHECK_EQ(written, 0);
    CHECK(unwritten >> 63 && second >> 63 && second != unwritten);
    host_execute(&host, 3, 10);
    struct iovec all = whole();
    if (order == 0)
        CHECK_STATUS(replay_block_event_result(done_unwritten, NULL, unwritten, 1, &all, 1), OK);
    CHECK_STATUS(replay_block_event_result(note, NULL, written, 5, &all, 1), OK);
    if (order == 1)
        CHECK_STATUS(replay_block_event_result(done_unwritten, NULL, unwritten, 1, &all, 1), OK);
    CHECK_STATUS(replay_async_events(), OK);
    CHECK_EQ(host_info().events, 1);
    if (order == 2) {
        CHECK_EQ(count, 1);
        CHECK_STATUS(replay_block_event_result(done_unwritten, NULL, unwritten, 1, &all, 1), OK);
    }
    CHECK_STATUS(replay_block_event(note_plain, NULL, second), OK);
    CHECK_STATUS(replay_async_events(), OK);
    CHECK_EQ(count, 3);
    CHECK_EQ(results[0], order == 2 ? 5 : 1001); /* what no log has runs first */
    CHECK_EQ(results[1], order == 2 ? 1001 : 5);
    CHECK_EQ(results[2], 77);
    CHECK_EQ(host_info().events, 1);
    if (mode == REPLAY_MODE_PLAY)
        CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_request_that_began_while_events_were_disabled_is_in_no_log) {
    for (int order = 0; order < 3; order++)
        for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++)
            overlap(mode, order);
}

/* ------------------------------------------------------------ a slow backend */

static void *complete_late(void *id) {
    struct iovec all = whole();
    test_sleep_ms(1500);
    CHECK_STATUS(replay_block_event_result(note, NULL, *(uint64_t *)id, 3, &all, 1), OK);
    *(uint64_t *)id += 1;
    test_sleep_ms(1000);
    CHECK_STATUS(replay_block_event_result(note, NULL, *(uint64_t *)id, 0, NULL, 0), OK);
    *(uint64_t *)id += 1;
    CHECK_STATUS(replay_block_event_result(note, NULL, *(uint64_t *)id, 0, NULL, 0), OK);
    return NULL;
}

TEST(a_request_under_way_is_no_stall) {
    record();
    begin_replay("rrstall=200");
    uint64_t id = blkreplay_next_id();
    blkreplay_next_id();
    blkreplay_next_id();
    pthread_t backend;
    pthread_create(&backend, NULL, complete_late, &id);
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_stop_status(&host), OK);
    CHECK_EQ(count, 3);
    pthread_join(backend, NULL);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_request_that_was_never_made_is_a_stall) {
    record();
    begin_replay("rrstall=200");
    int64_t begin = test_now_ns();
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_stop_status(&host), ERROR_STALLED);
    CHECK(test_now_ns() - begin < 2000000000);
    CHECK_STATUS(host_end(&host), ERROR_STALLED);
}

TEST(misuse_is_refused) {
    struct iovec all = whole(), nothing = {NULL, 1};
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_RECORD; mode++) {
        host_begin(&host, mode, mode ? log_path() : NULL, NULL);
        CHECK_STATUS(replay_block_event_result(NULL, NULL, 0, 0, &all, 1), ERROR_INVALID_ARGUMENT);
        CHECK_STATUS(replay_block_event_result(note, NULL, 0, 0, NULL, 1), ERROR_INVALID_ARGUMENT);
        CHECK_STATUS(replay_block_event_result(note, NULL, 0, 0, &all, -1), ERROR_INVALID_ARGUMENT);
        CHECK_STATUS(replay_block_event_result(note, NULL, 0, 0, &all, 1025),
                     ERROR_INVALID_ARGUMENT);
        CHECK_STATUS(replay_block_event_result(note, NULL, 0, 0, &nothing, 1),
                     ERROR_INVALID_ARGUMENT);
        CHECK_EQ(count, 0);
        CHECK_STATUS(replay_block_event_result(note, NULL, 0, INT32_MIN, &all, 1), OK);
        CHECK_STATUS(replay_async_events(), OK);
        CHECK_EQ(count, 1);
        CHECK_EQ(results[0], INT32_MIN);
        count = 0;
        CHECK_STATUS(host_end(&host), OK);
    }
}
