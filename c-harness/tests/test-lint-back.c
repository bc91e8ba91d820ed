/* SPDX-License-Identifier: MIT */
/* rrlint=on: a host that goes back, and what it gets wrong: its state, and its icount at
 * breakpoints. */
#include "journey-host.h"

static journey_host_t m;

static bool no_more(replay_pause_reason_t why) {
    (void)why;
    return false;
}

/** Records with snapshots, or replays a recording, and goes back once on the way. */
static void go(replay_mode_t mode, bool (*load)(void *, const replay_stream_t *),
               const char *lint) {
    char options[64];
    snprintf(options, sizeof options, "%srrsnap=1", lint);
    m.load = mode == REPLAY_MODE_RECORD ? load : NULL;
    journey_record(&m, 3, mode == REPLAY_MODE_RECORD ? options : NULL);
    if (mode == REPLAY_MODE_RECORD) {
        free(m.digests);
        return;
    }
    m.load = load;
    journey_begin(&m, LOOP_OWN, options);
    m.on_pause = journey_at_pause;
    m.next = no_more;
    CHECK_STATUS(replay_seek(40000), OK);
    journey_run(&m);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

#define EACH_MODE for (replay_mode_t mode = REPLAY_MODE_PLAY; mode <= REPLAY_MODE_RECORD; mode++)

TEST(a_host_that_is_right_gets_no_warning) {
    EACH_MODE {
        go(mode, NULL, "rrlint=on,");
        CHECK(m.loads > 0);
        CHECK_STR(m.host.text, "");
    }
}

static bool read_cpu(const replay_stream_t *in) {
    return in->read(in->opaque, &m.cpu, sizeof m.cpu);
}

/** What it adds is taken away again, so that the run isn't changed. */
static bool load_more(void *opaque, const replay_stream_t *in) {
    (void)opaque;
    bool is_read = read_cpu(in);
    m.cpu.key++;
    return is_read;
}

static void take_key_back(journey_host_t *machine) {
    machine->cpu.key--;
}

static bool load_less(void *opaque, const replay_stream_t *in) {
    (void)opaque;
    return in->read(in->opaque, &m.cpu, sizeof m.cpu - 8);
}

static bool refuse(void *opaque, const replay_stream_t *in) {
    (void)opaque, (void)in;
    return false;
}

static void check_one_warning(replay_mode_t mode, const char *text) {
    CHECK_EQ(m.host.messages, 1);
    if (!CHECK_HAS(m.host.text, text))
        printf("    in mode %d\n", (int)mode);
    CHECK_HAS(m.host.text, "at icount ");
}

/* A replay may load only what it has checked. */
static void at_the_first_snapshot(replay_mode_t mode, bool (*load)(void *, const replay_stream_t *),
                                  const char *text) {
    m.load = NULL;
    journey_record(&m, 3, mode == REPLAY_MODE_RECORD ? "rrsnap=100000" : NULL);
    free(m.digests);
    m.load = load;
    if (mode == REPLAY_MODE_RECORD)
        journey_begin_recording(&m, LOOP_OWN, 3, "rrlint=on,rrsnap=100000");
    else
        (m.digests = calloc(JOURNEY_LAST + 1, sizeof *m.digests),
         journey_begin(&m, LOOP_OWN, "rrlint=on"));
    journey_turn(&m);
    check_one_warning(mode, text);
    m.load = NULL;
    (void)journey_end(&m);
    free(m.digests);
}

TEST(a_load_that_leaves_bytes_is_a_lint) {
    EACH_MODE {
        at_the_first_snapshot(mode, load_less, "load_state left 8 bytes of what save_state had");
    }
}

TEST(a_load_that_refuses_is_a_lint) {
    EACH_MODE {
        at_the_first_snapshot(mode, refuse, "load_state refused what save_state had just written");
    }
}

TEST(a_load_that_leads_to_other_bytes_is_a_lint) {
    m.on_start = NULL;
    EACH_MODE {
        at_the_first_snapshot(mode, load_more, "save_state wrote other bytes after load_state");
        take_key_back(&m);
    }
}

/** The timer's count stays what it was: right where the machine stands, and wrong elsewhere. */
static bool forget(void *opaque, const replay_stream_t *in) {
    (void)opaque;
    uint64_t fires = m.cpu.timer_fires;
    bool is_read = read_cpu(in);
    m.cpu.timer_fires = fires;
    m.ram_hash = journey_hash_ram(&m);
    uint8_t more;
    return is_read && !in->read(in->opaque, &more, 1);
}

static bool go_back(replay_pause_reason_t why) {
    (void)why;
    if (m.pauses == 2) {
        m.leaves = true;
        return false;
    }
    CHECK_STATUS(replay_seek(100), OK);
    return true;
}

/** What is derived from RAM stays, so the next digest differs. */
static bool load_other_state(void *opaque, const replay_stream_t *in) {
    (void)opaque;
    bool is_read = read_cpu(in);
    m.cpu.key++;
    m.ram_hash = journey_hash_ram(&m);
    uint8_t more;
    return is_read && !in->read(in->opaque, &more, 1);
}

static bool go_back_and_on(replay_pause_reason_t why) {
    (void)why;
    CHECK_STATUS(m.pauses == 1 ? replay_seek(100) : replay_resume(), OK);
    return true;
}

TEST(a_divergence_after_a_way_back_names_the_lint) {
    journey_record(&m, 3, "rrdigest=1000");
    m.load = load_other_state;
    journey_begin(&m, LOOP_OWN, NULL);
    m.on_pause = journey_at_pause;
    m.next = go_back_and_on;
    CHECK_STATUS(replay_seek(40000), OK);
    journey_run(&m);
    m.load = NULL;
    CHECK(m.differs);
    m.differs = false;
    CHECK(journey_end(&m) != REPLAY_OK);
    CHECK_HAS(host_last_error().message, "; no digest was compared since the snapshot at icount ");
    CHECK_HAS(
        host_last_error().message,
        " was loaded, which may be wrong; the replay has gone back: rrlint=on checks save_state");
    free(m.digests);
}

TEST(a_load_that_forgets_is_a_lint_on_the_way_back) {
    journey_record(&m, 3, NULL);
    m.load = forget;
    for (unsigned lints = 0; lints < 2; lints++) {
        journey_begin(&m, LOOP_OWN, lints ? "rrlint=on" : NULL);
        m.on_pause = journey_at_pause;
        m.next = go_back;
        m.leaves = false;
        CHECK_STATUS(replay_seek(40000), OK);
        journey_run(&m);
        CHECK_EQ(m.host.messages, lints);
        if (lints)
            CHECK_HAS(m.host.text, "isn't the one that it had there when the snapshot was taken");
        m.differs = false;
        (void)journey_end(&m);
    }
    free(m.digests);
}

TEST(a_map_that_misses_a_page_is_a_lint_on_the_way_back) {
    journey_record(&m, 3, NULL);
    m.load = NULL;
    m.misses_pages = true;
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        journey_begin(&m, loop, "rrlint=on");
        m.on_pause = journey_at_pause;
        m.next = go_back_and_on;
        CHECK_STATUS(replay_seek(40000), OK);
        journey_run(&m);
        CHECK_HAS(m.host.text, "or a written page wasn't marked");
        CHECK(m.differs);
        m.differs = false;
        (void)journey_end(&m);
    }
    m.misses_pages = false;
    free(m.digests);
}

