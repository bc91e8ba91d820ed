/* SPDX-License-Identifier: MIT */
/* Mode NONE: a host that was never configured, or configured without a log.
 * Also linked with the archive of stubs, which must do the same. */
#include "host.h"

#include <limits.h>

static unsigned calls;
static void count_call(void *opaque) {
    calls += opaque ? *(unsigned *)opaque : 1;
}
static void add_result(void *opaque, int32_t result) {
    (void)opaque;
    calls += (unsigned)result;
}
static void count_chars(void *opaque, const uint8_t *data, size_t length) {
    (void)opaque, (void)data;
    calls += (unsigned)length;
}
static void count_packet(void *opaque, uint32_t flags, const uint8_t *data, size_t length) {
    (void)opaque, (void)data;
    calls += (unsigned)length + flags;
}

TEST(nothing_is_configured_at_first) {
    CHECK_EQ(replay_mode, REPLAY_MODE_NONE);
    CHECK_EQ(replay_get_mode(), REPLAY_MODE_NONE);
    CHECK(replay_snapshot == NULL);
    CHECK(replay_get_filename() == NULL);
    CHECK_STATUS(replay_last_error(NULL), OK);
    replay_error_t error = host_last_error();
    CHECK_STATUS(error.status, OK);
    CHECK_STR(error.message, "");
    replay_info_t info = REPLAY_INFO_INIT;
    CHECK_STATUS(replay_query(&info), OK);
    CHECK_EQ(info.mode, REPLAY_MODE_NONE);
    CHECK_EQ(info.log_version, 0);
    CHECK_EQ(info.events, 0);
    CHECK_EQ(info.queued, 0);
    CHECK_EQ(info.break_icount, UINT64_MAX);
}

TEST(the_library_has_the_version_of_its_headers) {
    CHECK_EQ(replay_version(), REPLAY_VERSION);
    CHECK_STR(replay_version_text(), REPLAY_VERSION_TEXT);
    CHECK_STR(replay_plugin_query(REPLAY_ABI_VERSION)->version, REPLAY_VERSION_TEXT);
    unsigned major, minor, patch;
    REQUIRE(sscanf(replay_version_text(), "%u.%u.%u", &major, &minor, &patch) == 3);
    CHECK_EQ(major * 10000 + minor * 100 + patch, replay_version());
}

TEST(life_calls_need_a_configuration) {
    CHECK_STATUS(replay_fingerprint("ram", "1"), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_start(), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_finish(), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_finish_with(NULL), ERROR_WRONG_STATE);
    replay_end_t end = REPLAY_END_INIT;
    CHECK_STATUS(replay_finish_with(&end), ERROR_WRONG_STATE);
    end.on_purpose = 7;
    CHECK_STATUS(replay_finish_with(&end), ERROR_INVALID_ARGUMENT);
    end.size = 4;
    CHECK_STATUS(replay_finish_with(&end), ERROR_STRUCT_SIZE);
    CHECK_STATUS(replay_vmstate_init(), OK);
}

TEST(the_lock_is_always_held) {
    CHECK(replay_mutex_locked());
    CHECK_STATUS(replay_mutex_lock(), OK);
    CHECK_STATUS(replay_mutex_lock(), OK);
    CHECK(replay_mutex_locked());
    CHECK_STATUS(replay_mutex_unlock(), OK);
    CHECK_STATUS(replay_mutex_unlock(), OK);
    CHECK_STATUS(replay_mutex_unlock(), OK);
    CHECK(replay_mutex_locked());
}

TEST(instructions_are_not_limited) {
    CHECK_STATUS(replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO), OK);
    CHECK_EQ(replay_get_current_icount(), 0);
    CHECK_EQ(replay_get_instructions(), INT32_MAX);
    CHECK_STATUS(replay_account_executed_instructions(), OK);
    CHECK_EQ(replay_get_budget(123), 123);
    CHECK_EQ(replay_get_budget(0), 0);
    CHECK_EQ(replay_get_budget(UINT64_MAX) > 0, true);
    CHECK(replay_interrupt());
    CHECK(!replay_has_interrupt());
    CHECK(replay_exception());
    CHECK(!replay_has_exception());
}

