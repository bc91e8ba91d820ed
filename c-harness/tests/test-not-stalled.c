/* SPDX-License-Identifier: MIT */
/* Machines that work, sleep or are paused for longer than the stall limit: nothing is
 * reported. test-standstill.c has those that are stalled. */
#include "watched-host.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---------------------------------------------------------- work */

static void work(int64_t ns, bool computes) {
    for (int64_t since = test_now_ns(); test_now_ns() - since < ns;)
        if (!computes)
            test_sleep_ms(10);
}

/* Alone with the lock, for longer than the limit, between two events at one icount. */
TEST(a_host_that_works_with_the_lock_is_not_stalled) {
    for (int computes = 0; computes < 2; computes++) {
        for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
            host_begin(&watched, mode, log_path(), "rrstall=100");
            CHECK(host_execute(&watched, 3, 10));
            CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 1), 1);
            work(600000000, computes);
            CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 2), 2);
            if (mode == REPLAY_MODE_PLAY)
                CHECK(host_run_to_end(&watched, 3));
            CHECK_STATUS(host_end(&watched), OK);
            CHECK_EQ(watched.messages, 0);
        }
    }
}

static void *wait_for_the_lock(void *opaque) {
    replay_thread_attach(REPLAY_THREAD_IO);
    while (!atomic_load(&ended)) {
        replay_mutex_lock();
        replay_start_warp_timer();
        replay_mutex_unlock();
        test_sleep_ms(1);
    }
    return opaque;
}

/* The I/O thread wants the lock meanwhile. */
TEST(a_vcpu_thread_that_computes_is_not_stalled) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        host_init(&watched);
        REQUIRE_STATUS(watched_begin(mode, "rrstall=100"), OK);
        replay_thread_attach(REPLAY_THREAD_VCPU);
        pthread_t thread;
        pthread_create(&thread, NULL, wait_for_the_lock, NULL);
        replay_mutex_lock();
        CHECK(host_execute(&watched, 1, 10));
        CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 1), 1);
        work(600000000, true); /* due */
        CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 2), 2);
        work(600000000, true); /* a long slice */
        CHECK(host_execute(&watched, 1, 1000));
        CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 3), 3);
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&watched, 1));
        replay_mutex_unlock();
        atomic_store(&ended, true);
        pthread_join(thread, NULL);
        CHECK_STATUS(replay_finish(), OK);
        CHECK_EQ(watched.messages, 0);
    }
}

/* Computes for a second; counts how often a file of /proc has the standard input's number. */
static int work_and_look(void) {
    int seen = 0;
    for (int64_t since = test_now_ns(); test_now_ns() - since < 1000000000;) {
        char target[100];
        ssize_t length = readlink("/proc/self/fd/0", target, sizeof target - 1);
        if (length <= 0)
            continue;
        target[length] = 0;
        seen += strncmp(target, "/proc/", 6) == 0;
    }
    return seen;
}

static void play_computing(bool has_descriptors) {
    struct rlimit all, none;
    REQUIRE(getrlimit(RLIMIT_NOFILE, &all) == 0);
    host_init(&watched);
    REQUIRE_STATUS(watched_begin(REPLAY_MODE_PLAY, "rrstall=100"), OK);
    replay_thread_attach(REPLAY_THREAD_VCPU);
    pthread_t thread;
    pthread_create(&thread, NULL, wait_for_the_lock, NULL);
    none = (struct rlimit){3, all.rlim_max};
    if (!has_descriptors)
        REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    replay_mutex_lock();
    CHECK(host_execute(&watched, 1, 10));
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 1), 1);
    CHECK_EQ(work_and_look(), 0);
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 2), 2);
    CHECK_EQ(work_and_look(), 0);
    CHECK(host_execute(&watched, 1, 1000));
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 3), 3);
    CHECK(host_run_to_end(&watched, 1));
    replay_mutex_unlock();
    atomic_store(&ended, true);
    pthread_join(thread, NULL);
    setrlimit(RLIMIT_NOFILE, &all);
    CHECK_STATUS(replay_finish(), OK);
    CHECK_EQ(watched.messages, 0);
}

