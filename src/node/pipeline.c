#include "node/pipeline.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/parse.h"
#include "io/worker.h"
#include "node/processor_lease.h"
#include "store/processors.h"
#include "transcripts/processor_verification.h"
#include "transcripts/session_file.h"

#include <stdatomic.h>

#define SESSIONS_MAX_DEFAULT 50
#define TIME_BUDGET_US (150 * USEC_PER_SEC)
#define ERRORS_TOLD_MAX 100
#define OPERATION_KIND "run-session-processor"

static const char *const names[] = {"usage", "verification", NULL};

struct pipeline {
    struct store *store;
    struct worker *worker;
    struct operations *operations;
    const struct config *config;
    struct run *run; /* under way, or NULL */
    atomic_bool stopping;
};

struct session_result {           /* of one file */
    struct processor_state state; /* session_file, last_error: in the arena */
    bool ok;
    struct verification_session session;
    struct verification_evidence *rows; /* in the arena */
    size_t count;
};

struct run { /* one after the other: store, worker, store */
    struct worker_job job;
    struct store_op op;
    struct pipeline *pipeline;
    struct http_request *request; /* NULL once it was answered with 202 */
    char operation[OPERATION_ID_MAX];
    struct arena arena;
    struct processor_state *states;
    size_t state_count;
    int64_t started_us, deadline_us; /* wall; monotonic */
    int64_t sessions_max;
    struct session_result *results; /* owned */
    size_t result_count;
    int64_t scanned, skipped, processed, capped, errors, items;
};

const char *const *pipeline_processors(void)
{
    return names;
}

/* -- the worker's thread -- */

static const char *environment(const char *name)
{
    return getenv(name);
}

static bool is_over(void *arg)
{
    const struct run *run = arg;
    return clock_monotonic_us() >= run->deadline_us || atomic_load(&run->pipeline->stopping);
}

static const char *copy(struct run *run, struct str s)
{
    return s.n ? arena_strdup(&run->arena, s) : NULL;
}

static void keep_rows(struct run *run, struct session_result *to, const struct verification_result *r)
{
    to->rows = arena_alloc(&run->arena, (r->count + 1) * sizeof(*to->rows));
    to->count = r->count;
    for (size_t i = 0; i < r->count; i++) {
        const struct verification_row *row = &r->rows[i];
        to->rows[i] = (struct verification_evidence){.use_line = row->use_line,
                                                     .use_block = row->use_block,
                                                     .number = row->number,
                                                     .result_line = row->result_line,
                                                     .result_block = row->result_block,
                                                     .at_us = row->at_us,
                                                     .passed = row->passed,
                                                     .failed = row->failed,
                                                     .kind = check_kind_names[row->kind],
                                                     .outcome = check_outcome_names[row->outcome],
                                                     .command = arena_strdup(&run->arena, row->command),
                                                     .quote = copy(run, row->quote)};
        to->session.checks_failed += row->outcome == CHECK_FAILED;
    }
}

static void keep_session(struct run *run, struct session_result *to, const struct file_walk_entry *f,
                         const struct verification_result *r)
{
    to->session = (struct verification_session){.session_file = to->state.session_file,
                                                .session_id = copy(run, r->session_id),
                                                .agent = transcript_format_names[f->format],
                                                .verdict = verification_verdict_names[r->verdict],
                                                .claims_success = r->claims_success,
                                                .edited_since = r->edited_since,
                                                .edits = r->edits,
                                                .checks = (int64_t)r->count,
                                                .turns = r->turns,
                                                .first_us = r->first_us,
                                                .last_us = r->last_us,
                                                .verified_us = run->started_us};
    keep_rows(run, to, r);
}

static struct file_look look_of(const struct file_walk_entry *f)
{
    return (struct file_look){f->device, f->inode, f->size, f->mtime_ns, f->ctime_ns};
}

/* False when the budget ended it: nothing is known, and it comes first next time. */
static bool process(struct run *run, const struct file_walk_entry *f, const struct processor_state *before,
                    const char *name, struct session_result *ret)
{
    struct verification *v = verification_new();
    struct turn_reader_facts facts = {0};
    struct err e = {0};
    *ret = (struct session_result){.state = {.session_file = name,
                                             .look = look_of(f),
                                             .version = VERIFICATION_VERSION,
                                             .attempts = before ? before->attempts : 0,
                                             .processed_us = before ? before->processed_us : 0,
                                             .items = before ? before->items : 0}};
    int rc = processor_verification(f->path, f->format, v, is_over, run, &facts, &e);
    ret->ok = rc == 0;
    if (ret->ok) {
        struct verification_result r;
        verification_result(v, &r);
        keep_session(run, ret, f, &r);
        ret->state.status = PROCESSOR_DONE;
        ret->state.attempts = 0;
        ret->state.processed_us = run->started_us;
        ret->state.items = (int64_t)r.count;
        ret->state.read_bytes = facts.offset;
        ret->state.tail_hash = (int64_t)facts.tail_hash;
    } else if (rc != -ECANCELED) {
        processor_state_fail(&ret->state, run->started_us);
        ret->state.last_error = arena_strdup(&run->arena, str_of(e.text));
    }
    (void)verification_free(v);
    return rc != -ECANCELED;
}

