/* SPDX-License-Identifier: MIT */
/* The disk: requests of all kinds, many at once, wrong ones, and resets among them. */
#include "bare.h"

enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, ZEROES = 13, SECTOR = 512 };
enum { OK = 0, IOERR = 1, UNSUPPORTED = 2 };
#define DISK VIRTIO(0)

typedef struct request {
    uint32_t type, reserved;
    uint64_t sector;
    uint64_t range_sector;
    uint32_t range_count, range_flags;
    volatile uint8_t status;
} request_t;

static queue_t queue;
static request_t requests[QUEUE];
static uint8_t data[8][4096], copy[4096];
static uint64_t sectors;

static void describe(uint16_t at, const volatile void *address, uint32_t length, uint16_t flags) {
    queue.table[at] = (descriptor_t){(uint64_t)address, length, flags, (uint16_t)(at + 1)};
}

/* Begins a request whose chain starts at descriptor @p at. */
static void begin(uint16_t at, uint32_t type, uint64_t sector, void *bytes, uint32_t length) {
    request_t *r = &requests[at];
    *r = (request_t){.type = type, .sector = sector, .status = 99};
    describe(at, r, 16, DESC_NEXT);
    uint16_t last = (uint16_t)(at + 1);
    if (length > 0)
        describe(last++, bytes, length,
                 DESC_NEXT | (type == OUT || type >= DISCARD ? 0 : DESC_WRITE));
    describe(last, &r->status, 1, DESC_WRITE);
    virtio_offer(DISK, &queue, at);
}

static uint8_t finish(uint16_t at) {
    uint32_t length;
    check("given back", virtio_wait(DISK, &queue, &length), at);
    return requests[at].status;
}

static uint8_t run(uint32_t type, uint64_t sector, void *bytes, uint32_t length) {
    begin(0, type, sector, bytes, length);
    return finish(0);
}

static uint8_t run_range(uint32_t type, uint64_t sector, uint32_t count, uint32_t flags) {
    requests[1].range_sector = sector;
    requests[1].range_count = count;
    requests[1].range_flags = flags;
    return run(type, 0, &requests[1].range_sector, 16);
}

static uint64_t sum(const uint8_t *bytes, size_t length) {
    uint64_t result = 0;
    for (size_t i = 0; i < length; i++)
        result = result * 31 + bytes[i];
    return result;
}

static void fill(uint8_t *bytes, uint32_t seed) {
    for (uint32_t i = 0; i < 4096; i++)
        bytes[i] = (uint8_t)((i * 13 + seed * 101) >> 2);
}

static void usual(uint64_t features) {
    for (unsigned i = 0; i < 8; i++) {
        check("read", run(IN, i * 64, data[0], 4096), OK);
        put_line("sum", sum(data[0], 4096));
    }
    fill(data[1], 5);
    check("write", run(OUT, 1000, data[1], 4096), OK);
    check("flush", run(FLUSH, 0, NULL, 0), OK);
    check("read back", run(IN, 1000, copy, 4096), OK);
    check("the same", sum(copy, 4096), sum(data[1], 4096));
    if (features >> 14 & 1) {
        check("zeroes", run_range(ZEROES, 1002, 2, 0), OK);
        check("read back", run(IN, 1002, copy, 1024), OK);
        check("zero", sum(copy, 1024), 0);
    }
    if (features >> 13 & 1)
        check("discard", run_range(DISCARD, 1004, 4, 0), OK);
    if (features >> 13 & 1)
        check("discard, unmap", run_range(DISCARD, 1004, 4, 1), UNSUPPORTED);
    check("identity", run(GET_ID, 0, copy, 20), OK);
    check("beyond the end", run(IN, sectors, copy, 512), IOERR);
    check("across the end", run(IN, sectors - 1, copy, 1024), IOERR);
    check("an address that wraps", run(IN, UINT64_MAX, copy, 512), IOERR);
    check("unknown", run(77, 0, NULL, 0), UNSUPPORTED);
}

static void many_at_once(void) {
    for (uint16_t i = 0; i < 5; i++)
        begin(3 * i, IN, 8 * i, data[i], 4096);
    uint32_t seen = 0;
    for (uint16_t i = 0; i < 5; i++) {
        uint32_t length;
        uint16_t head = virtio_wait(DISK, &queue, &length);
        seen |= 1u << head;
        put_line("ended", head); /* in which order is recorded, not determined */
        check("status", requests[head].status, OK);
        check("length", length, 4097);
    }
    check("each once", seen, 1 | 1 << 3 | 1 << 6 | 1 << 9 | 1 << 12);
}

