/* SPDX-License-Identifier: MIT */
/* Machines that stand still, in every mode: each is reported in one sentence that names the call
 * and the thread. Machines at work are not. */
#include "host.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static host_t host;
static atomic_bool ended; /* the case's other thread goes home */

static const char *log_path(void) {
    return test_path("run.log");
}

static size_t received;
static void receive(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque;
    for (size_t i = 0; i < length; i += 4096)
        received += data[i] == (uint8_t)(i >> 12);
}

static replay_status_t begin(replay_mode_t mode, const char *options) {
    atomic_store(&ended, false);
    replay_status_t status = host_configure(&host, mode, mode ? log_path() : NULL, options);
    if (status != REPLAY_OK)
        return status;
    CHECK_EQ(replay_register_char_driver(receive, NULL), 0);
    return replay_start();
}

/** Waits for a stop or a message, at most 5 s. */
static bool reported(void) {
    for (int i = 0; i < 500; i++) {
        if (host_stopped(&host) || atomic_load(&host.messages) > 0)
            return true;
        test_sleep_ms(10);
    }
    return false;
}

static void record_exception_at(uint64_t icount) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    CHECK(host_execute(&host, 3, icount));
    CHECK(replay_exception());
    CHECK(replay_save_random(0, "abcd", 4) == REPLAY_OK);
    REQUIRE_STATUS(host_end(&host), OK);
}

/* ------------------------------------------------------- asking in vain */

static void ask_exception(void) {
    CHECK(!replay_exception());
}
static void ask_has_interrupt(void) {
    CHECK(!replay_has_interrupt());
}
static void ask_checkpoint(void) {
    CHECK(!replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL));
}
static void ask_turn(void) {
    replay_account_warp_timer();
}
static void ask_flush(void) {
    replay_async_events();
}

TEST_SLOW(a_vcpu_that_asks_in_vain_stands_still, 60) {
    static void (*const asks[])(void) = {ask_exception, ask_has_interrupt, ask_checkpoint, ask_turn,
                                         ask_flush};
    record_exception_at(1000);
    for (size_t i = 0; i < 3 * sizeof asks / sizeof *asks; i++) {
        bool releases = i % 3 != 0, sleeps = i % 3 == 2;
        host_init(&host);
        REQUIRE_STATUS(begin(REPLAY_MODE_PLAY, "rrstall=100"), OK);
        replay_thread_attach(REPLAY_THREAD_VCPU);
        replay_mutex_lock();
        host.icount = 500;
        int64_t since = test_now_ns();
        while (!host_stopped(&host) && test_now_ns() - since < 15000000000) {
            replay_get_instructions();
            asks[i / 3]();
            replay_account_executed_instructions();
            if (releases)
                replay_mutex_unlock();
            if (sleeps)
                test_sleep_ms(1);
            if (releases)
                replay_mutex_lock();
        }
        CHECK(host_stopped(&host));
        CHECK_STATUS(host_stop_status(&host), ERROR_STALLED);
        CHECK(host.stop_ns - since < 10000000000);
        CHECK_HAS(host.stop_error.message, "expected event 0, EXCEPTION of the vCPU thread");
        CHECK_HAS(host.stop_error.message, "the vCPU at rest 500 instructions before it");
        if (asks[i / 3] == ask_exception)
            CHECK_HAS(host.stop_error.message, "EXCEPTION by the vCPU thread last");
        CHECK_STATUS(host_end(&host), ERROR_STALLED);
    }
}

TEST(a_stall_names_the_call_and_the_thread) {
    record_exception_at(100);
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), "rrstall=100");
    CHECK(host_execute(&host, 3, 100));
    CHECK(replay_exception());
    host_run_to_end(&host, 3);
    CHECK_STATUS(host_stop_status(&host), ERROR_STALLED);
    CHECK_HAS(host.stop_error.message, "; the vCPU thread must call replay_read_random()");
    CHECK_STATUS(host_end(&host), ERROR_STALLED);
}

/* ---------------------------------------------------------- work is no stall */

static void work(int64_t ns, bool computes) {
    for (int64_t since = test_now_ns(); test_now_ns() - since < ns;)
        if (!computes)
            test_sleep_ms(10);
}

