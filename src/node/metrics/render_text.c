#include "node/metrics/render.h"

#include "base/clock.h"
#include "core/job_state.h"
#include "io/counters.h"
#include "node/metrics/exposition.h"
#include "node/metrics/tally.h"

#include <unistd.h>

struct page {
    struct exposition x;
    const struct collection *c;
    const struct collection_figures *figures; /* NULL where nothing is known of any process */
    const struct render_text_options *options;
    struct arena scratch;
};

static bool is_degraded(const struct page *p, enum collection_section section)
{
    const char *why;
    return collection_degraded(p->c, p->figures, section, &why);
}

/* -- tasks and jobs -- */

/* The rows of one total by their labels.  What has become zero takes no place from what has not. */
static void tally_totals(struct page *p, struct tally *t, const char *name, int column)
{
    for (size_t i = 0; p->c->rows && i < p->c->rows->total_count; i++)
        if (p->c->rows->totals[i].value != 0 && strcmp(p->c->rows->totals[i].name, name) == 0)
            tally_add(t, p->c->rows->totals[i].label, column, p->c->rows->totals[i].value);
}

static void tasks(struct page *p)
{
    struct tally t;
    tally_init(&t, &p->scratch, p->options->max_label_values);
    tally_totals(p, &t, "tasks", 0);
    for (const struct tally_row *row = t.first; row; row = row->next)
        exposition_i64(&p->x, LABELS({"stage", row->label}), row->sums[0]);
    tally_deinit(&t);
}

static void jobs(struct page *p)
{
    for (int s = 0; s < JOB_STATE_COUNT && !is_degraded(p, SECTION_COUNTS); s++) {
        const char *name = job_state_name((enum job_state)s);
        exposition_i64(&p->x, LABELS(LABEL("status", name)), collection_total(p->c, "jobs", name));
    }
}

static void queue_depth(struct page *p)
{
    if (!is_degraded(p, SECTION_COUNTS))
        exposition_i64(&p->x, NULL, collection_total(p->c, "jobs", job_state_name(JOB_QUEUED)));
}

static void oldest_queued(struct page *p)
{
    if (!is_degraded(p, SECTION_OLDEST_QUEUED) && p->c->rows->oldest_queued_at > 0)
        exposition_micros(&p->x, NULL, MAX(p->c->rows->now_us - p->c->rows->oldest_queued_at, 0));
}

static void total(struct page *p, const char *name)
{
    if (!is_degraded(p, SECTION_RETRIES))
        exposition_i64(&p->x, NULL, collection_total(p->c, name, ""));
}

static void jobs_retried(struct page *p)
{
    total(p, "jobs_retried");
}

static void attempts(struct page *p)
{
    total(p, "attempts");
}

static void exhausted(struct page *p)
{
    total(p, "exhausted");
}

static void scheduled(struct page *p)
{
    total(p, "scheduled");
}

/* -- profiles; the queue's memory is zero, and so without profiles, where it is not known -- */

static bool queue_is_known(const struct page *p)
{
    return p->c->memory.queue_started && !p->c->memory.queue_failed;
}

static void max_concurrency(struct page *p)
{
    if (queue_is_known(p))
        exposition_i64(&p->x, NULL, p->c->memory.queue.max_concurrency);
}

static void paused(struct page *p)
{
    if (queue_is_known(p))
        exposition_i64(&p->x, NULL, p->c->memory.queue.paused);
}

#define EACH_PROFILE(p, profile)                                                                             \
    const struct metrics_profile *profile = (p)->c->memory.queue.profiles;                                   \
    for (size_t i_ = 0; i_ < (p)->c->memory.queue.profile_count; i_++, profile++)

static void breaker_state(struct page *p)
{
    EACH_PROFILE(p, profile)
    for (int s = BREAKER_CLOSED; s <= BREAKER_OPEN; s++) {
        enum breaker_state state = (enum breaker_state)s;
        exposition_i64(&p->x,
                       LABELS(LABEL("agent", profile->agent), LABEL("state", breaker_state_name(state))),
                       profile->breaker.state == state);
    }
}

