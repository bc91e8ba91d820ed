/* SPDX-License-Identifier: MIT */
/* A host whose own functions, variables, types and macros have the library's names
 * uses the library through its table: own-names.h is included before or after the
 * table, by the build; the functions of that header that are called are here.
 *
 * usage: own-names LIBRARY LOG */
#define REPLAY_TABLE_ONLY

#ifdef OWN_NAMES_FIRST
#include "own-names.h"

#include <replay/plugin.h>
#else
#include <replay/plugin.h>

#include "own-names.h"
#endif

#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const libreplay_plugin_t *library;
static int failures;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                                \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

/* The host's own. */
ReplayMode replay_mode = REPLAY_MODE_PLAY;
static int own_calls;
void replay_mutex_lock(void) {
    own_calls++;
}
void replay_start(void) {
    own_calls++;
}

typedef struct {
    uint64_t icount;
    int64_t clock;
} machine_t;

static uint64_t m_icount(void *opaque) {
    return ((machine_t *)opaque)->icount;
}

static bool m_idle(void *opaque) {
    (void)opaque;
    return false;
}

static void m_execute(void *opaque, uint64_t instructions) {
    machine_t *m = opaque;
    for (; instructions > 0 && m->icount < 1000; instructions--)
        m->icount++;
    if (m->icount == 1000)
        library->replay_run_stop();
}

static void m_interrupt(void *opaque) {
    machine_t *m = opaque;
    if (m->icount == 0)
        m->clock = LIBREPLAY_CLOCK_LOCKED(library, LIBREPLAY_CLOCK_HOST, m->clock);
}

/* Runs the machine. @return the reading that the guest saw. */
static int64_t run(libreplay_mode_t mode, const char *log, int64_t clock) {
    machine_t m = {0, clock};
    libreplay_host_t host = LIBREPLAY_HOST_INIT;
    host.icount = m_icount;
    host.cpus_idle = m_idle;
    host.execute = m_execute;
    host.interrupt = m_interrupt;
    libreplay_config_t config = LIBREPLAY_CONFIG_INIT;
    config.mode = mode;
    config.host = &host;
    config.opaque = &m;
    config.filename = log;
    CHECK(library->replay_configure(&config) == LIBREPLAY_OK);
    CHECK(*library->mode == mode);
    CHECK(library->replay_start() == LIBREPLAY_OK);
    CHECK(library->replay_run() == LIBREPLAY_OK);
    libreplay_info_t info = LIBREPLAY_INFO_INIT;
    CHECK(library->replay_query(&info) == LIBREPLAY_OK);
    CHECK(info.mode == mode);
    CHECK(library->replay_finish() == LIBREPLAY_OK);
    CHECK(m.icount == 1000);
    return m.clock;
}

int main(int argc, char **argv) {
    void *handle = argc == 3 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND) : NULL;
    if (!handle) {
        fprintf(stderr, "usage: own-names LIBRARY LOG\n");
        return 2;
    }
    libreplay_plugin_query_t query;
    *(void **)&query = dlsym(handle, "replay_plugin_query");
    library = query ? query(LIBREPLAY_ABI_VERSION) : NULL;
    CHECK(library != NULL);
    if (!library)
        return 1;
    CHECK(library->size == sizeof *library);

    CHECK(run(LIBREPLAY_MODE_NONE, NULL, 5) == 5);
    CHECK(run(LIBREPLAY_MODE_RECORD, argv[2], 6) == 6);
    CHECK(run(LIBREPLAY_MODE_PLAY, argv[2], 7) == 6);
    CHECK(LIBREPLAY_CLOCK(library, LIBREPLAY_CLOCK_HOST, 8) == 8);

    /* Nobody's names got mixed up. */
    CHECK(replay_mode == REPLAY_MODE_PLAY);
    CHECK(REPLAY_CLOCK(REPLAY_CLOCK_VIRTUAL_RT, 1) == 1002);
    CHECK(strcmp(REPLAY_OK, "own") == 0);
    CHECK(own_calls == 0);
    replay_mutex_lock();
    replay_start();
    CHECK(own_calls == 2);
    return failures != 0;
}
