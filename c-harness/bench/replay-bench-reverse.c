/* SPDX-License-Identifier: MIT */
/* replay-bench-reverse: what it costs to go back in a recording of a boot of Linux.
 *
 *     replay-bench-reverse MACHINE-OPTION... --icount rr=replay,rrfile=LOG
 *
 * Runs through the replay once, as a debugger's user would, so that there are snapshots; then
 * steps back at 20 places in its middle, continues back to the last write of a word that was
 * written 300 million instructions before, and seeks to 100 random places. Prints "name value" a
 * line; times are CPU time: of the process or, of the stalls, of the vCPU thread. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "../rv64/cpu/mmu.h"
#include "../rv64/machine.h"

enum { PLACES = 20, STEPS = 10, SEEKS = 100, STALLS_MOST = 1 << 16, IMAGE_MIB = 40 };
#define MILLION UINT64_C(1000000)
/* Where Linux maps its image, and where the machine loads it. */
#define KERNEL_VIRTUAL  UINT64_C(0xffffffff80000000)
#define KERNEL_PHYSICAL UINT64_C(0x80200000)

static machine_t machine;
static replay_plugin_t table;
static replay_status_t (*library_configure)(const replay_config_t *);
static uint64_t (*library_budget)(uint64_t);
static bool (*save_state)(void *, const replay_stream_t *);

/* What the bench's thread waits for. */
static GMutex lock;
static GCond arrived;
static unsigned pauses;
static replay_pause_reason_t why;

static double stalls[STALLS_MOST];
static unsigned stall_count;
static bool saved;

static void fail(const char *what) {
    fprintf(stderr, "replay-bench-reverse: %s\n", what);
    exit(1);
}

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_seconds(void) {
    return seconds(CLOCK_PROCESS_CPUTIME_ID);
}

/* ------------------------------------------------------------------- the machine */

static void on_paused(void *opaque, replay_pause_reason_t reason) {
    (void)opaque;
    g_mutex_lock(&lock);
    pauses++;
    why = reason;
    g_cond_signal(&arrived);
    g_mutex_unlock(&lock);
}

static bool on_save_state(void *opaque, const replay_stream_t *out) {
    saved = true;
    return save_state(opaque, out);
}

static uint64_t timed_budget(uint64_t most) {
    double start = seconds(CLOCK_THREAD_CPUTIME_ID);
    saved = false;
    uint64_t budget = library_budget(most);
    if (saved && stall_count < STALLS_MOST)
        stalls[stall_count++] = seconds(CLOCK_THREAD_CPUTIME_ID) - start;
    return budget;
}

static replay_status_t configure(const replay_config_t *config) {
    replay_host_t host = *config->host;
    replay_config_t changed = *config;
    save_state = host.save_state;
    host.save_state = on_save_state;
    if (getenv("BENCH_NO_SKIP"))
        host.watched_ram = NULL;
    host.paused = on_paused;
    changed.host = &host;
    return library_configure(&changed);
}

/* ------------------------------------------------------------------ its journeys */

static void wait_for(unsigned count, replay_pause_reason_t wanted) {
    gint64 limit = g_get_monotonic_time() + 120 * G_TIME_SPAN_SECOND;
    g_mutex_lock(&lock);
    while (pauses < count)
        if (!g_cond_wait_until(&arrived, &lock, limit))
            fail("the machine doesn't arrive");
    g_mutex_unlock(&lock);
    if (why != wanted) {
        fprintf(stderr, "paused for %d instead of %d at %" PRIu64 "\n", why, wanted,
                machine.cpu.icount);
        fail("the machine has come to a different place");
    }
}

