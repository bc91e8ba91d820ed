/* SPDX-License-Identifier: MIT */
/* The recorder is killed at a random moment: its log opens, holds every event
 * that was committed, replays to its end, and says there that it was cut. */
#include "host.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the recorder and its killer share. */
typedef struct {
    atomic_uint started;
    atomic_ulong committed; /* events whose call has returned */
} shared_t;

static shared_t *shared;

/* A course without end: what event n is, and what it holds, is a function of n. */
enum { KINDS = 6 };
static uint64_t value_of(uint64_t n) {
    uint64_t seed = n;
    return test_random(&seed);
}
static uint64_t instructions_before(uint64_t n) {
    return n % 5 == 0 ? 0 : value_of(n) % 700;
}

static int32_t device;
static uint64_t received;
static void receive(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque;
    memcpy(&received, data, length < 8 ? length : 8);
}

/* True if event n came as it should. */
static bool do_event(replay_mode_t mode, uint64_t n) {
    uint64_t value = value_of(n), got = 0;
    switch (n % KINDS) {
    case 0:
        return REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, (int64_t)value >> 8) == (int64_t)value >> 8;
    case 1:
        return replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL);
    case 2:
        return replay_interrupt();
    case 3:
        if (mode == REPLAY_MODE_RECORD)
            return replay_save_random(0, &value, sizeof value) == REPLAY_OK;
        return replay_read_random(&got, sizeof got) == 0 && got == value;
    case 4:
        if (mode == REPLAY_MODE_RECORD)
            replay_chr_be_write(device, (const uint8_t *)&value, sizeof value);
        received = 0;
        replay_async_events();
        return received == value;
    default:
        return replay_digest(value) == REPLAY_OK;
    }
}

static void record(const char *path, const char *options) {
    host_t host;
    host_init(&host);
    if (host_configure(&host, REPLAY_MODE_RECORD, path, options) != REPLAY_OK)
        _exit(9);
    device = replay_register_char_driver(receive, NULL);
    host_start(&host, 3);
    atomic_store(&shared->started, 1);
    for (uint64_t n = 0; !host_stopped(&host); n++) {
        host_execute(&host, 3, instructions_before(n));
        if (!do_event(REPLAY_MODE_RECORD, n))
            break;
        atomic_store(&shared->committed, n + 1);
    }
    _exit(8);
}

/* Replays what is there; the number of events that came. */
static uint64_t replay(const char *path, int round) {
    host_t host;
    host_init(&host);
    replay_status_t status = host_configure(&host, REPLAY_MODE_PLAY, path, NULL);
    if (status != REPLAY_OK) {
        if (status != REPLAY_ERROR_LOG_EMPTY || atomic_load(&shared->committed) > 0)
            test_fail(TEST_HERE, "round %d: the log does not open: %s", round,
                      host_last_error().message);
        return 0;
    }
    device = replay_register_char_driver(receive, NULL);
    host_start(&host, 3);
    uint64_t n = 0;
    for (;; n++) {
        if (!host_execute(&host, 3, instructions_before(n)) || host_stopped(&host))
            break;
        bool ok = do_event(REPLAY_MODE_PLAY, n);
        if (host_stopped(&host))
            break;
        if (!ok) {
            /* An event that waits for its turn (a checkpoint, an interrupt) is
             * not there: it is the end, which the next turn tells. */
            if (host_run_to_end(&host, 3))
                break;
            test_fail(TEST_HERE, "round %d: event %llu did not come", round, (unsigned long long)n);
            break;
        }
    }
    uint64_t events = host_info().events;
    CHECK_EQ(host_info().log_finished, 0);
    if (host.stop_reason != REPLAY_STOP_CUT || host_stop_status(&host) != REPLAY_ERROR_LOG_CUT ||
        host.stops != 1)
        test_fail(TEST_HERE, "round %d: at event %llu stopped %u times with reason %d: %s", round,
                  (unsigned long long)n, host.stops, host.stop_reason, host.stop_error.message);
    CHECK_STATUS(host_end(&host), ERROR_LOG_CUT);
    CHECK_EQ(n, events);
    return events;
}

static void kill_recorders(int count, const char *options, unsigned longest_ms) {
    uint64_t seed = test_seed(), least = UINT64_MAX, most = 0;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared != MAP_FAILED);
    for (int round = 0; round < count; round++) {
        test_note("round %d", round);
        const char *path = test_path("run.log");
        atomic_store(&shared->started, 0);
        atomic_store(&shared->committed, 0);
        pid_t child = fork();
        if (child == 0)
            record(path, options);
        int64_t since = test_now_ns();
        while (!atomic_load(&shared->started) && test_now_ns() - since < 5000000000)
            ;
        uint64_t us = test_random(&seed) % (longest_ms * 1000);
        struct timespec pause = {0, (long)(us % 1000000) * 1000};
        nanosleep(&pause, NULL);
        int status;
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        if (!WIFSIGNALED(status))
            test_fail(TEST_HERE, "round %d: the recorder ended by itself: %d", round,
                      WEXITSTATUS(status));
        uint64_t committed = atomic_load(&shared->committed);
        uint64_t events = replay(path, round);
        /* The last one may have been written just before its call returned. */
        if (events < committed || events > committed + 1)
            test_fail(TEST_HERE, "round %d: %llu events were committed, %llu are in the log", round,
                      (unsigned long long)committed, (unsigned long long)events);
        least = committed < least ? committed : least;
        most = committed > most ? committed : most;
    }
    printf("    %d recorders were killed after %llu to %llu events\n", count,
           (unsigned long long)least, (unsigned long long)most);
}

TEST_SLOW(a_killed_recorder_loses_nothing, 100) {
    kill_recorders(10, NULL, 60);
}
TEST_SLOW(nor_with_small_segments, 100) {
    kill_recorders(10, "rrsegment=1024", 30);
}
TEST_SLOW(nor_at_its_very_beginning, 100) {
    kill_recorders(10, "rrsegment=256", 1);
}
TEST_LONG(a_hundred_killed_recorders_lose_nothing, 900) {
    kill_recorders(100, NULL, 300);
}
TEST_LONG(nor_a_hundred_with_small_segments, 900) {
    kill_recorders(100, "rrsegment=4096", 100);
}
