/* SPDX-License-Identifier: MIT */
/* Journeys that are asked for when a replay has come to its end, or when replay_run_stop() was
 * called: a call that returns OK happens, and any other says why not. */
#include "journey-host.h"

#include <unistd.h>

static journey_host_t m;
static uint64_t arrived_at;

/** The machine stays until it is asked to end again. */
static void note_arrival(journey_host_t *machine, replay_pause_reason_t why) {
    (void)why;
    arrived_at = machine->cpu.icount;
    journey_is_here(machine, arrived_at);
    machine->on_pause = NULL;
    CHECK_STATUS(replay_resume(), OK);
}

static void *run_vcpu(void *is_last) {
    replay_thread_attach(REPLAY_THREAD_VCPU);
    if (is_last)
        usleep(20000);
    CHECK_STATUS(replay_run(), OK);
    return NULL;
}

/** In two threads both call replay_run(); with an odd @p round the I/O thread does it first. */
static void run_to_end(journey_loop_t loop, size_t round) {
    atomic_store(&m.host.stops, 0);
    if (loop == LOOP_THREADS) {
        pthread_t vcpu;
        REQUIRE(pthread_create(&vcpu, NULL, run_vcpu, round % 2 ? &m : NULL) == 0);
        CHECK_STATUS(replay_run(), OK);
        replay_mutex_unlock();
        pthread_join(vcpu, NULL);
        replay_mutex_lock();
    } else {
        journey_run(&m);
    }
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_EQ(host_info().at_end, 1);
}

static replay_status_t go_back(void) {
    return replay_seek(100);
}

static replay_status_t go_past_the_end(void) {
    return replay_seek(UINT64_MAX);
}

static replay_status_t go_to_event(void) {
    return replay_seek_event(0);
}

static const struct {
    replay_status_t (*go)(void);
    uint64_t place;
    replay_pause_reason_t why;
} ways[] = {{go_back, 100, REPLAY_PAUSE_PLACE},
            {go_past_the_end, JOURNEY_LAST, REPLAY_PAUSE_END},
            {replay_reverse_step, JOURNEY_LAST - 1, REPLAY_PAUSE_PLACE},
            {replay_reverse_continue, 0, REPLAY_PAUSE_BEGIN}};

TEST(a_journey_goes_on_from_the_end_of_the_log) {
    journey_record(&m, 21, NULL);
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        journey_begin(&m, loop, NULL);
        run_to_end(loop, 0);
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            test_note("loop %d, way %zu", (int)loop, i);
            m.on_pause = note_arrival;
            CHECK_STATUS(ways[i].go(), OK);
            run_to_end(loop, i);
            CHECK_EQ(m.pauses, i + 1);
            CHECK_EQ(arrived_at, ways[i].place);
            CHECK_EQ(m.why, ways[i].why);
        }
        CHECK_STATUS(journey_end(&m), OK);
        CHECK_STR(m.host.text, "");
    }
    free(m.digests);
}

/** The request comes when all is executed, and before the end is found. */
TEST(a_request_just_before_the_end_is_not_lost) {
    journey_record(&m, 22, NULL);
    for (int asks_pause = 0; asks_pause < 2; asks_pause++) {
        journey_begin(&m, LOOP_OWN, NULL);
        while (m.cpu.icount < JOURNEY_LAST)
            journey_turn(&m);
        m.on_pause = note_arrival;
        CHECK_STATUS(asks_pause ? replay_pause() : replay_seek(100), OK);
        replay_turn();
        CHECK(!host_stopped(&m.host));
        run_to_end(LOOP_OWN, 0);
        CHECK_EQ(m.pauses, 1);
        CHECK_EQ(arrived_at, asks_pause ? JOURNEY_LAST : 100);
        CHECK_STATUS(journey_end(&m), OK);
    }
    free(m.digests);
}

TEST(a_request_that_the_host_does_not_wait_for_does_no_harm) {
    journey_record(&m, 23, NULL);
    m.on_pause = NULL;
    for (int is_at_end = 0; is_at_end < 2; is_at_end++) {
        journey_begin(&m, LOOP_OWN, NULL);
        while (m.cpu.icount < JOURNEY_LAST)
            journey_turn(&m);
        if (is_at_end)
            replay_turn();
        CHECK_EQ(host_stopped(&m.host), is_at_end);
        CHECK_STATUS(replay_seek(100), OK);
        CHECK_STATUS(journey_end(&m), OK);
        CHECK_EQ(m.pauses, 0);
    }
    free(m.digests);
}

/* --------------------------------------------------------- after replay_run_stop() */

static void stop_at(journey_host_t *machine, replay_pause_reason_t why) {
    (void)machine, (void)why;
    CHECK_STATUS(replay_run_stop(), OK);
}

TEST(no_journey_begins_after_a_stop) {
    journey_record(&m, 24, NULL);
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_THREADS; loop++) {
        journey_begin(&m, loop, NULL);
        m.on_pause = stop_at;
        CHECK_STATUS(replay_seek(40000), OK);
        if (loop == LOOP_OWN)
            while (m.pauses == 0)
                journey_turn(&m);
        else
            CHECK_STATUS(replay_run(), OK);
        CHECK_EQ(m.cpu.icount, 40000);
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
            CHECK_STATUS(ways[i].go(), ERROR_WRONG_STATE);
            CHECK_HAS(host_last_error().message,
                      " is not possible: the host has called replay_run_stop()");
        }
        CHECK_STATUS(go_to_event(), ERROR_WRONG_STATE);
        CHECK(!replay_running_debug());
        CHECK_STATUS(replay_run(), OK);
        CHECK_EQ(m.cpu.icount, 40000);
        CHECK_EQ(m.pauses, 1);
        CHECK_STATUS(journey_end(&m), ERROR_STOPPED_SHORT);
    }
    m.on_pause = NULL;
    free(m.digests);
}

static void stop(journey_host_t *machine) {
    (void)machine;
    CHECK_STATUS(replay_run_stop(), OK);
}

static void search_back(journey_host_t *machine, replay_pause_reason_t why) {
    (void)why;
    if (machine->pauses == 1)
        CHECK_STATUS(replay_reverse_continue(), OK);
}

/** The stop comes when the journey is about to load a snapshot. */
TEST(a_stop_is_not_lost_when_a_journey_goes_back) {
    journey_record(&m, 25, NULL);
    m.knows_watched = true;
    journey_begin(&m, LOOP_RUN, NULL);
    m.on_pause = search_back;
    m.on_watched = stop;
    CHECK_STATUS(replay_seek(40000), OK);
    CHECK_STATUS(replay_run(), OK);
    CHECK_EQ(m.pauses, 2);
    CHECK_EQ(m.why, REPLAY_PAUSE_BEGIN);
    CHECK(m.loads > 0);
    CHECK_STATUS(replay_seek(40000), ERROR_WRONG_STATE);
    (void)journey_end(&m);
    m.knows_watched = false;
    m.on_pause = NULL;
    m.on_watched = NULL;
    free(m.digests);
}
