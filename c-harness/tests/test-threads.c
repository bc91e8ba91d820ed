/* SPDX-License-Identifier: MIT */
/* A host of two threads, with input from a third: recorded and replayed many
 * times. Meant to run under the thread sanitizer too. */
#include "scripted-host.h"

enum { SLICES = 3000 };

static host_t host;
static int32_t device;
static uint64_t state;
static uint64_t timer_expire; /* of the guest's own timer, virtual ns; 0: none */
static bool interrupt_line;
static unsigned interrupts, characters, bottom_halves;
static atomic_bool stopping;

static void mix(uint64_t value) {
    state = (state ^ value ^ (host.icount << 20)) * 0x9e3779b97f4a7c15u;
    state ^= state >> 29;
}

static void receive(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque;
    for (size_t i = 0; i < length; i++)
        mix(data[i]);
    characters += (unsigned)length;
    interrupt_line = true;
    host.idle = false;
}

static void run_bottom_half(void *opaque) {
    mix((uint64_t)(uintptr_t)opaque);
    bottom_halves++;
}

static int64_t deadline(void *opaque, replay_timer_clock_t clock) {
    (void)opaque;
    if (clock != REPLAY_TIMERS_VIRTUAL || timer_expire == 0)
        return -1;
    int64_t left = (int64_t)timer_expire - replay_get_virtual_clock();
    return left > 0 ? left : 0;
}

static void run_timers(void *opaque, replay_timer_clock_t clock) {
    (void)opaque;
    if (clock != REPLAY_TIMERS_VIRTUAL || timer_expire == 0 ||
        (int64_t)timer_expire > replay_get_virtual_clock())
        return;
    mix(timer_expire);
    timer_expire = 0;
    interrupt_line = true;
    host.idle = false;
    replay_bh_schedule_event(run_bottom_half, (void *)(uintptr_t)host.icount);
}

static uint64_t digest(void *opaque) {
    (void)opaque;
    return state;
}

/* The I/O thread: takes its turns, and reads a clock now and then. */
static void *run_io(void *opaque) {
    (void)opaque;
    replay_thread_attach(REPLAY_THREAD_IO);
    replay_mutex_lock();
    while (!atomic_load(&stopping)) {
        replay_start_warp_timer();
        int64_t ns = replay_warp_deadline_ns();
        replay_wait(ns >= 0 && ns < 5000000 ? ns : 5000000);
    }
    replay_mutex_unlock();
    return NULL;
}

/* Someone types. */
static void *run_typist(void *opaque) {
    uint64_t seed = (uint64_t)(uintptr_t)opaque;
    while (!atomic_load(&stopping)) {
        uint8_t keys[4];
        size_t count = 1 + test_random(&seed) % 4;
        for (size_t i = 0; i < count; i++)
            keys[i] = (uint8_t)test_random(&seed);
        replay_chr_be_write(device, keys, count);
        struct timespec pause = {0, (long)(test_random(&seed) % 2000000)};
        nanosleep(&pause, NULL);
    }
    return NULL;
}

/* What the guest does after a stretch of instructions, and how long the next
 * one is, depends on its state alone: what comes from outside comes later. */
static uint64_t guest_acts(void) {
    if (state % 3 == 0)
        mix((uint64_t)REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, test_now_ns()));
    if (state % 7 == 0) {
        uint64_t random = (uint64_t)test_now_ns();
        if (replay_get_mode() == REPLAY_MODE_PLAY)
            replay_read_random(&random, sizeof random);
        else
            replay_save_random(0, &random, sizeof random);
        mix(random);
    }
    if (state % 5 == 0)
        replay_bh_schedule_oneshot_event(run_bottom_half, (void *)(uintptr_t)(state % 1000));
    if (timer_expire == 0)
        timer_expire = (uint64_t)replay_get_virtual_clock() + 20000 + state % 300000;
    if (state % 11 == 0)
        host.idle = true; /* until a timer, or a key */
    return 500 + state % 4000;
}

