/* SPDX-License-Identifier: MIT */
/* A host that is linked with the stubs in real time and with several threads: it sleeps,
 * waits, and completes requests later. And each thing that the stubs leave out is a named
 * error. test-none-differential compares the rest with the library. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <replay/replay.h>

#define CHECK(condition) check((condition), #condition, __LINE__)

static int failures;

static void check(bool good, const char *text, int line) {
    if (!good) {
        fprintf(stderr, "line %d: %s\n", line, text);
        failures++;
    }
}

static int64_t real_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A machine that counts to a number, with a timer of its own on each clock. */
typedef struct {
    uint64_t icount;
    bool idle;
    int64_t virtual_timer; /* -1: not set */
    int64_t host_timer;
    int virtual_runs, host_runs, requests;
} machine_t;

static uint64_t m_icount(void *opaque) {
    return ((machine_t *)opaque)->icount;
}

static bool m_idle(void *opaque) {
    return ((machine_t *)opaque)->idle;
}

static int64_t m_deadline(void *opaque, replay_timer_clock_t clock) {
    machine_t *m = opaque;
    bool is_virtual = clock == REPLAY_TIMERS_VIRTUAL;
    int64_t timer = is_virtual ? m->virtual_timer : m->host_timer;
    int64_t left = timer - (is_virtual ? replay_get_virtual_clock() : real_ns());
    return timer < 0 ? -1 : left > 0 ? left : 0;
}

static void m_run_timers(void *opaque, replay_timer_clock_t clock) {
    machine_t *m = opaque;
    m->idle = false; /* an interrupt */
    if (clock == REPLAY_TIMERS_VIRTUAL) {
        m->virtual_timer = -1;
        m->virtual_runs++;
    } else {
        m->host_timer = -1;
        m->host_runs++;
    }
}

static void m_requests(void *opaque) {
    ((machine_t *)opaque)->requests++;
}

static replay_status_t configure(machine_t *m, const char *options) {
    replay_host_t host = REPLAY_HOST_INIT;
    host.icount = m_icount;
    host.cpus_idle = m_idle;
    host.deadline_ns = m_deadline;
    host.run_timers = m_run_timers;
    host.handle_requests = m_requests;
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.host = &host;
    config.opaque = m;
    config.options = options;
    *m = (machine_t){.virtual_timer = -1, .host_timer = -1};
    return replay_configure(&config);
}

/* One turn of a host with one thread. @return instructions executed. */
static uint64_t turn(machine_t *m, uint64_t slice, int64_t wait_ns) {
    replay_start_warp_timer();
    replay_account_warp_timer();
    uint64_t n = replay_get_budget(m->idle ? 0 : slice);
    if (n == 0)
        replay_wait(wait_ns);
    m->icount += n;
    replay_account_executed_instructions();
    return n;
}

static void an_idle_guest_sleeps_until_its_timer(void) {
    machine_t m;
    CHECK(configure(&m, "shift=0,sleep=on") == REPLAY_OK && replay_start() == REPLAY_OK);
    m.icount = 5;
    m.idle = true;
    m.virtual_timer = 20000000;
    int64_t start = real_ns();
    int turns = 0;
    for (; m.virtual_runs == 0 && turns < 1000; turns++)
        turn(&m, 1000, 2000000000);
    int64_t slept = real_ns() - start;
    CHECK(slept >= 19000000 && slept < 2000000000);
    CHECK(turns < 20); /* it slept, it did not spin */
    CHECK(replay_get_virtual_clock() >= 20000000);
    replay_info_t info = REPLAY_INFO_INIT;
    CHECK(replay_query(&info) == REPLAY_OK && info.warped_ns >= 19000000 && info.icount == 1005);
    /* A timer on the host's clock ends the sleep too; it is the I/O turn's. */
    m.idle = true;
    m.host_timer = real_ns() + 5000000;
    for (turns = 0; m.host_runs == 0 && turns < 1000; turns++)
        turn(&m, 1000, 2000000000);
    CHECK(m.host_runs == 1 && turns < 20 && m.requests > 0);
    CHECK(replay_finish() == REPLAY_OK);
}

static void *notify_later(void *opaque) {
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    if (opaque)
        replay_chr_be_write(0, (const uint8_t *)"x", 1);
    else
        replay_notify();
    return NULL;
}

