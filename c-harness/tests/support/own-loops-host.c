/* SPDX-License-Identifier: MIT */
#include "own-loops-host.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SLICE = 1000 };

own_loops_t m;

uint64_t own_loops_hash(uint64_t value) {
    value *= UINT64_C(0x9e3779b97f4a7c15);
    value ^= value >> 29;
    value *= UINT64_C(0xbf58476d1ce4e5b9);
    return value ^ value >> 32;
}

static void see(uint64_t value) {
    m.state = own_loops_hash(m.state ^ value);
    unsigned count = atomic_load(&m.trace->count);
    if (count >= MOST_SEEN || replay_mode == REPLAY_MODE_NONE) /* what is run at the end */
        return;
    m.trace->icount[count] = m.icount;
    m.trace->state[count] = m.state;
    atomic_store(&m.trace->count, count + 1);
}

/* --------------------------------------------------------------- callbacks */

static uint64_t get_icount(void *opaque) {
    (void)opaque;
    if (m.in_seqlock)
        m.asked_in_seqlock = true; /* here a host would spin for ever */
    return m.icount;
}

static bool is_idle(void *opaque) {
    (void)opaque;
    return m.halted && !m.interrupt;
}

static void kick(void *opaque) {
    (void)opaque;
    m.kicked = true;
    pthread_mutex_lock(&m.halt_lock);
    pthread_cond_signal(&m.halt_cond);
    pthread_mutex_unlock(&m.halt_lock);
}

static void wake_io(void *opaque) {
    (void)opaque;
    eventfd_write(m.wake_fd, 1);
}

static void stop(void *opaque, replay_stop_reason_t reason, const replay_error_t *error) {
    m.reason = reason;
    if (error)
        m.error = *error;
    m.stopped = true;
    wake_io(opaque);
    kick(opaque);
}

static void power_off(void *opaque, replay_shutdown_cause_t cause) {
    m.cause = cause;
    m.shutdowns++;
    wake_io(opaque);
}

static void get_input(void *opaque, const replay_input_event_t *event) {
    (void)opaque;
    see((uint64_t)event->code);
    m.interrupt = true;
}

static uint64_t get_digest(void *opaque) {
    (void)opaque;
    return m.state;
}

static void note_message(void *opaque, replay_message_level_t level, const char *text) {
    (void)opaque, (void)level;
    size_t used = strlen(m.messages);
    snprintf(m.messages + used, sizeof m.messages - used, "%s\n", text);
}

/* -------------------------------------------------------- clocks and locks */

static void lock(void) {
    replay_mutex_lock();
    pthread_mutex_lock(&m.big_lock);
}

static void unlock(void) {
    pthread_mutex_unlock(&m.big_lock);
    replay_mutex_unlock();
}

/* Within the clock's seqlock, with the host's own count. */
static int64_t read_clock(replay_clock_kind_t kind) {
    m.in_seqlock = true;
    (void)replay_is_due();
    int64_t ns = replay_mode == REPLAY_MODE_PLAY
                     ? replay_read_clock(kind, m.icount)
                     : replay_save_clock(kind, test_now_ns() - m.began, m.icount);
    m.in_seqlock = false;
    return ns;
}

static int64_t virtual_time(void) {
    return (int64_t)m.icount * 100 + m.bias;
}

static int64_t nearest_timer(void) {
    int64_t nearest = -1;
    for (int i = 0; i < TIMERS; i++)
        if (m.timers[i] >= 0 && (nearest < 0 || m.timers[i] < nearest))
            nearest = m.timers[i];
    return nearest;
}

static bool timer_is_due(void) {
    int64_t nearest = nearest_timer();
    return nearest >= 0 && nearest <= virtual_time();
}

static void end_warp(void) {
    m.warp_end = -1;
    if (m.warp_start < 0)
        return;
    int64_t now = read_clock(REPLAY_CLOCK_VIRTUAL_RT);
    m.bias += now > m.warp_start ? now - m.warp_start : 0;
    m.warp_start = -1;
}

/* ----------------------------------------------------------- vCPU thread */

static void completed(void *opaque) {
    see(10000 + (uint64_t)(uintptr_t)opaque);
    m.interrupt = true;
}

static void bottom_half(void *opaque) {
    see(20000 + (uint64_t)(uintptr_t)opaque);
}

static void read_disk(void) {
    for (int i = 0; i < MOST_REQUESTS; i++) {
        if (m.requests[i].busy)
            continue;
        m.requests[i].busy = true;
        m.requests[i].id = blkreplay_next_id();
        m.requests[i].due = test_now_ns() + (int64_t)(own_loops_hash(m.state) % 3) * 300000;
        wake_io(NULL); /* its main loop looks when the request is done */
        return;
    }
}

