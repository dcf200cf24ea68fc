#include "store/tokens.h"

#include "store/rows.h"

int token_insert(struct db *db, const struct token *t, int64_t now_us, int64_t *ret_id, struct err *e)
{
    db_announce(db, DB_TOPIC_TOKENS);
    return db_insert(db,
                     "INSERT INTO tokens (name, role, scope, hash, created_at, expires_at)"
                     " VALUES ($1, $2, $3, $4, $5, $6)",
                     DB_ARGS(DB_TEXT(t->name), DB_TEXT(t->role), DB_TEXT(t->scope), DB_TEXT(t->hash),
                             DB_I64(now_us), DB_I64_OR_NULL(t->expires_at, t->expires_at)),
                     ret_id, e);
}

int token_revoke(struct db *db, int64_t id, int64_t now_us, struct err *e)
{
    int64_t changed;
    db_announce(db, DB_TOPIC_TOKENS);
    int rc = db_run(db, "UPDATE tokens SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1",
                    DB_ARGS(DB_I64(id), DB_I64(now_us)), &changed, e);
    return rc ? rc : changed ? 0 : TOKEN_E_ABSENT;
}

int token_set_used(struct db *db, int64_t id, int64_t now_us, struct err *e)
{
    int64_t changed;
    int rc = db_run(db, "UPDATE tokens SET last_used_at = $2 WHERE id = $1",
                    DB_ARGS(DB_I64(id), DB_I64(now_us)), &changed, e);
    return rc ? rc : changed ? 0 : TOKEN_E_ABSENT;
}

int token_list(struct db *db, struct arena *a, struct token **ret, size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db,
                      "SELECT id, name, role, scope, hash, created_at, expires_at, last_used_at, revoked_at"
                      " FROM tokens ORDER BY id",
                      DB_NO_ARGS, &c, e);
    if (rc)
        return rc;
    struct rows rows = ROWS_INIT(a, struct token);
    while ((rc = db_next(&c, e)) == 1) {
        struct token *t = rows_add(&rows);
        *t = (struct token){.id = db_i64(&c, 0),
                            .name = db_text(&c, 1, a),
                            .role = db_text(&c, 2, a),
                            .scope = db_text(&c, 3, a),
                            .hash = db_text(&c, 4, a),
                            .created_at = db_i64(&c, 5),
                            .expires_at = db_i64(&c, 6),
                            .last_used_at = db_i64(&c, 7),
                            .revoked_at = db_i64(&c, 8)};
    }
    if (rc)
        return rc;
    *ret = rows.p;
    *ret_count = rows.count;
    return 0;
}
