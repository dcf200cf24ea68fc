#include "store/db_sqlite.h"

#include "base/parse.h"

#define ARGUMENTS_MAX 48 /* of one statement; a table's row is the longest */

struct statement {
    sqlite3_stmt *handle;
    int parameters;
    uint8_t argument[ARGUMENTS_MAX]; /* SQLite's parameter i (from 0) is $argument[i] (from 1) */
    bool open;                       /* a cursor stands on it */
};

/* -- errors -- */

static bool is_out_of_space(int code, int system_errno)
{
    if ((code & 0xff) == SQLITE_FULL)
        return true;
    return (code & 0xff) == SQLITE_IOERR && (system_errno == ENOSPC || system_errno == EDQUOT);
}

int db_sqlite_fail(struct db_sqlite *d, int code, struct err *e)
{
    int system_errno = sqlite3_system_errno(d->handle);
    const char *why = sqlite3_errmsg(d->handle);
    if (is_out_of_space(code, system_errno))
        return err_set(e, ERR_STORAGE_FULL, DB_E_FULL, "no space left to write %s; free some, then try again",
                       d->path);
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set(e, ERR_UNAVAILABLE, DB_E_BUSY, "%s is in use by another program: %s", d->path, why);
    case SQLITE_CONSTRAINT:
        return err_set(e, ERR_CONFLICT, DB_E_CONSTRAINT, "%s", why);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(e, ERR_INTERNAL, DB_E_CORRUPT, "%s is damaged (%s); " DB_SQLITE_RECOVER, d->path, why,
                       d->path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return err_set(e, ERR_UNAVAILABLE, DB_E_READONLY, "%s cannot be written: %s", d->path, why);
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR: {
        int rc = system_errno ? -system_errno : -EIO;
        return err_set(e, ERR_INTERNAL, rc, "%s: %s: %s", d->path, why, strerror(-rc));
    }
    default:
        return err_set(e, ERR_INTERNAL, -EIO, "%s: %s", d->path, why);
    }
}

/* -- statements -- */

/* `$3` is a name to SQLite, numbered by first appearance; to PostgreSQL it is the third.  Here it is the
 * third too. */
static void map_arguments(struct statement *s)
{
    s->parameters = sqlite3_bind_parameter_count(s->handle);
    assert(s->parameters <= ARGUMENTS_MAX);
    for (int i = 0; i < s->parameters; i++) {
        const char *name = sqlite3_bind_parameter_name(s->handle, i + 1);
        int64_t number = 0;
        bool ok = name && name[0] == '$' && parse_i64_in(str_of(name + 1), 1, ARGUMENTS_MAX, &number);
        assert(ok);
        s->argument[i] = (uint8_t)number;
    }
}

static int prepare(struct db_sqlite *d, const char *sql, struct statement **ret, struct err *e)
{
    struct statement *s = map_get(&d->statements, str_of(sql));
    if (!s) {
        sqlite3_stmt *handle;
        int code = sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, NULL);
        if (code != SQLITE_OK)
            return db_sqlite_fail(d, code, e);
        s = xnew(struct statement);
        s->handle = handle;
        map_arguments(s);
        (void)map_put(&d->statements, str_of(sql), s);
    }
    assert(!s->open);
    *ret = s;
    return 0;
}

static int bind_one(sqlite3_stmt *handle, int position, const struct db_arg *arg)
{
    if (arg->type == DB_ARG_I64)
        return sqlite3_bind_int64(handle, position, arg->i64);
    if (arg->type == DB_ARG_NULL || !arg->text.p)
        return sqlite3_bind_null(handle, position);
    return sqlite3_bind_text64(handle, position, arg->text.p, arg->text.n, SQLITE_STATIC, SQLITE_UTF8);
}

