/* SPDX-License-Identifier: MIT */
/* Other threads call every function that is tagged [any], all the time, while one thread
 * configures, starts, runs and finishes in each mode. The thread sanitizer watches. */
#include "block-host.h"

static host_t host;
static disk_t disk;
static atomic_bool over;
static atomic_ulong calls;
static _Atomic(replay_block_t *) opened;
static _Atomic(replay_net_t *) filter;

static void got_input(void *opaque, const replay_input_event_t *event) {
    (void)opaque, (void)event;
}

static uint64_t icount(void *opaque) {
    host_t *mine = opaque;
    return __atomic_load_n(&mine->icount, __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------- other threads */

static void *ask(void *unused) {
    while (!atomic_load(&over)) {
        replay_info_t info = REPLAY_INFO_INIT;
        CHECK_STATUS(replay_query(&info), OK);
        CHECK(info.mode >= REPLAY_MODE_NONE && info.mode <= REPLAY_MODE_PLAY);
        replay_error_t error = REPLAY_ERROR_INIT;
        replay_last_error(&error);
        (void)replay_get_filename();
        (void)replay_get_mode();
        (void)replay_events_enabled();
        (void)replay_mutex_locked();
        (void)replay_get_virtual_clock();
        (void)replay_get_current_icount();
        (void)replay_session_get_current();
        (void)replay_block_length(atomic_load(&opened));
        atomic_fetch_add(&calls, 1);
    }
    return unused;
}

static void *post(void *unused) {
    while (!atomic_load(&over)) {
        uint8_t bytes[3] = {1, 2, 3};
        struct iovec piece = {bytes, sizeof bytes};
        replay_input_event_t key = {REPLAY_INPUT_KEY, 4, 0, 0, 0, 1};
        replay_chr_be_write(0, bytes, sizeof bytes);
        replay_input_event(&key);
        replay_input_sync_event();
        replay_net_packet_event(atomic_load(&filter), 0, &piece, 1);
        replay_block_complete((replay_block_request_t *)&over, 0);
        replay_notify();
        replay_run_stop();
        replay_block_event(ignore, NULL, UINT64_MAX - 1);
        replay_block_event_result(ignore_result, NULL, UINT64_MAX - 2, 3, &piece, 1);
        atomic_fetch_add(&calls, 1);
        test_sleep_ms(1);
    }
    return unused;
}

static void *prepare(void *unused) {
    for (unsigned n = 0; !atomic_load(&over); n++) {
        char key[40];
        snprintf(key, sizeof key, "device %u", n % 7);
        replay_fingerprint(key, "a value that is longer than a few bytes");
        if (replay_register_net(ignore_packet, NULL) == NULL)
            test_sleep_ms(1);
        replay_register_char_driver(ignore_data, NULL);
        if (n % 1024 == 1023)
            replay_add_blocker("a device that comes late");
        replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
        replay_block_backend_t backend = disk_backend();
        config.backend = &backend, config.opaque = &disk;
        if (n % 8 == 0)
            replay_block_open(&config, NULL);
        atomic_fetch_add(&calls, 1);
    }
    return unused;
}

static void *lock(void *unused) {
    while (!atomic_load(&over)) {
        replay_thread_attach(REPLAY_THREAD_IO);
        if (replay_mutex_lock() == REPLAY_OK)
            replay_mutex_unlock();
        (void)replay_is_due();
        replay_session_t *session = replay_session_new();
        CHECK_STATUS(replay_session_push_current(session), OK);
        CHECK_STATUS(replay_session_pop_current(), OK);
        CHECK_STATUS(replay_session_free(session), OK);
        CHECK_STR(replay_status_name(REPLAY_OK), "OK");
        CHECK(replay_plugin_query(REPLAY_ABI_VERSION) != NULL);
        atomic_fetch_add(&calls, 1);
    }
    return unused;
}

/* ------------------------------------------------------------------ a machine */

static void run_once(replay_mode_t mode, const char *path, replay_block_overlay_t overlay) {
    host_init(&host);
    host.callbacks.icount = icount;
    host.callbacks.input = got_input;
    host.callbacks.input_sync = ignore;
    if (host_configure(&host, mode, path, "rrsegment=256,rrstall=5000") != REPLAY_OK)
        return;
    replay_register_char_driver(ignore_data, NULL);
    atomic_store(&filter, replay_register_net(ignore_packet, NULL));
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    replay_block_backend_t backend = disk_backend();
    config.name = "mine", config.backend = &backend, config.opaque = &disk;
    config.overlay = overlay;
    disk.by_thread = true;
    replay_block_t *block = replay_block_open(&config, NULL);
    atomic_store(&opened, block);
    replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    if (block && replay_start() == REPLAY_OK) {
        static uint8_t sector[512];
        struct iovec piece = {sector, sizeof sector};
        replay_mutex_lock();
        for (unsigned i = 0; i < 30 && !host_stopped(&host); i++) {
            if (i % 8 == 0 && mode != REPLAY_MODE_PLAY)
                replay_block_read(block, 0, &piece, 1, 0, ignore_result, NULL);
            uint64_t budget = replay_get_budget(3);
            __atomic_store_n(&host.icount, host.icount + budget, __ATOMIC_RELAXED);
            replay_account_executed_instructions();
            if (mode == REPLAY_MODE_RECORD)
                replay_save_clock(REPLAY_CLOCK_HOST, i, host.icount);
            replay_start_warp_timer();
            replay_account_warp_timer();
            if (i % 10 == 9) {
                replay_mutex_unlock();
                test_sleep_ms(1);
                replay_mutex_lock();
            }
        }
        replay_mutex_unlock();
    }
    replay_finish();
}

TEST_SLOW(every_function_for_any_thread_races_with_the_life_of_a_session, 120) {
    pthread_t threads[5];
    void *(*const works[5])(void *) = {ask, post, prepare, lock, ask};
    disk_fill(&disk);
    const char *path = test_path("log");
    for (int i = 0; i < 5; i++)
        pthread_create(&threads[i], NULL, works[i], NULL);
    int64_t end = test_now_ns() + 6000000000;
    unsigned rounds = 0;
    for (; test_now_ns() < end; rounds++)
        run_once((replay_mode_t)(rounds % 3), path,
                 rounds % 2 ? REPLAY_BLOCK_OVERLAY_OFF : REPLAY_BLOCK_OVERLAY_DEFAULT);
    atomic_store(&over, true);
    for (int i = 0; i < 5; i++)
        pthread_join(threads[i], NULL);
    CHECK(rounds > 10);
    CHECK(atomic_load(&calls) > rounds);
}

/* A device's thread says what it is while the main thread starts: its word counts, or it is
 * refused, and a replay finds the same fields. */
static atomic_int reported;

static void *tell(void *unused) {
    for (int i = 0; i < 200; i++) {
        char key[48];
        snprintf(key, sizeof key, "device number %d of the machine", i);
        if (replay_fingerprint(key, "a value that does not fit inline") == REPLAY_OK)
            atomic_fetch_add(&reported, 1);
    }
    return unused;
}

TEST_SLOW(what_a_device_says_while_the_session_starts_counts_or_is_refused, 60) {
    for (int round = 0; round < 100; round++) {
        pthread_t thread;
        host_init(&host);
        REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, test_path("log"), NULL), OK);
        atomic_store(&reported, 0);
        pthread_create(&thread, NULL, tell, NULL);
        for (int i = 0; i < round * 100; i++)
            (void)replay_get_mode();
        CHECK_STATUS(replay_start(), OK);
        pthread_join(thread, NULL);
        CHECK_STATUS(replay_finish(), OK);
        host_init(&host);
        REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_PLAY, test_path("log"), NULL), OK);
        for (int i = 0; i < atomic_load(&reported); i++) {
            char key[48];
            snprintf(key, sizeof key, "device number %d of the machine", i);
            CHECK_STATUS(replay_fingerprint(key, "a value that does not fit inline"), OK);
        }
        CHECK_STATUS(replay_start(), OK);
        replay_finish();
    }
}
