#include "store/instances.h"

#include "base/json.h"
#include "store/rows.h"

#define COLUMNS                                                                                              \
    "id, name, group_name, key_hash, old_key_hash, old_key_until, created_at, last_seen_at, last_report_at," \
    " first_start, last_end, epoch, epoch_since, last_no, max_no, fork_no, fork_end, process, total_tasks,"  \
    " total_runs, interval_us, expected_by, silent_since, version, platform, uptime_s, agents_online,"       \
    " agents_offline, agents_total, servers_total, reports, gaps"

static struct instance read_instance(struct db_cursor *c, struct arena *a)
{
    return (struct instance){.id = db_text(c, 0, a),
                             .name = db_text(c, 1, a),
                             .group = db_text(c, 2, a),
                             .key_hash = db_text(c, 3, a),
                             .old_key_hash = db_text(c, 4, a),
                             .old_key_until = db_i64(c, 5),
                             .created_at = db_i64(c, 6),
                             .last_seen_at = db_i64(c, 7),
                             .last_report_at = db_i64(c, 8),
                             .first_start = db_i64(c, 9),
                             .last_end = db_i64(c, 10),
                             .epoch = db_text(c, 11, a),
                             .epoch_since = db_i64(c, 12),
                             .last_no = db_i64(c, 13),
                             .max_no = db_i64(c, 14),
                             .fork_no = db_i64(c, 15),
                             .fork_end = db_i64(c, 16),
                             .process = db_text(c, 17, a),
                             .totals_known = !db_is_null(c, 18),
                             .total_tasks = db_i64(c, 18),
                             .total_runs = db_i64(c, 19),
                             .interval_us = db_i64(c, 20),
                             .expected_by = db_i64(c, 21),
                             .silent_since = db_i64(c, 22),
                             .version = db_text(c, 23, a),
                             .platform = db_text(c, 24, a),
                             .uptime_s = db_i64(c, 25),
                             .agents_online = db_i64(c, 26),
                             .agents_offline = db_i64(c, 27),
                             .agents_total = db_i64(c, 28),
                             .servers_total = db_i64(c, 29),
                             .reports = db_i64(c, 30),
                             .gaps = db_i64(c, 31)};
}

static struct db_arg known(int64_t v)
{
    return DB_I64_OR_NULL(v != 0, v);
}

int instance_insert(struct db *db, const struct instance *i, int64_t now_us, struct err *e)
{
    int64_t changed;
    int rc = db_run(db,
                    "INSERT INTO instances (id, name, group_name, key_hash, created_at, expected_by)"
                    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING",
                    DB_ARGS(DB_TEXT(i->id), DB_TEXT(i->name), DB_TEXT(i->group), DB_TEXT(i->key_hash),
                            DB_I64(now_us), DB_I64(i->expected_by)),
                    &changed, e);
    return rc ? rc : changed ? 0 : INSTANCE_E_EXISTS;
}

static int read_one(struct db *db, const char *sql, const struct db_arg *args, size_t count, struct arena *a,
                    struct instance *ret, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, sql, args, count, &c, e);
    if (rc == 0)
        rc = db_next(&c, e);
    if (rc != 1)
        return rc ? rc : INSTANCE_E_ABSENT;
    *ret = read_instance(&c, a);
    return 0;
}

int instance_get(struct db *db, const char *id, struct arena *a, struct instance *ret, struct err *e)
{
    return read_one(db, "SELECT " COLUMNS " FROM instances WHERE id = $1", DB_ARGS(DB_TEXT(id)), a, ret, e);
}

static int read_all(struct db *db, const char *sql, const struct db_arg *args, size_t arg_count,
                    struct arena *a, struct instance **ret, size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct instance);
    int rc = db_query(db, sql, args, arg_count, &c, e);
    if (rc)
        return rc;
    while ((rc = db_next(&c, e)) == 1)
        *(struct instance *)rows_add(&rows) = read_instance(&c, a);
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}

/* A list as a parameter has no common words but JSON's, and these are not the same either. */
static const char *const find_sql[DB_DIALECTS] = {
    [DB_SQLITE] = "SELECT " COLUMNS " FROM instances WHERE id IN (SELECT value FROM json_each($1))",
    [DB_POSTGRES] = "SELECT " COLUMNS " FROM instances"
                    " WHERE id = ANY (ARRAY(SELECT json_array_elements_text(CAST($1 AS json))))",
};

