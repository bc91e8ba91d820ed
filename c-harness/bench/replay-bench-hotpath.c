/* SPDX-License-Identifier: MIT */
/* replay-bench-hotpath: what an event costs a host, `name value` a line.
 *
 *   replay-bench-hotpath [FOLDER]     where the logs go: see bench_make_folder()
 *   replay-bench-hotpath --instructions [FOLDER]   only what is counted by callgrind
 *
 *   record_ns, stdio_ns            ns an event: REPLAY_CLOCK_AT while recording, and the
 *                                  same events one byte at a time into a FILE *
 *   record_ratio                   stdio by record
 *   c_ns, c_ratio                  the same events by a loop of C that only encodes them into
 *                                  memory; record by it
 *   play_ns, stdio_play_ns         the same for replaying, and reading by getc()
 *   play_ratio
 *   checkpoint_ns                  replay_checkpoint() while recording
 *   lock_ns, mutex_ns              lock and unlock that nobody else wants: the replay lock,
 *                                  a pthread_mutex_t
 *   guard_ns                       REPLAY_CLOCK_LOCKED in mode NONE, without the loop around it
 *   record_instructions            instructions an event by callgrind, with the loop and all
 *   play_instructions              between;
 *   asked_record_instructions      the same with REPLAY_CLOCK_LOCKED, so that the host is asked
 *   asked_play_instructions        for its icount, with its callback;
 *   lock_instructions              the same for lock and unlock;
 *   slice_instructions             replay_get_instructions() and the account after it;
 *   refused_checkpoint_instructions, refused_interrupt_instructions
 *                                  a call for what is not the log's next event
 *   event_bytes                    bytes an event, before compression
 *   log_stalls                     times that the recorder waited for the disk
 *
 * Everything is measured in short slices that take turns, so that what else the
 * machine does meets all alike. A time is that of the shortest slice, a ratio
 * the median of the ratios of neighbours. A second thread lives throughout. */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SLICES = 100,
    EVENTS = 40000, /* in a slice */
    TURNS = 400000, /* of a loop in mode NONE */
};

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/** Sets a double to the ns that each of @p count turns of @p statement takes. */
#define TIME(target, count, statement)                                                             \
    do {                                                                                           \
        double begin_ = now_ns();                                                                  \
        statement;                                                                                 \
        (target) = (now_ns() - begin_) / (count);                                                  \
    } while (0)

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double shortest(double times[SLICES]) {
    qsort(times, SLICES, sizeof *times, compare);
    return times[0];
}

static double median_ratio(const double above[SLICES], const double below[SLICES]) {
    double ratios[SLICES];
    for (int i = 0; i < SLICES; i++)
        ratios[i] = above[i] / below[i];
    qsort(ratios, SLICES, sizeof *ratios, compare);
    return ratios[SLICES / 2];
}

static void print(const char *name, double value) {
    printf("%s %.2f\n", name, value);
    fflush(stdout);
}

/* -------------------------------------------------------------- the parts */

static void measure_none(void) {
    static double guarded[SLICES], empty[SLICES];
    for (int i = 0; i < SLICES; i++) {
        TIME(empty[i], TURNS, bench_empty_loop(TURNS));
        TIME(guarded[i], TURNS, bench_guarded_loop(TURNS));
    }
    double guard = shortest(guarded) - shortest(empty);
    print("guard_ns", guard > 0 ? guard : 0);
}

static void measure_recording(void) {
    static double record[SLICES], conventional[SLICES], compact[SLICES];
    bench_machine_t recorded = {0, 0, 0}, written = {0, 0, 0}, encoded = {0, 0, 0};
    FILE *file = fopen(bench_stdio, "wb");
    bench_require(file != NULL, "the conventional log cannot be made");
    bench_begin(REPLAY_MODE_RECORD, &recorded);
    for (int i = 0; i < SLICES; i++) {
        TIME(record[i], EVENTS, bench_record(&recorded, EVENTS));
        TIME(conventional[i], EVENTS, bench_stdio_write(file, &written, EVENTS));
        TIME(compact[i], EVENTS, bench_compact(&encoded, EVENTS));
    }
    replay_info_t info = REPLAY_INFO_INIT;
    replay_query(&info);
    bench_end();
    bench_require(fclose(file) == 0, "the conventional log cannot be written");
    double ratio = median_ratio(conventional, record), c_ratio = median_ratio(record, compact);
    print("record_ns", shortest(record));
    print("stdio_ns", shortest(conventional));
    print("record_ratio", ratio);
    print("c_ns", shortest(compact));
    print("c_ratio", c_ratio);
    print("event_bytes", (double)info.event_bytes / (double)info.events);
    print("log_stalls", (double)info.log_stalls);
}

