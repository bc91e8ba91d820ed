/* SPDX-License-Identifier: MIT */
/* A host that only dlopens the library, in an otherwise empty environment. It
 * is linked with nothing of ours; the library's path is its first argument. */
#include <replay/types.h>

static const struct replay_plugin *replay;
#define REPLAY_FN(name) (replay->name)
#define REPLAY_MODE()   (*replay->mode)
#include <replay/replay.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t icount;
static int stops;
static uint64_t get_icount(void *opaque) {
    (void)opaque;
    return icount;
}
static bool is_idle(void *opaque) {
    (void)opaque;
    return false;
}
static void stop(void *opaque, replay_stop_reason_t reason, const replay_error_t *error) {
    (void)opaque;
    if (reason != REPLAY_STOP_END)
        fprintf(stderr, "stopped: %s\n", error ? error->message : "?");
    stops++;
}

static void check(bool ok, const char *what) {
    if (ok)
        return;
    fprintf(stderr, "FAIL %s\n", what);
    if (replay) {
        replay_error_t error = REPLAY_ERROR_INIT;
        replay->replay_last_error(&error);
        fprintf(stderr, "     %s\n", error.message);
    }
    exit(1);
}

static void *load(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        fprintf(stderr, "%s\n", dlerror());
    check(library != NULL, "dlopen");
    replay_plugin_query_t query =
        (replay_plugin_query_t)(uintptr_t)dlsym(library, "replay_plugin_query");
    check(query != NULL, "dlsym");
    replay = query(REPLAY_ABI_VERSION);
    check(replay != NULL, "query");
    check(replay->size >= sizeof *replay, "size");
    check(query(REPLAY_ABI_VERSION + 1) == NULL, "another ABI");
    return library;
}

static void run(replay_mode_t mode, const char *path) {
    replay_host_t host = REPLAY_HOST_INIT;
    host.icount = get_icount;
    host.cpus_idle = is_idle;
    host.stop = stop;
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.host = &host;
    config.mode = mode;
    config.filename = path;
    icount = 0;
    check(replay->replay_configure(&config) == REPLAY_OK, "configure");
    check(*replay->mode == mode, "mode");
    check(replay->replay_thread_attach(3) == REPLAY_OK, "attach");
    check(replay->replay_start() == REPLAY_OK, "start");
    check(replay->replay_mutex_lock() == REPLAY_OK, "lock");
    for (int64_t i = 0; i < 10000; i++) {
        uint64_t budget = replay->replay_get_budget(100);
        check(budget == 100, "budget");
        icount += budget;
        check(replay->replay_account_executed_instructions() == REPLAY_OK, "account");
        int64_t now = REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, i * i);
        check(now == i * i, "clock");
    }
    check(replay->replay_mutex_unlock() == REPLAY_OK, "unlock");
    check(replay->replay_finish() == REPLAY_OK, "finish");
}

/* A thread that is still known to the library when it is closed. */
static void *touch(void *opaque) {
    (void)opaque;
    replay->replay_thread_attach(REPLAY_THREAD_IO);
    replay->replay_mutex_locked();
    usleep(100000);
    return NULL;
}

int main(int argc, char **argv) {
    check(argc == 2, "usage: dlopen LIBRARY");
    check(getenv("LD_LIBRARY_PATH") == NULL && getenv("PATH") == NULL, "an empty environment");
    char folder[] = "/tmp/replay-test-XXXXXX", path[64];
    check(mkdtemp(folder) != NULL, "folder");
    snprintf(path, sizeof path, "%s/run.log", folder);
    for (int i = 0; i < 3; i++) {
        void *library = load(argv[1]);
        run(REPLAY_MODE_RECORD, path);
        run(REPLAY_MODE_PLAY, path);
        pthread_t thread;
        pthread_create(&thread, NULL, touch, NULL);
        usleep(10000);
        check(dlclose(library) == 0, "dlclose");
        pthread_join(thread, NULL); /* its thread-local data goes after the library */
    }
    unlink(path);
    rmdir(folder);
    printf("recorded and replayed 3 times, loaded anew each time\n");
    return 0;
}
