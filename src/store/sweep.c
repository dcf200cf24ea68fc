#include "store/sweep.h"

#include "store/audit.h"
#include "store/rows.h"
#include "store/runs_internal.h"
#include "store/totals.h"

#define PAGE "200" /* rows; what is old is at the front, so most walks end within the first */
#define PAGE_ROWS 200

/* Ids of rows that may go.  Ids ascend with created_at, so the walk ends at the first row younger than the
 * cutoff: it passes over what is alive, never over history.  The statement yields a page of id, created_at,
 * and whether the row may go. */
static int find_page(struct db *db, const char *sql, int64_t cutoff_us, int64_t limit, int64_t *after,
                     struct rows *ret, bool *ret_over, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int seen = 0;
    int rc = db_query(db, sql, DB_ARGS(DB_I64(cutoff_us), DB_I64(*after)), &c, e);
    if (rc)
        return rc;
    while ((int64_t)ret->count < limit && (rc = db_next(&c, e)) == 1 && db_i64(&c, 1) < cutoff_us) {
        *after = db_i64(&c, 0);
        seen++;
        if (db_i64(&c, 2))
            *(int64_t *)rows_add(ret) = db_i64(&c, 0);
    }
    *ret_over = seen < PAGE_ROWS;
    return rc == 1 ? 0 : rc;
}

static int find_old(struct db *db, const char *sql, int64_t cutoff_us, int64_t limit, struct rows *ret,
                    struct err *e)
{
    int64_t after = 0;
    bool over = false;
    int rc = 0;
    while (rc == 0 && !over)
        rc = find_page(db, sql, cutoff_us, limit, &after, ret, &over, e);
    return rc;
}

static int delete_run(struct db *db, const struct run *r, struct err *e)
{
    int rc = run_count_ended(db, "swept_", r, e);
    return rc ? rc : db_run(db, "DELETE FROM runs WHERE id = $1", DB_ARGS(DB_I64(r->id)), NULL, e);
}

static int delete_runs_of(struct db *db, int64_t job_id, struct arena *a, struct err *e)
{
    struct run *runs;
    size_t count;
    int rc = run_list(db, &(struct run_filter){.job_id = job_id}, a, &runs, &count, e);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = delete_run(db, &runs[i], e);
    return rc;
}

static int count_job(struct db *db, int64_t id, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(
        db,
        "SELECT state, claims, retried, CASE WHEN state = 'failed' THEN 1 ELSE 0 END FROM jobs WHERE id = $1",
        DB_ARGS(DB_I64(id)), &c, e);
    if (rc == 0)
        rc = db_next(&c, e);
    if (rc != 1)
        return rc ? rc : -ENOENT;
    rc = totals_add(db, "swept_jobs", db_str(&c, 0), 1, e);
    if (rc == 0)
        rc = totals_add(db, "swept_attempts", STR(""), db_i64(&c, 1), e);
    if (rc == 0)
        rc = totals_add(db, "swept_jobs_retried", STR(""), db_i64(&c, 2), e);
    if (rc == 0)
        rc = totals_add(db, "swept_exhausted", STR(""), db_i64(&c, 3), e);
    return rc;
}

static int delete_job(struct db *db, int64_t id, struct arena *a, struct err *e)
{
    int rc = delete_runs_of(db, id, a, e);
    if (rc == 0)
        rc = count_job(db, id, e);
    if (rc == 0)
        rc = db_run(db, "DELETE FROM jobs WHERE id = $1", DB_ARGS(DB_I64(id)), NULL,
                    e); /* its inputs follow */
    return rc;
}

static int delete_lone_run(struct db *db, int64_t id, struct arena *a, struct err *e)
{
    struct run r;
    int rc = run_get(db, id, a, &r, e);
    return rc ? rc : delete_run(db, &r, e);
}

static int delete_task(struct db *db, int64_t id, struct arena *a, struct err *e)
{
    (void)a;
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, "SELECT stage FROM tasks WHERE id = $1", DB_ARGS(DB_I64(id)), &c, e);
    if (rc == 0)
        rc = db_next(&c, e);
    if (rc != 1)
        return rc ? rc : -ENOENT;
    rc = totals_add(db, "swept_tasks", db_str(&c, 0), 1, e);
    if (rc == 0)
        rc = db_run(db, "DELETE FROM tasks WHERE id = $1", DB_ARGS(DB_I64(id)), NULL,
                    e); /* its events follow */
    return rc;
}

/* In this order: a task goes once its jobs have gone. */
static const struct kind {
    size_t cutoff; /* offset in struct sweep_cutoffs */
    const char *find_sql;
    int (*delete_one)(struct db *db, int64_t id, struct arena *a, struct err *e);
} kinds[] = {
    {offsetof(struct sweep_cutoffs, jobs_us),
     "SELECT id, created_at, CASE WHEN finished_at < $1 AND state IN ('done', 'failed', 'cancelled')"
     " AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.job_id = jobs.id AND r.ended_at IS NULL) THEN 1 ELSE 0 "
     "END"
     " FROM jobs WHERE id > $2 ORDER BY id LIMIT " PAGE,
     delete_job},
    {offsetof(struct sweep_cutoffs, jobs_us),
     "SELECT id, created_at, CASE WHEN job_id IS NULL AND ended_at < $1 THEN 1 ELSE 0 END FROM runs WHERE id "
     "> $2"
     " ORDER BY id LIMIT " PAGE,
     delete_lone_run},
    {offsetof(struct sweep_cutoffs, tasks_us),
     "SELECT id, created_at, CASE WHEN terminal = 1 AND stage_entered_at < $1"
     " AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.task_id = tasks.id) THEN 1 ELSE 0 END"
     " FROM tasks WHERE id > $2 ORDER BY id LIMIT " PAGE,
     delete_task},
};

static int sweep_kind(struct db *db, const struct kind *kind, int64_t cutoff_us, int64_t limit,
                      int64_t *deleted, struct err *e)
{
    struct arena a;
    arena_init(&a);
    struct rows ids = ROWS_INIT(&a, int64_t);
    int rc = find_old(db, kind->find_sql, cutoff_us, limit, &ids, e);
    for (size_t i = 0; rc == 0 && i < ids.count; i++)
        rc = kind->delete_one(db, ((const int64_t *)ids.p)[i], &a, e);
    *deleted += (int64_t)ids.count;
    arena_reset(&a);
    return rc;
}

int store_sweep(struct db *db, const struct sweep_cutoffs *cutoffs, int64_t limit, int64_t *ret_deleted,
                struct err *e)
{
    int64_t deleted = 0, trimmed = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < COUNT_OF(kinds); i++) {
        int64_t cutoff_us = *(const int64_t *)(const void *)((const char *)cutoffs + kinds[i].cutoff);
        if (cutoff_us)
            rc = sweep_kind(db, &kinds[i], cutoff_us, limit, &deleted, e);
    }
    if (rc == 0 && cutoffs->audit_us)
        rc = audit_trim(db, cutoffs->audit_us, limit, &trimmed, e);
    if (rc == 0)
        *ret_deleted = deleted + trimmed;
    return rc;
}
