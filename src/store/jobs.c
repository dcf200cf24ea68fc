#include "store/jobs_internal.h"

#include "store/rows.h"

void job_read_row(struct db_cursor *c, struct arena *a, struct job *ret)
{
    enum job_state state = JOB_QUEUED;
    bool known = job_state_of(db_str(c, 13), &state);
    assert(known); /* the table's CHECK */
    *ret = (struct job){
        .id = db_i64(c, 0),
        .task_id = db_i64(c, 1),
        .agent = db_text(c, 2, a),
        .repo = db_text(c, 3, a),
        .model = db_text(c, 4, a),
        .effort = db_text(c, 5, a),
        .stage = db_text(c, 6, a),
        .unique_key = db_text(c, 7, a),
        .priority = db_i64(c, 8),
        .max_attempts = db_i64(c, 9),
        .attempts = db_i64(c, 10),
        .timeout_us = db_i64(c, 11),
        .run_after = db_i64(c, 12),
        .state = state,
        .created_at = db_i64(c, 14),
        .updated_at = db_i64(c, 15),
        .started_at = db_i64(c, 16),
        .finished_at = db_i64(c, 17),
        .worker = db_text(c, 18, a),
        .lease_token = db_text(c, 19, a),
        .lease_expires_at = db_i64(c, 20),
        .run_id = db_i64(c, 21),
        .pid = db_i64(c, 22),
        .start_ticks = db_i64(c, 23),
        .cancel_requested = db_i64(c, 24) != 0,
        .cause = db_text(c, 25, a),
        .last_error = db_text(c, 26, a),
        .prompt = db_text(c, 27, a),
        .args = db_text(c, 28, a),
        .env = db_text(c, 29, a),
        .node = db_text(c, 30, a),
    };
}

static int live_twin(struct db *db, const char *unique_key, int64_t *ret_id, struct err *e)
{
    if (!unique_key)
        return DB_E_NONE;
    return db_value_i64(db, "SELECT id FROM jobs WHERE unique_key = $1 AND state IN ('queued', 'running')",
                        DB_ARGS(DB_TEXT(unique_key)), ret_id, e);
}

static int insert_row(struct db *db, const struct job *j, int64_t now_us, int64_t *ret_id, struct err *e)
{
    int64_t run_after = j->run_after ? j->run_after : now_us;
    return db_insert(db,
                     "INSERT INTO jobs (task_id, agent, repo, model, effort, stage, unique_key, priority,"
                     " max_attempts, timeout_us, run_after, ready, state, created_at, updated_at)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'queued', $13, $13)",
                     DB_ARGS(DB_I64_OR_NULL(j->task_id, j->task_id), DB_TEXT(j->agent), DB_TEXT(j->repo),
                             DB_TEXT(j->model), DB_TEXT(j->effort), DB_TEXT(j->stage), DB_TEXT(j->unique_key),
                             DB_I64(j->priority), DB_I64(j->max_attempts),
                             DB_I64_OR_NULL(j->timeout_us, j->timeout_us), DB_I64(run_after),
                             DB_I64(run_after <= now_us), DB_I64(now_us)),
                     ret_id, e);
}

static int insert_inputs(struct db *db, int64_t id, const struct job *j, struct err *e)
{
    if (!j->prompt && !j->args && !j->env)
        return 0;
    return db_run(db, "INSERT INTO job_inputs (job_id, prompt, args, env) VALUES ($1, $2, $3, $4)",
                  DB_ARGS(DB_I64(id), DB_TEXT(j->prompt), DB_TEXT(j->args), DB_TEXT(j->env)), NULL, e);
}

int job_insert(struct db *db, const struct job *j, int64_t now_us, int64_t *ret_id, struct err *e)
{
    int64_t id;
    int rc = live_twin(db, j->unique_key, &id, e);
    if (rc == 0) {
        *ret_id = id;
        return JOB_STORE_E_DEDUPED;
    }
    if (rc == DB_E_NONE)
        rc = insert_row(db, j, now_us, &id, e);
    if (rc == 0)
        rc = insert_inputs(db, id, j, e);
    if (rc == 0)
        rc = job_count_state(db, JOB_QUEUED, 1, e);
    if (rc == 0) {
        *ret_id = id;
        db_announce(db, DB_TOPIC_JOBS);
    }
    return rc;
}

int job_get(struct db *db, int64_t id, struct arena *a, struct job *ret, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, "SELECT " JOB_COLUMNS JOB_FROM "WHERE j.id = $1", DB_ARGS(DB_I64(id)), &c, e);
    if (rc)
        return rc;
    rc = db_next(&c, e);
    if (rc != 1)
        return rc ? rc : JOB_STORE_E_ABSENT;
    job_read_row(&c, a, ret);
    return 0;
}