/* What the threads do is looked up in /proc. */
TEST_SLOW(the_watchdog_needs_no_descriptor_and_takes_no_standard_one, 60) {
    host_begin(&watched, REPLAY_MODE_RECORD, log_path(), NULL);
    CHECK(host_execute(&watched, 3, 10));
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 1), 1);
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 2), 2);
    CHECK(host_execute(&watched, 3, 1000));
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 3), 3);
    REQUIRE_STATUS(host_end(&watched), OK);
    play_computing(false);
    int kept = fcntl(0, F_DUPFD_CLOEXEC, 10);
    close(0);
    play_computing(true);
    if (kept >= 0) {
        dup2(kept, 0);
        close(kept);
    }
}

/* The library reads the log with this function: a slow file server. */
static atomic_int slow_reads;
ssize_t pread(int file, void *data, size_t size, off_t offset) {
    if (atomic_load(&slow_reads) > 0 && atomic_fetch_sub(&slow_reads, 1) > 0)
        test_sleep_ms(600);
    return syscall(SYS_pread64, file, data, size, offset);
}
ssize_t pread64(int file, void *data, size_t size, off_t offset) {
    return pread(file, data, size, offset);
}

static void record_input(size_t length, int count) {
    uint8_t *bytes = malloc(length);
    REQUIRE(bytes != NULL);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(i >> 12);
    host_init(&watched);
    REQUIRE_STATUS(watched_begin(REPLAY_MODE_RECORD, NULL), OK);
    replay_thread_attach(3);
    replay_mutex_lock();
    for (int i = 0; i < count; i++) {
        CHECK(host_execute(&watched, 3, 1000));
        CHECK_STATUS(replay_chr_be_write(0, bytes, length), OK);
        CHECK_STATUS(replay_account_warp_timer(), OK);
    }
    REQUIRE_STATUS(host_end(&watched), OK);
    free(bytes);
}

static void play_input(size_t length, int count, const char *options) {
    received = 0;
    host_init(&watched);
    REQUIRE_STATUS(watched_begin(REPLAY_MODE_PLAY, options), OK);
    replay_thread_attach(3);
    replay_mutex_lock();
    CHECK(host_run_to_end(&watched, 3));
    CHECK_STATUS(host_end(&watched), OK);
    CHECK_EQ(received, length / 4096 * (size_t)count);
}

TEST(a_slow_read_of_the_log_is_not_a_stall) {
    record_input(100000, 40);
    host_init(&watched);
    received = 0;
    REQUIRE_STATUS(watched_begin(REPLAY_MODE_PLAY, "rrstall=100"), OK);
    replay_thread_attach(3);
    replay_mutex_lock();
    atomic_store(&slow_reads, 2);
    CHECK(host_run_to_end(&watched, 3));
    CHECK(atomic_load(&slow_reads) <= 0);
    CHECK_STATUS(host_end(&watched), OK);
    CHECK_EQ(watched.messages, 0);
}

TEST_SLOW(a_large_input_is_not_a_stall, 60) {
    record_input(96 << 20, 2);
    play_input(96 << 20, 2, "rrstall=50");
}

/* -------------------------------------------------------------------- sleep */

/* NONE: a host that keeps its own time then, and takes turns in the other modes only. */
TEST(a_host_that_takes_no_turns_in_mode_none_is_not_reported) {
    for (int due = 0; due < 2; due++) {
        host_init(&watched);
        watched.idle = true;
        watched_set_timer(due ? 1 : 200000000);
        watched.icount = due ? 1 : 0;
        REQUIRE_STATUS(watched_begin(REPLAY_MODE_NONE, "rrstall=100"), OK);
        replay_thread_attach(REPLAY_THREAD_IO);
        pthread_t thread;
        pthread_create(&thread, NULL, sleep_elsewhere, NULL);
        test_sleep_ms(600);
        atomic_store(&ended, true);
        pthread_join(thread, NULL);
        CHECK_STR(watched.text, "");
        CHECK_STATUS(replay_finish(), OK);
    }
}

