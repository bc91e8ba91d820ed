/* SPDX-License-Identifier: MIT */
#include "course.h"

const step_t course[COURSE_STEPS] = {
    {OP_EXECUTE, 100},
    {OP_CHECKPOINT, REPLAY_CHECKPOINT_INIT},
    {OP_CLOCK, 1000000, REPLAY_CLOCK_HOST},
    {OP_EXECUTE, 57},
    {OP_INTERRUPT},
    {OP_EXECUTE, 20},
    {OP_BH, 1},
    {OP_EXECUTE, 20},
    {OP_FLUSH},
    {OP_EXECUTE, 31},
    {OP_CHAR_POST, .text = "typed"},
    {OP_PACKET, .b = 3, .text = "a packet"},
    {OP_INPUT, 30},
    {OP_INPUT_SYNC},
    {OP_FLUSH},
    {OP_CHECKPOINT, REPLAY_CHECKPOINT_CLOCK_VIRTUAL},
    {OP_EXECUTE, 12},
    {OP_RANDOM, 5, 16},
    {OP_READ, 4096, 512},
    {OP_EXECUTE, 44},
    {OP_DRAIN},
    {OP_EXECUTE, 13},
    {OP_EXCEPTION},
    {OP_CLOCK, 2000000, REPLAY_CLOCK_VIRTUAL_RT},
    {OP_EXECUTE, 9},
    {OP_CHAR_WRITE, 4, 0},
    {OP_CHAR_READ, .text = "answer"},
    {OP_EXECUTE, 4}, /* both are one call in PLAY */
    {OP_CHAR_READ_ERROR, -7},
    {OP_EXECUTE, 8},
    {OP_CHECKPOINT, REPLAY_CHECKPOINT_RESET},
    {OP_AUDIO_OUT, 480},
    {OP_EXECUTE, 7},
    {OP_AUDIO_IN, 7, 3},
    {OP_DIGEST, 777},
    {OP_EXECUTE, 6},
    {OP_SHUTDOWN, REPLAY_SHUTDOWN_GUEST_RESET},
    {OP_BLOCK_EVENT, 3},
    {OP_EXECUTE, 5},
    {OP_FLUSH},
    {OP_CLOCK, 3000000, REPLAY_CLOCK_HOST},
    {OP_EXECUTE, 40},
};

void course_on_two_threads(step_t steps[COURSE_STEPS]) {
    memcpy(steps, course, sizeof course);
    for (size_t i = 0; i + 1 < COURSE_STEPS; i++)
        if (steps[i].op == OP_CHECKPOINT && steps[i].a == REPLAY_CHECKPOINT_RESET)
            steps[i].io = true;
}
