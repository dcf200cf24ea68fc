/* /api/v1/profiles: the agent profiles of the configuration, with breaker and slots (spec 20 Q7, Q8). */
#include "node/api/api.h"
#include "run/output.h"

#define PROFILES_MAX 256

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

void api_put_profiles(struct json_writer *w, const struct node *n)
{
    struct queue_profile_view profiles[PROFILES_MAX];
    size_t count = queue_profiles(n->queue, profiles, PROFILES_MAX);
    json_key(w, "profiles");
    json_array_begin(w);
    for (size_t i = 0; i < count; i++)
        put_profile(w, &profiles[i]);
    json_array_end(w);
}

static void list(struct http_request *r, void *context)
{
    struct buf body = BUF_INIT;
    struct json_writer w;
    json_init(&w, &body);
    json_object_begin(&w);
    api_put_profiles(&w, context);
    json_object_end(&w);
    http_reply_json(r, 200, &body);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/profiles", API_READERS, list,
     .summary = "Agent profiles of the configuration, with breaker and slots", .responses = "200:Profiles"},
};
const struct api_routes api_profiles_routes = {routes, COUNT_OF(routes)};
