/* SPDX-License-Identifier: MIT */
/* run.h in mode NONE: the host's loop. */
#include "stubs.h"

enum { SLICE = 10000, LONGEST_REST_NS = 100000000, REST_WITHOUT_PROGRESS_NS = 10000000 };

/* The session and the roles that this thread runs, if it is in replay_run(). */
static _Thread_local replay_session_t *running;

static bool is_stopped(replay_session_t *session) {
    pthread_mutex_lock(&session->mutex);
    bool stopped = session->run_stopped;
    pthread_mutex_unlock(&session->mutex);
    return stopped;
}

static void run_slice(replay_session_t *session) {
    const replay_host_t *host = &session->host;
    replay_turn();
    if (host->interrupt)
        host->interrupt(session->opaque);
    if (is_stopped(session))
        return;
    bool idle = host->cpus_idle && host->cpus_idle(session->opaque);
    uint64_t before = replay_get_current_icount();
    uint64_t instructions = replay_get_budget(idle ? 0 : SLICE);
    if (instructions == 0) {
        replay_wait(LONGEST_REST_NS);
        return;
    }
    host->execute(session->opaque, instructions);
    if (replay_get_current_icount() == before)
        replay_stub_rest(session, REST_WITHOUT_PROGRESS_NS);
}

static void run_main_loop(replay_session_t *session) {
    replay_turn();
    if (!is_stopped(session))
        replay_wait(-1);
}

static replay_status_t enter(replay_session_t *session, bool is_vcpu) {
    if (running == session)
        return replay_stub_fail(session, REPLAY_ERROR_REENTERED,
                                "replay_run was called from within a callback of its own");
    pthread_mutex_lock(&session->mutex);
    bool is_second = is_vcpu && session->vcpu_runs;
    if (is_vcpu)
        session->vcpu_runs = true;
    pthread_mutex_unlock(&session->mutex);
    return is_second ? replay_stub_fail(session, REPLAY_ERROR_WRONG_ROLE,
                                        "replay_run was called by a second vCPU thread")
                     : REPLAY_OK;
}

replay_status_t replay_run(void) {
    replay_session_t *session = replay_stub_session();
    if (!session->started)
        return replay_stub_fail(session, REPLAY_ERROR_WRONG_STATE,
                                "replay_run was called before replay_start");
    bool is_vcpu = replay_stub_roles() & REPLAY_THREAD_VCPU;
    if (is_vcpu && !session->host.execute)
        return replay_stub_fail(session, REPLAY_ERROR_INVALID_ARGUMENT,
                                "replay_run needs the callback execute in the host's table");
    replay_status_t status = enter(session, is_vcpu);
    if (status != REPLAY_OK)
        return status;
    replay_session_t *before = running;
    running = session;
    replay_stub_turn_begins(session);
    while (!is_stopped(session)) {
        if (!replay_stub_machine_runs(session))
            replay_stub_rest(session, LONGEST_REST_NS);
        else if (is_vcpu)
            run_slice(session);
        else
            run_main_loop(session);
    }
    running = before;
    if (is_vcpu) {
        pthread_mutex_lock(&session->mutex);
        session->vcpu_runs = false;
        pthread_mutex_unlock(&session->mutex);
    }
    return REPLAY_OK;
}

replay_status_t replay_run_stop(void) {
    replay_session_t *session = replay_stub_session();
    if (!session->configured)
        return replay_stub_fail(session, REPLAY_ERROR_WRONG_STATE,
                                "replay_run_stop was called without a session to stop");
    pthread_mutex_lock(&session->mutex);
    session->run_stopped = true;
    pthread_mutex_unlock(&session->mutex);
    if (session->host.kick)
        session->host.kick(session->opaque);
    if (session->host.wake_io)
        session->host.wake_io(session->opaque);
    replay_stub_changed(session);
    return REPLAY_OK;
}