static void breaker_failures(struct page *p)
{
    EACH_PROFILE(p, profile)
    exposition_i64(&p->x, LABELS(LABEL("agent", profile->agent)), profile->breaker.consecutive_failures);
}

static void breaker_trips(struct page *p)
{
    EACH_PROFILE(p, profile)
    exposition_i64(&p->x, LABELS(LABEL("agent", profile->agent)), profile->breaker.trips);
}

static void profile_paused(struct page *p)
{
    EACH_PROFILE(p, profile)
    exposition_i64(&p->x, LABELS(LABEL("agent", profile->agent)), profile->paused);
}

/* -- running agents -- */

/* Every profile has a sample, so that none running is zero and not nothing; external workers may bring more
 * names. */
static void agents_running(struct page *p)
{
    struct tally t;
    if (is_degraded(p, SECTION_AGENTS))
        return;
    tally_init(&t, &p->scratch, p->options->max_label_values + (int64_t)p->c->memory.queue.profile_count);
    EACH_PROFILE(p, profile)
    tally_add(&t, profile->agent, 0, 0);
    for (size_t i = 0; i < p->c->rows->running_count; i++)
        tally_add(&t, p->c->rows->running[i].agent, 0, 1);
    for (const struct tally_row *row = t.first; row; row = row->next)
        exposition_i64(&p->x, LABELS({"agent", row->label}), row->sums[0]);
    tally_deinit(&t);
}

/* One sample per running agent.  A job may have no run yet, so the job's id is what tells two of them apart.
 */
static void agent_sample(struct page *p, const struct snapshot_running *r, bool micros, int64_t value)
{
    char job_id[24], run_id[24] = "";
    (void)snprintf(job_id, sizeof(job_id), "%lld", (long long)r->job_id);
    if (r->run_id > 0)
        (void)snprintf(run_id, sizeof(run_id), "%lld", (long long)r->run_id);
    const struct exposition_label *labels =
        LABELS(LABEL("agent", r->agent), LABEL("run_id", run_id), LABEL("job_id", job_id));
    if (micros)
        exposition_micros(&p->x, labels, value);
    else
        exposition_i64(&p->x, labels, value);
}

#define EACH_LIVE_PROCESS(p, r, process)                                                                     \
    const struct snapshot_running *r = (p)->c->rows ? (p)->c->rows->running : NULL;                          \
    const struct collection_process *process = (p)->figures ? (p)->figures->processes : NULL;                \
    for (size_t i_ = 0; r && process && i_ < (p)->c->rows->running_count; i_++, r++, process++)              \
        if (process->alive)

static void agent_cpu(struct page *p)
{
    long per_second = sysconf(_SC_CLK_TCK);
    EACH_LIVE_PROCESS(p, r, process)
    agent_sample(p, r, true, process->tree.cpu_ticks * USEC_PER_SEC / MAX(per_second, 1));
}

static void agent_memory(struct page *p)
{
    EACH_LIVE_PROCESS(p, r, process)
    agent_sample(p, r, false, process->tree.rss_bytes);
}

static void agent_processes(struct page *p)
{
    EACH_LIVE_PROCESS(p, r, process)
    agent_sample(p, r, false, process->tree.processes);
}

static void agent_start_time(struct page *p)
{
    for (size_t i = 0; p->c->rows && i < p->c->rows->running_count; i++)
        if (p->c->rows->running[i].started_at > 0)
            agent_sample(p, &p->c->rows->running[i], true, p->c->rows->running[i].started_at);
}

/* -- the roll call: a closed list from the configuration -- */

#define EACH_WORKER(p, worker)                                                                               \
    const struct metrics_worker *worker = (p)->c->memory.workers;                                            \
    for (size_t i_ = 0; i_ < (p)->c->memory.worker_count; i_++, worker++)

