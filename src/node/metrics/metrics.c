#include "node/metrics/metrics.h"

#include "base/clock.h"
#include "base/log.h"
#include "io/counters.h"
#include "io/worker.h"
#include "node/metrics/render.h"

#define PATIENCE_US (2 * USEC_PER_SEC)
#define LOG_INTERVAL_US (60 * USEC_PER_SEC)

/* A read of the store in flight.  Its owner forgets it when it takes too long, and is told when it comes
 * back. */
struct reading {
    struct store_op op;
    struct metrics *owner; /* NULL: has been freed */
    struct collection_rows *rows;
};

/* Work of the /proc worker in flight: the figures of a collection where it has none yet, and bodies. */
struct rendering {
    struct worker_job job;
    struct metrics *owner;
    struct collection *c;
    struct metrics_config config;
    unsigned formats;                   /* bit per metrics_format */
    struct collection_figures *figures; /* made here when `scan` */
    bool scan;
    struct buf bodies[METRICS_FORMAT_COUNT];
};

struct waiter { /* in the request's arena */
    struct http_request *request;
    enum metrics_format format;
    struct waiter *next;
};

struct metrics {
    struct store *store;
    const struct http_server *http;
    struct metrics_config config;
    struct metrics_inputs inputs;
    struct worker *worker;
    struct procfs *procfs; /* the worker's */
    uv_timer_t patience;

    enum { IDLE, READING, RENDERING } state;
    struct reading *reading;      /* in flight; in another state than READING: given up, and not back yet */
    struct rendering *rendering;  /* the same with RENDERING */
    struct collection *under_way; /* NULL while IDLE, and while RENDERING more of `current` */
    struct waiter *waiters;

    struct collection *current;                       /* the last one that was finished */
    int64_t finished_us;                              /* monotonic */
    struct http_shared *bodies[METRICS_FORMAT_COUNT]; /* of `current`, each made when it is first wanted */
    struct http_shared *switched_off;
    bool queue_seen;
    struct log_limit limits[SECTION_COUNT];
};

/* -- answering -- */

static unsigned wanted_formats(const struct metrics *m)
{
    unsigned formats = 0;
    for (const struct waiter *w = m->waiters; w; w = w->next)
        formats |= 1U << w->format;
    return formats;
}

/* Those whose body is there.  Replying may run no code of ours, so the list stays as it is meanwhile. */
static void answer_waiters(struct metrics *m)
{
    struct waiter **at = &m->waiters;
    while (*at) {
        struct waiter *w = *at;
        if (!m->bodies[w->format]) {
            at = &w->next;
            continue;
        }
        *at = w->next; /* first: the waiter lives in the request */
        http_reply_shared(w->request, m->bodies[w->format]);
    }
}

static void log_degraded(struct metrics *m, const struct collection *c)
{
    const char *why;
    for (int s = 0; s < SECTION_COUNT; s++) {
        struct log_limit *limit = &m->limits[s];
        if (!collection_degraded(c, c->figures, (enum collection_section)s, &why))
            continue;
        counter_add(COUNTER_METRICS_DEGRADED, 1);
        if (!log_limit_allows(limit, clock_monotonic_us(), 1, LOG_INTERVAL_US))
            continue;
        log_warn("metrics", "a section of the snapshot took its default",
                 LOG_TEXT("section", collection_section_name((enum collection_section)s)),
                 LOG_TEXT("cause", why), LOG_INT("suppressed", limit->suppressed));
        limit->suppressed = 0;
    }
}

/* What was under way becomes what is served. */
static void publish(struct metrics *m)
{
    if (!m->under_way)
        return;
    for (int f = 0; f < METRICS_FORMAT_COUNT; f++)
        m->bodies[f] = http_shared_free(m->bodies[f]);
    collection_unref(m->current);
    m->current = TAKE(m->under_way);
    m->finished_us = clock_monotonic_us();
    log_degraded(m, m->current);
}

static void add_bodies(struct metrics *m, struct buf bodies[METRICS_FORMAT_COUNT])
{
    for (int f = 0; f < METRICS_FORMAT_COUNT; f++)
        if (bodies[f].n > 0 && !m->bodies[f])
            m->bodies[f] = http_shared_new(metrics_content_types[f], &bodies[f]);
}

