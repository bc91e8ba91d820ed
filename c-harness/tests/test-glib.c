/* SPDX-License-Identifier: MIT */
/* A GMainContext as the I/O thread's main loop. */
#include "host.h"

#include <glib.h>
#include <sys/resource.h>

static host_t host;
TEST(attaching_needs_a_configuration) {
    CHECK_STATUS(replay_glib_attach(NULL), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_glib_detach(NULL), ERROR_WRONG_STATE);
}

TEST(attaching_gives_role_and_lock_and_detaching_takes_them) {
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    REQUIRE_STATUS(replay_start(), OK);
    GMainContext *context = g_main_context_new();
    GPollFunc before = g_main_context_get_poll_func(context);
    CHECK_STATUS(replay_glib_detach(context), ERROR_WRONG_STATE);
    CHECK(!replay_mutex_locked());
    CHECK_STATUS(replay_glib_attach(context), OK);
    CHECK(replay_mutex_locked());
    CHECK(g_main_context_get_poll_func(context) != before);
    CHECK_STATUS(replay_start_warp_timer(), OK);
    CHECK_STATUS(replay_glib_attach(context), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_glib_detach(context), OK);
    CHECK(!replay_mutex_locked());
    CHECK(g_main_context_get_poll_func(context) == before);
    CHECK_STATUS(replay_glib_detach(context), ERROR_WRONG_STATE);
    CHECK(!g_main_context_pending(context));
    g_main_context_unref(context);
    CHECK_STATUS(replay_finish(), OK);
}

TEST(null_is_the_default_context) {
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    REQUIRE_STATUS(replay_start(), OK);
    GPollFunc before = g_main_context_get_poll_func(NULL);
    CHECK_STATUS(replay_glib_attach(NULL), OK);
    CHECK_STATUS(replay_glib_attach(g_main_context_default()), ERROR_WRONG_STATE);
    CHECK(g_main_context_get_poll_func(NULL) != before);
    CHECK_STATUS(replay_glib_detach(NULL), OK);
    CHECK(g_main_context_get_poll_func(NULL) == before);
    CHECK_STATUS(replay_finish(), OK);
}

TEST(without_descriptors_the_default_context_is_refused) {
    struct rlimit none = {3, 3}, before;
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    REQUIRE_STATUS(replay_start(), OK);
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    none.rlim_max = before.rlim_max;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    CHECK_STATUS(replay_glib_detach(NULL), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_glib_attach(NULL), ERROR_SYSTEM);
    CHECK_HAS(host_last_error().message, "needs two file descriptors");
    REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK_STATUS(replay_glib_attach(NULL), OK);
    CHECK_STATUS(replay_glib_detach(NULL), OK);
    CHECK_STATUS(replay_finish(), OK);
}

static int polls;
static gint own_poll(GPollFD *fds, guint count, gint timeout) {
    polls++;
    CHECK(!replay_mutex_locked()); /* given away while polling */
    return g_poll(fds, count, timeout);
}

static gboolean note_dispatch(gpointer count) {
    CHECK(replay_mutex_locked());
    CHECK_STATUS(replay_start_warp_timer(), OK);
    return ++*(int *)count < 5;
}

TEST(the_hosts_poll_function_is_kept_and_sources_have_the_lock) {
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    REQUIRE_STATUS(replay_start(), OK);
    GMainContext *context = g_main_context_new();
    g_main_context_set_poll_func(context, own_poll);
    CHECK_STATUS(replay_glib_attach(context), OK);
    int dispatched = 0;
    GSource *source = g_timeout_source_new(3);
    g_source_set_callback(source, note_dispatch, &dispatched, NULL);
    g_source_attach(source, context);
    int64_t limit = test_now_ns() + 5000000000;
    while (dispatched < 5 && test_now_ns() < limit)
        g_main_context_iteration(context, TRUE);
    CHECK_EQ(dispatched, 5);
    CHECK(polls >= 5);
    CHECK(replay_mutex_locked());
    CHECK_STATUS(replay_glib_detach(context), OK);
    CHECK(g_main_context_get_poll_func(context) == own_poll);
    g_source_unref(source);
    g_main_context_unref(context);
    CHECK_STATUS(replay_finish(), OK);
}

/* --------------------- a vCPU thread and a main loop, recorded and replayed */

enum { ROUNDS = 30 };
static GMainContext *context;
static GMainLoop *loop;
static int32_t device;
static atomic_bool stop_io;
static uint64_t state;
static int wakes;

static void mix(uint64_t value) {
    state = (state ^ value ^ (host.icount << 17)) * 0x9e3779b97f4a7c15u;
}

static void receive(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque;
    for (size_t i = 0; i < length; i++)
        mix(data[i]);
    host.idle = false;
}

