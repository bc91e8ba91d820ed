/* SPDX-License-Identifier: MIT */
/* glib.h in mode NONE: a source of the context takes the I/O thread's turns.
 *
 * The archive does not depend on GLib: a host that has a context has GLib too,
 * and its functions are found there as weak symbols. */
#include "stubs.h"

#include <limits.h>
#include <stdlib.h>

struct _GSource;

/* As in GLib's gmain.h, whose layout is fixed for ever. */
typedef struct {
    int (*prepare)(struct _GSource *source, int *timeout_ms);
    int (*check)(struct _GSource *source);
    int (*dispatch)(struct _GSource *source, int (*callback)(void *), void *data);
    void (*finalize)(struct _GSource *source);
    void (*reserved[2])(void);
} source_functions_t;

enum { SOURCE_BYTES = 128 }; /* at least sizeof(GSource), which has 96 */

#define WEAK __attribute__((weak))
WEAK struct _GMainContext *g_main_context_default(void);
WEAK void g_main_context_wakeup(struct _GMainContext *context);
WEAK struct _GSource *g_source_new(source_functions_t *functions, unsigned size);
WEAK unsigned g_source_attach(struct _GSource *source, struct _GMainContext *context);
WEAK void g_source_destroy(struct _GSource *source);
WEAK void g_source_unref(struct _GSource *source);

typedef struct attachment {
    struct attachment *next;
    replay_session_t *session;
    replay_session_t *handle; /* the same, NULL for the default one */
    struct _GMainContext *context;
    struct _GSource *source;
    uint64_t seen; /* the session's generation at the last turn */
} attachment_t;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static attachment_t *attachments;

/* ---------------------------------------------------------------- the source */

static attachment_t *of_source(const struct _GSource *source) {
    pthread_mutex_lock(&mutex);
    attachment_t *at = attachments;
    while (at && at->source != source)
        at = at->next;
    pthread_mutex_unlock(&mutex);
    return at;
}

/* Real ns until the source must take a turn, -1: not before something changes. */
static int64_t deadline(const attachment_t *attachment) {
    if (attachment->seen != replay_stub_generation(attachment->session))
        return 0;
    replay_session_push_current(attachment->handle);
    int64_t ns = replay_warp_deadline_ns();
    replay_session_pop_current();
    return ns;
}

static int prepare(struct _GSource *source, int *timeout_ms) {
    const attachment_t *attachment = of_source(source);
    int64_t ns = attachment ? deadline(attachment) : -1;
    int64_t ms = ns / 1000000 + (ns % 1000000 > 0);
    *timeout_ms = ns < 0 ? -1 : ms < INT_MAX ? (int)ms : INT_MAX;
    return ns == 0;
}

static int check(struct _GSource *source) {
    const attachment_t *attachment = of_source(source);
    return attachment && deadline(attachment) == 0;
}

static int dispatch(struct _GSource *source, int (*callback)(void *), void *data) {
    (void)callback;
    (void)data;
    attachment_t *attachment = of_source(source);
    if (!attachment)
        return 0;
    attachment->seen = replay_stub_generation(attachment->session);
    replay_session_push_current(attachment->handle);
    replay_start_warp_timer();
    replay_session_pop_current();
    return 1;
}

static source_functions_t functions = {prepare, check, dispatch, NULL, {NULL, NULL}};

void replay_stub_wake_contexts(const replay_session_t *session) {
    pthread_mutex_lock(&mutex);
    for (const attachment_t *at = attachments; at; at = at->next)
        if (at->session == session)
            g_main_context_wakeup(at->context);
    pthread_mutex_unlock(&mutex);
}

/* -------------------------------------------------------- attach and detach */

/* Takes the attachment of a context out of the list, or looks only. */
static attachment_t *find(const struct _GMainContext *context, bool take) {
    pthread_mutex_lock(&mutex);
    attachment_t **at = &attachments;
    while (*at && (*at)->context != context)
        at = &(*at)->next;
    attachment_t *found = *at;
    if (found && take)
        *at = found->next;
    pthread_mutex_unlock(&mutex);
    return found;
}

replay_status_t replay_glib_attach(struct _GMainContext *context) {
    replay_session_t *session = replay_stub_session();
    if (!g_source_new)
        return replay_stub_fail(session, REPLAY_ERROR_NOT_SUPPORTED,
                                "this program is not linked with GLib");
    context = context ? context : g_main_context_default();
    if (!session->configured || find(context, false))
        return replay_stub_fail(session, REPLAY_ERROR_WRONG_STATE,
                                "the session is not configured, or the context is attached");
    attachment_t *attachment = malloc(sizeof *attachment);
    if (!attachment)
        return replay_stub_fail(session, REPLAY_ERROR_NO_MEMORY, "memory ran out");
    struct _GSource *source = g_source_new(&functions, SOURCE_BYTES);
    uint64_t never = replay_stub_generation(session) - 1;
    pthread_mutex_lock(&mutex);
    *attachment =
        (attachment_t){attachments, session, replay_session_get_current(), context, source, never};
    attachments = attachment;
    pthread_mutex_unlock(&mutex);
    g_source_attach(source, context);
    return REPLAY_OK;
}

replay_status_t replay_glib_detach(struct _GMainContext *context) {
    if (!context && g_source_new)
        context = g_main_context_default();
    attachment_t *attachment = find(context, true);
    if (!attachment)
        return replay_stub_fail(replay_stub_session(), REPLAY_ERROR_WRONG_STATE,
                                "the context is not attached");
    g_source_destroy(attachment->source);
    g_source_unref(attachment->source);
    free(attachment);
    return REPLAY_OK;
}
