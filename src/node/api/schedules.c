/* /api/v1/schedules: the scheduler's jobs, why each ran or did not, and what people ask of them (spec 50 S13,
 * S15).  The scheduler reports; the node keeps. */
#include "node/api/api.h"
#include "core/schedule_engine.h"
#include "io/counters.h"
#include "node/schedule_waits.h"
#include "store/schedules.h"

#include <jansson.h>

#define WAIT_MAX_S 60
#define REPORT_JOBS_MAX 1000
#define REPORT_ROWS_MAX 20000

/* -- shapes -- */

static void put_time(struct json_writer *w, const char *key, int64_t us)
{
    json_kv_time_or_null(w, key, us != SCHEDULE_UNKNOWN, us);
}

static void put_number(struct json_writer *w, const char *key, int64_t value)
{
    json_kv_i64_or_null(w, key, value != SCHEDULE_UNKNOWN, value);
}

static void put_schedule(struct json_writer *w, const struct schedule_report *s)
{
    json_object_begin(w);
    json_kv_text(w, "name", s->name);
    json_kv_text(w, "when", s->when);
    json_kv_text(w, "zone", s->zone);
    json_kv_text(w, "method", s->method);
    json_kv_text(w, "path", s->path);
    json_kv_bool(w, "builtin", s->builtin);
    json_kv_bool(w, "paused", s->paused);
    json_kv_text(w, "state", s->in_flight != SCHEDULE_UNKNOWN ? "running" : s->paused ? "paused" : "waiting");
    put_time(w, "next_due", s->next_due);
    put_time(w, "in_flight", s->in_flight);
    put_time(w, "last_run", s->last_run);
    put_time(w, "last_end", s->last_end);
    put_number(w, "last_duration_us", s->last_duration_us);
    json_kv_text(w, "last_status", s->last_status);
    json_kv_text(w, "last_error", s->last_error);
    json_kv_i64(w, "consecutive_failures", s->consecutive_failures);
    json_kv_text(w, "instance", s->instance);
    put_time(w, "reported_at", s->reported_at);
    json_object_end(w);
}

static void put_run(struct json_writer *w, const struct schedule_run *r)
{
    json_object_begin(w);
    json_kv_i64(w, "id", r->id);
    put_time(w, "due", r->due);
    json_kv_text(w, "outcome", r->outcome);
    json_kv_text(w, "trigger", r->trigger);
    json_kv_i64(w, "count", r->count);
    put_time(w, "until", r->until);
    put_time(w, "started", r->started);
    put_number(w, "lateness_us", r->lateness_us);
    put_number(w, "duration_us", r->duration_us);
    put_number(w, "attempts", r->attempts);
    put_number(w, "status", r->status);
    json_key(w, "ok");
    if (r->ok == SCHEDULE_UNKNOWN)
        json_null_value(w);
    else
        json_bool(w, r->ok != 0);
    json_kv_text(w, "run_id", r->run_id);
    json_kv_text(w, "error", r->error);
    json_kv_text(w, "instance", r->instance);
    json_object_end(w);
}

/* -- GET /api/v1/schedules, /{name}, /{name}/runs -- */

struct list_input {
    const char *name;
    int64_t limit, before;
};

static int list_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct list_input *in = op->input;
    struct schedule_report *rows;
    size_t count;
    int rc = schedule_list(db, in->name, in->limit, op->arena, &rows, &count, e);
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    json_key(&op->json, "schedules");
    json_array_begin(&op->json);
    for (size_t i = 0; i < count; i++)
        put_schedule(&op->json, &rows[i]);
    json_array_end(&op->json);
    json_object_end(&op->json);
    if ((int64_t)count == in->limit)
        op->next = arena_printf(op->arena, "</api/v1/schedules?limit=%lld&after=%s>; rel=\"next\"",
                                (long long)in->limit, rows[count - 1].name);
    return 0;
}

