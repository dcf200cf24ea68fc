#include "node/queue/queue_internal.h"

#include "base/json.h"
#include "core/workflow.h"
#include "node/workflow_job.h"
#include "store/agents.h"

enum job_event finish_event_of(enum exit_class class)
{
    switch (class) {
    case EXIT_SUCCESS_CLASS:
        return JOB_SUCCEED;
    case EXIT_FAIL:
        return JOB_FAIL_FOR_GOOD;
    case EXIT_RATE_LIMITED:
        return JOB_RATE_LIMITED;
    case EXIT_RETRY:
        break;
    }
    return JOB_FAIL;
}

struct job_timing finish_timing(const struct config *config, const char *agent, int64_t now_us, double unit)
{
    static const struct backoff_policy fallback = {10 * USEC_PER_SEC, 15 * 60 * USEC_PER_SEC};
    const struct agent_profile *p = config_agent(config, str_of(agent));
    return (struct job_timing){.now_us = now_us, .backoff = p ? p->backoff : fallback, .unit = unit};
}

bool finish_breaker(struct queue_profile *p, enum job_event event, int64_t run_id, int64_t now_us)
{
    struct breaker before = p->breaker;
    switch (event) {
    case JOB_SUCCEED:
        (void)breaker_succeeded(&p->breaker, run_id);
        break;
    case JOB_FAIL:
    case JOB_FAIL_FOR_GOOD:
    case JOB_LEASE_EXPIRED:
        (void)breaker_failed(&p->breaker, &p->profile->breaker, run_id, now_us);
        break;
    default:
        breaker_released(&p->breaker, run_id);
        break;
    }
    return before.state != p->breaker.state || before.consecutive_failures != p->breaker.consecutive_failures;
}

/* A job that a workflow queued moves its task, unless the task has moved on by itself (Q1) or is at its end
 * (Q2). */
static int move_task(struct db *db, struct job_finish *f, const struct job *job, struct arena *a,
                     struct err *e)
{
    struct task task;
    int rc = task_get(db, job->task_id, a, &task, e);
    if (rc == TASK_E_ABSENT)
        return 0;
    if (rc != 0)
        return rc;
    if (task.terminal || !job->stage || strcmp(job->stage, task.stage) != 0)
        return 0;
    if (f->change.state == JOB_FAILED) {
        f->blocked = true;
        (void)snprintf(f->from_stage, sizeof(f->from_stage), "%s", task.stage);
        (void)snprintf(f->to_stage, sizeof(f->to_stage), "%s", task.stage); /* it stays */
        return task_set_blocked(db, task.id, f->cause, f->now_us, e);
    }
    const struct workflow *w = task.workflow ? config_workflow(f->config, str_of(task.workflow)) : NULL;
    if (f->change.state != JOB_DONE || !w)
        return 0;
    const char *next = workflow_next(w, task.stage);
    (void)snprintf(f->from_stage, sizeof(f->from_stage), "%s", task.stage);
    (void)snprintf(f->to_stage, sizeof(f->to_stage), "%s", next);
    rc = task_move(db, task.id, next, "workflow", "job done", job->id, f->now_us, e);
    if (rc != 0)
        return rc == TASK_E_TERMINAL ? 0 : rc;
    task.stage = next;
    return workflow_queue_stage_job(db, f->config, &task, f->now_us, &f->next_job_id, e);
}

int finish_job(struct db *db, struct job_finish *f, struct err *e)
{
    struct job_end end = {
        .event = f->event, .token = f->token, .cause = f->cause, .error = f->error, .timing = f->timing};
    int rc = job_change(db, f->job_id, &end, &f->change, e);
    if (rc == JOB_STORE_E_STALE_TOKEN || rc == JOB_STORE_E_NOT_ALLOWED || rc == JOB_STORE_E_ABSENT)
        return 0; /* late: somebody else has ended it */
    if (rc != 0)
        return rc;
    f->changed = true;
    struct arena a;
    struct job job;
    arena_init(&a);
    rc = job_get(db, f->job_id, &a, &job, e);
    if (rc == 0) {
        f->task_id = job.task_id;
        f->run_id = job.run_id;
        if (job.task_id)
            rc = move_task(db, f, &job, &a, e);
    }
    arena_reset(&a);
    return rc;
}

static void publish_stage(struct queue *q, const struct job_finish *f)
{
    struct buf body = BUF_INIT;
    struct json_writer w;
    json_init(&w, &body);
    json_object_begin(&w);
    json_kv_i64(&w, "task_id", f->task_id);
    json_kv_text(&w, "from", f->from_stage);
    json_kv_text(&w, "to", f->to_stage);
    json_kv_i64(&w, "job_id", f->job_id);
    json_kv_bool(&w, "blocked", f->blocked);
    json_object_end(&w);
    events_publish(q->events, "event.task.stage", buf_str(&body));
    buf_deinit(&body);
}

void finish_publish(struct queue *q, const struct job_finish *f)
{
    if (!f->changed)
        return;
    queue_publish_job(q, f->job_id, f->agent, f->change.state, f->run_id, f->task_id, f->cause);
    if (f->to_stage[0])
        publish_stage(q, f);
    queue_wake(q);
}