int job_set_run(struct db *db, int64_t id, int64_t run_id, struct err *e)
{
    int64_t changed;
    int rc = db_run(db, "UPDATE jobs SET run_id = $2 WHERE id = $1", DB_ARGS(DB_I64(id), DB_I64(run_id)),
                    &changed, e);
    return rc ? rc : changed ? 0 : JOB_STORE_E_ABSENT;
}

int job_request_cancel(struct db *db, int64_t id, struct err *e)
{
    int64_t changed;
    db_announce(db, DB_TOPIC_CANCELS);
    int rc = db_run(db, "UPDATE jobs SET cancel_requested = 1 WHERE id = $1 AND state = 'running'",
                    DB_ARGS(DB_I64(id)), &changed, e);
    if (rc || changed)
        return rc;
    rc = db_value_i64(db, "SELECT id FROM jobs WHERE id = $1", DB_ARGS(DB_I64(id)), &changed, e);
    return rc == DB_E_NONE ? JOB_STORE_E_ABSENT : rc ? rc : JOB_STORE_E_NOT_ALLOWED;
}

/* -- lists -- */

/* One text per index and direction, the most selective index first; the rest of the filter is tested on the
 * rows that it yields. */
#define LIST(term, beyond, direction)                                                                        \
    "SELECT " JOB_COLUMNS JOB_FROM "WHERE " term " AND j.id " beyond " $1"                                   \
    " AND (CAST($3 AS BIGINT) = 0 OR j.task_id = $3) AND (CAST($4 AS TEXT) IS NULL OR j.agent = $4)"         \
    " AND (CAST($5 AS TEXT) IS NULL OR j.repo = $5) AND (CAST($6 AS TEXT) IS NULL OR j.state = $6)"          \
    " ORDER BY j.id " direction " LIMIT $2"
#define LISTS(term)                                                                                          \
    {                                                                                                        \
        LIST(term, ">", "ASC"), LIST(term, "<", "DESC")                                                      \
    }

enum list_index { BY_TASK, BY_QUEUED, BY_RUNNING, BY_ENDED_BADLY, BY_AGENT, BY_REPO, BY_ID };
static const char *const list_sql[][2] = {
    [BY_TASK] = LISTS("j.task_id = $3"),
    [BY_QUEUED] = LISTS("j.state = 'queued'"),
    [BY_RUNNING] = LISTS("j.state = 'running'"),
    [BY_ENDED_BADLY] = LISTS("j.state IN ('failed', 'cancelled') AND j.state = $6"),
    [BY_AGENT] = LISTS("j.agent = $4"),
    [BY_REPO] = LISTS("j.repo = $5"),
    [BY_ID] = LISTS("1 = 1"),
};

static enum list_index index_of(const struct job_filter *f)
{
    static const enum list_index of_state[JOB_STATE_COUNT] = {[JOB_QUEUED] = BY_QUEUED,
                                                              [JOB_RUNNING] = BY_RUNNING,
                                                              [JOB_DONE] = BY_ID,
                                                              [JOB_FAILED] = BY_ENDED_BADLY,
                                                              [JOB_CANCELLED] = BY_ENDED_BADLY};
    if (f->task_id)
        return BY_TASK;
    if (f->state >= 0 && of_state[f->state] != BY_ID)
        return of_state[f->state];
    return f->agent ? BY_AGENT : f->repo ? BY_REPO : BY_ID;
}

int job_list(struct db *db, const struct job_filter *f, struct arena *a, struct job **ret, size_t *ret_count,
             struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int64_t beyond = f->newest_first && f->after == 0 ? INT64_MAX : f->after;
    const char *state = f->state >= 0 ? job_state_name((enum job_state)f->state) : NULL;
    int rc = db_query(db, list_sql[index_of(f)][f->newest_first],
                      DB_ARGS(DB_I64(beyond), DB_I64(f->limit > 0 ? f->limit : INT64_MAX), DB_I64(f->task_id),
                              DB_TEXT(f->agent), DB_TEXT(f->repo), DB_TEXT(state)),
                      &c, e);
    if (rc)
        return rc;
    struct rows rows = ROWS_INIT(a, struct job);
    while ((rc = db_next(&c, e)) == 1)
        job_read_row(&c, a, rows_add(&rows));
    if (rc)
        return rc;
    *ret = rows.p;
    *ret_count = rows.count;
    return 0;
}

int job_oldest_queued(struct db *db, int64_t now_us, int64_t *ret_created_at, struct err *e)
{
    int64_t created_at = 0;
    int rc = db_value_i64(
        db, "SELECT created_at FROM jobs WHERE state = 'queued' AND run_after <= $1 ORDER BY id LIMIT 1",
        DB_ARGS(DB_I64(now_us)), &created_at, e);
    if (rc && rc != DB_E_NONE)
        return rc;
    *ret_created_at = created_at;
    return 0;
}
