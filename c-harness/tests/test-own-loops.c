/* SPDX-License-Identifier: MIT */
/* A host with its own loops: random runs are recorded, some of them killed, and replayed. */
#include "own-loops-host.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static bool record(const plan_t *plan, trace_t *trace) {
    atomic_store(&trace->count, 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(own_loops_run(plan, REPLAY_MODE_RECORD, trace) == REPLAY_OK && test_failures() == 0
                  ? 0
                  : 1);
    int status;
    while (waitpid(child, &status, 0) == -1 && errno == EINTR)
        ;
    return plan->ending == END_KILL ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
                                    : WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool is_prefix(const trace_t *one, const trace_t *other) {
    unsigned count = one->count < other->count ? one->count : other->count;
    for (unsigned i = 0; i < count; i++)
        if (one->icount[i] != other->icount[i] || one->state[i] != other->state[i])
            return false;
    return true;
}

static void check_replay(const plan_t *plan, replay_status_t status, const trace_t *recorded,
                         const trace_t *played, int64_t ns) {
    bool is_reported = status == REPLAY_ERROR_STALLED || status == REPLAY_ERROR_DIVERGENCE;
    CHECK(is_prefix(played, recorded));
    CHECK(ns < 2000000000);
    CHECK(!m.asked_in_seqlock);
    if (plan->forgets && is_reported) {
        CHECK_EQ(m.reason, REPLAY_STOP_DIVERGENCE);
        CHECK(m.error.message[0] != 0);
        return;
    }
    switch (plan->ending) {
    case END_GUEST:
    case END_USER:
        CHECK_STATUS(status, OK);
        CHECK_EQ(m.shutdowns, 1);
        CHECK_EQ(m.cause, plan->ending == END_USER ? REPLAY_SHUTDOWN_HOST_QUIT
                                                   : REPLAY_SHUTDOWN_GUEST_SHUTDOWN);
        break;
    case END_FINISH:
        CHECK_STATUS(status, OK);
        CHECK_EQ(m.reason, REPLAY_STOP_END);
        CHECK_EQ(played->count, recorded->count);
        break;
    default:
        CHECK_STATUS(status, ERROR_LOG_CUT);
        CHECK_EQ(m.reason, REPLAY_STOP_CUT);
        CHECK(played->count >= recorded->count);
    }
}

static plan_t random_plan(uint64_t seed) {
    static const char *const options[] = {NULL, "rrdigest=300", "rrsegment=256",
                                          "rrdigest=1000,rrsegment=4096"};
    plan_t plan = {.seed = seed,
                   .ending = (ending_t)(own_loops_hash(seed) % END_COUNT),
                   .asleep = own_loops_hash(seed + 1) % 3 == 0,
                   .last = 50 + own_loops_hash(seed + 2) % 2500,
                   .options = options[own_loops_hash(seed + 3) % 4]};
    if (plan.ending == END_GUEST)
        plan.asleep = false;
    return plan;
}

static void try_runs(int count) {
    trace_t *traces =
        mmap(NULL, 2 * sizeof(trace_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(traces != MAP_FAILED);
    const char *one = getenv("TEST_RUN");
    uint64_t seed = test_seed();
    int64_t longest = 0;
    for (int i = 0; i < count && test_failures() == 0; i++) {
        plan_t plan = random_plan(one ? strtoull(one, NULL, 0) : test_random(&seed));
        test_note("run %llu, ending %d%s", (unsigned long long)plan.seed, plan.ending,
                  plan.asleep ? " asleep" : "");
        if (!record(&plan, &traces[0])) {
            test_fail(TEST_HERE, "recording %llu fails", (unsigned long long)plan.seed);
            break;
        }
        plan.forgets = i % 16 == 15;
        if (plan.forgets)
            plan.options = "rrstall=200";
        atomic_store(&traces[1].count, 0);
        int64_t begun = test_now_ns();
        replay_status_t status = own_loops_run(&plan, REPLAY_MODE_PLAY, &traces[1]);
        int64_t ns = test_now_ns() - begun;
        longest = ns > longest ? ns : longest;
        check_replay(&plan, status, &traces[0], &traces[1], ns);
        if (test_failures())
            printf(
                "    TEST_RUN=%llu ending %d%s%s: %s\n    recorded %u, played %u to icount %llu of "
                "%llu\n    %s%s\n",
                (unsigned long long)plan.seed, plan.ending, plan.asleep ? " asleep" : "",
                plan.forgets ? " forgets" : "", test_status_name(status), traces[0].count,
                traces[1].count, (unsigned long long)m.icount, (unsigned long long)plan.last,
                m.error.message, m.messages);
    }
    printf("    %d runs, the longest replay took %lld ms\n", count, (long long)longest / 1000000);
    munmap(traces, 2 * sizeof(trace_t));
}

TEST_SLOW(random_runs_are_replayed_and_end_in_the_right_callback, 110) {
    try_runs(40);
}
TEST_LONG(many_random_runs_are_replayed, 1700) {
    try_runs(1000);
}
