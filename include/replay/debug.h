/* SPDX-License-Identifier: MIT */
/** @file debug.h
 *  Looking into a recording: pausing the machine, going to any place in a replay, forward
 *  and back.
 *
 *  A host that wants this fills replay_host::save_state and replay_host::load_state, and
 *  registers its RAM. The library then makes snapshots by itself: one when a replay begins,
 *  and, once a pause or a journey was requested, more on the way. To go to a place, the
 *  library loads the nearest snapshot before it, and lets the machine run from there. The
 *  disks of block.h go with it, if what the guest writes goes to an overlay. A disk that the
 *  host closes while the machine runs, or a network filter that it unregisters, can't come
 *  back: a journey to a place before that ends at the first snapshot after it or, if there is
 *  none, where it began, with REPLAY_PAUSE_BEGIN and a message.
 *
 *  A snapshot needs a moment at which no bottom half is queued, and no request of a disk is
 *  pending. For a guest whose disks are always busy, the host submits pending requests again
 *  (replay_block_config_t::resubmits): save_state writes down those whose completion hasn't
 *  run, and load_state submits them to the same disk with the same operation, offset, length
 *  and flags, in the order in which they were submitted at first, and submits no others. They
 *  take the numbers that they had. Guest memory for a write may have changed since: the
 *  library has the data.
 *
 *  A place is an icount: the machine has executed that many instructions, and nothing that
 *  the recording has at that icount was delivered yet. Going to a place is a journey: it
 *  ends with the machine paused, and with a call of replay_host::paused. While the machine is
 *  paused, budgets are 0 and nothing is taken from the log, so the host's loops needn't know
 *  about it. If a journey reaches the end of the log or a shutdown, the machine is paused
 *  there instead of ended.
 *
 *  All of this happens on the vCPU thread, in replay_get_budget(), replay_get_instructions()
 *  and replay_account_executed_instructions() (which may pause the machine, but takes and
 *  loads nothing), or in replay_run(). Any thread may ask for it: replay_pause(),
 *  replay_seek() and their like post a request and return. */
#ifndef REPLAY_DEBUG_H
#define REPLAY_DEBUG_H

#include "session.h"

