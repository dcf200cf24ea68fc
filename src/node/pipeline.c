#include "node/pipeline.h"

#include "base/clock.h"
#include "io/worker.h"
#include "node/processor_lease.h"
#include "node/processor_report.h"
#include "store/processors.h"
#include "transcripts/processor.h"
#include "transcripts/session_choice.h"

#include <stdatomic.h>

struct lane { /* of one processor: none waits for another's */
    const struct processor *processor;
    struct pipeline *pipeline;
    struct worker *worker;
    struct run *run; /* under way, or NULL */
};

struct pipeline {
    struct store *store;
    struct operations *operations;
    const struct config *config;
    struct lane lanes[PROCESSORS];
    atomic_bool stopping;
};

struct session_result {           /* of one file */
    struct processor_state state; /* session_file, last_error: in the arena */
    void *found;                  /* of one that is done; in the arena */
};

struct run { /* one after the other: store, worker, store */
    struct worker_job job;
    struct store_op op;
    struct lane *lane;
    struct processor_report report;
    struct arena arena;
    struct processor_state *states;
    size_t state_count;
    int64_t started_us, deadline_us; /* wall; monotonic */
    size_t sessions_max;
    struct session_result *results; /* in the arena */
    size_t result_count;
};

/* -- the worker's thread -- */

static bool is_over(void *arg)
{
    const struct run *run = arg;
    return clock_monotonic_us() >= run->deadline_us || atomic_load(&run->lane->pipeline->stopping);
}

/* False when the budget ended it: nothing is known, and it comes first next time. */
static bool process(struct run *run, const struct chosen_session *s, struct session_result *ret)
{
    const struct processor *p = run->lane->processor;
    void *state = p->begin();
    struct turn_reader_facts facts = {0};
    struct err e = {0};
    *ret = (struct session_result){.state = processor_state_begin(s->name, &s->look, p->version, s->before)};
    int rc = processor_read(p, state, s->path, s->format, is_over, run, &facts, &e);
    if (rc == 0) {
        const struct processor_session of = {ret->state.session_file, facts.format, run->started_us};
        int64_t items;
        ret->found = p->found(state, &of, &run->arena, &items);
        processor_state_done(&ret->state, items, run->started_us);
        ret->state.read_bytes = facts.offset;
        ret->state.tail_hash = (int64_t)facts.tail_hash;
    } else if (rc != -ECANCELED) {
        processor_state_fail(&ret->state, run->started_us);
        ret->state.last_error = arena_strdup(&run->arena, str_of(e.text));
    }
    p->end(state);
    return rc != -ECANCELED;
}

static void work(struct run *run)
{
    struct session_choice choice;
    struct processor_report *report = &run->report;
    size_t i;
    session_choose(run->lane->pipeline->config->sessions_roots, run->states, run->state_count,
                   run->lane->processor->version, run->started_us, &run->arena, &choice);
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
    run->lane->run = NULL;
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
    const struct processor *p = run->lane->processor;
    const struct processor_run row = processor_report_row(&run->report, op->now_us);
    int rc = 0;
    for (size_t i = 0; i < run->result_count && rc == 0; i++) {
        const struct session_result *r = &run->results[i];
        if (r->state.status == PROCESSOR_DONE)
            rc = p->put(db, r->found, e);
        if (rc == 0)
            rc = processor_state_put(db, p->name, &r->state, e);
    }
    return rc ? rc : processor_run_put(db, p->name, &row, e);
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
    store_write(run->lane->pipeline->store, &run->op);
}

/* -- the first operation: the lease, and what is known -- */

static int take_run(struct store_op *op, struct db *db, struct err *e)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    const char *name = run->lane->processor->name;
    int rc = processor_lease_take(db, name, op->now_us, &run->arena, e);
    run->started_us = op->now_us;
    if (rc == PROCESSOR_E_BUSY)
        return err_set(e, ERR_CONFLICT, rc, "busy: another node runs this processor");
    return rc ? rc : processor_states(db, name, &run->arena, &run->states, &run->state_count, e);
}

static void take_done(struct store_op *op)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    if (op->rc == 0 && atomic_load(&run->lane->pipeline->stopping))
        op->rc = err_set(&op->err, ERR_UNAVAILABLE, -ECANCELED, "the node is stopping");
    if (op->rc != 0) {
        fail(run, &op->err);
        return;
    }
    processor_report_leased(&run->report);
    run->deadline_us = clock_monotonic_us() + PROCESSOR_TIME_BUDGET_US;
    run->job.done = on_worked;
    worker_post(run->lane->worker, &run->job);
}

/* -- for the API -- */

static size_t lane_number(const char *name)
{
    size_t i = 0;
    while (i < PROCESSORS && strcmp(processors[i]->name, name) != 0)
        i++;
    assert(i < PROCESSORS);
    return i;
}

bool pipeline_is_running(const struct pipeline *p, const char *name)
{
    return p->lanes[lane_number(name)].run != NULL;
}

void pipeline_run(struct pipeline *p, const char *name, struct http_request *r)
{
    struct lane *lane = &p->lanes[lane_number(name)];
    if (lane->run || atomic_load(&p->stopping)) {
        http_reply_problem(r, 409, NULL, "busy: the processor %s is running", name);
        return;
    }
    struct run *run = lane->run = xnew(struct run);
    *run = (struct run){.lane = lane, .sessions_max = (size_t)processor_sessions_max()};
    processor_report_init(&run->report, lane->processor->name, p->operations, r);
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
    for (size_t i = 0; i < PROCESSORS; i++) {
        struct worker *worker = worker_new(loop, processors[i]->name, run_batch, p);
        p->lanes[i] = (struct lane){.processor = processors[i], .pipeline = p, .worker = worker};
    }
    return p;
}

void pipeline_stop(struct pipeline *p)
{
    atomic_store(&p->stopping, true);
    for (size_t i = 0; i < PROCESSORS; i++)
        p->lanes[i].worker = worker_free(p->lanes[i].worker);
}

struct pipeline *pipeline_free(struct pipeline *p)
{
    if (!p)
        return NULL;
    assert(!p->lanes[0].worker);
    free(p);
    return NULL;
}
