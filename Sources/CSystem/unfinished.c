/* SPDX-License-Identifier: MIT */
/* Removing unfinished files when a signal ends the program.
 *
 * The handler does only what a signal handler may do, and finds all that it needs in memory that is
 * always there. */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "replay-system.h"

enum state { FREE, CHANGING, SET };

typedef struct {
    int state;
    int folder, file;
    char name[NAME_MAX + 1];
} unfinished_t;

/* A log and its snapshots, and the exports of one log. */
enum { MOST = 8 };
static unfinished_t files[MOST];

/** Only if the name still refers to that file: it may have got its own name, or be another
 * program's. */
static void remove_file(const unfinished_t *one) {
    struct stat file, named;
    if (fstat(one->file, &file) == 0 &&
        fstatat(one->folder, one->name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
        file.st_dev == named.st_dev && file.st_ino == named.st_ino)
        unlinkat(one->folder, one->name, 0);
}

/** The signal has its default action again when this begins. It is blocked until this ends. */
static void on_end(int number) {
    for (int i = 0; i < MOST; i++)
        if (__atomic_load_n(&files[i].state, __ATOMIC_ACQUIRE) == SET)
            remove_file(&files[i]);
    raise(number);
}

static const int numbers[] = {SIGHUP, SIGINT, SIGTERM};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

void replay_unfinished_watch(void) {
    struct sigaction action = {.sa_handler = on_end, .sa_flags = SA_RESETHAND}, before;
    sigfillset(&action.sa_mask);
    for (int i = 0; i < NUMBERS; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(numbers[i], &action, NULL);
}

void replay_unfinished_hold(sigset_t *before) {
    sigset_t held;
    sigemptyset(&held);
    for (int i = 0; i < NUMBERS; i++)
        sigaddset(&held, numbers[i]);
    pthread_sigmask(SIG_BLOCK, &held, before);
}

void replay_unfinished_release(const sigset_t *before) {
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

int replay_unfinished_add(int folder, const char *name, int file) {
    if (strlen(name) > NAME_MAX)
        return -1;
    for (int i = 0; i < MOST; i++) {
        int expected = FREE;
        if (!__atomic_compare_exchange_n(&files[i].state, &expected, CHANGING, false,
                                         __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            continue;
        files[i].folder = folder;
        files[i].file = file;
        strcpy(files[i].name, name);
        __atomic_store_n(&files[i].state, SET, __ATOMIC_RELEASE);
        return i;
    }
    return -1;
}

void replay_unfinished_forget(int number) {
    if (number >= 0 && number < MOST)
        __atomic_store_n(&files[number].state, FREE, __ATOMIC_RELEASE);
}
