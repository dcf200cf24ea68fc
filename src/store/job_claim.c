#include "store/jobs_internal.h"

#include "base/hash.h"
#include "base/json.h"
#include "store/rows.h"

/* A queued job whose time has come joins the ones that a claim looks at.  Each is moved once, so that a claim
 * never walks over jobs that wait, however many there are. */
static int wake_waiting(struct db *db, int64_t now_us, struct err *e)
{
    return db_run(db, "UPDATE jobs SET ready = 1 WHERE state = 'queued' AND ready = 0 AND run_after <= $1",
                  DB_ARGS(DB_I64(now_us)), NULL, e);
}

/* The best of each agent by its own part of the index, then the best of those: jobs of agents that are not
 * asked for cost nothing.  The lists are JSON arrays.  Writers of one database take turns (db_postgres.h), so
 * that SKIP LOCKED passes over nothing but rows which a foreign program holds. */
#define CLAIM                                                                                                \
    "UPDATE jobs SET state = 'running', attempts = attempts + 1, claims = claims + 1, started_at = $3,"      \
    " updated_at = $3, worker = $4, lease_token = $5, lease_expires_at = $6, node = $7 WHERE id = ("
static const char *const claim_sql[DB_DIALECTS] = {
    [DB_SQLITE] = CLAIM
    " SELECT best.id FROM json_each($1) agents CROSS JOIN jobs best ON best.id = ("
    "  SELECT q.id FROM jobs q WHERE q.state = 'queued' AND q.ready = 1 AND q.agent = agents.value"
    "  AND (q.repo IS NULL OR q.repo NOT IN (SELECT full_repos.value FROM json_each($2) full_repos))"
    "  ORDER BY q.priority DESC, q.run_after, q.id LIMIT 1)"
    " ORDER BY best.priority DESC, best.run_after, best.id LIMIT 1)"
    " RETURNING id, scheduled",
    [DB_POSTGRES] = CLAIM
    " SELECT best.id FROM json_array_elements_text(CAST($1 AS json)) agents (value) CROSS JOIN LATERAL ("
    "  SELECT q.id, q.priority, q.run_after FROM jobs q WHERE q.state = 'queued' AND q.ready = 1"
    "  AND q.agent = agents.value AND (q.repo IS NULL OR q.repo NOT IN ("
    "   SELECT full_repos.value FROM json_array_elements_text(CAST($2 AS json)) full_repos (value)))"
    "  ORDER BY q.priority DESC, q.run_after, q.id LIMIT 1 FOR UPDATE SKIP LOCKED) best"
    " ORDER BY best.priority DESC, best.run_after, best.id LIMIT 1)"
    " RETURNING id, scheduled",
};

static void list_to_json(const char *const *list, struct buf *out)
{
    struct json_writer w;
    json_init(&w, out);
    json_array_begin(&w);
    for (; list && *list; list++)
        json_text(&w, *list);
    json_array_end(&w);
}

static int claim_row(struct db *db, const struct job_claim *c, struct str agents, struct str full_repos,
                     int64_t *ret_id, bool *ret_scheduled, struct err *e)
{
    CLEANUP(db_done) struct db_cursor cursor = {0};
    char token[33];
    hash_random_hex(16, token);
    int rc = db_query(db, claim_sql[db_dialect(db)],
                      DB_ARGS(DB_STR(agents), DB_STR(full_repos), DB_I64(c->now_us), DB_TEXT(c->worker),
                              DB_TEXT(token), DB_I64_OR_NULL(c->lease_expires_at, c->lease_expires_at),
                              DB_TEXT(c->node)),
                      &cursor, e);
    if (rc)
        return rc;
    rc = db_next(&cursor, e);
    if (rc != 1)
        return rc ? rc : JOB_STORE_E_ABSENT;
    *ret_id = db_i64(&cursor, 0);
    *ret_scheduled = db_i64(&cursor, 1) != 0;
    return 0;
}

