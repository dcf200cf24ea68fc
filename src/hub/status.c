/* What is asked of the hub itself: health, figures, its own description. */
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

/* -- the same in short, for people -- */

static int status_work(struct hub_op *op, struct db *db, struct err *e)
{
    struct instance_counts counts;
    int rc = instance_count(db, &counts, e);
    if (rc)
        return rc;
    json_object_begin(&op->json);
    json_kv_text(&op->json, "program", "hub");
    json_kv_text(&op->json, "version", MUSTER_VERSION);
    json_kv_i64(&op->json, "uptime_seconds", (clock_monotonic_us() - op->hub->started_us) / USEC_PER_SEC);
    json_kv_i64(&op->json, "instances", counts.all);
    json_kv_i64(&op->json, "instances_silent", counts.silent);
    json_object_end(&op->json);
    return 0;
}

static void status(struct http_request *r, void *context)
{
    hub_read(hub_op_new(r, context, status_work));
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
    {HTTP_GET, "/api/v1/status", HUB_READERS, status, .summary = "The hub in a few figures",
     .responses = "200:Version, uptime and instances"},
    {HTTP_GET, "/openapi.json", HTTP_ROLE_ANYBODY, openapi, .summary = "This description",
     .responses = "200:OpenAPI 3.1"},
};
const struct hub_routes hub_status_routes = {routes, COUNT_OF(routes)};
