/* test_parse.c -- numbers, durations and sizes: what is accepted, what is refused, and that a refusal writes
 * nothing. */
#include "base/parse.h"

#include "base/clock.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void integers_survive_print_and_parse(void **state)
{
    (void)state;
    for (int shift = 0; shift < 64; shift++)
        for (int delta = -2; delta <= 2; delta++) {
            uint64_t wanted = (UINT64_C(1) << shift) + (uint64_t)delta, u;
            int64_t i;
            char text[32];
            (void)snprintf(text, sizeof(text), "%" PRIu64, wanted);
            assert_true(parse_u64(str_of(text), &u));
            assert_true(u == wanted);
            assert_int_equal(parse_i64(str_of(text), &i), wanted <= INT64_MAX);
            (void)snprintf(text, sizeof(text), "%" PRId64, (int64_t)wanted);
            assert_true(parse_i64(str_of(text), &i));
            assert_true(i == (int64_t)wanted);
        }
}

static void what_is_no_integer_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "-",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "1.0",
                                        "1e3",
                                        "0x1",
                                        "--1",
                                        "1-",
                                        "18446744073709551616",
                                        "99999999999999999999",
                                        "184467440737095516150",
                                        "\xd9\xa1"};
    int64_t i = -7;
    uint64_t u = 7;
    for (size_t k = 0; k < COUNT_OF(wrong); k++) {
        assert_false(parse_i64(str_of(wrong[k]), &i));
        assert_false(parse_u64(str_of(wrong[k]), &u));
    }
    assert_false(parse_i64(STR("9223372036854775808"), &i));
    assert_false(parse_i64(STR("-9223372036854775809"), &i));
    assert_false(parse_u64(STR("-1"), &u));
    assert_false(parse_i64((struct str){"1\0", 2}, &i));
    assert_false(parse_i64((struct str){NULL, 0}, &i));
    assert_true(i == -7 && u == 7);
}

static void a_range_includes_its_ends(void **state)
{
    (void)state;
    for (int v = -5; v <= 5; v++) {
        char text[16];
        int64_t i = 99;
        (void)snprintf(text, sizeof(text), "%d", v);
        assert_int_equal(parse_i64_in(str_of(text), -2, 3, &i), v >= -2 && v <= 3);
        assert_int_equal(i, v >= -2 && v <= 3 ? v : 99);
    }
}

static void truth_has_four_words(void **state)
{
    (void)state;
    static const char *const yes[] = {"true", "yes", "on", "1", "TRUE"}, *const no[] = {"false", "no", "off",
                                                                                        "0"};
    bool b;
    for (size_t i = 0; i < COUNT_OF(yes); i++)
        assert_true(parse_bool(str_of(yes[i]), &b) && b);
    for (size_t i = 0; i < COUNT_OF(no); i++)
        assert_true(parse_bool(str_of(no[i]), &b) && !b);
    assert_false(parse_bool(STR(""), &b) || parse_bool(STR("2"), &b) || parse_bool(STR("tru"), &b));
}

static void durations_are_sums_of_numbers_with_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } rows[] = {{"90s", 90000000},
                {"15m", 900000000},
                {"24h", INT64_C(86400000000)},
                {"7d", INT64_C(604800000000)},
                {"250ms", 250000},
                {"1h30m", INT64_C(5400000000)},
                {"0s", 0},
                {"1m1ms", 60001000},
                {"1d1h1m1s1ms", INT64_C(90061001000)},
                {"007s", 7000000},
                {"106751991d", INT64_C(9223372022400000000)}};
    static const char *const wrong[] = {"",
                                        "5",
                                        "s",
                                        "m",
                                        "-5s",
                                        "5 s",
                                        " 5s",
                                        "5s ",
                                        "1.5h",
                                        "5x",
                                        "5us",
                                        "5S",
                                        "1h5",
                                        "h1",
                                        "1e3s",
                                        "5sm",
                                        "106751992d",
                                        "106751991d1d",
                                        "99999999999999999999s"};
    int64_t us;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_true(parse_duration(str_of(rows[i].text), &us));
        assert_true(us == rows[i].us);
    }
    us = -7;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        if (parse_duration(str_of(wrong[i]), &us))
            fail_msg("accepted: %s", wrong[i]);
    assert_int_equal(us, -7);
}

static void sizes_are_binary(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } rows[] = {{"512", 512},
                {"64K", 65536},
                {"1M", 1048576},
                {"2G", INT64_C(2147483648)},
                {"0", 0},
                {"0G", 0},
                {"8589934591G", INT64_C(9223372035781033984)}};
    static const char *const wrong[] = {"",    "K",   "-1",   "-1K",         "1k",
                                        "1KB", "1 K", "1.5M", "8589934592G", "9223372036854775808"};
    int64_t bytes;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_true(parse_size(str_of(rows[i].text), &bytes));
        assert_true(bytes == rows[i].bytes);
    }
    bytes = -7;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        if (parse_size(str_of(wrong[i]), &bytes))
            fail_msg("accepted: %s", wrong[i]);
    assert_int_equal(bytes, -7); /* a size that does not fit once left its low bits here */
}

static void hex_has_two_digits_per_byte(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x0f, 0xf0, 0xff, 0x1a};
    char text[11];
    parse_hex(bytes, sizeof(bytes), text);
    assert_string_equal(text, "000ff0ff1a");
}

static void durations_are_written_with_at_most_two_units(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {{0, "0s"},
                {250000, "250ms"},
                {1000000, "1s"},
                {90000000, "1m30s"},
                {120000000, "2m"},
                {INT64_C(3600000000), "1h"},
                {INT64_C(5400000000), "1h30m"},
                {INT64_MAX, "2562047788h"}};
    char text[PARSE_DURATION_MAX];
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_string_equal(format_duration(rows[i].us, text), rows[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_survive_print_and_parse),
        cmocka_unit_test(what_is_no_integer_is_refused),
        cmocka_unit_test(a_range_includes_its_ends),
        cmocka_unit_test(truth_has_four_words),
        cmocka_unit_test(durations_are_sums_of_numbers_with_units),
        cmocka_unit_test(sizes_are_binary),
        cmocka_unit_test(hex_has_two_digits_per_byte),
        cmocka_unit_test(durations_are_written_with_at_most_two_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
