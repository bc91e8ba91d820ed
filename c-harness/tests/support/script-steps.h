/* SPDX-License-Identifier: MIT */
/** @file script-steps.h
 *  Between the scripted host's two halves: what a step does, and the run. */
#ifndef SCRIPT_STEPS_H
#define SCRIPT_STEPS_H

#include "scripted-host.h"

uint64_t script_hash(const void *data, size_t length);

/** Notes what the guest saw. */
void script_see(script_run_t *run, op_t op, int64_t value);

/** Registers the devices and opens the disk. */
bool script_open_devices(script_run_t *run);

/** Sets the callbacks by which the guest sees things. */
void script_set_callbacks(script_run_t *run);

/** The roles of the thread that does @p step; NULL: of the vCPU thread. */
replay_role_t script_roles(const script_run_t *run, const step_t *step);

void script_step(script_run_t *run, const step_t *step);

#endif /* SCRIPT_STEPS_H */
