/* jobs_internal.h -- what the files of jobs.h share.
 *
 *   jobs.c        rows: insert, read, lists
 *   job_claim.c   the claim, and what comes due when
 *   job_change.c  every other change of a job's state
 *
 * Between them they are the only writers of a job's state, and keep the counters of totals.h with it. */
#pragma once
#include "store/jobs.h"
#include "store/totals.h"

/* A row, as job_read_row reads it. */
#define JOB_COLUMNS                                                                                          \
    "j.id, j.task_id, j.agent, j.repo, j.model, j.effort, j.stage, j.unique_key, j.priority, "               \
    "j.max_attempts, "                                                                                       \
    "j.attempts, j.timeout_us, j.run_after, j.state, j.created_at, j.updated_at, j.started_at, "             \
    "j.finished_at, "                                                                                        \
    "j.worker, j.lease_token, j.lease_expires_at, j.run_id, j.pid, j.start_ticks, j.cancel_requested, "      \
    "j.cause, "                                                                                              \
    "j.last_error, i.prompt, i.args, i.env, j.node"
#define JOB_FROM " FROM jobs j LEFT JOIN job_inputs i ON i.job_id = j.id "

void job_read_row(struct db_cursor *c, struct arena *a, struct job *ret);

/* The number of jobs in `state` changes by `delta`. */
static inline int job_count_state(struct db *db, enum job_state state, int64_t delta, struct err *e)
{
    return totals_add(db, "jobs", str_of(job_state_name(state)), delta, e);
}
