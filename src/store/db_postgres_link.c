#include "store/db_postgres.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#include <time.h>

#define RECONNECT_FOR_US                                                                                     \
    (INT64_C(15) * USEC_PER_SEC) /* a restart takes seconds; longer is told to callers                       \
                                  */
#define RECONNECT_FIRST_MS 20
#define RECONNECT_MOST_MS 1000

/* -- what went wrong -- */

static const struct sqlstate {
    const char *state; /* its first characters */
    enum err_code code;
    int rc;
    const char *advice; /* said after the server's own words */
} sqlstates[] = {
    {"53100", ERR_STORAGE_FULL, DB_E_FULL, "no space left at the database server; free some, then try again"},
    {"23", ERR_CONFLICT, DB_E_CONSTRAINT, NULL},
    {"40", ERR_UNAVAILABLE, DB_E_BUSY, "another program changed the same rows; try again"},
    {"55P03", ERR_UNAVAILABLE, DB_E_BUSY, "another node has held the store's lock for too long; try again"},
    {"25006", ERR_UNAVAILABLE, DB_E_READONLY, "the database server takes no writes"},
    {"25P03", ERR_UNAVAILABLE, DB_E_BUSY, "the transaction took too long"},
    {"XX001", ERR_INTERNAL, DB_E_CORRUPT,
     "stop muster, and restore a backup or take what is readable with pg_dump"},
    {"XX002", ERR_INTERNAL, DB_E_CORRUPT, "stop muster and rebuild the index with REINDEX DATABASE"},
    {"57", ERR_UNAVAILABLE, DB_E_BUSY, "the database server ended the connection; try again"},
    {"53", ERR_UNAVAILABLE, DB_E_BUSY, "the database server is out of resources; try again"},
    {"08", ERR_UNAVAILABLE, DB_E_BUSY, "the connection to the database server was lost; try again"},
};

static const struct sqlstate *find_sqlstate(const char *state)
{
    for (size_t i = 0; state && i < COUNT_OF(sqlstates); i++)
        if (strncmp(state, sqlstates[i].state, strlen(sqlstates[i].state)) == 0)
            return &sqlstates[i];
    return NULL;
}

bool db_postgres_is_lost(const struct db_postgres *d)
{
    return !d->conn || PQstatus(d->conn) != CONNECTION_OK;
}

/* libpq's messages end in a line feed and may have several lines; the first says what is wrong. */
static struct str first_line(const char *message)
{
    size_t n = message ? strcspn(message, "\n") : 0;
    return (struct str){message ? message : "", n};
}

int db_postgres_lost(struct db_postgres *d, struct err *e)
{
    struct str why = first_line(d->conn ? PQerrorMessage(d->conn) : "not connected");
    return err_set(e, ERR_UNAVAILABLE, DB_E_BUSY, "the store %s cannot be reached (%.*s); try again",
                   d->shown, (int)MIN(why.n, 160), why.p);
}

int db_postgres_fail(struct db_postgres *d, const PGresult *result, struct err *e)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (!state)
        return db_postgres_lost(d, e);
    const struct sqlstate *known = find_sqlstate(state);
    if (!known)
        return err_set(e, ERR_INTERNAL, -EIO, "%s: %s (%s)", d->shown, message ? message : "", state);
    return err_set(e, known->code, known->rc, "%s: %s (%s)%s%s", d->shown, message ? message : "", state,
                   known->advice ? "; " : "", known->advice ? known->advice : "");
}

/* -- the connection -- */

char *db_postgres_shown(const char *url)
{
    struct buf out = BUF_INIT;
    const char *user = strstr(url, "://");
    user = user ? user + 3 : url;
    size_t authority = strcspn(user, "/?");
    const char *at = memrchr(user, '@', authority);
    const char *colon = at ? memchr(user, ':', (size_t)(at - user)) : NULL;
    if (colon) {
        buf_add(&out, url, (size_t)(colon - url));
        buf_add_text(&out, ":***");
        buf_add_text(&out, at);
    } else {
        buf_add_text(&out, url);
    }
    char *shown = buf_take(&out);
    static const char parameter[] = "password=";
    for (char *p = shown; (p = strstr(p, parameter)); p += strlen(parameter)) {
        char *value = p + strlen(parameter);
        size_t n = strcspn(value, "&");
        if (p == shown || (p[-1] != '?' && p[-1] != '&'))
            continue;
        memmove(value + MIN(n, 3), value + n, strlen(value + n) + 1);
        memset(value, '*', MIN(n, 3));
    }
    return shown;
}

/* A server or a path to it that is gone is noticed in seconds, by both sides: a node that hangs in a
 * transaction would keep the lock from the others. */
static const char settings_of_all[] = "SET client_min_messages = error; SET timezone = 'UTC';"
                                      "SET standard_conforming_strings = on;"
                                      "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5;"
                                      "SET tcp_keepalives_count = 3;";
