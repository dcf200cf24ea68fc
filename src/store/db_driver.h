/* db_driver.h -- what a driver fills in, for the files of the store that are beneath the tables (spec 10 D1).
 *
 * A driver embeds struct db first in its own struct.  Everything that differs between databases stands in
 * this table: adding a database is adding a file and a row in db.c. */
#pragma once
#include "store/db.h"

struct migration {   /* migrations.c; forward only */
    int64_t version; /* ascending from 1; gaps are fine */
    const char *name;
    const char *sql; /* statements, never changed once released: its checksum is recorded (D3) */
};
struct migration_list {
    const struct migration *rows;
    size_t count;
};

struct db_driver {
    const char *scheme; /* what a store's name begins with: "sqlite:" */
    enum db_dialect dialect;
    const struct migration_list *migrations;
    /* `target` is the name behind the scheme. */
    int (*open)(struct str target, const char *data_dir, bool writer, struct db **ret, struct err *e);
    struct db *(*close)(struct db *db);
    int (*set_durable)(struct db *db, bool durable, struct err *e);

    int (*run)(struct db *db, const char *sql, const struct db_arg *args, size_t count, int64_t *ret_changes,
               struct err *e);
    int (*insert)(struct db *db, const char *sql, const struct db_arg *args, size_t count, int64_t *ret_id,
                  struct err *e);
    int (*run_rows)(struct db *db, const char *sql, const char *types, const struct db_arg *args, size_t rows,
                    struct err *e);
    int (*script)(struct db *db, const char *sql, struct err *e); /* several statements, no rows */
    int (*query)(struct db *db, const char *sql, const struct db_arg *args, size_t count,
                 struct db_cursor *ret, struct err *e);
    int (*next)(struct db_cursor *c, struct err *e);
    void (*done)(struct db_cursor *c);
    bool (*is_null)(struct db_cursor *c, int column);
    int64_t (*i64)(struct db_cursor *c, int column);
    struct str (*str)(struct db_cursor *c, int column);

    int (*begin)(struct db *db, bool write, struct err *e);
    int (*commit)(struct db *db, struct err *e);
    void (*rollback)(struct db *db);
    int (*savepoint)(struct db *db, struct err *e);
    int (*release)(struct db *db, struct err *e);
    void (*rollback_to_savepoint)(struct db *db);
    bool (*in_transaction)(struct db *db);

    void (*announce)(struct db *db, enum db_topic topic); /* NULL where nobody else could listen */
    const char *(*writer_id)(struct db *db);
    char *(*shown)(const char *store); /* its name without secrets; NULL where there are none */
    int (*is_empty)(struct db *db, bool *ret, struct err *e); /* no table of anybody's but spec 60 T10's */
    int (*has_column)(struct db *db, const char *table, const char *column, bool *ret,
                      struct err *e);                                 /* false without the table too */
    int (*has_migrations)(struct db *db, bool *ret, struct err *e);   /* the table of that name */
    int (*copy_aside)(struct db *db, int64_t version, struct err *e); /* before an upgrade (D3) */
    void (*sizes)(struct db *db, int64_t *ret_file_bytes, int64_t *ret_log_bytes);
    /* 0, or DB_E_CORRUPT with the first finding in `e`. */
    int (*check_integrity)(struct db *db, struct err *e);
    /* The statements that this connection has prepared: what a test explains. */
    void (*each_statement)(struct db *db, void (*each)(void *arg, const char *sql), void *arg);
};

struct db {
    const struct db_driver *driver;
};

extern const struct db_driver db_driver_sqlite, db_driver_postgres;
extern const struct migration_list migrations_sqlite;
extern const char migration_schedules[];
extern const char migration_workers[]; /* the later steps, one file each: migrations_*.c */

static inline bool db_in_transaction(struct db *db)
{
    return db->driver->in_transaction(db);
}
static inline void db_sizes(struct db *db, int64_t *ret_file_bytes, int64_t *ret_log_bytes)
{
    db->driver->sizes(db, ret_file_bytes, ret_log_bytes);
}
static inline int db_set_durable(struct db *db, bool durable,
                                 struct err *e) /* false: a commit survives a crash of
                                                 * muster, not one of the machine */
{
    return db->driver->set_durable(db, durable, e);
}

/* The driver of a store's name, and the part behind the scheme. */
MUST_CHECK int db_driver_of(const char *store, const struct db_driver **ret, struct str *ret_target,
                            struct err *e);
