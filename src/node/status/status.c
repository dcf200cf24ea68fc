#include "node/status/status.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "io/counters.h"
#include "node/status/render.h"

#include <unistd.h>

#define SEEN_FORGET_US (INT64_C(3600) * USEC_PER_SEC)
#define SEEN_PRUNE_COUNT 4096
/* What a process shares may get other owners without a trace in its own counters. */
#define PROPORTIONAL_MAX_AGE_US (10 * USEC_PER_SEC)

struct question {
    enum status_strategy strategy;
    bool with_metrics, with_health;
};

struct cached {
    char *session_id, *key;
    struct buf body;
    int64_t at_us; /* monotonic */
};

struct flight_waiter { /* in the request's arena */
    struct http_request *request;
    struct flight_waiter *next;
};
struct flight {            /* one collection that is under way */
    struct status *status; /* NULL: has been freed */
    struct status_collection *collection;
    char *session_id, *key;
    bool stale; /* an agent changed meanwhile: it is answered and not kept */
    struct flight_waiter *waiters;
};

struct seen { /* of one agent's process and all below it, at the last collection that looked at it */
    int64_t cpu_ticks, at_us;
    /* The proportional size of their memory when it was read last.  The kernel walks every page for it, which
     * takes long and holds the process up, so it is read again when it may be another one. */
    int64_t memory_bytes, memory_at_us, memory_at; /* bytes -1: unknown; monotonic; epoch µs */
    uint64_t memory_mark;
};

struct status_stats {
    int64_t total, successful, partial, failed, cache_hits;
    double average_ms; /* exponential moving average, weight 0.1 */
};

struct status {
    struct proc_sampler *sampler;
    struct pool *pool;
    struct status_config config;
    struct status_inputs inputs;
    struct map cache;   /* key -> struct cached */
    struct map flights; /* key -> struct flight */
    struct map seen;    /* pid, start_ticks -> struct seen */
    struct status_stats stats;
    int64_t clk_tck, cpus;
};

/* -- the question -- */

static bool query_flag(struct http_request *r, const char *name, bool *ret)
{
    struct str text;
    if (!http_query(r, name, &text))
        return true;
    *ret = str_equal(text, STR("true"));
    if (*ret || str_equal(text, STR("false")))
        return true;
    http_reply_problem(r, 400, arena_printf(http_arena(r), "/%s", name), "%s must be true or false", name);
    return false;
}

static bool query_strategy(struct http_request *r, enum status_strategy *ret)
{
    struct str text;
    if (!http_query(r, "strategy", &text))
        return true;
    for (int i = STATUS_FAST; i <= STATUS_COMPREHENSIVE; i++) {
        if (!str_equal(text, str_of(status_strategy_names[i])))
            continue;
        *ret = (enum status_strategy)i;
        return true;
    }
    http_reply_problem(r, 400, "/strategy", "strategy must be fast, detailed or comprehensive");
    return false;
}

static bool read_question(struct http_request *r, struct question *ret)
{
    struct question q = {.strategy = STATUS_DETAILED, .with_metrics = true, .with_health = true};
    if (!query_strategy(r, &q.strategy) || !query_flag(r, "include_metrics", &q.with_metrics) ||
        !query_flag(r, "include_health", &q.with_health))
        return false;
    *ret = q;
    return true;
}

/* A flag that makes no difference to this strategy is part of the key all the same (A8). */
static char *key_of(struct arena *a, struct str id, const struct question *q)
{
    return arena_printf(a, "%d%d%d %.*s", (int)q->strategy, q->with_metrics, q->with_health, STR_ARG(id));
}

/* -- the cache -- */

static void forget(struct status *s, struct cached *c)
{
    (void)map_remove(&s->cache, str_of(c->key));
    buf_deinit(&c->body);
    free(c->session_id);
    free(c->key);
    free(c);
}

static bool is_expired(const struct status *s, const struct cached *c, int64_t now_us)
{
    return now_us - c->at_us >= s->config.cache_us;
}

