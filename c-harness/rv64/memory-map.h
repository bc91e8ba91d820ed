/* SPDX-License-Identifier: MIT */
/** @file memory-map.h
 *  Physical addresses, and numbers of interrupts: those of QEMU's "virt" machine, so that its
 *  guests run here too. */
#ifndef RV64_MEMORY_MAP_H
#define RV64_MEMORY_MAP_H

#define MAP_RTC_BASE     UINT64_C(0x00101000) /* goldfish real-time clock */
#define MAP_RTC_BYTES    UINT64_C(0x1000)
#define MAP_PLIC_BASE    UINT64_C(0x0c000000)
#define MAP_PLIC_BYTES   UINT64_C(0x00600000)
#define MAP_UART_BASE    UINT64_C(0x10000000) /* ns16550a */
#define MAP_UART_BYTES   UINT64_C(0x100)
#define MAP_VIRTIO_BASE  UINT64_C(0x10001000) /* slot 0; the next ones follow */
#define MAP_VIRTIO_BYTES UINT64_C(0x1000)
#define MAP_RAM_BASE     UINT64_C(0x80000000)
#define MAP_KERNEL_BASE  UINT64_C(0x80200000)

enum {
    MAP_IRQ_VIRTIO = 1, /* slot 0; the next ones follow */
    MAP_IRQ_UART = 10,
    MAP_IRQ_RTC = 11,
    MAP_IRQ_COUNT = 32, /* sources 1 to 31 */

    MAP_SLOT_DISK = 0,
    MAP_SLOT_ENTROPY = 1,
    MAP_SLOT_COUNT = 8,

    MAP_TIMEBASE_HZ = 10000000 /* of the time CSR */
};

#endif /* RV64_MEMORY_MAP_H */