/* Alone with the lock, for longer than the limit, between two events at one icount. */
TEST(a_host_that_works_with_the_lock_is_not_stalled) {
    for (int computes = 0; computes < 2; computes++) {
        for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
            host_begin(&host, mode, log_path(), "rrstall=100");
            CHECK(host_execute(&host, 3, 10));
            CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 1), 1);
            work(600000000, computes);
            CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 2), 2);
            if (mode == REPLAY_MODE_PLAY)
                CHECK(host_run_to_end(&host, 3));
            CHECK_STATUS(host_end(&host), OK);
            CHECK_EQ(host.messages, 0);
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
        host_init(&host);
        REQUIRE_STATUS(begin(mode, "rrstall=100"), OK);
        replay_thread_attach(REPLAY_THREAD_VCPU);
        pthread_t thread;
        pthread_create(&thread, NULL, wait_for_the_lock, NULL);
        replay_mutex_lock();
        CHECK(host_execute(&host, 1, 10));
        CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 1), 1);
        work(600000000, true); /* due */
        CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 2), 2);
        work(600000000, true); /* a long slice */
        CHECK(host_execute(&host, 1, 1000));
        CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 3), 3);
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 1));
        replay_mutex_unlock();
        atomic_store(&ended, true);
        pthread_join(thread, NULL);
        CHECK_STATUS(replay_finish(), OK);
        CHECK_EQ(host.messages, 0);
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
    host_init(&host);
    REQUIRE_STATUS(begin(REPLAY_MODE_PLAY, "rrstall=100"), OK);
    replay_thread_attach(REPLAY_THREAD_VCPU);
    pthread_t thread;
    pthread_create(&thread, NULL, wait_for_the_lock, NULL);
    none = (struct rlimit){3, all.rlim_max};
    if (!has_descriptors)
        REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    replay_mutex_lock();
    CHECK(host_execute(&host, 1, 10));
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 1), 1);
    CHECK_EQ(work_and_look(), 0);
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 2), 2);
    CHECK_EQ(work_and_look(), 0);
    CHECK(host_execute(&host, 1, 1000));
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 3), 3);
    CHECK(host_run_to_end(&host, 1));
    replay_mutex_unlock();
    atomic_store(&ended, true);
    pthread_join(thread, NULL);
    setrlimit(RLIMIT_NOFILE, &all);
    CHECK_STATUS(replay_finish(), OK);
    CHECK_EQ(host.messages, 0);
}

/* What the threads do is looked up in /proc. */
TEST_SLOW(the_watchdog_needs_no_descriptor_and_takes_no_standard_one, 60) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    CHECK(host_execute(&host, 3, 10));
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 1), 1);
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 2), 2);
    CHECK(host_execute(&host, 3, 1000));
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 3), 3);
    REQUIRE_STATUS(host_end(&host), OK);
    play_computing(false);
    int kept = fcntl(0, F_DUPFD_CLOEXEC, 10);
    close(0);
    play_computing(true);
    if (kept >= 0) {
        dup2(kept, 0);
        close(kept);
    }
}

/* The library reads the log by this function: a file server that is slow to answer. */
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
    host_init(&host);
    REQUIRE_STATUS(begin(REPLAY_MODE_RECORD, NULL), OK);
    replay_thread_attach(3);
    replay_mutex_lock();
    for (int i = 0; i < count; i++) {
        CHECK(host_execute(&host, 3, 1000));
        CHECK_STATUS(replay_chr_be_write(0, bytes, length), OK);
        CHECK_STATUS(replay_account_warp_timer(), OK);
    }
    REQUIRE_STATUS(host_end(&host), OK);
    free(bytes);
}

static void play_input(size_t length, int count, const char *options) {
    received = 0;
    host_init(&host);
    REQUIRE_STATUS(begin(REPLAY_MODE_PLAY, options), OK);
    replay_thread_attach(3);
    replay_mutex_lock();
    CHECK(host_run_to_end(&host, 3));
    CHECK_STATUS(host_end(&host), OK);
    CHECK_EQ(received, length / 4096 * (size_t)count);
}

