/* SPDX-License-Identifier: MIT */
/* A replay is interrupted at an icount; ground that it has covered before is silent. */
#include "host.h"
#include "positions.h"

static memory_t first;

typedef struct {
    host_t *host;
    unsigned count;
    uint64_t icount;
    replay_status_t loaded;
} reached_t;

static void note_break(void *opaque) {
    reached_t *reached = opaque;
    reached->count++;
    reached->icount = reached->host->icount;
    CHECK_EQ(host_info().break_icount, UINT64_MAX);
    atomic_store(&reached->host->paused, true);
    reached->loaded = load(&first);
}

TEST(a_break_interrupts_before_the_events_there) {
    static host_t host;
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    CHECK_STATUS(replay_break(5, ignore, NULL), ERROR_WRONG_MODE);
    CHECK_STATUS(replay_delete_break(), ERROR_WRONG_MODE);
    CHECK_EQ(host_info().break_icount, UINT64_MAX);
    CHECK_STATUS(save(&first), OK);
    host_execute(&host, REPLAY_THREAD_VCPU, 100);
    (void)REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 42);
    host_execute(&host, REPLAY_THREAD_VCPU, 100);
    CHECK_STATUS(host_end(&host), OK);

    host_init(&host);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_PLAY, log_path(), NULL), OK);
    CHECK_STATUS(replay_break(30, ignore, NULL), ERROR_WRONG_STATE);
    host_start(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    reached_t reached = {.host = &host};
    CHECK_STATUS(replay_break(30, NULL, NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_break(30, note_break, &reached), OK);
    CHECK_EQ(host_info().break_icount, 30);
    CHECK_STATUS(replay_break(40, note_break, &reached), OK); /* replaces the first */
    CHECK_EQ(host_info().break_icount, 40);
    CHECK_EQ(replay_get_budget(1000), 40);
    host.icount = 25;
    CHECK_STATUS(replay_account_executed_instructions(), OK);
    CHECK_EQ(replay_get_instructions(), 15);
    CHECK_EQ(reached.count, 0);
    host.icount = 40;
    CHECK_STATUS(replay_account_executed_instructions(), OK);
    CHECK_EQ(reached.count, 1);
    CHECK_EQ(reached.icount, 40);
    CHECK_STATUS(reached.loaded, ERROR_REENTERED);
    CHECK_EQ(replay_get_budget(1000), 0); /* paused */
    atomic_store(&host.paused, false);
    CHECK_EQ(replay_get_budget(1000), 60);
    CHECK_STATUS(replay_break(39, note_break, &reached), ERROR_INVALID_ARGUMENT);
    /* Here: with the next budget. */
    CHECK_STATUS(replay_break(40, note_break, &reached), OK);
    CHECK_EQ(replay_get_budget(1000), 0);
    CHECK_EQ(reached.count, 2);
    atomic_store(&host.paused, false);
    /* Deleted, and deleted by going past it. */
    CHECK_STATUS(replay_break(50, note_break, &reached), OK);
    CHECK_STATUS(replay_delete_break(), OK);
    CHECK_EQ(host_info().break_icount, UINT64_MAX);
    CHECK_STATUS(replay_delete_break(), OK);
    CHECK_EQ(replay_get_budget(1000), 60);
    /* At an event: before it. */
    CHECK_STATUS(replay_break(100, note_break, &reached), OK);
    host.icount = 100;
    CHECK_STATUS(replay_account_executed_instructions(), OK);
    CHECK_EQ(reached.count, 3);
    atomic_store(&host.paused, false);
    CHECK(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 0) == 42);
    /* A break stays where a position before it is loaded. */
    CHECK_STATUS(replay_break(150, note_break, &reached), OK);
    host.icount = 0;
    CHECK_STATUS(load(&first), OK);
    CHECK_EQ(replay_get_budget(1000), 100);
    host.icount = 100;
    CHECK_STATUS(replay_account_executed_instructions(), OK);
    CHECK(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_HOST, 0) == 42);
    CHECK_EQ(replay_get_budget(1000), 50);
    CHECK_EQ(host_info().break_icount, 150);
    CHECK_STATUS(replay_delete_break(), OK);
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    CHECK_STATUS(host_end(&host), OK);
}

/** The guest prints a byte every ten instructions. */
static void print_to(host_t *host, uint64_t until, char *text) {
    while (host->icount < until) {
        uint64_t next = host->icount / 10 * 10 + 10, n = next < until ? next : until;
        if (!host_execute(host, REPLAY_THREAD_VCPU, n - host->icount))
            return;
        if (host->icount % 10 == 0 && replay_output_due())
            strcat(text, (char[]){(char)('a' + host->icount / 10), 0});
    }
}

TEST(known_ground_is_silent) {
    static host_t host;
    static memory_t places[3];
    char text[100] = "";
    CHECK(replay_output_due());
    host_begin(&host, REPLAY_MODE_RECORD, log_path(), NULL);
    print_to(&host, 40, text);
    CHECK_STATUS(replay_save_random(0, "r", 1), OK);
    print_to(&host, 95, text);
    CHECK_STATUS(host_end(&host), OK);
    CHECK_STR(text, "bcdefghij");

    text[0] = 0;
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(save(&places[i]), OK);
        print_to(&host, 10 + 10 * (uint64_t)i, text);
    }
    CHECK_STR(text, "bcd");
    host.icount = 10;
    CHECK_STATUS(load(&places[1]), OK);
    CHECK(!replay_output_due());
    print_to(&host, 25, text);
    CHECK_STR(text, "bcd");
    host.icount = 0;
    CHECK_STATUS(load(&places[0]), OK);
    print_to(&host, 40, text);
    CHECK_STR(text, "bcde");
    uint8_t byte;
    int32_t result = replay_read_random(&byte, 1);
    CHECK_EQ(result, 0);
    host.icount = 20;
    CHECK_STATUS(load(&places[2]), OK);
    print_to(&host, 40, text);
    CHECK(!replay_output_due());
    replay_read_random(&byte, 1);
    CHECK(!replay_output_due());
    print_to(&host, 95, text);
    CHECK_STR(text, "bcdefghij");
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    CHECK_STATUS(host_end(&host), OK);
    CHECK(replay_output_due());

    /* Forward to a position: what was left out isn't printed later. */
    text[0] = 0;
    host_begin(&host, REPLAY_MODE_PLAY, log_path(), NULL);
    print_to(&host, 10, text);
    host.icount = 20;
    CHECK_STATUS(load(&places[2]), OK);
    print_to(&host, 35, text);
    CHECK_STR(text, "bd");
    host.icount = 0;
    CHECK_STATUS(load(&places[0]), OK);
    print_to(&host, 40, text);
    CHECK_STR(text, "bde");
    CHECK_EQ(replay_read_random(&byte, 1), 0);
    print_to(&host, 95, text);
    CHECK_STR(text, "bdefghij");
    CHECK(host_run_to_end(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO));
    CHECK_STATUS(host_end(&host), OK);
}
