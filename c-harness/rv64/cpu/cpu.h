/* SPDX-License-Identifier: MIT */
/** @file cpu.h
 *  An RV64IMAFDC hart with S and U modes and Sv39, as the machine sees it.
 *
 *  The CPU doesn't know about record and replay, threads or devices. Two
 *  promises make it recordable:
 *
 *    - It is deterministic: what it does depends only on its registers, its RAM and
 *      what the bus returns, and not on host pointers, time or hash order.
 *    - It counts exactly: cpu_run() executes at most its budget of instructions, and
 *      @ref cpu::icount is right whenever it can be read: outside of cpu_run(),
 *      and in every call of the bus, where it includes the instruction that is being
 *      executed.
 *
 *  The machine is its own firmware: M mode doesn't exist, and an environment call from
 *  S mode goes to @ref cpu_bus::environment_call.
 *
 *  One thread at a time, which the machine's lock ensures. */
#ifndef RV64_CPU_H
#define RV64_CPU_H

#include <stdbool.h>
#include <stdint.h>

typedef struct cpu cpu_t;

/** Decoded instructions, and where they came from (code.h). */
typedef struct code code_t;

/** Kinds of breakpoints, with gdb's numbers. The first two are the same here. A watchpoint for
 *  writes is for those that change at least one of its bytes. */
typedef enum cpu_break_kind {
    CPU_BREAK_SOFTWARE,
    CPU_BREAK_HARDWARE,
    CPU_WATCH_WRITE,
    CPU_WATCH_READ,
    CPU_WATCH_ACCESS
} cpu_break_kind_t;

enum { CPU_BREAKS = 64, CPU_BREAK_BYTES = 1 << 16 };

/** A breakpoint: its virtual addresses. */
typedef struct cpu_break {
    cpu_break_kind_t kind;
    uint64_t first, last;
} cpu_break_t;

/** The CPU's surroundings. Addresses are physical. */
typedef struct cpu_bus {
    void *opaque;
    /** An access outside of RAM, of 1, 2, 4 or 8 bytes, aligned.
     *  @return false: nothing is there, an access fault. */
    bool (*read)(void *opaque, uint64_t address, unsigned size, uint64_t *value);
    bool (*write)(void *opaque, uint64_t address, unsigned size, uint64_t value);
    /** The time CSR. */
    uint64_t (*time)(void *opaque);
    /** ecall in S mode: registers are those of the SBI; sets a0 and a1. */
    void (*environment_call)(void *opaque, cpu_t *cpu);
    /** The next instruction is at a breakpoint, or would access watched bytes; icount doesn't
     *  include it yet. Needed only for cpu_set_break().
     *  @param address of the instruction, or of the first watched byte that it accesses
     *  @return true: leave cpu_run() without executing it. */
    bool (*stop_at)(void *opaque, cpu_break_kind_t kind, uint64_t address);
} cpu_bus_t;

/** The modes that this CPU has, with the specification's numbers. */
enum { CPU_USER = 0, CPU_SUPERVISOR = 1 };

/** The CPU's interrupt lines: bits of sip. */
enum { CPU_LINE_SOFTWARE = 1, CPU_LINE_TIMER = 5, CPU_LINE_EXTERNAL = 9 };

enum {
    CPU_PAGE_SHIFT = 12,
    CPU_PAGE_BYTES = 1 << CPU_PAGE_SHIFT,
    CPU_TLB_ENTRIES = 256,
    CPU_ZERO = 32 /**< receives writes to x0, and is never read */
};

/** One entry of a TLB. @c tag is the page's virtual address, or a value that no
 *  address equals; a virtual address plus @c host is the address of the byte. */
typedef struct cpu_tlb_entry {
    uint64_t tag;
    uintptr_t host;
} cpu_tlb_entry_t;

/** Bits of @ref cpu::dirty. All of them are set when a page is written; each belongs to one
 *  reader, who clears it, and calls cpu_notice_writes() then. */
enum {
    CPU_DIRTY_LIBRARY = 1, /**< written since the last snapshot */
    CPU_DIRTY_DIGEST = 2,  /**< written since the last digest */
    CPU_DIRTY_USED = 4,    /**< written since cpu_clear_ram() */
    CPU_DIRTY_ALL = 0xff
};

/** Translations of one mode. */
typedef struct cpu_tlb {
    cpu_tlb_entry_t read[CPU_TLB_ENTRIES];
    cpu_tlb_entry_t write[CPU_TLB_ENTRIES];
} cpu_tlb_t;

/** The modes that have TLBs of their own, so that changing modes costs nothing. */
enum { CPU_TLB_USER, CPU_TLB_SUPERVISOR, CPU_TLB_SUPERVISOR_SUM, CPU_TLB_COUNT };

/** What the user chooses, and the guest can't change. */
typedef struct cpu_options {
    bool floating_point; /**< with F and D */
} cpu_options_t;

struct cpu {
    /* ---- registers; all of this is in the digest */
    uint64_t x[33];
    uint64_t f[32];
    uint64_t pc;
    uint64_t icount; /**< instructions executed */
    uint32_t privilege;
    uint32_t waiting; /**< 1: in wfi */
    uint64_t sstatus, sie, stvec, scounteren, sscratch, sepc, scause, stval, satp, senvcfg;
    uint64_t lines;       /**< sip: the lines that are raised */
    uint32_t fcsr;        /**< frm and fflags */
    uint32_t reserved;    /**< 1: reservation is valid */
    uint64_t reservation; /**< physical address of lr's reservation */

