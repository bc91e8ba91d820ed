/* SPDX-License-Identifier: MIT */
/* Pauses and breakpoints in the modes that can't go back; misuse of debug.h; hosts whose
 * state can't be saved or loaded; pauses and journeys that other threads ask for. */
#include "journey-host.h"

static journey_host_t m;

static void begin(replay_mode_t mode, journey_loop_t loop) {
    if (mode == REPLAY_MODE_NONE)
        journey_begin_unrecorded(&m, loop);
    else if (mode == REPLAY_MODE_RECORD)
        journey_begin_recording(&m, loop, 5, NULL);
    else
        journey_begin(&m, loop, NULL);
}

/** A machine that was recorded, and may have been paused meanwhile, replays as it was. */
static void end(replay_mode_t mode, journey_loop_t loop) {
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    m.on_pause = NULL, m.on_start = NULL;
    journey_clear_breaks(&m);
    if (mode == REPLAY_MODE_RECORD) {
        journey_begin(&m, loop, NULL);
        journey_run(&m);
        CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
        CHECK_STATUS(journey_end(&m), OK);
    }
    free(m.digests);
    m.digests = NULL;
}

/* In NONE the lock does nothing. The host's two threads then read each other's count, which
 * does no harm here, but the thread sanitizer reports it. */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define SANITIZES_THREADS
#endif
#endif
#ifdef SANITIZES_THREADS
#define LOOPS(mode) ((mode) == REPLAY_MODE_NONE ? LOOP_THREADS : LOOP_COUNT)
#else
#define LOOPS(mode) LOOP_COUNT
#endif

/** A query asks the host for its count too. */
static replay_info_t query(void) {
    replay_info_t info = REPLAY_INFO_INIT;
    if (LOOPS(replay_get_mode()) == LOOP_COUNT)
        replay_query(&info);
    return info;
}

#define EACH_MODE_AND_LOOP                                                                         \
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_RECORD; mode++)                \
        for (journey_loop_t loop = LOOP_OWN; loop < LOOPS(mode); loop++)

/* --------------------------------------------------------------------- pauses */

static void pause_before_the_first_slice(journey_host_t *machine) {
    (void)machine;
    CHECK(!replay_is_paused());
    CHECK_STATUS(replay_pause(), OK);
}

static void resume_at_once(journey_host_t *machine, replay_pause_reason_t why) {
    CHECK_EQ(why, REPLAY_PAUSE_REQUEST);
    CHECK_EQ(machine->cpu.icount, 0);
    CHECK_STATUS(replay_pause(), OK); /* it is paused already */
    CHECK_STATUS(replay_resume(), OK);
    CHECK_STATUS(replay_resume(), OK);
    CHECK(replay_is_paused()); /* until the callback has returned */
}

TEST(a_pause_before_the_first_slice_comes_before_the_first_instruction) {
    EACH_MODE_AND_LOOP {
        m.on_start = pause_before_the_first_slice;
        m.on_pause = resume_at_once;
        begin(mode, loop);
        journey_run(&m);
        CHECK_EQ(m.pauses, 1);
        CHECK(!replay_is_paused());
        end(mode, loop);
    }
}

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
    EACH_MODE_AND_LOOP {
        m.is_slow = true;
        begin(mode, loop);
        start_other(hold_pauses);
        journey_run(&m);
        end_other();
        CHECK(other.pauses > 0);
        replay_info_t info = host_info();
        if (!CHECK(info.warped_ns < (int64_t)other.pauses * 10000000 + 20000000))
            printf("    %u pauses, %lld ns\n", other.pauses, (long long)info.warped_ns);
        m.is_slow = false;
        end(mode, loop);
    }
}

/* ---------------------------------------------------------------- breakpoints */

enum { HITS = 30 };
static uint64_t last_hit;

static void at_breakpoint(journey_host_t *machine, replay_pause_reason_t why) {
    CHECK_EQ(why, REPLAY_PAUSE_BREAKPOINT);
    CHECK(machine->pauses == 1 || machine->cpu.icount > last_hit);
    last_hit = machine->cpu.icount;
    if (machine->pauses == HITS)
        journey_clear_breaks(machine);
    CHECK_STATUS(replay_resume(), OK);
}

static void stop_at(replay_break_kind_t kind, uint64_t address) {
    EACH_MODE_AND_LOOP {
        m.on_pause = at_breakpoint;
        for (unsigned i = 0; i < JOURNEY_BREAKS; i++)
            journey_set_break(&m, i, kind, address + 7 * i);
        begin(mode, loop);
        journey_run(&m);
        CHECK_EQ(m.pauses, HITS);
        end(mode, loop);
    }
}

TEST(a_breakpoint_stops_before_its_instruction_which_is_then_executed) {
    stop_at(REPLAY_BREAK_SOFTWARE, 77);
}

