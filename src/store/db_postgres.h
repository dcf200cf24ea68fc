/* db_postgres.h -- the parts of the PostgreSQL driver, for its own files only (spec 10 D1, 80 H13).
 *
 *   db_postgres.c         statements, cursors, transactions
 *   db_postgres_rows.c    many rows in one statement
 *   db_postgres_link.c    the connection: opening, losing and finding it again, what an error means
 *   db_postgres_schema.c  the common schema in PostgreSQL's words, sizes, integrity
 *
 * The connection is always in pipeline mode.  A statement of which nobody wants to know anything is only
 * queued; the next one that has rows, or the end of the operation, sends all and collects the results, so
 * that an operation costs as many round trips as it has questions.  An error of a queued statement is
 * reported by the call that collects it, which is before the operation ends.
 *
 * Several nodes may share a database.  A writing transaction holds one advisory lock from its begin to its
 * end, as SQLite's writer does: what the tables' functions rely on there (look, then write) they can rely on
 * here. A commit leaves a token in the same transaction, so that after a connection was lost in it, it can be
 * told whether it happened.  A connection belongs to one thread. */
#pragma once
#include "base/buf.h"
#include "base/map.h"
#include "store/db_driver.h"

#include <libpq-fe.h>

#define DB_POSTGRES_QUEUED_MAX 64 /* so that neither side ever fills the other's socket and waits */
#define DB_POSTGRES_ARGUMENTS_MAX 48

struct pg_statement {
    char *sql;
    char name[16];
    bool prepared; /* on this connection, or on its way */
};

struct db_postgres {
    struct db db; /* first: the driver's callers hold this */
    PGconn *conn;
    char *url, *shown; /* shown: without the password, for messages */
    bool writer, durable, down;
    struct map statements; /* text -> struct pg_statement, owned */
    unsigned names;
    struct pg_statement *queued[DB_POSTGRES_QUEUED_MAX]; /* whose preparation is queued, else NULL */
    size_t queued_count;
    size_t questions; /* of the operation, that nobody has heard the answer to */
    bool began, writing;
    unsigned topics;  /* to be announced with the commit */
    bool has_commits; /* the table of tokens is there */
    char id[33];      /* of this connection's row in store_commits, also after it was found again */
    int64_t file_bytes, sized_at_us;
};

static inline struct db_postgres *db_postgres_of(struct db *db)
{
    return CONTAINER_OF(db, struct db_postgres, db);
}

/* The outcome of db.h that an SQLSTATE stands for, with the reason in `e`. */
int db_postgres_fail(struct db_postgres *d, const PGresult *result, struct err *e);
int db_postgres_lost(struct db_postgres *d, struct err *e);
bool db_postgres_is_lost(const struct db_postgres *d);

/* db_postgres_link.c */
int db_postgres_open(struct str target, const char *data_dir, bool writer, struct db **ret, struct err *e);
int db_postgres_reconnect(struct db_postgres *d, struct err *e); /* waits for a server that is restarting */
void db_postgres_disconnect(struct db_postgres *d);
int db_postgres_set_durable(struct db *db, bool durable, struct err *e);
/* The URL with its password masked; the caller frees. */
char *db_postgres_shown(const char *url);

/* The arguments of a statement as libpq takes them; types: 0 for one that follows from where it stands. */
struct db_postgres_bound {
    int count;
    Oid types[DB_POSTGRES_ARGUMENTS_MAX];
    const char *values[DB_POSTGRES_ARGUMENTS_MAX];
    int lengths[DB_POSTGRES_ARGUMENTS_MAX], binary[DB_POSTGRES_ARGUMENTS_MAX];
};
/* A statement of which nobody wants to know anything; outside of a transaction it is waited for. */
int db_postgres_run_bound(struct db_postgres *d, const char *sql, const struct db_postgres_bound *b,
                          struct err *e);
struct str db_postgres_storable(struct str text, struct arena *a);
int db_postgres_run_rows(struct db *db, const char *sql, const char *types, const struct db_arg *args,
                         size_t rows, struct err *e);

/* db_postgres.c: a statement outside of pipeline mode, no rows. */
int db_postgres_script(struct db *db, const char *sql, struct err *e);
/* Listens for what others announce (store_listen.h); outside of a transaction. */
int db_postgres_listen(struct db *db, struct err *e);

/* db_postgres_schema.c */
char *db_postgres_translate(const char *sql); /* the caller frees */
int db_postgres_migrate_script(struct db *db, const char *sql, struct err *e);
int db_postgres_is_empty(struct db *db, bool *ret, struct err *e);
int db_postgres_has_column(struct db *db, const char *table, const char *column, bool *ret, struct err *e);
int db_postgres_has_migrations(struct db *db, bool *ret, struct err *e);
int db_postgres_copy_aside(struct db *db, int64_t version, struct err *e);
void db_postgres_sizes(struct db *db, int64_t *ret_file_bytes, int64_t *ret_log_bytes);
int db_postgres_check_integrity(struct db *db, struct err *e);
