/* SPDX-License-Identifier: MIT */
/* Pauses and journeys that other threads and callbacks ask for. */
#include "journey-modes.h"

static journey_host_t m;

/** A query asks the host for its count too. */
static replay_info_t query(void) {
    replay_info_t info = REPLAY_INFO_INIT;
    if (JOURNEY_LOOPS(replay_get_mode()) == LOOP_COUNT)
        replay_query(&info);
    return info;
}

/* --------------------------------------------------------------------- pauses */

/* What a thread that has nothing to do with the machine does. */
static struct {
    pthread_t thread;
    atomic_bool ends;
    unsigned pauses;
    uint64_t seed;
} other;

static void start_other(void *(*body)(void *)) {
    other.ends = false;
    other.pauses = 0;
    REQUIRE(pthread_create(&other.thread, NULL, body, NULL) == 0);
}

static void end_other(void) {
    other.ends = true;
    pthread_join(other.thread, NULL);
}

static void *hold_pauses(void *opaque) {
    (void)opaque;
    while (!other.ends) {
        CHECK_STATUS(replay_pause(), OK);
        while (!replay_is_paused() && !other.ends)
            test_sleep_ms(1);
        replay_info_t before = query();
        bool was_paused = replay_is_paused();
        test_sleep_ms(20);
        replay_info_t after = query();
        if (was_paused && replay_is_paused()) {
            other.pauses++;
            CHECK_EQ(after.virtual_ns, before.virtual_ns);
            CHECK_EQ(after.icount, before.icount);
            CHECK_EQ(after.events, before.events);
        }
        CHECK_STATUS(replay_resume(), OK);
        test_sleep_ms(4);
    }
    return NULL;
}

/* The guest sleeps 12 times, for 0.2 ms of virtual time each. */
TEST_SLOW(virtual_time_stands_still_during_a_pause, 120) {
    JOURNEY_EACH_MODE_AND_LOOP {
        m.is_slow = true;
        journey_begin_in(&m, mode, loop);
        start_other(hold_pauses);
        journey_run(&m);
        end_other();
        CHECK(other.pauses > 0);
        replay_info_t info = host_info();
        if (!CHECK(info.warped_ns < (int64_t)other.pauses * 10000000 + 20000000))
            printf("    %u pauses, %lld ns\n", other.pauses, (long long)info.warped_ns);
        m.is_slow = false;
        journey_end_in(&m, mode, loop);
    }
}

/* ------------------------------------------------------------- any thread, any time */

static void any_call(uint64_t *random) {
    uint64_t place = test_random(random);
    switch (test_random(random) % 10) {
    case 0:
    case 1:
        replay_pause();
        break;
    case 2:
    case 3:
    case 4:
        replay_resume();
        break;
    case 5:
        replay_seek(place % (JOURNEY_LAST + 1000));
        break;
    case 6:
        replay_seek_event(place % 200);
        break;
    case 7:
        replay_reverse_step();
        break;
    case 8:
        replay_reverse_continue();
        break;
    default:
        replay_is_paused();
        replay_running_debug();
        query();
    }
}

static void *hammer(void *opaque) {
    (void)opaque;
    while (!other.ends) {
        any_call(&other.seed);
        if (test_random(&other.seed) % 4 == 0)
            test_sleep_ms(1);
    }
    replay_resume();
    return NULL;
}

static int64_t hammer_until;

/** While the other thread works, pauses are its business; later the machine runs on. */
static void resume_when_done(journey_host_t *machine, replay_pause_reason_t why) {
    (void)machine, (void)why;
    if (other.ends)
        replay_resume();
}

static void *hammer_for_a_while(void *opaque) {
    hammer_until = test_now_ns() + 400000000;
    while (test_now_ns() < hammer_until) {
        any_call(&other.seed);
        if (test_random(&other.seed) % 4 == 0)
            test_sleep_ms(1);
    }
    other.ends = true;
    /* The machine may be on a journey, which ends with a pause. */
    replay_resume();
    return opaque;
}

TEST_SLOW(another_thread_may_ask_for_anything_at_any_time, 200) {
    other.seed = test_seed();
    test_note("seed %llu", (unsigned long long)other.seed);
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_PLAY; mode++)
        for (journey_loop_t loop = LOOP_OWN; loop < JOURNEY_LOOPS(mode); loop++) {
            if (mode == REPLAY_MODE_PLAY)
                journey_record(&m, 9, NULL);
            m.on_pause = resume_when_done;
            m.is_slow = true;
            journey_begin_in(&m, mode, loop);
            start_other(hammer_for_a_while);
            journey_run(&m);
            /* If the run ends before it does, it may still wait for the lock. */
            replay_mutex_unlock();
            pthread_join(other.thread, NULL);
            replay_mutex_lock();
            m.is_slow = false;
            journey_end_in(&m, mode, loop);
        }
}

