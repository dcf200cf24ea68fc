/* test_str.c -- slices against naive oracles over all short strings. */
#include "base/str.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* All strings over {a, b} with up to six characters: 127. */
static size_t all_short(char texts[127][8])
{
    size_t count = 0;
    for (size_t n = 0; n <= 6; n++)
        for (unsigned bits = 0; bits < 1u << n; bits++, count++)
            for (size_t i = 0; i <= n; i++)
                texts[count][i] = i == n ? '\0' : bits >> i & 1 ? 'b' : 'a';
    return count;
}

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

static void slices_compare_and_search_as_c_strings_do(void **state)
{
    (void)state;
    char t[127][8];
    size_t n = all_short(t);
    assert_int_equal(n, 127);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            struct str a = str_of(t[i]), b = str_of(t[k]);
            const char *hit = strstr(t[i], t[k]);
            assert_int_equal(str_find(a, b), hit ? hit - t[i] : -1);
            assert_int_equal(str_equal(a, b), strcmp(t[i], t[k]) == 0);
            assert_int_equal(sign(str_compare(a, b)), sign(strcmp(t[i], t[k])));
            assert_int_equal(str_starts_with(a, b), hit == t[i]);
            assert_int_equal(str_ends_with(a, b), b.n <= a.n && strcmp(t[i] + a.n - b.n, t[k]) == 0);
        }
}

static void joining_what_was_split_gives_the_text_back(void **state)
{
    (void)state;
    char t[127][8];
    size_t n = all_short(t);
    for (size_t i = 0; i < n; i++) {
        struct str rest = str_of(t[i]), part;
        char joined[16] = "";
        size_t at = 0, parts = 0, separators = 0;
        while (str_split(&rest, 'b', &part)) {
            at +=
                (size_t)snprintf(joined + at, sizeof(joined) - at, "%s%.*s", parts ? "b" : "", STR_ARG(part));
            parts++;
        }
        for (const char *p = t[i]; *p; p++)
            separators += *p == 'b';
        assert_string_equal(joined, t[i]);
        assert_int_equal(parts, separators + 1);
        assert_false(str_split(&rest, 'b', &part));
    }
}

static void the_empty_slice_is_at_home_everywhere(void **state)
{
    (void)state;
    struct str none = {NULL, 0}, part = STR("untouched");
    assert_true(str_equal(none, STR("")));
    assert_true(str_equal_nocase(none, STR("")));
    assert_true(str_starts_with(STR("x"), none) && str_ends_with(STR("x"), none));
    assert_int_equal(str_find(none, none), 0);
    assert_int_equal(str_find(none, STR("x")), -1);
    assert_int_equal(str_compare(none, STR("")), 0);
    assert_true(str_is_utf8(none));
    assert_int_equal(str_trim(none).n, 0);
    assert_true(str_empty(str_of(NULL)));
    assert_false(str_split(&none, ',', &part));
    assert_int_equal(part.n, 9);
    char *copy = str_dup(none);
    assert_string_equal(copy, "");
    free(copy);
}

static void letters_of_either_case_are_the_same_and_no_other_bytes_are(void **state)
{
    (void)state;
    for (int a = 0; a < 256; a++)
        for (int b = 0; b < 256; b++) {
            char x = (char)a, y = (char)b;
            bool letters = (a | 32) >= 'a' && (a | 32) <= 'z' && (a | 32) == (b | 32);
            assert_int_equal(str_equal_nocase((struct str){&x, 1}, (struct str){&y, 1}), a == b || letters);
        }
}

static void trimming_takes_blanks_off_both_ends_only(void **state)
{
    (void)state;
    struct str s = str_trim(STR(" \t\r\n a b \v\n "));
    assert_true(str_equal(s, STR("a b \v")));
    assert_int_equal(str_trim(STR(" \n")).n, 0);
}

/* Of one, two, three and four bytes each; jansson is the peer, which refuses what is not UTF-8. */
static bool peer_says(const unsigned char *p, size_t n)
{
    char text[8] = "\"";
    memcpy(text + 1, p, n);
    text[n + 1] = '"';
    json_t *value = json_loadb(text, n + 2, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_decref(value);
    return value != NULL;
}

static bool is_json_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

static void utf8_is_what_a_peer_says_it_is(void **state)
{
    (void)state;
    static const unsigned char tails[] = {0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    for (unsigned first = 0x20; first < 256; first++)
        for (unsigned second = 0x20; second < 256; second++) {
            unsigned char p[4] = {(unsigned char)first, (unsigned char)second, 0, 0};
            if (!is_json_plain(p[0]) || !is_json_plain(p[1]))
                continue;
            assert_int_equal(str_is_utf8((struct str){(char *)p, 1}), peer_says(p, 1));
            assert_int_equal(str_is_utf8((struct str){(char *)p, 2}), peer_says(p, 2));
            for (size_t i = 0; i < COUNT_OF(tails); i++) {
                p[2] = tails[i];
                assert_int_equal(str_is_utf8((struct str){(char *)p, 3}), peer_says(p, 3));
                for (size_t k = 0; first >= 0xf0 && k < COUNT_OF(tails); k++) {
                    p[3] = tails[k];
                    assert_int_equal(str_is_utf8((struct str){(char *)p, 4}), peer_says(p, 4));
                }
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_compare_and_search_as_c_strings_do),
        cmocka_unit_test(joining_what_was_split_gives_the_text_back),
        cmocka_unit_test(the_empty_slice_is_at_home_everywhere),
        cmocka_unit_test(letters_of_either_case_are_the_same_and_no_other_bytes_are),
        cmocka_unit_test(trimming_takes_blanks_off_both_ends_only),
        cmocka_unit_test(utf8_is_what_a_peer_says_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
