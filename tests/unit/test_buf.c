/* test_buf.c -- a buffer always ends in a NUL and holds what was put into it. */
#include "base/buf.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void an_empty_buffer_is_a_string_and_owns_nothing(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    assert_string_equal(b.p, "");
    buf_add(&b, NULL, 0);
    buf_add_str(&b, (struct str){NULL, 0});
    buf_clear(&b);
    buf_consume(&b, 0);
    assert_ptr_equal(b.p, buf_empty);
    buf_deinit(&b);
    char *taken = buf_take(&b);
    assert_string_equal(taken, "");
    free(taken);
}

static void bytes_come_out_as_they_went_in(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    for (int i = 0; i < 100000; i++) {
        buf_add_char(&b, (char)i);
        assert_int_equal(b.p[b.n], '\0');
    }
    assert_int_equal(b.n, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(b.p[i], (char)i);
    assert_true(b.capacity < 4 * b.n); /* grows in proportion */
    buf_deinit(&b);
    assert_int_equal(b.n, 0);
}

static void integers_are_written_as_printf_does(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    char wanted[32];
    for (int shift = 0; shift < 64; shift++)
        for (int delta = -2; delta <= 2; delta++) {
            int64_t v = (int64_t)((UINT64_C(1) << shift) + (uint64_t)delta);
            (void)snprintf(wanted, sizeof(wanted), "%" PRId64, v);
            buf_clear(&b);
            buf_add_i64(&b, v);
            assert_string_equal(b.p, wanted);
        }
    buf_deinit(&b);
}

/* Around the 128 bytes that are tried first. */
static void formatted_text_of_any_length_arrives_whole(void **state)
{
    (void)state;
    for (int n = 0; n < 600; n++) {
        struct buf b = BUF_INIT;
        buf_add_text(&b, "head ");
        buf_printf(&b, "%*d|", n, 7);
        int length = MAX(n, 1) + 1;
        assert_int_equal(b.n, 5 + length);
        assert_int_equal(strlen(b.p), b.n);
        assert_memory_equal(b.p, "head ", 5);
        assert_memory_equal(b.p + b.n - 2, "7|", 2);
        buf_deinit(&b);
    }
}

static void taking_moves_the_bytes_out_and_leaves_an_empty_buffer(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    buf_add_text(&b, "abc");
    char *taken = buf_take(&b);
    assert_string_equal(taken, "abc");
    assert_string_equal(b.p, "");
    buf_add_text(&b, "x");
    assert_string_equal(b.p, "x");
    buf_deinit(&b);
    free(taken);
}

static void consuming_drops_the_front(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 6; n++) {
        struct buf b = BUF_INIT;
        buf_add_text(&b, "abcdef");
        buf_consume(&b, n);
        assert_string_equal(b.p, &"abcdef"[n]);
        assert_true(str_equal(buf_str(&b), str_of(&"abcdef"[n])));
        buf_deinit(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_a_string_and_owns_nothing),
        cmocka_unit_test(bytes_come_out_as_they_went_in),
        cmocka_unit_test(integers_are_written_as_printf_does),
        cmocka_unit_test(formatted_text_of_any_length_arrives_whole),
        cmocka_unit_test(taking_moves_the_bytes_out_and_leaves_an_empty_buffer),
        cmocka_unit_test(consuming_drops_the_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
