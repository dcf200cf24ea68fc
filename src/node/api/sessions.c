/* /api/v1/sessions: groups of agents that work together, and how each is (spec 70). */
#include "base/hash.h"
#include "core/session_health.h"
#include "node/api/api.h"
#include "store/fleet.h"

#include <sys/random.h>

struct session_body {
    struct str name, id;
};
static const struct json_field session_fields[] = {
    {"id", JSON_FIELD_TEXT, offsetof(struct session_body, id), .min = 1, .max = 200,
     .doc = "Made up when it is not given."},
    {"name", JSON_FIELD_TEXT, offsetof(struct session_body, name), .required = true, .min = 1, .max = 200,
     .doc = "What people call it."},
    {0}};

/* Both the words of this resource and those of the status document, so that a reader of either is at home. */
static void put_session(struct json_writer *w, const struct fleet_session_view *s)
{
    json_object_begin(w);
    json_kv_text(w, "id", s->id);
    json_kv_text(w, "name", s->name);
    json_kv_text(w, "session_id", s->id);
    json_kv_text(w, "session_name", s->name);
    json_kv_text(w, "session_health", session_health_name(session_health(&s->counts)));
    json_kv_double(w, "health_score", (double)session_score_tenths(&s->counts) / 10);
    json_kv_i64(w, "total_agents", s->counts.total);
    json_kv_i64(w, "active_agents", s->counts.active);
    json_kv_i64(w, "degraded_agents", s->counts.degraded);
    json_kv_i64(w, "failed_agents", s->counts.failed);
    json_kv_i64(w, "offline_agents", s->counts.offline);
    json_kv_time_or_null(w, "created_at", true, s->created_at);
    json_kv_time_or_null(w, "last_activity", s->last_activity != 0, s->last_activity);
    json_object_end(w);
}

static void list(struct http_request *r, void *context)
{
    struct node *n = context;
    struct fleet_session_view *sessions;
    size_t count;
    struct buf body = BUF_INIT;
    struct json_writer w;
    fleet_sessions(n->fleet, http_arena(r), &sessions, &count);
    json_init(&w, &body);
    json_object_begin(&w);
    json_key(&w, "sessions");
    json_array_begin(&w);
    for (size_t i = 0; i < count; i++)
        put_session(&w, &sessions[i]);
    json_array_end(&w);
    json_object_end(&w);
    http_reply_json(r, 200, &body);
}

/* -- POST -- */

static int create_work(struct api_op *op, struct db *db, struct err *e)
{
    struct stored_session *s = op->input;
    int rc = session_insert(db, s, op->op.now_us, e);
    s->created_at = op->op.now_us;
    op->status = 201;
    return rc == FLEET_E_EXISTS
               ? err_set_at(e, ERR_CONFLICT, rc, "/id", "there is a session \"%s\" already", s->id)
               : rc;
}

static void create_after(struct api_op *op)
{
    const struct stored_session *s = op->input;
    struct fleet_session_view *sessions;
    size_t count;
    fleet_put_session(op->node->fleet, s);
    fleet_sessions(op->node->fleet, op->arena, &sessions, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(sessions[i].id, s->id) == 0)
            put_session(&op->json, &sessions[i]);
}

static const char *new_id(struct api_op *op)
{
    uint8_t random[8] = {0};
    char hex[2 * sizeof(random) + 1];
    (void)!getrandom(random, sizeof(random), 0);
    for (size_t i = 0; i < sizeof(random); i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", random[i]);
    return arena_printf(op->arena, "session-%s", hex);
}

static void create(struct http_request *r, void *context)
{
    struct session_body body = {0};
    if (!api_body(r, &body))
        return;
    struct api_op *op = api_op_new(r, context, create_work);
    struct stored_session *s = op->input = arena_alloc(op->arena, sizeof(*s));
    s->id = body.id.p ? api_text(op, body.id) : new_id(op);
    s->name = api_text(op, body.name);
    op->after = create_after;
    api_write(op);
}

/* -- status -- */

static void status(struct http_request *r, void *context)
{
    struct node *n = context;
    status_handle(r, n->status);
}

static void stats(struct http_request *r, void *context)
{
    struct node *n = context;
    status_handle_stats(r, n->status);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/sessions", API_READERS, list,
     .summary = "All sessions with health and score, from one pass over the agents",
     .responses = "200:Sessions"},
    {HTTP_POST, "/api/v1/sessions", API_WORKERS, create, .body = session_fields, .summary = "Name a session",
     .responses = "201:The session;409:It has a name already"},
    {HTTP_GET, "/api/v1/sessions/aggregation-stats", API_READERS, stats,
     .summary = "How the collections of session statuses went", .responses = "200:Statistics"},
    {HTTP_GET, "/api/v1/sessions/{id}/status", API_READERS, status,
     .summary = "How a session is: health, score, resources and agents",
     .query = "strategy:string:fast, detailed (default) or comprehensive;include_metrics:boolean:With "
              "resources;include_health:boolean:With health checks",
     .responses = "200:The status;400:Unknown strategy;404:No such session"},
};
const struct api_routes api_sessions_routes = {routes, COUNT_OF(routes)};
