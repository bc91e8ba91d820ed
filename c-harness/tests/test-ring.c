/* SPDX-License-Identifier: MIT */
/* Recordings that keep only their last part (rrlast): how much of the disk they take, and that what
 * they keep replays, also when they are killed. */
#include "own-disk.h"
#include "ring-host.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static ring_host_t m;

enum { SEGMENT = 8 << 10 };
#define SMALL "rrlast=512K,rrdigest=50000"
static const uint64_t small_limit = (512 << 10) + 2 * SEGMENT;

/** Replays what was kept. @return where it begins */
static uint64_t play(replay_status_t status, uint64_t last) {
    ring_begin(&m, REPLAY_MODE_PLAY, log_path(), NULL);
    replay_info_t info = REPLAY_INFO_INIT;
    CHECK_STATUS(replay_query(&info), OK);
    if (info.first_icount >
        0) { /* the log may begin before it, with the events of a lost snapshot */
        CHECK_STATUS(replay_seek(info.first_icount - 1), ERROR_INVALID_ARGUMENT);
        CHECK_HAS(host_last_error().message, "first place of this log that can be reached");
    }
    uint64_t executed = ring_run(&m, 0);
    CHECK_EQ(m.begin, info.first_icount);
    uint64_t end = m.cpu.icount;
    replay_status_t found = ring_end(&m);
    CHECK_STATUS_IS(found, status);
    if (found != status)
        test_fail(TEST_HERE, "%s", host_last_error().message);
    if (last)
        CHECK_EQ(end, last);
    CHECK_EQ(end - m.begin, executed);
    CHECK(executed > 0);
    return m.begin;
}

static uint64_t record(const char *options, unsigned ms) {
    ring_begin(&m, REPLAY_MODE_RECORD, log_path(), options);
    m.longest = -1;
    ring_run(&m, ms);
    uint64_t last = m.cpu.icount;
    CHECK_STATUS(ring_end(&m), OK);
    return last;
}

/* --------------------------------------------------------------------- what is kept */

TEST_SLOW(the_last_part_is_kept_and_replays, 60) {
    m.rate = 1000000;
    uint64_t last = record(SMALL, 2500);
    uint64_t used = ring_disk_use(log_path());
    CHECK(used <= small_limit);
    CHECK(used > small_limit / 4);
    uint64_t begin = play(REPLAY_OK, last);
    CHECK(begin > 0);
    CHECK_EQ(m.loads, 1);
    CHECK(access(test_path("run.log.snap.new"), F_OK) != 0);
}

TEST_SLOW(a_run_that_fits_is_kept_whole, 60) {
    m.rate = 100000;
    uint64_t last = record("rrlast=64M", 300);
    m.no_state = true;
    CHECK_EQ(play(REPLAY_OK, last), 0);
    CHECK_EQ(m.loads, 0);
    m.no_state = false;
}

TEST_SLOW(the_last_second_is_kept, 60) {
    m.rate = 300000;
    int64_t start = test_now_ns();
    uint64_t last = record("rrlast=1s,rrdigest=50000", 3500);
    double seconds = (double)(test_now_ns() - start) / 1e9;
    uint64_t begin = play(REPLAY_OK, last);
    double kept = (double)(last - begin) / (double)last * seconds;
    if (kept < 0.9 || kept > 2.5)
        test_fail(TEST_HERE, "%.1f of %.1f s were kept", kept, seconds);
}

/* --------------------------------------------------------------------- the disk */

static uint64_t most_used;

/** Records in a child until it is killed, and looks at the disk meanwhile. */
static void record_and_kill(const char *options, unsigned ms, unsigned look_us) {
    pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ring_begin(&m, REPLAY_MODE_RECORD, log_path(), options);
        m.longest = -1;
        ring_run(&m, 1000000);
        _exit(1);
    }
    int64_t end = test_now_ns() + (int64_t)ms * 1000000;
    most_used = 0;
    while (test_now_ns() < end) {
        uint64_t used = ring_disk_use(log_path());
        if (used > most_used)
            most_used = used;
        usleep(look_us);
    }
    CHECK_EQ(kill(child, SIGKILL), 0);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    uint64_t left = ring_disk_use(log_path());
    if (left > most_used)
        most_used = left;
}

