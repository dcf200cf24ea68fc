#include "node/metrics/render.h"

#include "base/clock.h"
#include "base/json.h"
#include "core/job_state.h"

#include <unistd.h>

const char render_switched_off[] = "{\"schema_version\":1,\"enabled\":false}";

static bool is_degraded(const struct collection *c, enum collection_section section)
{
    const char *why;
    return collection_degraded(c, NULL, section, &why);
}

/* Whole seconds; a clock that was set back makes nothing younger than new. */
static int64_t seconds_since(int64_t now_us, int64_t then_us)
{
    return MAX(now_us - then_us, 0) / USEC_PER_SEC;
}

static void envelope(struct json_writer *w, int64_t now_us)
{
    char text[CLOCK_TEXT_MAX];
    long clk_tck = sysconf(_SC_CLK_TCK);
    json_kv_i64(w, "schema_version", 1);
    json_kv_text(w, "generated_at", clock_format_seconds(now_us, text));
    json_kv_i64(w, "generated_at_us", now_us);
    json_kv_i64_or_null(w, "clk_tck", clk_tck > 0, clk_tck);
}

static void stages(struct json_writer *w, const struct collection *c)
{
    json_key(w, "stages");
    json_array_begin(w);
    for (size_t i = 0; c->rows && i < c->rows->task_count; i++) {
        const struct snapshot_task *t = &c->rows->tasks[i];
        json_object_begin(w);
        json_kv_text(w, "work_item", t->work_item);
        json_kv_text(w, "stage", t->stage);
        json_kv_i64(w, "age_in_stage_s", seconds_since(c->rows->now_us, t->stage_entered_at));
        json_kv_text(w, "repo", t->repo);
        json_kv_i64(w, "task_id", t->id);
        json_object_end(w);
    }
    json_array_end(w);
}

/* -- queue -- */

static void counts(struct json_writer *w, const struct collection *c)
{
    json_key(w, "counts");
    if (is_degraded(c, SECTION_COUNTS)) {
        json_null_value(w);
        json_kv_null(w, "depth");
        return;
    }
    json_object_begin(w);
    for (int s = 0; s < JOB_STATE_COUNT; s++) {
        const char *name = job_state_name((enum job_state)s);
        json_kv_i64(w, name, collection_total(c, "jobs", name));
    }
    json_object_end(w);
    json_kv_i64(w, "depth", collection_total(c, "jobs", job_state_name(JOB_QUEUED)));
}

/* An object of totals that bear the names of its keys. */
static void totals(struct json_writer *w, const struct collection *c, const char *const *names)
{
    json_object_begin(w);
    for (; *names; names++)
        json_kv_i64(w, *names, collection_total(c, *names, ""));
    json_object_end(w);
}

static void retries(struct json_writer *w, const struct collection *c)
{
    static const char *const names[] = {"jobs_retried", "attempts", "exhausted", "scheduled", NULL};
    json_key(w, "retries");
    if (is_degraded(c, SECTION_RETRIES))
        json_null_value(w);
    else
        totals(w, c, names);
}

static void breaker_fields(struct json_writer *w, const struct breaker *b)
{
    json_kv_text(w, "state", breaker_state_name(b->state));
    json_kv_i64(w, "consecutive_failures", b->consecutive_failures);
    json_kv_time_or_null(w, "opened_at", b->opened_at_us != 0, b->opened_at_us);
    json_kv_time_or_null(w, "retry_at", b->retry_at_us != 0, b->retry_at_us);
    json_kv_i64(w, "trips", b->trips);
}

static void breakers(struct json_writer *w, const struct metrics_queue *q)
{
    struct breaker none;
    breaker_init(&none);
    const struct breaker *worst = q->profile_count ? &q->profiles[0].breaker : &none;
    for (size_t i = 1; i < q->profile_count; i++)
        worst = breaker_worse(worst, &q->profiles[i].breaker);
    json_object_begin(w);
    breaker_fields(w, worst);
    json_key(w, "profiles");
    json_object_begin(w);
    for (size_t i = 0; i < q->profile_count; i++) {
        json_key_str(w, str_of(q->profiles[i].agent));
        json_object_begin(w);
        breaker_fields(w, &q->profiles[i].breaker);
        json_object_end(w);
    }
    json_object_end(w);
    json_object_end(w);
}

static void queue_memory(struct json_writer *w, const struct collection_memory *m)
{
    if (!m->queue_started || m->queue_failed) {
        json_kv_null(w, "breaker");
        json_kv_null(w, "max_concurrency");
        json_kv_null(w, "poll_interval");
        return;
    }
    json_key(w, "breaker");
    breakers(w, &m->queue);
    json_kv_i64(w, "max_concurrency", m->queue.max_concurrency);
    json_kv_double(w, "poll_interval", (double)m->queue.poll_interval_us / (double)USEC_PER_SEC);
}

