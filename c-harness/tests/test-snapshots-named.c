/* SPDX-License-Identifier: MIT */
/* Snapshots that are made and loaded by name (rrsnapshot), and what is reported without memory for
 * snapshots. */
#include "journey-disk.h"
#include "snap-way.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static journey_host_t m;

/* --------------------------------------------------------------- named snapshots */

static replay_status_t named;
static void init_named(journey_host_t *machine) {
    (void)machine;
    named = replay_vmstate_init();
}
static void write_and_init(journey_host_t *machine) {
    machine->ram[100] ^= 1;
    named = replay_vmstate_init();
    machine->ram[100] ^= 1;
}

static replay_status_t play_named(void (*on_start)(journey_host_t *), const char *options) {
    m.on_start = on_start;
    journey_begin(&m, LOOP_OWN, options);
    m.on_start = NULL;
    m.on_pause = NULL;
    journey_run(&m);
    CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
    CHECK_STATUS(journey_end(&m), OK);
    return named;
}

TEST(a_named_snapshot_is_made_and_loaded) {
    m.on_start = init_named;
    journey_record(&m, 12, "rrsnapshot=boot");
    CHECK_STATUS_IS(named, REPLAY_OK);
    CHECK_EQ(m.saves, 1);
    CHECK(snap_size() > 100);
    CHECK_STATUS_IS(play_named(init_named, "rrsnapshot=boot"), REPLAY_OK);
    CHECK_EQ(m.loads, 1);
    CHECK_STATUS_IS(play_named(init_named, NULL), REPLAY_OK);
    CHECK_STATUS_IS(play_named(init_named, "rrsnapshot=other"), REPLAY_ERROR_POSITION);
    CHECK_HAS(host_last_error().message, "can't be loaded");
    /* The machine is different. */
    CHECK_STATUS_IS(play_named(write_and_init, "rrsnapshot=boot"), REPLAY_ERROR_POSITION);
    CHECK_HAS(m.host.text, "the memory at the start differs");
    unlink(snap_path());
    CHECK_STATUS_IS(play_named(init_named, "rrsnapshot=boot"), REPLAY_ERROR_POSITION);
    CHECK_HAS(host_last_error().message, "there is no file");
    free(m.digests);
}

TEST(a_named_snapshot_that_the_host_never_makes_or_loads_is_reported) {
    journey_record(&m, 12, "rrsnapshot=boot");
    CHECK_HAS(m.host.text,
              "rrsnapshot=boot had no effect: the host did not call replay_vmstate_init()");
    journey_begin(&m, LOOP_OWN, "rrsnapshot=boot");
    journey_run(&m);
    CHECK_STATUS(journey_end(&m), OK);
    CHECK_HAS(m.host.text, "rrsnapshot=boot had no effect");
    free(m.digests);
}

TEST(a_named_snapshot_has_the_disks) {
    static const disk_options_t calm = {.pace = DISK_CALM};
    m.device = disk_device(&calm);
    m.on_start = init_named;
    journey_record(&m, 16, "rrsnapshot=boot");
    CHECK_STATUS_IS(named, REPLAY_OK);
    CHECK_STATUS_IS(play_named(init_named, "rrsnapshot=boot"), REPLAY_OK);
    CHECK_EQ(m.loads, 1);
    free(m.digests);
}

TEST(a_named_snapshot_needs_a_mode_and_a_host_that_has_state) {
    static const replay_mode_t modes[] = {REPLAY_MODE_NONE, REPLAY_MODE_RECORD};
    for (size_t i = 0; i < 2; i++) {
        host_init(&m.host);
        REQUIRE_STATUS(host_configure(&m.host, modes[i], test_path("other.log"), "rrsnapshot=boot"),
                       OK);
        CHECK_STATUS(replay_start(), ERROR_NOT_SUPPORTED);
        CHECK_HAS(host_last_error().message, "'boot'");
        replay_finish();
    }
    m.on_start = init_named;
    m.refuses = true;
    journey_record(&m, 13, "rrsnapshot=boot");
    CHECK_STATUS_IS(named, REPLAY_ERROR_NOT_SUPPORTED);
    CHECK_HAS(host_last_error().message, "save_state");
    m.refuses = false;
    free(m.digests);
    REQUIRE(mkdir(snap_path(), 0777) == 0 || errno == EEXIST);
}

TEST(a_recording_without_memory_for_snapshots_reports_it) {
    journey_record(&m, 4, "rrsnap=1,rrsnapmem=1");
    CHECK_HAS(m.host.text, "rrsnap makes no snapshots: memory for snapshots ran out");
    free(m.digests);
}

static void refuse_to_go_back(journey_host_t *machine, replay_pause_reason_t why) {
    (void)why;
    machine->on_pause = NULL;
    CHECK_STATUS(replay_reverse_step(), ERROR_NOT_SUPPORTED);
    CHECK_HAS(host_last_error().message, "rrsnapmem=1 allows too little");
    CHECK_STATUS(replay_resume(), OK);
}

TEST(a_replay_without_memory_for_snapshots_names_the_option) {
    journey_record(&m, 4, NULL);
    journey_begin(&m, LOOP_OWN, "rrsnapmem=1");
    m.on_pause = refuse_to_go_back;
    CHECK_STATUS(replay_seek(5000), OK);
    journey_run(&m);
    CHECK_STATUS(journey_end(&m), OK);
    free(m.digests);
}
