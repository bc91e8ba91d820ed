/* SPDX-License-Identifier: MIT */
/* Machines whose threads don't get a processor, or whose process is stopped, for longer than the
 * limit of a stall: the watchdog doesn't take that for a standstill. */
#include "watched-host.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EVERY = 50 };

static int rounds;
static atomic_int round_of_guest;

/* Each round needs both threads: a checkpoint of the I/O thread, a clock of the vCPU thread. */
static void *run_io(void *opaque) {
    replay_thread_attach(REPLAY_THREAD_IO);
    int done = 0;
    replay_mutex_lock();
    while (!atomic_load(&ended) && !host_stopped(&watched)) {
        replay_start_warp_timer();
        if (atomic_load(&round_of_guest) > done)
            done += replay_checkpoint(REPLAY_CHECKPOINT_SUSPEND_REQUESTED);
        if (done >= rounds)
            break;
        replay_wait(1000000);
    }
    replay_mutex_unlock();
    CHECK_EQ(done, rounds);
    return opaque;
}

static void compute(int64_t ns) {
    for (int64_t since = test_now_ns(); test_now_ns() - since < ns;)
        ;
}

/* Between two rounds nobody does anything for @p rest ms, though something is due. */
static void run_machine(replay_mode_t mode, int count, unsigned rest) {
    rounds = count;
    host_init(&watched);
    watched.limit_ns = INT64_MAX;
    REQUIRE_STATUS(watched_begin(mode, "rrstall=100"), OK);
    atomic_store(&round_of_guest, 0);
    pthread_t thread;
    pthread_create(&thread, NULL, run_io, NULL);
    replay_thread_attach(REPLAY_THREAD_VCPU);
    replay_mutex_lock();
    for (int i = 0; i < rounds && !host_stopped(&watched); i++) {
        CHECK(host_execute(&watched, REPLAY_THREAD_VCPU, EVERY));
        CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, i), i);
        compute(1000000);
        atomic_fetch_add(&round_of_guest, 1);
        replay_mutex_unlock();
        replay_notify();
        /* In pieces: a stop must not be all of it. */
        for (unsigned ms = 0; ms < rest; ms++)
            test_sleep_ms(1);
        replay_mutex_lock();
    }
    replay_mutex_unlock();
    pthread_join(thread, NULL);
    CHECK_STR(watched.text, "");
    CHECK_STATUS(replay_finish(), OK);
}

static void end_with_parent(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Somebody looks at the machine by job control or a debugger, or the laptop is closed. */
TEST_SLOW(a_process_that_is_stopped_for_longer_than_the_limit_is_not_stalled, 60) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        pid_t machine = getpid(), other = fork();
        REQUIRE(other >= 0);
        if (other == 0) {
            end_with_parent();
            for (;;) {
                test_sleep_ms(40);
                kill(machine, SIGSTOP);
                test_sleep_ms(500);
                kill(machine, SIGCONT);
            }
        }
        run_machine(mode, 5, 30); /* shorter than the limit, and longer with the stop */
        kill(other, SIGKILL);
        kill(machine, SIGCONT);
        waitpid(other, NULL, 0);
    }
}

/* One processor, on which others compute with much more weight. */
TEST_SLOW(a_machine_that_gets_little_of_a_processor_is_not_stalled, 120) {
    enum { COUNT = 6, HOGS = 2 };
    run_machine(REPLAY_MODE_RECORD, COUNT, 1);
    cpu_set_t all, one;
    REQUIRE(sched_getaffinity(0, sizeof all, &all) == 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
    pid_t hogs[HOGS];
    for (int i = 0; i < HOGS; i++) {
        hogs[i] = fork();
        REQUIRE(hogs[i] >= 0);
        if (hogs[i] == 0) {
            end_with_parent();
            for (;;)
                ;
        }
    }
    setpriority(PRIO_PROCESS, 0, 19);
    run_machine(REPLAY_MODE_PLAY, COUNT, 1);
    for (int i = 0; i < HOGS; i++) {
        kill(hogs[i], SIGKILL);
        waitpid(hogs[i], NULL, 0);
    }
}
