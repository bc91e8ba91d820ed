/* SPDX-License-Identifier: MIT */
/** @file glib.h
 *  A host's GMainContext as the I/O thread's main loop.
 *
 *  This needs no GLib header, because it only names struct _GMainContext. */
#ifndef REPLAY_GLIB_H
#define REPLAY_GLIB_H

#include "errors.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct _GMainContext;

/** Attaches @p context to the current session, on the thread that iterates it. The
 *  thread gets the role REPLAY_THREAD_IO, and the replay lock if it doesn't hold it.
 *  The context gets a poll function that releases the lock while the original one
 *  polls, and a source that takes the I/O thread's turns (replay_start_warp_timer()).
 *
 *  So all sources of the context are dispatched with the replay lock held, and may make
 *  every call that is tagged [io], [lock-held] or [any]. What they do to the guest must
 *  still go through the queue, or follow a checkpoint.
 *  Several contexts, of one session or of several, may be attached.
 *
 *  @param context [in] referenced until it is detached; NULL: the default context.
 *  @return REPLAY_OK; ERROR_WRONG_STATE (already attached, or not configured);
 *    ERROR_SYSTEM: @p context is NULL, and no file descriptors are free for the default
 *    context (GLib would end the process).
 *  Thread: the one that iterates the context, after replay_configure(). It needs no
 *  replay_thread_attach(). */
REPLAY_API replay_status_t replay_glib_attach(struct _GMainContext *context);

/** Detaches: removes the source, restores the poll function, and releases the
 *  replay lock if the thread holds it.
 *  @return REPLAY_OK; ERROR_WRONG_STATE if it isn't attached.
 *  Thread: the one that attached it. */
REPLAY_API replay_status_t replay_glib_detach(struct _GMainContext *context);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_GLIB_H */
