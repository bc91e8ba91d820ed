/* SPDX-License-Identifier: MIT */
/** @file files.h
 *  The files that a run reads and writes: none that is written may be used for something else. */
#ifndef RV64_FILES_H
#define RV64_FILES_H

#include <stdbool.h>

#include "options.h"

/** Compares the console log and the report with each other and with all other files of the run,
 *  whatever path leads to them. Nothing has been written yet.
 *  @param log the recording, or NULL
 *  @return false: two are the same file, which was reported on stderr. */
bool files_are_distinct(const options_t *options, const char *log);

#endif /* RV64_FILES_H */