static void count(struct run *run, const struct session_result *r)
{
    run->processed += r->ok;
    run->errors += !r->ok;
    run->items += r->ok ? r->state.items : 0;
    run->result_count++;
}

struct waiting { /* what the walk found, with what is known of it */
    const struct file_walk_entry *file;
    const struct processor_state *state;
    const char *name;
};

static void process_in_order(struct run *run, const struct processor_candidate *order, size_t n,
                             const struct waiting *all)
{
    run->results = xcalloc(n + 1, sizeof(*run->results));
    for (size_t i = 0; i < n; i++) {
        const struct waiting *w = &all[order[i].index];
        bool over =
            (run->sessions_max > 0 && (int64_t)run->result_count >= run->sessions_max) || is_over(run);
        if (over || !process(run, w->file, w->state, w->name, &run->results[run->result_count])) {
            run->capped = (int64_t)(n - i);
            return;
        }
        count(run, &run->results[run->result_count]);
    }
}

static void work(struct run *run)
{
    struct file_walk walk = {.count = 0};
    struct map known;
    map_init(&known);
    session_files_walk(&walk, environment, run->pipeline->config->sessions_roots);
    for (size_t i = 0; i < run->state_count; i++)
        (void)map_put(&known, str_of(run->states[i].session_file), &run->states[i]);
    struct waiting *all = xcalloc(walk.count + 1, sizeof(*all));
    struct processor_candidate *order = xcalloc(walk.count + 1, sizeof(*order));
    size_t n = 0;
    for (size_t i = 0; i < walk.count; i++) {
        const struct file_walk_entry *f = &walk.files[i];
        struct buf name = BUF_INIT;
        session_file_name(str_of(f->path), &name);
        const struct file_look look = look_of(f);
        all[i] =
            (struct waiting){f, map_get(&known, buf_str(&name)), arena_strdup(&run->arena, buf_str(&name))};
        enum processor_need need = processor_need(all[i].state, &look, VERIFICATION_VERSION, run->started_us);
        buf_deinit(&name);
        if (need == NEED_FIRST || need == NEED_VERSION || need == NEED_RETRY)
            order[n++] = (struct processor_candidate){need, session_file_user(f), f->mtime_ns / 1000, i};
    }
    run->scanned = (int64_t)walk.count;
    run->skipped = (int64_t)(walk.count - n);
    processor_order(order, n);
    process_in_order(run, order, n, all);
    free(order);
    free(all);
    map_deinit(&known);
    file_walk_deinit(&walk);
}

static void run_batch(void *context, struct worker_job *job)
{
    (void)context;
    for (; job; job = job->next)
        work(CONTAINER_OF(job, struct run, job));
}

/* -- answers -- */

static void put_errors(const struct run *run, struct json_writer *w)
{
    size_t told = 0;
    json_key(w, "errors_detail");
    json_array_begin(w);
    for (size_t i = 0; i < run->result_count && told < ERRORS_TOLD_MAX; i++) {
        const struct processor_state *s = &run->results[i].state;
        if (run->results[i].ok)
            continue;
        told++;
        json_object_begin(w);
        json_kv_text(w, "session", s->session_file);
        json_kv_text(w, "error", s->last_error);
        json_kv_text(w, "status", processor_status_names[s->status]);
        json_kv_i64(w, "attempts", s->attempts);
        json_object_end(w);
    }
    json_array_end(w);
}

/* `ok`: the run was, also where single files could not be processed: those are listed. */
static void put_details(const struct run *run, bool whole, struct buf *out)
{
    struct json_writer w;
    json_init(&w, out);
    json_object_begin(&w);
    if (whole) {
        json_kv_bool(&w, "ok", run->errors == 0);
        json_key(&w, "details");
        json_object_begin(&w);
    }
    json_kv_text(&w, "processor", "verification");
    json_kv_i64(&w, "scanned", run->scanned);
    json_kv_i64(&w, "processed", run->processed);
    json_kv_i64(&w, "skipped", run->skipped);
    json_kv_i64(&w, "capped", run->capped);
    json_kv_i64(&w, "errors", run->errors);
    json_kv_i64(&w, "items_extracted", run->items);
    put_errors(run, &w);
    if (whole)
        json_object_end(&w);
    json_object_end(&w);
}

static void free_run(struct run *run)
{
    run->pipeline->run = NULL;
    arena_reset(&run->arena);
    free(run->results);
    free(run);
}