/** Removes what the last recorder has left. */
static void remove_all(void) {
    static const char *const suffixes[] = {"", ".live", ".snap", ".snap.new", ".new", ".live.new"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char name[1000];
        snprintf(name, sizeof name, "%s%s", log_path(), suffixes[i]);
        unlink(name);
    }
}

static void kill_at_random_moments(unsigned rounds, unsigned most_ms) {
    uint64_t seed = rounds;
    unsigned parts = 0;
    m.rate = 1000000;
    for (unsigned round = 0; round < rounds; round++) {
        unsigned ms = 600 + (unsigned)(test_random(&seed) % most_ms);
        record_and_kill(SMALL, ms, 1000);
        /* A recording that is replaced stays until the new one starts. */
        if (most_used > small_limit && round % 2 == 0)
            test_fail(TEST_HERE, "%llu bytes", (unsigned long long)most_used);
        parts += play(REPLAY_ERROR_LOG_CUT, 0) > 0;
        if (round % 2)
            remove_all();
    }
    CHECK(parts >= rounds / 2);
}

TEST_SLOW(what_a_killed_recorder_kept_replays, 100) {
    kill_at_random_moments(3, 1500);
}

TEST_LONG(what_a_killed_recorder_kept_replays_each_time, 900) {
    kill_at_random_moments(40, 4000);
}

TEST_LONG(a_minute_at_a_million_events_a_second, 300) {
    m.rate = 1000000;
    m.random_bytes = 16;
    record_and_kill("rrlast=64M,rrdigest=1000000", 60000, 2000);
    printf("most used: %.2f MiB\n", (double)most_used / (1 << 20));
    CHECK(most_used <= (66 << 20));
    CHECK(most_used > (48 << 20));
    CHECK(play(REPLAY_ERROR_LOG_CUT, 0) > 0);
    m.random_bytes = 0;
}

/** Bytes that can't be compressed: most of the disk is the log's. */
TEST_LONG(a_log_that_grows_fast_stays_within_its_limit, 200) {
    m.rate = 0;
    m.random_bytes = 1;
    record_and_kill("rrlast=16M,rrdigest=1000000", 10000, 500);
    printf("most used: %.2f MiB\n", (double)most_used / (1 << 20));
    CHECK(most_used <= (16 << 20) + 2 * (256 << 10));
    CHECK(play(REPLAY_ERROR_LOG_CUT, 0) > 0);
    m.random_bytes = 0;
}

/* --------------------------------------------------------------------- refusals */

static void expect_bad_option(const char *options, const char *reason) {
    host_init(&m.host);
    replay_config_t config = host_config(&m.host, REPLAY_MODE_RECORD, log_path(), options);
    CHECK_STATUS(replay_configure(&config), ERROR_BAD_OPTION);
    CHECK_HAS(host_last_error().message, reason);
}

