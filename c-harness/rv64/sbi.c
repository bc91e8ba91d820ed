/* SPDX-License-Identifier: MIT */
/* The firmware: environment calls (ecall) of the guest's kernel.
 * RISC-V Supervisor Binary Interface, version 2.0: BASE, TIME, SRST, DBCN. */
#include "machine.h"

#include "memory-map.h"

enum { SBI_SUCCESS = 0, SBI_NOT_SUPPORTED = -2, SBI_INVALID_PARAM = -3 };

enum {
    EXTENSION_SET_TIMER_OLD = 0x00,
    EXTENSION_BASE = 0x10,
    EXTENSION_TIME = 0x54494d45,
    EXTENSION_SYSTEM_RESET = 0x53525354,
    EXTENSION_DEBUG_CONSOLE = 0x4442434e
};

/* a0 to a7 are x10 to x17. */
enum { A0 = 10, A1 = 11, A2 = 12, A6 = 16, A7 = 17 };

#define TICK_NS (1000000000 / MAP_TIMEBASE_HZ)

typedef struct sbi_result {
    int64_t error;
    uint64_t value;
} sbi_result_t;

static sbi_result_t failure(int64_t error) {
    return (sbi_result_t){.error = error};
}

static sbi_result_t success(uint64_t value) {
    return (sbi_result_t){.value = value};
}

/* -------------------------------------------------------------------- timer */

/* The guest's timer has expired. The library calls this on the vCPU thread, at the instruction
 * at which virtual time reaches the timer's. */
void machine_timer_expired(void *opaque) {
    machine_t *m = opaque;
    cpu_set_line(&m->cpu, CPU_LINE_TIMER, true);
}

/* Virtual time follows from the icount and the time slept, so the timer's time isn't recorded:
 * the log only marks that timers ran. The current slice may be longer than until this timer: if
 * so, the library kicks us. */
static sbi_result_t set_timer(machine_t *m, uint64_t ticks) {
    cpu_set_line(&m->cpu, CPU_LINE_TIMER, false);
    if (ticks > INT64_MAX / TICK_NS)
        replay->replay_timer_del(m->timer); /* never */
    else
        replay->replay_timer_mod(m->timer, (int64_t)ticks * TICK_NS);
    return success(0);
}

/* -------------------------------------------------------------------- reset */

enum { RESET_SHUTDOWN = 0, RESET_COLD = 1, RESET_WARM = 2, REASON_FAILURE = 1 };

static sbi_result_t system_reset(machine_t *m, uint32_t type, uint32_t reason) {
    if (type > RESET_WARM || reason > REASON_FAILURE)
        return failure(SBI_INVALID_PARAM);
    if (type == RESET_SHUTDOWN)
        machine_request_shutdown(m, reason == REASON_FAILURE ? REPLAY_SHUTDOWN_GUEST_PANIC
                                                             : REPLAY_SHUTDOWN_GUEST_SHUTDOWN);
    else if (m->options->no_reboot)
        machine_request_shutdown(m, REPLAY_SHUTDOWN_GUEST_RESET);
    else {
        /* The main loop resets the machine, in on_handle_requests(). Until then the CPU executes
         * nothing, so the library has to wake the main loop. */
        m->reset_requested = true;
        replay->replay_notify();
    }
    cpu_end_slice(&m->cpu);
    return success(0);
}

/* ------------------------------------------------------------ debug console */

static sbi_result_t console_write(machine_t *m, uint64_t length, uint64_t address, uint64_t high) {
    const uint8_t *bytes = high == 0 ? cpu_ram(&m->cpu, address, length) : NULL;
    if (!bytes && length > 0)
        return failure(SBI_INVALID_PARAM);
    for (uint64_t i = 0; i < length; i++)
        machine_send(m, bytes[i]);
    return success(length);
}

static sbi_result_t debug_console(machine_t *m, uint64_t function) {
    const uint64_t *x = m->cpu.x;
    switch (function) {
    case 0:
        return console_write(m, x[A0], x[A1], x[A2]);
    case 1: /* read: nothing, because all input goes to the serial device */
        return success(0);
    case 2:
        machine_send(m, (uint8_t)x[A0]);
        return success(0);
    default:
        return failure(SBI_NOT_SUPPORTED);
    }
}

/* --------------------------------------------------------------------- base */

static bool has_extension(uint64_t extension) {
    return extension == EXTENSION_BASE || extension == EXTENSION_TIME ||
           extension == EXTENSION_SYSTEM_RESET || extension == EXTENSION_DEBUG_CONSOLE ||
           extension == EXTENSION_SET_TIMER_OLD;
}

static sbi_result_t base(const machine_t *m, uint64_t function) {
    switch (function) {
    case 0:
        return success(UINT64_C(2) << 24); /* the specification's version, 2.0 */
    case 3:
        return success(has_extension(m->cpu.x[A0]));
    case 1: /* implementation: it has no number */
    case 2:
    case 4: /* vendor, architecture and implementation of the CPU: they have no numbers either */
    case 5:
    case 6:
        return success(0);
    default:
        return failure(SBI_NOT_SUPPORTED);
    }
}

static sbi_result_t dispatch(machine_t *m) {
    const uint64_t *x = m->cpu.x;
    switch (x[A7]) {
    case EXTENSION_BASE:
        return base(m, x[A6]);
    case EXTENSION_SET_TIMER_OLD:
        return set_timer(m, x[A0]);
    case EXTENSION_TIME:
        return x[A6] == 0 ? set_timer(m, x[A0]) : failure(SBI_NOT_SUPPORTED);
    case EXTENSION_SYSTEM_RESET:
        return x[A6] == 0 ? system_reset(m, (uint32_t)x[A0], (uint32_t)x[A1])
                          : failure(SBI_NOT_SUPPORTED);
    case EXTENSION_DEBUG_CONSOLE:
        return debug_console(m, x[A6]);
    default:
        return failure(SBI_NOT_SUPPORTED);
    }
}

void machine_environment_call(void *opaque, cpu_t *cpu) {
    machine_t *m = opaque;
    bool old = cpu->x[A7] == EXTENSION_SET_TIMER_OLD;
    sbi_result_t result = dispatch(m);
    cpu->x[A0] = (uint64_t)result.error;
    if (!old) /* the oldest calls return one register only */
        cpu->x[A1] = result.value;
    if (atomic_load(&m->kicked))
        cpu_end_slice(cpu);
}
