#include "store/schedules.h"

#include "store/rows.h"

#define COMMANDS_KEPT_US (INT64_C(3600) * 1000000)

static struct db_arg known(int64_t v)
{
    return DB_I64_OR_NULL(v != SCHEDULE_UNKNOWN, v);
}

static int64_t or_unknown(struct db_cursor *c, int column)
{
    return db_is_null(c, column) ? SCHEDULE_UNKNOWN : db_i64(c, column);
}

int schedule_put(struct db *db, const struct schedule_report *s, int64_t now_us, struct err *e)
{
    return db_run(
        db,
        "INSERT INTO schedules (name, when_text, zone, method, path, builtin, instance, last_run, "
        "last_status,"
        " last_error, last_end, last_duration_us, consecutive_failures, next_due, in_flight, reported_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
        " ON CONFLICT (name) DO UPDATE SET when_text = excluded.when_text, zone = excluded.zone,"
        " method = excluded.method, path = excluded.path, builtin = excluded.builtin,"
        " instance = excluded.instance, last_run = excluded.last_run, last_status = excluded.last_status,"
        " last_error = excluded.last_error, last_end = excluded.last_end,"
        " last_duration_us = excluded.last_duration_us,"
        " consecutive_failures = excluded.consecutive_failures, next_due = excluded.next_due,"
        " in_flight = excluded.in_flight, reported_at = excluded.reported_at",
        DB_ARGS(DB_TEXT(s->name), DB_TEXT(s->when), DB_TEXT(s->zone), DB_TEXT(s->method), DB_TEXT(s->path),
                DB_I64(s->builtin), DB_TEXT(s->instance), known(s->last_run), DB_TEXT(s->last_status),
                DB_TEXT(s->last_error), known(s->last_end), known(s->last_duration_us),
                DB_I64(s->consecutive_failures), known(s->next_due), known(s->in_flight), DB_I64(now_us)),
        NULL, e);
}

#define COLUMNS                                                                                              \
    "s.name, s.when_text, s.zone, s.method, s.path, s.builtin, s.instance, s.last_run, s.last_status,"       \
    " s.last_error, s.last_end, s.last_duration_us, s.consecutive_failures, s.next_due, s.in_flight,"        \
    " s.reported_at, p.name IS NOT NULL FROM schedules s LEFT JOIN schedule_pauses p ON p.name = s.name"

static struct schedule_report read_schedule(struct db_cursor *c, struct arena *a)
{
    return (struct schedule_report){.name = db_text(c, 0, a),
                                    .when = db_text(c, 1, a),
                                    .zone = db_text(c, 2, a),
                                    .method = db_text(c, 3, a),
                                    .path = db_text(c, 4, a),
                                    .builtin = db_i64(c, 5) != 0,
                                    .instance = db_text(c, 6, a),
                                    .last_run = or_unknown(c, 7),
                                    .last_status = db_text(c, 8, a),
                                    .last_error = db_text(c, 9, a),
                                    .last_end = or_unknown(c, 10),
                                    .last_duration_us = or_unknown(c, 11),
                                    .consecutive_failures = db_i64(c, 12),
                                    .next_due = or_unknown(c, 13),
                                    .in_flight = or_unknown(c, 14),
                                    .reported_at = db_i64(c, 15),
                                    .paused = db_i64(c, 16) != 0};
}

int schedule_list(struct db *db, const char *after, int64_t limit, struct arena *a,
                  struct schedule_report **ret, size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct schedule_report);
    int rc = db_query(db, "SELECT " COLUMNS " WHERE s.name > $1 ORDER BY s.name LIMIT $2",
                      DB_ARGS(DB_TEXT(after), DB_I64(limit)), &c, e);
    if (rc)
        return rc;
    while ((rc = db_next(&c, e)) == 1)
        *(struct schedule_report *)rows_add(&rows) = read_schedule(&c, a);
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}

int schedule_get(struct db *db, const char *name, struct arena *a, struct schedule_report *ret, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, "SELECT " COLUMNS " WHERE s.name = $1", DB_ARGS(DB_TEXT(name)), &c, e);
    if (rc == 0)
        rc = db_next(&c, e);
    if (rc != 1)
        return rc ? rc : SCHEDULE_STORE_E_ABSENT;
    *ret = read_schedule(&c, a);
    return 0;
}

/* -- the ledger -- */

static int has_run(struct db *db, const struct schedule_run *r, bool *ret, struct err *e)
{
    int64_t id;
    int rc = db_value_i64(db, "SELECT id FROM schedule_runs WHERE schedule = $1 AND due = $2",
                          DB_ARGS(DB_TEXT(r->schedule), DB_I64(r->due)), &id, e);
    *ret = rc == 0;
    return rc == DB_E_NONE ? 0 : rc;
}

int schedule_run_put(struct db *db, const struct schedule_run *r, int64_t now_us, bool *ret_new,
                     struct err *e)
{
    bool exists;
    int rc = has_run(db, r, &exists, e);
    *ret_new = !exists;
    if (rc)
        return rc;
    return db_run(
        db,
        "INSERT INTO schedule_runs (schedule, due, until, count, outcome, trigger, started, lateness_us,"
        " duration_us, attempts, status, ok, run_id, error, instance, reported_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
        " ON CONFLICT (schedule, due) DO UPDATE SET outcome = excluded.outcome, started = excluded.started,"
        " lateness_us = excluded.lateness_us, duration_us = excluded.duration_us,"
        " attempts = excluded.attempts, status = excluded.status, ok = excluded.ok,"
        " run_id = excluded.run_id, error = excluded.error, instance = excluded.instance"
        " WHERE excluded.outcome = 'fired' AND (schedule_runs.outcome <> 'fired' OR excluded.ok = 1)",
        DB_ARGS(DB_TEXT(r->schedule), DB_I64(r->due), DB_I64(r->until), DB_I64(r->count), DB_TEXT(r->outcome),
                DB_TEXT(r->trigger), known(r->started), known(r->lateness_us), known(r->duration_us),
                known(r->attempts), known(r->status), known(r->ok), DB_TEXT(r->run_id), DB_TEXT(r->error),
                DB_TEXT(r->instance), DB_I64(now_us)),
        NULL, e);
}

