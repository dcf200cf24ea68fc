#include "store/runs_internal.h"

#include "store/rows.h"
#include "store/totals.h"

/* The kinds of usage in the order of enum usage_kind, here and in every statement below. */
#define KINDS                                                                                                \
    "input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, cache_creation_5m_tokens, "      \
    "cache_creation_1h_tokens, reasoning_tokens"
#define COLUMNS                                                                                              \
    "id, job_id, task_id, key, agent, origin, repo, model, effort, workdir, attempt, pid, start_ticks, "     \
    "shim_pid, shim_start_ticks, created_at, started_at, ended_at, outcome, exit_code, signal, cause, "      \
    "error, user_us, system_us, max_rss_bytes, output_bytes, output_dropped_bytes, usage_model, "            \
    "cost_micro_usd, " KINDS ", session_id"
#define COLUMN_USAGE 28 /* usage_model; cost and kinds follow */
#define COLUMN_SESSION (COLUMN_USAGE + 2 + USAGE_KIND_COUNT)

static void read_usage(struct db_cursor *c, struct usage *u)
{
    usage_set_model(u, db_str(c, COLUMN_USAGE));
    u->cost_known = !db_is_null(c, COLUMN_USAGE + 1);
    u->cost_micro_usd = db_i64(c, COLUMN_USAGE + 1);
    for (int k = 0; k < USAGE_KIND_COUNT; k++)
        if (!db_is_null(c, COLUMN_USAGE + 2 + k))
            (void)usage_set(u, (enum usage_kind)k, db_i64(c, COLUMN_USAGE + 2 + k));
}

static int64_t i64_or_none(struct db_cursor *c, int column)
{
    return db_is_null(c, column) ? -1 : db_i64(c, column);
}

static void read_row(struct db_cursor *c, struct arena *a, struct run *ret)
{
    *ret = (struct run){
        .id = db_i64(c, 0),
        .job_id = db_i64(c, 1),
        .task_id = db_i64(c, 2),
        .key = db_text(c, 3, a),
        .agent = db_text(c, 4, a),
        .origin = db_text(c, 5, a),
        .repo = db_text(c, 6, a),
        .model = db_text(c, 7, a),
        .effort = db_text(c, 8, a),
        .workdir = db_text(c, 9, a),
        .attempt = db_i64(c, 10),
        .pid = db_i64(c, 11),
        .start_ticks = db_i64(c, 12),
        .shim_pid = db_i64(c, 13),
        .shim_start_ticks = db_i64(c, 14),
        .created_at = db_i64(c, 15),
        .started_at = db_i64(c, 16),
        .ended_at = db_i64(c, 17),
        .ended = !db_is_null(c, 17),
        .outcome = db_text(c, 18, a),
        .exit_code = i64_or_none(c, 19),
        .signal = i64_or_none(c, 20),
        .cause = db_text(c, 21, a),
        .error = db_text(c, 22, a),
        .user_us = db_i64(c, 23),
        .system_us = db_i64(c, 24),
        .max_rss_bytes = db_i64(c, 25),
        .output_bytes = db_i64(c, 26),
        .output_dropped_bytes = db_i64(c, 27),
        .session_id = db_text(c, COLUMN_SESSION, a),
    };
    read_usage(c, &ret->usage);
}

#define ID_OR_NULL(v) DB_I64_OR_NULL((v) != 0, v)

