#include "node/metrics/collection.h"

#include "base/clock.h"
#include "io/counters.h"
#include "store/jobs.h"

#define BIT(source) (1U << (source))

static const struct {
    const char *name;
    unsigned sources;
} sections[SECTION_COUNT] = {
    [SECTION_STAGES] = {"stages", BIT(SOURCE_TASKS)},
    [SECTION_COUNTS] = {"queue.counts", BIT(SOURCE_TOTALS)},
    [SECTION_RETRIES] = {"queue.retries", BIT(SOURCE_TOTALS)},
    [SECTION_BREAKER] = {"queue.breaker", BIT(SOURCE_QUEUE)},
    [SECTION_MAX_CONCURRENCY] = {"queue.max_concurrency", BIT(SOURCE_QUEUE)},
    [SECTION_POLL_INTERVAL] = {"queue.poll_interval", BIT(SOURCE_QUEUE)},
    [SECTION_OLDEST_QUEUED] = {"queue.oldest_queued_s", BIT(SOURCE_OLDEST)},
    [SECTION_AGENTS] = {"agents", BIT(SOURCE_RUNNING)},
    [SECTION_PROCESSES] = {"agents.processes", BIT(SOURCE_PROC)},
    [SECTION_COST_RUNNING] = {"cost.running", BIT(SOURCE_RUNNING) | BIT(SOURCE_LIVE_RUNS)},
    [SECTION_COST_AGGREGATE] = {"cost.aggregate", BIT(SOURCE_TOTALS)},
};

const char *collection_section_name(enum collection_section section)
{
    return sections[section].name;
}

struct collection *collection_new(void)
{
    struct collection *c = xnew(struct collection);
    c->references = 1;
    c->started_us = clock_wall_us();
    c->memory.telemetry_lag_us = -1;
    arena_init(&c->memory.arena);
    return c;
}

struct collection *collection_ref(struct collection *c)
{
    c->references++;
    return c;
}

struct collection *collection_unref(struct collection *c)
{
    if (!c || --c->references > 0)
        return NULL;
    collection_rows_free(c->rows);
    collection_figures_free(c->figures);
    arena_reset(&c->memory.arena);
    free(c);
    return NULL;
}

/* -- memory -- */

static int by_run_id(const void *a, const void *b)
{
    int64_t x = ((const struct metrics_live_run *)a)->run_id,
            y = ((const struct metrics_live_run *)b)->run_id;
    return (x > y) - (x < y);
}

struct http_list {
    struct collection_memory *memory;
    size_t capacity;
};

static void add_http_stat(void *arg, const struct http_stat *stat)
{
    struct http_list *list = arg;
    struct collection_memory *m = list->memory;
    if (m->http_count == list->capacity) {
        struct http_stat *before = m->http;
        list->capacity = MAX(2 * list->capacity, 64);
        m->http = arena_alloc(&m->arena, list->capacity * sizeof(*m->http));
        if (before)
            memcpy(m->http, before, m->http_count * sizeof(*m->http));
    }
    m->http[m->http_count++] = *stat;
}

static void read_queue(struct collection_memory *m, const struct metrics_inputs *inputs, bool *seen)
{
    bool ok = inputs->queue && inputs->queue(inputs->context, &m->arena, &m->queue);
    *seen |= ok;
    m->queue_started = *seen;
    m->queue_failed = *seen && !ok;
    if (!ok)
        m->queue = (struct metrics_queue){0};
}

static void read_live_runs(struct collection_memory *m, const struct metrics_inputs *inputs)
{
    bool ok = inputs->live_runs && inputs->live_runs(inputs->context, &m->arena, &m->live, &m->live_count);
    m->live_failed = m->queue_started && !ok;
    if (!ok)
        m->live_count = 0;
    if (m->live_count > 1)
        qsort(m->live, m->live_count, sizeof(*m->live), by_run_id);
}

void collection_read_memory(struct collection *c, const struct metrics_inputs *inputs, bool *queue_seen,
                            const struct http_server *http, const struct store *store)
{
    struct collection_memory *m = &c->memory;
    read_queue(m, inputs, queue_seen);
    read_live_runs(m, inputs);
    if (!inputs->workers ||
        !inputs->workers(inputs->workers_context, &m->arena, &m->workers, &m->worker_count))
        m->worker_count = 0;
    m->has_cost_sums = inputs->cost_ledger && inputs->cost_ledger(inputs->cost_ledger_context, &m->cost_sums);
    m->telemetry_lag_us = inputs->telemetry_lag_us ? inputs->telemetry_lag_us(inputs->telemetry_context) : -1;
    http_server_stats(http, add_http_stat, &(struct http_list){.memory = m});
    m->http_connections = http_server_connections(http);
    store_stats(store, &m->store);
}

/* -- rows -- */

struct collection_rows *collection_rows_new(void)
{
    struct collection_rows *r = xnew(struct collection_rows);
    arena_init(&r->arena);
    return r;
}

struct collection_rows *collection_rows_free(struct collection_rows *r)
{
    if (!r)
        return NULL;
    arena_reset(&r->arena);
    free(r);
    return NULL;
}