static struct list_input *input_of(struct api_op *op)
{
    return op->input = arena_alloc(op->arena, sizeof(struct list_input));
}

static void list(struct http_request *r, void *context)
{
    int64_t limit;
    const char *after = api_query_text(r, "after");
    if (!http_query_i64(r, "limit", 1, API_LIMIT_MAX, API_LIMIT_DEFAULT, &limit))
        return;
    struct api_op *op = api_op_new(r, context, list_work);
    *input_of(op) = (struct list_input){.name = after ? after : "", .limit = limit};
    api_read(op);
}

static int absent(struct err *e, const char *name)
{
    return err_set(e, ERR_NOT_FOUND, -ENOENT,
                   "there is no schedule \"%s\"; the scheduler reports those that it has", name);
}

static int show_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct list_input *in = op->input;
    struct schedule_report s;
    int rc = schedule_get(db, in->name, op->arena, &s, e);
    if (rc == 0)
        put_schedule(&op->json, &s);
    return rc == SCHEDULE_STORE_E_ABSENT ? absent(e, in->name) : rc;
}

static int runs_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct list_input *in = op->input;
    struct schedule_report s;
    struct schedule_run *rows;
    size_t count;
    int rc = schedule_run_list(db, in->name, in->before, in->limit, op->arena, &rows, &count, e);
    if (rc == 0 && count == 0)
        rc = schedule_get(db, in->name, op->arena, &s, e);
    if (rc != 0)
        return rc == SCHEDULE_STORE_E_ABSENT ? absent(e, in->name) : rc;
    json_object_begin(&op->json);
    json_key(&op->json, "runs");
    json_array_begin(&op->json);
    for (size_t i = 0; i < count; i++)
        put_run(&op->json, &rows[i]);
    json_array_end(&op->json);
    json_object_end(&op->json);
    if ((int64_t)count == in->limit)
        op->next = arena_printf(op->arena, "</api/v1/schedules/%s/runs?limit=%lld&after=%lld>; rel=\"next\"",
                                in->name, (long long)in->limit, (long long)rows[count - 1].due);
    return 0;
}

static struct api_op *op_for_name(struct http_request *r, struct node *n,
                                  int (*work)(struct api_op *, struct db *, struct err *))
{
    struct str name = http_param(r, "name");
    if (!schedule_name_is_valid(name)) {
        http_reply_problem(r, 404, NULL, "there is no such schedule");
        return NULL;
    }
    http_note_resource(r, "schedule:%.*s", STR_ARG(name));
    struct api_op *op = api_op_new(r, n, work);
    input_of(op)->name = arena_strdup(op->arena, name);
    return op;
}

static void show(struct http_request *r, void *context)
{
    struct api_op *op = op_for_name(r, context, show_work);
    if (op)
        api_read(op);
}

static void runs(struct http_request *r, void *context)
{
    int64_t limit, before;
    if (!api_page(r, &limit, &before))
        return;
    struct api_op *op = op_for_name(r, context, runs_work);
    if (!op)
        return;
    struct list_input *in = op->input;
    in->limit = limit;
    in->before = before;
    api_read(op);
}

/* -- POST /api/v1/schedules/{name}/pause, /resume, /run -- */

static int command(struct api_op *op, struct db *db, const char *action, struct err *e)
{
    const struct list_input *in = op->input;
    const char *actor = http_caller(op->request)->actor;
    struct schedule_report s;
    int64_t id;
    int rc = schedule_get(db, in->name, op->arena, &s, e);
    if (rc == SCHEDULE_STORE_E_ABSENT)
        return absent(e, in->name);
    bool run = strcmp(action, "run") == 0;
    if (rc == 0 && !run)
        rc = schedule_pause_set(db, in->name, strcmp(action, "pause") == 0, actor, op->op.now_us, e);
    if (rc == 0)
        rc = schedule_command_add(db, in->name, action, actor, op->op.now_us, &id, e);
    if (rc == 0)
        rc = schedule_get(db, in->name, op->arena, &s, e);
    if (rc != 0)
        return rc;
    if (run) {
        json_object_begin(&op->json);
        json_kv_text(&op->json, "name", in->name);
        put_time(&op->json, "due", op->op.now_us);
        json_kv_text(&op->json, "state", "asked");
        json_object_end(&op->json);
        op->status = 202;
        op->location = arena_printf(op->arena, "/api/v1/schedules/%s/runs", in->name);
    } else {
        put_schedule(&op->json, &s);
    }
    return 0;
}

