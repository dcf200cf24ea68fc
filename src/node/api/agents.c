/* /api/v1/agents: the profiles of the configuration, and which runs they have (spec 20 Q7, Q8). */
#include "node/api/api.h"
#include "run/output.h"
#include "store/runs.h"

#define PROFILES_MAX 256

struct agents_input {
    struct queue_profile_view profiles[PROFILES_MAX];
    size_t count;
};

static void put_breaker(struct json_writer *w, const struct breaker *b)
{
    json_key(w, "breaker");
    json_object_begin(w);
    json_kv_text(w, "state", breaker_state_name(b->state));
    json_kv_i64(w, "consecutive_failures", b->consecutive_failures);
    json_kv_time_or_null(w, "opened_at", b->opened_at_us != 0, b->opened_at_us);
    json_kv_time_or_null(w, "retry_at", b->retry_at_us != 0, b->retry_at_us);
    json_kv_i64(w, "trips", b->trips);
    json_object_end(w);
}

static void put_profile(struct json_writer *w, const struct queue_profile_view *view)
{
    const struct agent_profile *p = view->profile;
    json_object_begin(w);
    json_kv_text(w, "name", p->name);
    json_kv_text(w, "served_by", p->command ? "launcher" : "workers");
    json_kv_text(w, "output", output_format_name(p->output));
    json_kv_text(w, "model", p->model);
    json_kv_i64(w, "running", view->running);
    json_kv_i64_or_null(w, "max_concurrency", p->max_concurrency != 0, p->max_concurrency);
    json_kv_i64(w, "max_attempts", p->max_attempts);
    json_kv_bool(w, "paused", view->paused);
    put_breaker(w, &view->breaker);
    json_object_end(w);
}

static int list_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct agents_input *in = op->input;
    struct run_filter live = {.live_only = true, .limit = API_LIMIT_MAX};
    struct run *runs;
    size_t count;
    int rc = run_list(db, &live, op->arena, &runs, &count, e);
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    json_key(&op->json, "agents");
    json_array_begin(&op->json);
    for (size_t i = 0; i < in->count; i++)
        put_profile(&op->json, &in->profiles[i]);
    json_array_end(&op->json);
    json_key(&op->json, "runs");
    json_array_begin(&op->json);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&op->json);
        api_put_run(&op->json, &runs[i]);
        json_object_end(&op->json);
    }
    json_array_end(&op->json);
    json_object_end(&op->json);
    return 0;
}

static void list(struct http_request *r, void *context)
{
    struct node *n = context;
    struct api_op *op = api_op_new(r, n, list_work);
    struct agents_input *in = op->input = arena_alloc(op->arena, sizeof(*in));
    in->count = queue_profiles(n->queue, in->profiles, PROFILES_MAX);
    api_read(op);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/agents", API_READERS, list, .summary = "Agent profiles and their live runs",
     .responses = "200:Profiles with breaker and slots, and the runs that are alive"},
};
const struct api_routes api_agents_routes = {routes, COUNT_OF(routes)};
