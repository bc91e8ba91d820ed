/* SPDX-License-Identifier: MIT */
/* Which pages of this process's memory were written: userfaultfd's asynchronous write protection,
 * with the scan of /proc/self/pagemap. Linux has both since 6.7; headers may be older. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "replay-system.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
/* The kernel's numbers, under names of our own. */
enum {
    FEATURE_WP_UNPOPULATED = 1 << 13,
    FEATURE_WP_ASYNC = 1 << 15,
    SCAN_PROTECT = 1 << 0,     /* PM_SCAN_WP_MATCHING */
    SCAN_CHECK_ASYNC = 1 << 1, /* PM_SCAN_CHECK_WPASYNC */
    CATEGORY_WRITTEN = 1 << 1, /* PAGE_IS_WRITTEN */
    CATEGORY_PRESENT = 1 << 3, /* PAGE_IS_PRESENT */
    CATEGORY_SWAPPED = 1 << 4, /* PAGE_IS_SWAPPED */
    CATEGORY_ZERO = 1 << 5,    /* PAGE_IS_PFNZERO: the page of zeros that all share */
    FIRST_OWN_DESCRIPTOR = 3
};

/* struct page_region */
struct region {
    uint64_t start, end, categories;
};

/* struct pm_scan_arg */
struct scan {
    uint64_t size, flags, start, end, walk_end, regions, region_count, most_pages;
    uint64_t inverted, mask, any_of, returned;
};

#define SCAN_PAGES _IOWR('f', 16, struct scan)

int replay_written_open(void) {
    /* For the kernel's own writes this mode makes no difference: nobody handles faults. */
    int descriptor = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
    if (descriptor >= 0 && descriptor < FIRST_OWN_DESCRIPTOR) {
        int lifted = fcntl(descriptor, F_DUPFD_CLOEXEC, FIRST_OWN_DESCRIPTOR);
        int error = errno;
        close(descriptor);
        errno = error;
        descriptor = lifted;
    }
    struct uffdio_api api = {.api = UFFD_API,
                             .features = FEATURE_WP_ASYNC | FEATURE_WP_UNPOPULATED};
    if (descriptor >= 0 && ioctl(descriptor, UFFDIO_API, &api) != 0) {
        int error = errno;
        close(descriptor);
        errno = error;
        return -1;
    }
    return descriptor;
}

int replay_written_watch(int descriptor, uintptr_t start, size_t length) {
    struct uffdio_register range = {.range = {start, length}, .mode = UFFDIO_REGISTER_MODE_WP};
    return ioctl(descriptor, UFFDIO_REGISTER, &range);
}

static int scan_pages(int pagemap, struct scan scan, replay_written_t *found, size_t most,
                      uintptr_t *reached) {
    enum { MOST = 256 };
    struct region regions[MOST];
    scan.size = sizeof scan;
    scan.regions = (uintptr_t)regions;
    scan.region_count = most < MOST ? most : MOST;
    int count = ioctl(pagemap, SCAN_PAGES, &scan);
    for (int i = 0; i < count; i++)
        found[i] = (replay_written_t){regions[i].start, regions[i].end};
    *reached = scan.walk_end;
    return count;
}

int replay_written_scan(int pagemap, uintptr_t start, uintptr_t end, replay_written_t *found,
                        size_t most, bool reset, uintptr_t *reached) {
    struct scan scan = {.flags = SCAN_CHECK_ASYNC | (reset ? SCAN_PROTECT : 0),
                        .start = start,
                        .end = end,
                        .mask = CATEGORY_WRITTEN,
                        .returned = CATEGORY_WRITTEN};
    return scan_pages(pagemap, scan, found, most, reached);
}

int replay_populated_scan(int pagemap, uintptr_t start, uintptr_t end, replay_written_t *found,
                          size_t most, uintptr_t *reached) {
    struct scan scan = {.start = start,
                        .end = end,
                        .inverted = CATEGORY_ZERO,
                        .mask = CATEGORY_ZERO,
                        .any_of = CATEGORY_PRESENT | CATEGORY_SWAPPED,
                        .returned = CATEGORY_PRESENT};
    return scan_pages(pagemap, scan, found, most, reached);
}

bool replay_is_mapped(uintptr_t start, size_t length) {
    return msync((void *)start, length, MS_ASYNC) == 0 || errno != ENOMEM;
}
