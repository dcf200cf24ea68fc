#include "store/telemetry.h"

#include "base/hash.h"
#include "store/rows.h"
#include "store/settings.h"

/* -- identity -- */

/* RFC 9562 §5.4: random, with the bits that say so. */
static char *uuid_of(const char *hex, struct arena *a)
{
    char *id = arena_printf(a, "%.8s-%.4s-4%.3s-a%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17, hex + 20);
    return id;
}

static int own_instance_id(struct db *db, struct arena *a, const char **ret, struct err *e)
{
    char *hex = NULL;
    int rc = setting_get(db, "instance_id", a, &hex, e);
    if (rc == 0 && (!hex || strlen(hex) != 32))
        return err_set(e, ERR_INTERNAL, -EPROTO, "the store has no instance id of its own");
    if (rc == 0)
        *ret = uuid_of(hex, a);
    return rc;
}

int telemetry_new_epoch(struct db *db, struct arena *a, struct telemetry_identity *identity, struct err *e)
{
    char hex[33];
    hash_random_hex(16, hex);
    identity->epoch = uuid_of(hex, a);
    return setting_put(db, "telemetry_epoch", str_of(identity->epoch), e);
}

int telemetry_identity(struct db *db, const char *given, const char *place, struct arena *a,
                       struct telemetry_identity *ret, struct err *e)
{
    char *epoch = NULL, *last_place = NULL;
    int rc = 0;
    ret->instance_id = given ? arena_strdup(a, str_of(given)) : NULL;
    if (!given)
        rc = own_instance_id(db, a, &ret->instance_id, e);
    if (rc == 0)
        rc = setting_get(db, "telemetry_epoch", a, &epoch, e);
    if (rc == 0)
        rc = setting_get(db, "telemetry_place", a, &last_place, e);
    if (rc)
        return rc;
    ret->epoch = epoch;
    if (epoch && last_place && strcmp(last_place, place) == 0)
        return 0;
    rc = telemetry_new_epoch(db, a, ret, e);
    return rc ? rc : setting_put(db, "telemetry_place", str_of(place), e);
}

/* -- where we are -- */

static int count_state(struct db *db, const char *state, int64_t *ret, struct err *e)
{
    return db_value_i64(db, "SELECT COUNT(*) FROM telemetry_windows WHERE state = $1 AND state <> 'acked'",
                        DB_ARGS(DB_TEXT(state)), ret, e);
}

static int or_zero(int rc, int64_t *value)
{
    if (rc == DB_E_NONE)
        *value = 0;
    return rc == DB_E_NONE ? 0 : rc;
}

int telemetry_position(struct db *db, const char *epoch, struct telemetry_position *ret, struct err *e)
{
    int rc = or_zero(db_value_i64(db, "SELECT MAX(window_no) FROM telemetry_windows WHERE epoch = $1",
                                  DB_ARGS(DB_TEXT(epoch)), &ret->last_no, e),
                     &ret->last_no);
    if (rc == 0)
        rc = or_zero(db_value_i64(db, "SELECT window_end FROM telemetry_windows ORDER BY id DESC LIMIT 1",
                                  DB_NO_ARGS, &ret->last_end_us, e),
                     &ret->last_end_us);
    if (rc == 0)
        rc = or_zero(db_value_i64(db,
                                  "SELECT window_start FROM telemetry_windows WHERE state = 'pending'"
                                  " ORDER BY id LIMIT 1",
                                  DB_NO_ARGS, &ret->acked_end_us, e),
                     &ret->acked_end_us);
    if (rc == 0 && ret->acked_end_us == 0)
        ret->acked_end_us = ret->last_end_us;
    if (rc == 0)
        rc = count_state(db, "pending", &ret->pending, e);
    if (rc == 0)
        rc = count_state(db, "rejected", &ret->rejected, e);
    return rc ? rc : count_state(db, "taken", &ret->taken, e);
}

/* -- counting -- */

static int count_fleet(struct db *db, struct telemetry_figures *f, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc =
        db_query(db,
                 "SELECT COUNT(CASE WHEN status IN ('starting', 'active', 'idle', 'degraded') THEN 1 END),"
                 " COUNT(CASE WHEN status IN ('offline', 'failed') THEN 1 END), COUNT(*),"
                 " COUNT(DISTINCT COALESCE(server, '')) FROM agents",
                 DB_NO_ARGS, &c, e);
    if (rc == 0)
        rc = db_next(&c, e);
    if (rc != 1)
        return rc ? rc : -EPROTO;
    f->agents_online = db_i64(&c, 0);
    f->agents_offline = db_i64(&c, 1);
    f->agents_total = db_i64(&c, 2);
    f->servers_total = db_i64(&c, 3);
    return db_value_i64(db, "SELECT COUNT(*) FROM sessions", DB_NO_ARGS, &f->sessions_total, e);
}

#define DURATION "CASE WHEN updated_at >= created_at THEN updated_at - created_at END"

static int count_tasks(struct db *db, const struct window *w, struct arena *a, struct telemetry_figures *f,
                       struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct task_group);
    int rc = db_query(db,
                      "SELECT stage, COALESCE(type, ''), COUNT(*), COUNT(" DURATION
                      "), CAST(COALESCE(SUM(" DURATION "), 0) AS BIGINT) FROM tasks"
                      " WHERE updated_at >= $1 AND updated_at < $2"
                      " GROUP BY stage, COALESCE(type, '') ORDER BY 1, 2",
                      DB_ARGS(DB_I64(w->start_us), DB_I64(w->end_us)), &c, e);
    if (rc)
        return rc;
    while ((rc = db_next(&c, e)) == 1)
        *(struct task_group *)rows_add(&rows) = (struct task_group){.status = db_text(&c, 0, a),
                                                                    .type = db_text(&c, 1, a),
                                                                    .count = db_i64(&c, 2),
                                                                    .measured = db_i64(&c, 3),
                                                                    .duration_us = db_i64(&c, 4)};
    f->tasks = rows.p;
    f->task_count = rows.count;
    return rc;
}