static void workers(struct page *p)
{
    static const char *const statuses[] = {"ok", "stale", "unknown", "stopping", "stopped"};
    int64_t counts[COUNT_OF(statuses)] = {0};
    EACH_WORKER(p, worker)
    for (size_t s = 0; s < COUNT_OF(statuses); s++)
        counts[s] += strcmp(worker->status, statuses[s]) == 0;
    for (size_t s = 0; s < COUNT_OF(statuses) && p->c->memory.workers; s++)
        exposition_i64(&p->x, LABELS(LABEL("status", statuses[s])), counts[s]);
}

static void worker_ok(struct page *p)
{
    EACH_WORKER(p, worker)
    exposition_i64(&p->x, LABELS(LABEL("worker", worker->name)), strcmp(worker->status, "ok") == 0);
}

static void worker_last_heartbeat(struct page *p)
{
    EACH_WORKER(p, worker)
    if (worker->heard)
        exposition_micros(&p->x, LABELS(LABEL("worker", worker->name)), worker->last_heartbeat_us);
}

static void worker_restarts(struct page *p)
{
    EACH_WORKER(p, worker)
    if (worker->heard)
        exposition_i64(&p->x, LABELS(LABEL("worker", worker->name)), worker->restarts);
}

static void worker_flapping(struct page *p)
{
    EACH_WORKER(p, worker)
    exposition_i64(&p->x, LABELS(LABEL("worker", worker->name)), worker->flapping);
}

/* -- tokens and cost of ended runs -- */

static const struct {
    const char *name, *kind; /* of the total, and what the label says */
} token_kinds[] = {
    {"model_input_tokens", "input"},
    {"model_output_tokens", "output"},
    {"model_cache_read_tokens", "cache_read"},
    {"model_cache_creation_tokens", "cache_creation"},
};

static void tokens(struct page *p)
{
    struct tally t;
    tally_init(&t, &p->scratch, p->options->max_label_values);
    for (size_t k = 0; k < COUNT_OF(token_kinds); k++)
        tally_totals(p, &t, token_kinds[k].name, (int)k);
    for (const struct tally_row *row = t.first; row; row = row->next)
        for (size_t k = 0; k < COUNT_OF(token_kinds); k++)
            exposition_i64(&p->x, LABELS({"model", row->label}, LABEL("kind", token_kinds[k].kind)),
                           row->sums[k]);
    tally_deinit(&t);
}

static void cost(struct page *p)
{
    struct tally t;
    tally_init(&t, &p->scratch, p->options->max_label_values);
    tally_totals(p, &t, "model_cost_micro_usd", 0);
    for (const struct tally_row *row = t.first; row; row = row->next)
        exposition_micros(&p->x, LABELS({"model", row->label}), row->sums[0]);
    tally_deinit(&t);
}

static void runs_ended(struct page *p)
{
    if (!is_degraded(p, SECTION_COST_AGGREGATE))
        exposition_i64(&p->x, NULL, collection_total(p->c, "runs_ended", ""));
}

/* -- HTTP and store -- */

static void http_requests(struct page *p)
{
    for (size_t i = 0; i < p->c->memory.http_count; i++) {
        const struct http_stat *s = &p->c->memory.http[i];
        char code[16];
        (void)snprintf(code, sizeof(code), "%d", s->status);
        exposition_i64(&p->x,
                       LABELS(LABEL("method", s->method), LABEL("route", s->pattern), LABEL("code", code)),
                       s->count);
    }
}

static void http_duration(struct page *p)
{
    for (size_t i = 0; i < p->c->memory.http_count; i++) {
        const struct http_stat *s = &p->c->memory.http[i];
        char code[16];
        (void)snprintf(code, sizeof(code), "%d", s->status);
        exposition_histogram(
            &p->x, LABELS(LABEL("method", s->method), LABEL("route", s->pattern), LABEL("code", code)),
            http_latency_bounds_s, HTTP_LATENCY_BUCKETS, s->buckets, s->sum_us);
    }
}