static const char settings_of_writer[] =
    "SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '30s';";
static const char settings_of_reader[] =
    "SET default_transaction_read_only = on; SET idle_in_transaction_session_timeout = '10min';";

/* What the URL says wins: its parameters are expanded after these. */
static PGconn *connect_to(const char *url)
{
    const char *const names[] = {"connect_timeout",
                                 "tcp_user_timeout",
                                 "keepalives_idle",
                                 "keepalives_interval",
                                 "keepalives_count",
                                 "fallback_application_name",
                                 "dbname",
                                 "client_encoding",
                                 NULL};
    const char *const values[] = {"5", "30000", "10", "5", "3", "muster", url, "UTF8", NULL};
    return PQconnectdbParams(names, values, 1);
}

static int run_settings(struct db_postgres *d, const char *sql, struct err *e)
{
    PGresult *result = PQexec(d->conn, sql);
    int rc = PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : db_postgres_fail(d, result, e);
    PQclear(result);
    return rc;
}

static int check_server(struct db_postgres *d, struct err *e)
{
    const char *encoding = PQparameterStatus(d->conn, "server_encoding");
    if (PQserverVersion(d->conn) < 120000)
        return err_set(e, ERR_INVALID, -ENOTSUP, "%s: PostgreSQL 12 or newer is needed", d->shown);
    if (!encoding || strcmp(encoding, "UTF8") != 0)
        return err_set(e, ERR_INVALID, -ENOTSUP,
                       "%s: the database's encoding is %s; make one with ENCODING 'UTF8'", d->shown,
                       encoding ? encoding : "unknown");
    return 0;
}

static int set_up(struct db_postgres *d, struct err *e)
{
    int rc = check_server(d, e);
    if (rc == 0)
        rc = run_settings(d, settings_of_all, e);
    if (rc == 0)
        rc = run_settings(d, d->writer ? settings_of_writer : settings_of_reader, e);
    if (rc == 0 && !d->durable)
        rc = run_settings(d, "SET synchronous_commit = off", e);
    if (rc == 0 && !PQenterPipelineMode(d->conn))
        rc = db_postgres_lost(d, e);
    return rc;
}

void db_postgres_disconnect(struct db_postgres *d)
{
    size_t at = 0;
    struct str text;
    void *value;
    while (map_next(&d->statements, &at, &text, &value))
        ((struct pg_statement *)value)->prepared = false;
    d->queued_count = 0;
    d->began = d->writing = false;
    PQfinish(d->conn);
    d->conn = NULL;
}

static int connect_once(struct db_postgres *d, struct err *e)
{
    db_postgres_disconnect(d);
    d->conn = connect_to(d->url);
    if (db_postgres_is_lost(d))
        return db_postgres_lost(d, e);
    int rc = set_up(d, e);
    if (rc)
        db_postgres_disconnect(d);
    return rc;
}

static void wait_ms(int64_t ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* Once it has waited in vain, it tries once per transaction, so that who asks is answered. */
int db_postgres_reconnect(struct db_postgres *d, struct err *e)
{
    int64_t until_us = clock_monotonic_us() + RECONNECT_FOR_US, ms = RECONNECT_FIRST_MS;
    if (!d->down)
        log_warn("store", "the connection to the database is lost", LOG_TEXT("store", d->shown));
    int rc = connect_once(d, e);
    while (rc == DB_E_BUSY && !d->down && clock_monotonic_us() < until_us) {
        wait_ms(ms);
        ms = MIN(2 * ms, RECONNECT_MOST_MS);
        rc = connect_once(d, e);
    }
    d->down = rc != 0;
    if (rc == 0)
        log_info("store", "connected to the database again", LOG_TEXT("store", d->shown));
    return rc;
}

static void make_url(struct str target, struct buf *out)
{
    buf_add_text(out, "postgresql://");
    buf_add_str(out, target);
}

int db_postgres_open(struct str target, const char *data_dir, bool writer, struct db **ret, struct err *e)
{
    (void)data_dir;
    struct buf url = BUF_INIT;
    make_url(target, &url);
    struct db_postgres *d = xnew(struct db_postgres);
    d->db.driver = &db_driver_postgres;
    d->url = buf_take(&url);
    d->shown = db_postgres_shown(d->url);
    d->writer = writer;
    d->durable = true;
    hash_random_hex(16, d->id);
    map_init(&d->statements);
    int rc = connect_once(d, e);
    if (rc) {
        (void)d->db.driver->close(&d->db);
        return rc;
    }
    *ret = &d->db;
    return 0;
}

int db_postgres_set_durable(struct db *db, bool durable, struct err *e)
{
    struct db_postgres *d = db_postgres_of(db);
    d->durable = durable;
    return db_postgres_script(db, durable ? "SET synchronous_commit = on" : "SET synchronous_commit = off",
                              e);
}