    /* ---- the outside */
    cpu_bus_t bus;
    cpu_options_t options;
    uint8_t *ram;
    uint64_t ram_base, ram_bytes;
    uint8_t *dirty; /**< for each page of RAM: CPU_DIRTY_… */
    cpu_break_t breaks[CPU_BREAKS];
    uint32_t break_count, watch_count; /**< watchpoints are counted in both */

    /* ---- caches: derived from the above, not in the digest */
    cpu_tlb_t tlb[CPU_TLB_COUNT];
    uint64_t *tables;       /**< of each page of RAM: what its page table maps, or 0 (mmu.c) */
    uint64_t *tables_known; /**< the pages that are page tables */
    uint32_t tables_count;
    code_t *code;
    bool end_slice;                            /**< leave cpu_run() after this instruction */
    uint64_t exception_cause, exception_value; /**< of the exception that was noted */
};

/** Makes a CPU with RAM all zero. @return false, with errno, if memory ran out.
 *  Free with cpu_close(). */
bool cpu_open(cpu_t *cpu, const cpu_bus_t *bus, const cpu_options_t *options, uint64_t ram_base,
              uint64_t ram_bytes);
void cpu_close(cpu_t *cpu);

/** Registers as at power on, icount untouched, RAM untouched; then S mode at
 *  @p pc with a0 = hart 0 and a1 = @p device_tree. */
void cpu_reset(cpu_t *cpu, uint64_t pc, uint64_t device_tree);

/** Executes at most @p budget instructions. Returns earlier when the guest waits
 *  (wfi), when an interrupt could be taken now, after cpu_end_slice(), and when
 *  cpu_bus::stop_at() says so.
 *  Traps are taken in here. An instruction that traps (ecall, ebreak or a fault) counts
 *  as executed, so that a guest in a loop of faults makes progress.
 *  @return how many were executed. */
uint64_t cpu_run(cpu_t *cpu, uint64_t budget);

/** Called by the bus: the current instruction is the slice's last. */
void cpu_end_slice(cpu_t *cpu);

/** Raises or lowers a line (CPU_LINE_…). Within the bus it ends the slice, so
 *  that the machine notices it. Doesn't wake the vCPU thread: see cpu_interrupt_pending(). */
void cpu_set_line(cpu_t *cpu, unsigned line, bool level);

/** Could an interrupt be taken now: raised, enabled, and not masked? */
bool cpu_interrupt_pending(const cpu_t *cpu);

/** Takes the pending interrupt of the highest priority. */
void cpu_take_interrupt(cpu_t *cpu);

/** Is the CPU in wfi, and is no line raised that sie enables? */
bool cpu_idle(const cpu_t *cpu);

/** RAM for a device: the bytes at @p address, or NULL if not all of them are in RAM. */
uint8_t *cpu_ram(cpu_t *cpu, uint64_t address, uint64_t length);

/** A device has written RAM: drops decoded instructions and translations that came from
 *  there, marks the pages dirty, and clears a reservation there. */
void cpu_ram_written(cpu_t *cpu, uint64_t address, uint64_t length);

/** Bits of @ref cpu::dirty were cleared: the next store to each page sets them again. */
void cpu_notice_writes(cpu_t *cpu);

/** Sets all of RAM to zero. */
void cpu_clear_ram(cpu_t *cpu);

/** Registers, or bytes of RAM, are now those of a different place in the run: drops what was
 *  derived from them. RAM that was loaded is dirty for all but the library, which loaded it. */
void cpu_registers_loaded(cpu_t *cpu);
void cpu_ram_loaded(cpu_t *cpu, uint64_t address, uint64_t length);

/** Sets a breakpoint or a watchpoint, or deletes it. Call outside of cpu_run(). What isn't an
 *  instruction's own access isn't watched: devices, the firmware, the walk of page tables.
 *  @param length of a watchpoint, in bytes; at most CPU_BREAK_BYTES
 *  @return false: there are too many, or it isn't possible. */
bool cpu_set_break(cpu_t *cpu, cpu_break_kind_t kind, uint64_t address, uint64_t length, bool set);

/** Places in RAM, physical addresses, such that no watchpoint is hit while their pages aren't
 *  written: what is watched, and the page table's entries for it.
 *  @return how many; -1: it isn't so, or there are more than @p most. */
int32_t cpu_watched_ram(cpu_t *cpu, uint64_t *places, uint32_t most);

/* ----------------------------------------------------------------- for debuggers */

/** Copies memory at a virtual address, as the current page table maps it, whatever the guest's
 *  program may access. Only RAM: devices aren't read, and nothing that the guest can see changes.
 *  @return false: not all of it is mapped to RAM; then nothing was written. */
bool cpu_read_memory(cpu_t *cpu, uint64_t address, void *bytes, uint64_t length);
bool cpu_write_memory(cpu_t *cpu, uint64_t address, const void *bytes, uint64_t length);

/** A control and status register, by its number. @return false: it doesn't exist. */
bool cpu_read_csr(cpu_t *cpu, unsigned csr, uint64_t *value);
bool cpu_write_csr(cpu_t *cpu, unsigned csr, uint64_t value);

#endif /* RV64_CPU_H */