static void http_open_connections(struct page *p)
{
    exposition_i64(&p->x, NULL, p->c->memory.http_connections);
}

static void store_commits(struct page *p)
{
    const struct store_stats *s = &p->c->memory.store;
    exposition_histogram(&p->x, NULL, http_latency_bounds_s, HTTP_LATENCY_BUCKETS, s->commit_buckets,
                         s->commit_sum_us);
}

static void store_backlog(struct page *p)
{
    exposition_i64(&p->x, NULL, (int64_t)p->c->memory.store.backlog);
}

static void store_size(struct page *p)
{
    exposition_i64(&p->x, NULL, p->c->memory.store.file_bytes);
}

static void store_log_size(struct page *p)
{
    exposition_i64(&p->x, NULL, p->c->memory.store.wal_bytes);
}

static void store_full(struct page *p)
{
    exposition_i64(&p->x, NULL, p->c->memory.store.full);
}

/* -- muster itself -- */

static void known(struct page *p, int64_t value)
{
    if (value >= 0)
        exposition_i64(&p->x, NULL, value);
}

static void own_cpu(struct page *p)
{
    if (p->options->own.cpu_us >= 0)
        exposition_micros(&p->x, NULL, p->options->own.cpu_us);
}

static void own_memory(struct page *p)
{
    known(p, p->options->own.resident_bytes);
}

static void own_open_fds(struct page *p)
{
    known(p, p->options->own.open_fds);
}

static void own_max_fds(struct page *p)
{
    known(p, p->options->own.max_fds);
}

static void own_threads(struct page *p)
{
    known(p, p->options->own.threads);
}

static void own_start_time(struct page *p)
{
    if (p->options->own.start_time_us >= 0)
        exposition_micros(&p->x, NULL, p->options->own.start_time_us);
}

static void build(struct page *p)
{
    exposition_i64(&p->x, LABELS(LABEL("version", p->options->version)), 1);
}

static void degraded(struct page *p)
{
    for (int s = 0; s < SECTION_COUNT; s++)
        exposition_i64(&p->x, LABELS(LABEL("section", collection_section_name((enum collection_section)s))),
                       is_degraded(p, (enum collection_section)s));
}

static void generated(struct page *p)
{
    exposition_micros(&p->x, NULL, collection_now_us(p->c));
}

/* -- what agents printed, beside what transcripts say -- */

static void compared_runs(struct page *p)
{
    const struct metrics_cost_sums *s = &p->c->memory.cost_sums;
    if (!p->c->memory.has_cost_sums)
        return;
    exposition_i64(&p->x, LABELS(LABEL("transcript", "found")), s->runs);
    exposition_i64(&p->x, LABELS(LABEL("transcript", "missing")), s->runs_without);
}

static void compared_tokens(struct page *p)
{
    static const char *const kinds[] = {"input", "output", "cache_read", "cache_creation"};
    const struct metrics_cost_sums *s = &p->c->memory.cost_sums;
    for (size_t k = 0; k < COUNT_OF(kinds) && p->c->memory.has_cost_sums; k++) {
        exposition_i64(&p->x, LABELS(LABEL("source", "output"), LABEL("kind", kinds[k])),
                       s->output_tokens[k]);
        exposition_i64(&p->x, LABELS(LABEL("source", "transcript"), LABEL("kind", kinds[k])),
                       s->transcript_tokens[k]);
    }
}

static void compared_cost(struct page *p)
{
    const struct metrics_cost_sums *s = &p->c->memory.cost_sums;
    if (!p->c->memory.has_cost_sums)
        return;
    exposition_micros(&p->x, LABELS(LABEL("source", "output")), s->output_micro_usd);
    exposition_micros(&p->x, LABELS(LABEL("source", "transcript")), s->transcript_micro_usd);
}

static void telemetry_lag(struct page *p)
{
    if (p->c->memory.telemetry_lag_us >= 0)
        exposition_micros(&p->x, NULL, p->c->memory.telemetry_lag_us);
}

