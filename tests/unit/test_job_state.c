/* test_job_state.c -- every state with every event, and what an edge does to the attempts. */
#include "core/job_state.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define NOW (INT64_C(1795305600) * USEC_PER_SEC)
#define NONE (-1)

static struct job_timing timing(void)
{
    return (struct job_timing){
        .now_us = NOW, .backoff = {10 * USEC_PER_SEC, 900 * USEC_PER_SEC}, .unit = 0.5};
}

/* The table of spec 20 Q3 and Q6, for a job with attempts left: rows are events, columns states. */
static const int expected_state[JOB_EVENT_COUNT][JOB_STATE_COUNT] = {
    /*                      queued         running        done  failed      cancelled */
    [JOB_CLAIM] = {JOB_RUNNING, NONE, NONE, NONE, NONE},
    [JOB_SUCCEED] = {NONE, JOB_DONE, NONE, NONE, NONE},
    [JOB_FAIL] = {NONE, JOB_QUEUED, NONE, NONE, NONE},
    [JOB_FAIL_FOR_GOOD] = {NONE, JOB_FAILED, NONE, NONE, NONE},
    [JOB_RATE_LIMITED] = {NONE, JOB_QUEUED, NONE, NONE, NONE},
    [JOB_LEASE_EXPIRED] = {NONE, JOB_QUEUED, NONE, NONE, NONE},
    [JOB_RELEASE] = {NONE, JOB_QUEUED, NONE, NONE, NONE},
    [JOB_CANCEL] = {JOB_CANCELLED, JOB_CANCELLED, NONE, NONE, NONE},
    [JOB_RETRY] = {NONE, NONE, NONE, JOB_QUEUED, JOB_QUEUED},
};

static void the_edges_are_those_of_the_table_and_no_others(void **state)
{
    (void)state;
    struct job_timing t = timing();
    for (int event = 0; event < JOB_EVENT_COUNT; event++)
        for (int from = 0; from < JOB_STATE_COUNT; from++) {
            struct job_facts facts = {.state = (enum job_state)from, .attempts = 1, .max_attempts = 3};
            struct job_change change = {.attempts = -77};
            int rc = job_decide(&facts, (enum job_event)event, &t, &change);
            int wanted = expected_state[event][from];
            if (rc != (wanted == NONE ? JOB_E_NOT_ALLOWED : 0) || (rc == 0 && (int)change.state != wanted))
                fail_msg("%s in %s gives %d, %s", job_event_name((enum job_event)event),
                         job_state_name((enum job_state)from), rc, job_state_name(change.state));
            if (rc != 0)
                assert_int_equal(change.attempts, -77);
        }
}

static struct job_change decide(struct job_facts facts, enum job_event event, const struct job_timing *t)
{
    struct job_change change = {0};
    assert_int_equal(job_decide(&facts, event, t, &change), 0);
    return change;
}

static void a_job_is_tried_max_attempts_times_and_no_more(void **state)
{
    (void)state;
    static const enum job_event failures[] = {JOB_FAIL, JOB_LEASE_EXPIRED};
    struct job_timing t = timing();
    for (size_t f = 0; f < COUNT_OF(failures); f++)
        for (int64_t max = 0; max <= 5; max++) {
            struct job_facts job = {.state = JOB_QUEUED, .max_attempts = max};
            int64_t runs = 0;
            while (job.state == JOB_QUEUED) {
                job.state = JOB_RUNNING;
                job.attempts = ++runs;
                struct job_change c = decide(job, failures[f], &t);
                assert_int_equal(c.attempts, runs);
                assert_int_equal(c.retried, c.state == JOB_QUEUED);
                assert_int_equal(c.exhausted, c.state == JOB_FAILED);
                job.state = c.state;
            }
            assert_int_equal(job.state, JOB_FAILED);
            assert_int_equal(runs, MAX(max, 1));
        }
}

static void a_claim_consumes_an_attempt_and_a_limit_or_a_release_gives_it_back(void **state)
{
    (void)state;
    struct job_timing t = timing();
    struct job_facts queued = {
        .state = JOB_QUEUED, .attempts = 1, .max_attempts = 3, .run_after_us = NOW - 5};
    struct job_change claimed = decide(queued, JOB_CLAIM, &t);
    assert_int_equal(claimed.attempts, 2);
    struct job_facts running = {JOB_RUNNING, claimed.attempts, 3, claimed.run_after_us};
    assert_int_equal(decide(running, JOB_RATE_LIMITED, &t).attempts, 1);
    assert_false(decide(running, JOB_RATE_LIMITED, &t).retried);
    struct job_change released = decide(running, JOB_RELEASE, &t);
    assert_int_equal(released.attempts, 1);
    assert_int_equal(released.run_after_us, NOW - 5);
    assert_false(released.retried);
    assert_int_equal(decide(running, JOB_CANCEL, &t).attempts, 2);
    running.attempts = 0; /* a row that was made by hand */
    assert_int_equal(decide(running, JOB_RELEASE, &t).attempts, 0);
}