int run_insert(struct db *db, const struct run *r, int64_t now_us, int64_t *ret_id, struct err *e)
{
    int64_t id;
    int rc = db_value_i64(db, "SELECT id FROM runs WHERE key = $1", DB_ARGS(DB_TEXT(r->key)), &id, e);
    if (rc == 0) {
        *ret_id = id;
        return RUN_E_EXISTS;
    }
    if (rc != DB_E_NONE)
        return rc;
    return db_insert(db,
                     "INSERT INTO runs (key, job_id, task_id, agent, origin, repo, model, effort, workdir,"
                     " attempt, pid, start_ticks, shim_pid, shim_start_ticks, started_at, created_at, node)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
                     DB_ARGS(DB_TEXT(r->key), ID_OR_NULL(r->job_id), ID_OR_NULL(r->task_id),
                             DB_TEXT(r->agent), DB_TEXT(r->origin), DB_TEXT(r->repo), DB_TEXT(r->model),
                             DB_TEXT(r->effort), DB_TEXT(r->workdir), DB_I64(r->attempt), ID_OR_NULL(r->pid),
                             ID_OR_NULL(r->start_ticks), ID_OR_NULL(r->shim_pid),
                             ID_OR_NULL(r->shim_start_ticks), ID_OR_NULL(r->started_at), DB_I64(now_us),
                             DB_TEXT(r->node)),
                     ret_id, e);
}

/* Why an UPDATE of a live run has changed nothing. */
static int not_live(struct db *db, int64_t id, struct err *e)
{
    int rc = db_value_i64(db, "SELECT id FROM runs WHERE id = $1", DB_ARGS(DB_I64(id)), &id, e);
    return rc == DB_E_NONE ? RUN_E_ABSENT : rc ? rc : RUN_E_ENDED;
}

int run_set_process(struct db *db, int64_t id, int64_t pid, int64_t start_ticks, int64_t shim_pid,
                    int64_t shim_start_ticks, int64_t started_at, struct err *e)
{
    int64_t changed;
    int rc = db_run(db,
                    "UPDATE runs SET pid = coalesce($2, pid), start_ticks = coalesce($3, start_ticks),"
                    " shim_pid = coalesce($4, shim_pid), shim_start_ticks = coalesce($5, shim_start_ticks),"
                    " started_at = coalesce($6, started_at) WHERE id = $1 AND ended_at IS NULL",
                    DB_ARGS(DB_I64(id), ID_OR_NULL(pid), ID_OR_NULL(start_ticks), ID_OR_NULL(shim_pid),
                            ID_OR_NULL(shim_start_ticks), ID_OR_NULL(started_at)),
                    &changed, e);
    return rc ? rc : changed ? 0 : not_live(db, id, e);
}

/* A figure that is known replaces the one before; one that is not leaves it. */
#define SET_USAGE                                                                                            \
    "usage_model = coalesce($2, usage_model), cost_micro_usd = coalesce($3, cost_micro_usd), "               \
    "input_tokens = coalesce($4, input_tokens), output_tokens = coalesce($5, output_tokens), "               \
    "cache_read_tokens = coalesce($6, cache_read_tokens), "                                                  \
    "cache_creation_tokens = coalesce($7, cache_creation_tokens), "                                          \
    "cache_creation_5m_tokens = coalesce($8, cache_creation_5m_tokens), "                                    \
    "cache_creation_1h_tokens = coalesce($9, cache_creation_1h_tokens), "                                    \
    "reasoning_tokens = coalesce($10, reasoning_tokens)"
#define USAGE_ARGS 9

/* A cost beyond what is believed of a token count would one day overflow the sum. */
static void usage_args(const struct usage *u, struct db_arg ret[USAGE_ARGS])
{
    bool believed = u->cost_known && u->cost_micro_usd >= 0 && u->cost_micro_usd <= USAGE_TOKENS_MAX;
    ret[0] = u->model[0] ? DB_TEXT(u->model) : DB_NULL;
    ret[1] = DB_I64_OR_NULL(believed, u->cost_micro_usd);
    for (int k = 0; k < USAGE_KIND_COUNT; k++)
        ret[2 + k] = DB_I64_OR_NULL(u->known[k], u->tokens[k]);
}

int run_set_usage(struct db *db, int64_t id, const struct usage *u, struct err *e)
{
    struct db_arg args[1 + USAGE_ARGS] = {DB_I64(id)};
    int64_t changed;
    usage_args(u, args + 1);
    int rc = db_run(db, "UPDATE runs SET " SET_USAGE " WHERE id = $1 AND ended_at IS NULL", args,
                    COUNT_OF(args), &changed, e);
    return rc ? rc : changed ? 0 : not_live(db, id, e);
}