static struct telemetry_model *model_of(struct rows *rows, const char *name, struct arena *a)
{
    struct telemetry_model *all = rows->p;
    for (size_t i = 0; i < rows->count; i++)
        if (strcmp(all[i].model, name) == 0)
            return &all[i];
    struct telemetry_model *m = rows_add(rows);
    m->model = arena_strdup(a, str_of(name));
    return m;
}

/* "model_input_tokens" -> where it goes; NULL for what is not told. */
static int64_t *figure_of(struct telemetry_model *m, struct str name)
{
    if (str_equal(name, STR("model_runs")))
        return &m->runs;
    if (str_equal(name, STR("model_cost_micro_usd")))
        return &m->cost_micro_usd;
    struct str prefix = STR("model_");
    for (size_t k = 0; k < USAGE_KIND_COUNT; k++)
        if (name.n > prefix.n &&
            str_equal((struct str){name.p + prefix.n, name.n - prefix.n}, str_of(usage_kind_names[k])))
            return &m->tokens[k];
    return NULL;
}

static void add_total(struct telemetry_figures *f, const struct telemetry_model *m)
{
    f->total_runs += m->runs;
    f->total_cost_micro_usd += m->cost_micro_usd;
    for (size_t k = 0; k < USAGE_KIND_COUNT; k++)
        f->total_tokens[k] += m->tokens[k];
}

/* Counters by model now, less what they were at the last window's end. */
static int count_models(struct db *db, struct arena *a, struct telemetry_figures *f, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct telemetry_model);
    int rc = db_query(db,
                      "SELECT c.name, c.label, c.value, c.value - COALESCE(t.value, 0) FROM counters c"
                      " LEFT JOIN telemetry_counters t ON t.name = c.name AND t.label = c.label"
                      " WHERE c.name >= 'model_' AND c.name < 'model`' ORDER BY c.label",
                      DB_NO_ARGS, &c, e);
    if (rc)
        return rc;
    while ((rc = db_next(&c, e)) == 1) {
        char *label = db_text(&c, 1, a);
        struct telemetry_model total = {0};
        int64_t *own = figure_of(model_of(&rows, label, a), db_str(&c, 0));
        int64_t *all = figure_of(&total, db_str(&c, 0));
        if (!own || !all)
            continue;
        *own += db_i64(&c, 3);
        *all = db_i64(&c, 2);
        add_total(f, &total);
    }
    f->models = rows.p;
    f->model_count = rows.count;
    return rc;
}