int instance_find(struct db *db, const char *const *ids, size_t count, struct arena *a, struct instance **ret,
                  size_t *ret_count, struct err *e)
{
    CLEANUP(buf_deinit) struct buf list = BUF_INIT;
    struct json_writer w;
    json_init(&w, &list);
    json_array_begin(&w);
    for (size_t i = 0; i < count; i++)
        json_text(&w, ids[i]);
    json_array_end(&w);
    return read_all(db, find_sql[db_dialect(db)], DB_ARGS(DB_STR(buf_str(&list))), a, ret, ret_count, e);
}

int instance_list(struct db *db, const struct instance_filter *f, struct arena *a, struct instance **ret,
                  size_t *ret_count, struct err *e)
{
#define LIST(condition) "SELECT " COLUMNS " FROM instances WHERE id > $1" condition " ORDER BY id LIMIT $2"
    static const char *const by[2][2] = {
        {LIST(""), LIST(" AND silent_since IS NOT NULL")},
        {LIST(" AND group_name = $3"), LIST(" AND group_name = $3 AND silent_since IS NOT NULL")}};
    const struct db_arg args[] = {DB_TEXT(f->after), DB_I64(f->limit), DB_TEXT(f->group)};
    return read_all(db, by[f->group != NULL][f->silent_only], args, f->group ? 3 : 2, a, ret, ret_count, e);
}

int instance_count(struct db *db, struct instance_counts *ret, struct err *e)
{
    int rc = db_value_i64(db, "SELECT COUNT(*) FROM instances", DB_NO_ARGS, &ret->all, e);
    return rc ? rc
              : db_value_i64(db, "SELECT COUNT(*) FROM instances WHERE silent_since IS NOT NULL", DB_NO_ARGS,
                             &ret->silent, e);
}

int instance_put_key(struct db *db, const char *id, const char *hash, int64_t old_until_us, struct err *e)
{
    int64_t changed;
    int rc = db_run(
        db, "UPDATE instances SET old_key_hash = key_hash, old_key_until = $3, key_hash = $2 WHERE id = $1",
        DB_ARGS(DB_TEXT(id), DB_TEXT(hash), DB_I64(old_until_us)), &changed, e);
    return rc ? rc : changed ? 0 : INSTANCE_E_ABSENT;
}

int instance_delete(struct db *db, const char *id, struct err *e)
{
    static const char *const of_instance[] = {
        "DELETE FROM usage_hourly WHERE kind = 'instance' AND key = $1",
        "DELETE FROM usage_daily WHERE kind = 'instance' AND key = $1",
        "DELETE FROM usage_monthly WHERE kind = 'instance' AND key = $1",
        "DELETE FROM licences WHERE scope = 'instance:' || $1",
        "DELETE FROM hub_events WHERE instance_id = $1",
        "DELETE FROM instance_gaps WHERE instance_id = $1",
        "DELETE FROM reports WHERE instance_id = $1",
    };
    int64_t changed;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < COUNT_OF(of_instance); i++)
        rc = db_run(db, of_instance[i], DB_ARGS(DB_TEXT(id)), NULL, e);
    if (rc == 0)
        rc = db_run(db, "DELETE FROM instances WHERE id = $1", DB_ARGS(DB_TEXT(id)), &changed, e);
    return rc ? rc : changed ? 0 : INSTANCE_E_ABSENT;
}

/* -- what reports have changed -- */

/* The row is there; saying all of it is how many rows are written in one statement. */
#define SAVED                                                                                                \
    "last_seen_at, old_key_hash, old_key_until, last_report_at, first_start, last_end, epoch, epoch_since,"  \
    " last_no, max_no, fork_no, fork_end, process, total_tasks, total_runs, interval_us, expected_by,"       \
    " silent_since, version, platform, uptime_s, agents_online, agents_offline, agents_total,"               \
    " servers_total, reports, gaps"
