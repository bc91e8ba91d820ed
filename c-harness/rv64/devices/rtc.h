/* SPDX-License-Identifier: MIT */
/** @file rtc.h
 *  The real-time clock: "goldfish", of Android's emulator. Its time is the host's. */
#ifndef RV64_RTC_H
#define RV64_RTC_H

#include "device.h"

typedef struct rtc {
    irq_line_t irq;
    int64_t offset;    /**< ns by which the guest has set the clock ahead */
    uint32_t high;     /**< high half of the time, as of the last reading of the low half */
    uint32_t set_high; /**< high half of a time that the guest sets; it comes first */
    uint32_t alarm_high;
    int64_t alarm; /**< ns, in the clock's time; valid if armed */
    bool armed, enabled, raised;
} rtc_t;

void rtc_open(rtc_t *rtc, irq_line_t irq);
device_t rtc_device(rtc_t *rtc);

/** Returns the ns of host time until the alarm; 0: it is due; -1: no alarm is set. */
int64_t rtc_deadline_ns(const rtc_t *rtc);

/** Rings if the alarm is due. Call after the checkpoint, with the replay lock held. */
void rtc_run_alarm(rtc_t *rtc);

#endif /* RV64_RTC_H */
