/* SPDX-License-Identifier: MIT */
/* A host that loads the library by itself: the table has every function, each
 * the one of that name, and the variables. usage: table LIBRARY */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <replay/plugin.h>

static int failures;

static void expect(bool good, const char *what) {
    if (!good) {
        fprintf(stderr, "table: %s\n", what);
        failures++;
    }
}

int main(int argc, char **argv) {
    void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library) {
        fprintf(stderr, "table: %s\n", argc > 1 ? dlerror() : "usage: table LIBRARY");
        return 1;
    }
    replay_plugin_query_t query;
    *(void **)&query = dlsym(library, "replay_plugin_query");
    if (!query) {
        fprintf(stderr, "table: no replay_plugin_query\n");
        return 1;
    }
    expect(!query(0) && !query(REPLAY_ABI_VERSION + 1), "another ABI is refused");
    const replay_plugin_t *table = query(REPLAY_ABI_VERSION);
    if (!table) {
        fprintf(stderr, "table: ABI %u is refused\n", REPLAY_ABI_VERSION);
        return 1;
    }
    expect(table == query(REPLAY_ABI_VERSION), "the table is one");
    expect(table->size == sizeof *table, "its size is the header's");
    expect(table->abi_version == REPLAY_ABI_VERSION, "its ABI is the header's");
    expect(strcmp(table->version, REPLAY_VERSION_TEXT) == 0, "its version is the package's");
    expect(table->mode && table->mode == dlsym(library, "replay_mode"), "mode is replay_mode");
    expect(table->snapshot && table->snapshot == dlsym(library, "replay_snapshot"),
           "snapshot is replay_snapshot");

    int count = 0;
#define FUNCTION(name)                                                                             \
    void *name##_in_table;                                                                         \
    memcpy(&name##_in_table, &table->name, sizeof name##_in_table);                                \
    expect(name##_in_table &&name##_in_table == dlsym(library, #name), #name);                     \
    count++;
#include "functions.inc"
#undef FUNCTION
    expect(offsetof(replay_plugin_t, replay_configure) + (size_t)count * sizeof(void (*)(void)) ==
               sizeof *table,
           "every member of the table was looked at");

    expect(table->replay_version() == REPLAY_VERSION, "the library's version is the header's");
    expect(strcmp(table->replay_version_text(), REPLAY_VERSION_TEXT) == 0, "its text too");
    void *same = dlopen(REPLAY_SONAME, RTLD_NOW | RTLD_NOLOAD);
    expect(same == library, "the SONAME is the header's");
    expect(table->replay_get_mode() == REPLAY_MODE_NONE, "calls through it work");
    expect(strcmp(table->replay_status_name(REPLAY_OK), "OK") == 0, "strings too");
    printf("%d functions, version %s\n", count, table->version);
    return failures ? 1 : 0;
}