#define GO(call, wanted)                                                                           \
    do {                                                                                           \
        unsigned before = pauses;                                                                  \
        if ((call) != REPLAY_OK)                                                                   \
            fail(#call);                                                                           \
        wait_for(before + 1, wanted);                                                              \
    } while (0)

static void seek(uint64_t icount) {
    GO(replay->replay_seek(icount), REPLAY_PAUSE_PLACE);
}

static int by_value(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static double part(double *values, size_t count, double fraction) {
    qsort(values, count, sizeof(*values), by_value);
    return count ? values[(size_t)((double)(count - 1) * fraction)] : 0;
}

static uint64_t random_below(uint64_t most) {
    static uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (state >> 16) % most;
}

static void stop_here(void *opaque) {
    (void)opaque;
    replay->replay_pause();
}

/* Arrives at a place as a user does who runs to a breakpoint: no snapshots are made near it. */
static void run_to(uint64_t icount) {
    seek(icount - 30 * MILLION);
    replay->replay_mutex_lock();
    if (replay->replay_break(icount, stop_here, NULL) != REPLAY_OK)
        fail("no break is possible");
    replay->replay_mutex_unlock();
    GO(replay->replay_resume(), REPLAY_PAUSE_REQUEST);
}

static void bench_steps(uint64_t end) {
    double first[PLACES], next[PLACES * STEPS];
    for (unsigned i = 0; i < PLACES; i++) {
        run_to(end / 4 + random_below(end / 2));
        double start = cpu_seconds();
        GO(replay->replay_reverse_step(), REPLAY_PAUSE_PLACE);
        first[i] = cpu_seconds() - start;
        for (unsigned k = 0; k < STEPS; k++) {
            start = cpu_seconds();
            GO(replay->replay_reverse_step(), REPLAY_PAUSE_PLACE);
            next[i * STEPS + k] = cpu_seconds() - start;
        }
    }
    printf("reverse_first_s %.4f\n", part(first, PLACES, 0.5));
    printf("reverse_next_s %.5f\n", part(next, PLACES * STEPS, 0.5));
}

/* Is it the kernel's data, at its usual address? */
static bool is_mapped(size_t at) {
    uint64_t physical;
    return mmu_probe(&machine.cpu, KERNEL_VIRTUAL + at, MMU_DEBUG, &physical) &&
           physical == KERNEL_PHYSICAL + at;
}

/* A word of the kernel's that is written between two places, and not from there to the end. */
static uint64_t old_word(uint64_t from, uint64_t to, uint64_t end) {
    const uint8_t *image = machine.cpu.ram + (KERNEL_PHYSICAL - machine.cpu.ram_base);
    size_t bytes = (size_t)IMAGE_MIB << 20;
    uint8_t *early = g_malloc(bytes), *late = g_malloc(bytes);
    seek(from);
    memcpy(early, image, bytes);
    seek(to);
    memcpy(late, image, bytes);
    seek(end);
    size_t at = (size_t)IMAGE_MIB << 19; /* the code is before the data, and patched elsewhere */
    while (at < bytes && !(memcmp(early + at, late + at, 8) != 0 &&
                           memcmp(late + at, image + at, 8) == 0 && is_mapped(at)))
        at += 8;
    g_free(early);
    g_free(late);
    if (at >= bytes)
        fail("no word of the kernel is like that");
    return KERNEL_VIRTUAL + at;
}

static void watch(uint64_t address, bool set) {
    replay->replay_mutex_lock();
    big_lock_take(&machine.lock);
    if (!cpu_set_break(&machine.cpu, CPU_WATCH_WRITE, address, 8, set))
        fail("the watchpoint can't be set");
    big_lock_give(&machine.lock);
    replay->replay_mutex_unlock();
}

static void bench_search(uint64_t end) {
    uint64_t here = end - 5 * MILLION, wanted = here - 300 * MILLION;
    uint64_t address = old_word(wanted - 5 * MILLION, wanted + 5 * MILLION, here);
    if (getenv("BENCH_VERBOSE"))
        fprintf(stderr, "watch %" PRIx64 " from %" PRIu64 "\n", address, machine.cpu.icount);
    watch(address, true);
    double start = cpu_seconds();
    GO(replay->replay_reverse_continue(), REPLAY_PAUSE_BREAKPOINT);
    printf("reverse_continue_s %.3f\n", cpu_seconds() - start);
    printf("reverse_continue_back %" PRIu64 "\n", here - machine.cpu.icount);
    watch(address, false);
}

static void bench_seeks(uint64_t end) {
    double times[SEEKS];
    for (unsigned i = 0; i < SEEKS; i++) {
        uint64_t target = random_below(end);
        double start = cpu_seconds();
        seek(target);
        times[i] = cpu_seconds() - start;
    }
    printf("seek_median_s %.4f\n", part(times, SEEKS, 0.5));
    printf("seek_p95_s %.4f\n", part(times, SEEKS, 0.95));
}

/* The size of NAME.snap; 0: the option rrsnap isn't given, and snapshots are in memory only. */
static long store_bytes(void) {
    char *name = g_strconcat(replay->replay_get_filename(), ".snap", NULL);
    struct stat about;
    long bytes = stat(name, &about) == 0 ? (long)about.st_size : 0;
    g_free(name);
    return bytes;
}

static gpointer drive(gpointer opaque) {
    (void)opaque;
    replay->replay_thread_attach(REPLAY_THREAD_IO);
    double start = cpu_seconds();
    GO(replay->replay_seek(UINT64_MAX), REPLAY_PAUSE_END);
    uint64_t end = machine.cpu.icount;
    printf("icount %" PRIu64 "\nthrough_s %.2f\n", end, cpu_seconds() - start);
    if (getenv("BENCH_VERBOSE"))
        for (unsigned i = 0; i < stall_count; i++)
            fprintf(stderr, "stall %.2f ms\n", stalls[i] * 1e3);
    printf("stall_p95_ms %.2f\n", part(stalls, stall_count, 0.95) * 1e3);
    printf("stall_most_ms %.2f\nsnapshots %u\n", part(stalls, stall_count, 1) * 1e3, stall_count);
    bench_steps(end);
    bench_search(end);
    bench_seeks(end);
    replay_info_t info = REPLAY_INFO_INIT;
    replay->replay_query(&info);
    printf("store_bytes %ld\n", store_bytes());
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("memory_bytes %ld\n", usage.ru_maxrss * 1024);
    replay->replay_resume();
    return NULL;
}

int main(int argc, char **argv) {
    options_t options;
    if (!options_parse(&options, argc, argv) || !library_load(options.replay_lib))
        return 1;
    table = *replay;
    library_configure = table.replay_configure;
    library_budget = table.replay_get_budget;
    table.replay_configure = configure;
    table.replay_get_budget = timed_budget;
    replay = &table;
    if (!machine_open(&machine, &options))
        return 1;
    if (replay->replay_start() != REPLAY_OK) {
        library_complain();
        return 1;
    }
    serial_begin(machine.serial);
    GThread *vcpu = g_thread_new("vcpu", machine_vcpu_thread, &machine);
    GThread *driver = g_thread_new("driver", drive, NULL);
    g_main_loop_run(machine.loop);
    g_thread_join(vcpu);
    g_thread_join(driver);
    serial_end(machine.serial);
    replay_status_t ended = machine_finish(&machine);
    if (ended != REPLAY_OK)
        library_complain();
    machine_close(&machine);
    options_free(&options);
    return ended == REPLAY_OK ? 0 : 1;
}
