#include "store/db.h"

#include "store/db_driver.h"

static const struct {
    const char *scheme;
    const struct db_driver *driver;
} drivers[] = {
    {"sqlite:", &db_driver_sqlite},
    {"postgres://", &db_driver_postgres},
    {"postgresql://", &db_driver_postgres},
};

int db_driver_of(const char *store, const struct db_driver **ret, struct str *ret_target, struct err *e)
{
    struct str name = str_of(store);
    for (size_t i = 0; i < COUNT_OF(drivers); i++) {
        struct str scheme = str_of(drivers[i].scheme);
        if (!str_starts_with(name, scheme))
            continue;
        if (name.n == scheme.n)
            return err_set(e, ERR_INVALID, -EINVAL, "store \"%s\" names no database", store);
        *ret = drivers[i].driver;
        *ret_target = (struct str){name.p + scheme.n, name.n - scheme.n};
        return 0;
    }
    return err_set(e, ERR_INVALID, -EINVAL,
                   "store \"%s\" must be \"sqlite:PATH\" or \"postgres://USER@HOST/DATABASE\"",
                   store ? store : "");
}

int db_open(const char *store, const char *data_dir, bool writer, struct db **ret, struct err *e)
{
    const struct db_driver *driver;
    struct str target;
    int rc = db_driver_of(store, &driver, &target, e);
    return rc ? rc : driver->open(target, data_dir, writer, ret, e);
}

struct db *db_close(struct db *db)
{
    return db ? db->driver->close(db) : NULL;
}

int db_run(struct db *db, const char *sql, const struct db_arg *args, size_t count, int64_t *ret_changes,
           struct err *e)
{
    return db->driver->run(db, sql, args, count, ret_changes, e);
}

int db_insert(struct db *db, const char *sql, const struct db_arg *args, size_t count, int64_t *ret_id,
              struct err *e)
{
    return db->driver->insert(db, sql, args, count, ret_id, e);
}

int db_run_rows(struct db *db, const char *sql, const char *types, const struct db_arg *args, size_t rows,
                struct err *e)
{
    return rows ? db->driver->run_rows(db, sql, types, args, rows, e) : 0;
}

int db_query(struct db *db, const char *sql, const struct db_arg *args, size_t count, struct db_cursor *ret,
             struct err *e)
{
    return db->driver->query(db, sql, args, count, ret, e);
}

int db_next(struct db_cursor *c, struct err *e)
{
    return c->db->driver->next(c, e);
}

void db_done(struct db_cursor *c)
{
    if (c->statement)
        c->db->driver->done(c);
    c->statement = NULL;
}

bool db_is_null(struct db_cursor *c, int column)
{
    return c->db->driver->is_null(c, column);
}

int64_t db_i64(struct db_cursor *c, int column)
{
    return c->db->driver->i64(c, column);
}

struct str db_str(struct db_cursor *c, int column)
{
    return c->db->driver->str(c, column);
}

char *db_text(struct db_cursor *c, int column, struct arena *a)
{
    return db_is_null(c, column) ? NULL : arena_strdup(a, db_str(c, column));
}

int db_value_i64(struct db *db, const char *sql, const struct db_arg *args, size_t count, int64_t *ret,
                 struct err *e)
{
    CLEANUP(db_done) struct db_cursor c = {0};
    int rc = db_query(db, sql, args, count, &c, e);
    if (rc)
        return rc;
    rc = db_next(&c, e);
    if (rc != 1)
        return rc ? rc : DB_E_NONE;
    if (db_is_null(&c, 0))
        return DB_E_NONE;
    *ret = db_i64(&c, 0);
    return 0;
}

enum db_dialect db_dialect(const struct db *db)
{
    return db->driver->dialect;
}

void db_announce(struct db *db, enum db_topic topic)
{
    if (db->driver->announce)
        db->driver->announce(db, topic);
}

const char *db_writer_id(struct db *db)
{
    return db->driver->writer_id ? db->driver->writer_id(db) : NULL;
}

char *db_shown(const char *store)
{
    const struct db_driver *driver = NULL;
    struct str target;
    if (db_driver_of(store, &driver, &target, NULL) != 0 || !driver->shown)
        return xstrdup(store);
    return driver->shown(store);
}

int db_begin(struct db *db, bool write, struct err *e)
{
    return db->driver->begin(db, write, e);
}

int db_commit(struct db *db, struct err *e)
{
    return db->driver->commit(db, e);
}

void db_rollback(struct db *db)
{
    db->driver->rollback(db);
}

int db_savepoint(struct db *db, struct err *e)
{
    return db->driver->savepoint(db, e);
}

int db_release(struct db *db, struct err *e)
{
    return db->driver->release(db, e);
}

void db_rollback_to_savepoint(struct db *db)
{
    db->driver->rollback_to_savepoint(db);
}
