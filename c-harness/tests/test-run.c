/* SPDX-License-Identifier: MIT */
/* The simple layer: replay_run() with one thread, with two, and with a GLib main
 * loop; what it must not do is spin. */
#include "host.h"

#include <glib.h>
#include <stddef.h>

enum { LAST = 60000, CLOCK_EVERY = 1000, SLEEP_EVERY = 5000, MASK_PERIOD = 3000 };

/* A guest that reads clocks, sleeps until its timer, and masks its interrupts
 * half of the time. */
static struct {
    host_t host;
    uint64_t state, last;
    replay_timer_t *timer;
    int32_t keyboard;
    bool pending;
    bool always_masked;
    bool stuck; /* awake, but executes nothing */
    unsigned executes, asked, keys;
    atomic_uint turns; /* of the I/O side: handle_requests */
    atomic_bool kicked;
    void (*each)(void); /* each call of execute */
} m;

static bool masked(void) {
    return m.always_masked || m.host.icount / MASK_PERIOD % 2 == 1;
}

static void mix(uint64_t value) {
    m.state = (m.state ^ value) * UINT64_C(0x9e3779b97f4a7c15);
}

static void execute(void *opaque, uint64_t instructions) {
    (void)opaque;
    m.executes++;
    atomic_store(&m.kicked, false);
    if (m.each)
        m.each();
    for (; instructions > 0 && !m.host.idle && !m.stuck; instructions--) {
        mix(++m.host.icount);
        if (m.host.icount % CLOCK_EVERY == 0)
            mix((uint64_t)REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, test_now_ns()));
        if (m.host.icount % SLEEP_EVERY == 0) {
            m.host.idle = true;
            replay_timer_mod(m.timer, replay_get_virtual_clock() + 3000000);
        }
        if (m.host.icount == m.last)
            replay_run_stop();
        if (m.host.icount == m.last || atomic_load(&m.kicked))
            return;
    }
}

static void interrupt(void *opaque) {
    (void)opaque;
    m.asked++;
    if (!m.pending || masked() || !replay_interrupt())
        return;
    m.pending = false;
    m.host.idle = false;
    mix(~m.host.icount);
}

static void ring(void *opaque) {
    (void)opaque;
    m.host.idle = false;
    mix(7);
}

static void receive(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque, (void)data;
    m.keys += (unsigned)length;
    m.pending = true;
}

static void kick(void *opaque) {
    (void)opaque;
    atomic_store(&m.kicked, true);
}

static void requests(void *opaque) {
    (void)opaque;
    atomic_fetch_add(&m.turns, 1);
}

static void init(void) {
    memset(&m, 0, sizeof m);
    m.last = LAST;
    host_init(&m.host);
    m.host.callbacks.execute = execute;
    m.host.callbacks.interrupt = interrupt;
    m.host.callbacks.kick = kick;
    m.host.callbacks.handle_requests = requests;
}

static void begin_with(replay_mode_t mode, const char *options) {
    REQUIRE_STATUS(
        host_configure(&m.host, mode, mode == REPLAY_MODE_NONE ? NULL : log_path(), options), OK);
    replay_mutex_lock();
    m.timer = replay_timer_new(ring, NULL);
    replay_mutex_unlock();
    m.keyboard = replay_register_char_driver(receive, NULL);
    REQUIRE_STATUS(replay_start(), OK);
}

static void begin(replay_mode_t mode) {
    init();
    begin_with(mode, NULL);
}

static void press(void) {
    if (m.executes % 7 == 0)
        replay_chr_be_write(m.keyboard, (const uint8_t *)"k", 1);
}

static uint64_t recorded_state;
static unsigned recorded_keys;

static void note_recorded(void) {
    CHECK_EQ(m.host.icount, LAST);
    CHECK(m.keys > 0);
    recorded_state = m.state;
    recorded_keys = m.keys;
}

static void check_replayed(void) {
    CHECK_EQ(m.host.icount, LAST);
    CHECK_EQ(m.state, recorded_state);
    CHECK_EQ(m.keys, recorded_keys);
}

/* ---------------------------------------------------------------- one thread */

