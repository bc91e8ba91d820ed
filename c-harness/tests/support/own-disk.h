/* SPDX-License-Identifier: MIT */
/** @file own-disk.h
 *  A file system that only the case sees, for the tests of what a disk can't do. */
#ifndef OWN_DISK_H
#define OWN_DISK_H

/** Mounts a file system in a folder of the case; needs root, or user namespaces.
 *  @param type, options [in] as mount(2) takes them: "tmpfs", "size=64k".
 *  @return the folder. */
const char *own_disk(const char *type, const char *options);

#endif /* OWN_DISK_H */
