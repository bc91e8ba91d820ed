/* SPDX-License-Identifier: MIT */
/* glib.h: a source of the context takes the I/O thread's turns.
 *
 * The archive doesn't depend on GLib. A host that has a context has GLib too, and
 * weak symbols refer to its functions. */
#include <limits.h>

#include "stubs.h"

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

/* The attached context, and its source. */
static struct _GMainContext *attached;
static struct _GSource *source;

static int check(struct _GSource *of) {
    (void)of;
    return replay_stub_has_io_turn();
}

static int prepare(struct _GSource *of, int *timeout_ms) {
    int64_t ns = check(of) ? 0 : replay_stub_next_turn(true);
    int64_t ms = ns / 1000000 + (ns % 1000000 > 0);
    *timeout_ms = ns < 0 ? -1 : ms < INT_MAX ? (int)ms : INT_MAX;
    return ns == 0;
}

static int dispatch(struct _GSource *of, int (*callback)(void *), void *data) {
    (void)of, (void)callback, (void)data;
    replay_start_warp_timer();
    return 1;
}

void replay_stub_wake_context(void) {
    HOLD(mutex);
    if (attached)
        g_main_context_wakeup(attached);
}

replay_status_t replay_glib_attach(struct _GMainContext *context) {
    static source_functions_t functions = {prepare, check, dispatch, NULL, {NULL, NULL}};
    if (!g_source_new)
        return FAIL(NOT_SUPPORTED);
    context = context ? context : g_main_context_default();
    if (!replay_stub.configured || attached == context)
        return FAIL(WRONG_STATE);
    if (attached)
        return FAIL(NOT_SUPPORTED);
    replay_stub_thread.roles |= REPLAY_THREAD_IO;
    source = g_source_new(&functions, SOURCE_BYTES);
    {
        HOLD(mutex);
        attached = context;
    }
    g_source_attach(source, context);
    return REPLAY_OK;
}

replay_status_t replay_glib_detach(struct _GMainContext *context) {
    if (!context && g_source_new)
        context = g_main_context_default();
    if (!attached || attached != context)
        return FAIL(WRONG_STATE);
    {
        HOLD(mutex);
        attached = NULL;
    }
    g_source_destroy(source);
    g_source_unref(source);
    return REPLAY_OK;
}
