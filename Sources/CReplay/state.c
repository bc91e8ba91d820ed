/* SPDX-License-Identifier: MIT */
/* The state of the process and of each thread, and the layout of structs.
 *
 * This includes every public header for a second reason: a change of a header
 * alone then makes the Swift targets that import it compile again. */
#include "replay-support.h"

__thread replay_thread_t replay_this_thread;
void *replay_default_session = NULL;

void *replay_default_session_install(void *session) {
    void *before = NULL;
    if (__atomic_compare_exchange_n(&replay_default_session, &before, session, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return session;
    return before;
}

/* The layouts that every build must have. */
_Static_assert(sizeof(replay_error_t) == 32 + 96 + 96 + 64 + 512 + 1024,
               "layout of replay_error_t");
_Static_assert(sizeof(replay_input_event_t) == 32, "layout of replay_input_event_t");
_Static_assert(offsetof(replay_host_t, icount) == 8, "layout of replay_host_t");
_Static_assert(offsetof(replay_info_t, total_icount) == 96, "layout of replay_info_t");
_Static_assert(sizeof(replay_info_t) == 128, "layout of replay_info_t");
_Static_assert(sizeof(replay_input_t) == 48, "layout of replay_input_t");
_Static_assert(sizeof(replay_end_t) == 16, "layout of replay_end_t");
