/* test_arena.c -- pieces of an arena are zeroed, aligned and do not overlap. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    enum { COUNT = 600 };
    static unsigned char *pieces[COUNT];
    struct arena a;
    arena_init(&a);
    for (int round = 0; round < 3; round++) {
        size_t total = 0;
        for (size_t i = 0; i < COUNT; i++) {
            size_t size = i * 37 % 5000; /* below and above a block */
            pieces[i] = arena_alloc(&a, size);
            assert_int_equal((uintptr_t)pieces[i] % 16, 0);
            for (size_t k = 0; k < size; k++)
                assert_int_equal(pieces[i][k], 0);
            memset(pieces[i], (int)(i % 255) + 1, size);
            total += size;
        }
        assert_int_equal(a.total_bytes, total);
        for (size_t i = 0; i < COUNT; i++)
            for (size_t k = 0; k < i * 37 % 5000; k++)
                assert_int_equal(pieces[i][k], i % 255 + 1);
        arena_reset(&a);
        assert_int_equal(a.total_bytes, 0);
    }
}

static void texts_are_copied_with_their_nul(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    char source[] = "abcdef";
    char *copy = arena_strdup(&a, (struct str){source, 3}), *none = arena_strdup(&a, (struct str){NULL, 0});
    source[0] = 'x';
    assert_string_equal(copy, "abc");
    assert_string_equal(none, "");
    for (int n = 0; n < 5000; n += 499) {
        char *text = arena_printf(&a, "%*d", n, 1);
        assert_int_equal(strlen(text), MAX(n, 1));
        assert_int_equal(text[strlen(text) - 1], '1');
    }
    arena_reset(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(texts_are_copied_with_their_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
