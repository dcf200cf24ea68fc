/* test_breaker.c -- the breaker's rules one by one, and all short histories against invariants. */
#include "core/breaker.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define S USEC_PER_SEC
#define START (INT64_C(1795305600) * S)

/* spec 20 Q7: 5 consecutive failures in 10 min, half-open after 60 s. */
static const struct breaker_policy spec = {5, 600 * S, 60 * S};

static struct breaker closed(void)
{
    struct breaker b;
    breaker_init(&b);
    return b;
}

static struct breaker opened_at(int64_t now_us)
{
    struct breaker b = closed();
    for (int i = 0; i < 5; i++)
        (void)breaker_failed(&b, &spec, i, now_us);
    assert_int_equal(b.state, BREAKER_OPEN);
    return b;
}

/* Half-open, with run 99 as the probe. */
static struct breaker probing_at(int64_t now_us)
{
    struct breaker b = opened_at(now_us - 60 * S);
    assert_true(breaker_allows(&b, &spec, now_us));
    breaker_started(&b, 99);
    return b;
}

static void the_fifth_consecutive_failure_within_ten_minutes_opens(void **state)
{
    (void)state;
    struct breaker b = closed();
    for (int i = 0; i < 4; i++)
        assert_false(breaker_failed(&b, &spec, i, START + i * 150 * S));
    assert_true(breaker_allows(&b, &spec, START + 599 * S));
    assert_true(breaker_failed(&b, &spec, 4, START + 600 * S));
    assert_int_equal(b.state, BREAKER_OPEN);
    assert_int_equal(b.trips, 1);
    assert_int_equal(b.opened_at_us, START + 600 * S);
    assert_int_equal(b.retry_at_us, START + 660 * S);
    assert_int_equal(b.consecutive_failures, 5);
}

static void five_failures_over_more_than_ten_minutes_do_not_open(void **state)
{
    (void)state;
    struct breaker b = closed();
    for (int i = 0; i < 40; i++) /* more than it remembers */
        assert_false(breaker_failed(&b, &spec, i, START + i * 151 * S));
    assert_int_equal(b.consecutive_failures, 40);
    /* One quick one more: the last five then lie within 3 × 151 s and a bit. */
    assert_true(breaker_failed(&b, &spec, 3, START + 39 * 151 * S + 1));
}

static void a_success_in_between_starts_the_count_anew(void **state)
{
    (void)state;
    struct breaker b = closed();
    for (int i = 0; i < 4; i++)
        (void)breaker_failed(&b, &spec, i, START);
    assert_false(breaker_succeeded(&b, 5));
    assert_int_equal(b.consecutive_failures, 0);
    for (int i = 0; i < 4; i++)
        assert_false(breaker_failed(&b, &spec, i, START));
    assert_int_equal(b.state, BREAKER_CLOSED);
}

static void open_lets_nothing_through_until_the_minute_is_over(void **state)
{
    (void)state;
    struct breaker b = opened_at(START);
    assert_false(breaker_allows(&b, &spec, START));
    assert_false(breaker_allows(&b, &spec, START + 60 * S - 1));
    assert_int_equal(b.state, BREAKER_OPEN);
    assert_true(breaker_allows(&b, &spec, START + 60 * S));
    assert_int_equal(b.state, BREAKER_HALF_OPEN);
}

static void half_open_lets_one_probe_through_at_a_time(void **state)
{
    (void)state;
    struct breaker b = opened_at(START);
    assert_true(breaker_allows(&b, &spec, START + 60 * S));
    assert_true(breaker_allows(&b, &spec, START + 60 * S)); /* nothing has started yet */
    breaker_started(&b, 99);
    assert_false(breaker_allows(&b, &spec, START + 61 * S));
    assert_false(breaker_allows(&b, &spec, START + 100000 * S));
}

static void the_probe_decides(void **state)
{
    (void)state;
    struct breaker good = probing_at(START), bad = probing_at(START);
    assert_true(breaker_succeeded(&good, 99));
    assert_int_equal(good.state, BREAKER_CLOSED);
    assert_int_equal(good.trips, 1);
    assert_int_equal(good.opened_at_us, 0);
    assert_true(breaker_allows(&good, &spec, START));
    assert_true(breaker_failed(&bad, &spec, 99, START));
    assert_int_equal(bad.state, BREAKER_OPEN);
    assert_int_equal(bad.trips, 2);
    assert_int_equal(bad.retry_at_us, START + 60 * S);
    assert_false(breaker_allows(&bad, &spec, START + 59 * S));
}

