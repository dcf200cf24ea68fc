/* job_state.h -- the life of a job: the one function that decides its next state (spec 20 Q3, Q6).
 *
 *   event              from                to
 *   JOB_CLAIM          queued              running, attempts + 1
 *   JOB_SUCCEED        running             done
 *   JOB_FAIL           running             queued after the backoff; failed when that was the last attempt
 *   JOB_FAIL_FOR_GOOD  running             failed
 *   JOB_RATE_LIMITED   running             queued until the reset, attempts - 1
 *   JOB_LEASE_EXPIRED  running             queued at once; failed when that was the last attempt
 *   JOB_RELEASE        running             queued as before the claim, attempts - 1
 *   JOB_CANCEL         queued, running     cancelled
 *   JOB_RETRY          failed, cancelled   queued at once, attempts = 0
 *
 * Every other pair is JOB_E_NOT_ALLOWED: a late or repeated event, which changes nothing.  `attempts` counts
 * consumed attempts: a claim consumes one, a rate limit and a release give it back.  The caller stores the
 * change and keeps the counters of spec 30 in the same transaction.  Pure.  Any thread. */
#pragma once
#include "core/profile.h"
#include "base/str.h"

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED };
#define JOB_STATE_COUNT 5

enum job_event {
    JOB_CLAIM,
    JOB_SUCCEED,
    JOB_FAIL,          /* may be tried again */
    JOB_FAIL_FOR_GOOD, /* must not */
    JOB_RATE_LIMITED,
    JOB_LEASE_EXPIRED, /* its worker has gone silent (Q9) */
    JOB_RELEASE,       /* the claim is undone: nothing was started */
    JOB_CANCEL,
    JOB_RETRY, /* by API or console: revives */
};
#define JOB_EVENT_COUNT 9

enum { JOB_E_NOT_ALLOWED = 1 };

struct job_facts {
    enum job_state state;
    int64_t attempts, max_attempts; /* max_attempts below 1 counts as 1 */
    int64_t run_after_us;           /* epoch; kept where the event does not set it */
};

struct job_timing {
    int64_t now_us; /* epoch */
    struct backoff_policy backoff;
    double unit;                 /* uniform in [0, 1), for jitter */
    int64_t rate_limit_reset_us; /* JOB_RATE_LIMITED: epoch, 0 when the agent named none */
};

struct job_change {
    enum job_state state;
    int64_t attempts;
    int64_t run_after_us; /* epoch; means something while queued */
    bool retried;         /* back to queued after a consumed attempt */
    bool exhausted;       /* has become failed */
};

/* A rate limit waits for the named reset, at most JOB_RATE_LIMIT_WAIT_MAX_US; without one between half and
 * all of the backoff's cap, since the attempt that is given back would never let the backoff grow. */
#define JOB_RATE_LIMIT_WAIT_MAX_US (INT64_C(8) * 86400 * 1000000) /* weekly limits exist */

MUST_CHECK int job_decide(const struct job_facts *facts, enum job_event event,
                          const struct job_timing *timing, struct job_change *ret);

const char *job_state_name(enum job_state state); /* "queued", … */
bool job_state_of(struct str name, enum job_state *ret);
static inline bool job_state_is_final(enum job_state state)
{
    return state != JOB_QUEUED && state != JOB_RUNNING;
}
const char *job_event_name(enum job_event event); /* "claim", "succeed", …: for events and the audit log */
