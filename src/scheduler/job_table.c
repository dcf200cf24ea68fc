#include "scheduler/job_table.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/parse.h"
#include "core/processor_cadence.h"

#define TIMEOUT_DEFAULT_US (30 * USEC_PER_SEC)
#define PROCESSOR_TIMEOUT_S 900

static const struct builtin {
    const char *name;
    const char *variable; /* NULL: `when` is fixed */
    int64_t default_s;
    const char *when;
    const char *method, *path;
    int64_t timeout_s;
} builtins[] = {
    {"data-refresh", "SCHEDULER_DATA_REFRESH_INTERVAL", 900, NULL, "POST", "/api/sync/trigger", 120},
    {"health-check", "SCHEDULER_HEALTH_CHECK_INTERVAL", 300, NULL, "GET", "/api/health", 30},
    {"script-runner", "SCHEDULER_SCRIPT_RUN_INTERVAL", 60, NULL, "POST", "/api/scripts/run-due", 600},
    {"marketplaces", NULL, 0, "daily 03:00", "POST", "/api/marketplaces/sync-all", 900},
    {"session-collector", "SCHEDULER_SESSION_COLLECTOR_INTERVAL", 600, NULL, "POST",
     "/api/admin/run-session-collector", 300},
    {PROCESSOR_SCHEDULE_PREFIX "verification", VERIFICATION_CADENCE_VARIABLE, VERIFICATION_CADENCE_S, NULL,
     "POST", "/api/admin/run-session-processor?processor=verification", 900},
    {PROCESSOR_SCHEDULE_PREFIX "usage", USAGE_CADENCE_VARIABLE, USAGE_CADENCE_S, NULL, "POST",
     "/api/admin/run-session-processor?processor=usage", 300},
    {"corporate-memory", "SCHEDULER_CORPORATE_MEMORY_INTERVAL", 1020, NULL, "POST",
     "/api/admin/run-corporate-memory", 900},
};

/* -- the environment -- */

#define SECONDS_MAX INT64_C(31536000) /* a year */

/* False after having said what is wrong; *ret is unchanged when the variable is unset. */
static bool positive_seconds(const char *variable, int64_t *ret, struct buf *errors)
{
    const char *text = getenv(variable);
    if (!text || parse_i64_in(str_of(text), 1, SECONDS_MAX, ret))
        return true;
    buf_printf(errors, "%s=\"%.80s\": a whole number of seconds from 1 to %lld is expected\n", variable, text,
               (long long)SECONDS_MAX);
    return false;
}

/* -- making jobs -- */

static void set_when(struct schedule_job *job, const char *text)
{
    char *copy = xstrdup(text); /* `text` may be the present one */
    free(job->when_text);
    job->when_text = copy;
    int rc = schedule_parse(str_of(copy), &job->when, NULL);
    assert(rc == 0); /* ours, or checked by the configuration's reader */
}

static struct schedule_job make_builtin(const struct builtin *b, const char *when)
{
    struct schedule_job job = {.name = xstrdup(b->name),
                               .zone_name = xstrdup("UTC"),
                               .zone = timezone_utc(),
                               .method = xstrdup(b->method),
                               .path = xstrdup(b->path),
                               .timeout_us = b->timeout_s * USEC_PER_SEC,
                               .retry = {0, {USEC_PER_SEC, 60 * USEC_PER_SEC}},
                               .enabled = true,
                               .builtin = true};
    set_when(&job, when);
    return job;
}

static bool add_builtin(const struct builtin *b, struct job_table *t, struct buf *errors)
{
    int64_t seconds = b->default_s;
    struct buf when = BUF_INIT;
    if (b->variable && !positive_seconds(b->variable, &seconds, errors))
        return false;
    if (!b->variable)
        buf_add_text(&when, b->when);
    else if (!schedule_text_of_seconds(seconds, &when))
        assert(false);
    t->jobs[t->count++] = make_builtin(b, when.p);
    buf_deinit(&when);
    return true;
}

static char *copy(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

static struct schedule_job copy_job(const struct schedule_job *from)
{
    struct schedule_job job = *from;
    job.name = copy(from->name);
    job.when_text = copy(from->when_text);
    job.zone_name = copy(from->zone_name);
    job.method = copy(from->method);
    job.path = copy(from->path);
    job.body = copy(from->body);
    return job;
}

static const struct builtin *builtin_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(builtins); i++)
        if (strcmp(builtins[i].name, name) == 0)
            return &builtins[i];
    return NULL;
}

/* What the block leaves out is the built-in job's.  `b` NULL: that of a processor. */
static struct schedule_job merge(const struct schedule_job *block, const struct builtin *b,
                                 const struct schedule_job *own)
{
    struct schedule_job job = copy_job(block);
    bool by_variable = b && b->variable && getenv(b->variable);
    if (!job.path) {
        free(job.method);
        job.method = copy(own->method);
        job.path = copy(own->path);
    }
    if (!job.when_text || by_variable)
        set_when(&job, own->when_text);
    if (!block->timeout_us)
        job.timeout_us = own->timeout_us;
    job.builtin = true;
    return job;
}

/* -- checks -- */

static void check_complete(const struct schedule_job *job, struct buf *errors)
{
    if (!job->when_text)
        buf_printf(errors, "schedule \"%s\": when is missing\n", job->name);
    if (!job->path)
        buf_printf(errors, "schedule \"%s\": post or get is missing\n", job->name);
}