static void a_run_that_is_not_the_probe_decides_nothing(void **state)
{
    (void)state;
    struct breaker b = probing_at(START);
    assert_false(breaker_succeeded(&b, 7));
    assert_false(breaker_failed(&b, &spec, 7, START));
    breaker_released(&b, 7);
    assert_int_equal(b.state, BREAKER_HALF_OPEN);
    assert_false(breaker_allows(&b, &spec, START));
    struct breaker open = opened_at(START);
    assert_false(breaker_succeeded(&open, 7));
    assert_int_equal(open.state, BREAKER_OPEN);
    for (int i = 0; i < 10; i++)
        assert_false(breaker_failed(&open, &spec, i, START + 1));
    assert_int_equal(open.trips, 1);
}

static void a_probe_without_a_verdict_makes_room_for_the_next(void **state)
{
    (void)state;
    struct breaker b = probing_at(START);
    breaker_released(&b, 99);
    assert_int_equal(b.state, BREAKER_HALF_OPEN);
    assert_true(breaker_allows(&b, &spec, START));
    breaker_started(&b, 100);
    assert_false(breaker_succeeded(&b, 99)); /* the old one comes late */
    assert_true(breaker_succeeded(&b, 100));
}

static void a_clock_that_steps_back_lengthens_the_wait_by_no_more_than_one_period(void **state)
{
    (void)state;
    struct breaker b = opened_at(START);
    int64_t stepped = START - 3600 * S;
    assert_false(breaker_allows(&b, &spec, stepped));
    assert_true(b.opened_at_us <= stepped); /* nothing is shown as opened in the future */
    assert_false(breaker_allows(&b, &spec, stepped + 60 * S - 1));
    assert_true(breaker_allows(&b, &spec, stepped + 60 * S));
}

static void failures_from_a_future_that_was_taken_back_still_age(void **state)
{
    (void)state;
    struct breaker b = closed();
    for (int i = 0; i < 4; i++)
        (void)breaker_failed(&b, &spec, i, START);
    int64_t stepped = START - 3600 * S;
    struct breaker_policy six = spec;
    six.failures = 6;
    assert_false(breaker_failed(&b, &six, 5, stepped));
    for (int i = 0; i < 5; i++)
        assert_true(b.failure_us[i] <= stepped);
    /* More than ten minutes later only the new ones count. */
    assert_false(breaker_failed(&b, &six, 6, stepped + 601 * S));
}

static void a_policy_that_makes_no_sense_is_bounded(void **state)
{
    (void)state;
    struct breaker_policy none = {0, 0, -5}, many = {INT64_MAX, INT64_MAX, INT64_MAX};
    struct breaker b = closed();
    assert_true(breaker_failed(&b, &none, 1, START));
    assert_true(breaker_allows(&b, &none, START));
    b = closed();
    for (int i = 1; i < BREAKER_FAILURES_MAX; i++)
        assert_false(breaker_failed(&b, &many, i, START));
    assert_true(breaker_failed(&b, &many, 0, START));
    assert_int_equal(b.retry_at_us, INT64_MAX);
}

/* -- every history of eight steps -- */

enum step { ALLOWS, START_RUN, SUCCEED, FAIL, FAIL_OTHER, RELEASE, WAIT, STEP_BACK, STEP_COUNT };

static void take(struct breaker *b, enum step step, const struct breaker_policy *p, int64_t *now_us)
{
    switch (step) {
    case ALLOWS:
        if (breaker_allows(b, p, *now_us))
            assert_true(b->state != BREAKER_OPEN);
        break;
    case START_RUN:
        breaker_started(b, 1);
        break;
    case SUCCEED:
        (void)breaker_succeeded(b, 1);
        break;
    case FAIL:
        (void)breaker_failed(b, p, 1, *now_us);
        break;
    case FAIL_OTHER:
        (void)breaker_failed(b, p, 2, *now_us);
        break;
    case RELEASE:
        breaker_released(b, 1);
        break;
    case WAIT:
        *now_us += 61 * S;
        break;
    case STEP_BACK:
    case STEP_COUNT:
        *now_us -= 3600 * S;
        break;
    }
}

static void check_invariants(const struct breaker *before, const struct breaker *b)
{
    assert_true(b->trips >= before->trips && b->trips <= before->trips + 1);
    assert_int_equal(b->trips > before->trips, b->state == BREAKER_OPEN && (before->state != BREAKER_OPEN));
    assert_true(!b->probing || b->state == BREAKER_HALF_OPEN);
    assert_int_equal(b->retry_at_us != 0, b->state == BREAKER_OPEN);
    assert_int_equal(b->opened_at_us != 0, b->state != BREAKER_CLOSED);
    assert_true(b->failure_count >= 0 && b->failure_count <= BREAKER_FAILURES_MAX);
    assert_true(b->consecutive_failures >= b->failure_count);
}

