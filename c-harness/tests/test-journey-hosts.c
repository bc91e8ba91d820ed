/* SPDX-License-Identifier: MIT */
/* Regions of RAM, and hosts whose state can't be saved or loaded. */
#include "journey-modes.h"

static journey_host_t m;

/* ------------------------------------------------------------------------- RAM */

static uint8_t memory[4096];

static replay_ram_config_t region(const char *name) {
    replay_ram_config_t config = REPLAY_RAM_CONFIG_INIT;
    config.name = name;
    config.bytes = memory;
    config.length = sizeof memory;
    return config;
}

static void bad_regions(journey_host_t *machine) {
    (void)machine;
    CHECK_STATUS(replay_register_ram(NULL), ERROR_INVALID_ARGUMENT);
    replay_ram_config_t config = region("a");
    config.size = 0;
    CHECK_STATUS(replay_register_ram(&config), ERROR_STRUCT_SIZE);
    config.size = (uint32_t)sizeof config - 1;
    CHECK_STATUS(replay_register_ram(&config), ERROR_STRUCT_SIZE);
    config = region(NULL);
    CHECK_STATUS(replay_register_ram(&config), ERROR_INVALID_ARGUMENT);
    config = region("a");
    config.bytes = NULL;
    CHECK_STATUS(replay_register_ram(&config), ERROR_INVALID_ARGUMENT);
    static const uint32_t pages[] = {1, 32, 63, 96, 4095, 131072, UINT32_MAX};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        config = region("a");
        config.page_bytes = pages[i];
        CHECK_STATUS(replay_register_ram(&config), ERROR_INVALID_ARGUMENT);
        CHECK_HAS(host_last_error().message, "can't be registered: its page size is");
    }
    static const uint64_t lengths[] = {0, UINT64_MAX, UINT64_C(1) << 63};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        config = region("a");
        config.length = lengths[i];
        CHECK_STATUS(replay_register_ram(&config), ERROR_INVALID_ARGUMENT);
        CHECK_HAS(host_last_error().message, "can't be registered: its length is");
    }
    config = region("ram"); /* the journey's host has it */
    CHECK_STATUS(replay_register_ram(&config), ERROR_INVALID_ARGUMENT);
    CHECK_HAS(host_last_error().message, "the RAM ram can't be registered: a region has that name");

    char name[] = "region 000";
    for (unsigned i = 1; i <= 256; i++) {
        snprintf(name, sizeof name, "region %u", i);
        config = region(name);
        config.length = sizeof memory / 2 + i; /* the last page is shorter */
        if (i < 256)
            CHECK_STATUS(replay_register_ram(&config), OK);
        else
            CHECK_STATUS(replay_register_ram(&config), ERROR_INVALID_ARGUMENT);
    }
    CHECK_HAS(host_last_error().message, "there are 256 regions already");
}

TEST(bad_regions_of_RAM_are_refused) {
    replay_ram_config_t config = region("a");
    CHECK_STATUS(replay_register_ram(&config), ERROR_WRONG_STATE);
    m.prepare = bad_regions;
    JOURNEY_EACH_MODE_AND_LOOP {
        journey_begin_in(&m, mode, loop);
        CHECK_STATUS(replay_register_ram(&config), ERROR_WRONG_STATE);
        journey_run(&m);
        journey_end_in(&m, mode, loop);
    }
    CHECK_STATUS(replay_register_ram(&config), ERROR_WRONG_STATE);
}

/* --------------------------------------------------- hosts that can't, or can't yet */

static replay_status_t back_status;

static void try_to_go_back(journey_host_t *machine, replay_pause_reason_t why) {
    if (why == REPLAY_PAUSE_PLACE && machine->cpu.icount == 30000) {
        back_status = replay_seek(12345);
        if (back_status != REPLAY_OK)
            CHECK_STATUS(replay_resume(), OK);
        return;
    }
    if (back_status == REPLAY_OK && why == REPLAY_PAUSE_PLACE)
        CHECK_EQ(machine->cpu.icount, 12345);
    CHECK_STATUS(replay_resume(), OK);
}

static void go_forward(journey_host_t *machine) {
    (void)machine;
    CHECK_STATUS(replay_seek(30000), OK);
}

static void begin_at_30000(void) {
    journey_record(&m, 3, NULL);
    m.on_start = go_forward;
    m.on_pause = try_to_go_back;
    journey_begin(&m, LOOP_OWN, NULL);
}

