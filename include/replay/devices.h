/* SPDX-License-Identifier: MIT */
/** @file devices.h
 *  Character devices, network, input, audio, random numbers, shutdown.
 *
 *  Something from outside that the guest waits for (a random number, the result of a
 *  write, samples) is saved in RECORD and loaded in PLAY; in NONE it is only passed on:
 *
 *      if (REPLAY_MODE() == REPLAY_MODE_PLAY) {
 *          result = replay_read_random(bytes, length);
 *      } else {
 *          result = draw_random(bytes, length);
 *          if (REPLAY_MODE() == REPLAY_MODE_RECORD)
 *              replay_save_random(result, bytes, length);
 *      }
 *
 *  Once the session has failed, every call with the tags [vcpu] [io] [lock-held] that returns
 *  a status may return its failure. */
#ifndef REPLAY_DEVICES_H
#define REPLAY_DEVICES_H

#include <sys/uio.h>

#include "errors.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------- character devices */

/** Delivers bytes from outside to a device.
 *  @param data [in] valid during the call. @param length in bytes. */
typedef void (*replay_char_receive_t)(void *opaque, const uint8_t *data, size_t length);

/** Registers a character device. Devices are numbered in the order of the
 *  calls, so register them in the same order in every mode.
 *
 *  After replay_start() a registration (a device that is plugged in) is an event:
 *  Record: stored.
 *  Play:   the log's next event must be the same registration. A different place or
 *          number is a divergence, and nothing is registered.
 *  None:   only registers the device.
 *  @param receive called by the vCPU thread when input reaches its place.
 *  @return the device's number, from 0; ERROR_INVALID_ARGUMENT, ERROR_WRONG_STATE
 *    (256 devices are registered); after the start ERROR_DIVERGENCE,
 *    ERROR_LOCK_NOT_HELD, ERROR_WRONG_ROLE too.
 *  replay_finish() drops all registrations.
 *  Thread: [any] before replay_start(), then [vcpu] [io] [lock-held]. */
REPLAY_API int32_t replay_register_char_driver(replay_char_receive_t receive, void *opaque);

/** Input from outside for a character device.
 *
 *  Record: queued; written and delivered to the device at the flush (input before
 *          replay_start() waits for the start).
 *  Play:   dropped, because the log has the input.
 *  None, events disabled: delivered to the device at once.
 *  @param data [in] copied. @param length in bytes, at most 1 GiB.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT, ERROR_NO_MEMORY.
 *  Thread: [any], without the lock too. */
REPLAY_API replay_status_t replay_chr_be_write(int32_t device, const uint8_t *data, size_t length);

/** Record: stores the result of a write to a character backend, which the guest
 *  can see. Other modes: ERROR_WRONG_MODE.
 *  @param result bytes written, or a negative error. @param offset a number that means
 *    something only to the host; PLAY loads the same.
 *  Thread: [vcpu] [io] [lock-held] [hot]. */
REPLAY_API replay_status_t replay_char_write_event_save(int32_t result, int32_t offset);

/** Play: loads what replay_char_write_event_save() stored at this place; a different
 *  next event is a divergence. Other modes: ERROR_WRONG_MODE.
 *  @param result, offset [out] 0 after a failure.
 *  Thread: [vcpu] [io] [lock-held] [hot]. */
REPLAY_API replay_status_t replay_char_write_event_load(int32_t *result, int32_t *offset);

/** Record: stores the bytes that a synchronous read from a backend returned.
 *  @return REPLAY_OK; ERROR_WRONG_MODE, ERROR_INVALID_ARGUMENT.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_char_read_all_save_buf(const uint8_t *data, size_t length);

/** Record: stores the error that a synchronous read returned.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_char_read_all_save_error(int32_t error);

/** Play: the number of bytes that replay_char_read_all_load() will load at this
 *  place, so that a host can make room for them; 0 if an error was recorded.
 *  Consumes nothing. Other modes: ERROR_WRONG_MODE.
 *  @param size [out] in bytes; 0 after a failure.
 *  @return REPLAY_OK; ERROR_DIVERGENCE if the log's next event isn't such a read;
 *    ERROR_WRONG_MODE, ERROR_INVALID_ARGUMENT.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_char_read_all_size(size_t *size);

/** Play: loads what a replay_char_read_all_save_…() stored at this place.
 *  @param data [out] room for @p size bytes.
 *  @param result [out] bytes loaded, or the recorded error.
 *  @return REPLAY_OK; ERROR_DIVERGENCE if the log's next event is a different one or doesn't
 *    fit into @p size; ERROR_WRONG_MODE, ERROR_INVALID_ARGUMENT.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_char_read_all_load(uint8_t *data, size_t size, int32_t *result);

/* ----------------------------------------------------------------- network */

