/* Expected values are those of groff_char(7) and man(7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/manual/roff.h"

static void expect(struct buf *b, const char *text)
{
    assert_string_equal(b->p, text);
    buf_deinit(b);
}

static void what_roff_would_change_is_escaped(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    roff_inline(&b, STR("--a 'b' \"c\" \\d ~e ^f"), false);
    expect(&b, "\\-\\-a \\(aqb\\(aq \\(dqc\\(dq \\ed \\(tie \\(haf");
}

static void utf8_is_named_by_its_code_point(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    roff_inline(&b, STR("a…é\xf0\x9f\x99\x82"), false);
    expect(&b, "a\\[u2026]\\[u00E9]\\[u1F642]");
}

static void a_dot_at_the_start_of_a_line_is_no_macro(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    roff_text(&b, ".profile is read. .TH too\n'x");
    expect(&b, "\\&.profile is read.\n\\&.TH too \\(aqx\n");
}

static void a_sentence_ends_its_line(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    roff_text(&b, "One. Two 3.5 e.g.x");
    expect(&b, "One.\nTwo 3.5 e.g.x\n");
}

static void backquotes_are_bold_and_stay_together(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    roff_text(&b, "use `muster jobs cancel` then");
    expect(&b, "use \\fBmuster jobs cancel\\fR then\n");
}

static void an_empty_line_parts_paragraphs(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    roff_text(&b, "a\nb\n\nc");
    expect(&b, "a b\n.PP\nc\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_roff_would_change_is_escaped),
        cmocka_unit_test(utf8_is_named_by_its_code_point),
        cmocka_unit_test(a_dot_at_the_start_of_a_line_is_no_macro),
        cmocka_unit_test(a_sentence_ends_its_line),
        cmocka_unit_test(backquotes_are_bold_and_stay_together),
        cmocka_unit_test(an_empty_line_parts_paragraphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
