/* SPDX-License-Identifier: MIT */
#include "journey-hits.h"

static struct {
    const journey_host_t *m;
    uint64_t hits[JOURNEY_HITS_MOST];
    unsigned wanted, count;
    bool is_back;
} it;

static bool there_and_back(replay_pause_reason_t why) {
    bool at_begin = it.is_back && it.count == 0;
    if (!CHECK_EQ(why, at_begin ? REPLAY_PAUSE_BEGIN : REPLAY_PAUSE_BREAKPOINT))
        return false;
    uint64_t icount = it.m->cpu.icount;
    if (at_begin) {
        journey_is_here(it.m, 0);
        return false;
    }
    if (it.is_back) {
        if (!CHECK_EQ(icount, it.hits[--it.count]))
            return false;
    } else {
        CHECK(it.count == 0 || icount > it.hits[it.count - 1]);
        it.hits[it.count++] = icount;
        it.is_back = it.count == it.wanted;
        it.count -= it.is_back;
    }
    CHECK_STATUS(it.is_back ? replay_reverse_continue() : replay_resume(), OK);
    return true;
}

void journey_go_there_and_back(journey_host_t *m, unsigned hits) {
    REQUIRE(hits > 0 && hits <= JOURNEY_HITS_MOST);
    it.m = m;
    (it.wanted = hits, it.count = 0, it.is_back = false);
    m->on_pause = journey_at_pause;
    m->next = there_and_back;
}