static int pause_work(struct api_op *op, struct db *db, struct err *e)
{
    return command(op, db, "pause", e);
}

static int resume_work(struct api_op *op, struct db *db, struct err *e)
{
    return command(op, db, "resume", e);
}

static int run_work(struct api_op *op, struct db *db, struct err *e)
{
    return command(op, db, "run", e);
}

static void wake(struct api_op *op)
{
    schedule_waits_wake(op->node->schedule_waits);
}

static void post_command(struct http_request *r, struct node *n,
                         int (*work)(struct api_op *, struct db *, struct err *))
{
    struct api_op *op = op_for_name(r, n, work);
    if (!op)
        return;
    op->after = wake;
    api_write(op);
}

static void pause_one(struct http_request *r, void *context)
{
    post_command(r, context, pause_work);
}

static void resume_one(struct http_request *r, void *context)
{
    post_command(r, context, resume_work);
}

static void run_one(struct http_request *r, void *context)
{
    post_command(r, context, run_work);
}

/* -- GET /api/v1/schedules/commands: by the scheduler, which waits here -- */

struct commands_input {
    int64_t after, wait_us;
    bool nothing_new;
};

static int commands_work(struct api_op *op, struct db *db, struct err *e)
{
    struct commands_input *in = op->input;
    struct schedule_command *list_of_runs = NULL;
    const char **paused;
    int64_t newest;
    size_t run_count = 0, paused_count;
    int rc = schedule_command_newest(db, &newest, e);
    if (rc == 0 && in->after >= 0)
        rc = schedule_command_runs(db, in->after, op->arena, &list_of_runs, &run_count, e);
    if (rc == 0)
        rc = schedule_paused(db, op->arena, &paused, &paused_count, e);
    if (rc != 0)
        return rc;
    in->nothing_new = newest <= in->after;
    json_object_begin(&op->json);
    json_kv_i64(&op->json, "after", MAX(newest, in->after));
    json_key(&op->json, "paused");
    json_array_begin(&op->json);
    for (size_t i = 0; i < paused_count; i++)
        json_text(&op->json, paused[i]);
    json_array_end(&op->json);
    json_key(&op->json, "run");
    json_array_begin(&op->json);
    for (size_t i = 0; i < run_count; i++) {
        json_object_begin(&op->json);
        json_kv_text(&op->json, "name", list_of_runs[i].name);
        put_time(&op->json, "at", list_of_runs[i].at);
        json_object_end(&op->json);
    }
    json_array_end(&op->json);
    json_object_end(&op->json);
    return 0;
}

static void read_commands(struct http_request *r, int64_t after, void *context)
{
    struct api_op *op = api_op_new(r, context, commands_work);
    struct commands_input *in = op->input = arena_alloc(op->arena, sizeof(*in));
    in->after = after;
    api_read(op);
}

/* A look first, since what was asked for before the wait begins must not wait. */
static void looked(struct store_op *store_op)
{
    struct api_op *op = CONTAINER_OF(store_op, struct api_op, op);
    const struct commands_input *in = op->input;
    struct http_request *r = op->request;
    struct node *n = op->node;
    int64_t after = in->after, wait_us = store_op->rc == 0 && in->nothing_new ? in->wait_us : 0;
    buf_deinit(&op->body);
    free(op);
    schedule_waits_add(n->schedule_waits, r, after, wait_us, read_commands, n);
}