static void forget_expired(struct status *s)
{
    int64_t now_us = clock_monotonic_us();
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(&s->cache, &at, &key, &value))
        if (is_expired(s, value, now_us))
            forget(s, value);
}

static void forget_oldest(struct status *s)
{
    struct cached *oldest = NULL;
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(&s->cache, &at, &key, &value))
        if (!oldest || ((struct cached *)value)->at_us < oldest->at_us)
            oldest = value;
    counter_add(COUNTER_STATUS_CACHE_EVICTED, 1);
    forget(s, oldest);
}

static void keep(struct status *s, const struct flight *f, const struct buf *body)
{
    if (s->config.cache_us <= 0 || f->stale || f->collection->strategy == STATUS_COMPREHENSIVE)
        return;
    forget_expired(s);
    struct cached *old = map_get(&s->cache, str_of(f->key));
    if (old)
        forget(s, old);
    if (s->cache.count >= STATUS_CACHE_MAX)
        forget_oldest(s);
    struct cached *c = xnew(struct cached);
    c->session_id = xstrdup(f->session_id);
    c->key = xstrdup(f->key);
    c->at_us = clock_monotonic_us();
    buf_init(&c->body);
    buf_add_str(&c->body, buf_str(body));
    (void)map_put(&s->cache, str_of(c->key), c);
}

void status_drop_session(struct status *s, const char *session_id)
{
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(&s->cache, &at, &key, &value))
        if (strcmp(((struct cached *)value)->session_id, session_id) == 0)
            forget(s, value);
    at = 0;
    while (map_next(&s->flights, &at, &key, &value))
        if (strcmp(((struct flight *)value)->session_id, session_id) == 0)
            ((struct flight *)value)->stale = true;
}

/* -- from one collection to the next -- */

static struct str seen_key(const struct collected_agent *a, int64_t name[2])
{
    name[0] = a->agent.pid;
    name[1] = a->agent.start_ticks;
    return (struct str){(const char *)name, 2 * sizeof(*name)};
}

static void prune_seen(struct status *s, int64_t now_us)
{
    size_t at = 0;
    struct str key;
    void *value;
    if (s->seen.count < SEEN_PRUNE_COUNT)
        return;
    while (map_next(&s->seen, &at, &key, &value))
        if (now_us - ((struct seen *)value)->at_us > SEEN_FORGET_US)
            free(map_remove(&s->seen, key));
}

static double percent_since(const struct status *s, const struct seen *seen, int64_t ticks, int64_t at_us)
{
    int64_t elapsed_us = at_us - seen->at_us, used = ticks - seen->cpu_ticks;
    if (elapsed_us <= 0 || used < 0)
        return -1;
    double percent = (double)used / (double)s->clk_tck / ((double)elapsed_us / 1e6) * 100;
    double most = (double)s->cpus * 100; /* a short interval and whole ticks would say more */
    return MIN(percent, most);
}

static void recall_memory(const struct status *s, struct collected_agent *a, int64_t now_us)
{
    int64_t name[2];
    const struct seen *seen = a->pid_count > 0 ? map_get(&s->seen, seen_key(a, name)) : NULL;
    if (!seen || seen->memory_bytes < 0 || seen->memory_mark != a->memory_mark ||
        now_us - seen->memory_at_us >= PROPORTIONAL_MAX_AGE_US)
        return;
    a->known_memory_bytes = seen->memory_bytes;
    a->memory_at = seen->memory_at;
}

static void on_scanned(struct status_collection *c, void *arg)
{
    const struct flight *f = arg;
    for (size_t i = 0; i < c->session.count; i++)
        recall_memory(f->status, &c->agents[i], c->scan_us);
}

/* The mark was taken before the memory was read: what changed in between makes the next mark another one. */
static void remember_memory(struct seen *seen, const struct collected_agent *a,
                            const struct status_collection *c)
{
    if (a->is_late || !a->is_proportional)
        return;
    seen->memory_bytes = a->memory_bytes;
    seen->memory_mark = a->memory_mark;
    seen->memory_at = c->scan_at;
    seen->memory_at_us = c->scan_us;
}