static int start(struct db_sqlite *d, const char *sql, const struct db_arg *args, size_t count,
                 struct statement **ret, struct err *e)
{
    struct statement *s = NULL;
    int rc = prepare(d, sql, &s, e);
    if (rc)
        return rc;
    assert(s);
    for (int i = 0; i < s->parameters; i++) {
        assert(args && s->argument[i] <= count);
        int code = bind_one(s->handle, i + 1, &args[s->argument[i] - 1]);
        if (code != SQLITE_OK)
            return db_sqlite_fail(d, code, e);
    }
    *ret = s;
    return 0;
}

static int sqlite_run(struct db *db, const char *sql, const struct db_arg *args, size_t count,
                      int64_t *ret_changes, struct err *e)
{
    struct db_sqlite *d = db_sqlite_of(db);
    struct statement *s = NULL;
    int rc = start(d, sql, args, count, &s, e);
    if (rc)
        return rc;
    assert(s);
    int code;
    do {
        code = sqlite3_step(s->handle);
    } while (code == SQLITE_ROW);
    if (code != SQLITE_DONE)
        rc = db_sqlite_fail(d, code, e); /* before the reset, which may forget the reason */
    else if (ret_changes)
        *ret_changes = sqlite3_changes64(d->handle);
    (void)sqlite3_reset(s->handle);
    return rc;
}

static int sqlite_insert(struct db *db, const char *sql, const struct db_arg *args, size_t count,
                         int64_t *ret_id, struct err *e)
{
    int rc = sqlite_run(db, sql, args, count, NULL, e);
    if (rc == 0)
        *ret_id = sqlite3_last_insert_rowid(db_sqlite_of(db)->handle);
    return rc;
}

static int sqlite_run_rows(struct db *db, const char *sql, const char *types, const struct db_arg *args,
                           size_t rows, struct err *e)
{
    size_t columns = strlen(types);
    int rc = 0;
    for (size_t row = 0; rc == 0 && row < rows; row++)
        rc = sqlite_run(db, sql, args + row * columns, columns, NULL, e);
    return rc;
}

