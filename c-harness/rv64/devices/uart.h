/* SPDX-License-Identifier: MIT */
/** @file uart.h
 *  The serial line: a 16550A with its FIFOs.
 *
 *  The guest's output leaves at once. Input waits in a backlog until the FIFO is empty, so that
 *  pasted text isn't lost, as with a fast line that has flow control. So a guest that clears its
 *  FIFO finds the next bytes in it. */
#ifndef RV64_UART_H
#define RV64_UART_H

#include "device.h"

enum { UART_FIFO = 16, UART_BACKLOG = 1 << 16 };

typedef struct uart {
    irq_line_t irq;
    void (*transmit)(void *opaque, uint8_t byte);
    void *opaque;

    uint8_t ier, lcr, mcr, scratch, fcr;
    uint8_t divisor[2];
    bool overrun;            /**< the backlog was full, or in loop mode the FIFO */
    bool sent;               /**< THR became empty, and the guest doesn't know yet */
    uint8_t fifo[UART_FIFO]; /**< what the guest reads, from its beginning */
    uint32_t in_fifo;
    uint32_t first, count; /**< of the backlog, a ring */
    uint8_t backlog[UART_BACKLOG];
} uart_t;

void uart_open(uart_t *uart, irq_line_t irq, void (*transmit)(void *opaque, uint8_t byte),
               void *opaque);
device_t uart_device(uart_t *uart);

/** Bytes arrive over the line. */
void uart_receive(uart_t *uart, const uint8_t *bytes, size_t length);

/** Returns true if the guest's driver wants interrupts for input. */
bool uart_listens(const uart_t *uart);

#endif /* RV64_UART_H */
