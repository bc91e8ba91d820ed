/* SPDX-License-Identifier: MIT */
/* System calls that Swift can't express, or that need more care than the plain call:
 * descriptors, file size limits, mappings that others may truncate, pages that were written.
 * Not installed. */
#ifndef REPLAY_SYSTEM_H
#define REPLAY_SYSTEM_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#pragma GCC visibility push(hidden)

/* ------------------------------------------------------------- descriptors */

/** Like openat(), close-on-exec, but never returns descriptor 0, 1 or 2: what a
 *  host prints to a standard stream that it has closed must not go to a file
 *  of the library. @return the descriptor, or -1 with errno. */
int replay_open_at(int folder, const char *path, int flags, mode_t mode);

/** Makes a file without a name in @p folder, readable and writable by its owner
 *  only. @return as replay_open_at(). */
int replay_open_unnamed(const char *folder);

/** Renames within a folder. With @p replace false an existing @p to is EEXIST.
 *  @return 0, or -1 with errno. */
int replay_rename_in(int folder, const char *from, const char *to, bool replace);

/* ------------------------------------------------- calls that make files grow
 *
 * Beyond the limit of the file size (RLIMIT_FSIZE) the kernel sends SIGXFSZ,
 * which by default ends the process. These calls return EFBIG and leave the
 * host without a signal. All writing of the library goes through them. */

/** pwrite(). */
ssize_t replay_write_at(int descriptor, const void *bytes, size_t count, int64_t offset);
/** ftruncate(). */
int replay_resize(int descriptor, int64_t size);
/** posix_fallocate() from 0 on. @return 0 or an errno. */
int replay_reserve(int descriptor, int64_t size);
/** Releases the space of a part of a file, which reads as zeroes then.
 *  @return false if the file system can't do that. */
bool replay_make_hole(int descriptor, int64_t start, int64_t length);

/* ------------------------------------------------------- unfinished files
 *
 * A program that owns its signals removes the files that it hasn't finished when one of SIGHUP,
 * SIGINT and SIGTERM ends it. The library, whose host owns them, doesn't call the first. */

/** From now on these signals remove the files, and then do what they do by default. A signal that
 *  is ignored, or has a handler, stays so. */
void replay_unfinished_watch(void);
/** Holds these signals back in the calling thread: between making a file and adding it. */
void replay_unfinished_hold(sigset_t *before);
void replay_unfinished_release(const sigset_t *before);
/** Adds an open file, which has that name in an open folder; both stay open until it is forgotten.
 *  @return the number to forget it by, or -1: there are too many, and it isn't removed. */
int replay_unfinished_add(int folder, const char *name, int file);
void replay_unfinished_forget(int number);

/* ----------------------------------------------------------------- sockets
 *
 * The descriptors are as replay_open_at()'s, and calls on them don't wait. */

/** A stream socket. One that listens may use an address again at once. */
int replay_socket(int family);
/** A connection; small packets are sent at once. */
int replay_accept(int listener);
/** A counter that poll() can wait for. */
int replay_event(void);
/** send(), without SIGPIPE. */
ssize_t replay_send(int descriptor, const void *bytes, size_t count);

/* ---------------------------------------------------------------- mappings */

/** A guarded shared mapping of a file. If another process truncates the file, an
 *  access beyond its new end raises SIGBUS. While a mapping is guarded, the
 *  library has a handler for SIGBUS that maps an empty page in place of the lost
 *  one, and passes every other SIGBUS to the handler that was installed before. */
typedef struct replay_mapping replay_mapping_t;

/** @return the guard, or NULL with errno. */
replay_mapping_t *replay_mapping_guard(void *start, size_t length);
/** Has a page of the mapping been lost? */
bool replay_mapping_is_lost(const replay_mapping_t *mapping);
/** Ends the guard; the last one removes the handler. */
void replay_mapping_release(replay_mapping_t *mapping);

/* ------------------------------------------------------------ written pages
 *
 * From the watch on, each page counts as written. A scan reports the pages that were
 * written since the scan before it. Pages that the kernel has replaced (MADV_DONTNEED)
 * count as written. */

/** A descriptor that watches memory of this process. @return -1 with errno: this
 *  kernel can't, or doesn't permit it. */
int replay_written_open(void);
/** Watches a range of whole pages, as long as the descriptor is open. What is mapped
 *  there later isn't watched. @return 0, or -1 with errno. */
int replay_written_watch(int descriptor, uintptr_t start, size_t length);

/** Written pages, one after the other. */
typedef struct {
    uintptr_t start, end;
} replay_written_t;

/** Finds written pages in a range, and with @p reset resets them.
 *  @param pagemap /proc/self/pagemap
 *  @param found gets up to @p most ranges
 *  @param reached gets the address at which to go on, or @p end
 *  @return the number of ranges, or -1 with errno (EPERM: a part isn't watched). */
int replay_written_scan(int pagemap, uintptr_t start, uintptr_t end, replay_written_t *found,
                        size_t most, bool reset, uintptr_t *reached);
/** The same for pages that this process has, in memory or swapped out, except those of zeros. */
int replay_populated_scan(int pagemap, uintptr_t start, uintptr_t end, replay_written_t *found,
                          size_t most, uintptr_t *reached);

/** Is something mapped at each address of a range of whole pages? */
bool replay_is_mapped(uintptr_t start, size_t length);

#pragma GCC visibility pop

#endif /* REPLAY_SYSTEM_H */
