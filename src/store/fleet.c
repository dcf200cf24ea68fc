#include "store/fleet.h"

#include "store/rows.h"

int session_insert(struct db *db, const struct stored_session *s, int64_t now_us, struct err *e)
{
    int64_t changed;
    int rc = db_run(db,
                    "INSERT INTO sessions (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (id)"
                    " DO UPDATE SET name = excluded.name WHERE sessions.name IS NULL",
                    DB_ARGS(DB_TEXT(s->id), DB_TEXT(s->name), DB_I64(now_us)), &changed, e);
    return rc ? rc : changed ? 0 : FLEET_E_EXISTS;
}

int agent_insert(struct db *db, const struct stored_agent *a, int64_t now_us, int64_t *ret_id, struct err *e)
{
    int rc = db_run(db, "INSERT INTO sessions (id, created_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
                    DB_ARGS(DB_TEXT(a->session_id), DB_I64(now_us)), NULL, e);
    if (rc)
        return rc;
    return db_insert(db,
                     "INSERT INTO agents (name, session_id, status, process_id, start_ticks, specialization,"
                     " server, terminal, period_us, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,"
                     " $10)",
                     DB_ARGS(DB_TEXT(a->name), DB_TEXT(a->session_id), DB_TEXT(agent_status_name(a->status)),
                             DB_I64_OR_NULL(a->process_id, a->process_id),
                             DB_I64_OR_NULL(a->start_ticks, a->start_ticks), DB_TEXT(a->specialization),
                             DB_TEXT(a->server), DB_TEXT(a->terminal),
                             DB_I64_OR_NULL(a->period_us, a->period_us), DB_I64(now_us)),
                     ret_id, e);
}

int agent_update(struct db *db, const struct stored_agent *a, bool has_status, struct err *e)
{
    int64_t changed;
    int rc = db_run(db,
                    "UPDATE agents SET status = coalesce($2, status), process_id = coalesce($3, process_id),"
                    " start_ticks = CASE WHEN $3 IS NULL THEN start_ticks ELSE $4 END,"
                    " specialization = coalesce($5, specialization), terminal = coalesce($6, terminal),"
                    " period_us = coalesce($7, period_us), heartbeat_at = coalesce($8, heartbeat_at)"
                    " WHERE id = $1",
                    DB_ARGS(DB_I64(a->id), DB_TEXT(has_status ? agent_status_name(a->status) : NULL),
                            DB_I64_OR_NULL(a->process_id, a->process_id),
                            DB_I64_OR_NULL(a->start_ticks, a->start_ticks), DB_TEXT(a->specialization),
                            DB_TEXT(a->terminal), DB_I64_OR_NULL(a->period_us, a->period_us),
                            DB_I64_OR_NULL(a->heartbeat_at, a->heartbeat_at)),
                    &changed, e);
    return rc ? rc : changed ? 0 : FLEET_E_ABSENT;
}

int agent_delete(struct db *db, int64_t id, struct err *e)
{
    int64_t changed;
    int rc = db_run(db, "DELETE FROM agents WHERE id = $1", DB_ARGS(DB_I64(id)), &changed, e);
    return rc ? rc : changed ? 0 : FLEET_E_ABSENT;
}

int session_list(struct db *db, struct arena *a, struct stored_session **ret, size_t *ret_count,
                 struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, "SELECT id, name, created_at FROM sessions", DB_NO_ARGS, &c, e);
    if (rc)
        return rc;
    struct rows rows = ROWS_INIT(a, struct stored_session);
    while ((rc = db_next(&c, e)) == 1) {
        struct stored_session *s = rows_add(&rows);
        s->id = db_text(&c, 0, a);
        s->name = db_text(&c, 1, a);
        s->created_at = db_i64(&c, 2);
    }
    if (rc)
        return rc;
    *ret = rows.p;
    *ret_count = rows.count;
    return 0;
}

static int read_agent(struct db_cursor *c, struct arena *a, struct stored_agent *ret, struct err *e)
{
    *ret = (struct stored_agent){
        .id = db_i64(c, 0),
        .name = db_text(c, 1, a),
        .session_id = db_text(c, 2, a),
        .process_id = db_i64(c, 4),
        .start_ticks = db_i64(c, 5),
        .specialization = db_text(c, 6, a),
        .server = db_text(c, 7, a),
        .terminal = db_text(c, 8, a),
        .period_us = db_i64(c, 9),
        .created_at = db_i64(c, 10),
        .heartbeat_at = db_i64(c, 11),
    };
    if (!agent_status_of(db_str(c, 3), &ret->status))
        return err_set(e, ERR_INTERNAL, -EBADMSG, "the status of agent %lld cannot be read from the store",
                       (long long)ret->id);
    return 0;
}

int agent_list(struct db *db, struct arena *a, struct stored_agent **ret, size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db,
                      "SELECT id, name, session_id, status, process_id, start_ticks, specialization, server,"
                      " terminal, period_us, created_at, heartbeat_at FROM agents ORDER BY id",
                      DB_NO_ARGS, &c, e);
    if (rc)
        return rc;
    struct rows rows = ROWS_INIT(a, struct stored_agent);
    while ((rc = db_next(&c, e)) == 1) {
        rc = read_agent(&c, a, rows_add(&rows), e);
        if (rc)
            return rc;
    }
    if (rc)
        return rc;
    *ret = rows.p;
    *ret_count = rows.count;
    return 0;
}
