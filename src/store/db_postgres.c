#include "store/db_postgres.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/parse.h"

/* Of the database and schema: two stores in one database don't wait for each other. */
#define LOCK_SQL "SELECT pg_advisory_xact_lock(1836413812, hashtext(current_schema()))"

#define OID_INT8 20
#define OID_BOOL 16
#define NUMBER_MAX 24

struct rows { /* what a cursor stands on */
    PGresult *result;
    int row, count;
};

/* -- the pipeline -- */

/* What one statement of the pipeline came to; the result that ends it is NULL. */
static PGresult *take_result(struct db_postgres *d)
{
    PGresult *result = PQgetResult(d->conn);
    PGresult *end = result ? PQgetResult(d->conn) : NULL;
    assert(!end || db_postgres_is_lost(d));
    PQclear(end);
    return result;
}

static bool went_well(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* A statement that was skipped since one before it failed has nothing to say. */
static int outcome_of(struct db_postgres *d, const PGresult *result, int rc, struct err *e)
{
    if (rc || went_well(result) || PQresultStatus(result) == PGRES_PIPELINE_ABORTED)
        return rc;
    return db_postgres_fail(d, result, e);
}

/* Sends what is queued and reads all results; the last one is the caller's when all went well. */
static int collect(struct db_postgres *d, PGresult **ret, struct err *e)
{
    int rc = db_postgres_is_lost(d) || !PQpipelineSync(d->conn) ? db_postgres_lost(d, e) : 0;
    PGresult *last = NULL;
    for (size_t i = 0; i < d->queued_count && !db_postgres_is_lost(d); i++) {
        PQclear(last);
        last = take_result(d);
        if (d->queued[i] && !went_well(last))
            d->queued[i]->prepared = false;
        rc = outcome_of(d, last, rc, e);
    }
    d->queued_count = 0;
    d->questions = 0;
    if (!db_postgres_is_lost(d))
        PQclear(PQgetResult(d->conn)); /* of the sync */
    if (rc == 0 && db_postgres_is_lost(d))
        rc = db_postgres_lost(d, e);
    if (rc == 0 && ret)
        *ret = TAKE(last);
    PQclear(last);
    return rc;
}

static int queue_result(struct db_postgres *d, struct pg_statement *prepares)
{
    assert(d->queued_count < COUNT_OF(d->queued));
    d->queued[d->queued_count++] = prepares;
    return 0;
}

/* -- statements -- */

static struct pg_statement *statement_of(struct db_postgres *d, const char *sql)
{
    struct pg_statement *s = map_get(&d->statements, str_of(sql));
    if (s)
        return s;
    s = xnew(struct pg_statement);
    s->sql = xstrdup(sql);
    (void)snprintf(s->name, sizeof(s->name), "s%u", d->names++);
    (void)map_put(&d->statements, str_of(sql), s);
    return s;
}

static int queue_prepare(struct db_postgres *d, struct pg_statement *s, const struct db_postgres_bound *b,
                         struct err *e)
{
    if (!PQsendPrepare(d->conn, s->name, s->sql, b->count, b->types))
        return db_postgres_lost(d, e);
    s->prepared = true;
    return queue_result(d, s);
}

static int queue_bound(struct db_postgres *d, const char *sql, const struct db_postgres_bound *b,
                       struct err *e)
{
    int rc = db_postgres_is_lost(d) ? db_postgres_lost(d, e) : 0;
    if (rc == 0 && d->queued_count + 2 > COUNT_OF(d->queued))
        rc = collect(d, NULL, e);
    struct pg_statement *s = statement_of(d, sql);
    if (rc == 0 && !s->prepared)
        rc = queue_prepare(d, s, b, e);
    if (rc)
        return rc;
    if (!PQsendQueryPrepared(d->conn, s->name, b->count, b->values, b->lengths, b->binary, 0))
        return db_postgres_lost(d, e);
    return queue_result(d, NULL);
}

/* PostgreSQL refuses text that is not UTF-8, and a NUL in it; what an agent printed may have both. */
struct str db_postgres_storable(struct str text, struct arena *a)
{
    if (!memchr(text.p, 0, text.n) && str_is_utf8(text))
        return text;
    char *clean = arena_alloc(a, text.n + 1);
    for (size_t i = 0; i < text.n; i++)
        clean[i] = (unsigned char)text.p[i] < 0x80 && text.p[i] ? text.p[i] : '?';
    return (struct str){clean, text.n};
}

/* An integer is one, so that "$1 = 1" does not make it a smaller one; all else follows from where it stands.
 */
static void bind(struct db_postgres_bound *b, const struct db_arg *args, size_t count,
                 char numbers[][NUMBER_MAX], struct arena *a)
{
    b->count = (int)count;
    for (size_t i = 0; i < count; i++) {
        b->types[i] = args[i].type == DB_ARG_I64 ? OID_INT8 : 0;
        b->binary[i] = 0;
        b->values[i] = NULL;
        if (args[i].type == DB_ARG_I64) {
            (void)snprintf(numbers[i], NUMBER_MAX, "%lld", (long long)args[i].i64);
            b->values[i] = numbers[i];
        } else if (args[i].type == DB_ARG_TEXT && args[i].text.p) {
            struct str text = db_postgres_storable(args[i].text, a);
            b->values[i] = text.p;
            b->lengths[i] = (int)text.n;
            b->binary[i] = 1; /* its length is given: no NUL ends it */
        }
    }
}

static int queue(struct db_postgres *d, const char *sql, const struct db_arg *args, size_t count,
                 struct err *e)
{
    struct db_postgres_bound b;
    char numbers[DB_POSTGRES_ARGUMENTS_MAX][NUMBER_MAX];
    struct arena a;
    assert(count <= DB_POSTGRES_ARGUMENTS_MAX);
    arena_init(&a);
    bind(&b, args, count, numbers, &a);
    int rc = queue_bound(d, sql, &b, e);
    arena_reset(&a);
    return rc;
}

static int ask(struct db_postgres *d, const char *sql, const struct db_arg *args, size_t count,
               PGresult **ret, struct err *e)
{
    int rc = queue(d, sql, args, count, e);
    return rc ? rc : collect(d, ret, e);
}

static int postgres_run(struct db *db, const char *sql, const struct db_arg *args, size_t count,
                        int64_t *ret_changes, struct err *e)
{
    struct db_postgres *d = db_postgres_of(db);
    if (!ret_changes && d->began) {
        d->questions++;
        return queue(d, sql, args, count, e);
    }
    PGresult *result = NULL;
    int rc = ask(d, sql, args, count, &result, e);
    if (rc == 0 && ret_changes && !parse_i64(str_of(PQcmdTuples(result)), ret_changes))
        *ret_changes = 0;
    PQclear(result);
    return rc;
}

static int64_t number_at(const PGresult *result, int row, int column)
{
    const char *text = PQgetvalue(result, row, column);
    if (PQftype(result, column) == OID_BOOL)
        return text[0] == 't';
    return strtoll(text, NULL, 10); /* a sum is a numeric, without a fraction */
}

static int postgres_insert(struct db *db, const char *sql, const struct db_arg *args, size_t count,
                           int64_t *ret_id, struct err *e)
{
    struct buf text = BUF_INIT;
    PGresult *result = NULL;
    buf_printf(&text, "%s RETURNING id", sql);
    int rc = ask(db_postgres_of(db), text.p, args, count, &result, e);
    if (rc == 0 && PQntuples(result) == 1)
        *ret_id = number_at(result, 0, 0);
    PQclear(result);
    buf_deinit(&text);
    return rc;
}

int db_postgres_run_bound(struct db_postgres *d, const char *sql, const struct db_postgres_bound *b,
                          struct err *e)
{
    int rc = queue_bound(d, sql, b, e);
    d->questions++;
    return rc || d->began ? rc : collect(d, NULL, e);
}

int db_postgres_script(struct db *db, const char *sql, struct err *e)
{
    struct db_postgres *d = db_postgres_of(db);
    int rc = d->queued_count ? collect(d, NULL, e) : 0;
    if (rc == 0 && (db_postgres_is_lost(d) || !PQexitPipelineMode(d->conn)))
        rc = db_postgres_lost(d, e);
    if (rc)
        return rc;
    PGresult *result = PQexec(d->conn, sql);
    rc = went_well(result) ? 0 : db_postgres_fail(d, result, e);
    PQclear(result);
    if (!db_postgres_is_lost(d) && !PQenterPipelineMode(d->conn) && rc == 0)
        rc = db_postgres_lost(d, e);
    return rc;
}

/* -- cursors -- */

static int postgres_query(struct db *db, const char *sql, const struct db_arg *args, size_t count,
                          struct db_cursor *ret, struct err *e)
{
    PGresult *result = NULL;
    int rc = ask(db_postgres_of(db), sql, args, count, &result, e);
    if (rc)
        return rc;
    struct rows *rows = xnew(struct rows);
    *rows = (struct rows){.result = result, .row = -1, .count = PQntuples(result)};
    *ret = (struct db_cursor){.db = db, .statement = rows};
    return 0;
}

static int postgres_next(struct db_cursor *c, struct err *e)
{
    (void)e;
    struct rows *rows = c->statement;
    return ++rows->row < rows->count;
}

static void postgres_done(struct db_cursor *c)
{
    struct rows *rows = c->statement;
    PQclear(rows->result);
    free(rows);
}

static bool postgres_is_null(struct db_cursor *c, int column)
{
    const struct rows *rows = c->statement;
    return PQgetisnull(rows->result, rows->row, column);
}

static int64_t postgres_i64(struct db_cursor *c, int column)
{
    const struct rows *rows = c->statement;
    return postgres_is_null(c, column) ? 0 : number_at(rows->result, rows->row, column);
}

static struct str postgres_str(struct db_cursor *c, int column)
{
    const struct rows *rows = c->statement;
    if (postgres_is_null(c, column))
        return (struct str){0};
    return (struct str){PQgetvalue(rows->result, rows->row, column),
                        (size_t)PQgetlength(rows->result, rows->row, column)};
}

/* -- transactions -- */

/* A server that went away has said so on the socket. */
static bool is_gone(struct db_postgres *d)
{
    for (int i = 0; i < 3 && !db_postgres_is_lost(d); i++)
        (void)PQconsumeInput(d->conn);
    return db_postgres_is_lost(d);
}

static int look_for_commits(struct db_postgres *d, struct err *e)
{
    PGresult *result = NULL;
    int rc = ask(d, "SELECT to_regclass('store_commits') IS NOT NULL", DB_NO_ARGS, &result, e);
    if (rc == 0)
        d->has_commits = number_at(result, 0, 0) != 0;
    PQclear(result);
    return rc;
}

static int begin_writing(struct db_postgres *d, struct err *e)
{
    int rc = queue(d, "BEGIN", DB_NO_ARGS, e);
    d->began = d->writing = true;
    if (rc == 0)
        rc = ask(d, LOCK_SQL, DB_NO_ARGS, NULL, e);
    if (rc == 0 && !d->has_commits)
        rc = look_for_commits(d, e);
    return rc;
}

static int begin_reading(struct db_postgres *d, struct err *e)
{
    d->began = true;
    return queue(d, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", DB_NO_ARGS, e);
}

/* Nothing of the transaction has been done yet, so a connection that turns out to be lost is found again and
 * the caller need not know. */
static int postgres_begin(struct db *db, bool write, struct err *e)
{
    struct db_postgres *d = db_postgres_of(db);
    int rc = is_gone(d) ? db_postgres_reconnect(d, e) : 0;
    if (rc)
        return rc;
    rc = write ? begin_writing(d, e) : begin_reading(d, e);
    if (rc == 0 || !db_postgres_is_lost(d))
        return rc;
    rc = db_postgres_reconnect(d, e);
    if (rc == 0)
        rc = write ? begin_writing(d, e) : begin_reading(d, e);
    return rc;
}

static void postgres_rollback(struct db *db)
{
    struct db_postgres *d = db_postgres_of(db);
    if (!d->began)
        return;
    if (d->queued_count)
        (void)collect(d, NULL, NULL); /* whatever it says is undone */
    if (!db_postgres_is_lost(d))
        (void)ask(d, "ROLLBACK", DB_NO_ARGS, NULL, NULL);
    d->topics = 0;
    d->began = d->writing = false;
}

static int queue_token(struct db_postgres *d, const char *token, struct err *e)
{
    return queue(d,
                 "INSERT INTO store_commits (writer, token, at) VALUES ($1, $2,"
                 " (extract(epoch FROM now()) * 1000000)::bigint)"
                 " ON CONFLICT (writer) DO UPDATE SET token = excluded.token, at = excluded.at",
                 DB_ARGS(DB_TEXT(d->id), DB_TEXT(token)), e);
}

static int has_token(struct db_postgres *d, const char *token, struct err *e)
{
    PGresult *result = NULL;
    int rc = ask(d, "SELECT 1 FROM store_commits WHERE writer = $1 AND token = $2",
                 DB_ARGS(DB_TEXT(d->id), DB_TEXT(token)), &result, e);
    bool found = rc == 0 && PQntuples(result) == 1;
    PQclear(result);
    if (rc || found)
        return rc;
    return err_set(e, ERR_UNAVAILABLE, DB_E_BUSY,
                   "%s: the connection was lost before the change was made; try again", d->shown);
}

#define CHANNEL "'muster_' || current_schema()"

static int queue_announcement(struct db_postgres *d, struct err *e)
{
    char payload[64];
    (void)snprintf(payload, sizeof(payload), "%s %u", d->id, d->topics);
    return queue(d, "SELECT pg_notify(" CHANNEL ", $1)", DB_ARGS(DB_TEXT(payload)), e);
}

int db_postgres_listen(struct db *db, struct err *e)
{
    PGresult *result = NULL;
    int rc = ask(db_postgres_of(db), "SELECT 'LISTEN ' || quote_ident(" CHANNEL ")", DB_NO_ARGS, &result, e);
    if (rc == 0)
        rc = db_postgres_script(db, PQgetvalue(result, 0, 0), e);
    PQclear(result);
    if (rc == 0 && !PQexitPipelineMode(db_postgres_of(db)->conn)) /* in which libpq looks for no notices */
        rc = db_postgres_lost(db_postgres_of(db), e);
    return rc;
}

/* The connection was lost between COMMIT and its answer.  Whoever has the lock knows that the lost
 * transaction is over, one way or the other, also when its backend was still at it. */
static int resolve(struct db_postgres *d, const char *token, struct err *e)
{
    int rc = db_postgres_reconnect(d, e);
    if (rc)
        return rc;
    rc = begin_writing(d, e);
    if (rc == 0)
        rc = has_token(d, token, e);
    postgres_rollback(&d->db);
    return rc;
}

/* COMMIT of a transaction in which a statement failed is answered with ROLLBACK, and no error. */
static int check_committed(struct db_postgres *d, const PGresult *result, struct err *e)
{
    if (strcmp(PQcmdStatus((PGresult *)(uintptr_t)result), "COMMIT") == 0)
        return 0;
    return err_set(e, ERR_INTERNAL, -EIO, "%s: the transaction was rolled back", d->shown);
}

static int postgres_commit(struct db *db, struct err *e)
{
    struct db_postgres *d = db_postgres_of(db);
    PGresult *result = NULL;
    char token[33];
    hash_random_hex(16, token);
    bool traced = d->writing && d->has_commits;
    int rc = traced ? queue_token(d, token, e) : 0;
    if (rc == 0 && d->topics)
        rc = queue_announcement(d, e);
    d->topics = 0;
    if (rc == 0)
        rc = ask(d, "COMMIT", DB_NO_ARGS, &result, e);
    if (rc == 0) {
        rc = check_committed(d, result, e);
        d->began = d->writing = false;
    }
    PQclear(result);
    return rc && traced && db_postgres_is_lost(d) ? resolve(d, token, e) : rc;
}

static int postgres_savepoint(struct db *db, struct err *e)
{
    return queue(db_postgres_of(db), "SAVEPOINT operation", DB_NO_ARGS, e);
}

/* With nothing unanswered there is nothing to wait for. */
static int postgres_release(struct db *db, struct err *e)
{
    struct db_postgres *d = db_postgres_of(db);
    bool unanswered = d->questions > 0;
    int rc = queue(d, "RELEASE SAVEPOINT operation", DB_NO_ARGS, e);
    return rc == 0 && unanswered ? collect(d, NULL, e) : rc;
}

static void postgres_rollback_to_savepoint(struct db *db)
{
    struct db_postgres *d = db_postgres_of(db);
    if (d->queued_count)
        (void)collect(d, NULL, NULL); /* an error of these would skip what follows */
    int rc = queue(d, "ROLLBACK TO SAVEPOINT operation", DB_NO_ARGS, NULL);
    if (rc == 0)
        rc = ask(d, "RELEASE SAVEPOINT operation", DB_NO_ARGS, NULL, NULL);
    if (rc)
        postgres_rollback(db);
}

static bool postgres_in_transaction(struct db *db)
{
    const struct db_postgres *d = db_postgres_of(db);
    return d->began && !db_postgres_is_lost(d);
}

static void forget_commits(struct db_postgres *d)
{
    if (d->writer && d->has_commits && !db_postgres_is_lost(d))
        (void)ask(d, "DELETE FROM store_commits WHERE writer = $1", DB_ARGS(DB_TEXT(d->id)), NULL, NULL);
}

static void postgres_announce(struct db *db, enum db_topic topic)
{
    db_postgres_of(db)->topics |= topic;
}

static const char *postgres_writer_id(struct db *db)
{
    return db_postgres_of(db)->id;
}

static struct db *postgres_close(struct db *db)
{
    struct db_postgres *d = db_postgres_of(db);
    postgres_rollback(db);
    forget_commits(d);
    db_postgres_disconnect(d);
    size_t at = 0;
    struct str text;
    void *value;
    while (map_next(&d->statements, &at, &text, &value)) {
        struct pg_statement *s = value;
        free(s->sql);
        free(s);
    }
    map_deinit(&d->statements);
    free(d->url);
    free(d->shown);
    free(d);
    return NULL;
}

static void postgres_each_statement(struct db *db, void (*each)(void *arg, const char *sql), void *arg)
{
    size_t at = 0;
    struct str text;
    void *value;
    while (map_next(&db_postgres_of(db)->statements, &at, &text, &value))
        each(arg, ((struct pg_statement *)value)->sql);
}

const struct db_driver db_driver_postgres = {
    .scheme = "postgres://",
    .dialect = DB_POSTGRES,
    .migrations = &migrations_sqlite,
    .open = db_postgres_open,
    .close = postgres_close,
    .set_durable = db_postgres_set_durable,
    .run = postgres_run,
    .insert = postgres_insert,
    .run_rows = db_postgres_run_rows,
    .script = db_postgres_migrate_script,
    .query = postgres_query,
    .next = postgres_next,
    .done = postgres_done,
    .is_null = postgres_is_null,
    .i64 = postgres_i64,
    .str = postgres_str,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .savepoint = postgres_savepoint,
    .release = postgres_release,
    .rollback_to_savepoint = postgres_rollback_to_savepoint,
    .in_transaction = postgres_in_transaction,
    .announce = postgres_announce,
    .writer_id = postgres_writer_id,
    .shown = db_postgres_shown,
    .is_empty = db_postgres_is_empty,
    .has_column = db_postgres_has_column,
    .has_migrations = db_postgres_has_migrations,
    .copy_aside = db_postgres_copy_aside,
    .sizes = db_postgres_sizes,
    .check_integrity = db_postgres_check_integrity,
    .each_statement = postgres_each_statement,
};