static void fail(struct run *run, const struct err *e)
{
    if (run->operation[0])
        operation_end(run->pipeline->operations, run->operation, e->text, (struct str){NULL, 0});
    if (run->request)
        http_reply_err(run->request, e);
    log_error("pipeline", "a run has failed", LOG_TEXT("processor", "verification"),
              LOG_TEXT("error", e->text));
    free_run(run);
}

static void answer(struct run *run)
{
    struct buf body = BUF_INIT;
    put_details(run, run->request != NULL, &body);
    if (run->operation[0])
        operation_end(run->pipeline->operations, run->operation, NULL, buf_str(&body));
    if (run->request)
        http_reply_json(run->request, 200, &body);
    log_info("pipeline", "a run has ended", LOG_TEXT("processor", "verification"),
             LOG_INT("processed", run->processed), LOG_INT("errors", run->errors),
             LOG_INT("capped", run->capped));
    buf_deinit(&body);
    free_run(run);
}

/* -- the second operation: what was found -- */

static int put_run(struct store_op *op, struct db *db, struct err *e)
{
    const struct run *run = CONTAINER_OF(op, struct run, op);
    const struct processor_run row = {
        .ended_us = op->now_us, .processed = run->processed, .errors = run->errors, .capped = run->capped};
    int rc = 0;
    for (size_t i = 0; i < run->result_count && rc == 0; i++) {
        const struct session_result *r = &run->results[i];
        if (r->ok)
            rc = verification_put(db, &r->session, r->rows, r->count, e);
        if (rc == 0)
            rc = processor_state_put(db, "verification", &r->state, e);
    }
    return rc ? rc : processor_run_put(db, "verification", &row, e);
}

static void put_done(struct store_op *op)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    if (op->rc != 0)
        fail(run, &op->err);
    else
        answer(run);
}

static void on_worked(struct worker_job *job)
{
    struct run *run = CONTAINER_OF(job, struct run, job);
    run->op = (struct store_op){.run = put_run, .done = put_done};
    store_write(run->pipeline->store, &run->op);
}

/* -- the first operation: the lease, and what is known -- */

static int take_run(struct store_op *op, struct db *db, struct err *e)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    int rc = processor_lease_take(db, "verification", op->now_us, &run->arena, e);
    run->started_us = op->now_us;
    if (rc == PROCESSOR_E_BUSY)
        return err_set(e, ERR_CONFLICT, rc, "busy: another node runs this processor");
    return rc ? rc : processor_states(db, "verification", &run->arena, &run->states, &run->state_count, e);
}

static void take_done(struct store_op *op)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    if (op->rc != 0) {
        fail(run, &op->err);
        return;
    }
    run->deadline_us = clock_monotonic_us() + TIME_BUDGET_US;
    run->job.done = on_worked;
    worker_post(run->pipeline->worker, &run->job);
}

/* -- for the API -- */

/* SESSION_PROCESSOR_MAX_PER_RUN of existing deployments; what is no number there counts as the default. */
static int64_t sessions_max(void)
{
    int64_t value = SESSIONS_MAX_DEFAULT;
    const char *text = getenv("SESSION_PROCESSOR_MAX_PER_RUN");
    if (text && !parse_i64_in(str_of(text), 1, INT32_MAX, &value))
        value = SESSIONS_MAX_DEFAULT;
    return value;
}

void pipeline_run(struct pipeline *p, const char *processor, struct http_request *r)
{
    (void)processor;
    bool later = str_find(http_header(r, "Prefer"), STR("respond-async")) >= 0;
    if (p->run || atomic_load(&p->stopping)) {
        http_reply_problem(r, 409, NULL, "busy: the processor %s is running", processor);
        return;
    }
    struct run *run = p->run = xnew(struct run);
    *run = (struct run){.pipeline = p, .request = r, .sessions_max = sessions_max()};
    arena_init(&run->arena);
    const char *id = later ? operation_begin(p->operations, OPERATION_KIND) : NULL;
    if (id) {
        (void)snprintf(run->operation, sizeof(run->operation), "%s", id);
        operation_reply_accepted(r, id);
        run->request = NULL;
    }
    run->op = (struct store_op){.run = take_run, .done = take_done};
    store_write(p->store, &run->op);
}

struct pipeline *pipeline_new(uv_loop_t *loop, struct store *store, struct operations *operations,
                              const struct config *config)
{
    struct pipeline *p = xnew(struct pipeline);
    p->store = store;
    p->operations = operations;
    p->config = config;
    atomic_init(&p->stopping, false);
    p->worker = worker_new(loop, "pipeline", run_batch, p);
    return p;
}

void pipeline_stop(struct pipeline *p)
{
    atomic_store(&p->stopping, true);
    p->worker = worker_free(p->worker);
}

struct pipeline *pipeline_free(struct pipeline *p)
{
    if (!p)
        return NULL;
    assert(!p->worker);
    free(p);
    return NULL;
}
