/* SPDX-License-Identifier: MIT */
/** @file bench.h
 *  The parts of replay-bench-hotpath: the events, the host that records and
 *  replays them, the conventional log that it is compared with. */
#ifndef BENCH_H
#define BENCH_H

#include <replay/replay.h>

#include <stdio.h>

/* ------------------------------------------------------------------ events */

/** One reading of the host clock: the instructions and the ns since the last one. */
typedef struct bench_step {
    uint32_t instructions;
    uint32_t ns;
} bench_step_t;

enum { BENCH_STEPS = 8192 };

/** The events of every part, again and again. Nothing about them is regular,
 *  so that no branch of an encoder is predicted better than in a real host. */
extern bench_step_t bench_steps[BENCH_STEPS];

/** The machine: what it has executed, and its clock. */
typedef struct bench_machine {
    uint64_t icount;
    int64_t clock;
    size_t step;
} bench_machine_t;

void bench_make_steps(void);

/** Goes on to the machine's next reading. */
static inline void bench_advance(bench_machine_t *machine) {
    const bench_step_t *step = &bench_steps[machine->step++ % BENCH_STEPS];
    machine->icount += step->instructions;
    machine->clock += step->ns;
}

/** Ends the program with the sentence unless @p ok. */
void bench_require(bool ok, const char *sentence);

/* ------------------------------------------------------------------- files */

/** Makes the folder for the logs, removed at exit: in @p parent, or else in
 *  $TMPDIR, or else in /var/tmp, which is on a disk. */
void bench_make_folder(const char *parent);

/** It, and in it the recording and the conventional log. */
extern char bench_folder[512];
extern const char *const bench_log, *const bench_stdio;

/* --------------------------------------------------------- the replay host */

/** Begins a session in a mode, on bench_log; the calling thread becomes the
 *  vCPU thread and holds the lock. Failures end the program. */
void bench_begin(replay_mode_t mode, bench_machine_t *machine);
void bench_end(void);

/* Each runs @p count events, and is a function of its own so that callgrind can
 * count in it alone. */
void bench_record(bench_machine_t *machine, unsigned count);
void bench_play(bench_machine_t *machine, unsigned count);
/* The same by a host that doesn't pass its icount, and is asked for it. */
void bench_asked_record(bench_machine_t *machine, unsigned count);
void bench_asked_play(bench_machine_t *machine, unsigned count);
void bench_checkpoint(bench_machine_t *machine, unsigned count);
void bench_lock(bench_machine_t *machine, unsigned count);
void bench_slice(bench_machine_t *machine, unsigned count);
void bench_refused_checkpoint(bench_machine_t *machine, unsigned count);
void bench_refused_interrupt(bench_machine_t *machine, unsigned count);

/** What the last replayed readings add up to, and the recorded ones. */
extern uint64_t bench_sum_recorded, bench_sum_played;

/* ---------------------------------------------------- the conventional log */

/** The conventional way: a kind byte and four bytes of instructions, a kind
 *  byte and eight bytes of clock, one putc() a byte, most significant first. */
void bench_stdio_write(FILE *file, bench_machine_t *machine, unsigned count);
void bench_stdio_read(FILE *file, bench_machine_t *machine, unsigned count);

/** The same numbers by a loop of C that only encodes them, into memory. */
void bench_compact(bench_machine_t *machine, unsigned count);

/* --------------------------------------------------------------- the guard */

/** A reading as a host compiles it; guard.c has nothing else, for whoever wants
 *  to look at its instructions. */
int64_t bench_guard(int64_t value);

/** Loops of @p count: with a guard in each turn, and without. */
int64_t bench_guarded_loop(unsigned count);
int64_t bench_empty_loop(unsigned count);

/* ------------------------------------------------------------ instructions */

/** Prints the instructions that an event costs in bench_record() and the others, call and
 *  callback included: this program counts itself by callgrind. False: there is no
 *  valgrind, or it failed, which it has reported on stderr. */
bool bench_print_instructions(void);

/** The counted run itself: --count-only PART EVENTS. False: there is no such part. */
bool bench_count_only(const char *what, unsigned events);

#endif /* BENCH_H */
