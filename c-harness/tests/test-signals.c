/* SPDX-License-Identifier: MIT */
/* No file that the library writes or maps ends the host by a signal, and none
 * takes a standard descriptor. */
#include "block-host.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static host_t host;

/* ------------------------------------------------------- the live file is cut */

static uint64_t record_until_stopped(void) {
    uint64_t n = 0;
    for (; n < 2000000 && !host_stopped(&host); n++) {
        host.icount += 10;
        replay_save_clock(REPLAY_CLOCK_HOST, (int64_t)n * 12345678, host.icount);
    }
    return n;
}

static void cut_live(off_t size) {
    char path[500];
    snprintf(path, sizeof path, "%s.live", log_path());
    REQUIRE(truncate(path, size) == 0);
}

static void check_cut_is_reported(const char *options, off_t size) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), options);
    for (int i = 0; i < 100; i++)
        replay_save_clock(REPLAY_CLOCK_HOST, i, ++host.icount);
    cut_live(size);
    CHECK(record_until_stopped() < 2000000);
    CHECK_EQ(host.stops, 1);
    CHECK_EQ(host.stop_reason, REPLAY_STOP_LOG_ERROR);
    CHECK_STATUS(host_stop_status(&host), ERROR_LOG_LOST);
    CHECK_HAS(host.stop_error.message, "run.log.live");
    CHECK_EQ(host.error_messages, 1);
    CHECK_STATUS(host_end(&host), ERROR_LOG_LOST);
    CHECK_EQ(host.error_messages, 1);
}

TEST(a_live_file_that_is_cut_stops_the_machine_and_not_the_process) {
    static const off_t sizes[] = {0, 1, 4096, 4097, 9000, 20000};
    static const char *const options[] = {"rrsegment=256", "rrsegment=16384", NULL};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t k = 0; k < 3; k++) {
            test_note("cut to %ld, %s", (long)sizes[i], options[k] ? options[k] : "default");
            check_cut_is_reported(options[k], sizes[i]);
            /* And the next recording is as ever. */
            host_begin(&host, REPLAY_MODE_RECORD, log_path(), options[k]);
            CHECK_STATUS(host_end(&host), OK);
        }
    }
}

TEST(a_cut_between_the_last_event_and_the_end_is_reported) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    for (int i = 0; i < 100; i++)
        replay_save_clock(REPLAY_CLOCK_HOST, i, ++host.icount);
    cut_live(0);
    CHECK_STATUS(host_end(&host), ERROR_LOG_LOST);
}

/* ------------------------------------------------- SIGBUS is the host's otherwise */

static sigjmp_buf back;
static volatile sig_atomic_t caught;
static void *volatile faulted;

static void catch_bus(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    caught = caught + 1;
    faulted = info->si_addr;
    siglongjmp(back, 1);
}

static void catch_bus_simply(int number) {
    (void)number;
    caught = caught + 1;
    siglongjmp(back, 1);
}

static void handle_bus(struct sigaction *action, bool simply) {
    memset(action, 0, sizeof *action);
    sigemptyset(&action->sa_mask);
    if (simply) {
        action->sa_handler = catch_bus_simply;
    } else {
        action->sa_sigaction = catch_bus;
        action->sa_flags = SA_SIGINFO;
    }
}

