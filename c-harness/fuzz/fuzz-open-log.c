/* SPDX-License-Identifier: MIT */
/* Fuzz target: opens a log in whatever state, and replays it as far as it goes.
 *
 * An input is what a recorder leaves: four bytes with the length of NAME,
 * then NAME, then NAME.live. The mutator corrects the checksums after it changed
 * something, because the reader would stop at them otherwise (repair-log.c).
 *
 * usage: fuzz-open-log [libFuzzer's options] [CORPUS_FOLDER] */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <replay/replay.h>

#include "repair-log.h"

static char name[64], live[72];
static uint64_t icount;
static atomic_bool stopped;

static uint64_t m_icount(void *opaque) {
    (void)opaque;
    return icount;
}

static bool m_idle(void *opaque) {
    (void)opaque;
    return false;
}

static void m_stop(void *opaque, replay_stop_reason_t reason, const replay_error_t *error) {
    (void)opaque, (void)reason, (void)error;
    stopped = true;
}

static uint64_t m_digest(void *opaque) {
    (void)opaque;
    return 0;
}

static void m_receive(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque;
    for (size_t i = 0; i < length; i++)
        *(volatile const uint8_t *)&data[i]; /* all of it can be read */
}

static void m_packet(void *opaque, uint32_t flags, const uint8_t *data, size_t length) {
    (void)flags;
    m_receive(opaque, data, length);
}

static void write_file(const char *path, const uint8_t *bytes, size_t length) {
    FILE *file = fopen(path, "w");
    if (!file || fwrite(bytes, 1, length, file) != length || fclose(file) != 0)
        abort();
}

/* What a host may ask for at any place without leaving the recording. */
static void ask_for_anything(void) {
    replay_interrupt();
    replay_exception();
    for (replay_checkpoint_t id = 0; id < REPLAY_CHECKPOINT_INIT; id++)
        replay_checkpoint(id);
    replay_start_warp_timer();
    replay_account_warp_timer();
}

/* Values that the log must have next. The library says which, in words. */
static void ask_for_what_is_next(const uint8_t *choice) {
    uint8_t bytes[64];
    int32_t result, offset;
    size_t count = 0;
    uint64_t left, right;
    switch (*choice % 9) {
    case 0:
        replay_read_clock(REPLAY_CLOCK_HOST, icount);
        break;
    case 1:
        replay_read_clock(REPLAY_CLOCK_VIRTUAL_RT, icount);
        break;
    case 2:
        replay_read_random(bytes, *choice % sizeof bytes);
        break;
    case 3:
        replay_char_write_event_load(&result, &offset);
        break;
    case 4:
        replay_char_read_all_load(bytes, sizeof bytes, &result);
        break;
    case 5:
        replay_audio_out(&count);
        break;
    case 6:
        if (replay_audio_in_start(&count) == REPLAY_OK)
            for (size_t i = 0; i < count && i < 100; i++)
                replay_audio_in_sample_lr(&left, &right);
        replay_audio_in_finish();
        break;
    case 7:
        replay_checkpoint(REPLAY_CHECKPOINT_INIT);
        break;
    default:
        replay_digest(0);
    }
}

static void replay(const uint8_t *bytes, size_t length) {
    replay_host_t host = REPLAY_HOST_INIT;
    host.icount = m_icount, host.cpus_idle = m_idle, host.stop = m_stop, host.digest = m_digest;
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.host = &host;
    config.mode = REPLAY_MODE_PLAY;
    config.filename = name;
    config.stall_ms = 60000;
    icount = 0;
    stopped = false;
    if (replay_configure(&config))
        return;
    replay_mutex_lock();
    for (int i = 0; i < 3; i++)
        replay_register_char_driver(m_receive, NULL);
    replay_register_net(m_packet, NULL);
    if (replay_start() == REPLAY_OK)
        for (size_t i = 0; i < 400 && !stopped; i++) {
            uint64_t n = replay_get_budget(UINT64_MAX);
            icount += n;
            replay_account_executed_instructions();
            ask_for_anything();
            replay_info_t info = REPLAY_INFO_INIT;
            replay_query(&info);
            if (n == 0 && replay_get_budget(1) == 0 && length > 0)
                ask_for_what_is_next(&bytes[info.events % length]);
        }
    replay_mutex_unlock();
    replay_finish();
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    snprintf(name, sizeof name, "/dev/shm/fuzz-open-log-%d", (int)getpid());
    snprintf(live, sizeof live, "%s.live", name);
    replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t length;
    if (!split_input(data, size, &length))
        return -1;
    write_file(name, data + 4, length);
    if (size - 4 > length)
        write_file(live, data + 4 + length, size - 4 - length);
    replay(data, size);
    unlink(name);
    unlink(live);
    return 0;
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
    size_t length;
    if (!split_input(data, size, &length) || seed % 8 == 0)
        return LLVMFuzzerMutate(data, size, most);
    /* One of the two files changes; the other keeps its place. */
    uint8_t *file = data + 4;
    if (seed % 4 == 1 && size - 4 > length) {
        uint8_t *second = file + length;
        return 4 + length + LLVMFuzzerMutate(second, size - 4 - length, most - 4 - length);
    }
    size_t rest = size - 4 - length;
    uint8_t *kept = malloc(rest + 1);
    if (!kept)
        return size;
    memcpy(kept, file + length, rest);
    length = LLVMFuzzerMutate(file, length, most - 4 - rest);
    repair_log(file, length);
    memcpy(file + length, kept, rest);
    free(kept);
    join_input(data, length);
    return 4 + length + rest;
}
