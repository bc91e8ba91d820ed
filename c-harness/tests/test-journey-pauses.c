/* SPDX-License-Identifier: MIT */
/* What else happens in a pause and on a journey: positions, branches, a resume where a breakpoint
 * is, callbacks about RAM, states that are not loaded as they were saved. */
#include "journey-host.h"
#include "positions.h"

static journey_host_t m;

/* ------------------------------------------------- positions and branches in a pause */

static memory_t position;
static journey_host_t saved;
static bool has_arrived;

static bool note_arrival(replay_pause_reason_t why) {
    (void)why;
    has_arrived = true;
    CHECK_STATUS(replay_run(), ERROR_REENTERED);
    return true;
}

/** Begins a replay whose pauses note that it has arrived. */
static void begin(void) {
    journey_begin(&m, LOOP_OWN, NULL);
    m.on_pause = journey_at_pause;
    m.next = note_arrival;
}

static void end(void) {
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

/** Goes to a place, and stays there. */
static void arrive(uint64_t icount) {
    has_arrived = false;
    CHECK_STATUS(replay_seek(icount), OK);
    int64_t limit = test_now_ns() + 10000000000;
    while (!has_arrived && test_now_ns() < limit)
        journey_turn(&m);
    CHECK(has_arrived);
    journey_is_here(&m, icount);
}

TEST(a_position_can_be_saved_and_loaded_in_a_pause) {
    journey_record(&m, 11, NULL);
    begin();
    arrive(30000);
    REQUIRE(replay_can_snapshot());
    CHECK_STATUS(save(&position), OK);
    saved = m;
    arrive(10000);
    CHECK_STATUS(load(&position), OK);
    journey_restore(&m, &saved);
    CHECK(replay_is_paused());
    CHECK_EQ(replay_get_budget(100), 0);
    journey_is_here(&m, 30000);
    CHECK_STATUS(replay_reverse_step(), OK);
    has_arrived = false;
    while (!has_arrived)
        journey_turn(&m);
    journey_is_here(&m, 29999);
    m.on_pause = NULL;
    CHECK_STATUS(replay_resume(), OK);
    journey_run(&m);
    end();
}

TEST(a_branch_begins_in_a_pause) {
    journey_record(&m, 12, NULL);
    begin();
    arrive(40000);
    arrive(20000);
    CHECK_STATUS(replay_branch(test_path("branch")), OK);
    CHECK_EQ(REPLAY_MODE(), REPLAY_MODE_RECORD);
    CHECK(replay_is_paused());
    CHECK_STATUS(replay_seek(1), ERROR_WRONG_MODE);
    m.on_pause = NULL;
    memset(m.digests + 20001, 0, (JOURNEY_LAST - 20000) * sizeof *m.digests); /* other keys come */
    CHECK_STATUS(replay_resume(), OK);
    m.seed = 4711;
    journey_run(&m);
    CHECK_STATUS(journey_end(&m), OK);

    journey_begin_log(&m, LOOP_OWN, test_path("branch"), NULL);
    m.on_pause = journey_at_pause;
    m.next = note_arrival;
    arrive(50000);
    arrive(10000);
    arrive(30000);
    m.on_pause = NULL;
    CHECK_STATUS(replay_resume(), OK);
    journey_run(&m);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

/* ------------------------------------------------------ what a journey ends with */

/** A journey of a thousand and more slices has begun. */
static void set_out(replay_status_t (*start)(void)) {
    arrive(40000);
    CHECK_STATUS(start(), OK);
    for (int i = 0; i < 3; i++)
        journey_turn(&m);
    CHECK(!replay_is_paused());
    CHECK(m.cpu.icount < JOURNEY_LAST);
}

static replay_status_t go_on(void) {
    return replay_seek(JOURNEY_LAST - 1);
}

static void branch_on_the_way(replay_status_t (*start)(void)) {
    journey_record(&m, 13, NULL);
    begin();
    set_out(start);
    CHECK_STATUS(replay_branch(test_path("branch")), OK);
    CHECK(!replay_running_debug());
    has_arrived = false;
    memset(m.digests + m.cpu.icount + 1, 0, (JOURNEY_LAST - m.cpu.icount) * sizeof *m.digests);
    journey_run(&m);
    CHECK(!has_arrived);
    end();
}

TEST(a_branch_ends_a_journey) {
    branch_on_the_way(go_on);
    branch_on_the_way(replay_reverse_continue);
}

static void load_on_the_way(replay_status_t (*start)(void)) {
    journey_record(&m, 14, NULL);
    begin();
    arrive(50000);
    CHECK_STATUS(save(&position), OK);
    saved = m;
    set_out(start);
    has_arrived = false;
    CHECK_STATUS(load(&position), OK);
    journey_restore(&m, &saved);
    CHECK(!replay_running_debug());
    journey_run(&m);
    CHECK(!has_arrived);
    end();
}

TEST(loading_a_position_ends_a_journey) {
    load_on_the_way(go_on);
    load_on_the_way(replay_reverse_continue);
}

TEST(a_journey_that_is_replaced_goes_back_no_more) {
    journey_record(&m, 15, NULL);
    begin();
    arrive(20000);
    CHECK_STATUS(replay_reverse_step(), OK);
    CHECK(replay_running_debug());
    CHECK_STATUS(replay_pause(), OK);
    journey_turn(&m);
    CHECK(!replay_running_debug());
    set_out(replay_reverse_continue);
    CHECK(replay_running_debug());
    CHECK_STATUS(replay_seek(JOURNEY_LAST - 1), OK);
    journey_turn(&m);
    CHECK(!replay_running_debug());
    (void)journey_end(&m);
    free(m.digests);
}

/* ------------------------------------------------------- at the place of the start */

enum { MOST_INTERRUPTS = 100 };
static struct { uint64_t icount, pc; } interrupts[MOST_INTERRUPTS];
static unsigned interrupt_count;

/** A turn that notes the first instruction after an interrupt. */
static void noting_turn(void) {
    const replay_host_t *host = &m.host.callbacks;
    bool was_pending = m.cpu.pending;
    replay_turn();
    was_pending |= m.cpu.pending;
    host->interrupt(&m);
    if (was_pending && !m.cpu.pending && interrupt_count < MOST_INTERRUPTS) {
        interrupts[interrupt_count].icount = m.cpu.icount;
        interrupts[interrupt_count++].pc = journey_pc(&m);
    }
    uint64_t n = replay_get_budget(m.cpu.idle ? 0 : 700);
    if (n == 0)
        replay_wait(100000000);
    host->execute(&m, n);
    replay_account_executed_instructions();
}

TEST(a_breakpoint_after_an_interrupt_counts_where_the_machine_was_resumed) {
    journey_record(&m, 5, NULL);
    journey_begin(&m, LOOP_OWN, NULL);
    while (!host_stopped(&m.host))
        noting_turn();
    CHECK_STATUS(journey_end(&m), OK);
    CHECK(interrupt_count > 0);
    begin();
    for (unsigned i = 0; i < interrupt_count; i++) {
        arrive(interrupts[i].icount);
        journey_set_break(&m, 0, REPLAY_BREAK_SOFTWARE, interrupts[i].pc);
        has_arrived = false;
        CHECK_STATUS(replay_resume(), OK);
        while (!has_arrived && !host_stopped(&m.host))
            journey_turn(&m);
        CHECK_EQ(m.why, REPLAY_PAUSE_BREAKPOINT);
        CHECK_EQ(m.cpu.icount, interrupts[i].icount);
        /* The machine stands at it now, so it doesn't count again. */
        has_arrived = false;
        CHECK_STATUS(replay_resume(), OK);
        journey_turn(&m);
        journey_turn(&m);
        CHECK(m.cpu.icount > interrupts[i].icount);
        journey_clear_breaks(&m);
    }
    (void)journey_end(&m);
    free(m.digests);
}

/* -------------------------------------------------- callbacks about a region of RAM */

static uint8_t more_ram[JOURNEY_PAGE];
static unsigned refusals;

static void finish_when_cleaned(void *opaque) {
    (void)opaque;
    refusals += CHECK_STATUS(replay_finish(), ERROR_REENTERED);
}

static void finish_when_loaded(void *opaque, uint64_t offset, uint64_t length) {
    (void)offset, (void)length;
    finish_when_cleaned(opaque);
}

static void register_more_ram(journey_host_t *machine) {
    (void)machine;
    replay_ram_config_t ram = REPLAY_RAM_CONFIG_INIT;
    ram.name = "more";
    ram.bytes = more_ram;
    ram.length = sizeof more_ram;
    ram.cleaned = finish_when_cleaned;
    ram.loaded = finish_when_loaded;
    REQUIRE_STATUS(replay_register_ram(&ram), OK);
}

TEST(callbacks_of_a_region_do_not_end_the_session) {
    journey_record(&m, 16, NULL);
    m.prepare = register_more_ram;
    begin();
    arrive(30000);
    unsigned before = refusals;
    CHECK(before > 0);
    more_ram[7] = 1;
    arrive(100);
    CHECK_EQ(more_ram[7], 0);
    CHECK(refusals > before + 1);
    (void)journey_end(&m);
    free(m.digests);
}

/* ----------------------------------------------------------- a load that forgets */

static bool load_less(void *opaque, const replay_stream_t *in) {
    journey_host_t *machine = opaque;
    return in->read(in->opaque, &machine->cpu, sizeof machine->cpu - 8);
}

TEST(a_load_that_leaves_bytes_fails_the_replay) {
    journey_record(&m, 13, NULL);
    m.load = load_less;
    begin();
    arrive(20000);
    CHECK_STATUS(replay_seek(10000), OK);
    int64_t limit = test_now_ns() + 5000000000;
    while (!host_stopped(&m.host) && test_now_ns() < limit)
        journey_turn(&m);
    CHECK_EQ(m.host.stops, 1);
    CHECK_HAS(host_last_error().message, "left 8 bytes");
    CHECK_STATUS(journey_end(&m), ERROR_POSITION);
    m.load = NULL;
    free(m.digests);
}

/* -------------------------------------------------------------- to an event */

TEST(a_seek_to_an_event_ends_at_its_icount) {
    journey_record(&m, 14, NULL);
    journey_begin(&m, LOOP_OWN, NULL);
    uint64_t events = host_info().total_events;
    REQUIRE(events > 20);
    m.on_pause = journey_at_pause;
    m.next = note_arrival;
    CHECK_STATUS(replay_seek_event(events), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_seek_event(UINT64_MAX), ERROR_INVALID_ARGUMENT);
    uint64_t before = 0;
    /* Forward, then back from the last one to the first. */
    for (uint64_t n = 0; n < 20; n++) {
        uint64_t event = n < 19 ? (n + 1) * (events - 1) / 19 : 0;
        has_arrived = false;
        REQUIRE_STATUS(replay_seek_event(event), OK);
        int64_t limit = test_now_ns() + 10000000000;
        while (!has_arrived && test_now_ns() < limit)
            journey_turn(&m);
        REQUIRE(has_arrived);
        journey_is_here(&m, m.cpu.icount);
        /* It wasn't taken, unless the last instruction has read a clock; nor was any later one. */
        CHECK(host_info().events <= event + 1);
        CHECK(n == 19 ? m.cpu.icount < before : m.cpu.icount >= before);
        before = m.cpu.icount;
    }
    m.on_pause = NULL;
    CHECK_STATUS(replay_resume(), OK);
    journey_run(&m);
    end();
}