/* -- the families, in the order in which they are printed -- */

static const struct {
    enum exposition_type type;
    const char *name;
    void (*samples)(struct page *p);
    const char *help;
} families[] = {
    {EXPOSITION_INFO, "muster_build", build, "What runs here."},
    {EXPOSITION_GAUGE, "muster_snapshot_timestamp_seconds", generated,
     "When this snapshot was taken, epoch."},
    {EXPOSITION_GAUGE, "muster_snapshot_degraded", degraded,
     "1 for a section of the snapshot whose source failed: its samples are missing."},
    {EXPOSITION_GAUGE, "muster_tasks", tasks, "Tasks by stage."},
    {EXPOSITION_GAUGE, "muster_jobs", jobs, "Jobs by status."},
    {EXPOSITION_GAUGE, "muster_queue_depth", queue_depth, "Jobs that are queued."},
    {EXPOSITION_GAUGE, "muster_queue_oldest_age_seconds", oldest_queued,
     "Age of the oldest job that is queued and due; missing when there is none."},
    {EXPOSITION_GAUGE, "muster_jobs_retried", jobs_retried, "Jobs that needed more than one attempt."},
    {EXPOSITION_GAUGE, "muster_job_attempts", attempts, "Attempts of all jobs."},
    {EXPOSITION_GAUGE, "muster_jobs_exhausted", exhausted, "Jobs that failed on their last attempt."},
    {EXPOSITION_GAUGE, "muster_jobs_scheduled", scheduled, "Queued jobs that wait for their next attempt."},
    {EXPOSITION_GAUGE, "muster_queue_max_concurrency", max_concurrency, "Agents that may run at once."},
    {EXPOSITION_GAUGE, "muster_queue_paused", paused, "1 while the whole queue is paused."},
    {EXPOSITION_GAUGE, "muster_profile_paused", profile_paused, "1 while the agent profile is paused."},
    {EXPOSITION_GAUGE, "muster_breaker_state", breaker_state,
     "1 for the state that the circuit breaker of the agent profile is in."},
    {EXPOSITION_GAUGE, "muster_breaker_consecutive_failures", breaker_failures,
     "Failures of the agent profile since its last success."},
    {EXPOSITION_COUNTER, "muster_breaker_trips", breaker_trips, "Times the circuit breaker opened."},
    {EXPOSITION_GAUGE, "muster_agents_running", agents_running, "Running jobs by agent profile."},
    {EXPOSITION_COUNTER, "muster_agent_cpu_seconds", agent_cpu,
     "CPU time of a running agent's process tree."},
    {EXPOSITION_GAUGE, "muster_agent_resident_memory_bytes", agent_memory,
     "Resident memory of a running agent's process tree."},
    {EXPOSITION_GAUGE, "muster_agent_processes", agent_processes, "Processes of a running agent's tree."},
    {EXPOSITION_GAUGE, "muster_agent_start_time_seconds", agent_start_time,
     "When the running job started, epoch."},
    {EXPOSITION_GAUGE, "muster_workers", workers, "Background workers by status."},
    {EXPOSITION_GAUGE, "muster_worker_ok", worker_ok, "1 for a worker whose status is ok."},
    {EXPOSITION_GAUGE, "muster_worker_last_heartbeat_timestamp_seconds", worker_last_heartbeat,
     "When the worker's last heartbeat was sent, epoch; missing when it was never heard."},
    {EXPOSITION_COUNTER, "muster_worker_restarts", worker_restarts,
     "Changes of the worker's instance, as its heartbeats tell."},
    {EXPOSITION_GAUGE, "muster_worker_flapping", worker_flapping,
     "1 for a worker that keeps restarting: 3 new instances within 10 minutes."},
    {EXPOSITION_GAUGE, "muster_telemetry_lag_seconds", telemetry_lag,
     "Age of what the hub has not got yet; absent when nothing is reported."},
    {EXPOSITION_COUNTER, "muster_runs_ended", runs_ended, "Runs that have ended."},
    {EXPOSITION_COUNTER, "muster_tokens", tokens, "Tokens of runs that have ended, by model and kind."},
    {EXPOSITION_COUNTER, "muster_cost_usd", cost, "Cost of runs that have ended, by model."},
    {EXPOSITION_GAUGE, "muster_compared_runs", compared_runs,
     "The last 1000 runs whose agent named its session, by whether its transcript is found."},
    {EXPOSITION_GAUGE, "muster_compared_tokens", compared_tokens,
     "Tokens of these runs, as the agent printed them and as its transcript has them."},
    {EXPOSITION_GAUGE, "muster_compared_cost_usd", compared_cost,
     "Cost of these runs, by the same two sources."},
    {EXPOSITION_COUNTER, "muster_http_requests", http_requests,
     "Requests answered, by route and status code."},
    {EXPOSITION_HISTOGRAM, "muster_http_request_duration_seconds", http_duration,
     "Time from the whole request to the whole answer."},
    {EXPOSITION_GAUGE, "muster_http_open_connections", http_open_connections, "Connections that are open."},
    {EXPOSITION_HISTOGRAM, "muster_store_commit_duration_seconds", store_commits,
     "Time that a durable commit takes."},
    {EXPOSITION_GAUGE, "muster_store_backlog", store_backlog, "Operations that wait for the store."},
    {EXPOSITION_GAUGE, "muster_store_file_bytes", store_size, "Size of the store's file."},
    {EXPOSITION_GAUGE, "muster_store_wal_bytes", store_log_size, "Size of the store's write-ahead log."},
    {EXPOSITION_GAUGE, "muster_store_full", store_full, "1 when the last write failed for lack of space."},
    {EXPOSITION_COUNTER, "muster_process_cpu_seconds", own_cpu, "CPU time of this process."},
    {EXPOSITION_GAUGE, "muster_process_resident_memory_bytes", own_memory,
     "Resident memory of this process."},
    {EXPOSITION_GAUGE, "muster_process_open_fds", own_open_fds, "Open files of this process."},
    {EXPOSITION_GAUGE, "muster_process_max_fds", own_max_fds, "Files that this process may open."},
    {EXPOSITION_GAUGE, "muster_process_threads", own_threads, "Threads of this process."},
    {EXPOSITION_GAUGE, "muster_process_start_time_seconds", own_start_time,
     "When this process started, epoch."},
};

