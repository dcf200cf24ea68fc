/* /api/v1/processors: the processors of transcripts, their files, and another chance for what failed (spec 60
 * T7). */
#include "node/api/api.h"
#include "store/processor_lists.h"
#include "store/processors.h"
#include "transcripts/processor.h"
#include "transcripts/session_watch.h"
#include "transcripts/session_waiting.h"

struct input {
    const char *name, *status, *after, *path;
    int64_t limit;
};

/* -- names -- */

static const char *name_at(const struct config *config, size_t i)
{
    if (i < PROCESSORS)
        return processors[i]->name;
    return i - PROCESSORS < config->processor_count ? config->processors[i - PROCESSORS].name : NULL;
}

static int64_t version_at(const struct config *config, size_t i)
{
    return i < PROCESSORS ? processors[i]->version : config->processors[i - PROCESSORS].version;
}

/* NULL, and 404 replied, when there is none of that name. */
static const char *known_name(struct http_request *r, const struct node *n)
{
    struct str name = http_param(r, "name");
    const char *at;
    for (size_t i = 0; (at = name_at(n->config, i)); i++)
        if (str_equal(name, str_of(at)))
            return at;
    http_reply_problem(r, 404, NULL, "there is no processor %.*s", (int)MIN(name.n, 60), name.p);
    return NULL;
}

/* -- the list -- */

static void put_run(struct json_writer *w, const struct processor_run *run)
{
    json_key(w, "last_run");
    if (!run) {
        json_null_value(w);
        return;
    }
    json_object_begin(w);
    json_kv_time_or_null(w, "started_at", true, run->started_us);
    json_kv_time_or_null(w, "ended_at", run->ended, run->ended_us);
    json_kv_i64_or_null(w, "processed", run->ended, run->processed);
    json_kv_i64_or_null(w, "errors", run->ended, run->errors);
    json_kv_i64_or_null(w, "capped", run->ended, run->capped);
    json_object_end(w);
}

static void put_oldest(struct json_writer *w, const struct session_waiting *files, int64_t now_us)
{
    json_key(w, "oldest_waiting");
    if (!files->oldest) {
        json_null_value(w);
        return;
    }
    json_object_begin(w);
    json_kv_text(w, "path", files->oldest);
    json_kv_time_or_null(w, "since", true, files->oldest_us);
    json_kv_i64(w, "age_s", (now_us - files->oldest_us) / USEC_PER_SEC);
    json_object_end(w);
}

/* As health sees it. */
static int put_waiting(struct api_op *op, struct db *db, const struct file_walk *walk, size_t i,
                       struct err *e)
{
    struct processor_state *states;
    struct session_waiting files;
    size_t count;
    int rc = processor_states(db, name_at(op->config, i), op->arena, &states, &count, e);
    if (rc != 0)
        return rc;
    session_waiting(walk, states, count, version_at(op->config, i), op->op.now_us, op->arena, &files);
    json_kv_i64(&op->json, "waiting", files.waiting);
    put_oldest(&op->json, &files, op->op.now_us);
    return 0;
}

static int put_processor(struct api_op *op, struct db *db, const struct file_walk *walk, size_t number,
                         struct err *e)
{
    const char *name = name_at(op->config, number);
    struct processor_counts counts;
    struct processor_run run;
    int rc = processor_count_files(db, name, &counts, e);
    if (rc != 0)
        return rc;
    rc = processor_run_get(db, name, &run, e);
    if (rc != 0 && rc != PROCESSOR_E_NEVER_RAN)
        return rc;
    json_object_begin(&op->json);
    json_kv_text(&op->json, "name", name);
    for (int i = 0; i < PROCESSOR_STATUSES; i++)
        json_kv_i64(&op->json, processor_status_names[i], counts.by_status[i]);
    json_kv_i64(&op->json, "items_extracted", counts.items);
    put_run(&op->json, rc == 0 ? &run : NULL);
    rc = put_waiting(op, db, walk, number, e);
    json_object_end(&op->json);
    return rc;
}

/* How it is known which files there are. */
static void put_watch(struct json_writer *w, struct session_watch *files, size_t count)
{
    struct session_watch_facts facts;
    session_watch_facts(files, &facts);
    json_key(w, "files");
    json_object_begin(w);
    json_kv_i64(w, "count", (int64_t)count);
    json_kv_i64(w, "watched_directories", (int64_t)facts.directories);
    json_kv_text(w, "walks_because", facts.why_not[0] ? facts.why_not : NULL);
    json_object_end(w);
}

static int list_work(struct api_op *op, struct db *db, struct err *e)
{
    struct file_walk walk;
    int rc = 0;
    session_watch_files(op->node->session_files, &walk);
    json_object_begin(&op->json);
    json_key(&op->json, "processors");
    json_array_begin(&op->json);
    for (size_t i = 0; rc == 0 && name_at(op->config, i); i++)
        rc = put_processor(op, db, &walk, i, e);
    json_array_end(&op->json);
    put_watch(&op->json, op->node->session_files, walk.count);
    json_object_end(&op->json);
    file_walk_deinit(&walk);
    return rc;
}

