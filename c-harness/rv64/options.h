/* SPDX-License-Identifier: MIT */
/** @file options.h
 *  The command line. */
#ifndef RV64_OPTIONS_H
#define RV64_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/** Strings belong to this struct. NULL: the option wasn't given. */
typedef struct options {
    char *kernel;            /**< an Image of Linux, or an ELF file */
    char *initrd;            /**< initial RAM file system */
    char *append;            /**< the kernel's command line */
    int64_t ram_mib;         /**< 128 */
    char *cpu;               /**< "rv64gc" or "rv64imac" */
    bool no_rtc, no_entropy; /**< devices to leave out */
    bool no_reboot;          /**< a reset ends the machine */

    char *disk; /**< an image, or an NBD URI */
    bool disk_read_only;
    bool disk_no_digest; /**< leave the image's contents out of the fingerprint */
    char *disk_fail;     /**< "N,N-M,…": the requests to the image that fail with EIO */

    char *serial;      /**< "stdio", "null", "file:PATH", "unix:PATH" */
    char *console_log; /**< file for a copy of the serial line's output */

    char *icount;            /**< options for the library: shift=…,rr=…,rrfile=… */
    int64_t slice;           /**< the most instructions that the vCPU thread executes at once */
    int64_t digest_interval; /**< instructions between two digests of the state */
    char *replay_lib;        /**< see library_load() */
    char *gdb;               /**< where a debugger may connect: see replay_gdb_listen() */
    bool fingerprint;        /**< print the machine's fingerprint, and don't run it */
    char *report;            /**< file for this run's numbers, a line "name value" for each */
} options_t;

/** Reads the command line. @return false if it is wrong, which is reported on stderr. */
bool options_parse(options_t *options, int argc, char **argv);
void options_free(options_t *options);

#endif /* RV64_OPTIONS_H */
