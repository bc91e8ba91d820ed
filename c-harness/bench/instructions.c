/* SPDX-License-Identifier: MIT */
/* Instructions an event: this program under callgrind, which counts in one
 * function and what that calls, on the thread that calls it. Two runs with
 * different numbers of events show what one more event costs.
 *
 * The library is counted in a copy without debug information, because valgrind
 * does not always understand the Swift compiler's and gives up then. */
#include "bench.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* All of it fits into the first segment of the log. */
enum { FEW = 20000, MANY = 120000 };

/** The file that the library was loaded from. */
static bool find_library(char path[PATH_MAX]) {
    Dl_info info;
    return dladdr(dlsym(RTLD_DEFAULT, "replay_save_clock"), &info) &&
           realpath(info.dli_fname, path);
}

static int64_t count(const char *what, unsigned events) {
    char command[PATH_MAX * 4], program[PATH_MAX], library[PATH_MAX], line[512];
    bench_require(realpath("/proc/self/exe", program) && find_library(library), "no such file");
    snprintf(command, sizeof command,
             "exec 2>&1; cd '%s' && strip --strip-debug -o " REPLAY_SONAME " '%s' && "
             "TMPDIR=. LD_LIBRARY_PATH=. valgrind --tool=callgrind --callgrind-out-file=callgrind "
             "--toggle-collect=bench_%s '%s' --count-only %s %u",
             bench_folder, library, what, program, what, events);
    FILE *output = popen(command, "r");
    if (!output)
        return -1;
    int64_t instructions = -1;
    char tail[4096] = "";
    while (fgets(line, sizeof line, output)) {
        const char *found = strstr(line, "Collected : ");
        if (found)
            instructions = strtoll(found + strlen("Collected : "), NULL, 10);
        if (strlen(tail) + strlen(line) < sizeof tail)
            strcat(tail, line);
    }
    if (pclose(output) == 0 && instructions > 0)
        return instructions;
    fprintf(
        stderr,
        "replay-bench-hotpath: NO INSTRUCTIONS WERE COUNTED: valgrind is missing or failed:\n%s",
        tail);
    return -1;
}

static double bench_instructions(const char *what) {
    int64_t few = count(what, FEW);
    int64_t many = few < 0 ? -1 : count(what, MANY);
    return many < 0 ? -1 : (double)(many - few) / (MANY - FEW);
}

/** What is counted, and where: while recording; while replaying all readings, or the only one. */
static const struct {
    const char *name;
    void (*run)(bench_machine_t *machine, unsigned count);
    enum { RECORD, PLAY, PLAY_ONE } where;
} parts[] = {
    {"record", bench_record, RECORD},
    {"asked_record", bench_asked_record, RECORD},
    {"play", bench_play, PLAY},
    {"asked_play", bench_asked_play, PLAY},
    {"lock", bench_lock, PLAY_ONE},
    {"slice", bench_slice, PLAY_ONE},
    {"refused_checkpoint", bench_refused_checkpoint, PLAY_ONE},
    {"refused_interrupt", bench_refused_interrupt, PLAY_ONE},
};

bool bench_print_instructions(void) {
    bool counted = true;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        double instructions = bench_instructions(parts[i].name);
        printf("%s_instructions %.2f\n", parts[i].name, instructions);
        fflush(stdout);
        counted = counted && instructions > 0;
    }
    return counted;
}

bool bench_count_only(const char *what, unsigned events) {
    size_t part = 0;
    while (part < sizeof parts / sizeof *parts && strcmp(parts[part].name, what) != 0)
        part++;
    if (part == sizeof parts / sizeof *parts)
        return false;
    bench_machine_t machine = {0, 0, 0};
    bench_begin(REPLAY_MODE_RECORD, &machine);
    (parts[part].where == RECORD ? parts[part].run : bench_record)(
        &machine, parts[part].where == PLAY_ONE ? 1 : events);
    bench_end();
    if (parts[part].where == RECORD)
        return true;
    machine = (bench_machine_t){0, 0, 0};
    bench_begin(REPLAY_MODE_PLAY, &machine);
    parts[part].run(&machine, events);
    if (parts[part].where == PLAY_ONE)
        bench_play(&machine, 1);
    bench_end();
    bench_require(bench_sum_played == bench_sum_recorded, "other readings than recorded");
    return true;
}
