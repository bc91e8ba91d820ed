/* SPDX-License-Identifier: MIT */
#include "virtio.h"

#include <string.h>

#include "../memory-map.h"

enum {
    MAGIC = 0x000,
    VERSION = 0x004,
    DEVICE_ID = 0x008,
    VENDOR_ID = 0x00c,
    DEVICE_FEATURES = 0x010,
    DEVICE_FEATURES_SEL = 0x014,
    DRIVER_FEATURES = 0x020,
    DRIVER_FEATURES_SEL = 0x024,
    QUEUE_SEL = 0x030,
    QUEUE_NUM_MAX = 0x034,
    QUEUE_NUM = 0x038,
    QUEUE_READY = 0x044,
    QUEUE_NOTIFY = 0x050,
    INTERRUPT_STATUS = 0x060,
    INTERRUPT_ACK = 0x064,
    STATUS = 0x070,
    QUEUE_DESC_LOW = 0x080,
    QUEUE_DRIVER_LOW = 0x090,
    QUEUE_DEVICE_LOW = 0x0a0,
    SHARED_MEMORY_FIRST = 0x0b0,
    SHARED_MEMORY_LAST = 0x0bc,
    CONFIG_GENERATION = 0x0fc,
    CONFIG = 0x100
};

enum { INTERRUPT_USED = 1, INTERRUPT_CONFIG = 2 };
enum { STATUS_FEATURES_OK = 8, STATUS_DRIVER_OK = 4, STATUS_NEEDS_RESET = 64 };
enum { STATUS_WORKS = STATUS_FEATURES_OK | STATUS_DRIVER_OK };
enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4, DESC_BYTES = 16 };
enum { NO_INTERRUPT = 1 };
#define MAGIC_VALUE 0x74726976u /* "virt" */

/* ------------------------------------------------------------ guest RAM, distrusted */

static uint64_t little(const uint8_t *bytes, unsigned size) {
    uint64_t value = 0;
    memcpy(&value, bytes, size);
    return value;
}

static void interrupt(virtio_t *v, uint32_t why) {
    v->interrupt |= why;
    irq_set(&v->irq, v->interrupt != 0);
}

static bool broken(virtio_t *v) {
    v->status |= STATUS_NEEDS_RESET;
    interrupt(v, INTERRUPT_CONFIG);
    return false;
}

typedef struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
} descriptor_t;

static descriptor_t read_descriptor(const uint8_t *table, uint32_t index) {
    const uint8_t *at = table + (size_t)index * DESC_BYTES;
    return (descriptor_t){little(at, 8), (uint32_t)little(at + 8, 4), (uint16_t)little(at + 12, 2),
                          (uint16_t)little(at + 14, 2)};
}

static bool add_piece(virtio_t *v, virtio_chain_t *chain, const descriptor_t *d) {
    uint8_t *ram = cpu_ram(v->cpu, d->address, d->length);
    int32_t count = chain->readable + chain->writable;
    bool write = d->flags & DESC_WRITE;
    if (d->length == 0)
        return true;
    if (!ram || count == VIRTIO_PIECES || (!write && chain->writable > 0))
        return false;
    chain->pieces[count] = (struct iovec){ram, d->length};
    *(write ? &chain->writable : &chain->readable) += 1;
    *(write ? &chain->writable_bytes : &chain->readable_bytes) += d->length;
    return true;
}

/* Follows a chain through a table of descriptors; no chain is longer than its table. */
static bool follow(virtio_t *v, virtio_chain_t *chain, const uint8_t *table, uint32_t size,
                   uint32_t index, bool indirect) {
    for (uint32_t steps = 0; steps < size; steps++) {
        if (index >= size)
            return false;
        descriptor_t d = read_descriptor(table, index);
        if (d.flags & DESC_INDIRECT) {
            uint32_t inner = d.length / DESC_BYTES;
            const uint8_t *other = cpu_ram(v->cpu, d.address, d.length);
            if (indirect || !(v->driver_features & VIRTIO_F_INDIRECT) || !other || inner == 0 ||
                d.length % DESC_BYTES != 0 || (d.flags & DESC_NEXT))
                return false;
            return follow(v, chain, other, inner, 0, true);
        }
        if (!add_piece(v, chain, &d))
            return false;
        if (!(d.flags & DESC_NEXT))
            return true;
        index = d.next;
    }
    return false;
}

