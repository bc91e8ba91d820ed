/* SPDX-License-Identifier: MIT */
/* A host that is linked with the stubs really runs: clocks, timers, warp,
 * waiting, disks, devices, several sessions; and gets errors where it asks for
 * what stubs don't have. */
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
    bool paused;
    int64_t virtual_timer; /* -1: not set */
    int64_t host_timer;
    int virtual_runs, host_runs, requests, inputs, syncs, messages;
    int32_t last_code;
} machine_t;

static uint64_t m_icount(void *opaque) {
    return ((machine_t *)opaque)->icount;
}

static bool m_idle(void *opaque) {
    return ((machine_t *)opaque)->idle;
}

static bool m_running(void *opaque) {
    return !((machine_t *)opaque)->paused;
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

static void m_input(void *opaque, const replay_input_event_t *event) {
    machine_t *m = opaque;
    m->inputs++;
    m->last_code = event->code;
}

static void m_sync(void *opaque) {
    ((machine_t *)opaque)->syncs++;
}

static void m_message(void *opaque, replay_message_level_t level, const char *text) {
    (void)level;
    (void)text;
    ((machine_t *)opaque)->messages++;
}

static replay_status_t configure(machine_t *m, const char *options) {
    replay_host_t host = REPLAY_HOST_INIT;
    host.icount = m_icount;
    host.cpus_idle = m_idle;
    host.machine_running = m_running;
    host.deadline_ns = m_deadline;
    host.run_timers = m_run_timers;
    host.handle_requests = m_requests;
    host.input = m_input;
    host.input_sync = m_sync;
    host.message = m_message;
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

static void options_are_checked(void) {
    static const struct {
        const char *options;
        replay_status_t status;
        const char *message;
    } cases[] = {
        {"shift=11", REPLAY_ERROR_BAD_OPTION, "\"11\""},
        {"shift=-1", REPLAY_ERROR_BAD_OPTION, "\"-1\""},
        {"shift", REPLAY_ERROR_BAD_OPTION, "shift"},
        {"sleep=maybe", REPLAY_ERROR_BAD_OPTION, "maybe"},
        {"shift=0,colour=red", REPLAY_ERROR_BAD_OPTION, "colour"},
        {"rrsegment=255", REPLAY_ERROR_BAD_OPTION, "rrsegment"},
        {"rrstall=1x", REPLAY_ERROR_BAD_OPTION, "rrstall"},
        {"sleep=on,=,", REPLAY_ERROR_BAD_OPTION, "unknown"},
        {"rr=record,rrfile=x.log", REPLAY_ERROR_NOT_SUPPORTED, "runs without libreplay"},
        {"rr=replay,rrfile=a,,b", REPLAY_ERROR_NOT_SUPPORTED, "runs without libreplay"},
    };
    machine_t m;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        replay_error_t error = REPLAY_ERROR_INIT;
        CHECK(configure(&m, cases[i].options) == cases[i].status);
        CHECK(replay_last_error(&error) == cases[i].status);
        if (!strstr(error.message, cases[i].message)) {
            fprintf(stderr, "%s: %s\n", cases[i].options, error.message);
            failures++;
        }
    }
    CHECK(configure(&m, "shift=auto,sleep=off,align=on,rrfile=a,,b,rrsnapshot=one,,two,rrdata=on,"
                        "rrdigest=7,rrstall=9,rrlint=off,rrfull=go,rrsegment=256") == REPLAY_OK);
    CHECK(replay_snapshot && strcmp(replay_snapshot, "one,two") == 0);
    CHECK(replay_vmstate_init() == REPLAY_ERROR_NOT_SUPPORTED);
    CHECK(configure(&m, "") == REPLAY_ERROR_WRONG_STATE);
    CHECK(replay_finish() == REPLAY_OK);
    CHECK(replay_finish() == REPLAY_ERROR_WRONG_STATE);
    CHECK(replay_start() == REPLAY_ERROR_WRONG_STATE);
}

static void structs_of_other_sizes_are_taken(void) {
    replay_config_t config = REPLAY_CONFIG_INIT;
    /* The smallest is what there was before anything was appended. */
    config.size = offsetof(replay_config_t, overwrite) - 1;
    CHECK(replay_configure(&config) == REPLAY_ERROR_STRUCT_SIZE);
    config.size++;
    config.overwrite = 77; /* not read */
    CHECK(replay_configure(&config) == REPLAY_OK);
    CHECK(replay_finish() == REPLAY_OK);
    config.overwrite = REPLAY_DEFAULT;
    config.size = sizeof config;
    config.shift = 11;
    CHECK(replay_configure(&config) == REPLAY_ERROR_BAD_OPTION);
    CHECK(replay_configure(NULL) == REPLAY_ERROR_INVALID_ARGUMENT);

    struct {
        replay_config_t config;
        uint64_t future[4];
    } larger = {REPLAY_CONFIG_INIT, {1, 2, 3, 4}};
    larger.config.size = sizeof larger;
    CHECK(replay_configure(&larger.config) == REPLAY_OK);

    replay_info_t info;
    memset(&info, 0x55, sizeof info);
    info.size = offsetof(replay_info_t, icount) + sizeof info.icount;
    CHECK(replay_query(&info) == REPLAY_OK);
    CHECK(info.mode == REPLAY_MODE_NONE && info.icount == 0);
    CHECK(info.events == UINT64_C(0x5555555555555555));
    info.size = 4;
    CHECK(replay_query(&info) == REPLAY_ERROR_STRUCT_SIZE);
    replay_error_t error;
    memset(&error, 0x55, sizeof error);
    error.size = offsetof(replay_error_t, icount);
    CHECK(replay_last_error(&error) == REPLAY_ERROR_STRUCT_SIZE);
    CHECK(error.status == REPLAY_ERROR_STRUCT_SIZE);
    CHECK(error.icount == UINT64_C(0x5555555555555555));
    CHECK(replay_finish() == REPLAY_OK);
}

static char order[16];

static void note_a(void *opaque) {
    (void)opaque;
    strcat(order, "a");
}

static void note_b(void *opaque) {
    replay_timer_t **timer = opaque;
    strcat(order, "b");
    if (timer) {
        CHECK(replay_timer_free(*timer) == REPLAY_OK); /* itself */
        *timer = NULL;
    }
}

static void timers_run_at_their_time(void) {
    machine_t m;
    CHECK(configure(&m, "shift=2") == REPLAY_OK && replay_start() == REPLAY_OK);
    replay_timer_t *first = replay_timer_new(note_a, NULL);
    replay_timer_t *second = NULL;
    second = replay_timer_new(note_b, &second);
    replay_timer_t *equal = replay_timer_new(note_b, NULL);
    CHECK(replay_timer_expire_time(first) == -1);
    CHECK(replay_timer_mod(second, 402) == REPLAY_OK);
    CHECK(replay_timer_mod(equal, 4000) == REPLAY_OK);
    CHECK(replay_timer_mod(first, 4000) == REPLAY_OK);
    CHECK(replay_timer_expire_time(second) == 402);
    m.virtual_timer = 8001;
    /* 402 ns at 4 ns an instruction: 101 instructions, then up to 4000 ns. */
    CHECK(replay_get_budget(50) == 50);
    CHECK(turn(&m, 10000, 0) == 101);
    CHECK(replay_get_virtual_clock() == 404);
    CHECK(turn(&m, 10000, 0) == 899 && strcmp(order, "b") == 0 && !second);
    CHECK(turn(&m, 10000, 0) == 1001 && strcmp(order, "bba") == 0);
    CHECK(m.virtual_runs == 0);
    CHECK(turn(&m, 10000, 0) == 10000 && m.virtual_runs == 1);
    CHECK(replay_timer_del(first) == REPLAY_OK && replay_timer_free(first) == REPLAY_OK);
    CHECK(replay_timer_free(first) == REPLAY_ERROR_INVALID_ARGUMENT);
    CHECK(replay_timer_mod(first, 1) == REPLAY_ERROR_INVALID_ARGUMENT);
    CHECK(replay_timer_free(equal) == REPLAY_OK && replay_timer_free(NULL) == REPLAY_OK);
    CHECK(!replay_timer_new(NULL, NULL));
    CHECK(replay_finish() == REPLAY_OK && replay_get_virtual_clock() == 0);
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
    /* A paused machine does nothing. */
    m.paused = true;
    int requests = m.requests;
    m.virtual_timer = 0;
    CHECK(turn(&m, 1000, 1000000) == 0 && m.requests == requests && m.virtual_runs == 1);
    CHECK(replay_finish() == REPLAY_OK);
}

static void without_sleep_an_idle_guest_is_at_its_timer_at_once(void) {
    machine_t m;
    CHECK(configure(&m, "shift=0,sleep=off") == REPLAY_OK && replay_start() == REPLAY_OK);
    m.idle = true;
    m.virtual_timer = INT64_C(3600) * 1000000000;
    int64_t start = real_ns();
    for (int turns = 0; m.virtual_runs == 0 && turns < 10; turns++)
        turn(&m, 1000, 1000000000);
    CHECK(m.virtual_runs == 1 && real_ns() - start < 1000000000);
    CHECK(replay_get_virtual_clock() == INT64_C(3600) * 1000000000 + 1000);
    m.idle = true;
    turn(&m, 1000, 0);
    turn(&m, 1000, 0);
    CHECK(m.messages == 1); /* nothing will ever wake it: told once */
    CHECK(replay_finish() == REPLAY_OK);
}

static void automatic_shift_follows_real_time(void) {
    machine_t m;
    CHECK(configure(&m, "shift=auto") == REPLAY_OK && replay_start() == REPLAY_OK);
    replay_info_t info = REPLAY_INFO_INIT;
    for (int i = 0; i < 100; i++) {
        m.icount += 100000000; /* far faster than real time */
        replay_account_warp_timer();
    }
    CHECK(replay_query(&info) == REPLAY_OK && info.shift == 0);
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

static void note_packet(void *opaque, uint32_t flags, const uint8_t *data, size_t length) {
    CHECK(flags == 3);
    note_bytes(opaque, data, length);
}

static void run_count(void *opaque) {
    ++*(int *)opaque;
}

static void devices_are_served_at_once(void) {
    machine_t m;
    char packet[16] = "";
    CHECK(configure(&m, NULL) == REPLAY_OK);
    replay_net_t *net = replay_register_net(note_packet, packet);
    CHECK(replay_start() == REPLAY_OK);
    struct iovec pieces[] = {{(char[]){"pac"}, 3}, {NULL, 0}, {(char[]){"ket"}, 3}};
    CHECK(replay_net_packet_event(net, 3, pieces, 3) == REPLAY_OK && strcmp(packet, "packet") == 0);
    CHECK(replay_unregister_net(net) == REPLAY_OK);
    CHECK(replay_unregister_net(net) == REPLAY_ERROR_INVALID_ARGUMENT);
    CHECK(replay_net_packet_event(net, 3, pieces, 3) == REPLAY_ERROR_INVALID_ARGUMENT);

    replay_input_event_t key = {REPLAY_INPUT_KEY, 30, 0, 0, 0, 1};
    CHECK(replay_input_event(&key) == REPLAY_OK && m.inputs == 1 && m.last_code == 30);
    CHECK(replay_input_sync_event() == REPLAY_OK && m.syncs == 1);
    key.kind = REPLAY_INPUT_COUNT;
    CHECK(replay_input_event(&key) == REPLAY_ERROR_INVALID_ARGUMENT);

    int runs = 0;
    CHECK(replay_bh_schedule_event(run_count, &runs) == REPLAY_OK);
    CHECK(replay_bh_schedule_oneshot_event(run_count, &runs) == REPLAY_OK);
    CHECK(replay_block_event(run_count, &runs, blkreplay_next_id()) == REPLAY_OK && runs == 3);
    CHECK(!replay_events_enabled() && replay_checkpoint(REPLAY_CHECKPOINT_INIT));
    CHECK(replay_interrupt() && replay_exception() && !replay_has_interrupt());

    size_t samples = 7;
    int32_t result = 1;
    uint8_t bytes[4] = {1, 1, 1, 1};
    CHECK(replay_audio_out(&samples) == REPLAY_OK && samples == 7);
    CHECK(replay_save_clock(REPLAY_CLOCK_HOST, 99, 0) == 99);
    CHECK(replay_save_random(0, bytes, 4) == REPLAY_ERROR_WRONG_MODE);
    CHECK(replay_read_random(bytes, 4) == REPLAY_ERROR_WRONG_MODE);
    CHECK(replay_char_read_all_load(bytes, 4, &result) == REPLAY_ERROR_WRONG_MODE && result == 0);
    CHECK(replay_shutdown_request(REPLAY_SHUTDOWN_COUNT) == REPLAY_ERROR_INVALID_ARGUMENT);
    CHECK(replay_glib_attach(NULL) == REPLAY_ERROR_NOT_SUPPORTED); /* no GLib here */
    CHECK(replay_glib_detach(NULL) == REPLAY_ERROR_WRONG_STATE);
    CHECK(replay_finish() == REPLAY_OK);
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
    CHECK(pread(file, back, 12, 4090) == 12 && memcmp(back, zeroes, 12) == 0);
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
    config.overlay = REPLAY_BLOCK_OVERLAY_TEMPORARY;
    CHECK(!replay_block_open(&config, &status) && status == REPLAY_ERROR_NOT_SUPPORTED);
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
    replay_block_t *disk = replay_block_open(&config, NULL);
    char back[5] = "";
    end_t end = {0, 1};
    CHECK(replay_block_read(disk, 8, &(struct iovec){back, 4}, 1, 0, note_end, &end) == REPLAY_OK);
    CHECK(replay_block_close(disk) == REPLAY_OK); /* waits for it */
    CHECK(end.count == 1 && end.result == 0 && strcmp(back, "zzzz") == 0 && slow.closed == 1);
    pthread_join(slow.thread, NULL);

    disk = replay_block_open(&config, NULL);
    CHECK(replay_block_write(disk, 0, &(struct iovec){back, 4}, 1, 0, note_end, &end) == REPLAY_OK);
    CHECK(end.result == -ENOTSUP);
    CHECK(replay_block_zeroes(disk, 0, 4, 0, note_end, &end) == REPLAY_OK);
    CHECK(end.result == -ENOTSUP);
    CHECK(replay_block_flush(disk, note_end, &end) == REPLAY_OK && end.result == 0);
    CHECK(replay_block_close(disk) == REPLAY_OK);
    backend.read = NULL;
    replay_status_t status;
    CHECK(!replay_block_open(&config, &status) && status == REPLAY_ERROR_INVALID_ARGUMENT);
}

static void each_session_has_its_clock(void) {
    machine_t one, two;
    replay_session_t *session = replay_session_new();
    CHECK(configure(&one, "shift=0") == REPLAY_OK);
    CHECK(replay_session_push_current(session) == REPLAY_OK);
    CHECK(replay_session_get_current() == session);
    CHECK(configure(&two, "shift=3") == REPLAY_OK);
    one.icount = two.icount = 10;
    CHECK(replay_get_virtual_clock() == 80);
    CHECK(replay_session_free(session) == REPLAY_ERROR_WRONG_STATE);
    CHECK(replay_session_pop_current() == REPLAY_OK);
    CHECK(replay_session_pop_current() == REPLAY_ERROR_WRONG_STATE);
    CHECK(!replay_session_get_current() && replay_get_virtual_clock() == 10);
    CHECK(replay_session_free(session) == REPLAY_OK);
    CHECK(replay_session_free(session) == REPLAY_ERROR_INVALID_ARGUMENT);
    CHECK(replay_session_push_current(session) == REPLAY_ERROR_INVALID_ARGUMENT);
    for (int i = 0; i < 16; i++)
        CHECK(replay_session_push_current(NULL) == REPLAY_OK);
    CHECK(replay_session_push_current(NULL) == REPLAY_ERROR_WRONG_STATE);
    for (int i = 0; i < 16; i++)
        CHECK(replay_session_pop_current() == REPLAY_OK);
    CHECK(replay_finish() == REPLAY_OK);
}

int main(void) {
    CHECK(replay_mode == REPLAY_MODE_NONE && replay_mutex_locked());
    options_are_checked();
    structs_of_other_sizes_are_taken();
    timers_run_at_their_time();
    an_idle_guest_sleeps_until_its_timer();
    without_sleep_an_idle_guest_is_at_its_timer_at_once();
    automatic_shift_follows_real_time();
    waiting_ends_when_something_changes();
    devices_are_served_at_once();
    a_disk_serves_its_file();
    a_disk_serves_a_backend_of_the_host();
    each_session_has_its_clock();
    const replay_plugin_t *table = replay_plugin_query(REPLAY_ABI_VERSION);
    CHECK(table && table->size == sizeof *table && table->mode == &replay_mode);
    CHECK(table->replay_wait == replay_wait && table->replay_glib_detach == replay_glib_detach);
    printf("%d failures\n", failures);
    return failures ? 1 : 0;
}