TEST(a_host_without_state_goes_only_forward) {
    m.no_state = true;
    begin_at_30000();
    journey_run(&m);
    CHECK_STATUS_IS(back_status, REPLAY_ERROR_NOT_SUPPORTED);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

TEST(a_host_whose_state_is_never_saved_goes_only_forward) {
    m.refuses = true;
    begin_at_30000();
    journey_run(&m);
    CHECK_STATUS_IS(back_status, REPLAY_ERROR_NOT_SUPPORTED);
    CHECK(m.saves > 0 && m.saves < 40); /* it isn't asked all the time */
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

static void save_from_now_on(journey_host_t *machine) {
    machine->refuses = false;
    m.on_pause = try_to_go_back;
    CHECK_STATUS(replay_seek(30000), OK);
}

static void at_2000(journey_host_t *machine, replay_pause_reason_t why) {
    CHECK_EQ(why, REPLAY_PAUSE_PLACE);
    CHECK_EQ(machine->cpu.icount, 2000);
    save_from_now_on(machine);
}

static void go_to_2000(journey_host_t *machine) {
    (void)machine;
    CHECK_STATUS(replay_seek(2000), OK);
}

TEST(a_host_whose_state_is_saved_later_goes_back_from_then_on) {
    m.refuses = true;
    journey_record(&m, 3, NULL);
    m.on_start = go_to_2000;
    m.on_pause = at_2000;
    journey_begin(&m, LOOP_OWN, NULL);
    journey_run(&m);
    CHECK_STATUS(back_status, OK);
    CHECK(m.loads > 0);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

TEST(a_host_that_refuses_its_own_state_ends_the_replay) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        m.refuses_load = true;
        m.on_start = NULL;
        journey_record(&m, 3, NULL);
        m.on_start = go_forward;
        m.on_pause = try_to_go_back;
        journey_begin(&m, loop, NULL);
        journey_run(&m);
        CHECK_STATUS(back_status, OK);
        CHECK_EQ(m.loads, 1);
        CHECK(host_stopped(&m.host));
        CHECK_STATUS(host_stop_status(&m.host), ERROR_POSITION);
        CHECK(!replay_is_paused());
        CHECK_STATUS(replay_seek(1), ERROR_POSITION);
        CHECK_STATUS(journey_end(&m), ERROR_POSITION);
        free(m.digests);
    }
}

/* ------------------------------------------------------------ states of any size */

static uint8_t big_state[4 << 20];

static void open_nothing(journey_host_t *machine) {
    (void)machine;
}

static unsigned asked_twice;

static void ask_twice(journey_host_t *machine, replay_pause_reason_t why) {
    if (asked_twice++ == 0) {
        CHECK_EQ(machine->cpu.icount, 30000);
        CHECK_STATUS(replay_seek(12345), OK); /* nobody knows yet */
        return;
    }
    CHECK_EQ(why, REPLAY_PAUSE_BEGIN);
    CHECK_EQ(machine->cpu.icount, 30000);
    CHECK_HAS(machine->host.text, "can't go back: memory for snapshots ran out: rrsnapmem=1000000");
    back_status = replay_seek(12345);
    CHECK_HAS(host_last_error().message, "memory for snapshots ran out: rrsnapmem=1000000");
    CHECK_STATUS(replay_resume(), OK);
}

TEST(a_host_whose_state_is_too_big_goes_only_forward) {
    static const journey_device_t device = {big_state, sizeof big_state, open_nothing, NULL, NULL};
    journey_record(&m, 3, NULL);
    m.device = &device;
    m.on_start = go_forward;
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        m.on_pause = ask_twice;
        asked_twice = 0;
        journey_begin(&m, loop, "rrsnapmem=1000000");
        journey_run(&m);
        CHECK_STATUS_IS(back_status, REPLAY_ERROR_NOT_SUPPORTED);
        CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
        CHECK_STATUS(journey_end(&m), OK);
    }
    /* With more memory it goes back. */
    back_status = REPLAY_ERROR_STALLED;
    m.on_pause = try_to_go_back;
    journey_begin(&m, LOOP_OWN, "rrsnapmem=100000000");
    journey_run(&m);
    CHECK_STATUS(back_status, OK);
    CHECK(m.loads > 0);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}

/* ------------------------------------- what save_state and load_state must not do */

static unsigned tries;

static void ignore_open(journey_host_t *machine) {
    (void)machine;
}

static void change_the_run(journey_host_t *machine) {
    int64_t expires = replay_timer_expire_time(machine->timer);
    CHECK_STATUS(replay_timer_mod(machine->timer, 1), ERROR_REENTERED);
    CHECK_STATUS(replay_timer_del(machine->timer), ERROR_REENTERED);
    CHECK_STATUS(replay_timer_free(machine->timer), ERROR_REENTERED);
    CHECK(replay_timer_new(ignore, NULL) == NULL);
    CHECK_EQ(replay_timer_expire_time(machine->timer), expires);
    CHECK_STATUS(replay_digest(1), ERROR_REENTERED);
    CHECK(!replay_checkpoint(REPLAY_CHECKPOINT_RESET_REQUESTED));
    CHECK(!replay_interrupt());
    tries++;
}

