/* SPDX-License-Identifier: MIT */
/* The machine's state as bytes: everything that decides how it goes on, except what is in
 * the memory of machine_memory(). */
#ifndef SIMAVR_STATE_H
#define SIMAVR_STATE_H

#include "machine.h"

/* Moves @p length bytes, from @p bytes to a snapshot or the other way. @return false if it
 * can't. */
typedef bool (*state_move_t)(void *opaque, void *bytes, size_t length);

/* Saves the state between two instructions, and changes nothing. @return false if @p move
 * does, or if simavr is doing something that can't be saved (state.c lists what). */
bool state_save(machine_t *machine, state_move_t move, void *opaque);

/* Loads a state that a machine with the same firmware has saved, maybe in a different
 * process. @return false if @p move does, or if it isn't the state of such a machine, which
 * then can't run on. */
bool state_load(machine_t *machine, state_move_t move, void *opaque);

#endif
