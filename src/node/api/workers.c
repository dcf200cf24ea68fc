/* /api/v1/workers: the roll call, and asking a worker to stop (spec 40 Registry). */
#include "node/api/api.h"
#include "node/workers/workers.h"

static void list(struct http_request *r, void *context)
{
    struct node *n = context;
    struct buf body = BUF_INIT;
    workers_list(n->workers, &body);
    http_reply_json(r, 200, &body);
}

/* -- POST /api/v1/workers/{name}/stop -- */

struct stop_answer {
    struct http_request *request;
    const char *name; /* in the request's arena */
};

static void reply_accepted(struct http_request *r, const char *name)
{
    struct buf body = BUF_INIT;
    struct json_writer w;
    json_init(&w, &body);
    json_object_begin(&w);
    json_kv_bool(&w, "accepted", true);
    json_kv_text(&w, "worker", name);
    json_kv_text(&w, "action", "stop");
    json_object_end(&w);
    http_reply_json(r, 202, &body);
}

static void stop_done(void *arg, enum workers_stop_outcome outcome)
{
    static const struct {
        int status;
        const char *detail;
    } problems[] = {
        [WORKERS_STOP_UNKNOWN] = {404, "the configuration names no such worker"},
        [WORKERS_STOP_BUS_DOWN] = {503, "the bus is down, so nothing can reach it"},
        [WORKERS_STOP_NOT_LISTENING] = {409, "it does not listen to control messages"},
    };
    const struct stop_answer *a = arg;
    if (outcome == WORKERS_STOP_SENT)
        reply_accepted(a->request, a->name);
    else
        http_reply_problem(a->request, problems[outcome].status, NULL, "worker %s: %s", a->name,
                           problems[outcome].detail);
}

static void stop(struct http_request *r, void *context)
{
    struct node *n = context;
    struct stop_answer *a = arena_alloc(http_arena(r), sizeof(*a));
    a->request = r;
    a->name = arena_strdup(http_arena(r), http_param(r, "name"));
    http_note_resource(r, "worker:%s", a->name);
    workers_request_stop(n->workers, str_of(a->name), http_caller(r)->actor, stop_done, a);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/workers", API_READERS, list, .summary = "The roll call of the background workers",
     .responses = "200:A row per configured worker in their order, and what was dropped"},
    {HTTP_POST, "/api/v1/workers/{name}/stop", API_OPERATORS, stop,
     .summary = "Ask a background worker to stop",
     .responses = "202:The request has reached the worker;404:No such worker;409:It does not listen to "
                  "control messages;503:The bus is down"},
};
const struct api_routes api_workers_routes = {routes, COUNT_OF(routes)};
