/* test_subject.c -- every pattern and subject over a small alphabet, against a matcher that goes letter by
 * letter. */
#include "core/subject.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LETTERS_MAX 6
static const char alphabet[] = "ab.*>";

/* -- the oracle: spec 40 B2 read aloud, on C strings, one letter at a time -- */

static bool oracle_valid(const char *text, bool wildcards)
{
    for (size_t i = 0;; i++) {
        bool begins = i == 0 || text[i - 1] == '.';
        bool last = text[i] == '\0' || text[i + 1] == '\0';
        if (text[i] == '\0' || text[i] == '.')
            if (begins)
                return false; /* an empty token */
        if (text[i] == '\0')
            return true;
        if (text[i] == '*' && (!wildcards || !begins || (!last && text[i + 1] != '.')))
            return false;
        if (text[i] == '>' && (!wildcards || !begins || !last))
            return false;
    }
}

static bool oracle_matches(const char *pattern, const char *subject)
{
    if (pattern[0] == '>')
        return subject[0] != '\0';
    if (pattern[0] == '*') {
        size_t token = strcspn(subject, ".");
        return token > 0 && oracle_matches(pattern + 1, subject + token);
    }
    if (pattern[0] != subject[0])
        return false;
    return pattern[0] == '\0' || oracle_matches(pattern + 1, subject + 1);
}

/* -- all texts -- */

/* The n-th text over the alphabet: shorter ones first. */
static void text_at(size_t n, char ret[LETTERS_MAX + 1])
{
    size_t base = sizeof(alphabet) - 1, length = 0;
    for (; n > 0; n = (n - 1) / base)
        ret[length++] = alphabet[(n - 1) % base];
    ret[length] = '\0';
}

static size_t count_up_to(size_t letters)
{
    size_t count = 1;
    for (size_t power = 1; letters > 0; letters--) {
        power *= sizeof(alphabet) - 1;
        count += power;
    }
    return count;
}

static void a_text_is_a_subject_or_a_pattern_when_each_token_is_right(void **state)
{
    (void)state;
    size_t subjects = 0, patterns = 0;
    for (size_t i = 0; i < count_up_to(LETTERS_MAX); i++) {
        char text[LETTERS_MAX + 1];
        text_at(i, text);
        if (subject_valid(str_of(text)) != oracle_valid(text, false) ||
            subject_pattern_valid(str_of(text)) != oracle_valid(text, true))
            fail_msg("\"%s\"", text);
        subjects += oracle_valid(text, false);
        patterns += oracle_valid(text, true);
    }
    /* Texts of n letters a and b without an empty token: t(n) = 2 t(n-1) + 2 t(n-2), from t(1) = 2, t(2) = 4:
     * 2 + 4 + 12 + 32 + 88 + 240.  (A text ends in a letter, which follows a text or a text and a dot.) */
    assert_int_equal(subjects, 378);
    assert_true(patterns > subjects);
}

static void a_pattern_matches_what_the_letters_say(void **state)
{
    (void)state;
    const size_t count = count_up_to(5);
    size_t matched = 0, pairs = 0;
    for (size_t i = 0; i < count; i++) {
        char pattern[LETTERS_MAX + 1];
        text_at(i, pattern);
        if (!oracle_valid(pattern, true))
            continue;
        for (size_t j = 0; j < count; j++) {
            char subject[LETTERS_MAX + 1];
            text_at(j, subject);
            if (!oracle_valid(subject, false))
                continue;
            bool expected = oracle_matches(pattern, subject);
            if (subject_matches(str_of(pattern), str_of(subject)) != expected)
                fail_msg("pattern \"%s\", subject \"%s\": expected %d", pattern, subject, expected);
            matched += expected;
            pairs++;
        }
    }
    assert_true(matched > 0 && matched < pairs);
}

/* The examples that a reader would think of. */
static void a_star_is_one_token_and_an_angle_is_one_or_more_at_the_end(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *subject;
        bool matches;
    } rows[] = {
        {"event.job.state", "event.job.state", true},
        {"event.job.state", "event.job", false},
        {"event.job", "event.job.state", false},
        {"event.Job", "event.job", false},
        {"event.*.state", "event.job.state", true},
        {"event.*", "event.job.state", false},
        {"*", "event", true},
        {"*.*", "event", false},
        {"event.>", "event.job.state", true},
        {"event.>", "event.job", true},
        {"event.>", "event", false},
        {">", "event", true},
        {"*.>", "event.job", true},
        {"*.>", "event", false},
        {"event.jo", "event.job", false},
        {"event.job", "event.jo", false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (subject_matches(str_of(rows[i].pattern), str_of(rows[i].subject)) != rows[i].matches)
            fail_msg("%s, %s", rows[i].pattern, rows[i].subject);
}

/* B2: tokens hold no space and no control character; anything else, UTF-8 too, is fine. */
static void a_token_holds_no_space_and_no_control_character(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        const char text[] = {'a', '.', 'x', (char)c, 'y'};
        struct str s = {text, sizeof(text)};
        bool expected = c > 0x20 && c != 0x7f && c != '*' && c != '>';
        if (subject_valid(s) != expected || subject_pattern_valid(s) != expected)
            fail_msg("byte 0x%02x", (unsigned)c);
    }
}

static void nothing_at_all_is_no_subject_and_no_pattern(void **state)
{
    (void)state;
    assert_false(subject_valid((struct str){NULL, 0}));
    assert_false(subject_pattern_valid((struct str){NULL, 0}));
    assert_false(subject_valid(STR("")));
    assert_false(subject_pattern_valid(STR("")));
}

static void a_pattern_covers_another_when_it_matches_all_that_the_other_does(void **state)
{
    static const struct {
        const char *wider, *pattern;
        bool covers;
    } rows[] = {
        {">", "a", true},        {">", "a.*.>", true},     {">", ">", true},        {"a.>", "a.b", true},
        {"a.>", "a.>", true},    {"a.>", "a.*", true},     {"a.>", "a", false},     {"a.>", ">", false},
        {"a.>", "*.b", false},   {"a.*", "a.b", true},     {"a.*", "a.*", true},    {"a.*", "a.>", false},
        {"a.*", "a.b.c", false}, {"*.*", "a.*", true},     {"*", ">", false},       {"a", "a", true},
        {"a", "*", false},       {"a.*.c", "a.b.c", true}, {"a.*.c", "a.>", false}, {"a.b", "a", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (subject_covers(str_of(rows[i].wider), str_of(rows[i].pattern)) != rows[i].covers)
            fail_msg("%s over %s", rows[i].wider, rows[i].pattern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_a_subject_or_a_pattern_when_each_token_is_right),
        cmocka_unit_test(a_pattern_matches_what_the_letters_say),
        cmocka_unit_test(a_star_is_one_token_and_an_angle_is_one_or_more_at_the_end),
        cmocka_unit_test(a_token_holds_no_space_and_no_control_character),
        cmocka_unit_test(a_pattern_covers_another_when_it_matches_all_that_the_other_does),
        cmocka_unit_test(nothing_at_all_is_no_subject_and_no_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