bool virtio_take(virtio_t *v, unsigned number, virtio_chain_t *chain) {
    virtio_queue_t *q = &v->queues[number];
    if (!q->ready || (v->status & STATUS_WORKS) != STATUS_WORKS || (v->status & STATUS_NEEDS_RESET))
        return false;
    const uint8_t *table = cpu_ram(v->cpu, q->descriptors, (uint64_t)q->size * DESC_BYTES);
    const uint8_t *driver = cpu_ram(v->cpu, q->driver, 6 + 2 * (uint64_t)q->size);
    if (!table || !driver)
        return broken(v);
    uint16_t offered = (uint16_t)((uint16_t)little(driver + 2, 2) - q->taken);
    if (offered == 0)
        return false;
    if (offered > q->size)
        return broken(v);
    uint16_t head = (uint16_t)little(driver + 4 + 2 * (q->taken % q->size), 2);
    *chain = (virtio_chain_t){.head = head};
    if (!follow(v, chain, table, q->size, head, false))
        return broken(v);
    q->taken++;
    return true;
}

void virtio_put_back(virtio_t *v, unsigned number) {
    v->queues[number].taken--;
}

void virtio_give(virtio_t *v, unsigned number, uint16_t head, uint32_t written) {
    virtio_queue_t *q = &v->queues[number];
    uint8_t *device = cpu_ram(v->cpu, q->device, 6 + 8 * (uint64_t)q->size);
    const uint8_t *driver = cpu_ram(v->cpu, q->driver, 6 + 2 * (uint64_t)q->size);
    if (!q->ready || !device || !driver) {
        broken(v);
        return;
    }
    uint32_t entry[2] = {head, written};
    size_t at = 4 + 8 * (size_t)(q->given % q->size);
    memcpy(device + at, entry, sizeof(entry));
    q->given++;
    memcpy(device + 2, &q->given, sizeof(q->given));
    cpu_ram_written(v->cpu, q->device + at, sizeof(entry));
    cpu_ram_written(v->cpu, q->device + 2, sizeof(q->given));
    if (!(little(driver, 2) & NO_INTERRUPT))
        interrupt(v, INTERRUPT_USED);
}

void virtio_written(virtio_t *v, const struct iovec *pieces, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        uint64_t offset = (uint64_t)((uint8_t *)pieces[i].iov_base - v->cpu->ram);
        cpu_ram_written(v->cpu, v->cpu->ram_base + offset, pieces[i].iov_len);
    }
}

/* -------------------------------------------------------------------- registers */

static uint64_t device_features(const virtio_t *v) {
    return v->kind->features | VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT;
}

static void clear(virtio_t *v) {
    v->status = v->interrupt = v->features_half = v->driver_half = v->queue = 0;
    v->driver_features = 0;
    v->resets++;
    memset(v->queues, 0, sizeof(v->queues));
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++)
        v->queues[i].size = VIRTIO_QUEUE_MOST;
    irq_set(&v->irq, false);
}

static uint64_t read_config(virtio_t *v, uint64_t offset, unsigned size) {
    uint8_t config[VIRTIO_CONFIG + 8] = {0};
    if (offset + size > VIRTIO_CONFIG)
        return 0;
    v->kind->config(v->opaque, config);
    return little(config + offset, size);
}

static uint64_t virtio_read(void *opaque, uint64_t offset, unsigned size) {
    virtio_t *v = opaque;
    if (offset >= CONFIG)
        return read_config(v, offset - CONFIG, size);
    if (size != 4)
        return 0;
    switch (offset) {
    case MAGIC:
        return MAGIC_VALUE;
    case VERSION:
        return 2;
    case DEVICE_ID:
        return v->kind->id;
    case VENDOR_ID:
        return 0;
    case DEVICE_FEATURES:
        return v->features_half > 1 ? 0 : (uint32_t)(device_features(v) >> 32 * v->features_half);
    case QUEUE_NUM_MAX:
        return v->queue < v->kind->queues ? VIRTIO_QUEUE_MOST : 0;
    case QUEUE_READY:
        return v->queue < v->kind->queues ? v->queues[v->queue].ready : 0;
    case INTERRUPT_STATUS:
        return v->interrupt;
    case STATUS:
        return v->status;
    default: /* the configuration never changes: its generation is 0 */
        return offset >= SHARED_MEMORY_FIRST && offset <= SHARED_MEMORY_LAST ? UINT32_MAX : 0;
    }
}

static void write_status(virtio_t *v, uint32_t value) {
    if (value == 0) {
        clear(v);
        return;
    }
    /* The driver may accept only what is offered, and must accept version 1. */
    if ((v->driver_features & ~device_features(v)) || !(v->driver_features & VIRTIO_F_VERSION_1))
        value &= ~(uint32_t)STATUS_FEATURES_OK;
    value &= 0xff & ~(uint32_t)STATUS_NEEDS_RESET; /* only the device sets that one */
    v->status = value | (v->status & STATUS_NEEDS_RESET);
}

