/* SPDX-License-Identifier: MIT */
/* A session's life, its errors, and the host's handles. */
#include <stdio.h>
#include <stdlib.h>

#include "replay-options.h"
#include "stubs.h"

replay_stub_t replay_stub = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                             .error_mutex = PTHREAD_MUTEX_INITIALIZER,
                             .changed = PTHREAD_COND_INITIALIZER,
                             .sleeps = true};
_Thread_local replay_stub_thread_t replay_stub_thread;

pthread_mutex_t *replay_stub_hold(pthread_mutex_t *mutex) {
    pthread_mutex_lock(mutex);
    return mutex;
}

void replay_stub_release(pthread_mutex_t **mutex) {
    pthread_mutex_unlock(*mutex);
}

/* ------------------------------------------------------------------ handles */

void *replay_stub_add(replay_stub_kind_t kind, const replay_stub_item_t *content, size_t size,
                      size_t room) {
    replay_stub_item_t *item = calloc(1, size + room), **at = &replay_stub.items;
    REQUIRE_OR(item, NO_MEMORY, NULL);
    memcpy(item, content, size);
    HOLD(mutex);
    item->kind = kind;
    item->handle = ++replay_stub.last_handle;
    while (*at)
        at = &(*at)->next;
    return *at = item;
}

void *replay_stub_find(replay_stub_kind_t kind, const void *handle) {
    replay_stub_item_t *at = replay_stub.items;
    while (at && (at->kind != kind || (handle && at->handle != (uintptr_t)handle)))
        at = at->next;
    return at;
}

void *replay_stub_take(replay_stub_kind_t kind, const void *handle) {
    HOLD(mutex);
    replay_stub_item_t *item = replay_stub_find(kind, handle), **at = &replay_stub.items;
    while (*at && *at != item)
        at = &(*at)->next;
    if (item)
        *at = item->next;
    return item;
}

/* ------------------------------------------------------------------- errors */

static replay_status_t note(replay_status_t status, const char *message) {
    HOLD(error_mutex);
    if (!replay_stub.failure) {
        replay_stub.error = (replay_error_t){.size = sizeof replay_stub.error, .status = status};
        snprintf(replay_stub.error.message, sizeof replay_stub.error.message, "%s", message);
    }
    return status;
}

replay_status_t replay_stub_fail(replay_status_t status, const char *function) {
    char message[200];
    snprintf(message, sizeof message, "%s: %s", function,
             status == REPLAY_ERROR_SYSTEM ? strerror(errno) : replay_status_sentence(status));
    return note(status, message);
}

replay_status_t replay_last_error(replay_error_t *error) {
    HOLD(error_mutex);
    return !error || replay_copy_out(error, &replay_stub.error, sizeof *error)
               ? replay_stub.error.status
               : REPLAY_ERROR_STRUCT_SIZE;
}

replay_status_t replay_query(replay_info_t *info) {
    REQUIRE(info, INVALID_ARGUMENT);
    replay_info_t now = REPLAY_INFO_INIT;
    now.break_icount = UINT64_MAX;
    now.icount = replay_get_current_icount();
    now.virtual_ns = replay_stub.configured ? replay_get_virtual_clock() : 0;
    HOLD(mutex);
    now.warped_ns = replay_stub.clock.warped;
    now.shift = replay_stub.clock.shift;
    REQUIRE(replay_copy_out(info, &now, sizeof now), STRUCT_SIZE);
    return REPLAY_OK;
}

/* --------------------------------------------------------------------- life */

static replay_status_t read_options(replay_config_t *config) {
    /* The user's own options; ignored in a program whose rights differ from its user's. */
    const char *environment = secure_getenv("LIBREPLAY_OPTIONS");
    char message[512] = "this program runs without libreplay: it can neither record nor replay";
    char *room = malloc(replay_options_room(config, environment));
    REQUIRE(room, NO_MEMORY);
    replay_status_t status =
        replay_options_read(config, environment, room, message, sizeof message);
    if (status == REPLAY_OK && config->mode != REPLAY_MODE_NONE)
        status = REPLAY_ERROR_NOT_SUPPORTED;
    if (status != REPLAY_OK)
        note(status, message);
    else if (config->snapshot)
        replay_snapshot = replay_stub.snapshot = strdup(config->snapshot);
    free(room);
    return status;
}

