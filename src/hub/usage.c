/* GET /api/v1/usage (spec 80 H11). */
#include "base/clock.h"
#include "hub/hub_internal.h"
#include "store/rollups.h"

#define DAY_US (INT64_C(86400) * USEC_PER_SEC)
#define DEFAULT_DAYS 30
#define LIMIT_DEFAULT 1000

struct usage_row {
    int64_t bucket, reports, tasks, runs, cost_micro_usd, input_tokens, output_tokens, cache_read_tokens,
        cache_creation_tokens, peak_agents, peak_servers, mean_micro_ms;
    const char *key;
};
static const struct sheet_column columns[] = {
    {"bucket", SHEET_TIME, offsetof(struct usage_row, bucket)},
    {"key", SHEET_TEXT, offsetof(struct usage_row, key)},
    {"reports", SHEET_COUNT, offsetof(struct usage_row, reports)},
    {"tasks", SHEET_COUNT, offsetof(struct usage_row, tasks)},
    {"avg_duration_ms", SHEET_MEAN, offsetof(struct usage_row, mean_micro_ms)},
    {"runs", SHEET_COUNT, offsetof(struct usage_row, runs)},
    {"input_tokens", SHEET_COUNT, offsetof(struct usage_row, input_tokens)},
    {"output_tokens", SHEET_COUNT, offsetof(struct usage_row, output_tokens)},
    {"cache_read_tokens", SHEET_COUNT, offsetof(struct usage_row, cache_read_tokens)},
    {"cache_creation_tokens", SHEET_COUNT, offsetof(struct usage_row, cache_creation_tokens)},
    {"cost_usd", SHEET_MICROS, offsetof(struct usage_row, cost_micro_usd)},
    {"peak_agents", SHEET_COUNT, offsetof(struct usage_row, peak_agents)},
    {"peak_servers", SHEET_COUNT, offsetof(struct usage_row, peak_servers)},
    {0}};

struct usage_input {
    struct rollup_question question;
    const char *bucket, *group;
    enum sheet_format format;
};

static struct usage_row row_of(const struct rollup_row *r, bool grouped)
{
    /* Hundredths of a millisecond, rounded half up, as in the reports themselves. */
    int64_t centi_ms = r->measured > 0 ? (r->duration_us + r->measured * 5) / (r->measured * 10) : -1;
    return (struct usage_row){.bucket = r->bucket_us,
                              .key = grouped ? r->key : NULL,
                              .reports = r->reports,
                              .tasks = r->tasks,
                              .runs = r->runs,
                              .cost_micro_usd = r->cost_micro_usd,
                              .input_tokens = r->input_tokens,
                              .output_tokens = r->output_tokens,
                              .cache_read_tokens = r->cache_read_tokens,
                              .cache_creation_tokens = r->cache_creation_tokens,
                              .peak_agents = r->peak_agents,
                              .peak_servers = r->peak_servers,
                              .mean_micro_ms = centi_ms * 10000};
}

static void add_next(struct hub_op *op, const struct usage_input *in, const struct rollup_row *last)
{
    char from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX], after[CLOCK_TEXT_MAX];
    struct buf key = BUF_INIT;
    hub_add_query(&key, "after_key", last->key);
    op->next =
        arena_printf(op->arena,
                     "</api/v1/usage?from=%s&to=%s&bucket=%s%s%s&limit=%lld&after_bucket=%s%s>; "
                     "rel=\"next\"",
                     clock_format_us(in->question.from_us, from), clock_format_us(in->question.to_us, to),
                     in->bucket, in->group ? "&group=" : "", in->group ? in->group : "",
                     (long long)in->question.limit, clock_format_us(last->bucket_us, after), key.p);
    buf_deinit(&key);
}

static int usage_work(struct hub_op *op, struct db *db, struct err *e)
{
    const struct usage_input *in = op->input;
    struct rollup_row *rows = NULL;
    size_t count = 0;
    int rc = rollup_list(db, &in->question, op->arena, &rows, &count, e);
    if (rc)
        return rc;
    struct usage_row *out = arena_alloc(op->arena, MAX(count, 1) * sizeof(*out));
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        if (rows[i].reports > 0) /* what was deleted leaves rows of nothing */
            out[used++] = row_of(&rows[i], in->group != NULL);
    sheet_answer(op, in->format, "rows", columns, out, used, sizeof(*out));
    if (count > 0 && (int64_t)count == in->question.limit)
        add_next(op, in, &rows[count - 1]);
    return 0;
}

static bool read_choices(struct http_request *r, struct usage_input *in)
{
    static const char *const groups[] = {"instance", "type", "status", "model"};
    bool known = !in->group;
    if (!rollup_bucket_of(str_of(in->bucket), &in->question.bucket)) {
        http_reply_problem(r, 400, "/bucket", "bucket must be hour, day or month");
        return false;
    }
    for (size_t i = 0; in->group && i < COUNT_OF(groups); i++)
        known |= strcmp(groups[i], in->group) == 0;
    if (!known)
        http_reply_problem(r, 400, "/group", "group must be instance, type, status or model");
    in->question.kind = in->group ? in->group : "all";
    return known;
}

static bool read_times(struct http_request *r, struct usage_input *in)
{
    int64_t now_us = clock_wall_us();
    if (!hub_query_time(r, "to", now_us, &in->question.to_us) ||
        !hub_query_time(r, "from", in->question.to_us - DEFAULT_DAYS * DAY_US, &in->question.from_us) ||
        !hub_query_time(r, "after_bucket", 0, &in->question.after_bucket_us))
        return false;
    if (in->question.from_us < in->question.to_us)
        return true;
    http_reply_problem(r, 400, "/from", "from must be before to");
    return false;
}

static void usage(struct http_request *r, void *context)
{
    struct usage_input in = {.bucket = hub_query_text(r, "bucket"), .group = hub_query_text(r, "group")};
    struct str key;
    if (!in.bucket)
        in.bucket = "day";
    if (!read_choices(r, &in) || !read_times(r, &in) || !sheet_format_of(r, &in.format) ||
        !http_query_i64(r, "limit", 1, HUB_LIMIT_MAX, LIMIT_DEFAULT, &in.question.limit))
        return;
    if (in.question.after_bucket_us)
        in.question.after_key = http_query(r, "after_key", &key) ? arena_strdup(http_arena(r), key) : "";
    struct hub_op *op = hub_op_new(r, context, usage_work);
    op->input = arena_alloc(op->arena, sizeof(in));
    memcpy(op->input, &in, sizeof(in));
    hub_read(op);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/usage", HUB_READERS, usage, .summary = "Usage over all instances, by time",
     .query = "from:string:First instant, 30 days before to without it;to:string:First instant that is not "
              "asked for, "
              "now without it;bucket:string:hour, day or month;group:string:instance, type, status or "
              "model;limit:integer:At most this many rows;format:string:json, ndjson or csv",
     .responses = "200:A row per bucket and group"},
};
const struct hub_routes hub_usage_routes = {routes, COUNT_OF(routes)};
