/* store_fixture.h -- a store of its own, for the tests of src/store.
 *
 * The contract tests run once per driver (spec 10 D1): on SQLite in a directory, and on PostgreSQL in a
 * schema of the server that MUSTER_TEST_POSTGRES names (tests/lib/with-postgres has one; tools/run-tests
 * gives it to all).  Times are passed in and begin at T0. */
#pragma once
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "store/jobs.h"
#include "store/migrate.h"
#include "store/tasks.h"
#include "store/totals.h"

#define T0 INT64_C(1795316645000000) /* 2026-11-22T03:04:05Z */
#define SECOND INT64_C(1000000)

#define FIXTURE_SQLITE "sqlite:test.db"
#define FIXTURE_POSTGRES "postgres" /* what of store begins with this is made by fixture_schema */

struct fixture {
    char *store;
    char dir[64];
    struct db *db; /* the writer, migrated, no transaction */
    struct arena a;
};

static inline int fixture_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static inline void fixture_remove_files(const char *dir)
{
    assert_int_equal(nftw(dir, fixture_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static inline bool fixture_is_postgres(const struct fixture *f)
{
    return str_starts_with(str_of(f->store), STR(FIXTURE_POSTGRES));
}

/* Says one thing to the server of the tests, outside of what is tested. */
static inline void fixture_psql(const char *sql)
{
    PGconn *conn = PQconnectdb(getenv("MUSTER_TEST_POSTGRES"));
    if (PQstatus(conn) != CONNECTION_OK)
        fail_msg("MUSTER_TEST_POSTGRES: %s", PQerrorMessage(conn));
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
}

/* A new schema's store name; the schema is what the name ends with. */
static inline char *fixture_schema(void)
{
    static unsigned count;
    char schema[48], *name = xcalloc(1, 512);
    const char *url = getenv("MUSTER_TEST_POSTGRES");
    (void)snprintf(schema, sizeof(schema), "m%d_%u", (int)getpid(), count++);
    char sql[96];
    (void)snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", schema);
    fixture_psql(sql);
    (void)snprintf(name, 512, "%s%coptions=-csearch_path%%3D%s", url, strchr(url, '?') ? '&' : '?', schema);
    return name;
}

static inline struct fixture *fixture_new(const char *store)
{
    struct fixture *f = xnew(struct fixture);
    struct err e;
    f->store = strcmp(store, FIXTURE_POSTGRES) == 0 ? fixture_schema() : xstrdup(store);
    arena_init(&f->a);
    /* In memory where there is such a place: no test here depends on the disk's own pace. */
    (void)snprintf(f->dir, sizeof(f->dir), "%s/muster-store-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    int rc = db_open(f->store, f->dir, true, &f->db, &e);
    if (rc == 0)
        rc = migrate_up(f->db, T0, &e);
    if (rc != 0)
        fail_msg("%s", e.text);
    return f;
}

static inline void fixture_free(struct fixture *f)
{
    (void)db_close(f->db);
    arena_reset(&f->a);
    fixture_remove_files(f->dir);
    if (fixture_is_postgres(f)) {
        char sql[96];
        (void)snprintf(sql, sizeof(sql), "SET client_min_messages = error; DROP SCHEMA %s CASCADE",
                       strstr(f->store, "%3D") + 3);
        fixture_psql(sql);
    }
    free(f->store);
    free(f);
}

static inline void must(int rc, const struct err *e, const char *what)
{
    if (rc != 0)
        fail_msg("%s: %d %s", what, rc, e->text);
}
#define MUST(call)                                                                                           \
    do {                                                                                                     \
        struct err e = {0};                                                                                  \
        must(call, &e, #call);                                                                               \
    } while (0)

static inline int64_t fixture_total(struct fixture *f, const char *name, const char *label)
{
    int64_t value = -1;
    MUST(totals_get(f->db, name, str_of(label), &value, &e));
    return value;
}

static inline int64_t fixture_job(struct fixture *f, const struct job *j, int64_t now_us)
{
    int64_t id = 0;
    MUST(job_insert(f->db, j, now_us, &id, &e));
    return id;
}

/* Claims for the launcher; 0 when there is nothing. */
static inline int64_t fixture_claim(struct fixture *f, int64_t now_us, struct job *ret,
                                    const char *const *agents, const char *const *full_repos)
{
    struct err e = {0};
    struct job_claim claim = {.agents = agents, .full_repos = full_repos, .worker = "", .now_us = now_us};
    int rc = job_claim_next(f->db, &claim, &f->a, ret, &e);
    if (rc == JOB_STORE_E_ABSENT)
        return 0;
    must(rc, &e, "job_claim_next");
    return ret->id;
}
#define AGENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Runs a table of tests once per driver. */
static inline int fixture_setup(void **state)
{
    *state = fixture_new(*state);
    return 0;
}
static inline int fixture_teardown(void **state)
{
    fixture_free(*state);
    return 0;
}
static inline int fixture_run_on(const char *driver, const char *name, const struct CMUnitTest *tests,
                                 size_t count)
{
    struct CMUnitTest *mine = xcalloc(count, sizeof(*mine));
    for (size_t i = 0; i < count; i++) {
        mine[i] = tests[i];
        if (!mine[i].setup_func) /* else one that begins with fixture_setup */
            mine[i].setup_func = fixture_setup;
        mine[i].teardown_func = fixture_teardown;
        mine[i].initial_state = (void *)(uintptr_t)driver;
    }
    int failed = _cmocka_run_group_tests(name, mine, count, NULL, NULL);
    free(mine);
    return failed;
}
static inline int fixture_run_postgres(const char *name, const struct CMUnitTest *tests, size_t count)
{
    if (getenv("MUSTER_TEST_POSTGRES"))
        return fixture_run_on(FIXTURE_POSTGRES, name, tests, count);
    (void)fprintf(stderr, "NOT TESTED on PostgreSQL: %s; use tests/lib/with-postgres\n", name);
    return 0;
}
static inline int fixture_run_sqlite(const char *name, const struct CMUnitTest *tests, size_t count)
{
    return fixture_run_on(FIXTURE_SQLITE, name, tests, count);
}
static inline int fixture_run(const char *name, const struct CMUnitTest *tests, size_t count)
{
    return fixture_run_sqlite(name, tests, count) + fixture_run_postgres(name, tests, count);
}
