/* SPDX-License-Identifier: MIT */
/* The machine of a side: each of its callbacks is part of the trace. */
#include "none-differential.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void note(side_t *side, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t room = sizeof side->trace - side->length;
    int written = vsnprintf(side->trace + side->length, room, format, arguments);
    va_end(arguments);
    if (written > 0)
        side->length += (size_t)written < room ? (size_t)written : room - 1;
}

/* What a device model calls from within a callback, and what it must not call there. */
static void call_back(side_t *side) {
    if (side->is_called_back || side->held) /* closing waits for requests */
        return;
    side->is_called_back = true;
    const replay_plugin_t *api = side->api;
    switch (side->calls_back) {
    case 1:
        note(side, " [finish %d]", api->replay_finish());
        break;
    case 2:
        note(side, " [mod %d]", api->replay_timer_mod(side->timers[0], 500));
        break;
    case 3:
        note(side, " [event %d]", api->replay_bh_schedule_event(m_callback, side));
        break;
    case 4:
        note(side, " [turn %d]", api->replay_turn());
        break;
    case 5:
        side->holds = false;
        note(side, " [flush %d]", api->replay_block_flush(side->disks[0], m_complete, side));
        break;
    case 6:
        note(side, " [virtual %" PRId64 "]", api->replay_get_virtual_clock());
        break;
    case 7:
        if (side->is_running) /* else it would run */
            note(side, " [run %d]", api->replay_run());
        break;
    case 8:
        note(side, " [free %d]", api->replay_timer_free(side->timers[0]));
        side->timers[0] = NULL;
        break;
    case 9:
        note(side, " [close %d]", api->replay_block_close(side->disks[0]));
        side->disks[0] = NULL;
        break;
    case 10:
        note(side, " [budget %" PRIu64 "]", api->replay_get_budget(1000));
        break;
    case 11:
        note(side, " [start %d]", api->replay_start());
        break;
    case 12:
        note(side, " [stop %d]", api->replay_run_stop());
        break;
    default:
        break;
    }
    side->is_called_back = false;
}

static uint64_t m_icount(void *opaque) {
    return ((side_t *)opaque)->icount;
}

static bool m_idle(void *opaque) {
    return ((side_t *)opaque)->idle;
}

static bool m_running(void *opaque) {
    return !((side_t *)opaque)->paused;
}

static int64_t m_deadline(void *opaque, replay_timer_clock_t clock) {
    side_t *side = opaque;
    if (clock == REPLAY_TIMERS_HOST)
        return side->alarm[1]; /* 0: due; -1: none */
    int64_t left = side->alarm[0] - side->api->replay_get_virtual_clock();
    return side->alarm[0] < 0 ? -1 : left > 0 ? left : 0;
}

static void m_run_timers(void *opaque, replay_timer_clock_t clock) {
    side_t *side = opaque;
    note(side, " run_timers(%d)", clock);
    side->alarm[clock] = -1;
    call_back(opaque);
}

static void m_kick(void *opaque) {
    note(opaque, " kick");
}

static void m_wake_io(void *opaque) {
    note(opaque, " wake_io");
}

static void m_stop(void *opaque, replay_stop_reason_t reason, const replay_error_t *error) {
    (void)error;
    note(opaque, " stop(%d)", reason);
}

static void m_shutdown(void *opaque, replay_shutdown_cause_t cause) {
    note(opaque, " shutdown(%d)", cause);
}

static void m_requests(void *opaque) {
    note(opaque, " requests");
    call_back(opaque);
}

static void m_input(void *opaque, const replay_input_event_t *event) {
    note(opaque, " input(%d,%d,%" PRId64 ")", event->kind, event->code, (int64_t)event->value);
    call_back(opaque);
}

static void m_input_sync(void *opaque) {
    note(opaque, " sync");
    call_back(opaque);
}

static uint64_t m_digest(void *opaque) {
    note(opaque, " digest");
    return 1;
}

void m_callback(void *opaque) {
    note(opaque, " callback");
    call_back(opaque);
}