TEST(a_slow_read_of_the_log_is_not_a_stall) {
    record_input(100000, 40);
    host_init(&host);
    received = 0;
    REQUIRE_STATUS(begin(REPLAY_MODE_PLAY, "rrstall=100"), OK);
    replay_thread_attach(3);
    replay_mutex_lock();
    atomic_store(&slow_reads, 2);
    CHECK(host_run_to_end(&host, 3));
    CHECK(atomic_load(&slow_reads) <= 0);
    CHECK_STATUS(host_end(&host), OK);
    CHECK_EQ(host.messages, 0);
}

TEST_SLOW(a_large_input_is_not_a_stall, 60) {
    record_input(96 << 20, 2);
    play_input(96 << 20, 2, "rrstall=20");
}

/* ------------------------------------------------------------ a lock held asleep */

static void *run_vcpu(void *opaque) {
    replay_thread_attach(REPLAY_THREAD_VCPU);
    replay_mutex_lock();
    while (!atomic_load(&ended) && !host_stopped(&host) && host.icount < 2000) {
        replay_account_warp_timer();
        uint64_t budget = replay_get_budget(10);
        if (budget == 0) {
            replay_wait(10000000);
            continue;
        }
        host.icount += budget;
        if (host.icount % 500 == 0)
            REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 7);
        replay_account_executed_instructions();
        replay_mutex_unlock();
        replay_mutex_lock();
    }
    replay_mutex_unlock();
    return opaque;
}

TEST_SLOW(an_io_thread_that_polls_with_the_lock_is_reported, 60) {
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    replay_mutex_unlock();
    replay_thread_attach(REPLAY_THREAD_VCPU);
    run_vcpu(NULL);
    REQUIRE_STATUS(replay_finish(), OK);
    for (int variant = 0; variant < 4; variant++) {
        replay_mode_t mode = variant & 1 ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD;
        bool turns = variant & 2;
        host_init(&host);
        replay_config_t config =
            host_config(&host, mode, mode == REPLAY_MODE_PLAY ? log_path() : test_path("other.log"),
                        "rrstall=100");
        REQUIRE_STATUS(replay_configure(&config), OK);
        REQUIRE_STATUS(replay_start(), OK);
        replay_thread_attach(REPLAY_THREAD_IO);
        replay_mutex_lock();
        atomic_store(&ended, false);
        pthread_t thread;
        pthread_create(&thread, NULL, run_vcpu, NULL);
        for (int i = 0; i < 500 && atomic_load(&host.messages) == 0; i++) {
            if (turns)
                replay_start_warp_timer();
            test_sleep_ms(10); /* the poll */
        }
        CHECK_EQ(host.messages, 1);
        CHECK_HAS(host.text, "the I/O thread has held the replay lock for ");
        CHECK_HAS(host.text, "it must call replay_mutex_unlock() before it polls or sleeps");
        CHECK_EQ(host_stopped(&host), mode == REPLAY_MODE_PLAY);
        atomic_store(&ended, true);
        replay_mutex_unlock();
        pthread_join(thread, NULL);
        replay_status_t status = replay_finish();
        CHECK_EQ(status, mode == REPLAY_MODE_PLAY ? REPLAY_ERROR_STALLED : REPLAY_OK);
    }
}

/* ------------------------------------------ RECORD and NONE: a thread that sleeps on */

static int64_t expire_ns; /* the host's one timer, 0: none */
static int64_t deadline(void *opaque, replay_timer_clock_t clock) {
    (void)opaque;
    if (clock != REPLAY_TIMERS_VIRTUAL || expire_ns == 0)
        return -1;
    int64_t left = expire_ns - replay_get_virtual_clock();
    return left > 0 ? left : 0;
}
static atomic_int timer_runs;
static int64_t ran_at;
static void run_timers(void *opaque, replay_timer_clock_t clock) {
    (void)opaque;
    if (clock != REPLAY_TIMERS_VIRTUAL)
        return;
    ran_at = replay_get_virtual_clock();
    expire_ns = 0;
    host.idle = false;
    atomic_fetch_add(&timer_runs, 1);
}