/* -- rendering: on the worker, but for when the worker is stuck -- */

static void render(struct rendering *r)
{
    if (r->formats & (1U << METRICS_JSON))
        render_json(r->c, r->figures, &r->bodies[METRICS_JSON]);
    if (!(r->formats & ~(1U << METRICS_JSON)))
        return;
    struct render_text_options options = {.version = r->config.version,
                                          .max_label_values = r->config.max_label_values};
    own_process_read(r->config.proc_root, &options.own);
    for (int f = METRICS_OPENMETRICS; f < METRICS_FORMAT_COUNT; f++) {
        options.openmetrics = f == METRICS_OPENMETRICS;
        if (r->formats & (1U << f))
            render_text(r->c, r->figures, &options, &r->bodies[f]);
    }
}

/* Worker thread. */
static void run_renderings(void *context, struct worker_job *job)
{
    struct metrics *m = context; /* nothing of it but the scanner */
    for (; job; job = job->next) {
        struct rendering *r = CONTAINER_OF(job, struct rendering, job);
        if (r->scan)
            r->figures = collection_read_figures(r->c->rows, m->procfs);
        render(r);
    }
}

static struct rendering *rendering_new(struct metrics *m, void (*done)(struct worker_job *))
{
    struct rendering *r = xnew(struct rendering);
    r->owner = m;
    r->job.done = done;
    r->c = collection_ref(m->under_way ? m->under_way : m->current);
    r->config = m->config;
    r->formats = wanted_formats(m);
    r->scan = m->under_way != NULL;
    r->figures = r->c->figures;
    for (int f = 0; f < METRICS_FORMAT_COUNT; f++)
        buf_init(&r->bodies[f]);
    return r;
}

static struct rendering *rendering_free(struct rendering *r)
{
    for (int f = 0; f < METRICS_FORMAT_COUNT; f++)
        buf_deinit(&r->bodies[f]);
    if (r->figures != r->c->figures)
        collection_figures_free(r->figures);
    collection_unref(r->c);
    free(r);
    return NULL;
}

/* Without /proc: what is known is served (M1). */
static void render_here(struct metrics *m)
{
    struct rendering *r = rendering_new(m, NULL);
    render(r);
    m->state = IDLE;
    publish(m);
    add_bodies(m, r->bodies);
    rendering_free(r);
    answer_waiters(m);
}

static void on_rendered(struct worker_job *job);
static void on_patience_lost(uv_timer_t *timer);

static void be_patient(struct metrics *m)
{
    int64_t us = m->config.patience_us > 0 ? m->config.patience_us : PATIENCE_US;
    (void)uv_timer_start(&m->patience, on_patience_lost, (uint64_t)(us / USEC_PER_MSEC), 0);
}

static void start_rendering(struct metrics *m)
{
    if (m->rendering) {
        render_here(m);
        return;
    }
    m->state = RENDERING;
    m->rendering = rendering_new(m, on_rendered);
    be_patient(m);
    worker_post(m->worker, &m->rendering->job);
}

static void on_rendered(struct worker_job *job)
{
    struct rendering *r = CONTAINER_OF(job, struct rendering, job);
    struct metrics *m = r->owner;
    bool awaited = m->state == RENDERING;
    m->rendering = NULL;
    if (awaited) {
        (void)uv_timer_stop(&m->patience);
        m->state = IDLE;
        r->c->figures = r->figures;
        publish(m);
        add_bodies(m, r->bodies);
    }
    rendering_free(r);
    if (!awaited)
        return;
    answer_waiters(m);
    if (m->waiters && m->state == IDLE) /* they came meanwhile and want another format */
        start_rendering(m);
}

/* -- reading the store -- */

static int run_reading(struct store_op *op, struct db *db, struct err *e)
{
    (void)e;
    collection_read_rows(CONTAINER_OF(op, struct reading, op)->rows, db);
    return 0;
}