/* The guard of one statement. */
static void guard(struct collection_rows *r, enum collection_source source, int rc)
{
    r->failed[source] = rc != 0;
    if (rc != 0 && r->errors[source].text[0] == '\0')
        (void)err_set(&r->errors[source], ERR_INTERNAL, rc, "the store answered with error %d", rc);
}

void collection_read_rows(struct collection_rows *r, struct db *db)
{
    guard(r, SOURCE_TOTALS,
          totals_all(db, &r->arena, &r->totals, &r->total_count, &r->errors[SOURCE_TOTALS]));
    /* The first statement fixes what the transaction sees, so no row that it shows is younger than this. */
    r->now_us = clock_wall_us();
    guard(r, SOURCE_TASKS,
          snapshot_tasks(db, &r->arena, &r->tasks, &r->task_count, &r->errors[SOURCE_TASKS]));
    guard(r, SOURCE_RUNNING,
          snapshot_running(db, &r->arena, &r->running, &r->running_count, &r->errors[SOURCE_RUNNING]));
    guard(r, SOURCE_OLDEST,
          job_oldest_queued(db, r->now_us, &r->oldest_queued_at, &r->errors[SOURCE_OLDEST]));
}

/* -- figures -- */

/* An agent whose start_ticks nobody stored is whoever has its pid now. */
static void read_process(const struct procfs *procfs, const struct snapshot_running *running,
                         struct collection_process *ret)
{
    const struct procfs_process *now = running->pid > 0 ? procfs_find(procfs, running->pid) : NULL;
    if (!now)
        return;
    int64_t start_ticks = running->start_ticks > 0 ? running->start_ticks : now->start_ticks;
    int64_t shim_pid = running->shim_pid > 0 ? running->shim_pid : -1;
    ret->alive =
        procfs_tree(procfs, running->pid, start_ticks, shim_pid, running->shim_start_ticks, &ret->tree);
    ret->start_ticks = start_ticks;
}

struct collection_figures *collection_read_figures(const struct collection_rows *rows, struct procfs *procfs)
{
    struct collection_figures *f = xnew(struct collection_figures);
    arena_init(&f->arena);
    if (!rows || rows->running_count == 0)
        return f;
    f->processes = arena_alloc(&f->arena, rows->running_count * sizeof(*f->processes));
    int64_t errors = 0;
    f->error = -procfs_scan(procfs, &errors);
    f->failed = f->error != 0;
    if (f->failed)
        return f;
    counter_add(COUNTER_PROC_ERRORS, errors);
    for (size_t i = 0; i < rows->running_count; i++)
        read_process(procfs, &rows->running[i], &f->processes[i]);
    return f;
}

struct collection_figures *collection_figures_free(struct collection_figures *f)
{
    if (!f)
        return NULL;
    arena_reset(&f->arena);
    free(f);
    return NULL;
}

/* -- what it says -- */

/* Why a source failed, NULL when it did not. */
static const char *failure(const struct collection *c, const struct collection_figures *figures,
                           enum collection_source source)
{
    static const char no_answer[] = "the queue gave no answer";
    switch (source) {
    case SOURCE_QUEUE:
        return c->memory.queue_failed ? no_answer : NULL;
    case SOURCE_LIVE_RUNS:
        return c->memory.live_failed ? no_answer : NULL;
    case SOURCE_PROC:
        if (!figures)
            return "/proc did not answer in time";
        return figures->failed ? strerrordesc_np(figures->error) : NULL;
    case SOURCE_TOTALS:
    case SOURCE_TASKS:
    case SOURCE_RUNNING:
    case SOURCE_OLDEST:
        break;
    }
    if (!c->rows)
        return "the store did not answer in time";
    return c->rows->failed[source] ? c->rows->errors[source].text : NULL;
}

bool collection_degraded(const struct collection *c, const struct collection_figures *figures,
                         enum collection_section section, const char **ret_why)
{
    const char *why = NULL;
    for (int s = 0; s < SOURCE_COUNT && !why; s++)
        if (sections[section].sources & BIT(s))
            why = failure(c, figures, (enum collection_source)s);
    if (why)
        *ret_why = why;
    return why != NULL;
}

int64_t collection_now_us(const struct collection *c)
{
    return c->rows && c->rows->now_us > 0 ? c->rows->now_us : c->started_us;
}

const struct usage *collection_usage(const struct collection *c, const struct snapshot_running *running)
{
    const struct metrics_live_run key = {.run_id = running->run_id};
    const struct metrics_live_run *live = NULL;
    if (running->run_id > 0 && c->memory.live_count > 0)
        live = bsearch(&key, c->memory.live, c->memory.live_count, sizeof(key), by_run_id);
    return live && !usage_is_unknown(&live->usage) ? &live->usage : &running->usage;
}

int64_t collection_total(const struct collection *c, const char *name, const char *label)
{
    for (size_t i = 0; c->rows && i < c->rows->total_count; i++)
        if (strcmp(c->rows->totals[i].name, name) == 0 && strcmp(c->rows->totals[i].label, label) == 0)
            return c->rows->totals[i].value;
    return 0;
}
