/* SPDX-License-Identifier: MIT */
/** @file glib.h
 *  A host's GMainContext as the I/O thread's main loop.
 *
 *  The header needs no GLib header: it names struct _GMainContext only. */
#ifndef REPLAY_GLIB_H
#define REPLAY_GLIB_H

#include "errors.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct _GMainContext;

/** Attaches @p context to the current session, on the thread that iterates it:
 *  gives the thread the role REPLAY_THREAD_IO, takes the replay lock if it does
 *  not hold it, puts a poll function around the context's own that gives the
 *  lock away while it polls, and adds a source that takes the I/O thread's
 *  turns (replay_start_warp_timer()): the warp timer, what the log wants of
 *  this thread, wake-ups.
 *
 *  All sources of the context are so dispatched with the replay lock held.
 *  Several contexts, of one session or of several, may be attached.
 *
 *  @param context [in] kept by a reference until detached; NULL: the default context.
 *  @return REPLAY_OK; ERROR_WRONG_STATE (attached already, or not configured);
 *    ERROR_SYSTEM: @p context is NULL, and no file descriptors are free for the default
 *    context (GLib would end the process).
 *  Thread: [io], the one that iterates the context. */
REPLAY_API replay_status_t replay_glib_attach(struct _GMainContext *context);

/** Detaches: removes the source, restores the poll function, and gives the
 *  replay lock back if the thread holds it.
 *  @return REPLAY_OK; ERROR_WRONG_STATE if it is not attached.
 *  Thread: the one that attached it. */
REPLAY_API replay_status_t replay_glib_detach(struct _GMainContext *context);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_GLIB_H */
