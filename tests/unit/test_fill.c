#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/fill.h"

static void expect(struct buf *b, const char *text)
{
    assert_string_equal(b->p, text);
    buf_deinit(b);
}

static void columns_are_characters_and_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(fill_columns("[ARG]…"), 6); /* U+2026 is three bytes */
    struct buf b = BUF_INIT;
    fill_row(&b, "a [ARG]…", "x", 12, 40);
    fill_row(&b, "a [ARG].", "x", 12, 40);
    expect(&b, "  a [ARG]…  x\n  a [ARG].  x\n");
}

static void lines_break_at_spaces_and_are_indented(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    fill_text(&b, "one two three four", 0, 2, 9); /* "  one two" is 9 */
    expect(&b, "  one two\n  three\n  four\n");
}

static void a_word_that_is_too_long_stands_alone(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    fill_text(&b, "a abcdefghijkl b", 0, 0, 5);
    expect(&b, "a\nabcdefghijkl\nb\n");
}

static void paragraphs_are_parted_and_a_line_with_a_space_stands(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    fill_text(&b, "one\ntwo\n\nthree\n  as  it is\nfour", 0, 0, 80);
    expect(&b, "one two\n\nthree\n  as  it is\nfour\n");
}

static void a_name_without_room_has_its_text_below(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    fill_row(&b, "a-long-name", "text", 8, 40);
    expect(&b, "  a-long-name\n        text\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_characters_and_not_bytes),
        cmocka_unit_test(lines_break_at_spaces_and_are_indented),
        cmocka_unit_test(a_word_that_is_too_long_stands_alone),
        cmocka_unit_test(paragraphs_are_parted_and_a_line_with_a_space_stands),
        cmocka_unit_test(a_name_without_room_has_its_text_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
