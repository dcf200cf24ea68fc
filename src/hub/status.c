/* What is asked of the hub itself: health, events, figures, its own description. */
#include "base/clock.h"
#include "hub/hub_internal.h"
#include "io/counters.h"

static void healthz(struct http_request *r, void *context)
{
    (void)context;
    http_reply_status(r, 200, "ok");
}

static void readyz(struct http_request *r, void *context)
{
    const struct hub *h = context;
    bool ready = h->ready && !h->stopping;
    http_reply_status(r, ready ? 200 : 503, ready ? "ready" : h->stopping ? "stopping" : "starting");
}

/* -- events -- */

static const struct sheet_column event_columns[] = {
    {"id", SHEET_COUNT, offsetof(struct hub_event, id)},
    {"at", SHEET_TIME, offsetof(struct hub_event, at)},
    {"type", SHEET_TEXT, offsetof(struct hub_event, type)},
    {"instance_id", SHEET_TEXT, offsetof(struct hub_event, instance_id)},
    {"detail", SHEET_TEXT, offsetof(struct hub_event, detail)},
    {0}};

struct events_input {
    int64_t after, limit;
    enum sheet_format format;
};

static int events_work(struct hub_op *op, struct db *db, struct err *e)
{
    const struct events_input *in = op->input;
    struct hub_event *rows = NULL;
    size_t count = 0;
    int rc = hub_event_list(db, in->after, in->limit, op->arena, &rows, &count, e);
    if (rc == 0)
        sheet_answer(op, in->format, "events", event_columns, rows, count, sizeof(*rows));
    return rc;
}

static void events(struct http_request *r, void *context)
{
    struct events_input in;
    if (!http_query_i64(r, "limit", 1, HUB_LIMIT_MAX, HUB_LIMIT_DEFAULT, &in.limit) ||
        !http_query_i64(r, "after", 0, INT64_MAX, 0, &in.after) || !sheet_format_of(r, &in.format))
        return;
    struct hub_op *op = hub_op_new(r, context, events_work);
    op->input = arena_alloc(op->arena, sizeof(in));
    memcpy(op->input, &in, sizeof(in));
    hub_read(op);
}

/* -- figures, in Prometheus' text format -- */

static void put_counters(struct buf *out)
{
    for (int i = 0; i < COUNTER_COUNT; i++) {
        const struct counter_row *row = &counter_rows[i];
        bool hub = strncmp(row->name, "hub_", 4) == 0 || strncmp(row->name, "http_", 5) == 0 ||
                   strncmp(row->name, "store_", 6) == 0;
        if (!hub)
            continue;
        if (row->help[0])
            buf_printf(out, "# HELP muster_%s_total %s\n# TYPE muster_%s_total counter\n", row->name,
                       row->help, row->name);
        buf_printf(out, "muster_%s_total", row->name);
        if (row->label[0])
            buf_printf(out, "{%s=\"%s\"}", row->label, row->label_value);
        buf_printf(out, " %lld\n", (long long)counter_get((enum counter_id)i));
    }
}

static int metrics_work(struct hub_op *op, struct db *db, struct err *e)
{
    struct instance_counts counts;
    int rc = instance_count(db, &counts, e);
    if (rc)
        return rc;
    op->content_type = "text/plain; version=0.0.4; charset=utf-8";
    buf_printf(
        &op->body,
        "# HELP muster_hub_instances Instances by whether they report.\n# TYPE muster_hub_instances gauge\n"
        "muster_hub_instances{state=\"reporting\"} %lld\nmuster_hub_instances{state=\"silent\"} %lld\n",
        (long long)(counts.all - counts.silent), (long long)counts.silent);
    put_counters(&op->body);
    return 0;
}

static void metrics(struct http_request *r, void *context)
{
    hub_read(hub_op_new(r, context, metrics_work));
}

static void openapi(struct http_request *r, void *context)
{
    struct hub *h = context;
    struct buf body = BUF_INIT;
    http_server_openapi(h->http, "muster hub", MUSTER_VERSION, &body);
    http_reply_json(r, 200, &body);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/healthz", HTTP_ROLE_ANYBODY, healthz, .summary = "The process answers",
     .responses = "200:It does"},
    {HTTP_GET, "/readyz", HTTP_ROLE_ANYBODY, readyz, .summary = "It can serve",
     .responses = "200:It can;503:Not yet, or no more"},
    {HTTP_GET, "/metrics", HUB_READERS, metrics, .summary = "Figures of the hub, as Prometheus reads them",
     .responses = "200:Figures"},
    {HTTP_GET, "/api/v1/events", HUB_READERS, events, .summary = "What has happened to instances",
     .query =
         "limit:integer:At most this many;after:integer:Behind this event;format:string:json, ndjson or csv",
     .responses = "200:Events, oldest first"},
    {HTTP_GET, "/openapi.json", HTTP_ROLE_ANYBODY, openapi, .summary = "This description",
     .responses = "200:OpenAPI 3.1"},
};
const struct hub_routes hub_status_routes = {routes, COUNT_OF(routes)};
