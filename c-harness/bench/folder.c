/* SPDX-License-Identifier: MIT */
/* The folder for the logs. */
#include "bench.h"

#include <stdlib.h>
#include <unistd.h>

char bench_folder[512], bench_log[640], bench_stdio[640];

static void remove_folder(void) {
    static const char *const names[] = {"recording", "recording.live", "conventional", "callgrind",
                                        "libreplay.so.0"};
    char path[640];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", bench_folder, names[i]);
        unlink(path);
    }
    rmdir(bench_folder);
}

void bench_make_folder(const char *parent) {
    if (!parent)
        parent = getenv("TMPDIR");
    if (!parent || !*parent)
        parent = "/var/tmp";
    snprintf(bench_folder, sizeof bench_folder, "%s/replay-bench-XXXXXX", parent);
    bench_require(mkdtemp(bench_folder) != NULL, "no folder for the logs can be made");
    snprintf(bench_log, sizeof bench_log, "%s/recording", bench_folder);
    snprintf(bench_stdio, sizeof bench_stdio, "%s/conventional", bench_folder);
    atexit(remove_folder);
}