/* ------------------------------------------------------------------- replay_breakpoint() */

static unsigned hits;

static void step_over(journey_host_t *machine, replay_pause_reason_t why) {
    (void)why;
    if (++hits == 3)
        journey_clear_breaks(machine);
    CHECK_STATUS(replay_resume(), OK);
}

static void stop_with(replay_mode_t mode, int miscounts, const char *options) {
    if (mode == REPLAY_MODE_PLAY) {
        m.miscounts = 0;
        m.on_pause = NULL;
        journey_record(&m, 7, NULL);
    }
    hits = 0;
    m.on_pause = step_over;
    m.miscounts = miscounts;
    for (unsigned i = 0; i < JOURNEY_BREAKS; i++)
        journey_set_break(&m, i, REPLAY_BREAK_SOFTWARE, 77 + 7 * i);
    if (mode == REPLAY_MODE_RECORD)
        journey_begin_recording(&m, LOOP_OWN, 7, options);
    else
        journey_begin(&m, LOOP_OWN, options);
    journey_run(&m);
    CHECK_EQ(hits, 3);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

TEST(a_wrong_icount_at_a_breakpoint_is_a_lint) {
    EACH_MODE {
        stop_with(mode, 0, "rrlint=on");
        CHECK_STR(m.host.text, "");
        for (int wrong = -1; wrong <= 1; wrong += 2) {
            stop_with(mode, wrong, NULL);
            CHECK_STR(m.host.text, "");
            stop_with(mode, wrong, "rrlint=on");
            CHECK_EQ(m.host.messages, 1);
            CHECK_HAS(m.host.text, "replay_breakpoint() was called at icount ");
            CHECK_HAS(m.host.text, "completed before the one with the breakpoint (caller: ");
        }
    }
}