/* The first window has no counters to begin from: what ended in it is counted once. */
static int count_first_models(struct db *db, const struct window *w, struct arena *a,
                              struct telemetry_figures *f, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct telemetry_model);
    int rc = db_query(
        db,
        "SELECT COALESCE(usage_model, model, ''), COUNT(*), CAST(COALESCE(SUM(cost_micro_usd), 0) AS BIGINT),"
        " CAST(COALESCE(SUM(input_tokens), 0) AS BIGINT), CAST(COALESCE(SUM(output_tokens), 0) AS BIGINT),"
        " CAST(COALESCE(SUM(cache_read_tokens), 0) AS BIGINT),"
        " CAST(COALESCE(SUM(cache_creation_tokens), 0) AS BIGINT),"
        " CAST(COALESCE(SUM(cache_creation_5m_tokens), 0) AS BIGINT),"
        " CAST(COALESCE(SUM(cache_creation_1h_tokens), 0) AS BIGINT),"
        " CAST(COALESCE(SUM(reasoning_tokens), 0) AS BIGINT)"
        " FROM runs WHERE ended_at >= $1 GROUP BY COALESCE(usage_model, model, '') ORDER BY 1",
        DB_ARGS(DB_I64(w->start_us)), &c, e);
    if (rc)
        return rc;
    while ((rc = db_next(&c, e)) == 1) {
        struct telemetry_model *m = rows_add(&rows);
        m->model = db_text(&c, 0, a);
        m->runs = db_i64(&c, 1);
        m->cost_micro_usd = db_i64(&c, 2);
        for (int k = 0; k < USAGE_KIND_COUNT; k++)
            m->tokens[k] = db_i64(&c, 3 + k);
    }
    f->models = rows.p;
    f->model_count = rows.count;
    return rc;
}

#define TASKS_COUNTER "reported_tasks"

int telemetry_count(struct db *db, const struct window *w, bool first, struct arena *a,
                    struct telemetry_figures *ret, struct err *e)
{
    *ret = (struct telemetry_figures){0};
    int rc = count_fleet(db, ret, e);
    if (rc == 0)
        rc = count_tasks(db, w, a, ret, e);
    if (rc == 0)
        rc = count_models(db, a, ret, e);
    if (rc == 0 && first)
        rc = count_first_models(db, w, a, ret, e);
    if (rc == 0)
        rc = or_zero(db_value_i64(db,
                                  "SELECT value FROM telemetry_counters WHERE name = '" TASKS_COUNTER
                                  "' AND label = ''",
                                  DB_NO_ARGS, &ret->total_tasks, e),
                     &ret->total_tasks);
    for (size_t i = 0; i < ret->task_count; i++)
        ret->total_tasks += ret->tasks[i].count;
    return rc;
}

int telemetry_cut(struct db *db, const char *epoch, int64_t window_no, const struct window *w,
                  struct str payload, int64_t total_tasks, int64_t now_us, struct err *e)
{
    int rc =
        db_run(db,
               "INSERT INTO telemetry_windows (epoch, window_no, window_start, window_end, state, payload,"
               " created_at) VALUES ($1, $2, $3, $4, 'pending', $5, $6)",
               DB_ARGS(DB_TEXT(epoch), DB_I64(window_no), DB_I64(w->start_us), DB_I64(w->end_us),
                       DB_STR(payload), DB_I64(now_us)),
               NULL, e);
    if (rc == 0)
        rc = db_run(
            db,
            "INSERT INTO telemetry_counters (name, label, value) SELECT name, label, value FROM counters"
            " WHERE name >= 'model_' AND name < 'model`'"
            " ON CONFLICT (name, label) DO UPDATE SET value = excluded.value",
            DB_NO_ARGS, NULL, e);
    return rc ? rc
              : db_run(db,
                       "INSERT INTO telemetry_counters (name, label, value) VALUES ('" TASKS_COUNTER
                       "', '', $1)"
                       " ON CONFLICT (name, label) DO UPDATE SET value = excluded.value",
                       DB_ARGS(DB_I64(total_tasks)), NULL, e);
}

/* -- windows -- */

#define COLUMNS                                                                                              \
    "id, window_no, window_start, window_end, tries, refusals, status, created_at, acked_at, epoch, state, " \
    "error, payload"

static struct telemetry_window read_window(struct db_cursor *c, struct arena *a)
{
    return (struct telemetry_window){.id = db_i64(c, 0),
                                     .window_no = db_i64(c, 1),
                                     .start_us = db_i64(c, 2),
                                     .end_us = db_i64(c, 3),
                                     .tries = db_i64(c, 4),
                                     .refusals = db_i64(c, 5),
                                     .status = db_i64(c, 6),
                                     .created_at = db_i64(c, 7),
                                     .acked_at = db_i64(c, 8),
                                     .epoch = db_text(c, 9, a),
                                     .state = db_text(c, 10, a),
                                     .error = db_text(c, 11, a),
                                     .payload = db_text(c, 12, a)};
}

static int read_one(struct db *db, const char *sql, const struct db_arg *args, size_t count, struct arena *a,
                    struct telemetry_window *ret, struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, sql, args, count, &c, e);
    if (rc == 0)
        rc = db_next(&c, e);
    if (rc != 1)
        return rc ? rc : DB_E_NONE;
    *ret = read_window(&c, a);
    return 0;
}

