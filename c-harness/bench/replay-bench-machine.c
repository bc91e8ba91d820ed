/* SPDX-License-Identifier: MIT */
/* replay-bench-machine: what recording and replaying cost a machine that boots Linux.
 *
 *     replay-bench-machine [PAIRS] [--guest boot|compute|disk] [--guests FOLDER] [--machine
 * PROGRAM]
 *
 * Boots the same guest without recording, recording, recording with snapshots on the
 * way (rrsnap=50), and replaying, one after the other, PAIRS times (5); compares CPU time, user and
 * system, of the whole program, and prints the medians, "name value" a line. boot switches itself
 * off at once, compute and disk work before that. The machine sits beside this program, the
 * guests are those that guest/make-guests has made. */
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAIRS_MOST = 99 };
enum { NONE, RECORD, SNAPSHOTS, PLAY, WAYS };

static char machine[PATH_MAX], guests[PATH_MAX], folder[PATH_MAX];
static const char *guest = "boot";

static void end(const char *what) {
    fprintf(stderr, "replay-bench-machine: %s\n", what);
    exit(1);
}

static void path(char *out, const char *place, const char *name) {
    if (snprintf(out, PATH_MAX, "%s/%s", place, name) >= PATH_MAX)
        end("a path is too long");
}

static void remove_folder(void) {
    static const char *const names[] = {"log", "log.live", "log.snap", "report"};
    char name[PATH_MAX];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        path(name, folder, names[i]);
        unlink(name);
    }
    rmdir(folder);
}

/* A line "name value" of the last run's report. */
static double reported(const char *name) {
    char file[PATH_MAX], line[256];
    path(file, folder, "report");
    FILE *report = fopen(file, "r");
    if (!report)
        end("the machine has left no report");
    double value = -1;
    size_t length = strlen(name);
    while (fgets(line, sizeof(line), report))
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            value = strtod(line + length, NULL);
    fclose(report);
    return value;
}

/* Removes the last run's snapshots. @return their size */
static double remove_store(void) {
    char file[PATH_MAX];
    struct stat about;
    path(file, folder, "log.snap");
    double size = stat(file, &about) == 0 ? (double)about.st_size : 0;
    unlink(file);
    return size;
}

static double seconds(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* Boots once. @return CPU seconds, user and system. */
static double boot(int way) {
    static const char *const modes[WAYS] = {
        "shift=0", "shift=0,rr=record,rrfile=", "shift=0,rr=record,rrsnap=50,rrfile=",
        "shift=0,rr=replay,rrfile="};
    char kernel[PATH_MAX], initrd[PATH_MAX], disk[PATH_MAX], report[PATH_MAX],
        icount[PATH_MAX + 64];
    path(kernel, guests, "Image");
    if (snprintf(initrd, sizeof(initrd), "%s/%s.cpio", guests, guest) >= PATH_MAX)
        end("a path is too long");
    path(disk, guests, "disk.img");
    path(report, folder, "report");
    snprintf(icount, sizeof(icount), "%s%s%s", modes[way], way == NONE ? "" : folder,
             way == NONE ? "" : "/log");
    char append[1024] = "";
    char line[PATH_MAX];
    path(line, guests, "command-line");
    FILE *file = fopen(line, "r");
    if (!file || !fgets(append, sizeof(append), file))
        end("the guests' folder has no command-line: run c-harness/rv64/guest/make-guests");
    fclose(file);
    append[strcspn(append, "\n")] = '\0';

    pid_t child = fork();
    if (child == 0) {
        execl(machine, machine, "--kernel", kernel, "--initrd", initrd, "--append", append,
              "--serial", "null", "--icount", icount, "--report", report,
              strcmp(guest, "disk") == 0 ? "--disk" : NULL, disk, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    struct rusage usage;
    if (child < 0 || wait4(child, &status, 0, &usage) != child)
        end("no process can be made");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        end("the machine has failed");
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, int count) {
    double sorted[PAIRS_MOST];
    memcpy(sorted, values, sizeof(*values) * (size_t)count);
    qsort(sorted, (size_t)count, sizeof(*sorted), compare);
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static void find_places(int argc, char **argv, int *pairs) {
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length < 0)
        end("/proc is missing");
    self[length] = '\0';
    const char *here = dirname(self);
    path(machine, here, "rv64/rv64-machine");
    path(guests, here, "rv64/guests");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--guests") == 0 && i + 1 < argc)
            path(guests, argv[++i], "");
        else if (strcmp(argv[i], "--guest") == 0 && i + 1 < argc)
            guest = argv[++i];
        else if (strcmp(argv[i], "--machine") == 0 && i + 1 < argc)
            snprintf(machine, sizeof(machine), "%s", argv[++i]);
        else
            *pairs = atoi(argv[i]);
    }
    if (*pairs < 1 || *pairs > PAIRS_MOST)
        end("usage: replay-bench-machine [PAIRS, 1 to 99] [--guest boot|compute|disk] "
            "[--guests FOLDER] [--machine PROGRAM]");
    const char *parent = getenv("TMPDIR");
    path(folder, parent && *parent ? parent : "/var/tmp", "replay-bench-XXXXXX");
    if (!mkdtemp(folder))
        end("no folder for the logs can be made");
    atexit(remove_folder);
}

int main(int argc, char **argv) {
    int pairs = 5;
    find_places(argc, argv, &pairs);
    double mips[PAIRS_MOST], real[PAIRS_MOST], record[PAIRS_MOST], play[PAIRS_MOST];
    double snapshots[PAIRS_MOST], store_bytes = 0;
    double events = 0, log_bytes = 0, event_bytes = 0, icount = 0;
    boot(NONE); /* so that the files are in memory for all of them */
    for (int i = 0; i < pairs; i++) {
        double none = boot(NONE);
        mips[i] = reported("icount") / none / 1e6;
        real[i] = reported("seconds");
        double recorded = boot(RECORD);
        record[i] = recorded / none;
        events = reported("events");
        log_bytes = reported("log_bytes");
        event_bytes = reported("event_bytes");
        icount = reported("icount");
        play[i] = boot(PLAY) / none;
        snapshots[i] = boot(SNAPSHOTS) / recorded;
        store_bytes = remove_store();
    }
    printf("%s_mips %.1f\n%s_seconds %.2f\n", guest, median(mips, pairs), guest,
           median(real, pairs));
    printf("record_cpu_ratio %.3f\nplay_cpu_ratio %.3f\n", median(record, pairs),
           median(play, pairs));
    printf("snap_cpu_ratio %.3f\nsnap_store_bytes %.0f\n", median(snapshots, pairs), store_bytes);
    printf("%s_events %.0f\n%s_log_bytes %.0f\n", guest, events, guest, log_bytes);
    printf("%s_event_bytes %.2f\n%s_log_bytes_per_event %.2f\n%s_icount %.0f\n", guest,
           event_bytes / events, guest, log_bytes / events, guest, icount);
    return 0;
}
