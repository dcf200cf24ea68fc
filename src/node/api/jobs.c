/* /api/v1/jobs: queue, look, cancel, retry (spec 20 Q3, Q4). */
#include "node/api/api.h"
#include "run/launch.h"
#include "store/jobs.h"
#include "store/runs.h"
#include "store/tasks.h"

struct job_body {
    struct str agent, prompt, repo, model, effort, unique_key;
    struct json_texts args, env;
    int64_t task_id, priority, max_attempts, timeout_s, run_after;
    bool has_task, has_attempts, has_run_after;
};
#define AT(member) offsetof(struct job_body, member)
static const struct json_field job_fields[] = {
    {"agent", JSON_FIELD_TEXT, AT(agent), .required = true, .min = 1, .max = 100,
     .doc = "An agent profile of the configuration."},
    {"prompt", JSON_FIELD_TEXT, AT(prompt), .doc = "Fills {prompt} of the profile's command."},
    {"args", JSON_FIELD_TEXTS, AT(args), .max = 256,
     .doc = "Fill the element {args} of the profile's command."},
    {"task_id", JSON_FIELD_INT, AT(task_id), AT(has_task), .min = 1, .max = INT64_MAX,
     .doc = "The task it is for."},
    {"repo", JSON_FIELD_TEXT, AT(repo), .min = 1, .max = 300,
     .doc = "Name below repo_root, or an absolute path."},
    {"model", JSON_FIELD_TEXT, AT(model), .min = 1, .max = 100, .doc = "Instead of the profile's."},
    {"effort", JSON_FIELD_TEXT, AT(effort), .min = 1, .max = 100, .doc = "Instead of the profile's."},
    {"priority", JSON_FIELD_INT, AT(priority), .min = -1000, .max = 1000,
     .doc = "Higher goes first; 0 by default."},
    {"max_attempts", JSON_FIELD_INT, AT(max_attempts), AT(has_attempts), .min = 1, .max = 1000,
     .doc = "Instead of the profile's."},
    {"timeout_s", JSON_FIELD_INT, AT(timeout_s), .min = 0, .max = 31536000,
     .doc = "Of one attempt; 0: the profile's."},
    {"run_after", JSON_FIELD_TIME, AT(run_after), AT(has_run_after), .doc = "Not before this time."},
    {"unique_key", JSON_FIELD_TEXT, AT(unique_key), .min = 1, .max = 255,
     .doc = "While a job with this key is queued or running, asking again gives that one."},
    {"env", JSON_FIELD_TEXT_MAP, AT(env), .max = 256,
     .doc = "Values for variables named in the profile's env_pass."},
    {0}};
#undef AT

/* -- POST /api/v1/jobs -- */

struct create_input {
    struct job job;
    int64_t id;
    bool deduped;
};

static int put_job_by_id(struct api_op *op, struct db *db, int64_t id, bool deduped, struct err *e)
{
    struct job job;
    int rc = job_get(db, id, op->arena, &job, e);
    if (rc == JOB_STORE_E_ABSENT)
        return err_set(e, ERR_NOT_FOUND, rc, "there is no job %lld", (long long)id);
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    api_put_job(&op->json, &job, true);
    if (deduped)
        json_kv_bool(&op->json, "deduped", true);
    json_object_end(&op->json);
    return 0;
}

/* A job may name a task that exists and is not at its end. */
static int check_task(struct api_op *op, struct db *db, int64_t task_id, struct err *e)
{
    struct task task;
    int rc = task_id ? task_get(db, task_id, op->arena, &task, e) : 0;
    if (rc == TASK_E_ABSENT)
        return err_set_at(e, ERR_INVALID, rc, "/task_id", "there is no task %lld", (long long)task_id);
    if (rc == 0 && task_id && task.terminal)
        return err_set_at(e, ERR_INVALID, -EINVAL, "/task_id", "task %lld is %s", (long long)task_id,
                          task.stage);
    return rc;
}

static int create_work(struct api_op *op, struct db *db, struct err *e)
{
    struct create_input *in = op->input;
    int rc = api_replay(op, db, e);
    if (rc != 0)
        return rc > 0 && op->replayed ? 0 : rc;
    rc = check_task(op, db, in->job.task_id, e);
    if (rc != 0)
        return rc;
    if (in->job.run_after == 0)
        in->job.run_after = op->op.now_us;
    rc = job_insert(db, &in->job, op->op.now_us, &in->id, e);
    in->deduped = rc == JOB_STORE_E_DEDUPED;
    if (rc != 0 && !in->deduped)
        return rc;
    op->status = in->deduped ? 200 : 201;
    op->location = arena_printf(op->arena, "/api/v1/jobs/%lld", (long long)in->id);
    rc = put_job_by_id(op, db, in->id, in->deduped, e);
    return rc ? rc : api_remember(op, db, e);
}

static void create_after(struct api_op *op)
{
    const struct create_input *in = op->input;
    if (in->deduped)
        return;
    queue_publish_job(op->node->queue, in->id, in->job.agent, JOB_QUEUED, 0, in->job.task_id, NULL);
    queue_wake(op->node->queue);
}

