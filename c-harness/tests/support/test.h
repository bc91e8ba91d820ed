/* SPDX-License-Identifier: MIT */
/** @file test.h
 *  A small test framework: named cases, checks that say file, line, expression
 *  and values.
 *
 *  Each case runs in a child process of its own with a time limit, so that a
 *  crash or a hang fails that case and names it, and each begins with a library
 *  that nothing has touched. It has a directory of its own for files.
 *
 *      TEST(a_lock_is_not_recursive) {
 *          CHECK_STATUS(replay_mutex_lock(), OK);
 *      }
 *
 *  A program of cases runs them all but the long ones; --long runs the long
 *  ones, names run those, --list prints the names. */
#ifndef TEST_H
#define TEST_H

#include <replay/replay.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEST_SECONDS = 20, TEST_IS_LONG = 1 };

typedef struct test_case {
    const char *name;
    void (*run)(void);
    unsigned seconds;
    unsigned flags;
    struct test_case *next;
} test_case_t;

void test_register(test_case_t *one);

#define TEST_WITH(name, seconds_, flags_)                                                          \
    static void name(void);                                                                        \
    __attribute__((constructor)) static void name##_register(void) {                               \
        static test_case_t one = {#name, name, (seconds_), (flags_), NULL};                        \
        test_register(&one);                                                                       \
    }                                                                                              \
    static void name(void)

/** A case of at most TEST_SECONDS. */
#define TEST(name) TEST_WITH(name, TEST_SECONDS, 0)
/** A case that may take longer. */
#define TEST_SLOW(name, seconds) TEST_WITH(name, seconds, 0)
/** A case that runs only with --long. */
#define TEST_LONG(name, seconds) TEST_WITH(name, seconds, TEST_IS_LONG)

/* ------------------------------------------------------------------ checks */

typedef struct {
    const char *file;
    int line;
} test_place_t;

#define TEST_HERE ((test_place_t){__FILE__, __LINE__})

bool test_check(test_place_t place, bool ok, const char *expression);
bool test_check_equal(test_place_t place, const char *expression, long long got, long long want);
bool test_check_status(test_place_t place, const char *expression, replay_status_t got,
                       replay_status_t want);
bool test_check_string(test_place_t place, const char *expression, const char *got,
                       const char *want);
bool test_check_contains(test_place_t place, const char *expression, const char *got,
                         const char *part);
bool test_check_bytes(test_place_t place, const char *expression, const void *got, const void *want,
                      size_t length);

/** Fails the case at this place, with a sentence. */
void test_fail(test_place_t place, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Ends the case, which has failed. */
void test_abandon(void) __attribute__((noreturn));

/* Each returns whether it holds; the case continues either way. */
#define CHECK(e)                 test_check(TEST_HERE, (e), #e)
#define CHECK_EQ(e, want)        test_check_equal(TEST_HERE, #e, (long long)(e), (long long)(want))
#define CHECK_STATUS(e, name)    test_check_status(TEST_HERE, #e, (e), REPLAY_##name)
#define CHECK_STATUS_IS(e, code) test_check_status(TEST_HERE, #e, (e), (code))
#define CHECK_STR(e, want)       test_check_string(TEST_HERE, #e, (e), (want))
#define CHECK_HAS(e, part)       test_check_contains(TEST_HERE, #e, (e), (part))
#define CHECK_BYTES(e, want, n)  test_check_bytes(TEST_HERE, #e, (e), (want), (n))

/** The call returns @p name, and sets the last error to it. */
#define CHECK_ERROR(name) CHECK_STATUS(replay_last_error(NULL), name)

/** As CHECK, but the case ends where it does not hold. */
#define REQUIRE(e)                                                                                 \
    do {                                                                                           \
        if (!CHECK(e))                                                                             \
            test_abandon();                                                                        \
    } while (0)
#define REQUIRE_STATUS(e, name)                                                                    \
    do {                                                                                           \
        if (!CHECK_STATUS(e, name))                                                                \
            test_abandon();                                                                        \
    } while (0)

/** So many checks have failed in this case. */
unsigned test_failures(void);

/* ------------------------------------------------------------------- tools */

/** A path in the case's own directory. Eight results are kept. */
const char *test_path(const char *name);

/** Notes what the case is about to do: printed if it crashes or hangs there. */
void test_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** The status's name, not from the library. */
const char *test_status_name(replay_status_t status);

/** Monotonic time in ns. */
int64_t test_now_ns(void);
void test_sleep_ms(unsigned ms);

/** A file's content, to be freed; NULL if it is not there. */
uint8_t *test_read_file(const char *path, size_t *length);
void test_write_file(const char *path, const void *data, size_t length);

/** A generator of random numbers, so that a failure can be seen again. */
uint64_t test_random(uint64_t *seed);

/** The seed for this run: TEST_SEED of the environment, or another each time. */
uint64_t test_seed(void);

#endif /* TEST_H */
