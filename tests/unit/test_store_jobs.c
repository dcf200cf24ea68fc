/* test_store_jobs.c -- the queue's rows: order, claims, tokens, states and the counters that go with them. */
#include "store_fixture.h"

static struct job_timing at(int64_t now_us)
{
    return (struct job_timing){
        .now_us = now_us, .backoff = {.base_us = 10 * SECOND, .cap_us = 900 * SECOND}, .unit = 0.5};
}

static int end_job(struct fixture *f, int64_t id, enum job_event event, const char *token, int64_t now_us)
{
    struct err e = {0};
    struct job_end end = {
        .event = event, .token = token, .cause = "exit 1", .error = "why", .timing = at(now_us)};
    return job_change(f->db, id, &end, NULL, &e);
}

/* Each status, as /metrics shows them: queued, running, done, failed, cancelled. */
static void assert_counts(struct fixture *f, int64_t queued, int64_t running, int64_t done, int64_t failed,
                          int64_t cancelled)
{
    assert_int_equal(fixture_total(f, "jobs", "queued"), queued);
    assert_int_equal(fixture_total(f, "jobs", "running"), running);
    assert_int_equal(fixture_total(f, "jobs", "done"), done);
    assert_int_equal(fixture_total(f, "jobs", "failed"), failed);
    assert_int_equal(fixture_total(f, "jobs", "cancelled"), cancelled);
}

static void a_job_comes_back_as_it_was_put_in(void **state)
{
    struct fixture *f = *state;
    struct job j = {.agent = "claude",
                    .prompt = "say \"hi\"\nto 'me'",
                    .args = "[\"-x\"]",
                    .env = "[\"A=b\"]",
                    .repo = "acme/api",
                    .model = "m1",
                    .effort = "high",
                    .stage = "review",
                    .unique_key = "u",
                    .priority = -3,
                    .max_attempts = 4,
                    .timeout_us = 7 * SECOND,
                    .run_after = T0 + 5};
    int64_t id = fixture_job(f, &j, T0);
    struct job got;
    MUST(job_get(f->db, id, &f->a, &got, &e));
    assert_string_equal(got.agent, j.agent);
    assert_string_equal(got.prompt, j.prompt);
    assert_string_equal(got.args, j.args);
    assert_string_equal(got.env, j.env);
    assert_string_equal(got.repo, j.repo);
    assert_string_equal(got.model, j.model);
    assert_string_equal(got.effort, j.effort);
    assert_string_equal(got.stage, j.stage);
    assert_string_equal(got.unique_key, j.unique_key);
    assert_int_equal(got.priority, -3);
    assert_int_equal(got.max_attempts, 4);
    assert_int_equal(got.timeout_us, 7 * SECOND);
    assert_int_equal(got.run_after, T0 + 5);
    assert_int_equal(got.created_at, T0);
    assert_int_equal(got.state, JOB_QUEUED);
    assert_int_equal(got.attempts, 0);
    assert_null(got.lease_token);
    assert_null(got.worker);
    assert_int_equal(got.task_id, 0);
}

static void what_was_not_given_is_null_not_empty(void **state)
{
    struct fixture *f = *state;
    int64_t id = fixture_job(f, &(struct job){.agent = "a"}, T0);
    struct job got;
    MUST(job_get(f->db, id, &f->a, &got, &e));
    assert_null(got.prompt);
    assert_null(got.repo);
    assert_null(got.unique_key);
    assert_int_equal(got.run_after, T0);
    int64_t found = 0;
    assert_int_equal(db_value_i64(f->db,
                                  "SELECT count(*) FROM jobs WHERE timeout_us IS NULL AND task_id IS NULL",
                                  DB_NO_ARGS, &found, NULL),
                     0);
    assert_int_equal(found, 1);
}

static void an_absent_job_is_absent(void **state)
{
    struct fixture *f = *state;
    struct job j;
    bool cancel;
    struct err why;
    assert_int_equal(job_get(f->db, 99, &f->a, &j, &why), JOB_STORE_E_ABSENT);
    assert_int_equal(end_job(f, 99, JOB_CANCEL, NULL, T0), JOB_STORE_E_ABSENT);
    assert_int_equal(job_lease_extend(f->db, 99, "t", T0, 0, 0, &cancel, &why), JOB_STORE_E_ABSENT);
    assert_int_equal(job_request_cancel(f->db, 99, &why), JOB_STORE_E_ABSENT);
}