static void compare_with_seen(struct status *s, struct status_collection *c)
{
    for (size_t i = 0; i < c->session.count; i++) {
        struct collected_agent *a = &c->agents[i];
        int64_t name[2];
        if (a->pid_count == 0 || a->cpu_ticks < 0)
            continue;
        struct str key = seen_key(a, name);
        struct seen *seen = map_get(&s->seen, key);
        if (seen) {
            a->cpu_percent = percent_since(s, seen, a->cpu_ticks, c->scan_us);
        } else {
            seen = xnew(struct seen);
            seen->memory_bytes = -1;
            (void)map_put(&s->seen, key, seen);
        }
        seen->cpu_ticks = a->cpu_ticks;
        seen->at_us = c->scan_us;
        remember_memory(seen, a, c);
    }
    prune_seen(s, c->scan_us);
}

/* -- collecting -- */

static void count_collection(struct status *s, const struct status_collection *c)
{
    double ms = (double)c->duration_us / 1000;
    bool partial = false;
    for (size_t i = 0; !c->failed && i < c->session.count; i++)
        partial |= !c->agents[i].agent.is_accessible;
    s->stats.average_ms = s->stats.total == 0 ? ms : 0.9 * s->stats.average_ms + 0.1 * ms;
    s->stats.total++;
    int64_t *kind = c->failed ? &s->stats.failed : partial ? &s->stats.partial : &s->stats.successful;
    ++*kind;
}

static void reply(struct http_request *r, const struct buf *body, const char *cache, int64_t age_us)
{
    struct buf copy = BUF_INIT;
    char age[24];
    (void)snprintf(age, sizeof(age), "%lld", (long long)(age_us / USEC_PER_SEC));
    http_add_header(r, "Age", arena_strdup(http_arena(r), str_of(age)));
    http_add_header(r, "X-Cache", cache);
    buf_add_str(&copy, buf_str(body));
    http_reply_json(r, 200, &copy);
}

static void flight_free(struct flight *f)
{
    status_collection_unref(f->collection);
    free(f->session_id);
    free(f->key);
    free(f);
}

static void on_collected(struct status_collection *c, void *arg)
{
    struct flight *f = arg;
    struct status *s = f->status;
    struct buf body = BUF_INIT;
    (void)map_remove(&s->flights, str_of(f->key));
    if (!c->failed)
        compare_with_seen(s, c);
    count_collection(s, c);
    status_render(c, &body);
    keep(s, f, &body);
    for (struct flight_waiter *w = f->waiters, *next; w; w = next) {
        next = w->next; /* first: the waiter lives in the request */
        reply(w->request, &body, "MISS", 0);
    }
    buf_deinit(&body);
    flight_free(f);
}

static void wait_for(struct flight *f, struct http_request *r)
{
    struct flight_waiter *w = arena_alloc(http_arena(r), sizeof(*w));
    *w = (struct flight_waiter){r, f->waiters};
    f->waiters = w;
}

static void take_off(struct status *s, struct http_request *r, struct status_collection *c, struct str id,
                     const char *key)
{
    struct flight *f = xnew(struct flight);
    f->status = s;
    f->collection = c;
    f->session_id = str_dup(id);
    f->key = xstrdup(key);
    wait_for(f, r);
    (void)map_put(&s->flights, str_of(key), f);
    const struct status_collection_settings settings = {
        .sampler = s->sampler,
        .pool = s->pool,
        .deadline_us = s->config.deadline_us,
        .collect = s->config.collect ? s->config.collect : status_collection_read_agent,
        .scanned = on_scanned,
    };
    status_collection_start(c, &settings, on_collected, f);
}

/* One whose answer is out of date goes on for those who wait for it, under a name that nobody asks for. */
static void set_aside(struct status *s, struct flight *f)
{
    struct buf renamed = BUF_INIT;
    (void)map_remove(&s->flights, str_of(f->key));
    buf_printf(&renamed, "%s %p", f->key, (void *)f);
    free(f->key);
    f->key = buf_take(&renamed);
    (void)map_put(&s->flights, str_of(f->key), f);
}

