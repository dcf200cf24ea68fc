/* /api/v1/jobs/lease and the words of external workers on what they hold (spec 20 Q5, Q9). */
#include "node/api/api.h"
#include "store/jobs.h"

#define LEASE_DEFAULT_S 60
#define LEASE_MAX_S 3600
#define LEASE_WAIT_MAX_S 60
#define LEASE_JOBS_MAX 100

/* -- POST /api/v1/jobs/lease -- */

struct lease_body {
    struct str worker;
    struct json_texts agents;
    int64_t max, lease_s, wait_s;
};
#define AT(member) offsetof(struct lease_body, member)
static const struct json_field lease_fields[] = {
    {"worker", JSON_FIELD_TEXT, AT(worker), .required = true, .min = 1, .max = 100, .doc = "Who asks."},
    {"agents", JSON_FIELD_TEXTS, AT(agents), .required = true, .min = 1, .max = QUEUE_LEASE_AGENTS_MAX,
     .doc = "Profiles whose jobs it can do."},
    {"max", JSON_FIELD_INT, AT(max), .min = 1, .max = LEASE_JOBS_MAX,
     .doc = "At most this many jobs; 1 by default."},
    {"lease_s", JSON_FIELD_INT, AT(lease_s), .min = 1, .max = LEASE_MAX_S,
     .doc = "How long a lease lasts without a word; 60."},
    {"wait_s", JSON_FIELD_INT, AT(wait_s), .min = 0, .max = LEASE_WAIT_MAX_S,
     .doc = "How long to wait for a job; 0."},
    {0}};
#undef AT

static void put_leased(struct json_writer *w, const struct job *job)
{
    json_object_begin(w);
    api_put_job(w, job, true);
    json_kv_text(w, "lease_token", job->lease_token);
    json_kv_i64(w, "attempt", job->attempts);
    json_key(w, "env");
    if (job->env)
        json_raw(w, str_of(job->env));
    else
        json_null_value(w);
    json_object_end(w);
}

static void leased(void *arg, const struct job *jobs, size_t count, const struct err *e)
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
    json_key(&w, "jobs");
    json_array_begin(&w);
    for (size_t i = 0; i < count; i++)
        put_leased(&w, &jobs[i]);
    json_array_end(&w);
    json_object_end(&w);
    http_reply_json(r, 200, &body);
}

static void lease(struct http_request *r, void *context)
{
    struct node *n = context;
    struct lease_body body = {.max = 1, .lease_s = LEASE_DEFAULT_S};
    if (!api_body(r, &body))
        return;
    const char **agents = arena_alloc(http_arena(r), (body.agents.count + 1) * sizeof(*agents));
    for (size_t i = 0; i < body.agents.count; i++) {
        const struct agent_profile *profile = config_agent(n->config, body.agents.items[i]);
        if (!profile) {
            char pointer[32];
            (void)snprintf(pointer, sizeof(pointer), "/agents/%zu", i);
            http_reply_problem(r, 422, pointer, "there is no agent \"%.*s\" in the configuration",
                               STR_ARG(body.agents.items[i]));
            return;
        }
        agents[i] = profile->name;
    }
    struct queue_lease_request request = {.worker = arena_strdup(http_arena(r), body.worker),
                                          .agents = agents,
                                          .max = body.max,
                                          .lease_us = body.lease_s * USEC_PER_SEC,
                                          .wait_us = body.wait_s * USEC_PER_SEC,
                                          .done = leased,
                                          .arg = r};
    queue_lease(n->queue, &request);
}

/* -- POST /api/v1/jobs/{id}/heartbeat, /complete, /fail -- */