/* Q5: priority, then run_after, then id. */
static void claims_follow_priority_then_run_after_then_id(void **state)
{
    struct fixture *f = *state;
    int64_t low = fixture_job(f, &(struct job){.agent = "a", .priority = -1, .run_after = T0 - 50}, T0);
    int64_t later = fixture_job(f, &(struct job){.agent = "a", .run_after = T0 - 10}, T0);
    int64_t first = fixture_job(f, &(struct job){.agent = "b", .run_after = T0 - 20}, T0);
    int64_t second = fixture_job(f, &(struct job){.agent = "a", .run_after = T0 - 20}, T0);
    int64_t high = fixture_job(f, &(struct job){.agent = "b", .priority = 9}, T0);
    const int64_t order[] = {high, first, second, later, low, 0};
    struct job j;
    for (size_t i = 0; i < COUNT_OF(order); i++)
        assert_int_equal(fixture_claim(f, T0, &j, AGENTS("a", "b"), NULL), order[i]);
}

static void a_claim_takes_no_job_of_an_agent_that_is_not_asked_for(void **state)
{
    struct fixture *f = *state;
    (void)fixture_job(f, &(struct job){.agent = "a", .priority = 9}, T0);
    int64_t b = fixture_job(f, &(struct job){.agent = "b"}, T0);
    struct job j;
    assert_int_equal(fixture_claim(f, T0, &j, AGENTS("b"), NULL), b);
    assert_int_equal(fixture_claim(f, T0, &j, AGENTS("b"), NULL), 0);
    assert_int_equal(fixture_claim(f, T0, &j, AGENTS("it's \"quoted\"", "%"), NULL), 0);
}

static void a_claim_passes_over_repos_that_are_full(void **state)
{
    struct fixture *f = *state;
    (void)fixture_job(f, &(struct job){.agent = "a", .repo = "full", .priority = 9}, T0);
    int64_t other = fixture_job(f, &(struct job){.agent = "a", .repo = "other"}, T0);
    int64_t none = fixture_job(f, &(struct job){.agent = "a"}, T0);
    struct job j;
    assert_int_equal(fixture_claim(f, T0, &j, AGENTS("a"), AGENTS("x", "full")), other);
    assert_int_equal(fixture_claim(f, T0, &j, AGENTS("a"), AGENTS("x", "full")), none);
    assert_int_equal(fixture_claim(f, T0, &j, AGENTS("a"), AGENTS("x", "full")), 0);
}

static void a_job_is_not_claimed_before_its_run_after(void **state)
{
    struct fixture *f = *state;
    int64_t id = fixture_job(f, &(struct job){.agent = "a", .run_after = T0 + SECOND}, T0);
    struct job j;
    int64_t due = 0;
    assert_int_equal(fixture_claim(f, T0 + SECOND - 1, &j, AGENTS("a"), NULL), 0);
    MUST(job_next_due(f->db, T0, &due, &e));
    assert_int_equal(due, T0 + SECOND);
    assert_int_equal(fixture_claim(f, T0 + SECOND, &j, AGENTS("a"), NULL), id);
    MUST(job_next_due(f->db, T0 + SECOND, &due, &e));
    assert_int_equal(due, 0);
}

static void a_claim_holds_the_job_with_a_fresh_token(void **state)
{
    struct fixture *f = *state;
    int64_t id = fixture_job(f, &(struct job){.agent = "a", .max_attempts = 3, .prompt = "p"}, T0);
    struct job first, second;
    assert_int_equal(fixture_claim(f, T0 + 1, &first, AGENTS("a"), NULL), id);
    assert_int_equal(first.state, JOB_RUNNING);
    assert_int_equal(first.attempts, 1);
    assert_int_equal(first.started_at, T0 + 1);
    assert_string_equal(first.worker, "");
    assert_string_equal(first.prompt, "p");
    assert_int_equal(end_job(f, id, JOB_LEASE_EXPIRED, NULL, T0 + 2), 0);
    assert_int_equal(fixture_claim(f, T0 + 3, &second, AGENTS("a"), NULL), id);
    assert_int_equal(second.attempts, 2);
    assert_string_not_equal(first.lease_token, second.lease_token);
}