void status_handle(struct http_request *r, struct status *s)
{
    struct question q;
    if (!read_question(r, &q))
        return;
    struct str id = http_param(r, "id");
    char *key = key_of(http_arena(r), id, &q);
    struct flight *under_way = map_get(&s->flights, str_of(key));
    if (under_way && !under_way->stale) {
        wait_for(under_way, r);
        return;
    }
    int64_t now_us = clock_monotonic_us();
    struct cached *cached = map_get(&s->cache, str_of(key));
    if (cached && !is_expired(s, cached, now_us)) {
        s->stats.cache_hits++;
        reply(r, &cached->body, "HIT", now_us - cached->at_us);
        return;
    }
    bool has_metrics = q.with_metrics && q.strategy >= STATUS_DETAILED;
    bool has_health = q.with_health && q.strategy == STATUS_COMPREHENSIVE;
    struct status_collection *c = status_collection_new(q.strategy, has_metrics, has_health);
    if (!s->inputs.session(s->inputs.context, id, &c->arena, &c->session)) {
        status_collection_unref(c);
        http_reply_problem(r, 404, NULL, "there is no session \"%.*s\"", STR_ARG(id));
        return;
    }
    if (under_way)
        set_aside(s, under_way);
    take_off(s, r, c, id, key);
}

/* -- A11 -- */

static void rate(struct json_writer *w, const char *key, int64_t part, int64_t total)
{
    json_key(w, key);
    if (total > 0)
        json_double(w, (double)part / (double)total * 100);
    else
        json_null_value(w);
}

void status_handle_stats(struct http_request *r, struct status *s)
{
    const struct status_stats *stats = &s->stats;
    struct buf body = BUF_INIT;
    struct json_writer w;
    forget_expired(s);
    json_init(&w, &body);
    json_object_begin(&w);
    json_kv_i64(&w, "total_collections", stats->total);
    json_kv_i64(&w, "successful_collections", stats->successful);
    json_kv_i64(&w, "partial_collections", stats->partial);
    json_kv_i64(&w, "failed_collections", stats->failed);
    json_key(&w, "avg_collection_time_ms");
    if (stats->total > 0)
        json_double(&w, stats->average_ms);
    else
        json_null_value(&w);
    rate(&w, "success_rate", stats->successful, stats->total);
    rate(&w, "partial_rate", stats->partial, stats->total);
    json_kv_i64(&w, "cache_entries", (int64_t)s->cache.count);
    json_kv_i64(&w, "cache_hits", stats->cache_hits);
    json_object_end(&w);
    http_reply_json(r, 200, &body);
}

/* -- the service -- */

struct status *status_new(uv_loop_t *loop, struct proc_sampler *sampler, const struct status_config *config,
                          const struct status_inputs *inputs)
{
    struct status *s = xnew(struct status);
    s->sampler = sampler;
    s->pool = pool_new(loop);
    s->config = *config;
    s->inputs = *inputs;
    s->clk_tck = sysconf(_SC_CLK_TCK);
    s->cpus = sysconf(_SC_NPROCESSORS_ONLN);
    map_init(&s->cache);
    map_init(&s->flights);
    map_init(&s->seen);
    return s;
}

void status_reload(struct status *s, const struct status_config *config)
{
    s->config = *config;
}

struct status *status_free(struct status *s)
{
    size_t at = 0;
    struct str key;
    void *value;
    if (!s)
        return NULL;
    pool_free(s->pool); /* ends what is under way */
    while (map_next(&s->cache, &at, &key, &value))
        forget(s, value);
    at = 0;
    while (map_next(&s->seen, &at, &key, &value))
        free(value);
    map_deinit(&s->cache);
    map_deinit(&s->flights);
    map_deinit(&s->seen);
    free(s);
    return NULL;
}