static void note_bytes(void *opaque, const uint8_t *data, size_t length) {
    strncat(opaque, (const char *)data, length);
}

static void waiting_ends_when_something_changes(void) {
    machine_t m;
    char bytes[8] = "";
    pthread_t thread;
    CHECK(configure(&m, NULL) == REPLAY_OK);
    CHECK(replay_register_char_driver(note_bytes, bytes) == 0);
    CHECK(replay_start() == REPLAY_OK);
    m.idle = true;
    replay_account_warp_timer();
    CHECK(replay_wait(1000000) == REPLAY_TIMEOUT);
    replay_notify(); /* between the turn and the wait: not missed */
    CHECK(replay_wait(-1) == REPLAY_OK);
    CHECK(replay_wait(0) == REPLAY_TIMEOUT);
    for (int posts = 0; posts < 2; posts++) {
        CHECK(pthread_create(&thread, NULL, notify_later, posts ? bytes : NULL) == 0);
        CHECK(replay_wait(-1) == REPLAY_OK);
        pthread_join(thread, NULL);
    }
    CHECK(strcmp(bytes, "x") == 0);
    CHECK(replay_finish() == REPLAY_OK);
    CHECK(replay_chr_be_write(0, (const uint8_t *)"y", 1) == REPLAY_ERROR_INVALID_ARGUMENT);
}

typedef struct {
    int count;
    int32_t result;
} end_t;

static void note_end(void *opaque, int32_t result) {
    end_t *end = opaque;
    end->count++;
    end->result = result;
}

static void a_disk_serves_its_file(void) {
    char name[] = "/tmp/replay-stubs-XXXXXX";
    int file = mkstemp(name);
    CHECK(file >= 0 && ftruncate(file, 8192) == 0);
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.filename = name;
    replay_status_t status;
    machine_t m;
    CHECK(configure(&m, NULL) == REPLAY_OK);
    replay_block_t *disk = replay_block_open(&config, &status);
    CHECK(disk && status == REPLAY_OK && replay_block_length(disk) == 8192);

    end_t end = {0, 1};
    char text[12] = "hello, disk", back[12] = "", zeroes[12] = "";
    struct iovec in[] = {{text, 5}, {text + 5, 7}}, out[] = {{back, 7}, {back + 7, 5}};
    CHECK(replay_block_write(disk, 4090, in, 2, REPLAY_BLOCK_FUA, note_end, &end) == REPLAY_OK);
    CHECK(replay_block_read(disk, 4090, out, 2, 0, note_end, &end) == REPLAY_OK);
    CHECK(end.count == 2 && end.result == 0 && memcmp(text, back, 12) == 0);
    CHECK(replay_block_zeroes(disk, 4090, 6, 0, note_end, &end) == REPLAY_OK && end.result == 0);
    CHECK(replay_block_discard(disk, 4096, 4096, note_end, &end) == REPLAY_OK && end.result == 0);
    CHECK(replay_block_flush(disk, note_end, &end) == REPLAY_OK && end.result == 0);
    CHECK(pread(file, back, 12, 4090) == 12 && memcmp(back, zeroes, 6) == 0);
    CHECK(replay_block_read(disk, 8185, out, 2, 0, note_end, &end) == REPLAY_OK);
    CHECK(end.count == 6 && end.result == -EIO);
    CHECK(replay_block_read(disk, 0, out, 2, 0, NULL, &end) == REPLAY_ERROR_INVALID_ARGUMENT);
    CHECK(replay_block_close(disk) == REPLAY_OK);
    CHECK(replay_block_close(disk) == REPLAY_ERROR_INVALID_ARGUMENT);

    config.read_only = 1;
    disk = replay_block_open(&config, NULL);
    CHECK(replay_block_write(disk, 0, in, 2, 0, note_end, &end) == REPLAY_OK);
    CHECK(end.result == -EROFS && replay_block_close(disk) == REPLAY_OK);
    unlink(name);
    close(file);
    CHECK(!replay_block_open(&config, &status) && status == REPLAY_ERROR_SYSTEM);
    replay_error_t error = REPLAY_ERROR_INIT;
    replay_last_error(&error);
    CHECK(strcmp(error.message, "replay_block_open: No such file or directory") == 0);
    CHECK(replay_finish() == REPLAY_OK);
}

/* A backend that ends its requests later, from another thread. */
typedef struct {
    replay_block_request_t *request;
    const struct iovec *pieces;
    pthread_t thread;
    int closed;
} slow_t;