static int count_claim(struct db *db, bool was_scheduled, struct err *e)
{
    int rc = job_count_state(db, JOB_QUEUED, -1, e);
    if (rc == 0)
        rc = job_count_state(db, JOB_RUNNING, 1, e);
    if (rc == 0)
        rc = totals_add(db, "attempts", STR(""), 1, e);
    if (rc == 0)
        rc = totals_add(db, "scheduled", STR(""), was_scheduled ? -1 : 0, e);
    return rc;
}

int job_claim_next(struct db *db, const struct job_claim *c, struct arena *a, struct job *ret, struct err *e)
{
    struct buf agents = BUF_INIT, full_repos = BUF_INIT;
    list_to_json(c->agents, &agents);
    list_to_json(c->full_repos, &full_repos);
    int64_t id = 0;
    bool scheduled = false;
    int rc = wake_waiting(db, c->now_us, e);
    if (rc == 0)
        rc = claim_row(db, c, buf_str(&agents), buf_str(&full_repos), &id, &scheduled, e);
    if (rc == 0)
        rc = count_claim(db, scheduled, e);
    if (rc == 0)
        rc = job_get(db, id, a, ret, e);
    buf_deinit(&agents);
    buf_deinit(&full_repos);
    return rc;
}

int job_next_due(struct db *db, int64_t now_us, int64_t *ret_us, struct err *e)
{
    int64_t due = 0;
    int rc = db_value_i64(
        db, "SELECT min(run_after) FROM jobs WHERE state = 'queued' AND ready = 0 AND run_after > $1",
        DB_ARGS(DB_I64(now_us)), &due, e);
    if (rc && rc != DB_E_NONE)
        return rc;
    *ret_us = due;
    return 0;
}

int job_lease_extend(struct db *db, int64_t id, const char *token, int64_t expires_at, int64_t pid,
                     int64_t start_ticks, bool *ret_cancel, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db,
                      "UPDATE jobs SET lease_expires_at = $3, pid = coalesce($4, pid),"
                      " start_ticks = coalesce($5, start_ticks) WHERE id = $1 AND state = 'running'"
                      " AND lease_token = $2 RETURNING cancel_requested",
                      DB_ARGS(DB_I64(id), DB_TEXT(token), DB_I64(expires_at), DB_I64_OR_NULL(pid, pid),
                              DB_I64_OR_NULL(start_ticks, start_ticks)),
                      &c, e);
    if (rc)
        return rc;
    rc = db_next(&c, e);
    if (rc == 1) {
        *ret_cancel = db_i64(&c, 0) != 0;
        return 0;
    }
    if (rc == 0)
        rc = db_value_i64(db, "SELECT id FROM jobs WHERE id = $1", DB_ARGS(DB_I64(id)), &id, e);
    return rc == DB_E_NONE ? JOB_STORE_E_ABSENT : rc ? rc : JOB_STORE_E_STALE_TOKEN;
}

int job_lease_renew(struct db *db, const char *node, int64_t expires_at, struct err *e)
{
    return db_run(db,
                  "UPDATE jobs SET lease_expires_at = $2 WHERE state = 'running' AND node = $1"
                  " AND worker = ''",
                  DB_ARGS(DB_TEXT(node), DB_I64(expires_at)), NULL, e);
}

int job_expired_leases(struct db *db, int64_t now_us, struct arena *a, int64_t **ret_ids, size_t *ret_count,
                       struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, "SELECT id FROM jobs WHERE lease_expires_at <= $1 ORDER BY lease_expires_at",
                      DB_ARGS(DB_I64(now_us)), &c, e);
    if (rc)
        return rc;
    struct rows rows = ROWS_INIT(a, int64_t);
    while ((rc = db_next(&c, e)) == 1)
        *(int64_t *)rows_add(&rows) = db_i64(&c, 0);
    if (rc)
        return rc;
    *ret_ids = rows.p;
    *ret_count = rows.count;
    return 0;
}
