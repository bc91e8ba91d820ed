/* SPDX-License-Identifier: MIT */
/* What the system reports about the process's threads. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "replay-support.h"
#include "replay-system.h"

int32_t replay_process_number(void) {
    return (int32_t)getpid();
}

int32_t replay_thread_number(void) {
    return (int32_t)syscall(SYS_gettid);
}

/** The state letter of a thread in /proc; 0 if it is unknown. */
static char state_of(int32_t number) {
    char name[64], text[512];
    snprintf(name, sizeof name, "/proc/self/task/%d/stat", (int)number);
    int file = replay_open_at(AT_FDCWD, name, O_RDONLY, 0);
    if (file < 0)
        return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0)
        return 0;
    text[length] = 0;
    /* The thread's name, in parentheses, may contain anything. */
    const char *end = strrchr(text, ')');
    return end && end[1] == ' ' ? end[2] : 0;
}

bool replay_thread_works(int32_t number) {
    switch (state_of(number)) {
    case 'R': /* runs, or waits for a processor */
    case 'D': /* a disk, a page */
    case 'T': /* stopped */
    case 't': /* stopped by a debugger */
        return true;
    case 0: /* no free descriptor, or no /proc */
        return replay_thread_lives(number);
    default:
        return false;
    }
}

bool replay_thread_is_ready(int32_t number) {
    return state_of(number) == 'R';
}

int64_t replay_thread_ns(int32_t number) {
    /* As pthread_getcpuclockid() makes it of a thread's number. */
    clockid_t clock = (clockid_t)(~(uint32_t)number << 3 | 6);
    struct timespec time;
    if (clock_gettime(clock, &time) != 0)
        return -1;
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

bool replay_thread_lives(int32_t number) {
    return syscall(SYS_tgkill, getpid(), number, 0) == 0 || errno != ESRCH;
}