static void commands(struct http_request *r, void *context)
{
    int64_t after, wait_s;
    if (!http_query_i64(r, "after", 0, INT64_MAX, -1, &after) ||
        !http_query_i64(r, "wait_s", 0, WAIT_MAX_S, 0, &wait_s))
        return;
    struct api_op *op = api_op_new(r, context, commands_work);
    struct commands_input *in = op->input = arena_alloc(op->arena, sizeof(*in));
    *in = (struct commands_input){.after = after, .wait_us = wait_s * USEC_PER_SEC};
    op->op.done = looked;
    api_read(op);
}

/* -- POST /api/v1/schedules/report: by the scheduler -- */

struct report_body {
    struct str instance, jobs, runs;
    int64_t rows_dropped, state_errors;
};
static const struct json_field report_fields[] = {
    {"instance", JSON_FIELD_TEXT, offsetof(struct report_body, instance), .required = true, .min = 1,
     .max = 255, .doc = "Which scheduler."},
    {"jobs", JSON_FIELD_RAW, offsetof(struct report_body, jobs), .required = true, .max = 1 << 20,
     .doc = "States of jobs: an array of objects."},
    {"runs", JSON_FIELD_RAW, offsetof(struct report_body, runs), .max = 1 << 20,
     .doc = "Outcomes of due instants: an object of arrays, by the name of the job."},
    {"rows_dropped", JSON_FIELD_INT, offsetof(struct report_body, rows_dropped), .max = INT64_MAX,
     .doc = "Outcomes that it had to drop since the last report."},
    {"state_errors", JSON_FIELD_INT, offsetof(struct report_body, state_errors), .max = INT64_MAX,
     .doc = "State files that it could not read or write since then."},
    {0}};

struct report_input {
    struct schedule_report *jobs;
    struct schedule_run *runs;
    size_t job_count, run_count;
    int64_t rows_dropped, state_errors;
    int64_t fresh[SCHEDULE_OUTCOMES], lateness_us; /* what the counters get, once it is committed */
};

static const char *text_at(struct arena *a, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value)
               ? arena_strdup(a, (struct str){json_string_value(value), json_string_length(value)})
               : NULL;
}

static int64_t time_at(const json_t *object, const char *key)
{
    int64_t us;
    const char *text = json_string_value(json_object_get(object, key));
    return text && clock_parse_rfc3339(str_of(text), &us) ? us : SCHEDULE_UNKNOWN;
}

static int64_t number_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value)   ? json_integer_value(value)
           : json_is_boolean(value) ? json_is_true(value)
                                    : SCHEDULE_UNKNOWN;
}

static bool read_job(struct arena *a, const json_t *json, const char *instance, struct schedule_report *ret)
{
    *ret = (struct schedule_report){.name = text_at(a, json, "name"),
                                    .when = text_at(a, json, "when"),
                                    .zone = text_at(a, json, "zone"),
                                    .method = text_at(a, json, "method"),
                                    .path = text_at(a, json, "path"),
                                    .instance = instance,
                                    .last_status = text_at(a, json, "last_status"),
                                    .last_error = text_at(a, json, "last_error"),
                                    .last_run = time_at(json, "last_run"),
                                    .last_end = time_at(json, "last_end"),
                                    .last_duration_us = number_at(json, "last_duration_us"),
                                    .consecutive_failures = MAX(number_at(json, "consecutive_failures"), 0),
                                    .next_due = time_at(json, "next_due"),
                                    .in_flight = time_at(json, "in_flight"),
                                    .builtin = json_is_true(json_object_get(json, "builtin"))};
    return ret->name && schedule_name_is_valid(str_of(ret->name)) && ret->when && ret->zone;
}