static void run_vcpu(void) {
    int64_t since = test_now_ns();
    uint64_t left = 1000;
    replay_mutex_lock();
    for (int slices = 0; slices < SLICES && !host_stopped(&host);) {
        replay_account_warp_timer();
        if (interrupt_line && replay_interrupt()) {
            interrupt_line = false;
            interrupts++;
            host.idle = false;
            mix(interrupts);
        }
        uint64_t budget = replay_get_budget(host.idle ? 0 : left);
        if (budget == 0) {
            replay_wait(20000000);
            if (test_now_ns() - since > host.limit_ns) {
                host.hung = true;
                break;
            }
            continue;
        }
        host.icount += budget;
        left -= budget;
        replay_account_executed_instructions();
        since = test_now_ns();
        if (left == 0) {
            slices++;
            left = guest_acts();
        }
        replay_mutex_unlock();
        replay_mutex_lock();
    }
    if (replay_get_mode() == REPLAY_MODE_PLAY && !host.hung)
        host_run_to_end(&host, REPLAY_THREAD_VCPU);
    replay_mutex_unlock();
}

typedef struct {
    uint64_t state, icount;
    unsigned interrupts, characters, bottom_halves;
} result_t;

static result_t run(replay_mode_t mode, uint64_t seed) {
    host_init(&host);
    host.callbacks.deadline_ns = deadline;
    host.callbacks.run_timers = run_timers;
    host.callbacks.digest = digest;
    state = 12345;
    timer_expire = 0;
    interrupt_line = false;
    interrupts = characters = bottom_halves = 0;
    atomic_store(&stopping, false);
    REQUIRE_STATUS(host_configure(&host, mode, test_path("run.log"), "shift=4,rrdigest=20000"), OK);
    device = replay_register_char_driver(receive, NULL);
    REQUIRE_STATUS(replay_thread_attach(REPLAY_THREAD_VCPU), OK);
    REQUIRE_STATUS(replay_start(), OK);
    pthread_t io, typist;
    pthread_create(&io, NULL, run_io, NULL);
    pthread_create(&typist, NULL, run_typist, (void *)(uintptr_t)seed);
    run_vcpu();
    atomic_store(&stopping, true);
    replay_notify();
    pthread_join(io, NULL);
    pthread_join(typist, NULL);
    if (host_stop_status(&host) != REPLAY_OK)
        test_fail(TEST_HERE, "mode %d: %s\n%s", mode, host.stop_error.message,
                  host.stop_error.history);
    CHECK(!host.hung);
    CHECK_STATUS(replay_finish(), OK);
    /* What was queued has reached the guest. */
    return (result_t){state, host.icount, interrupts, characters, bottom_halves};
}

static void round_trips(int count) {
    uint64_t seed = test_seed();
    for (int i = 0; i < count; i++) {
        test_note("round %d", i);
        int64_t begun = test_now_ns();
        result_t recorded = run(REPLAY_MODE_RECORD, test_random(&seed));
        int64_t between = test_now_ns();
        result_t played = run(REPLAY_MODE_PLAY, test_random(&seed));
        if (i == 0)
            printf("    %llu instructions, %u interrupts, %u characters, %u bottom halves, "
                   "%.3f s, replayed in %.3f s\n",
                   (unsigned long long)recorded.icount, recorded.interrupts, recorded.characters,
                   recorded.bottom_halves, (double)(between - begun) / 1e9,
                   (double)(test_now_ns() - between) / 1e9);
        CHECK_EQ(played.icount, recorded.icount);
        CHECK_EQ(played.interrupts, recorded.interrupts);
        CHECK_EQ(played.characters, recorded.characters);
        CHECK_EQ(played.bottom_halves, recorded.bottom_halves);
        if (!CHECK_EQ(played.state, recorded.state))
            break;
    }
}

TEST_SLOW(twenty_recordings_are_replayed, 200) {
    round_trips(20);
}
TEST_LONG(two_hundred_recordings_are_replayed, 1500) {
    round_trips(200);
}

