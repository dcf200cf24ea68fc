/* test_task_means.c -- a type's mean over its statuses, weighted by the tasks that have a duration (spec 80
 * H5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/task_means.h"

static const struct task_mean *of(const struct task_mean *rows, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    fail_msg("no %s", name);
    return NULL;
}

/* review: done 3 × 10 ms, failed 1 × 50 ms, and 4 that have none: (30 + 50) / 4 = 20 ms, not (10 + 50 + 0)
 * / 3. */
static void the_mean_is_weighted_by_those_that_have_a_duration(void **state)
{
    struct arena a;
    size_t types, statuses;
    (void)state;
    const struct task_group groups[] = {{"done", "review", 3, 3, 30000},
                                        {"failed", "review", 1, 1, 50000},
                                        {"blocked", "review", 4, 0, 0},
                                        {"done", "build", 2, 2, 3}};
    arena_init(&a);
    const struct task_mean *by_type = task_means_by_type(groups, COUNT_OF(groups), &a, &types);
    const struct task_mean *by_status = task_means_by_status(groups, COUNT_OF(groups), &a, &statuses);
    assert_int_equal(types, 2);
    assert_int_equal(statuses, 3);
    assert_int_equal(of(by_type, types, "review")->count, 8);
    assert_int_equal(task_mean_centi_ms(of(by_type, types, "review")), 2000);
    assert_int_equal(of(by_status, statuses, "done")->count, 5);
    arena_reset(&a);
}

static void nothing_measured_is_zero(void **state)
{
    struct arena a;
    size_t n;
    (void)state;
    arena_init(&a);
    (void)task_means_by_type(NULL, 0, &a, &n);
    assert_int_equal(n, 0);
    assert_int_equal(task_mean_centi_ms(&(struct task_mean){.count = 3}), 0);
    arena_reset(&a);
}

/* 41250.5 ms × 7 = 288753500 µs; 1 µs over 3 tasks is 0.000333 ms; 20 µs over 3 is 0.00667 ms, which is 0.01.
 */
static void the_mean_is_rounded_once_to_two_decimals(void **state)
{
    (void)state;
    assert_int_equal(task_mean_centi_ms(&(struct task_mean){.measured = 7, .duration_us = 288753500}),
                     4125050);
    assert_int_equal(task_mean_centi_ms(&(struct task_mean){.measured = 3, .duration_us = 1}), 0);
    assert_int_equal(task_mean_centi_ms(&(struct task_mean){.measured = 3, .duration_us = 20}), 1);
    assert_int_equal(task_mean_centi_ms(&(struct task_mean){.measured = 1, .duration_us = 5}),
                     1); /* half goes up */
}

/* Against a second computation: the weighted mean of the groups' means, in floating point, from random rows.
 */
static void it_agrees_with_the_mean_of_means(void **state)
{
    static const char *const names[] = {"a", "b", "c"};
    uint32_t seed = 1;
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct task_group groups[9];
        double sum[3] = {0}, weight[3] = {0};
        for (size_t i = 0; i < 9; i++) {
            seed = seed * 1664525 + 1013904223;
            int64_t measured = seed >> 29, duration_us = measured * (int64_t)(seed >> 8);
            groups[i] = (struct task_group){names[i / 3], names[i % 3], measured + 1, measured, duration_us};
            sum[i % 3] += measured ? (double)duration_us / (double)measured * (double)measured : 0;
            weight[i % 3] += (double)measured;
        }
        struct arena a;
        size_t n;
        arena_init(&a);
        const struct task_mean *rows = task_means_by_type(groups, 9, &a, &n);
        for (size_t k = 0; k < 3; k++) {
            double ms = weight[k] > 0 ? sum[k] / weight[k] / 1000 : 0;
            double ours = (double)task_mean_centi_ms(of(rows, n, names[k])) / 100;
            assert_true(ours - ms < 0.0051 && ms - ours < 0.0051);
        }
        arena_reset(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mean_is_weighted_by_those_that_have_a_duration),
        cmocka_unit_test(nothing_measured_is_zero),
        cmocka_unit_test(the_mean_is_rounded_once_to_two_decimals),
        cmocka_unit_test(it_agrees_with_the_mean_of_means),
    };
    return cmocka_run_group_tests_name("task_means", tests, NULL, NULL);
}