static bool back_and_on(replay_pause_reason_t why) {
    (void)why;
    CHECK_STATUS(m.pauses == 1 ? replay_seek(7000) : replay_resume(), OK);
    return true;
}

static void check_refused(const char *callback) {
    static const char *const calls[] = {"replay_timer_mod",  "replay_timer_del",
                                        "replay_timer_free", "replay_timer_new",
                                        "replay_checkpoint", "replay_interrupt"};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s was called from within replay_host::%s, which ", calls[i],
                 callback);
        CHECK_HAS(m.host.text, text);
    }
}

/** The run goes on as if the calls weren't there. */
static void replay_with(journey_loop_t loop, const char *options, const char *callback) {
    tries = 0;
    journey_begin(&m, loop, options);
    m.on_pause = journey_at_pause;
    m.next = back_and_on;
    CHECK_STATUS(replay_seek(40000), OK);
    journey_run(&m);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK(tries > 0);
    check_refused(callback);
    CHECK_STATUS(journey_end(&m), OK);
    m.on_pause = NULL;
}

TEST(a_state_that_is_saved_or_loaded_sets_no_timers) {
    static const journey_device_t device = {
        .state = &tries, .bytes = 0, .open = ignore_open, .loaded = change_the_run};
    m.on_save = change_the_run;
    journey_record(&m, 31, "rrsnap=1");
    check_refused("save_state");
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        m.on_save = change_the_run;
        replay_with(loop, NULL, "save_state");
        m.on_save = NULL;
        m.device = &device;
        replay_with(loop, NULL, "load_state");
        replay_with(loop, "rrlint=on", "load_state");
        m.device = NULL;
    }
    free(m.digests);
}

/** All that the machine has is in the RAM that it registers. */
static struct {
    uint64_t icount;
    uint64_t sum;
} in_ram;

static uint64_t count_in_ram(void *opaque) {
    (void)opaque;
    return in_ram.icount;
}

static void execute_in_ram(void *opaque, uint64_t n) {
    (void)opaque;
    for (; n > 0; n--)
        in_ram.sum = journey_mix(in_ram.sum, ++in_ram.icount);
    if (in_ram.icount >= 50000)
        replay_run_stop();
}

static bool save_nothing(void *opaque, const replay_stream_t *out) {
    (void)opaque;
    return out->write(out->opaque, NULL, 0);
}

static bool load_nothing(void *opaque, const replay_stream_t *in) {
    (void)opaque;
    return in->read(in->opaque, NULL, 0);
}

static uint64_t sum_at_20000;

static void back_in_ram(void *opaque, replay_pause_reason_t why) {
    (void)opaque;
    CHECK_EQ(why, REPLAY_PAUSE_PLACE);
    if (in_ram.icount == 20000 && sum_at_20000 == 0) {
        sum_at_20000 = in_ram.sum;
        CHECK_STATUS(replay_seek(40000), OK);
    } else if (in_ram.icount == 40000) {
        CHECK_STATUS(replay_seek(20000), OK);
    } else {
        CHECK_EQ(in_ram.icount, 20000);
        CHECK_EQ(in_ram.sum, sum_at_20000);
        back_status = REPLAY_OK;
        replay_run_stop();
    }
}

TEST(a_host_whose_state_is_in_ram_writes_no_bytes) {
    static host_t host;
    for (replay_mode_t mode = REPLAY_MODE_RECORD; mode <= REPLAY_MODE_PLAY; mode++) {
        memset(&in_ram, 0, sizeof in_ram);
        back_status = REPLAY_ERROR_STALLED;
        host_init(&host);
        host.callbacks.icount = count_in_ram;
        host.callbacks.execute = execute_in_ram;
        host.callbacks.save_state = save_nothing;
        host.callbacks.load_state = load_nothing;
        host.callbacks.paused = back_in_ram;
        REQUIRE_STATUS(host_configure(&host, mode, log_path(), "rrlint=on"), OK);
        replay_ram_config_t config = region("all");
        config.bytes = &in_ram;
        config.length = sizeof in_ram;
        config.page_bytes = 64;
        REQUIRE_STATUS(replay_register_ram(&config), OK);
        host_start(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
        if (mode == REPLAY_MODE_PLAY)
            CHECK_STATUS(replay_seek(20000), OK);
        CHECK_STATUS(replay_run(), OK);
        (void)host_end(&host);
    }
    CHECK_STATUS(back_status, OK);
}
