/* SPDX-License-Identifier: MIT */
/* How many bytes an event takes, before compression. */
#include "host.h"

static host_t host;

static double bytes_an_event(uint64_t events_before, uint64_t bytes_before) {
    replay_info_t info = host_info();
    return (double)(info.event_bytes - bytes_before) / (double)(info.events - events_before);
}

static void begin(void) {
    host_begin(&host, REPLAY_MODE_RECORD, test_path("run.log"), NULL);
}

enum { EVENTS = 1000 };

TEST(a_checkpoint_with_its_instructions_takes_four_bytes) {
    static const uint64_t deltas[] = {0, 1, 127, 128, 16383, 16384, (1u << 21) - 1};
    for (size_t i = 0; i < sizeof deltas / sizeof *deltas; i++) {
        begin();
        for (int n = 0; n < EVENTS; n++) {
            host_execute(&host, 3, deltas[i]);
            replay_checkpoint(n % 2 ? REPLAY_CHECKPOINT_CLOCK_VIRTUAL
                                    : REPLAY_CHECKPOINT_CLOCK_WARP_ACCOUNT);
        }
        double bytes = bytes_an_event(0, 0);
        printf("    checkpoint after %llu instructions: %.3f bytes\n",
               (unsigned long long)deltas[i], bytes);
        CHECK_EQ(host_info().events, EVENTS);
        CHECK(bytes <= 4.0);
        if (deltas[i] < 128)
            CHECK(bytes <= 2.0);
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(an_interrupt_takes_four_bytes) {
    begin();
    for (int n = 0; n < EVENTS; n++) {
        host_execute(&host, 3, 100000);
        replay_interrupt();
    }
    CHECK(bytes_an_event(0, 0) <= 4.0);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_reading_at_its_checkpoint_takes_four_bytes) {
    begin();
    int64_t now = 1700000000000000000;
    replay_save_clock(REPLAY_CLOCK_HOST, now, 0); /* the first one is absolute */
    uint64_t seed = 1;
    for (int n = 0; n < EVENTS; n++) {
        host_execute(&host, 3, 5000);
        replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_HOST);
        replay_info_t before = host_info();
        now += (int64_t)(test_random(&seed) % 1000000); /* below 1 ms */
        replay_save_clock(REPLAY_CLOCK_HOST, now, host.icount);
        double bytes = bytes_an_event(before.events, before.event_bytes);
        /* Where a chunk ends the next one's first reading is absolute. */
        if (bytes > 4.0 && !CHECK(bytes <= 4.0)) {
            printf("      %.0f bytes for reading %d\n", bytes, n);
            break;
        }
    }
    printf("    checkpoint and reading: %.3f bytes each\n", bytes_an_event(0, 0));
    CHECK(bytes_an_event(0, 0) <= 4.0);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(the_log_on_the_disk_is_smaller_than_its_events) {
    begin();
    for (int n = 0; n < 200000; n++) {
        host.icount += 5000 + (uint64_t)(n % 7);
        replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL);
    }
    uint64_t bytes = host_info().event_bytes;
    CHECK_STATUS(host_end(&host), OK);
    size_t length;
    free(test_read_file(test_path("run.log"), &length));
    printf("    200000 events, %llu bytes, %zu in the file\n", (unsigned long long)bytes, length);
    CHECK(length < bytes);
    CHECK(length < 200000);
}
