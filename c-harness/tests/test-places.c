/* SPDX-License-Identifier: MIT */
/* Several places at one icount, with guest work between them: what was recorded
 * at one of them is replayed at that one. */
#include "host.h"

/* ------------------------------------------------------------- the machine */

/* A machine that counts frames: within a frame it works, flushes the queue, works
 * on, flushes again; between frames it takes its turns. What the guest does and
 * gets is mixed into its state, in order. */
typedef struct {
    host_t host;
    uint64_t state;
    uint64_t end; /**< the state before what is left over is run */
    uint64_t seed;
    int places;      /**< direct flushes in a frame */
    bool reads_time; /**< the I/O thread reads a clock without a checkpoint */
    atomic_bool over;
} frames_t;

static frames_t *machine;

static void mix(uint64_t value) {
    machine->state = (machine->state ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    machine->state ^= machine->state >> 29;
}

static void take_input(void *opaque, const replay_input_event_t *event) {
    (void)opaque;
    mix(1000 + (uint64_t)event->code);
}

static void take_shutdown(void *opaque, replay_shutdown_cause_t cause) {
    (void)opaque;
    mix(100 + (uint64_t)cause);
}

static uint64_t digest_state(void *opaque) {
    (void)opaque;
    return machine->state;
}

static void press(int code) {
    replay_input_event_t key = {.kind = REPLAY_INPUT_KEY, .code = code, .value = 1};
    replay_input_event(&key);
}

static void frames_init(frames_t *frames, replay_mode_t mode, const char *options) {
    machine = frames;
    frames->state = 1;
    atomic_init(&frames->over, false);
    host_init(&frames->host);
    frames->host.callbacks.input = take_input;
    frames->host.callbacks.digest = digest_state;
    frames->host.callbacks.shutdown = take_shutdown;
    REQUIRE_STATUS(host_configure(&frames->host, mode, test_path("run.log"), options), OK);
}

/* RECORD: the user presses a key at this place, or does not. */
static void maybe_press(frames_t *frames) {
    if (replay_mode == REPLAY_MODE_RECORD && test_random(&frames->seed) % 4 == 0)
        press((int)(test_random(&frames->seed) % 100));
}

static void one_frame(frames_t *frames) {
    frames->host.icount++;
    for (int place = 0; place < frames->places; place++) {
        mix(1);
        maybe_press(frames);
        replay_async_events();
    }
    mix(2);
    maybe_press(frames);
    replay_account_executed_instructions();
    mix(3);
    frames->end = frames->state;
}

static void run_frames(frames_t *frames, uint64_t count, replay_role_t roles) {
    int64_t since = test_now_ns();
    while (!host_stopped(&frames->host) && frames->host.icount < count &&
           test_now_ns() - since < frames->host.limit_ns) {
        if (roles & REPLAY_THREAD_IO)
            replay_start_warp_timer();
        replay_account_warp_timer();
        if (replay_get_budget(1) == 0) {
            replay_wait(50000000);
            continue;
        }
        one_frame(frames);
        if (!(roles & REPLAY_THREAD_IO)) {
            replay_mutex_unlock();
            replay_mutex_lock();
        }
    }
}

static void check_end(frames_t *play, const frames_t *record) {
    if (!CHECK_EQ(play->host.icount, record->host.icount) || !CHECK_EQ(play->end, record->end) ||
        play->host.stop_had_error)
        printf("    %s\n", host_last_error().message);
    CHECK(!play->host.stop_had_error);
}

/* ------------------------------------------------------------------ flushes */

static uint64_t run_alone(frames_t *frames, replay_mode_t mode, uint64_t count) {
    frames_init(frames, mode, NULL);
    host_start(&frames->host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    run_frames(frames, count, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    uint64_t events = host_info().events;
    CHECK_STATUS(host_end(&frames->host), OK);
    return events;
}

TEST(input_comes_at_the_flush_that_got_it) {
    static frames_t record, play;
    uint64_t seed = test_seed();
    for (int run = 0; run < 40 && test_failures() == 0; run++) {
        uint64_t one = test_random(&seed);
        test_note("run %d, seed %llu", run, (unsigned long long)one);
        record.seed = one;
        record.places = play.places = run % 4;
        run_alone(&record, REPLAY_MODE_RECORD, 60);
        run_alone(&play, REPLAY_MODE_PLAY, 60);
        check_end(&play, &record);
    }
}

TEST(one_flush_in_a_frame_writes_no_more_than_its_input) {
    static frames_t frames;
    frames_init(&frames, REPLAY_MODE_RECORD, NULL);
    host_start(&frames.host, 3);
    for (int i = 0; i < 20; i++) {
        frames.host.icount++;
        press(i);
        press(i);
        replay_account_warp_timer();
        replay_account_executed_instructions();
    }
    CHECK_EQ(host_info().events, 40);
    press(1); /* the second flush at this icount */
    replay_account_warp_timer();
    CHECK_EQ(host_info().events, 42);
    frames.host.idle = true; /* it fell asleep after that flush */
    press(1);
    replay_account_warp_timer();
    CHECK_EQ(host_info().events, 44);
    for (int i = 0; i < 5; i++) { /* asleep: its flushes are one place */
        replay_account_warp_timer();
        press(2);
        replay_account_warp_timer();
    }
    CHECK_EQ(host_info().events, 49);
    CHECK_STATUS(host_end(&frames.host), OK);
}

/* The number of flushes of a sleeping guest depends on wake-ups. */
TEST(a_sleeping_guest_may_flush_more_or_less_often) {
    static frames_t frames;
    static const int rounds[] = {7, 1, 30, 0};
    uint64_t recorded = 0;
    for (int run = 0; run < 4; run++) {
        replay_mode_t mode = run == 0 ? REPLAY_MODE_RECORD : REPLAY_MODE_PLAY;
        frames_init(&frames, mode, NULL);
        host_start(&frames.host, 3);
        CHECK(host_execute(&frames.host, 3, 10));
        frames.host.idle = true;
        for (int i = 0; i < rounds[run]; i++)
            replay_async_events();
        if (mode == REPLAY_MODE_RECORD)
            press(5);
        replay_async_events();
        frames.host.idle = false;
        CHECK(host_execute(&frames.host, 3, 10));
        frames.host.idle = true;
        for (int i = 0; i < rounds[run]; i++)
            replay_account_warp_timer();
        if (mode == REPLAY_MODE_RECORD)
            press(6);
        replay_account_warp_timer();
        frames.host.idle = false;
        CHECK(host_execute(&frames.host, 3, 10));
        if (mode == REPLAY_MODE_RECORD)
            recorded = frames.state;
        CHECK_EQ(frames.state, recorded);
        CHECK_STATUS(host_end(&frames.host), OK);
    }
}

/* An awake guest whose host goes round without executing: RECORD does it as often
 * as it is kicked, PLAY as often as nothing else is to do. */
TEST(rounds_without_an_instruction_are_no_difference) {
    static frames_t frames;
    uint64_t recorded = 0;
    for (int run = 0; run < 3; run++) {
        frames_init(&frames, run == 0 ? REPLAY_MODE_RECORD : REPLAY_MODE_PLAY, NULL);
        host_start(&frames.host, 3);
        CHECK(host_execute(&frames.host, 3, 10));
        if (run == 0) {
            for (int i = 0; i < 4; i++)
                replay_account_warp_timer();
            press(5);
            replay_account_warp_timer();
            replay_account_warp_timer();
            press(6);
        }
        CHECK(host_execute(&frames.host, 3, 10));
        if (run == 0)
            replay_account_warp_timer();
        CHECK(run > 0 || host_execute(&frames.host, 3, 10));
        if (run > 0)
            CHECK(host_run_to_end(&frames.host, 3));
        recorded = run == 0 ? frames.state : recorded;
        CHECK_EQ(frames.state, recorded);
        CHECK_STATUS(host_end(&frames.host), OK);
    }
}

TEST(a_flush_that_was_not_recorded_is_a_divergence) {
    static frames_t frames;
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        frames_init(&frames, mode, NULL);
        host_start(&frames.host, 3);
        replay_account_warp_timer();
        CHECK(replay_get_budget(1) == 1);
        frames.host.icount++;
        replay_async_events();
        if (mode == REPLAY_MODE_PLAY)
            replay_async_events(); /* one more than there was */
        replay_account_executed_instructions();
        if (mode == REPLAY_MODE_RECORD)
            press(7);
        replay_account_warp_timer(); /* the second one at this icount */
        if (mode == REPLAY_MODE_PLAY) {
            CHECK_STATUS(host_stop_status(&frames.host), ERROR_DIVERGENCE);
            replay_error_t error = host_last_error();
            CHECK_STR(error.expected, "the flush of a turn, number 2 at icount 1");
            CHECK_STR(error.found, "a flush by replay_async_events, number 2 there");
            CHECK_STATUS(host_end(&frames.host), ERROR_DIVERGENCE);
        } else {
            CHECK_STATUS(host_end(&frames.host), OK);
        }
    }
}

/* ------------------------------------------------------------- completions */

static void complete(void *opaque) {
    mix(*(uint64_t *)opaque);
}

static void read_done(void *opaque, int32_t result) {
    (void)opaque;
    mix(5000 + (uint64_t)result);
}

/* PLAY's disk is slower than RECORD's was: the flush within the frame waits for it. */
TEST(a_disk_is_waited_for_at_the_flush_that_got_its_completion) {
    static frames_t frames;
    static uint8_t content[65536], data[4096];
    uint64_t recorded = 0;
    test_write_file(test_path("disk"), content, sizeof content);
    for (int run = 0; run < 6; run++) {
        replay_mode_t mode = run == 0 ? REPLAY_MODE_RECORD : REPLAY_MODE_PLAY;
        frames_init(&frames, mode, NULL);
        replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
        config.name = "disk";
        config.filename = test_path("disk");
        replay_status_t status;
        REQUIRE_STATUS(replay_thread_attach(3), OK);
        REQUIRE_STATUS(replay_mutex_lock(), OK);
        replay_block_t *disk = replay_block_open(&config, &status);
        REQUIRE_STATUS(status, OK);
        REQUIRE_STATUS(replay_start(), OK);
        for (int frame = 0; frame < 20; frame++) {
            while (!host_stopped(&frames.host) &&
                   (replay_account_warp_timer(), replay_get_budget(1) == 0))
                replay_wait(10000000);
            frames.host.icount++;
            struct iovec piece = {data, sizeof data};
            replay_block_read(disk, 4096 * (uint64_t)(frame % 16), &piece, 1, 0, read_done, NULL);
            mix(1);
            if (mode == REPLAY_MODE_RECORD)
                test_sleep_ms(3);
            replay_async_events();
            mix(2);
            replay_account_executed_instructions();
        }
        if (mode == REPLAY_MODE_RECORD)
            recorded = frames.state;
        CHECK_EQ(frames.state, recorded);
        replay_block_close(disk);
        CHECK_STATUS(host_end(&frames.host), OK);
    }
}

TEST(a_completion_that_comes_after_its_slice_is_a_divergence) {
    static frames_t frames;
    static uint64_t value = 77;
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        frames_init(&frames, mode, NULL);
        host_start(&frames.host, 3);
        replay_account_warp_timer();
        CHECK(replay_get_budget(1) == 1);
        frames.host.icount++;
        uint64_t id = blkreplay_next_id();
        if (mode == REPLAY_MODE_RECORD)
            CHECK_STATUS(replay_block_event(complete, &value, id), OK);
        replay_async_events();
        mix(1);
        replay_account_executed_instructions();
        if (mode == REPLAY_MODE_PLAY)
            CHECK_STATUS(replay_block_event(complete, &value, id), OK);
        replay_account_warp_timer();
        if (mode == REPLAY_MODE_PLAY) {
            CHECK_STATUS(host_stop_status(&frames.host), ERROR_DIVERGENCE);
            CHECK_HAS(host_last_error().message, "BLOCK");
            CHECK_HAS(host_last_error().found, "after the slice");
            CHECK_STATUS(host_end(&frames.host), ERROR_DIVERGENCE);
        } else {
            CHECK_STATUS(host_end(&frames.host), OK);
        }
    }
}

/* A host that waits within an instruction flushes as often as it happens to. */
TEST(a_completion_is_waited_for_by_flushing) {
    static frames_t frames;
    static uint64_t value = 77;
    static const int rounds[] = {5, 1, 5, 40};
    uint64_t recorded = 0;
    for (int run = 0; run < 4; run++) {
        frames_init(&frames, run == 0 ? REPLAY_MODE_RECORD : REPLAY_MODE_PLAY, NULL);
        host_start(&frames.host, 3);
        for (int frame = 0; frame < 5; frame++) {
            while (replay_account_warp_timer(), replay_get_budget(1) == 0)
                if (host_stopped(&frames.host))
                    test_fail(TEST_HERE, "run %d, frame %d: %s", run, frame,
                              host_last_error().message),
                        test_abandon();
            frames.host.icount++;
            uint64_t before = frames.state;
            uint64_t id = blkreplay_next_id();
            for (int i = 0; frames.state == before && i < 100; i++) {
                if (i == rounds[run])
                    replay_block_event(complete, &value, id);
                replay_async_events();
            }
            mix(2);
            if (run == 0)
                press(frame);
            replay_async_events();
            mix(3);
            replay_account_executed_instructions();
        }
        recorded = run == 0 ? frames.state : recorded;
        CHECK_EQ(frames.state, recorded);
        CHECK_STATUS(host_end(&frames.host), OK);
    }
}

/* ------------------------------------------------------------ two threads */

static void *run_io(void *opaque) {
    frames_t *frames = opaque;
    replay_thread_attach(REPLAY_THREAD_IO);
    replay_mutex_lock();
    for (uint64_t i = 0; !frames->over; i++) {
        if (frames->reads_time && i % (replay_mode == REPLAY_MODE_RECORD ? 2 : 7) == 0)
            REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, test_now_ns());
        replay_start_warp_timer();
        replay_wait(200000);
    }
    replay_mutex_unlock();
    return NULL;
}

