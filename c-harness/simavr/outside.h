/* SPDX-License-Identifier: MIT */
/* The world outside of the machine, while recording: a thread that sends bytes
 * to the serial port at random times, and looks at what comes back. */
#ifndef SIMAVR_OUTSIDE_H
#define SIMAVR_OUTSIDE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void (*outside_send_t)(const uint8_t *data, size_t length);

typedef struct outside {
    pthread_t thread;
    outside_send_t send;
    const char *program; /* file that the bootloader shall write; NULL: only type */
    uint64_t random;     /* state of the generator for what is sent, and when */
    int heard[2];        /* pipe: what the machine has sent */
    atomic_bool stop;    /* the machine has ended */
    atomic_bool failed;  /* with this: */
    char failure[160];
} outside_t;

/* Starts the thread. With @p program it talks STK500 to a bootloader until that
 * program runs and says hi; else it types random bytes. @p send is called by
 * the thread. */
bool outside_start(outside_t *outside, outside_send_t send, const char *program, uint64_t seed);

/* The machine has sent @p byte. */
void outside_hear(outside_t *outside, uint8_t byte);

/* Ends and joins the thread. @return what went wrong, or NULL. */
const char *outside_end(outside_t *outside);

/* The next number of a small generator (SplitMix64). */
uint64_t random_next(uint64_t *state);

#endif
