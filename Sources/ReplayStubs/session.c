/* SPDX-License-Identifier: MIT */
/* session.h in mode NONE. */
#include "replay-status.h"
#include "stubs.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

replay_mode_t replay_mode = REPLAY_MODE_NONE;
const char *replay_snapshot = NULL;

replay_stub_t replay_stub_session = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                                     .changed = PTHREAD_COND_INITIALIZER};
_Thread_local replay_stub_thread_t replay_stub_thread;

int64_t replay_stub_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

replay_role_t replay_stub_roles(void) {
    replay_role_t roles = replay_stub_thread.roles;
    return roles ? roles : REPLAY_THREAD_VCPU | REPLAY_THREAD_IO;
}

/* ------------------------------------------------------------------ handles */

void *replay_stub_add(replay_stub_kind_t kind, size_t size) {
    static uintptr_t handles;
    replay_stub_item_t *item = calloc(1, size);
    if (!item) {
        replay_stub_fail(REPLAY_ERROR_NO_MEMORY, "memory ran out");
        return NULL;
    }
    pthread_mutex_lock(&replay_stub_session.mutex);
    item->kind = kind;
    item->handle = ++handles;
    replay_stub_item_t **at = &replay_stub_session.items;
    while (*at)
        at = &(*at)->next;
    *at = item;
    pthread_mutex_unlock(&replay_stub_session.mutex);
    return item;
}

static replay_stub_item_t **find(replay_stub_kind_t kind, const void *handle) {
    replay_stub_item_t **at = &replay_stub_session.items;
    while (*at && ((*at)->kind != kind || (*at)->handle != (uintptr_t)handle))
        at = &(*at)->next;
    return at;
}

void *replay_stub_find(replay_stub_kind_t kind, const void *handle) {
    return *find(kind, handle);
}

void *replay_stub_take(replay_stub_kind_t kind, const void *handle) {
    replay_stub_item_t **at = find(kind, handle), *item = *at;
    if (item)
        *at = item->next;
    return item;
}

void replay_stub_drop(replay_stub_kind_t kind) {
    pthread_mutex_lock(&replay_stub_session.mutex);
    for (replay_stub_item_t **at = &replay_stub_session.items; *at;) {
        replay_stub_item_t *item = *at;
        if (item->kind == kind) {
            *at = item->next;
            free(item);
        } else {
            at = &item->next;
        }
    }
    pthread_mutex_unlock(&replay_stub_session.mutex);
}

/* ------------------------------------------------------------------- errors */

replay_status_t replay_stub_fail(replay_status_t status, const char *text) {
    replay_error_t error = REPLAY_ERROR_INIT;
    error.status = status;
    strncpy(error.message, text, sizeof error.message - 1);
    pthread_mutex_lock(&replay_stub_session.mutex);
    if (!replay_stub_session.failure)
        replay_stub_session.error = error;
    pthread_mutex_unlock(&replay_stub_session.mutex);
    return status;
}

replay_status_t replay_stub_invalid(const char *text) {
    return replay_stub_fail(REPLAY_ERROR_INVALID_ARGUMENT, text);
}

replay_status_t replay_last_error(replay_error_t *error) {
    pthread_mutex_lock(&replay_stub_session.mutex);
    replay_error_t last = replay_stub_session.error;
    pthread_mutex_unlock(&replay_stub_session.mutex);
    if (error && error->size < 8)
        return REPLAY_ERROR_STRUCT_SIZE;
    if (error) {
        last.size = error->size;
        memcpy(error, &last, error->size < sizeof last ? error->size : sizeof last);
    }
    return last.status;
}

const char *replay_status_name(replay_status_t status) {
    return replay_status_name_of(status);
}

const char *replay_status_sentence(replay_status_t status) {
    return replay_status_sentence_of(status);
}

/* --------------------------------------------------------------------- life */

/* As before replay_configure(), but for the error. */
static void leave(void) {
    replay_stub_drop(REPLAY_STUB_TIMER);
    replay_stub_session.host = (replay_host_t)REPLAY_HOST_INIT;
    replay_stub_clock_reset(0, true);
}

