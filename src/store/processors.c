#include "store/processors.h"

#include "store/rows.h"

static struct db_arg known(int64_t value)
{
    return DB_I64_OR_NULL(value != 0, value);
}

static int64_t or_minus_one(struct db_cursor *c, int column)
{
    return db_is_null(c, column) ? -1 : db_i64(c, column);
}

/* -- state -- */

static enum processor_status status_of(struct str name)
{
    for (int i = 0; i < PROCESSOR_STATUSES; i++)
        if (str_equal(name, str_of(processor_status_names[i])))
            return (enum processor_status)i;
    return PROCESSOR_FAILED;
}

int processor_states(struct db *db, const char *processor, struct arena *a, struct processor_state **ret,
                     size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct processor_state);
    int rc =
        db_query(db,
                 "SELECT session_file, version, status, device, inode, size, mtime_ns, ctime_ns, read_bytes,"
                 " tail_hash, processed_at, items_extracted, attempts, last_error, next_retry_at"
                 " FROM processor_state WHERE processor = $1 ORDER BY session_file",
                 DB_ARGS(DB_TEXT(processor)), &c, e);
    while (rc == 0 && (rc = db_next(&c, e)) == 1) {
        struct processor_state *s = rows_add(&rows);
        *s = (struct processor_state){.session_file = db_text(&c, 0, a),
                                      .version = db_i64(&c, 1),
                                      .status = status_of(db_str(&c, 2)),
                                      .look = {or_minus_one(&c, 3), or_minus_one(&c, 4), or_minus_one(&c, 5),
                                               or_minus_one(&c, 6), or_minus_one(&c, 7)},
                                      .read_bytes = db_i64(&c, 8),
                                      .tail_hash = db_i64(&c, 9),
                                      .processed_us = db_i64(&c, 10),
                                      .items = db_i64(&c, 11),
                                      .attempts = db_i64(&c, 12),
                                      .last_error = db_text(&c, 13, a),
                                      .next_retry_us = db_i64(&c, 14)};
        rc = 0;
    }
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}

int processor_state_put(struct db *db, const char *processor, const struct processor_state *s, struct err *e)
{
    return db_run(
        db,
        "INSERT INTO processor_state (processor, session_file, version, status, device, inode, size,"
        " mtime_ns, ctime_ns, read_bytes, tail_hash, processed_at, items_extracted, attempts, last_error,"
        " next_retry_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
        " ON CONFLICT (processor, session_file) DO UPDATE SET version = excluded.version,"
        " status = excluded.status, device = excluded.device, inode = excluded.inode,"
        " size = excluded.size, mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns,"
        " read_bytes = excluded.read_bytes, tail_hash = excluded.tail_hash,"
        " processed_at = excluded.processed_at, items_extracted = excluded.items_extracted,"
        " attempts = excluded.attempts, last_error = excluded.last_error,"
        " next_retry_at = excluded.next_retry_at",
        DB_ARGS(DB_TEXT(processor), DB_TEXT(s->session_file), DB_I64(s->version),
                DB_TEXT(processor_status_names[s->status]), DB_I64(s->look.device), DB_I64(s->look.inode),
                DB_I64(s->look.size), DB_I64(s->look.mtime_ns), DB_I64(s->look.ctime_ns),
                DB_I64(s->read_bytes), DB_I64(s->tail_hash), known(s->processed_us), DB_I64(s->items),
                DB_I64(s->attempts), DB_TEXT(s->last_error),
                DB_I64_OR_NULL(s->status == PROCESSOR_FAILED, s->next_retry_us)),
        NULL, e);
}

/* -- runs -- */

int processor_lease(struct db *db, const char *processor, const char *holder, int64_t now_us,
                    int64_t expires_us, struct err *e)
{
    int64_t changes;
    int rc =
        db_run(db,
               "INSERT INTO processor_runs (processor, holder, lease_expires_at, started_at)"
               " VALUES ($1, $2, $3, $4) ON CONFLICT (processor) DO UPDATE SET holder = excluded.holder,"
               " lease_expires_at = excluded.lease_expires_at, started_at = excluded.started_at,"
               " ended_at = NULL, processed = NULL, errors = NULL, capped = NULL"
               " WHERE processor_runs.holder IS NULL OR processor_runs.holder = excluded.holder"
               " OR processor_runs.lease_expires_at <= excluded.started_at",
               DB_ARGS(DB_TEXT(processor), DB_TEXT(holder), DB_I64(expires_us), DB_I64(now_us)), &changes, e);
    return rc ? rc : changes > 0 ? 0 : PROCESSOR_E_BUSY;
}

