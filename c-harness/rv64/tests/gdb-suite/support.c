/* SPDX-License-Identifier: MIT */
/* What a program of gdb's tests needs to be a guest without an operating system: a call of its
 * main(), and what picolibc wants from a system. */
#include <stdio.h>

#include "../../guest/bare/bare.h"

int main(int argc, char **argv, char **environment);
void guest_end(void);
void _exit(int status) __attribute__((noreturn));

static char *arguments[] = {"program", NULL, NULL};

void guest_main(uint64_t device_tree) {
    (void)device_tree;
    main(1, arguments, arguments + 2);
}

void _exit(int status) {
    (void)status;
    guest_end();
    for (;;)
        ;
}

/* Nothing is read, and what is written is dropped. */
long write(int file, const void *bytes, unsigned long length) {
    (void)file;
    (void)bytes;
    return (long)length;
}

long read(int file, void *bytes, unsigned long length) {
    (void)file;
    (void)bytes;
    (void)length;
    return 0;
}

char __heap_start[65536];
__asm__(".global __heap_end\n.set __heap_end, __heap_start + 65536");
