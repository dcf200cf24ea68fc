#include "base/clock.h"
#include "base/log.h"
#include "hub/hub_internal.h"
#include "io/counters.h"
#include "store/reports.h"
#include "store/rollups.h"

#define LOOK_MS 1000
#define SILENT_MAX 1000 /* told in one look; the rest follows in the next */
#define SWEEP_LOOKS 60  /* retention is looked at once in so many looks */
#define SWEEP_MAX 1000
#define EVENTS_MAX_LOG 20 /* lines of one look */

struct watch {
    struct hub *hub;
    uv_timer_t *timer;
    int64_t looks;
    bool under_way, stopped;
};

struct look_op {
    struct store_op op;
    struct watch *watch;
    struct arena arena;
    struct instance *silent;
    size_t silent_count;
    bool sweeps;
    int64_t reports_us, hourly_us, daily_us; /* kept for; 0: for ever */
};

/* -- store thread -- */

static int mark_silent(struct look_op *l, struct db *db, int64_t now_us, struct err *e)
{
    int rc = instance_mark_silent(db, now_us, SILENT_MAX, &l->arena, &l->silent, &l->silent_count, e);
    for (size_t i = 0; rc == 0 && i < l->silent_count; i++)
        rc = hub_event_insert(db, l->silent[i].id, "silent", "no report for three intervals", now_us, e);
    return rc;
}

static int sweep(const struct look_op *l, struct db *db, int64_t now_us, struct err *e)
{
    int64_t deleted;
    int rc = l->reports_us ? report_sweep(db, now_us - l->reports_us, SWEEP_MAX, &deleted, e) : 0;
    if (rc == 0 && l->hourly_us)
        rc = rollup_sweep(db, ROLLUP_HOUR, now_us - l->hourly_us, SWEEP_MAX, &deleted, e);
    if (rc == 0 && l->daily_us)
        rc = rollup_sweep(db, ROLLUP_DAY, now_us - l->daily_us, SWEEP_MAX, &deleted, e);
    return rc ? rc : hub_keep_latest(db, now_us, e);
}

static int look_run(struct store_op *op, struct db *db, struct err *e)
{
    struct look_op *l = CONTAINER_OF(op, struct look_op, op);
    int rc = mark_silent(l, db, op->now_us, e);
    return rc || !l->sweeps ? rc : sweep(l, db, op->now_us, e);
}

/* -- loop thread -- */

static void tell(const struct look_op *l)
{
    counter_add(COUNTER_HUB_SILENT, (int64_t)l->silent_count);
    for (size_t i = 0; i < l->silent_count && i < EVENTS_MAX_LOG; i++)
        log_warn("hub", "an instance is silent: no report for three intervals",
                 LOG_TEXT("instance", l->silent[i].id), LOG_TEXT("name", l->silent[i].name));
    if (l->silent_count > EVENTS_MAX_LOG)
        log_warn("hub", "more instances are silent; GET /api/v1/instances?silent=true lists them",
                 LOG_INT("instances", l->silent_count));
}

static void look_done(struct store_op *op)
{
    struct look_op *l = CONTAINER_OF(op, struct look_op, op);
    l->watch->under_way = false;
    if (op->rc == 0)
        tell(l);
    arena_reset(&l->arena);
    free(l);
}

/* Writing each second although nothing has changed would cost an fsync: a look that finds nobody is a read.
 */
static int peek_run(struct store_op *op, struct db *db, struct err *e)
{
    return instance_any_overdue(db, op->now_us, e);
}

static void post_look(struct look_op *l)
{
    l->op.run = look_run;
    l->op.done = look_done;
    store_write(l->watch->hub->store, &l->op);
}

static void peek_done(struct store_op *op)
{
    struct look_op *l = CONTAINER_OF(op, struct look_op, op);
    if (l->watch->stopped || (op->rc != 0 && !l->sweeps)) {
        l->silent_count = 0;
        l->watch->under_way = false;
        free(l);
        return;
    }
    post_look(l);
}

static void on_look(uv_timer_t *timer)
{
    struct watch *w = timer->data;
    const struct config *c = w->hub->config;
    if (w->under_way)
        return;
    struct look_op *l = xnew(struct look_op);
    arena_init(&l->arena);
    l->watch = w;
    l->sweeps = w->looks++ % SWEEP_LOOKS == 0;
    l->reports_us = c->hub_retention_reports_us;
    l->hourly_us = c->hub_retention_hourly_us;
    l->daily_us = c->hub_retention_daily_us;
    l->op.run = peek_run;
    l->op.done = peek_done;
    w->under_way = true;
    store_read(w->hub->store, &l->op);
}

struct watch *watch_new(struct hub *h)
{
    struct watch *w = xnew(struct watch);
    w->hub = h;
    return w;
}

void watch_start(struct watch *w)
{
    w->timer = xnew(uv_timer_t);
    (void)uv_timer_init(&w->hub->loop, w->timer);
    w->timer->data = w;
    (void)uv_timer_start(w->timer, on_look, 0, LOOK_MS);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

void watch_stop(struct watch *w)
{
    w->stopped = true;
    if (w->timer)
        uv_close((uv_handle_t *)TAKE(w->timer), on_closed);
}

struct watch *watch_free(struct watch *w)
{
    if (w)
        assert(!w->under_way);
    free(w);
    return NULL;
}
