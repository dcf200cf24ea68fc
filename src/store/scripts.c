#include "store/scripts.h"

#include "store/rows.h"

int script_get(struct db *db, const char *name, int64_t *ret_last_us, int64_t *ret_job, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc =
        db_query(db, "SELECT last_run, job_id FROM scripts WHERE name = $1", DB_ARGS(DB_TEXT(name)), &c, e);
    if (rc == 0)
        rc = db_next(&c, e);
    if (rc != 0 && rc != 1)
        return rc;
    *ret_last_us = rc == 1 ? db_i64(&c, 0) : INT64_MIN;
    *ret_job = rc == 1 ? db_i64(&c, 1) : 0;
    return 0;
}

int script_put(struct db *db, const char *name, int64_t last_us, int64_t job, struct err *e)
{
    return db_run(db,
                  "INSERT INTO scripts (name, last_run, job_id) VALUES ($1, $2, $3) ON CONFLICT (name)"
                  " DO UPDATE SET last_run = excluded.last_run, job_id = excluded.job_id",
                  DB_ARGS(DB_TEXT(name), DB_I64(last_us), DB_I64(job)), NULL, e);
}

int marketplace_put(struct db *db, const struct marketplace_row *m, int64_t now_us, struct err *e)
{
    return db_run(db,
                  "INSERT INTO marketplaces (name, url, commit_id, error, synced_at, tried_at)"
                  " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO UPDATE SET url = excluded.url,"
                  " commit_id = COALESCE(excluded.commit_id, marketplaces.commit_id), error = excluded.error,"
                  " synced_at = COALESCE(excluded.synced_at, marketplaces.synced_at),"
                  " tried_at = excluded.tried_at",
                  DB_ARGS(DB_TEXT(m->name), DB_TEXT(m->url), DB_TEXT(m->commit_id), DB_TEXT(m->error),
                          DB_I64_OR_NULL(m->error == NULL, now_us), DB_I64(now_us)),
                  NULL, e);
}

int marketplace_list(struct db *db, struct arena *a, struct marketplace_row **ret, size_t *ret_count,
                     struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct marketplace_row);
    int rc = db_query(
        db, "SELECT name, url, commit_id, error, synced_at, tried_at FROM marketplaces ORDER BY name",
        DB_NO_ARGS, &c, e);
    if (rc)
        return rc;
    while ((rc = db_next(&c, e)) == 1) {
        struct marketplace_row *row = rows_add(&rows);
        *row = (struct marketplace_row){.name = db_text(&c, 0, a),
                                        .url = db_text(&c, 1, a),
                                        .commit_id = db_text(&c, 2, a),
                                        .error = db_text(&c, 3, a),
                                        .synced_at = db_i64(&c, 4),
                                        .tried_at = db_i64(&c, 5)};
    }
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}