struct report_body {
    struct str lease_token, error, class, model;
    int64_t lease_s, pid, start_ticks, retry_at;
    int64_t input, output, cache_read, cache_creation;
    bool has_input, has_output, has_cache_read, has_cache_creation, has_cost;
    double cost_usd;
};
#define AT(member) offsetof(struct report_body, member)
#define TOKENS(name, member)                                                                                 \
    {                                                                                                        \
        name, JSON_FIELD_INT, AT(member), AT(has_##member), .min = 0, .max = USAGE_TOKENS_MAX,               \
                                                            .doc = "Of the whole run so far."                \
    }
#define COMMON_FIELDS                                                                                        \
    {"lease_token",                                                                                          \
     JSON_FIELD_TEXT,                                                                                        \
     AT(lease_token),                                                                                        \
     .required = true,                                                                                       \
     .min = 1,                                                                                               \
     .max = 100,                                                                                             \
     .doc = "As the lease gave it."},                                                                        \
        TOKENS("input_tokens", input), TOKENS("output_tokens", output),                                      \
        TOKENS("cache_read_tokens", cache_read), TOKENS("cache_creation_tokens", cache_creation),            \
        {"cost_usd", JSON_FIELD_NUMBER, AT(cost_usd), AT(has_cost), .doc = "Of the whole run so far."},      \
    {                                                                                                        \
        "model", JSON_FIELD_TEXT, AT(model), .min = 1, .max = USAGE_MODEL_MAX - 1,                           \
                                             .doc = "The model that was used."                               \
    }
static const struct json_field heartbeat_fields[] = {
    COMMON_FIELDS,
    {"lease_s", JSON_FIELD_INT, AT(lease_s), .min = 1, .max = LEASE_MAX_S, .doc = "From now; 60 by default."},
    {"pid", JSON_FIELD_INT, AT(pid), .min = 1, .max = INT32_MAX,
     .doc = "Of the agent, when it runs on this host."},
    {"start_ticks", JSON_FIELD_INT, AT(start_ticks), .min = 1, .max = INT64_MAX,
     .doc = "Field 22 of its /proc/PID/stat."},
    {0}};
static const struct json_field complete_fields[] = {COMMON_FIELDS, {0}};
static const struct json_field fail_fields[] = {
    COMMON_FIELDS,
    {"error", JSON_FIELD_TEXT, AT(error), .max = 1000, .doc = "Why, for people."},
    {"class", JSON_FIELD_TEXT, AT(class), .one_of = "retry|fail|rate_limited", .doc = "retry by default."},
    {"retry_at", JSON_FIELD_TIME, AT(retry_at), .doc = "When the limit is reset, for rate_limited."},
    {0}};
#undef AT

static bool fill_usage(struct http_request *r, const struct report_body *body, struct usage *ret)
{
    const struct {
        enum usage_kind kind;
        bool given;
        int64_t tokens;
    } kinds[] = {{USAGE_INPUT, body->has_input, body->input},
                 {USAGE_OUTPUT, body->has_output, body->output},
                 {USAGE_CACHE_READ, body->has_cache_read, body->cache_read},
                 {USAGE_CACHE_CREATION, body->has_cache_creation, body->cache_creation}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (kinds[i].given)
            (void)usage_set(ret, kinds[i].kind, kinds[i].tokens);
    if (body->has_cost && !(body->cost_usd >= 0 && body->cost_usd < 1e9)) {
        http_reply_problem(r, 422, "/cost_usd", "cost_usd is not between 0 and 1e9");
        return false;
    }
    ret->cost_known = body->has_cost;
    ret->cost_micro_usd = body->has_cost ? (int64_t)(body->cost_usd * 1e6 + 0.5) : 0;
    usage_set_model(ret, body->model);
    return true;
}

static enum exit_class class_of(struct str name)
{
    if (str_equal(name, STR("fail")))
        return EXIT_FAIL;
    return str_equal(name, STR("rate_limited")) ? EXIT_RATE_LIMITED : EXIT_RETRY;
}

static void reported(void *arg, const struct job *job, bool cancel, bool quiet, const struct err *e)
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
    json_kv_i64(&w, "id", job->id);
    json_kv_text(&w, "state", job_state_name(job->state));
    json_kv_i64(&w, "attempts", job->attempts);
    json_kv_time_or_null(&w, "run_after", job->state == JOB_QUEUED, job->run_after);
    json_kv_bool(&w, "cancel", cancel);
    json_kv_bool(&w, "quiet", quiet);
    json_object_end(&w);
    http_reply_json(r, 200, &body);
}

static void report(struct http_request *r, struct node *n, int what)
{
    struct report_body body = {.lease_s = what == QUEUE_HEARTBEAT ? LEASE_DEFAULT_S : 0};
    struct queue_report request = {.what = what, .done = reported, .arg = r};
    if (!http_param_id(r, "id", &request.job_id) || !api_body(r, &body) ||
        !fill_usage(r, &body, &request.usage))
        return;
    http_note_resource(r, "job:%lld", (long long)request.job_id);
    request.token = arena_strdup(http_arena(r), body.lease_token);
    request.error = body.error.p ? arena_strdup(http_arena(r), body.error) : NULL;
    request.class = class_of(body.class);
    request.lease_us = body.lease_s * USEC_PER_SEC;
    request.pid = body.pid;
    request.start_ticks = body.start_ticks;
    request.retry_at_us = body.retry_at;
    queue_report(n->queue, &request);
}

static void heartbeat(struct http_request *r, void *context)
{
    report(r, context, QUEUE_HEARTBEAT);
}

static void complete(struct http_request *r, void *context)
{
    report(r, context, QUEUE_COMPLETE);
}

static void fail(struct http_request *r, void *context)
{
    report(r, context, QUEUE_FAIL);
}

#define REPORTED                                                                                             \
    "200:The job, and what the worker should do;404:No such job;409:The lease is over: drop the work"
static const struct http_route routes[] = {
    {HTTP_POST, "/api/v1/jobs/lease", API_WORKERS, lease, .body = lease_fields,
     .summary = "Lease jobs, waiting for them if asked",
     .responses = "200:The jobs, none when the wait is over;422:A field is wrong"},
    {HTTP_POST, "/api/v1/jobs/{id}/heartbeat", API_WORKERS, heartbeat, .body = heartbeat_fields,
     .summary = "Extend a lease", .responses = REPORTED},
    {HTTP_POST, "/api/v1/jobs/{id}/complete", API_WORKERS, complete, .body = complete_fields,
     .summary = "A leased job is done", .responses = REPORTED},
    {HTTP_POST, "/api/v1/jobs/{id}/fail", API_WORKERS, fail, .body = fail_fields,
     .summary = "A leased job failed", .responses = REPORTED},
};
const struct api_routes api_leases_routes = {routes, COUNT_OF(routes)};
