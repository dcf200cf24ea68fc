/* test_store_doctor.c -- what is kept agrees with what is recounted, also over retention; what does not is
 * named. */
#include "store_fixture.h"

#include "base/buf.h"
#include "store/audit.h"
#include "store/runs.h"
#include "store/store.h"
#include "store/sweep.h"

struct findings {
    struct buf failed; /* "name: detail" of each check that failed */
    int checks;
};

static void on_check(void *arg, const struct store_check *check)
{
    struct findings *found = arg;
    found->checks++;
    assert_non_null(check->detail);
    if (!check->ok)
        buf_printf(&found->failed, "%s: %s\n", check->name, check->detail);
}

/* `expected` NULL: all is well.  Else each check named in it, and no other, fails. */
static void assert_doctor(struct fixture *f, const char *expected_name, const char *expected_text)
{
    struct findings found = {.failed = BUF_INIT};
    struct err why = {0};
    int failed = store_doctor(f->store, f->dir, on_check, &found, &why);
    if (failed != (expected_name ? 1 : 0))
        fail_msg("%d checks failed: %s%s", failed, found.failed.p, why.text);
    assert_true(found.checks >= 9);
    if (expected_name) {
        assert_true(str_starts_with(buf_str(&found.failed), str_of(expected_name)));
        assert_non_null(strstr(found.failed.p, expected_text));
    }
    buf_deinit(&found.failed);
}

/* A small linear congruential generator (Knuth's MMIX): the same walk every time. */
static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static void end_somehow(struct fixture *f, const struct job *j, int64_t run_id, uint64_t *seed,
                        int64_t now_us)
{
    static const enum job_event events[] = {JOB_SUCCEED,      JOB_FAIL,          JOB_FAIL_FOR_GOOD,
                                            JOB_RATE_LIMITED, JOB_LEASE_EXPIRED, JOB_RELEASE,
                                            JOB_CANCEL};
    struct run result = {.outcome = "exited", .exit_code = 0, .signal = -1};
    if (next_random(seed) % 2) {
        assert_true(usage_set(&result.usage, (enum usage_kind)(next_random(seed) % USAGE_KIND_COUNT), 7));
        result.usage.cost_known = true;
        result.usage.cost_micro_usd = (int64_t)(next_random(seed) % 1000);
        usage_set_model(&result.usage, next_random(seed) % 2 ? STR("m1") : STR("m2"));
    }
    struct job_end end = {
        .event = events[next_random(seed) % COUNT_OF(events)],
        .token = j->lease_token,
        .cause = "c",
        .timing = {.now_us = now_us, .backoff = {.base_us = SECOND, .cap_us = 8 * SECOND}, .unit = 0.9}};
    MUST(run_end(f->db, run_id, &result, now_us, &e));
    MUST(job_change(f->db, j->id, &end, NULL, &e));
}

static void step(struct fixture *f, uint64_t *seed, int64_t now_us, int number)
{
    struct job j;
    struct err why;
    int64_t id = 0;
    switch (next_random(seed) % 5) {
    case 0:
    case 1:
        (void)fixture_job(f,
                          &(struct job){.agent = "a",
                                        .max_attempts = 1 + (int64_t)(next_random(seed) % 3),
                                        .prompt = "p",
                                        .run_after = now_us + (int64_t)(next_random(seed) % 3) * SECOND},
                          now_us);
        return;
    case 2:
    case 3:
        if (fixture_claim(f, now_us, &j, AGENTS("a"), NULL)) {
            char key[24];
            (void)snprintf(key, sizeof(key), "k%d", number);
            struct run r = {
                .key = key, .origin = "queue", .job_id = j.id, .agent = "a", .model = "asked", .attempt = 1};
            MUST(run_insert(f->db, &r, now_us, &id, &e));
            end_somehow(f, &j, id, seed, now_us);
        }
        return;
    default: {
        struct job_end revive = {.event = JOB_RETRY, .timing = {.now_us = now_us}};
        int rc = job_change(f->db, 1 + (int64_t)(next_random(seed) % 200), &revive, NULL, &why);
        assert_true(rc == 0 || rc == JOB_STORE_E_NOT_ALLOWED || rc == JOB_STORE_E_ABSENT);
        MUST(task_insert(f->db, &(struct task){.stage = next_random(seed) % 2 ? "plan" : "done"}, "x", now_us,
                         &id, &e));
        MUST(audit_append(f->db, &(struct audit_entry){.action = "a", .result = "success"}, now_us, &e));
    }
    }
}

