/* SPDX-License-Identifier: MIT */
/* replay-bench-stalls: the longest call of a recorder, `name value` a line.
 *
 *   replay-bench-stalls RATE SECONDS [FOLDER]
 *                       RATE events in a second (0: as many as it can), where the log goes: see
 *                       bench_make_folder()
 *
 *   events_per_second   that were reached
 *   log_stalls          how often the recorder waited for the sealer
 *   longest_us          the longest call for an event in which the thread wasn't preempted by
 *                       another program: it waited, or worked
 *   preempted_us        the longest in which it was
 *   over_1_ms, over_5_ms  calls that took so long, and weren't preempted */
#include "bench.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { BATCH = 64 };

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

static long preemptions(void) {
    struct rusage usage;
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nivcsw;
}

int main(int argc, char **argv) {
    bench_require(argc >= 3, "usage: replay-bench-stalls RATE SECONDS [FOLDER]");
    double rate = atof(argv[1]);
    int64_t length = (int64_t)(atof(argv[2]) * 1e9);
    static bench_machine_t machine;
    bench_make_folder(argc > 3 ? argv[3] : NULL);
    bench_make_steps();
    bench_begin(REPLAY_MODE_RECORD, &machine);
    int64_t start = now_ns(), before = start, longest = 0, longest_preempted = 0;
    uint64_t events = 0;
    unsigned over[2] = {0, 0};
    long preempted = preemptions();
    while (before - start < length) {
        /* Few events at a time, so that a call's length is that of the batch nearly. */
        bench_record(&machine, BATCH);
        events += BATCH;
        int64_t now = now_ns(), took = now - before;
        if (took > 200000) {
            long count = preemptions();
            int64_t *most = count == preempted ? &longest : &longest_preempted;
            *most = took > *most ? took : *most;
            over[0] += count == preempted && took > 1000000;
            over[1] += count == preempted && took > 5000000;
            preempted = count;
            now = now_ns();
        }
        before = now;
        if (rate > 0) {
            int64_t due = start + (int64_t)((double)events / rate * 1e9);
            if (due > now + 100000) {
                struct timespec at = {due / 1000000000, due % 1000000000};
                clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
                preempted = preemptions();
                before = now_ns();
            }
        }
    }
    double seconds = (double)(now_ns() - start) / 1e9;
    replay_info_t info = REPLAY_INFO_INIT;
    bench_require(replay_query(&info) == REPLAY_OK, "no answer");
    printf("events_per_second %.0f\nlog_stalls %llu\nlongest_us %.0f\npreempted_us %.0f\n"
           "over_1_ms %u\nover_5_ms %u\n",
           (double)events / seconds, (unsigned long long)info.log_stalls, (double)longest / 1e3,
           (double)longest_preempted / 1e3, over[0], over[1]);
    bench_end();
    return 0;
}
