/* SPDX-License-Identifier: MIT */
/** @file version.h
 *  Two versions: of the headers that a host was compiled with, and of the library that it
 *  runs with. */
#ifndef REPLAY_VERSION_H
#define REPLAY_VERSION_H

#include <stdint.h>

/* Marks what the library exports. */
#if defined(__GNUC__)
#define REPLAY_API __attribute__((visibility("default")))
#else
#define REPLAY_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** The package's version. Everything else that contains it (the build, pkg-config, the
 *  library's file name, the plugin's table) gets it from these three lines. */
#define REPLAY_VERSION_MAJOR 0
#define REPLAY_VERSION_MINOR 1
#define REPLAY_VERSION_PATCH 0

/** The version as one number, so that versions can be compared: 0.1.0 is 100, 1.2.3 is 10203. */
#define REPLAY_VERSION                                                                             \
    (REPLAY_VERSION_MAJOR * 10000 + REPLAY_VERSION_MINOR * 100 + REPLAY_VERSION_PATCH)

/** The version as text, "0.1.0". */
#define REPLAY_VERSION_TEXT                                                                        \
    REPLAY_QUOTED(REPLAY_VERSION_MAJOR)                                                            \
    "." REPLAY_QUOTED(REPLAY_VERSION_MINOR) "." REPLAY_QUOTED(REPLAY_VERSION_PATCH)

/** The number in the SONAME. It changes when programs must be built again. */
#define REPLAY_SOVERSION 0

/** The name by which dlopen() finds the library. */
#define REPLAY_SONAME "libreplay.so." REPLAY_QUOTED(REPLAY_SOVERSION)

/** Version of the C interface: functions, structs, numbers. It isn't the version of
 *  the log's format, @ref replay_info::log_version. */
#define REPLAY_ABI_VERSION 1u

/* A macro's value as text. */
#define REPLAY_QUOTED(value)          REPLAY_QUOTED_AS_IT_IS(value)
#define REPLAY_QUOTED_AS_IT_IS(value) #value

/** The REPLAY_VERSION of the library that the program runs with. It may be older than the
 *  headers that the host was compiled with.
 *  Thread: [any]. */
REPLAY_API uint32_t replay_version(void);

/** The same as text, "0.1.0". Never NULL, never freed.
 *  Thread: [any]. */
REPLAY_API const char *replay_version_text(void);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_VERSION_H */