/* Q5: a stale token changes nothing. */
static void a_stale_token_changes_nothing(void **state)
{
    struct fixture *f = *state;
    int64_t id = fixture_job(f, &(struct job){.agent = "a", .max_attempts = 3}, T0);
    struct job first, second, after;
    bool cancel = false;
    struct err why;
    (void)fixture_claim(f, T0, &first, AGENTS("a"), NULL);
    assert_int_equal(end_job(f, id, JOB_LEASE_EXPIRED, NULL, T0), 0);
    assert_int_equal(end_job(f, id, JOB_SUCCEED, first.lease_token, T0), JOB_STORE_E_STALE_TOKEN);
    (void)fixture_claim(f, T0, &second, AGENTS("a"), NULL);
    assert_int_equal(end_job(f, id, JOB_SUCCEED, first.lease_token, T0), JOB_STORE_E_STALE_TOKEN);
    assert_int_equal(end_job(f, id, JOB_FAIL, "", T0), JOB_STORE_E_STALE_TOKEN);
    assert_int_equal(job_lease_extend(f->db, id, first.lease_token, T0 + 9, 1, 2, &cancel, &why),
                     JOB_STORE_E_STALE_TOKEN);
    MUST(job_get(f->db, id, &f->a, &after, &e));
    assert_int_equal(after.state, JOB_RUNNING);
    assert_string_equal(after.lease_token, second.lease_token);
    assert_int_equal(after.lease_expires_at, 0);
    assert_int_equal(after.pid, 0);
    assert_counts(f, 0, 1, 0, 0, 0);
}

static void a_failure_with_attempts_left_waits_for_its_backoff(void **state)
{
    struct fixture *f = *state;
    int64_t id = fixture_job(f, &(struct job){.agent = "a", .max_attempts = 2}, T0);
    struct job j;
    (void)fixture_claim(f, T0, &j, AGENTS("a"), NULL);
    assert_int_equal(end_job(f, id, JOB_FAIL, j.lease_token, T0), 0);
    MUST(job_get(f->db, id, &f->a, &j, &e));
    assert_int_equal(j.state, JOB_QUEUED);
    assert_int_equal(j.run_after, T0 + 5 * SECOND); /* 10 s × 2^0 × 0.5 */
    assert_string_equal(j.cause, "exit 1");
    assert_string_equal(j.last_error, "why");
    assert_null(j.lease_token);
    assert_int_equal(j.started_at, 0);
    assert_counts(f, 1, 0, 0, 0, 0);
    assert_int_equal(fixture_total(f, "jobs_retried", ""), 1);
    assert_int_equal(fixture_total(f, "scheduled", ""), 1);
    assert_int_equal(fixture_total(f, "attempts", ""), 1);

    assert_int_equal(fixture_claim(f, T0 + 5 * SECOND, &j, AGENTS("a"), NULL), id);
    assert_int_equal(fixture_total(f, "scheduled", ""), 0);
    assert_int_equal(fixture_total(f, "attempts", ""), 2);
    assert_int_equal(end_job(f, id, JOB_FAIL, j.lease_token, T0 + 6 * SECOND), 0);
    assert_counts(f, 0, 0, 0, 1, 0);
    assert_int_equal(fixture_total(f, "exhausted", ""), 1);
    assert_int_equal(fixture_total(f, "jobs_retried", ""), 1);
}

static void a_retry_revives_what_had_failed(void **state)
{
    struct fixture *f = *state;
    int64_t id = fixture_job(f, &(struct job){.agent = "a", .max_attempts = 1}, T0);
    struct job j;
    (void)fixture_claim(f, T0, &j, AGENTS("a"), NULL);
    assert_int_equal(end_job(f, id, JOB_FAIL, j.lease_token, T0), 0);
    assert_int_equal(end_job(f, id, JOB_RETRY, NULL, T0 + 1), 0);
    assert_counts(f, 1, 0, 0, 0, 0);
    assert_int_equal(fixture_total(f, "exhausted", ""), 0);
    assert_int_equal(fixture_total(f, "scheduled", ""), 0);
    MUST(job_get(f->db, id, &f->a, &j, &e));
    assert_int_equal(j.attempts, 0);
    assert_int_equal(j.finished_at, 0);
    assert_string_equal(j.cause, "exit 1"); /* of the last attempt */
    assert_int_equal(fixture_claim(f, T0 + 1, &j, AGENTS("a"), NULL), id);
}

/* Nothing was started, so nothing was attempted. */
static void a_released_claim_is_as_if_it_had_not_been(void **state)
{
    struct fixture *f = *state;
    int64_t id = fixture_job(f, &(struct job){.agent = "a", .max_attempts = 1}, T0);
    struct job j;
    (void)fixture_claim(f, T0, &j, AGENTS("a"), NULL);
    assert_int_equal(end_job(f, id, JOB_RELEASE, j.lease_token, T0), 0);
    assert_counts(f, 1, 0, 0, 0, 0);
    assert_int_equal(fixture_total(f, "attempts", ""), 0);
    assert_int_equal(fixture_total(f, "jobs_retried", ""), 0);
    assert_int_equal(fixture_claim(f, T0, &j, AGENTS("a"), NULL), id);
    assert_int_equal(j.attempts, 1);
}

