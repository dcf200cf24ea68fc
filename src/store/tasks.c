#include "store/tasks.h"

#include "store/rows.h"
#include "store/totals.h"

#define COLUMNS                                                                                              \
    "id, work_item, repo, type, title, workflow, stage, blocked_reason, stage_entered_at, created_at, "      \
    "updated_at, "                                                                                           \
    "terminal, blocked"

static void read_row(struct db_cursor *c, struct arena *a, struct task *ret)
{
    *ret = (struct task){
        .id = db_i64(c, 0),
        .work_item = db_text(c, 1, a),
        .repo = db_text(c, 2, a),
        .type = db_text(c, 3, a),
        .title = db_text(c, 4, a),
        .workflow = db_text(c, 5, a),
        .stage = db_text(c, 6, a),
        .blocked_reason = db_text(c, 7, a),
        .stage_entered_at = db_i64(c, 8),
        .created_at = db_i64(c, 9),
        .updated_at = db_i64(c, 10),
        .terminal = db_i64(c, 11) != 0,
        .blocked = db_i64(c, 12) != 0,
    };
}

static bool is_terminal(const char *stage) /* spec 20 Q1 */
{
    return strcmp(stage, "done") == 0 || strcmp(stage, "cancelled") == 0;
}

static int add_event(struct db *db, const struct task_event *event, struct err *e)
{
    return db_run(db,
                  "INSERT INTO task_events (task_id, at, from_stage, to_stage, actor, reason, job_id)"
                  " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                  DB_ARGS(DB_I64(event->task_id), DB_I64(event->at), DB_TEXT(event->from_stage),
                          DB_TEXT(event->to_stage), DB_TEXT(event->actor), DB_TEXT(event->reason),
                          DB_I64_OR_NULL(event->job_id, event->job_id)),
                  NULL, e);
}

int task_insert(struct db *db, const struct task *t, const char *actor, int64_t now_us, int64_t *ret_id,
                struct err *e)
{
    int64_t id;
    int rc = db_insert(
        db,
        "INSERT INTO tasks (work_item, repo, type, title, workflow, stage, terminal, stage_entered_at,"
        " created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8)",
        DB_ARGS(DB_TEXT(t->work_item), DB_TEXT(t->repo), DB_TEXT(t->type), DB_TEXT(t->title),
                DB_TEXT(t->workflow), DB_TEXT(t->stage), DB_I64(is_terminal(t->stage)), DB_I64(now_us)),
        &id, e);
    if (rc == 0)
        rc = totals_add(db, "tasks", str_of(t->stage), 1, e);
    struct task_event first = {
        .task_id = id, .at = now_us, .to_stage = t->stage, .actor = actor, .reason = "created"};
    if (rc == 0)
        rc = add_event(db, &first, e);
    if (rc == 0)
        *ret_id = id;
    return rc;
}

int task_get(struct db *db, int64_t id, struct arena *a, struct task *ret, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, "SELECT " COLUMNS " FROM tasks WHERE id = $1", DB_ARGS(DB_I64(id)), &c, e);
    if (rc)
        return rc;
    rc = db_next(&c, e);
    if (rc != 1)
        return rc ? rc : TASK_E_ABSENT;
    read_row(&c, a, ret);
    return 0;
}

static int write_stage(struct db *db, int64_t id, const char *stage, int64_t now_us, struct err *e)
{
    return db_run(
        db,
        "UPDATE tasks SET stage = $2, terminal = $3, stage_entered_at = $4, updated_at = $4, blocked = 0,"
        " blocked_reason = NULL WHERE id = $1",
        DB_ARGS(DB_I64(id), DB_TEXT(stage), DB_I64(is_terminal(stage)), DB_I64(now_us)), NULL, e);
}

