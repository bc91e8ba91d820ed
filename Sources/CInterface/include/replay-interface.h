/* SPDX-License-Identifier: MIT */
/* What interface.c defines is declared by the public headers. It is in a target of its own because
 * it refers to every function of the library: a program that has only the lower targets can't link
 * it. */
#ifndef REPLAY_INTERFACE_H
#define REPLAY_INTERFACE_H

#include <replay/replay.h>

#endif
