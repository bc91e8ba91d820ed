/* SPDX-License-Identifier: MIT */
/** @file replay.h
 *  libreplay: deterministic record and replay for emulators.
 *
 *  # The story
 *
 *  A guest is a deterministic machine, except for what reaches it from outside:
 *  when an interrupt comes, what a clock shows, a key, a packet, when a disk request
 *  is done. RECORD writes these *events* to a log, each with the number of
 *  instructions that the guest had executed (icount). PLAY delivers them at
 *  the same counts, and the guest does the same again, bit for bit.
 *
 *  The emulator (the *host*) passes a table of callbacks, and calls the
 *  library wherever something enters the guest that the guest's own past doesn't
 *  determine. Host code is the same in every mode: calls that return a value return
 *  what the guest must see, and checkpoint calls return whether work may be done now.
 *
 *  # Words
 *
 *    turn          a thread lets the library work: timers, sleep, the queue (replay_turn())
 *    slice         the instructions that a vCPU thread executes between two of its turns
 *    budget        how many instructions a slice may have (replay_get_budget())
 *    role          what a thread does: it executes (vCPU), runs the main loop (I/O), or both
 *    accounting    the library reads the host's icount, to know how far the guest is
 *    checkpoint    a place where a thread asks whether it may act on the guest
 *    queue, flush  what comes from outside waits in the queue until the vCPU thread flushes it
 *    completion    the end of a disk request, when the guest learns of its result
 *    bottom half   work that a device defers to the next flush
 *    virtual time  (icount << shift) + bias: instructions as ns, plus the time that was slept
 *    warp          virtual time passes while all vCPUs sleep
 *    fingerprint   what must be equal in recording and replay: RAM size, images, devices
 *    live segment  the newest part of a log; it survives if the recorder is killed
 *    cut           the end of a log whose recorder ended without replay_finish()
 *    divergence    the replayed guest did something different from the recorded one
 *    stall         the machine makes no progress for a while (rrstall), and isn't paused
 *    digest        a checksum of the guest's state or data, which a replay compares
 *    overlay       a file for the guest's writes to a disk, whose image stays unchanged
 *    snapshot      the state of the machine at a place; its position is the library's part
 *    journey       a replay goes to a place, forward or back, and pauses there (debug.h)
 *
 *  # The order of calls
 *
 *    replay_configure()             mode, log, callbacks
 *    replay_thread_attach()         in each thread; with GLib's main loop replay_glib_attach()
 *    replay_register_…(), replay_fingerprint(), replay_block_open()
 *    replay_timer_new()             with the lock: replay_mutex_lock()
 *    replay_start()
 *    … the machine runs …
 *    replay_block_close(), replay_timer_free()   with the lock; or let replay_finish() do it
 *    replay_finish()                also after a start that failed
 *
 *  # A host
 *
 *  minimal-host.c, one of the installed examples, without its guest:
 *
 *      static int64_t rtc_read(void) { // a device, in the middle of an instruction
 *          return REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, wall_clock_ns());
 *      }
 *
 *      static void m_execute(void *opaque, uint64_t n) { // at most n: the next event may be there
 *          machine *m = opaque;
 *          for (uint8_t key; key_typed(&key);)
 *              replay_chr_be_write(m->keyboard, &key, 1); // queued; PLAY takes it from the log
 *          if (execute(m, n))
 *              replay_run_stop();
 *      }
 *
 *      int main(int argc, char **argv) {
 *          static machine m;
 *          replay_host_t host = REPLAY_HOST_INIT;
 *          host.icount = m_icount, host.cpus_idle = m_idle, host.execute = m_execute;
 *          replay_config_t config = REPLAY_CONFIG_INIT;
 *          config.host = &host, config.opaque = &m;
 *          config.options = argc > 1 ? argv[1] : NULL; // "rr=record,rrfile=run.log"
 *          if (replay_configure(&config))
 *              return complain(); // prints the sentence of replay_last_error()
 *          m.keyboard = replay_register_char_driver(m_receive, &m);
 *          if (!replay_start() && !replay_run())
 *              printf("icount %" PRIu64 ", state %016" PRIx64 "\n", m.icount, m.state);
 *          return replay_finish() ? complain() : 0;
 *      }
 *
 *  # The same with a loop of its own
 *
 *  The loop of loop-host.c, which has called replay_thread_attach() and holds the lock:
 *
 *      for (uint8_t key; !m.stopped;) {
 *          if (key_typed(&key))
 *              replay_chr_be_write(m.keyboard, &key, 1); // queued; PLAY takes it from the log
 *          replay_turn();                                // of both roles: timers run, keys arrive
 *          if (m.interrupt_pending && replay_interrupt())
 *              deliver_interrupt(&m);
 *          uint64_t n = replay_get_budget(m_idle(&m) ? 0 : 10000); // not beyond the next event
 *          if (n == 0)
 *              replay_wait(100000000); // not its turn, or asleep: returns when something changes
 *          execute(&m, n);
 *          replay_account_executed_instructions();
 *      }
 *
 *  Its replay_host::stop sets m.stopped.
 *
 *  # Two threads
 *
 *  Either each calls replay_run(). Or the vCPU thread has a loop like the one above,
 *  which also releases the lock between two slices (replay_mutex_unlock(),
 *  replay_mutex_lock()): otherwise the I/O thread waits until the guest sleeps. The I/O
 *  thread then runs a GMainLoop after replay_glib_attach(), or its own poll, as
 *  poll-host.c does:
 *
 *      while (!m->stopped) {
 *          replay_turn();
 *          int64_t ns = replay_warp_deadline_ns(); // how long it may sleep; -1: without limit
 *          replay_mutex_unlock();
 *          poll(fds, 2, ns < 0 ? -1 : (int)((ns + 999999) / 1000000));
 *          replay_mutex_lock();
 *          dispatch(m, fds); // m_wake_io() makes one of them readable
 *      }
 *
 *  Its replay_host::wake_io is m_wake_io(), which ends the poll.
 *
 *  # What failure looks like
 *
 *  No call ends the process. A call that fails returns a negative status, or
 *  what its comment says; replay_last_error() has the details. A divergence or
 *  a failed log is final: the library stops the machine through replay_host::stop,
 *  and later calls return neutral values (budget 0, checkpoints false, clocks as
 *  last read), so a host needn't check each call. Provide replay_host::message:
 *  the library reports there what would hang the machine, and with rrlint=on all
 *  misuse.
 *
 *  # Without the library
 *
 *  A program that is linked with libreplay-stubs.a instead has the same functions,
 *  always in mode NONE, with the same results and callbacks. What that archive leaves
 *  out:
 *
 *  - Record, replay and snapshots: replay_configure(), or replay_start() for a snapshot,
 *    returns ERROR_NOT_SUPPORTED.
 *  - Overlays of disks: replay_block_open() returns ERROR_NOT_SUPPORTED.
 *  - Worker threads: a request to an image has ended when the call returns. Whether a
 *    file is used twice isn't checked.
 *  - Sessions other than the default one: replay_session_new() returns NULL
 *    (ERROR_NOT_SUPPORTED).
 *  - Pauses and debuggers: replay_pause(), replay_resume() and replay_gdb_listen() return
 *    ERROR_NOT_SUPPORTED.
 *  - Reading of logs: replay_log_open() returns NULL (ERROR_NOT_SUPPORTED).
 *  - A second main context at a time: replay_glib_attach() returns ERROR_NOT_SUPPORTED.
 *  - Reports: replay_host::message is never called, and the message of an error is the
 *    name of the function and the sentence of the status, except for a bad option and a
 *    failed system call.
 *  - fork() isn't noticed: calls work in the child as in any program.
 *
 *  # Traps
 *
 *  - fork(): a session that records or replays stays with the parent. In the child
 *    its calls return ERROR_FORKED, or neutral values, and replay_host::stop is called
 *    once. A daemon forks before replay_configure(). Don't fork in a callback, except
 *    to call exec or _exit at once.
 *  - A thread that ends while it holds the lock ends the run (ERROR_THREAD_ENDED).
 *  - One log, one recorder: a second one is refused (ERROR_LOG_BUSY).
 *  - icount must include the instruction that reads a device. If that is counted only
 *    afterwards, PLAY waits for an instruction that is never reached, and ends as
 *    stalled.
 *  - A callback that runs with the replay lock held must not wait for a thread
 *    that needs the lock.
 *  - Devices, disks and filters are registered in the same order in every mode.
 *  - A thread must not acquire the host's own big lock before the replay lock.
 */
#ifndef REPLAY_REPLAY_H
#define REPLAY_REPLAY_H

#include "types.h"
#include "version.h"
#include "errors.h"

#include "host.h"
#include "session.h"
#include "threads.h"

#include "instructions.h"

#include "clock.h"

#include "events.h"

#include "block.h"
#include "devices.h"

#include "debug.h"
#include "gdb.h"
#include "snapshot.h"

#include "glib.h"
#include "run.h"

#include "log.h"

#include "plugin.h"

#endif /* REPLAY_REPLAY_H */