TEST(a_watchpoint_stops_before_the_write_which_then_happens) {
    stop_at(REPLAY_WATCH_WRITE, 1000);
}

/* -------------------------------------------------------------- what is refused */

static void refuse_journeys(void) {
    CHECK_STATUS(replay_seek(5), ERROR_WRONG_MODE);
    CHECK_STATUS(replay_seek_event(0), ERROR_WRONG_MODE);
    CHECK_STATUS(replay_reverse_step(), ERROR_WRONG_MODE);
    CHECK_STATUS(replay_reverse_continue(), ERROR_WRONG_MODE);
    CHECK(!replay_running_debug());
}

static void refuse_everything(void) {
    CHECK_STATUS(replay_pause(), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_resume(), ERROR_WRONG_STATE);
    CHECK(!replay_is_paused());
    CHECK(!replay_breakpoint(REPLAY_BREAK_SOFTWARE, 0));
}

TEST(journeys_need_a_replay) {
    EACH_MODE_AND_LOOP {
        refuse_everything();
        refuse_journeys();
        begin(mode, loop);
        refuse_journeys();
        CHECK(!replay_is_paused());
        journey_run(&m);
        refuse_journeys();
        end(mode, loop);
        refuse_everything();
        refuse_journeys();
    }
}

static void before_the_start(journey_host_t *machine) {
    (void)machine;
    refuse_everything();
    if (replay_mode == REPLAY_MODE_PLAY) {
        CHECK_STATUS(replay_seek(5), ERROR_WRONG_STATE);
        CHECK_STATUS(replay_seek_event(0), ERROR_WRONG_STATE);
        CHECK_STATUS(replay_reverse_step(), ERROR_WRONG_STATE);
        CHECK_STATUS(replay_reverse_continue(), ERROR_WRONG_STATE);
    } else {
        refuse_journeys();
    }
}

TEST(nothing_can_be_paused_before_the_start) {
    m.prepare = before_the_start;
    EACH_MODE_AND_LOOP {
        begin(mode, loop);
        journey_run(&m);
        end(mode, loop); /* a recording is replayed */
    }
}

TEST(breakpoints_need_the_vcpu_and_a_kind) {
    begin(REPLAY_MODE_NONE, LOOP_OWN);
    CHECK(!replay_breakpoint(REPLAY_BREAK_KINDS, 0));
    CHECK(!replay_breakpoint(-1, 0));
    CHECK(replay_breakpoint(REPLAY_WATCH_ACCESS, 0));
    m.on_pause = at_breakpoint;
    journey_run(&m);
    CHECK_EQ(m.pauses, 1);
    end(REPLAY_MODE_NONE, LOOP_OWN);
}

/* ------------------------------------------------------------------------- RAM */

static uint8_t memory[4096];

static replay_ram_config_t region(const char *name) {
    replay_ram_config_t config = REPLAY_RAM_CONFIG_INIT;
    config.name = name;
    config.bytes = memory;
    config.length = sizeof memory;
    return config;
}

static void bad_regions(journey_host_t *machine) {
    (void)machine;
    CHECK_STATUS(replay_register_ram(NULL), ERROR_INVALID_ARGUMENT);
    replay_ram_config_t config = region("a");
    config.size = 0;
    CHECK_STATUS(replay_register_ram(&config), ERROR_STRUCT_SIZE);
    config.size = (uint32_t)sizeof config - 1;
    CHECK_STATUS(replay_register_ram(&config), ERROR_STRUCT_SIZE);
    config = region(NULL);
    CHECK_STATUS(replay_register_ram(&config), ERROR_INVALID_ARGUMENT);
    config = region("a");
    config.bytes = NULL;
    CHECK_STATUS(replay_register_ram(&config), ERROR_INVALID_ARGUMENT);
    static const uint32_t pages[] = {1, 32, 63, 96, 4095, 131072, UINT32_MAX};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        config = region("a");
        config.page_bytes = pages[i];
        CHECK_STATUS(replay_register_ram(&config), ERROR_INVALID_ARGUMENT);
    }
    static const uint64_t lengths[] = {0, UINT64_MAX, UINT64_C(1) << 63};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        config = region("a");
        config.length = lengths[i];
        CHECK_STATUS(replay_register_ram(&config), ERROR_INVALID_ARGUMENT);
    }
    config = region("ram"); /* the journey's host has it */
    CHECK_STATUS(replay_register_ram(&config), ERROR_INVALID_ARGUMENT);
    CHECK_HAS(host_last_error().message, "ram");

    char name[] = "region 000";
    for (unsigned i = 1; i <= 256; i++) {
        snprintf(name, sizeof name, "region %u", i);
        config = region(name);
        config.length = sizeof memory / 2 + i; /* the last page is shorter */
        if (i < 256)
            CHECK_STATUS(replay_register_ram(&config), OK);
        else
            CHECK_STATUS(replay_register_ram(&config), ERROR_INVALID_ARGUMENT);
    }
}

