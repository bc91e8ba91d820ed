/* SPDX-License-Identifier: MIT */
/* What a debugger sees of the machine, as gdb-avr expects it. */
#ifndef SIMAVR_DEBUG_H
#define SIMAVR_DEBUG_H

#include <replay/gdb.h>

#include "machine.h"

/* For replay_gdb_listen(). */
replay_gdb_target_t debug_target(machine_t *machine);

#endif