/** A registered network filter. */
typedef struct replay_net replay_net_t;

/** Delivers a packet to a network device.
 *  @param flags as passed to replay_net_packet_event(). @param data [in] valid during the call. */
typedef void (*replay_net_receive_t)(void *opaque, uint32_t flags, const uint8_t *data,
                                     size_t length);

/** Registers a filter between a network device and its backend. Filters are numbered in
 *  the order of the calls. @return it, or NULL with ERROR_INVALID_ARGUMENT, or
 *  ERROR_WRONG_STATE after the start. The caller frees it with replay_unregister_net().
 *  Thread: [any], before replay_start(). */
REPLAY_API replay_net_t *replay_register_net(replay_net_receive_t receive, void *opaque);

/** Frees @p net, and drops its queued packets. NULL is allowed.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT if it isn't a filter (any more).
 *  Thread: [any] [lock-held]. */
REPLAY_API replay_status_t replay_unregister_net(replay_net_t *net);

/** A packet from outside. Modes as replay_chr_be_write().
 *  @param flags mean something only to the host; the device gets the same.
 *  @param pieces, count [in] the packet; copied. At most 1,024 pieces, 1 GiB.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT, ERROR_NO_MEMORY.
 *  Thread: [any], without the lock too. */
REPLAY_API replay_status_t replay_net_packet_event(replay_net_t *net, uint32_t flags,
                                                   const struct iovec *pieces, int32_t count);

/* ------------------------------------------------------------------- input */

/** Kinds of input events. */
typedef int32_t replay_input_kind_t;
enum {
    REPLAY_INPUT_KEY = 0,      /**< code, value: 1 down, 0 up */
    REPLAY_INPUT_BUTTON = 1,   /**< code, value: 1 down, 0 up */
    REPLAY_INPUT_RELATIVE = 2, /**< axis, value */
    REPLAY_INPUT_ABSOLUTE = 3, /**< axis, value */
    REPLAY_INPUT_TOUCH = 4,    /**< code: what happened, slot, tracking_id, axis, value */
    REPLAY_INPUT_COUNT = 5
};

/** One input event; members that its kind doesn't use are 0. */
typedef struct replay_input_event {
    replay_input_kind_t kind; /**< REPLAY_INPUT_… */
    int32_t code;             /**< the host's number of the key or button */
    int32_t axis;             /**< the host's number of the axis */
    int32_t slot;             /**< of a touch */
    int64_t tracking_id;      /**< of a touch */
    int64_t value;            /**< position, movement, 1 or 0 */
} replay_input_event_t;

/** An input event with its port and device, and a code of 64 bits. */
typedef struct replay_input {
    uint32_t size;            /**< sizeof(replay_input_t) */
    replay_input_kind_t kind; /**< REPLAY_INPUT_… */
    uint32_t port;            /**< the host's number of the port, console or seat: 0 to 65,535 */
    uint32_t device;          /**< the host's number of the device */
    int64_t code;             /**< the host's number of the key or button */
    int32_t axis;             /**< the host's number of the axis */
    int32_t slot;             /**< of a touch */
    int64_t tracking_id;      /**< of a touch */
    int64_t value;            /**< position, movement, 1 or 0 */
} replay_input_t;

/** The value to start a replay_input_t from. */
#define REPLAY_INPUT_INIT                                                                          \
    { (uint32_t)sizeof(replay_input_t), 0, 0, 0, 0, 0, 0, 0, 0 }

/** Like replay_input_event(), with port and device. It reaches the guest by
 *  replay_host::input_from or, if that is NULL, by replay_host::input, without
 *  port and device and with its code clamped to 32 bits.
 *  @return as replay_input_event(); ERROR_STRUCT_SIZE.
 *  Thread: [any], without the lock too. */
REPLAY_API replay_status_t replay_input_event_from(const replay_input_t *input);