static void walk(struct fixture *f, uint64_t seed, int steps)
{
    MUST(db_begin(f->db, true, &e));
    for (int i = 0; i < steps; i++)
        step(f, &seed, T0 + i * SECOND, i);
    MUST(db_commit(f->db, &e));
}

static void counters_agree_after_any_walk(void **state)
{
    struct fixture *f = *state;
    walk(f, 1, 2000);
    assert_true(fixture_total(f, "jobs_retried", "") > 0); /* the walk has been everywhere */
    assert_true(fixture_total(f, "exhausted", "") > 0);
    assert_true(fixture_total(f, "scheduled", "") > 0);
    assert_true(fixture_total(f, "model_cost_micro_usd", "m2") > 0);
    assert_doctor(f, NULL, NULL);
}

/* Retention deletes rows and no history. */
static void counters_outlive_the_rows_that_retention_deletes(void **state)
{
    struct fixture *f = *state;
    static const char *const names[][2] = {{"jobs", "done"},     {"attempts", ""},   {"jobs_retried", ""},
                                           {"exhausted", ""},    {"runs_ended", ""}, {"cost_micro_usd", ""},
                                           {"model_runs", "m1"}, {"tasks", "done"}};
    struct sweep_cutoffs cutoffs = {
        .jobs_us = T0 + 1500 * SECOND, .tasks_us = T0 + 1500 * SECOND, .audit_us = T0 + SECOND * 1000};
    int64_t before[COUNT_OF(names)], rows_before = 0, rows = 0, deleted = 1, rounds = 0;
    walk(f, 2, 2000);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        before[i] = fixture_total(f, names[i][0], names[i][1]);
    MUST(db_value_i64(f->db, "SELECT count(*) FROM jobs", DB_NO_ARGS, &rows_before, &e));
    for (; deleted; rounds++)
        MUST(store_sweep(f->db, &cutoffs, 50, &deleted, &e));
    MUST(db_value_i64(f->db, "SELECT count(*) FROM jobs", DB_NO_ARGS, &rows, &e));
    int64_t endable = 0;
    MUST(db_value_i64(f->db, "SELECT count(*) FROM jobs WHERE finished_at < $1",
                      DB_ARGS(DB_I64(cutoffs.jobs_us)), &endable, &e));
    assert_int_equal(endable, 0);
    assert_true(rounds > 2 && rows < rows_before - 100);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_int_equal(fixture_total(f, names[i][0], names[i][1]), before[i]);
    MUST(db_value_i64(f->db, "SELECT count(*) FROM job_inputs WHERE job_id NOT IN (SELECT id FROM jobs)",
                      DB_NO_ARGS, &rows, &e));
    assert_int_equal(rows, 0);
    assert_doctor(f, NULL, NULL);
}

static void nothing_live_is_swept(void **state)
{
    struct fixture *f = *state;
    struct job j;
    int64_t deleted = -1, id = 0;
    (void)fixture_job(f, &(struct job){.agent = "a"}, T0);
    (void)fixture_job(f, &(struct job){.agent = "b"}, T0);
    assert_int_equal(fixture_claim(f, T0, &j, AGENTS("a"), NULL), 1);
    MUST(run_insert(f->db, &(struct run){.key = "k", .origin = "queue", .job_id = 1}, T0, &id, &e));
    MUST(run_insert(f->db, &(struct run){.key = "cli", .origin = "cli"}, T0, &id, &e));
    MUST(task_insert(f->db, &(struct task){.stage = "plan"}, "x", T0, &id, &e));
    struct sweep_cutoffs all = {.jobs_us = INT64_MAX, .tasks_us = INT64_MAX, .audit_us = INT64_MAX};
    MUST(store_sweep(f->db, &all, 100, &deleted, &e));
    assert_int_equal(deleted, 0);
    assert_doctor(f, NULL, NULL);
}