/* Kept as a JSON array of strings. */
static const char *texts_json(struct api_op *op, const struct json_texts *texts)
{
    if (!texts->present || texts->count == 0)
        return NULL;
    struct buf out = BUF_INIT;
    struct json_writer w;
    json_init(&w, &out);
    json_array_begin(&w);
    for (size_t i = 0; i < texts->count; i++)
        json_str(&w, texts->items[i]);
    json_array_end(&w);
    const char *copy = arena_strdup(op->arena, buf_str(&out));
    buf_deinit(&out);
    return copy;
}

static bool wants_prompt(const struct agent_profile *profile)
{
    for (size_t i = 0; profile->command && profile->command[i]; i++)
        if (strstr(profile->command[i], "{prompt}"))
            return true;
    return false;
}

static void create(struct http_request *r, void *context)
{
    struct node *n = context;
    struct job_body body = {0};
    struct err e = {0};
    if (!api_body(r, &body))
        return;
    const struct agent_profile *profile = config_agent(n->config, body.agent);
    if (!profile) {
        http_reply_problem(r, 422, "/agent", "there is no agent \"%.*s\" in the configuration",
                           STR_ARG(body.agent));
        return;
    }
    if (wants_prompt(profile) && !body.prompt.p) {
        http_reply_problem(r, 422, "/prompt", "agent \"%s\" needs a prompt", profile->name);
        return;
    }
    struct api_op *op = api_op_new(r, n, create_work);
    struct create_input *in = op->input = arena_alloc(op->arena, sizeof(*in));
    in->job = (struct job){
        .agent = profile->name,
        .prompt = api_text(op, body.prompt),
        .args = texts_json(op, &body.args),
        .env = texts_json(op, &body.env),
        .task_id = body.task_id,
        .repo = api_text(op, body.repo),
        .model = api_text(op, body.model),
        .effort = api_text(op, body.effort),
        .priority = body.priority,
        .max_attempts = body.has_attempts ? body.max_attempts : profile->max_attempts,
        .timeout_us = body.timeout_s * USEC_PER_SEC,
        .run_after = body.run_after,
        .unique_key = api_text(op, body.unique_key),
    };
    if (launch_check(profile, in->job.args, in->job.env, in->job.repo, &e) != 0) {
        http_reply_err(r, &e);
        free(op);
        return;
    }
    op->after = create_after;
    api_write(op);
}

/* -- GET /api/v1/jobs, /{id} -- */

static int list_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct job_filter *f = op->input;
    struct job *jobs;
    size_t count;
    int rc = job_list(db, f, op->arena, &jobs, &count, e);
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    json_key(&op->json, "jobs");
    json_array_begin(&op->json);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&op->json);
        api_put_job(&op->json, &jobs[i], false);
        json_object_end(&op->json);
    }
    json_array_end(&op->json);
    json_object_end(&op->json);
    api_next_page(op, f->limit, count, count ? jobs[count - 1].id : 0);
    return 0;
}

static void list(struct http_request *r, void *context)
{
    struct job_filter f = {.state = -1};
    struct str state;
    if (!api_page(r, &f.limit, &f.after) || !http_query_i64(r, "task_id", 1, INT64_MAX, 0, &f.task_id) ||
        !api_query_newest(r, &f.newest_first))
        return;
    if (http_query(r, "state", &state)) {
        enum job_state named;
        if (!job_state_of(state, &named)) {
            http_reply_problem(r, 400, "/state", "state is one of queued, running, done, failed, cancelled");
            return;
        }
        f.state = (int)named;
    }
    f.agent = api_query_text(r, "agent");
    f.repo = api_query_text(r, "repo");
    struct api_op *op = api_op_new(r, context, list_work);
    struct job_filter *in = op->input = arena_alloc(op->arena, sizeof(*in));
    *in = f;
    api_read(op);
}

