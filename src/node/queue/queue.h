/* queue.h -- the queue service: claims jobs, launches and watches runs, books results, serves external
 * workers (spec 20 Q3-Q15, Q17).
 *
 * The store is the truth; what is here is what only a live process can know: free slots, breakers, open
 * pidfds, who waits for a job.  Claims go in rounds: one store operation serves the launcher and every
 * waiting worker at once, so that limits are exact and a round costs one commit.  A run is booked exactly
 * once, by its row (store/runs.h); events are published after the commit.  Stopping leaves the runs alone:
 * the next node takes them up (Q12).
 *
 * It knows nothing of HTTP; node/api calls it.  Loop thread. */
#pragma once
#include "core/exit_class.h"
#include "io/config.h"
#include "node/events.h"
#include "node/fleet_inputs.h"
#include "node/metrics_inputs.h"
#include "store/jobs.h"
#include "store/store.h"

struct queue;
struct queue_config {
    const struct config *config; /* outlives the queue; queue_reload gives another */
    const char *runs_dir, *ended_dir,
        *shim_path;     /* shim_path NULL: nothing can be launched, and that is said */
    const char *cgroup; /* runs get theirs below it; "" for none */
};
struct queue *queue_new(uv_loop_t *loop, struct store *store, struct events *events,
                        const struct queue_config *config);
/* Takes up what an earlier node left (Q12), then starts to claim; `ready` is called once, when that is done.
 */
void queue_start(struct queue *q, void (*ready)(void *arg), void *arg);
void queue_reload(struct queue *q, const struct config *config);
/* Claims nothing more, answers waiting workers with nothing, finishes what is being booked. */
void queue_stop(struct queue *q);
struct queue *queue_free(struct queue *q); /* after the store has been closed */

/* Something may have become claimable. */
void queue_wake(struct queue *q);
/* Pauses or resumes in memory what the API has just stored (Q8). agent NULL: all. */
void queue_set_paused(struct queue *q, const char *agent, bool paused);
/* Another node of the same store has changed something: enum db_topic. */
void queue_heard(struct queue *q, unsigned topics);
/* Asks the live run of this job to end, by the profile's signal and grace (Q13).  False when it has none
 * here. */
bool queue_cancel_run(struct queue *q, int64_t job_id);
/* Publishes event.job.state; the API calls it after a change of its own has been committed. */
void queue_publish_job(struct queue *q, int64_t job_id, const char *agent, enum job_state state,
                       int64_t run_id, int64_t task_id, const char *cause);

/* -- external workers (Q9) -- */
#define QUEUE_LEASE_AGENTS_MAX 64
struct queue_lease_request {
    const char *worker;        /* copied */
    const char *const *agents; /* NULL-terminated, known profiles; copied */
    int64_t max, lease_us, wait_us;
    /* Once, with the jobs claimed (none: the wait is over, or err says why).  Strings live until it returns.
     */
    void (*done)(void *arg, const struct job *jobs, size_t count, const struct err *e);
    void *arg;
};
void queue_lease(struct queue *q, const struct queue_lease_request *request);
/* A worker's word on its job.  The outcome is in *e when it is refused: ERR_CONFLICT for a stale token (Q5).
 */
struct queue_report {
    int64_t job_id;
    const char *token;
    enum { QUEUE_HEARTBEAT, QUEUE_COMPLETE, QUEUE_FAIL } what;
    int64_t lease_us, pid, start_ticks; /* heartbeat; 0: unchanged, unknown */
    const char *error;                  /* fail: NULL or text */
    enum exit_class class;              /* fail: EXIT_RETRY, EXIT_FAIL or EXIT_RATE_LIMITED */
    int64_t retry_at_us;                /* rate limited: when, 0 unknown */
    struct usage usage;
    /* cancel: the job is to be cancelled; quiet: finish this one, take no more. */
    void (*done)(void *arg, const struct job *job, bool cancel, bool quiet, const struct err *e);
    void *arg;
};
void queue_report(struct queue *q, const struct queue_report *report);

/* -- reconcile (Q12, Q17) -- */
struct queue_reconciled {
    int64_t live, taken_up, imported, booked;
    int64_t violations; /* of invariants found, each repaired or shown, counted by kind in io/counters.h */
};
void queue_reconcile(struct queue *q,
                     void (*done)(void *arg, const struct queue_reconciled *r, const struct err *e),
                     void *arg);

/* -- views -- */
struct metrics_inputs queue_metrics_inputs(struct queue *q); /* for node.c to hand to the metrics service */
struct fleet_inputs queue_fleet_inputs(struct queue *q);     /* for the fleet */
struct queue_profile_view {
    const struct agent_profile *profile;
    struct breaker breaker;
    int64_t running;
    bool paused;
};
bool queue_started(const struct queue *q);
bool queue_paused(const struct queue *q);
/* When it last looked at what is queued and the store answered, monotonic: what says that it works. */
int64_t queue_last_look_us(const struct queue *q);
int64_t queue_live_count(const struct queue *q); /* runs that are followed */
size_t queue_profiles(const struct queue *q, struct queue_profile_view *ret, size_t max);
/* Tokens and cost so far of a live run; false when it is not live here. */
bool queue_live_usage(const struct queue *q, int64_t run_id, struct usage *ret);
