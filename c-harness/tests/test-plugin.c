/* SPDX-License-Identifier: MIT */
/* The table of all functions: a host that calls only through it, macros included. */
#include <replay/types.h>

static const struct replay_plugin *table;
#define REPLAY_FN(name) (table->name)
#define REPLAY_MODE()   (*table->mode)
#include "host.h"

TEST(the_table_knows_itself) {
    table = replay_plugin_query(REPLAY_ABI_VERSION);
    REQUIRE(table != NULL);
    CHECK_EQ(table->size, sizeof(replay_plugin_t));
    CHECK_EQ(table->abi_version, REPLAY_ABI_VERSION);
    int major, minor, patch;
    CHECK_EQ(sscanf(table->version, "%d.%d.%d", &major, &minor, &patch), 3);
    CHECK(table->mode == &replay_mode);
    CHECK(table->snapshot == &replay_snapshot);
    CHECK(replay_plugin_query(REPLAY_ABI_VERSION) == table);
}

TEST(another_abi_is_refused) {
    CHECK(replay_plugin_query(0) == NULL);
    CHECK(replay_plugin_query(REPLAY_ABI_VERSION + 1) == NULL);
    CHECK(replay_plugin_query(UINT32_MAX) == NULL);
}

TEST(every_member_is_there) {
    table = replay_plugin_query(REPLAY_ABI_VERSION);
    REQUIRE(table != NULL);
    void *const *first = (void *const *)(const void *)&table->replay_configure;
    size_t count =
        (sizeof(replay_plugin_t) - offsetof(replay_plugin_t, replay_configure)) / sizeof *first;
    for (size_t i = 0; i < count; i++) {
        if (!CHECK(first[i] != NULL))
            printf("      member %zu\n", i);
        for (size_t j = 0; j < i; j++)
            CHECK(first[i] != first[j]);
    }
    CHECK(table->replay_configure == replay_configure);
    CHECK(table->replay_checkpoint == replay_checkpoint);
    CHECK(table->replay_glib_detach == replay_glib_detach);
}

TEST(a_host_can_use_the_table_only) {
    table = replay_plugin_query(REPLAY_ABI_VERSION);
    REQUIRE(table != NULL);
    int evaluated = 0;
    CHECK_EQ(REPLAY_CLOCK(REPLAY_CLOCK_HOST, (evaluated++, 5)), 5);
    for (replay_mode_t mode = 1; mode <= 2; mode++) {
        host_t host;
        host_init(&host);
        replay_config_t config = host_config(&host, mode, test_path("run.log"), NULL);
        REQUIRE_STATUS(table->replay_configure(&config), OK);
        CHECK_EQ(*table->mode, mode);
        REQUIRE_STATUS(table->replay_start(), OK);
        REQUIRE_STATUS(table->replay_thread_attach(3), OK);
        REQUIRE_STATUS(table->replay_mutex_lock(), OK);
        host.icount = 10;
        CHECK_EQ(REPLAY_CLOCK(REPLAY_CLOCK_HOST, (evaluated++, 100)), 100);
        table->replay_mutex_unlock();
        CHECK_EQ(REPLAY_CLOCK(REPLAY_CLOCK_VIRTUAL_RT, (evaluated++, 200)), 200);
        table->replay_mutex_lock();
        CHECK(table->replay_checkpoint(REPLAY_CHECKPOINT_RESET));
        table->replay_mutex_unlock();
        CHECK_STATUS(table->replay_finish(), OK);
    }
    CHECK_EQ(evaluated, 3);
    CHECK_EQ(*table->mode, REPLAY_MODE_NONE);
}
