/* SPDX-License-Identifier: MIT */
/* A mistake for a debugger to find: one store of very many goes astray. */
#include "bare.h"

enum { SAMPLES = 100000, BUCKETS = 10 };

static struct {
    uint32_t buckets[BUCKETS];
    uint32_t room; /* how many samples can be counted; never changes */
} histogram;

static uint32_t measure(uint32_t number) {
    return number * UINT32_C(2654435761) >> 16; /* 0 to 65535 */
}

static void count(uint32_t sample) {
    uint32_t bucket = sample * BUCKETS / 65535;
    histogram.buckets[bucket]++;
}

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    histogram.room = SAMPLES;
    for (uint32_t number = 0; number < SAMPLES; number++)
        count(measure(number));
    check("room", histogram.room, SAMPLES);
}
