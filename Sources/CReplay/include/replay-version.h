/* SPDX-License-Identifier: MIT */
/* The package's version: the one place that names it. CMake reads it here. */
#ifndef REPLAY_VERSION_H
#define REPLAY_VERSION_H

#define REPLAY_VERSION "0.1.0"

#endif