static int show_work(struct api_op *op, struct db *db, struct err *e)
{
    int64_t id = *(const int64_t *)op->input;
    struct run_filter f = {.job_id = id, .limit = API_LIMIT_MAX};
    struct job job;
    struct run *runs;
    size_t count;
    int rc = job_get(db, id, op->arena, &job, e);
    if (rc == JOB_STORE_E_ABSENT)
        return err_set(e, ERR_NOT_FOUND, rc, "there is no job %lld", (long long)id);
    if (rc == 0)
        rc = run_list(db, &f, op->arena, &runs, &count, e);
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    api_put_job(&op->json, &job, true);
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

struct id_input {
    int64_t id;
    struct job before;
    bool running;
};

static struct api_op *op_for_id(struct http_request *r, struct node *n,
                                int (*work)(struct api_op *, struct db *, struct err *))
{
    int64_t id;
    if (!http_param_id(r, "id", &id))
        return NULL;
    http_note_resource(r, "job:%lld", (long long)id);
    struct api_op *op = api_op_new(r, n, work);
    struct id_input *in = op->input = arena_alloc(op->arena, sizeof(*in));
    in->id = id;
    return op;
}

static void show(struct http_request *r, void *context)
{
    struct api_op *op = op_for_id(r, context, show_work);
    if (op)
        api_read(op);
}

/* -- POST /api/v1/jobs/{id}/cancel, /retry -- */

static int read_before(struct api_op *op, struct db *db, struct err *e)
{
    struct id_input *in = op->input;
    int rc = job_get(db, in->id, op->arena, &in->before, e);
    if (rc == JOB_STORE_E_ABSENT)
        return err_set(e, ERR_NOT_FOUND, rc, "there is no job %lld", (long long)in->id);
    return rc;
}

static int change(struct api_op *op, struct db *db, enum job_event event, const char *cause, struct err *e)
{
    struct id_input *in = op->input;
    struct job_end end = {.event = event, .cause = cause, .timing = {.now_us = op->op.now_us}};
    struct job_change change;
    int rc = job_change(db, in->id, &end, &change, e);
    if (rc == JOB_STORE_E_DEDUPED)
        return err_set(e, ERR_CONFLICT, rc,
                       "another job with the unique_key of job %lld is queued or running", (long long)in->id);
    if (rc == JOB_STORE_E_NOT_ALLOWED)
        return err_set(e, ERR_CONFLICT, rc, "job %lld is %s; that cannot be %s", (long long)in->id,
                       job_state_name(in->before.state), event == JOB_CANCEL ? "cancelled" : "retried");
    return rc;
}

/* A queued job is cancelled at once; a running one is asked to end, and is cancelled when it has. */
static int cancel_work(struct api_op *op, struct db *db, struct err *e)
{
    struct id_input *in = op->input;
    int rc = read_before(op, db, e);
    if (rc != 0)
        return rc;
    in->running = in->before.state == JOB_RUNNING;
    rc = in->running ? job_request_cancel(db, in->id, e) : change(op, db, JOB_CANCEL, "cancelled", e);
    op->status = in->running ? 202 : 200;
    return rc ? rc : put_job_by_id(op, db, in->id, false, e);
}

static void cancel_after(struct api_op *op)
{
    const struct id_input *in = op->input;
    if (in->running)
        (void)queue_cancel_run(op->node->queue, in->id);
    else
        queue_publish_job(op->node->queue, in->id, in->before.agent, JOB_CANCELLED, in->before.run_id,
                          in->before.task_id, "cancelled");
}

static void cancel(struct http_request *r, void *context)
{
    struct api_op *op = op_for_id(r, context, cancel_work);
    if (!op)
        return;
    op->after = cancel_after;
    api_write(op);
}

/* The task that waits for it is blocked no more. */
static int unblock_task(struct api_op *op, struct db *db, const struct job *job, struct err *e)
{
    struct task task;
    int rc = job->task_id ? task_get(db, job->task_id, op->arena, &task, e) : TASK_E_ABSENT;
    if (rc != 0)
        return rc == TASK_E_ABSENT ? 0 : rc;
    if (!task.blocked || !job->stage || strcmp(job->stage, task.stage) != 0)
        return 0;
    return task_set_blocked(db, task.id, NULL, op->op.now_us, e);
}

static int retry_work(struct api_op *op, struct db *db, struct err *e)
{
    struct id_input *in = op->input;
    int rc = read_before(op, db, e);
    if (rc == 0)
        rc = change(op, db, JOB_RETRY, NULL, e);
    if (rc == 0)
        rc = unblock_task(op, db, &in->before, e);
    return rc ? rc : put_job_by_id(op, db, in->id, false, e);
}

static void retry_after(struct api_op *op)
{
    const struct id_input *in = op->input;
    queue_publish_job(op->node->queue, in->id, in->before.agent, JOB_QUEUED, 0, in->before.task_id, "retry");
    queue_wake(op->node->queue);
}

static void retry(struct http_request *r, void *context)
{
    struct api_op *op = op_for_id(r, context, retry_work);
    if (!op)
        return;
    op->after = retry_after;
    api_write(op);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/jobs", API_READERS, list, .summary = "List jobs",
     .query = "limit:integer:At most this many;after:integer:Ids above this one;state:string:queued, "
              "running, done, failed "
              "or cancelled;agent:string:Of this profile;repo:string:Of this repo;task_id:integer:Of this "
              "task;order:string:newest for the newest first",
     .responses = "200:Jobs in order of id"},
    {HTTP_POST, "/api/v1/jobs", API_RUNNERS, create, .body = job_fields, .summary = "Queue a job",
     .responses =
         "201:The job;200:The job with this unique_key that is queued or running;422:A field is wrong"},
    {HTTP_GET, "/api/v1/jobs/{id}", API_READERS, show, .summary = "One job with its runs",
     .responses = "200:The job;404:No such job"},
    {HTTP_POST, "/api/v1/jobs/{id}/cancel", API_OPERATORS, cancel, .summary = "Cancel a job",
     .responses =
         "200:It was queued and is cancelled;202:It is running and was asked to end;409:It has ended"},
    {HTTP_POST, "/api/v1/jobs/{id}/retry", API_OPERATORS, retry,
     .summary = "Revive a failed or cancelled job",
     .responses = "200:It is queued again;409:It is not failed or cancelled"},
};
const struct api_routes api_jobs_routes = {routes, COUNT_OF(routes)};