int processor_lease_holder(struct db *db, const char *processor, struct arena *a, const char **ret,
                           struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, "SELECT holder FROM processor_runs WHERE processor = $1",
                      DB_ARGS(DB_TEXT(processor)), &c, e);
    if (rc == 0)
        rc = db_next(&c, e);
    if (rc != 0 && rc != 1)
        return rc;
    *ret = rc == 1 ? db_text(&c, 0, a) : NULL;
    return 0;
}

int processor_lease_drop(struct db *db, const char *processor, const char *holder, struct err *e)
{
    return db_run(db,
                  "UPDATE processor_runs SET holder = NULL, lease_expires_at = NULL"
                  " WHERE processor = $1 AND holder = $2",
                  DB_ARGS(DB_TEXT(processor), DB_TEXT(holder)), NULL, e);
}

int processor_run_put(struct db *db, const char *processor, const struct processor_run *r, struct err *e)
{
    return db_run(
        db,
        "UPDATE processor_runs SET holder = NULL, lease_expires_at = NULL, ended_at = $2, processed = $3,"
        " errors = $4, capped = $5 WHERE processor = $1",
        DB_ARGS(DB_TEXT(processor), DB_I64(r->ended_us), DB_I64(r->processed), DB_I64(r->errors),
                DB_I64(r->capped)),
        NULL, e);
}

int processor_run_get(struct db *db, const char *processor, struct processor_run *ret, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db,
                      "SELECT started_at, ended_at, processed, errors, capped FROM processor_runs"
                      " WHERE processor = $1",
                      DB_ARGS(DB_TEXT(processor)), &c, e);
    if (rc == 0)
        rc = db_next(&c, e);
    if (rc != 1)
        return rc ? rc : PROCESSOR_E_NEVER_RAN;
    *ret = (struct processor_run){.started_us = db_i64(&c, 0),
                                  .ended_us = db_i64(&c, 1),
                                  .processed = db_i64(&c, 2),
                                  .errors = db_i64(&c, 3),
                                  .capped = db_i64(&c, 4),
                                  .ended = !db_is_null(&c, 1)};
    return 0;
}

/* -- verification -- */

static int put_evidence(struct db *db, const struct verification_session *s,
                        const struct verification_evidence *r, struct err *e)
{
    return db_run(db,
                  "INSERT INTO verification_evidence (session_file, use_line, use_block, number, session_id,"
                  " result_line, result_block, kind, command, outcome, passed, failed, at, quote)"
                  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
                  DB_ARGS(DB_TEXT(s->session_file), DB_I64(r->use_line), DB_I64(r->use_block),
                          DB_I64(r->number), DB_TEXT(s->session_id), known(r->result_line),
                          DB_I64_OR_NULL(r->result_line != 0, r->result_block), DB_TEXT(r->kind),
                          DB_TEXT(r->command), DB_TEXT(r->outcome), DB_I64_OR_NULL(r->passed >= 0, r->passed),
                          DB_I64_OR_NULL(r->failed >= 0, r->failed), known(r->at_us), DB_TEXT(r->quote)),
                  NULL, e);
}

int verification_put(struct db *db, const struct verification_session *s,
                     const struct verification_evidence *rows, size_t count, struct err *e)
{
    int rc =
        db_run(db,
               "INSERT INTO verification_sessions (session_file, session_id, agent, verdict, claims_success,"
               " edited_since, edits, checks, checks_failed, turns, first_at, last_at, verified_at)"
               " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
               " ON CONFLICT (session_file) DO UPDATE SET session_id = excluded.session_id,"
               " agent = excluded.agent, verdict = excluded.verdict,"
               " claims_success = excluded.claims_success, edited_since = excluded.edited_since,"
               " edits = excluded.edits, checks = excluded.checks, checks_failed = excluded.checks_failed,"
               " turns = excluded.turns, first_at = excluded.first_at, last_at = excluded.last_at,"
               " verified_at = excluded.verified_at",
               DB_ARGS(DB_TEXT(s->session_file), DB_TEXT(s->session_id), DB_TEXT(s->agent),
                       DB_TEXT(s->verdict), DB_I64(s->claims_success), DB_I64(s->edited_since),
                       DB_I64(s->edits), DB_I64(s->checks), DB_I64(s->checks_failed), DB_I64(s->turns),
                       known(s->first_us), known(s->last_us), DB_I64(s->verified_us)),
               NULL, e);
    if (rc == 0)
        rc = db_run(db, "DELETE FROM verification_evidence WHERE session_file = $1",
                    DB_ARGS(DB_TEXT(s->session_file)), NULL, e);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = put_evidence(db, s, &rows[i], e);
    return rc;
}

