/* SPDX-License-Identifier: MIT */
/* Who called: for the messages of the lint mode. */
#include <dlfcn.h>
#include <execinfo.h>
#include <stdio.h>
#include <string.h>

#include "replay-support.h"

enum { FRAMES = 32 };

void replay_name_caller(char *text, size_t size) {
    void *frames[FRAMES];
    Dl_info here, there;
    int count = backtrace(frames, FRAMES);
    snprintf(text, size, "unknown");
    if (!dladdr(&replay_name_caller, &here))
        return;
    for (int i = 0; i < count; i++) {
        if (!dladdr(frames[i], &there) || there.dli_fbase == here.dli_fbase)
            continue;
        const char *file = strrchr(there.dli_fname, '/');
        file = file ? file + 1 : there.dli_fname;
        const char *base = there.dli_saddr ? there.dli_saddr : there.dli_fbase;
        const char *name = there.dli_saddr ? there.dli_sname : file;
        snprintf(text, size, "%s+0x%zx%s%s", name, (size_t)((const char *)frames[i] - base),
                 name == file ? "" : " in ", name == file ? "" : file);
        return;
    }
}