#define NEW(column) column " = excluded." column
static const char save_sql[] = "INSERT INTO instances (id, name, key_hash, created_at, " SAVED
                               ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8,"
                               " $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, "
                               "$24, $25, $26, $27, $28, "
                               "$29,"
                               " $30, $31) ON CONFLICT (id) DO UPDATE SET " NEW(
                                   "last_seen_at") ", " NEW("old_key_hash") ","
                                                                            " " NEW(
                                                                                "o"
                                                                                "l"
                                                                                "d"
                                                                                "_"
                                                                                "k"
                                                                                "e"
                                                                                "y"
                                                                                "_"
                                                                                "u"
                                                                                "n"
                                                                                "t"
                                                                                "i"
                                                                                "l") ", " NEW("last_report_"
                                                                                              "at") ", " NEW("first_"
                                                                                                             "start") ", " NEW("last_end") ", " NEW("epoch") ", " NEW("epoch_since") ", " NEW("last_no") ", " NEW("max_no") ","
                                                                                                                                                                                                                            " " NEW("fork_no") ", " NEW("fork_end") ", " NEW("process") ", " NEW("total_tasks") ", " NEW("total_runs") ", " NEW("interval_us") ", " NEW("expected_by") ", " NEW("silent_since") ", " NEW("version") ", " NEW("platform") ", " NEW("uptime_s") ", " NEW("agents_online") ", " NEW("agents_offline") ", " NEW("agents_total") ", " NEW(
                                                                                                                                                                                                                                "servers_total") ", " NEW("reports") ", " NEW("gaps");
static const char save_types[] = "ttti"
                                 "itiiiitiiiiitiiiii"
                                 "tt"
                                 "iiiiiii";

static const struct db_arg *saved_columns(const struct instance *i, struct db_arg *ret)
{
    const struct db_arg columns[] = {DB_TEXT(i->id),
                                     DB_TEXT(i->name),
                                     DB_TEXT(i->key_hash),
                                     DB_I64(i->created_at),
                                     known(i->last_seen_at),
                                     DB_TEXT(i->old_key_hash),
                                     known(i->old_key_until),
                                     known(i->last_report_at),
                                     known(i->first_start),
                                     known(i->last_end),
                                     DB_TEXT(i->epoch),
                                     known(i->epoch_since),
                                     known(i->last_no),
                                     known(i->max_no),
                                     known(i->fork_no),
                                     known(i->fork_end),
                                     DB_TEXT(i->process),
                                     DB_I64_OR_NULL(i->totals_known, i->total_tasks),
                                     DB_I64_OR_NULL(i->totals_known, i->total_runs),
                                     known(i->interval_us),
                                     DB_I64(i->expected_by),
                                     known(i->silent_since),
                                     DB_TEXT(i->version),
                                     DB_TEXT(i->platform),
                                     DB_I64(i->uptime_s),
                                     DB_I64(i->agents_online),
                                     DB_I64(i->agents_offline),
                                     DB_I64(i->agents_total),
                                     DB_I64(i->servers_total),
                                     DB_I64(i->reports),
                                     DB_I64(i->gaps)};
    static_assert(COUNT_OF(columns) == sizeof(save_types) - 1, "a type per column");
    return memcpy(ret, columns, sizeof(columns));
}

int instance_save(struct db *db, const struct instance *const *list, size_t count, struct arena *a,
                  struct err *e)
{
    const size_t columns = sizeof(save_types) - 1;
    struct db_arg *args = arena_alloc(a, MAX(count, 1) * columns * sizeof(*args));
    for (size_t i = 0; i < count; i++)
        (void)saved_columns(list[i], &args[i * columns]);
    return db_run_rows(db, save_sql, save_types, args, count, e);
}

int instance_any_overdue(struct db *db, int64_t now_us, struct err *e)
{
    int64_t one;
    return db_value_i64(db, "SELECT 1 FROM instances WHERE silent_since IS NULL AND expected_by < $1 LIMIT 1",
                        DB_ARGS(DB_I64(now_us)), &one, e);
}

int instance_mark_silent(struct db *db, int64_t now_us, int64_t limit, struct arena *a, struct instance **ret,
                         size_t *ret_count, struct err *e)
{
    return read_all(db,
                    "UPDATE instances SET silent_since = expected_by WHERE id IN (SELECT id FROM instances"
                    " WHERE silent_since IS NULL AND expected_by < $1 ORDER BY expected_by LIMIT $2)"
                    " RETURNING " COLUMNS,
                    DB_ARGS(DB_I64(now_us), DB_I64(limit)), a, ret, ret_count, e);
}

