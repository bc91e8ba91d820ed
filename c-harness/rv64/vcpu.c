/* SPDX-License-Identifier: MIT */
/* The vCPU thread: the loop that executes the guest. */
#include "machine.h"

enum { LONGEST_WAIT = 100000000 /* ns; the library wakes us when there is something to do */ };

/* Runs one slice, or as much of it as the library allows. @return false: it allows nothing. */
static bool run_slice(machine_t *m) {
    /* A kick means that the checks below have to be repeated. So the flag is cleared before
     * them, and a kick from now on ends the slice. */
    atomic_store(&m->kicked, false);

    /* This thread's turn: serial input and finished disk requests reach the devices, time that
     * was slept is added to the virtual clock, due timers run. */
    replay->replay_account_warp_timer();

    /* The log marks where the guest takes an interrupt. A replay would take it there anyway, but
     * one that has gone wrong is noticed here, and not much later. */
    if (cpu_interrupt_pending(&m->cpu) && replay->replay_interrupt())
        cpu_take_interrupt(&m->cpu);

    /* RECORD: not beyond the next timer. PLAY: not beyond the next event. */
    bool still = cpu_idle(&m->cpu) || m->reset_requested;
    uint64_t budget = replay->replay_get_budget(still ? 0 : (uint64_t)m->options->slice);
    if (budget == 0)
        return false;
    cpu_run(&m->cpu, budget);
    replay->replay_account_executed_instructions();
    return true;
}

static gboolean end_loop(gpointer opaque) {
    g_main_loop_quit(((machine_t *)opaque)->loop);
    return G_SOURCE_REMOVE;
}

gpointer machine_vcpu_thread(gpointer opaque) {
    machine_t *m = opaque;

    /* The log says which of the two threads did something, and in PLAY only the same thread may
     * do it. */
    replay->replay_thread_attach(REPLAY_THREAD_VCPU);
    replay->replay_mutex_lock();
    while (!atomic_load(&m->off)) {
        big_lock_take(&m->lock);
        bool ran = run_slice(m);
        big_lock_give(&m->lock);
        if (ran) {
            /* The lock is fair: if the I/O thread waits for it, that thread gets it here. */
            replay->replay_mutex_unlock();
            replay->replay_mutex_lock();
        } else {
            /* Releases the lock, and returns when there is something to do. */
            replay->replay_wait(LONGEST_WAIT);
        }
    }
    replay->replay_mutex_unlock();
    /* The loop ends itself, because a guest may have ended before the loop has begun. Not with
     * the priority of an idle source: the loop may never be idle. */
    g_idle_add_full(G_PRIORITY_DEFAULT, end_loop, m, NULL);
    return NULL;
}
