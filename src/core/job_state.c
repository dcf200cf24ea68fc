#include "core/job_state.h"

#include "core/backoff.h"

static const char *const state_names[JOB_STATE_COUNT] = {[JOB_QUEUED] = "queued",
                                                         [JOB_RUNNING] = "running",
                                                         [JOB_DONE] = "done",
                                                         [JOB_FAILED] = "failed",
                                                         [JOB_CANCELLED] = "cancelled"};

static const char *const event_names[JOB_EVENT_COUNT] = {[JOB_CLAIM] = "claim",
                                                         [JOB_SUCCEED] = "succeed",
                                                         [JOB_FAIL] = "fail",
                                                         [JOB_FAIL_FOR_GOOD] = "fail_for_good",
                                                         [JOB_RATE_LIMITED] = "rate_limited",
                                                         [JOB_LEASE_EXPIRED] = "lease_expired",
                                                         [JOB_RELEASE] = "release",
                                                         [JOB_CANCEL] = "cancel",
                                                         [JOB_RETRY] = "retry"};

#define FROM(state) (1u << (state))

/* One row per event: where it may come from, where it leads, what it does to the attempts. */
static const struct edge {
    unsigned from; /* FROM bits */
    enum job_state to;
    int attempts;           /* added */
    bool forget_attempts;   /* set to 0 */
    bool fails_at_the_last; /* JOB_FAILED instead, once the attempts are used up */
} edges[JOB_EVENT_COUNT] = {
    [JOB_CLAIM] = {FROM(JOB_QUEUED), JOB_RUNNING, .attempts = 1},
    [JOB_SUCCEED] = {FROM(JOB_RUNNING), JOB_DONE},
    [JOB_FAIL] = {FROM(JOB_RUNNING), JOB_QUEUED, .fails_at_the_last = true},
    [JOB_FAIL_FOR_GOOD] = {FROM(JOB_RUNNING), JOB_FAILED},
    [JOB_RATE_LIMITED] = {FROM(JOB_RUNNING), JOB_QUEUED, .attempts = -1},
    [JOB_LEASE_EXPIRED] = {FROM(JOB_RUNNING), JOB_QUEUED, .fails_at_the_last = true},
    [JOB_RELEASE] = {FROM(JOB_RUNNING), JOB_QUEUED, .attempts = -1},
    [JOB_CANCEL] = {FROM(JOB_QUEUED) | FROM(JOB_RUNNING), JOB_CANCELLED},
    [JOB_RETRY] = {FROM(JOB_FAILED) | FROM(JOB_CANCELLED), JOB_QUEUED, .forget_attempts = true},
};

static int64_t later(int64_t at_us, int64_t by_us)
{
    int64_t sum;
    return __builtin_add_overflow(at_us, by_us, &sum) ? INT64_MAX : sum;
}

static int64_t after_rate_limit(const struct job_timing *t)
{
    if (t->rate_limit_reset_us > t->now_us)
        return MIN(t->rate_limit_reset_us, later(t->now_us, JOB_RATE_LIMIT_WAIT_MAX_US));
    int64_t half = MAX(t->backoff.cap_us, 0) / 2;
    struct backoff_policy upper_half = {.base_us = half, .cap_us = half};
    return later(t->now_us, half + backoff_delay_us(&upper_half, 1, t->unit));
}

static int64_t run_after(const struct job_facts *facts, enum job_event event, const struct job_timing *t)
{
    switch (event) {
    case JOB_FAIL:
        return later(t->now_us, backoff_delay_us(&t->backoff, facts->attempts, t->unit));
    case JOB_RATE_LIMITED:
        return after_rate_limit(t);
    case JOB_LEASE_EXPIRED:
    case JOB_RETRY:
        return t->now_us;
    default:
        return facts->run_after_us;
    }
}

int job_decide(const struct job_facts *facts, enum job_event event, const struct job_timing *timing,
               struct job_change *ret)
{
    assert(event < JOB_EVENT_COUNT && facts->state < JOB_STATE_COUNT);
    const struct edge *edge = &edges[event];
    if (!(edge->from & FROM(facts->state)))
        return JOB_E_NOT_ALLOWED;
    struct job_change change = {.state = edge->to, .run_after_us = facts->run_after_us};
    change.attempts = edge->forget_attempts ? 0 : MAX(facts->attempts + edge->attempts, 0);
    if (edge->fails_at_the_last) {
        change.retried = facts->attempts < MAX(facts->max_attempts, 1);
        change.state = change.retried ? JOB_QUEUED : JOB_FAILED;
    }
    change.exhausted = change.state == JOB_FAILED;
    if (change.state == JOB_QUEUED)
        change.run_after_us = run_after(facts, event, timing);
    *ret = change;
    return 0;
}

const char *job_state_name(enum job_state state)
{
    assert(state < JOB_STATE_COUNT);
    return state_names[state];
}

bool job_state_of(struct str name, enum job_state *ret)
{
    for (size_t i = 0; i < JOB_STATE_COUNT; i++) {
        if (str_equal(name, str_of(state_names[i]))) {
            *ret = (enum job_state)i;
            return true;
        }
    }
    return false;
}

const char *job_event_name(enum job_event event)
{
    assert(event < JOB_EVENT_COUNT);
    return event_names[event];
}
