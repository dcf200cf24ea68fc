/* POST /api/admin/run-…: the session pipeline's work, at the scheduler's word (spec 60 T9, T11, V2). */
#include "node/api/api.h"
#include "node/usage.h"

/* Every processor that the specification names.  Those without `run` are not in this version. */
static const struct processor {
    const char *name;
    void (*run)(struct usage_service *s, struct http_request *r);
} processors[] = {{"usage", usage_service_run}, {"verification", NULL}};

static void not_here(struct http_request *r, const char *what)
{
    http_reply_problem(r, 501, NULL, "%s is not in this version of muster", what);
}

static void run_processor(struct http_request *r, void *context)
{
    struct node *n = context;
    const char *name = api_query_text(r, "processor");
    for (size_t i = 0; name && i < COUNT_OF(processors); i++) {
        if (strcmp(processors[i].name, name) != 0)
            continue;
        if (processors[i].run)
            processors[i].run(n->usage, r);
        else
            not_here(r, arena_printf(http_arena(r), "the processor %s", name));
        return;
    }
    http_reply_problem(r, 400, "/processor", "processor=%.60s: usage or verification is expected",
                       name ? name : "");
}

static void run_collector(struct http_request *r, void *context)
{
    (void)context;
    not_here(r, "the session collector");
}

static void run_memory(struct http_request *r, void *context)
{
    (void)context;
    not_here(r, "the corporate memory");
}

static const struct http_route routes[] = {
    {HTTP_POST, "/api/admin/run-session-processor", API_RUNNERS, run_processor,
     .summary = "Run one processor of transcripts now", .query = "processor:string:usage or verification",
     .responses = "200:What was found;400:No such processor;501:Not in this version"},
    {HTTP_POST, "/api/admin/run-session-collector", API_RUNNERS, run_collector,
     .summary = "Collect transcripts of other users", .responses = "501:Not in this version"},
    {HTTP_POST, "/api/admin/run-corporate-memory", API_RUNNERS, run_memory,
     .summary = "Collect durable facts from transcripts", .responses = "501:Not in this version"},
};
const struct api_routes api_session_admin_routes = {routes, COUNT_OF(routes)};
