/* SPDX-License-Identifier: MIT */
/** @file bare.h
 *  What the guests without an operating system share. They run in S mode, on devices
 *  that QEMU's "virt" machine has, too. */
#ifndef BARE_H
#define BARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IRQ_DISK = 1, IRQ_ENTROPY = 2, IRQ_UART = 10, IRQ_RTC = 11 };
#define UART         UINT64_C(0x10000000)
#define PLIC         UINT64_C(0x0c000000)
#define RTC          UINT64_C(0x00101000)
#define VIRTIO(slot) (UINT64_C(0x10001000) + UINT64_C(0x1000) * (slot))

static inline uint8_t read8(uint64_t a) {
    return *(volatile uint8_t *)a;
}
static inline uint32_t read32(uint64_t a) {
    return *(volatile uint32_t *)a;
}
static inline void write8(uint64_t a, uint8_t v) {
    *(volatile uint8_t *)a = v;
}
static inline void write32(uint64_t a, uint32_t v) {
    *(volatile uint32_t *)a = v;
}

#define csr_read(name)                                                                             \
    ({                                                                                             \
        uint64_t v_;                                                                               \
        __asm__ volatile("csrr %0, " #name : "=r"(v_) : : "memory");                               \
        v_;                                                                                        \
    })
#define csr_write(name, v) __asm__ volatile("csrw " #name ", %0" : : "r"((uint64_t)(v)) : "memory")
#define csr_set(name, v)   __asm__ volatile("csrs " #name ", %0" : : "r"((uint64_t)(v)) : "memory")
#define csr_clear(name, v) __asm__ volatile("csrc " #name ", %0" : : "r"((uint64_t)(v)) : "memory")
#define wfi()              __asm__ volatile("wfi" : : : "memory")
enum { SIE_EXTERNAL = 1 << 9, SIE_TIMER = 1 << 5, SIE_SOFTWARE = 1 << 1, SSTATUS_SIE = 2 };

/* ------------------------------------------------------------------ printing */
void put_char(char c);
void put(const char *text);
void put_hex(uint64_t value);
void put_number(uint64_t value);
void put_line(const char *name, uint64_t value); /* "name 0x..." */

/** Prints "PASS name", or "FAIL name" with both values, and counts. */
void check(const char *name, uint64_t got, uint64_t expected);
void check_that(const char *name, bool good);

/* ----------------------------------------------------------------------- SBI */
typedef struct sbi {
    int64_t error;
    uint64_t value;
} sbi_t;
sbi_t sbi_call(uint64_t extension, uint64_t function, uint64_t a0, uint64_t a1, uint64_t a2);
void sbi_set_timer(uint64_t ticks);
void sbi_reset(uint32_t type, uint32_t reason);

/* --------------------------------------------------------------------- traps */
/** Registers of what was interrupted, by number; pc in [32]. */
typedef struct frame {
    uint64_t x[32], pc, pad;
} frame_t;

/** Called for each trap; the default one reports it and ends the guest. */
extern void (*on_trap)(frame_t *frame, uint64_t cause, uint64_t value);

/** Called for each external interrupt, with its source, claimed; completed afterwards. */
extern void (*on_interrupt)(uint32_t source);

void plic_enable(uint32_t source, uint32_t priority);
void interrupts(bool on);

void guest_user(uint64_t pc, uint64_t stack, uint64_t trap_stack);
void guest_leave_user(void) __attribute__((noreturn));

/** What a guest consists of; its end powers the machine off. */
void guest_main(uint64_t device_tree);

/* -------------------------------------------------------------------- virtio */
enum { QUEUE = 16 };
typedef struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
} descriptor_t;
typedef struct queue {
    descriptor_t table[QUEUE];
    struct {
        uint16_t flags, index, ring[QUEUE], event;
    } driver;
    uint8_t pad[4096 - QUEUE * 16 - 6 - 2 * QUEUE];
    struct {
        uint16_t flags, index;
        struct {
            uint32_t id, length;
        } ring[QUEUE];
        uint16_t event;
    } device;
    uint16_t seen;
} __attribute__((aligned(4096))) queue_t;

enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4 };

/** Sets a device up with one queue. @return its features, 0 if it is not there. */
uint64_t virtio_begin(uint64_t base, uint32_t id, queue_t *queue);
/** Offers the chain that begins at a descriptor, and notifies. */
void virtio_offer(uint64_t base, queue_t *queue, uint16_t head);
/** Waits for the next chain that is given back. @return its head; length in *length. */
uint16_t virtio_wait(uint64_t base, queue_t *queue, uint32_t *length);

#endif /* BARE_H */
