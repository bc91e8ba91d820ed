/* SPDX-License-Identifier: MIT */
#include "watched-host.h"

host_t watched;
atomic_bool ended;

size_t received;
static void receive(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque;
    for (size_t i = 0; i < length; i += 4096)
        received += data[i] == (uint8_t)(i >> 12);
}

replay_status_t watched_begin(replay_mode_t mode, const char *options) {
    atomic_store(&ended, false);
    replay_status_t status = host_configure(&watched, mode, mode ? log_path() : NULL, options);
    if (status != REPLAY_OK)
        return status;
    CHECK_EQ(replay_register_char_driver(receive, NULL), 0);
    return replay_start();
}

bool watched_reported(void) {
    for (int i = 0; i < 500; i++) {
        if (host_stopped(&watched) || atomic_load(&watched.messages) > 0)
            return true;
        test_sleep_ms(10);
    }
    return false;
}

_Atomic int64_t expire_ns;
static int64_t deadline(void *opaque, replay_timer_clock_t clock) {
    (void)opaque;
    int64_t expire = expire_ns; /* in mode NONE a different thread may set it meanwhile */
    if (clock != REPLAY_TIMERS_VIRTUAL || expire == 0)
        return -1;
    int64_t left = expire - replay_get_virtual_clock();
    return left > 0 ? left : 0;
}
atomic_int timer_runs;
int64_t ran_at;
static void run_timers(void *opaque, replay_timer_clock_t clock) {
    (void)opaque;
    if (clock != REPLAY_TIMERS_VIRTUAL)
        return;
    ran_at = replay_get_virtual_clock();
    expire_ns = 0;
    watched.idle = false;
    atomic_fetch_add(&timer_runs, 1);
}

void watched_set_timer(int64_t expire) {
    watched.callbacks.deadline_ns = deadline;
    watched.callbacks.run_timers = run_timers;
    expire_ns = expire;
}

void *sleep_in_the_library(void *opaque) {
    replay_thread_attach(REPLAY_THREAD_VCPU);
    replay_mutex_lock();
    while (!atomic_load(&ended)) {
        replay_account_warp_timer();
        replay_wait(50000000);
    }
    replay_mutex_unlock();
    return opaque;
}
void *sleep_elsewhere(void *opaque) {
    replay_thread_attach(REPLAY_THREAD_VCPU);
    while (!atomic_load(&ended))
        test_sleep_ms(10);
    return opaque;
}