static void write_features(virtio_t *v, uint32_t value) {
    if (v->driver_half > 1 || (v->status & STATUS_FEATURES_OK))
        return;
    unsigned shift = 32 * v->driver_half;
    v->driver_features &= ~(UINT64_C(0xffffffff) << shift);
    v->driver_features |= (uint64_t)value << shift;
}

static void set_half(uint64_t *address, bool high, uint32_t value) {
    unsigned shift = high ? 32 : 0;
    *address = (*address & ~(UINT64_C(0xffffffff) << shift)) | (uint64_t)value << shift;
}

/* Writes a register of the selected queue, unless the queue is already in use. */
static void write_queue(virtio_t *v, uint64_t offset, uint32_t value) {
    if (v->queue >= v->kind->queues)
        return;
    virtio_queue_t *q = &v->queues[v->queue];
    if (offset == QUEUE_READY) {
        q->ready = value & 1;
        return;
    }
    if (q->ready)
        return;
    bool high = offset & 4;
    switch (offset & ~UINT64_C(4)) {
    case QUEUE_NUM:
        if (value > 0 && value <= VIRTIO_QUEUE_MOST && (value & (value - 1)) == 0)
            q->size = value;
        break;
    case QUEUE_DESC_LOW:
        set_half(&q->descriptors, high, value);
        break;
    case QUEUE_DRIVER_LOW:
        set_half(&q->driver, high, value);
        break;
    case QUEUE_DEVICE_LOW:
        set_half(&q->device, high, value);
        break;
    default:
        break;
    }
}

static void virtio_write(void *opaque, uint64_t offset, unsigned size, uint64_t wide) {
    virtio_t *v = opaque;
    uint32_t value = (uint32_t)wide;
    if (size != 4 || offset >= CONFIG)
        return;
    switch (offset) {
    case DEVICE_FEATURES_SEL:
        v->features_half = value;
        break;
    case DRIVER_FEATURES:
        write_features(v, value);
        break;
    case DRIVER_FEATURES_SEL:
        v->driver_half = value;
        break;
    case QUEUE_SEL:
        v->queue = value;
        break;
    case QUEUE_NOTIFY:
        if (value < v->kind->queues)
            v->kind->notify(v->opaque, value);
        break;
    case INTERRUPT_ACK:
        v->interrupt &= ~value;
        irq_set(&v->irq, v->interrupt != 0);
        break;
    case STATUS:
        write_status(v, value);
        break;
    default:
        write_queue(v, offset, value);
        break;
    }
}

/* ------------------------------------------------------------------------ device */

static void virtio_reset(void *opaque) {
    clear(opaque);
}

static void virtio_state(void *opaque, state_t *state) {
    virtio_t *v = opaque;
    STATE_FIELD(state, v->status);
    STATE_FIELD(state, v->interrupt);
    STATE_FIELD(state, v->features_half);
    STATE_FIELD(state, v->driver_half);
    STATE_FIELD(state, v->driver_features);
    STATE_FIELD(state, v->queue);
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++) {
        virtio_queue_t *q = &v->queues[i];
        state_number(state, &q->size, 1, VIRTIO_QUEUE_MOST);
        STATE_FIELD(state, q->ready);
        STATE_FIELD(state, q->descriptors);
        STATE_FIELD(state, q->driver);
        STATE_FIELD(state, q->device);
        STATE_FIELD(state, q->taken);
        STATE_FIELD(state, q->given);
    }
    if (v->kind->state)
        v->kind->state(v->opaque, state);
}

void virtio_open(virtio_t *v, const virtio_kind_t *kind, const char *name, void *opaque, cpu_t *cpu,
                 irq_line_t irq, uint32_t slot) {
    *v = (virtio_t){
        .kind = kind, .name = name, .opaque = opaque, .cpu = cpu, .irq = irq, .slot = slot};
    for (unsigned i = 0; i < VIRTIO_QUEUES; i++)
        v->queues[i].size = VIRTIO_QUEUE_MOST;
}

device_t virtio_device(virtio_t *v) {
    return (device_t){v->name,          MAP_VIRTIO_BASE + v->slot * MAP_VIRTIO_BYTES,
                      MAP_VIRTIO_BYTES, v,
                      virtio_read,      virtio_write,
                      virtio_reset,     virtio_state};
}
