/* SPDX-License-Identifier: MIT */
#include "host.h"

const char *log_path(void) {
    return test_path("run.log");
}

void ignore(void *opaque) {
    (void)opaque;
}

void ignore_data(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque, (void)data, (void)length;
}

void ignore_packet(void *opaque, uint32_t flags, const uint8_t *data, size_t length) {
    (void)opaque, (void)flags, (void)data, (void)length;
}

void ignore_result(void *opaque, int32_t result) {
    (void)opaque, (void)result;
}

/* --------------------------------------------------------------- callbacks */

static uint64_t get_icount(void *opaque) {
    return ((host_t *)opaque)->icount;
}

static bool is_idle(void *opaque) {
    return ((host_t *)opaque)->idle;
}

static bool is_running(void *opaque) {
    return !((host_t *)opaque)->paused;
}

static void count_kick(void *opaque) {
    atomic_fetch_add(&((host_t *)opaque)->kicks, 1);
}

static void count_io_wake(void *opaque) {
    atomic_fetch_add(&((host_t *)opaque)->io_wakes, 1);
}

static void note_stop(void *opaque, replay_stop_reason_t reason, const replay_error_t *error) {
    host_t *host = opaque;
    pthread_mutex_lock(&host->guard);
    if (atomic_load(&host->stops) == 0) {
        host->stop_reason = reason;
        host->stop_had_error = error != NULL;
        if (error)
            host->stop_error = *error;
        host->stop_ns = test_now_ns();
    }
    pthread_mutex_unlock(&host->guard);
    atomic_fetch_add(&host->stops, 1);
}

static void note_shutdown(void *opaque, replay_shutdown_cause_t cause) {
    host_t *host = opaque;
    host->cause = cause;
    atomic_fetch_add(&host->shutdowns, 1);
}

static void note_message(void *opaque, replay_message_level_t level, const char *text) {
    host_t *host = opaque;
    pthread_mutex_lock(&host->guard);
    snprintf(host->last_message, sizeof host->last_message, "%s", text);
    size_t used = strlen(host->text);
    snprintf(host->text + used, sizeof host->text - used, "%s\n", text);
    pthread_mutex_unlock(&host->guard);
    atomic_fetch_add(&host->messages, 1);
    if (level == REPLAY_MESSAGE_ERROR)
        atomic_fetch_add(&host->error_messages, 1);
}

void host_init(host_t *host) {
    memset(host, 0, sizeof *host);
    pthread_mutex_init(&host->guard, NULL);
    replay_host_t callbacks = REPLAY_HOST_INIT;
    callbacks.icount = get_icount;
    callbacks.cpus_idle = is_idle;
    callbacks.machine_running = is_running;
    callbacks.kick = count_kick;
    callbacks.wake_io = count_io_wake;
    callbacks.stop = note_stop;
    callbacks.shutdown = note_shutdown;
    callbacks.message = note_message;
    host->callbacks = callbacks;
    host->limit_ns = 10000000000;
}

/* -------------------------------------------------------------------- life */

replay_config_t host_config(host_t *host, replay_mode_t mode, const char *path,
                            const char *options) {
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.mode = mode;
    config.host = &host->callbacks;
    config.opaque = host;
    config.filename = path;
    config.options = options;
    return config;
}

replay_status_t host_configure(host_t *host, replay_mode_t mode, const char *path,
                               const char *options) {
    replay_config_t config = host_config(host, mode, path, options);
    return replay_configure(&config);
}

void host_start(host_t *host, replay_role_t roles) {
    (void)host;
    REQUIRE_STATUS(replay_thread_attach(roles), OK);
    replay_status_t status = replay_start();
    if (status != REPLAY_OK) {
        test_fail(TEST_HERE, "replay_start(): %s: %s", test_status_name(status),
                  host_last_error().message);
        test_abandon();
    }
    REQUIRE_STATUS(replay_mutex_lock(), OK);
}

void host_begin(host_t *host, replay_mode_t mode, const char *path, const char *options) {
    host_init(host);
    replay_status_t status = host_configure(host, mode, path, options);
    if (status != REPLAY_OK) {
        test_fail(TEST_HERE, "replay_configure(%s): %s: %s", options ? options : "",
                  test_status_name(status), host_last_error().message);
        test_abandon();
    }
    host_start(host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
}

replay_status_t host_end(host_t *host) {
    (void)host;
    CHECK_STATUS(replay_mutex_unlock(), OK);
    return replay_finish();
}

/* --------------------------------------------------------------------- run */

bool host_stopped(host_t *host) {
    return atomic_load(&host->stops) > 0;
}

bool host_again(host_t *host, replay_role_t roles, int64_t since) {
    if (host_stopped(host))
        return false;
    if (roles & REPLAY_THREAD_IO)
        replay_start_warp_timer();
    if (roles & REPLAY_THREAD_VCPU)
        replay_account_warp_timer();
    if (host_stopped(host))
        return false;
    if (test_now_ns() - since > host->limit_ns) {
        host->hung = true;
        return false;
    }
    return true;
}

bool host_execute(host_t *host, replay_role_t roles, uint64_t n) {
    int64_t since = test_now_ns();
    while (n > 0 && !host_stopped(host)) {
        uint64_t budget = replay_get_budget(n);
        if (budget == 0) {
            if (!host_again(host, roles, since))
                break;
            if (replay_get_budget(n) == 0 && !host_stopped(host))
                replay_wait(20000000);
            continue;
        }
        if (budget > n) {
            test_fail(TEST_HERE, "a budget of %llu was given where at most %llu was asked",
                      (unsigned long long)budget, (unsigned long long)n);
            budget = n;
        }
        host->icount += budget;
        n -= budget;
        replay_account_executed_instructions();
        since = test_now_ns();
    }
    return n == 0;
}

bool host_run_to_end(host_t *host, replay_role_t roles) {
    int64_t since = test_now_ns();
    while (!host_stopped(host)) {
        uint64_t budget = replay_get_budget(1000);
        if (budget > 0) {
            host->icount += budget;
            replay_account_executed_instructions();
            since = test_now_ns();
        } else {
            if (!host_again(host, roles, since))
                break;
            if (replay_get_budget(1) == 0 && !host_stopped(host))
                replay_wait(20000000);
        }
    }
    return host_stopped(host);
}

replay_status_t host_stop_status(host_t *host) {
    pthread_mutex_lock(&host->guard);
    replay_status_t status = host->stop_had_error ? host->stop_error.status : REPLAY_OK;
    pthread_mutex_unlock(&host->guard);
    return status;
}

replay_error_t host_last_error(void) {
    replay_error_t error = REPLAY_ERROR_INIT;
    replay_last_error(&error);
    return error;
}

replay_info_t host_info(void) {
    replay_info_t info = REPLAY_INFO_INIT;
    replay_query(&info);
    return info;
}