TEST(one_thread_needs_no_lock_and_no_role) {
    begin(REPLAY_MODE_RECORD);
    m.each = press;
    CHECK_STATUS(replay_run(), OK);
    note_recorded();
    CHECK_STATUS(replay_finish(), OK);

    begin(REPLAY_MODE_PLAY);
    m.each = press;
    CHECK_STATUS(replay_run(), OK);
    check_replayed();
    CHECK_STATUS(replay_finish(), OK);

    init();
    begin_with(REPLAY_MODE_NONE, NULL);
    m.each = press;
    CHECK_STATUS(replay_run(), OK);
    CHECK_EQ(m.host.icount, LAST);
    CHECK_STATUS(replay_finish(), OK);
}

static void press_always(void) {
    replay_chr_be_write(m.keyboard, (const uint8_t *)"k", 1);
}

/* Also what was queued by the execute() that stopped the run. */
TEST(the_state_after_a_run_with_one_thread_is_the_final_one) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        begin(mode);
        m.each = press_always;
        CHECK_STATUS(replay_run(), OK);
        mode == REPLAY_MODE_RECORD ? note_recorded() : check_replayed();
        if (mode == REPLAY_MODE_RECORD)
            CHECK_EQ(m.keys, m.executes);
        CHECK_STATUS(replay_finish(), OK);
        CHECK_EQ(m.keys, recorded_keys);
    }
}

/* What the host queues after the run comes with replay_finish(), in both modes. */
TEST(what_is_queued_after_a_run_arrives_at_the_end) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        begin(mode);
        m.last = LAST - 1; /* where the guest is awake */
        m.each = press_always;
        CHECK_STATUS(replay_run(), OK);
        if (mode == REPLAY_MODE_RECORD)
            recorded_keys = m.keys;
        CHECK_EQ(m.keys, recorded_keys);
        press_always();
        CHECK_STATUS(replay_finish(), OK);
        CHECK_EQ(m.keys, recorded_keys + 1);
    }
}

TEST(a_thread_that_holds_the_lock_holds_it_afterwards) {
    begin(REPLAY_MODE_RECORD);
    CHECK_STATUS(replay_mutex_lock(), OK);
    CHECK_STATUS(replay_run(), OK);
    CHECK(replay_mutex_locked());
    CHECK_STATUS(replay_mutex_unlock(), OK);
    CHECK_STATUS(replay_finish(), OK);
}

TEST(the_end_of_the_log_ends_the_run_without_a_stop_callback) {
    begin(REPLAY_MODE_RECORD);
    CHECK_STATUS(replay_run(), OK);
    CHECK_STATUS(replay_finish(), OK);
    init();
    m.host.callbacks.stop = NULL;
    begin_with(REPLAY_MODE_PLAY, NULL);
    m.always_masked = true;
    CHECK_STATUS(replay_run(), OK);
    CHECK_STATUS(replay_finish(), OK);
}

static void differ(void) {
    if (m.host.icount > LAST / 2)
        REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 1);
}

TEST(a_divergence_ends_the_run_and_is_its_status) {
    begin(REPLAY_MODE_RECORD);
    CHECK_STATUS(replay_run(), OK);
    CHECK_STATUS(replay_finish(), OK);
    begin(REPLAY_MODE_PLAY);
    m.each = differ;
    CHECK_STATUS(replay_run(), ERROR_DIVERGENCE);
    CHECK(m.host.icount < LAST);
    CHECK_STATUS(replay_run(), ERROR_DIVERGENCE);
    CHECK_STATUS(replay_finish(), ERROR_DIVERGENCE);
}

/* ------------------------------------------------------------ a slow execute */

static void be_slow_once(void) {
    if (m.executes == 3)
        test_sleep_ms(1500);
}

static atomic_bool is_over;
static void *run_io_side(void *opaque) {
    replay_thread_attach(REPLAY_THREAD_IO);
    replay_run();
    return opaque;
}
static void *keep_notifying(void *opaque) {
    while (!atomic_load(&is_over)) {
        test_sleep_ms(20);
        replay_notify();
    }
    return opaque;
}

/* It sleeps for many limits, while the I/O thread looks again and again. */
TEST(a_slow_execute_is_not_a_stall) {
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        init();
        begin_with(mode, "rrstall=100");
        m.each = be_slow_once;
        atomic_store(&is_over, false);
        pthread_t io, notifier;
        pthread_create(&io, NULL, run_io_side, NULL);
        pthread_create(&notifier, NULL, keep_notifying, NULL);
        replay_thread_attach(REPLAY_THREAD_VCPU);
        CHECK_STATUS(replay_run(), OK);
        CHECK_EQ(m.host.icount, LAST);
        replay_run_stop();
        pthread_join(io, NULL);
        atomic_store(&is_over, true);
        pthread_join(notifier, NULL);
        CHECK_STATUS(replay_finish(), OK);
    }
}

