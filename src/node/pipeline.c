#include "node/pipeline.h"

#include "base/clock.h"
#include "io/counters.h"
#include "io/worker.h"
#include "node/processor_lease.h"
#include "node/processor_report.h"
#include "store/processor_checkpoints.h"
#include "store/processors.h"
#include "transcripts/processor.h"
#include "transcripts/session_choice.h"

#include <stdatomic.h>

/* A file that is as small as this, or was left alone for so long, is read from its start if it grows. */
#define CHECKPOINT_FILE_MIN ((int64_t)64 * 1024)
#define CHECKPOINT_QUIET_US (INT64_C(24) * 3600 * USEC_PER_SEC)

struct lane { /* of one processor: none waits for another's */
    const struct processor *processor;
    struct pipeline *pipeline;
    struct worker *worker;
    struct run *run; /* under way, or NULL */
};

struct pipeline {
    struct store *store;
    struct operations *operations;
    struct session_watch *files;
    struct lane lanes[PROCESSORS];
    atomic_bool stopping;
};

struct session_result {           /* of one file */
    struct processor_state state; /* session_file, last_error: in the arena */
    void *found;                  /* of one that is done; in the arena */
    struct str checkpoint;        /* in the arena; empty: none */
    size_t aside_at;              /* where in it the processor's own part begins */
    bool had_checkpoint;
};

enum step { STEP_CHOOSE, STEP_READ }; /* what the worker is to do next */

struct run { /* one after the other: store, worker, store, worker, store */
    struct worker_job job;
    struct store_op op;
    struct lane *lane;
    struct processor_report report;
    struct arena arena;
    struct processor_state *states;
    size_t state_count;
    int64_t started_us, deadline_us; /* wall; monotonic */
    size_t sessions_max;
    enum step step;
    struct session_choice choice;
    struct session_result *results; /* in the arena */
    size_t result_count;
};

/* -- the worker's thread -- */

static bool is_over(void *arg)
{
    const struct run *run = arg;
    return clock_monotonic_us() >= run->deadline_us || atomic_load(&run->lane->pipeline->stopping);
}

static bool may_grow_further(const struct run *run, const struct file_look *look)
{
    return look->size >= CHECKPOINT_FILE_MIN && look->mtime_ns / 1000 > run->started_us - CHECKPOINT_QUIET_US;
}

static void take_what_was_found(struct run *run, struct processor_reading *reading,
                                struct session_result *ret)
{
    const struct processor *p = run->lane->processor;
    const struct processor_session of = {ret->state.session_file, reading->facts.format, run->started_us};
    int64_t items;
    ret->found = p->found(reading->state, &of, &run->arena, &items);
    processor_state_done(&ret->state, items, run->started_us);
    ret->state.read_bytes = reading->facts.offset;
    ret->state.tail_hash = (int64_t)reading->facts.tail_hash;
    counter_add(COUNTER_TRANSCRIPT_BYTES, reading->facts.offset - reading->from_offset);
    ret->aside_at = reading->aside_at;
    if (may_grow_further(run, &ret->state.look))
        ret->checkpoint =
            (struct str){arena_strdup(&run->arena, buf_str(&reading->checkpoint)), reading->checkpoint.n};
}

/* False when the budget ended it: nothing is known, and it comes first next time. */
static bool process(struct run *run, const struct chosen_session *s, struct session_result *ret)
{
    const struct processor *p = run->lane->processor;
    const struct processor_input in = {s->path, s->format, s->checkpoint, is_over, run};
    struct processor_reading reading;
    struct err e = {0};
    *ret = (struct session_result){.state = processor_state_begin(s->name, &s->look, p->version, s->before),
                                   .had_checkpoint = s->checkpoint.n > 0};
    int rc = processor_read(p, &in, &reading, &e);
    if (rc == 0) {
        take_what_was_found(run, &reading, ret);
    } else if (rc != -ECANCELED) {
        processor_state_fail(&ret->state, run->started_us);
        ret->state.last_error = arena_strdup(&run->arena, str_of(e.text));
    }
    processor_reading_deinit(p, &reading);
    return rc != -ECANCELED;
}

static size_t enough(const struct run *run)
{
    return MIN(run->choice.count, run->sessions_max);
}

static void choose(struct run *run)
{
    session_choose(run->lane->pipeline->files, run->states, run->state_count, run->lane->processor->version,
                   run->started_us, &run->arena, &run->choice);
}

