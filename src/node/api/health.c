#include "node/api/health.h"

#include "core/schedule.h"
#include "core/timezone.h"
#include "node/memory.h"
#include "node/api/health_processors.h"
#include "node/telemetry/telemetry.h"
#include "store/knowledge.h"
#include "store/schedules.h"

#include <sys/statvfs.h>

#define DISK_LOW_MIB 64
#define SCHEDULES_MAX 1000
#define SCHEDULE_FAILURES 3 /* spec 50 S13 */

static const char *const names[HEALTH_STATES] = {"ok", "info", "unknown", "degraded", "unhealthy"};

void health_section(struct health_report *h, const char *name, enum health health, const char *detail)
{
    json_key(h->json, name);
    json_object_begin(h->json);
    json_kv_text(h->json, "status", names[health]);
    json_kv_text(h->json, "detail", detail[0] ? detail : NULL);
    json_object_end(h->json);
    if (health == HEALTH_DEGRADED || health == HEALTH_UNHEALTHY)
        h->worst = MAX(h->worst, health);
}

/* -- store, bus, queue, disk: what the node knows by itself -- */

static void show_store(const struct node *n, const void *facts, struct health_report *h)
{
    struct store_stats store;
    (void)facts;
    store_stats(n->store, &store);
    if (store.full)
        health_section(h, "store", HEALTH_UNHEALTHY, "the disk is full: writes are refused");
    else
        health_section(h, "store", HEALTH_OK, "");
}

static void show_bus(const struct node *n, const void *facts, struct health_report *h)
{
    const struct bus_port *port = bus_port_of(n->bus);
    char *address = bus_address(n->bus);
    struct buf detail = BUF_INIT;
    bool connected = port->connected(port->context);
    (void)facts;
    buf_printf(&detail, connected ? "%s" : "not connected to %s: heartbeats are not heard", address);
    health_section(h, "bus", connected ? HEALTH_OK : HEALTH_DEGRADED, detail.p);
    buf_deinit(&detail);
    free(address);
}

static enum health queue_health(const struct node *n, char detail[static 96])
{
    struct queue_profile_view views[64];
    size_t count = queue_profiles(n->queue, views, COUNT_OF(views)), open = 0;
    for (size_t i = 0; i < count; i++)
        open += views[i].breaker.state == BREAKER_OPEN;
    if (!queue_started(n->queue)) {
        (void)snprintf(detail, 96, "taking up what runs");
        return HEALTH_DEGRADED;
    }
    if (!n->shim_path) {
        (void)snprintf(detail, 96, "muster-shim was not found: no agent can be started");
        return HEALTH_DEGRADED;
    }
    (void)snprintf(detail, 96, "%zu of %zu breakers open%s", open, count,
                   queue_paused(n->queue) ? ", paused" : "");
    return open ? HEALTH_DEGRADED : HEALTH_OK;
}

static void show_queue(const struct node *n, const void *facts, struct health_report *h)
{
    char detail[96];
    (void)facts;
    enum health health = queue_health(n, detail);
    health_section(h, "queue", health, detail);
}

static void show_disk(const struct node *n, const void *facts, struct health_report *h)
{
    struct statvfs fs;
    char detail[96];
    (void)facts;
    if (statvfs(n->config->data_dir, &fs) != 0) {
        health_section(h, "disk", HEALTH_UNHEALTHY, strerror(errno));
        return;
    }
    int64_t free_mib = (int64_t)(fs.f_bavail * (uint64_t)fs.f_frsize >> 20);
    (void)snprintf(detail, sizeof(detail), "%lld MiB free", (long long)free_mib);
    enum health health = free_mib == 0             ? HEALTH_UNHEALTHY /* a small write may still have room */
                         : free_mib < DISK_LOW_MIB ? HEALTH_DEGRADED
                                                   : HEALTH_OK;
    health_section(h, "disk", health, detail);
}

/* -- scheduler: what it has reported -- */

struct schedule_facts {
    size_t count, failing, overdue;
    const char *first_failing, *first_overdue;
};

/* By more than its own period: the instant after the one that waits has come too (spec 50 S13).  Which zone
 * it is in makes no difference to how long that takes, but for an hour. */
static bool is_overdue(const struct schedule_report *s, int64_t now_us)
{
    struct schedule when;
    struct schedule_instant after;
    if (s->paused || s->in_flight != SCHEDULE_UNKNOWN || s->next_due == SCHEDULE_UNKNOWN ||
        s->next_due > now_us || schedule_parse(str_of(s->when), &when, NULL) != 0)
        return false;
    return schedule_next(&when, timezone_utc(), s->next_due, s->next_due, &after) && after.at_us <= now_us;
}

/* The corporate memory has no model and says so each time: a choice, and no fault. */
static bool is_unconfigured(const struct api_op *op, const struct schedule_report *s)
{
    return s->path && strcmp(s->path, "/api/admin/run-corporate-memory") == 0 && memory_lacks(op->config);
}

