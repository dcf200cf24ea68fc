#include "node/queue/queue_internal.h"

#include "base/hash.h"
#include "io/counters.h"
#include "store/agents.h"

/* -- a worker's word on its job -- */

struct report_op {
    struct store_op op;
    struct queue *queue;
    struct queue_report report; /* texts are copies in the arena */
    struct arena arena;
    struct job job; /* as it is after */
    bool cancel;
    double unit; /* for jitter, drawn on the loop thread */
    const struct config *config;
    struct job_finish finish;
};

static enum job_event report_event(const struct queue_report *report, bool cancel_requested)
{
    if (report->what == QUEUE_COMPLETE)
        return JOB_SUCCEED;
    return cancel_requested ? JOB_CANCEL : finish_event_of(report->class);
}

static int end_worker_run(struct db *db, struct report_op *r, int64_t now_us, struct err *e)
{
    bool done = r->report.what == QUEUE_COMPLETE;
    struct run row = {.outcome = done ? "exited" : "failed",
                      .exit_code = -1,
                      .signal = -1,
                      .cause = r->finish.cause,
                      .error = r->report.error,
                      .pid = r->job.pid,
                      .start_ticks = r->job.start_ticks,
                      .started_at = r->job.started_at,
                      .ended_at = now_us,
                      .usage = r->report.usage};
    int rc = run_end(db, r->job.run_id, &row, now_us, e);
    return rc == RUN_E_ENDED || rc == RUN_E_ABSENT ? 0 : rc;
}

static int stale(int64_t job_id, struct err *e)
{
    return err_set_at(e, ERR_CONFLICT, JOB_STORE_E_STALE_TOKEN, "/lease_token",
                      "job %lld is no longer held by this lease; drop the work and lease another job",
                      (long long)job_id);
}

static int absent(int64_t job_id, struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, JOB_STORE_E_ABSENT, "there is no job %lld", (long long)job_id);
}

static int report_heartbeat(struct report_op *r, struct db *db, struct err *e)
{
    const struct queue_report *report = &r->report;
    int rc = job_lease_extend(db, report->job_id, report->token,
                              report->lease_us ? r->op.now_us + report->lease_us : 0, report->pid,
                              report->start_ticks, &r->cancel, e);
    if (rc == JOB_STORE_E_STALE_TOKEN || rc == JOB_STORE_E_NOT_ALLOWED)
        return stale(report->job_id, e);
    if (rc == 0 && !usage_is_unknown(&report->usage))
        rc = run_set_usage(db, r->job.run_id, &report->usage, e);
    return rc == RUN_E_ENDED ? 0 : rc;
}

static int report_end(struct report_op *r, struct db *db, struct err *e)
{
    struct job_finish *f = &r->finish;
    enum job_event event = report_event(&r->report, r->job.cancel_requested);
    *f = (struct job_finish){.job_id = r->report.job_id,
                             .now_us = r->op.now_us,
                             .event = event,
                             .token = r->report.token,
                             .cause = event == JOB_SUCCEED  ? "completed"
                                      : event == JOB_CANCEL ? "cancelled"
                                                            : "failed by worker",
                             .error = r->report.error,
                             .agent = r->job.agent,
                             .timing = finish_timing(r->config, r->job.agent, r->op.now_us, r->unit),
                             .config = r->config};
    f->timing.rate_limit_reset_us = r->report.retry_at_us;
    int rc = finish_job(db, f, e);
    if (rc == 0 && !f->changed)
        return stale(r->report.job_id, e);
    return rc ? rc : end_worker_run(db, r, r->op.now_us, e);
}

static int report_run(struct store_op *op, struct db *db, struct err *e)
{
    struct report_op *r = CONTAINER_OF(op, struct report_op, op);
    int rc = job_get(db, r->report.job_id, &r->arena, &r->job, e);
    if (rc == JOB_STORE_E_ABSENT)
        return absent(r->report.job_id, e);
    if (rc == 0)
        rc = r->report.what == QUEUE_HEARTBEAT ? report_heartbeat(r, db, e) : report_end(r, db, e);
    return rc;
}

