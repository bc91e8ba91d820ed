/* SPDX-License-Identifier: MIT */
#include "frames-host.h"

static frames_t *machine;

void mix(uint64_t value) {
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

void press(int code) {
    replay_input_event_t key = {.kind = REPLAY_INPUT_KEY, .code = code, .value = 1};
    replay_input_event(&key);
}

void frames_init(frames_t *frames, replay_mode_t mode, const char *options) {
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

void run_frames(frames_t *frames, uint64_t count, replay_role_t roles) {
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

void check_end(frames_t *play, const frames_t *record) {
    if (!CHECK_EQ(play->host.icount, record->host.icount) || !CHECK_EQ(play->end, record->end) ||
        play->host.stop_had_error)
        printf("    %s\n", host_last_error().message);
    CHECK(!play->host.stop_had_error);
}
