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