/* The breaker is moved after the commit, here, since it lives on this thread; what it becomes is saved on its
 * own.  A crash between the two loses one count of a breaker, never a job. */
struct breaker_op {
    struct store_op op;
    char *agent;
    struct breaker breaker;
};

static int breaker_run(struct store_op *op, struct db *db, struct err *e)
{
    struct breaker_op *b = CONTAINER_OF(op, struct breaker_op, op);
    return agent_breaker_save(db, b->agent, &b->breaker, e);
}

static void breaker_done(struct store_op *op)
{
    struct breaker_op *b = CONTAINER_OF(op, struct breaker_op, op);
    free(b->agent);
    free(b);
}

static void move_breaker(struct queue *q, const char *agent, enum job_event event, int64_t run_id)
{
    struct queue_profile *p = queue_profile(q, agent);
    if (!p || !finish_breaker(p, event, run_id, clock_wall_us()))
        return;
    struct breaker_op *b = xnew(struct breaker_op);
    b->op.run = breaker_run;
    b->op.done = breaker_done;
    b->agent = xstrdup(agent);
    b->breaker = p->breaker;
    store_write(q->store, &b->op);
}

bool report_is_ours(const struct queue *q, const struct job *job)
{
    const char *node = store_node(q->store);
    return !node || !job->node || strcmp(job->node, node) == 0;
}

static void report_done(struct store_op *op)
{
    struct report_op *r = CONTAINER_OF(op, struct report_op, op);
    struct queue *q = r->queue;
    bool quiet = q->stopping || q->paused_all;
    if (op->rc == 0 && r->finish.changed) {
        move_breaker(q, r->job.agent, r->finish.event, r->job.run_id);
        if (report_is_ours(q, &r->job))
            queue_slot_freed(q, r->job.agent, r->job.repo, false);
        finish_publish(q, &r->finish);
        r->job.state = r->finish.change.state;
        r->job.attempts = r->finish.change.attempts;
        r->job.run_after = r->finish.change.run_after_us;
    }
    r->report.done(r->report.arg, &r->job, r->cancel, quiet, op->rc ? &op->err : NULL);
    arena_reset(&r->arena);
    free(r);
}

void queue_report(struct queue *q, const struct queue_report *report)
{
    struct report_op *r = xnew(struct report_op);
    arena_init(&r->arena);
    r->queue = q;
    r->report = *report;
    r->report.token = arena_strdup(&r->arena, str_of(report->token));
    if (report->error)
        r->report.error = arena_strdup(&r->arena, str_of(report->error));
    r->unit = hash_random_unit();
    r->config = q->config.config;
    r->op.run = report_run;
    r->op.done = report_done;
    store_write(q->store, &r->op);
}

/* -- leases that ended without a word -- */

struct expiry_op {
    struct store_op op;
    struct queue *queue;
    struct arena arena;
    struct job_finish *finishes;
    struct job *jobs;
    size_t count;
    double unit;
    const struct config *config;
    const char *node; /* NULL when the store is ours alone */
    bool renew;       /* our own first */
    bool of_nodes;    /* those of nodes that have gone silent too */
};

static bool is_of_launcher(const struct job *job)
{
    return job->worker && job->worker[0] == '\0';
}

static int expire_one(struct expiry_op *x, struct db *db, int64_t id, struct err *e)
{
    struct job *job = &x->jobs[x->count];
    struct job_finish *f = &x->finishes[x->count];
    int rc = job_get(db, id, &x->arena, job, e);
    if (rc != 0)
        return rc == JOB_STORE_E_ABSENT ? 0 : rc;
    if (is_of_launcher(job) && !x->of_nodes)
        return 0;
    *f = (struct job_finish){.job_id = id,
                             .now_us = x->op.now_us,
                             .event = job->cancel_requested ? JOB_CANCEL : JOB_LEASE_EXPIRED,
                             .cause = job->cancel_requested ? "cancelled" : "lease expired",
                             .agent = job->agent,
                             .timing = finish_timing(x->config, job->agent, x->op.now_us, x->unit),
                             .config = x->config};
    rc = finish_job(db, f, e);
    if (rc != 0 || !f->changed)
        return rc;
    struct run row = {.outcome = "lost",
                      .exit_code = -1,
                      .signal = -1,
                      .cause = f->cause,
                      .started_at = job->started_at,
                      .ended_at = x->op.now_us};
    rc = run_end(db, job->run_id, &row, x->op.now_us, e);
    x->count++;
    return rc == RUN_E_ENDED || rc == RUN_E_ABSENT ? 0 : rc;
}

