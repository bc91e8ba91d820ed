/* SPDX-License-Identifier: MIT */
/* Several threads that don't belong to the machine make every call of debug.h and snapshot.h
 * at random, also those that they may not make: each returns a status that its comment has. */
#include "journey-disk.h"
#include "journey-modes.h"

enum { THREADS = 3 };

static journey_host_t m;

static struct {
    pthread_t thread;
    uint64_t seed;
    unsigned calls;
} hammers[THREADS];

/** Until then, in ns; 0: until the run has ended. */
static int64_t hammer_until;
static atomic_bool run_has_ended;
static atomic_uint at_work;

typedef struct {
    const char *name;
    replay_status_t status;
} answer_t;

/** REPLAY_OK and the others are what the call may return while a machine replays, or when the
 *  replay has just ended. */
static void check_answer(answer_t answer, replay_status_t other, replay_status_t third) {
    if (answer.status == REPLAY_ERROR_WRONG_MODE || answer.status == other ||
        answer.status == third)
        return;
    test_fail(TEST_HERE, "%s: %s", answer.name, test_status_name(answer.status));
}

static bool write_nothing(void *opaque, const void *bytes, size_t length) {
    (void)opaque, (void)bytes, (void)length;
    CHECK(!"a position was saved without the lock");
    return false;
}

static bool read_nothing(void *opaque, void *bytes, size_t length) {
    (void)opaque, (void)bytes, (void)length;
    CHECK(!"a position was loaded without the lock");
    return false;
}

static void reached(void *opaque) {
    (void)opaque;
    CHECK(!"a break was set without the lock");
}

/** A call that needs the lock or a role, from a thread that has neither. */
static void call_without_right(uint64_t *random, replay_status_t refusal) {
    replay_stream_t stream = REPLAY_STREAM_INIT;
    stream.write = write_nothing;
    stream.read = read_nothing;
    switch (test_random(random) % 7) {
    case 0:
        CHECK(!replay_breakpoint(REPLAY_BREAK_SOFTWARE, test_random(random) % JOURNEY_PCS));
        break;
    case 1:
        CHECK(!replay_can_snapshot());
        break;
    case 2:
        check_answer((answer_t){"position_save", replay_position_save(&stream)}, refusal, refusal);
        break;
    case 3:
        check_answer((answer_t){"position_load", replay_position_load(&stream)}, refusal, refusal);
        break;
    case 4:
        check_answer((answer_t){"branch", replay_branch("/nowhere/branch")}, refusal, refusal);
        break;
    case 5:
        check_answer((answer_t){"break", replay_break(1000, reached, NULL)}, refusal, refusal);
        break;
    default:
        check_answer((answer_t){"delete_break", replay_delete_break()}, refusal, refusal);
    }
}

static void ask_about_the_machine(void) {
    replay_info_t info = REPLAY_INFO_INIT;
    CHECK_STATUS(replay_query(&info), OK);
    CHECK(info.icount <= JOURNEY_LAST);
    CHECK(info.snapshots < 10000);
    replay_is_paused();
    replay_running_debug();
    replay_error_t error = REPLAY_ERROR_INIT;
    replay_last_error(&error);
}

static void any_call(uint64_t *random) {
    uint64_t place = test_random(random) % (JOURNEY_LAST + 1000);
    switch (test_random(random) % 12) {
    case 0:
        check_answer((answer_t){"pause", replay_pause()}, REPLAY_OK, REPLAY_ERROR_WRONG_STATE);
        break;
    case 1:
    case 2:
        check_answer((answer_t){"resume", replay_resume()}, REPLAY_OK, REPLAY_ERROR_WRONG_STATE);
        break;
    case 3:
    case 4:
        check_answer((answer_t){"seek", replay_seek(place)}, REPLAY_OK, REPLAY_OK);
        break;
    case 5:
        /* The log has about 90 events. */
        check_answer((answer_t){"seek_event", replay_seek_event(place % 200)}, REPLAY_OK,
                     REPLAY_ERROR_INVALID_ARGUMENT);
        break;
    case 6:
        check_answer((answer_t){"reverse_step", replay_reverse_step()}, REPLAY_OK, REPLAY_OK);
        break;
    case 7:
        check_answer((answer_t){"reverse_continue", replay_reverse_continue()}, REPLAY_OK,
                     REPLAY_OK);
        break;
    case 8:
        call_without_right(random, REPLAY_ERROR_LOCK_NOT_HELD);
        break;
    case 9:
        replay_mutex_lock();
        call_without_right(random, REPLAY_ERROR_WRONG_ROLE);
        replay_output_due(); /* asks the host for its count */
        replay_mutex_unlock();
        break;
    default:
        ask_about_the_machine();
    }
}

