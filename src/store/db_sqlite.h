/* db_sqlite.h -- the parts of the SQLite driver, for its own files only.
 *
 *   db_sqlite.c       statements, cursors, transactions
 *   db_sqlite_file.c  the file: path, permissions, the writer's lock, settings, copy, integrity */
#pragma once
#include "base/buf.h"
#include "base/map.h"
#include "store/db_driver.h"

#include <sqlite3.h>

struct db_sqlite {
    struct db db; /* first: the driver's callers hold this */
    sqlite3 *handle;
    char *path;
    int lock_fd;           /* the writer's, else -1 */
    struct map statements; /* text -> struct statement, owned */
};

static inline struct db_sqlite *db_sqlite_of(struct db *db)
{
    return CONTAINER_OF(db, struct db_sqlite, db);
}

/* What gets the rows out of a damaged file; its argument is the path (spec 10 D6).  Not ".recover", which
 * Debian's sqlite3 is built without.  A dump that met damage ends in a ROLLBACK, which would undo all of it.
 */
#define DB_SQLITE_RECOVER                                                                                    \
    "stop muster and recover it with: sqlite3 %s .dump | sed 's/^ROLLBACK.*/COMMIT;/' | sqlite3 "            \
    "recovered.db"

/* What SQLite's last error on this connection means: an outcome of db.h or -errno, with the reason in `e`. */
int db_sqlite_fail(struct db_sqlite *d, int code, struct err *e);
int db_sqlite_script(struct db *db, const char *sql, struct err *e);

/* db_sqlite_file.c */
int db_sqlite_open(struct str target, const char *data_dir, bool writer, struct db **ret, struct err *e);
int db_sqlite_set_durable(struct db *db, bool durable, struct err *e);
int db_sqlite_is_empty(struct db *db, bool *ret, struct err *e);
int db_sqlite_has_column(struct db *db, const char *table, const char *column, bool *ret, struct err *e);
int db_sqlite_has_migrations(struct db *db, bool *ret, struct err *e);
int db_sqlite_copy_aside(struct db *db, int64_t version, struct err *e);
void db_sqlite_sizes(struct db *db, int64_t *ret_file_bytes, int64_t *ret_log_bytes);
int db_sqlite_check_integrity(struct db *db, struct err *e);
