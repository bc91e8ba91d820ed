/* SPDX-License-Identifier: MIT */
/** @file rtc.h
 *  The real-time clock: "goldfish", of Android's emulator. Its time is the host's. */
#ifndef RV64_RTC_H
#define RV64_RTC_H

#include "device.h"

typedef struct rtc {
    irq_line_t irq;
    int64_t offset;    /**< ns; what the guest has set it ahead */
    uint32_t high;     /**< of the time, kept when its low half was read */
    uint32_t set_high; /**< of a time that the guest sets: comes before the low half */
    uint32_t alarm_high;
    int64_t alarm; /**< ns, the clock's time; meaningful if armed */
    bool armed, enabled, raised;
} rtc_t;

void rtc_open(rtc_t *rtc, irq_line_t irq);
device_t rtc_device(rtc_t *rtc);

/** Ns of host time until the alarm; 0: it is due; -1: there is none. */
int64_t rtc_deadline_ns(const rtc_t *rtc);

/** Rings, if the alarm is due. Replay lock held, behind the checkpoint. */
void rtc_run_alarm(rtc_t *rtc);

#endif /* RV64_RTC_H */
