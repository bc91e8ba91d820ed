/* SPDX-License-Identifier: MIT */
#define REPLAY_SEVERAL_SESSIONS
#include "script-steps.h"

#include <errno.h>

/* -------------------------------------------------- what reaches the guest */

static void receive_char(void *opaque, const uint8_t *data, size_t length) {
    script_see(opaque, OP_CHAR_POST, (int64_t)script_hash(data, length));
}

static void receive_packet(void *opaque, uint32_t flags, const uint8_t *data, size_t length) {
    script_see(opaque, OP_PACKET, (int64_t)(script_hash(data, length) + flags));
}

static void receive_input(void *opaque, const replay_input_event_t *event) {
    script_see(((host_t *)opaque)->user, OP_INPUT, (int64_t)script_hash(event, sizeof *event));
}

static void receive_input_sync(void *opaque) {
    script_see(((host_t *)opaque)->user, OP_INPUT_SYNC, 0);
}

static void receive_shutdown(void *opaque, replay_shutdown_cause_t cause) {
    script_run_t *run = ((host_t *)opaque)->user;
    run->shutdowns_seen++;
    script_see(run, OP_SHUTDOWN, cause);
}

void script_set_callbacks(script_run_t *run) {
    run->host.user = run;
    run->host.callbacks.input = receive_input;
    run->host.callbacks.input_sync = receive_input_sync;
    run->host.callbacks.shutdown = receive_shutdown;
}

typedef struct {
    script_run_t *run;
    op_t op;
    int64_t value;
    struct iovec piece;
} pending_t;

static pending_t *new_pending(script_run_t *run, op_t op, int64_t value, size_t length) {
    pending_t *pending = calloc(1, sizeof *pending + length);
    *pending = (pending_t){run, op, value, {pending + 1, length}};
    return pending;
}

static void run_pending(void *opaque) {
    pending_t *pending = opaque;
    script_see(pending->run, pending->op, pending->value);
    free(pending);
}

static void complete_request(void *opaque, int32_t result) {
    pending_t *pending = opaque;
    script_run_t *run = pending->run;
    uint64_t data = script_hash(pending->piece.iov_base, pending->piece.iov_len);
    script_see(run, pending->op, result < 0 ? result : (int64_t)(data >> 1));
    atomic_fetch_sub(&run->under_way, 1);
    free(pending);
}

/* -------------------------------------------------------------------- disk */

static int64_t disk_length(void *opaque) {
    (void)opaque;
    return SCRIPT_DISK_BYTES;
}

static void disk_read(void *opaque, replay_block_request_t *request, uint64_t offset,
                      const struct iovec *pieces, int32_t count, uint32_t flags) {
    const script_run_t *run = opaque;
    (void)flags;
    int32_t result = run->failing_from && offset >= (uint64_t)run->failing_from ? -EIO : 0;
    for (int32_t i = 0; i < count && result == 0; i++)
        for (size_t at = 0; at < pieces[i].iov_len; at++, offset++)
            ((uint8_t *)pieces[i].iov_base)[at] =
                run->disk ? run->disk[offset] : (uint8_t)(offset * 7 + (offset >> 8));
    replay_block_complete(request, result);
}

bool script_open_devices(script_run_t *run) {
    run->device = replay_register_char_driver(receive_char, run);
    run->net = replay_register_net(receive_packet, run);
    if (!run->with_disk)
        return true;
    replay_block_backend_t backend = REPLAY_BLOCK_BACKEND_INIT;
    backend.length = disk_length;
    backend.read = disk_read;
    replay_block_config_t config = REPLAY_BLOCK_CONFIG_INIT;
    config.name = "system";
    config.backend = &backend;
    config.opaque = run;
    run->block = replay_block_open(&config, &run->started);
    return run->block != NULL;
}

/* ------------------------------------------------------------------- steps */

replay_role_t script_roles(const script_run_t *run, const step_t *step) {
    if (!run->two_threads)
        return REPLAY_THREAD_VCPU | REPLAY_THREAD_IO;
    return step && step->io ? REPLAY_THREAD_IO : REPLAY_THREAD_VCPU;
}

/* What PLAY gives must not matter: it gives something else. */
static int64_t given(const script_run_t *run, int64_t value) {
    return run->mode == REPLAY_MODE_PLAY && !run->given_values ? value + 0x123457 : value;
}

