/* SPDX-License-Identifier: MIT */
/* Resets the machine, each time with requests to its disk under way, if it has one. What
 * survives is the clock that it has set. */
#include "bare.h"

enum { READS = 4, BYTES = 65536 };
static uint8_t unread[READS][BYTES];
static queue_t queue;

/* Begins to read, and does not wait. */
static void begin_reads(void) {
    static struct {
        uint32_t type, reserved;
        uint64_t sector;
        uint8_t status;
    } requests[READS];
    if (!virtio_begin(VIRTIO(0), 2, &queue))
        return;
    for (uint16_t i = 0; i < READS; i++) {
        uint16_t at = 3 * i;
        requests[i].sector = 100 + BYTES / 512 * i;
        queue.table[at] = (descriptor_t){(uint64_t)&requests[i], 16, DESC_NEXT, at + 1};
        queue.table[at + 1] =
            (descriptor_t){(uint64_t)unread[i], BYTES, DESC_NEXT | DESC_WRITE, at + 2};
        queue.table[at + 2] = (descriptor_t){(uint64_t)&requests[i].status, 1, DESC_WRITE, 0};
        virtio_offer(VIRTIO(0), &queue, at);
    }
}

/* What was begun before the reset must not arrive after it. */
static void check_nothing_arrives(void) {
    for (volatile uint32_t i = 0; i < 300000; i++)
        ;
    uint32_t arrived = 0;
    for (size_t i = 0; i < sizeof(unread); i++)
        arrived += ((volatile uint8_t *)unread)[i] != 0;
    check("nothing arrives from before the reset", arrived, 0);
}

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    uint32_t low = read32(RTC);
    uint64_t seconds = ((uint64_t)read32(RTC + 4) << 32 | low) / UINT64_C(1000000000);
    uint64_t boots = seconds < 1000000 ? seconds / 10000 : 0;
    put_line("boot", boots);
    check("lines are down", csr_read(sip), 0);
    check("the serial line's register is as at first", read8(UART + 7), 0);
    write8(UART + 7, 0x77);
    check_nothing_arrives();
    if (boots < 3) {
        uint64_t next = (boots + 1) * 10000 * UINT64_C(1000000000);
        write32(RTC + 4, (uint32_t)(next >> 32));
        write32(RTC, (uint32_t)next);
        begin_reads();
        sbi_reset(boots == 1 ? 1 : 2, 0);
        for (;;)
            wfi();
    }
}
