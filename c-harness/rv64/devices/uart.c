/* SPDX-License-Identifier: MIT */
#include "uart.h"

#include <string.h>

#include "../memory-map.h"

enum { DATA = 0, IER = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCRATCH = 7 };

enum { IER_RECEIVED = 1, IER_SENT = 2, IER_LINE = 4, IER_ALL = 15 };
enum { IIR_NONE = 1, IIR_SENT = 2, IIR_RECEIVED = 4, IIR_LINE = 6, IIR_TIMEOUT = 12 };
enum { IIR_FIFOS = 0xc0, FCR_ENABLE = 1, FCR_CLEAR_RECEIVED = 2, LCR_DIVISOR = 0x80 };
enum { LSR_READY = 1, LSR_OVERRUN = 2, LSR_EMPTY = 0x60 };
enum { MCR_LOOP = 0x10, MSR_CONNECTED = 0xb0 /* CTS, DSR, DCD */ };

/* Bytes in the FIFO at which the guest wants an interrupt, by FCR bits 6 and 7. */
static uint32_t trigger(const uart_t *u) {
    static const uint32_t levels[4] = {1, 4, 8, 14};
    return u->fcr & FCR_ENABLE ? levels[u->fcr >> 6] : 1;
}

/* The reason for an interrupt that has the highest priority. Fewer bytes than the trigger
 * interrupt after a timeout, which here is zero: no more arrive until these are read. */
static uint8_t reason(const uart_t *u) {
    if ((u->ier & IER_LINE) && u->overrun)
        return IIR_LINE;
    if ((u->ier & IER_RECEIVED) && u->in_fifo > 0)
        return u->in_fifo >= trigger(u) ? IIR_RECEIVED : IIR_TIMEOUT;
    if ((u->ier & IER_SENT) && u->sent)
        return IIR_SENT;
    return IIR_NONE;
}

static uint32_t fifo_room(const uart_t *u) {
    return u->fcr & FCR_ENABLE ? UART_FIFO : 1;
}

static void update(uart_t *u) {
    /* In loop mode the line isn't connected. */
    if (u->in_fifo == 0 && !(u->mcr & MCR_LOOP)) {
        for (; u->count > 0 && u->in_fifo < fifo_room(u); u->count--) {
            u->fifo[u->in_fifo++] = u->backlog[u->first];
            u->first = (u->first + 1) % UART_BACKLOG;
        }
    }
    irq_set(&u->irq, reason(u) != IIR_NONE);
}

void uart_receive(uart_t *u, const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (u->count == UART_BACKLOG) {
            u->overrun = true;
            break;
        }
        u->backlog[(u->first + u->count++) % UART_BACKLOG] = bytes[i];
    }
    update(u);
}

bool uart_listens(const uart_t *u) {
    return u->ier & IER_RECEIVED;
}

static uint8_t take_byte(uart_t *u) {
    if (u->in_fifo == 0)
        return 0;
    uint8_t byte = u->fifo[0];
    memmove(u->fifo, u->fifo + 1, --u->in_fifo);
    return byte;
}