int task_move(struct db *db, int64_t id, const char *stage, const char *actor, const char *reason,
              int64_t job_id, int64_t now_us, struct err *e)
{
    struct arena a;
    arena_init(&a);
    struct task t;
    int rc = task_get(db, id, &a, &t, e);
    if (rc == 0 && t.terminal)
        rc = TASK_E_TERMINAL;
    if (rc == 0)
        rc = write_stage(db, id, stage, now_us, e);
    if (rc == 0)
        rc = totals_add(db, "tasks", str_of(t.stage), -1, e);
    if (rc == 0)
        rc = totals_add(db, "tasks", str_of(stage), 1, e);
    if (rc == 0) {
        struct task_event event = {.task_id = id,
                                   .at = now_us,
                                   .from_stage = t.stage,
                                   .to_stage = stage,
                                   .actor = actor,
                                   .reason = reason,
                                   .job_id = job_id};
        rc = add_event(db, &event, e);
    }
    arena_reset(&a);
    return rc;
}

int task_set_blocked(struct db *db, int64_t id, const char *reason, int64_t now_us, struct err *e)
{
    int64_t changed;
    int rc =
        db_run(db,
               "UPDATE tasks SET blocked = $4, blocked_reason = $2, updated_at = $3"
               " WHERE id = $1 AND terminal = 0",
               DB_ARGS(DB_I64(id), DB_TEXT(reason), DB_I64(now_us), DB_I64(reason != NULL)), &changed, e);
    if (rc || changed)
        return rc;
    rc = db_value_i64(db, "SELECT terminal FROM tasks WHERE id = $1", DB_ARGS(DB_I64(id)), &changed, e);
    return rc == DB_E_NONE ? TASK_E_ABSENT : rc ? rc : TASK_E_TERMINAL;
}

/* One text per index, the most selective first; the rest of the filter is tested on the rows that it yields.
 */
#define LIST(term)                                                                                           \
    "SELECT " COLUMNS " FROM tasks WHERE " term                                                              \
    " AND id > $1 AND (CAST($3 AS TEXT) IS NULL OR work_item = $3)"                                          \
    " AND (CAST($4 AS TEXT) IS NULL OR repo = $4) AND (CAST($5 AS TEXT) IS NULL OR stage = $5)"              \
    " AND (CAST($6 AS BIGINT) = 0 OR terminal = 0) ORDER BY id LIMIT $2"

static const char *list_sql(const struct task_filter *f)
{
    if (f->work_item)
        return LIST("work_item = $3");
    if (f->open_only)
        return LIST("terminal = 0");
    if (f->stage)
        return LIST("stage = $5");
    if (f->repo)
        return LIST("repo = $4");
    return LIST("1 = 1");
}

int task_list(struct db *db, const struct task_filter *f, struct arena *a, struct task **ret,
              size_t *ret_count, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc =
        db_query(db, list_sql(f),
                 DB_ARGS(DB_I64(f->after), DB_I64(f->limit > 0 ? f->limit : INT64_MAX), DB_TEXT(f->work_item),
                         DB_TEXT(f->repo), DB_TEXT(f->stage), DB_I64(f->open_only)),
                 &c, e);
    if (rc)
        return rc;
    struct rows rows = ROWS_INIT(a, struct task);
    while ((rc = db_next(&c, e)) == 1)
        read_row(&c, a, rows_add(&rows));
    if (rc)
        return rc;
    *ret = rows.p;
    *ret_count = rows.count;
    return 0;
}

int task_events(struct db *db, int64_t task_id, struct arena *a, struct task_event **ret, size_t *ret_count,
                struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db,
                      "SELECT id, task_id, at, job_id, from_stage, to_stage, actor, reason FROM task_events"
                      " WHERE task_id = $1 ORDER BY id",
                      DB_ARGS(DB_I64(task_id)), &c, e);
    if (rc)
        return rc;
    struct rows rows = ROWS_INIT(a, struct task_event);
    while ((rc = db_next(&c, e)) == 1) {
        struct task_event *event = rows_add(&rows);
        *event = (struct task_event){.id = db_i64(&c, 0),
                                     .task_id = db_i64(&c, 1),
                                     .at = db_i64(&c, 2),
                                     .job_id = db_i64(&c, 3),
                                     .from_stage = db_text(&c, 4, a),
                                     .to_stage = db_text(&c, 5, a),
                                     .actor = db_text(&c, 6, a),
                                     .reason = db_text(&c, 7, a)};
    }
    if (rc)
        return rc;
    *ret = rows.p;
    *ret_count = rows.count;
    return 0;
}
