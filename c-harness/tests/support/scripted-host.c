/* SPDX-License-Identifier: MIT */
#include "script-steps.h"

static const char *const op_names[OP_COUNT] = {
    "EXECUTE",    "CLOCK",       "CHECKPOINT", "TRY",        "INTERRUPT", "EXCEPTION",
    "RANDOM",     "CHAR_POST",   "INPUT",      "INPUT_SYNC", "PACKET",    "BH",
    "BH_ONESHOT", "BLOCK_EVENT", "READ",       "WRITE",      "FLUSH",     "DRAIN",
    "TURN",       "IO_TURN",     "DIGEST",     "CHAR_WRITE", "CHAR_READ", "CHAR_READ_ERROR",
    "AUDIO_OUT",  "AUDIO_IN",    "SHUTDOWN"};

const char *op_name(op_t op) {
    return op_names[op];
}

uint64_t script_hash(const void *data, size_t length) {
    const uint8_t *bytes = data;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++)
        h = (h ^ bytes[i]) * 0x100000001b3u;
    return h;
}

/* ------------------------------------------------------------------- trace */

void script_see(script_run_t *run, op_t op, int64_t value) {
    if (run->quiet || host_stopped(&run->host))
        return; /* the guest does not go on */
    if (run->seen_count == run->seen_room) {
        run->seen_room = run->seen_room ? run->seen_room * 2 : 64;
        run->seen = realloc(run->seen, run->seen_room * sizeof *run->seen);
    }
    seen_t *seen = &run->seen[run->seen_count++];
    memset(seen, 0, sizeof *seen);
    *seen = (seen_t){run->host.icount, op, value};
}

static uint64_t digest_of_trace(void *opaque) {
    const script_run_t *run = ((host_t *)opaque)->user;
    uint64_t h = run->host.icount;
    for (size_t i = 0; i < run->seen_count; i++) {
        uint64_t words[3] = {run->seen[i].icount, run->seen[i].op, (uint64_t)run->seen[i].value};
        h = h * 31 + script_hash(words, sizeof words);
    }
    return h;
}

bool script_is_prefix(const script_run_t *got, const script_run_t *want) {
    if (got->seen_count > want->seen_count)
        return false;
    for (size_t i = 0; i < got->seen_count; i++) {
        const seen_t *a = &got->seen[i], *b = &want->seen[i];
        if (a->icount != b->icount || a->op != b->op || a->value != b->value)
            return false;
    }
    return true;
}

bool script_is_same(const script_run_t *got, const script_run_t *want) {
    return got->seen_count == want->seen_count && script_is_prefix(got, want);
}

bool script_check_same(test_place_t place, const script_run_t *got, const script_run_t *want) {
    for (size_t i = 0; i < got->seen_count && i < want->seen_count; i++) {
        const seen_t *a = &got->seen[i], *b = &want->seen[i];
        if (a->icount == b->icount && a->op == b->op && a->value == b->value)
            continue;
        test_fail(place, "the guest saw %s %lld at icount %llu as its %zuth, not %s %lld at %llu",
                  op_name(a->op), (long long)a->value, (unsigned long long)a->icount, i,
                  op_name(b->op), (long long)b->value, (unsigned long long)b->icount);
        return false;
    }
    return test_check_equal(place, "number of things that the guest saw",
                            (long long)got->seen_count, (long long)want->seen_count);
}

/* -------------------------------------------------------------- I/O thread */

typedef struct io_thread {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    const step_t *step; /* to be done, or NULL */
    bool end;
    replay_session_t *session;
    script_run_t *run;
} io_thread_t;

