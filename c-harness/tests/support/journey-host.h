/* SPDX-License-Identifier: MIT */
/** @file journey-host.h
 *  A small machine that can go back: RAM with a map of dirty pages, a clock, keys with an
 *  interrupt, sleep until a timer, breakpoints and watchpoints. It knows, from running
 *  straight on, what its state is at each icount. */
#ifndef JOURNEY_HOST_H
#define JOURNEY_HOST_H

#include "host.h"

enum {
    JOURNEY_LAST = 60000, /**< the guest ends after so many instructions */
    JOURNEY_RAM = 64 * 512,
    JOURNEY_PAGE = 512,
    JOURNEY_PCS = 4096, /**< different addresses of instructions */
    JOURNEY_BREAKS = 4
};

/** The loops that a machine can have. */
typedef enum { LOOP_OWN, LOOP_RUN, LOOP_THREADS, LOOP_COUNT } journey_loop_t;

typedef struct journey_break {
    replay_break_kind_t kind;
    uint64_t address;
    bool set;
} journey_break_t;

struct journey_host;

/** A device besides the keyboard. Each callback may be NULL. */
typedef struct journey_device {
    void *state; /**< saved and loaded with the guest */
    size_t bytes;
    void (*open)(struct journey_host *m);    /**< the run is configured */
    void (*execute)(struct journey_host *m); /**< an instruction was executed */
    void (*loaded)(struct journey_host *m);  /**< the state was loaded */
} journey_device_t;

typedef struct journey_host {
    host_t host;
    journey_loop_t loop;

    /* The guest. */
    struct {
        uint64_t icount, state, timer_fires;
        uint64_t device; /**< a digest of the device */
        uint8_t pending, key, idle, ended;
    } cpu;
    uint8_t ram[JOURNEY_RAM];
    uint64_t ram_hash; /* derived */

    uint8_t dirty[JOURNEY_RAM / JOURNEY_PAGE];
    const journey_device_t *device; /**< or NULL */
    const char *path;               /**< the log; NULL: log_path() */
    replay_timer_t *timer;
    int32_t keyboard;
    journey_break_t breaks[JOURNEY_BREAKS];
    atomic_bool kicked;
    bool endless;       /**< NONE: the guest doesn't end */
    bool no_map;        /**< the library finds written pages itself */
    bool knows_watched; /**< with watched_ram */
    bool misses_pages;  /**< a store to the third page isn't in the map */
    bool no_state;      /**< without save_state */
    bool (*load)(void *opaque, const replay_stream_t *in); /**< NULL: the usual load_state */
    bool refuses;                                          /**< save_state returns false */
    bool leaves;                                           /**< its own loop ends */
    bool refuses_load;                                     /**< load_state returns false */
    bool has_more_state; /**< one more field, as in a different version of the host */
    uint64_t seed;       /**< RECORD: of the keys */
    unsigned saves, loads, loaded_pages;
    int miscounts;     /**< in replay_breakpoint() its icount is wrong by so much */
    bool has_key;      /**< RECORD: a key is pressed in each turn */
    bool is_slow;      /**< it needs a millisecond for a thousand instructions */
    uint64_t executed; /**< instructions, in all of the run */
    /** What replay_start() returns instead of OK; the case then ends the run itself. */
    replay_status_t refused;
    /** Called between the start and the first slice. */
    void (*on_start)(struct journey_host *m);

    /** Called within save_state. */
    void (*on_save)(struct journey_host *m);
    /** Called when the library asks what is watched (knows_watched). */
    void (*on_watched)(struct journey_host *m);
    /** Called between replay_configure() and replay_start(). */
    void (*prepare)(struct journey_host *m);
    /** The digest at each icount, as it was reached; 0: not yet. */
    uint64_t *digests;
    /** Called when the library has paused the machine. */
    void (*on_pause)(struct journey_host *m, replay_pause_reason_t why);
    /** With journey_at_pause(): what comes next; false: the machine may run to its end. */
    bool (*next)(replay_pause_reason_t why);
    unsigned pauses;
    replay_pause_reason_t why;
    bool differs; /**< a digest was different the second time */
} journey_host_t;

/** Records a run in log_path(), and fills its digests. */
void journey_record(journey_host_t *m, uint64_t seed, const char *options);

/** Configures and starts a recording, as journey_begin(). */
void journey_begin_recording(journey_host_t *m, journey_loop_t loop, uint64_t seed,
                             const char *options);

/** Configures and starts a replay; the digests stay. The calling thread holds the lock. */
void journey_begin(journey_host_t *m, journey_loop_t loop, const char *options);

/** The same for a different log. */
void journey_begin_log(journey_host_t *m, journey_loop_t loop, const char *path,
                       const char *options);

/** One turn of LOOP_OWN, and a slice. */
void journey_turn(journey_host_t *m);

/** Takes the guest to where @p saved has it, as a host with its own snapshots does. */
void journey_restore(journey_host_t *m, const journey_host_t *saved);

/** Runs until the library or the guest ends the machine. */
void journey_run(journey_host_t *m);

/** Gives the lock back and finishes. */
replay_status_t journey_end(journey_host_t *m);

uint64_t journey_digest(const journey_host_t *m);

/** For journey_host_t::on_pause: asks journey_host_t::next. */
void journey_at_pause(journey_host_t *m, replay_pause_reason_t why);

/** Checks that the machine is at a place, with the state that it had there at first. */
bool journey_is_here(const journey_host_t *m, uint64_t icount);
uint64_t journey_hash_ram(const journey_host_t *m);

/** Configures and starts in mode NONE, as journey_begin(). */
void journey_begin_unrecorded(journey_host_t *m, journey_loop_t loop);

/** A device has written to RAM. */
void journey_ram_written(journey_host_t *m, size_t address, size_t length);

/** Makes a new state of one and a number. */
uint64_t journey_mix(uint64_t state, uint64_t with);

/** The instruction that is executed next. */
uint64_t journey_pc(const journey_host_t *m);

/** The address to which it writes. */
size_t journey_store_address(const journey_host_t *m);

void journey_set_break(journey_host_t *m, unsigned number, replay_break_kind_t kind,
                       uint64_t address);
void journey_clear_breaks(journey_host_t *m);

#endif /* JOURNEY_HOST_H */
