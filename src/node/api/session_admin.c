/* POST /api/admin/run-…: the session pipeline's work, at the scheduler's word (spec 60 T9, T11, V2). */
#include "node/api/api.h"
#include "node/command_processors.h"
#include "node/cost_ledger.h"
#include "node/pipeline.h"
#include "node/collector.h"
#include "node/memory.h"
#include "node/usage.h"
#include "transcripts/processor.h"

/* Tokens are the ledger's, which is brought up to date first. */
struct usage_run {
    struct node *node;
    struct http_request *request;
};

static void on_scanned(void *arg)
{
    struct usage_run *run = arg;
    cost_ledger_refresh(run->node->cost_ledger, run->node->config->prices);
    pipeline_run(run->node->pipeline, processor_usage.name, run->request);
}

static void run_own(struct node *n, const struct processor *p, struct http_request *r)
{
    if (p != &processor_usage || pipeline_is_running(n->pipeline, p->name)) {
        pipeline_run(n->pipeline, p->name, r);
        return;
    }
    struct usage_run *run = arena_alloc(http_arena(r), sizeof(*run));
    *run = (struct usage_run){n, r};
    usage_service_scan(n->usage, on_scanned, run);
}

static void refuse_unknown(struct node *n, const char *name, struct http_request *r)
{
    struct buf list = BUF_INIT;
    for (size_t i = 0; processors[i]; i++)
        buf_printf(&list, "%s%s", list.n ? ", " : "", processors[i]->name);
    for (size_t i = 0; i < n->config->processor_count; i++)
        buf_printf(&list, ", %s", n->config->processors[i].name);
    http_reply_problem(r, 400, "/processor", "processor=%.60s: unknown; known are: %s", name ? name : "",
                       list.p);
    buf_deinit(&list);
}

static void run_processor(struct http_request *r, void *context)
{
    struct node *n = context;
    const char *name = api_query_text(r, "processor");
    if (name)
        http_note_resource(r, "processor:%.60s", name);
    for (size_t i = 0; name && processors[i]; i++)
        if (strcmp(processors[i]->name, name) == 0) {
            run_own(n, processors[i], r);
            return;
        }
    if (!name || !command_processors_run(n->command_processors, str_of(name), r))
        refuse_unknown(n, name, r);
}

static void run_collector(struct http_request *r, void *context)
{
    struct node *n = context;
    collector_answer(n->collector, r, n->config);
}

static void run_memory(struct http_request *r, void *context)
{
    struct node *n = context;
    memory_run(n->memory, r, n->config);
}

static const struct http_route routes[] = {
    {HTTP_POST, "/api/admin/run-session-processor", API_RUNNERS, run_processor,
     .summary = "Run one processor of transcripts now", .query = "processor:string:usage or verification",
     .responses =
         "200:What was found;202:It runs, and can be followed;400:No such processor;409:It runs already"},
    {HTTP_POST, "/api/admin/run-session-collector", API_RUNNERS, run_collector,
     .summary = "Copy the transcripts of other users into the data root",
     .responses =
         "200:What was found and copied, by user;202:It has begun: follow Location;409:One is under way"},
    {HTTP_POST, "/api/admin/run-corporate-memory", API_RUNNERS, run_memory,
     .summary = "Look for durable facts in transcripts and notes",
     .responses = "200:What was found;202:It has begun: follow Location;409:One is under way;503:No endpoint "
                  "of a model is configured"},
};
const struct api_routes api_session_admin_routes = {routes, COUNT_OF(routes)};