/* ------------------------------------------------------------------- no spin */

static void *stop_later(void *opaque) {
    (void)opaque;
    test_sleep_ms(400);
    replay_run_stop();
    return NULL;
}

/* Runs for 400 ms. */
static void run_a_while(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, stop_later, NULL);
    CHECK_STATUS(replay_run(), OK);
    pthread_join(thread, NULL);
}

TEST(a_paused_machine_does_not_spin) {
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_RECORD; mode++) {
        begin(mode);
        m.host.paused = true;
        replay_mutex_lock();
        replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
        replay_timer_mod(m.timer, 0); /* due, but nothing can be done about it */
        replay_mutex_unlock();
        run_a_while();
        CHECK_EQ(m.host.icount, 0);
        CHECK_EQ(m.executes, 0);
        CHECK(atomic_load(&m.turns) < 20);
        CHECK_STATUS(replay_finish(), OK);
    }
}

TEST(a_sleeping_guest_does_not_spin) {
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_RECORD; mode++) {
        begin(mode);
        m.host.idle = true;
        run_a_while();
        CHECK_EQ(m.host.icount, 0);
        CHECK(m.asked < 30);
        CHECK_STATUS(replay_finish(), OK);
    }
}

static void post_key(void) {
    if (m.executes == 1)
        replay_chr_be_write(m.keyboard, (const uint8_t *)"k", 1);
    m.stuck = true;
}

TEST(a_guest_that_executes_nothing_does_not_spin) {
    /* It says that it is awake, because a masked interrupt is pending. */
    for (replay_mode_t mode = REPLAY_MODE_NONE; mode <= REPLAY_MODE_RECORD; mode++) {
        begin(mode);
        m.always_masked = true;
        m.each = post_key;
        run_a_while();
        CHECK_EQ(m.pending, true);
        CHECK(m.executes > 5);
        CHECK(m.executes < 100);
        CHECK_STATUS(replay_finish(), OK);
    }
}

TEST(a_replay_that_nobody_goes_on_with_is_reported_and_ends) {
    begin(REPLAY_MODE_RECORD);
    CHECK_STATUS(replay_run(), OK);
    CHECK_STATUS(replay_finish(), OK);
    init();
    begin_with(REPLAY_MODE_PLAY, "rrstall=200");
    m.host.idle = true;
    CHECK_STATUS(replay_run(), ERROR_STALLED);
    CHECK(m.asked < 100);
    CHECK_STATUS(replay_finish(), ERROR_STALLED);
}

/* --------------------------------------------------------------- two threads */

static void *run_vcpu(void *status) {
    replay_thread_attach(REPLAY_THREAD_VCPU);
    *(replay_status_t *)status = replay_run();
    return NULL;
}

static void run_both(void) {
    replay_status_t status = 1;
    pthread_t vcpu;
    pthread_create(&vcpu, NULL, run_vcpu, &status);
    replay_thread_attach(REPLAY_THREAD_IO);
    CHECK_STATUS(replay_run(), OK);
    pthread_join(vcpu, NULL);
    CHECK_STATUS(status, OK);
}

TEST(two_threads_run_their_parts) {
    begin(REPLAY_MODE_RECORD);
    m.each = press;
    run_both();
    note_recorded();
    CHECK(atomic_load(&m.turns) > 0);
    CHECK_STATUS(replay_finish(), OK);
    begin(REPLAY_MODE_PLAY);
    run_both();
    check_replayed();
    CHECK_STATUS(replay_finish(), OK);
}

