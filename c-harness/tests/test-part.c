/* SPDX-License-Identifier: MIT */
/* Logs that have a part of a run: cut by replay-log, replayed from a snapshot of NAME.snap, refused
 * by hosts that can't go there, damaged. */
#include "journey-disk.h"

#include <sys/wait.h>
#include <unistd.h>

static journey_host_t m;

static const char *part(void) {
    return test_path("part.log");
}

static const char *part_snap(void) {
    return test_path("part.log.snap");
}

/* ----------------------------------------------------------------------- the tool */

static char said[4000];

/** Runs replay-log. @return its exit code; what it printed is in ::said. */
static int tool(const char *arguments) {
#ifdef TEST_TOOL
    char command[4000];
    snprintf(command, sizeof command, "%s %s 2>&1", TEST_TOOL, arguments);
    FILE *pipe = popen(command, "r");
    REQUIRE(pipe);
    said[fread(said, 1, sizeof said - 1, pipe)] = '\0';
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
#else
    (void)arguments;
    return -1;
#endif
}

static bool has_tool(void) {
#ifdef TEST_TOOL
    return access(TEST_TOOL, X_OK) == 0;
#else
    return false;
#endif
}

static int cut(const char *options) {
    char arguments[2000];
    snprintf(arguments, sizeof arguments, "cut %s '%s' '%s'", options, log_path(), part());
    return tool(arguments);
}

static int cut_places(uint64_t from, uint64_t to) {
    char options[100];
    int length = snprintf(options, sizeof options, "--force --from %llu", (unsigned long long)from);
    if (to)
        snprintf(options + length, sizeof options - (size_t)length, " --to %llu",
                 (unsigned long long)to);
    return cut(options);
}

/** Places of snapshots on both sides of @p icount, as the tool names them. */
static uint64_t snapshot_near(uint64_t icount) {
    char options[100];
    snprintf(options, sizeof options, "--force --from %llu", (unsigned long long)icount);
    int code = cut(options);
    if (code == 0)
        return icount;
    CHECK_EQ(code, 2);
    CHECK_HAS(said, "has no snapshot at icount");
    const char *nearest = strstr(said, "the nearest: icount ");
    REQUIRE(nearest);
    uint64_t before = strtoull(nearest + strlen("the nearest: icount "), NULL, 10);
    /* The one at the start is no part's. */
    const char *after = strstr(nearest, " and icount ");
    return before > 0 || !after ? before : strtoull(after + strlen(" and icount "), NULL, 10);
}

/* ------------------------------------------------------------------------ a replay */

static void check_replay(uint64_t from, uint64_t last, replay_status_t status) {
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        journey_begin_log(&m, loop, part(), NULL);
        journey_run(&m);
        CHECK_EQ(m.loads, 1);
        CHECK_EQ(m.cpu.icount, last);
        CHECK_EQ(m.executed, last - from);
        CHECK_STATUS_IS(journey_end(&m), status);
    }
}

static void record_with_snapshots(uint64_t seed) {
    m.is_slow = true;
    journey_record(&m, seed, "rrsnap=2,rrsegment=1024");
    m.is_slow = false;
}

TEST_SLOW(a_part_replays_to_the_end, 100) {
    if (!has_tool())
        return;
    record_with_snapshots(1);
    for (uint64_t near = 20000; near <= 50000; near += 15000) {
        uint64_t from = snapshot_near(near);
        CHECK(from > 0 && from < JOURNEY_LAST);
        REQUIRE(cut_places(from, 0) == 0);
        check_replay(from, JOURNEY_LAST, REPLAY_OK);
    }
    free(m.digests);
}

TEST_SLOW(a_part_has_what_was_written_to_a_disk_before_it, 100) {
    static const disk_options_t disks[] = {{.pace = DISK_CALM},
                                           {.pace = DISK_BUSY, .resubmits = true}};
    for (size_t i = 0; i < 2 && has_tool(); i++) {
        m.device = disk_device(&disks[i]);
        record_with_snapshots(20 + i);
        uint64_t from = snapshot_near(30000);
        REQUIRE(cut_places(from, 0) == 0);
        check_replay(from, JOURNEY_LAST, REPLAY_OK);
        free(m.digests);
    }
}

