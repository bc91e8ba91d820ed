/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "message.h"

/* Returns what is wrong with options that are well formed, or NULL. */
static const char *complaint(const options_t *o) {
    if (!o->kernel)
        return "--kernel is missing";
    if (o->ram_mib < 4 || o->ram_mib > 65536)
        return "--ram is not between 4 and 65536";
    if (strcmp(o->cpu, "rv64gc") != 0 && strcmp(o->cpu, "rv64imac") != 0)
        return "--cpu is neither rv64gc nor rv64imac";
    if (o->slice < 1)
        return "--slice is not positive";
    if (o->digest_interval < 0)
        return "--digest-interval is negative";
    if (!o->disk && (o->disk_fail || o->disk_read_only || o->disk_no_digest))
        return "there is no --disk";
    return NULL;
}

/* All strings are FILENAMEs for GLib: bytes as they are, in every locale. */
bool options_parse(options_t *o, int argc, char **argv) {
    *o = (options_t){.ram_mib = 128, .slice = 20000, .digest_interval = 50000000};
    gboolean no_rtc = FALSE, no_entropy = FALSE, no_reboot = FALSE, read_only = FALSE,
             no_digest = FALSE, fingerprint = FALSE;
    const GOptionEntry machine[] = {
        {"kernel", 'k', 0, G_OPTION_ARG_FILENAME, &o->kernel, "Image of Linux, or ELF", "FILE"},
        {"initrd", 'i', 0, G_OPTION_ARG_FILENAME, &o->initrd, "Initial RAM file system", "FILE"},
        {"append", 'a', 0, G_OPTION_ARG_FILENAME, &o->append, "Command line of the kernel", "TEXT"},
        {"ram", 'm', 0, G_OPTION_ARG_INT64, &o->ram_mib, "RAM (128)", "MIB"},
        {"cpu", 0, 0, G_OPTION_ARG_FILENAME, &o->cpu, "rv64gc (default) or rv64imac", "NAME"},
        {"no-rtc", 0, 0, G_OPTION_ARG_NONE, &no_rtc, "No real-time clock", NULL},
        {"no-entropy", 0, 0, G_OPTION_ARG_NONE, &no_entropy, "No entropy device", NULL},
        {"no-reboot", 0, 0, G_OPTION_ARG_NONE, &no_reboot, "A reset ends the machine", NULL},
        {"disk", 'd', 0, G_OPTION_ARG_FILENAME, &o->disk, "Disk: image or NBD URI", "FILE"},
        {"disk-read-only", 0, 0, G_OPTION_ARG_NONE, &read_only, "Writes to it fail", NULL},
        {"disk-no-digest", 0, 0, G_OPTION_ARG_NONE, &no_digest,
         "In both runs: find a different image when the guest reads it, not at the start", NULL},
        {"disk-fail", 0, 0, G_OPTION_ARG_FILENAME, &o->disk_fail,
         "Requests to the image that fail with EIO, from 1", "N,N-M,..."},
        {"serial", 's', 0, G_OPTION_ARG_FILENAME, &o->serial,
         "stdio (default; Ctrl-A x quits), null, file:PATH (input), unix:PATH", "WHERE"},
        {"console-log", 0, 0, G_OPTION_ARG_FILENAME, &o->console_log, "Copy of the serial output",
         "FILE"},
        {0}};
    const GOptionEntry library[] = {
        {"icount", 0, 0, G_OPTION_ARG_FILENAME, &o->icount,
         "For the library: shift=N,rr=record|replay,rrfile=LOG,...", "KEY=VALUE,..."},
        {"slice", 0, 0, G_OPTION_ARG_INT64, &o->slice,
         "Instructions between two turns of the I/O thread (20000); a guest can't see it", "N"},
        {"digest-interval", 0, 0, G_OPTION_ARG_INT64, &o->digest_interval,
         "Instructions between two digests of the state (50000000; 0: only at the end)", "N"},
        {"replay-lib", 0, 0, G_OPTION_ARG_FILENAME, &o->replay_lib,
         "The library, or none (the one beside the program)", "FILE"},
        {"gdb", 0, 0, G_OPTION_ARG_FILENAME, &o->gdb,
         "Wait for gdb: PORT, tcp:HOST:PORT, unix:PATH; don't wait: unix:PATH,nowait", "WHERE"},
        {"fingerprint", 0, 0, G_OPTION_ARG_NONE, &fingerprint,
         "Print what a replay must have in common with its recording, and end", NULL},
        {"report", 0, 0, G_OPTION_ARG_FILENAME, &o->report,
         "Numbers of this run: icount, events, digest", "FILE"},
        {0}};
    GOptionContext *context = g_option_context_new(NULL);
    g_option_context_set_summary(context, "An RV64GC machine that can be recorded and replayed.");
    g_option_context_add_main_entries(context, machine, NULL);
    g_option_context_add_main_entries(context, library, NULL);

    GError *error = NULL;
    bool good = g_option_context_parse(context, &argc, &argv, &error);
    if (!o->cpu)
        o->cpu = g_strdup("rv64gc");
    if (!o->serial)
        o->serial = g_strdup("stdio");
    if (!o->append)
        o->append = g_strdup("");
    o->no_rtc = no_rtc;
    o->no_entropy = no_entropy;
    o->no_reboot = no_reboot;
    o->disk_read_only = read_only;
    o->disk_no_digest = no_digest;
    o->fingerprint = fingerprint;
    const char *wrong = error      ? error->message
                        : argc > 1 ? "there are only options, no arguments"
                                   : complaint(o);
    if (wrong)
        tell("%s (see --help)", wrong);
    g_clear_error(&error);
    g_option_context_free(context);
    return good && !wrong;
}

void options_free(options_t *o) {
    char *strings[] = {o->kernel, o->initrd,      o->append, o->cpu,        o->disk,   o->disk_fail,
                       o->serial, o->console_log, o->icount, o->replay_lib, o->report, o->gdb};
    for (size_t i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free(strings[i]);
}
