/* POST /api/scripts/run-due, POST /api/marketplaces/sync-all, GET /api/v1/operations/{id} (spec 20, spec 50
 * S11). */
#include "node/api/api.h"
#include "node/marketplaces.h"
#include "store/jobs.h"
#include "store/scripts.h"

/* -- scripts: one job each, which the queue runs, leases and ends; so a crash leaves none running -- */

struct due_input {
    int64_t *jobs; /* by script: the job that was queued, 0: none */
    bool queued_any;
};

static int is_live(struct api_op *op, struct db *db, int64_t job_id, bool *ret, struct err *e)
{
    struct job job;
    *ret = false;
    if (job_id == 0)
        return 0;
    int rc = job_get(db, job_id, op->arena, &job, e);
    if (rc == 0)
        *ret = job.state == JOB_QUEUED || job.state == JOB_RUNNING;
    return rc == JOB_STORE_E_ABSENT ? 0 : rc;
}

static int queue_script(struct api_op *op, struct db *db, const struct script *s, int64_t *ret_id,
                        struct err *e)
{
    const struct job job = {.agent = s->agent ? s->agent : script_agent_name(s),
                            .prompt = s->prompt,
                            .max_attempts = 1,
                            .timeout_us = s->timeout_us,
                            .run_after = op->op.now_us,
                            .unique_key = arena_printf(op->arena, "script:%s", s->name)};
    int rc = job_insert(db, &job, op->op.now_us, ret_id, e);
    return rc == JOB_STORE_E_DEDUPED ? 0 : rc;
}

static int run_script(struct api_op *op, struct db *db, size_t i, struct err *e)
{
    struct due_input *in = op->input;
    const struct script *s = &op->config->scripts[i];
    int64_t last_us, job_id;
    bool live = false;
    int rc = script_get(db, s->name, &last_us, &job_id, e);
    if (rc == 0)
        rc = is_live(op, db, job_id, &live, e);
    if (rc != 0)
        return rc;
    bool due = schedule_is_due(&s->schedule, timezone_utc(), last_us, op->op.now_us);
    if (due && !live) {
        rc = queue_script(op, db, s, &in->jobs[i], e);
        if (rc == 0)
            rc = script_put(db, s->name, op->op.now_us, in->jobs[i], e);
    }
    json_object_begin(&op->json);
    json_kv_text(&op->json, "name", s->name);
    json_kv_text(&op->json, "state", in->jobs[i] ? "queued" : live ? "running" : "waiting");
    json_kv_i64_or_null(&op->json, "job_id", in->jobs[i] || job_id, in->jobs[i] ? in->jobs[i] : job_id);
    json_object_end(&op->json);
    in->queued_any |= in->jobs[i] != 0;
    return rc;
}

static int run_due_work(struct api_op *op, struct db *db, struct err *e)
{
    int rc = 0;
    int64_t queued = 0;
    json_object_begin(&op->json);
    json_key(&op->json, "scripts");
    json_array_begin(&op->json);
    for (size_t i = 0; rc == 0 && i < op->config->script_count; i++) {
        rc = run_script(op, db, i, e);
        queued += ((struct due_input *)op->input)->jobs[i] != 0;
    }
    json_array_end(&op->json);
    json_kv_i64(&op->json, "queued", queued);
    json_object_end(&op->json);
    return rc;
}

static void run_due_after(struct api_op *op)
{
    const struct due_input *in = op->input;
    for (size_t i = 0; i < op->config->script_count; i++) {
        const struct script *s = &op->config->scripts[i];
        if (in->jobs[i])
            queue_publish_job(op->node->queue, in->jobs[i], s->agent ? s->agent : script_agent_name(s),
                              JOB_QUEUED, 0, 0, NULL);
    }
    if (in->queued_any)
        queue_wake(op->node->queue);
}

static void run_due(struct http_request *r, void *context)
{
    struct api_op *op = api_op_new(r, context, run_due_work);
    struct due_input *in = op->input = arena_alloc(op->arena, sizeof(*in));
    in->jobs = arena_alloc(op->arena, (op->config->script_count + 1) * sizeof(*in->jobs));
    op->after = run_due_after;
    api_write(op);
}

/* -- marketplaces -- */

static void sync_all(struct http_request *r, void *context)
{
    struct node *n = context;
    const char *id = marketplaces_sync(n->marketplaces, n->config);
    if (id)
        operation_reply_accepted(n->operations, r, id);
    else
        operation_reply_busy(n->operations, r, MARKETPLACES_KIND);
}

static int list_work(struct api_op *op, struct db *db, struct err *e)
{
    struct marketplace_row *rows;
    size_t count;
    int rc = marketplace_list(db, op->arena, &rows, &count, e);
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    json_key(&op->json, "marketplaces");
    json_array_begin(&op->json);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&op->json);
        json_kv_text(&op->json, "name", rows[i].name);
        json_kv_text(&op->json, "url", rows[i].url);
        json_kv_text(&op->json, "commit", rows[i].commit_id);
        json_kv_text(&op->json, "error", rows[i].error);
        json_kv_time_or_null(&op->json, "synced_at", rows[i].synced_at != 0, rows[i].synced_at);
        json_kv_time_or_null(&op->json, "tried_at", true, rows[i].tried_at);
        json_object_end(&op->json);
    }
    json_array_end(&op->json);
    json_object_end(&op->json);
    return 0;
}

static void list(struct http_request *r, void *context)
{
    api_read(api_op_new(r, context, list_work));
}

static void operation(struct http_request *r, void *context)
{
    const struct node *n = context;
    operation_reply(n->operations, r, http_param(r, "id"));
}

static const struct http_route routes[] = {
    {HTTP_POST, "/api/scripts/run-due", API_RUNNERS, run_due,
     .summary = "Queue the scripts of the configuration that are due",
     .responses = "200:Each script and what became of it"},
    {HTTP_POST, "/api/marketplaces/sync-all", API_RUNNERS, sync_all,
     .summary = "Clone or fast-forward each marketplace",
     .responses = "202:It has begun; follow Location;409:One is under way"},
    {HTTP_GET, "/api/v1/marketplaces", API_READERS, list, .summary = "Commit and error of each marketplace",
     .responses = "200:All of them"},
    {HTTP_GET, "/api/v1/operations/{id}", API_READERS, operation,
     .summary = "Work that outlives the request which began it",
     .responses = "200:running, done or failed;404:Not of this start of the node"},
};
const struct api_routes api_scripts_routes = {routes, COUNT_OF(routes)};
