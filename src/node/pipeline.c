#include "node/pipeline.h"

#include "base/clock.h"
#include "io/worker.h"
#include "node/processor_lease.h"
#include "node/processor_report.h"
#include "store/processors.h"
#include "transcripts/processor_verification.h"
#include "transcripts/session_choice.h"

#include <stdatomic.h>

#define NAME "verification"

static const char *const names[] = {"usage", NAME, NULL};

struct pipeline {
    struct store *store;
    struct worker *worker;
    struct operations *operations;
    const struct config *config;
    struct run *run; /* under way, or NULL */
    atomic_bool stopping;
};

struct session_result {                  /* of one file */
    struct processor_state state;        /* session_file, last_error: in the arena */
    struct verification_session session; /* and its rows: of one that is done */
    struct verification_evidence *rows;  /* in the arena */
    size_t count;
};

struct run { /* one after the other: store, worker, store */
    struct worker_job job;
    struct store_op op;
    struct pipeline *pipeline;
    struct processor_report report;
    struct arena arena;
    struct processor_state *states;
    size_t state_count;
    int64_t started_us, deadline_us; /* wall; monotonic */
    size_t sessions_max;
    struct session_result *results; /* in the arena */
    size_t result_count;
};

const char *const *pipeline_processors(void)
{
    return names;
}

/* -- the worker's thread -- */

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

static void keep_session(struct run *run, struct session_result *to, enum transcript_format format,
                         const struct verification_result *r)
{
    to->session = (struct verification_session){.session_file = to->state.session_file,
                                                .session_id = copy(run, r->session_id),
                                                .agent = transcript_format_names[format],
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

/* False when the budget ended it: nothing is known, and it comes first next time. */
static bool process(struct run *run, const struct chosen_session *s, struct session_result *ret)
{
    struct verification *v = verification_new();
    struct turn_reader_facts facts = {0};
    struct err e = {0};
    *ret = (struct session_result){
        .state = processor_state_begin(s->name, &s->look, VERIFICATION_VERSION, s->before)};
    int rc = processor_verification(s->path, s->format, v, is_over, run, &facts, &e);
    if (rc == 0) {
        struct verification_result r;
        verification_result(v, &r);
        keep_session(run, ret, facts.format, &r);
        processor_state_done(&ret->state, (int64_t)r.count, run->started_us);
        ret->state.read_bytes = facts.offset;
        ret->state.tail_hash = (int64_t)facts.tail_hash;
    } else if (rc != -ECANCELED) {
        processor_state_fail(&ret->state, run->started_us);
        ret->state.last_error = arena_strdup(&run->arena, str_of(e.text));
    }
    (void)verification_free(v);
    return rc != -ECANCELED;
}

static void work(struct run *run)
{
    struct session_choice choice;
    struct processor_report *report = &run->report;
    size_t i;
    session_choose(run->pipeline->config->sessions_roots, run->states, run->state_count, VERIFICATION_VERSION,
                   run->started_us, &run->arena, &choice);
    size_t enough = MIN(choice.count, run->sessions_max);
    run->results = arena_alloc(&run->arena, (enough + 1) * sizeof(*run->results));
    for (i = 0; i < enough && !is_over(run) && process(run, &choice.sessions[i], &run->results[i]); i++)
        processor_report_session(report, &run->results[i].state);
    run->result_count = i;
    report->scanned = choice.scanned;
    report->skipped = choice.scanned - (int64_t)choice.count;
    report->capped = (int64_t)(choice.count - i);
}

static void run_batch(void *context, struct worker_job *job)
{
    (void)context;
    for (; job; job = job->next)
        work(CONTAINER_OF(job, struct run, job));
}

/* -- the end -- */

static void free_run(struct run *run)
{
    run->pipeline->run = NULL;
    processor_report_deinit(&run->report);
    arena_reset(&run->arena);
    free(run);
}

static void fail(struct run *run, const struct err *e)
{
    processor_report_fail(&run->report, e);
    free_run(run);
}

static void answer(struct run *run)
{
    processor_report_answer(&run->report);
    free_run(run);
}

/* -- the second operation: what was found -- */

static int put_run(struct store_op *op, struct db *db, struct err *e)
{
    const struct run *run = CONTAINER_OF(op, struct run, op);
    const struct processor_run row = processor_report_row(&run->report, op->now_us);
    int rc = 0;
    for (size_t i = 0; i < run->result_count && rc == 0; i++) {
        const struct session_result *r = &run->results[i];
        if (r->state.status == PROCESSOR_DONE)
            rc = verification_put(db, &r->session, r->rows, r->count, e);
        if (rc == 0)
            rc = processor_state_put(db, NAME, &r->state, e);
    }
    return rc ? rc : processor_run_put(db, NAME, &row, e);
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
    int rc = processor_lease_take(db, NAME, op->now_us, &run->arena, e);
    run->started_us = op->now_us;
    if (rc == PROCESSOR_E_BUSY)
        return err_set(e, ERR_CONFLICT, rc, "busy: another node runs this processor");
    return rc ? rc : processor_states(db, NAME, &run->arena, &run->states, &run->state_count, e);
}

static void take_done(struct store_op *op)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    if (op->rc != 0) {
        fail(run, &op->err);
        return;
    }
    processor_report_leased(&run->report);
    run->deadline_us = clock_monotonic_us() + PROCESSOR_TIME_BUDGET_US;
    run->job.done = on_worked;
    worker_post(run->pipeline->worker, &run->job);
}

/* -- for the API -- */

void pipeline_run(struct pipeline *p, struct http_request *r)
{
    if (p->run || atomic_load(&p->stopping)) {
        http_reply_problem(r, 409, NULL, "busy: the processor " NAME " is running");
        return;
    }
    struct run *run = p->run = xnew(struct run);
    *run = (struct run){.pipeline = p, .sessions_max = (size_t)processor_sessions_max()};
    processor_report_init(&run->report, NAME, p->operations, r);
    arena_init(&run->arena);
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
