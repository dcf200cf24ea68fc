#include "store/rollups.h"

#include "core/civil.h"
#include "store/rows.h"

#define HOUR_US (INT64_C(3600) * 1000000)
#define DAY_US (24 * HOUR_US)

#define UPSERT(table)                                                                                        \
    "INSERT INTO " table " (kind, bucket, key, reports, tasks, measured, duration_us, runs, cost_micro_usd," \
    " input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, peak_agents, peak_servers)"     \
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"                             \
    " ON CONFLICT (kind, key, bucket) DO UPDATE SET reports = " table ".reports + excluded.reports,"         \
    " tasks = " table ".tasks + excluded.tasks, measured = " table ".measured + excluded.measured,"          \
    " duration_us = " table ".duration_us + excluded.duration_us, runs = " table ".runs + excluded.runs,"    \
    " cost_micro_usd = " table ".cost_micro_usd + excluded.cost_micro_usd,"                                  \
    " input_tokens = " table ".input_tokens + excluded.input_tokens,"                                        \
    " output_tokens = " table ".output_tokens + excluded.output_tokens,"                                     \
    " cache_read_tokens = " table ".cache_read_tokens + excluded.cache_read_tokens,"                         \
    " cache_creation_tokens = " table ".cache_creation_tokens + excluded.cache_creation_tokens,"             \
    " peak_agents = CASE WHEN " table ".peak_agents > excluded.peak_agents THEN " table ".peak_agents"       \
    " ELSE excluded.peak_agents END,"                                                                        \
    " peak_servers = CASE WHEN " table ".peak_servers > excluded.peak_servers THEN " table ".peak_servers"   \
    " ELSE excluded.peak_servers END"
#define ROW                                                                                                  \
    "SELECT bucket, key, reports, tasks, measured, duration_us, runs, cost_micro_usd, input_tokens,"         \
    " output_tokens, cache_read_tokens, cache_creation_tokens, peak_agents, peak_servers FROM "
#define LIST(table)                                                                                          \
    ROW table                                                                                                \
        " WHERE kind = $1 AND bucket >= $2 AND bucket < $3 AND (bucket > $4 OR (bucket = $4 AND key > "      \
        "$5)) ORDER BY bucket, key LIMIT $6"
#define SWEEP(table)                                                                                         \
    "DELETE FROM " table " WHERE (kind, key, bucket) IN (SELECT kind, key, bucket FROM " table               \
    " WHERE kind = $1 AND bucket < $2 ORDER BY bucket LIMIT $3)"

static const struct {
    const char *name, *upsert, *list, *sweep;
} buckets[ROLLUP_BUCKETS] = {
    [ROLLUP_HOUR] = {"hour", UPSERT("usage_hourly"), LIST("usage_hourly"), SWEEP("usage_hourly")},
    [ROLLUP_DAY] = {"day", UPSERT("usage_daily"), LIST("usage_daily"), SWEEP("usage_daily")},
    [ROLLUP_MONTH] = {"month", UPSERT("usage_monthly"), LIST("usage_monthly"), SWEEP("usage_monthly")},
};
static const char *const kinds[] = {"all", "instance", "type", "status", "model"};

bool rollup_bucket_of(struct str name, enum rollup_bucket *ret)
{
    for (int b = 0; b < ROLLUP_BUCKETS; b++)
        if (str_equal(name, str_of(buckets[b].name))) {
            *ret = (enum rollup_bucket)b;
            return true;
        }
    return false;
}

static int64_t floor_to(int64_t at_us, int64_t unit_us)
{
    return at_us - ((at_us % unit_us) + unit_us) % unit_us;
}

int64_t rollup_start(enum rollup_bucket bucket, int64_t at_us)
{
    int64_t day_us = floor_to(at_us, DAY_US);
    if (bucket == ROLLUP_HOUR)
        return floor_to(at_us, HOUR_US);
    if (bucket == ROLLUP_DAY)
        return day_us;
    struct civil d = civil_of_days(day_us / DAY_US);
    return civil_to_days(d.year, d.month, 1) * DAY_US;
}

/* -- a report's rows -- */

static int add_row(struct db *db, const struct report *r, const char *kind, const struct rollup_row *row,
                   int sign, struct err *e)
{
    int rc = 0;
    for (int b = 0; rc == 0 && b < ROLLUP_BUCKETS; b++)
        rc = db_run(db, buckets[b].upsert,
                    DB_ARGS(DB_TEXT(kind), DB_I64(rollup_start((enum rollup_bucket)b, r->window_start_us)),
                            DB_TEXT(row->key), DB_I64(sign * row->reports), DB_I64(sign * row->tasks),
                            DB_I64(sign * row->measured), DB_I64(sign * row->duration_us),
                            DB_I64(sign * row->runs), DB_I64(sign * row->cost_micro_usd),
                            DB_I64(sign * row->input_tokens), DB_I64(sign * row->output_tokens),
                            DB_I64(sign * row->cache_read_tokens), DB_I64(sign * row->cache_creation_tokens),
                            DB_I64(row->peak_agents), DB_I64(row->peak_servers)),
                    NULL, e);
    return rc;
}

