/* /api/v1/tasks (spec 20 Q1, Q2). */
#include "core/workflow.h"
#include "node/api/api.h"
#include "node/workflow_job.h"

struct task_body {
    struct str work_item, title, repo, type, workflow, stage;
};
static const struct json_field task_fields[] = {
    {"work_item", JSON_FIELD_TEXT, offsetof(struct task_body, work_item), .required = true, .min = 1,
     .max = 200, .doc = "What people call it: a ticket, an issue, a branch."},
    {"title", JSON_FIELD_TEXT, offsetof(struct task_body, title), .max = 500, .doc = "One line."},
    {"repo", JSON_FIELD_TEXT, offsetof(struct task_body, repo), .min = 1, .max = 300,
     .doc = "Where the work is done."},
    {"type", JSON_FIELD_TEXT, offsetof(struct task_body, type), .min = 1, .max = 100,
     .doc = "Kind of work, for statistics."},
    {"workflow", JSON_FIELD_TEXT, offsetof(struct task_body, workflow), .min = 1, .max = 100,
     .doc = "A workflow of the configuration; its first stage is entered unless `stage` says otherwise."},
    {"stage", JSON_FIELD_TEXT, offsetof(struct task_body, stage), .min = 1, .max = 100,
     .doc = "First stage; `new` without a workflow."},
    {0}};

struct stage_body {
    struct str stage, reason;
};
static const struct json_field stage_fields[] = {
    {"stage", JSON_FIELD_TEXT, offsetof(struct stage_body, stage), .required = true, .min = 1, .max = 100,
     .doc = "Where the task goes; `done` and `cancelled` end it."},
    {"reason", JSON_FIELD_TEXT, offsetof(struct stage_body, reason), .max = 500,
     .doc = "Why, for the history."},
    {0}};

/* -- POST /api/v1/tasks -- */

struct create_input {
    struct task task;
    const char *actor;
    int64_t task_id, job_id;
};

static int put_task_by_id(struct api_op *op, struct db *db, int64_t id, struct err *e)
{
    struct task task;
    int rc = task_get(db, id, op->arena, &task, e);
    if (rc == TASK_E_ABSENT)
        return err_set(e, ERR_NOT_FOUND, rc, "there is no task %lld", (long long)id);
    if (rc == 0) {
        json_object_begin(&op->json);
        api_put_task(&op->json, &task);
        json_object_end(&op->json);
    }
    return rc;
}

static int create_work(struct api_op *op, struct db *db, struct err *e)
{
    struct create_input *in = op->input;
    int rc = api_replay(op, db, e);
    if (rc != 0)
        return rc > 0 && op->replayed ? 0 : rc;
    rc = task_insert(db, &in->task, in->actor, op->op.now_us, &in->task_id, e);
    if (rc == 0) {
        in->task.id = in->task_id;
        rc = workflow_queue_stage_job(db, op->config, &in->task, op->op.now_us, &in->job_id, e);
    }
    if (rc == 0)
        rc = put_task_by_id(op, db, in->task_id, e);
    op->status = 201;
    op->location = arena_printf(op->arena, "/api/v1/tasks/%lld", (long long)in->task_id);
    return rc ? rc : api_remember(op, db, e);
}

static void publish_stage(struct node *n, int64_t task_id, const char *from, const char *to)
{
    struct buf body = BUF_INIT;
    struct json_writer w;
    json_init(&w, &body);
    json_object_begin(&w);
    json_kv_i64(&w, "task_id", task_id);
    json_kv_text(&w, "from", from);
    json_kv_text(&w, "to", to);
    json_object_end(&w);
    events_publish(n->events, "event.task.stage", buf_str(&body));
    buf_deinit(&body);
}

static void create_after(struct api_op *op)
{
    const struct create_input *in = op->input;
    publish_stage(op->node, in->task_id, NULL, in->task.stage);
    if (in->job_id)
        queue_wake(op->node->queue);
}

/* The stage must be one of the workflow's; without a workflow any word is a stage. */
static bool check_stage(struct http_request *r, const struct workflow *w, const char *stage)
{
    if (!w || workflow_has_stage(w, stage))
        return true;
    http_reply_problem(r, 422, "/stage", "workflow \"%s\" has no stage \"%s\"", w->name, stage);
    return false;
}

static void create(struct http_request *r, void *context)
{
    struct node *n = context;
    struct task_body body = {0};
    if (!api_body(r, &body))
        return;
    const struct workflow *w = body.workflow.p ? config_workflow(n->config, body.workflow) : NULL;
    if (body.workflow.p && !w) {
        http_reply_problem(r, 422, "/workflow", "there is no workflow \"%.*s\" in the configuration",
                           STR_ARG(body.workflow));
        return;
    }
    struct api_op *op = api_op_new(r, n, create_work);
    const char *stage = body.stage.p ? api_text(op, body.stage) : w ? workflow_first(w) : "new";
    if (!check_stage(r, w, stage)) {
        free(op);
        return;
    }
    struct create_input *in = op->input = arena_alloc(op->arena, sizeof(*in));
    in->actor = http_caller(r)->actor;
    in->task = (struct task){.work_item = api_text(op, body.work_item),
                             .title = api_text(op, body.title),
                             .repo = api_text(op, body.repo),
                             .type = api_text(op, body.type),
                             .workflow = w ? w->name : NULL,
                             .stage = stage};
    op->after = create_after;
    api_write(op);
}

/* -- GET /api/v1/tasks, /{id} -- */

