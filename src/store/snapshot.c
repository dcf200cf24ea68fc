#include "store/snapshot.h"

#include "store/rows.h"

int snapshot_tasks(struct db *db, struct arena *a, struct snapshot_task **ret, size_t *ret_count,
                   struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(
        db, "SELECT id, work_item, stage, repo, stage_entered_at FROM tasks WHERE terminal = 0 ORDER BY id",
        DB_NO_ARGS, &c, e);
    if (rc != 0)
        return rc;
    struct rows tasks = ROWS_INIT(a, struct snapshot_task);
    while ((rc = db_next(&c, e)) == 1) {
        *(struct snapshot_task *)rows_add(&tasks) = (struct snapshot_task){
            .id = db_i64(&c, 0),
            .work_item = db_text(&c, 1, a),
            .stage = db_text(&c, 2, a),
            .repo = db_text(&c, 3, a),
            .stage_entered_at = db_i64(&c, 4),
        };
    }
    if (rc != 0)
        return rc;
    *ret = tasks.p;
    *ret_count = tasks.count;
    return 0;
}

/* A run that has ended is not the one that a job has now: the job has been claimed again. */
static const char running_sql[] =
    "SELECT j.id, r.id, j.agent, j.repo, coalesce(r.model, j.model), coalesce(r.effort, j.effort), "
    "j.started_at,"
    " coalesce(r.pid, j.pid), CASE WHEN r.pid IS NULL THEN j.start_ticks ELSE r.start_ticks END,"
    " r.shim_pid, r.shim_start_ticks,"
    " r.cost_micro_usd, r.input_tokens, r.output_tokens, r.cache_read_tokens, r.cache_creation_tokens"
    " FROM jobs j LEFT JOIN runs r ON r.id = j.run_id AND r.ended_at IS NULL"
    " WHERE j.state = 'running' ORDER BY j.id";

static void read_usage(struct db_cursor *c, int column, struct usage *u)
{
    static const enum usage_kind kinds[] = {USAGE_INPUT, USAGE_OUTPUT, USAGE_CACHE_READ,
                                            USAGE_CACHE_CREATION};
    u->cost_known = !db_is_null(c, column);
    u->cost_micro_usd = db_i64(c, column);
    for (size_t k = 0; k < COUNT_OF(kinds); k++)
        if (!db_is_null(c, column + 1 + (int)k))
            (void)usage_set(u, kinds[k], db_i64(c, column + 1 + (int)k));
}

static void read_running(struct db_cursor *c, struct arena *a, struct snapshot_running *r)
{
    *r = (struct snapshot_running){
        .job_id = db_i64(c, 0),
        .run_id = db_i64(c, 1),
        .agent = db_text(c, 2, a),
        .repo = db_text(c, 3, a),
        .model = db_text(c, 4, a),
        .effort = db_text(c, 5, a),
        .started_at = db_i64(c, 6),
        .pid = db_i64(c, 7),
        .start_ticks = db_i64(c, 8),
        .shim_pid = db_i64(c, 9),
        .shim_start_ticks = db_i64(c, 10),
    };
    read_usage(c, 11, &r->usage);
}

int snapshot_running(struct db *db, struct arena *a, struct snapshot_running **ret, size_t *ret_count,
                     struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, running_sql, DB_NO_ARGS, &c, e);
    if (rc != 0)
        return rc;
    struct rows running = ROWS_INIT(a, struct snapshot_running);
    while ((rc = db_next(&c, e)) == 1)
        read_running(&c, a, rows_add(&running));
    if (rc != 0)
        return rc;
    *ret = running.p;
    *ret_count = running.count;
    return 0;
}
