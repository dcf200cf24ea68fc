#include "node/queue/queue_internal.h"

#include "base/hash.h"
#include "io/counters.h"
#include "store/agents.h"

#include <unistd.h>

/* Everything that the end of a run changes, in one operation: the run's row, the job's state, the task's
 * stage, the breaker, the totals.  A run that is ended already changes nothing (Q12). */
struct book_op {
    struct store_op op;
    struct live_run *run;
    struct run row; /* texts point into `run` and to literals */
    char cause[64], error[OUTPUT_ERROR_TEXT_MAX];
    struct job_finish finish;
    const struct config *config;
    struct breaker breaker; /* as it will be */
    bool save_breaker, was_ended;
};

static const char *outcome_name(const struct live_run *run)
{
    if (!run->have_result)
        return "lost";
    switch (run->result.outcome) {
    case RUN_EXITED:
        return "exited";
    case RUN_SIGNALED:
        return "signaled";
    case RUN_START_FAILED:
        break;
    }
    return "start_failed";
}

static void describe(struct book_op *b)
{
    const struct live_run *run = b->run;
    const struct run_result *r = &run->result;
    if (!run->have_result)
        (void)snprintf(b->cause, sizeof(b->cause), "shim lost");
    else if (r->cause[0])
        (void)snprintf(b->cause, sizeof(b->cause), "%s", r->cause);
    else if (r->outcome == RUN_START_FAILED)
        (void)snprintf(b->cause, sizeof(b->cause), "start failed");
    else if (r->outcome == RUN_SIGNALED)
        (void)snprintf(b->cause, sizeof(b->cause), "signal %d", r->signal);
    else
        (void)snprintf(b->cause, sizeof(b->cause), "exit %d", r->exit_code);
    const char *told = output_facts(run->parser)->error_text;
    if (run->spawn_error)
        (void)snprintf(b->error, sizeof(b->error), "%s", run->spawn_error);
    else if (run->have_result && r->outcome == RUN_START_FAILED)
        (void)snprintf(b->error, sizeof(b->error), "the command could not be started: %s",
                       strerror(r->start_errno));
    else
        (void)snprintf(b->error, sizeof(b->error), "%s", told);
}

static enum job_event event_of(const struct live_run *run)
{
    if (!run->have_result)
        return JOB_FAIL;
    struct exit_facts facts = {.outcome = run->result.outcome == RUN_EXITED     ? EXIT_OUTCOME_EXITED
                                          : run->result.outcome == RUN_SIGNALED ? EXIT_OUTCOME_SIGNALED
                                                                                : EXIT_OUTCOME_START_FAILED,
                               .exit_code = run->result.exit_code,
                               .signal = run->result.signal,
                               .start_errno = run->result.start_errno,
                               .cause = str_of(run->result.cause),
                               .output = output_facts(run->parser)};
    return exit_event(run->profile, &facts);
}

static void fill_row(struct book_op *b)
{
    const struct live_run *run = b->run;
    const struct run_result *r = &run->result;
    bool had = run->have_result;
    const struct output_facts *facts = output_facts(run->parser);
    b->row = (struct run){
        .outcome = outcome_name(run),
        .exit_code = had && r->outcome == RUN_EXITED ? r->exit_code : -1,
        .signal = had && r->outcome == RUN_SIGNALED ? r->signal : -1,
        .cause = b->cause,
        .error = b->error[0] ? b->error : NULL,
        .pid = run->process.pid,
        .start_ticks = run->process.start_ticks,
        .shim_pid = run->shim.pid,
        .shim_start_ticks = run->shim.start_ticks,
        .started_at = had ? r->started_at_us : run->process.started_at_us,
        .ended_at = had ? r->ended_at_us : 0,
        .session_id = facts->session_id[0] ? facts->session_id : NULL,
        .usage = *output_usage(run->parser),
        .user_us = had ? r->user_us : 0,
        .system_us = had ? r->system_us : 0,
        .max_rss_bytes = had ? r->max_rss_bytes : 0,
        .output_bytes = had ? r->output_bytes : 0,
        .output_dropped_bytes = had ? r->output_dropped_bytes : 0,
    };
}

static void fill_finish(struct book_op *b, enum job_event event)
{
    struct live_run *run = b->run;
    struct queue *q = run->queue;
    struct queue_profile *p = queue_profile(q, run->agent);
    int64_t now_us = clock_wall_us();
    b->finish = (struct job_finish){
        .job_id = run->job_id,
        .now_us = now_us,
        .event = event,
        .token = run->token,
        .cause = b->cause,
        .error = b->error[0] ? b->error : NULL,
        .agent = run->agent,
        .timing = finish_timing(q->config.config, run->agent, now_us, hash_random_unit()),
        .config = q->config.config,
    };
    b->finish.timing.rate_limit_reset_us = output_facts(run->parser)->rate_limit_reset_us;
    if (p && run->job_id) {
        struct queue_profile after = *p;
        b->save_breaker = finish_breaker(&after, event, run->run_id, now_us);
        b->breaker = after.breaker;
    }
}