static int expiry_run(struct store_op *op, struct db *db, struct err *e)
{
    struct expiry_op *x = CONTAINER_OF(op, struct expiry_op, op);
    int64_t *ids;
    size_t count = 0;
    int rc = x->renew ? job_lease_renew(db, x->node, op->now_us + x->config->node_lease_us, e) : 0;
    if (rc == 0)
        rc = job_expired_leases(db, op->now_us, &x->arena, &ids, &count, e);
    if (rc != 0 || count == 0)
        return rc;
    x->jobs = arena_alloc(&x->arena, count * sizeof(*x->jobs));
    x->finishes = arena_alloc(&x->arena, count * sizeof(*x->finishes));
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = expire_one(x, db, ids[i], e);
    return rc;
}

/* Whoever could not look for a while cannot tell who was silent meanwhile: the store itself may have been
 * away, and all get a lease's time to speak again. */
static void note_leases_seen(struct queue *q, const struct expiry_op *x)
{
    int64_t now_us = clock_monotonic_us(), lease_us = q->config.config->node_lease_us;
    if (now_us - q->leases_seen_us > lease_us / 2)
        q->lease_grace_until_us = now_us + lease_us;
    q->leases_seen_us = now_us;
    if (x->renew)
        q->lease_renewed_us = now_us;
}

static void expiry_done(struct store_op *op)
{
    struct expiry_op *x = CONTAINER_OF(op, struct expiry_op, op);
    struct queue *q = x->queue;
    q->expiring = false;
    if (op->rc == 0)
        note_leases_seen(q, x);
    for (size_t i = 0; op->rc == 0 && i < x->count; i++) {
        const struct job *job = &x->jobs[i];
        counter_add(COUNTER_LEASES_EXPIRED, 1);
        log_warn("queue", "a lease ended without a word", LOG_INT("job", job->id),
                 LOG_TEXT("worker", job->worker), LOG_TEXT("agent", job->agent));
        if (!is_of_launcher(job)) /* a node that is gone says nothing of the agent */
            move_breaker(q, job->agent, x->finishes[i].event, job->run_id);
        if (report_is_ours(q, job) && !is_of_launcher(job))
            queue_slot_freed(q, job->agent, job->repo, false);
        finish_publish(q, &x->finishes[i]);
    }
    arena_reset(&x->arena);
    free(x);
}

static void on_lease_timer(uv_timer_t *timer)
{
    struct queue *q = timer->data;
    int64_t running = 0;
    for (size_t i = 0; i < q->profile_count; i++)
        running += q->profiles[i].running;
    const char *node = store_node(q->store);
    if (q->expiring || (!node && running == q->launcher_running))
        return; /* nobody outside holds a job */
    int64_t now_us = clock_monotonic_us();
    q->expiring = true;
    struct expiry_op *x = xnew(struct expiry_op);
    x->queue = q;
    x->unit = hash_random_unit();
    x->config = q->config.config;
    x->node = node;
    x->renew = node && now_us - q->lease_renewed_us >= q->config.config->node_lease_us / 4;
    x->of_nodes = node && q->leases_seen_us && now_us >= q->lease_grace_until_us &&
                  now_us - q->leases_seen_us <= q->config.config->node_lease_us / 2;
    arena_init(&x->arena);
    x->op.run = expiry_run;
    x->op.done = expiry_done;
    store_write(q->store, &x->op);
}

void report_start_expiry(struct queue *q)
{
    uint64_t every_ms = (uint64_t)(q->config.config->poll_interval_us / USEC_PER_MSEC);
    (void)uv_timer_start(&q->lease_timer, on_lease_timer, every_ms, every_ms);
}