void render_text_families(void (*each)(void *arg, const char *type, const char *name, const char *help),
                          void *arg)
{
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        char name[96];
        (void)snprintf(name, sizeof(name), "%s%s", families[i].name, exposition_suffix(families[i].type));
        each(arg, exposition_type_name(families[i].type), name, families[i].help);
    }
}

/* Rows of one name stand together in the table. */
static void counters(struct page *p)
{
    char name[96] = "";
    for (int i = 0; i < COUNTER_COUNT; i++) {
        const struct counter_row *row = &counter_rows[i];
        if (i == 0 || strcmp(row->name, row[-1].name) != 0) {
            (void)snprintf(name, sizeof(name), "muster_%s", row->name);
            exposition_family(&p->x, EXPOSITION_COUNTER, name, row->help);
        }
        bool is_time = str_ends_with(str_of(row->name), STR("_seconds"));
        (is_time ? exposition_micros : exposition_i64)(&p->x, LABELS(LABEL(row->label, row->label_value)),
                                                       counter_get((enum counter_id)i));
    }
}

void render_text(const struct collection *c, const struct collection_figures *figures,
                 const struct render_text_options *options, struct buf *out)
{
    struct page p = {.c = c, .figures = figures && !figures->failed ? figures : NULL, .options = options};
    exposition_init(&p.x, out, options->openmetrics);
    arena_init(&p.scratch);
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        exposition_family(&p.x, families[i].type, families[i].name, families[i].help);
        families[i].samples(&p);
    }
    counters(&p);
    exposition_end(&p.x);
    arena_reset(&p.scratch);
}