/* -- gaps -- */

int gap_insert(struct db *db, const char *instance_id, const struct instance_gap *g, int64_t now_us,
               struct err *e)
{
    return db_run(
        db,
        "INSERT INTO instance_gaps (instance_id, kind, window_start, window_end, epoch, first_no, last_no,"
        " detail, found_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        DB_ARGS(DB_TEXT(instance_id), DB_TEXT(g->kind), DB_I64(g->start_us), DB_I64(g->end_us),
                DB_TEXT(g->epoch), known(g->first_no), known(g->last_no), DB_TEXT(g->detail), DB_I64(now_us)),
        NULL, e);
}

int gap_extend(struct db *db, int64_t id, int64_t end_us, int64_t last_no, struct err *e)
{
    return db_run(db, "UPDATE instance_gaps SET window_end = $2, last_no = $3 WHERE id = $1",
                  DB_ARGS(DB_I64(id), DB_I64(end_us), known(last_no)), NULL, e);
}

int gap_delete(struct db *db, int64_t id, struct err *e)
{
    return db_run(db, "DELETE FROM instance_gaps WHERE id = $1", DB_ARGS(DB_I64(id)), NULL, e);
}

#define GAP_COLUMNS "id, kind, window_start, window_end, epoch, first_no, last_no, detail, found_at"

static struct instance_gap read_gap(struct db_cursor *c, struct arena *a)
{
    return (struct instance_gap){.id = db_i64(c, 0),
                                 .kind = db_text(c, 1, a),
                                 .start_us = db_i64(c, 2),
                                 .end_us = db_i64(c, 3),
                                 .epoch = db_text(c, 4, a),
                                 .first_no = db_i64(c, 5),
                                 .last_no = db_i64(c, 6),
                                 .detail = db_text(c, 7, a),
                                 .found_at = db_i64(c, 8)};
}

static int read_one_gap(struct db *db, const char *sql, const struct db_arg *args, size_t count,
                        struct arena *a, struct instance_gap *ret, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, sql, args, count, &c, e);
    if (rc == 0)
        rc = db_next(&c, e);
    if (rc != 1)
        return rc ? rc : DB_E_NONE;
    *ret = read_gap(&c, a);
    return 0;
}

int gap_newest(struct db *db, const char *instance_id, const char *kind, const char *epoch, struct arena *a,
               struct instance_gap *ret, struct err *e)
{
    return read_one_gap(db,
                        "SELECT " GAP_COLUMNS " FROM instance_gaps WHERE instance_id = $1 AND kind = $2"
                        " AND epoch = $3 ORDER BY id DESC LIMIT 1",
                        DB_ARGS(DB_TEXT(instance_id), DB_TEXT(kind), DB_TEXT(epoch)), a, ret, e);
}

int gap_around(struct db *db, const char *instance_id, int64_t start_us, int64_t end_us, struct arena *a,
               struct instance_gap *ret, struct err *e)
{
    return read_one_gap(db,
                        "SELECT " GAP_COLUMNS " FROM instance_gaps WHERE instance_id = $1 AND kind = 'gap'"
                        " AND window_start <= $2 AND window_end >= $3 LIMIT 1",
                        DB_ARGS(DB_TEXT(instance_id), DB_I64(start_us), DB_I64(end_us)), a, ret, e);
}

int gap_numbered(struct db *db, const char *instance_id, const char *epoch, int64_t window_no,
                 struct arena *a, struct instance_gap *ret, struct err *e)
{
    return read_one_gap(db,
                        "SELECT " GAP_COLUMNS " FROM instance_gaps WHERE instance_id = $1 AND kind = 'gap'"
                        " AND epoch = $2 AND first_no <= $3 AND last_no >= $3 LIMIT 1",
                        DB_ARGS(DB_TEXT(instance_id), DB_TEXT(epoch), DB_I64(window_no)), a, ret, e);
}

