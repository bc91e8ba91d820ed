/* SPDX-License-Identifier: MIT */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <glib-unix.h>
#include <glib.h>

#include "../message.h"

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

static struct {
    void (*asked)(void *opaque);
    void *opaque;
    int event; /* eventfd: wakes the loop */
    guint source;
    atomic_bool came;
} signals;

static void on_signal(int number) {
    (void)number;
    const uint64_t one = 1;
    int error = errno;
    atomic_store(&signals.came, true);
    if (write(signals.event, &one, sizeof(one)) < 0)
        errno = error; /* it is set already, and nothing else can be wrong */
}

static gboolean on_event(gint file, GIOCondition condition, gpointer opaque) {
    (void)condition;
    (void)opaque;
    uint64_t count;
    if (read(file, &count, sizeof(count)) == sizeof(count))
        signals.asked(signals.opaque);
    return G_SOURCE_CONTINUE;
}

static void set_actions(void (*handler)(int)) {
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART}, before;
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

bool signals_catch(void (*asked)(void *opaque), void *opaque) {
    signals.asked = asked;
    signals.opaque = opaque;
    signals.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (signals.event < 0) {
        tell("signals: %s", strerror(errno));
        return false;
    }
    signals.source = g_unix_fd_add(signals.event, G_IO_IN, on_event, NULL);
    set_actions(on_signal);
    return true;
}

bool signals_release(void) {
    if (!atomic_load(&signals.came))
        set_actions(SIG_DFL);
    /* Asked again: until then it was caught. */
    if (signals.source)
        g_source_remove(signals.source);
    signals.source = 0;
    return atomic_load(&signals.came);
}