static struct rollup_row of_model(const struct report_model *m)
{
    return (struct rollup_row){.key = m->name,
                               .reports = 1,
                               .runs = m->runs,
                               .cost_micro_usd = m->cost_micro_usd,
                               .input_tokens = m->tokens[USAGE_INPUT],
                               .output_tokens = m->tokens[USAGE_OUTPUT],
                               .cache_read_tokens = m->tokens[USAGE_CACHE_READ],
                               .cache_creation_tokens = m->tokens[USAGE_CACHE_CREATION]};
}

static struct rollup_row of_whole(const struct report *r)
{
    struct report_model usage = report_usage(r);
    struct rollup_row row = of_model(&usage);
    row.tasks = report_tasks(r);
    for (size_t i = 0; i < r->type_count; i++) {
        row.measured += r->types[i].measured;
        row.duration_us += r->types[i].duration_us;
    }
    row.peak_agents = r->agents_total;
    row.peak_servers = r->servers_total;
    return row;
}

static int apply_parts(struct db *db, const struct report *r, int sign, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < r->status_count; i++)
        rc = add_row(
            db, r, "status",
            &(struct rollup_row){.key = r->statuses[i].name, .reports = 1, .tasks = r->statuses[i].count},
            sign, e);
    for (size_t i = 0; rc == 0 && i < r->type_count; i++)
        rc = add_row(db, r, "type",
                     &(struct rollup_row){.key = r->types[i].name,
                                          .reports = 1,
                                          .tasks = r->types[i].count,
                                          .measured = r->types[i].measured,
                                          .duration_us = r->types[i].duration_us},
                     sign, e);
    for (size_t i = 0; rc == 0 && i < r->model_count; i++) {
        struct rollup_row row = of_model(&r->models[i]);
        rc = add_row(db, r, "model", &row, sign, e);
    }
    return rc;
}

int rollup_apply(struct db *db, const struct report *r, int sign, struct err *e)
{
    struct rollup_row row = of_whole(r);
    row.key = "";
    int rc = add_row(db, r, "all", &row, sign, e);
    row.key = r->instance_id;
    if (rc == 0)
        rc = add_row(db, r, "instance", &row, sign, e);
    return rc ? rc : apply_parts(db, r, sign, e);
}

/* -- questions -- */

static int read_rows(struct db *db, const char *sql, const struct db_arg *args, size_t arg_count,
                     struct arena *a, struct rollup_row **ret, size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct rollup_row);
    int rc = db_query(db, sql, args, arg_count, &c, e);
    if (rc)
        return rc;
    while ((rc = db_next(&c, e)) == 1)
        *(struct rollup_row *)rows_add(&rows) = (struct rollup_row){.bucket_us = db_i64(&c, 0),
                                                                    .key = db_text(&c, 1, a),
                                                                    .reports = db_i64(&c, 2),
                                                                    .tasks = db_i64(&c, 3),
                                                                    .measured = db_i64(&c, 4),
                                                                    .duration_us = db_i64(&c, 5),
                                                                    .runs = db_i64(&c, 6),
                                                                    .cost_micro_usd = db_i64(&c, 7),
                                                                    .input_tokens = db_i64(&c, 8),
                                                                    .output_tokens = db_i64(&c, 9),
                                                                    .cache_read_tokens = db_i64(&c, 10),
                                                                    .cache_creation_tokens = db_i64(&c, 11),
                                                                    .peak_agents = db_i64(&c, 12),
                                                                    .peak_servers = db_i64(&c, 13)};
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}

int rollup_list(struct db *db, const struct rollup_question *q, struct arena *a, struct rollup_row **ret,
                size_t *ret_count, struct err *e)
{
    return read_rows(db, buckets[q->bucket].list,
                     DB_ARGS(DB_TEXT(q->kind), DB_I64(rollup_start(q->bucket, q->from_us)), DB_I64(q->to_us),
                             DB_I64(q->after_key ? q->after_bucket_us : INT64_MIN),
                             DB_TEXT(q->after_key ? q->after_key : ""), DB_I64(q->limit)),
                     a, ret, ret_count, e);
}

int rollup_hours(struct db *db, const char *instance_id, int64_t from_us, struct arena *a,
                 struct rollup_row **ret, size_t *ret_count, struct err *e)
{
    return read_rows(
        db, ROW "usage_hourly WHERE kind = 'instance' AND key = $1 AND bucket >= $2 ORDER BY bucket",
        DB_ARGS(DB_TEXT(instance_id), DB_I64(rollup_start(ROLLUP_HOUR, from_us))), a, ret, ret_count, e);
}

int rollup_sweep(struct db *db, enum rollup_bucket bucket, int64_t before_us, int64_t limit,
                 int64_t *ret_deleted, struct err *e)
{
    int rc = 0;
    *ret_deleted = 0;
    for (size_t k = 0; rc == 0 && k < COUNT_OF(kinds); k++) {
        int64_t deleted = 0;
        rc = db_run(db, buckets[bucket].sweep, DB_ARGS(DB_TEXT(kinds[k]), DB_I64(before_us), DB_I64(limit)),
                    &deleted, e);
        *ret_deleted += deleted;
    }
    return rc;
}
