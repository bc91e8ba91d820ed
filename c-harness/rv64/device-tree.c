/* SPDX-License-Identifier: MIT */
#include "device-tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <libfdt.h>

#include "cpu/cpu.h"
#include "memory-map.h"

/* Numbers by which nodes refer to others. */
enum { HANDLE_CPU = 1, HANDLE_PLIC = 2 };

/* libfdt's calls fail one after the other once one has: it is enough to look at the end. */

static void cells(void *fdt, const char *name, size_t count, const uint64_t *values) {
    fdt32_t raw[8];
    for (size_t i = 0; i < count; i++)
        raw[i] = cpu_to_fdt32((uint32_t)values[i]);
    fdt_property(fdt, name, raw, (int)(count * sizeof(*raw)));
}

#define CELLS(fdt, name, ...)                                                                      \
    cells(fdt, name, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t),                         \
          (uint64_t[]){__VA_ARGS__})

static void reg(void *fdt, uint64_t base, uint64_t bytes) {
    CELLS(fdt, "reg", base >> 32, base, bytes >> 32, bytes);
}

static void begin(void *fdt, const char *name, uint64_t base) {
    char full[64];
    snprintf(full, sizeof(full), "%s@%" PRIx64, name, base);
    fdt_begin_node(fdt, full);
}

static void chosen(void *fdt, const device_tree_t *tree) {
    fdt_begin_node(fdt, "chosen");
    fdt_property_string(fdt, "bootargs", tree->command_line);
    fdt_property_string(fdt, "stdout-path", "/soc/serial@10000000");
    if (tree->initrd_end != 0) {
        fdt_property_u64(fdt, "linux,initrd-start", tree->initrd_start);
        fdt_property_u64(fdt, "linux,initrd-end", tree->initrd_end);
    }
    /* What a kernel needs to begin its random numbers with: always the same here, so
     * that two machines differ only in what the entropy device gives. */
    CELLS(fdt, "rng-seed", 0x72763634, 0x6c696272, 0x65706c61, 0x79000000, 1, 2, 3, 4);
    fdt_end_node(fdt);
}

static void cpus(void *fdt, const device_tree_t *tree) {
    fdt_begin_node(fdt, "cpus");
    fdt_property_u32(fdt, "#address-cells", 1);
    fdt_property_u32(fdt, "#size-cells", 0);
    fdt_property_u32(fdt, "timebase-frequency", MAP_TIMEBASE_HZ);
    begin(fdt, "cpu", 0);
    fdt_property_string(fdt, "device_type", "cpu");
    fdt_property_u32(fdt, "reg", 0);
    fdt_property_string(fdt, "status", "okay");
    fdt_property_string(fdt, "compatible", "riscv");
    fdt_property_string(fdt, "riscv,isa", tree->floating_point ? "rv64imafdc" : "rv64imac");
    fdt_property_string(fdt, "mmu-type", "riscv,sv39");
    fdt_begin_node(fdt, "interrupt-controller");
    fdt_property_u32(fdt, "#interrupt-cells", 1);
    fdt_property(fdt, "interrupt-controller", NULL, 0);
    fdt_property_string(fdt, "compatible", "riscv,cpu-intc");
    fdt_property_u32(fdt, "phandle", HANDLE_CPU);
    fdt_end_node(fdt);
    fdt_end_node(fdt);
    fdt_end_node(fdt);
}

static void plic(void *fdt) {
    static const char compatible[] = "sifive,plic-1.0.0\0riscv,plic0";
    begin(fdt, "plic", MAP_PLIC_BASE);
    fdt_property(fdt, "compatible", compatible, sizeof(compatible));
    reg(fdt, MAP_PLIC_BASE, MAP_PLIC_BYTES);
    fdt_property_u32(fdt, "#address-cells", 0);
    fdt_property_u32(fdt, "#interrupt-cells", 1);
    fdt_property(fdt, "interrupt-controller", NULL, 0);
    /* The external interrupts of the hart's M mode, which is not there, and S mode. */
    CELLS(fdt, "interrupts-extended", HANDLE_CPU, 11, HANDLE_CPU, 9);
    fdt_property_u32(fdt, "riscv,ndev", MAP_IRQ_COUNT - 1);
    fdt_property_u32(fdt, "phandle", HANDLE_PLIC);
    fdt_end_node(fdt);
}

static void device(void *fdt, const char *name, const char *compatible, uint64_t base,
                   uint64_t bytes, uint32_t irq) {
    begin(fdt, name, base);
    fdt_property_string(fdt, "compatible", compatible);
    reg(fdt, base, bytes);
    fdt_property_u32(fdt, "interrupt-parent", HANDLE_PLIC);
    fdt_property_u32(fdt, "interrupts", irq);
}

static void virtio(void *fdt, uint32_t slot) {
    device(fdt, "virtio_mmio", "virtio,mmio", MAP_VIRTIO_BASE + slot * MAP_VIRTIO_BYTES,
           MAP_VIRTIO_BYTES, MAP_IRQ_VIRTIO + slot);
    fdt_end_node(fdt);
}

static void soc(void *fdt, const device_tree_t *tree) {
    fdt_begin_node(fdt, "soc");
    fdt_property_u32(fdt, "#address-cells", 2);
    fdt_property_u32(fdt, "#size-cells", 2);
    fdt_property_string(fdt, "compatible", "simple-bus");
    fdt_property(fdt, "ranges", NULL, 0);
    plic(fdt);
    device(fdt, "serial", "ns16550a", MAP_UART_BASE, MAP_UART_BYTES, MAP_IRQ_UART);
    fdt_property_u32(fdt, "clock-frequency", 3686400);
    fdt_end_node(fdt);
    if (tree->has_rtc) {
        device(fdt, "rtc", "google,goldfish-rtc", MAP_RTC_BASE, MAP_RTC_BYTES, MAP_IRQ_RTC);
        fdt_end_node(fdt);
    }
    if (tree->has_disk)
        virtio(fdt, MAP_SLOT_DISK);
    if (tree->has_entropy)
        virtio(fdt, MAP_SLOT_ENTROPY);
    fdt_end_node(fdt);
}

size_t device_tree_build(uint8_t *buffer, size_t room, const device_tree_t *tree) {
    void *fdt = buffer;
    if (fdt_create(fdt, (int)room) != 0)
        return 0;
    fdt_finish_reservemap(fdt);
    fdt_begin_node(fdt, "");
    fdt_property_u32(fdt, "#address-cells", 2);
    fdt_property_u32(fdt, "#size-cells", 2);
    fdt_property_string(fdt, "compatible", "libreplay,rv64");
    fdt_property_string(fdt, "model", "rv64-machine");
    chosen(fdt, tree);
    begin(fdt, "memory", MAP_RAM_BASE);
    fdt_property_string(fdt, "device_type", "memory");
    reg(fdt, MAP_RAM_BASE, tree->ram_bytes);
    fdt_end_node(fdt);
    cpus(fdt, tree);
    soc(fdt, tree);
    fdt_end_node(fdt);
    return fdt_finish(fdt) == 0 ? fdt_totalsize(fdt) : 0;
}