static void check_tick(const struct job_table *t, struct buf *errors)
{
    const struct schedule_job *smallest = NULL;
    char text[PARSE_DURATION_MAX];
    for (size_t i = 0; i < t->count; i++) {
        const struct schedule_job *job = &t->jobs[i];
        bool interval = job->when_text && job->when.type == SCHEDULE_INTERVAL;
        if (interval && (!smallest || job->when.interval_us < smallest->when.interval_us))
            smallest = job;
    }
    if (smallest && t->tick_us > smallest->when.interval_us)
        buf_printf(errors,
                   "the scheduler's tick of %s exceeds the smallest interval, \"%s\" of job \"%s\": lower "
                   "scheduler.tick or SCHEDULER_TICK_SECONDS, or lengthen the interval\n",
                   format_duration(t->tick_us, text), smallest->when_text, smallest->name);
}

static void check_node(const struct job_table *t, struct buf *errors)
{
    if (strncmp(t->node_url, "http://", 7) != 0 && strncmp(t->node_url, "https://", 8) != 0)
        buf_printf(errors, "scheduler.node = \"%s\": a URL such as \"http://127.0.0.1:6878\" is expected\n",
                   t->node_url);
}

/* -- the table -- */

static void add_builtins(const struct config *config, struct job_table *t, struct buf *errors)
{
    for (size_t i = 0; i < COUNT_OF(builtins); i++) /* a bad variable refuses even when they are off */
        if (!add_builtin(&builtins[i], t, errors))
            continue;
    if (config->scheduler_builtin)
        return;
    for (size_t i = 0; i < t->count; i++)
        schedule_job_deinit(&t->jobs[i]);
    t->count = 0;
}

/* A processor of the configuration is run as the built-in ones are: its cadence is its schedule. */
static void add_processors(const struct config *config, struct job_table *t)
{
    for (size_t i = 0; config->scheduler_builtin && i < config->processor_count; i++) {
        const struct session_processor *p = &config->processors[i];
        struct buf name = BUF_INIT, path = BUF_INIT, when = BUF_INIT;
        buf_printf(&name, PROCESSOR_SCHEDULE_PREFIX "%s", p->name);
        buf_printf(&path, "/api/admin/run-session-processor?processor=%s", p->name);
        if (!schedule_text_of_seconds(p->cadence_us / USEC_PER_SEC, &when))
            assert(false); /* the configuration's reader has looked */
        const struct builtin row = {
            .name = name.p, .method = "POST", .path = path.p, .timeout_s = PROCESSOR_TIMEOUT_S};
        t->jobs[t->count++] = make_builtin(&row, when.p);
        buf_deinit(&name);
        buf_deinit(&path);
        buf_deinit(&when);
    }
}

static struct schedule_job *find(const struct job_table *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->jobs[i].name, name) == 0)
            return &t->jobs[i];
    return NULL;
}

static void add_block(const struct schedule_job *block, struct job_table *t, struct buf *errors)
{
    struct schedule_job *own = find(t, block->name);
    if (!own || !own->builtin) {
        struct schedule_job job = copy_job(block);
        job.timeout_us = job.timeout_us ? job.timeout_us : TIMEOUT_DEFAULT_US;
        t->jobs[t->count++] = job;
        check_complete(block, errors);
        return;
    }
    struct schedule_job merged = merge(block, builtin_of(block->name), own);
    schedule_job_deinit(own);
    *own = merged;
}

static void drop_disabled(struct job_table *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->count; i++) {
        if (t->jobs[i].enabled)
            t->jobs[kept++] = t->jobs[i];
        else
            schedule_job_deinit(&t->jobs[i]);
    }
    t->count = kept;
}

static char *node_url(const struct config *config)
{
    const char *older = getenv("API_URL");
    char *url =
        xstrdup(older && older[0] && !getenv("MUSTER_SCHEDULER_NODE") ? older : config->scheduler_node);
    for (size_t n = strlen(url); n > 0 && url[n - 1] == '/'; n--)
        url[n - 1] = '\0';
    return url;
}

int job_table_load(const struct config *config, struct job_table *ret, struct buf *errors)
{
    size_t before = errors->n;
    int64_t tick_s = 0;
    struct job_table t = {
        .jobs =
            xcalloc(COUNT_OF(builtins) + config->processor_count + config->schedule_count, sizeof(*t.jobs)),
        .node_url = node_url(config),
        .tick_us = config->scheduler_tick_us};
    if (positive_seconds("SCHEDULER_TICK_SECONDS", &tick_s, errors) && tick_s &&
        !getenv("MUSTER_SCHEDULER_TICK"))
        t.tick_us = tick_s * USEC_PER_SEC;
    add_builtins(config, &t, errors);
    add_processors(config, &t);
    for (size_t i = 0; i < config->schedule_count; i++)
        add_block(&config->schedules[i], &t, errors);
    drop_disabled(&t);
    check_tick(&t, errors);
    check_node(&t, errors);
    if (errors->n > before) {
        job_table_deinit(&t);
        return -EINVAL;
    }
    *ret = t;
    return 0;
}

void job_table_deinit(struct job_table *t)
{
    for (size_t i = 0; i < t->count; i++)
        schedule_job_deinit(&t->jobs[i]);
    free(t->jobs);
    free(t->node_url);
    *t = (struct job_table){0};
}

const struct schedule_job *job_table_find(const struct job_table *t, struct str name)
{
    for (size_t i = 0; i < t->count; i++)
        if (str_equal(name, str_of(t->jobs[i].name)))
            return &t->jobs[i];
    return NULL;
}