static void a_final_job_takes_no_late_result(void **state)
{
    struct fixture *f = *state;
    int64_t id = fixture_job(f, &(struct job){.agent = "a"}, T0);
    assert_int_equal(end_job(f, id, JOB_CANCEL, NULL, T0), 0);
    assert_int_equal(end_job(f, id, JOB_SUCCEED, NULL, T0), JOB_STORE_E_NOT_ALLOWED);
    assert_int_equal(end_job(f, id, JOB_CANCEL, NULL, T0), JOB_STORE_E_NOT_ALLOWED);
    assert_counts(f, 0, 0, 0, 0, 1);
}

/* Q4: dedups while a job with the key is queued or running, and no longer. */
static void a_unique_key_dedups_while_its_job_lives(void **state)
{
    struct fixture *f = *state;
    struct job j = {.agent = "a", .unique_key = "k"}, got;
    struct err why;
    int64_t id = fixture_job(f, &j, T0), other = 0;
    assert_int_equal(job_insert(f->db, &j, T0, &other, &why), JOB_STORE_E_DEDUPED);
    assert_int_equal(other, id);
    (void)fixture_claim(f, T0, &got, AGENTS("a"), NULL);
    assert_int_equal(job_insert(f->db, &j, T0, &other, &why), JOB_STORE_E_DEDUPED);
    assert_int_equal(end_job(f, id, JOB_FAIL_FOR_GOOD, got.lease_token, T0), 0);
    assert_counts(f, 0, 0, 0, 1, 0);
    int64_t fresh = fixture_job(f, &j, T0);
    assert_int_not_equal(fresh, id);
    assert_int_equal(end_job(f, id, JOB_RETRY, NULL, T0), JOB_STORE_E_DEDUPED);
    assert_counts(f, 1, 0, 0, 1, 0);
    assert_int_equal(end_job(f, fresh, JOB_CANCEL, NULL, T0), 0);
    assert_int_equal(end_job(f, id, JOB_RETRY, NULL, T0), 0);
}

static void a_heartbeat_extends_the_lease_and_brings_the_cancel(void **state)
{
    struct fixture *f = *state;
    int64_t id = fixture_job(f, &(struct job){.agent = "a", .max_attempts = 2}, T0);
    struct job_claim claim = {
        .agents = AGENTS("a"), .worker = "w1", .lease_expires_at = T0 + 30 * SECOND, .now_us = T0};
    struct job j;
    bool cancel = true;
    int64_t *expired;
    size_t count;
    MUST(job_claim_next(f->db, &claim, &f->a, &j, &e));
    assert_string_equal(j.worker, "w1");
    MUST(job_lease_extend(f->db, id, j.lease_token, T0 + 60 * SECOND, 4711, 99, &cancel, &e));
    assert_false(cancel);
    MUST(job_request_cancel(f->db, id, &e));
    MUST(job_lease_extend(f->db, id, j.lease_token, T0 + 60 * SECOND, 0, 0, &cancel, &e));
    assert_true(cancel);
    MUST(job_get(f->db, id, &f->a, &j, &e));
    assert_int_equal(j.pid, 4711); /* kept when a heartbeat does not say it */
    assert_int_equal(j.start_ticks, 99);
    MUST(job_expired_leases(f->db, T0 + 60 * SECOND - 1, &f->a, &expired, &count, &e));
    assert_int_equal(count, 0);
    MUST(job_expired_leases(f->db, T0 + 60 * SECOND, &f->a, &expired, &count, &e));
    assert_int_equal(count, 1);
    assert_int_equal(expired[0], id);
    assert_int_equal(end_job(f, id, JOB_LEASE_EXPIRED, NULL, T0 + 61 * SECOND), 0);
    MUST(job_expired_leases(f->db, T0 + 99 * SECOND, &f->a, &expired, &count, &e));
    assert_int_equal(count, 0);
}

static void only_a_running_job_is_asked_to_cancel(void **state)
{
    struct fixture *f = *state;
    struct err why;
    int64_t id = fixture_job(f, &(struct job){.agent = "a"}, T0);
    assert_int_equal(job_request_cancel(f->db, id, &why), JOB_STORE_E_NOT_ALLOWED);
}