static int read_scheduler(struct api_op *op, struct db *db, void **ret_facts, struct err *e)
{
    struct schedule_facts *f = arena_alloc(op->arena, sizeof(*f));
    struct schedule_report *rows;
    int rc = schedule_list(db, "", SCHEDULES_MAX, op->arena, &rows, &f->count, e);
    for (size_t i = 0; rc == 0 && i < f->count; i++) {
        const struct schedule_report *s = &rows[i];
        if (!s->paused && !is_unconfigured(op, s) && s->consecutive_failures >= SCHEDULE_FAILURES &&
            f->failing++ == 0)
            f->first_failing = s->name;
        if (is_overdue(s, op->op.now_us) && f->overdue++ == 0)
            f->first_overdue = s->name;
    }
    *ret_facts = f;
    return rc;
}

static void show_scheduler(const struct node *n, const void *facts, struct health_report *h)
{
    const struct schedule_facts *f = facts;
    struct buf detail = BUF_INIT;
    enum health health = HEALTH_OK;
    (void)n;
    if (!f || f->count == 0) {
        buf_add_text(&detail, "no scheduler has reported");
        health = HEALTH_UNKNOWN;
    } else if (f->overdue || f->failing) {
        if (f->overdue)
            buf_printf(&detail,
                       "%zu overdue by more than their period, the first %s; does `muster scheduler` run?",
                       f->overdue, f->first_overdue);
        if (f->failing)
            buf_printf(&detail, "%s%zu failing %d times in a row or more, the first %s", detail.n ? "; " : "",
                       f->failing, SCHEDULE_FAILURES, f->first_failing);
        health = HEALTH_DEGRADED;
    } else {
        buf_printf(&detail, "%zu schedules", f->count);
    }
    health_section(h, "scheduler", health, detail.p);
    buf_deinit(&detail);
}

static void show_telemetry(const struct node *n, const void *facts, struct health_report *h)
{
    struct telemetry_view view;
    struct buf detail = BUF_INIT;
    (void)facts;
    telemetry_view(n->telemetry, &view);
    bool off = view.state == TELEMETRY_OFF, good = view.state == TELEMETRY_OK && view.rejected == 0;
    if (off)
        buf_printf(&detail, "off: %s", view.why ? view.why : "starting");
    else
        buf_printf(&detail, "lag %lld s, %lld windows wait, %lld set aside%s%s",
                   (long long)(view.lag_us / USEC_PER_SEC), (long long)view.pending, (long long)view.rejected,
                   view.why ? ": " : "", view.why ? view.why : "");
    health_section(h, "telemetry", off || good ? HEALTH_OK : HEALTH_DEGRADED, detail.p);
    buf_deinit(&detail);
}

/* -- corporate memory: said, and never a reason to call the whole degraded -- */

struct memory_facts {
    int64_t pending, parked;
};

static int read_memory(struct api_op *op, struct db *db, void **ret_facts, struct err *e)
{
    struct memory_facts *f = arena_alloc(op->arena, sizeof(*f));
    *ret_facts = f;
    return knowledge_waiting(db, MEMORY_PROCESSOR, &f->pending, &f->parked, e);
}

static void show_memory(const struct node *n, const void *facts, struct health_report *h)
{
    const struct memory_facts *f = facts;
    const char *lacks = memory_lacks(n->config);
    struct buf detail = BUF_INIT;
    if (lacks)
        buf_add_text(&detail, lacks);
    else if (f)
        buf_printf(&detail, "%lld facts wait for a decision, %lld sessions for another try",
                   (long long)f->pending, (long long)f->parked);
    health_section(h, "memory", lacks || (f && f->parked) ? HEALTH_INFO : HEALTH_OK, detail.p);
    buf_deinit(&detail);
}

/* -- all of them -- */

static const struct health_part parts[] = {
    {NULL, show_store},
    {NULL, show_bus},
    {NULL, show_queue},
    {read_scheduler, show_scheduler},
    {health_read_processors, health_show_processors},
    {NULL, show_telemetry},
    {NULL, show_disk},
    {read_memory, show_memory},
};

/* A store that cannot be read is a finding, and the other sections still say theirs. */
static int work(struct api_op *op, struct db *db, struct err *e)
{
    void **facts = op->input;
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (parts[i].read && parts[i].read(op, db, &facts[i], e) != 0) {
            facts[i] = NULL;
            *e = (struct err){0};
        }
    return 0;
}

static void after(struct api_op *op)
{
    struct health_report h = {.json = &op->json, .worst = HEALTH_OK};
    void **facts = op->input;
    json_object_begin(&op->json);
    json_key(&op->json, "sections");
    json_object_begin(&op->json);
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        parts[i].show(op->node, facts[i], &h);
    json_object_end(&op->json);
    json_kv_text(&op->json, "status", names[h.worst]);
    json_object_end(&op->json);
}

static void health(struct http_request *r, void *context)
{
    struct api_op *op = api_op_new(r, context, work);
    op->input = arena_alloc(op->arena, sizeof(void * [COUNT_OF(parts)]));
    op->after = after;
    api_read(op);
}

static const struct http_route routes[] = {
    {HTTP_GET, "/api/health", API_READERS, health, .summary = "Health by section",
     .responses = "200:ok, degraded or unhealthy"},
};
const struct api_routes api_health_routes = {routes, COUNT_OF(routes)};
