/* SPDX-License-Identifier: MIT */
/** @file machine.h
 *  The machine: a CPU, its devices, and the threads that work on them.
 *
 *  Two threads:
 *
 *    vCPU  (vcpu.c) executes the guest slice by slice, and sleeps with it;
 *    I/O   (main.c) runs a GMainLoop: the serial line's input, timers, signals.
 *
 *  Each takes the replay lock, then the big lock, before it touches the machine. */
#ifndef RV64_MACHINE_H
#define RV64_MACHINE_H

#include <stdatomic.h>

#include <glib.h>

#include "big-lock.h"
#include "cpu/cpu.h"
#include "devices/bus.h"
#include "devices/plic.h"
#include "devices/rtc.h"
#include "devices/uart.h"
#include "devices/virtio-block.h"
#include "devices/virtio-entropy.h"
#include "disk/disk.h"
#include "image.h"
#include "library.h"
#include "options.h"
#include "outside/serial.h"
#include "state.h"

/** What the run has come to. */
typedef struct account {
    replay_info_t info;
    uint64_t icount, digest;
} account_t;

typedef struct machine {
    const options_t *options;
    image_t image;
    big_lock_t lock;

    cpu_t cpu;
    bus_t bus;
    plic_t plic;
    uart_t uart;
    rtc_t rtc;
    virtio_block_t block;
    virtio_entropy_t entropy;
    replay_timer_t *timer;  /**< the guest's, which it sets through the SBI */
    state_t state;          /**< room for the bytes of a snapshot, or of a digest */
    uint64_t *page_digests; /**< of each page of RAM, when it was last read */

    int32_t serial_number; /**< the serial line's, in the log */
    serial_t *serial;
    disk_t *disk; /**< NULL: there is none */

    GMainLoop *loop;
    atomic_bool off;      /**< the threads leave their loops */
    atomic_bool kicked;   /**< the vCPU leaves its slice */
    bool reset_requested; /**< by the guest; the main loop will do it */
    atomic_int cause;     /**< why the machine was switched off: REPLAY_SHUTDOWN_… */
    account_t account;    /**< at the last digest */
} machine_t;

/** Configures the library and puts the machine together; the next step is replay_start().
 *  Call on the I/O thread.
 *  @return false: reported on stderr. Release with machine_close() in any case. */
bool machine_open(machine_t *m, const options_t *options);

/** Ends the library's session. Call on the I/O thread, after the vCPU thread has ended.
 *  RECORD: completes the log. Without this it is the log of a recorder that died.
 *  PLAY: returns OK only if the guest has done everything that is in the log. */
replay_status_t machine_finish(machine_t *m);

/** Frees everything, after machine_finish().
 *  @return false: not all of the serial line's output was written (see serial_close()). */
bool machine_close(machine_t *m);

/** Puts RAM, registers and devices into the state at power on.
 *  @return false: reported on stderr. */
bool machine_reset(machine_t *m);

/** Switches the machine off, whatever the log says. On any thread. */
void machine_power_off(machine_t *m, replay_shutdown_cause_t cause);

/** The guest or the user wants to switch off: goes through the library, so that a replay ends
 *  at the same place. Replay lock held (mode NONE has none). */
void machine_request_shutdown(machine_t *m, replay_shutdown_cause_t cause);

/** Callbacks of the library, which holds the replay lock.
 *
 *  Saves everything that the guest can see, except RAM and the timer.
 *  @return false: a disk request is under way, or the stream has failed. */
bool machine_save_state(void *opaque, const replay_stream_t *out);

/** Loads what was saved. @return false: it is damaged, or from a different machine or version;
 *  then nothing has changed. */
bool machine_load_state(void *opaque, const replay_stream_t *in);

/** Where RAM must have been written if a watchpoint was hit. @return how many places; -1: anywhere.
 */
int32_t machine_watched_ram(void *opaque, replay_ram_place_t *places, uint32_t most);

/** RAM with its map of dirty pages, and the callbacks of the library for both. */
replay_ram_config_t machine_ram(machine_t *m);

/** Allocates memory for the digests of RAM, which is all zero. @return false: it ran out. */
bool machine_open_digests(machine_t *m);

/** Returns a digest of everything that the guest can see. Replay lock held. */
uint64_t machine_digest(machine_t *m);

/** Notes machine_t::account, and returns its digest. Replay lock held. */
uint64_t machine_take_account(machine_t *m);

/** Fills the table of the library's callbacks (hooks.c). */
void machine_hooks(replay_host_t *host);

/** Gives the library what has to be the same for a replay (fingerprint.c).
 *  @return false: reported on stderr. */
bool machine_fingerprint(machine_t *m);

/** The guest sends a byte to the serial line's other end. */
void machine_send(void *opaque, uint8_t byte);

/** Environment calls of the guest (sbi.c). */
void machine_environment_call(void *opaque, cpu_t *cpu);
void machine_timer_expired(void *opaque);

/** The vCPU thread (vcpu.c); @p opaque is the machine. */
gpointer machine_vcpu_thread(gpointer opaque);

#endif /* RV64_MACHINE_H */
