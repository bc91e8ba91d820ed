/* SPDX-License-Identifier: MIT */
/* The vCPU thread: the loop in which the guest lives. */
#include "machine.h"

enum { LONGEST_WAIT = 100000000 /* ns: a bound; whatever there is to do wakes us */ };

/* One slice, or as much of it as is allowed now. @return false: nothing is. */
static bool run_slice(machine_t *m) {
    /* A kick says: look again at what we are about to look at. So the flag is cleared
     * before we look, and a kick from now on ends the next slice. */
    atomic_store(&m->kicked, false);

    /* Our turn: what is queued (serial input, ends of disk requests) reaches the
     * devices, time slept is added to the virtual clock, due timers run. */
    replay->replay_account_warp_timer();

    /* When a line is raised is determined, or an event; when the guest lets itself be
     * interrupted is its own affair. The moment when both hold is marked in the log,
     * so that a replay that is wrong is told here and not much later. */
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

    /* The log keeps which of the two threads did a thing, and in PLAY lets only the
     * same one do it. */
    replay->replay_thread_attach(REPLAY_THREAD_VCPU);
    replay->replay_mutex_lock();
    while (!atomic_load(&m->off)) {
        big_lock_take(&m->lock);
        bool ran = run_slice(m);
        big_lock_give(&m->lock);
        if (ran) {
            /* The lock is fair: if the I/O thread waits for it, it gets it here. */
            replay->replay_mutex_unlock();
            replay->replay_mutex_lock();
        } else {
            /* Gives the lock away, and returns when there is something to do. */
            replay->replay_wait(LONGEST_WAIT);
        }
    }
    replay->replay_mutex_unlock();
    /* From within the loop: a guest may be through before the loop has begun. Not when
     * the loop is idle, which it may never be. */
    g_idle_add_full(G_PRIORITY_DEFAULT, end_loop, m, NULL);
    return NULL;
}