static void measure_replaying(void) {
    static double play[SLICES], conventional[SLICES];
    bench_machine_t replayed = {0, 0, 0}, read = {0, 0, 0};
    FILE *file = fopen(bench_stdio, "rb");
    bench_require(file != NULL, "the conventional log cannot be opened");
    bench_begin(REPLAY_MODE_PLAY, &replayed);
    for (int i = 0; i < SLICES; i++) {
        TIME(play[i], EVENTS, bench_play(&replayed, EVENTS));
        TIME(conventional[i], EVENTS, bench_stdio_read(file, &read, EVENTS));
    }
    bench_end();
    fclose(file);
    bench_require(bench_sum_played == bench_sum_recorded, "other readings than recorded");
    bench_require(read.icount == replayed.icount, "the two logs differ");
    double ratio = median_ratio(conventional, play);
    print("play_ns", shortest(play));
    print("stdio_play_ns", shortest(conventional));
    print("play_ratio", ratio);
}

static void lock_mutex(pthread_mutex_t *mutex, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        pthread_mutex_lock(mutex);
        pthread_mutex_unlock(mutex);
    }
}

static void measure_checkpoint_and_lock(void) {
    static double checkpoint[SLICES], lock[SLICES], mutex[SLICES];
    static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;
    bench_machine_t machine = {0, 0, 0};
    bench_begin(REPLAY_MODE_RECORD, &machine);
    for (int i = 0; i < SLICES; i++) {
        TIME(checkpoint[i], EVENTS, bench_checkpoint(&machine, EVENTS));
        TIME(lock[i], EVENTS, bench_lock(&machine, EVENTS));
        TIME(mutex[i], EVENTS, lock_mutex(&plain, EVENTS));
    }
    bench_end();
    print("checkpoint_ns", shortest(checkpoint));
    print("lock_ns", shortest(lock));
    print("mutex_ns", shortest(mutex));
}

/* ----------------------------------------------------------------- program */

static pthread_mutex_t second_sleeps = PTHREAD_MUTEX_INITIALIZER;

static void *second_thread(void *unused) {
    pthread_mutex_lock(&second_sleeps);
    return unused;
}

static int usage(void) {
    fprintf(stderr, "usage: replay-bench-hotpath [--instructions] [FOLDER]\n"
                    "       replay-bench-hotpath --count-only PART EVENTS\n");
    return 2;
}

int main(int argc, char **argv) {
    bool count_only = argc == 4 && strcmp(argv[1], "--count-only") == 0;
    bool instructions = argc > 1 && strcmp(argv[1], "--instructions") == 0;
    const char *folder = count_only ? NULL : argv[instructions ? 2 : 1];
    if (!count_only && (argc > (instructions ? 3 : 2) || (folder && folder[0] == '-')))
        return usage();
    bench_make_steps();
    bench_make_folder(folder);

    pthread_t second;
    pthread_mutex_lock(&second_sleeps);
    bench_require(pthread_create(&second, NULL, second_thread, NULL) == 0, "no second thread");
    bool counted = true;
    if (count_only) {
        counted = bench_count_only(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
    } else {
        if (!instructions) {
            measure_recording();
            measure_replaying();
            measure_checkpoint_and_lock();
            measure_none();
        }
        counted = bench_print_instructions();
    }
    pthread_mutex_unlock(&second_sleeps);
    pthread_join(second, NULL);
    return counted || !(instructions || count_only) ? 0 : 1;
}