static void on_timer(void *opaque) {
    (void)opaque;
    wakes++;
    mix((uint64_t)replay_get_virtual_clock());
    host.idle = false;
}

static gboolean type(gpointer opaque) {
    static uint8_t key;
    (void)opaque;
    key = (uint8_t)(key * 5 + 1);
    replay_chr_be_write(device, &key, 1);
    return G_SOURCE_CONTINUE;
}

static gboolean look(gpointer opaque) {
    (void)opaque;
    if (atomic_load(&stop_io))
        g_main_loop_quit(loop);
    return G_SOURCE_CONTINUE;
}

static void add_timeout(guint ms, GSourceFunc callback) {
    GSource *source = g_timeout_source_new(ms);
    g_source_set_callback(source, callback, NULL, NULL);
    g_source_attach(source, context);
    g_source_unref(source);
}

static void *run_io(void *opaque) {
    (void)opaque;
    g_main_context_push_thread_default(context);
    CHECK_STATUS(replay_glib_attach(context), OK);
    add_timeout(7, type);
    add_timeout(5, look);
    g_main_loop_run(loop);
    CHECK_STATUS(replay_glib_detach(context), OK);
    g_main_context_pop_thread_default(context);
    return NULL;
}

static void run_vcpu(replay_mode_t mode) {
    replay_timer_t *timer = replay_timer_new(on_timer, NULL);
    for (int i = 0; i < ROUNDS && !host_stopped(&host); i++) {
        int64_t now = REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, test_now_ns());
        mix((uint64_t)now);
        host_execute(&host, REPLAY_THREAD_VCPU, 20000);
        replay_timer_mod(timer, replay_get_virtual_clock() + 10000000);
        host.idle = true;
        int64_t since = test_now_ns();
        while (host.idle && host_again(&host, REPLAY_THREAD_VCPU, since))
            if (host.idle)
                replay_wait(1000000000);
        host.idle = false;
        replay_timer_del(timer);
    }
    if (mode == REPLAY_MODE_PLAY)
        CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU));
}

static uint64_t run(replay_mode_t mode, uint64_t *icount) {
    host_init(&host);
    state = 1;
    wakes = 0;
    atomic_store(&stop_io, false);
    context = g_main_context_new();
    loop = g_main_loop_new(context, FALSE);
    REQUIRE_STATUS(host_configure(&host, mode, log_path(), NULL), OK);
    device = replay_register_char_driver(receive, NULL);
    host_start(&host, REPLAY_THREAD_VCPU);
    pthread_t io;
    pthread_create(&io, NULL, run_io, NULL);
    run_vcpu(mode);
    replay_mutex_unlock();
    atomic_store(&stop_io, true);
    pthread_join(io, NULL);
    if (host_stop_status(&host) != REPLAY_OK)
        test_fail(TEST_HERE, "%s", host.stop_error.message);
    CHECK(!host.hung);
    CHECK_STATUS(replay_finish(), OK);
    g_main_loop_unref(loop);
    g_main_context_unref(context);
    *icount = host.icount;
    return state;
}

TEST_SLOW(a_main_loop_is_replayed, 60) {
    uint64_t icount, played;
    uint64_t recorded = run(REPLAY_MODE_RECORD, &icount);
    for (int i = 0; i < 3; i++) {
        int64_t begun = test_now_ns();
        CHECK_EQ(run(REPLAY_MODE_PLAY, &played), recorded);
        CHECK_EQ(played, icount);
        CHECK(test_now_ns() - begun < 5000000000);
    }
}

static void *run_another_context(void *answer) {
    replay_session_t *session = replay_session_new();
    GMainContext *mine = g_main_context_new();
    host_t *other = calloc(1, sizeof *other);
    host_init(other);
    CHECK_STATUS(replay_session_push_current(session), OK);
    CHECK_STATUS(host_configure(other, REPLAY_MODE_RECORD, answer, NULL), OK);
    CHECK_STATUS(replay_start(), OK);
    CHECK_STATUS(replay_glib_attach(mine), OK);
    for (int i = 0; i < 20; i++)
        g_main_context_iteration(mine, FALSE);
    CHECK(replay_mutex_locked());
    CHECK_STATUS(replay_glib_detach(mine), OK);
    CHECK_STATUS(replay_finish(), OK);
    CHECK_STATUS(replay_session_pop_current(), OK);
    CHECK_STATUS(replay_session_free(session), OK);
    g_main_context_unref(mine);
    free(other);
    return NULL;
}

TEST(several_contexts_of_several_sessions) {
    pthread_t threads[2];
    char paths[2][300];
    for (int i = 0; i < 2; i++) {
        snprintf(paths[i], sizeof paths[i], "%s.%d", log_path(), i);
        pthread_create(&threads[i], NULL, run_another_context, paths[i]);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}
