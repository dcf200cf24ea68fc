/* test_pages.c -- what was written stays, what was not is zero, whatever the sizes. */
#include "base/pages.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void bytes_stay_and_the_rest_is_zero_while_it_grows(void **state)
{
    (void)state;
    static const size_t steps[] = {1,       100,     4096,    4097,    65536,   1000000, 1048575,
                                   1048576, 2097151, 2097152, 2097153, 5000000, 9000000, 9000000};
    unsigned char *p = NULL;
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        p = pages_grow(p, n, steps[i]);
        for (size_t k = n; k < steps[i]; k++) {
            if (p[k] != 0)
                fail_msg("byte %zu of %zu is not zero", k, steps[i]);
            p[k] = (unsigned char)(k * 31 + 7);
        }
        n = steps[i];
        for (size_t k = 0; k < n; k += 997)
            if (p[k] != (unsigned char)(k * 31 + 7))
                fail_msg("byte %zu of %zu is lost", k, n);
    }
    pages_free(p, n);
}

static void every_size_can_follow_every_other(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 5000, 1 << 19, 1 << 20, 3 << 20, 7 << 20};
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        for (size_t k = i; k < COUNT_OF(sizes); k++) {
            char *p = pages_grow(NULL, 0, sizes[i]);
            p[0] = 1;
            p[sizes[i] - 1] = 2;
            p = pages_grow(p, sizes[i], sizes[k]);
            assert_int_equal(p[sizes[i] - 1], 2);
            assert_int_equal(p[0], sizes[i] == 1 ? 2 : 1);
            if (sizes[k] > sizes[i])
                assert_int_equal(p[sizes[k] - 1], 0);
            pages_free(p, sizes[k]);
        }
    pages_free(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_stay_and_the_rest_is_zero_while_it_grows),
        cmocka_unit_test(every_size_can_follow_every_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