/* Each breaks one thing, is found by its name, and is undone. */
static void each_kind_of_disorder_is_found_and_named(void **state)
{
    static const struct {
        const char *break_sql, *mend_sql, *check, *says;
    } cases[] = {
        {"UPDATE counters SET value = value + 1 WHERE name = 'jobs' AND label = 'running'",
         "UPDATE counters SET value = value - 1 WHERE name = 'jobs' AND label = 'running'", "counters",
         "jobs{running}"},
        {"INSERT INTO counters VALUES ('model_runs', 'ghost', 2)",
         "DELETE FROM counters WHERE label = 'ghost'", "counters",
         "model_runs{ghost} is kept as 2, the rows say 0"},
        {"UPDATE audit_log SET action = 'b'", "UPDATE audit_log SET action = 'a'", "audit_log", "row 1"},
        {"UPDATE runs SET ended_at = 1, outcome = 'lost' WHERE id = 2; "
         "UPDATE counters SET value = value + 1 WHERE name IN ('runs_ended', 'model_runs')",
         "UPDATE runs SET ended_at = NULL, outcome = NULL WHERE id = 2; "
         "UPDATE counters SET value = value - 1 WHERE name IN ('runs_ended', 'model_runs')",
         "running_jobs_have_a_live_run", "job 1"},
        {"UPDATE jobs SET worker = NULL WHERE id = 1", "UPDATE jobs SET worker = '' WHERE id = 1",
         "running_jobs_are_held", "job 1"},
        {"UPDATE jobs SET lease_token = 'x' WHERE id = 2", "UPDATE jobs SET lease_token = NULL WHERE id = 2",
         "only_running_jobs_are_held", "job 2"},
        {"INSERT INTO runs (id, key, origin, job_id, attempt, created_at) VALUES (9, 'k9', 'queue', 1, 1, 1)",
         "DELETE FROM runs WHERE id = 9", "a_job_has_one_live_run", "job 1"},
        {"INSERT INTO runs (id, key, origin, job_id, attempt, created_at) VALUES (9, 'k9', 'queue', 2, 1, 1)",
         "DELETE FROM runs WHERE id = 9", "live_runs_belong_to_running_jobs", "run 9"},
        {"PRAGMA foreign_keys = OFF; INSERT INTO job_inputs (job_id) VALUES (77)",
         "DELETE FROM job_inputs WHERE job_id = 77; PRAGMA foreign_keys = ON", "integrity", "job_inputs"},
    };
    struct fixture *f = *state;
    struct job j;
    int64_t id = 0;
    (void)fixture_job(f, &(struct job){.agent = "a"}, T0);
    (void)fixture_job(f, &(struct job){.agent = "b"}, T0);
    (void)fixture_claim(f, T0, &j, AGENTS("a"), NULL);
    MUST(run_insert(f->db, &(struct run){.key = "done", .origin = "cli"}, T0, &id, &e));
    MUST(run_end(f->db, id, &(struct run){.outcome = "exited"}, T0, &e));
    MUST(run_insert(f->db, &(struct run){.key = "k", .origin = "queue", .job_id = 1}, T0, &id, &e));
    MUST(audit_append(f->db, &(struct audit_entry){.action = "a", .result = "success"}, T0, &e));
    assert_doctor(f, NULL, NULL);
    /* The last is a row that PostgreSQL takes from nobody. */
    size_t count = COUNT_OF(cases) - (fixture_is_postgres(f) ? 1 : 0);
    for (size_t i = 0; i < count; i++) {
        MUST(f->db->driver->script(f->db, cases[i].break_sql, &e));
        assert_doctor(f, cases[i].check, cases[i].says);
        MUST(f->db->driver->script(f->db, cases[i].mend_sql, &e));
        assert_doctor(f, NULL, NULL);
    }
}

static void a_store_that_is_not_there_is_an_error_not_a_finding(void **state)
{
    struct fixture *f = *state;
    struct findings found = {.failed = BUF_INIT};
    struct err why = {0};
    assert_true(store_doctor("sqlite:absent.db", f->dir, on_check, &found, &why) < 0);
    assert_int_equal(found.checks, 0);
    assert_non_null(strstr(why.text, "absent.db"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_agree_after_any_walk),
        cmocka_unit_test(counters_outlive_the_rows_that_retention_deletes),
        cmocka_unit_test(nothing_live_is_swept),
        cmocka_unit_test(each_kind_of_disorder_is_found_and_named),
        cmocka_unit_test(a_store_that_is_not_there_is_an_error_not_a_finding),
    };
    return fixture_run("store_doctor", tests, COUNT_OF(tests));
}
