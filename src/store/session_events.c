#include "store/session_events.h"

#include "store/rows.h"

static struct db_arg known(int64_t us)
{
    return DB_I64_OR_NULL(us != 0, us);
}

/* -- writing -- */

static int put_totals(struct db *db, const struct session_totals *t, struct err *e)
{
    return db_run(
        db,
        "INSERT INTO session_summaries (session_file, session_id, agent, project, prompts, answers, tools,"
        " mcp_calls, subagents, skills, commands, errors, dropped, first_at, last_at, active_us, wall_us,"
        " summarised_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, "
        "$18)"
        " ON CONFLICT (session_file) DO UPDATE SET session_id = excluded.session_id, agent = excluded.agent,"
        " project = excluded.project, prompts = excluded.prompts, answers = excluded.answers,"
        " tools = excluded.tools, mcp_calls = excluded.mcp_calls, subagents = excluded.subagents,"
        " skills = excluded.skills, commands = excluded.commands, errors = excluded.errors,"
        " dropped = excluded.dropped, first_at = excluded.first_at, last_at = excluded.last_at,"
        " active_us = excluded.active_us, wall_us = excluded.wall_us, summarised_at = excluded.summarised_at",
        DB_ARGS(DB_TEXT(t->session_file), DB_TEXT(t->session_id), DB_TEXT(t->agent), DB_TEXT(t->project),
                DB_I64(t->prompts), DB_I64(t->answers), DB_I64(t->uses[EVENT_TOOL]),
                DB_I64(t->uses[EVENT_MCP]), DB_I64(t->uses[EVENT_SUBAGENT]), DB_I64(t->uses[EVENT_SKILL]),
                DB_I64(t->uses[EVENT_COMMAND]), DB_I64(t->errors), DB_I64(t->dropped), known(t->first_us),
                known(t->last_us), DB_I64(t->active_us), DB_I64(t->wall_us), DB_I64(t->summarised_us)),
        NULL, e);
}

static int put_event(struct db *db, const char *file, const struct session_event_row *r, struct err *e)
{
    return db_run(
        db,
        "INSERT INTO session_events (session_file, kind, name, uses, errors)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (session_file, kind, name) DO UPDATE"
        " SET uses = session_events.uses + excluded.uses,"
        " errors = session_events.errors + excluded.errors",
        DB_ARGS(DB_TEXT(file), DB_TEXT(r->kind), DB_TEXT(r->name), DB_I64(r->uses), DB_I64(r->errors)), NULL,
        e);
}

static int put_slot(struct db *db, const char *file, const struct session_slot *s, struct err *e)
{
    return db_run(
        db,
        "INSERT INTO session_slots (session_file, start_at, prompts, answers, uses, errors, active_us)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        DB_ARGS(DB_TEXT(file), DB_I64(s->start_us), DB_I64(s->prompts), DB_I64(s->answers), DB_I64(s->uses),
                DB_I64(s->errors), DB_I64(s->active_us)),
        NULL, e);
}

int session_events_put(struct db *db, const struct session_totals *t, const struct session_event_row *events,
                       size_t event_count, const struct session_slot *slots, size_t slot_count, struct err *e)
{
    int rc = put_totals(db, t, e);
    if (rc == 0)
        rc = db_run(db, "DELETE FROM session_events WHERE session_file = $1",
                    DB_ARGS(DB_TEXT(t->session_file)), NULL, e);
    if (rc == 0)
        rc = db_run(db, "DELETE FROM session_slots WHERE session_file = $1",
                    DB_ARGS(DB_TEXT(t->session_file)), NULL, e);
    for (size_t i = 0; rc == 0 && i < event_count; i++)
        rc = put_event(db, t->session_file, &events[i], e);
    for (size_t i = 0; rc == 0 && i < slot_count; i++)
        rc = put_slot(db, t->session_file, &slots[i], e);
    return rc;
}

/* -- reading -- */

/* s is not the lesser copy of another one.  A NULL id or moment equals none. */
#define COUNTS(s)                                                                                            \
    " NOT EXISTS (SELECT 1 FROM session_summaries o WHERE o.session_id = " s ".session_id"                   \
    " AND o.first_at = " s ".first_at AND o.agent = " s ".agent AND (o.last_at > " s ".last_at"              \
    " OR (o.last_at = " s ".last_at AND o.session_file < " s ".session_file)))"
#define UNDER_WAY " (s.first_at IS NULL OR (s.last_at >= $1 AND s.first_at < $2))"
/* The same as a table, so that the cost is that of the window; joined with CROSS, which keeps SQLite to the
 * order. */
#define KEYS "SELECT session_file, session_id, agent, first_at, last_at FROM session_summaries"
#define FOUND                                                                                                \
    "(" KEYS " WHERE last_at >= $1 AND first_at < $2 UNION ALL " KEYS " WHERE first_at IS NULL) found"

