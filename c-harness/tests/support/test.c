/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NOTE_BYTES = 512, SHOWN_FAILURES = 25 };

static test_case_t *first_case;
static test_case_t **last_case = &first_case;
static char directory[256];
static char *note; /* shared with the child */
static atomic_uint failures;

void test_register(test_case_t *one) {
    *last_case = one;
    last_case = &one->next;
}

/* ------------------------------------------------------------------ checks */

unsigned test_failures(void) {
    return atomic_load(&failures);
}

void test_fail(test_place_t place, const char *format, ...) {
    unsigned before = atomic_fetch_add(&failures, 1);
    if (before > SHOWN_FAILURES)
        return;
    if (before == SHOWN_FAILURES) {
        printf("    … more\n");
        return;
    }
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *name = strrchr(place.file, '/');
    printf("    %s:%d: %s\n", name ? name + 1 : place.file, place.line, text);
    fflush(stdout);
}

void test_abandon(void) {
    fflush(NULL);
    _exit(1);
}

bool test_check(test_place_t place, bool ok, const char *expression) {
    if (!ok)
        test_fail(place, "%s does not hold", expression);
    return ok;
}

bool test_check_equal(test_place_t place, const char *expression, long long got, long long want) {
    if (got != want)
        test_fail(place, "%s is %lld, expected %lld", expression, got, want);
    return got == want;
}

bool test_check_status(test_place_t place, const char *expression, replay_status_t got,
                       replay_status_t want) {
    if (got != want)
        test_fail(place, "%s is %d %s, expected %d %s", expression, got, test_status_name(got),
                  want, test_status_name(want));
    return got == want;
}

bool test_check_string(test_place_t place, const char *expression, const char *got,
                       const char *want) {
    bool ok = got == want || (got && want && strcmp(got, want) == 0);
    if (!ok)
        test_fail(place, "%s is \"%s\", expected \"%s\"", expression, got ? got : "(NULL)",
                  want ? want : "(NULL)");
    return ok;
}

bool test_check_contains(test_place_t place, const char *expression, const char *got,
                         const char *part) {
    bool ok = got && strstr(got, part);
    if (!ok)
        test_fail(place, "%s is \"%s\", expected \"%s\" in it", expression, got ? got : "(NULL)",
                  part);
    return ok;
}

bool test_check_bytes(test_place_t place, const char *expression, const void *got, const void *want,
                      size_t length) {
    const uint8_t *a = got, *b = want;
    for (size_t i = 0; i < length; i++)
        if (a[i] != b[i]) {
            test_fail(place, "%s: byte %zu of %zu is 0x%02x, expected 0x%02x", expression, i,
                      length, a[i], b[i]);
            return false;
        }
    return true;
}

const char *test_status_name(replay_status_t status) {
    switch (status) {
#define NAME(code, name, sentence)                                                                 \
    case code:                                                                                     \
        return #name;
        REPLAY_STATUS_MAP(NAME)
#undef NAME
    }
    return "UNKNOWN";
}

/* ------------------------------------------------------------------- tools */

const char *test_path(const char *name) {
    static char paths[8][400];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

void test_note(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(note, NOTE_BYTES, format, arguments);
    va_end(arguments);
}

int64_t test_now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void test_sleep_ms(unsigned ms) {
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    while (nanosleep(&time, &time) && errno == EINTR)
        ;
}

uint8_t *test_read_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    size_t room = 1 << 16, used = 0;
    uint8_t *data = malloc(room);
    for (size_t n; data && (n = fread(data + used, 1, room - used, file)) > 0;) {
        used += n;
        if (used == room)
            data = realloc(data, room *= 2);
    }
    fclose(file);
    *length = used;
    return data;
}

void test_write_file(const char *path, const void *data, size_t length) {
    FILE *file = fopen(path, "wb");
    bool ok = file && fwrite(data, 1, length, file) == length;
    ok = file && fclose(file) == 0 && ok;
    if (!ok) {
        test_fail(TEST_HERE, "%s could not be written: %s", path, strerror(errno));
        test_abandon();
    }
}

uint64_t test_random(uint64_t *seed) {
    uint64_t x = *seed += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t test_seed(void) {
    const char *given = getenv("TEST_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)test_now_ns();
    printf("    TEST_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

/* --------------------------------------------------------------------- run */

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *ftw) {
    (void)status, (void)kind, (void)ftw;
    return remove(path);
}

/* 0 if it passed. Kills the case, and what it started, when its time is over. */
static int watch(pid_t child, const test_case_t *one, int64_t started) {
    int status = 0;
    int64_t limit = started + (int64_t)one->seconds * 1000000000;
    for (unsigned ms = 1;; ms = ms < 20 ? ms * 2 : ms) {
        pid_t ended = waitpid(child, &status, WNOHANG);
        if (ended == child)
            break;
        if (test_now_ns() > limit) {
            kill(-child, SIGKILL);
            waitpid(child, &status, 0);
            printf("    hangs: still running after %u s%s%s\n", one->seconds,
                   *note ? ", while: " : "", note);
            return 1;
        }
        test_sleep_ms(ms);
    }
    kill(-child, SIGKILL);
    if (WIFSIGNALED(status)) {
        printf("    crashed: %s%s%s\n", strsignal(WTERMSIG(status)), *note ? ", while: " : "",
               note);
        return 1;
    }
    return WEXITSTATUS(status);
}

static bool run_case(const test_case_t *one) {
    const char *root = getenv("TMPDIR");
    snprintf(directory, sizeof directory, "%s/replay-test-XXXXXX", root && *root ? root : "/tmp");
    if (!mkdtemp(directory)) {
        printf("%s: no directory: %s\n", one->name, strerror(errno));
        return false;
    }
    *note = 0;
    fflush(NULL);
    int64_t started = test_now_ns();
    pid_t child = fork();
    if (child < 0) {
        printf("%s: no process: %s\n", one->name, strerror(errno));
        return false;
    }
    if (child == 0) {
        setpgid(0, 0);
        one->run();
        fflush(NULL);
        _exit(test_failures() ? 1 : 0);
    }
    setpgid(child, child);
    bool ok = watch(child, one, started) == 0;
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    printf("%s %s (%.2f s)\n", ok ? "pass" : "FAIL", one->name,
           (double)(test_now_ns() - started) / 1e9);
    fflush(stdout);
    return ok;
}

static bool is_asked_for(const test_case_t *one, int argc, char **argv, bool only_long) {
    int names = 0;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-')
            continue;
        names++;
        if (strcmp(argv[i], one->name) == 0)
            return true;
    }
    return names == 0 && ((one->flags & TEST_IS_LONG) != 0) == only_long;
}

int main(int argc, char **argv) {
    bool only_long = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--long") == 0)
            only_long = true;
        if (strcmp(argv[i], "--list") == 0) {
            for (const test_case_t *one = first_case; one; one = one->next)
                printf("%s%s\n", one->name, one->flags & TEST_IS_LONG ? " (long)" : "");
            return 0;
        }
    }
    note = mmap(NULL, NOTE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (note == MAP_FAILED)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    int run = 0, failed = 0;
    for (const test_case_t *one = first_case; one; one = one->next)
        if (is_asked_for(one, argc, argv, only_long)) {
            run++;
            failed += !run_case(one);
        }
    printf("%d of %d cases pass\n", run - failed, run);
    return failed || run == 0 ? 1 : 0;
}
