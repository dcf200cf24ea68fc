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
#define UPSERT_TYPES "titiiiiiiiiiiii"
#define UPSERT_COLUMNS (sizeof(UPSERT_TYPES) - 1)
#define ROW                                                                                                  \
    "SELECT bucket, key, reports, tasks, measured, duration_us, runs, cost_micro_usd, input_tokens,"         \
    " output_tokens, cache_read_tokens, cache_creation_tokens, peak_agents, peak_servers FROM "
#define LIST(table)                                                                                          \
    ROW table " WHERE kind = $1 AND bucket >= $2 AND bucket < $3 AND (bucket, key) > ($4, $5)"               \
              " ORDER BY bucket, key LIMIT $6"
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

/* -- changes, added up -- */

#define SUMS_MAX 4096
#define WRITE_ROWS 1024 /* of one statement */

struct sum {
    enum rollup_bucket bucket;
    const char *kind;
    struct rollup_row row; /* key: owned */
};

void rollup_sums_init(struct rollup_sums *s)
{
    map_init(&s->rows);
}

static void clear(struct rollup_sums *s)
{
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(&s->rows, &at, &key, &value)) {
        struct sum *sum = value;
        free((char *)(uintptr_t)sum->row.key);
        free(sum);
    }
    map_deinit(&s->rows);
    map_init(&s->rows);
}

void rollup_sums_deinit(struct rollup_sums *s)
{
    clear(s);
    map_deinit(&s->rows);
}

bool rollup_sums_are_many(const struct rollup_sums *s)
{
    return s->rows.count > SUMS_MAX;
}

/* What cannot be added up stays at the limit, and the store refuses it. */
static void add(int64_t *to, int64_t v)
{
    if (__builtin_add_overflow(*to, v, to))
        *to = v < 0 ? INT64_MIN : INT64_MAX;
}

static const size_t summed[] = {
    offsetof(struct rollup_row, reports),
    offsetof(struct rollup_row, tasks),
    offsetof(struct rollup_row, measured),
    offsetof(struct rollup_row, duration_us),
    offsetof(struct rollup_row, runs),
    offsetof(struct rollup_row, cost_micro_usd),
    offsetof(struct rollup_row, input_tokens),
    offsetof(struct rollup_row, output_tokens),
    offsetof(struct rollup_row, cache_read_tokens),
    offsetof(struct rollup_row, cache_creation_tokens),
};

static int64_t *field(const struct rollup_row *row, size_t offset)
{
    return (int64_t *)(uintptr_t)((const char *)row + offset);
}

static struct sum *sum_of(struct rollup_sums *s, enum rollup_bucket bucket, const char *kind,
                          const struct rollup_row *row)
{
    char name[512];
    int n =
        snprintf(name, sizeof(name), "%d %lld %s %s", (int)bucket, (long long)row->bucket_us, kind, row->key);
    assert(n > 0 && (size_t)n < sizeof(name)); /* a name has at most 256 bytes, as an id has */
    struct str key = {name, (size_t)n};
    struct sum *sum = map_get(&s->rows, key);
    if (sum)
        return sum;
    sum = xnew(struct sum);
    *sum = (struct sum){.bucket = bucket, .kind = kind};
    sum->row.bucket_us = row->bucket_us;
    sum->row.key = xstrdup(row->key);
    (void)map_put(&s->rows, key, sum);
    return sum;
}

static void add_row(struct rollup_sums *s, const struct report *r, const char *kind, struct rollup_row row,
                    int sign)
{
    for (int b = 0; b < ROLLUP_BUCKETS; b++) {
        row.bucket_us = rollup_start((enum rollup_bucket)b, r->window_start_us);
        struct rollup_row *sum = &sum_of(s, (enum rollup_bucket)b, kind, &row)->row;
        for (size_t i = 0; i < COUNT_OF(summed); i++)
            add(field(sum, summed[i]), sign * *field(&row, summed[i]));
        sum->peak_agents = MAX(sum->peak_agents, row.peak_agents);
        sum->peak_servers = MAX(sum->peak_servers, row.peak_servers);
    }
}