TEST(clocks_go_through) {
    int evaluated = 0;
    CHECK_EQ(REPLAY_CLOCK(REPLAY_CLOCK_HOST, (evaluated++, 77)), 77);
    CHECK_EQ(REPLAY_CLOCK_LOCKED(REPLAY_CLOCK_VIRTUAL_RT, (evaluated++, 78)), 78);
    CHECK_EQ(evaluated, 2);
    CHECK_EQ(replay_save_clock(REPLAY_CLOCK_HOST, 79, 5), 79);
    CHECK_ERROR(OK);
    CHECK_EQ(replay_read_clock(REPLAY_CLOCK_HOST, 5), 0);
    CHECK_ERROR(ERROR_WRONG_MODE);
    CHECK_EQ(replay_clock_unlock(-5), -5);
    CHECK_EQ(replay_get_virtual_clock(), 0);
}

TEST(turns_succeed_and_nothing_is_pending) {
    CHECK_STATUS(replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO), OK);
    CHECK_STATUS(replay_start_warp_timer(), OK);
    CHECK_STATUS(replay_account_warp_timer(), OK);
    CHECK_EQ(replay_warp_deadline_ns(), -1);
}

TEST(a_thread_without_a_role_takes_both_turns) {
    host_t host;
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_NONE, NULL, NULL), OK);
    REQUIRE_STATUS(replay_start(), OK);
    CHECK_STATUS(replay_turn(), OK);
    CHECK_STATUS(replay_run(), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_finish(), OK);
}

static host_t run_host;
static void execute_some(void *opaque, uint64_t instructions) {
    (void)opaque;
    CHECK(instructions > 0);
    CHECK(instructions <= 10000);
    run_host.icount += 7;
    run_host.idle = run_host.icount % 21 == 0;
    if (run_host.icount >= 210) {
        CHECK_STATUS(replay_run(), ERROR_REENTERED);
        CHECK_STATUS(replay_run_stop(), OK);
    }
}
static void wake_guest(void *opaque) {
    (void)opaque;
    run_host.idle = false;
    calls++;
}

TEST(the_loop_runs_until_it_is_stopped) {
    CHECK_STATUS(replay_run(), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_run_stop(), ERROR_WRONG_STATE);
    host_init(&run_host);
    run_host.callbacks.execute = execute_some;
    run_host.callbacks.interrupt = wake_guest;
    REQUIRE_STATUS(host_configure(&run_host, REPLAY_MODE_NONE, NULL, NULL), OK);
    REQUIRE_STATUS(replay_start(), OK);
    CHECK_STATUS(replay_run(), OK);
    CHECK_EQ(run_host.icount, 210);
    CHECK(calls >= 30);
    CHECK_STATUS(replay_run(), OK);
    CHECK_EQ(run_host.icount, 210);
    CHECK_STATUS(replay_finish(), OK);
}

TEST(checkpoints_are_met) {
    CHECK_STATUS(replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO), OK);
    for (replay_checkpoint_t id = 0; id < REPLAY_CHECKPOINT_COUNT; id++)
        CHECK(replay_checkpoint(id));
    CHECK(!replay_has_event());
    CHECK(!replay_is_due());
}

