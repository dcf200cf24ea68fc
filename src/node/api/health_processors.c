#include "node/api/health_processors.h"

#include "base/parse.h"
#include "core/processor_cadence.h"
#include "core/schedule.h"
#include "core/timezone.h"
#include "store/processors.h"
#include "store/schedules.h"
#include "transcripts/processor.h"
#include "transcripts/session_watch.h"
#include "transcripts/session_waiting.h"

struct facts { /* of one processor */
    const char *name;
    int64_t version, cadence_us;
    struct session_waiting files;
    int64_t last_run_us; /* 0: never */
    int64_t now_us;
};
struct all_facts {
    struct facts *list;
    size_t count;
};

/* -- cadence: the schedule's -- */

static int64_t period_of(const char *when_text, int64_t now_us)
{
    struct schedule when;
    struct schedule_instant first, second;
    if (!when_text || schedule_parse(str_of(when_text), &when, NULL) != 0 ||
        !schedule_next(&when, timezone_utc(), now_us, now_us, &first) ||
        !schedule_next(&when, timezone_utc(), first.at_us, first.at_us, &second))
        return 0;
    return second.at_us - first.at_us;
}

static int64_t seconds_of(const char *variable, int64_t fallback_s)
{
    int64_t seconds = fallback_s;
    const char *text = getenv(variable);
    if (text && !parse_i64_in(str_of(text), 1, INT32_MAX, &seconds))
        seconds = fallback_s;
    return seconds * USEC_PER_SEC;
}

/* What the scheduler has said of its job; the job's own figure before it has. */
static int read_cadence(struct api_op *op, struct db *db, struct facts *f, int64_t fallback_us, struct err *e)
{
    struct schedule_report report;
    const char *name = arena_printf(op->arena, PROCESSOR_SCHEDULE_PREFIX "%s", f->name);
    int rc = schedule_get(db, name, op->arena, &report, e);
    if (rc != 0 && rc != SCHEDULE_STORE_E_ABSENT)
        return rc;
    int64_t period_us = rc == 0 ? period_of(report.when, f->now_us) : 0;
    f->cadence_us = period_us > 0 ? period_us : fallback_us;
    return 0;
}

/* -- what waits -- */

static int read_waiting(struct api_op *op, struct db *db, const struct file_walk *walk, struct facts *f,
                        struct err *e)
{
    struct processor_state *states;
    struct processor_run run;
    size_t count;
    int rc = processor_states(db, f->name, op->arena, &states, &count, e);
    if (rc != 0)
        return rc;
    session_waiting(walk, states, count, f->version, f->now_us, op->arena, &f->files);
    rc = processor_run_get(db, f->name, &run, e);
    if (rc == 0)
        f->last_run_us = run.ended ? run.ended_us : run.started_us;
    return rc == PROCESSOR_E_NEVER_RAN ? 0 : rc;
}

/* Each tells the cadence that it has while no schedule has told one. */
static int64_t own_facts(const struct processor *p, struct facts *ret)
{
    *ret = (struct facts){.name = p->name, .version = p->version};
    return seconds_of(p->cadence_variable, p->cadence_s);
}

static int64_t command_facts(const struct session_processor *p, struct facts *ret)
{
    *ret = (struct facts){.name = p->name, .version = p->version};
    return p->cadence_us;
}

int health_read_processors(struct api_op *op, struct db *db, void **ret_facts, struct err *e)
{
    const struct config *c = op->config;
    struct all_facts *all = arena_alloc(op->arena, sizeof(*all));
    struct file_walk walk;
    int rc = 0;
    all->count = PROCESSORS + c->processor_count;
    all->list = arena_alloc(op->arena, all->count * sizeof(*all->list));
    session_watch_files(op->node->session_files, &walk);
    for (size_t i = 0; rc == 0 && i < all->count; i++) {
        struct facts *f = &all->list[i];
        int64_t cadence_us =
            i < PROCESSORS ? own_facts(processors[i], f) : command_facts(&c->processors[i - PROCESSORS], f);
        f->now_us = op->op.now_us;
        rc = read_cadence(op, db, f, cadence_us, e);
        if (rc == 0)
            rc = read_waiting(op, db, &walk, f, e);
    }
    file_walk_deinit(&walk);
    *ret_facts = all;
    return rc;
}

/* -- what is said -- */

static void say_waiting(const struct facts *f, struct buf *out)
{
    char age[PARSE_DURATION_MAX], cadence[PARSE_DURATION_MAX], ran[PARSE_DURATION_MAX];
    int64_t second = USEC_PER_SEC;
    buf_printf(out, "%lld waiting to be processed, %s for %s (cadence %s)", (long long)f->files.waiting,
               f->files.oldest, format_duration((f->now_us - f->files.oldest_us) / second * second, age),
               format_duration(f->cadence_us, cadence));
    if (f->last_run_us)
        buf_printf(out, "; the last run was %s ago",
                   format_duration(MAX(f->now_us - f->last_run_us, 0) / second * second, ran));
    else
        buf_add_text(out, "; it has never run");
}

static void show_one(const struct facts *f, struct health_report *h)
{
    struct buf name = BUF_INIT, detail = BUF_INIT;
    enum health health = HEALTH_OK;
    buf_printf(&name, "processor:%s", f->name);
    if (f->files.oldest && f->now_us - f->files.oldest_us > 2 * f->cadence_us) {
        health = HEALTH_DEGRADED;
        say_waiting(f, &detail);
    } else if (f->files.quarantined) {
        health = HEALTH_INFO;
        buf_printf(&detail,
                   "%lld set apart after failing; see muster processors files %s --status quarantined",
                   (long long)f->files.quarantined, f->name);
    } else {
        buf_printf(&detail, "%lld waiting", (long long)f->files.waiting);
    }
    health_section(h, name.p, health, detail.p);
    buf_deinit(&name);
    buf_deinit(&detail);
}

void health_show_processors(const struct node *n, const void *facts, struct health_report *h)
{
    const struct all_facts *all = facts;
    (void)n;
    if (!all) {
        health_section(h, "processor:verification", HEALTH_UNKNOWN, "the store could not be read");
        return;
    }
    for (size_t i = 0; i < all->count; i++)
        show_one(&all->list[i], h);
}