static int add(struct db *db, const char *prefix, const char *name, const char *label, int64_t delta,
               struct err *e)
{
    char full[64];
    (void)snprintf(full, sizeof(full), "%s%s", prefix, name);
    return totals_add(db, full, str_of(label), delta, e);
}

int run_count_ended(struct db *db, const char *prefix, const struct run *r, struct err *e)
{
    const char *model = r->usage.model[0] ? r->usage.model : r->model ? r->model : "";
    int rc = add(db, prefix, "runs_ended", "", 1, e);
    if (rc == 0)
        rc = add(db, prefix, "model_runs", model, 1, e);
    if (rc == 0)
        rc = add(db, prefix, "cost_micro_usd", "", r->usage.cost_micro_usd, e);
    if (rc == 0)
        rc = add(db, prefix, "model_cost_micro_usd", model, r->usage.cost_micro_usd, e);
    for (size_t k = 0; rc == 0 && k < USAGE_KIND_COUNT; k++) {
        char of_model[48];
        (void)snprintf(of_model, sizeof(of_model), "model_%s", usage_kind_names[k]);
        rc = add(db, prefix, usage_kind_names[k], "", r->usage.tokens[k], e);
        if (rc == 0)
            rc = add(db, prefix, of_model, model, r->usage.tokens[k], e);
    }
    return rc;
}

/* Ends the row and reads it back, since what counts is what stands there: figures that came live and that the
 * result does not have stay. */
static const char end_sql[] =
    "UPDATE runs SET " SET_USAGE
    ", ended_at = $11, outcome = $12, exit_code = $13, signal = $14, cause = $15,"
    " error = $16, user_us = $17, system_us = $18, max_rss_bytes = $19, output_bytes = $20,"
    " output_dropped_bytes = $21, pid = coalesce($22, pid), start_ticks = coalesce($23, start_ticks),"
    " shim_pid = coalesce($24, shim_pid), shim_start_ticks = coalesce($25, shim_start_ticks),"
    " started_at = coalesce($26, started_at), session_id = coalesce($27, session_id) WHERE id = $1 AND "
    "ended_at IS NULL RETURNING " COLUMNS;

static int write_end(struct db *db, int64_t id, const struct run *r, int64_t now_us, struct arena *a,
                     struct run *ret, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct db_arg args[] = {
        DB_I64(id),
        DB_NULL,
        DB_NULL,
        DB_NULL,
        DB_NULL,
        DB_NULL,
        DB_NULL,
        DB_NULL,
        DB_NULL,
        DB_NULL,
        DB_I64(r->ended_at ? r->ended_at : now_us),
        DB_TEXT(r->outcome ? r->outcome : "lost"),
        DB_I64_OR_NULL(r->exit_code >= 0, r->exit_code),
        DB_I64_OR_NULL(r->signal >= 0, r->signal),
        DB_TEXT(r->cause),
        DB_TEXT(r->error),
        ID_OR_NULL(r->user_us),
        ID_OR_NULL(r->system_us),
        ID_OR_NULL(r->max_rss_bytes),
        DB_I64(r->output_bytes),
        DB_I64(r->output_dropped_bytes),
        ID_OR_NULL(r->pid),
        ID_OR_NULL(r->start_ticks),
        ID_OR_NULL(r->shim_pid),
        ID_OR_NULL(r->shim_start_ticks),
        ID_OR_NULL(r->started_at),
        DB_TEXT(r->session_id),
    };
    usage_args(&r->usage, args + 1);
    int rc = db_query(db, end_sql, args, COUNT_OF(args), &c, e);
    if (rc)
        return rc;
    rc = db_next(&c, e);
    if (rc != 1)
        return rc ? rc : not_live(db, id, e);
    read_row(&c, a, ret);
    return 0;
}