int telemetry_oldest(struct db *db, const char *state, struct arena *a, struct telemetry_window *ret,
                     struct err *e)
{
    return read_one(db,
                    "SELECT " COLUMNS " FROM telemetry_windows WHERE state = $1 AND state <> 'acked'"
                    " ORDER BY id LIMIT 1",
                    DB_ARGS(DB_TEXT(state)), a, ret, e);
}

int telemetry_by_no(struct db *db, const char *epoch, int64_t window_no, struct arena *a,
                    struct telemetry_window *ret, struct err *e)
{
    return read_one(db, "SELECT " COLUMNS " FROM telemetry_windows WHERE epoch = $1 AND window_no = $2",
                    DB_ARGS(DB_TEXT(epoch), DB_I64(window_no)), a, ret, e);
}

int telemetry_list(struct db *db, const char *state, int64_t after, int64_t limit, struct arena *a,
                   struct telemetry_window **ret, size_t *ret_count, struct err *e)
{
    static const char of_any[] =
        "SELECT " COLUMNS " FROM telemetry_windows WHERE id > $1 ORDER BY id LIMIT $2";
    static const char of_state[] = "SELECT " COLUMNS " FROM telemetry_windows WHERE id > $1 AND state = $3"
                                   " ORDER BY id LIMIT $2";
    CLEANUP(db_done) struct db_cursor c = {0};
    struct rows rows = ROWS_INIT(a, struct telemetry_window);
    const struct db_arg args[] = {DB_I64(after), DB_I64(limit), DB_TEXT(state)};
    int rc = db_query(db, state ? of_state : of_any, args, state ? 3 : 2, &c, e);
    if (rc)
        return rc;
    while ((rc = db_next(&c, e)) == 1)
        *(struct telemetry_window *)rows_add(&rows) = read_window(&c, a);
    *ret = rows.p;
    *ret_count = rows.count;
    return rc;
}

int telemetry_settle(struct db *db, int64_t id, const char *state, bool refused, int status,
                     const char *error, int64_t now_us, struct err *e)
{
    bool acked = strcmp(state, "acked") == 0;
    return db_run(db,
                  "UPDATE telemetry_windows SET state = $2, tries = tries + 1, refusals = refusals + $3,"
                  " status = $4, error = $5, acked_at = $6,"
                  " payload = CASE WHEN $7 = 1 THEN NULL ELSE payload END WHERE id = $1 AND state <> 'acked'",
                  DB_ARGS(DB_I64(id), DB_TEXT(state), DB_I64(refused), DB_I64_OR_NULL(status > 0, status),
                          DB_TEXT(error), DB_I64_OR_NULL(acked, now_us), DB_I64(acked)),
                  NULL, e);
}

static bool is_among(int64_t no, const int64_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == no)
            return true;
    return false;
}

static int set_state(struct db *db, int64_t id, bool has, int64_t now_us, struct err *e)
{
    if (has)
        return db_run(
            db, "UPDATE telemetry_windows SET state = 'acked', acked_at = $2, payload = NULL WHERE id = $1",
            DB_ARGS(DB_I64(id), DB_I64(now_us)), NULL, e);
    return db_run(db, "UPDATE telemetry_windows SET state = 'pending' WHERE id = $1", DB_ARGS(DB_I64(id)),
                  NULL, e);
}

#define CONFIRM_MAX 1000 /* at a time; the rest follows with the next answer */

int telemetry_confirm(struct db *db, const char *epoch, int64_t window_no, const int64_t *missing,
                      size_t missing_count, int64_t now_us, struct err *e)
{
    struct arena a;
    struct telemetry_window *rows = NULL;
    size_t count = 0;
    arena_init(&a);
    int rc = telemetry_list(db, "taken", 0, CONFIRM_MAX, &a, &rows, &count, e);
    for (size_t i = 0; rc == 0 && i < count; i++)
        if (strcmp(rows[i].epoch, epoch) == 0 && rows[i].window_no < window_no)
            rc = set_state(db, rows[i].id, !is_among(rows[i].window_no, missing, missing_count), now_us, e);
    arena_reset(&a);
    return rc;
}

int telemetry_sweep(struct db *db, int64_t before_us, int64_t limit, struct err *e)
{
    return db_run(db,
                  "DELETE FROM telemetry_windows WHERE id IN (SELECT id FROM telemetry_windows"
                  " WHERE id < (SELECT MAX(id) FROM telemetry_windows) AND state = 'acked' AND acked_at < $1"
                  " ORDER BY id LIMIT $2)",
                  DB_ARGS(DB_I64(before_us), DB_I64(limit)), NULL, e);
}
