/* test_json_scan.c -- RFC 8259 as accepted and refused, and what is printed for what no reader would take. */
#include "base/json_scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static int scan(struct str text, int depth, struct buf *out, struct json_scanned *ret)
{
    struct json_scan s = {text};
    buf_clear(out);
    int rc = json_scan_value(&s, depth, out, ret);
    return rc ? rc : json_scan_at_end(&s) ? 0 : JSON_SCAN_E_SYNTAX;
}

static void a_value_is_printed_compact_and_means_the_same(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {" null\n", "null"},
        {"true", "true"},
        {"false", "false"},
        {"-0", "-0"},
        {"12.50e+1", "12.50e+1"},
        {"9223372036854775807", "9223372036854775807"},
        {"[ 1 ,\t[ ] , { } ]", "[1,[],{}]"},
        {"{ \"a b\" : [ \"c d\" ] }", "{\"a b\":[\"c d\"]}"},
        {"\"\\u0041\\/\\n\"", "\"A/\\n\""},
        {"\"\\ud83d\\ude00\"", "\"\xF0\x9F\x98\x80\""},     /* U+1F600 by RFC 2781 */
        {"\"\\u00e9\\u20ac\"", "\"\xC3\xA9\xE2\x82\xAC\""}, /* é, € */
    };
    struct buf out = BUF_INIT;
    struct json_scanned is;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(scan(str_of(rows[i].in), 8, &out, &is), 0);
        assert_string_equal(out.p, rows[i].out);
    }
    buf_deinit(&out);
}

static void what_other_readers_refuse_is_printed_as_the_nearest_that_they_take(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"1e400", "null"},
        {"-1e400", "null"},
        {"18446744073709551616", "1.8446744073709552e+19"}, /* 2^64 */
        {"\"\\u0000\"", "\"\xEF\xBF\xBD\""},
        {"\"\\ud800\"", "\"\xEF\xBF\xBD\""},
        {"\"\\udc00x\"", "\"\xEF\xBF\xBDx\""},
        {"\"\\ud800\\u0041\"", "\"\xEF\xBF\xBD"
                               "A\""},
    };
    struct buf out = BUF_INIT;
    struct json_scanned is;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(scan(str_of(rows[i].in), 8, &out, &is), 0);
        assert_string_equal(out.p, rows[i].out);
    }
    buf_deinit(&out);
}

static void what_is_no_json_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",    " ",       "nul",       "nullx",       "tru",    "NaN",  "Infinity",   "-",
        "01",  "1.",      ".5",        "1e",          "+1",     "[1,]", "[1",         "[",
        "]",   "{",       "{\"a\"}",   "{\"a\":}",    "{a:1}",  "{,}",  "{\"a\":1,}", "'a'",
        "\"a", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\t\"", "1 2",  "/**/1",      "\"\\",
    };
    struct buf out = BUF_INIT;
    struct json_scanned is;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (scan(str_of(rows[i]), 8, &out, &is) != JSON_SCAN_E_SYNTAX)
            fail_msg("%s", rows[i]);
    buf_deinit(&out);
}

static void depth_is_bounded_and_ten_thousand_levels_cost_no_stack(void **state)
{
    (void)state;
    struct buf text = BUF_INIT, out = BUF_INIT;
    struct json_scanned is;
    assert_int_equal(scan(STR("[[1]]"), 2, &out, &is), 0);
    assert_int_equal(scan(STR("[[1]]"), 1, &out, &is), JSON_SCAN_E_DEEP);
    for (int i = 0; i < 10000; i++)
        buf_add_text(&text, i % 2 ? "[" : "{\"a\":");
    assert_int_equal(scan(buf_str(&text), 32, &out, &is), JSON_SCAN_E_DEEP);
    buf_deinit(&text);
    buf_deinit(&out);
}

static void numbers_say_what_they_are(void **state)
{
    (void)state;
    struct buf out = BUF_INIT;
    struct json_scanned is;
    assert_int_equal(scan(STR("-42"), 1, &out, &is), 0);
    assert_true(is.is_integer && is.integer == -42 && is.number == -42.0);
    assert_int_equal(scan(STR("0.25"), 1, &out, &is), 0);
    assert_true(!is.is_integer && is.number == 0.25);
    assert_int_equal(scan(STR("9223372036854775808"), 1, &out, &is), 0); /* 2^63 */
    assert_true(!is.is_integer && is.number == 9223372036854775808.0);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_printed_compact_and_means_the_same),
        cmocka_unit_test(what_other_readers_refuse_is_printed_as_the_nearest_that_they_take),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(depth_is_bounded_and_ten_thousand_levels_cost_no_stack),
        cmocka_unit_test(numbers_say_what_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