replay_status_t replay_configure(const replay_config_t *given) {
    if (!given)
        return replay_stub_invalid("replay_configure was called without a configuration");
    /* At least what the first version had; what a larger one has after it is not known here. */
    if (given->size < offsetof(replay_config_t, overwrite) ||
        (given->host && given->host->size < offsetof(replay_host_t, execute)))
        return replay_stub_fail(REPLAY_ERROR_STRUCT_SIZE,
                                "the size of replay_config_t or replay_host_t is too small");
    if (replay_stub_session.configured)
        return replay_stub_fail(REPLAY_ERROR_WRONG_STATE, "the session is configured already");
    replay_config_t config = REPLAY_CONFIG_INIT;
    memcpy(&config, given, given->size < sizeof config ? given->size : sizeof config);
    char *snapshot = NULL;
    replay_status_t status = replay_stub_options(&config, &snapshot);
    if (status != REPLAY_OK) {
        free(snapshot);
        leave();
        return status;
    }
    size_t size = config.host ? config.host->size : 0;
    memcpy(&replay_stub_session.host, config.host ? config.host : &replay_stub_session.host,
           size < sizeof replay_stub_session.host ? size : sizeof replay_stub_session.host);
    replay_stub_session.opaque = config.opaque;
    replay_snapshot = replay_stub_session.snapshot = snapshot;
    replay_stub_clock_reset(config.shift, config.sleep != REPLAY_OFF);
    replay_stub_session.error = (replay_error_t)REPLAY_ERROR_INIT;
    replay_stub_session.configured = replay_stub_session.preparing = true;
    return REPLAY_OK;
}

replay_status_t replay_fingerprint(const char *key, const char *value) {
    if (!key || !value)
        return replay_stub_invalid("a fingerprint's field needs a key and a value");
    bool is_own = !*key || strncmp(key, "replay.", strlen("replay.")) == 0;
    bool has_machine = replay_stub_session.configured && !replay_stub_session.started;
    if (has_machine && is_own)
        return replay_stub_invalid("a fingerprint's field may not have that key");
    return replay_stub_session.preparing
               ? REPLAY_OK
               : replay_stub_fail(REPLAY_ERROR_WRONG_STATE,
                                  "a fingerprint's field can be given only between "
                                  "replay_configure() and replay_start()");
}

replay_status_t replay_vmstate_init(void) {
    return replay_stub_session.snapshot
               ? replay_stub_fail(REPLAY_ERROR_NOT_SUPPORTED, "this version has no snapshots yet")
               : REPLAY_OK;
}

replay_status_t replay_start(void) {
    if (!replay_stub_session.configured || replay_stub_session.started)
        return replay_stub_fail(REPLAY_ERROR_WRONG_STATE,
                                "the session is not configured, or started already");
    replay_stub_session.preparing = false;
    replay_stub_session.failure = replay_vmstate_init();
    replay_stub_session.started = !replay_stub_session.failure;
    return replay_stub_session.failure;
}

replay_status_t replay_finish(void) {
    if (!replay_stub_session.configured)
        return replay_stub_fail(REPLAY_ERROR_WRONG_STATE, "the session is not configured");
    if (replay_stub_thread.runs)
        return replay_stub_fail(REPLAY_ERROR_REENTERED,
                                "replay_finish was called from within a callback of the host");
    replay_status_t failure = replay_stub_session.failure;
    replay_stub_session.preparing = false;
    replay_stub_close_disks();
    leave();
    replay_stub_drop_devices();
    replay_stub_session.configured = replay_stub_session.started = false;
    replay_stub_session.run_stopped = false;
    replay_stub_session.asked = false;
    replay_stub_session.failure = REPLAY_OK;
    free(replay_stub_session.snapshot);
    replay_snapshot = replay_stub_session.snapshot = NULL;
    replay_stub_wake_io();
    return failure;
}

replay_status_t replay_finish_with(const replay_end_t *end) {
    if (end && end->size < sizeof *end)
        return replay_stub_fail(REPLAY_ERROR_STRUCT_SIZE, "the size of replay_end_t is too small");
    if (end && (end->cause < 0 || end->cause >= REPLAY_SHUTDOWN_COUNT || end->on_purpose > 1))
        return replay_stub_invalid("the cause does not exist, or on_purpose is above 1");
    return replay_finish();
}

replay_status_t replay_add_blocker(const char *reason) {
    if (!reason)
        return replay_stub_invalid("a blocker needs a reason");
    return replay_stub_session.started
               ? replay_stub_fail(REPLAY_ERROR_WRONG_STATE, "a blocker was added after the start")
               : REPLAY_OK;
}

