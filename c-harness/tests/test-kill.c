/* SPDX-License-Identifier: MIT */
/* The recorder is killed at a random moment: its log opens, holds every event
 * that was committed, replays to its end, and says there that it was cut. If it
 * had not started, the older recording of that name is still whole. */
#include "host.h"

#include <fcntl.h>
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

/* A course without end: what event n is, and what it holds, is a function of n
 * and of the course: an older recording has a different one. */
enum { KINDS = 6, OLD = 1, NEW = 2 };
static uint64_t course;
static uint64_t value_of(uint64_t n) {
    uint64_t seed = n + course * 1000003;
    return test_random(&seed);
}
static const char *course_name(void) {
    return course == OLD ? "old" : "new";
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

/* Records until it is killed, or @p most events. */
static void record(const char *path, const char *options, uint64_t most) {
    static host_t host; /* replay_finish() uses it too */
    host_init(&host);
    if (host_configure(&host, REPLAY_MODE_RECORD, path, options) != REPLAY_OK)
        _exit(9);
    device = replay_register_char_driver(receive, NULL);
    replay_fingerprint("course", course_name());
    host_start(&host, 3);
    atomic_store(&shared->started, 1);
    for (uint64_t n = 0; n < most && !host_stopped(&host); n++) {
        host_execute(&host, 3, instructions_before(n));
        if (!do_event(REPLAY_MODE_RECORD, n))
            break;
        atomic_store(&shared->committed, n + 1);
    }
}

/* What a replay found besides events. */
enum { NOTHING = -1, OTHER_COURSE = -2 };

/* Replays what is there; the number of events that came. */
static int64_t replay(const char *path, int round, bool finished) {
    host_t host;
    host_init(&host);
    replay_status_t status = host_configure(&host, REPLAY_MODE_PLAY, path, NULL);
    if (status == REPLAY_ERROR_LOG_NOT_FOUND || status == REPLAY_ERROR_LOG_EMPTY)
        return NOTHING;
    if (status != REPLAY_OK) {
        test_fail(TEST_HERE, "round %d: the log does not open: %s", round,
                  host_last_error().message);
        return NOTHING;
    }
    device = replay_register_char_driver(receive, NULL);
    replay_fingerprint("course", course_name());
    replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    status = replay_start();
    if (status == REPLAY_ERROR_FINGERPRINT) {
        replay_finish();
        return OTHER_COURSE;
    }
    REQUIRE_STATUS(status, OK);
    REQUIRE_STATUS(replay_mutex_lock(), OK);
    uint64_t n = 0;
    for (;; n++) {
        if (!host_execute(&host, 3, instructions_before(n)) || host_stopped(&host))
            break;
        bool ok = do_event(REPLAY_MODE_PLAY, n);
        if (host_stopped(&host))
            break;
        if (!ok) {
            /* An event that waits for its turn (a checkpoint, an interrupt) is
             * not there: it is the end, which the next turn reports. */
            if (host_run_to_end(&host, 3))
                break;
            test_fail(TEST_HERE, "round %d: event %llu did not come", round, (unsigned long long)n);
            break;
        }
    }
    uint64_t events = host_info().events;
    CHECK_EQ(host_info().log_finished, finished);
    if (host.stop_reason != (finished ? REPLAY_STOP_END : REPLAY_STOP_CUT) || host.stops != 1)
        test_fail(TEST_HERE, "round %d: at event %llu stopped %u times with reason %d: %s", round,
                  (unsigned long long)n, host.stops, host.stop_reason, host.stop_error.message);
    CHECK_STATUS_IS(host_end(&host), finished ? REPLAY_OK : REPLAY_ERROR_LOG_CUT);
    CHECK_EQ(n, events);
    return (int64_t)events;
}

/* --------------------------------------------------- what the recorder may find */

enum { OLD_EVENTS = 700 };

typedef enum {
    NO_LOG,
    FINISHED,
    DIED,               /* NAME and NAME.live */
    DIED_SMALL,         /* with the smallest segments */
    DIED_LARGE,         /* with large ones */
    DIED_WITHOUT_LIVE,  /* NAME.live is lost */
    BETWEEN_RENAMINGS,  /* killed when NAME had its name and NAME.live not yet */
    PREPARED,           /* killed before it had started */
    PREPARED_OVER_LOG,  /* the same, over a finished one */
    FINISHED_AND_STALE, /* a finished one, and the live file of an older one */
    EMPTY_FILES,        /* killed when its files had no content yet */
    EMPTY_LOG,          /* made by the user */
    STALE_KINDS
} stale_t;

static void record_old(const char *path, const char *options, bool finish) {
    pid_t child = fork();
    if (child == 0) {
        record(path, options, OLD_EVENTS);
        _exit(finish && replay_mutex_unlock() + replay_finish() != REPLAY_OK);
    }
    int status;
    REQUIRE(waitpid(child, &status, 0) == child && status == 0);
}

static void rename_file(const char *from, const char *to) {
    REQUIRE(rename(from, to) == 0);
}

/* True if there is an older recording of all OLD_EVENTS events. */
static bool leave(stale_t kind, bool *finished) {
    const char *name = test_path("run.log"), *live = test_path("run.log.live");
    const char *new_name = test_path("run.log.new"), *new_live = test_path("run.log.live.new");
    unlink(name), unlink(live), unlink(new_name), unlink(new_live);
    course = OLD;
    *finished = kind == FINISHED || kind == PREPARED_OVER_LOG || kind == FINISHED_AND_STALE;
    switch (kind) {
    case FINISHED:
        record_old(name, NULL, true);
        return true;
    case DIED:
        record_old(name, "rrsegment=4096", false);
        return true;
    case DIED_SMALL:
        record_old(name, "rrsegment=256", false);
        return true;
    case DIED_LARGE:
        record_old(name, NULL, false);
        return true;
    case DIED_WITHOUT_LIVE:
        record_old(name, "rrsegment=256", false);
        unlink(live);
        return false;
    case BETWEEN_RENAMINGS:
        record_old(name, "rrsegment=1024", false);
        rename_file(live, new_live);
        return true;
    case PREPARED:
    case PREPARED_OVER_LOG:
        record_old(name, "rrsegment=1024", false);
        rename_file(live, new_live);
        rename_file(name, new_name);
        if (kind == PREPARED)
            return false;
        record_old(test_path("other.log"), NULL, true);
        rename_file(test_path("other.log"), name);
        return true;
    case FINISHED_AND_STALE:
        record_old(name, "rrsegment=2048", false);
        record_old(test_path("other.log"), NULL, true);
        rename_file(test_path("other.log"), name);
        return true;
    case EMPTY_FILES:
        test_write_file(new_name, "", 0);
        test_write_file(new_live, "", 0);
        return false;
    case EMPTY_LOG:
        test_write_file(name, "", 0);
        return false;
    default:
        return false;
    }
}

/* Kills a recorder of the new course after @p us; checks what is there. */
static uint64_t kill_recorder(int round, const char *options, uint64_t us, bool has_old,
                              bool old_finished, bool from_start) {
    const char *path = test_path("run.log");
    course = NEW;
    atomic_store(&shared->started, 0);
    atomic_store(&shared->committed, 0);
    pid_t child = fork();
    if (child == 0) {
        record(path, options, UINT64_MAX);
        _exit(8);
    }
    int64_t since = test_now_ns();
    while (from_start && !atomic_load(&shared->started) && test_now_ns() - since < 5000000000)
        ;
    struct timespec pause = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
    nanosleep(&pause, NULL);
    int status;
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    if (!WIFSIGNALED(status))
        test_fail(TEST_HERE, "round %d: the recorder ended by itself: %d", round,
                  WEXITSTATUS(status));
    bool started = atomic_load(&shared->started);
    uint64_t committed = atomic_load(&shared->committed);
    int64_t events = replay(path, round, false);
    if (events == OTHER_COURSE && !started) {
        course = OLD;
        int64_t old = replay(path, round, old_finished);
        if (has_old ? old != OLD_EVENTS : old > OLD_EVENTS)
            test_fail(TEST_HERE, "round %d: the older recording has %lld events", round,
                      (long long)old);
        course = NEW;
        return 0;
    }
    if (events == NOTHING && !started && !has_old)
        return 0;
    /* The last one may have been written just before its call returned. */
    if (events < (int64_t)committed || events > (int64_t)committed + 1)
        test_fail(TEST_HERE, "round %d: %llu events were committed, %lld are in the log", round,
                  (unsigned long long)committed, (long long)events);
    return committed;
}

static void share(void) {
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared != MAP_FAILED);
}

