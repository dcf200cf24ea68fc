#include "node/api/api.h"

#include "store/jobs.h"
#include "store/runs.h"
#include "store/tasks.h"

static void id_or_null(struct json_writer *w, const char *key, int64_t id)
{
    json_kv_i64_or_null(w, key, id != 0, id);
}

static void time_or_null(struct json_writer *w, const char *key, int64_t at)
{
    json_kv_time_or_null(w, key, at != 0, at);
}

static void raw_or_null(struct json_writer *w, const char *key, const char *json)
{
    json_key(w, key);
    if (json)
        json_raw(w, str_of(json));
    else
        json_null_value(w);
}

void api_put_job(struct json_writer *w, const struct job *job, bool whole)
{
    json_kv_i64(w, "id", job->id);
    json_kv_text(w, "agent", job->agent);
    json_kv_text(w, "state", job_state_name(job->state));
    id_or_null(w, "task_id", job->task_id);
    json_kv_text(w, "stage", job->stage);
    json_kv_text(w, "repo", job->repo);
    json_kv_text(w, "model", job->model);
    json_kv_text(w, "effort", job->effort);
    json_kv_i64(w, "priority", job->priority);
    json_kv_i64(w, "attempts", job->attempts);
    json_kv_i64(w, "max_attempts", job->max_attempts);
    json_kv_i64_or_null(w, "timeout_s", job->timeout_us != 0, job->timeout_us / USEC_PER_SEC);
    json_kv_text(w, "unique_key", job->unique_key);
    time_or_null(w, "run_after", job->run_after);
    time_or_null(w, "created_at", job->created_at);
    time_or_null(w, "updated_at", job->updated_at);
    time_or_null(w, "started_at", job->started_at);
    time_or_null(w, "finished_at", job->finished_at);
    id_or_null(w, "run_id", job->run_id);
    json_kv_text(w, "worker", job->worker && job->worker[0] ? job->worker : NULL);
    time_or_null(w, "lease_expires_at", job->lease_expires_at);
    json_kv_bool(w, "cancel_requested", job->cancel_requested);
    json_kv_text(w, "cause", job->cause);
    json_kv_text(w, "last_error", job->last_error);
    if (!whole)
        return;
    json_kv_text(w, "prompt", job->prompt);
    raw_or_null(w, "args", job->args);
}

void api_put_task(struct json_writer *w, const struct task *task)
{
    json_kv_i64(w, "id", task->id);
    json_kv_text(w, "work_item", task->work_item);
    json_kv_text(w, "title", task->title);
    json_kv_text(w, "repo", task->repo);
    json_kv_text(w, "type", task->type);
    json_kv_text(w, "workflow", task->workflow);
    json_kv_text(w, "stage", task->stage);
    time_or_null(w, "stage_entered_at", task->stage_entered_at);
    json_kv_bool(w, "terminal", task->terminal);
    json_kv_bool(w, "blocked", task->blocked);
    json_kv_text(w, "blocked_reason", task->blocked_reason);
    time_or_null(w, "created_at", task->created_at);
    time_or_null(w, "updated_at", task->updated_at);
}

void api_put_usage(struct json_writer *w, const struct usage *u)
{
    json_kv_micros_or_null(w, "cost_usd", u->cost_known, u->cost_micro_usd);
    for (size_t kind = 0; kind < USAGE_KIND_COUNT; kind++)
        json_kv_i64_or_null(w, usage_kind_names[kind], u->known[kind], u->tokens[kind]);
}

void api_put_run(struct json_writer *w, const struct run *run)
{
    json_kv_i64(w, "id", run->id);
    id_or_null(w, "job_id", run->job_id);
    id_or_null(w, "task_id", run->task_id);
    json_kv_text(w, "session_id", run->session_id);
    json_kv_text(w, "agent", run->agent);
    json_kv_text(w, "origin", run->origin);
    json_kv_text(w, "repo", run->repo);
    json_kv_text(w, "model", run->usage.model[0] ? run->usage.model : run->model);
    json_kv_text(w, "effort", run->effort);
    json_kv_i64(w, "attempt", run->attempt);
    json_kv_text(w, "state", run->ended ? "ended" : "running");
    json_kv_text(w, "outcome", run->outcome);
    json_kv_i64_or_null(w, "exit_code", run->ended && run->exit_code >= 0, run->exit_code);
    json_kv_i64_or_null(w, "signal", run->ended && run->signal > 0, run->signal);
    json_kv_text(w, "cause", run->cause);
    json_kv_text(w, "error", run->error);
    id_or_null(w, "pid", run->pid);
    id_or_null(w, "start_ticks", run->start_ticks);
    id_or_null(w, "shim_pid", run->shim_pid);
    time_or_null(w, "created_at", run->created_at);
    time_or_null(w, "started_at", run->started_at);
    time_or_null(w, "ended_at", run->ended_at);
    api_put_usage(w, &run->usage);
    json_kv_i64_or_null(w, "user_us", run->ended && run->ended_at, run->user_us);
    json_kv_i64_or_null(w, "system_us", run->ended && run->ended_at, run->system_us);
    json_kv_i64_or_null(w, "max_rss_bytes", run->max_rss_bytes != 0, run->max_rss_bytes);
    json_kv_i64(w, "output_bytes", run->output_bytes);
    json_kv_i64(w, "output_dropped_bytes", run->output_dropped_bytes);
}