static void *sleep_in_the_library(void *opaque) {
    replay_thread_attach(REPLAY_THREAD_VCPU);
    replay_mutex_lock();
    while (!atomic_load(&ended)) {
        replay_account_warp_timer();
        replay_wait(50000000);
    }
    replay_mutex_unlock();
    return opaque;
}
static void *sleep_elsewhere(void *opaque) {
    replay_thread_attach(REPLAY_THREAD_VCPU);
    while (!atomic_load(&ended))
        test_sleep_ms(10);
    return opaque;
}

typedef struct {
    replay_mode_t mode;
    void *(*vcpu)(void *);
    bool turns_once; /* the I/O thread takes a turn, and then sleeps on */
    bool types;      /* there is input */
    bool is_due;     /* the timer is due at once */
    const char *text;
} sleeper_t;

TEST_SLOW(a_thread_that_sleeps_on_is_reported, 60) {
    static const sleeper_t sleepers[] = {
        {REPLAY_MODE_RECORD, sleep_in_the_library, false, false, false,
         "replay_host::wake_io must make it call replay_start_warp_timer()"},
        {REPLAY_MODE_RECORD, sleep_in_the_library, true, false, false,
         "it must call replay_start_warp_timer() after replay_warp_deadline_ns()"},
        {REPLAY_MODE_NONE, sleep_in_the_library, true, false, false,
         "it must call replay_start_warp_timer() after replay_warp_deadline_ns()"},
        {REPLAY_MODE_RECORD, sleep_elsewhere, false, true, false,
         "1 events have been queued for 0."},
        {REPLAY_MODE_RECORD, sleep_elsewhere, false, false, true,
         "a virtual timer is due, but the vCPU thread has taken no turn for 0."}};
    for (size_t i = 0; i < sizeof sleepers / sizeof *sleepers; i++) {
        const sleeper_t *one = &sleepers[i];
        host_init(&host);
        host.idle = true;
        host.callbacks.deadline_ns = deadline;
        host.callbacks.run_timers = run_timers;
        expire_ns = one->types ? 0 : one->is_due ? 1 : 200000000;
        host.icount = one->is_due ? 1 : 0;
        REQUIRE_STATUS(begin(one->mode, "rrstall=100"), OK);
        replay_thread_attach(REPLAY_THREAD_IO);
        if (one->turns_once) {
            replay_mutex_lock();
            CHECK_STATUS(replay_start_warp_timer(), OK);
            replay_mutex_unlock();
        }
        pthread_t thread;
        pthread_create(&thread, NULL, one->vcpu, NULL);
        if (one->types)
            CHECK_STATUS(replay_input_sync_event(), OK);
        CHECK(reported());
        CHECK_EQ(host.messages, 1);
        CHECK_HAS(host.text, one->text);
        CHECK_EQ(host.stops, 0);
        atomic_store(&ended, true);
        replay_notify();
        pthread_join(thread, NULL);
        CHECK_STATUS(replay_finish(), OK);
    }
}

/* NONE: a host that keeps its own time then, and takes turns in the other modes only. */
TEST(a_host_that_takes_no_turns_in_mode_none_is_not_reported) {
    for (int due = 0; due < 2; due++) {
        host_init(&host);
        host.idle = true;
        host.callbacks.deadline_ns = deadline;
        host.callbacks.run_timers = run_timers;
        expire_ns = due ? 1 : 200000000;
        host.icount = due ? 1 : 0;
        REQUIRE_STATUS(begin(REPLAY_MODE_NONE, "rrstall=100"), OK);
        replay_thread_attach(REPLAY_THREAD_IO);
        pthread_t thread;
        pthread_create(&thread, NULL, sleep_elsewhere, NULL);
        test_sleep_ms(600);
        atomic_store(&ended, true);
        pthread_join(thread, NULL);
        CHECK_STR(host.text, "");
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
            host_init(&host);
            host.idle = true;
            host.callbacks.deadline_ns = deadline;
            host.callbacks.run_timers = run_timers;
            expire_ns = timers[i];
            REQUIRE_STATUS(begin(mode, "rrstall=100"), OK);
            pthread_t io, vcpu;
            pthread_create(&io, NULL, run_io, NULL);
            pthread_create(&vcpu, NULL, sleep_in_the_library, NULL);
            test_sleep_ms(600);
            atomic_store(&ended, true);
            replay_notify();
            pthread_join(io, NULL);
            pthread_join(vcpu, NULL);
            CHECK_STR(host.text, "");
            CHECK_STATUS(replay_finish(), OK);
        }
    }
}