TEST(bad_regions_of_RAM_are_refused) {
    replay_ram_config_t config = region("a");
    CHECK_STATUS(replay_register_ram(&config), ERROR_WRONG_STATE);
    m.prepare = bad_regions;
    EACH_MODE_AND_LOOP {
        begin(mode, loop);
        CHECK_STATUS(replay_register_ram(&config), ERROR_WRONG_STATE);
        journey_run(&m);
        end(mode, loop);
    }
    CHECK_STATUS(replay_register_ram(&config), ERROR_WRONG_STATE);
}

/* --------------------------------------------------- hosts that can't, or can't yet */

static replay_status_t back_status;

static void try_to_go_back(journey_host_t *machine, replay_pause_reason_t why) {
    if (why == REPLAY_PAUSE_PLACE && machine->cpu.icount == 30000) {
        back_status = replay_seek(12345);
        if (back_status != REPLAY_OK)
            CHECK_STATUS(replay_resume(), OK);
        return;
    }
    if (back_status == REPLAY_OK && why == REPLAY_PAUSE_PLACE)
        CHECK_EQ(machine->cpu.icount, 12345);
    CHECK_STATUS(replay_resume(), OK);
}

static void go_forward(journey_host_t *machine) {
    (void)machine;
    CHECK_STATUS(replay_seek(30000), OK);
}

static void begin_at_30000(void) {
    journey_record(&m, 3, NULL);
    m.on_start = go_forward;
    m.on_pause = try_to_go_back;
    journey_begin(&m, LOOP_OWN, NULL);
}

TEST(a_host_without_state_goes_only_forward) {
    m.no_state = true;
    begin_at_30000();
    journey_run(&m);
    CHECK_STATUS_IS(back_status, REPLAY_ERROR_NOT_SUPPORTED);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

TEST(a_host_whose_state_is_never_saved_goes_only_forward) {
    m.refuses = true;
    begin_at_30000();
    journey_run(&m);
    CHECK_STATUS_IS(back_status, REPLAY_ERROR_NOT_SUPPORTED);
    CHECK(m.saves > 0 && m.saves < 40); /* it isn't asked all the time */
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

static void save_from_now_on(journey_host_t *machine) {
    machine->refuses = false;
    m.on_pause = try_to_go_back;
    CHECK_STATUS(replay_seek(30000), OK);
}

static void at_2000(journey_host_t *machine, replay_pause_reason_t why) {
    CHECK_EQ(why, REPLAY_PAUSE_PLACE);
    CHECK_EQ(machine->cpu.icount, 2000);
    save_from_now_on(machine);
}

static void go_to_2000(journey_host_t *machine) {
    (void)machine;
    CHECK_STATUS(replay_seek(2000), OK);
}

TEST(a_host_whose_state_is_saved_later_goes_back_from_then_on) {
    m.refuses = true;
    journey_record(&m, 3, NULL);
    m.on_start = go_to_2000;
    m.on_pause = at_2000;
    journey_begin(&m, LOOP_OWN, NULL);
    journey_run(&m);
    CHECK_STATUS(back_status, OK);
    CHECK(m.loads > 0);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

TEST(a_host_that_refuses_its_own_state_ends_the_replay) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        m.refuses_load = true;
        m.on_start = NULL;
        journey_record(&m, 3, NULL);
        m.on_start = go_forward;
        m.on_pause = try_to_go_back;
        journey_begin(&m, loop, NULL);
        journey_run(&m);
        CHECK_STATUS(back_status, OK);
        CHECK_EQ(m.loads, 1);
        CHECK(host_stopped(&m.host));
        CHECK_STATUS(host_stop_status(&m.host), ERROR_POSITION);
        CHECK(!replay_is_paused());
        CHECK_STATUS(replay_seek(1), ERROR_POSITION);
        CHECK_STATUS(journey_end(&m), ERROR_POSITION);
        free(m.digests);
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
        for (journey_loop_t loop = LOOP_OWN; loop < LOOPS(mode); loop++) {
            if (mode == REPLAY_MODE_PLAY)
                journey_record(&m, 9, NULL);
            m.on_pause = resume_when_done;
            m.is_slow = true;
            begin(mode, loop);
            start_other(hammer_for_a_while);
            journey_run(&m);
            pthread_join(other.thread, NULL);
            m.is_slow = false;
            end(mode, loop);
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
        for (journey_loop_t loop = LOOP_OWN; loop < LOOPS(mode); loop++) {
            if (mode == REPLAY_MODE_PLAY)
                journey_record(&m, 9, NULL);
            m.on_pause = ask_within_a_callback;
            pauses_left = 20;
            begin(mode, loop);
            replay_pause();
            journey_run(&m);
            CHECK(m.pauses > 0);
            end(mode, loop);
        }
}
