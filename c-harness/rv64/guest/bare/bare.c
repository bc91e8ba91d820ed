/* SPDX-License-Identifier: MIT */
#include "bare.h"

static uint64_t passed, failed;

/* ------------------------------------------------------------------ printing */

void put_char(char c) {
    while (!(read8(UART + 5) & 0x20))
        ;
    write8(UART, (uint8_t)c);
}

void put(const char *text) {
    while (*text)
        put_char(*text++);
}

void put_hex(uint64_t value) {
    put("0x");
    for (int shift = 60; shift >= 0; shift -= 4)
        put_char("0123456789abcdef"[value >> shift & 15]);
}

void put_number(uint64_t value) {
    if (value >= 10)
        put_number(value / 10);
    put_char((char)('0' + value % 10));
}

void put_line(const char *name, uint64_t value) {
    put(name);
    put(" ");
    put_hex(value);
    put("\n");
}

void check(const char *name, uint64_t got, uint64_t expected) {
    bool good = got == expected;
    put(good ? "PASS " : "FAIL ");
    put(name);
    if (!good) {
        put(" got ");
        put_hex(got);
        put(" expected ");
        put_hex(expected);
    }
    put("\n");
    *(good ? &passed : &failed) += 1;
}

void check_that(const char *name, bool good) {
    check(name, good, true);
}

/* ----------------------------------------------------------------------- SBI */

sbi_t sbi_call(uint64_t extension, uint64_t function, uint64_t x, uint64_t y, uint64_t z) {
    register uint64_t a0 __asm__("a0") = x, a1 __asm__("a1") = y, a2 __asm__("a2") = z;
    register uint64_t a6 __asm__("a6") = function, a7 __asm__("a7") = extension;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
    return (sbi_t){(int64_t)a0, a1};
}

void sbi_set_timer(uint64_t ticks) {
    sbi_call(0x54494d45, 0, ticks, 0, 0);
}

void sbi_reset(uint32_t type, uint32_t reason) {
    sbi_call(0x53525354, 0, type, reason, 0);
}

void guest_end(void) {
    put("DONE ");
    put_number(passed);
    put(" passed, ");
    put_number(failed);
    put(" failed\n");
    sbi_reset(0, failed != 0);
}

/* --------------------------------------------------------------------- traps */

static void unexpected(frame_t *frame, uint64_t cause, uint64_t value) {
    put_line("FAIL unexpected trap", cause);
    put_line("  pc", frame->pc);
    put_line("  value", value);
    failed++;
    guest_end();
    for (;;)
        ;
}

void (*on_trap)(frame_t *frame, uint64_t cause, uint64_t value) = unexpected;
void (*on_interrupt)(uint32_t source);

void guest_trap(frame_t *frame) {
    uint64_t cause = csr_read(scause);
    if (cause == (UINT64_C(1) << 63 | 9) && on_interrupt) {
        uint32_t source;
        while ((source = read32(PLIC + 0x201004)) != 0) {
            on_interrupt(source);
            write32(PLIC + 0x201004, source);
        }
        return;
    }
    on_trap(frame, cause, csr_read(stval));
}

void plic_enable(uint32_t source, uint32_t priority) {
    write32(PLIC + 0x201000, 0); /* a firmware may have left the threshold high */
    write32(PLIC + 4 * source, priority);
    write32(PLIC + 0x2080, read32(PLIC + 0x2080) | UINT32_C(1) << source);
    csr_set(sie, SIE_EXTERNAL);
}

void interrupts(bool on) {
    if (on)
        csr_set(sstatus, SSTATUS_SIE);
    else
        csr_clear(sstatus, SSTATUS_SIE);
}

/* -------------------------------------------------------------------- virtio */

uint64_t virtio_begin(uint64_t base, uint32_t id, queue_t *q) {
    if (read32(base) != 0x74726976 || read32(base + 4) != 2 || read32(base + 8) != id)
        return 0;
    write32(base + 0x70, 0);
    write32(base + 0x70, 1);
    write32(base + 0x70, 3);
    write32(base + 0x14, 0);
    uint64_t features = read32(base + 0x10);
    write32(base + 0x14, 1);
    features |= (uint64_t)read32(base + 0x10) << 32;
    uint64_t wanted =
        features & (UINT64_C(1) << 32 | UINT64_C(1) << 28 | 1 << 9 | 1 << 13 | 1 << 14);
    write32(base + 0x24, 0);
    write32(base + 0x20, (uint32_t)wanted);
    write32(base + 0x24, 1);
    write32(base + 0x20, (uint32_t)(wanted >> 32));
    write32(base + 0x70, 11);
    if (!(read32(base + 0x70) & 8))
        return 0;
    for (size_t i = 0; i < sizeof(*q); i++)
        ((volatile uint8_t *)q)[i] = 0;
    write32(base + 0x30, 0);
    write32(base + 0x38, QUEUE);
    const uint64_t parts[] = {(uint64_t)q->table, (uint64_t)&q->driver, (uint64_t)&q->device};
    for (unsigned i = 0; i < 3; i++) {
        write32(base + 0x80 + 0x10 * i, (uint32_t)parts[i]);
        write32(base + 0x84 + 0x10 * i, (uint32_t)(parts[i] >> 32));
    }
    write32(base + 0x44, 1);
    write32(base + 0x70, 15);
    return features;
}

void virtio_offer(uint64_t base, queue_t *q, uint16_t head) {
    q->driver.ring[q->driver.index % QUEUE] = head;
    __asm__ volatile("fence" : : : "memory");
    q->driver.index++;
    __asm__ volatile("fence" : : : "memory");
    write32(base + 0x50, 0);
}

uint16_t virtio_wait(uint64_t base, queue_t *q, uint32_t *length) {
    while (*(volatile uint16_t *)&q->device.index == q->seen)
        ;
    write32(base + 0x64, read32(base + 0x60));
    uint32_t at = q->seen++ % QUEUE;
    *length = *(volatile uint32_t *)&q->device.ring[at].length;
    return (uint16_t) * (volatile uint32_t *)&q->device.ring[at].id;
}