/* --------------------------------------------------- a timer that is always due */

static replay_timer_t *timer;
static void set_to_now(void *opaque) {
    (void)opaque;
    atomic_fetch_add(&timer_runs, 1);
    replay_timer_mod(timer, replay_get_virtual_clock());
}

TEST(a_timer_that_sets_itself_to_now_for_ever_is_reported) {
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_RECORD; mode++) {
        for (int goes_on = 0; goes_on < 2; goes_on++) {
            host_begin(&host, mode, mode ? log_path() : NULL, NULL);
            timer = replay_timer_new(set_to_now, NULL);
            REQUIRE(timer != NULL);
            CHECK_STATUS(replay_timer_mod(timer, 0), OK);
            atomic_store(&timer_runs, 0);
            for (int i = 0; i < 20000; i++) {
                replay_start_warp_timer();
                replay_account_warp_timer();
                if (goes_on)
                    host.icount++;
                else
                    CHECK_EQ(replay_get_budget(10), 0);
            }
            CHECK(atomic_load(&timer_runs) > 19000);
            CHECK_EQ(host.messages, goes_on ? 0 : 1);
            if (!goes_on) {
                CHECK_HAS(host.text, "virtual timers have run 10000 times at icount 0");
                CHECK_HAS(host.text, "replay_timer_mod()");
                CHECK_HAS(host.text, "the vCPU thread");
            }
            CHECK_STATUS(replay_timer_free(timer), OK);
            CHECK_STATUS(host_end(&host), OK);
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
        host_init(&host);
        host.idle = true;
        host.callbacks.deadline_ns = deadline;
        host.callbacks.run_timers = run_timers;
        atomic_store(&timer_runs, 0);
        expire_ns = 100000000;
        REQUIRE_STATUS(begin(mode, "rrstall=100"), OK);
        replay_thread_attach(3);
        replay_mutex_lock();
        int64_t since = test_now_ns(), paused = 0;
        while (atomic_load(&timer_runs) == 0 && test_now_ns() - since < 5000000000) {
            int64_t now = test_now_ns() - since;
            bool pause = now > 30000000 && now < 330000000;
            if (pause != host.paused && (notifies || pause || now > 330000000)) {
                host.paused = pause;
                paused = pause ? now : paused;
                if (notifies)
                    replay_notify();
            }
            replay_start_warp_timer();
            replay_account_warp_timer();
            replay_wait(host.paused && notifies ? 400000000 - now : 5000000);
        }
        int64_t real = test_now_ns() - since;
        CHECK(real >= 390000000);
        CHECK(real < 1500000000);
        CHECK(ran_at >= 100000000);
        CHECK(ran_at < 200000000); /* 400 ms of real time, but for the pause */
        CHECK_STR(host.text, "");
        CHECK_STATUS(host_end(&host), OK);
        if (mode != REPLAY_MODE_RECORD)
            continue;
        int64_t recorded = ran_at;
        host_init(&host);
        host.idle = true;
        host.callbacks.deadline_ns = deadline;
        host.callbacks.run_timers = run_timers;
        expire_ns = 100000000;
        REQUIRE_STATUS(begin(REPLAY_MODE_PLAY, "rrstall=100"), OK);
        replay_mutex_lock();
        host.paused = true; /* a paused replay is no stall, and its clock stands */
        for (int i = 0; i < 30; i++) {
            replay_start_warp_timer();
            replay_account_warp_timer();
            CHECK_EQ(replay_get_virtual_clock(), 0);
            replay_wait(10000000);
        }
        CHECK_EQ(host.stops, 0);
        host.paused = false;
        CHECK(host_run_to_end(&host, 3));
        CHECK_EQ(ran_at, recorded);
        CHECK_STATUS(host_end(&host), OK);
    }
}