static void indirect(void) {
    static descriptor_t table[3];
    requests[0] = (request_t){.type = IN, .sector = 16, .status = 99};
    table[0] = (descriptor_t){(uint64_t)&requests[0], 16, DESC_NEXT, 1};
    table[1] = (descriptor_t){(uint64_t)copy, 1024, DESC_NEXT | DESC_WRITE, 2};
    table[2] = (descriptor_t){(uint64_t)&requests[0].status, 1, DESC_WRITE, 0};
    queue.table[5] = (descriptor_t){(uint64_t)table, sizeof(table), DESC_INDIRECT, 0};
    virtio_offer(DISK, &queue, 5);
    uint32_t length;
    check("indirect", virtio_wait(DISK, &queue, &length), 5);
    check("status", requests[0].status, OK);
    put_line("sum", sum(copy, 1024));
}

/* Chains that make no sense: the device wants a reset, and then works again. */
static void broken(const char *name, descriptor_t first, descriptor_t second, uint16_t head) {
    queue.table[0] = first;
    queue.table[1] = second;
    virtio_offer(DISK, &queue, head);
    put(name);
    put_line(": needs reset", read32(DISK + 0x70) >> 6 & 1);
    check_that("set up again", virtio_begin(DISK, 2, &queue) != 0);
    check("works again", run(IN, 3, copy, 512), OK);
}

static void nonsense(void) {
    uint64_t r = (uint64_t)&requests[0];
    broken("loop", (descriptor_t){r, 16, DESC_NEXT, 1}, (descriptor_t){r, 16, DESC_NEXT, 0}, 0);
    broken("index", (descriptor_t){r, 16, DESC_NEXT, 999}, (descriptor_t){0}, 0);
    broken("head", (descriptor_t){0}, (descriptor_t){0}, 999);
    broken("address", (descriptor_t){UINT64_MAX - 7, 16, DESC_NEXT, 1},
           (descriptor_t){r, 1, DESC_WRITE, 0}, 0);
    broken("order", (descriptor_t){r, 16, DESC_NEXT | DESC_WRITE, 1}, (descriptor_t){r, 16, 0, 0},
           0);
}

/* A reset while requests are under way: they are forgotten. */
static void reset_in_flight(void) {
    for (unsigned round = 0; round < 3; round++) {
        for (uint16_t i = 0; i < 4; i++)
            begin(3 * i, IN, 100 + 8 * i, data[i], 4096);
        check_that("set up again", virtio_begin(DISK, 2, &queue) != 0);
        check("works again", run(IN, 3, copy, 512), OK);
    }
}

/* So many that the device has no room for the first of those after a reset: it must be
 * taken when there is. */
static void full(void) {
    enum { MANY = 256 };
    static descriptor_t many[MANY] __attribute__((aligned(4096))), chain[3];
    static struct { uint16_t flags, index, ring[MANY], event; } driver;
    static struct {
        uint16_t flags, index;
        uint32_t ring[2 * MANY];
        uint16_t event;
    } device __attribute__((aligned(4)));
    requests[0] = (request_t){.type = IN};
    chain[0] = (descriptor_t){(uint64_t)&requests[0], 16, DESC_NEXT, 1};
    chain[1] = (descriptor_t){(uint64_t)data[0], SECTOR, DESC_NEXT | DESC_WRITE, 2};
    chain[2] = (descriptor_t){(uint64_t)&requests[0].status, 1, DESC_WRITE, 0};
    for (uint16_t i = 0; i < MANY; i++) {
        many[i] = (descriptor_t){(uint64_t)chain, sizeof(chain), DESC_INDIRECT, 0};
        driver.ring[i] = i;
    }
    driver.index = MANY;
    virtio_begin(DISK, 2, &queue);
    write32(DISK + 0x44, 0);
    write32(DISK + 0x38, MANY);
    const uint64_t parts[] = {(uint64_t)many, (uint64_t)&driver, (uint64_t)&device};
    for (unsigned i = 0; i < 3; i++)
        write32(DISK + 0x80 + 0x10 * i, (uint32_t)parts[i]);
    write32(DISK + 0x44, 1);
    write32(DISK + 0x50, 0);
    check_that("set up again", virtio_begin(DISK, 2, &queue) != 0);
    check("the only request after a full queue was reset", run(IN, 3, copy, 512), OK);
}