static int64_t slow_length(void *opaque) {
    (void)opaque;
    return 512;
}

static void *slow_end(void *opaque) {
    slow_t *slow = opaque;
    nanosleep(&(struct timespec){0, 10000000}, NULL);
    memset(slow->pieces[0].iov_base, 'z', slow->pieces[0].iov_len);
    CHECK(replay_block_complete(slow->request, 0) == REPLAY_OK);
    CHECK(replay_block_complete(slow->request, 0) == REPLAY_ERROR_INVALID_ARGUMENT);
    return NULL;
}

static void slow_read(void *opaque, replay_block_request_t *request, uint64_t offset,
                      const struct iovec *pieces, int32_t count, uint32_t flags) {
    slow_t *slow = opaque;
    CHECK(offset == 8 && count == 1 && flags == 0);
    slow->request = request;
    slow->pieces = pieces;
    CHECK(pthread_create(&slow->thread, NULL, slow_end, slow) == 0);
}

static void slow_close(void *opaque) {
    ((slow_t *)opaque)->closed++;
}

static void a_disk_serves_a_backend_of_the_host(void) {
    replay_block_backend_t backend = REPLAY_BLOCK_BACKEND_INIT;
    backend.length = slow_length;
    backend.read = slow_read;
    backend.close = slow_close;
    slow_t slow = {0};
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.backend = &backend;
    config.opaque = &slow;
    config.read_only = 1;
    machine_t m;
    CHECK(configure(&m, NULL) == REPLAY_OK);
    replay_block_t *disk = replay_block_open(&config, NULL);
    char back[5] = "";
    end_t end = {0, 1};
    CHECK(replay_block_read(disk, 8, &(struct iovec){back, 4}, 1, 0, note_end, &end) == REPLAY_OK);
    CHECK(replay_block_close(disk) == REPLAY_OK); /* waits for it */
    CHECK(end.count == 1 && end.result == 0 && strcmp(back, "zzzz") == 0 && slow.closed == 1);
    pthread_join(slow.thread, NULL);

    CHECK(replay_finish() == REPLAY_OK);
}

static void what_is_left_out_is_a_named_error(void) {
    machine_t m;
    CHECK(configure(&m, "rr=record,rrfile=log") == REPLAY_ERROR_NOT_SUPPORTED);
    CHECK(configure(&m, "rrsnapshot=base") == REPLAY_OK);
    CHECK(replay_start() == REPLAY_ERROR_NOT_SUPPORTED);
    replay_error_t error = REPLAY_ERROR_INIT;
    CHECK(replay_last_error(&error) == REPLAY_ERROR_NOT_SUPPORTED);
    CHECK(strncmp(error.message, "replay_start: ", 14) == 0);
    CHECK(replay_finish() == REPLAY_ERROR_NOT_SUPPORTED);
    CHECK(configure(&m, NULL) == REPLAY_OK);
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    replay_status_t status;
    replay_block_backend_t backend = REPLAY_BLOCK_BACKEND_INIT;
    config.backend = &backend;
    config.overlay = REPLAY_BLOCK_OVERLAY_TEMPORARY;
    CHECK(!replay_block_open(&config, &status) && status == REPLAY_ERROR_NOT_SUPPORTED);
    CHECK(!replay_session_new() && replay_last_error(NULL) == REPLAY_ERROR_NOT_SUPPORTED);
    CHECK(replay_glib_attach(NULL) == REPLAY_ERROR_NOT_SUPPORTED); /* no GLib here */
    CHECK(replay_last_error(&error) == REPLAY_ERROR_NOT_SUPPORTED);
    CHECK(strncmp(error.message, "replay_glib_attach: ", 20) == 0);
    CHECK(!replay_log_open("run.log", &error) && error.status == REPLAY_ERROR_NOT_SUPPORTED);
    CHECK(strcmp(error.message, replay_status_sentence(REPLAY_ERROR_NOT_SUPPORTED)) == 0);
    CHECK(replay_finish() == REPLAY_OK);
}

int main(void) {
    an_idle_guest_sleeps_until_its_timer();
    waiting_ends_when_something_changes();
    a_disk_serves_its_file();
    a_disk_serves_a_backend_of_the_host();
    what_is_left_out_is_a_named_error();
    printf("%d failures\n", failures);
    return failures ? 1 : 0;
}
