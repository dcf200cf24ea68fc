#include "store/idempotency.h"

int idempotency_get(struct db *db, struct str key, struct str scope, struct str hash, int64_t now_us,
                    struct arena *a, int *ret_status, struct str *ret_body, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(
        db, "SELECT hash, status, body FROM idempotency WHERE key = $1 AND scope = $2 AND created_at > $3",
        DB_ARGS(DB_STR(key), DB_STR(scope), DB_I64(now_us - IDEMPOTENCY_KEEP_US)), &c, e);
    if (rc)
        return rc;
    rc = db_next(&c, e);
    if (rc != 1)
        return rc ? rc : IDEMPOTENCY_E_ABSENT;
    if (!str_equal(db_str(&c, 0), hash))
        return IDEMPOTENCY_E_MISMATCH;
    *ret_status = (int)db_i64(&c, 1);
    struct str body = db_str(&c, 2);
    *ret_body = (struct str){arena_strdup(a, body), body.n};
    return 0;
}

int idempotency_put(struct db *db, struct str key, struct str scope, struct str hash, int status,
                    struct str body, int64_t now_us, struct err *e)
{
    return db_run(
        db,
        "INSERT INTO idempotency (key, scope, hash, status, body, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key, scope) DO UPDATE SET hash = excluded.hash,"
        " status = excluded.status, body = excluded.body, created_at = excluded.created_at",
        DB_ARGS(DB_STR(key), DB_STR(scope), DB_STR(hash), DB_I64(status), DB_STR(body.p ? body : STR("")),
                DB_I64(now_us)),
        NULL, e);
}

int idempotency_sweep(struct db *db, int64_t now_us, int64_t limit, struct err *e)
{
    return db_run(db,
                  "DELETE FROM idempotency WHERE (key, scope) IN (SELECT key, scope FROM idempotency"
                  " WHERE created_at <= $1 ORDER BY created_at LIMIT $2)",
                  DB_ARGS(DB_I64(now_us - IDEMPOTENCY_KEEP_US), DB_I64(limit)), NULL, e);
}
