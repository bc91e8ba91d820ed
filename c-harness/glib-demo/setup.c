/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L

#include "setup.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "guest.h"

bool setup_arguments(arguments_t *a, int argc, char **argv) {
    gint64 seed = -1, rounds = 50;
    const GOptionEntry entries[] = {
        {"seed", 0, 0, G_OPTION_ARG_INT64, &seed, "Of who types when, and of the dice", "N"},
        {"rounds", 0, 0, G_OPTION_ARG_INT64, &rounds, "How long the guest runs (50)", "N"},
        {"disk", 0, 0, G_OPTION_ARG_FILENAME, &a->disk, "Its disk (FILE.disk)", "IMAGE"},
        {"options", 0, 0, G_OPTION_ARG_FILENAME, &a->options, "For the library", "KEY=VALUE,..."},
        {"gdb", 0, 0, G_OPTION_ARG_STRING, &a->gdb, "Wait for gdb there (1234, unix:PATH)",
         "WHERE"},
        {"committed", 0, 0, G_OPTION_ARG_FILENAME, &a->committed, "Count events there", "FILE"},
        {0}};
    GOptionContext *context = g_option_context_new("record|replay FILE");
    g_option_context_add_main_entries(context, entries, NULL);

    GError *error = NULL;
    bool good = g_option_context_parse(context, &argc, &argv, &error);
    if (error)
        fprintf(stderr, "glib-demo: %s\n", error->message);
    else if (argc != 3 || rounds < 1 || (strcmp(argv[1], "record") && strcmp(argv[1], "replay"))) {
        char *help = g_option_context_get_help(context, TRUE, NULL);
        fputs(help, stderr);
        g_free(help);
        good = false;
    }
    if (good) {
        a->replay = strcmp(argv[1], "replay") == 0;
        a->log = argv[2];
        a->seed = seed;
        a->rounds = rounds;
        if (!a->disk)
            a->disk = g_strconcat(a->log, ".disk", NULL);
    }
    g_clear_error(&error);
    g_option_context_free(context);
    return good;
}

void setup_release(arguments_t *a) {
    g_free(a->disk);
    g_free(a->options);
    g_free(a->gdb);
    g_free(a->committed);
}

bool setup_image(const char *name, size_t words) {
    if (g_file_test(name, G_FILE_TEST_EXISTS))
        return true;
    uint64_t *image = g_new(uint64_t, words);
    for (size_t i = 0; i < words; i++)
        image[i] = guest_mix(i, 0);
    GError *error = NULL;
    g_file_set_contents(name, (const char *)image, (gssize)(words * sizeof(*image)), &error);
    if (error)
        fprintf(stderr, "glib-demo: %s\n", error->message);
    bool made = error == NULL;
    g_clear_error(&error);
    g_free(image);
    return made;
}

_Atomic uint64_t *setup_counter(const char *name) {
    void *counter = MAP_FAILED;
    int file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file >= 0 && ftruncate(file, sizeof(uint64_t)) == 0)
        counter = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (counter == MAP_FAILED)
        perror(name);
    if (file >= 0)
        close(file);
    return counter == MAP_FAILED ? NULL : counter;
}

uint64_t setup_file_size(const char *name) {
    struct stat about;
    return stat(name, &about) == 0 ? (uint64_t)about.st_size : 0;
}
