/* SPDX-License-Identifier: MIT */
/* session.h in mode NONE. */
#include "stubs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

replay_mode_t replay_mode = REPLAY_MODE_NONE;
const char *replay_snapshot = NULL;

static replay_session_t default_session = {
    .mutex = PTHREAD_MUTEX_INITIALIZER, .shift = 0, .sleep = true, .warp_start = -1};

/* The sessions that replay_session_new() made, the default one's condition. */
static pthread_mutex_t sessions_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t sessions_once = PTHREAD_ONCE_INIT;
static replay_session_t *sessions;

/* A thread's current sessions, NULL for the default one, and what it has seen
 * of the one in which it had its last turn. */
enum { PUSHED_MAX = 16 };
static _Thread_local struct {
    replay_session_t *pushed[PUSHED_MAX];
    int32_t depth;
    replay_role_t roles;
    replay_session_t *seen_session;
    uint64_t seen_generation;
} thread;

/* Waits are measured by the clock that nobody sets. */
static void init_condition(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

static void init_default_session(void) {
    init_condition(&default_session.changed);
}

replay_session_t *replay_stub_session(void) {
    pthread_once(&sessions_once, init_default_session);
    replay_session_t *session = thread.depth ? thread.pushed[thread.depth - 1] : NULL;
    return session ? session : &default_session;
}

int64_t replay_stub_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ------------------------------------------------------------------ errors */

replay_status_t replay_stub_fail(replay_session_t *session, replay_status_t status,
                                 const char *format, ...) {
    replay_error_t error = REPLAY_ERROR_INIT;
    error.status = status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error.message, sizeof error.message, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&session->mutex);
    session->error = error;
    pthread_mutex_unlock(&session->mutex);
    return status;
}

replay_status_t replay_stub_wrong_mode(const char *function) {
    return replay_stub_fail(replay_stub_session(), REPLAY_ERROR_WRONG_MODE,
                            "%s does not make sense in mode NONE", function);
}

/* ----------------------------------------------------------- configuration */

static replay_status_t configure(replay_session_t *session, const replay_config_t *given) {
    if (!given)
        return replay_stub_fail(session, REPLAY_ERROR_INVALID_ARGUMENT,
                                "the configuration is NULL");
    if (session->configured)
        return replay_stub_fail(session, REPLAY_ERROR_WRONG_STATE,
                                "the session is configured already");
    /* At least what the first version had; what a larger one has after it is not
     * known here. */
    if (given->size < offsetof(replay_config_t, overwrite) ||
        (given->host && given->host->size < offsetof(replay_host_t, execute)))
        return replay_stub_fail(session, REPLAY_ERROR_STRUCT_SIZE,
                                "the size of replay_config_t or replay_host_t is too small");
    replay_config_t config = REPLAY_CONFIG_INIT;
    memcpy(&config, given, given->size < sizeof config ? given->size : sizeof config);
    replay_host_t host = REPLAY_HOST_INIT;
    if (config.host)
        memcpy(&host, config.host,
               config.host->size < sizeof host ? config.host->size : sizeof host);
    char *snapshot = NULL;
    replay_status_t status = replay_stub_options(session, &config, &snapshot);
    if (status != REPLAY_OK)
        return status;
    session->host = host;
    session->opaque = config.opaque;
    session->adapt = config.shift == REPLAY_SHIFT_AUTO;
    session->shift = session->adapt ? REPLAY_STUB_SHIFT_AUTO : config.shift;
    session->sleep = config.sleep != REPLAY_OFF;
    free(session->snapshot);
    session->snapshot = snapshot;
    if (session == &default_session)
        replay_snapshot = snapshot;
    replay_stub_clock_start(session);
    session->error = (replay_error_t)REPLAY_ERROR_INIT;
    session->configured = true;
    return REPLAY_OK;
}

replay_status_t replay_configure(const replay_config_t *config) {
    return configure(replay_stub_session(), config);
}

replay_status_t replay_fingerprint(const char *key, const char *value) {
    replay_session_t *session = replay_stub_session();
    if (!key || !value || strncmp(key, "replay.", strlen("replay.")) == 0)
        return replay_stub_fail(session, REPLAY_ERROR_INVALID_ARGUMENT,
                                "key and value may not be NULL, nor the key begin with replay.");
    if (!session->configured || session->started)
        return replay_stub_fail(session, REPLAY_ERROR_WRONG_STATE,
                                "fingerprints are told between configure and start");
    return REPLAY_OK;
}

replay_status_t replay_start(void) {
    replay_session_t *session = replay_stub_session();
    if (!session->configured || session->started)
        return replay_stub_fail(session, REPLAY_ERROR_WRONG_STATE,
                                session->started ? "the session is started already"
                                                 : "the session is not configured");
    session->started = true;
    return REPLAY_OK;
}

