/* SPDX-License-Identifier: MIT */
/* Memory runs out at the nth allocation, for every n, while a machine is recorded and while it is
 * replayed. Whatever the guest got is in the log, or the recording ends there; and a replay gives
 * it the same, or ends with the error. */
#include "block-host.h"

enum { STEPS = 12, MOST_NOTES = 400, LONG_INPUT = 40000, DISK_READ = 8192 };

/* The library calls it for each allocation. */
bool replay_test_fails_allocation(size_t size);

static atomic_long allocations, fails_at;

bool replay_test_fails_allocation(size_t size) {
    (void)size;
    return atomic_fetch_add(&allocations, 1) + 1 == atomic_load(&fails_at);
}

/* ------------------------------------------------------------ what a guest got */

typedef struct {
    uint64_t notes[MOST_NOTES];
    unsigned count;
} story_t;

static host_t host;
static disk_t disk;
static story_t story;
static replay_status_t refused; /* the first status of a call that was not OK */

static uint64_t fold(const void *data, size_t length) {
    uint64_t sum = length;
    for (size_t i = 0; i < length; i++)
        sum = sum * 31 + ((const uint8_t *)data)[i];
    return sum;
}

/* A guest that was stopped gets nothing that counts. */
static void got(uint64_t kind, const void *data, size_t length) {
    if (!host_stopped(&host) && story.count < MOST_NOTES)
        story.notes[story.count++] = kind << 56 ^ fold(data, length);
    host.digest = fold(story.notes, story.count * sizeof story.notes[0]);
}

static void got_char(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque;
    got(1, data, length);
}

static void got_packet(void *opaque, uint32_t flags, const uint8_t *data, size_t length) {
    (void)opaque, (void)flags;
    got(2, data, length);
}

static void got_bottom_half(void *opaque) {
    got(3, opaque, 1);
}

static uint8_t block[DISK_READ];

static void got_block(void *opaque, int32_t result) {
    (void)opaque;
    got(4, block, result < 0 ? 0 : sizeof block);
}

static void got_nothing(void *opaque, int32_t result) {
    (void)opaque;
    got(5, &result, sizeof result);
}

static uint64_t digest(void *opaque) {
    (void)opaque;
    return host.digest;
}

/* ------------------------------------------------------------------ a machine */

static bool took(replay_status_t status) {
    if (status < 0 && refused == REPLAY_OK)
        refused = status;
    return status == REPLAY_OK && !host_stopped(&host);
}

static void random_number(bool plays, unsigned step) {
    uint8_t bytes[32];
    memset(bytes, (int)step + 1, sizeof bytes);
    replay_status_t status = plays ? replay_read_random(bytes, sizeof bytes)
                                   : replay_save_random(0, bytes, sizeof bytes);
    if (took(status))
        got(6, bytes, sizeof bytes);
}

static void clock_reading(bool plays, unsigned step) {
    int64_t value = plays ? replay_read_clock(REPLAY_CLOCK_HOST, host.icount)
                          : replay_save_clock(REPLAY_CLOCK_HOST, step * 1000, host.icount);
    got(7, &value, sizeof value);
}

static void microphone(bool plays, unsigned step) {
    size_t count = plays ? 0 : 40;
    if (!took(replay_audio_in_start(&count)))
        return;
    uint64_t samples[40][2] = {{0}};
    for (size_t i = 0; i < count && i < 40; i++) {
        samples[i][0] = step, samples[i][1] = i;
        if (!took(replay_audio_in_sample_lr(&samples[i][0], &samples[i][1])))
            return;
    }
    if (took(replay_audio_in_finish()))
        got(8, samples, sizeof samples);
}

static void outside(int32_t device, replay_net_t *net, unsigned step) {
    static uint8_t input[LONG_INPUT];
    memset(input, (int)step, sizeof input);
    took(replay_chr_be_write(device, input, step == 4 ? sizeof input : step + 1));
    struct iovec pieces[] = {{input, 20}, {input, step}};
    took(replay_net_packet_event(net, 0, pieces, 2));
}

static void requests(replay_block_t *opened, unsigned step) {
    static uint8_t letters[] = "abcdefghijklmnop";
    took(replay_bh_schedule_event(got_bottom_half, &letters[step]));
    struct iovec piece = {block, sizeof block};
    took(replay_block_read(opened, step * 4096, &piece, 1, 0, got_block, NULL));
    uint8_t written[512];
    memset(written, (int)step, sizeof written);
    struct iovec other = {written, sizeof written};
    took(replay_block_write(opened, step * 8192, &other, 1, 0, got_nothing, NULL));
}

