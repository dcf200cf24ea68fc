#include "store/jobs_internal.h"

/* What the decision needs, and what the counters need to know of how it was. */
struct before {
    struct job_facts facts;
    bool token_matches, retried, scheduled;
};

static int read_before(struct db *db, int64_t id, const char *token, struct before *ret, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc =
        db_query(db,
                 "SELECT state, attempts, max_attempts, run_after, lease_token, retried, scheduled FROM jobs"
                 " WHERE id = $1",
                 DB_ARGS(DB_I64(id)), &c, e);
    if (rc)
        return rc;
    rc = db_next(&c, e);
    if (rc != 1)
        return rc ? rc : JOB_STORE_E_ABSENT;
    *ret = (struct before){
        .facts = {.attempts = db_i64(&c, 1), .max_attempts = db_i64(&c, 2), .run_after_us = db_i64(&c, 3)},
        .token_matches = !token || str_equal(db_str(&c, 4), str_of(token)),
        .retried = db_i64(&c, 5) != 0,
        .scheduled = db_i64(&c, 6) != 0,
    };
    bool known = job_state_of(db_str(&c, 0), &ret->facts.state);
    assert(known);
    return 0;
}

/* A job that is revived must not be the twin of one that lives (Q4). */
static int check_twin(struct db *db, int64_t id, struct err *e)
{
    int64_t twin;
    int rc = db_value_i64(db,
                          "SELECT id FROM jobs WHERE unique_key = (SELECT unique_key FROM jobs WHERE id = $1)"
                          " AND unique_key IS NOT NULL AND state IN ('queued', 'running')",
                          DB_ARGS(DB_I64(id)), &twin, e);
    if (rc == DB_E_NONE)
        return 0;
    return rc ? rc
              : err_set(e, ERR_CONFLICT, JOB_STORE_E_DEDUPED, "job %lld has the same unique_key and is live",
                        (long long)twin);
}

/* Whoever held the job holds it no more.  `cause` and `error` tell of the last attempt's end: an event that
 * ends none (retry, release) leaves them. */
static int write_row(struct db *db, int64_t id, const struct job_end *end, const struct job_change *change,
                     const struct before *before, struct err *e)
{
    int64_t now_us = end->timing.now_us;
    bool queued = change->state == JOB_QUEUED;
    bool ends_attempt = end->event != JOB_RETRY && end->event != JOB_RELEASE;
    return db_run(db,
                  "UPDATE jobs SET state = $2, attempts = $3, run_after = $4, ready = $5, scheduled = $6,"
                  " retried = $7, claims = claims - $8, updated_at = $9, finished_at = $10,"
                  " started_at = CASE WHEN $11 = 1 THEN NULL ELSE started_at END,"
                  " cause = CASE WHEN $12 = 1 THEN $13 ELSE cause END,"
                  " last_error = CASE WHEN $12 = 1 THEN $14 ELSE last_error END,"
                  " worker = NULL, node = NULL, lease_token = NULL, lease_expires_at = NULL, pid = NULL, "
                  "start_ticks = NULL,"
                  " cancel_requested = 0 WHERE id = $1",
                  DB_ARGS(DB_I64(id), DB_TEXT(job_state_name(change->state)), DB_I64(change->attempts),
                          DB_I64(change->run_after_us), DB_I64(change->run_after_us <= now_us),
                          DB_I64(queued && change->run_after_us > now_us),
                          DB_I64(before->retried || change->retried), DB_I64(end->event == JOB_RELEASE),
                          DB_I64(now_us), DB_I64_OR_NULL(job_state_is_final(change->state), now_us),
                          DB_I64(queued), DB_I64(ends_attempt), DB_TEXT(end->cause), DB_TEXT(end->error)),
                  NULL, e);
}

static int count_change(struct db *db, const struct before *before, const struct job_end *end,
                        const struct job_change *change, struct err *e)
{
    enum job_state from = before->facts.state;
    bool was_scheduled = from == JOB_QUEUED && before->scheduled;
    bool is_scheduled = change->state == JOB_QUEUED && change->run_after_us > end->timing.now_us;
    const struct {
        const char *name, *label;
        int64_t delta;
    } deltas[] = {
        {"jobs", job_state_name(from), -1},
        {"jobs", job_state_name(change->state), 1},
        {"jobs_retried", "", change->retried && !before->retried},
        {"exhausted", "", (change->state == JOB_FAILED) - (from == JOB_FAILED)},
        {"scheduled", "", is_scheduled - was_scheduled},
        {"attempts", "", end->event == JOB_RELEASE ? -1 : 0},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < COUNT_OF(deltas); i++)
        rc = totals_add(db, deltas[i].name, str_of(deltas[i].label), deltas[i].delta, e);
    return rc;
}

int job_change(struct db *db, int64_t id, const struct job_end *end, struct job_change *ret, struct err *e)
{
    assert(end->event != JOB_CLAIM); /* job_claim_next's */
    struct before before;
    int rc = read_before(db, id, end->token, &before, e);
    if (rc)
        return rc;
    if (!before.token_matches)
        return JOB_STORE_E_STALE_TOKEN;
    struct job_change change;
    if (job_decide(&before.facts, end->event, &end->timing, &change) != 0)
        return JOB_STORE_E_NOT_ALLOWED;
    if (end->event == JOB_RETRY)
        rc = check_twin(db, id, e);
    if (rc == 0)
        rc = write_row(db, id, end, &change, &before, e);
    if (rc == 0)
        rc = count_change(db, &before, end, &change, e);
    if (rc == 0 && change.state == JOB_QUEUED)
        db_announce(db, DB_TOPIC_JOBS);
    if (rc == 0 && ret)
        *ret = change;
    return rc;
}