/* The same bytes in pieces of other sizes. */
static void framing(void) {
    request_t *r = &requests[0];
    *r = (request_t){.type = GET_ID, .status = 99};
    copy[0] = copy[10] = 0xff;
    queue.table[0] = (descriptor_t){(uint64_t)r, 7, DESC_NEXT, 1};
    queue.table[1] = (descriptor_t){(uint64_t)r + 7, 9, DESC_NEXT, 2};
    queue.table[2] = (descriptor_t){(uint64_t)copy, 10, DESC_NEXT | DESC_WRITE, 3};
    queue.table[3] = (descriptor_t){(uint64_t)copy, 0, DESC_NEXT | DESC_WRITE, 4};
    queue.table[4] = (descriptor_t){(uint64_t)copy + 10, 10, DESC_NEXT | DESC_WRITE, 5};
    queue.table[5] = (descriptor_t){(uint64_t)&r->status, 1, DESC_WRITE, 0};
    virtio_offer(DISK, &queue, 0);
    check("identity in two pieces", finish(0), OK);
    check_that("both of them", copy[0] != 0xff && copy[10] == 0);

    /* A read is as long as there is room for it, whatever follows its header. */
    uint32_t length;
    *r = (request_t){.type = IN, .sector = 3, .status = 99};
    queue.table[0] = (descriptor_t){(uint64_t)r, 16, DESC_NEXT, 1};
    queue.table[1] = (descriptor_t){(uint64_t)data[0], 2 * SECTOR, DESC_NEXT, 2};
    queue.table[2] = (descriptor_t){(uint64_t)data[1], SECTOR, DESC_NEXT | DESC_WRITE, 3};
    queue.table[3] = (descriptor_t){(uint64_t)&r->status, 1, DESC_WRITE, 0};
    virtio_offer(DISK, &queue, 0);
    check("a read with more behind its header", virtio_wait(DISK, &queue, &length), 0);
    check("its status", r->status, OK);
    check("its length", length, SECTOR + 1);
    check("the same by a usual one", run(IN, 3, copy, SECTOR), OK);
    check("what was read", sum(data[1], SECTOR), sum(copy, SECTOR));

    *r = (request_t){.type = IN, .sector = 3, .status = 99};
    queue.table[0] = (descriptor_t){(uint64_t)r, 4, DESC_NEXT, 1};
    queue.table[1] = (descriptor_t){(uint64_t)data[1], SECTOR, DESC_NEXT | DESC_WRITE, 2};
    queue.table[2] = (descriptor_t){(uint64_t)&r->status, 1, DESC_WRITE, 0};
    virtio_offer(DISK, &queue, 0);
    check("a header that is cut", finish(0), IOERR);
}

/* There are always requests under way. */
static void busy(void) {
    enum { SLOTS = 4, REQUESTS = 600 };
    uint64_t sums = 0;
    for (uint16_t i = 0; i < REQUESTS; i++) {
        uint16_t head = (uint16_t)(3 * i);
        if (i >= SLOTS) {
            uint32_t length;
            head = virtio_wait(DISK, &queue, &length);
            if (requests[head].status != OK)
                check("busy", requests[head].status, OK);
        }
        uint8_t *bytes = data[head / 3];
        sums = sums * 31 + sum(bytes, 4096);
        begin(head, i % 3 == 0 ? OUT : IN, i * 37u % 2000, bytes, 4096);
    }
    for (unsigned i = 0; i < SLOTS; i++) {
        uint32_t length;
        check("busy", requests[virtio_wait(DISK, &queue, &length)].status, OK);
    }
    put_line("sums", sums);
}

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    uint64_t features = virtio_begin(DISK, 2, &queue);
    check_that("a disk", features != 0);
    if (!features)
        return;
    sectors = (uint64_t)read32(DISK + 0x104) << 32 | read32(DISK + 0x100);
    put_line("sectors", sectors);
    usual(features);
    many_at_once();
    indirect();
    nonsense();
    reset_in_flight();
    full();
    framing();
    busy();
}
