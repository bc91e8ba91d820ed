/* SPDX-License-Identifier: MIT */
/* What the files that make descriptors share. */
#ifndef REPLAY_DESCRIPTORS_H
#define REPLAY_DESCRIPTORS_H

#pragma GCC visibility push(hidden)

/** Calls @p make, again if a signal interrupts it, so that the descriptor isn't 0, 1 or 2.
 *  @return what @p make returns: a descriptor, or -1 with errno. */
int replay_make_descriptor(int (*make)(const void *), const void *what);

#pragma GCC visibility pop

#endif /* REPLAY_DESCRIPTORS_H */