static void *run_user(void *opaque) {
    frames_t *frames = opaque;
    for (int i = 0; !frames->over; i++) {
        press(i % 50);
        if (i % 8 == 0)
            test_sleep_ms(1);
    }
    return NULL;
}

static void run_together(frames_t *frames, replay_mode_t mode, uint64_t count) {
    pthread_t io, user;
    frames_init(frames, mode, "rrstall=5000");
    host_start(&frames->host, REPLAY_THREAD_VCPU);
    pthread_create(&io, NULL, run_io, frames);
    pthread_create(&user, NULL, run_user, frames);
    run_frames(frames, count, REPLAY_THREAD_VCPU);
    frames->over = true;
    replay_mutex_unlock();
    pthread_join(io, NULL);
    pthread_join(user, NULL);
    replay_mutex_lock();
    CHECK_STATUS(host_end(&frames->host), OK);
}

TEST_SLOW(two_threads_replay_each_flush_at_its_place, 60) {
    static frames_t record, play;
    for (int run = 0; run < 8 && test_failures() == 0; run++) {
        record.places = play.places = 1 + run % 3;
        record.reads_time = play.reads_time = run >= 4;
        record.seed = (uint64_t)run;
        run_together(&record, REPLAY_MODE_RECORD, 2000);
        run_together(&play, REPLAY_MODE_PLAY, 2000);
        check_end(&play, &record);
    }
}