int run_end(struct db *db, int64_t id, const struct run *result, int64_t now_us, struct err *e)
{
    struct arena a;
    struct run ended;
    arena_init(&a);
    int rc = write_end(db, id, result, now_us, &a, &ended, e);
    if (rc == 0)
        rc = run_count_ended(db, "", &ended, e);
    arena_reset(&a);
    return rc;
}

static int get(struct db *db, const char *sql, struct db_arg key, struct arena *a, struct run *ret,
               struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, sql, &key, 1, &c, e);
    if (rc)
        return rc;
    rc = db_next(&c, e);
    if (rc != 1)
        return rc ? rc : RUN_E_ABSENT;
    read_row(&c, a, ret);
    return 0;
}

int run_get(struct db *db, int64_t id, struct arena *a, struct run *ret, struct err *e)
{
    return get(db, "SELECT " COLUMNS " FROM runs WHERE id = $1", DB_I64(id), a, ret, e);
}

int run_get_by_key(struct db *db, const char *key, struct arena *a, struct run *ret, struct err *e)
{
    return get(db, "SELECT " COLUMNS " FROM runs WHERE key = $1", DB_TEXT(key), a, ret, e);
}

/* One text per index and direction, the most selective index first. */
#define LIST(term, beyond, direction)                                                                        \
    "SELECT " COLUMNS " FROM runs WHERE " term " AND id " beyond " $1"                                       \
    " AND (CAST($3 AS BIGINT) = 0 OR job_id = $3) AND (CAST($4 AS BIGINT) = 0 OR task_id = $4)"              \
    " AND (CAST($5 AS TEXT) IS NULL OR agent = $5) AND (CAST($6 AS BIGINT) = 0 OR ended_at IS NULL)"         \
    " AND (CAST($7 AS TEXT) IS NULL OR node = $7)"                                                           \
    " ORDER BY id " direction " LIMIT $2"
#define LISTS(term)                                                                                          \
    {                                                                                                        \
        LIST(term, ">", "ASC"), LIST(term, "<", "DESC")                                                      \
    }

enum list_index { BY_JOB, BY_LIVE, BY_TASK, BY_AGENT, BY_SESSION, BY_ID };
static const char *const list_sql[][2] = {
    [BY_JOB] = LISTS("job_id = $3"),
    [BY_LIVE] = LISTS("ended_at IS NULL"),
    [BY_TASK] = LISTS("task_id = $4"),
    [BY_AGENT] = LISTS("agent = $5"),
    [BY_SESSION] = LISTS("session_id IS NOT NULL AND ended_at IS NOT NULL"),
    [BY_ID] = LISTS("1 = 1"),
};

static enum list_index index_of(const struct run_filter *f)
{
    if (f->job_id)
        return BY_JOB;
    if (f->live_only)
        return BY_LIVE;
    if (f->with_session)
        return BY_SESSION;
    return f->task_id ? BY_TASK : f->agent ? BY_AGENT : BY_ID;
}

int run_list(struct db *db, const struct run_filter *f, struct arena *a, struct run **ret, size_t *ret_count,
             struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int64_t beyond = f->newest_first && f->after == 0 ? INT64_MAX : f->after;
    int rc = db_query(db, list_sql[index_of(f)][f->newest_first],
                      DB_ARGS(DB_I64(beyond), DB_I64(f->limit > 0 ? f->limit : INT64_MAX), DB_I64(f->job_id),
                              DB_I64(f->task_id), DB_TEXT(f->agent), DB_I64(f->live_only), DB_TEXT(f->node)),
                      &c, e);
    if (rc)
        return rc;
    struct rows rows = ROWS_INIT(a, struct run);
    while ((rc = db_next(&c, e)) == 1)
        read_row(&c, a, rows_add(&rows));
    if (rc)
        return rc;
    *ret = rows.p;
    *ret_count = rows.count;
    return 0;
}
