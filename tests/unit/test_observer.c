/* test_observer.c -- the clock that stands still while nobody looks (spec 00 fact 2). */
#include "core/observer.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define S USEC_PER_SEC

static void awake_it_runs_as_the_boot_clock_does(void **state)
{
    (void)state;
    struct observer o;
    observer_init(&o, 500 * S);
    for (int64_t t = 500; t < 4000; t++)
        assert_int_equal(observer_look(&o, t * S), t * S);
    assert_int_equal(observer_before(&o, 0), 3999 * S);
    assert_int_equal(observer_before(&o, 1000 * S), 2999 * S);
}

static void a_suspend_of_an_hour_counts_as_one_look(void **state)
{
    (void)state;
    struct observer o;
    observer_init(&o, 0);
    (void)observer_look(&o, 1 * S);
    assert_int_equal(observer_look(&o, 3601 * S), 1 * S + OBSERVER_LOOK_US);
}

static void a_short_gap_is_time_as_any_other(void **state)
{
    (void)state;
    struct observer o;
    observer_init(&o, 0);
    assert_int_equal(observer_look(&o, OBSERVER_GAP_MAX_US), OBSERVER_GAP_MAX_US);
    assert_int_equal(observer_look(&o, 2 * OBSERVER_GAP_MAX_US + 1), OBSERVER_GAP_MAX_US + OBSERVER_LOOK_US);
}

/* Stalled from 100 to 220: 119 s credited.  Now 225: observed 106. */
static void an_instant_before_within_and_after_a_gap_finds_its_place(void **state)
{
    (void)state;
    struct observer o;
    observer_init(&o, 98 * S);
    (void)observer_look(&o, 100 * S);
    (void)observer_look(&o, 220 * S);
    (void)observer_look(&o, 223 * S);
    assert_int_equal(observer_look(&o, 225 * S), 106 * S);
    assert_int_equal(observer_before(&o, 2 * S), 104 * S);   /* 223 */
    assert_int_equal(observer_before(&o, 5 * S), 101 * S);   /* 220: the end of the gap */
    assert_int_equal(observer_before(&o, 60 * S), 101 * S);  /* 165: all of the gap is one instant… */
    assert_int_equal(observer_before(&o, 124 * S), 101 * S); /* 101 */
    assert_int_equal(observer_before(&o, 125 * S), 100 * S); /* 100: and before it time ran as it did */
    assert_int_equal(observer_before(&o, 126 * S), 99 * S);
}

static void it_never_goes_backwards(void **state)
{
    (void)state;
    struct observer o;
    unsigned seed = 7;
    int64_t boot_us = 1000 * S, last_us = boot_us;
    observer_init(&o, boot_us);
    for (int i = 0; i < 100000; i++) {
        seed = seed * 1103515245 + 12345;
        unsigned r = seed / 65536;
        boot_us += r % 50 == 0  ? (int64_t)(r % 7200) * S
                   : r % 5 == 0 ? -(int64_t)(r % 100)
                                : (int64_t)(r % 2000000);
        int64_t now_us = observer_look(&o, boot_us);
        assert_true(now_us >= last_us);
        last_us = now_us;
        int64_t younger_us = observer_before(&o, (int64_t)(r % 1000) * S),
                older_us = observer_before(&o, (int64_t)(r % 1000 + r % 13) * S);
        assert_true(older_us <= younger_us && younger_us <= now_us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(awake_it_runs_as_the_boot_clock_does),
        cmocka_unit_test(a_suspend_of_an_hour_counts_as_one_look),
        cmocka_unit_test(a_short_gap_is_time_as_any_other),
        cmocka_unit_test(an_instant_before_within_and_after_a_gap_finds_its_place),
        cmocka_unit_test(it_never_goes_backwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
