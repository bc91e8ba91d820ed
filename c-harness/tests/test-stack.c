/* SPDX-License-Identifier: MIT */
/* How much stack the library needs: threads with a small stack call everything, failing paths
 * included. The deepest byte that was touched is measured, and then a stack of that stated size is
 * enough. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "block-host.h"

#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAINTED_BYTES = 512 * 1024, PAINT = 0xA5 };

static host_t host;
static disk_t disk;
static replay_net_t *net;

static void no_input(void *opaque, const replay_input_event_t *event) {
    (void)opaque, (void)event;
}

static uint64_t digest(void *opaque) {
    (void)opaque;
    return host.icount / 1000000;
}

/* ------------------------------------------------------------------ everything */

static replay_block_t *prepare(replay_mode_t mode, const char *options) {
    host_init(&host);
    host.callbacks.input = no_input;
    host.callbacks.input_sync = ignore;
    host.callbacks.digest = digest;
    REQUIRE_STATUS(host_configure(&host, mode, test_path("log"), options), OK);
    replay_thread_attach(3);
    replay_fingerprint("ram", "128M");
    replay_register_char_driver(ignore_data, NULL);
    net = replay_register_net(ignore_packet, NULL);
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    replay_block_backend_t backend = disk_backend();
    config.backend = &backend, config.opaque = &disk;
    replay_block_t *block = replay_block_open(&config, NULL);
    REQUIRE(block != NULL);
    return block;
}

static void run(replay_mode_t mode, replay_block_t *block) {
    bool plays = mode == REPLAY_MODE_PLAY;
    static uint8_t bytes[4096];
    struct iovec pieces[] = {{bytes, 1000}, {bytes, 24}};
    memset(bytes, 0, sizeof bytes);
    replay_mutex_lock();
    replay_timer_t *timer = replay_timer_new(ignore, NULL);
    for (unsigned i = 0; i < 20 && !host_stopped(&host); i++) {
        replay_input_event_t key = {REPLAY_INPUT_KEY, 4, 0, 0, 0, 1};
        if (!plays) {
            replay_chr_be_write(0, bytes, i == 5 ? sizeof bytes : 100);
            replay_net_packet_event(net, 0, pieces, 2);
            replay_input_event(&key);
            replay_input_sync_event();
        }
        replay_timer_mod(timer, replay_get_virtual_clock() + 5);
        replay_bh_schedule_event(ignore, NULL);
        replay_block_read(block, 512, pieces, 2, 0, ignore_result, NULL);
        replay_block_write(block, 1024, pieces, 2, 0, ignore_result, NULL);
        replay_block_zeroes(block, 4096, 512, 0, ignore_result, NULL);
        replay_block_flush(block, ignore_result, NULL);
        host_execute(&host, 3, 10);
        (void)REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, (int64_t)i);
        if (plays)
            replay_read_random(bytes, 64);
        else
            replay_save_random(0, bytes, 64);
        CHECK(replay_interrupt() || host_stopped(&host));
        replay_checkpoint(REPLAY_CHECKPOINT_RESET);
        replay_info_t info = REPLAY_INFO_INIT;
        replay_query(&info);
        replay_mutex_unlock();
        replay_mutex_lock();
        replay_turn();
        replay_wait(1);
    }
    if (plays)
        host_run_to_end(&host, 3);
    replay_mutex_unlock();
}

static void record(void) {
    replay_block_t *block = prepare(REPLAY_MODE_RECORD, "rrsegment=1024,rrdigest=20");
    CHECK_STATUS(replay_start(), OK);
    run(REPLAY_MODE_RECORD, block);
    CHECK_STATUS(replay_finish(), OK);
}

static void play(void) {
    replay_block_t *block = prepare(REPLAY_MODE_PLAY, NULL);
    CHECK_STATUS(replay_start(), OK);
    run(REPLAY_MODE_PLAY, block);
    CHECK_STATUS(replay_finish(), OK);
}

