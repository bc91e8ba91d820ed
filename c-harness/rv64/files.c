/* SPDX-License-Identifier: MIT */
#include "files.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "message.h"

enum { MOST_LINKS = 40 };

/* A file by what it is; one that doesn't exist yet, by its folder and the name there. */
typedef struct place {
    dev_t device;
    ino_t inode;
    char *missing; /**< the name, or NULL: the file exists */
} place_t;

typedef struct used_file {
    const char *option;
    char *path;
    bool written; /**< by the machine itself */
    bool known;   /**< an ordinary file: several may use a terminal, a pipe, a device */
    place_t place;
} used_file_t;

/* A path to something that doesn't exist, without the symbolic links at its end. Freed by the
 * caller. */
static char *follow_links(const char *path) {
    char *at = g_strdup(path);
    for (int i = 0; i < MOST_LINKS; i++) {
        char target[PATH_MAX];
        ssize_t length = readlink(at, target, sizeof(target) - 1);
        if (length < 0)
            break;
        target[length] = '\0';
        char *folder = g_path_get_dirname(at);
        char *next = target[0] == '/' ? g_strdup(target) : g_build_filename(folder, target, NULL);
        g_free(folder);
        g_free(at);
        at = next;
    }
    return at;
}

static bool locate(const char *path, place_t *place) {
    struct stat about;
    *place = (place_t){0};
    if (stat(path, &about) == 0) {
        place->device = about.st_dev;
        place->inode = about.st_ino;
        return S_ISREG(about.st_mode) || S_ISBLK(about.st_mode);
    }
    char *end = follow_links(path);
    char *folder = g_path_get_dirname(end);
    bool found = stat(folder, &about) == 0;
    if (found) {
        place->device = about.st_dev;
        place->inode = about.st_ino;
        place->missing = g_path_get_basename(end);
    }
    g_free(folder);
    g_free(end);
    return found;
}

static bool is_same(const used_file_t *a, const used_file_t *b) {
    return a->known && b->known && a->place.device == b->place.device &&
           a->place.inode == b->place.inode && g_strcmp0(a->place.missing, b->place.missing) == 0;
}

static void add(GArray *files, const char *option, char *path, bool written) {
    if (!path)
        return;
    used_file_t file = {.option = option, .path = path, .written = written};
    file.known = locate(path, &file.place);
    g_array_append_val(files, file);
}

static const char *input_of(const char *serial) {
    return g_str_has_prefix(serial, "file:") ? serial + strlen("file:") : NULL;
}

/* A path that an option leads to, or NULL. */
static const char *image_of(const char *disk) {
    return disk && !strstr(disk, "://") ? disk : NULL;
}

bool files_are_distinct(const options_t *o, const char *log) {
    GArray *files = g_array_new(FALSE, FALSE, sizeof(used_file_t));
    add(files, "--console-log", g_strdup(o->console_log), true);
    add(files, "--report", g_strdup(o->report), true);
    add(files, "--kernel", g_strdup(o->kernel), false);
    add(files, "--initrd", g_strdup(o->initrd), false);
    add(files, "--disk", g_strdup(image_of(o->disk)), false);
    add(files, "--serial", g_strdup(input_of(o->serial)), false);
    static const char *const endings[] = {"", ".live", ".new", ".live.new"};
    for (size_t i = 0; log && i < G_N_ELEMENTS(endings); i++)
        add(files, i == 0 ? "rrfile" : "rrfile's other file", g_strconcat(log, endings[i], NULL),
            false);

    bool distinct = true;
    const used_file_t *all = (const used_file_t *)(void *)files->data;
    for (guint i = 0; i < files->len && distinct; i++)
        for (guint j = i + 1; j < files->len && distinct; j++)
            if (all[i].written && is_same(&all[i], &all[j])) {
                tell("%s %s and %s %s are the same file", all[i].option, all[i].path, all[j].option,
                     all[j].path);
                distinct = false;
            }
    for (guint i = 0; i < files->len; i++) {
        g_free(all[i].path);
        g_free(all[i].place.missing);
    }
    g_array_free(files, TRUE);
    return distinct;
}