static uint8_t read_iir(uart_t *u) {
    uint8_t value = reason(u);
    if (value == IIR_SENT)
        u->sent = false; /* the guest knows it now */
    return value | (u->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static uint8_t read_lsr(uart_t *u) {
    uint8_t value = LSR_EMPTY | (u->in_fifo > 0 ? LSR_READY : 0) | (u->overrun ? LSR_OVERRUN : 0);
    u->overrun = false;
    return value;
}

/* In loop mode the outputs of the modem lines are its inputs. */
static uint8_t read_msr(const uart_t *u) {
    if (!(u->mcr & MCR_LOOP))
        return MSR_CONNECTED;
    return (uint8_t)((u->mcr & 2) << 3 | (u->mcr & 1) << 5 | (u->mcr & 4) << 4 | (u->mcr & 8) << 4);
}

static uint64_t uart_read(void *opaque, uint64_t offset, unsigned size) {
    uart_t *u = opaque;
    bool divisor = u->lcr & LCR_DIVISOR;
    uint8_t value = 0;
    (void)size; /* registers are bytes; wider reads get zeroes above */
    switch (offset) {
    case DATA:
        value = divisor ? u->divisor[0] : take_byte(u);
        break;
    case IER:
        value = divisor ? u->divisor[1] : u->ier;
        break;
    case IIR:
        value = read_iir(u);
        break;
    case LCR:
        value = u->lcr;
        break;
    case MCR:
        value = u->mcr;
        break;
    case LSR:
        value = read_lsr(u);
        break;
    case MSR:
        value = read_msr(u);
        break;
    case SCRATCH:
        value = u->scratch;
        break;
    default:
        break;
    }
    update(u);
    return value;
}

/* The transmitter is never busy: its register is empty again at once. */
static void send(uart_t *u, uint8_t byte) {
    if (!(u->mcr & MCR_LOOP))
        u->transmit(u->opaque, byte);
    else if (u->in_fifo < fifo_room(u))
        u->fifo[u->in_fifo++] = byte;
    else
        u->overrun = true;
    u->sent = true;
}

static void write_ier(uart_t *u, uint8_t value) {
    /* Enabling the interrupt raises it if the register is empty, which it always is. */
    if ((value & IER_SENT) && !(u->ier & IER_SENT))
        u->sent = true;
    u->ier = value & IER_ALL;
}

static void write_fcr(uart_t *u, uint8_t value) {
    bool toggled = (value ^ u->fcr) & FCR_ENABLE;
    u->fcr = value & FCR_ENABLE ? value & 0xc9 : 0;
    if (toggled || (value & FCR_CLEAR_RECEIVED))
        u->in_fifo = 0;
}

static void uart_write(void *opaque, uint64_t offset, unsigned size, uint64_t wide) {
    uart_t *u = opaque;
    bool divisor = u->lcr & LCR_DIVISOR;
    uint8_t value = (uint8_t)wide;
    (void)size;
    switch (offset) {
    case DATA:
        if (divisor)
            u->divisor[0] = value;
        else
            send(u, value);
        break;
    case IER:
        if (divisor)
            u->divisor[1] = value;
        else
            write_ier(u, value);
        break;
    case FCR:
        write_fcr(u, value);
        break;
    case LCR:
        u->lcr = value;
        break;
    case MCR:
        u->mcr = value & 0x1f;
        break;
    case SCRATCH:
        u->scratch = value;
        break;
    default:
        break;
    }
    update(u);
}

static void uart_reset(void *opaque) {
    uart_t *u = opaque;
    uart_open(u, u->irq, u->transmit, u->opaque);
    update(u);
}

static void uart_state(void *opaque, state_t *state) {
    uart_t *u = opaque;
    STATE_FIELD(state, u->ier);
    STATE_FIELD(state, u->lcr);
    STATE_FIELD(state, u->mcr);
    STATE_FIELD(state, u->scratch);
    STATE_FIELD(state, u->fcr);
    STATE_FIELD(state, u->divisor);
    state_bool(state, &u->overrun);
    state_bool(state, &u->sent);
    state_bytes(state, u->fifo, state_number(state, &u->in_fifo, 0, UART_FIFO));
    uint32_t count = state_number(state, &u->count, 0, UART_BACKLOG);
    if (state->way == STATE_LOAD)
        u->first = 0; /* where the backlog begins in its ring makes no difference */
    for (uint32_t i = 0; i < count; i++)
        STATE_FIELD(state, u->backlog[(u->first + i) % UART_BACKLOG]);
}

void uart_open(uart_t *u, irq_line_t irq, void (*transmit)(void *opaque, uint8_t byte),
               void *opaque) {
    u->irq = irq;
    u->transmit = transmit;
    u->opaque = opaque;
    u->ier = u->lcr = u->mcr = u->scratch = u->fcr = 0;
    u->divisor[0] = u->divisor[1] = 0;
    u->overrun = u->sent = false;
    u->in_fifo = u->first = u->count = 0;
}

device_t uart_device(uart_t *u) {
    return (device_t){"uart",    MAP_UART_BASE, MAP_UART_BYTES, u,
                      uart_read, uart_write,    uart_reset,     uart_state};
}