static void *run_io(void *opaque) {
    replay_thread_attach(REPLAY_THREAD_IO);
    replay_mutex_lock();
    while (!atomic_load(&ended)) {
        replay_start_warp_timer();
        replay_wait(-1);
    }
    replay_mutex_unlock();
    return opaque;
}

/* Asleep with a timer that is far, with one that is near, with none: nobody is to blame. */
TEST(a_guest_that_sleeps_is_not_reported) {
    static const int64_t timers[] = {0, 100000000, 3600000000000};
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_RECORD; mode++) {
        for (size_t i = 0; i < sizeof timers / sizeof *timers; i++) {
            host_init(&watched);
            watched.idle = true;
            watched_set_timer(timers[i]);
            REQUIRE_STATUS(watched_begin(mode, "rrstall=100"), OK);
            pthread_t io, vcpu;
            pthread_create(&io, NULL, run_io, NULL);
            pthread_create(&vcpu, NULL, sleep_in_the_library, NULL);
            test_sleep_ms(600);
            atomic_store(&ended, true);
            replay_notify();
            pthread_join(io, NULL);
            pthread_join(vcpu, NULL);
            CHECK_STR(watched.text, "");
            CHECK_STATUS(replay_finish(), OK);
        }
    }
}

/* -------------------------------------------------------------------- pauses */

/* The machine is paused for 300 ms of a sleep of 100 ms; whoever ends the pause may not say so. */
TEST_SLOW(a_pause_does_not_count_as_sleep, 60) {
    for (int variant = 0; variant < 6; variant++) {
        replay_mode_t mode = variant % 3;
        bool notifies = variant < 3;
        if (mode == REPLAY_MODE_PLAY)
            continue; /* follows its record below */
        host_init(&watched);
        watched.idle = true;
        watched_set_timer(100000000);
        atomic_store(&timer_runs, 0);
        REQUIRE_STATUS(watched_begin(mode, "rrstall=100"), OK);
        replay_thread_attach(3);
        replay_mutex_lock();
        int64_t since = test_now_ns(), paused = 0;
        while (atomic_load(&timer_runs) == 0 && test_now_ns() - since < 5000000000) {
            int64_t now = test_now_ns() - since;
            bool pause = now > 30000000 && now < 330000000;
            if (pause != watched.paused && (notifies || pause || now > 330000000)) {
                watched.paused = pause;
                paused = pause ? now : paused;
                if (notifies)
                    replay_notify();
            }
            replay_start_warp_timer();
            replay_account_warp_timer();
            replay_wait(watched.paused && notifies ? 400000000 - now : 5000000);
        }
        int64_t real = test_now_ns() - since;
        /* The pause ends at 330 ms; on a busy machine it begins late. */
        CHECK(real >= 420000000 - paused);
        CHECK(real < 1500000000);
        CHECK(ran_at >= 100000000);
        CHECK(ran_at < 200000000); /* 400 ms of real time, minus the pause */
        CHECK_STR(watched.text, "");
        CHECK_STATUS(host_end(&watched), OK);
        if (mode != REPLAY_MODE_RECORD)
            continue;
        int64_t recorded = ran_at;
        host_init(&watched);
        watched.idle = true;
        watched_set_timer(100000000);
        REQUIRE_STATUS(watched_begin(REPLAY_MODE_PLAY, "rrstall=100"), OK);
        replay_mutex_lock();
        watched.paused = true; /* a paused replay isn't stalled, and its clock is stopped */
        for (int i = 0; i < 30; i++) {
            replay_start_warp_timer();
            replay_account_warp_timer();
            CHECK_EQ(replay_get_virtual_clock(), 0);
            replay_wait(10000000);
        }
        CHECK_EQ(watched.stops, 0);
        watched.paused = false;
        CHECK(host_run_to_end(&watched, 3));
        CHECK_EQ(ran_at, recorded);
        CHECK_STATUS(host_end(&watched), OK);
    }
}