static void diverge(void) {
    prepare(REPLAY_MODE_PLAY, "rrlint=on");
    CHECK_STATUS(replay_start(), OK);
    replay_mutex_lock();
    replay_read_clock(REPLAY_CLOCK_HOST, host.icount);
    CHECK_EQ(host.stops, 1);
    replay_mutex_unlock();
    CHECK_STATUS(replay_finish(), ERROR_DIVERGENCE);
}

static void differ(void) {
    prepare(REPLAY_MODE_PLAY, NULL);
    replay_fingerprint("ram", "64M");
    CHECK_STATUS(replay_start(), ERROR_FINGERPRINT);
    CHECK_STATUS(replay_finish(), ERROR_FINGERPRINT);
}

static void misuse(void) {
    static replay_error_t error = REPLAY_ERROR_INIT;
    CHECK(host_configure(&host, REPLAY_MODE_RECORD, test_path("log"), "shift=77") < 0);
    CHECK(host_configure(&host, REPLAY_MODE_PLAY, test_path("missing"), NULL) < 0);
    CHECK(host_configure(&host, REPLAY_MODE_PLAY, "/dev/null", NULL) < 0);
    prepare(REPLAY_MODE_RECORD, "rrlint=on");
    replay_interrupt();
    replay_mutex_unlock();
    replay_block_close((replay_block_t *)&host);
    replay_timer_mod((replay_timer_t *)&host, 5);
    replay_last_error(&error);
    CHECK_STATUS(replay_finish(), OK);
    replay_session_t *session = replay_session_new();
    replay_session_push_current(session);
    replay_finish();
    replay_session_pop_current();
    CHECK_STATUS(replay_session_free(session), OK);
}

static void none(void) {
    replay_block_t *block = prepare(REPLAY_MODE_NONE, NULL);
    CHECK_STATUS(replay_start(), OK);
    static uint8_t bytes[512];
    struct iovec piece = {bytes, sizeof bytes};
    replay_block_read(block, 0, &piece, 1, 0, ignore_result, NULL);
    replay_chr_be_write(0, bytes, 100);
    replay_turn();
    CHECK_STATUS(replay_finish(), OK);
}

typedef struct {
    const char *name;
    void (*run)(void);
} part_t;

static void idle(void) {}

static const part_t parts[] = {
    {"record", record}, {"play", play}, {"diverge", diverge}, {"differ", differ},
    {"misuse", misuse}, {"none", none}, {"idle", idle},
};
enum { PARTS = sizeof parts / sizeof *parts };

static void *run_part(void *part) {
    ((part_t *)part)->run();
    return NULL;
}

static void in_thread(pthread_attr_t *attributes, const part_t *part) {
    pthread_t thread;
    REQUIRE(pthread_create(&thread, attributes, run_part, (void *)part) == 0);
    pthread_join(thread, NULL);
}

/* -------------------------------------------------------------------- cases */

static size_t bytes_touched(const part_t *part) {
    uint8_t *stack = mmap(NULL, PAINTED_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    REQUIRE(stack != MAP_FAILED);
    memset(stack, PAINT, PAINTED_BYTES);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    REQUIRE(pthread_attr_setstack(&attributes, stack, PAINTED_BYTES) == 0);
    in_thread(&attributes, part);
    size_t untouched = 0;
    while (untouched < PAINTED_BYTES && stack[untouched] == PAINT)
        untouched++;
    munmap(stack, PAINTED_BYTES);
    return PAINTED_BYTES - untouched;
}

TEST(no_call_needs_more_stack_than_is_stated) {
    disk_fill(&disk);
    for (unsigned i = 0; i < PARTS; i++) {
        size_t touched = bytes_touched(&parts[i]);
        printf("    %s: %zu bytes of stack\n", parts[i].name, touched);
        if (touched > REPLAY_STACK_BYTES)
            test_fail(TEST_HERE, "%s needs %zu bytes of stack", parts[i].name, touched);
    }
}

TEST(a_stack_of_the_stated_size_is_enough) {
    disk_fill(&disk);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    REQUIRE(pthread_attr_setstacksize(&attributes, REPLAY_STACK_BYTES) == 0);
    for (unsigned i = 0; i < PARTS; i++)
        in_thread(&attributes, &parts[i]);
}