/* ------------------------------------------------ another layout of threads */

static const step_t two_threads[] = {
    {OP_EXECUTE, 100},
    {OP_CHECKPOINT, REPLAY_CHECKPOINT_INIT},
    {OP_CHECKPOINT, REPLAY_CHECKPOINT_CLOCK_HOST, .io = true},
    {OP_CLOCK, 50, REPLAY_CLOCK_HOST, .io = true},
    {OP_EXECUTE, 10},
    {OP_BH, 1, .io = true},
    {OP_FLUSH},
    {OP_CHECKPOINT, REPLAY_CHECKPOINT_RESET, .io = true},
    {OP_EXECUTE, 10},
};
enum { TWO = sizeof two_threads / sizeof *two_threads };

TEST(a_host_of_one_thread_replays_two) {
    step_t single[TWO];
    memcpy(single, two_threads, sizeof single);
    for (size_t i = 0; i < TWO; i++)
        single[i].io = false;
    script_run_t record, play;
    script_record(&record, log_path(), STEPS(two_threads));
    script_init(&play, REPLAY_MODE_PLAY, log_path(), single, TWO);
    script_run(&play);
    CHECK_STATUS(script_status(&play), OK);
    script_check_same(TEST_HERE, &play, &record);
}

/* ---------------------------------------------------- the I/O turn of one thread */

static atomic_bool host_timer_is_due;
static uint8_t timer_random;
static int64_t timer_clock;
static atomic_int timer_runs;

static int64_t host_deadline(void *opaque, replay_timer_clock_t clock) {
    (void)opaque;
    return clock == REPLAY_TIMERS_HOST && host_timer_is_due ? 0 : -1;
}

/* A device of the main loop: a random number, a clock, a digest. */
static void run_host_timer(void *opaque, replay_timer_clock_t clock) {
    (void)opaque;
    if (clock != REPLAY_TIMERS_HOST)
        return;
    host_timer_is_due = false;
    bool records = replay_get_mode() == REPLAY_MODE_RECORD;
    timer_random = records ? 77 : 0;
    if (records)
        CHECK_STATUS(replay_save_random(1, &timer_random, 1), OK);
    else
        CHECK_EQ(replay_read_random(&timer_random, 1), 1);
    timer_clock = REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 777);
    CHECK_STATUS(replay_digest(99), OK);
    timer_runs++;
}

static void *take_io_turns(void *opaque) {
    host_t *host = opaque;
    replay_thread_attach(REPLAY_THREAD_IO);
    replay_mutex_lock();
    while (!host_stopped(host)) {
        replay_start_warp_timer();
        replay_wait(1000000);
    }
    replay_mutex_unlock();
    return NULL;
}

TEST(what_one_thread_does_in_its_io_turn_two_threads_replay) {
    static host_t host;
    for (int play = 0; play < 2; play++) {
        host_init(&host);
        host.callbacks.deadline_ns = host_deadline;
        host.callbacks.run_timers = run_host_timer;
        host_timer_is_due = true;
        CHECK_STATUS(
            host_configure(&host, play ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD, log_path(), NULL),
            OK);
        host_start(&host, play ? REPLAY_THREAD_VCPU : REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
        pthread_t io;
        if (play)
            pthread_create(&io, NULL, take_io_turns, &host);
        host_execute(&host, REPLAY_THREAD_VCPU, 100);
        if (!play)
            CHECK_STATUS(replay_turn(), OK);
        host_execute(&host, REPLAY_THREAD_VCPU, 100);
        if (play) {
            CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU));
            replay_mutex_unlock();
            pthread_join(io, NULL);
            replay_mutex_lock();
        }
        CHECK_STATUS(host_end(&host), OK);
        CHECK_EQ(timer_runs, play + 1);
        CHECK_EQ(timer_random, 77);
        CHECK_EQ(timer_clock, 777);
    }
}