static bool read_run(struct arena *a, const char *name, const json_t *json, const char *instance,
                     struct schedule_run *ret)
{
    enum schedule_outcome outcome;
    const char *trigger = text_at(a, json, "trigger");
    *ret = (struct schedule_run){.schedule = name,
                                 .due = time_at(json, "due"),
                                 .until = time_at(json, "until"),
                                 .count = MAX(number_at(json, "count"), 1),
                                 .outcome = text_at(a, json, "outcome"),
                                 .trigger = trigger ? trigger : "schedule",
                                 .run_id = text_at(a, json, "run_id"),
                                 .error = text_at(a, json, "error"),
                                 .instance = instance,
                                 .started = time_at(json, "started"),
                                 .lateness_us = number_at(json, "lateness_us"),
                                 .duration_us = number_at(json, "duration_us"),
                                 .attempts = number_at(json, "attempts"),
                                 .status = number_at(json, "status"),
                                 .ok = number_at(json, "ok")};
    if (ret->until == SCHEDULE_UNKNOWN)
        ret->until = ret->due;
    return ret->due != SCHEDULE_UNKNOWN && ret->outcome &&
           schedule_outcome_of(str_of(ret->outcome), &outcome);
}

static const char *read_jobs(struct arena *a, const json_t *jobs, const char *instance,
                             struct report_input *in)
{
    if (!json_is_array(jobs) || json_array_size(jobs) > REPORT_JOBS_MAX)
        return "/jobs";
    in->jobs = arena_alloc(a, (json_array_size(jobs) + 1) * sizeof(*in->jobs));
    for (size_t i = 0; i < json_array_size(jobs); i++)
        if (!read_job(a, json_array_get(jobs, i), instance, &in->jobs[in->job_count++]))
            return arena_printf(a, "/jobs/%zu", i);
    return NULL;
}

static const char *read_runs(struct arena *a, json_t *runs_by_name, const char *instance,
                             struct report_input *in)
{
    const char *name;
    json_t *list_of_runs;
    size_t total = 0;
    if (runs_by_name && !json_is_object(runs_by_name))
        return "/runs";
    json_object_foreach(runs_by_name, name, list_of_runs) total += json_array_size(list_of_runs);
    if (total > REPORT_ROWS_MAX)
        return "/runs";
    in->runs = arena_alloc(a, (total + 1) * sizeof(*in->runs));
    json_object_foreach(runs_by_name, name, list_of_runs)
    {
        const char *copy = arena_strdup(a, str_of(name));
        for (size_t i = 0; i < json_array_size(list_of_runs); i++)
            if (!schedule_name_is_valid(str_of(name)) ||
                !read_run(a, copy, json_array_get(list_of_runs, i), instance, &in->runs[in->run_count++]))
                return arena_printf(a, "/runs/%s/%zu", copy, i);
    }
    return NULL;
}

static int report_work(struct api_op *op, struct db *db, struct err *e)
{
    struct report_input *in = op->input;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < in->job_count; i++)
        rc = schedule_put(db, &in->jobs[i], op->op.now_us, e);
    for (size_t i = 0; rc == 0 && i < in->run_count; i++) {
        enum schedule_outcome outcome;
        bool fresh;
        rc = schedule_run_put(db, &in->runs[i], op->op.now_us, &fresh, e);
        if (rc != 0 || !fresh || !schedule_outcome_of(str_of(in->runs[i].outcome), &outcome))
            continue;
        in->fresh[outcome] += in->runs[i].count;
        in->lateness_us += MAX(in->runs[i].lateness_us, 0);
    }
    json_object_begin(&op->json);
    json_kv_i64(&op->json, "accepted", (int64_t)in->run_count);
    json_object_end(&op->json);
    return rc;
}