/* A page of a file that ends before it. */
static volatile char *page_beyond_end(void) {
    int file = open(test_path("short"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    REQUIRE(page != MAP_FAILED);
    return page;
}

/* Not inlined: what jumps back may lose variables. */
__attribute__((noinline)) static void send_bus(void) {
    volatile int before = caught;
    if (sigsetjmp(back, 1) == 0)
        raise(SIGBUS);
    CHECK_EQ(caught, before + 1);
}

__attribute__((noinline)) static void fault(volatile char *page) {
    volatile int before = caught;
    if (sigsetjmp(back, 1) == 0)
        *page = 1;
    CHECK_EQ(caught, before + 1);
}

TEST(the_hosts_own_handler_of_SIGBUS_goes_on) {
    volatile char *page = page_beyond_end();
    for (int simply = 0; simply < 2; simply++) {
        struct sigaction mine, now;
        handle_bus(&mine, simply);
        REQUIRE(sigaction(SIGBUS, &mine, NULL) == 0);
        for (int round = 0; round < 3; round++) {
            host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
            fault(page);
            CHECK(simply || faulted == (void *)page);
            fault(page);
            send_bus();
            int before = caught;
            cut_live(0);
            record_until_stopped();
            CHECK_EQ(caught, before);
            CHECK_STATUS(host_end(&host), ERROR_LOG_LOST);
            REQUIRE(sigaction(SIGBUS, NULL, &now) == 0);
            CHECK(simply ? now.sa_handler == catch_bus_simply : now.sa_sigaction == catch_bus);
            fault(page);
        }
    }
}

TEST(a_handler_that_the_host_sets_later_stays) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    struct sigaction mine, before, now;
    handle_bus(&mine, false);
    REQUIRE(sigaction(SIGBUS, &mine, &before) == 0);
    fault(page_beyond_end());
    CHECK_STATUS(host_end(&host), OK);
    REQUIRE(sigaction(SIGBUS, NULL, &now) == 0);
    CHECK(now.sa_sigaction == catch_bus);
}

/* The handler of the second recording passes a SIGBUS to the host's; before the first there was
 * none. */
TEST(a_handler_that_jumps_out_is_called_each_time) {
    volatile char *page = page_beyond_end();
    for (int simply = 0; simply < 2; simply++) {
        signal(SIGBUS, SIG_DFL);
        for (int round = 0; round < 3; round++) {
            host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
            for (int i = 0; i < 3 && round > 0; i++) {
                fault(page);
                send_bus();
            }
            CHECK_STATUS(host_end(&host), OK);
            struct sigaction mine;
            handle_bus(&mine, simply);
            REQUIRE(sigaction(SIGBUS, &mine, NULL) == 0);
        }
    }
}

static struct sigaction chained;
static void catch_bus_and_pass_on(int number, siginfo_t *info, void *context) {
    caught = caught + 1;
    chained.sa_sigaction(number, info, context);
}

/* The host's handler calls the library's, that the next recording's calls again. */
TEST(handlers_that_call_each_other_are_called_once_each) {
    volatile char *page = page_beyond_end();
    struct sigaction mine;
    handle_bus(&mine, false);
    REQUIRE(sigaction(SIGBUS, &mine, NULL) == 0);
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    mine.sa_sigaction = catch_bus_and_pass_on;
    REQUIRE(sigaction(SIGBUS, &mine, &chained) == 0);
    CHECK_STATUS(host_end(&host), OK);
    for (int i = 0; i < 3; i++) {
        host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
        for (int k = 0; k < 3; k++) {
            int before = caught;
            if (sigsetjmp(back, 1) == 0)
                *page = 1;
            CHECK_EQ(caught, before + 2);
        }
        CHECK_STATUS(host_end(&host), OK);
    }
}

static void *address_of_live(size_t *length) {
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[1000];
    unsigned long start = 0, end = 0;
    REQUIRE(maps != NULL);
    while (fgets(line, sizeof line, maps))
        if (strstr(line, "run.log.live") && sscanf(line, "%lx-%lx", &start, &end) == 2)
            break;
    fclose(maps);
    *length = end - start;
    return (void *)start;
}

/* A child has none of its parent's mappings, perhaps one of its own there. */
TEST(a_forked_child_forgets_its_parents_mappings) {
    struct sigaction mine;
    handle_bus(&mine, false);
    REQUIRE(sigaction(SIGBUS, &mine, NULL) == 0);
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    size_t length;
    void *start = address_of_live(&length);
    REQUIRE(start != NULL);
    pid_t child = fork();
    if (child == 0) {
        /* Taken before the child's session may take it. */
        int file = open(test_path("short"), O_RDWR | O_CREAT | O_TRUNC, 0600);
        void *page = mmap(start, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0);
        REQUIRE(page == start);
        static host_t own;
        replay_session_t *session = replay_session_new();
        replay_session_push_current(session);
        host_begin(&own, REPLAY_MODE_RECORD, test_path("child.log"), NULL);
        fault(page);
        CHECK_STATUS(host_end(&own), OK);
        replay_session_pop_current();
        replay_session_free(session);
        /* The parent's, of which the child knows nothing. */
        replay_finish();
        fault(page);
        _exit(test_failures() > 0);
    }
    int status;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cut_live(0);
    record_until_stopped();
    CHECK_STATUS(host_end(&host), ERROR_LOG_LOST);
}

TEST(without_a_handler_SIGBUS_ends_the_process_as_ever) {
    for (int sent = 0; sent < 2; sent++) {
        pid_t child = fork();
        if (child == 0) {
            struct rlimit none = {0, 0};
            setrlimit(RLIMIT_CORE, &none);
            host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
            if (sent)
                raise(SIGBUS);
            else
                *page_beyond_end() = 1;
            _exit(0);
        }
        int status;
        REQUIRE(waitpid(child, &status, 0) == child);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    }
}

TEST(two_sessions_need_one_handler) {
    struct sigaction before, now;
    REQUIRE(sigaction(SIGBUS, NULL, &before) == 0);
    replay_session_t *session = replay_session_new();
    replay_session_push_current(session);
    host_t other;
    host_init(&other);
    CHECK_STATUS(host_configure(&other, REPLAY_MODE_RECORD, test_path("other.log"), NULL), OK);
    replay_session_pop_current();
    check_cut_is_reported(NULL, 0);
    REQUIRE(sigaction(SIGBUS, NULL, &now) == 0);
    CHECK(now.sa_handler != SIG_DFL);
    CHECK_STATUS(replay_session_free(session), OK);
    REQUIRE(sigaction(SIGBUS, NULL, &now) == 0);
    CHECK(now.sa_handler == SIG_DFL);
}

/* -------------------------------------------------------- limit of the file size */

static void limit_files(rlim_t bytes) {
    struct rlimit limit = {bytes, RLIM_INFINITY};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static bool has_pending(void) {
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGXFSZ) == 1;
}

static bool is_blocked(void) {
    sigset_t mask;
    return pthread_sigmask(SIG_BLOCK, NULL, &mask) == 0 && sigismember(&mask, SIGXFSZ) == 1;
}

static int32_t request(replay_block_t *disk, bool discard, uint64_t offset) {
    static uint8_t bytes[4096];
    if (!discard)
        return write_now(&host, disk, offset, bytes, sizeof bytes);
    done_t done = {.host = &host};
    REQUIRE_STATUS(replay_block_discard(disk, offset, 4096, note_done, &done), OK);
    REQUIRE(wait_for(&host, &done));
    return done.result;
}

/* Every way of a write: an overlay without a name, one with a name, the image. */
static void write_beyond(replay_mode_t mode, replay_block_overlay_t overlay, bool blocked) {
    int image = open(test_path("image"), O_RDWR | O_CREAT, 0600);
    REQUIRE(image >= 0 && ftruncate(image, 8 << 20) == 0);
    close(image);
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, mode, log_path(), "rrsegment=4096"), OK);
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.filename = test_path("image");
    config.overlay = overlay;
    config.overlay_filename = test_path("overlay");
    replay_block_t *disk = replay_block_open(&config, NULL);
    REQUIRE(disk != NULL);
    host_start(&host, 3);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGXFSZ);
    if (blocked)
        pthread_sigmask(SIG_BLOCK, &set, NULL);
    limit_files(1 << 20);
    CHECK_EQ(request(disk, false, 0), 0);
    CHECK_EQ(request(disk, false, 4 << 20), -EFBIG);
    if (overlay != REPLAY_BLOCK_OVERLAY_OFF) /* a hole needs a place only in a file that stays */
        CHECK_EQ(request(disk, true, 6 << 20), overlay == REPLAY_BLOCK_OVERLAY_FILE ? -EFBIG : 0);
    /* One that crosses the limit. */
    CHECK(request(disk, false, (1 << 20) - 2048) < 0);
    CHECK(!has_pending());
    CHECK_EQ(is_blocked(), blocked);
    limit_files(RLIM_INFINITY);
    CHECK_EQ(request(disk, false, 4 << 20), 0);
    if (blocked)
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(a_disk_beyond_the_limit_of_the_file_size_fails_and_raises_nothing) {
    for (int blocked = 0; blocked < 2; blocked++) {
        write_beyond(REPLAY_MODE_RECORD, REPLAY_BLOCK_OVERLAY_TEMPORARY, blocked);
        write_beyond(REPLAY_MODE_RECORD, REPLAY_BLOCK_OVERLAY_FILE, blocked);
        write_beyond(REPLAY_MODE_RECORD, REPLAY_BLOCK_OVERLAY_OFF, blocked);
        write_beyond(REPLAY_MODE_NONE, REPLAY_BLOCK_OVERLAY_TEMPORARY, blocked);
        write_beyond(REPLAY_MODE_NONE, REPLAY_BLOCK_OVERLAY_OFF, blocked);
    }
}

