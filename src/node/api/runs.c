/* /api/v1/runs: executions, and what they printed (spec 20 Q11, Q14). */
#include "node/api/api.h"
#include "node/cost_ledger.h"
#include "run/rundir.h"
#include "store/runs.h"

#include <fcntl.h>
#include <unistd.h>

#define OUTPUT_BYTES_DEFAULT (64 * 1024)
#define OUTPUT_BYTES_MAX (1024 * 1024)

static int list_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct run_filter *f = op->input;
    struct run *runs;
    size_t count;
    int rc = run_list(db, f, op->arena, &runs, &count, e);
    if (rc != 0)
        return rc;
    json_object_begin(&op->json);
    json_key(&op->json, "runs");
    json_array_begin(&op->json);
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&op->json);
        api_put_run(&op->json, &runs[i]);
        json_object_end(&op->json);
    }
    json_array_end(&op->json);
    json_object_end(&op->json);
    api_next_page(op, f->limit, count, count ? runs[count - 1].id : 0);
    return 0;
}

static void list(struct http_request *r, void *context)
{
    struct run_filter f = {0};
    if (!api_page(r, &f.limit, &f.after) || !http_query_i64(r, "job_id", 1, INT64_MAX, 0, &f.job_id) ||
        !http_query_i64(r, "task_id", 1, INT64_MAX, 0, &f.task_id) ||
        !api_query_flag(r, "live", &f.live_only) || !api_query_newest(r, &f.newest_first))
        return;
    f.agent = api_query_text(r, "agent");
    struct api_op *op = api_op_new(r, context, list_work);
    struct run_filter *in = op->input = arena_alloc(op->arena, sizeof(*in));
    *in = f;
    api_read(op);
}

struct show_input {
    int64_t id, bytes;
    struct usage live;
    bool is_live;
};

static int get(struct api_op *op, struct db *db, struct run *ret, struct err *e)
{
    const struct show_input *in = op->input;
    int rc = run_get(db, in->id, op->arena, ret, e);
    return rc == RUN_E_ABSENT ? err_set(e, ERR_NOT_FOUND, rc, "there is no run %lld", (long long)in->id) : rc;
}

static int show_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct show_input *in = op->input;
    struct run run;
    int rc = get(op, db, &run, e);
    if (rc != 0)
        return rc;
    if (in->is_live && !run.ended)
        run.usage = in->live;
    json_object_begin(&op->json);
    api_put_run(&op->json, &run);
    json_object_end(&op->json);
    return 0;
}

/* The last `bytes` of a file that starts at a whole line. */
static void tail_file(const char *path, int64_t bytes, struct buf *out)
{
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    off_t size = lseek(fd, 0, SEEK_END), from = size > bytes ? size - (off_t)bytes : 0;
    size_t want = (size_t)(size - from);
    char *block = xrealloc(NULL, want);
    ssize_t n = pread(fd, block, want, from);
    const char *start = block;
    if (n > 0 && from > 0) {
        const char *end = memchr(block, '\n', (size_t)n);
        start = end ? end + 1 : block + n;
    }
    if (n > 0)
        buf_add(out, start, (size_t)(block + n - start));
    free(block);
}

static void put_line(struct json_writer *w, const struct run_output_line *line)
{
    json_object_begin(w);
    json_kv_time_or_null(w, "at", true, line->at_us);
    json_kv_text(w, "stream", line->is_stderr ? "stderr" : "stdout");
    json_kv_bool(w, "partial", line->is_partial);
    json_kv_str(w, "text", line->text);
    json_object_end(w);
}

/* The files are read on the reader thread, where blocking hurts nobody but other reads. */
static int output_work(struct api_op *op, struct db *db, struct err *e)
{
    const struct show_input *in = op->input;
    const struct node *n = op->node;
    struct run run;
    int rc = get(op, db, &run, e);
    if (rc != 0)
        return rc;
    struct buf path = BUF_INIT, text = BUF_INIT;
    const char *const dirs[] = {n->runs_dir, n->ended_dir};
    for (size_t i = 0; i < COUNT_OF(dirs) && text.n == 0; i++) {
        buf_clear(&path);
        buf_printf(&path, "%s/%s/output", dirs[i], run.key);
        tail_file(path.p, in->bytes, &text);
    }
    json_object_begin(&op->json);
    json_kv_i64(&op->json, "run_id", run.id);
    json_kv_bool(&op->json, "ended", run.ended);
    json_key(&op->json, "lines");
    json_array_begin(&op->json);
    struct str rest = buf_str(&text), raw;
    struct run_output_line line;
    while (str_split(&rest, '\n', &raw))
        if (rundir_parse_output(raw, &line))
            put_line(&op->json, &line);
    json_array_end(&op->json);
    json_object_end(&op->json);
    buf_deinit(&path);
    buf_deinit(&text);
    return 0;
}

static void read_one(struct http_request *r, struct node *n,
                     int (*work)(struct api_op *, struct db *, struct err *))
{
    int64_t id, bytes;
    if (!http_param_id(r, "id", &id) ||
        !http_query_i64(r, "bytes", 1, OUTPUT_BYTES_MAX, OUTPUT_BYTES_DEFAULT, &bytes))
        return;
    struct api_op *op = api_op_new(r, n, work);
    struct show_input *in = op->input = arena_alloc(op->arena, sizeof(*in));
    in->id = id;
    in->bytes = bytes;
    in->is_live = queue_live_usage(n->queue, id, &in->live);
    api_read(op);
}

static void show(struct http_request *r, void *context)
{
    read_one(r, context, show_work);
}

static void output(struct http_request *r, void *context)
{
    read_one(r, context, output_work);
}

static void cost(struct http_request *r, void *context)
{
    const struct node *n = context;
    int64_t id;
    if (http_param_id(r, "id", &id))
        cost_ledger_answer(n->cost_ledger, r, id, n->config->prices);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/v1/runs", API_READERS, list, .summary = "List runs",
     .query =
         "limit:integer:At most this many;after:integer:Ids above this one;live:boolean:Only those that run;"
         "job_id:integer:Of this job;task_id:integer:Of this task;agent:string:Of this "
         "profile;order:string:newest "
         "for the newest first",
     .responses = "200:Runs in order of id"},
    {HTTP_GET, "/api/v1/runs/{id}", API_READERS, show, .summary = "One run, with tokens and cost so far",
     .responses = "200:The run;404:No such run"},
    {HTTP_GET, "/api/v1/runs/{id}/cost", API_VIEWERS, cost,
     .summary = "What the agent printed of its tokens and cost, beside what its transcript says",
     .responses = "200:Rows by kind with output, transcript, telemetry and the drift, output less "
                  "transcript;404:No such run"},
    {HTTP_GET, "/api/v1/runs/{id}/output", API_VIEWERS, output,
     .summary = "The end of what a run has printed",
     .query = "bytes:integer:At most about this many, 65536 by default",
     .responses = "200:Lines;404:No such run"},
};
const struct api_routes api_runs_routes = {routes, COUNT_OF(routes)};