static void ask(script_run_t *run, const step_t *step) {
    int64_t since = test_now_ns();
    for (;;) {
        bool yes = step->op == OP_INTERRUPT   ? replay_interrupt()
                   : step->op == OP_EXCEPTION ? replay_exception()
                                              : replay_checkpoint((int32_t)step->a);
        if (yes) {
            script_see(run, step->op == OP_TRY ? OP_CHECKPOINT : step->op, step->a);
            return;
        }
        if (step->op == OP_TRY || run->mode != REPLAY_MODE_PLAY ||
            !host_again(&run->host, script_roles(run, step), since))
            return;
        replay_wait(10000000);
    }
}

static void read_clock(script_run_t *run, const step_t *step) {
    script_see(run, OP_CLOCK,
               REPLAY_CLOCK_LOCKED((replay_clock_kind_t)step->b, given(run, step->a)));
}

static void take_random(script_run_t *run, const step_t *step) {
    uint64_t seed = (uint64_t)step->a;
    size_t length = (size_t)step->b;
    memset(run->bytes, 0xee, sizeof run->bytes);
    if (run->mode == REPLAY_MODE_PLAY) {
        run->result = replay_read_random(run->bytes, length);
    } else {
        for (size_t i = 0; i < length; i++)
            run->bytes[i] = (uint8_t)test_random(&seed);
        run->result = 0;
        if (run->mode == REPLAY_MODE_RECORD)
            replay_save_random(run->result, run->bytes, length);
    }
    script_see(run, OP_RANDOM, (int64_t)script_hash(run->bytes, length) + run->result);
}

static void read_chars(script_run_t *run, const step_t *step) {
    run->result = 0;
    if (run->mode == REPLAY_MODE_PLAY) {
        replay_char_read_all_load(run->bytes, sizeof run->bytes, &run->result);
    } else if (step->op == OP_CHAR_READ_ERROR) {
        run->result = (int32_t)step->a;
        replay_char_read_all_save_error(run->result);
    } else {
        run->result = (int32_t)strlen(step->text);
        memcpy(run->bytes, step->text, strlen(step->text));
        replay_char_read_all_save_buf((const uint8_t *)step->text, strlen(step->text));
    }
    script_see(run, OP_CHAR_READ,
               run->result < 0 ? run->result
                               : (int64_t)script_hash(run->bytes, (size_t)run->result));
}

static void write_chars(script_run_t *run, const step_t *step) {
    int32_t result = (int32_t)step->a, offset = (int32_t)step->b;
    if (run->mode == REPLAY_MODE_PLAY)
        replay_char_write_event_load(&result, &offset);
    else
        replay_char_write_event_save(result, offset);
    script_see(run, OP_CHAR_WRITE, ((int64_t)result << 32) + offset);
}

static void record_audio(script_run_t *run, const step_t *step) {
    size_t count = run->mode == REPLAY_MODE_PLAY ? 0 : (size_t)step->b;
    replay_audio_in_start(&count);
    uint64_t sum = count;
    for (size_t i = 0; i < count && i < 1000; i++) {
        uint64_t left = (uint64_t)given(run, step->a + (int64_t)i), right = left * 3;
        replay_audio_in_sample_lr(&left, &right);
        sum = sum * 31 + left + right;
    }
    replay_audio_in_finish();
    script_see(run, OP_AUDIO_IN, (int64_t)sum);
}

static void play_audio(script_run_t *run, const step_t *step) {
    size_t played = (size_t)given(run, step->a);
    replay_audio_out(&played);
    script_see(run, OP_AUDIO_OUT, (int64_t)played);
}

static void request_shutdown(script_run_t *run, const step_t *step) {
    run->shutdowns_asked++;
    replay_shutdown_request((replay_shutdown_cause_t)step->a);
    if (run->mode == REPLAY_MODE_RECORD) {
        script_see(run, OP_SHUTDOWN, step->a);
        return;
    }
    /* In PLAY it may have come when the place was reached. */
    int64_t since = test_now_ns();
    while (run->shutdowns_seen < run->shutdowns_asked && run->mode == REPLAY_MODE_PLAY &&
           host_again(&run->host, script_roles(run, step), since) &&
           run->shutdowns_seen < run->shutdowns_asked)
        replay_wait(10000000);
}