static void report_after(struct api_op *op)
{
    const struct report_input *in = op->input;
    for (int i = 0; i < SCHEDULE_OUTCOMES; i++)
        counter_add((enum counter_id)(COUNTER_SCHEDULE_OUTCOME_FIRED + i), in->fresh[i]);
    counter_add(COUNTER_SCHEDULE_LATENESS_US, in->lateness_us);
    counter_add(COUNTER_SCHEDULE_ROWS_DROPPED, in->rows_dropped);
    counter_add(COUNTER_SCHEDULE_STATE_ERRORS, in->state_errors);
    for (size_t i = 0; i < in->run_count; i++) {
        struct buf body = BUF_INIT;
        struct json_writer w;
        json_init(&w, &body);
        json_object_begin(&w);
        json_kv_text(&w, "schedule", in->runs[i].schedule);
        put_time(&w, "due", in->runs[i].due);
        json_kv_text(&w, "outcome", in->runs[i].outcome);
        json_kv_text(&w, "error", in->runs[i].error);
        json_object_end(&w);
        events_publish(op->node->events, "event.schedule.run", buf_str(&body));
        buf_deinit(&body);
    }
}

static void report(struct http_request *r, void *context)
{
    struct report_body body = {0};
    if (!api_body(r, &body))
        return;
    struct api_op *op = api_op_new(r, context, report_work);
    struct report_input *in = op->input = arena_alloc(op->arena, sizeof(*in));
    in->rows_dropped = body.rows_dropped;
    in->state_errors = body.state_errors;
    const char *instance = api_text(op, body.instance);
    json_t *jobs = json_loadb(body.jobs.p, body.jobs.n, JSON_DECODE_ANY, NULL);
    json_t *runs_by_name = body.runs.p ? json_loadb(body.runs.p, body.runs.n, JSON_DECODE_ANY, NULL) : NULL;
    const char *wrong = read_jobs(op->arena, jobs, instance, in);
    if (!wrong)
        wrong = read_runs(op->arena, runs_by_name, instance, in);
    json_decref(jobs);
    json_decref(runs_by_name);
    if (wrong) {
        http_reply_problem(r, 422, wrong, "this is no report of a job or of a due instant");
        free(op);
        return;
    }
    op->after = report_after;
    api_write(op);
}

#define BY_SCHEDULER (HTTP_ROLE_ADMIN | HTTP_ROLE_SCHEDULER)

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/schedules", API_READERS, list, .summary = "The scheduler's jobs and their states",
     .query = "limit:integer:At most this many;after:string:Behind this name", .responses = "200:A page"},
    {HTTP_POST, "/api/v1/schedules/report", BY_SCHEDULER, report, .body = report_fields,
     .summary = "States and outcomes, from the scheduler",
     .responses = "200:How many outcomes were taken;422:Not a report"},
    {HTTP_GET, "/api/v1/schedules/commands", BY_SCHEDULER, commands,
     .summary = "What people ask of the scheduler; waits for it",
     .query = "after:integer:Id of the last command seen;wait_s:integer:How long to wait",
     .responses = "200:Pauses and runs"},
    {HTTP_GET, "/api/v1/schedules/{name}", API_READERS, show, .summary = "One job of the scheduler",
     .responses = "200:The job;404:No such job"},
    {HTTP_GET, "/api/v1/schedules/{name}/runs", API_READERS, runs,
     .summary = "The outcome of each due instant, the newest first",
     .query = "limit:integer:At most this many;after:integer:Cursor of the page before",
     .responses = "200:A page;404:No such job"},
    {HTTP_POST, "/api/v1/schedules/{name}/pause", API_OPERATORS, pause_one,
     .summary = "Let its instants pass", .responses = "200:The job;404:No such job"},
    {HTTP_POST, "/api/v1/schedules/{name}/resume", API_OPERATORS, resume_one, .summary = "Fire it again",
     .responses = "200:The job;404:No such job"},
    {HTTP_POST, "/api/v1/schedules/{name}/run", API_OPERATORS, run_one, .summary = "Fire it now",
     .responses = "202:The scheduler is asked;404:No such job"},
};
const struct api_routes api_schedules_routes = {routes, COUNT_OF(routes)};
