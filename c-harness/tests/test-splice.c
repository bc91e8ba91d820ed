/* SPDX-License-Identifier: MIT */
/* A log into which a whole chunk of a different recording was copied: each of its checksums
 * fits. Nothing of that chunk may reach the guest. */
#include "host.h"

enum { EVENTS = 300, BYTES = 400, HEADER = 64, CHUNK_HEADER = 72, MOST_CHUNKS = 400 };

typedef struct recording {
    uint8_t *bytes;
    size_t length;
    size_t at[MOST_CHUNKS + 1]; /* where each chunk of events begins, and where the last ends */
    int chunks;
} recording_t;

static host_t host;

static uint64_t number(const uint8_t *bytes, int size) {
    uint64_t value = 0;
    while (size-- > 0)
        value = value << 8 | bytes[size];
    return value;
}

/* Bytes that don't become shorter, and differ with the salt. */
static void fill(uint8_t *bytes, int event, uint64_t salt) {
    uint64_t seed = salt * 1000003 + (uint64_t)event;
    for (int i = 0; i < BYTES; i++)
        bytes[i] = (uint8_t)(test_random(&seed) >> 20);
}

static recording_t record(const char *name, uint64_t salt) {
    recording_t log = {0};
    uint8_t bytes[BYTES];
    host_begin(&host, REPLAY_MODE_RECORD, test_path(name), "rrsegment=2048");
    for (int i = 0; i < EVENTS; i++) {
        host.icount += 7;
        fill(bytes, i, salt);
        replay_save_random(0, bytes, sizeof bytes);
    }
    CHECK_STATUS(host_end(&host), OK);
    log.bytes = test_read_file(test_path(name), &log.length);
    REQUIRE(log.bytes != NULL);
    for (size_t at = HEADER; at + CHUNK_HEADER <= log.length;) {
        if (log.bytes[at + 4] == 2 && log.chunks < MOST_CHUNKS)
            log.at[log.chunks++] = at;
        if (log.bytes[at + 4] == 3)
            log.at[log.chunks] = at;
        at += CHUNK_HEADER + number(log.bytes + at + 40, 4);
    }
    return log;
}

/* Replays, and returns how many events the guest got; each must be one of this salt. */
static uint64_t replay(const char *path, uint64_t salt) {
    uint64_t got = 0;
    uint8_t bytes[BYTES], expected[BYTES];
    host_begin(&host, REPLAY_MODE_PLAY, path, NULL);
    while (got < EVENTS && host_execute(&host, 3, 7)) {
        if (replay_read_random(bytes, sizeof bytes) < 0)
            break;
        fill(expected, (int)got, salt);
        CHECK_BYTES(bytes, expected, sizeof bytes);
        got++;
    }
    host_run_to_end(&host, 3);
    return got;
}

TEST(a_chunk_of_a_different_recording_never_reaches_the_guest) {
    recording_t mine = record("mine", 1), other = record("other", 2);
    REQUIRE(mine.chunks > 20 && mine.chunks == other.chunks && mine.length == other.length);
    CHECK_EQ(replay(test_path("mine"), 1), EVENTS);
    CHECK_STATUS(host_end(&host), OK);
    const int chosen[] = {0, 1, 13, mine.chunks - 1};
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++) {
        size_t at = mine.at[chosen[i]], end = mine.at[chosen[i] + 1];
        REQUIRE(other.at[chosen[i]] == at && other.at[chosen[i] + 1] == end);
        uint8_t *spliced = malloc(mine.length);
        REQUIRE(spliced != NULL);
        memcpy(spliced, mine.bytes, mine.length);
        memcpy(spliced + at, other.bytes + at, end - at);
        test_write_file(test_path("spliced"), spliced, mine.length);
        free(spliced);
        /* As many events as the chunks before it have. */
        CHECK_EQ(replay(test_path("spliced"), 1), number(mine.bytes + at + 16, 8));
        CHECK_STATUS(host_stop_status(&host), ERROR_LOG_DAMAGED);
        CHECK_STATUS(host_end(&host), ERROR_LOG_DAMAGED);
    }
    free(mine.bytes), free(other.bytes);
}
