/* SPDX-License-Identifier: MIT */
/** @file snippets-table.c
 *  As snippets.c, for a host that includes only the table. */
#include <dlfcn.h>

#define REPLAY_TABLE_ONLY
#include <replay/plugin.h>

int64_t wall_clock_ns(void);

int64_t read_the_clock_by_the_table(void *handle) {
    libreplay_plugin_query_t query;
    *(void **)&query = dlsym(handle, "replay_plugin_query");
    const libreplay_plugin_t *replay = query(LIBREPLAY_ABI_VERSION);
    replay->replay_mutex_lock();
    int64_t now = LIBREPLAY_CLOCK_LOCKED(replay, LIBREPLAY_CLOCK_HOST, wall_clock_ns());
    return now;
}