#ifdef __cplusplus
extern "C" {
#endif

/* --------------------------------------------------------------------- RAM */

/** A region of the guest's RAM, of which a snapshot holds only the pages that were written.
 *  replay_host::save_state must write all RAM that isn't registered. */
typedef struct replay_ram_config {
    uint32_t size;       /**< sizeof(replay_ram_config_t) */
    uint32_t page_bytes; /**< a power of two, 64 to 65536; 0: 4096 */
    const char *name;    /**< for messages; different for each region; not NULL */
    void *bytes;         /**< the host's memory; valid and writable until replay_finish() */
    uint64_t length;     /**< in bytes; the last page may be shorter */
    /** A map of the host's, with one byte for each page: the host sets it to 0xFF after the
     *  page was written, by the guest, by a device, or by a read of a disk: then when the
     *  completion runs. The library reads and clears bit 0; the host may use the others.
     *  NULL: the library finds written pages itself, which costs more. */
    uint8_t *dirty;
    /** The library has cleared bits: from now on the next write to each page must set its byte
     *  again. A host that sets bytes only when it fills a TLB must flush that TLB here. NULL:
     *  nothing to do. On the vCPU thread, with the lock held. */
    void (*cleaned)(void *opaque);
    /** The library has written to a part of the region: drop what was derived from it
     *  (decoded code, digests). On the vCPU thread, with the lock held, before
     *  replay_host::load_state. NULL: nothing to do. */
    void (*loaded)(void *opaque, uint64_t offset, uint64_t length);
    void *opaque; /**< passed to both */
} replay_ram_config_t;

/** The value to start a replay_ram_config_t from. */
#define REPLAY_RAM_CONFIG_INIT                                                                     \
    { (uint32_t)sizeof(replay_ram_config_t), 0, NULL, NULL, 0, NULL, NULL, NULL, NULL }

/** Registers a region of RAM, between replay_configure() and replay_start(), in the same
 *  order in each run.
 *
 *  @param config copied; the memory and the map of dirty pages are not.
 *  @return REPLAY_OK, also in NONE; ERROR_INVALID_ARGUMENT (name or bytes is NULL; a region
 *    has that name already; page_bytes isn't one of the sizes above; length is 0, more than
 *    2^48, or 2^30 pages or more; more than 256 regions; the message has the reason);
 *    ERROR_STRUCT_SIZE; ERROR_WRONG_STATE (not between configure and start); ERROR_NO_MEMORY.
 *  Thread: [any] that prepares the machine. */
REPLAY_API replay_status_t replay_register_ram(const replay_ram_config_t *config);

/* ------------------------------------------------------------------- pause */

/** Pauses the machine at the end of the vCPU's slice, or ends a journey where it is. The
 *  library calls replay_host::paused once the machine is paused. If it is already paused,
 *  nothing happens. Virtual time stops, as with replay_host::machine_running. The same in
 *  every mode; a recording contains no trace of it.
 *
 *  @return REPLAY_OK; ERROR_WRONG_STATE (before replay_start()).
 *  Thread: [any], without the lock too. */
REPLAY_API replay_status_t replay_pause(void);

/** Lets the machine continue from where it is paused. If it isn't paused, nothing happens.
 *  The same in every mode.
 *
 *  @return REPLAY_OK; ERROR_WRONG_STATE (before replay_start()).
 *  Thread: [any], without the lock too. */
REPLAY_API replay_status_t replay_resume(void);

/** Is the machine paused by the library?  Thread: [any], without the lock too. */
REPLAY_API bool replay_is_paused(void);

/* ---------------------------------------------------------------- journeys */

/** Goes to a place in the replay, forward or back, and pauses the machine there. The call
 *  returns at once; replay_host::paused is called when the place is reached, or the end of
 *  the log if that comes first. replay_query() shows how far it is, and replay_pause() ends
 *  it. A new journey replaces one that is under way. Breakpoints on the way are ignored. To
 *  step forward, seek to the icount plus 1. UINT64_MAX goes to the end of the log, and pauses
 *  there (REPLAY_PAUSE_END). After a replay has ended, the journey begins where the host asks for
 *  a budget, or when each of its threads calls replay_run() again. If it turns out that memory
 *  ran out for every snapshot, a journey back ends where it began, with REPLAY_PAUSE_BEGIN and a
 *  message.
 *
 *  @param icount the place
 *  @return REPLAY_OK; ERROR_NOT_SUPPORTED (the place isn't ahead, and there are no snapshots: the
 *    host has no save_state, the guest writes to a disk without an overlay, or rrsnap=off);
 *    ERROR_INVALID_ARGUMENT (the log has only a part of its run, and the place is before its
 *    first snapshot: see replay_info_t's first_icount);
 *    ERROR_WRONG_MODE (RECORD, NONE); ERROR_WRONG_STATE (before replay_start(), after
 *    replay_run_stop()); the failure of a replay that has failed.
 *  Thread: [any], without the lock too. */
REPLAY_API replay_status_t replay_seek(uint64_t icount);

/** Goes to the icount of an event, which it looks up in the log: it waits for the replay lock.
 *  If an instruction led to the event (it read a clock, for example), the icount includes that
 *  instruction: to see the machine before it, go one instruction further back.
 *  @param event its number, from 0
 *  @return as replay_seek(); ERROR_INVALID_ARGUMENT if the log has no such event;
 *    ERROR_LOG_DAMAGED and others: the log can't be read there.
 *  Thread: [any], without the lock too. */
REPLAY_API replay_status_t replay_seek_event(uint64_t event);

/** Goes one instruction back. If the machine is at the first snapshot it stays there, paused
 *  with REPLAY_PAUSE_BEGIN.
 *  @return as replay_seek().  Thread: [any], without the lock too. */
REPLAY_API replay_status_t replay_reverse_step(void);

/** Goes back to the last breakpoint or watchpoint that was hit before this place, or to the
 *  first snapshot (REPLAY_PAUSE_BEGIN).
 *
 *  The machine runs from the nearest earlier snapshot to this place, and replay_breakpoint()
 *  notes the hits. If there are none, it runs the part before that snapshot in the same way,
 *  and so on. Then it goes to the last hit.
 *  @return as replay_seek().  Thread: [any], without the lock too. */
REPLAY_API replay_status_t replay_reverse_continue(void);

/** Is a journey back under way: replay_reverse_step(), replay_reverse_continue() or a seek to
 *  an earlier place?  Thread: [any], without the lock too. */
REPLAY_API bool replay_running_debug(void);

/* ------------------------------------------------------------- breakpoints */

/** The kinds of breakpoints, with the numbers of gdb's protocol. */
typedef int32_t replay_break_kind_t;
enum {
    REPLAY_BREAK_SOFTWARE = 0, /**< an instruction that is about to be executed */
    REPLAY_BREAK_HARDWARE = 1, /**< the same */
    REPLAY_WATCH_WRITE = 2,    /**< a store that will change watched bytes: compare them. A write
                                    by a device, such as a completed disk read, doesn't count */
    REPLAY_WATCH_READ = 3,     /**< a load */
    REPLAY_WATCH_ACCESS = 4,   /**< a load or a store */
    REPLAY_BREAK_KINDS = 5
};

/** The guest is about to execute an instruction that has a breakpoint, or that accesses
 *  memory which is watched. Call it before the instruction is counted: replay_host::icount must
 *  return the number of instructions that were completed before this one. What the recording
 *  has at that icount may have been delivered, an interrupt for example: a seek to the same
 *  icount ends before that.
 *
 *  Record, none: true, except for the instruction at which the machine was just resumed, and
 *  if a debugger's condition for the breakpoint is false (gdb.h).
 *  Play: the same, except during a journey, which notes hits if it looks for them, and stops
 *  only at its end.
 *  @param kind REPLAY_BREAK_… or REPLAY_WATCH_…
 *  @param address the guest's address of the instruction, or of the first watched byte that is
 *    accessed
 *  @return true: end the slice without executing the instruction, and account as always; the
 *    machine pauses there. False: execute it, and go on.
 *  Thread: [vcpu] [lock-held]. */
REPLAY_API bool replay_breakpoint(replay_break_kind_t kind, uint64_t address);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_DEBUG_H */