void m_complete(void *opaque, int32_t result) {
    note(opaque, " complete(%d)", result);
    call_back(opaque);
}

void m_receive(void *opaque, const uint8_t *data, size_t length) {
    note(opaque, " char(%zu,%d)", length, length ? data[0] : -1);
    call_back(opaque);
}

void m_packet(void *opaque, uint32_t flags, const uint8_t *data, size_t length) {
    note(opaque, " packet(%u,%zu,%d)", flags, length, length ? data[0] : -1);
    call_back(opaque);
}

static void m_execute(void *opaque, uint64_t instructions) {
    side_t *side = opaque;
    note(side, " execute(%" PRIu64 ")", instructions);
    side->icount += instructions < 5000 ? instructions : 5000;
    side->api->replay_run_stop();
}

/* replay_run() ends in the first slice, or, where nothing can be executed, after it. */
static void m_interrupt(void *opaque) {
    side_t *side = opaque;
    note(side, " interrupt");
    if (side->idle || side->interrupts++ > 0)
        side->api->replay_run_stop();
    call_back(opaque);
}

static void m_input_from(void *opaque, const replay_input_t *input) {
    note(opaque, " input_from(%u,%d,%u,%" PRId64 ")", input->size, input->kind, input->port,
         input->code);
    call_back(opaque);
}

/* The words may differ, and the stubs report less. */
static void m_message(void *opaque, replay_message_level_t level, const char *text) {
    (void)opaque, (void)level, (void)text;
}

replay_host_t machine_host(void) {
    replay_host_t host = REPLAY_HOST_INIT;
    host.icount = m_icount, host.cpus_idle = m_idle, host.machine_running = m_running;
    host.kick = m_kick, host.wake_io = m_wake_io, host.stop = m_stop, host.shutdown = m_shutdown;
    host.handle_requests = m_requests, host.input = m_input, host.input_sync = m_input_sync;
    host.digest = m_digest, host.message = m_message;
    host.deadline_ns = m_deadline, host.run_timers = m_run_timers;
    host.execute = m_execute, host.interrupt = m_interrupt, host.input_from = m_input_from;
    return host;
}

/* A backend in memory that ends requests at once, or keeps one. */
static int64_t d_length(void *opaque) {
    (void)opaque;
    return DISK_BYTES;
}

static void d_end(side_t *side, replay_block_request_t *request) {
    if (side->holds && !side->held)
        side->held = request;
    else
        side->api->replay_block_complete(request, 0);
}

static void d_move(side_t *side, uint64_t offset, const struct iovec *pieces, int32_t count,
                   bool is_read) {
    for (int32_t i = 0; i < count; offset += pieces[i].iov_len, i++)
        if (is_read)
            memcpy(pieces[i].iov_base, side->disk + offset, pieces[i].iov_len);
        else
            memcpy(side->disk + offset, pieces[i].iov_base, pieces[i].iov_len);
}

static void d_read(void *opaque, replay_block_request_t *request, uint64_t offset,
                   const struct iovec *pieces, int32_t count, uint32_t flags) {
    note(opaque, " read(%" PRIu64 ",%u)", offset, flags);
    d_move(opaque, offset, pieces, count, true);
    d_end(opaque, request);
}

static void d_write(void *opaque, replay_block_request_t *request, uint64_t offset,
                    const struct iovec *pieces, int32_t count, uint32_t flags) {
    note(opaque, " write(%" PRIu64 ",%u)", offset, flags);
    d_move(opaque, offset, pieces, count, false);
    d_end(opaque, request);
}

static void d_flush(void *opaque, replay_block_request_t *request) {
    note(opaque, " flush");
    d_end(opaque, request);
}

static void d_close(void *opaque) {
    note(opaque, " close");
}

replay_block_backend_t machine_backend(void) {
    replay_block_backend_t backend = REPLAY_BLOCK_BACKEND_INIT;
    backend.length = d_length, backend.read = d_read, backend.write = d_write;
    backend.flush = d_flush, backend.close = d_close;
    return backend;
}
