/* SPDX-License-Identifier: MIT */
#include "rtc.h"

#include <time.h>

#include "../library.h"
#include "../memory-map.h"

enum {
    TIME_LOW = 0x00,
    TIME_HIGH = 0x04,
    ALARM_LOW = 0x08,
    ALARM_HIGH = 0x0c,
    IRQ_ENABLED = 0x10,
    CLEAR_ALARM = 0x14,
    ALARM_STATUS = 0x18,
    CLEAR_INTERRUPT = 0x1c
};

/* Real time isn't deterministic: this is the only place where devices read it. */
static int64_t host_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A time that the guest sees, or that has an effect on it, is recorded: RECORD reads the host's
 * clock and writes the time to the log, PLAY reads it from the log. */
static int64_t clock_ns(const rtc_t *r) {
    int64_t host = REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, host_ns());
    return (int64_t)((uint64_t)host + (uint64_t)r->offset);
}

static void update(rtc_t *r) {
    irq_set(&r->irq, r->raised && r->enabled);
}

/* The time for which the main loop may sleep has no effect on the guest, so it isn't recorded. */
int64_t rtc_deadline_ns(const rtc_t *r) {
    if (!r->armed)
        return -1;
    int64_t now = (int64_t)((uint64_t)host_ns() + (uint64_t)r->offset);
    return r->alarm > now ? (int64_t)((uint64_t)r->alarm - (uint64_t)now) : 0;
}

void rtc_run_alarm(rtc_t *r) {
    if (!r->armed || clock_ns(r) < r->alarm)
        return;
    r->armed = false;
    r->raised = true;
    update(r);
}

static uint64_t rtc_read(void *opaque, uint64_t offset, unsigned size) {
    rtc_t *r = opaque;
    if (size != 4)
        return 0;
    switch (offset) {
    case TIME_LOW: {
        uint64_t now = (uint64_t)clock_ns(r);
        r->high = (uint32_t)(now >> 32);
        return (uint32_t)now;
    }
    case TIME_HIGH:
        return r->high;
    case ALARM_LOW:
        return (uint32_t)r->alarm;
    case ALARM_HIGH:
        return (uint32_t)((uint64_t)r->alarm >> 32);
    case IRQ_ENABLED:
        return r->enabled;
    case ALARM_STATUS:
        return r->armed;
    default:
        return 0;
    }
}

/* The low half comes last, and sets the alarm. If its time has passed it rings at once, at this
 * instruction, without the main loop. */
static void set_alarm(rtc_t *r, uint32_t low) {
    r->alarm = (int64_t)((uint64_t)r->alarm_high << 32 | low);
    r->armed = true;
    rtc_run_alarm(r);
    if (r->armed)
        replay->replay_notify(); /* the main loop may have to wake earlier */
}

static void rtc_write(void *opaque, uint64_t offset, unsigned size, uint64_t value) {
    rtc_t *r = opaque;
    uint32_t word = (uint32_t)value;
    if (size != 4)
        return;
    switch (offset) {
    case TIME_HIGH:
        r->set_high = word;
        break;
    case TIME_LOW: {
        uint64_t time = (uint64_t)r->set_high << 32 | word;
        r->offset = (int64_t)((uint64_t)r->offset + time - (uint64_t)clock_ns(r));
        if (r->armed)
            replay->replay_notify(); /* the alarm may ring earlier now */
        break;
    }
    case ALARM_HIGH:
        r->alarm_high = word;
        break;
    case ALARM_LOW:
        set_alarm(r, word);
        break;
    case IRQ_ENABLED:
        r->enabled = word & 1;
        break;
    case CLEAR_ALARM:
        r->armed = false;
        break;
    case CLEAR_INTERRUPT:
        r->raised = false;
        break;
    default:
        break;
    }
    update(r);
}

static void rtc_reset(void *opaque) {
    rtc_t *r = opaque;
    int64_t offset = r->offset; /* a reset doesn't change the time */
    rtc_open(r, r->irq);
    r->offset = offset;
    update(r);
}

static void rtc_state(void *opaque, state_t *state) {
    rtc_t *r = opaque;
    STATE_FIELD(state, r->offset);
    STATE_FIELD(state, r->high);
    STATE_FIELD(state, r->set_high);
    STATE_FIELD(state, r->alarm_high);
    STATE_FIELD(state, r->alarm);
    state_bool(state, &r->armed);
    state_bool(state, &r->enabled);
    state_bool(state, &r->raised);
}

void rtc_open(rtc_t *r, irq_line_t irq) {
    *r = (rtc_t){.irq = irq};
}

device_t rtc_device(rtc_t *r) {
    return (device_t){"rtc",    MAP_RTC_BASE, MAP_RTC_BYTES, r,
                      rtc_read, rtc_write,    rtc_reset,     rtc_state};
}