static void list(struct http_request *r, void *context)
{
    api_read(api_op_new(r, context, list_work));
}

/* -- the files of one -- */

static void put_file(struct json_writer *w, const struct processor_file *f)
{
    const struct processor_state *s = &f->state;
    json_object_begin(w);
    json_kv_text(w, "session_file", s->session_file);
    json_kv_text(w, "status", processor_status_names[s->status]);
    json_kv_i64(w, "version", s->version);
    json_kv_time_or_null(w, "processed_at", s->processed_us != 0, s->processed_us);
    json_kv_i64(w, "items_extracted", s->items);
    json_kv_i64(w, "attempts", s->attempts);
    json_kv_text(w, "last_error", s->last_error);
    json_kv_time_or_null(w, "next_retry_at", s->status == PROCESSOR_FAILED, s->next_retry_us);
    json_key(w, "result");
    if (f->result)
        json_raw(w, str_of(f->result));
    else
        json_null_value(w);
    json_object_end(w);
}

static int files_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct input *in = op->input;
    struct processor_file *files;
    size_t count;
    int rc = processor_files(db, in->name, in->status, in->after, in->limit, op->arena, &files, &count, e);
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    json_key(&op->json, "files");
    json_array_begin(&op->json);
    for (size_t i = 0; i < count; i++)
        put_file(&op->json, &files[i]);
    json_array_end(&op->json);
    json_kv_text(&op->json, "next", (int64_t)count == in->limit ? files[count - 1].state.session_file : NULL);
    json_object_end(&op->json);
    return 0;
}

static bool is_status(const char *text)
{
    for (int i = 0; i < PROCESSOR_STATUSES; i++)
        if (strcmp(text, processor_status_names[i]) == 0)
            return true;
    return false;
}

static void files(struct http_request *r, void *context)
{
    const char *after = api_query_text(r, "after");
    struct input in = {.after = after ? after : "", .status = api_query_text(r, "status")};
    if (in.status && !is_status(in.status)) {
        http_reply_problem(r, 400, "/status", "status must be done, failed or quarantined");
        return;
    }
    if (!http_query_i64(r, "limit", 1, API_LIMIT_MAX, API_LIMIT_DEFAULT, &in.limit) ||
        !(in.name = known_name(r, context)))
        return;
    struct api_op *op = api_op_new(r, context, files_work);
    struct input *kept = op->input = arena_alloc(op->arena, sizeof(*kept));
    *kept = in;
    api_read(op);
}

/* -- another chance -- */

struct requeue_body {
    struct str path; /* empty: all */
};
static const struct json_field requeue_fields[] = {
    {"path", JSON_FIELD_TEXT, offsetof(struct requeue_body, path), .min = 1, .max = 4096,
     .doc = "session_file of one; all that failed or were set apart without it"},
    {0}};

static int requeue_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct input *in = op->input;
    int64_t count;
    int rc = processor_requeue(db, in->name, in->path, op->op.now_us, &count, e);
    if (rc == 0 && count == 0 && in->path)
        return err_set(e, ERR_NOT_FOUND, -ENOENT, "no file of that name has failed or was set apart");
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    json_kv_text(&op->json, "processor", in->name);
    json_kv_i64(&op->json, "requeued", count);
    json_object_end(&op->json);
    return 0;
}

static void requeue(struct http_request *r, void *context)
{
    struct requeue_body body = {.path = {NULL, 0}};
    const char *name = api_body(r, &body) ? known_name(r, context) : NULL;
    if (!name)
        return;
    struct api_op *op = api_op_new(r, context, requeue_work);
    struct input *in = op->input = arena_alloc(op->arena, sizeof(*in));
    *in = (struct input){.name = name, .path = api_text(op, body.path)};
    api_write(op);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/processors", API_READERS, list,
     .summary = "Processors of transcripts: their files by status, what waits and since when, the last run; "
                "how files are found",
     .responses = "200:All of them"},
    {HTTP_GET, "/api/v1/processors/{name}/files", API_VIEWERS, files,
     .summary = "What a processor has made of each session's file",
     .query =
         "status:string:done, failed or quarantined;limit:integer:How many;after:string:From behind this "
         "session_file on",
     .responses = "200:A page of files;404:No such processor"},
    {HTTP_POST, "/api/v1/processors/{name}/requeue", API_OPERATORS, requeue,
     .summary = "Give what failed or was set apart another chance at the next run", .body = requeue_fields,
     .body_optional = true, .responses = "200:How many;404:No such processor, or no such file"},
};
const struct api_routes api_processors_routes = {routes, COUNT_OF(routes)};