/* However it got there: release, wait for one period, and a run may start. */
static void check_not_wedged(struct breaker b, const struct breaker_policy *p, int64_t now_us)
{
    breaker_released(&b, 1);
    if (!breaker_allows(&b, p, now_us))
        assert_true(breaker_allows(&b, p, now_us + p->open_us));
}

static void no_history_breaks_an_invariant_or_wedges_it(void **state)
{
    (void)state;
    static const struct breaker_policy two = {2, 600 * S, 60 * S};
    for (unsigned history = 0; history < 1u << 18; history++) { /* 6 steps of 3 bits */
        struct breaker b = closed();
        int64_t now_us = START;
        for (int i = 0; i < 6; i++) {
            struct breaker before = b;
            take(&b, (enum step)(history >> (3 * i) & 7), &two, &now_us);
            check_invariants(&before, &b);
        }
        check_not_wedged(b, &two, now_us);
    }
}

static void the_worse_of_two_is_the_more_open_one(void **state)
{
    (void)state;
    struct breaker a = closed(), half = probing_at(START), open = opened_at(START), failing = closed();
    (void)breaker_failed(&failing, &spec, 1, START);
    assert_ptr_equal(breaker_worse(&a, &half), &half);
    assert_ptr_equal(breaker_worse(&half, &a), &half);
    assert_ptr_equal(breaker_worse(&half, &open), &open);
    assert_ptr_equal(breaker_worse(&open, &half), &open);
    assert_ptr_equal(breaker_worse(&a, &failing), &failing);
    assert_ptr_equal(breaker_worse(&failing, &a), &failing);
    struct breaker twin = closed();
    assert_ptr_equal(breaker_worse(&a, &twin), &a);
}

static void names_and_failure_times_survive_being_written_down(void **state)
{
    (void)state;
    static const char *const names[] = {"closed", "half_open", "open"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        enum breaker_state back;
        assert_string_equal(breaker_state_name((enum breaker_state)i), names[i]);
        assert_true(breaker_state_of(str_of(names[i]), &back));
        assert_int_equal(back, i);
    }
    enum breaker_state none = BREAKER_OPEN;
    assert_false(breaker_state_of(STR("half-open"), &none));
    assert_int_equal(none, BREAKER_OPEN);
    struct breaker b = closed(), back;
    char text[BREAKER_TIMES_TEXT_MAX];
    for (int i = 0; i <= BREAKER_FAILURES_MAX; i++) {
        breaker_init(&back);
        assert_true(breaker_times_parse(str_of(breaker_times_format(&b, text)), &back));
        assert_int_equal(back.failure_count, b.failure_count);
        assert_memory_equal(back.failure_us, b.failure_us, sizeof(b.failure_us));
        if (i < BREAKER_FAILURES_MAX)
            b.failure_us[b.failure_count++] = INT64_MIN + i; /* the longest text */
    }
}

static void what_is_no_list_of_times_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {",", "1,", ",1", "1,,2", "x", " 1", "9223372036854775808"};
    struct breaker b = closed();
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        if (breaker_times_parse(str_of(wrong[i]), &b))
            fail_msg("accepted: %s", wrong[i]);
    char many[3 * BREAKER_FAILURES_MAX];
    size_t n = 0;
    for (int i = 0; i <= BREAKER_FAILURES_MAX; i++) {
        many[n++] = '1';
        many[n++] = ',';
    }
    assert_false(breaker_times_parse((struct str){many, n - 1}, &b));
    assert_true(breaker_times_parse((struct str){many, n - 3}, &b));
    assert_true(breaker_times_parse((struct str){NULL, 0}, &b));
    assert_int_equal(b.failure_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fifth_consecutive_failure_within_ten_minutes_opens),
        cmocka_unit_test(five_failures_over_more_than_ten_minutes_do_not_open),
        cmocka_unit_test(a_success_in_between_starts_the_count_anew),
        cmocka_unit_test(open_lets_nothing_through_until_the_minute_is_over),
        cmocka_unit_test(half_open_lets_one_probe_through_at_a_time),
        cmocka_unit_test(the_probe_decides),
        cmocka_unit_test(a_run_that_is_not_the_probe_decides_nothing),
        cmocka_unit_test(a_probe_without_a_verdict_makes_room_for_the_next),
        cmocka_unit_test(a_clock_that_steps_back_lengthens_the_wait_by_no_more_than_one_period),
        cmocka_unit_test(failures_from_a_future_that_was_taken_back_still_age),
        cmocka_unit_test(a_policy_that_makes_no_sense_is_bounded),
        cmocka_unit_test(no_history_breaks_an_invariant_or_wedges_it),
        cmocka_unit_test(the_worse_of_two_is_the_more_open_one),
        cmocka_unit_test(names_and_failure_times_survive_being_written_down),
        cmocka_unit_test(what_is_no_list_of_times_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
