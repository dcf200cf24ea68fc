#include "store/store.h"

#include "base/buf.h"
#include "base/map.h"
#include "core/usage.h"
#include "store/audit.h"
#include "store/migrate.h"
#include "store/totals.h"

/* What each counter of totals.h counts, as (label, value) over the rows that are there. */
#define SUM_OF_RUNS(column) "SELECT '', sum(" column ") FROM runs WHERE ended_at IS NOT NULL"
#define SUM_BY_MODEL(column)                                                                                 \
    "SELECT coalesce(usage_model, model, ''), sum(" column ") FROM runs WHERE ended_at IS NOT NULL GROUP "   \
    "BY 1"
#define OF_RUNS(column)                                                                                      \
    {column, SUM_OF_RUNS(column)},                                                                           \
    {                                                                                                        \
        "model_" column, SUM_BY_MODEL(column)                                                                \
    }
static const struct recount {
    const char *name, *sql;
} recounts[] = {
    {"jobs", "SELECT state, count(*) FROM jobs GROUP BY state"},
    {"attempts", "SELECT '', sum(claims) FROM jobs"},
    {"jobs_retried", "SELECT '', sum(retried) FROM jobs"},
    {"exhausted", "SELECT '', count(*) FROM jobs WHERE state = 'failed'"},
    {"scheduled", "SELECT '', count(*) FROM jobs WHERE state = 'queued' AND scheduled = 1"},
    {"tasks", "SELECT stage, count(*) FROM tasks GROUP BY stage"},
    {"runs_ended", "SELECT '', count(*) FROM runs WHERE ended_at IS NOT NULL"},
    {"model_runs",
     "SELECT coalesce(usage_model, model, ''), count(*) FROM runs WHERE ended_at IS NOT NULL GROUP BY 1"},
    OF_RUNS("cost_micro_usd"),
    OF_RUNS("input_tokens"),
    OF_RUNS("output_tokens"),
    OF_RUNS("cache_read_tokens"),
    OF_RUNS("cache_creation_tokens"),
    OF_RUNS("cache_creation_5m_tokens"),
    OF_RUNS("cache_creation_1h_tokens"),
    OF_RUNS("reasoning_tokens"),
};

/* What must never be seen in the rows, whoever looks in between (spec 20 Q17).  Each yields the ids of those
 * that are wrong. */
static const struct invariant {
    const char *name, *sql, *wrong; /* wrong: said after "job 7" or "run 7" */
} invariants[] = {
    {"running_jobs_are_held",
     "SELECT id FROM jobs WHERE state = 'running' AND (lease_token IS NULL OR worker IS NULL)",
     "job %lld runs but nobody holds it"},
    {"running_jobs_have_a_live_run",
     "SELECT id FROM jobs j WHERE state = 'running' AND NOT EXISTS"
     " (SELECT 1 FROM runs r WHERE r.job_id = j.id AND r.ended_at IS NULL)",
     "job %lld runs but has no live run"},
    {"only_running_jobs_are_held",
     "SELECT id FROM jobs WHERE state <> 'running' AND (lease_token IS NOT NULL OR lease_expires_at IS NOT "
     "NULL)",
     "job %lld does not run but is held"},
    {"a_job_has_one_live_run",
     "SELECT job_id FROM runs WHERE ended_at IS NULL AND job_id IS NOT NULL GROUP BY job_id HAVING count(*) "
     "> 1",
     "job %lld has two live runs"},
    {"live_runs_belong_to_running_jobs",
     "SELECT r.id FROM runs r LEFT JOIN jobs j ON j.id = r.job_id WHERE r.ended_at IS NULL AND r.job_id IS "
     "NOT NULL"
     " AND (j.id IS NULL OR j.state <> 'running')",
     "run %lld is live but its job does not run"},
};

struct doctor {
    struct db *db;
    void (*each)(void *arg, const struct store_check *check);
    void *arg;
    int failed;
};

static void report(struct doctor *d, const char *name, bool ok, const char *detail)
{
    d->failed += !ok;
    d->each(d->arg, &(struct store_check){.name = name, .ok = ok, .detail = detail});
}

/* -- counters -- */

struct counted {
    const char *name, *label;
    int64_t kept, found; /* kept: without what was swept */
};

static struct counted *counted_at(struct map *m, struct arena *a, const char *name, struct str label)
{
    char *key = arena_printf(a, "%s{%.*s}", name, STR_ARG(label));
    struct counted *c = map_get(m, str_of(key));
    if (!c) {
        c = arena_alloc(a, sizeof(*c));
        c->name = arena_strdup(a, str_of(name));
        c->label = arena_strdup(a, label);
        (void)map_put(m, str_of(key), c);
    }
    return c;
}

static int read_kept(struct db *db, struct map *m, struct arena *a, struct err *e)
{
    static const char swept[] = "swept_";
    struct totals_row *rows;
    size_t count;
    int rc = totals_all(db, a, &rows, &count, e);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (str_starts_with(str_of(rows[i].name), str_of(swept)))
            counted_at(m, a, rows[i].name + strlen(swept), str_of(rows[i].label))->kept -= rows[i].value;
        else
            counted_at(m, a, rows[i].name, str_of(rows[i].label))->kept += rows[i].value;
    }
    return rc;
}

