/* SPDX-License-Identifier: MIT */
/* The folder for the logs. */
#include "bench.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

char bench_folder[512];

enum { FILES = 5 };
static const char *const names[FILES] = {"recording", "recording.live", "conventional", "callgrind",
                                         REPLAY_SONAME};
static char paths[FILES][640];
const char *const bench_log = paths[0], *const bench_stdio = paths[2];

static void remove_folder(void) {
    for (int i = 0; i < FILES; i++)
        unlink(paths[i]);
    rmdir(bench_folder);
}

/* Whoever interrupts the program finds nothing of it left either. */
static void on_signal(int number) {
    remove_folder();
    signal(number, SIG_DFL);
    raise(number);
}

void bench_make_folder(const char *parent) {
    if (!parent)
        parent = getenv("TMPDIR");
    if (!parent || !*parent)
        parent = "/var/tmp";
    snprintf(bench_folder, sizeof bench_folder, "%s/replay-bench-XXXXXX", parent);
    bench_require(mkdtemp(bench_folder) != NULL, "no folder for the logs can be made");
    for (int i = 0; i < FILES; i++)
        snprintf(paths[i], sizeof paths[i], "%s/%s", bench_folder, names[i]);
    atexit(remove_folder);
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], on_signal);
}