TEST_SLOW(other_threads_may_ask_while_the_run_ends, 200) {
    other.seed = test_seed();
    test_note("seed %llu", (unsigned long long)other.seed);
    journey_record(&m, 9, NULL);
    for (unsigned i = 0; i < 30; i++) {
        m.on_pause = resume_when_done;
        journey_begin(&m, i % LOOP_COUNT, NULL);
        CHECK_STATUS(replay_seek(1000 + i), OK);
        start_other(hammer);
        replay_status_t status = journey_end(&m);
        CHECK(status == REPLAY_ERROR_STOPPED_SHORT || status == REPLAY_OK);
        end_other();
    }
    free(m.digests);
}

/* --------------------------------------------------------------- within callbacks */

static uint64_t callback_seed;
static unsigned pauses_left;

static void ask_within_a_callback(journey_host_t *machine, replay_pause_reason_t why) {
    (void)machine, (void)why;
    if (pauses_left == 0) {
        replay_resume();
        return;
    }
    pauses_left--;
    for (unsigned i = 0; i < 5; i++)
        any_call(&callback_seed);
    replay_resume();
}

static void ask_on_a_timer(void *opaque) {
    (void)opaque;
    if (m.on_pause == NULL)
        return; /* nobody would let it run on */
    any_call(&callback_seed);
    CHECK_STATUS(replay_pause(), OK);
}

static void add_a_timer(journey_host_t *machine) {
    (void)machine;
    static replay_timer_t *timer;
    timer = replay_timer_new(ask_on_a_timer, NULL);
    replay_timer_mod(timer, 20000);
}

TEST_SLOW(callbacks_may_ask_for_anything, 120) {
    callback_seed = test_seed();
    test_note("seed %llu", (unsigned long long)callback_seed);
    m.prepare = add_a_timer;
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_PLAY; mode++)
        for (journey_loop_t loop = LOOP_OWN; loop < JOURNEY_LOOPS(mode); loop++) {
            if (mode == REPLAY_MODE_PLAY)
                journey_record(&m, 9, NULL);
            m.on_pause = ask_within_a_callback;
            pauses_left = 20;
            journey_begin_in(&m, mode, loop);
            replay_pause();
            journey_run(&m);
            CHECK(m.pauses > 0);
            journey_end_in(&m, mode, loop);
        }
}

/* ------------------------------------------------------- progress, and an end on the way */

enum { FAR = 55000, MOST_TRIES = 50 };

static struct {
    atomic_bool ends;
    unsigned cancelled;
} far;

/** Watches how far the machine is, and ends the journey. */
static void *cancel_on_the_way(void *opaque) {
    (void)opaque;
    uint64_t last = 0;
    unsigned progress = 0;
    while (!far.ends && progress < 3) {
        replay_info_t info = query();
        progress += info.icount > last;
        last = info.icount;
        CHECK_EQ(info.total_icount, JOURNEY_LAST);
        test_sleep_ms(1);
    }
    if (!far.ends)
        CHECK_STATUS(replay_pause(), OK);
    return NULL;
}

static bool seek_again(replay_pause_reason_t why) {
    far.ends = true;
    if (why == REPLAY_PAUSE_PLACE) {
        CHECK(journey_is_here(&m, FAR));
        return false;
    }
    CHECK_EQ(why, REPLAY_PAUSE_REQUEST);
    CHECK(m.cpu.icount > 0);
    far.cancelled += m.cpu.icount < FAR;
    CHECK_STATUS(replay_seek(FAR), OK);
    return true;
}

TEST_SLOW(a_long_seek_shows_how_far_it_is_and_can_be_cancelled, 60) {
    journey_record(&m, 8, NULL);
    m.next = seek_again;
    m.is_slow = true;
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        far.cancelled = 0;
        /* On a busy machine the watcher may come too late. */
        for (int tries = 0; tries < MOST_TRIES && far.cancelled == 0; tries++) {
            pthread_t watcher;
            far.ends = false;
            journey_begin(&m, loop, NULL);
            m.on_pause = journey_at_pause;
            CHECK_STATUS(replay_seek(FAR), OK);
            REQUIRE(pthread_create(&watcher, NULL, cancel_on_the_way, NULL) == 0);
            journey_run(&m);
            pthread_join(watcher, NULL);
            CHECK_STATUS(journey_end(&m), OK);
        }
        CHECK_EQ(far.cancelled, 1);
    }
    free(m.digests);
}
