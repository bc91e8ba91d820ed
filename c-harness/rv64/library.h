/* SPDX-License-Identifier: MIT */
/** @file library.h
 *  The machine calls libreplay through a table of functions: that of the library, which is
 *  loaded at run time, or that of the stubs. Every call begins with "replay->". */
#ifndef RV64_LIBRARY_H
#define RV64_LIBRARY_H

/* The macros of replay/clock.h go through the table as well. */
#define REPLAY_FN(name) (replay->name)
#define REPLAY_MODE()   (*replay->mode)
#include <replay/replay.h>

/** The library's functions; set by library_load(), before anything else runs. */
extern const replay_plugin_t *replay;

/** Loads the library, or uses the stubs.
 *  @param path a file; "none": the stubs; NULL: REPLAY_SONAME beside the program, or else the
 *    one that the system finds, or else the stubs
 *  @return false: the file that was named, or the one beside the program, can't be used;
 *    reported on stderr. */
bool library_load(const char *path);

/** Prints the library's last error, and the events before it. */
void library_complain(void);

#endif /* RV64_LIBRARY_H */
