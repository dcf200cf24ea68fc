/* test_pack.c -- what was put aside comes out as it went in, and nothing else does (spec 60 T2). */
#include "base/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void values_come_out_as_they_went_in(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0, 1, -1, 255, INT64_MAX, INT64_MIN};
    static const struct str texts[] = {{"", 0}, {"a", 1}, {"12:34 ", 6}, {"\0\n\xff", 3}};
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        pack_i64(&b, numbers[i]);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        pack_str(&b, texts[i]);
    struct unpack u = {.rest = buf_str(&b)};
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        assert_int_equal(unpack_i64(&u), numbers[i]);
    assert_false(unpack_is_whole(&u));
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_true(str_equal(unpack_str(&u), texts[i]));
    assert_true(unpack_is_whole(&u));
    buf_deinit(&b);
}

static void what_was_not_packed_is_bad_and_stays_so(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "1", "x ", " ", "99999999999999999999 ", "1:a", "-1:a"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct unpack u = {.rest = str_of(wrong[i])};
        assert_int_equal(unpack_i64(&u), 0);
        assert_true(u.is_bad);
        assert_int_equal(unpack_str(&u).n, 0);
        assert_false(unpack_is_whole(&u));
    }
    static const char *const wrong_texts[] = {"", ":", "2:a", "-1:", "9223372036854775807:a", "1 a"};
    for (size_t i = 0; i < COUNT_OF(wrong_texts); i++) {
        struct unpack u = {.rest = str_of(wrong_texts[i])};
        assert_int_equal(unpack_str(&u).n, 0);
        assert_true(u.is_bad);
    }
}

static void a_number_outside_its_bounds_is_bad(void **state)
{
    (void)state;
    struct unpack u = {.rest = STR("3 4 5 ")};
    assert_int_equal(unpack_in(&u, 3, 4), 3);
    assert_int_equal(unpack_in(&u, 3, 4), 4);
    assert_false(u.is_bad);
    assert_int_equal(unpack_in(&u, 3, 4), 3);
    assert_true(u.is_bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_out_as_they_went_in),
        cmocka_unit_test(what_was_not_packed_is_bad_and_stays_so),
        cmocka_unit_test(a_number_outside_its_bounds_is_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