/* ------------------------------------------------------------------- turns */

static replay_timer_t *timer;
static int timer_runs;

static void run_again(void *opaque) {
    (void)opaque;
    mix(40);
    if (++timer_runs % 4)
        replay_timer_mod(timer, replay_get_virtual_clock());
    else
        replay_timer_mod(timer, replay_get_virtual_clock() + 10);
}

/* A timer that sets itself to now runs in the next turn; the host works between. */
TEST(a_timer_runs_once_in_a_turn) {
    static frames_t frames;
    uint64_t recorded = 0;
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        timer_runs = 0;
        frames_init(&frames, mode, NULL);
        REQUIRE_STATUS(replay_thread_attach(3), OK);
        REQUIRE_STATUS(replay_mutex_lock(), OK);
        timer = replay_timer_new(run_again, NULL);
        REQUIRE_STATUS(replay_start(), OK);
        replay_timer_mod(timer, 10);
        while (frames.host.icount < 50 && !host_stopped(&frames.host)) {
            replay_account_warp_timer();
            if (frames.host.icount % 10 == 0 && timer_runs % 4)
                mix(50); /* it has done something: the interrupt that it raised, say */
            if (frames.host.icount == 30 && mode == REPLAY_MODE_RECORD && timer_runs % 4 == 2)
                press(4);
            uint64_t budget = replay_get_budget(5);
            if (budget == 0)
                continue;
            frames.host.icount += budget;
            replay_account_executed_instructions();
        }
        recorded = mode == REPLAY_MODE_RECORD ? frames.state : recorded;
        CHECK_EQ(frames.state, recorded);
        CHECK_STATUS(host_end(&frames.host), OK);
    }
}