static int read_found(struct db *db, const struct recount *r, struct map *m, struct arena *a, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, r->sql, DB_NO_ARGS, &c, e);
    if (rc)
        return rc;
    while ((rc = db_next(&c, e)) == 1)
        counted_at(m, a, r->name, db_str(&c, 0))->found = db_i64(&c, 1);
    return rc;
}

static bool is_recounted(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(recounts); i++)
        if (strcmp(recounts[i].name, name) == 0)
            return true;
    return false;
}

static void describe_differences(const struct map *m, struct buf *out, int *ret_count)
{
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(m, &at, &key, &value)) {
        const struct counted *c = value;
        if (c->kept == c->found || !is_recounted(c->name))
            continue;
        if ((*ret_count)++ < 5)
            buf_printf(out, "%s%.*s is kept as %lld, the rows say %lld", out->n ? "; " : "", STR_ARG(key),
                       (long long)c->kept, (long long)c->found);
    }
}

static int check_counters(struct doctor *d, struct err *e)
{
    struct arena a;
    struct map m;
    struct buf detail = BUF_INIT;
    int differences = 0;
    arena_init(&a);
    map_init(&m);
    int rc = read_kept(d->db, &m, &a, e);
    for (size_t i = 0; rc == 0 && i < COUNT_OF(recounts); i++)
        rc = read_found(d->db, &recounts[i], &m, &a, e);
    if (rc == 0) {
        describe_differences(&m, &detail, &differences);
        if (differences == 0)
            buf_printf(&detail, "%zu counters agree with their rows", m.count);
        report(d, "counters", differences == 0, detail.p);
    }
    buf_deinit(&detail);
    map_deinit(&m);
    arena_reset(&a);
    return rc;
}

/* -- the other checks -- */

static int check_migrations(struct doctor *d, bool *ret_current, struct err *e)
{
    int64_t version;
    struct err why;
    int64_t newest = migrate_newest(d->db->driver->migrations);
    char detail[128];
    int rc = migrate_check(d->db, &version, &why);
    if (rc == -EPROTO) {
        report(d, "migrations", false, why.text);
        *ret_current = false;
        return 0;
    }
    if (rc) {
        if (e)
            *e = why;
        return rc;
    }
    (void)snprintf(detail, sizeof(detail), "%lld of %lld applied%s", (long long)version, (long long)newest,
                   version == newest ? "" : "; the rest follows when the node starts");
    report(d, "migrations", true, detail);
    *ret_current = version == newest;
    return 0;
}

static int check_integrity(struct doctor *d, struct err *e)
{
    struct err why = {0};
    int rc = d->db->driver->check_integrity(d->db, &why);
    if (rc && rc != DB_E_CORRUPT) {
        if (e)
            *e = why;
        return rc;
    }
    report(d, "integrity", rc == 0, rc ? why.text : "the database is well-formed");
    return 0;
}

static int check_audit(struct doctor *d, struct err *e)
{
    int64_t id = 0;
    char detail[128];
    int rc = audit_verify(d->db, &id, e);
    if (rc == AUDIT_E_BROKEN) {
        (void)snprintf(detail, sizeof(detail),
                       "row %lld does not follow from the one before: changed or missing", (long long)id);
        report(d, "audit_log", false, detail);
        return 0;
    }
    if (rc == 0)
        report(d, "audit_log", true, "every row follows from the one before");
    return rc;
}

static int check_invariant(struct doctor *d, const struct invariant *v, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(d->db, v->sql, DB_NO_ARGS, &c, e);
    if (rc)
        return rc;
    struct buf detail = BUF_INIT;
    int wrong = 0;
    while ((rc = db_next(&c, e)) == 1) {
        const char *percent = strstr(v->wrong, "%lld");
        if (wrong++ >= 5)
            continue;
        buf_printf(&detail, "%s%.*s%lld%s", detail.n ? "; " : "", (int)(percent - v->wrong), v->wrong,
                   (long long)db_i64(&c, 0), percent + strlen("%lld"));
    }
    if (wrong > 5)
        buf_printf(&detail, "; %d in all", wrong);
    if (wrong)
        buf_add_text(&detail, "; POST /api/sync/trigger repairs what can be");
    if (rc == 0)
        report(d, v->name, wrong == 0, wrong ? detail.p : "none otherwise");
    buf_deinit(&detail);
    return rc;
}

static int check_all(struct doctor *d, struct err *e)
{
    bool current = false;
    int rc = check_integrity(d, e);
    if (rc == 0)
        rc = check_migrations(d, &current, e);
    if (rc || !current)
        return rc; /* the tables are not those that the other checks know */
    rc = check_counters(d, e);
    if (rc == 0)
        rc = check_audit(d, e);
    for (size_t i = 0; rc == 0 && i < COUNT_OF(invariants); i++)
        rc = check_invariant(d, &invariants[i], e);
    return rc;
}

int store_doctor(const char *store, const char *data_dir,
                 void (*each)(void *arg, const struct store_check *check), void *arg, struct err *e)
{
    struct doctor d = {.each = each, .arg = arg};
    int rc = db_open(store, data_dir, false, &d.db, e);
    if (rc)
        return rc < 0 ? rc : -EIO;
    rc = db_begin(d.db, false, e); /* one moment, also of a store that is being written */
    if (rc == 0)
        rc = check_all(&d, e);
    db_rollback(d.db);
    (void)db_close(d.db);
    return rc == 0 ? d.failed : rc < 0 ? rc : -EIO;
}
