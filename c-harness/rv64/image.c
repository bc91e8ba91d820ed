/* SPDX-License-Identifier: MIT */
#include "image.h"

#include <elf.h>
#include <string.h>

#include "device-tree.h"
#include "memory-map.h"
#include "message.h"

/* Linux for RISC-V begins with a header, which has a magic number and the size in RAM. */
enum { LINUX_MAGIC_AT = 0x38, LINUX_SIZE_AT = 0x10, LINUX_HEADER = 0x40 };
static const uint8_t linux_magic[] = {0x52, 0x53, 0x43, 0x05}; /* "RSC", 5 */

/* Room for the device tree, at the end of RAM. */
enum { DEVICE_TREE_ROOM = 1 << 16 };

static uint64_t little_64(const uint8_t *bytes) {
    uint64_t value = 0;
    for (unsigned i = 8; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static bool fail(const char *name, const char *what) {
    tell("%s: %s", name, what);
    return false;
}

static GBytes *read_file(const char *name) {
    GError *error = NULL;
    char *bytes;
    gsize length;
    if (g_file_get_contents(name, &bytes, &length, &error))
        return g_bytes_new_take(bytes, length);
    tell("%s", error->message);
    g_clear_error(&error);
    return NULL;
}

bool image_open(image_t *image, const options_t *options) {
    *image = (image_t){.kernel = read_file(options->kernel)};
    if (image->kernel && options->initrd)
        image->initrd = read_file(options->initrd);
    return image->kernel && (image->initrd || !options->initrd);
}

void image_close(image_t *image) {
    g_clear_pointer(&image->kernel, g_bytes_unref);
    g_clear_pointer(&image->initrd, g_bytes_unref);
}

static bool copy_to_ram(cpu_t *cpu, uint64_t address, const uint8_t *bytes, uint64_t length) {
    uint8_t *ram = cpu_ram(cpu, address, length);
    if (!ram)
        return false;
    if (length > 0) { /* an empty file has a NULL pointer to its bytes */
        memcpy(ram, bytes, length);
        cpu_ram_written(cpu, address, length);
    }
    return true;
}

/* Loads the segments of an ELF file. @p end becomes the end of the RAM that they occupy. */
static bool load_elf(cpu_t *cpu, const char *name, const uint8_t *bytes, uint64_t length,
                     uint64_t *pc, uint64_t *end) {
    Elf64_Ehdr head;
    if (length < sizeof(head))
        return fail(name, "is cut");
    memcpy(&head, bytes, sizeof(head));
    if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != ELFDATA2LSB ||
        head.e_machine != EM_RISCV || head.e_phentsize != sizeof(Elf64_Phdr))
        return fail(name, "is an ELF file, but not of 64-bit RISC-V");
    for (uint64_t i = 0; i < head.e_phnum; i++) {
        Elf64_Phdr part;
        if (head.e_phoff > length || (i + 1) * sizeof(part) > length - head.e_phoff)
            return fail(name, "is cut");
        memcpy(&part, bytes + head.e_phoff + i * sizeof(part), sizeof(part));
        if (part.p_type != PT_LOAD || part.p_memsz == 0)
            continue;
        if (part.p_offset > length || part.p_filesz > length - part.p_offset)
            return fail(name, "is cut");
        if (part.p_memsz < part.p_filesz || !cpu_ram(cpu, part.p_paddr, part.p_memsz))
            return fail(name, "does not fit into RAM");
        copy_to_ram(cpu, part.p_paddr, bytes + part.p_offset, part.p_filesz);
        if (part.p_paddr + part.p_memsz > *end)
            *end = part.p_paddr + part.p_memsz;
    }
    *pc = head.e_entry;
    return true;
}

static bool load_linux(cpu_t *cpu, const char *name, const uint8_t *bytes, uint64_t length,
                       uint64_t *pc, uint64_t *end) {
    uint64_t size = little_64(bytes + LINUX_SIZE_AT);
    if (size < length)
        size = length;
    if (!cpu_ram(cpu, MAP_KERNEL_BASE, size) || !copy_to_ram(cpu, MAP_KERNEL_BASE, bytes, length))
        return fail(name, "does not fit into RAM");
    *pc = MAP_KERNEL_BASE;
    *end = MAP_KERNEL_BASE + size;
    return true;
}

static bool load_kernel(cpu_t *cpu, const char *name, GBytes *file, uint64_t *pc, uint64_t *end) {
    gsize length;
    const uint8_t *bytes = g_bytes_get_data(file, &length);
    if (length >= SELFMAG && memcmp(bytes, ELFMAG, SELFMAG) == 0)
        return load_elf(cpu, name, bytes, length, pc, end);
    if (length >= LINUX_HEADER &&
        memcmp(bytes + LINUX_MAGIC_AT, linux_magic, sizeof(linux_magic)) == 0)
        return load_linux(cpu, name, bytes, length, pc, end);
    return fail(name, "is neither an Image of Linux for RISC-V nor an ELF file");
}

/* Loads the initrd just below the device tree, at the beginning of a page. */
static bool load_initrd(cpu_t *cpu, const char *name, GBytes *file, uint64_t kernel_end,
                        device_tree_t *tree) {
    gsize length;
    const uint8_t *bytes = g_bytes_get_data(file, &length);
    uint64_t top = cpu->ram_base + cpu->ram_bytes - DEVICE_TREE_ROOM;
    if (length <= top - cpu->ram_base) {
        tree->initrd_start = (top - length) & ~(uint64_t)(CPU_PAGE_BYTES - 1);
        tree->initrd_end = tree->initrd_start + length;
        if (tree->initrd_start >= kernel_end && copy_to_ram(cpu, tree->initrd_start, bytes, length))
            return true;
    }
    return fail(name, "does not fit into RAM beside the kernel");
}

bool image_load(const image_t *image, cpu_t *cpu, const options_t *options, image_entry_t *entry) {
    uint64_t kernel_end = 0;
    device_tree_t tree = {.ram_bytes = cpu->ram_bytes,
                          .command_line = options->append,
                          .floating_point = cpu->options.floating_point,
                          .has_rtc = !options->no_rtc,
                          .has_disk = options->disk != NULL,
                          .has_entropy = !options->no_entropy};
    if (!load_kernel(cpu, options->kernel, image->kernel, &entry->pc, &kernel_end))
        return false;
    if (image->initrd && !load_initrd(cpu, options->initrd, image->initrd, kernel_end, &tree))
        return false;
    entry->device_tree = cpu->ram_base + cpu->ram_bytes - DEVICE_TREE_ROOM;
    uint8_t blob[DEVICE_TREE_ROOM];
    size_t length = device_tree_build(blob, sizeof(blob), &tree);
    if (length == 0)
        return fail("--append", "does not fit into the device tree");
    if (entry->device_tree < kernel_end)
        return fail(options->kernel, "does not fit into RAM");
    return copy_to_ram(cpu, entry->device_tree, blob, length);
}