TEST(sizes_and_times_that_are_none_are_refused) {
    static const char *const bad[] = {"rrlast=",
                                      "rrlast=64",
                                      "rrlast=M",
                                      "rrlast=64X",
                                      "rrlast=0s",
                                      "rrlast=-1s",
                                      "rrlast=1.5s",
                                      "rrlast=64MM",
                                      "rrlast=on",
                                      "rrlast=64 M",
                                      "rrlast=99999999999999999999s",
                                      "rrlast=9223372036854775807s",
                                      "rrlast=9223372036855ms",
                                      "rrlast=99999999999h",
                                      "rrlast=8589934592G",
                                      "rrlast=99999999999G"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_bad_option(bad[i],
                          "must be a size with K, M or G (64M), a time with ms, s, m or h (20s)");
    expect_bad_option("rrlast=20s,rrsnap=off", "rrlast needs snapshots");
    expect_bad_option("rrlast=64K", "rrlast=64K is too small: it must be at least 128K");
    expect_bad_option("rrlast=8M,rrsegment=524288", "at least 16M");
}

TEST(a_host_without_snapshots_is_refused) {
    m.no_state = true;
    m.refused = REPLAY_ERROR_NOT_SUPPORTED;
    ring_begin(&m, REPLAY_MODE_RECORD, log_path(), "rrlast=20s");
    CHECK_HAS(host_last_error().message, "no save_state and load_state");
    m.no_state = false;
    m.refused = REPLAY_OK;
    CHECK_STATUS(ring_end(&m), ERROR_NOT_SUPPORTED);
    CHECK(access(log_path(), F_OK) != 0);
}

TEST(a_file_system_without_holes_is_refused) {
    char name[500], message[600];
    snprintf(name, sizeof name, "%s/run.log", own_disk("ramfs", NULL));
    snprintf(message, sizeof message,
             "%s can't be recorded with rrlast: its file system can't free a part of a file", name);
    host_init(&m.host);
    replay_config_t config = host_config(&m.host, REPLAY_MODE_RECORD, name, "rrlast=20s");
    CHECK_STATUS(replay_configure(&config), ERROR_NOT_SUPPORTED);
    CHECK_STR(host_last_error().message, message);
    static const char *const suffixes[] = {"", ".live", ".snap", ".new", ".live.new"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(message, sizeof message, "%s%s", name, suffixes[i]);
        CHECK(access(message, F_OK) != 0);
    }
    /* The whole run can be recorded there. */
    host_begin(&m.host, REPLAY_MODE_RECORD, name, NULL);
    host_execute(&m.host, 3, 100);
    CHECK_STATUS(host_end(&m.host), OK);
}

TEST(members_give_the_same_as_the_option) {
    host_init(&m.host);
    replay_config_t config = host_config(&m.host, REPLAY_MODE_RECORD, log_path(), NULL);
    config.last_bytes = 1000;
    CHECK_STATUS(replay_configure(&config), ERROR_BAD_OPTION);
    /* The option takes the place of both. */
    config.last_ms = 5;
    config.options = "rrlast=off";
    CHECK_STATUS(replay_configure(&config), OK);
    CHECK_STATUS(replay_finish(), OK);
    config.options = "rrlast=9223372036854ms";
    CHECK_STATUS(replay_configure(&config), OK);
    CHECK_STATUS(replay_finish(), OK);
}

TEST_SLOW(snapshots_that_do_not_fit_end_the_recording, 60) {
    m.rate = 0;
    /* RAM that is all different takes more than half of it. */
    ring_begin(&m, REPLAY_MODE_RECORD, log_path(), "rrlast=128K,rrdigest=0");
    m.longest = -1;
    uint64_t seed = 9;
    for (size_t i = 0; i < RING_RAM; i++)
        m.ram[i] = (uint8_t)test_random(&seed);
    memset(m.dirty, 0xFF, sizeof m.dirty);
    ring_run(&m, 20000);
    uint64_t used = ring_disk_use(log_path());
    if (used > (128 << 10) + 2 * 4096)
        test_fail(TEST_HERE, "%llu bytes", (unsigned long long)used);
    CHECK_HAS(m.host.text, "rrlast");
    CHECK_STATUS(ring_end(&m), ERROR_DISK_FULL);
}

TEST_SLOW(a_store_that_can_not_be_written_ends_the_recording, 60) {
    test_write_file(test_path("run.log.snap"), "my notes", 8);
    m.rate = 0;
    ring_begin(&m, REPLAY_MODE_RECORD, log_path(), "rrlast=1M");
    m.longest = -1;
    ring_run(&m, 5000);
    CHECK_STATUS(ring_end(&m), ERROR_NOT_SUPPORTED);
    CHECK_HAS(m.host.text, "is not a store of snapshots");
}