/* Runs the machine once. @return what ended it: the status of configure, start or finish. */
static replay_status_t run(replay_mode_t mode, const char *path) {
    bool plays = mode == REPLAY_MODE_PLAY;
    memset(&story, 0, sizeof story);
    host_init(&host);
    host.callbacks.digest = digest;
    refused = REPLAY_OK;
    disk_fill(&disk);
    atomic_store(&allocations, 0);
    replay_status_t status = host_configure(&host, mode, path, "rrsegment=4096,rrdata=on");
    if (status != REPLAY_OK)
        return status;
    replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    replay_mutex_lock();
    int32_t device = replay_register_char_driver(got_char, NULL);
    replay_net_t *net = replay_register_net(got_packet, NULL);
    replay_block_backend_t backend = disk_backend();
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.backend = &backend, config.opaque = &disk;
    replay_block_t *opened = replay_block_open(&config, &status);
    if (opened)
        status = replay_start();
    for (unsigned step = 0; status == REPLAY_OK && step < STEPS && !host_stopped(&host); step++) {
        if (!plays)
            outside(device, net, step);
        requests(opened, step);
        host_execute(&host, 3, 1);
        random_number(plays, step);
        host_execute(&host, 3, 1);
        clock_reading(plays, step);
        host_execute(&host, 3, 1);
        microphone(plays, step);
        host_execute(&host, 3, 10);
        replay_account_warp_timer();
    }
    if (plays && status == REPLAY_OK)
        host_run_to_end(&host, 3);
    replay_mutex_unlock();
    replay_status_t finished = replay_finish();
    return status != REPLAY_OK ? status : finished;
}

static long count_of_last_run(void) {
    return atomic_load(&allocations);
}

static bool same_beginning(const story_t *part, const story_t *whole) {
    return part->count <= whole->count &&
           memcmp(part->notes, whole->notes, part->count * sizeof part->notes[0]) == 0;
}

/* ---------------------------------------------------------------------- cases */

TEST_SLOW(whatever_the_guest_got_is_in_the_log_when_the_nth_allocation_fails, 120) {
    const char *path = test_path("log");
    atomic_store(&fails_at, 0);
    REQUIRE_STATUS(run(REPLAY_MODE_RECORD, path), OK);
    long all = count_of_last_run();
    REQUIRE(all > 50);
    unsigned ended = 0, whole = story.count;
    for (long n = 1; n <= all + 3; n++) {
        test_note("recording: allocation %ld of %ld fails", n, all);
        atomic_store(&fails_at, n);
        replay_status_t recorded = run(REPLAY_MODE_RECORD, path);
        bool was_configured = host_stopped(&host) || story.count > 0;
        story_t guest = story;
        atomic_store(&fails_at, 0);
        CHECK(recorded == REPLAY_OK || recorded == REPLAY_ERROR_NO_MEMORY);
        CHECK(n > all || recorded == REPLAY_ERROR_NO_MEMORY || refused == REPLAY_ERROR_NO_MEMORY ||
              guest.count > 0);
        if (!was_configured)
            continue;
        if (recorded != REPLAY_OK)
            ended++;
        /* What fails at the end is in the status of replay_finish(). */
        CHECK(recorded == REPLAY_OK || atomic_load(&host.stops) == 1 || guest.count >= whole);
        CHECK_EQ(atomic_load(&host.error_messages), atomic_load(&host.stops));
        char recorder[HOST_TEXT_BYTES];
        snprintf(recorder, sizeof recorder, "%s", host.text);
        CHECK_STATUS_IS(run(REPLAY_MODE_PLAY, path),
                        recorded == REPLAY_OK ? REPLAY_OK : REPLAY_ERROR_LOG_CUT);
        CHECK_EQ(story.count, guest.count);
        CHECK(same_beginning(&guest, &story));
        if (test_failures() > 0) {
            test_fail(TEST_HERE, "allocation %ld of %ld; recorder: %s; replay: %s", n, all,
                      recorder, host.text);
            return;
        }
    }
    CHECK(ended > 10);
}

TEST_SLOW(a_replay_ends_with_the_error_when_the_nth_allocation_fails, 120) {
    const char *path = test_path("log");
    atomic_store(&fails_at, 0);
    REQUIRE_STATUS(run(REPLAY_MODE_RECORD, path), OK);
    story_t guest = story;
    REQUIRE_STATUS(run(REPLAY_MODE_PLAY, path), OK);
    CHECK_EQ(story.count, guest.count);
    long all = count_of_last_run();
    REQUIRE(all > 50);
    unsigned ended = 0;
    for (long n = 1; n <= all + 3; n++) {
        test_note("replay: allocation %ld of %ld fails", n, all);
        atomic_store(&fails_at, n);
        replay_status_t played = run(REPLAY_MODE_PLAY, path);
        CHECK(played == REPLAY_OK || played == REPLAY_ERROR_NO_MEMORY);
        CHECK(same_beginning(&story, &guest));
        if (played == REPLAY_OK)
            CHECK_EQ(story.count, guest.count);
        else
            ended++;
        if (test_failures() > 0)
            return;
    }
    CHECK(ended > 30);
}

TEST(a_guest_may_go_on_unrecorded_when_memory_runs_out) {
    host_begin(&host, REPLAY_MODE_RECORD, test_path("log"), "rrfull=go");
    memset(&story, 0, sizeof story);
    int64_t count = 0;
    for (int i = 0; i < 3; i++) {
        atomic_store(&allocations, 0);
        atomic_store(&fails_at, i == 1);
        count += replay_bh_schedule_event(got_bottom_half, "x") == REPLAY_OK;
        atomic_store(&fails_at, 0);
        host_execute(&host, 3, 10);
        replay_account_warp_timer();
    }
    CHECK_EQ(count, 2);
    CHECK_EQ(story.count, 2);
    CHECK(!host_stopped(&host));
    CHECK_HAS(host.text, "memory ran out for a bottom half; the guest continues unrecorded");
    CHECK_STATUS(host_end(&host), ERROR_NO_MEMORY);
}