static void *run_io_thread(void *opaque) {
    io_thread_t *io = opaque;
    replay_session_push_current(io->session);
    replay_thread_attach(REPLAY_THREAD_IO);
    pthread_mutex_lock(&io->mutex);
    while (!io->end) {
        if (!io->step) {
            pthread_cond_wait(&io->changed, &io->mutex);
            continue;
        }
        const step_t *step = io->step;
        pthread_mutex_unlock(&io->mutex);
        replay_mutex_lock();
        script_step(io->run, step);
        replay_mutex_unlock();
        pthread_mutex_lock(&io->mutex);
        io->step = NULL;
        pthread_cond_broadcast(&io->changed);
    }
    pthread_mutex_unlock(&io->mutex);
    replay_session_pop_current();
    return NULL;
}

static void do_on_io_thread(io_thread_t *io, const step_t *step) {
    replay_mutex_unlock();
    pthread_mutex_lock(&io->mutex);
    io->step = step;
    pthread_cond_broadcast(&io->changed);
    while (io->step)
        pthread_cond_wait(&io->changed, &io->mutex);
    pthread_mutex_unlock(&io->mutex);
    replay_mutex_lock();
}

static void end_io_thread(io_thread_t *io) {
    pthread_mutex_lock(&io->mutex);
    io->end = true;
    pthread_cond_broadcast(&io->changed);
    pthread_mutex_unlock(&io->mutex);
    pthread_join(io->thread, NULL);
}

/* --------------------------------------------------------------------- run */

void script_init(script_run_t *run, replay_mode_t mode, const char *path, const step_t *steps,
                 size_t count) {
    memset(run, 0, sizeof *run);
    host_init(&run->host);
    script_set_callbacks(run);
    run->mode = mode;
    run->path = path;
    run->steps = steps;
    run->count = count;
    for (size_t i = 0; i < count; i++) {
        run->two_threads |= steps[i].io;
        run->with_disk |= steps[i].op == OP_READ || steps[i].op == OP_WRITE;
    }
}

static void run_steps(script_run_t *run) {
    io_thread_t io = {.run = run, .session = replay_session_get_current()};
    replay_thread_attach(script_roles(run, NULL));
    if (run->two_threads) {
        pthread_mutex_init(&io.mutex, NULL);
        pthread_cond_init(&io.changed, NULL);
        pthread_create(&io.thread, NULL, run_io_thread, &io);
    }
    replay_mutex_lock();
    for (run->done = 0; run->done < run->count && !host_stopped(&run->host) && !run->host.hung;
         run->done++) {
        const step_t *step = &run->steps[run->done];
        if (step->io && run->two_threads)
            do_on_io_thread(&io, step);
        else
            script_step(run, step);
        if (run->each)
            run->each(run, run->done);
    }
    if (run->mode == REPLAY_MODE_PLAY && !run->leave_early && !run->host.hung)
        host_run_to_end(&run->host, script_roles(run, NULL));
    replay_last_error(&run->error);
    replay_query(&run->info);
    replay_mutex_unlock();
    if (run->two_threads)
        end_io_thread(&io);
}

static void run_current(script_run_t *run) {
    if (run->with_digest)
        run->host.callbacks.digest = digest_of_trace;
    run->configured = host_configure(&run->host, run->mode, run->path, run->options);
    if (run->configured == REPLAY_OK) {
        if (run->machine)
            replay_fingerprint("machine", run->machine);
        if (script_open_devices(run))
            run->started = replay_start();
        if (run->started == REPLAY_OK)
            run_steps(run);
        run->quiet = run->mode == REPLAY_MODE_PLAY; /* what is left over is run unwritten */
        if (run->block) {
            replay_mutex_lock();
            replay_block_close(run->block);
            replay_mutex_unlock();
        }
        if (run->started != REPLAY_OK)
            replay_last_error(&run->error);
        run->finished = replay_finish();
        if (run->error.status == REPLAY_OK)
            replay_last_error(&run->error);
    } else {
        replay_last_error(&run->error);
    }
}

