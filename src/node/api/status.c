/* What is asked of the node itself: health, status, the snapshot, events, the API's own description. */
#include "node/api/api.h"
#include "store/totals.h"

#include <sys/statvfs.h>

/* -- GET /healthz, /readyz: for machines -- */

static void reply_word(struct http_request *r, int status, const char *word)
{
    struct buf body = BUF_INIT;
    buf_printf(&body, "{\"status\":\"%s\"}", word);
    http_reply_json(r, status, &body);
}

static void healthz(struct http_request *r, void *context)
{
    (void)context;
    reply_word(r, 200, "ok");
}

static void readyz(struct http_request *r, void *context)
{
    const struct node *n = context;
    bool ready = n->ready && !n->stopping;
    reply_word(r, ready ? 200 : 503, ready ? "ready" : n->stopping ? "stopping" : "starting");
}

/* -- GET /api/health: for people, section by section (spec 60 Health) -- */

enum health { HEALTH_OK, HEALTH_DEGRADED, HEALTH_UNHEALTHY };
static const char *const health_names[] = {"ok", "degraded", "unhealthy"};

static void section(struct json_writer *w, const char *name, enum health health, const char *detail,
                    enum health *worst)
{
    json_key(w, name);
    json_object_begin(w);
    json_kv_text(w, "status", health_names[health]);
    json_kv_text(w, "detail", detail);
    json_object_end(w);
    *worst = MAX(*worst, health);
}

static enum health disk_health(const struct node *n, char detail[static 96])
{
    struct statvfs fs;
    if (statvfs(n->config->data_dir, &fs) != 0) {
        (void)snprintf(detail, 96, "%s", strerror(errno));
        return HEALTH_UNHEALTHY;
    }
    int64_t free_mib = (int64_t)(fs.f_bavail * (uint64_t)fs.f_frsize >> 20);
    (void)snprintf(detail, 96, "%lld MiB free", (long long)free_mib);
    return free_mib < 64 ? HEALTH_DEGRADED : HEALTH_OK;
}

static enum health queue_health(const struct node *n, char detail[static 96])
{
    struct queue_profile_view views[64];
    size_t count = queue_profiles(n->queue, views, COUNT_OF(views)), open = 0;
    for (size_t i = 0; i < count; i++)
        open += views[i].breaker.state == BREAKER_OPEN;
    if (!queue_started(n->queue)) {
        (void)snprintf(detail, 96, "taking up what runs");
        return HEALTH_DEGRADED;
    }
    if (!n->shim_path) {
        (void)snprintf(detail, 96, "muster-shim was not found: no agent can be started");
        return HEALTH_DEGRADED;
    }
    (void)snprintf(detail, 96, "%zu of %zu breakers open%s", open, count,
                   queue_paused(n->queue) ? ", paused" : "");
    return open ? HEALTH_DEGRADED : HEALTH_OK;
}

static void health(struct http_request *r, void *context)
{
    const struct node *n = context;
    struct store_stats store;
    struct buf body = BUF_INIT;
    struct json_writer w;
    char disk[96], queue[96];
    enum health worst = HEALTH_OK, disk_is = disk_health(n, disk), queue_is = queue_health(n, queue);
    store_stats(n->store, &store);
    json_init(&w, &body);
    json_object_begin(&w);
    json_key(&w, "sections");
    json_object_begin(&w);
    section(&w, "store", store.full ? HEALTH_UNHEALTHY : HEALTH_OK,
            store.full ? "the disk is full: writes are refused" : NULL, &worst);
    section(&w, "queue", queue_is, queue, &worst);
    section(&w, "disk", disk_is, disk, &worst);
    json_object_end(&w);
    json_kv_text(&w, "status", health_names[worst]);
    json_object_end(&w);
    http_reply_json(r, 200, &body);
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
    json_kv_text(w, "store", op->config->store);
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
    {HTTP_GET, "/api/health", API_READERS, health, .summary = "Health by section",
     .responses = "200:ok, degraded or unhealthy"},
    {HTTP_GET, "/api/v1/status", API_READERS, status, .summary = "The node at a glance",
     .responses = "200:Figures"},
    {HTTP_GET, "/api/v1/events", API_READERS, events, .streams = true,
     .summary = "What happens, as server-sent events",
     .query = "subject:string:Only subjects that match this pattern", .responses = "200:text/event-stream"},
    {HTTP_GET, "/openapi.json", HTTP_ROLE_ANYBODY, openapi, .summary = "This description",
     .responses = "200:OpenAPI 3.1"},
};
const struct api_routes api_status_routes = {routes, COUNT_OF(routes)};
