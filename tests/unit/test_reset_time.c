/* test_reset_time.c -- sentences about limits, and the instants that they mean. */
#include "core/reset_time.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define HOUR (3600 * USEC_PER_SEC)

static int64_t at(const char *rfc3339)
{
    int64_t epoch_us;
    assert_true(clock_parse_rfc3339(str_of(rfc3339), &epoch_us));
    return epoch_us;
}

static void check(const char *text, const char *now, int64_t utc_offset_us, const char *wanted)
{
    int64_t reset_us;
    char got[CLOCK_TEXT_MAX];
    if (!reset_time_find(str_of(text), at(now), utc_offset_us, &reset_us))
        fail_msg("no time in: %s", text);
    assert_string_equal(clock_format_seconds(reset_us, got), wanted);
}

static void a_time_without_a_date_is_the_next_such_time_on_the_local_clock(void **state)
{
    (void)state;
    static const char codex[] = "You've hit your usage limit. Upgrade or try again at 5:19 AM.";
    check(codex, "2026-11-22T03:04:05Z", 0, "2026-11-22T05:19:00Z");
    check(codex, "2026-11-22T05:20:00Z", 0, "2026-11-23T05:19:00Z");
    check(codex, "2026-11-22T03:04:05Z", 2 * HOUR, "2026-11-22T03:19:00Z");  /* it is 05:04 there */
    check(codex, "2026-11-22T03:30:00Z", 2 * HOUR, "2026-11-23T03:19:00Z");  /* and 05:30 */
    check(codex, "2026-11-22T03:04:05Z", -8 * HOUR, "2026-11-22T13:19:00Z"); /* 19:04 of the day before */
    check("try again at 5:19 PM.", "2026-12-31T20:00:00Z", 0, "2027-01-01T17:19:00Z");
}

static void noon_and_midnight_are_12_pm_and_12_am(void **state)
{
    (void)state;
    check("resets at 12:00 PM", "2026-11-22T03:00:00Z", 0, "2026-11-22T12:00:00Z");
    check("resets at 12:30 AM", "2026-11-22T03:00:00Z", 0, "2026-11-23T00:30:00Z");
    check("limit · resets 3pm (Europe/Berlin)", "2026-11-22T03:00:00Z", HOUR, "2026-11-22T14:00:00Z");
    check("limit - resets 11:45am", "2026-11-22T03:00:00Z", 0, "2026-11-22T11:45:00Z");
}

static void in_the_minute_that_it_names_the_wait_is_a_minute_and_not_a_day(void **state)
{
    (void)state;
    check("try again at 5:19 AM", "2026-11-22T05:19:00Z", 0, "2026-11-22T05:20:00Z");
    check("try again at 5:19 AM", "2026-11-22T05:19:59Z", 0, "2026-11-22T05:20:00Z");
}

static void a_date_is_taken_with_and_without_its_year(void **state)
{
    (void)state;
    check("or try again at Nov 25th, 2026 5:19 AM.", "2026-11-22T03:04:05Z", 0, "2026-11-25T05:19:00Z");
    check("or try again at Nov 1st, 2026 5:19 AM.", "2026-11-22T03:04:05Z", 0, "2026-11-01T05:19:00Z");
    check("or try again at Jan 2nd, 2027 1:00 PM.", "2026-11-22T03:04:05Z", HOUR, "2027-01-02T12:00:00Z");
    check("weekly limit · resets Nov 28 at 3pm", "2026-11-22T03:00:00Z", 0, "2026-11-28T15:00:00Z");
    check("weekly limit · resets Nov 28, 3pm", "2026-11-22T03:00:00Z", 0, "2026-11-28T15:00:00Z");
    check("weekly limit · resets Jan 3, 3pm", "2026-12-30T03:00:00Z", 0, "2027-01-03T15:00:00Z");
    check("weekly limit · resets Nov 22, 3pm", "2026-11-22T03:00:00Z", 0, "2026-11-22T15:00:00Z");
    /* It is 2027 already in the zone of the text. */
    check("weekly limit · resets Jan 3, 3pm", "2026-12-31T23:00:00Z", 2 * HOUR, "2027-01-03T13:00:00Z");
}

static void a_wait_is_counted_from_now(void **state)
{
    (void)state;
    check("Try again in 3 days 4 hours 5 minutes.", "2026-11-22T00:00:00Z", HOUR, "2026-11-25T04:05:00Z");
    check("try again in 1 hour, 1 minute", "2026-11-22T00:00:00Z", 0, "2026-11-22T01:01:00Z");
    check("try again in 5 minutes.", "2026-11-22T00:00:00Z", 0, "2026-11-22T00:05:00Z");
    check("Your quota will reset after 18h56m55s.", "2026-11-22T00:00:00Z", 0, "2026-11-22T18:56:55Z");
    check("Please retry in 30s", "2026-11-22T00:00:00Z", 0, "2026-11-22T00:00:30Z");
}

static void epoch_seconds_stand_behind_a_bar(void **state)
{
    (void)state;
    check("Claude AI usage limit reached|1795316645", "2026-11-22T00:00:00Z", HOUR, "2026-11-22T03:04:05Z");
}

static void a_text_without_a_time_has_none(void **state)
{
    (void)state;
    static const char *const none[] = {"",
                                       "try again later",
                                       "try again at once",
                                       "try again at 5:19",
                                       "try again at 13:00 PM",
                                       "try again at 0:10 AM",
                                       "try again at 5:60 AM",
                                       "try again at Feb 30th, 2027 5:00 AM",
                                       "try again at Foo 3, 2027 5:00 AM",
                                       "try again in 5 moons",
                                       "try again in 99999999999999999999 days",
                                       "reset after 99999999999d",
                                       "limit reached|12",
                                       "limit reached|99999999999999999999",
                                       "resets Feb 30, 3pm",
                                       "will reset after 367d",
                                       "resets ",
                                       " at "};
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        int64_t reset_us = -7;
        if (reset_time_find(str_of(none[i]), at("2026-11-22T00:00:00Z"), 0, &reset_us))
            fail_msg("a time in: %s", none[i]);
        assert_int_equal(reset_us, -7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_without_a_date_is_the_next_such_time_on_the_local_clock),
        cmocka_unit_test(noon_and_midnight_are_12_pm_and_12_am),
        cmocka_unit_test(in_the_minute_that_it_names_the_wait_is_a_minute_and_not_a_day),
        cmocka_unit_test(a_date_is_taken_with_and_without_its_year),
        cmocka_unit_test(a_wait_is_counted_from_now),
        cmocka_unit_test(epoch_seconds_stand_behind_a_bar),
        cmocka_unit_test(a_text_without_a_time_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
