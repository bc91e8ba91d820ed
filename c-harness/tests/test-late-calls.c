/* SPDX-License-Identifier: MIT */
/* Threads without the replay lock call functions that need it, all the time, while one thread
 * records and replays short runs. Each call is refused, also where a run ends just then: none may
 * look at a log that is being closed. The thread sanitizer watches. */
#include "host.h"

#include <unistd.h>

static host_t host;
static atomic_bool over;
static atomic_ulong calls;

static void got_char(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque, (void)data, (void)length;
}

static uint64_t icount(void *opaque) {
    host_t *mine = opaque;
    return __atomic_load_n(&mine->icount, __ATOMIC_RELAXED);
}

/* A device that is plugged in by a thread that forgets the lock. */
static void *plug_in(void *unused) {
    while (!atomic_load(&over)) {
        replay_register_char_driver(got_char, NULL);
        atomic_fetch_add(&calls, 1);
    }
    return unused;
}

static void *save(void *unused) {
    replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    while (!atomic_load(&over)) {
        static const uint8_t bytes[3] = {1, 2, 3};
        CHECK_EQ(replay_save_clock(REPLAY_CLOCK_HOST, 7, 0), 7);
        CHECK(replay_char_write_event_save(1, 2) != REPLAY_OK);
        CHECK(replay_char_read_all_save_buf(bytes, sizeof bytes) != REPLAY_OK);
        CHECK(replay_save_random(0, bytes, sizeof bytes) != REPLAY_OK);
        atomic_fetch_add(&calls, 1);
    }
    return unused;
}

static void *load(void *unused) {
    replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    while (!atomic_load(&over)) {
        uint8_t bytes[8];
        int32_t result = 0, offset = 0;
        size_t size = 0;
        replay_read_clock(REPLAY_CLOCK_HOST, 0);
        CHECK(replay_char_write_event_load(&result, &offset) != REPLAY_OK);
        CHECK(replay_char_read_all_size(&size) != REPLAY_OK);
        CHECK(replay_char_read_all_load(bytes, sizeof bytes, &result) != REPLAY_OK);
        CHECK(replay_read_random(bytes, sizeof bytes) != 0);
        CHECK(!replay_has_event());
        CHECK(!replay_has_interrupt());
        atomic_fetch_add(&calls, 1);
    }
    return unused;
}

static void run_once(replay_mode_t mode, const char *path) {
    host_init(&host);
    host.callbacks.icount = icount;
    if (host_configure(&host, mode, path, NULL) != REPLAY_OK)
        return;
    replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    if (replay_start() == REPLAY_OK) {
        replay_mutex_lock();
        for (int i = 0; i < 5; i++) {
            uint64_t budget = replay_get_budget(3);
            __atomic_store_n(&host.icount, host.icount + budget, __ATOMIC_RELAXED);
            replay_account_executed_instructions();
            REPLAY_CLOCK(REPLAY_CLOCK_HOST, i);
        }
        replay_mutex_unlock();
    }
    replay_finish();
}

static void race(void *(*work)(void *)) {
    pthread_t threads[2];
    const char *path = test_path("log");
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    int64_t end = test_now_ns() + 2000000000;
    unsigned rounds = 0;
    for (; test_now_ns() < end || rounds < 4; rounds++)
        run_once(rounds % 2 ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD, path);
    atomic_store(&over, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    CHECK(atomic_load(&calls) > 0);
}

TEST_SLOW(a_device_plugged_in_without_the_lock_races_with_the_end_of_a_run, 60) {
    race(plug_in);
}

TEST_SLOW(values_saved_without_the_lock_race_with_the_end_of_a_run, 60) {
    race(save);
}

TEST_SLOW(values_loaded_without_the_lock_race_with_the_end_of_a_run, 60) {
    race(load);
}

/* ------------------------------------------------- a run that ends within a callback */

static atomic_bool is_waiting;

static void wait_for_the_end(void *opaque) {
    (void)opaque;
    if (replay_get_mode() == REPLAY_MODE_RECORD) {
        static bool is_done;
        if (!is_done)
            CHECK(replay_checkpoint(REPLAY_CHECKPOINT_RESET_REQUESTED));
        is_done = true;
        return;
    }
    atomic_store(&is_waiting, true);
    while (replay_get_mode() == REPLAY_MODE_PLAY)
        replay_wait(1000000);
}

static void *take_io_turn(void *unused) {
    replay_thread_attach(REPLAY_THREAD_IO);
    replay_mutex_lock();
    replay_start_warp_timer();
    replay_mutex_unlock();
    return unused;
}

TEST(a_run_may_end_while_a_callback_waits) {
    const char *path = test_path("log");
    for (int play = 0; play < 2; play++) {
        pthread_t io;
        host_init(&host);
        host.callbacks.handle_requests = wait_for_the_end;
        CHECK_STATUS(
            host_configure(&host, play ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD, path, NULL), OK);
        CHECK_STATUS(replay_start(), OK);
        pthread_create(&io, NULL, take_io_turn, NULL);
        while (play && !atomic_load(&is_waiting))
            usleep(1000);
        if (!play)
            pthread_join(io, NULL);
        replay_status_t status = replay_finish();
        CHECK(status == (play ? REPLAY_ERROR_STOPPED_SHORT : REPLAY_OK));
        if (play)
            pthread_join(io, NULL);
    }
}
