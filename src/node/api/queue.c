/* /api/v1/queue: pause, resume (spec 20 Q8), and POST /api/sync/trigger, the reconcile. */
#include "node/api/api.h"
#include "store/agents.h"

struct pause_body {
    struct str agent, reason;
};
static const struct json_field pause_fields[] = {
    {"agent", JSON_FIELD_TEXT, offsetof(struct pause_body, agent), .min = 1, .max = 100,
     .doc = "One profile; all without it."},
    {"reason", JSON_FIELD_TEXT, offsetof(struct pause_body, reason), .max = 500, .doc = "Why, for people."},
    {0}};

struct pause_input {
    const char *scope, *actor, *reason, *agent;
    bool paused;
};

static int pause_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct pause_input *in = op->input;
    int rc = pause_set(db, in->scope, in->paused, in->actor, in->reason, op->op.now_us, e);
    json_object_begin(&op->json);
    json_kv_text(&op->json, "agent", in->agent);
    json_kv_bool(&op->json, "paused", in->paused);
    json_object_end(&op->json);
    return rc;
}

static void pause_after(struct api_op *op)
{
    const struct pause_input *in = op->input;
    queue_set_paused(op->node->queue, in->agent, in->paused);
}

static void set(struct http_request *r, struct node *n, bool paused)
{
    struct pause_body body = {0};
    if (!api_body(r, &body))
        return;
    const struct agent_profile *profile = body.agent.p ? config_agent(n->config, body.agent) : NULL;
    if (body.agent.p && !profile) {
        http_reply_problem(r, 422, "/agent", "there is no agent \"%.*s\" in the configuration",
                           STR_ARG(body.agent));
        return;
    }
    struct api_op *op = api_op_new(r, n, pause_work);
    struct pause_input *in = op->input = arena_alloc(op->arena, sizeof(*in));
    *in = (struct pause_input){.scope = profile ? arena_printf(op->arena, "agent:%s", profile->name) : "all",
                               .actor = http_caller(r)->actor,
                               .reason = api_text(op, body.reason),
                               .agent = profile ? profile->name : NULL,
                               .paused = paused};
    http_note_resource(r, "queue:%s", in->scope);
    op->after = pause_after;
    api_write(op);
}

static void pause_queue(struct http_request *r, void *context)
{
    set(r, context, true);
}

static void resume_queue(struct http_request *r, void *context)
{
    set(r, context, false);
}

/* -- POST /api/sync/trigger -- */

static void reconciled(void *arg, const struct queue_reconciled *result, const struct err *e)
{
    struct http_request *r = arg;
    struct buf body = BUF_INIT;
    struct json_writer w;
    if (e) {
        http_reply_err(r, e);
        return;
    }
    json_init(&w, &body);
    json_object_begin(&w);
    json_kv_bool(&w, "ok", true);
    json_kv_i64(&w, "live", result->live);
    json_kv_i64(&w, "taken_up", result->taken_up);
    json_kv_i64(&w, "imported", result->imported);
    json_kv_i64(&w, "booked", result->booked);
    json_kv_i64(&w, "violations", result->violations);
    json_object_end(&w);
    http_reply_json(r, 200, &body);
}

static void trigger(struct http_request *r, void *context)
{
    struct node *n = context;
    queue_reconcile(n->queue, reconciled, r);
}

static const struct http_route routes[] = {
    {HTTP_POST, "/api/v1/queue/pause", API_OPERATORS, pause_queue, .body = pause_fields,
     .body_optional = true, .summary = "Start no further jobs",
     .responses = "200:What is paused;422:No such agent"},
    {HTTP_POST, "/api/v1/queue/resume", API_OPERATORS, resume_queue, .body = pause_fields,
     .body_optional = true, .summary = "Start jobs again",
     .responses = "200:What is resumed;422:No such agent"},
    {HTTP_POST, "/api/sync/trigger", API_RUNNERS, trigger, .summary = "Reconcile now",
     .responses = "200:What was found and repaired"},
};
const struct api_routes api_queue_routes = {routes, COUNT_OF(routes)};