static int book_op_run(struct store_op *op, struct db *db, struct err *e)
{
    struct book_op *b = CONTAINER_OF(op, struct book_op, op);
    b->finish.now_us = op->now_us; /* rows are stamped as they are committed (spec 80 H2) */
    int rc = run_end(db, b->run->run_id, &b->row, op->now_us, e);
    if (rc == RUN_E_ENDED || rc == RUN_E_ABSENT) {
        b->was_ended = true;
        return 0;
    }
    if (rc == 0 && b->finish.job_id)
        rc = finish_job(db, &b->finish, e);
    if (rc == 0 && b->save_breaker)
        rc = agent_breaker_save(db, b->run->agent, &b->breaker, e);
    return rc;
}

/* A booked directory moves aside, so that looking for live runs never costs history. */
static void put_aside(struct live_run *run)
{
    struct queue *q = run->queue;
    if (rundir_mark_booked(q->config.runs_dir, run->key) != 0)
        return; /* no directory: nothing was started */
    struct buf from = BUF_INIT, to = BUF_INIT;
    buf_printf(&from, "%s/%s", q->config.runs_dir, run->key);
    buf_printf(&to, "%s/%s", q->config.ended_dir, run->key);
    if (rename(from.p, to.p) != 0)
        log_warn("queue", "the directory of an ended run could not be moved aside",
                 LOG_INT("run", run->run_id), LOG_TEXT("error", strerror(errno)));
    buf_deinit(&from);
    buf_deinit(&to);
}

static void log_end(const struct book_op *b)
{
    const struct live_run *run = b->run;
    log_info("queue", "run ended", LOG_INT("run", run->run_id), LOG_INT("job", run->job_id),
             LOG_TEXT("agent", run->agent), LOG_TEXT("cause", b->cause));
}

static void book_op_done(struct store_op *op)
{
    struct book_op *b = CONTAINER_OF(op, struct book_op, op);
    struct live_run *run = b->run;
    struct queue *q = run->queue;
    static struct log_limit limit;
    run->state = LIVE_ENDING;
    if (op->rc != 0) {
        if (log_limit_allows(&limit, clock_monotonic_us(), 1, 10 * USEC_PER_SEC))
            log_error("queue", "a run cannot be booked yet; it is kept and tried again",
                      LOG_INT("run", run->run_id), LOG_TEXT("error", op->err.text));
        run->unbooked = true;
        if (!q->stopping && !uv_is_active((uv_handle_t *)&q->retry_timer))
            (void)uv_timer_start(&q->retry_timer, book_retry_all, QUEUE_RETRY_MS, 0);
        free(b);
        return;
    }
    struct queue_profile *p = queue_profile(q, run->agent);
    if (p && run->job_id)
        (void)finish_breaker(p, b->finish.event, run->run_id, b->finish.now_us);
    counter_add(COUNTER_OUTPUT_UNPARSED, output_facts(run->parser)->unparsed_lines);
    counter_add(COUNTER_OUTPUT_DROPPED, b->row.output_dropped_bytes);
    put_aside(run);
    if (!b->was_ended) {
        log_end(b);
        queue_publish_run(q, run, &b->row);
        finish_publish(q, &b->finish);
    }
    if (run->has_slot)
        queue_slot_freed(q, run->agent, run->repo, true);
    live_booked(run);
    free(b);
}

static void book(struct live_run *run, enum job_event event, const char *cause)
{
    struct book_op *b = xnew(struct book_op);
    b->run = run;
    run->state = LIVE_BOOKING;
    run->unbooked = false;
    describe(b);
    if (cause)
        (void)snprintf(b->cause, sizeof(b->cause), "%s", cause);
    fill_row(b);
    fill_finish(b, event);
    b->op.run = book_op_run;
    b->op.done = book_op_done;
    store_write(run->queue->store, &b->op);
}

void book_run(struct live_run *run)
{
    book(run, run->released ? JOB_RELEASE : event_of(run), run->released);
}

void book_release(struct live_run *run, const char *cause)
{
    int64_t now_us = clock_wall_us();
    run->result =
        (struct run_result){.outcome = RUN_START_FAILED, .started_at_us = now_us, .ended_at_us = now_us};
    run->have_result = true;
    run->released = cause;
    run->queue->launch_hold_us = clock_monotonic_us() + QUEUE_RETRY_MS * USEC_PER_MSEC;
    book_run(run);
}

void book_retry_all(uv_timer_t *timer)
{
    struct queue *q = timer->data;
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(&q->live, &at, &key, &value)) {
        struct live_run *run = value;
        if (run->unbooked)
            book_run(run);
    }
}
