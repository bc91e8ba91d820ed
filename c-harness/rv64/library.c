/* SPDX-License-Identifier: MIT */
#include "library.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SONAME "libreplay.so.0"

const replay_plugin_t *replay;
static bool present;

/* The library's one entry, from a file. */
static replay_plugin_query_t open_library(const char *path) {
    replay_plugin_query_t query = NULL;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle)
        *(void **)&query = dlsym(handle, "replay_plugin_query");
    return query;
}

/* libreplay.so.0 in the folder of the program, or where dlopen() finds it. */
static replay_plugin_query_t open_default(void) {
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
    char *name =
        length > 0 && length < (ssize_t)sizeof(path) ? memrchr(path, '/', (size_t)length) : NULL;
    if (name && (size_t)(name + 1 - path) + sizeof(SONAME) <= sizeof(path)) {
        memcpy(name + 1, SONAME, sizeof(SONAME));
        if (access(path, F_OK) == 0)
            return open_library(path);
    }
    return open_library(SONAME);
}

bool library_load(const char *path) {
    replay_plugin_query_t query = NULL;
    if (!path)
        query = open_default();
    else if (strcmp(path, "none") != 0 && !(query = open_library(path))) {
        fprintf(stderr, "rv64-machine: %s\n", dlerror());
        return false;
    }
    if (query)
        replay = query(REPLAY_ABI_VERSION);
    if (query && !replay) {
        fprintf(stderr, "rv64-machine: %s has another ABI than %u\n", path ? path : SONAME,
                REPLAY_ABI_VERSION);
        return false;
    }
    present = query != NULL;
    /* The stubs define the same names, in this program: this is their table. */
    if (!replay)
        replay = replay_plugin_query(REPLAY_ABI_VERSION);
    return replay != NULL;
}

bool library_present(void) {
    return present;
}

int library_complain(void) {
    replay_error_t error = REPLAY_ERROR_INIT;
    replay->replay_last_error(&error);
    fprintf(stderr, "rv64-machine: %s\n", error.message);
    if (error.history[0] != '\0')
        fprintf(stderr, "%s\n", error.history);
    return 1;
}