TEST(a_signal_that_the_host_keeps_waiting_is_left_to_it) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_kill(pthread_self(), SIGXFSZ);
    limit_files(1024);
    host_init(&host);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), ERROR_DISK_FULL);
    limit_files(RLIM_INFINITY);
    CHECK(has_pending());
    int number;
    CHECK(sigwait(&set, &number) == 0 && number == SIGXFSZ);
}

TEST(a_log_beyond_the_limit_at_any_size_raises_nothing) {
    for (rlim_t limit = 0; limit < 100000; limit += limit < 5000 ? 64 : 5000) {
        test_note("limit %lu", (unsigned long)limit);
        host_init(&host);
        limit_files(limit);
        replay_status_t status =
            host_configure(&host, REPLAY_MODE_RECORD, log_path(), "rrsegment=256");
        if (status == REPLAY_OK) {
            limit_files(RLIM_INFINITY);
            host_start(&host, 3);
            limit_files(limit);
            record_until_stopped();
            CHECK_STATUS(host_stop_status(&host), ERROR_DISK_FULL);
            CHECK_STATUS(host_end(&host), ERROR_DISK_FULL);
        } else {
            CHECK_STATUS_IS(status, REPLAY_ERROR_DISK_FULL);
        }
        CHECK(!has_pending());
        limit_files(RLIM_INFINITY);
    }
}

/* ---------------------------------------------------------- standard descriptors */

TEST(closed_standard_descriptors_stay_closed) {
    int image = open(test_path("image"), O_RDWR | O_CREAT, 0600);
    REQUIRE(image >= 0 && ftruncate(image, 1 << 20) == 0);
    close(image);
    int kept[3];
    for (int closed = 1; closed < 8; closed++) {
        bool free_after = true;
        fflush(NULL);
        for (int i = 0; i < 3; i++)
            kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
        for (int i = 0; i < 3; i++)
            if (closed >> i & 1)
                close(i);
        for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
            host_init(&host);
            bool ok = host_configure(&host, mode, log_path(), NULL) == REPLAY_OK;
            replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
            config.filename = test_path("image");
            ok = ok && replay_block_open(&config, NULL) != NULL;
            ok = ok && replay_start() == REPLAY_OK;
            for (int i = 0; i < 3; i++)
                if (closed >> i & 1)
                    free_after = free_after && fcntl(i, F_GETFD) == -1;
            replay_finish();
            free_after = free_after && ok;
        }
        for (int i = 0; i < 3; i++) {
            dup2(kept[i], i);
            close(kept[i]);
        }
        if (!CHECK(free_after))
            printf("    closed: %d\n", closed);
    }
}
