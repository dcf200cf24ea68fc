#include "store/agents.h"

#include "store/rows.h"

int agent_breaker_save(struct db *db, const char *agent, const struct breaker *b, struct err *e)
{
    char times[BREAKER_TIMES_TEXT_MAX];
    return db_run(db,
                  "INSERT INTO agent_states (agent, breaker, consecutive_failures, failure_times, opened_at,"
                  " retry_at, trips, probing, probe_run_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
                  " ON CONFLICT (agent) DO UPDATE SET breaker = excluded.breaker,"
                  " consecutive_failures = excluded.consecutive_failures,"
                  " failure_times = excluded.failure_times, opened_at = excluded.opened_at,"
                  " retry_at = excluded.retry_at, trips = excluded.trips, probing = excluded.probing,"
                  " probe_run_id = excluded.probe_run_id",
                  DB_ARGS(DB_TEXT(agent), DB_TEXT(breaker_state_name(b->state)),
                          DB_I64(b->consecutive_failures), DB_TEXT(breaker_times_format(b, times)),
                          DB_I64_OR_NULL(b->opened_at_us, b->opened_at_us),
                          DB_I64_OR_NULL(b->retry_at_us, b->retry_at_us), DB_I64(b->trips),
                          DB_I64(b->probing), DB_I64_OR_NULL(b->probing, b->probe_run_id)),
                  NULL, e);
}

static int read_breaker(struct db_cursor *c, struct breaker *ret, struct err *e)
{
    struct breaker b;
    breaker_init(&b);
    if (!breaker_state_of(db_str(c, 1), &b.state) || !breaker_times_parse(db_str(c, 3), &b))
        return err_set(e, ERR_INTERNAL, -EBADMSG,
                       "the breaker of agent \"%.*s\" cannot be read from the store", STR_ARG(db_str(c, 0)));
    b.consecutive_failures = db_i64(c, 2);
    b.opened_at_us = db_i64(c, 4);
    b.retry_at_us = db_i64(c, 5);
    b.trips = db_i64(c, 6);
    b.probing = db_i64(c, 7) != 0;
    b.probe_run_id = db_i64(c, 8);
    *ret = b;
    return 0;
}

int agent_breakers(struct db *db, struct arena *a, struct agent_row **ret, size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc =
        db_query(db,
                 "SELECT agent, breaker, consecutive_failures, failure_times, opened_at, retry_at, trips,"
                 " probing, probe_run_id FROM agent_states ORDER BY agent",
                 DB_NO_ARGS, &c, e);
    if (rc)
        return rc;
    struct rows rows = ROWS_INIT(a, struct agent_row);
    while ((rc = db_next(&c, e)) == 1) {
        struct agent_row *row = rows_add(&rows);
        row->agent = db_text(&c, 0, a);
        rc = read_breaker(&c, &row->breaker, e);
        if (rc)
            return rc;
    }
    if (rc)
        return rc;
    *ret = rows.p;
    *ret_count = rows.count;
    return 0;
}

int pause_set(struct db *db, const char *scope, bool paused, const char *actor, const char *reason,
              int64_t now_us, struct err *e)
{
    db_announce(db, DB_TOPIC_PAUSES);
    if (!paused)
        return db_run(db, "DELETE FROM pauses WHERE scope = $1", DB_ARGS(DB_TEXT(scope)), NULL, e);
    return db_run(db,
                  "INSERT INTO pauses (scope, actor, reason, at) VALUES ($1, $2, $3, $4) ON CONFLICT (scope)"
                  " DO UPDATE SET actor = excluded.actor, reason = excluded.reason, at = excluded.at",
                  DB_ARGS(DB_TEXT(scope), DB_TEXT(actor), DB_TEXT(reason), DB_I64(now_us)), NULL, e);
}

int pause_list(struct db *db, struct arena *a, struct pause_row **ret, size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, "SELECT scope, actor, reason, at FROM pauses ORDER BY scope", DB_NO_ARGS, &c, e);
    if (rc)
        return rc;
    struct rows rows = ROWS_INIT(a, struct pause_row);
    while ((rc = db_next(&c, e)) == 1) {
        struct pause_row *row = rows_add(&rows);
        row->scope = db_text(&c, 0, a);
        row->actor = db_text(&c, 1, a);
        row->reason = db_text(&c, 2, a);
        row->at = db_i64(&c, 3);
    }
    if (rc)
        return rc;
    *ret = rows.p;
    *ret_count = rows.count;
    return 0;
}