TEST(events_run_at_once) {
    CHECK_STATUS(replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO), OK);
    CHECK(!replay_events_enabled());
    CHECK_STATUS(replay_enable_events(), OK);
    CHECK(!replay_events_enabled());
    CHECK_STATUS(replay_disable_events(), OK);
    CHECK_STATUS(replay_async_events(), OK);
    CHECK_STATUS(replay_flush_events(), OK);
    CHECK_STATUS(replay_bh_schedule_event(count_call, NULL), OK);
    CHECK_EQ(calls, 1);
    CHECK_STATUS(replay_bh_schedule_oneshot_event(count_call, NULL), OK);
    CHECK_EQ(calls, 2);
    CHECK_EQ(blkreplay_next_id(), 0);
    CHECK_EQ(blkreplay_next_id(), 0);
    unsigned ten = 10;
    CHECK_STATUS(replay_block_event(count_call, &ten, 0), OK);
    CHECK_EQ(calls, 12);
    CHECK_STATUS(replay_bh_schedule_event(NULL, NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_bh_schedule_oneshot_event(NULL, NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_block_event(NULL, NULL, 0), ERROR_INVALID_ARGUMENT);
    char byte = 1;
    struct iovec piece = {&byte, 1};
    CHECK_STATUS(replay_block_event_result(add_result, NULL, 0, 30, &piece, 1), OK);
    CHECK_EQ(calls, 42);
    CHECK_STATUS(replay_block_event_result(NULL, NULL, 0, 0, NULL, 0), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_block_event_result(add_result, NULL, 0, 0, NULL, 1),
                 ERROR_INVALID_ARGUMENT);
    CHECK_EQ(calls, 42);
}

TEST(devices_get_their_input_at_once) {
    int32_t first = replay_register_char_driver(count_chars, NULL);
    CHECK_EQ(first, 0);
    CHECK_EQ(replay_register_char_driver(count_chars, NULL), 1);
    CHECK_STATUS(replay_register_char_driver(NULL, NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_chr_be_write(first, (const uint8_t *)"abc", 3), OK);
    CHECK_EQ(calls, 3);
    CHECK_STATUS(replay_chr_be_write(17, (const uint8_t *)"abc", 3), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_chr_be_write(-1, (const uint8_t *)"abc", 3), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_chr_be_write(first, NULL, 3), ERROR_INVALID_ARGUMENT);
    replay_net_t *net = replay_register_net(count_packet, NULL);
    REQUIRE(net != NULL);
    CHECK(replay_register_net(NULL, NULL) == NULL);
    struct iovec pieces[2] = {{"hello", 5}, {" world", 6}};
    CHECK_STATUS(replay_net_packet_event(net, 100, pieces, 2), OK);
    CHECK_EQ(calls, 3 + 111);
    CHECK_STATUS(replay_net_packet_event(NULL, 0, pieces, 2), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_net_packet_event(net, 0, NULL, 2), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_net_packet_event(net, 0, pieces, -1), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_unregister_net(NULL), OK);
    CHECK_STATUS(replay_unregister_net(net), OK);
    CHECK_STATUS(replay_unregister_net(net), ERROR_INVALID_ARGUMENT);
}

TEST(what_only_a_log_can_do_says_so) {
    CHECK_STATUS(replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO), OK);
    int32_t result = 5, offset = 6;
    uint8_t bytes[4] = {1, 2, 3, 4};
    CHECK_STATUS(replay_char_write_event_save(1, 2), ERROR_WRONG_MODE);
    CHECK_STATUS(replay_char_write_event_load(&result, &offset), ERROR_WRONG_MODE);
    CHECK_EQ(result, 0);
    CHECK_EQ(offset, 0);
    CHECK_STATUS(replay_char_read_all_save_buf(bytes, 4), ERROR_WRONG_MODE);
    CHECK_STATUS(replay_char_read_all_save_error(-5), ERROR_WRONG_MODE);
    CHECK_STATUS(replay_char_read_all_load(bytes, 4, &result), ERROR_WRONG_MODE);
    size_t size = 7;
    CHECK_STATUS(replay_char_read_all_size(&size), ERROR_WRONG_MODE);
    CHECK_EQ(size, 0);
    CHECK_STATUS(replay_save_random(0, bytes, 4), ERROR_WRONG_MODE);
    CHECK_STATUS(replay_read_random(bytes, 4), ERROR_WRONG_MODE);
}

TEST(the_rest_does_nothing) {
    CHECK_STATUS(replay_thread_attach(REPLAY_THREAD_VCPU | REPLAY_THREAD_IO), OK);
    size_t samples = 7;
    CHECK_STATUS(replay_audio_out(&samples), OK);
    CHECK_EQ(samples, 7);
    CHECK_STATUS(replay_audio_out(NULL), ERROR_INVALID_ARGUMENT);
    samples = 1;
    CHECK_STATUS(replay_audio_in_start(&samples), OK);
    CHECK_EQ(samples, 1);
    uint64_t left = 3, right = 4;
    CHECK_STATUS(replay_audio_in_sample_lr(&left, &right), OK);
    CHECK_EQ(left, 3);
    CHECK_EQ(right, 4);
    CHECK_STATUS(replay_audio_in_finish(), OK);
    CHECK_STATUS(replay_audio_in_start(NULL), ERROR_INVALID_ARGUMENT);
    size_t position = SIZE_MAX;
    CHECK_STATUS(replay_audio_in_start_at(&samples, &position), OK);
    CHECK_EQ(samples, 1);
    CHECK_EQ(position, SIZE_MAX);
    CHECK_STATUS(replay_audio_in_start_at(&samples, NULL), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_digest(99), OK);
    CHECK_STATUS(replay_shutdown_request(REPLAY_SHUTDOWN_GUEST_RESET), OK);
    CHECK_STATUS(replay_shutdown_request(REPLAY_SHUTDOWN_COUNT), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_shutdown_request(-1), ERROR_INVALID_ARGUMENT);
    replay_input_event_t event = {.kind = REPLAY_INPUT_KEY};
    CHECK_STATUS(replay_input_event(&event), ERROR_WRONG_STATE); /* nobody could get it */
    CHECK_STATUS(replay_input_event(NULL), ERROR_INVALID_ARGUMENT);
    event.kind = REPLAY_INPUT_COUNT;
    CHECK_STATUS(replay_input_event(&event), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_input_sync_event(), ERROR_WRONG_STATE);
    replay_input_t input = REPLAY_INPUT_INIT;
    CHECK_STATUS(replay_input_event_from(&input), ERROR_WRONG_STATE);
    input.port = 65536;
    CHECK_STATUS(replay_input_event_from(&input), ERROR_INVALID_ARGUMENT);
    input.size = 8;
    CHECK_STATUS(replay_input_event_from(&input), ERROR_STRUCT_SIZE);
    CHECK_STATUS(replay_input_event_from(NULL), ERROR_INVALID_ARGUMENT);
}

static replay_input_t last_input;
static void note_input(void *opaque, const replay_input_t *input) {
    (void)opaque;
    last_input = *input;
}

TEST(input_and_devices_come_at_any_time) {
    host_t host;
    host_init(&host);
    host.callbacks.input_from = note_input;
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_NONE, NULL, NULL), OK);
    REQUIRE_STATUS(replay_start(), OK);
    CHECK_EQ(replay_register_char_driver(count_chars, NULL), 0);
    CHECK_STATUS(replay_chr_be_write(0, (const uint8_t *)"abc", 3), OK);
    CHECK_EQ(calls, 3);
    replay_input_t input = REPLAY_INPUT_INIT;
    input.port = 3;
    input.device = UINT32_MAX;
    input.code = INT64_MIN;
    CHECK_STATUS(replay_input_event_from(&input), OK);
    CHECK_BYTES(&last_input, &input, sizeof input);
    replay_input_event_t event = {.kind = REPLAY_INPUT_KEY, .code = -7};
    CHECK_STATUS(replay_input_event(&event), OK);
    CHECK_EQ(last_input.code, -7);
    CHECK_EQ(last_input.port, 0);
    CHECK_STATUS(replay_finish(), OK);
}

