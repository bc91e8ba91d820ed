/* SPDX-License-Identifier: MIT */
#include "outside.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REPLY_MS    5000 /* longer than any bootloader takes */
#define PROGRAM_MAX 58   /* so that one command fits into the serial port's 64 byte queue */

uint64_t random_next(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Sends one byte after a random time: at least what it takes on the wire at
 * 115200 baud, at most @p longest_us more. */
static void send_later(outside_t *outside, uint8_t byte, uint32_t longest_us) {
    long us = 87 + (long)(random_next(&outside->random) % longest_us);
    nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
    outside->send(&byte, 1);
}

/* ------------------------------------------------------- STK500, our half of it */

enum {
    IN_SYNC = 0x14,
    OK = 0x10,
    END = 0x20, /* of a command */
};

/* Sends a command, and checks that the answer is @p reply. */
static bool ask(outside_t *outside, const char *what, const uint8_t *command, size_t length,
                const uint8_t *reply, size_t reply_length) {
    for (size_t i = 0; i < length; i++)
        send_later(outside, command[i], 1000);
    for (size_t i = 0; i < reply_length; i++) {
        struct pollfd heard = {.fd = outside->heard[0], .events = POLLIN};
        uint8_t byte = 0;
        if (poll(&heard, 1, REPLY_MS) != 1 || read(heard.fd, &byte, 1) != 1) {
            snprintf(outside->failure, sizeof outside->failure,
                     "%s: no answer after %zu of %zu bytes", what, i, reply_length);
            return false;
        }
        if (byte != reply[i]) {
            snprintf(outside->failure, sizeof outside->failure,
                     "%s: byte %zu of the answer is %02x instead of %02x", what, i, byte, reply[i]);
            return false;
        }
    }
    return true;
}

#define BYTES(...) ((const uint8_t[]){__VA_ARGS__}), sizeof((const uint8_t[]){__VA_ARGS__})

static bool program_page(outside_t *outside) {
    uint8_t write[4 + PROGRAM_MAX + 1] = {'d', 0, 0, 'F'};
    uint8_t read_back[1 + PROGRAM_MAX + 1] = {IN_SYNC};
    FILE *file = fopen(outside->program, "rb");
    size_t size = file ? fread(write + 4, 1, PROGRAM_MAX, file) : 0;
    bool more = size == PROGRAM_MAX && fgetc(file) != EOF;
    if (file)
        fclose(file);
    if (size == 0 || more) {
        snprintf(outside->failure, sizeof outside->failure, "program page: %s %s", outside->program,
                 more ? "is too large" : "cannot be read");
        return false;
    }
    write[2] = (uint8_t)size;
    write[4 + size] = END;
    memcpy(read_back + 1, write + 4, size);
    read_back[1 + size] = OK;
    return ask(outside, "load address", BYTES('U', 0, 0, END), BYTES(IN_SYNC, OK)) &&
           ask(outside, "program page", write, size + 5, BYTES(IN_SYNC, OK)) &&
           ask(outside, "load address", BYTES('U', 0, 0, END), BYTES(IN_SYNC, OK)) &&
           ask(outside, "read page", BYTES('t', 0, (uint8_t)size, 'F', END), read_back, size + 2);
}

/* Up to the end of the machine: after the last command the bootloader lets the
 * watchdog reset it, and starts what was programmed. */
static bool exchange(outside_t *outside) {
    return ask(outside, "sync", BYTES('0', END), BYTES(IN_SYNC, OK)) &&
           ask(outside, "sync again", BYTES('0', END), BYTES(IN_SYNC, OK)) &&
           ask(outside, "major version", BYTES('A', 0x81, END), BYTES(IN_SYNC, 4, OK)) &&
           ask(outside, "minor version", BYTES('A', 0x82, END), BYTES(IN_SYNC, 4, OK)) &&
           ask(outside, "signature", BYTES('u', END), BYTES(IN_SYNC, 0x1e, 0x95, 0x0f, OK)) &&
           program_page(outside) && ask(outside, "leave", BYTES('Q', END), BYTES(IN_SYNC, OK)) &&
           ask(outside, "the program", NULL, 0, BYTES('h', 'i', '\n'));
}

/* ---------------------------------------------------------------- the thread */

static void *outside_thread(void *opaque) {
    outside_t *outside = opaque;
    if (outside->program == NULL)
        while (!atomic_load(&outside->stop))
            send_later(outside, (uint8_t)random_next(&outside->random), 8000);
    else if (!exchange(outside))
        atomic_store(&outside->failed, true);
    return NULL;
}

bool outside_start(outside_t *outside, outside_send_t send, const char *program, uint64_t seed) {
    *outside = (outside_t){.send = send, .program = program, .random = seed};
    if (pipe(outside->heard) != 0)
        return false;
    if (pthread_create(&outside->thread, NULL, outside_thread, outside) == 0)
        return true;
    close(outside->heard[0]);
    close(outside->heard[1]);
    return false;
}

void outside_hear(outside_t *outside, uint8_t byte) {
    if (outside->program != NULL && write(outside->heard[1], &byte, 1) != 1)
        atomic_store(&outside->stop, true);
}

const char *outside_end(outside_t *outside) {
    atomic_store(&outside->stop, true);
    close(outside->heard[1]); /* ends the wait for an answer */
    pthread_join(outside->thread, NULL);
    close(outside->heard[0]);
    return atomic_load(&outside->failed) ? outside->failure : NULL;
}