static void one_instruction(void) {
    m.icount++;
    m.state = own_loops_hash(m.state + m.icount);
    uint64_t what = m.state % 256;
    bool is_last = m.plan.asleep && m.icount >= m.plan.last;
    if (what < 3)
        see((uint64_t)read_clock(REPLAY_CLOCK_HOST));
    else if (what < 5 && !is_last)
        m.timers[what % TIMERS] = virtual_time() + (int64_t)(m.state >> 40) % 400000;
    else if (what == 6 && !is_last)
        read_disk();
    else if (what == 7)
        replay_bh_schedule_event(bottom_half, (void *)(uintptr_t)(m.icount & 0xfff));
    else if (what < 12)
        m.halted = !m.interrupt;
    if (m.plan.ending == END_GUEST && m.icount == m.plan.last) {
        replay_shutdown_request(REPLAY_SHUTDOWN_GUEST_SHUTDOWN);
        if (replay_mode == REPLAY_MODE_RECORD)
            power_off(NULL, REPLAY_SHUTDOWN_GUEST_SHUTDOWN);
    }
}

/* QEMU's icount_account_warp_timer() and icount_handle_deadline(). */
static void prepare(void) {
    replay_async_events();
    if (replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_WARP_ACCOUNT))
        end_warp();
    if (timer_is_due() && replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL)) {
        for (int i = 0; i < TIMERS; i++)
            if (m.timers[i] >= 0 && m.timers[i] <= virtual_time()) {
                m.timers[i] = -1;
                see(30000 + (uint64_t)i);
                m.interrupt = true;
            }
    }
}

static uint64_t budget(void) {
    if (replay_mode == REPLAY_MODE_PLAY)
        return (uint64_t)replay_get_instructions();
    int64_t nearest = nearest_timer(), now = virtual_time();
    uint64_t left = nearest < 0 ? SLICE : nearest <= now ? 0 : (uint64_t)(nearest - now + 99) / 100;
    return left < SLICE ? left : SLICE;
}

static void run_slice(void) {
    bool forgets = m.plan.forgets && m.icount > m.plan.last / 2;
    if (m.interrupt && !forgets && replay_interrupt()) {
        m.interrupt = m.halted = false;
        see(40000);
    }
    uint64_t left = budget();
    for (; left > 0 && !m.kicked && !m.halted; left--)
        one_instruction();
    replay_account_executed_instructions();
}

static void *run_vcpu(void *opaque) {
    replay_thread_attach(REPLAY_THREAD_VCPU);
    while (!m.quit && !m.stopped) {
        m.kicked = false;
        lock();
        prepare();
        unlock();
        lock();
        run_slice();
        bool idle = is_idle(NULL);
        unlock();
        pthread_mutex_lock(&m.halt_lock);
        while (idle && !m.kicked && !m.quit && !m.stopped && !replay_is_due()) {
            struct timespec until;
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_sec += 5; /* whoever has something for it kicks it */
            pthread_cond_timedwait(&m.halt_cond, &m.halt_lock, &until);
        }
        pthread_mutex_unlock(&m.halt_lock);
    }
    return opaque;
}

/* ------------------------------------------------------------- main loop */

static void run_alarm(int64_t now) {
    bool is_due = m.alarm <= now && !m.ending;
    if ((is_due || replay_mode == REPLAY_MODE_PLAY) &&
        replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_HOST)) {
        see((uint64_t)read_clock(REPLAY_CLOCK_HOST));
        m.interrupt = true;
        m.alarm = now + 1500000;
        kick(NULL);
    }
}

/* QEMU's icount_start_warp_timer(), and the warp timer itself. */
static void run_warp(int64_t now) {
    bool plays = replay_mode == REPLAY_MODE_PLAY;
    if ((plays || (m.warp_end >= 0 && m.warp_end <= now - m.began)) &&
        replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_VIRTUAL_RT)) {
        end_warp();
        kick(NULL);
    }
    if (!plays && !is_idle(NULL))
        return;
    if (!replay_checkpoint(REPLAY_CHECKPOINT_CLOCK_WARP_START))
        return;
    int64_t start = read_clock(REPLAY_CLOCK_VIRTUAL_RT);
    int64_t nearest = nearest_timer(), left = nearest - virtual_time();
    if (nearest < 0)
        return;
    if (left <= 0) {
        kick(NULL);
        return;
    }
    if (m.warp_start < 0 || m.warp_start > start)
        m.warp_start = start;
    m.warp_end = start + left;
}

static bool has_requests(int64_t now, bool done_only) {
    for (int i = 0; i < MOST_REQUESTS; i++)
        if (m.requests[i].busy && (!done_only || m.requests[i].due <= now))
            return true;
    return false;
}