static void assert_list(struct fixture *f, struct job_filter filter, const int64_t *ids, size_t expected)
{
    struct job *jobs;
    size_t count;
    MUST(job_list(f->db, &filter, &f->a, &jobs, &count, &e));
    assert_int_equal(count, expected);
    for (size_t i = 0; i < expected; i++)
        assert_int_equal(jobs[i].id, ids[i]);
}
#define IDS(...) (const int64_t[]){__VA_ARGS__}, COUNT_OF(((const int64_t[]){__VA_ARGS__}))

static void lists_filter_page_and_turn_round(void **state)
{
    struct fixture *f = *state;
    for (int i = 1; i <= 6; i++) /* ids 1 … 6; a b a b a b, repos r0 r1 r2 r0 r1 r2 */
        (void)fixture_job(
            f, &(struct job){.agent = i % 2 ? "a" : "b", .repo = (const char *[]){"r1", "r2", "r0"}[i % 3]},
            T0);
    assert_int_equal(end_job(f, 2, JOB_CANCEL, NULL, T0), 0);
    struct job j;
    assert_int_equal(fixture_claim(f, T0, &j, AGENTS("a"), NULL), 1);
    assert_list(f, (struct job_filter){.state = -1, .limit = 4}, IDS(1, 2, 3, 4));
    assert_list(f, (struct job_filter){.state = -1, .limit = 4, .after = 4}, IDS(5, 6));
    assert_list(f, (struct job_filter){.state = -1, .limit = 2, .newest_first = true}, IDS(6, 5));
    assert_list(f, (struct job_filter){.state = -1, .limit = 9, .after = 3, .newest_first = true}, IDS(2, 1));
    assert_list(f, (struct job_filter){.state = JOB_QUEUED}, IDS(3, 4, 5, 6));
    assert_list(f, (struct job_filter){.state = JOB_QUEUED, .agent = "b"}, IDS(4, 6));
    assert_list(f, (struct job_filter){.state = JOB_RUNNING}, IDS(1));
    assert_list(f, (struct job_filter){.state = JOB_CANCELLED}, IDS(2));
    assert_list(f, (struct job_filter){.state = JOB_FAILED}, NULL, 0);
    assert_list(f, (struct job_filter){.state = -1, .agent = "a"}, IDS(1, 3, 5));
    assert_list(f, (struct job_filter){.state = -1, .agent = "a", .repo = "r0"}, IDS(5));
    assert_list(f, (struct job_filter){.state = -1, .repo = "r2"}, IDS(1, 4));
}

static void the_oldest_queued_job_is_the_oldest_that_is_due(void **state)
{
    struct fixture *f = *state;
    int64_t oldest = -1;
    MUST(job_oldest_queued(f->db, T0, &oldest, &e));
    assert_int_equal(oldest, 0);
    (void)fixture_job(f, &(struct job){.agent = "a", .run_after = T0 + 100 * SECOND}, T0);
    (void)fixture_job(f, &(struct job){.agent = "a"}, T0 + SECOND);
    MUST(job_oldest_queued(f->db, T0 + 2 * SECOND, &oldest, &e));
    assert_int_equal(oldest, T0 + SECOND);
    MUST(job_oldest_queued(f->db, T0 + 100 * SECOND, &oldest, &e));
    assert_int_equal(oldest, T0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_comes_back_as_it_was_put_in),
        cmocka_unit_test(what_was_not_given_is_null_not_empty),
        cmocka_unit_test(an_absent_job_is_absent),
        cmocka_unit_test(claims_follow_priority_then_run_after_then_id),
        cmocka_unit_test(a_claim_takes_no_job_of_an_agent_that_is_not_asked_for),
        cmocka_unit_test(a_claim_passes_over_repos_that_are_full),
        cmocka_unit_test(a_job_is_not_claimed_before_its_run_after),
        cmocka_unit_test(a_claim_holds_the_job_with_a_fresh_token),
        cmocka_unit_test(a_stale_token_changes_nothing),
        cmocka_unit_test(a_failure_with_attempts_left_waits_for_its_backoff),
        cmocka_unit_test(a_retry_revives_what_had_failed),
        cmocka_unit_test(a_released_claim_is_as_if_it_had_not_been),
        cmocka_unit_test(a_final_job_takes_no_late_result),
        cmocka_unit_test(a_unique_key_dedups_while_its_job_lives),
        cmocka_unit_test(a_heartbeat_extends_the_lease_and_brings_the_cancel),
        cmocka_unit_test(only_a_running_job_is_asked_to_cancel),
        cmocka_unit_test(lists_filter_page_and_turn_round),
        cmocka_unit_test(the_oldest_queued_job_is_the_oldest_that_is_due),
    };
    return fixture_run("store_jobs", tests, COUNT_OF(tests));
}
