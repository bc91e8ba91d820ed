/* SPDX-License-Identifier: MIT */
/* rv64-machine: an RV64GC machine that boots Linux, and can be recorded and replayed.
 *
 *     rv64-machine --kernel Image --initrd boot.cpio
 *     rv64-machine --kernel Image --initrd boot.cpio --icount rr=record,rrfile=boot.log
 *     rv64-machine --kernel Image --initrd boot.cpio --icount rr=replay,rrfile=boot.log
 *
 * README.md has the machine's map, and the places where libreplay is called. */
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib-unix.h>

/* Exit statuses besides 0 and 1, which is a failure. */
enum { EXIT_LOG_CUT = 2, EXIT_PANIC = 3 };

static gboolean on_signal(gpointer opaque) {
    machine_t *m = opaque;
    if (REPLAY_MODE() == REPLAY_MODE_PLAY)
        machine_power_off(m, REPLAY_SHUTDOWN_HOST_SIGNAL);
    else
        machine_request_shutdown(m, REPLAY_SHUTDOWN_HOST_SIGNAL);
    return G_SOURCE_CONTINUE;
}

static uint64_t file_size(const char *name) {
    struct stat about;
    return name && stat(name, &about) == 0 ? (uint64_t)about.st_size : 0;
}

/* What this run was, for people and scripts. */
typedef struct report {
    replay_info_t info;
    uint64_t digest, icount, log_bytes;
    double seconds;
} report_t;

static bool write_report(const char *name, const report_t *r) {
    FILE *file = fopen(name, "w");
    if (!file) {
        fprintf(stderr, "rv64-machine: %s: %s\n", name, strerror(errno));
        return false;
    }
    fprintf(file, "events %" PRIu64 "\nevent_bytes %" PRIu64 "\nlog_bytes %" PRIu64 "\n",
            r->info.events, r->info.event_bytes, r->log_bytes);
    fprintf(file, "icount %" PRIu64 "\nvirtual_ns %" PRId64 "\nwarped_ns %" PRId64 "\n", r->icount,
            r->info.virtual_ns, r->info.warped_ns);
    fprintf(file, "digest %016" PRIx64 "\nseconds %.3f\n", r->digest, r->seconds);
    bool written = !ferror(file);
    if (fclose(file) == 0 && written)
        return true;
    fprintf(stderr, "rv64-machine: %s: %s\n", name, strerror(errno));
    return false;
}

/* Lets the started machine run until it is switched off. */
static void run(machine_t *m, report_t *report) {
    int64_t start = g_get_monotonic_time();
    /* The vCPU thread begins when the loop polls for the first time (in mode NONE, where
     * there is no replay lock, at once), and ends the loop when it ends itself. */
    GThread *vcpu = g_thread_new("vcpu", machine_vcpu_thread, m);
    g_main_loop_run(m->loop);
    g_thread_join(vcpu);
    report->seconds = (double)(g_get_monotonic_time() - start) / 1e6;

    /* To be asked while there still is a session. */
    report->info = (replay_info_t)REPLAY_INFO_INIT;
    replay->replay_query(&report->info);
    report->icount = m->cpu.icount;
    report->digest = machine_digest(m);
}

/* @return the exit status. */
static int finish(machine_t *m, report_t *report) {
    char *log = g_strdup(replay->replay_get_filename());
    replay_status_t status = machine_finish(m);
    if (status != REPLAY_OK)
        library_complain();
    report->log_bytes = file_size(log);
    g_free(log);
    if (m->options->report && !write_report(m->options->report, report))
        return 1;
    if (status != REPLAY_OK)
        return status == REPLAY_ERROR_LOG_CUT ? EXIT_LOG_CUT : 1;
    int cause = atomic_load(&m->cause);
    return cause == REPLAY_SHUTDOWN_GUEST_PANIC  ? EXIT_PANIC
           : cause == REPLAY_SHUTDOWN_HOST_ERROR ? 1
                                                 : 0;
}

/* @return the exit status. */
static int run_and_finish(machine_t *m) {
    report_t report;
    if (replay->replay_start() != REPLAY_OK) {
        library_complain();
        machine_finish(m);
        return 1;
    }
    const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    guint sources[G_N_ELEMENTS(signals)];
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        sources[i] = g_unix_signal_add(signals[i], on_signal, m);
    run(m, &report);
    int status = finish(m, &report);
    /* Who has sent one may send another, which must not cut what the first one ends.
     * Who has not may still interrupt us while we write what is left. */
    if (atomic_load(&m->cause) != REPLAY_SHUTDOWN_HOST_SIGNAL)
        for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
            g_source_remove(sources[i]);
    return status;
}

static int operate(const options_t *options) {
    static machine_t m;
    int status = 1;
    if (machine_open(&m, options))
        status = run_and_finish(&m);
    else
        machine_finish(&m);
    if (!machine_close(&m) && status == 0)
        status = 1;
    return status;
}

/* Else the log would be opened as one of them, and be written to as such. */
static bool open_standard_files(void) {
    int file;
    do
        file = open("/dev/null", O_RDWR);
    while (file >= 0 && file <= STDERR_FILENO);
    return file >= 0 && close(file) == 0;
}

int main(int argc, char **argv) {
    options_t options;
    int status = 1;
    if (!open_standard_files())
        return 1;
    signal(SIGPIPE, SIG_IGN); /* whoever listens at the serial line may leave */
    if (options_parse(&options, argc, argv) && library_load(options.replay_lib))
        status = operate(&options);
    options_free(&options);
    return status;
}