int gap_list(struct db *db, const char *instance_id, const char *kind, int64_t after, int64_t limit,
             struct arena *a, struct instance_gap **ret, size_t *ret_count, struct err *e)
{
    static const char of_any[] =
        "SELECT " GAP_COLUMNS " FROM instance_gaps WHERE instance_id = $1 AND id > $2"
        " ORDER BY id LIMIT $3";
    static const char of_kind[] =
        "SELECT " GAP_COLUMNS " FROM instance_gaps WHERE instance_id = $1 AND id > $2"
        " AND kind = $4 ORDER BY id LIMIT $3";
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct instance_gap);
    const struct db_arg args[] = {DB_TEXT(instance_id), DB_I64(after), DB_I64(limit), DB_TEXT(kind)};
    int rc = db_query(db, kind ? of_kind : of_any, args, kind ? 4 : 3, &c, e);
    if (rc)
        return rc;
    while ((rc = db_next(&c, e)) == 1)
        *(struct instance_gap *)rows_add(&rows) = read_gap(&c, a);
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}

int finding_list(struct db *db, const char *kind, int64_t before, int64_t limit, struct arena *a,
                 struct instance_finding **ret, size_t *ret_count, struct err *e)
{
#define NEWEST(condition)                                                                                    \
    "SELECT g.id, kind, window_start, window_end, g.epoch, first_no, g.last_no, detail, found_at,"           \
    " instance_id, name FROM instance_gaps g JOIN instances i ON i.id = instance_id WHERE g.id < "           \
    "$1" condition " ORDER BY g.id DESC LIMIT $2"
    static const char *const by[] = {NEWEST(""), NEWEST(" AND kind = $3")};
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct instance_finding);
    const struct db_arg args[] = {DB_I64(before), DB_I64(limit), DB_TEXT(kind)};
    int rc = db_query(db, by[kind != NULL], args, kind ? 3 : 2, &c, e);
    if (rc)
        return rc;
    while ((rc = db_next(&c, e)) == 1)
        *(struct instance_finding *)rows_add(&rows) = (struct instance_finding){
            .gap = read_gap(&c, a), .instance_id = db_text(&c, 9, a), .name = db_text(&c, 10, a)};
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}

int gap_count(struct db *db, const char *first, const char *last,
              void (*each)(void *arg, struct str instance_id, struct str kind, int64_t count), void *arg,
              struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db,
                      "SELECT instance_id, kind, COUNT(*) FROM instance_gaps WHERE instance_id >= $1 AND"
                      " instance_id <= $2 GROUP BY instance_id, kind",
                      DB_ARGS(DB_TEXT(first), DB_TEXT(last)), &c, e);
    while (rc == 0 && (rc = db_next(&c, e)) == 1) {
        each(arg, db_str(&c, 0), db_str(&c, 1), db_i64(&c, 2));
        rc = 0;
    }
    return rc;
}

/* -- events -- */

int hub_event_newest(struct db *db, int64_t *ret_id, struct err *e)
{
    return db_value_i64(db, "SELECT COALESCE(MAX(id), 0) FROM hub_events", DB_NO_ARGS, ret_id, e);
}

int hub_event_insert(struct db *db, const char *instance_id, const char *type, const char *detail,
                     int64_t now_us, struct err *e)
{
    return db_run(db, "INSERT INTO hub_events (at, instance_id, type, detail) VALUES ($1, $2, $3, $4)",
                  DB_ARGS(DB_I64(now_us), DB_TEXT(instance_id), DB_TEXT(type), DB_TEXT(detail)), NULL, e);
}

int hub_event_list(struct db *db, int64_t after, int64_t limit, struct arena *a, struct hub_event **ret,
                   size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct hub_event);
    int rc = db_query(
        db, "SELECT id, at, instance_id, type, detail FROM hub_events WHERE id > $1 ORDER BY id LIMIT $2",
        DB_ARGS(DB_I64(after), DB_I64(limit)), &c, e);
    if (rc)
        return rc;
    while ((rc = db_next(&c, e)) == 1)
        *(struct hub_event *)rows_add(&rows) = (struct hub_event){.id = db_i64(&c, 0),
                                                                  .at = db_i64(&c, 1),
                                                                  .instance_id = db_text(&c, 2, a),
                                                                  .type = db_text(&c, 3, a),
                                                                  .detail = db_text(&c, 4, a)};
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}
