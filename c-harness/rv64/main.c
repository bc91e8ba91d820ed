/* SPDX-License-Identifier: MIT */
/* rv64-machine: an RV64GC machine that boots Linux, and can be recorded and replayed.
 *
 *     rv64-machine --kernel Image --initrd boot.cpio
 *     rv64-machine --kernel Image --initrd boot.cpio --icount rr=record,rrfile=boot.log
 *     rv64-machine --kernel Image --initrd boot.cpio --icount rr=replay,rrfile=boot.log
 *
 * README.md has the machine's map, and says where libreplay is called. */
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
#include <glib.h>

#include "message.h"

/* Exit statuses besides 0 and 1, which is a failure. */
enum { EXIT_LOG_CUT = 2, EXIT_PANIC = 3 };

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
static guint signal_sources[G_N_ELEMENTS(signals)];

static gboolean on_signal(gpointer opaque) {
    machine_t *m = opaque;
    if (REPLAY_MODE() == REPLAY_MODE_PLAY)
        machine_power_off(m, REPLAY_SHUTDOWN_HOST_SIGNAL);
    else
        machine_request_shutdown(m, REPLAY_SHUTDOWN_HOST_SIGNAL);
    return G_SOURCE_CONTINUE;
}

/* From now on a signal switches the machine off, unless the program was started to ignore it. */
static void catch_signals(machine_t *m) {
    struct sigaction action;
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            signal_sources[i] = g_unix_signal_add(signals[i], on_signal, m);
}

/* From now on a signal ends the program at once. */
static void release_signals(void) {
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        if (signal_sources[i] != 0)
            g_source_remove(signal_sources[i]);
}

static uint64_t file_size(const char *name) {
    struct stat about;
    return name && stat(name, &about) == 0 ? (uint64_t)about.st_size : 0;
}

/* This run's numbers, for people and scripts. */
typedef struct report {
    account_t end;
    uint64_t log_bytes;
    double seconds;
} report_t;

static bool write_report(const char *name, const report_t *r) {
    FILE *file = fopen(name, "w");
    if (!file) {
        tell("%s: %s", name, strerror(errno));
        return false;
    }
    fprintf(file, "events %" PRIu64 "\nevent_bytes %" PRIu64 "\nlog_bytes %" PRIu64 "\n",
            r->end.info.events, r->end.info.event_bytes, r->log_bytes);
    fprintf(file, "icount %" PRIu64 "\nvirtual_ns %" PRId64 "\nwarped_ns %" PRId64 "\n",
            r->end.icount, r->end.info.virtual_ns, r->end.info.warped_ns);
    fprintf(file, "digest %016" PRIx64 "\nseconds %.3f\n", r->end.digest, r->seconds);
    bool written = !ferror(file);
    if (fclose(file) == 0 && written)
        return true;
    tell("%s: %s", name, strerror(errno));
    return false;
}

/* Runs the machine until it is switched off. @return false: the error was reported. */
static bool run(machine_t *m, report_t *report) {
    if (replay->replay_start() != REPLAY_OK) {
        library_complain();
        return false;
    }
    catch_signals(m);
    serial_begin(m->serial);
    int64_t start = g_get_monotonic_time();
    /* The vCPU thread gets the replay lock when the loop polls for the first time (mode NONE has
     * no replay lock), and ends the loop when the machine is off. */
    GThread *vcpu = g_thread_new("vcpu", machine_vcpu_thread, m);
    g_main_loop_run(m->loop);
    g_thread_join(vcpu);
    serial_end(m->serial);
    report->seconds = (double)(g_get_monotonic_time() - start) / 1e6;

    /* machine_finish() may still complete disk requests. If that is a part of the run, it then asks
     * for one more digest, and with it come the final numbers. */
    machine_take_account(m);
    return true;
}

/* @param whole report and serial output were written */
static int exit_status(replay_status_t ended, int cause, bool whole) {
    if (ended != REPLAY_OK)
        return ended == REPLAY_ERROR_LOG_CUT ? EXIT_LOG_CUT : 1;
    if (cause == REPLAY_SHUTDOWN_GUEST_PANIC)
        return EXIT_PANIC;
    return cause == REPLAY_SHUTDOWN_HOST_ERROR || !whole ? 1 : 0;
}

static int operate(const options_t *options) {
    static machine_t m;
    report_t report = {0};
    bool opened = machine_open(&m, options);
    bool ran = opened && !options->fingerprint && run(&m, &report);

    char *log = g_strdup(replay->replay_get_filename());
    replay_status_t ended = machine_finish(&m);
    report.end = m.account;
    report.log_bytes = file_size(log);
    g_free(log);
    release_signals(); /* the log is complete; what follows may wait for a reader */
    if (ran && ended != REPLAY_OK && ended != REPLAY_ERROR_LOG_CUT) /* that was a warning */
        library_complain();
    bool whole = !ran || !options->report || write_report(options->report, &report);
    whole = machine_close(&m) && whole;
    if (opened && options->fingerprint)
        return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
    if (!ran)
        return 1;
    return exit_status(ended, atomic_load(&m.cause), whole);
}

/* Opens standard files that are closed. Otherwise the log could become standard output. */
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
    signal(SIGPIPE, SIG_IGN); /* a reader of our output may leave */
    if (options_parse(&options, argc, argv) && library_load(options.replay_lib))
        status = operate(&options);
    options_free(&options);
    return status;
}