/** Input from the user. It reaches the guest by replay_host::input_from, with port and
 *  device 0, or, if that is NULL, by replay_host::input.
 *  Modes as replay_chr_be_write(). Without either callback the event is lost,
 *  which is reported once.
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT, ERROR_NO_MEMORY, ERROR_WRONG_STATE
 *    (the session isn't configured, so nobody can receive the event).
 *  Thread: [any], without the lock too. */
REPLAY_API replay_status_t replay_input_event(const replay_input_event_t *event);

/** The end of a group of input events that belong together. Like replay_input_event(). */
REPLAY_API replay_status_t replay_input_sync_event(void);

/* ------------------------------------------------------------------- audio */

/** The number of samples that the audio backend has accepted. Record: stores *played.
 *  Play: sets it to the recorded value. None: nothing.
 *  @param played [in,out] a count of samples.
 *  @return REPLAY_OK; ERROR_DIVERGENCE if the log's next event is a different one;
 *    ERROR_INVALID_ARGUMENT.
 *  Thread: [vcpu] [io] [lock-held] [hot]. */
REPLAY_API replay_status_t replay_audio_out(size_t *played);

/** Begins a block of samples from a microphone. Record: *count samples follow.
 *  Play: sets *count to the recorded value. None: nothing.
 *  @return REPLAY_OK; ERROR_DIVERGENCE if the log's next event is a different one;
 *    ERROR_WRONG_STATE (a block is not finished), ERROR_INVALID_ARGUMENT (also for more
 *    than 2^26 samples), ERROR_NO_MEMORY.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_audio_in_start(size_t *count);

/** Like replay_audio_in_start(), for a host that writes the samples to a ring buffer.
 *  @param position [in,out] where in the ring it writes them, at most 2^63-1.
 *    Record: stored. Play: set to the recorded value, as *count is.
 *    None: nothing.
 *  A block that was recorded with a position must be replayed with this call.
 *  @return as replay_audio_in_start().
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_audio_in_start_at(size_t *count, size_t *position);

/** One sample of the block. Record: stores it. Play: sets it to the recorded one.
 *  @return REPLAY_OK; ERROR_WRONG_STATE (no block was begun, or it already has *count
 *    samples), ERROR_INVALID_ARGUMENT.
 *  Thread: [vcpu] [io] [lock-held] [hot]. */
REPLAY_API replay_status_t replay_audio_in_sample_lr(uint64_t *left, uint64_t *right);

/** Ends the block.
 *  @return REPLAY_OK; ERROR_WRONG_STATE (no block was begun, or it has fewer samples than
 *    its count, and is dropped).
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_audio_in_finish(void);

/* ------------------------------------------------------------------ random */

/** Record: stores what a random generator returned. Other modes: ERROR_WRONG_MODE. The
 *  code above is right in all three modes.
 *  @param result the generator's result; the bytes are stored in any case.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_save_random(int32_t result, const void *data, size_t length);

/** Play: loads the recorded bytes. @return the recorded result; a negative
 *  status if the log's next event isn't a random number of this length
 *  (a divergence), or in a different mode: in both cases the bytes are 0.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API int32_t replay_read_random(void *data, size_t length);

/* ---------------------------------------------------------------- shutdown */

/** The guest or its user requests the end of the run, or a reset.
 *
 *  Record: stored. The host then ends or resets the machine itself.
 *  Play:   the host must not do so by itself, because the library calls
 *          replay_host::shutdown at the recorded place. A request from the guest
 *          (REPLAY_SHUTDOWN_GUEST_…, SUBSYSTEM_RESET) repeats itself, and the
 *          library delivers it within this call. Nobody repeats a request from
 *          outside, so the library delivers it by itself: in the next turn, when
 *          the vCPU thread asks for its budget, or when a thread waits or releases
 *          the lock, but never during a reading of a clock. It delivers one at a
 *          time. A request that the recording doesn't have here is ignored.
 *  None:   nothing. The host ends or resets the machine itself.
 *  @param cause REPLAY_SHUTDOWN_…
 *  @return REPLAY_OK; ERROR_INVALID_ARGUMENT.
 *  Thread: [vcpu] [io] [lock-held]. */
REPLAY_API replay_status_t replay_shutdown_request(replay_shutdown_cause_t cause);

#ifdef __cplusplus
}
#endif

#endif /* REPLAY_DEVICES_H */