const char *replay_get_filename(void) {
    return NULL;
}

replay_mode_t replay_get_mode(void) {
    return REPLAY_MODE_NONE;
}

replay_status_t replay_query(replay_info_t *info) {
    if (!info)
        return replay_stub_invalid("replay_query was called without a struct");
    if (info->size < 8)
        return replay_stub_fail(REPLAY_ERROR_STRUCT_SIZE, "the size of replay_info_t is too small");
    replay_info_t now = REPLAY_INFO_INIT;
    now.size = info->size;
    now.icount = replay_get_current_icount();
    replay_stub_clock_info(&now);
    memcpy(info, &now, info->size < sizeof now ? info->size : sizeof now);
    return REPLAY_OK;
}

/* ---------------------------------------------------------- lock and threads */

replay_status_t replay_thread_attach(replay_role_t roles) {
    if (roles < 1 || roles > (REPLAY_THREAD_VCPU | REPLAY_THREAD_IO))
        return replay_stub_invalid("the role does not exist");
    replay_stub_thread.roles = roles;
    return REPLAY_OK;
}

replay_status_t replay_mutex_lock(void) {
    return REPLAY_OK;
}

replay_status_t replay_mutex_unlock(void) {
    return REPLAY_OK;
}

bool replay_mutex_locked(void) {
    return true;
}

static void note_change(void) {
    pthread_mutex_lock(&replay_stub_session.mutex);
    replay_stub_session.changes++;
    pthread_cond_broadcast(&replay_stub_session.changed);
    pthread_mutex_unlock(&replay_stub_session.mutex);
}

void replay_stub_note_turn(void) {
    pthread_mutex_lock(&replay_stub_session.mutex);
    replay_stub_thread.seen = replay_stub_session.changes;
    pthread_mutex_unlock(&replay_stub_session.mutex);
}

void replay_stub_wake_vcpu(void) {
    if (replay_stub_session.host.kick)
        replay_stub_session.host.kick(replay_stub_session.opaque);
    note_change();
}

void replay_stub_wake_io(void) {
    note_change();
    if (replay_stub_session.host.wake_io)
        replay_stub_session.host.wake_io(replay_stub_session.opaque);
    replay_stub_wake_context();
}

void replay_stub_wake_io_for_warp(void) {
    if (!(replay_stub_roles() & REPLAY_THREAD_IO) &&
        !atomic_exchange(&replay_stub_session.asked, true))
        replay_stub_wake_io();
}

void replay_notify(void) {
    replay_stub_session.asked = true;
    replay_stub_wake_io();
}

bool replay_stub_idle(void) {
    return replay_stub_session.host.cpus_idle &&
           replay_stub_session.host.cpus_idle(replay_stub_session.opaque);
}

/* Sleeps until something changes that this thread has not seen; ns < 0: for ever. */
static bool rest(int64_t ns) {
    int64_t now = replay_stub_now(), end = ns < 0 || ns > INT64_MAX - now ? INT64_MAX : now + ns;
    struct timespec until = {end / 1000000000, end % 1000000000};
    int error = 0;
    pthread_mutex_lock(&replay_stub_session.mutex);
    while (replay_stub_thread.seen == replay_stub_session.changes && error == 0)
        error = pthread_cond_clockwait(&replay_stub_session.changed, &replay_stub_session.mutex,
                                       CLOCK_MONOTONIC, &until);
    bool changed = replay_stub_thread.seen != replay_stub_session.changes;
    replay_stub_thread.seen = replay_stub_session.changes;
    pthread_mutex_unlock(&replay_stub_session.mutex);
    return changed;
}

replay_status_t replay_wait(int64_t timeout_ns) {
    replay_role_t roles = replay_stub_roles();
    if (roles & REPLAY_THREAD_VCPU && replay_stub_runs() && replay_stub_idle()) {
        if (replay_stub_timer_due())
            return REPLAY_OK;
        replay_stub_wake_io_for_warp();
    }
    int64_t limit = timeout_ns, next = -1;
    if (roles & REPLAY_THREAD_IO)
        next = replay_stub_next_turn(true);
    if (next >= 0 && (limit < 0 || next < limit))
        limit = next;
    return rest(limit) || limit != timeout_ns ? REPLAY_OK : REPLAY_TIMEOUT;
}

