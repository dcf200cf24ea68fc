/* test_clock.c -- times as text, with the calendar counted by hand. */
#include "base/clock.h"

#include <time.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const int days_of[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

static int days_in(int year, int month)
{
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days_of[month - 1] + (month == 2 && leap);
}

/* From 1970 to 9999: each day is 86400 s after the one before. */
static void every_day_of_the_calendar_is_one_day_after_the_one_before(void **state)
{
    (void)state;
    int64_t expected_us = 0, got_us;
    char text[40], back[CLOCK_TEXT_MAX];
    for (int year = 1970; year <= 9999; year++)
        for (int month = 1; month <= 12; month++)
            for (int day = 1; day <= days_in(year, month); day++) {
                (void)snprintf(text, sizeof(text), "%04d-%02d-%02dT00:00:00Z", year, month, day);
                assert_true(clock_parse_rfc3339(str_of(text), &got_us));
                assert_true(got_us == expected_us);
                if (day == 1 || day >= 28)
                    assert_string_equal(clock_format_seconds(got_us, back), text);
                expected_us += 86400 * USEC_PER_SEC;
            }
}

static void a_day_that_the_month_does_not_have_is_refused(void **state)
{
    (void)state;
    static const int years[] = {1970, 1972, 2000, 2023, 2024, 2100, 2400};
    char text[40];
    int64_t us = -7;
    for (size_t i = 0; i < COUNT_OF(years); i++)
        for (int month = 0; month <= 13; month++)
            for (int day = 0; day <= 32; day++) {
                (void)snprintf(text, sizeof(text), "%04d-%02d-%02dT12:00:00Z", years[i], month, day);
                bool exists = month >= 1 && month <= 12 && day >= 1 && day <= days_in(years[i], month);
                assert_int_equal(clock_parse_rfc3339(str_of(text), &us), exists);
            }
}

static void offsets_and_fractions_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.000001Z", 1},
        {"1970-01-01T00:00:00.5Z", 500000},
        {"1970-01-01T00:00:00.123456789Z", 123456}, /* truncated */
        {"1970-01-01t00:00:01z", 1000000},
        {"1970-01-01 00:00:01Z", 1000000},
        {"1970-01-01T02:00:00+02:00", 0},
        {"1969-12-31T23:30:00-00:30", -1},
        {"1970-01-01T00:00:00-23:59", INT64_C(86340000000)},
        {"2026-11-22T03:04:05.123456Z", INT64_C(1795316645123456)}, /* spec 30 M3 */
        {"2026-11-22T08:34:05.123456+05:30", INT64_C(1795316645123456)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000000)}, /* a leap second is the next day's first */
        {"9999-12-31T23:59:59.999999Z", INT64_C(253402300799999999)}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t us = -1;
        bool is_1969 = rows[i].us == -1;
        assert_int_equal(clock_parse_rfc3339(str_of(rows[i].text), &us), !is_1969);
        if (us != rows[i].us)
            fail_msg("%s gives %lld", rows[i].text, (long long)us);
    }
}

static void what_is_no_rfc_3339_time_is_refused(void **state)
{
    (void)state;
    static const char good[] = "2026-11-22T03:04:05.123+01:00";
    int64_t us;
    for (size_t n = 0; n < sizeof(good) - 1; n++)
        if (n != 0)
            assert_false(clock_parse_rfc3339((struct str){good, n}, &us));
    for (size_t i = 0; i < sizeof(good) - 1; i++) { /* any one character replaced by one that fits nowhere */
        char bad[sizeof(good)];
        memcpy(bad, good, sizeof(good));
        bad[i] = 'x';
        assert_false(clock_parse_rfc3339(str_of(bad), &us));
    }
    static const char *const wrong[] = {"",
                                        "2026-11-22",
                                        "2026-11-22T24:00:00Z",
                                        "2026-11-22T23:60:00Z",
                                        "2026-11-22T23:59:61Z",
                                        "2026-11-22T23:59:59",
                                        "2026-11-22T23:59:59.Z",
                                        "2026-11-22T23:59:59.1234567891Z",
                                        "2026-11-22T23:59:59+24:00",
                                        "2026-11-22T23:59:59+01:60",
                                        "2026-11-22T23:59:59+0100",
                                        "2026-11-22T23:59:59Z ",
                                        " 2026-11-22T23:59:59Z",
                                        "26-11-22T23:59:59Z",
                                        "12026-11-22T23:59:59Z",
                                        "1969-12-31T23:59:59Z"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        if (clock_parse_rfc3339(str_of(wrong[i]), &us))
            fail_msg("accepted: %s", wrong[i]);
}

static void what_is_written_reads_back_to_the_microsecond(void **state)
{
    (void)state;
    char text[CLOCK_TEXT_MAX];
    for (int64_t us = 0; us < INT64_C(253402300800000000); us = us * 3 / 2 + 7777777) {
        int64_t back;
        assert_true(clock_parse_rfc3339(str_of(clock_format_us(us, text)), &back));
        assert_true(back == us);
    }
    assert_string_equal(clock_format_us(INT64_C(1795316645000007), text), "2026-11-22T03:04:05.000007Z");
    assert_string_equal(clock_format_us(-1, text), "1969-12-31T23:59:59.999999Z");
    assert_string_equal(clock_format_seconds(-1, text), "1969-12-31T23:59:59Z");
    (void)clock_format_us(INT64_MAX, text); /* fits, whatever it says */
    (void)clock_format_us(INT64_MIN, text);
}

static void the_offset_is_that_of_the_zone(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        int64_t minutes;
    } rows[] = {{"UTC0", 0}, {"EAST-5:30", 330}, {"WEST8", -480}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(setenv("TZ", rows[i].zone, 1), 0);
        tzset();
        assert_int_equal(clock_utc_offset_us(), rows[i].minutes * 60 * USEC_PER_SEC);
    }
}

static void clocks_do_not_go_backwards(void **state)
{
    (void)state;
    int64_t monotonic = clock_monotonic_us(), boot = clock_boot_us();
    assert_true(clock_monotonic_us() >= monotonic);
    assert_true(clock_boot_us() >= boot);
    assert_true(boot >= monotonic); /* it also counts while suspended */
    assert_true(clock_wall_us() / USEC_PER_SEC - (int64_t)time(NULL) <= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_of_the_calendar_is_one_day_after_the_one_before),
        cmocka_unit_test(a_day_that_the_month_does_not_have_is_refused),
        cmocka_unit_test(offsets_and_fractions_are_counted),
        cmocka_unit_test(what_is_no_rfc_3339_time_is_refused),
        cmocka_unit_test(what_is_written_reads_back_to_the_microsecond),
        cmocka_unit_test(the_offset_is_that_of_the_zone),
        cmocka_unit_test(clocks_do_not_go_backwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