/* As before replay_configure(), except for the error. */
static void leave(void) {
    replay_stub.host = (replay_host_t)REPLAY_HOST_INIT;
    replay_stub.timers.count = replay_stub.timers.pending = 0;
    replay_stub_clock_reset(0, true);
}

replay_status_t replay_configure(const replay_config_t *given) {
    REQUIRE(given, INVALID_ARGUMENT);
    REQUIRE(given->size >= REPLAY_CONFIG_SIZE_MIN &&
                (!given->host || given->host->size >= REPLAY_HOST_SIZE_MIN),
            STRUCT_SIZE);
    REQUIRE(!replay_stub.configured, WRONG_STATE);
    replay_config_t config = replay_options_known(given);
    replay_status_t status = read_options(&config);
    if (status != REPLAY_OK) {
        leave();
        return status;
    }
    if (config.host)
        replay_copy_known(&replay_stub.host, config.host, sizeof replay_stub.host);
    replay_stub.opaque = config.opaque;
    replay_stub_clock_reset(config.shift, config.sleep != REPLAY_OFF);
    replay_stub.error = (replay_error_t)REPLAY_ERROR_INIT;
    replay_stub.run_stopped = false;
    replay_stub.configured = replay_stub.preparing = true;
    return REPLAY_OK;
}

replay_status_t replay_fingerprint(const char *key, const char *value) {
    REQUIRE(key && value, INVALID_ARGUMENT);
    REQUIRE(replay_stub.configured && !replay_stub.started, WRONG_STATE);
    REQUIRE(replay_key_is_the_hosts(key), INVALID_ARGUMENT);
    REQUIRE(replay_stub.preparing, WRONG_STATE);
    return REPLAY_OK;
}

replay_status_t replay_add_blocker(const char *reason) {
    REQUIRE(reason, INVALID_ARGUMENT);
    REQUIRE(!replay_stub.started, WRONG_STATE);
    return REPLAY_OK;
}

replay_status_t replay_vmstate_init(void) {
    REQUIRE(!replay_stub.snapshot, NOT_SUPPORTED);
    return REPLAY_OK;
}

replay_status_t replay_start(void) {
    REQUIRE(replay_stub.configured && !replay_stub.started, WRONG_STATE);
    replay_stub.preparing = false;
    /* The same as replay_vmstate_init() says, which isn't the call that failed. */
    replay_stub.failure = replay_stub.snapshot ? FAIL(NOT_SUPPORTED) : REPLAY_OK;
    replay_stub.started = !replay_stub.failure;
    return replay_stub.failure;
}

replay_status_t replay_finish_with(const replay_end_t *end) {
    REQUIRE(!end || end->size >= sizeof *end, STRUCT_SIZE);
    REQUIRE(!end || (end->cause >= 0 && end->cause < REPLAY_SHUTDOWN_COUNT && end->on_purpose <= 1),
            INVALID_ARGUMENT);
    REQUIRE(replay_stub.configured, WRONG_STATE);
    REQUIRE(!replay_stub_thread.runs && !replay_stub_thread.calls, REENTERED);
    replay_status_t failure = replay_stub.failure;
    replay_stub.preparing = false;
    replay_stub_close_disks();
    for (void *net; (net = replay_stub_take(REPLAY_STUB_NET, NULL));)
        free(net);
    leave();
    free(replay_stub.snapshot);
    replay_snapshot = replay_stub.snapshot = NULL;
    replay_stub.chars = replay_stub.disks = 0;
    replay_stub.configured = replay_stub.started = false;
    replay_stub.asked = false;
    replay_stub.failure = REPLAY_OK;
    replay_stub_wake_io();
    return failure;
}

replay_status_t replay_finish(void) {
    return replay_finish_with(NULL);
}