/* --------------------------------------------------------------- shutdowns */

/* What the guest's own course asks for: in PLAY the callback does it. */
static void ask(replay_shutdown_cause_t cause) {
    replay_shutdown_request(cause);
    if (replay_mode == REPLAY_MODE_RECORD)
        mix(100 + (uint64_t)cause);
}

/* What its user asks for: nobody repeats it. */
static void ask_from_outside(replay_shutdown_cause_t cause) {
    if (replay_mode == REPLAY_MODE_RECORD)
        ask(cause);
}

static void first_timer(void *opaque) {
    (void)opaque;
    ask(REPLAY_SHUTDOWN_GUEST_RESET);
    mix(1);
}

static void second_timer(void *opaque) {
    (void)opaque;
    mix(2);
    ask(REPLAY_SHUTDOWN_GUEST_PANIC);
    mix(3);
}

TEST(two_requests_at_one_icount_come_at_their_own_places) {
    static frames_t frames;
    uint64_t recorded = 0;
    for (int run = 0; run < 3; run++) {
        frames_init(&frames, run ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD, NULL);
        REQUIRE_STATUS(replay_thread_attach(3), OK);
        REQUIRE_STATUS(replay_mutex_lock(), OK);
        replay_timer_t *a = replay_timer_new(first_timer, NULL);
        replay_timer_t *b = replay_timer_new(second_timer, NULL);
        REQUIRE_STATUS(replay_start(), OK);
        replay_timer_mod(a, 10);
        replay_timer_mod(b, 10);
        CHECK(host_execute(&frames.host, 3, 20));
        /* After the account, without an event before it. */
        ask(REPLAY_SHUTDOWN_GUEST_RESET);
        mix(4);
        ask(REPLAY_SHUTDOWN_GUEST_RESET);
        mix(5);
        CHECK(host_execute(&frames.host, 3, 10));
        /* One of the user's, one of the guest's. */
        ask_from_outside(REPLAY_SHUTDOWN_HOST_RESET);
        ask(REPLAY_SHUTDOWN_GUEST_PANIC);
        mix(6);
        ask(REPLAY_SHUTDOWN_GUEST_PANIC);
        ask_from_outside(REPLAY_SHUTDOWN_HOST_UI);
        CHECK(host_execute(&frames.host, 3, 10));
        if (run == 2) /* of today's user: nothing */
            replay_shutdown_request(REPLAY_SHUTDOWN_HOST_SIGNAL);
        recorded = run == 0 ? frames.state : recorded;
        CHECK_EQ(frames.state, recorded);
        CHECK_STATUS(host_end(&frames.host), OK);
    }
}
