/* SPDX-License-Identifier: MIT */
/* Records a log of a given size, whose events can hardly be compressed: clock readings at random
 * distances, and random numbers. And replays it.
 *
 * usage: make-large-log record|die PATH BYTES     die: the recorder is killed at the end
 *        make-large-log replay PATH */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <replay/replay.h>

static uint64_t icount, seed = 1;

static uint64_t m_icount(void *opaque) {
    (void)opaque;
    return icount;
}

static bool m_idle(void *opaque) {
    (void)opaque;
    return false;
}

static bool stopped;

static void m_stop(void *opaque, replay_stop_reason_t reason, const replay_error_t *error) {
    (void)opaque, (void)reason, (void)error;
    stopped = true;
}

static uint64_t draw(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static int complain(void) {
    replay_error_t error = REPLAY_ERROR_INIT;
    replay_last_error(&error);
    fprintf(stderr, "make-large-log: %s\n", error.message);
    return 1;
}

/* Event @p n of the run. False: the library refuses it, or its value isn't the recorded one. */
static bool do_event(uint64_t n, bool plays) {
    uint64_t random[4] = {draw(), draw(), draw(), draw()}, got[4] = {0};
    icount += 1 + (random[0] & 0xFFF);
    replay_account_executed_instructions();
    int64_t ns = (int64_t)(random[1] >> 16);
    if (n % 8)
        return REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, plays ? 0 : ns) == ns || stopped;
    if (!plays)
        return replay_save_random(0, random, sizeof random) == REPLAY_OK;
    return replay_read_random(got, sizeof got) == 0 ? !memcmp(got, random, sizeof got) : stopped;
}

int main(int argc, char **argv) {
    bool plays = argc == 3 && strcmp(argv[1], "replay") == 0;
    bool dies = argc == 4 && strcmp(argv[1], "die") == 0;
    if (!plays && !dies && !(argc == 4 && strcmp(argv[1], "record") == 0)) {
        fprintf(stderr, "usage: make-large-log record|die PATH BYTES\n"
                        "       make-large-log replay PATH\n");
        return 2;
    }
    uint64_t size = plays ? 0 : strtoull(argv[3], NULL, 10);
    replay_host_t host = REPLAY_HOST_INIT;
    host.icount = m_icount;
    host.cpus_idle = m_idle;
    host.stop = m_stop;
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.mode = plays ? REPLAY_MODE_PLAY : REPLAY_MODE_RECORD;
    config.host = &host;
    config.filename = argv[2];
    if (replay_configure(&config) || replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO) ||
        replay_fingerprint("ram", "1 GiB") || replay_start())
        return complain();
    replay_mutex_lock();
    for (uint64_t n = 1; !stopped; n++) {
        if (!do_event(n, plays))
            return complain();
        struct stat status;
        if (!plays && n % 65536 == 0 && stat(argv[2], &status) == 0 &&
            (uint64_t)status.st_size >= size)
            break;
        if (plays && n % 4096 == 0)
            replay_turn(); /* notices the end */
    }
    if (dies)
        kill(getpid(), SIGKILL);
    replay_mutex_unlock();
    if (replay_finish())
        return complain();
    return 0;
}