static void *hammer(void *opaque) {
    unsigned number = (unsigned)(uintptr_t)opaque;
    do {
        any_call(&hammers[number].seed);
        hammers[number].calls++;
        if (test_random(&hammers[number].seed) % 4 == 0)
            test_sleep_ms(1);
    } while (hammer_until ? test_now_ns() < hammer_until : !run_has_ended);
    at_work--;
    /* The machine may be paused, or on a journey, which ends with a pause. */
    replay_resume();
    return NULL;
}

static void start_hammers(uint64_t seed) {
    at_work = THREADS;
    run_has_ended = false;
    for (uintptr_t i = 0; i < THREADS; i++) {
        hammers[i].seed = seed + i;
        hammers[i].calls = 0;
        REQUIRE(pthread_create(&hammers[i].thread, NULL, hammer, (void *)i) == 0);
    }
}

static void join_hammers(void) {
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(hammers[i].thread, NULL);
        CHECK(hammers[i].calls > 0);
    }
}

/** While the others work, pauses are their business; later the machine runs on. */
static void resume_when_done(journey_host_t *machine, replay_pause_reason_t why) {
    (void)machine, (void)why;
    if (at_work == 0)
        replay_resume();
}

static void set_breaks(journey_host_t *machine) {
    journey_set_break(machine, 0, REPLAY_BREAK_SOFTWARE, 77);
    journey_set_break(machine, 1, REPLAY_WATCH_WRITE, 5 * JOURNEY_PAGE + 3);
}

static void hammer_each_loop(const journey_device_t *device, unsigned rounds,
                             int64_t milliseconds) {
    uint64_t seed = test_seed();
    test_note("seed %llu", (unsigned long long)seed);
    m.device = device;
    journey_record(&m, 9, NULL);
    for (unsigned i = 0; i < rounds * LOOP_COUNT; i++) {
        m.on_pause = resume_when_done;
        m.is_slow = true;
        journey_begin(&m, i % LOOP_COUNT, NULL);
        set_breaks(&m);
        hammer_until = test_now_ns() + milliseconds * 1000000;
        start_hammers(seed + i * THREADS);
        journey_run(&m);
        /* If the run ends before they do, they may still wait for the lock. */
        replay_mutex_unlock();
        join_hammers();
        replay_mutex_lock();
        journey_clear_breaks(&m);
        CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
        CHECK_STATUS(journey_end(&m), OK);
    }
    m.is_slow = false;
    free(m.digests);
}

static void hammer_the_end(unsigned rounds) {
    uint64_t seed = test_seed();
    test_note("seed %llu", (unsigned long long)seed);
    hammer_until = 0;
    journey_record(&m, 9, NULL);
    for (unsigned i = 0; i < rounds; i++) {
        journey_begin(&m, i % LOOP_COUNT, NULL);
        start_hammers(seed + i * THREADS);
        test_sleep_ms((unsigned)(i % 7));
        replay_status_t status = journey_end(&m);
        CHECK(status == REPLAY_ERROR_STOPPED_SHORT || status == REPLAY_OK);
        run_has_ended = true;
        join_hammers();
        CHECK(!replay_is_paused());
    }
    free(m.digests);
}

TEST_SLOW(other_threads_get_the_documented_status, 200) {
    hammer_each_loop(NULL, 1, 600);
}

static const journey_device_t *busy_disk(void) {
    static const disk_options_t options = {.resubmits = true, .pace = DISK_BUSY};
    return disk_device(&options);
}

TEST_SLOW(a_busy_disk_follows_what_other_threads_ask_for, 200) {
    hammer_each_loop(busy_disk(), 1, 600);
}

TEST_SLOW(other_threads_get_the_documented_status_while_the_run_ends, 100) {
    hammer_the_end(60);
}

TEST_LONG(other_threads_get_the_documented_status_for_minutes, 1600) {
    hammer_each_loop(NULL, 6, 10000);
    hammer_each_loop(busy_disk(), 6, 10000);
    m.device = NULL;
    hammer_the_end(2000);
}