int session_events_by_name(struct db *db, const struct session_window *w, const char *kind, int64_t limit,
                           struct arena *a, struct session_event_row **ret, size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct session_event_row);
    int rc = db_query(
        db,
        "SELECT e.kind, e.name, CAST(SUM(e.uses) AS BIGINT), CAST(SUM(e.errors) AS BIGINT), COUNT(*)"
        " FROM " FOUND " CROSS JOIN session_events e"
        " WHERE e.session_file = found.session_file AND (e.kind = $3 OR $3 = '') AND" COUNTS(
            "found") " GROUP BY e.kind, e.name ORDER BY 1, 3 DESC, 2 LIMIT $4",
        DB_ARGS(DB_I64(w->from_us), DB_I64(w->to_us), DB_TEXT(kind ? kind : ""), DB_I64(limit)), &c, e);
    while (rc == 0 && (rc = db_next(&c, e)) == 1) {
        struct session_event_row *r = rows_add(&rows);
        *r = (struct session_event_row){.kind = db_text(&c, 0, a),
                                        .name = db_text(&c, 1, a),
                                        .uses = db_i64(&c, 2),
                                        .errors = db_i64(&c, 3),
                                        .sessions = db_i64(&c, 4)};
        rc = 0;
    }
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}

static struct session_totals read_totals(struct db_cursor *c, struct arena *a)
{
    return (struct session_totals){
        .session_file = db_text(c, 0, a),
        .session_id = db_text(c, 1, a),
        .agent = db_text(c, 2, a),
        .project = db_text(c, 3, a),
        .prompts = db_i64(c, 4),
        .answers = db_i64(c, 5),
        .uses = {db_i64(c, 6), db_i64(c, 7), db_i64(c, 8), db_i64(c, 9), db_i64(c, 10)},
        .errors = db_i64(c, 11),
        .dropped = db_i64(c, 12),
        .first_us = db_i64(c, 13),
        .last_us = db_i64(c, 14),
        .active_us = db_i64(c, 15),
        .wall_us = db_i64(c, 16),
        .summarised_us = db_i64(c, 17)};
}

int session_totals_list(struct db *db, const struct session_window *w, const char *after, int64_t limit,
                        struct arena *a, struct session_totals **ret, size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct session_totals);
    int rc = db_query(
        db,
        "SELECT s.session_file, s.session_id, s.agent, s.project, s.prompts, s.answers, s.tools,"
        " s.mcp_calls, s.subagents, s.skills, s.commands, s.errors, s.dropped, s.first_at, s.last_at,"
        " s.active_us, s.wall_us, s.summarised_at FROM session_summaries s WHERE" UNDER_WAY
        " AND s.session_file > $3 AND" COUNTS("s") " ORDER BY s.session_file LIMIT $4",
        DB_ARGS(DB_I64(w->from_us), DB_I64(w->to_us), DB_TEXT(after), DB_I64(limit)), &c, e);
    while (rc == 0 && (rc = db_next(&c, e)) == 1) {
        *(struct session_totals *)rows_add(&rows) = read_totals(&c, a);
        rc = 0;
    }
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}

/* One row per quarter of an hour: `began` are the sessions whose first moment lies in it. */
#define SLOT_SUMS                                                                                            \
    "SELECT t.start_at, CAST(SUM(t.prompts) AS BIGINT), CAST(SUM(t.answers) AS BIGINT),"                     \
    " CAST(SUM(t.uses) AS BIGINT), CAST(SUM(t.errors) AS BIGINT), CAST(SUM(t.active_us) AS BIGINT),"         \
    " CAST(SUM(CASE WHEN s.first_at >= t.start_at AND s.first_at < t.start_at + $3 THEN 1 ELSE 0 END) AS "   \
    "BIGINT)"                                                                                                \
    " FROM session_slots t JOIN session_summaries s ON s.session_file = t.session_file"                      \
    " WHERE t.start_at >= $1 AND t.start_at < $2 AND" COUNTS("s") " GROUP BY t.start_at ORDER BY t.start_at"

int session_slots_sum(struct db *db, const struct session_window *w, struct arena *a,
                      struct session_slot_row **ret, size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct session_slot_row);
    int rc = db_query(db, SLOT_SUMS, DB_ARGS(DB_I64(w->from_us), DB_I64(w->to_us), DB_I64(SESSION_SLOT_US)),
                      &c, e);
    while (rc == 0 && (rc = db_next(&c, e)) == 1) {
        struct session_slot_row *r = rows_add(&rows);
        r->slot = (struct session_slot){db_i64(&c, 0), db_i64(&c, 1), db_i64(&c, 2),
                                        db_i64(&c, 3), db_i64(&c, 4), db_i64(&c, 5)};
        r->began = db_i64(&c, 6);
        rc = 0;
    }
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}