static void queue(struct json_writer *w, const struct collection *c)
{
    json_key(w, "queue");
    json_object_begin(w);
    counts(w, c);
    retries(w, c);
    queue_memory(w, &c->memory);
    bool waiting = !is_degraded(c, SECTION_OLDEST_QUEUED) && c->rows->oldest_queued_at > 0;
    json_kv_i64_or_null(w, "oldest_queued_s", waiting,
                        waiting ? seconds_since(c->rows->now_us, c->rows->oldest_queued_at) : 0);
    json_object_end(w);
}

/* -- agents -- */

static void agent(struct json_writer *w, const struct snapshot_running *r, const struct collection_process *p,
                  int64_t now_us)
{
    static const struct collection_process unknown;
    bool alive = p && p->alive;
    int64_t start_ticks = r->start_ticks > 0 ? r->start_ticks : alive ? p->start_ticks : 0;
    if (!p)
        p = &unknown;
    json_object_begin(w);
    json_kv_text(w, "agent", r->agent);
    json_kv_i64_or_null(w, "run_id", r->run_id > 0, r->run_id);
    json_kv_i64(w, "job_id", r->job_id);
    json_kv_text(w, "repo", r->repo);
    json_kv_i64_or_null(w, "pid", r->pid > 0, r->pid);
    json_kv_i64_or_null(w, "runtime_s", r->started_at > 0, seconds_since(now_us, r->started_at));
    json_kv_text(w, "model", r->model);
    json_kv_text(w, "effort", r->effort);
    json_kv_i64_or_null(w, "cpu_ticks", alive, p->tree.cpu_ticks);
    json_kv_i64_or_null(w, "start_ticks", start_ticks > 0, start_ticks);
    json_kv_i64_or_null(w, "rss_bytes", alive, p->tree.rss_bytes);
    json_kv_i64_or_null(w, "processes", alive, p->tree.processes);
    json_object_end(w);
}

static void agents(struct json_writer *w, const struct collection *c,
                   const struct collection_figures *figures)
{
    const struct collection_process *processes = figures && !figures->failed ? figures->processes : NULL;
    json_key(w, "agents");
    json_array_begin(w);
    for (size_t i = 0; c->rows && i < c->rows->running_count; i++)
        agent(w, &c->rows->running[i], processes ? &processes[i] : NULL, c->rows->now_us);
    json_array_end(w);
}

/* -- cost -- */

static const enum usage_kind kinds[] = {USAGE_INPUT, USAGE_OUTPUT, USAGE_CACHE_READ, USAGE_CACHE_CREATION};

static void running_cost(struct json_writer *w, const struct collection *c)
{
    json_key(w, "running");
    json_array_begin(w);
    size_t count = is_degraded(c, SECTION_COST_RUNNING) ? 0 : c->rows->running_count;
    for (size_t i = 0; i < count; i++) {
        const struct snapshot_running *r = &c->rows->running[i];
        const struct usage *u = collection_usage(c, r);
        json_object_begin(w);
        json_kv_i64_or_null(w, "run_id", r->run_id > 0, r->run_id);
        json_kv_i64(w, "job_id", r->job_id);
        json_kv_text(w, "agent", r->agent);
        json_kv_micros_or_null(w, "cost_usd", u->cost_known, u->cost_micro_usd);
        for (size_t k = 0; k < COUNT_OF(kinds); k++)
            json_kv_i64_or_null(w, usage_kind_names[kinds[k]], u->known[kinds[k]], u->tokens[kinds[k]]);
        json_object_end(w);
    }
    json_array_end(w);
}

static void aggregate_cost(struct json_writer *w, const struct collection *c)
{
    json_key(w, "aggregate");
    if (is_degraded(c, SECTION_COST_AGGREGATE)) {
        json_null_value(w);
        return;
    }
    json_object_begin(w);
    json_kv_i64(w, "runs", collection_total(c, "runs_ended", ""));
    json_kv_micros_or_null(w, "cost_usd", true, collection_total(c, "cost_micro_usd", ""));
    for (size_t k = 0; k < COUNT_OF(kinds); k++)
        json_kv_i64(w, usage_kind_names[kinds[k]], collection_total(c, usage_kind_names[kinds[k]], ""));
    json_object_end(w);
}

static void cost(struct json_writer *w, const struct collection *c)
{
    json_key(w, "cost");
    json_object_begin(w);
    running_cost(w, c);
    aggregate_cost(w, c);
    json_object_end(w);
}

static void degraded(struct json_writer *w, const struct collection *c,
                     const struct collection_figures *figures)
{
    const char *why;
    bool any = false;
    for (int s = 0; s < SECTION_COUNT; s++) {
        if (!collection_degraded(c, figures, (enum collection_section)s, &why))
            continue;
        if (!any) {
            json_key(w, "degraded");
            json_array_begin(w);
            any = true;
        }
        json_text(w, collection_section_name((enum collection_section)s));
    }
    if (any)
        json_array_end(w);
}

void render_json(const struct collection *c, const struct collection_figures *figures, struct buf *out)
{
    struct json_writer w;
    json_init(&w, out);
    json_object_begin(&w);
    envelope(&w, collection_now_us(c));
    stages(&w, c);
    queue(&w, c);
    agents(&w, c, figures);
    cost(&w, c);
    degraded(&w, c, figures);
    json_object_end(&w);
}
