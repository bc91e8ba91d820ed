/* SPDX-License-Identifier: MIT */
/** @file course.h
 *  One course of a scripted host with every kind of event in it, for tests that ask
 *  the same of all kinds: two recordings are equal, damage is found, a mistake of the
 *  host is reported. */
#ifndef COURSE_H
#define COURSE_H

#include "scripted-host.h"

enum { COURSE_STEPS = 42 };

/** All of it on one thread. */
extern const step_t course[COURSE_STEPS];

/** Copies the course; the I/O thread takes the reset and the clock reading after it. */
void course_on_two_threads(step_t steps[COURSE_STEPS]);

#endif /* COURSE_H */