/* -- a report's rows -- */

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
        add(&row.measured, r->types[i].measured);
        add(&row.duration_us, r->types[i].duration_us);
    }
    row.peak_agents = r->agents_total;
    row.peak_servers = r->servers_total;
    return row;
}

static void add_parts(struct rollup_sums *s, const struct report *r, int sign)
{
    for (size_t i = 0; i < r->status_count; i++)
        add_row(s, r, "status",
                (struct rollup_row){.key = r->statuses[i].name, .reports = 1, .tasks = r->statuses[i].count},
                sign);
    for (size_t i = 0; i < r->type_count; i++)
        add_row(s, r, "type",
                (struct rollup_row){.key = r->types[i].name,
                                    .reports = 1,
                                    .tasks = r->types[i].count,
                                    .measured = r->types[i].measured,
                                    .duration_us = r->types[i].duration_us},
                sign);
    for (size_t i = 0; i < r->model_count; i++)
        add_row(s, r, "model", of_model(&r->models[i]), sign);
}

void rollup_sums_add(struct rollup_sums *s, const struct report *r, int sign)
{
    struct rollup_row row = of_whole(r);
    row.key = "";
    add_row(s, r, "all", row, sign);
    row.key = r->instance_id;
    add_row(s, r, "instance", row, sign);
    add_parts(s, r, sign);
}

/* -- writing them -- */

static void bind(const struct sum *sum, struct db_arg *ret)
{
    const struct rollup_row *r = &sum->row;
    const struct db_arg args[] = {DB_TEXT(sum->kind),
                                  DB_I64(r->bucket_us),
                                  DB_TEXT(r->key),
                                  DB_I64(r->reports),
                                  DB_I64(r->tasks),
                                  DB_I64(r->measured),
                                  DB_I64(r->duration_us),
                                  DB_I64(r->runs),
                                  DB_I64(r->cost_micro_usd),
                                  DB_I64(r->input_tokens),
                                  DB_I64(r->output_tokens),
                                  DB_I64(r->cache_read_tokens),
                                  DB_I64(r->cache_creation_tokens),
                                  DB_I64(r->peak_agents),
                                  DB_I64(r->peak_servers)};
    static_assert(COUNT_OF(args) == UPSERT_COLUMNS, "a value per column");
    memcpy(ret, args, sizeof(args));
}

static int write_bucket(const struct rollup_sums *s, int bucket, struct db *db, struct db_arg *args,
                        struct err *e)
{
    size_t at = 0, rows = 0;
    struct str key;
    void *value;
    int rc = 0;
    while (rc == 0 && map_next(&s->rows, &at, &key, &value)) {
        const struct sum *sum = value;
        if ((int)sum->bucket != bucket)
            continue;
        bind(sum, &args[rows++ * UPSERT_COLUMNS]);
        if (rows < WRITE_ROWS)
            continue;
        rc = db_run_rows(db, buckets[bucket].upsert, UPSERT_TYPES, args, rows, e);
        rows = 0;
    }
    return rc ? rc : db_run_rows(db, buckets[bucket].upsert, UPSERT_TYPES, args, rows, e);
}

int rollup_sums_write(struct rollup_sums *s, struct db *db, struct err *e)
{
    struct db_arg *args = xcalloc(MIN(MAX(s->rows.count, 1), WRITE_ROWS) * UPSERT_COLUMNS, sizeof(*args));
    int rc = 0;
    for (int b = 0; rc == 0 && b < ROLLUP_BUCKETS; b++)
        rc = write_bucket(s, b, db, args, e);
    free(args);
    clear(s);
    return rc;
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
    int64_t from_us = rollup_start(q->bucket, q->from_us);
    int64_t after_us = q->after_key ? q->after_bucket_us : INT64_MIN;
    return read_rows(db, buckets[q->bucket].list,
                     DB_ARGS(DB_TEXT(q->kind), DB_I64(MAX(from_us, after_us)), DB_I64(q->to_us),
                             DB_I64(after_us), DB_TEXT(q->after_key ? q->after_key : ""), DB_I64(q->limit)),
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