TEST(options_come_from_the_environment_too) {
    setenv("LIBREPLAY_OPTIONS", "shift=3", 1);
    host_t host;
    host_init(&host);
    REQUIRE_STATUS(host_configure(&host, REPLAY_MODE_NONE, NULL, "shift=2"), OK);
    CHECK_EQ(host_info().shift, 3);
    CHECK_STATUS(replay_finish(), OK);
    setenv("LIBREPLAY_OPTIONS", "rrcolour=red", 1);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_NONE, NULL, NULL), ERROR_BAD_OPTION);
}

TEST(blockers_are_ignored) {
    CHECK_STATUS(replay_add_blocker("a passed-through device"), OK);
    CHECK_STATUS(replay_add_blocker(NULL), ERROR_INVALID_ARGUMENT);
}

TEST(roles_are_checked) {
    CHECK_STATUS(replay_thread_attach(0), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_thread_attach(4), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_thread_attach(-1), ERROR_INVALID_ARGUMENT);
    CHECK_STATUS(replay_thread_attach(REPLAY_THREAD_VCPU), OK);
    CHECK_STATUS(replay_thread_attach(REPLAY_THREAD_IO), OK);
    CHECK_STATUS(replay_thread_attach(REPLAY_THREAD_IO | REPLAY_THREAD_VCPU), OK);
}

TEST(growing_structs_are_checked) {
    CHECK_STATUS(replay_query(NULL), ERROR_INVALID_ARGUMENT);
    replay_info_t info = REPLAY_INFO_INIT;
    info.size = 4;
    CHECK_STATUS(replay_query(&info), ERROR_STRUCT_SIZE);
    info.size = 0;
    CHECK_STATUS(replay_query(&info), ERROR_STRUCT_SIZE);
    replay_error_t error = REPLAY_ERROR_INIT;
    error.size = 8; /* size and status */
    memset(error.message, 'x', 4);
    CHECK_STATUS(replay_last_error(&error), ERROR_STRUCT_SIZE);
    CHECK_STATUS(error.status, ERROR_STRUCT_SIZE);
    CHECK_EQ(error.message[0], 'x');
    CHECK_EQ(error.size, 8);
}