static struct schedule_run read_run(struct db_cursor *c, struct arena *a)
{
    return (struct schedule_run){.id = db_i64(c, 0),
                                 .schedule = db_text(c, 1, a),
                                 .due = db_i64(c, 2),
                                 .until = db_i64(c, 3),
                                 .count = db_i64(c, 4),
                                 .outcome = db_text(c, 5, a),
                                 .trigger = db_text(c, 6, a),
                                 .started = or_unknown(c, 7),
                                 .lateness_us = or_unknown(c, 8),
                                 .duration_us = or_unknown(c, 9),
                                 .attempts = or_unknown(c, 10),
                                 .status = or_unknown(c, 11),
                                 .ok = or_unknown(c, 12),
                                 .run_id = db_text(c, 13, a),
                                 .error = db_text(c, 14, a),
                                 .instance = db_text(c, 15, a)};
}

int schedule_run_list(struct db *db, const char *schedule, int64_t before, int64_t limit, struct arena *a,
                      struct schedule_run **ret, size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct schedule_run);
    /* By due time, which the unique index has in order; a page goes on below the due time of its last row. */
    int rc = db_query(db,
                      "SELECT id, schedule, due, until, count, outcome, trigger, started, lateness_us,"
                      " duration_us, attempts, status, ok, run_id, error, instance FROM schedule_runs"
                      " WHERE schedule = $1 AND due < $2 ORDER BY due DESC LIMIT $3",
                      DB_ARGS(DB_TEXT(schedule), DB_I64(before ? before : INT64_MAX), DB_I64(limit)), &c, e);
    if (rc)
        return rc;
    while ((rc = db_next(&c, e)) == 1)
        *(struct schedule_run *)rows_add(&rows) = read_run(&c, a);
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}

/* -- what people ask for -- */

int schedule_pause_set(struct db *db, const char *name, bool paused, const char *actor, int64_t now_us,
                       struct err *e)
{
    if (!paused)
        return db_run(db, "DELETE FROM schedule_pauses WHERE name = $1", DB_ARGS(DB_TEXT(name)), NULL, e);
    return db_run(db,
                  "INSERT INTO schedule_pauses (name, actor, at) VALUES ($1, $2, $3)"
                  " ON CONFLICT (name) DO NOTHING",
                  DB_ARGS(DB_TEXT(name), DB_TEXT(actor), DB_I64(now_us)), NULL, e);
}

int schedule_paused(struct db *db, struct arena *a, const char ***ret, size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, const char *);
    int rc = db_query(db, "SELECT name FROM schedule_pauses ORDER BY name", DB_NO_ARGS, &c, e);
    if (rc)
        return rc;
    while ((rc = db_next(&c, e)) == 1)
        *(const char **)rows_add(&rows) = db_text(&c, 0, a);
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}

int schedule_command_add(struct db *db, const char *name, const char *action, const char *actor,
                         int64_t now_us, int64_t *ret_id, struct err *e)
{
    return db_insert(db, "INSERT INTO schedule_commands (name, action, at, actor) VALUES ($1, $2, $3, $4)",
                     DB_ARGS(DB_TEXT(name), DB_TEXT(action), DB_I64(now_us), DB_TEXT(actor)), ret_id, e);
}

int schedule_command_newest(struct db *db, int64_t *ret_id, struct err *e)
{
    *ret_id = 0;
    int rc = db_value_i64(db, "SELECT MAX(id) FROM schedule_commands", DB_NO_ARGS, ret_id, e);
    return rc == DB_E_NONE ? 0 : rc;
}

int schedule_command_runs(struct db *db, int64_t after, struct arena *a, struct schedule_command **ret,
                          size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct schedule_command);
    int rc = db_query(db, "SELECT id, at, name, action FROM schedule_commands WHERE id > $1 ORDER BY id",
                      DB_ARGS(DB_I64(after)), &c, e);
    if (rc)
        return rc;
    while ((rc = db_next(&c, e)) == 1)
        if (str_equal(db_str(&c, 3), STR("run")))
            *(struct schedule_command *)rows_add(&rows) =
                (struct schedule_command){db_i64(&c, 0), db_i64(&c, 1), db_text(&c, 2, a)};
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}

int schedules_sweep(struct db *db, int64_t cutoff_us, int64_t now_us, int64_t limit, struct err *e)
{
    int rc = db_run(db,
                    "DELETE FROM schedule_commands WHERE id IN (SELECT id FROM schedule_commands"
                    " WHERE at < $1 ORDER BY at LIMIT $2)",
                    DB_ARGS(DB_I64(now_us - COMMANDS_KEPT_US), DB_I64(limit)), NULL, e);
    if (rc == 0 && cutoff_us)
        rc = db_run(db,
                    "DELETE FROM schedule_runs WHERE id IN (SELECT id FROM schedule_runs"
                    " WHERE reported_at < $1 ORDER BY reported_at LIMIT $2)",
                    DB_ARGS(DB_I64(cutoff_us), DB_I64(limit)), NULL, e);
    return rc;
}