static void run_requests(int64_t now) {
    for (int i = 0; i < MOST_REQUESTS; i++)
        if (m.requests[i].busy && m.requests[i].due <= now) {
            uint64_t id = m.requests[i].id;
            m.requests[i].busy = false;
            replay_block_event(completed, (void *)(uintptr_t)id, id);
        }
}

/* RECORD: the run ends as it was planned. True: at once. */
static bool end_run(int64_t now) {
    if (m.icount < m.plan.last && now - m.began < 300000000)
        return false;
    m.ending = true; /* the user types no more, no alarm is set */
    bool sleeps = is_idle(NULL) && nearest_timer() < 0 && !has_requests(now, false);
    if (m.plan.asleep && !sleeps && now - m.began < 600000000)
        return false;
    switch (m.plan.ending) {
    case END_USER:
        replay_shutdown_request(REPLAY_SHUTDOWN_HOST_QUIT);
        power_off(NULL, REPLAY_SHUTDOWN_HOST_QUIT);
        return true;
    case END_KILL:
        raise(SIGKILL);
        return true;
    case END_FINISH:
        return true;
    default:
        return false;
    }
}

static int poll_ms(int64_t deadline_ns) {
    if (replay_mode == REPLAY_MODE_RECORD)
        return 1;
    if (m.plan.seed % 2 ? replay_is_due() : deadline_ns == 0)
        return 0;
    if (deadline_ns > 0)
        return (int)(deadline_ns / 1000000 + 1);
    return m.rounds % 2 && replay_is_due() ? 0 : 5000; /* wake_io ends it */
}

static void run_main_loop(void) {
    bool over = false;
    while (!over && !m.stopped) {
        int64_t now = test_now_ns();
        lock();
        run_alarm(now);
        run_warp(now);
        run_requests(now);
        over = m.shutdowns > 0;
        if (!over && replay_mode == REPLAY_MODE_RECORD)
            over = end_run(now);
        bool waits = has_requests(now, false);
        int64_t deadline = replay_warp_deadline_ns();
        unlock();
        /* A reading that nothing orders: PLAY makes it at other times. */
        if (m.rounds++ % (replay_mode == REPLAY_MODE_RECORD ? 5 : 11) == 0)
            (void)REPLAY_CLOCK(REPLAY_CLOCK_HOST, now - m.began);
        struct pollfd fd = {m.wake_fd, POLLIN, 0};
        int ms = over ? 0 : poll_ms(deadline);
        poll(&fd, 1, waits && ms > 1 ? 1 : ms);
        eventfd_t count;
        if (fd.revents)
            eventfd_read(m.wake_fd, &count);
    }
    m.quit = true;
    kick(NULL);
}

static void *run_user(void *opaque) {
    uint64_t seed = m.plan.seed;
    while (!m.quit && !m.stopped && !m.ending) {
        struct timespec pause = {0, (long)(own_loops_hash(seed++) % 2000000)};
        nanosleep(&pause, NULL);
        replay_input_event_t key = {.kind = REPLAY_INPUT_KEY, .code = (int32_t)(seed % 100)};
        if (!m.ending)
            replay_input_event(&key);
    }
    return opaque;
}

/* ---------------------------------------------------------------------- run */

replay_status_t own_loops_run(const plan_t *plan, replay_mode_t mode, trace_t *trace) {
    memset(&m, 0, sizeof m);
    m.plan = *plan;
    m.trace = trace;
    m.state = plan->seed;
    m.warp_start = m.warp_end = -1;
    for (int i = 0; i < TIMERS; i++)
        m.timers[i] = -1;
    pthread_mutex_init(&m.big_lock, NULL);
    pthread_mutex_init(&m.halt_lock, NULL);
    pthread_cond_init(&m.halt_cond, NULL);
    m.wake_fd = eventfd(0, EFD_NONBLOCK);
    m.began = test_now_ns();
    replay_host_t host = REPLAY_HOST_INIT;
    host.icount = get_icount;
    host.cpus_idle = is_idle;
    host.kick = kick;
    host.wake_io = wake_io;
    host.stop = stop;
    host.shutdown = power_off;
    host.input = get_input;
    host.digest = get_digest;
    host.message = note_message;
    replay_config_t config = REPLAY_CONFIG_INIT;
    config.mode = mode;
    config.host = &host;
    config.filename = test_path("run.log");
    config.options = plan->options;
    REQUIRE_STATUS(replay_configure(&config), OK);
    REQUIRE_STATUS(replay_thread_attach(REPLAY_THREAD_IO), OK);
    REQUIRE_STATUS(replay_start(), OK);
    pthread_t vcpu, user;
    pthread_create(&vcpu, NULL, run_vcpu, NULL);
    pthread_create(&user, NULL, run_user, NULL);
    run_main_loop();
    pthread_join(vcpu, NULL);
    pthread_join(user, NULL);
    replay_status_t status = replay_finish();
    close(m.wake_fd);
    return status;
}
