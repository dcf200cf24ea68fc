/* What is asked of the node itself: whether it lives, status, the snapshot, events, the API's own
 * description. */
#include "node/api/api.h"
#include "store/totals.h"

/* -- GET /healthz, /readyz: for machines -- */

static void healthz(struct http_request *r, void *context)
{
    (void)context;
    http_reply_status(r, 200, "ok");
}

static void readyz(struct http_request *r, void *context)
{
    const struct node *n = context;
    bool ready = n->ready && !n->stopping;
    http_reply_status(r, ready ? 200 : 503, ready ? "ready" : n->stopping ? "stopping" : "starting");
}

/* -- GET /api/v1/status: what `muster status` shows -- */

static int64_t total(const struct totals_row *rows, size_t count, const char *name, const char *label)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0 && strcmp(rows[i].label, label) == 0)
            return rows[i].value;
    return 0;
}

struct status_input {
    int64_t live_runs;
    bool started, paused;
};

static void put_jobs(struct json_writer *w, const struct totals_row *rows, size_t count)
{
    json_key(w, "jobs");
    json_object_begin(w);
    for (int state = 0; state < JOB_STATE_COUNT; state++)
        json_kv_i64(w, job_state_name((enum job_state)state),
                    total(rows, count, "jobs", job_state_name((enum job_state)state)));
    json_object_end(w);
}

static int status_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct node *n = op->node;
    const struct status_input *in = op->input;
    struct json_writer *w = &op->json;
    struct totals_row *rows;
    size_t count;
    int rc = totals_all(db, op->arena, &rows, &count, e);
    if (rc != 0)
        return rc;
    json_object_begin(w);
    json_kv_text(w, "version", MUSTER_VERSION);
    json_kv_time_or_null(w, "started_at", true, n->started_wall_us);
    json_kv_i64(w, "uptime_s", (clock_monotonic_us() - n->started_us) / USEC_PER_SEC);
    json_kv_text(w, "data_dir", op->config->data_dir);
    char *store = db_shown(op->config->store);
    json_kv_text(w, "store", store);
    free(store);
    json_kv_bool(w, "ready", in->started);
    json_kv_bool(w, "paused", in->paused);
    put_jobs(w, rows, count);
    json_kv_i64(w, "max_concurrency", op->config->max_concurrency);
    json_kv_i64(w, "live_runs", in->live_runs);
    json_kv_i64(w, "runs", total(rows, count, "runs_ended", ""));
    json_kv_micros_or_null(w, "cost_usd", true, total(rows, count, "cost_micro_usd", ""));
    json_object_end(w);
    return 0;
}

static void status(struct http_request *r, void *context)
{
    struct node *n = context;
    struct api_op *op = api_op_new(r, n, status_work);
    struct status_input *in = op->input = arena_alloc(op->arena, sizeof(*in));
    in->started = queue_started(n->queue);
    in->paused = queue_paused(n->queue);
    in->live_runs = queue_live_count(n->queue);
    api_read(op);
}

/* -- the rest -- */

static void metrics(struct http_request *r, void *context)
{
    struct node *n = context;
    metrics_handle(r, n->metrics);
}

static void events(struct http_request *r, void *context)
{
    struct node *n = context;
    events_handle(r, n->events);
}

static void openapi(struct http_request *r, void *context)
{
    struct node *n = context;
    struct buf body = BUF_INIT;
    http_server_openapi(n->http, "muster", MUSTER_VERSION, &body);
    http_reply_json(r, 200, &body);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/metrics", API_READERS, metrics, .summary = "The raw-signal snapshot; OpenMetrics by Accept",
     .responses = "200:The snapshot"},
    {HTTP_GET, "/healthz", HTTP_ROLE_ANYBODY, healthz, .summary = "The process answers",
     .responses = "200:It does"},
    {HTTP_GET, "/readyz", HTTP_ROLE_ANYBODY, readyz, .summary = "It can serve",
     .responses = "200:It can;503:Not yet, or no more"},
    {HTTP_GET, "/api/v1/status", API_READERS, status, .summary = "The node at a glance",
     .responses = "200:Figures"},
    {HTTP_GET, "/api/v1/events", API_READERS, events, .streams = true,
     .summary = "What happens, as server-sent events",
     .query = "subject:string:Only subjects that match this pattern", .responses = "200:text/event-stream"},
    {HTTP_GET, "/openapi.json", HTTP_ROLE_ANYBODY, openapi, .summary = "This description",
     .responses = "200:OpenAPI 3.1"},
};
const struct api_routes api_status_routes = {routes, COUNT_OF(routes)};
