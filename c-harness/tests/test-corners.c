/* SPDX-License-Identifier: MIT */
/* What only hosts of an odd shape meet: news between two turns, two sessions in
 * one thread, timers at the end of time, calls from several threads at once. */
#include "block-host.h"

#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

static host_t host, other;
static disk_t disk;

/* ------------------------------------------------------------------ wake-ups */

TEST(a_notify_between_the_two_turns_of_one_thread_is_not_lost) {
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_RECORD; mode++) {
        host_begin(&host, mode, mode ? log_path() : NULL, NULL);
        host.idle = true;
        replay_start_warp_timer();
        replay_notify();
        replay_account_warp_timer();
        CHECK_STATUS(replay_wait(500000000), OK);
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(a_thread_of_two_sessions_does_not_miss_the_news_of_one) {
    host_t *hosts[2] = {&host, &other};
    const char *logs[2] = {"one.log", "two.log"};
    replay_session_t *sessions[2];
    for (int i = 0; i < 2; i++) {
        sessions[i] = replay_session_new();
        replay_session_push_current(sessions[i]);
        host_begin(hosts[i], REPLAY_MODE_RECORD, test_path(logs[i]), NULL);
        hosts[i]->idle = true;
        replay_session_pop_current();
    }
    for (int k = 0; k < 12; k++) {
        replay_session_push_current(sessions[1]);
        replay_start_warp_timer();
        replay_account_warp_timer();
        replay_notify();
        replay_session_push_current(sessions[0]);
        for (int j = 0; j <= k % 3; j++) {
            replay_start_warp_timer();
            replay_account_warp_timer();
            replay_notify();
        }
        replay_account_warp_timer();
        replay_session_pop_current();
        CHECK_STATUS(replay_wait(20000000), OK);
        replay_session_pop_current();
    }
}

static void *type_later(void *device) {
    test_sleep_ms(50);
    replay_chr_be_write(*(int32_t *)device, (const uint8_t *)"x", 1);
    return NULL;
}

static void count_bytes(void *opaque, const uint8_t *data, size_t length) {
    (void)data;
    atomic_fetch_add((atomic_int *)opaque, (int)length);
}

TEST(a_wait_without_a_log_ends_when_input_arrives) {
    atomic_int bytes = 0;
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_NONE, NULL, NULL), OK);
    int32_t device = replay_register_char_driver(count_bytes, &bytes);
    host_start(&host, 3);
    replay_account_warp_timer();
    pthread_t typist;
    REQUIRE(pthread_create(&typist, NULL, type_later, &device) == 0);
    CHECK_STATUS(replay_wait(5000000000), OK);
    pthread_join(typist, NULL);
    CHECK_EQ(bytes, 1);
    CHECK_STATUS(host_end(&host), OK);
}

/* -------------------------------------------------------------------- timers */

static void count_run(void *opaque) {
    atomic_fetch_add((atomic_int *)opaque, 1);
}

TEST(a_timer_at_the_end_of_time_writes_nothing_again_and_again) {
    atomic_int runs = 0;
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    replay_timer_t *timer = replay_timer_new(count_run, &runs);
    host_execute(&host, 3, 10);
    replay_timer_mod(timer, INT64_MAX);
    host.idle = true;
    for (int i = 0; i < 50; i++) {
        replay_start_warp_timer();
        replay_account_warp_timer();
    }
    CHECK_EQ(runs, 0);
    CHECK(host_info().events <= 4);
    host.idle = false;
    CHECK_STATUS(host_end(&host), OK);
}

/* --------------------------------------------------------------------- disks */

TEST(a_large_discard_takes_no_room) {
    const char *image = test_path("image"), *overlay = test_path("overlay");
    int64_t length = (int64_t)1 << 36;
    test_write_file(image, disk.bytes, 512);
    REQUIRE(truncate(image, (off_t)length) == 0);
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), "rrfull=go"), OK);
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.filename = image;
    config.overlay = REPLAY_BLOCK_OVERLAY_FILE;
    config.overlay_filename = overlay;
    replay_block_t *block = replay_block_open(&config, NULL);
    REQUIRE(block != NULL);
    host_start(&host, 3);
    done_t done = {.host = &host};
    CHECK_STATUS(replay_block_discard(block, 0, (uint64_t)length / 64, note_done, &done), OK);
    CHECK(wait_for(&host, &done));
    CHECK_EQ(done.result, 0);
    struct stat status;
    REQUIRE(stat(overlay, &status) == 0);
    CHECK(status.st_blocks * 512 < 1 << 20);
    uint8_t data[512] = {1};
    CHECK_EQ(read_now(&host, block, 4096, data, sizeof data), 0);
    CHECK_EQ(data[0], 0);
    CHECK_STATUS(host_end(&host), OK);
}

static replay_session_t *session_of_completion;
static void note_session(void *opaque, int32_t result) {
    session_of_completion = replay_session_get_current();
    note_done(opaque, result);
}

TEST(a_completion_finds_its_session_current_on_every_thread) {
    test_write_file(test_path("image"), disk.bytes, 4096);
    replay_session_t *session = replay_session_new();
    replay_session_push_current(session);
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_NONE, NULL, NULL), OK);
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.filename = test_path("image");
    replay_block_t *block = replay_block_open(&config, NULL);
    REQUIRE(block != NULL);
    host_start(&host, 3);
    done_t done = {.host = &host};
    static uint8_t data[512];
    struct iovec piece = {data, sizeof data};
    CHECK_STATUS(replay_block_read(block, 0, &piece, 1, 0, note_session, &done), OK);
    CHECK(wait_for(&host, &done));
    CHECK(session_of_completion == session);
    CHECK_STATUS(host_end(&host), OK);
    replay_session_pop_current();
}

