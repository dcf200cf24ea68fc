/* store_fixture.h -- a store in a directory of its own, for the tests of src/store.
 *
 * The contract tests run once per driver: adding PostgreSQL is adding a row to store_drivers.  Times are
 * passed in and begin at T0. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/jobs.h"
#include "store/migrate.h"
#include "store/tasks.h"
#include "store/totals.h"

#define T0 INT64_C(1795316645000000) /* 2026-11-22T03:04:05Z */
#define SECOND INT64_C(1000000)

static const char *const store_drivers[] = {"sqlite:test.db"};

struct fixture {
    const char *store;
    char dir[64];
    struct db *db; /* the writer, migrated, no transaction */
    struct arena a;
};

static inline void fixture_remove_files(const char *dir)
{
    char command[128];
    (void)snprintf(command, sizeof(command), "rm -rf -- '%s'", dir);
    assert_int_equal(system(command), 0);
}

static inline struct fixture *fixture_new(const char *store)
{
    struct fixture *f = xnew(struct fixture);
    struct err e;
    f->store = store;
    arena_init(&f->a);
    /* In memory where there is such a place: no test here depends on the disk's own pace. */
    (void)snprintf(f->dir, sizeof(f->dir), "%s/muster-store-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    int rc = db_open(store, f->dir, true, &f->db, &e);
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
static inline int fixture_run(const char *name, const struct CMUnitTest *tests, size_t count)
{
    int failed = 0;
    for (size_t d = 0; d < COUNT_OF(store_drivers); d++) {
        struct CMUnitTest *mine = xcalloc(count, sizeof(*mine));
        for (size_t i = 0; i < count; i++) {
            mine[i] = tests[i];
            mine[i].setup_func = fixture_setup;
            mine[i].teardown_func = fixture_teardown;
            mine[i].initial_state = (void *)(uintptr_t)store_drivers[d];
        }
        failed += _cmocka_run_group_tests(name, mine, count, NULL, NULL);
        free(mine);
    }
    return failed;
}
