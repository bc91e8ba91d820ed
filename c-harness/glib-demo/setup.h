/* SPDX-License-Identifier: MIT */
/** @file setup.h
 *  What the demo needs around the machine: arguments, a disk image, a counter.
 *  Nothing here has to do with recording. */
#ifndef SETUP_H
#define SETUP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct arguments {
    bool replay;     /**< else record */
    const char *log; /**< the recording */
    char *disk;      /**< the image; LOG.disk if none was named */
    char *options;   /**< more of the library's options, or NULL */
    char *gdb;       /**< where a debugger connects, or NULL */
    char *committed; /**< where to keep the counter, or NULL */
    int64_t seed;    /**< of the world outside; negative: a different one each time */
    int64_t rounds;  /**< how long the guest runs */
} arguments_t;

/** Reads the command line. Prints what is wrong with it, and returns false. */
bool setup_arguments(arguments_t *a, int argc, char **argv);

/** Frees the arguments. */
void setup_release(arguments_t *a);

/** Makes a disk image of @p words with something in it, unless there is one. */
bool setup_image(const char *name, size_t words);

/** A counter in a file, so that it can be read after this process was killed. */
_Atomic uint64_t *setup_counter(const char *name);

/** The length of a file in bytes; 0 if there is none. */
uint64_t setup_file_size(const char *name);

#endif /* SETUP_H */
