/* jobs.h -- rows of jobs (spec 20 Q3-Q9).  job_change alone writes a job's state and keeps the totals, in one
 * transaction, as core/job_state decides.  Store threads only. */
#pragma once
#include "core/job_state.h"
#include "store/db.h"

struct job {
    int64_t id, task_id;                                                     /* 0: none */
    const char *agent, *prompt, *repo, *model, *effort, *unique_key, *stage; /* NULL when unset */
    const char *args;                                     /* JSON array of strings, or NULL */
    const char *env;                                      /* JSON array of "NAME=VALUE", or NULL */
    int64_t priority, max_attempts, attempts, timeout_us; /* timeout 0: the profile's */
    int64_t run_after;                                    /* epoch µs; job_insert takes 0 as now */
    enum job_state state;
    int64_t created_at, updated_at, started_at, finished_at; /* 0: not yet */
    const char
        *worker; /* who holds the lease: "" internal launcher, else the external worker; NULL: nobody */
    const char *lease_token;  /* NULL unless running */
    int64_t lease_expires_at; /* 0: does not expire, as the launcher's own where a store has one node */
    int64_t run_id;           /* of the current or last run, 0: none */
    int64_t pid, start_ticks; /* as an external worker reported them; 0: unknown */
    bool cancel_requested;
    const char *cause, *last_error; /* of the last attempt's end */
    const char *node;               /* that claimed it, while it runs; NULL where a store has one node */
};
enum { JOB_STORE_E_ABSENT = 1, JOB_STORE_E_NOT_ALLOWED, JOB_STORE_E_STALE_TOKEN, JOB_STORE_E_DEDUPED };

/* State queued.  JOB_STORE_E_DEDUPED, with *ret_id of the other job, when its unique_key is queued or running
 * (Q4). */
MUST_CHECK int job_insert(struct db *db, const struct job *j, int64_t now_us, int64_t *ret_id, struct err *e);
MUST_CHECK int job_get(struct db *db, int64_t id, struct arena *a, struct job *ret, struct err *e);

/* What may be claimed now.  Lists are NULL-terminated. */
struct job_claim {
    const char *const *agents;     /* profiles with a free slot, not paused, breaker allowing */
    const char *const *full_repos; /* repos at their limit */
    const char *worker;            /* "" for the launcher */
    int64_t lease_expires_at;      /* 0 for the launcher of a store that it has alone */
    const char *node;              /* NULL there */
    int64_t now_us;
};
/* The next job by priority (higher first), run_after, id: one UPDATE … RETURNING, with a fresh lease token
 * (Q5). JOB_STORE_E_ABSENT when there is none. */
MUST_CHECK int job_claim_next(struct db *db, const struct job_claim *c, struct arena *a, struct job *ret,
                              struct err *e);
/* When the earliest queued job that is not due yet comes due; 0 when there is none. */
MUST_CHECK int job_next_due(struct db *db, int64_t now_us, int64_t *ret_us, struct err *e);

/* The one function that changes a job's state after its claim.  `token` guards (NULL: the node itself
 * decides); a stale one changes nothing: JOB_STORE_E_STALE_TOKEN.  *ret (NULL ok) is what core decided.
 * JOB_STORE_E_DEDUPED: JOB_RETRY of a job whose unique_key is live in another one. */
struct job_end {
    enum job_event event;
    const char *token, *cause, *error; /* cause: "exit 7", "timeout", "lease expired", "shim lost", … */
    struct job_timing timing;
};
MUST_CHECK int job_change(struct db *db, int64_t id, const struct job_end *end, struct job_change *ret,
                          struct err *e);
MUST_CHECK int job_lease_extend(struct db *db, int64_t id, const char *token, int64_t expires_at, int64_t pid,
                                int64_t start_ticks, bool *ret_cancel, struct err *e);
MUST_CHECK int job_set_run(struct db *db, int64_t id, int64_t run_id, struct err *e);
MUST_CHECK int job_request_cancel(struct db *db, int64_t id, struct err *e); /* of a running job */
/* A node's word that it lives: the leases of all that its launcher runs. */
MUST_CHECK int job_lease_renew(struct db *db, const char *node, int64_t expires_at, struct err *e);
/* Running jobs of external workers, or of the launchers of several nodes, whose lease has ended. */
MUST_CHECK int job_expired_leases(struct db *db, int64_t now_us, struct arena *a, int64_t **ret_ids,
                                  size_t *ret_count, struct err *e);

struct job_filter {
    int64_t after, limit, task_id; /* limit 0: all.  task_id 0: any */
    const char *agent, *repo;      /* NULL: any */
    int state;                     /* enum job_state, -1: any */
    bool newest_first;             /* then `after` is the id to go down from, 0 the top */
};
MUST_CHECK int job_list(struct db *db, const struct job_filter *f, struct arena *a, struct job **ret,
                        size_t *ret_count, struct err *e);
/* created_at of the oldest queued job that is due, 0 when none (spec 30 oldest_queued_s). */
MUST_CHECK int job_oldest_queued(struct db *db, int64_t now_us, int64_t *ret_created_at, struct err *e);