TEST_SLOW(a_part_ends_where_it_was_cut, 100) {
    if (!has_tool())
        return;
    record_with_snapshots(2);
    uint64_t from = snapshot_near(20000);
    REQUIRE(cut_places(from, 40000) == 0);
    journey_begin_log(&m, LOOP_OWN, part(), NULL);
    journey_run(&m);
    CHECK(m.cpu.icount > from && m.cpu.icount <= 40000);
    CHECK_STATUS(journey_end(&m), ERROR_LOG_CUT);
    CHECK_HAS(m.host.text, "its end was cut off");
    /* From the start, without a snapshot. */
    REQUIRE(cut("--force --to 40000") == 0);
    m.no_state = true;
    journey_begin_log(&m, LOOP_OWN, part(), NULL);
    journey_run(&m);
    m.no_state = false;
    CHECK(m.executed > 30000);
    CHECK_STATUS(journey_end(&m), ERROR_LOG_CUT);
    CHECK_EQ(m.host.error_messages, 0);
    CHECK_HAS(m.host.text, "the recording was cut after"); /* a warning */
    free(m.digests);
}

TEST_SLOW(a_part_of_a_part, 60) {
    if (!has_tool())
        return;
    record_with_snapshots(3);
    uint64_t from = snapshot_near(20000), later = snapshot_near(40000);
    REQUIRE(cut_places(from, 0) == 0);
    char arguments[2000];
    snprintf(arguments, sizeof arguments, "cut --from %llu '%s' '%s'", (unsigned long long)later,
             part(), test_path("second.log"));
    REQUIRE(tool(arguments) == 0);
    snprintf(arguments, sizeof arguments, "cut --force '%s' '%s'", test_path("second.log"), part());
    REQUIRE(tool(arguments) == 0);
    check_replay(later, JOURNEY_LAST, REPLAY_OK);
    free(m.digests);
}

/* -------------------------------------------------------------------- its beginning */

static uint64_t first;
static unsigned step;

static bool at_begin(replay_pause_reason_t why) {
    switch (step++) {
    case 0:
        CHECK_EQ(why, REPLAY_PAUSE_PLACE);
        CHECK(journey_is_here(&m, first + 500));
        CHECK_STATUS(replay_seek(first - 1), ERROR_INVALID_ARGUMENT);
        char sentence[100];
        replay_info_t info = REPLAY_INFO_INIT;
        CHECK_STATUS(replay_query(&info), OK);
        snprintf(sentence, sizeof sentence, "is before icount %llu, the first place",
                 (unsigned long long)first);
        CHECK_EQ(info.first_icount, first);
        CHECK_HAS(host_last_error().message, sentence);
        CHECK_STR(host_last_error().history, ""); /* the replay itself is right */
        CHECK_STATUS(replay_seek_event(0), ERROR_INVALID_ARGUMENT);
        CHECK_HAS(host_last_error().message, "begins at icount");
        CHECK_STATUS(replay_reverse_continue(), OK);
        return true;
    case 1:
        CHECK_EQ(why, REPLAY_PAUSE_BEGIN);
        CHECK(journey_is_here(&m, first));
        CHECK_STATUS(replay_reverse_step(), OK);
        return true;
    case 2:
        CHECK_EQ(why, REPLAY_PAUSE_BEGIN);
        CHECK(journey_is_here(&m, first));
        CHECK_STATUS(replay_seek(first + 1), OK);
        return true;
    default:
        CHECK_EQ(why, REPLAY_PAUSE_PLACE);
        CHECK(journey_is_here(&m, first + 1));
        return false;
    }
}

TEST_SLOW(a_journey_ends_at_the_beginning_of_the_log, 60) {
    if (!has_tool())
        return;
    record_with_snapshots(4);
    first = snapshot_near(30000);
    REQUIRE(cut_places(first, 0) == 0);
    for (journey_loop_t loop = LOOP_OWN; loop < LOOP_COUNT; loop++) {
        step = 0;
        m.next = at_begin;
        m.on_pause = journey_at_pause;
        journey_begin_log(&m, loop, part(), NULL);
        CHECK_STATUS(replay_seek(first + 500), OK);
        journey_run(&m);
        CHECK_EQ(step, 4);
        CHECK_EQ(m.cpu.icount, JOURNEY_LAST);
        CHECK_STATUS(journey_end(&m), OK);
    }
    m.on_pause = NULL;
    free(m.digests);
}

static void expect_refusal(replay_status_t status, const char *options, const char *reason) {
    m.refused = status;
    journey_begin_log(&m, LOOP_OWN, part(), options);
    m.refused = REPLAY_OK;
    char sentence[100];
    snprintf(sentence, sizeof sentence, "begins at icount %llu", (unsigned long long)first);
    CHECK_HAS(host_last_error().message, sentence);
    CHECK_HAS(host_last_error().message, reason);
    CHECK_STATUS_IS(journey_end(&m), status);
}