/* No transaction: every statement of it has failed. */
static void fail_rows(struct collection_rows *rows, const struct err *e)
{
    static const enum collection_source sources[] = {SOURCE_TOTALS, SOURCE_TASKS, SOURCE_RUNNING,
                                                     SOURCE_OLDEST};
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        rows->failed[sources[i]] = true;
        rows->errors[sources[i]] = *e;
    }
    rows->task_count = rows->running_count = rows->total_count = 0;
}

static void on_read(struct store_op *op)
{
    struct reading *r = CONTAINER_OF(op, struct reading, op);
    struct metrics *m = r->owner;
    if (m)
        m->reading = NULL;
    if (m && m->state == READING) {
        if (op->rc != 0)
            fail_rows(r->rows, &op->err);
        m->under_way->rows = TAKE(r->rows);
        start_rendering(m);
    }
    collection_rows_free(r->rows);
    free(r);
}

static void start_reading(struct metrics *m)
{
    struct reading *r = xnew(struct reading);
    r->op.run = run_reading;
    r->op.done = on_read;
    r->owner = m;
    r->rows = collection_rows_new();
    m->state = READING;
    m->reading = r;
    be_patient(m);
    store_read(m->store, &r->op);
}

static void on_patience_lost(uv_timer_t *timer)
{
    struct metrics *m = CONTAINER_OF(timer, struct metrics, patience);
    if (m->state == READING)
        start_rendering(m);
    else if (m->state == RENDERING)
        render_here(m);
}

static void start_collecting(struct metrics *m)
{
    counter_add(COUNTER_METRICS_COLLECTIONS, 1);
    m->under_way = collection_new();
    collection_read_memory(m->under_way, &m->inputs, &m->queue_seen, m->http, m->store);
    if (m->reading)
        start_rendering(m);
    else
        start_reading(m);
}

/* -- the service -- */

struct metrics *metrics_new(uv_loop_t *loop, struct store *store, const struct http_server *http,
                            const struct metrics_config *config, const struct metrics_inputs *inputs)
{
    struct metrics *m = xnew(struct metrics);
    m->store = store;
    m->http = http;
    m->config = *config;
    m->inputs = *inputs;
    m->procfs = procfs_new(config->proc_root);
    m->worker = worker_new(loop, "proc", run_renderings, m);
    (void)uv_timer_init(loop, &m->patience);
    struct buf body = BUF_INIT;
    buf_add_text(&body, render_switched_off);
    m->switched_off = http_shared_new(metrics_content_types[METRICS_JSON], &body);
    return m;
}

static void on_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF((uv_timer_t *)handle, struct metrics, patience));
}

struct metrics *metrics_free(struct metrics *m)
{
    if (!m)
        return NULL;
    worker_free(m->worker); /* finishes what is being rendered */
    if (m->state == READING)
        render_here(m);
    if (m->reading)
        m->reading->owner = NULL;
    procfs_free(m->procfs);
    collection_unref(m->current);
    for (int f = 0; f < METRICS_FORMAT_COUNT; f++)
        http_shared_free(m->bodies[f]);
    http_shared_free(m->switched_off);
    uv_close((uv_handle_t *)&m->patience, on_closed);
    return NULL;
}

void metrics_reload(struct metrics *m, const struct metrics_config *config)
{
    const char *proc_root = m->config.proc_root;
    m->config = *config;
    m->config.proc_root = proc_root;
}

static bool is_fresh(const struct metrics *m)
{
    return m->current && clock_monotonic_us() - m->finished_us < m->config.freshness_us;
}

void metrics_handle(struct http_request *r, struct metrics *m)
{
    if (!m->config.enabled) {
        http_reply_shared(r, m->switched_off);
        return;
    }
    enum metrics_format format = accept_format(http_header(r, "Accept"));
    bool fresh = m->state == IDLE && is_fresh(m);
    if (fresh && m->bodies[format]) {
        http_reply_shared(r, m->bodies[format]);
        return;
    }
    struct waiter *w = arena_alloc(http_arena(r), sizeof(*w));
    *w = (struct waiter){.request = r, .format = format, .next = m->waiters};
    m->waiters = w;
    if (fresh)
        start_rendering(m);
    else if (m->state == IDLE)
        start_collecting(m);
}