TEST(a_completion_before_the_start_waits_for_it_in_both_modes) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        disk_fill(&disk);
        host_init(&host);
        REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
        replay_block_t *block = disk_open(&disk, REPLAY_BLOCK_OVERLAY_DEFAULT);
        replay_thread_attach(3);
        replay_mutex_lock();
        done_t done = {.host = &host};
        static uint8_t data[512];
        struct iovec piece = {data, sizeof data};
        CHECK_STATUS(replay_block_read(block, 0, &piece, 1, 0, note_done, &done), OK);
        test_sleep_ms(20);
        CHECK_EQ(done.runs, 0);
        REQUIRE_STATUS(replay_start(), OK);
        CHECK(wait_for(&host, &done));
        CHECK_EQ(done.runs, 1);
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
    }
}

/* ------------------------------------------------------------------- threads */

static atomic_bool is_over;
static void *query_for_ever(void *unused) {
    while (!is_over) {
        replay_info_t info = REPLAY_INFO_INIT;
        replay_query(&info);
    }
    return unused;
}

TEST(any_thread_may_query_while_completions_arrive) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        disk_fill(&disk);
        host_init(&host);
        REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
        replay_block_t *block = disk_open(&disk, REPLAY_BLOCK_OVERLAY_DEFAULT);
        host_start(&host, 3);
        is_over = false;
        pthread_t thread;
        REQUIRE(pthread_create(&thread, NULL, query_for_ever, NULL) == 0);
        static uint8_t data[512];
        for (int i = 0; i < 3000; i++)
            CHECK_EQ(read_now(&host, block, 512, data, sizeof data), 0);
        is_over = true;
        pthread_join(thread, NULL);
        if (mode == REPLAY_MODE_PLAY)
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
    }
}

static void *prepare(void *number) {
    for (int i = 0; i < 500; i++) {
        char key[32];
        snprintf(key, sizeof key, "key %d of %d", i, *(int *)number);
        if (replay_fingerprint(key, "value") != REPLAY_OK)
            break;
    }
    return NULL;
}

TEST(several_threads_may_prepare_a_machine) {
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    pthread_t threads[4];
    int numbers[4] = {0, 1, 2, 3};
    for (int i = 0; i < 4; i++)
        REQUIRE(pthread_create(&threads[i], NULL, prepare, &numbers[i]) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    host_start(&host, 3);
    CHECK_STATUS(host_end(&host), OK);
}

/* ------------------------------------------------------------- slow, and GLib */

static uint64_t slow_digest(void *opaque) {
    test_sleep_ms(600);
    return ((host_t *)opaque)->digest;
}

TEST(a_slow_digest_is_no_stall) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        host_init(&host);
        host.callbacks.digest = slow_digest;
        REQUIRE_STATUS(host_configure(&host, mode, log_path(), "rrdigest=100,rrstall=200"), OK);
        host_start(&host, 3);
        if (mode == REPLAY_MODE_RECORD)
            host_execute(&host, 3, 150);
        else
            CHECK(host_run_to_end(&host, 3));
        CHECK_STATUS(host_end(&host), OK);
    }
}

TEST(a_context_that_stays_attached_serves_the_next_run) {
    for (int run = 0; run < 2; run++) {
        host_init(&host);
        REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
        REQUIRE_STATUS(replay_start(), OK);
        if (run == 0)
            REQUIRE_STATUS(replay_glib_attach(NULL), OK);
        for (int i = 0; i < 3; i++) {
            replay_notify();
            g_main_context_iteration(NULL, FALSE);
        }
        CHECK(replay_mutex_locked());
        CHECK_ERROR(OK);
        CHECK_STATUS(replay_finish(), OK);
        for (int i = 0; i < 3; i++)
            g_main_context_iteration(NULL, FALSE);
    }
    CHECK_STATUS(replay_glib_detach(NULL), OK);
}

/* A main loop whose sources end what the disk has under way. */
static atomic_bool is_attached;
static void *iterate(void *context) {
    CHECK_STATUS(replay_glib_attach(context), OK);
    is_attached = true;
    while (!is_over)
        g_main_context_iteration(context, TRUE);
    CHECK_STATUS(replay_glib_detach(context), OK);
    return NULL;
}

static gboolean release(void *unused) {
    (void)unused;
    disk_release(&disk);
    return G_SOURCE_REMOVE;
}

TEST(closing_a_disk_lets_the_main_loop_end_its_requests) {
    disk_fill(&disk);
    disk.hold = true;
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    replay_block_t *block = disk_open(&disk, REPLAY_BLOCK_OVERLAY_DEFAULT);
    REQUIRE_STATUS(replay_start(), OK);
    GMainContext *context = g_main_context_new();
    pthread_t loop;
    REQUIRE(pthread_create(&loop, NULL, iterate, context) == 0);
    while (!is_attached)
        test_sleep_ms(1);
    replay_thread_attach(REPLAY_THREAD_VCPU);
    replay_mutex_lock();
    done_t done = {.host = &host};
    static uint8_t data[512];
    struct iovec piece = {data, sizeof data};
    CHECK_STATUS(replay_block_read(block, 0, &piece, 1, 0, note_done, &done), OK);
    GSource *source = g_idle_source_new();
    g_source_set_callback(source, release, NULL, NULL);
    g_source_attach(source, context);
    g_source_unref(source);
    CHECK_STATUS(replay_block_close(block), OK);
    CHECK_EQ(done.runs, 1);
    replay_mutex_unlock();
    is_over = true;
    g_main_context_wakeup(context);
    pthread_join(loop, NULL);
    g_main_context_unref(context);
    CHECK_STATUS(replay_finish(), OK);
}
