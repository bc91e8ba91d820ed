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

/* The tree as it is written, and whether all of it found room. */
typedef struct writer {
    void *fdt;
    bool failed;
} writer_t;

static void keep(writer_t *w, int result) {
    w->failed = w->failed || result != 0;
}

static void begin_node(writer_t *w, const char *name) {
    keep(w, fdt_begin_node(w->fdt, name));
}

static void end_node(writer_t *w) {
    keep(w, fdt_end_node(w->fdt));
}

static void text(writer_t *w, const char *name, const char *value) {
    keep(w, fdt_property_string(w->fdt, name, value));
}

static void number(writer_t *w, const char *name, uint32_t value) {
    keep(w, fdt_property_u32(w->fdt, name, value));
}

static void empty(writer_t *w, const char *name) {
    keep(w, fdt_property(w->fdt, name, NULL, 0));
}

static void cells(writer_t *w, const char *name, size_t count, const uint64_t *values) {
    fdt32_t raw[8];
    for (size_t i = 0; i < count; i++)
        raw[i] = cpu_to_fdt32((uint32_t)values[i]);
    keep(w, fdt_property(w->fdt, name, raw, (int)(count * sizeof(*raw))));
}

#define CELLS(w, name, ...)                                                                        \
    cells(w, name, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), (uint64_t[]){__VA_ARGS__})

static void reg(writer_t *w, uint64_t base, uint64_t bytes) {
    CELLS(w, "reg", base >> 32, base, bytes >> 32, bytes);
}

static void begin(writer_t *w, const char *name, uint64_t base) {
    char full[64];
    snprintf(full, sizeof(full), "%s@%" PRIx64, name, base);
    begin_node(w, full);
}

static void chosen(writer_t *w, const device_tree_t *tree) {
    begin_node(w, "chosen");
    text(w, "bootargs", tree->command_line);
    text(w, "stdout-path", "/soc/serial@10000000");
    if (tree->initrd_end != 0) {
        keep(w, fdt_property_u64(w->fdt, "linux,initrd-start", tree->initrd_start));
        keep(w, fdt_property_u64(w->fdt, "linux,initrd-end", tree->initrd_end));
    }
    /* What a kernel needs to begin its random numbers with: always the same here, so
     * that two machines differ only in what the entropy device gives. */
    CELLS(w, "rng-seed", 0x72763634, 0x6c696272, 0x65706c61, 0x79000000, 1, 2, 3, 4);
    end_node(w);
}

static void cpus(writer_t *w, const device_tree_t *tree) {
    begin_node(w, "cpus");
    number(w, "#address-cells", 1);
    number(w, "#size-cells", 0);
    number(w, "timebase-frequency", MAP_TIMEBASE_HZ);
    begin(w, "cpu", 0);
    text(w, "device_type", "cpu");
    number(w, "reg", 0);
    text(w, "status", "okay");
    text(w, "compatible", "riscv");
    text(w, "riscv,isa", tree->floating_point ? "rv64imafdc" : "rv64imac");
    text(w, "mmu-type", "riscv,sv39");
    begin_node(w, "interrupt-controller");
    number(w, "#interrupt-cells", 1);
    empty(w, "interrupt-controller");
    text(w, "compatible", "riscv,cpu-intc");
    number(w, "phandle", HANDLE_CPU);
    end_node(w);
    end_node(w);
    end_node(w);
}

static void plic(writer_t *w) {
    static const char compatible[] = "sifive,plic-1.0.0\0riscv,plic0";
    begin(w, "plic", MAP_PLIC_BASE);
    keep(w, fdt_property(w->fdt, "compatible", compatible, sizeof(compatible)));
    reg(w, MAP_PLIC_BASE, MAP_PLIC_BYTES);
    number(w, "#address-cells", 0);
    number(w, "#interrupt-cells", 1);
    empty(w, "interrupt-controller");
    /* The external interrupts of the hart's M mode, which is not there, and S mode. */
    CELLS(w, "interrupts-extended", HANDLE_CPU, 11, HANDLE_CPU, 9);
    number(w, "riscv,ndev", MAP_IRQ_COUNT - 1);
    number(w, "phandle", HANDLE_PLIC);
    end_node(w);
}

static void device(writer_t *w, const char *name, const char *compatible, uint64_t base,
                   uint64_t bytes, uint32_t irq) {
    begin(w, name, base);
    text(w, "compatible", compatible);
    reg(w, base, bytes);
    number(w, "interrupt-parent", HANDLE_PLIC);
    number(w, "interrupts", irq);
}

static void virtio(writer_t *w, uint32_t slot) {
    device(w, "virtio_mmio", "virtio,mmio", MAP_VIRTIO_BASE + slot * MAP_VIRTIO_BYTES,
           MAP_VIRTIO_BYTES, MAP_IRQ_VIRTIO + slot);
    end_node(w);
}

static void soc(writer_t *w, const device_tree_t *tree) {
    begin_node(w, "soc");
    number(w, "#address-cells", 2);
    number(w, "#size-cells", 2);
    text(w, "compatible", "simple-bus");
    empty(w, "ranges");
    plic(w);
    device(w, "serial", "ns16550a", MAP_UART_BASE, MAP_UART_BYTES, MAP_IRQ_UART);
    number(w, "clock-frequency", 3686400);
    end_node(w);
    if (tree->has_rtc) {
        device(w, "rtc", "google,goldfish-rtc", MAP_RTC_BASE, MAP_RTC_BYTES, MAP_IRQ_RTC);
        end_node(w);
    }
    if (tree->has_disk)
        virtio(w, MAP_SLOT_DISK);
    if (tree->has_entropy)
        virtio(w, MAP_SLOT_ENTROPY);
    end_node(w);
}

size_t device_tree_build(uint8_t *buffer, size_t room, const device_tree_t *tree) {
    writer_t writer = {buffer, false}, *w = &writer;
    keep(w, fdt_create(buffer, (int)room));
    keep(w, fdt_finish_reservemap(buffer));
    begin_node(w, "");
    number(w, "#address-cells", 2);
    number(w, "#size-cells", 2);
    text(w, "compatible", "libreplay,rv64");
    text(w, "model", "rv64-machine");
    chosen(w, tree);
    begin(w, "memory", MAP_RAM_BASE);
    text(w, "device_type", "memory");
    reg(w, MAP_RAM_BASE, tree->ram_bytes);
    end_node(w);
    cpus(w, tree);
    soc(w, tree);
    end_node(w);
    keep(w, fdt_finish(buffer));
    return w->failed ? 0 : fdt_totalsize(buffer);
}
