/* test_window.c -- which stretch a report covers, and when it goes out (spec 80 H2, H3, H6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/window.h"

#define S INT64_C(1000000)
#define H (3600 * S)
#define T0 (INT64_C(1795316645) * S)

static const struct window_rules rules = {.interval_us = 300 * S, .max_us = 24 * H};

static void the_first_window_starts_one_interval_before_now(void **state)
{
    struct window w;
    (void)state;
    assert_true(window_next(&rules, 0, T0, false, &w));
    assert_int_equal(w.start_us, T0 - 300 * S);
    assert_int_equal(w.end_us, T0);
}

static void each_window_starts_where_the_last_one_ended(void **state)
{
    struct window w;
    (void)state;
    assert_true(window_next(&rules, T0, T0 + 290 * S, false, &w));
    assert_int_equal(w.start_us, T0);
    assert_int_equal(w.end_us, T0 + 290 * S);
    assert_false(window_next(&rules, T0, T0, false, &w));          /* nothing has passed */
    assert_false(window_next(&rules, T0, T0 - 60 * S, false, &w)); /* the clock was set back */
}

static void time_grows_into_one_window_while_another_waits(void **state)
{
    struct window w;
    (void)state;
    assert_false(window_next(&rules, T0, T0 + 24 * H - 1, true, &w));
    assert_true(window_next(&rules, T0, T0 + 24 * H, true, &w)); /* as long as one may be: the queue grows */
    assert_int_equal(w.end_us, T0 + 24 * H);
    assert_int_equal(window_full_at(&rules, T0), T0 + 24 * H);
}

/* Three days away: 24 h, 24 h, 24 h, and the rest; every moment is in exactly one. */
static void three_days_without_a_hub_lose_no_moment(void **state)
{
    int64_t end_us = T0, now_us = T0 + 74 * H, covered_us = 0;
    int count = 0;
    struct window w;
    (void)state;
    while (window_next(&rules, end_us, now_us, false, &w)) {
        assert_int_equal(w.start_us, end_us);
        covered_us += w.end_us - w.start_us;
        end_us = w.end_us;
        count++;
    }
    assert_int_equal(count, 4);
    assert_int_equal(covered_us, 74 * H);
}

static void an_answer_is_judged_by_status_and_by_the_window_it_names(void **state)
{
    static const struct {
        int status;
        int64_t names, refusals;
        enum window_outcome expected;
    } cases[] = {
        {200, 7, 1, WINDOW_ACKED},    {202, 7, 1, WINDOW_ACKED},    {200, 0, 1, WINDOW_TAKEN},
        {200, 6, 1, WINDOW_RETRY},    {409, 0, 1, WINDOW_ACKED},    {401, 0, 9, WINDOW_FAULT},
        {403, 0, 9, WINDOW_FAULT},    {429, 0, 9, WINDOW_RETRY},    {500, 0, 9, WINDOW_RETRY},
        {503, 0, 9, WINDOW_RETRY},    {0, 0, 9, WINDOW_RETRY},      {302, 0, 9, WINDOW_RETRY},
        {422, 0, 4, WINDOW_RETRY},    {422, 0, 5, WINDOW_REJECTED}, {404, 0, 5, WINDOW_REJECTED},
        {413, 0, 5, WINDOW_REJECTED},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct window_answer a = {
            .status = cases[i].status, .window_no = cases[i].names, .retry_after_us = -1};
        assert_int_equal(window_judge(&a, 7, cases[i].refusals), cases[i].expected);
    }
}

/* H6: interval ± 15 %, evenly: the ends of the range are those of the random number. */
static void the_interval_is_drawn_within_15_percent(void **state)
{
    (void)state;
    assert_int_equal(window_interval_us(100 * S, 0), 85 * S);
    assert_int_equal(window_interval_us(100 * S, 0.5), 100 * S);
    assert_in_range(window_interval_us(100 * S, 0.999999), 114 * S, 115 * S);
}

/* 1, 2, 4, 8, 16, 32, 60, 60 … s, before the jitter. */
static void retries_double_up_to_a_minute_and_go_on_for_ever(void **state)
{
    static const int64_t seconds[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(seconds); i++)
        assert_int_equal(window_retry_us((int64_t)i + 1, -1, 0.5), seconds[i] * S);
    assert_int_equal(window_retry_us(1000000, -1, 0.5), 60 * S);
    assert_int_equal(window_retry_us(7, -1, 0), 51 * S); /* 60 − 15 % */
    assert_int_equal(window_retry_us(3, 17 * S, 0.9), 17 * S);
    assert_int_equal(window_retry_us(3, 0, 0.9), 0);
}

static void a_clock_that_was_far_ahead_is_left_behind(void **state)
{
    (void)state;
    assert_false(window_clock_was_wrong(T0, T0 - H));
    assert_true(window_clock_was_wrong(T0, T0 - H - 1));
    assert_int_equal(window_lag_us(0, T0), 0);
    assert_int_equal(window_lag_us(T0 - 5 * S, T0), 5 * S);
    assert_int_equal(window_lag_us(T0 + S, T0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_window_starts_one_interval_before_now),
        cmocka_unit_test(each_window_starts_where_the_last_one_ended),
        cmocka_unit_test(time_grows_into_one_window_while_another_waits),
        cmocka_unit_test(three_days_without_a_hub_lose_no_moment),
        cmocka_unit_test(an_answer_is_judged_by_status_and_by_the_window_it_names),
        cmocka_unit_test(the_interval_is_drawn_within_15_percent),
        cmocka_unit_test(retries_double_up_to_a_minute_and_go_on_for_ever),
        cmocka_unit_test(a_clock_that_was_far_ahead_is_left_behind),
    };
    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