static void post(script_run_t *run, const step_t *step) {
    struct iovec pieces[2] = {{NULL, 0}, {NULL, 0}};
    replay_input_event_t input = {.kind = REPLAY_INPUT_KEY};
    switch (step->op) {
    case OP_CHAR_POST:
        replay_chr_be_write(run->device, (const uint8_t *)step->text, strlen(step->text));
        break;
    case OP_PACKET:
        pieces[0] = (struct iovec){(void *)step->text, 1};
        pieces[1] = (struct iovec){(void *)(step->text + 1), strlen(step->text) - 1};
        replay_net_packet_event(run->net, (uint32_t)step->b, pieces, 2);
        break;
    case OP_INPUT:
        input.code = (int32_t)given(run, step->a);
        input.value = 1;
        replay_input_event(&input);
        break;
    default:
        replay_input_sync_event();
    }
}

static void request_block(script_run_t *run, const step_t *step) {
    replay_status_t status;
    atomic_fetch_add(&run->under_way, 1);
    size_t length = step->op == OP_WRITE ? strlen(step->text) : (size_t)step->b;
    pending_t *pending = new_pending(run, step->op, 0, length);
    if (step->op == OP_WRITE) {
        memcpy(pending->piece.iov_base, step->text, length);
        status = replay_block_write(run->block, (uint64_t)step->a, &pending->piece, 1, 0,
                                    complete_request, pending);
    } else {
        status = replay_block_read(run->block, (uint64_t)step->a, &pending->piece, 1, 0,
                                   complete_request, pending);
    }
    if (status != REPLAY_OK) {
        atomic_fetch_sub(&run->under_way, 1);
        free(pending);
    }
}

static void drain(script_run_t *run, const step_t *step) {
    int64_t since = test_now_ns();
    replay_async_events();
    while (atomic_load(&run->under_way) > 0 && !host_stopped(&run->host)) {
        if (!host_again(&run->host, script_roles(run, step), since))
            break;
        if (atomic_load(&run->under_way) > 0)
            replay_wait(10000000);
    }
}

void script_step(script_run_t *run, const step_t *step) {
    run->step_icount = run->host.icount;
    switch (step->op) {
    case OP_EXECUTE:
        host_execute(&run->host, script_roles(run, step), (uint64_t)step->a);
        break;
    case OP_CLOCK:
        read_clock(run, step);
        break;
    case OP_CHECKPOINT:
    case OP_TRY:
    case OP_INTERRUPT:
    case OP_EXCEPTION:
        ask(run, step);
        break;
    case OP_RANDOM:
        take_random(run, step);
        break;
    case OP_CHAR_POST:
    case OP_INPUT:
    case OP_INPUT_SYNC:
    case OP_PACKET:
        post(run, step);
        break;
    case OP_BH:
        replay_bh_schedule_event(run_pending, new_pending(run, OP_BH, step->a, 0));
        break;
    case OP_BH_ONESHOT:
        replay_bh_schedule_oneshot_event(run_pending, new_pending(run, OP_BH_ONESHOT, step->a, 0));
        break;
    case OP_BLOCK_EVENT:
        replay_block_event(run_pending, new_pending(run, OP_BLOCK_EVENT, step->a, 0),
                           blkreplay_next_id());
        break;
    case OP_READ:
    case OP_WRITE:
        request_block(run, step);
        break;
    case OP_FLUSH:
        replay_async_events();
        break;
    case OP_DRAIN:
        drain(run, step);
        break;
    case OP_TURN:
        replay_account_warp_timer();
        break;
    case OP_IO_TURN:
        replay_start_warp_timer();
        break;
    case OP_DIGEST:
        replay_digest((uint64_t)step->a);
        break;
    case OP_CHAR_WRITE:
        write_chars(run, step);
        break;
    case OP_CHAR_READ:
    case OP_CHAR_READ_ERROR:
        read_chars(run, step);
        break;
    case OP_AUDIO_OUT:
        play_audio(run, step);
        break;
    case OP_AUDIO_IN:
        record_audio(run, step);
        break;
    case OP_SHUTDOWN:
        request_shutdown(run, step);
        break;
    case OP_COUNT:
        break;
    }
}
