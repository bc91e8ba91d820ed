/* SPDX-License-Identifier: MIT */
/* rrend=live: at the end of a recording the machine goes on by itself, in mode NONE. */
#include "host.h"

/* A digest would be due after the end of the log, too. */
enum { END = 500, DIGESTS = 200 };

static uint64_t same_digest(void *opaque) {
    (void)opaque;
    return 7;
}

static void begin(host_t *host, replay_mode_t mode, const char *options) {
    host_init(host);
    host->callbacks.digest = same_digest;
    REQUIRE_STATUS(host_configure(host, mode, log_path(), options), OK);
    host_start(host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
}

static void record_to(replay_shutdown_cause_t cause) {
    static host_t host;
    char options[32];
    snprintf(options, sizeof options, "rrdigest=%d", DIGESTS);
    begin(&host, REPLAY_MODE_RECORD, options);
    host_execute(&host, REPLAY_THREAD_VCPU, END / 2);
    (void)REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 42);
    host_execute(&host, REPLAY_THREAD_VCPU, END / 2);
    if (cause != REPLAY_SHUTDOWN_NONE)
        CHECK_STATUS(replay_shutdown_request(cause), OK);
    CHECK_STATUS(host_end(&host), OK);
}

/** Goes on after the end, and finds the session in mode NONE. */
static void go_on(host_t *host) {
    int64_t limit = test_now_ns() + 5000000000;
    while (REPLAY_MODE() == REPLAY_MODE_PLAY && test_now_ns() < limit) {
        replay_turn();
        replay_get_budget(1);
    }
    CHECK_EQ(REPLAY_MODE(), REPLAY_MODE_NONE);
    CHECK_EQ(replay_get_mode(), REPLAY_MODE_NONE);
    CHECK_EQ(host->icount, END);
    CHECK_EQ(host->stops, 0);
    CHECK_EQ(host->shutdowns, 0);
    int64_t before = replay_get_virtual_clock();
    CHECK(before >= END);
    host_execute(host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO, 1000);
    CHECK_EQ(host->icount, END + 1000);
    CHECK(replay_get_virtual_clock() >= before + 1000);
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 77), 77);
    CHECK(replay_interrupt());
    CHECK_STATUS(host_end(host), OK);
}

static void play(host_t *host, const char *options) {
    begin(host, REPLAY_MODE_PLAY, options);
    host_execute(host, REPLAY_THREAD_VCPU, END / 2);
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 0), 42);
    host_execute(host, REPLAY_THREAD_VCPU, END / 2);
}

TEST(a_complete_recording_goes_on) {
    static host_t host;
    record_to(REPLAY_SHUTDOWN_NONE);
    play(&host, "rrend=live");
    go_on(&host);
}

TEST(a_recording_that_its_user_ended_goes_on) {
    static host_t host;
    record_to(REPLAY_SHUTDOWN_HOST_QUIT);
    play(&host, "rrend=live");
    go_on(&host);
}

TEST(without_the_option_it_stops) {
    static host_t host;
    record_to(REPLAY_SHUTDOWN_NONE);
    play(&host, "rrend=stop");
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    CHECK_EQ(host.stops, 1);
    CHECK_EQ(REPLAY_MODE(), REPLAY_MODE_PLAY);
    CHECK_STATUS(host_end(&host), OK);
}

TEST(what_the_guest_itself_ended_ends_again) {
    static host_t host;
    record_to(REPLAY_SHUTDOWN_GUEST_SHUTDOWN);
    play(&host, "rrend=live");
    CHECK_STATUS(replay_shutdown_request(REPLAY_SHUTDOWN_GUEST_SHUTDOWN), OK);
    CHECK_EQ(host.shutdowns, 1);
    CHECK_EQ(host.cause, REPLAY_SHUTDOWN_GUEST_SHUTDOWN);
    CHECK_STATUS(host_end(&host), OK);
}