#define SESSION_COLUMNS                                                                                      \
    "SELECT session_file, session_id, agent, verdict, claims_success, edited_since, edits, checks,"          \
    " checks_failed, turns, first_at, last_at, verified_at FROM verification_sessions"

static struct verification_session read_session(struct db_cursor *c, struct arena *a)
{
    return (struct verification_session){.session_file = db_text(c, 0, a),
                                         .session_id = db_text(c, 1, a),
                                         .agent = db_text(c, 2, a),
                                         .verdict = db_text(c, 3, a),
                                         .claims_success = db_i64(c, 4) != 0,
                                         .edited_since = db_i64(c, 5) != 0,
                                         .edits = db_i64(c, 6),
                                         .checks = db_i64(c, 7),
                                         .checks_failed = db_i64(c, 8),
                                         .turns = db_i64(c, 9),
                                         .first_us = db_i64(c, 10),
                                         .last_us = db_i64(c, 11),
                                         .verified_us = db_i64(c, 12)};
}

int verification_list(struct db *db, const char *verdict, const char *after, int64_t limit, struct arena *a,
                      struct verification_session **ret, size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct verification_session);
    int rc = verdict ? db_query(db,
                                SESSION_COLUMNS
                                " WHERE verdict = $1 AND session_file > $2 ORDER BY session_file LIMIT $3",
                                DB_ARGS(DB_TEXT(verdict), DB_TEXT(after), DB_I64(limit)), &c, e)
                     : db_query(db, SESSION_COLUMNS " WHERE session_file > $1 ORDER BY session_file LIMIT $2",
                                DB_ARGS(DB_TEXT(after), DB_I64(limit)), &c, e);
    while (rc == 0 && (rc = db_next(&c, e)) == 1) {
        *(struct verification_session *)rows_add(&rows) = read_session(&c, a);
        rc = 0;
    }
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}

static int find_session(struct db *db, const char *sql, const char *session, struct arena *a,
                        struct verification_session *ret, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, sql, DB_ARGS(DB_TEXT(session)), &c, e);
    if (rc == 0)
        rc = db_next(&c, e);
    if (rc != 1)
        return rc ? rc : PROCESSOR_E_NEVER_RAN;
    *ret = read_session(&c, a);
    return 0;
}

static int read_evidence(struct db *db, const char *file, struct arena *a, struct rows *rows, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc =
        db_query(db,
                 "SELECT use_line, use_block, number, result_line, result_block, at, passed, failed, kind,"
                 " command, outcome, quote FROM verification_evidence WHERE session_file = $1"
                 " ORDER BY use_line, use_block, number",
                 DB_ARGS(DB_TEXT(file)), &c, e);
    while (rc == 0 && (rc = db_next(&c, e)) == 1) {
        *(struct verification_evidence *)rows_add(rows) =
            (struct verification_evidence){.use_line = db_i64(&c, 0),
                                           .use_block = db_i64(&c, 1),
                                           .number = db_i64(&c, 2),
                                           .result_line = db_i64(&c, 3),
                                           .result_block = db_i64(&c, 4),
                                           .at_us = db_i64(&c, 5),
                                           .passed = or_minus_one(&c, 6),
                                           .failed = or_minus_one(&c, 7),
                                           .kind = db_text(&c, 8, a),
                                           .command = db_text(&c, 9, a),
                                           .outcome = db_text(&c, 10, a),
                                           .quote = db_text(&c, 11, a)};
        rc = 0;
    }
    return rc;
}

int verification_get(struct db *db, const char *session, struct arena *a, struct verification_session *ret,
                     struct verification_evidence **ret_rows, size_t *ret_count, struct err *e)
{
    struct rows rows = ROWS_INIT(a, struct verification_evidence);
    int rc = find_session(db, SESSION_COLUMNS " WHERE session_file = $1", session, a, ret, e);
    if (rc == PROCESSOR_E_NEVER_RAN)
        rc = find_session(db, SESSION_COLUMNS " WHERE session_id = $1 ORDER BY session_file LIMIT 1", session,
                          a, ret, e);
    if (rc == 0)
        rc = read_evidence(db, ret->session_file, a, &rows, e);
    *ret_rows = rows.p;
    *ret_count = rows.count;
    return rc;
}