/* ------------------------------------------------------ run.h: the host's loop */

enum { SLICE = 10000, LONGEST_REST_NS = 100000000, REST_WITHOUT_PROGRESS_NS = 10000000 };

static void run_slice(void) {
    const replay_host_t *host = &replay_stub_session.host;
    if (host->interrupt)
        host->interrupt(replay_stub_session.opaque);
    if (replay_stub_session.run_stopped)
        return;
    uint64_t before = replay_get_current_icount();
    uint64_t instructions = replay_get_budget(replay_stub_idle() ? 0 : SLICE);
    if (instructions == 0) {
        replay_wait(LONGEST_REST_NS);
        return;
    }
    host->execute(replay_stub_session.opaque, instructions);
    if (replay_get_current_icount() == before)
        rest(REST_WITHOUT_PROGRESS_NS);
}

static void run_turn(bool is_vcpu) {
    if (!replay_stub_machine_runs()) {
        rest(LONGEST_REST_NS);
        return;
    }
    replay_turn();
    if (is_vcpu)
        run_slice();
    else if (!replay_stub_session.run_stopped)
        replay_wait(-1);
}

replay_status_t replay_run(void) {
    if (!replay_stub_session.started)
        return replay_stub_session.failure
                   ? replay_stub_session.failure
                   : replay_stub_fail(REPLAY_ERROR_WRONG_STATE,
                                      "replay_run was called before replay_start");
    replay_stub_thread.roles = replay_stub_roles();
    bool is_vcpu = replay_stub_thread.roles & REPLAY_THREAD_VCPU;
    if (is_vcpu && !replay_stub_session.host.execute)
        return replay_stub_invalid("replay_run needs the callback execute in the host's table");
    if (replay_stub_thread.runs)
        return replay_stub_fail(REPLAY_ERROR_REENTERED,
                                "replay_run was called from within one of its own callbacks");
    if (is_vcpu && atomic_exchange(&replay_stub_session.vcpu_runs, true))
        return replay_stub_fail(REPLAY_ERROR_WRONG_ROLE,
                                "replay_run was called by a second vCPU thread");
    replay_stub_thread.runs = true;
    replay_stub_note_turn();
    while (!replay_stub_session.run_stopped)
        run_turn(is_vcpu);
    replay_stub_thread.runs = false;
    if (is_vcpu)
        replay_stub_session.vcpu_runs = false;
    return REPLAY_OK;
}

replay_status_t replay_run_stop(void) {
    if (!replay_stub_session.configured)
        return replay_stub_fail(REPLAY_ERROR_WRONG_STATE,
                                "replay_run_stop was called without a session to stop");
    replay_stub_session.run_stopped = true;
    replay_stub_wake_vcpu();
    replay_stub_wake_io();
    return REPLAY_OK;
}

/* --------------------------------------- sessions: there is the default one only */

replay_session_t *replay_session_new(void) {
    replay_stub_fail(REPLAY_ERROR_NOT_SUPPORTED, "without libreplay there is one session only");
    return NULL;
}

replay_status_t replay_session_free(replay_session_t *session) {
    (void)session;
    return replay_stub_invalid(
        "replay_session_free was called with a pointer that is not a session");
}

replay_status_t replay_session_push_current(replay_session_t *session) {
    enum { PUSHED_MAX = 16 };
    if (replay_stub_thread.pushed == PUSHED_MAX)
        return replay_stub_fail(REPLAY_ERROR_WRONG_STATE, "16 sessions are pushed already");
    if (session)
        return replay_stub_invalid(
            "replay_session_push_current was called with a pointer that is not a session");
    replay_stub_thread.pushed++;
    return REPLAY_OK;
}

replay_status_t replay_session_pop_current(void) {
    if (replay_stub_thread.pushed == 0)
        return replay_stub_fail(REPLAY_ERROR_WRONG_STATE,
                                "replay_session_pop_current was called, but no session is pushed");
    replay_stub_thread.pushed--;
    return REPLAY_OK;
}

replay_session_t *replay_session_get_current(void) {
    return NULL;
}

replay_status_t replay_digest(uint64_t digest) {
    (void)digest;
    return REPLAY_OK;
}
