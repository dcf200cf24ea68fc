#include "store/licences.h"

int licence_put(struct db *db, const char *scope, struct str document, const char *actor, int64_t now_us,
                struct err *e)
{
    return db_run(db,
                  "INSERT INTO licences (scope, document, put_at, actor) VALUES ($1, $2, $3, $4)"
                  " ON CONFLICT (scope) DO UPDATE SET document = excluded.document, put_at = excluded.put_at,"
                  " actor = excluded.actor",
                  DB_ARGS(DB_TEXT(scope), DB_STR(document), DB_I64(now_us), DB_TEXT(actor)), NULL, e);
}

int licence_get(struct db *db, const char *scope, struct arena *a, const char **ret, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, "SELECT document FROM licences WHERE scope = $1", DB_ARGS(DB_TEXT(scope)), &c, e);
    if (rc == 0)
        rc = db_next(&c, e);
    if (rc != 1 && rc != 0)
        return rc;
    *ret = rc == 1 ? db_text(&c, 0, a) : NULL;
    return 0;
}

int licence_delete(struct db *db, const char *scope, bool *ret_was_there, struct err *e)
{
    int64_t changed = 0;
    int rc = db_run(db, "DELETE FROM licences WHERE scope = $1", DB_ARGS(DB_TEXT(scope)), &changed, e);
    *ret_was_there = changed > 0;
    return rc;
}
