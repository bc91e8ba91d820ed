/* SPDX-License-Identifier: MIT */
/** @file debug.h
 *  The machine for a debugger: what the library's gdb stub needs to know of it. */
#ifndef RV64_DEBUG_H
#define RV64_DEBUG_H

#include "machine.h"

/** Lets gdb connect, if an option asks for it. @return false: reported on stderr. */
bool debug_listen(machine_t *m);

#endif /* RV64_DEBUG_H */
