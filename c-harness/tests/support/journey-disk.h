/* SPDX-License-Identifier: MIT */
/** @file journey-disk.h
 *  A disk for the machine that can go back: its controller has four slots, reads and writes
 *  at random, and knows what the guest has written. Whatever is read is compared with that. */
#ifndef JOURNEY_DISK_H
#define JOURNEY_DISK_H

#include "journey-host.h"

enum { DISK_SIZE = 32 * 1024, DISK_SLOTS = 4, DISK_MOST = 2048 };

/** What the controller does. */
typedef enum { DISK_CALM /**< pauses between the requests */, DISK_BUSY /**< none */ } disk_pace_t;

typedef struct disk_options {
    disk_pace_t pace;
    replay_block_overlay_t overlay;
    bool resubmits;
    bool forgets; /**< what was pending isn't submitted again */
    bool differs; /**< something else is submitted instead */
    bool reads;   /**< only reads */
    bool read_only;
    bool fails; /**< requests may end with ENOSPC */
} disk_options_t;

/** A device for journey_host::device; makes the image. */
const journey_device_t *disk_device(const disk_options_t *options);

/** The file of REPLAY_BLOCK_OVERLAY_FILE. */
const char *disk_overlay_path(void);

/** Compares that file with what the guest has written. */
void disk_check_overlay(void);

/** The requests that were completed on the way here. */
uint64_t disk_completions(void);

#endif /* JOURNEY_DISK_H */
