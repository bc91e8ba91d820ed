/* SPDX-License-Identifier: MIT */
/** @file scripted-host.h
 *  A machine whose course is a script: run once in RECORD with what the script
 *  says, and once in PLAY with other values, where the recorded ones must come
 *  back. What the guest sees goes to a trace; two traces that are equal are two
 *  runs that were the same. */
#ifndef SCRIPTED_HOST_H
#define SCRIPTED_HOST_H

#include "host.h"

typedef enum {
    OP_EXECUTE,    /**< a: instructions */
    OP_CLOCK,      /**< a: ns, b: kind */
    OP_CHECKPOINT, /**< a: id; in PLAY asked until it is true */
    OP_TRY,        /**< a: id; asked once */
    OP_INTERRUPT,  /**< in PLAY asked until it is true */
    OP_EXCEPTION,  /**< so, too */
    OP_RANDOM,     /**< a: seed, b: length */
    OP_CHAR_POST,  /**< text: input of the character device */
    OP_INPUT,      /**< a: code */
    OP_INPUT_SYNC,
    OP_PACKET,          /**< text, b: flags */
    OP_BH,              /**< a: what it is for */
    OP_BH_ONESHOT,      /**< so, too */
    OP_BLOCK_EVENT,     /**< a: what it is for; draws an id and queues its completion */
    OP_READ,            /**< a: offset, b: length: read of the disk */
    OP_WRITE,           /**< a: offset, text */
    OP_FLUSH,           /**< replay_async_events() */
    OP_DRAIN,           /**< flush until no disk request is under way */
    OP_TURN,            /**< replay_account_warp_timer() */
    OP_IO_TURN,         /**< replay_start_warp_timer() */
    OP_DIGEST,          /**< a */
    OP_CHAR_WRITE,      /**< a: result, b: offset */
    OP_CHAR_READ,       /**< text */
    OP_CHAR_READ_ERROR, /**< a */
    OP_AUDIO_OUT,       /**< a: samples */
    OP_AUDIO_IN,        /**< a: first sample, b: count */
    OP_SHUTDOWN,        /**< a: cause */
    OP_COUNT
} op_t;

typedef struct {
    op_t op;
    int64_t a;
    int64_t b;
    const char *text;
    bool io; /**< done by the I/O thread */
} step_t;

#define STEPS(array) (array), sizeof(array) / sizeof *(array)

/** What the guest saw. */
typedef struct {
    uint64_t icount;
    op_t op;
    int64_t value;
} seen_t;

enum { SCRIPT_DISK_BYTES = 1 << 16 };

typedef struct script_run {
    host_t host;

    /* What to do; set after script_init(). */
    replay_mode_t mode;
    const char *path;
    const char *options;
    const step_t *steps;
    size_t count;
    bool own_session;     /**< not the default one */
    bool two_threads;     /**< steps with io run on a second thread */
    bool with_disk;       /**< opens the disk */
    bool with_digest;     /**< the host has a digest of its state: the trace */
    bool leave_early;     /**< PLAY: ends with the script, not with the log */
    bool given_values;    /**< PLAY: gives the values of the script, not others */
    const char *machine;  /**< value of the fingerprint "machine", or NULL */
    const uint8_t *disk;  /**< the disk's content; NULL: a pattern */
    int64_t failing_from; /**< reads from this offset on fail with -EIO; 0: none do */
    void (*each)(struct script_run *run, size_t index); /**< after each step, or NULL */
    void *user;

    /* What came of it. */
    replay_status_t configured;
    replay_status_t started;
    replay_status_t finished;
    replay_error_t error; /**< after the run, before replay_finish() */
    replay_info_t info;   /**< so, too */
    size_t done;          /**< steps */
    int64_t ns;           /**< real time of the run */
    seen_t *seen;
    size_t seen_count;
    uint64_t step_icount; /**< where the step under way began */
    uint8_t bytes[512];   /**< what the last step gave */
    int32_t result;       /**< so, too */

    /* Its own. */
    size_t seen_room;
    bool quiet; /**< what the guest sees is not noted any more */
    atomic_int under_way;
    unsigned shutdowns_asked;
    unsigned shutdowns_seen;
    int32_t device;
    replay_net_t *net;
    replay_block_t *block;
    struct io_thread *io;
} script_run_t;

void script_init(script_run_t *run, replay_mode_t mode, const char *path, const step_t *steps,
                 size_t count);

/** Configures, starts, runs the script, finishes. */
void script_run(script_run_t *run);

/** Frees the trace. */
void script_free(script_run_t *run);

/** The first failure of the run: of configuring, starting, running, finishing. */
replay_status_t script_status(const script_run_t *run);

/** Its sentence. */
const char *script_message(const script_run_t *run);

/** Did two runs see the same? Says the first difference through test_fail(). */
bool script_check_same(test_place_t place, const script_run_t *got, const script_run_t *want);
/** As above, silent. */
bool script_is_same(const script_run_t *got, const script_run_t *want);
/** Is what @p got saw the beginning of what @p want saw? */
bool script_is_prefix(const script_run_t *got, const script_run_t *want);

/** Records the script; the case ends if that fails. */
void script_record(script_run_t *run, const char *path, const step_t *steps, size_t count);

/** Records and plays, with and without a second thread as the script needs it:
 *  both must succeed and see the same. @p options may be NULL. */
void script_check_round_trip(test_place_t place, const char *options, const step_t *steps,
                             size_t count);

const char *op_name(op_t op);

/** The keyword in an error's "expected" for this step, in lower case. */
const char *op_keyword(const step_t *step);

#endif /* SCRIPTED_HOST_H */