replay_status_t replay_finish(void) {
    replay_session_t *session = replay_stub_session();
    if (!session->configured)
        return replay_stub_fail(session, REPLAY_ERROR_WRONG_STATE, "the session is not configured");
    session->configured = false;
    session->started = false;
    session->run_stopped = false;
    session->host = (replay_host_t)REPLAY_HOST_INIT;
    session->char_count = 0;
    return REPLAY_OK;
}

replay_status_t replay_finish_with(const replay_end_t *end) {
    replay_session_t *session = replay_stub_session();
    if (end && end->size < sizeof *end)
        return replay_stub_fail(session, REPLAY_ERROR_STRUCT_SIZE, "the size of replay_end_t is %u",
                                end->size);
    if (end && (end->cause < 0 || end->cause >= REPLAY_SHUTDOWN_COUNT || end->on_purpose > 1))
        return replay_stub_fail(session, REPLAY_ERROR_INVALID_ARGUMENT,
                                "there is no end with cause %d, on_purpose %u", end->cause,
                                end->on_purpose);
    return replay_finish();
}

replay_status_t replay_add_blocker(const char *reason) {
    replay_session_t *session = replay_stub_session();
    if (!reason)
        return replay_stub_fail(session, REPLAY_ERROR_INVALID_ARGUMENT, "the reason is NULL");
    if (session->started)
        return replay_stub_fail(session, REPLAY_ERROR_WRONG_STATE,
                                "the session is started already");
    return REPLAY_OK;
}

const char *replay_get_filename(void) {
    return NULL;
}

replay_mode_t replay_get_mode(void) {
    return REPLAY_MODE_NONE;
}

replay_status_t replay_vmstate_init(void) {
    replay_session_t *session = replay_stub_session();
    if (session->snapshot)
        return replay_stub_fail(session, REPLAY_ERROR_NOT_SUPPORTED,
                                "snapshot %s: this version has no snapshots", session->snapshot);
    return REPLAY_OK;
}

replay_status_t replay_query(replay_info_t *info) {
    replay_session_t *session = replay_stub_session();
    if (!info)
        return replay_stub_fail(session, REPLAY_ERROR_INVALID_ARGUMENT, "the info is NULL");
    uint32_t size = info->size;
    if (size < offsetof(replay_info_t, mode) + sizeof info->mode)
        return replay_stub_fail(session, REPLAY_ERROR_STRUCT_SIZE,
                                "replay_info_t::size is too small");
    replay_info_t now = REPLAY_INFO_INIT;
    now.size = size;
    now.icount = replay_get_current_icount();
    now.virtual_ns = replay_get_virtual_clock();
    pthread_mutex_lock(&session->mutex);
    now.warped_ns = session->warped;
    now.shift = session->shift;
    pthread_mutex_unlock(&session->mutex);
    memcpy(info, &now, size < sizeof now ? size : sizeof now);
    return REPLAY_OK;
}

/* -------------------------------------------------------- lock and threads */

replay_status_t replay_thread_attach(replay_role_t roles) {
    if (roles < 1 || roles > (REPLAY_THREAD_VCPU | REPLAY_THREAD_IO))
        return replay_stub_fail(replay_stub_session(), REPLAY_ERROR_INVALID_ARGUMENT,
                                "role %d does not exist", roles);
    thread.roles = roles;
    return REPLAY_OK;
}