static void read_sessions(struct run *run)
{
    struct processor_report *report = &run->report;
    size_t i, count = enough(run);
    run->results = arena_alloc(&run->arena, (count + 1) * sizeof(*run->results));
    for (i = 0; i < count && !is_over(run) && process(run, &run->choice.sessions[i], &run->results[i]); i++)
        processor_report_session(report, &run->results[i].state);
    run->result_count = i;
    report->scanned = run->choice.scanned;
    report->skipped = run->choice.scanned - (int64_t)run->choice.count;
    report->capped = (int64_t)(run->choice.count - i);
}

static void run_batch(void *context, struct worker_job *job)
{
    (void)context;
    for (; job; job = job->next) {
        struct run *run = CONTAINER_OF(job, struct run, job);
        if (run->step == STEP_CHOOSE)
            choose(run);
        else
            read_sessions(run);
    }
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

/* -- the last operation: what was found -- */

static int put_result(struct run *run, const struct session_result *r, struct db *db, struct err *e)
{
    const struct processor *p = run->lane->processor;
    CLEANUP(buf_deinit) struct buf checkpoint = BUF_INIT;
    int rc = 0;
    buf_add_str(&checkpoint, r->checkpoint);
    if (r->state.status == PROCESSOR_DONE)
        rc = processor_put(p, db, r->found, &checkpoint, r->aside_at, e);
    if (rc == 0 && (checkpoint.n || r->had_checkpoint))
        rc = processor_checkpoint_put(db, p->name, r->state.session_file, buf_str(&checkpoint),
                                      run->started_us, e);
    return rc ? rc : processor_state_put(db, p->name, &r->state, e);
}

static int put_run(struct store_op *op, struct db *db, struct err *e)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    const struct processor_run row = processor_report_row(&run->report, op->now_us);
    int rc = 0;
    for (size_t i = 0; i < run->result_count && rc == 0; i++)
        rc = put_result(run, &run->results[i], db, e);
    return rc ? rc : processor_run_put(db, run->lane->processor->name, &row, e);
}

static void put_done(struct store_op *op)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    if (op->rc != 0)
        fail(run, &op->err);
    else
        answer(run);
}

/* -- the second: where those that have grown were read up to -- */

static void post(struct run *run, enum step step);

/* There is no worker any more. */
static void refuse_when_stopping(struct run *run)
{
    if (run->op.rc == 0 && atomic_load(&run->lane->pipeline->stopping))
        run->op.rc = err_set(&run->op.err, ERR_UNAVAILABLE, -ECANCELED, "the node is stopping");
}

static int get_run(struct store_op *op, struct db *db, struct err *e)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    int rc = 0;
    for (size_t i = 0; i < enough(run) && rc == 0; i++) {
        struct chosen_session *s = &run->choice.sessions[i];
        if (s->may_have_grown)
            rc = processor_checkpoint_get(db, run->lane->processor->name, s->name, &run->arena,
                                          &s->checkpoint, e);
    }
    return rc;
}

static void get_done(struct store_op *op)
{
    struct run *run = CONTAINER_OF(op, struct run, op);
    refuse_when_stopping(run);
    if (op->rc != 0)
        fail(run, &op->err);
    else
        post(run, STEP_READ);
}

static void on_worked(struct worker_job *job)
{
    struct run *run = CONTAINER_OF(job, struct run, job);
    struct store *store = run->lane->pipeline->store;
    if (run->step == STEP_CHOOSE) {
        run->op = (struct store_op){.run = get_run, .done = get_done};
        store_read(store, &run->op);
    } else {
        run->op = (struct store_op){.run = put_run, .done = put_done};
        store_write(store, &run->op);
    }
}

static void post(struct run *run, enum step step)
{
    run->step = step;
    run->job.done = on_worked;
    worker_post(run->lane->worker, &run->job);
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
    refuse_when_stopping(run);
    if (op->rc != 0) {
        fail(run, &op->err);
        return;
    }
    processor_report_leased(&run->report);
    run->deadline_us = clock_monotonic_us() + PROCESSOR_TIME_BUDGET_US;
    post(run, STEP_CHOOSE);
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
                              struct session_watch *files)
{
    struct pipeline *p = xnew(struct pipeline);
    p->store = store;
    p->operations = operations;
    p->files = files;
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
