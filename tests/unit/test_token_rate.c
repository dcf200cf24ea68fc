/* core/token_rate: tokens per minute of an agent (spec 95 Console, Fleet). */
#include "base/clock.h"
#include "core/token_rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S USEC_PER_SEC

static void nothing_noted_is_unknown_and_not_zero(void **state)
{
    (void)state;
    struct token_rate r = {0};
    assert_true(token_rate_per_minute(&r, 1000 * S) < 0);
}

static void ten_seconds_are_needed_before_a_rate_is_told(void **state)
{
    (void)state;
    struct token_rate r = {0};
    token_rate_note(&r, 100 * S, 500);
    token_rate_note(&r, 105 * S, 600);
    assert_true(token_rate_per_minute(&r, 109 * S) < 0);
    /* 100 tokens in 10 s are 600 in a minute */
    assert_float_equal(token_rate_per_minute(&r, 110 * S), 600, 1e-9);
}

static void an_agent_that_stops_goes_down_to_zero(void **state)
{
    (void)state;
    struct token_rate r = {0};
    for (int64_t s = 0; s <= 300; s += 5)
        token_rate_note(&r, s * S, s <= 60 ? s * 10 : 600);
    assert_float_equal(token_rate_per_minute(&r, 300 * S), 0, 1e-9);
}

static void what_is_older_than_two_minutes_does_not_count(void **state)
{
    (void)state;
    struct token_rate r = {0};
    token_rate_note(&r, 0, 1000000);
    for (int64_t s = 60; s <= 600; s += 5)
        token_rate_note(&r, s * S, 2000000 + s * 2);
    /* 2 in a second are 120 in a minute, whatever came at first */
    assert_float_equal(token_rate_per_minute(&r, 600 * S), 120, 1e-9);
}

static void a_total_that_shrinks_begins_anew(void **state)
{
    (void)state;
    struct token_rate r = {0};
    token_rate_note(&r, 0, 5000);
    token_rate_note(&r, 30 * S, 10);
    assert_true(token_rate_per_minute(&r, 31 * S) < 0);
    token_rate_note(&r, 60 * S, 40);
    assert_float_equal(token_rate_per_minute(&r, 60 * S), 60, 1e-9); /* 30 in half a minute */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_noted_is_unknown_and_not_zero),
        cmocka_unit_test(ten_seconds_are_needed_before_a_rate_is_told),
        cmocka_unit_test(an_agent_that_stops_goes_down_to_zero),
        cmocka_unit_test(what_is_older_than_two_minutes_does_not_count),
        cmocka_unit_test(a_total_that_shrinks_begins_anew),
    };
    return cmocka_run_group_tests_name("token_rate", tests, NULL, NULL);
}