static void kill_recorders(int count, const char *options, unsigned longest_ms) {
    uint64_t seed = test_seed(), least = UINT64_MAX, most = 0;
    share();
    for (int round = 0; round < count; round++) {
        test_note("round %d", round);
        uint64_t us = test_random(&seed) % (longest_ms * 1000);
        uint64_t committed = kill_recorder(round, options, us, round > 0, false, true);
        least = committed < least ? committed : least;
        most = committed > most ? committed : most;
    }
    printf("    %d recorders were killed after %llu to %llu events\n", count,
           (unsigned long long)least, (unsigned long long)most);
}

/* Over every kind of older files, with segments of any size, and from before its
 * start on. */
static void kill_recorders_over_stale_files(int count) {
    static const char *const options[] = {"rrsegment=256", "rrsegment=512", "rrsegment=8192", NULL};
    uint64_t seed = test_seed(), most = 0, none = 0;
    share();
    for (int round = 0; round < count; round++) {
        stale_t kind = (stale_t)(round % STALE_KINDS);
        const char *option = options[test_random(&seed) % 4];
        bool finished, has_old = leave(kind, &finished);
        /* Half of them while the recorder begins. */
        bool early = test_random(&seed) % 2;
        uint64_t us = test_random(&seed) % (early ? 3000 : 20000);
        test_note("round %d: stale files %d, %s, killed after %llu us", round, (int)kind,
                  option ? option : "large segments", (unsigned long long)us);
        uint64_t committed = kill_recorder(round, option, us, has_old, finished, !early);
        none += committed == 0;
        most = committed > most ? committed : most;
        /* And once more over what this one has left. */
        if (committed > 0)
            kill_recorder(round, options[test_random(&seed) % 4], 1000, false, false, true);
    }
    printf(
        "    %d recorders were killed over stale files, %llu before their first event, the others "
        "after up to %llu\n",
        count, (unsigned long long)none, (unsigned long long)most);
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
TEST_SLOW(nor_over_stale_files_of_every_kind, 200) {
    kill_recorders_over_stale_files(60);
}
TEST_LONG(nor_a_thousand_over_stale_files_of_every_kind, 1800) {
    kill_recorders_over_stale_files(1000);
}
