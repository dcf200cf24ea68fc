/* db.h -- one connection to the store's database, behind a driver (spec 10 D1).
 *
 * Two drivers fill the same table of operations: SQLite and PostgreSQL.  SQL is the dialect that both speak,
 * with parameters $1 $2 …, and stands only in src/store; statements are prepared once per connection and kept
 * by their text.  Common: INSERT … ON CONFLICT … DO UPDATE, RETURNING, CASE, coalesce, row values, LIMIT.
 * A parameter that stands alone ("$3 IS NULL") is CAST; a condition is no number (CASE WHEN … THEN 1 ELSE 0);
 * every function is one that both have; a list is read in pages (a driver may hold a whole answer); a
 * statement that failed fails its operation.  Migrations are written in SQLite's words (AUTOINCREMENT,
 * STRICT, WITHOUT ROWID) and translated. Values are 64-bit integers, text and NULL (times are epoch µs, money
 * micro-USD, D4).  A connection belongs to one thread at a time. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct db;
enum db_dialect { DB_SQLITE, DB_POSTGRES, DB_DIALECTS };
/* Outcomes.  They start at 100, so that they never look like a table's own (below 100) nor like db_next's
 * row; but for DB_E_NONE `e` is filled.  A table's function passes them up: to its caller they are "failed,
 * see e". */
enum { DB_E_NONE = 100, DB_E_FULL, DB_E_BUSY, DB_E_CONSTRAINT, DB_E_CORRUPT, DB_E_READONLY };

struct db_arg {
    enum { DB_ARG_NULL, DB_ARG_I64, DB_ARG_TEXT } type;
    int64_t i64;
    struct str text; /* p == NULL binds NULL; must live until the statement has run */
};
#define DB_I64(v) ((struct db_arg){.type = DB_ARG_I64, .i64 = (int64_t)(v)})
#define DB_I64_OR_NULL(known, v)                                                                             \
    ((struct db_arg){.type = (known) ? DB_ARG_I64 : DB_ARG_NULL, .i64 = (int64_t)(v)})
#define DB_STR(s) ((struct db_arg){.type = DB_ARG_TEXT, .text = (s)})
#define DB_TEXT(c) ((struct db_arg){.type = DB_ARG_TEXT, .text = str_of(c)})
#define DB_NULL ((struct db_arg){.type = DB_ARG_NULL})
#define DB_ARGS(...) (const struct db_arg[]){__VA_ARGS__}, COUNT_OF(((const struct db_arg[]){__VA_ARGS__}))
#define DB_NO_ARGS NULL, 0

/* store is "sqlite:PATH"; relative paths are under data_dir.  writer: the one writing connection; else read
 * only. */
MUST_CHECK int db_open(const char *store, const char *data_dir, bool writer, struct db **ret, struct err *e);
struct db *db_close(struct db *db); /* NULL ok; returns NULL */
DEFINE_CLEANUP(struct db *, db_close)

/* A statement that returns no rows; *ret_changes (NULL ok) is how many rows it changed. */
MUST_CHECK int db_run(struct db *db, const char *sql, const struct db_arg *args, size_t count,
                      int64_t *ret_changes, struct err *e);
/* INSERT into a table with an id column: the new id. */
MUST_CHECK int db_insert(struct db *db, const char *sql, const struct db_arg *args, size_t count,
                         int64_t *ret_id, struct err *e);
/* INSERT … VALUES ($1, …, $n) of many rows at once: `args` has them one after the other, `types` a letter for
 * each of the n, 'i' or 't'.  With ON CONFLICT no two of them may be of the same key. */
MUST_CHECK int db_run_rows(struct db *db, const char *sql, const char *types, const struct db_arg *args,
                           size_t rows, struct err *e);

/* Rows: db_query, then db_next until it returns 0 (1 = a row), then db_done (also on error; it is idempotent,
 * and made for CLEANUP).  One cursor per statement text may be open at a time; text arguments must live until
 * db_done. */
struct db_cursor {
    struct db *db;
    void *statement; /* the driver's */
};
MUST_CHECK int db_query(struct db *db, const char *sql, const struct db_arg *args, size_t count,
                        struct db_cursor *ret, struct err *e);
MUST_CHECK int db_next(struct db_cursor *c, struct err *e);
void db_done(struct db_cursor *c);
bool db_is_null(struct db_cursor *c, int column);
int64_t db_i64(struct db_cursor *c, int column);                 /* 0 for NULL */
struct str db_str(struct db_cursor *c, int column);              /* valid until db_next; p == NULL for NULL */
char *db_text(struct db_cursor *c, int column, struct arena *a); /* copy; NULL for NULL */

/* One value of one row: 0 and *ret when there is one, DB_E_NONE when there is no row or it is NULL. */
MUST_CHECK int db_value_i64(struct db *db, const char *sql, const struct db_arg *args, size_t count,
                            int64_t *ret, struct err *e);

/* For the few statements that have no common words. */
enum db_dialect db_dialect(const struct db *db);

/* Tells the other nodes of a shared store what they may wait for, once this transaction is committed
 * (store_listen.h). */
enum db_topic {
    DB_TOPIC_JOBS = 1,
    DB_TOPIC_TOKENS = 2,
    DB_TOPIC_PAUSES = 4,
    DB_TOPIC_CANCELS = 8,
    DB_TOPICS_ALL = 15
};
void db_announce(struct db *db, enum db_topic topic);
const char *db_writer_id(struct db *db); /* of this connection; NULL when nobody else writes */

/* The store's name for people: without the password that a URL may have.  The caller frees. */
char *db_shown(const char *store);

/* Transactions; the store does these, nobody else. */
MUST_CHECK int db_begin(struct db *db, bool write, struct err *e);
MUST_CHECK int db_commit(struct db *db, struct err *e);
void db_rollback(struct db *db);
MUST_CHECK int db_savepoint(struct db *db, struct err *e);
MUST_CHECK int db_release(struct db *db, struct err *e);
void db_rollback_to_savepoint(struct db *db); /* and releases it */