TEST_SLOW(what_a_part_needs_and_doesnt_find_is_named, 60) {
    if (!has_tool())
        return;
    record_with_snapshots(5);
    first = snapshot_near(30000);
    REQUIRE(cut_places(first, 0) == 0);
    m.no_state = true;
    expect_refusal(REPLAY_ERROR_NOT_SUPPORTED, NULL, "no save_state and load_state");
    m.no_state = false;
    expect_refusal(REPLAY_ERROR_NOT_SUPPORTED, "rrsnap=off", "rrsnap=off");
    /* Snapshots of a different recording, then none. */
    for (int round = 0; round < 2; round++) {
        if (round == 0) {
            uint64_t *digests = m.digests;
            m.is_slow = true;
            journey_record(&m, 6, "rrsnap=2");
            m.is_slow = false;
            free(m.digests);
            m.digests = digests;
            size_t length;
            uint8_t *bytes = test_read_file(test_path("run.log.snap"), &length);
            REQUIRE(bytes);
            test_write_file(part_snap(), bytes, length);
            free(bytes);
            journey_begin_log(&m, LOOP_OWN, part(), NULL);
            journey_run(&m);
            CHECK_EQ(m.executed, 0);
            CHECK_HAS(m.host.text, "has no snapshot that can be used");
            CHECK_STATUS(journey_end(&m), ERROR_POSITION);
        } else {
            unlink(part_snap());
            expect_refusal(REPLAY_ERROR_POSITION, NULL, "its snapshots");
        }
    }
    free(m.digests);
}

TEST(a_part_is_not_branched) {
    if (!has_tool())
        return;
    record_with_snapshots(7);
    first = snapshot_near(30000);
    REQUIRE(cut_places(first, 0) == 0);
    journey_begin_log(&m, LOOP_OWN, part(), NULL);
    for (int i = 0; i < 5; i++)
        journey_turn(&m);
    CHECK(m.cpu.icount > first);
    CHECK_STATUS(replay_branch(test_path("branch.log")), ERROR_NOT_SUPPORTED);
    CHECK_HAS(host_last_error().message, "begins at icount");
    CHECK_STATUS(journey_end(&m), ERROR_STOPPED_SHORT);
    free(m.digests);
}

/* --------------------------------------------------------------------------- damage */

/** Flips bits of the two records that say where the log begins, and of what is around them. */
static void damage(unsigned rounds) {
    record_with_snapshots(8);
    first = snapshot_near(30000);
    REQUIRE(cut_places(first, 0) == 0);
    size_t length;
    uint8_t *sound = test_read_file(part(), &length);
    REQUIRE(sound && length > 3 * 4096);
    /* The second record is two blocks before the first chunk: find the first by its magic bytes. */
    size_t place = 4096;
    while (place < length && memcmp(sound + place, "RBGN", 4) != 0)
        place += 4096;
    REQUIRE(place + 8192 < length);
    uint64_t seed = rounds;
    for (unsigned round = 0; round < rounds; round++) {
        uint8_t *bytes = malloc(length);
        REQUIRE(bytes);
        memcpy(bytes, sound, length);
        size_t at = place + test_random(&seed) % 2 * 4096 + test_random(&seed) % 96;
        bytes[at] ^= (uint8_t)(1u << test_random(&seed) % 8);
        bool both = test_random(&seed) % 4 == 0;
        if (both)
            memset(bytes + place + (at < place + 4096 ? 4096 : 0), 0xA5, 40);
        test_write_file(part(), bytes, length);
        free(bytes);
        replay_status_t status;
        if (both) {
            /* Then nobody knows where it begins. */
            host_init(&m.host);
            replay_config_t config = host_config(&m.host, REPLAY_MODE_PLAY, part(), NULL);
            status = replay_configure(&config);
            CHECK_STATUS_IS(status, REPLAY_ERROR_LOG_DAMAGED);
            CHECK_HAS(host_last_error().message, "where it says how it begins");
            continue;
        }
        /* One of them is enough for a replay, which then reports the damage. */
        journey_begin_log(&m, LOOP_OWN, part(), NULL);
        journey_run(&m);
        status = journey_end(&m);
        CHECK_STATUS_IS(status, REPLAY_ERROR_LOG_DAMAGED);
        CHECK(m.cpu.icount > JOURNEY_LAST - 5000);
    }
    free(sound);
    free(m.digests);
}

TEST_SLOW(damage_of_the_beginning_is_reported, 60) {
    if (has_tool())
        damage(15);
}

TEST_LONG(damage_of_the_beginning_is_always_reported, 900) {
    if (has_tool())
        damage(2000);
}
