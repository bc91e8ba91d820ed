/* SPDX-License-Identifier: MIT */
#include "library.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "message.h"

const replay_plugin_t *replay;
static char not_loaded[1024]; /* why the stubs are used, unless the user asked for them */

/* Loads a file and returns the library's only entry. NULL: dlerror() says why. */
static replay_plugin_query_t open_library(const char *path) {
    replay_plugin_query_t query = NULL;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle)
        *(void **)&query = dlsym(handle, "replay_plugin_query");
    return query;
}

/* Finds the library beside the program. @return false: it isn't there. */
static bool beside_program(char *path, size_t room) {
    ssize_t length = readlink("/proc/self/exe", path, room - 1);
    path[length > 0 ? length : 0] = '\0';
    char *name = strrchr(path, '/');
    if (!name || (size_t)(name + 1 - path) + sizeof(REPLAY_SONAME) > room)
        return false;
    memcpy(name + 1, REPLAY_SONAME, sizeof(REPLAY_SONAME));
    return access(path, F_OK) == 0;
}

bool library_load(const char *path) {
    char beside[PATH_MAX];
    replay_plugin_query_t query = NULL;
    if (!path && beside_program(beside, sizeof(beside)))
        path = beside;
    if (!path) {
        query = open_library(REPLAY_SONAME);
        if (!query)
            snprintf(not_loaded, sizeof(not_loaded), "%s", dlerror());
    } else if (strcmp(path, "none") != 0 && !(query = open_library(path))) {
        tell("%s", dlerror());
        return false;
    }
    if (query)
        replay = query(REPLAY_ABI_VERSION);
    if (query && !replay) {
        tell("%s doesn't have ABI %u", path ? path : REPLAY_SONAME, REPLAY_ABI_VERSION);
        return false;
    }
    /* The stubs are linked into this program under the same names: this is their table. */
    if (!replay)
        replay = replay_plugin_query(REPLAY_ABI_VERSION);
    return replay != NULL;
}

void library_complain(void) {
    replay_error_t error = REPLAY_ERROR_INIT;
    replay->replay_last_error(&error);
    const char *lines = error.history[0] != '\0' ? "\n" : "";
    tell("%s%s%s", error.message, lines, error.history);
    if (error.status == REPLAY_ERROR_NOT_SUPPORTED && not_loaded[0] != '\0')
        tell("the library was not loaded: %s", not_loaded);
}
