/* SPDX-License-Identifier: MIT */
/** @file gdb.h
 *  gdb's remote protocol: an unmodified gdb or LLDB debugs the guest, in every mode, and goes
 *  back in a replay.
 *
 *  A host that has breakpoints (replay_breakpoint()) and fills a replay_gdb_target_t calls
 *  replay_gdb_listen(). A thread of the library then serves one debugger at a time:
 *
 *    (gdb) target remote :1234
 *    (gdb) watch counter
 *    (gdb) reverse-continue
 *
 *  A debugger pauses the machine, as replay_pause() does, when it connects, and lets it run
 *  on when it leaves. It never ends the host. Where the log ends, the machine stays paused
 *  while a debugger is attached.
 *
 *  PLAY: all of gdb's reverse commands, if the host has replay_host::save_state (see debug.h).
 *  Registers and memory can't be changed, because the recording depends on them.
 *  RECORD: the same without going back. What a debugger does isn't recorded, so a pause costs
 *  only time.
 *  NONE: forward only; registers and memory can be changed.
 *
 *  Conditions of breakpoints (`break f if n == 300`) are evaluated in the vCPU thread, without
 *  a pause. `monitor help` in gdb shows the library's own commands: info, where, seek ICOUNT,
 *  seek event NUMBER, events, snapshots. */
#ifndef REPLAY_GDB_H
#define REPLAY_GDB_H

#include "debug.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What a debugger may do with the guest. The callbacks run on a thread of the library while
 *  the machine is paused, with the replay lock held, except read_register, read_memory and
 *  current_cpu: these also run on the vCPU thread, in replay_breakpoint(), when a breakpoint
 *  has a condition. What is still set when a debugger goes that couldn't pause the machine is
 *  removed by set_break, with the lock held, on the vCPU thread when it is paused next, or in
 *  replay_finish(). They must not call the library. */
typedef struct replay_gdb_target {
    uint32_t size;          /**< sizeof(replay_gdb_target_t) */
    uint32_t cpus;          /**< each is a thread to the debugger; 1 to 1024 */
    const char *target_xml; /**< the target description (see gdb's manual), copied. It should
                                 name the architecture, and `<osabi>none</osabi>`: otherwise gdb
                                 replaces steps by breakpoints. NULL: none */
    /** Reads a register, in the guest's byte order.
     *  @param number as in the target description
     *  @param bytes [out] at most @p most bytes
     *  @return how many bytes it has; 0: it doesn't exist. */
    size_t (*read_register)(void *opaque, uint32_t cpu, uint32_t number, void *bytes, size_t most);
    /** Writes a register. @return false if that isn't possible. NULL: never. */
    bool (*write_register)(void *opaque, uint32_t cpu, uint32_t number, const void *bytes,
                           size_t length);
    /** Reads memory at a guest address as that CPU sees it, without effects on devices.
     *  @return false if not all of it can be read. */
    bool (*read_memory)(void *opaque, uint32_t cpu, uint64_t address, void *bytes, size_t length);
    /** Writes memory; the host drops the code that it has translated from there.
     *  @return false if not all of it can be written. NULL: never. */
    bool (*write_memory)(void *opaque, uint32_t cpu, uint64_t address, const void *bytes,
                         size_t length);
    /** Sets or removes a breakpoint or watchpoint, for all CPUs. While it is set, the host calls
     *  replay_breakpoint() there. The library doesn't set the same one twice.
     *  @param length of a watchpoint, in bytes, at least 1; of a breakpoint, gdb's kind of
     *    instruction
     *  @return false if the host can't. */
    bool (*set_break)(void *opaque, replay_break_kind_t kind, uint64_t address, uint64_t length,
                      bool set);
    /** The CPU that executes the next instruction, from 0. NULL: 0. */
    uint32_t (*current_cpu)(void *opaque);
    void *opaque;        /**< passed to all */
    uint32_t big_endian; /**< 1: the guest's byte order is big-endian */
    uint32_t reserved;   /**< 0 */
} replay_gdb_target_t;

/** The value to start a replay_gdb_target_t from. */
#define REPLAY_GDB_TARGET_INIT                                                                     \
    {                                                                                              \
        (uint32_t)sizeof(replay_gdb_target_t), 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,  \
            0, 0                                                                                   \
    }

/** Listens for a debugger until the run ends, and reports where as a message of the level
 *  REPLAY_MESSAGE_INFO: "waiting for gdb at tcp:127.0.0.1:1234". gdb's "target remote" takes
 *  what comes after "at": of a UNIX socket that is its path.
 *
 *  @param where "PORT", "tcp:PORT", "tcp:HOST:PORT" or "unix:PATH". HOST is an address in
 *    digits (an IPv6 address in brackets), "localhost" or "*"; without it only programs on
 *    this computer can connect. Port 0: any that is free. The file of a UNIX socket is removed
 *    at the end, and one that a killed program left behind is replaced. If @p where ends
 *    with ",nowait" the machine starts at once; otherwise it is paused before its first
 *    instruction until a debugger lets it run. Anybody who can connect can read the guest's
 *    memory.
 *  @param target copied
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT (@p where is malformed; read_register, read_memory
 *    or set_break is NULL; cpus, big_endian or reserved is out of range); ERROR_STRUCT_SIZE;
 *    ERROR_SYSTEM (the address is in use, for example); ERROR_WRONG_STATE (not between
 *    replay_configure() and replay_start(), or called twice); ERROR_NOT_SUPPORTED (the stubs).
 *  Thread: [any] that prepares the machine, without the lock too. */
REPLAY_API replay_status_t replay_gdb_listen(const char *where, const replay_gdb_target_t *target);

/** Is a debugger attached? It is from the first byte that it sends until it detaches or
 *  disconnects.
 *  Thread: [any], without the lock too. */
REPLAY_API bool replay_gdb_attached(void);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_GDB_H */