replay_role_t replay_stub_roles(void) {
    return thread.roles ? thread.roles : REPLAY_THREAD_VCPU | REPLAY_THREAD_IO;
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

void replay_stub_changed(replay_session_t *session) {
    pthread_mutex_lock(&session->mutex);
    session->generation++;
    pthread_cond_broadcast(&session->changed);
    pthread_mutex_unlock(&session->mutex);
    replay_stub_wake_contexts(session);
}

uint64_t replay_stub_generation(replay_session_t *session) {
    pthread_mutex_lock(&session->mutex);
    uint64_t generation = session->generation;
    pthread_mutex_unlock(&session->mutex);
    return generation;
}

void replay_stub_turn_begins(replay_session_t *session) {
    pthread_mutex_lock(&session->mutex);
    thread.seen_session = session;
    thread.seen_generation = session->generation;
    pthread_mutex_unlock(&session->mutex);
}

static bool unchanged(const replay_session_t *session) {
    return thread.seen_session == session && thread.seen_generation == session->generation;
}

/* Waits until something changes that this thread has not seen; ns < 0: for ever. */
static bool wait_for_change(replay_session_t *session, int64_t ns) {
    bool changed = true;
    pthread_mutex_lock(&session->mutex);
    if (ns < 0 || ns > INT64_MAX / 2) {
        while (unchanged(session))
            pthread_cond_wait(&session->changed, &session->mutex);
    } else {
        int64_t end = replay_stub_now() + ns;
        struct timespec until = {end / 1000000000, end % 1000000000};
        int error = 0;
        while (!(changed = !unchanged(session)) && error == 0)
            error = pthread_cond_timedwait(&session->changed, &session->mutex, &until);
    }
    thread.seen_session = session;
    thread.seen_generation = session->generation;
    pthread_mutex_unlock(&session->mutex);
    return changed;
}

replay_status_t replay_wait(int64_t timeout_ns) {
    replay_session_t *session = replay_stub_session();
    int64_t limit = replay_stub_wait_limit(session);
    bool timer_first = limit >= 0 && (timeout_ns < 0 || limit <= timeout_ns);
    bool changed = wait_for_change(session, timer_first ? limit : timeout_ns);
    return changed || timer_first ? REPLAY_OK : REPLAY_TIMEOUT;
}

void replay_stub_rest(replay_session_t *session, int64_t ns) {
    wait_for_change(session, ns);
}

void replay_notify(void) {
    replay_stub_changed(replay_stub_session());
}

/* -------------------------------------------------------- several sessions */

/* With sessions_mutex held: is it one that was made and not freed? */
static replay_session_t **find(const replay_session_t *session) {
    for (replay_session_t **at = &sessions; *at; at = &(*at)->next)
        if (*at == session)
            return at;
    return NULL;
}

replay_session_t *replay_session_new(void) {
    replay_session_t *session = calloc(1, sizeof *session);
    if (!session) {
        replay_stub_fail(replay_stub_session(), REPLAY_ERROR_NO_MEMORY, "memory ran out");
        return NULL;
    }
    pthread_mutex_init(&session->mutex, NULL);
    init_condition(&session->changed);
    session->sleep = true;
    session->warp_start = -1;
    pthread_mutex_lock(&sessions_mutex);
    session->next = sessions;
    sessions = session;
    pthread_mutex_unlock(&sessions_mutex);
    return session;
}

replay_status_t replay_session_free(replay_session_t *session) {
    replay_session_t *current = replay_stub_session();
    pthread_mutex_lock(&sessions_mutex);
    replay_session_t **at = session ? find(session) : NULL;
    int32_t users = at ? session->users : 0;
    if (at && users == 0)
        *at = session->next;
    pthread_mutex_unlock(&sessions_mutex);
    if (!at)
        return replay_stub_fail(current, REPLAY_ERROR_INVALID_ARGUMENT,
                                "this is no session that can be freed");
    if (users > 0)
        return replay_stub_fail(current, REPLAY_ERROR_WRONG_STATE,
                                "the session is current in a thread");
    replay_stub_free_timers(session);
    replay_stub_free_nets(session);
    free(session->snapshot);
    pthread_cond_destroy(&session->changed);
    pthread_mutex_destroy(&session->mutex);
    free(session);
    return REPLAY_OK;
}

replay_status_t replay_session_push_current(replay_session_t *session) {
    replay_session_t *current = replay_stub_session();
    if (thread.depth == PUSHED_MAX)
        return replay_stub_fail(current, REPLAY_ERROR_WRONG_STATE, "%d sessions are pushed already",
                                PUSHED_MAX);
    pthread_mutex_lock(&sessions_mutex);
    bool found = !session || find(session);
    if (session && found)
        session->users++;
    pthread_mutex_unlock(&sessions_mutex);
    if (!found)
        return replay_stub_fail(current, REPLAY_ERROR_INVALID_ARGUMENT, "this is no session");
    thread.pushed[thread.depth++] = session;
    return REPLAY_OK;
}

replay_status_t replay_session_pop_current(void) {
    if (thread.depth == 0)
        return replay_stub_fail(replay_stub_session(), REPLAY_ERROR_WRONG_STATE,
                                "no session was pushed");
    replay_session_t *session = thread.pushed[--thread.depth];
    pthread_mutex_lock(&sessions_mutex);
    if (session)
        session->users--;
    pthread_mutex_unlock(&sessions_mutex);
    return REPLAY_OK;
}

replay_session_t *replay_session_get_current(void) {
    return thread.depth ? thread.pushed[thread.depth - 1] : NULL;
}

/* ------------------------------------------------------------------ queries */

replay_status_t replay_last_error(replay_error_t *error) {
    replay_session_t *session = replay_stub_session();
    pthread_mutex_lock(&session->mutex);
    replay_error_t last = session->error;
    pthread_mutex_unlock(&session->mutex);
    if (error) {
        if (error->size < offsetof(replay_error_t, status) + sizeof error->status)
            return REPLAY_ERROR_STRUCT_SIZE;
        last.size = error->size;
        memcpy(error, &last, error->size < sizeof last ? error->size : sizeof last);
    }
    return last.status;
}

const char *replay_status_name(replay_status_t status) {
    switch (status) {
#define NAME(code, name, sentence)                                                                 \
    case code:                                                                                     \
        return #name;
        REPLAY_STATUS_MAP(NAME)
#undef NAME
    default:
        return "UNKNOWN";
    }
}

const char *replay_status_sentence(replay_status_t status) {
    switch (status) {
#define SENTENCE(code, name, sentence)                                                             \
    case code:                                                                                     \
        return sentence;
        REPLAY_STATUS_MAP(SENTENCE)
#undef SENTENCE
    default:
        return "an unknown status";
    }
}

replay_status_t replay_digest(uint64_t digest) {
    (void)digest;
    return REPLAY_OK;
}
