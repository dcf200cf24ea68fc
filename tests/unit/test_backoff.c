/* test_backoff.c -- the ceiling doubles up to the cap, and the delay is below it. */
#include "core/backoff.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct backoff_policy spec = {10 * USEC_PER_SEC, 15 * 60 * USEC_PER_SEC}; /* spec 20 Q6 */

static void the_ceiling_doubles_from_10_s_and_stops_at_15_min(void **state)
{
    (void)state;
    static const int64_t seconds[] = {10, 20, 40, 80, 160, 320, 640, 900, 900, 900};
    for (size_t i = 0; i < COUNT_OF(seconds); i++)
        assert_int_equal(backoff_ceiling_us(&spec, (int64_t)i + 1), seconds[i] * USEC_PER_SEC);
}

static void the_delay_is_the_drawn_part_of_the_ceiling(void **state)
{
    (void)state;
    assert_int_equal(backoff_delay_us(&spec, 1, 0.0), 0);
    assert_int_equal(backoff_delay_us(&spec, 1, 0.5), 5 * USEC_PER_SEC);
    assert_int_equal(backoff_delay_us(&spec, 3, 0.25), 10 * USEC_PER_SEC);
    assert_int_equal(backoff_delay_us(&spec, 20, 0.5), 450 * USEC_PER_SEC);
}

static void the_delay_never_reaches_the_ceiling(void **state)
{
    (void)state;
    static const double units[] = {0x1.fffffffffffffp-1, 1.0, 2.0, __builtin_inf()};
    static const int64_t attempts[] = {INT64_MIN, -1, 0, 1, 2, 8, 62, 63, 64, 65, INT64_MAX};
    static const int64_t sizes[] = {1, 2, 1000, INT64_MAX / 2, INT64_MAX - 1, INT64_MAX};
    for (size_t a = 0; a < COUNT_OF(attempts); a++)
        for (size_t b = 0; b < COUNT_OF(sizes); b++)
            for (size_t c = 0; c < COUNT_OF(sizes); c++)
                for (size_t u = 0; u < COUNT_OF(units); u++) {
                    struct backoff_policy p = {sizes[b], sizes[c]};
                    int64_t ceiling = backoff_ceiling_us(&p, attempts[a]);
                    assert_true(ceiling >= 1 && ceiling <= p.cap_us);
                    int64_t delay = backoff_delay_us(&p, attempts[a], units[u]);
                    assert_true(delay >= 0 && delay < ceiling);
                }
}

/* The oracle multiplies in 128 bits. */
static void no_attempt_overflows(void **state)
{
    (void)state;
    for (int64_t attempt = 1; attempt <= 70; attempt++)
        for (int64_t base = 1; base < INT64_MAX / 5; base *= 5) {
            struct backoff_policy p = {base, INT64_MAX};
            __extension__ __int128 exact = (__int128)base << MIN(attempt - 1, 63);
            assert_true(backoff_ceiling_us(&p, attempt) == (exact > INT64_MAX ? INT64_MAX : (int64_t)exact));
        }
}

static void a_policy_or_a_number_that_makes_no_sense_gives_no_delay(void **state)
{
    (void)state;
    static const struct backoff_policy wrong[] = {{0, 5}, {-1, 5}, {5, 0}, {5, -1}, {INT64_MIN, INT64_MIN}};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_int_equal(backoff_delay_us(&wrong[i], 3, 0.9), 0);
    assert_int_equal(backoff_delay_us(&spec, 3, -0.5), 0);
    assert_int_equal(backoff_delay_us(&spec, 3, __builtin_nan("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ceiling_doubles_from_10_s_and_stops_at_15_min),
        cmocka_unit_test(the_delay_is_the_drawn_part_of_the_ceiling),
        cmocka_unit_test(the_delay_never_reaches_the_ceiling),
        cmocka_unit_test(no_attempt_overflows),
        cmocka_unit_test(a_policy_or_a_number_that_makes_no_sense_gives_no_delay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