static gboolean quit(gpointer loop) {
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

static void *run_vcpu_of_loop(void *loop) {
    replay_status_t status;
    run_vcpu(&status);
    CHECK_STATUS(status, OK);
    g_idle_add(quit, loop);
    return NULL;
}

static void run_with_glib(void) {
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    REQUIRE_STATUS(replay_glib_attach(NULL), OK);
    pthread_t vcpu;
    pthread_create(&vcpu, NULL, run_vcpu_of_loop, loop);
    g_main_loop_run(loop);
    CHECK_STATUS(replay_glib_detach(NULL), OK);
    pthread_join(vcpu, NULL);
    g_main_loop_unref(loop);
}

TEST(the_main_loop_may_be_glibs) {
    begin(REPLAY_MODE_RECORD);
    m.each = press;
    run_with_glib();
    note_recorded();
    CHECK_STATUS(replay_finish(), OK);
    begin(REPLAY_MODE_PLAY);
    run_with_glib();
    check_replayed();
    CHECK_STATUS(replay_finish(), OK);
}

static void run_one(void) {
    replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    CHECK_STATUS(replay_run(), OK);
}

TEST(a_log_may_be_replayed_with_fewer_or_more_threads) {
    void (*const ways[])(void) = {run_one, run_both, run_with_glib};
    for (int recording = 0; recording < 3; recording++)
        for (int playing = 0; playing < 3; playing++) {
            test_note("recorded by way %d, played by way %d", recording, playing);
            begin(REPLAY_MODE_RECORD);
            m.each = press;
            ways[recording]();
            note_recorded();
            CHECK_STATUS(replay_finish(), OK);
            begin(REPLAY_MODE_PLAY);
            ways[playing]();
            check_replayed();
            CHECK_STATUS(replay_finish(), OK);
        }
}

/* -------------------------------------------------------------------- misuse */

static replay_status_t answers[3];
static void call_within(void) {
    answers[0] = replay_run();
    answers[1] = replay_finish();
    replay_status_t second = REPLAY_OK;
    pthread_t vcpu;
    pthread_create(&vcpu, NULL, run_vcpu, &second);
    pthread_join(vcpu, NULL);
    answers[2] = second;
    m.each = NULL;
}

TEST(misuse_is_refused_by_name) {
    CHECK_STATUS(replay_run(), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_run_stop(), ERROR_WRONG_STATE);
    init();
    m.host.callbacks.execute = NULL;
    begin_with(REPLAY_MODE_RECORD, NULL);
    CHECK_STATUS(replay_run(), ERROR_INVALID_ARGUMENT);
    CHECK_HAS(host_last_error().message, "execute");
    CHECK_STATUS(replay_finish(), OK);

    begin(REPLAY_MODE_RECORD);
    m.each = call_within;
    CHECK_STATUS(replay_run(), OK);
    CHECK_STATUS(answers[0], ERROR_REENTERED);
    CHECK_STATUS(answers[1], ERROR_REENTERED);
    CHECK_STATUS(answers[2], ERROR_WRONG_ROLE);
    CHECK_EQ(m.host.icount, LAST);
    CHECK_STATUS(replay_run(), OK); /* stopped: returns at once */
    CHECK_STATUS(replay_finish(), OK);
}

TEST(the_table_of_an_older_host_is_enough) {
    host_init(&m.host);
    m.host.callbacks.size = offsetof(replay_host_t, execute);
    memset((char *)&m.host.callbacks + offsetof(replay_host_t, execute), 0xff,
           sizeof m.host.callbacks - offsetof(replay_host_t, execute));
    REQUIRE_STATUS(host_configure(&m.host, REPLAY_MODE_RECORD, log_path(), NULL), OK);
    REQUIRE_STATUS(replay_start(), OK);
    CHECK_STATUS(replay_run(), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_finish(), OK);
    m.host.callbacks.size--;
    CHECK_STATUS(host_configure(&m.host, REPLAY_MODE_RECORD, log_path(), NULL), ERROR_STRUCT_SIZE);
}

/* ---------------------------------------------------------------------- turn */

TEST(a_turn_is_that_of_the_threads_roles) {
    for (replay_role_t role = 1; role <= 3; role++) {
        begin(REPLAY_MODE_RECORD);
        CHECK_STATUS(replay_turn(), ERROR_LOCK_NOT_HELD);
        replay_thread_attach(role);
        replay_mutex_lock();
        replay_chr_be_write(m.keyboard, (const uint8_t *)"k", 1);
        CHECK_STATUS(replay_turn(), OK);
        CHECK_EQ(atomic_load(&m.turns), role & REPLAY_THREAD_IO ? 1 : 0);
        CHECK_EQ(m.keys, role & REPLAY_THREAD_VCPU ? 1 : 0);
        replay_mutex_unlock();
        CHECK_STATUS(replay_finish(), OK);
    }
}