/* A rate limit on the last attempt does not fail the job: the attempt was not consumed. */
static void a_rate_limit_on_the_last_attempt_queues_again(void **state)
{
    (void)state;
    struct job_timing t = timing();
    struct job_facts last = {JOB_RUNNING, 3, 3, 0};
    struct job_change c = decide(last, JOB_RATE_LIMITED, &t);
    assert_int_equal(c.state, JOB_QUEUED);
    assert_false(c.exhausted);
}

static void a_failure_waits_for_the_backoff_of_the_attempts_consumed(void **state)
{
    (void)state;
    struct job_timing t = timing(); /* unit 0.5: half of 10, 20, 40 s */
    for (int64_t attempts = 1; attempts <= 3; attempts++) {
        struct job_facts running = {JOB_RUNNING, attempts, 9, 0};
        assert_int_equal(decide(running, JOB_FAIL, &t).run_after_us,
                         NOW + (INT64_C(5) << (attempts - 1)) * USEC_PER_SEC);
        assert_int_equal(decide(running, JOB_LEASE_EXPIRED, &t).run_after_us, NOW);
    }
}

static void a_rate_limit_waits_for_the_reset_that_was_named(void **state)
{
    (void)state;
    struct job_timing t = timing();
    struct job_facts running = {JOB_RUNNING, 1, 3, 0};
    t.rate_limit_reset_us = NOW + 3600 * USEC_PER_SEC;
    assert_int_equal(decide(running, JOB_RATE_LIMITED, &t).run_after_us, t.rate_limit_reset_us);
    t.rate_limit_reset_us = INT64_MAX;
    assert_int_equal(decide(running, JOB_RATE_LIMITED, &t).run_after_us,
                     NOW + INT64_C(8) * 86400 * USEC_PER_SEC);
}

static void without_a_reset_in_the_future_it_waits_half_to_all_of_the_cap(void **state)
{
    (void)state;
    static const int64_t resets[] = {0, -1, NOW - 1, NOW};
    struct job_facts running = {JOB_RUNNING, 1, 3, 0};
    struct job_timing t = timing();
    for (size_t i = 0; i < COUNT_OF(resets); i++) {
        t.rate_limit_reset_us = resets[i];
        t.unit = 0;
        assert_int_equal(decide(running, JOB_RATE_LIMITED, &t).run_after_us, NOW + 450 * USEC_PER_SEC);
        t.unit = 0.5;
        assert_int_equal(decide(running, JOB_RATE_LIMITED, &t).run_after_us, NOW + 675 * USEC_PER_SEC);
    }
}

static void a_retry_by_hand_starts_anew_at_once(void **state)
{
    (void)state;
    static const enum job_state ended[] = {JOB_FAILED, JOB_CANCELLED};
    struct job_timing t = timing();
    for (size_t i = 0; i < COUNT_OF(ended); i++) {
        struct job_facts facts = {ended[i], 3, 3, NOW + 99};
        struct job_change c = decide(facts, JOB_RETRY, &t);
        assert_int_equal(c.attempts, 0);
        assert_int_equal(c.run_after_us, NOW);
        assert_false(c.retried);
    }
}

static void no_time_overflows(void **state)
{
    (void)state;
    struct job_timing t = {.now_us = INT64_MAX - 1, .backoff = {INT64_MAX, INT64_MAX}, .unit = 0.999};
    struct job_facts running = {JOB_RUNNING, INT64_MAX - 1, INT64_MAX, 0};
    for (int event = 0; event < JOB_EVENT_COUNT; event++) {
        struct job_change c = {0};
        if (job_decide(&running, (enum job_event)event, &t, &c) == 0)
            assert_true(c.run_after_us >= 0);
    }
}

static void names_are_those_of_the_metrics_and_read_back(void **state)
{
    (void)state;
    static const char *const names[] = {"queued", "running", "done", "failed", "cancelled"}; /* spec 30 M7 */
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        enum job_state back;
        assert_string_equal(job_state_name((enum job_state)i), names[i]);
        assert_true(job_state_of(str_of(names[i]), &back));
        assert_int_equal(back, i);
    }
    enum job_state none = JOB_DONE;
    assert_false(job_state_of(STR("Queued"), &none));
    assert_false(job_state_of(STR(""), &none));
    assert_int_equal(none, JOB_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_edges_are_those_of_the_table_and_no_others),
        cmocka_unit_test(a_job_is_tried_max_attempts_times_and_no_more),
        cmocka_unit_test(a_claim_consumes_an_attempt_and_a_limit_or_a_release_gives_it_back),
        cmocka_unit_test(a_rate_limit_on_the_last_attempt_queues_again),
        cmocka_unit_test(a_failure_waits_for_the_backoff_of_the_attempts_consumed),
        cmocka_unit_test(a_rate_limit_waits_for_the_reset_that_was_named),
        cmocka_unit_test(without_a_reset_in_the_future_it_waits_half_to_all_of_the_cap),
        cmocka_unit_test(a_retry_by_hand_starts_anew_at_once),
        cmocka_unit_test(no_time_overflows),
        cmocka_unit_test(names_are_those_of_the_metrics_and_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