static int list_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct task_filter *f = op->input;
    struct task *tasks;
    size_t count;
    int rc = task_list(db, f, op->arena, &tasks, &count, e);
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    json_key(&op->json, "tasks");
    json_array_begin(&op->json);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&op->json);
        api_put_task(&op->json, &tasks[i]);
        json_object_end(&op->json);
    }
    json_array_end(&op->json);
    json_object_end(&op->json);
    api_next_page(op, f->limit, count, count ? tasks[count - 1].id : 0);
    return 0;
}

static void list(struct http_request *r, void *context)
{
    struct task_filter f = {0};
    if (!api_page(r, &f.limit, &f.after) || !api_query_flag(r, "open", &f.open_only))
        return;
    f.stage = api_query_text(r, "stage");
    f.repo = api_query_text(r, "repo");
    f.work_item = api_query_text(r, "work_item");
    struct api_op *op = api_op_new(r, context, list_work);
    struct task_filter *in = op->input = arena_alloc(op->arena, sizeof(*in));
    *in = f;
    api_read(op);
}

static void put_event(struct json_writer *w, const struct task_event *event)
{
    json_object_begin(w);
    json_kv_i64(w, "id", event->id);
    json_kv_time_or_null(w, "at", true, event->at);
    json_kv_text(w, "from_stage", event->from_stage);
    json_kv_text(w, "to_stage", event->to_stage);
    json_kv_text(w, "actor", event->actor);
    json_kv_text(w, "reason", event->reason);
    json_kv_i64_or_null(w, "job_id", event->job_id != 0, event->job_id);
    json_object_end(w);
}

static int show_work(struct api_op *op, struct db *db, struct err *e)
{
    int64_t id = *(const int64_t *)op->input;
    struct task task;
    struct task_event *events;
    size_t count;
    int rc = task_get(db, id, op->arena, &task, e);
    if (rc == TASK_E_ABSENT)
        return err_set(e, ERR_NOT_FOUND, rc, "there is no task %lld", (long long)id);
    if (rc == 0)
        rc = task_events(db, id, op->arena, &events, &count, e);
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    api_put_task(&op->json, &task);
    json_key(&op->json, "events");
    json_array_begin(&op->json);
    for (size_t i = 0; i < count; i++)
        put_event(&op->json, &events[i]);
    json_array_end(&op->json);
    json_object_end(&op->json);
    return 0;
}

static void show(struct http_request *r, void *context)
{
    int64_t id;
    if (!http_param_id(r, "id", &id))
        return;
    struct api_op *op = api_op_new(r, context, show_work);
    op->input = arena_alloc(op->arena, sizeof(id));
    *(int64_t *)op->input = id;
    api_read(op);
}

/* -- POST /api/v1/tasks/{id}/stage -- */

struct move_input {
    int64_t id, job_id;
    const char *stage, *reason, *actor, *from;
};

static int move_work(struct api_op *op, struct db *db, struct err *e)
{
    struct move_input *in = op->input;
    struct task task;
    int rc = task_get(db, in->id, op->arena, &task, e);
    if (rc == TASK_E_ABSENT)
        return err_set(e, ERR_NOT_FOUND, rc, "there is no task %lld", (long long)in->id);
    if (rc != 0)
        return rc;
    const struct workflow *w = task.workflow ? config_workflow(op->config, str_of(task.workflow)) : NULL;
    if (w && !workflow_has_stage(w, in->stage))
        return err_set_at(e, ERR_INVALID, -EINVAL, "/stage", "workflow \"%s\" has no stage \"%s\"", w->name,
                          in->stage);
    in->from = task.stage;
    rc = task_move(db, in->id, in->stage, in->actor, in->reason, 0, op->op.now_us, e);
    if (rc == TASK_E_TERMINAL)
        return err_set(e, ERR_CONFLICT, rc, "task %lld is %s and stays so", (long long)in->id, task.stage);
    task.stage = in->stage;
    if (rc == 0)
        rc = workflow_queue_stage_job(db, op->config, &task, op->op.now_us, &in->job_id, e);
    return rc ? rc : put_task_by_id(op, db, in->id, e);
}

static void move_after(struct api_op *op)
{
    const struct move_input *in = op->input;
    publish_stage(op->node, in->id, in->from, in->stage);
    if (in->job_id)
        queue_wake(op->node->queue);
}

static void move(struct http_request *r, void *context)
{
    struct stage_body body = {0};
    int64_t id;
    if (!http_param_id(r, "id", &id) || !api_body(r, &body))
        return;
    http_note_resource(r, "task:%lld", (long long)id);
    struct api_op *op = api_op_new(r, context, move_work);
    struct move_input *in = op->input = arena_alloc(op->arena, sizeof(*in));
    *in = (struct move_input){.id = id,
                              .stage = api_text(op, body.stage),
                              .reason = api_text(op, body.reason),
                              .actor = http_caller(r)->actor};
    op->after = move_after;
    api_write(op);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/tasks", API_READERS, list, .summary = "List tasks",
     .query = "limit:integer:At most this many;after:integer:Ids above this one;open:boolean:Leave out those "
              "that are "
              "done or cancelled;stage:string:In this stage;repo:string:Of this repo;work_item:string:With "
              "this name",
     .responses = "200:Tasks in order of id"},
    {HTTP_POST, "/api/v1/tasks", API_OPERATORS, create, .body = task_fields, .summary = "Create a task",
     .responses = "201:The task;422:A field is wrong"},
    {HTTP_GET, "/api/v1/tasks/{id}", API_READERS, show, .summary = "One task with its history",
     .responses = "200:The task;404:No such task"},
    {HTTP_POST, "/api/v1/tasks/{id}/stage", API_OPERATORS, move, .body = stage_fields,
     .summary = "Move a task",
     .responses = "200:The task;404:No such task;409:The task is at its end;422:No such stage"},
};
const struct api_routes api_tasks_routes = {routes, COUNT_OF(routes)};
