/* test_line_joiner.c -- the same lines, wherever the bytes were cut. */
#include "run/line_joiner.h"

#include "run/rundir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void drain(struct line_joiner *j, struct str bytes, struct buf *out)
{
    while (line_joiner_feed(j, &bytes)) {
        buf_printf(out, "<%.*s>", STR_ARG(line_joiner_line(j)));
        line_joiner_next(j);
    }
}

static void lines_do_not_depend_on_where_the_bytes_were_cut(void **state)
{
    (void)state;
    static const char text[] = "ab\n\nc\r\nlast";
    size_t n = sizeof(text) - 1;
    for (size_t i = 0; i <= n; i++)
        for (size_t k = i; k <= n; k++) {
            struct line_joiner j;
            struct buf out = BUF_INIT;
            line_joiner_init(&j);
            drain(&j, (struct str){text, i}, &out);
            drain(&j, (struct str){text + i, k - i}, &out);
            drain(&j, (struct str){text + k, n - k}, &out);
            assert_string_equal(out.p, "<ab><><c\r>");
            assert_true(str_equal(line_joiner_line(&j), STR("last")));
            buf_deinit(&out);
            line_joiner_deinit(&j);
        }
}

static void of_a_line_that_is_too_long_enough_is_kept_to_see_that(void **state)
{
    (void)state;
    static char piece[4096];
    memset(piece, 'x', sizeof(piece));
    struct line_joiner j;
    line_joiner_init(&j);
    for (int i = 0; i < 600; i++) /* 2.3 MiB */
        line_joiner_add(&j, (struct str){piece, sizeof(piece)});
    assert_int_equal(line_joiner_line(&j).n, OUTPUT_LINE_MAX + 1);
    assert_int_equal(j.dropped_bytes, 600 * 4096 - (int64_t)OUTPUT_LINE_MAX - 1);
    line_joiner_next(&j);
    line_joiner_add(&j, STR("short"));
    assert_true(str_equal(line_joiner_line(&j), STR("short")));
    line_joiner_deinit(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_do_not_depend_on_where_the_bytes_were_cut),
        cmocka_unit_test(of_a_line_that_is_too_long_enough_is_kept_to_see_that),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
