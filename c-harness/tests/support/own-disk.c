/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "own-disk.h"

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

const char *own_disk(const char *type, const char *options) {
    const char *folder = test_path("own-disk");
    uid_t user = getuid();
    gid_t group = getgid();
    REQUIRE(mkdir(folder, 0700) == 0);
    if (unshare(CLONE_NEWNS) != 0) {
        REQUIRE(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0);
        char map[64];
        int file = open("/proc/self/setgroups", O_WRONLY);
        if (file >= 0 && write(file, "deny", 4) == 4)
            close(file);
        snprintf(map, sizeof map, "0 %u 1", user);
        file = open("/proc/self/uid_map", O_WRONLY);
        REQUIRE(file >= 0 && write(file, map, strlen(map)) > 0);
        close(file);
        snprintf(map, sizeof map, "0 %u 1", group);
        file = open("/proc/self/gid_map", O_WRONLY);
        REQUIRE(file >= 0 && write(file, map, strlen(map)) > 0);
        close(file);
    }
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    if (mount("none", folder, type, 0, options) != 0) {
        test_fail(TEST_HERE, "no %s of our own (%s): this test needs root or user namespaces", type,
                  strerror(errno));
        test_abandon();
    }
    return folder;
}
