/* SPDX-License-Identifier: MIT */
/* Opening and writing files without surprises for the host. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "descriptors.h"
#include "replay-system.h"

/* ------------------------------------------------------------- descriptors */

enum { FIRST_DESCRIPTOR = 3 };

/** Fills closed standard descriptors for a moment with descriptors on which every
 *  read and write fails, as on closed ones. */
static int fill_standard(int held[FIRST_DESCRIPTOR]) {
    int count = 0;
    while (count < FIRST_DESCRIPTOR) {
        int one = open("/", O_PATH | O_CLOEXEC);
        if (one < 0)
            break;
        if (one >= FIRST_DESCRIPTOR) {
            close(one);
            break;
        }
        held[count++] = one;
    }
    return count;
}

/** For the rare case that a different thread has closed a standard descriptor meanwhile. */
static int lift(int descriptor) {
    if (descriptor < 0 || descriptor >= FIRST_DESCRIPTOR)
        return descriptor;
    int lifted = fcntl(descriptor, F_DUPFD_CLOEXEC, FIRST_DESCRIPTOR);
    int error = errno;
    close(descriptor);
    errno = error;
    return lifted;
}

int replay_make_descriptor(int (*make)(const void *), const void *what) {
    int held[FIRST_DESCRIPTOR];
    int count = fill_standard(held);
    int descriptor;
    do
        descriptor = make(what);
    while (descriptor == -1 && errno == EINTR);
    descriptor = lift(descriptor);
    int error = errno;
    while (count > 0)
        close(held[--count]);
    errno = error;
    return descriptor;
}

struct to_open {
    const char *path;
    int folder, flags;
    mode_t mode;
};

static int open_it(const void *what) {
    const struct to_open *it = what;
    return openat(it->folder, it->path, it->flags | O_CLOEXEC | O_NOCTTY, it->mode);
}

int replay_open_at(int folder, const char *path, int flags, mode_t mode) {
    struct to_open it = {path, folder, flags, mode};
    return replay_make_descriptor(open_it, &it);
}

int replay_open_unnamed(const char *folder) {
    int descriptor = replay_open_at(AT_FDCWD, folder, O_TMPFILE | O_RDWR, S_IRUSR | S_IWUSR);
    if (descriptor >= 0)
        return descriptor;
    /* On a file system without O_TMPFILE: a name that is removed at once. */
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT)
        return -1;
    for (unsigned attempt = 0; attempt < 100; attempt++) {
        struct timespec now;
        char *path;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (asprintf(&path, "%s/replay-%d-%lx-%x", folder, (int)getpid(), now.tv_nsec, attempt) <
            0) {
            errno = ENOMEM;
            return -1;
        }
        descriptor = replay_open_at(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
                                    S_IRUSR | S_IWUSR);
        int error = errno;
        if (descriptor >= 0)
            unlink(path);
        free(path);
        errno = error;
        if (descriptor >= 0 || error != EEXIST)
            break;
    }
    return descriptor;
}

int replay_rename_in(int folder, const char *from, const char *to, bool replace) {
    if (replace)
        return renameat(folder, from, folder, to);
    int result = renameat2(folder, from, folder, to, RENAME_NOREPLACE);
    if (result == 0 || (errno != EINVAL && errno != ENOSYS))
        return result;
    /* On a file system that can't do it in one call: check first. */
    if (faccessat(folder, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return -1;
    }
    return renameat(folder, from, folder, to);
}

/* ------------------------------------------------- calls that make files grow */

/** SIGXFSZ is blocked between begin and end, and removed if a call raised it. */
typedef struct {
    sigset_t only, before;
    bool was_pending;
} quiet_t;

static void quiet_begin(quiet_t *quiet) {
    sigemptyset(&quiet->only);
    sigaddset(&quiet->only, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &quiet->only, &quiet->before);
    quiet->was_pending = false;
    /* Only a thread that blocks the signal itself can have a pending one. */
    if (sigismember(&quiet->before, SIGXFSZ) == 1) {
        sigset_t pending;
        quiet->was_pending = sigpending(&pending) == 0 && sigismember(&pending, SIGXFSZ) == 1;
    }
}

static void quiet_end(quiet_t *quiet, int error) {
    if (error == EFBIG && !quiet->was_pending) {
        const struct timespec at_once = {0, 0};
        while (sigtimedwait(&quiet->only, NULL, &at_once) == -1 && errno == EINTR)
            continue;
    }
    pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
    errno = error;
}

ssize_t replay_write_at(int descriptor, const void *bytes, size_t count, int64_t offset) {
    quiet_t quiet;
    ssize_t result;
    quiet_begin(&quiet);
    do
        result = pwrite(descriptor, bytes, count, (off_t)offset);
    while (result == -1 && errno == EINTR);
    quiet_end(&quiet, result == -1 ? errno : 0);
    return result;
}

int replay_resize(int descriptor, int64_t size) {
    quiet_t quiet;
    int result;
    quiet_begin(&quiet);
    do
        result = ftruncate(descriptor, (off_t)size);
    while (result == -1 && errno == EINTR);
    quiet_end(&quiet, result == -1 ? errno : 0);
    return result;
}

int replay_reserve(int descriptor, int64_t size) {
    quiet_t quiet;
    int error;
    quiet_begin(&quiet);
    do
        error = posix_fallocate(descriptor, 0, (off_t)size);
    while (error == EINTR);
    quiet_end(&quiet, error);
    return error;
}

bool replay_make_hole(int descriptor, int64_t start, int64_t length) {
    int result;
    do
        result = fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start, length);
    while (result == -1 && errno == EINTR);
    return result == 0;
}
