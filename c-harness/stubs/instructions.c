/* SPDX-License-Identifier: MIT */
/* instructions.h in mode NONE; replay_get_budget() is in clock.c. */
#include "stubs.h"

uint64_t replay_get_current_icount(void) {
    replay_session_t *session = replay_stub_session();
    return session->host.icount ? session->host.icount(session->opaque) : 0;
}

int32_t replay_get_instructions(void) {
    return INT32_MAX;
}

replay_status_t replay_account_executed_instructions(void) {
    return REPLAY_OK;
}

bool replay_interrupt(void) {
    return true;
}

bool replay_has_interrupt(void) {
    return false;
}

bool replay_exception(void) {
    return true;
}

bool replay_has_exception(void) {
    return false;
}
