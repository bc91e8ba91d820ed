/* SPDX-License-Identifier: MIT */
/** @file log-files.h
 *  Recordings of clock readings, and the files beside a log, for the tests of what a
 *  recorder does with files. */
#ifndef LOG_FILES_H
#define LOG_FILES_H

#include "host.h"

#include <sys/stat.h>

enum { EVENTS = 500 };

extern host_t recorder;
extern char log_name[400]; /**< the log of the case: choose_log() */

void choose_log(const char *name);

/** The log's name with a suffix: ".live", ".new". Eight results are kept. */
const char *in_log(const char *suffix);

/** Reads the clock at the events @p from to @p to of a run; the values depend on @p salt. */
void read_clocks(replay_mode_t mode, uint64_t salt, uint64_t from, uint64_t to);

/** A whole recording of EVENTS readings, and its replay. */
void record(const char *path, uint64_t salt);
void check_played(const char *path, uint64_t salt);

bool exists(const char *path);

/** Which of the log's files there are, a letter each: n NAME, l NAME.live, N NAME.new,
 *  L NAME.live.new. */
void expect_files(const char *suffixes);

/** What may be in the way of a log. */
typedef enum { TEXT, EMPTY, FINISHED_LOG, LINK, DANGLING_LINK, FIFO, FOLDER, KINDS } neighbour_t;

void make_neighbour(neighbour_t kind, const char *path);
void check_untouched(neighbour_t kind, const char *path, const struct stat *before);

#endif /* LOG_FILES_H */