void script_run(script_run_t *run) {
    int64_t begun = test_now_ns();
    run->error = (replay_error_t)REPLAY_ERROR_INIT;
    run->info = (replay_info_t)REPLAY_INFO_INIT;
    replay_session_t *session = NULL;
    if (run->own_session) {
        session = replay_session_new();
        REQUIRE(session != NULL);
        REQUIRE_STATUS(replay_session_push_current(session), OK);
    }
    run_current(run);
    if (run->own_session) {
        CHECK_STATUS(replay_session_pop_current(), OK);
        CHECK_STATUS(replay_session_free(session), OK);
    }
    run->ns = test_now_ns() - begun;
}

void script_free(script_run_t *run) {
    free(run->seen);
    run->seen = NULL;
    run->seen_count = run->seen_room = 0;
}

replay_status_t script_status(const script_run_t *run) {
    if (run->configured != REPLAY_OK)
        return run->configured;
    if (run->started != REPLAY_OK)
        return run->started;
    if (host_stopped((host_t *)&run->host) && run->host.stop_had_error)
        return run->host.stop_error.status;
    return run->finished;
}

const char *script_message(const script_run_t *run) {
    if (run->configured == REPLAY_OK && run->started == REPLAY_OK && run->host.stop_had_error)
        return run->host.stop_error.message;
    return run->error.message;
}

void script_record(script_run_t *run, const char *path, const step_t *steps, size_t count) {
    script_init(run, REPLAY_MODE_RECORD, path, steps, count);
    script_run(run);
    if (script_status(run) != REPLAY_OK) {
        test_fail(TEST_HERE, "recording fails: %s: %s", test_status_name(script_status(run)),
                  script_message(run));
        test_abandon();
    }
}

static bool check_success(test_place_t place, const char *what, const script_run_t *run) {
    replay_status_t status = script_status(run);
    if (run->host.hung)
        test_fail(place, "%s hangs at step %zu, icount %llu", what, run->done,
                  (unsigned long long)run->host.icount);
    else if (status != REPLAY_OK)
        test_fail(place, "%s fails at step %zu: %s: %s", what, run->done, test_status_name(status),
                  script_message(run));
    return status == REPLAY_OK && !run->host.hung;
}

void script_check_round_trip(test_place_t place, const char *options, const step_t *steps,
                             size_t count) {
    const char *path = test_path("round-trip.log");
    script_run_t record, play;
    script_init(&record, REPLAY_MODE_RECORD, path, steps, count);
    record.options = options;
    record.with_digest = true;
    script_run(&record);
    if (!check_success(place, "recording", &record))
        test_abandon();
    script_init(&play, REPLAY_MODE_PLAY, path, steps, count);
    play.options = options;
    play.with_digest = true;
    script_run(&play);
    check_success(place, "replay", &play);
    script_check_same(place, &play, &record);
    script_free(&record);
    script_free(&play);
}

const char *op_keyword(const step_t *step) {
    static const char *const checkpoints[REPLAY_CHECKPOINT_COUNT] = {
        "warp_start",        "warp_account",  "reset_requested",
        "suspend_requested", "clock_virtual", "clock_host",
        "clock_virtual_rt",  "init",          "reset"};
    static const char *const ops[OP_COUNT] = {
        [OP_CLOCK] = "clock",         [OP_INTERRUPT] = "interrupt",
        [OP_EXCEPTION] = "exception", [OP_RANDOM] = "random",
        [OP_DIGEST] = "digest",       [OP_CHAR_WRITE] = "char",
        [OP_CHAR_READ] = "char",      [OP_CHAR_READ_ERROR] = "char",
        [OP_AUDIO_OUT] = "audio",     [OP_AUDIO_IN] = "audio",
        [OP_BH] = "bottom",           [OP_BH_ONESHOT] = "bottom",
        [OP_BLOCK_EVENT] = "block",   [OP_SHUTDOWN] = "shutdown",
        [OP_READ] = "block",          [OP_WRITE] = "block"};
    if (step->op == OP_CHECKPOINT)
        return checkpoints[step->a];
    return ops[step->op] ? ops[step->op] : "";
}