static void *notify_soon(void *opaque) {
    (void)opaque;
    test_sleep_ms(20);
    replay_notify();
    return NULL;
}

TEST(a_wait_is_bounded_and_can_be_woken) {
    CHECK_STATUS(replay_thread_attach(REPLAY_THREAD_VCPU), OK);
    replay_wait(0);
    int64_t begun = test_now_ns();
    CHECK_STATUS(replay_wait(30000000), TIMEOUT);
    CHECK(test_now_ns() - begun >= 25000000);
    pthread_t thread;
    pthread_create(&thread, NULL, notify_soon, NULL);
    begun = test_now_ns();
    CHECK_STATUS(replay_wait(5000000000), OK);
    CHECK(test_now_ns() - begun < 4000000000);
    pthread_join(thread, NULL);
}

/* A configured machine without a log. */

TEST(a_configured_machine_has_a_virtual_clock) {
    host_t host;
    host_begin(&host, REPLAY_MODE_NONE, NULL, "shift=3");
    CHECK_EQ(replay_mode, REPLAY_MODE_NONE);
    host.icount = 1000;
    CHECK_EQ(replay_get_current_icount(), 1000);
    CHECK_EQ(replay_get_virtual_clock(), 8000);
    CHECK_EQ(replay_get_budget(500), 500);
    CHECK_EQ(replay_get_instructions(), INT32_MAX);
    CHECK_EQ(host_info().shift, 3);
    CHECK_EQ(host_info().log_version, 0);
    CHECK(!replay_events_enabled());
    CHECK_STATUS(replay_bh_schedule_event(count_call, NULL), OK);
    CHECK_EQ(calls, 1);
    CHECK(replay_interrupt());
    CHECK_STATUS(host_end(&host), OK);
    CHECK_EQ(host.stops, 0);
}

TEST(a_configured_machine_is_finished_once) {
    host_t host;
    host_init(&host);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_NONE, NULL, NULL), OK);
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_NONE, NULL, NULL), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_fingerprint("ram", "1"), OK);
    CHECK_STATUS(replay_add_blocker("no"), OK);
    CHECK_STATUS(replay_start(), OK);
    CHECK_STATUS(replay_start(), ERROR_WRONG_STATE);
    CHECK_STATUS(replay_finish(), OK);
    CHECK_STATUS(replay_finish(), ERROR_WRONG_STATE);
}

TEST(input_reaches_the_host_at_once) {
    host_t host;
    host_init(&host);
    calls = 0;
    CHECK_STATUS(host_configure(&host, REPLAY_MODE_NONE, NULL, NULL), OK);
    int32_t device = replay_register_char_driver(count_chars, NULL);
    host_start(&host, REPLAY_THREAD_VCPU | REPLAY_THREAD_IO);
    CHECK_STATUS(replay_chr_be_write(device, (const uint8_t *)"12345", 5), OK);
    CHECK_EQ(calls, 5);
    CHECK_STATUS(host_end(&host), OK);
}

/* ------------------------------------------------------------------- pauses */

static int64_t fired_at;
static void wake_up(void *opaque) {
    host_t *host = opaque;
    host->idle = false;
    fired_at = replay_get_virtual_clock();
}

TEST(a_pause_does_not_count_as_sleep) {
    host_t host;
    host_begin(&host, REPLAY_MODE_NONE, NULL, NULL);
    replay_timer_t *timer = replay_timer_new(wake_up, &host);
    CHECK_STATUS(replay_timer_mod(timer, 100000000), OK);
    host.idle = true;
    int64_t since = test_now_ns();
    while (host.idle && test_now_ns() - since < 5000000000) {
        int64_t now = test_now_ns() - since;
        host.paused = now > 30000000 && now < 330000000;
        replay_start_warp_timer();
        replay_account_warp_timer();
        replay_wait(5000000);
    }
    CHECK(test_now_ns() - since >= 390000000);
    CHECK(fired_at >= 100000000 && fired_at < 200000000);
    CHECK_STATUS(replay_timer_free(timer), OK);
    CHECK_STATUS(host_end(&host), OK);
}