int db_sqlite_script(struct db *db, const char *sql, struct err *e)
{
    struct db_sqlite *d = db_sqlite_of(db);
    int code = sqlite3_exec(d->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : db_sqlite_fail(d, code, e);
}

/* -- cursors -- */

static int sqlite_query(struct db *db, const char *sql, const struct db_arg *args, size_t count,
                        struct db_cursor *ret, struct err *e)
{
    struct statement *s = NULL;
    int rc = start(db_sqlite_of(db), sql, args, count, &s, e);
    if (rc)
        return rc;
    assert(s);
    s->open = true;
    *ret = (struct db_cursor){.db = db, .statement = s};
    return 0;
}

static int sqlite_next(struct db_cursor *c, struct err *e)
{
    struct statement *s = c->statement;
    int code = sqlite3_step(s->handle);
    if (code == SQLITE_ROW)
        return 1;
    return code == SQLITE_DONE ? 0 : db_sqlite_fail(db_sqlite_of(c->db), code, e);
}

static void sqlite_done(struct db_cursor *c)
{
    struct statement *s = c->statement;
    (void)sqlite3_reset(s->handle);
    s->open = false;
}

static sqlite3_stmt *handle_of(const struct db_cursor *c)
{
    return ((struct statement *)c->statement)->handle;
}

static bool sqlite_is_null(struct db_cursor *c, int column)
{
    return sqlite3_column_type(handle_of(c), column) == SQLITE_NULL;
}

static int64_t sqlite_i64(struct db_cursor *c, int column)
{
    return sqlite3_column_int64(handle_of(c), column);
}

static struct str sqlite_str(struct db_cursor *c, int column)
{
    const char *text = (const char *)sqlite3_column_text(handle_of(c), column);
    return text ? (struct str){text, (size_t)sqlite3_column_bytes(handle_of(c), column)} : (struct str){0};
}

/* -- transactions -- */

static int sqlite_begin(struct db *db, bool write, struct err *e)
{
    return sqlite_run(db, write ? "BEGIN IMMEDIATE" : "BEGIN", DB_NO_ARGS, NULL, e);
}

static int sqlite_commit(struct db *db, struct err *e)
{
    return sqlite_run(db, "COMMIT", DB_NO_ARGS, NULL, e);
}

/* A cursor left open by an operation that failed would keep its statement busy for ever. */
static void reset_statements(struct db_sqlite *d)
{
    size_t at = 0;
    struct str text;
    void *value;
    while (map_next(&d->statements, &at, &text, &value)) {
        struct statement *s = value;
        (void)sqlite3_reset(s->handle);
        s->open = false;
    }
}

static bool sqlite_in_transaction(struct db *db)
{
    return sqlite3_get_autocommit(db_sqlite_of(db)->handle) == 0;
}

static void sqlite_rollback(struct db *db)
{
    reset_statements(db_sqlite_of(db));
    if (sqlite_in_transaction(db)) /* some errors roll back by themselves */
        (void)sqlite_run(db, "ROLLBACK", DB_NO_ARGS, NULL, NULL);
}

static int sqlite_savepoint(struct db *db, struct err *e)
{
    return sqlite_run(db, "SAVEPOINT operation", DB_NO_ARGS, NULL, e);
}

static int sqlite_release(struct db *db, struct err *e)
{
    return sqlite_run(db, "RELEASE operation", DB_NO_ARGS, NULL, e);
}

static void sqlite_rollback_to_savepoint(struct db *db)
{
    reset_statements(db_sqlite_of(db));
    if (!sqlite_in_transaction(db))
        return;
    (void)sqlite_run(db, "ROLLBACK TO operation", DB_NO_ARGS, NULL, NULL);
    (void)sqlite_run(db, "RELEASE operation", DB_NO_ARGS, NULL, NULL);
}

static struct db *sqlite_close(struct db *db)
{
    struct db_sqlite *d = db_sqlite_of(db);
    size_t at = 0;
    struct str text;
    void *value;
    while (map_next(&d->statements, &at, &text, &value)) {
        struct statement *s = value;
        (void)sqlite3_finalize(s->handle);
        free(s);
    }
    map_deinit(&d->statements);
    (void)sqlite3_close_v2(d->handle);
    closep(&d->lock_fd); /* last: the lock is held until the file is left alone */
    free(d->path);
    free(d);
    return NULL;
}

static void sqlite_each_statement(struct db *db, void (*each)(void *arg, const char *sql), void *arg)
{
    size_t at = 0;
    struct str text;
    void *value;
    while (map_next(&db_sqlite_of(db)->statements, &at, &text, &value))
        each(arg, sqlite3_sql(((struct statement *)value)->handle));
}

const struct db_driver db_driver_sqlite = {
    .scheme = "sqlite:",
    .dialect = DB_SQLITE,
    .migrations = &migrations_sqlite,
    .open = db_sqlite_open,
    .close = sqlite_close,
    .set_durable = db_sqlite_set_durable,
    .run = sqlite_run,
    .insert = sqlite_insert,
    .run_rows = sqlite_run_rows,
    .script = db_sqlite_script,
    .query = sqlite_query,
    .next = sqlite_next,
    .done = sqlite_done,
    .is_null = sqlite_is_null,
    .i64 = sqlite_i64,
    .str = sqlite_str,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .savepoint = sqlite_savepoint,
    .release = sqlite_release,
    .rollback_to_savepoint = sqlite_rollback_to_savepoint,
    .in_transaction = sqlite_in_transaction,
    .is_empty = db_sqlite_is_empty,
    .has_migrations = db_sqlite_has_migrations,
    .has_column = db_sqlite_has_column,
    .copy_aside = db_sqlite_copy_aside,
    .sizes = db_sqlite_sizes,
    .check_integrity = db_sqlite_check_integrity,
    .each_statement = sqlite_each_statement,
};
