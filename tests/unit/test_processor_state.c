/* test_processor_state.c -- what a processor is to read, and in what order (spec 60 T2, T7, T8). */
#include "core/processor_state.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)
#define NOW (1000000 * SECOND)

static const struct file_look look = {1, 2, 300, 4000, 5000};

static void a_file_is_done_until_it_or_the_rules_change(void **state)
{
    (void)state;
    assert_int_equal(processor_need(NULL, &look, 1, NOW), NEED_FIRST);
    struct processor_state s = processor_state_begin("a", &look, 1, NULL);
    processor_state_done(&s, 3, NOW);
    assert_int_equal(processor_need(&s, &look, 1, NOW), NEED_NONE);
    assert_int_equal(processor_need(&s, &look, 2, NOW), NEED_VERSION);
    for (size_t i = 0; i < 5; i++) { /* any of the five, larger or smaller: different is changed */
        struct file_look other = look;
        int64_t *const fields[] = {&other.device, &other.inode, &other.size, &other.mtime_ns,
                                   &other.ctime_ns};
        *fields[i] += i % 2 ? 1 : -1;
        assert_int_equal(processor_need(&s, &other, 1, NOW), NEED_FIRST);
    }
}

static void a_failure_is_tried_again_later_and_set_apart_after_five(void **state)
{
    /* 60 s, doubled each time: 60, 120, 240, 480; the fifth sets apart. */
    static const int64_t delays[] = {60, 120, 240, 480};
    struct processor_state s = processor_state_begin("a", &look, 1, NULL);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(delays); i++) {
        processor_state_fail(&s, NOW);
        assert_int_equal(s.status, PROCESSOR_FAILED);
        assert_int_equal(s.next_retry_us - NOW, delays[i] * SECOND);
        assert_int_equal(processor_need(&s, &look, 1, s.next_retry_us - 1), NEED_LATER);
        assert_int_equal(processor_need(&s, &look, 1, s.next_retry_us), NEED_RETRY);
        s = processor_state_begin("a", &look, 1, &s);
    }
    processor_state_fail(&s, NOW);
    assert_int_equal(s.status, PROCESSOR_QUARANTINED);
    assert_int_equal(processor_need(&s, &look, 1, INT64_MAX), NEED_OPERATOR);
}

static void a_changed_file_begins_anew_and_keeps_what_it_gave(void **state)
{
    struct processor_state s = processor_state_begin("a", &look, 1, NULL);
    (void)state;
    processor_state_done(&s, 7, NOW);
    processor_state_fail(&s, NOW);
    struct file_look other = look;
    other.size++;
    struct processor_state same = processor_state_begin("a", &look, 1, &s);
    struct processor_state changed = processor_state_begin("a", &other, 1, &s);
    assert_int_equal(same.attempts, 1);
    assert_int_equal(changed.attempts, 0);
    assert_int_equal(changed.items, 7);
    assert_int_equal(changed.processed_us, NOW);
}

static void users_take_turns_the_oldest_first_and_failed_ones_come_last(void **state)
{
    /* a has three files, older than b's two; each letter and number is user and age. */
    struct processor_candidate c[] = {{NEED_RETRY, STR("b"), 1, 0},   {NEED_FIRST, STR("a"), 10, 1},
                                      {NEED_FIRST, STR("a"), 20, 2},  {NEED_FIRST, STR("a"), 30, 3},
                                      {NEED_FIRST, STR("b"), 100, 4}, {NEED_FIRST, STR("b"), 110, 5},
                                      {NEED_VERSION, STR("a"), 0, 6}};
    static const size_t order[] = {1, 4, 2, 5, 3, 6, 0};
    (void)state;
    processor_order(c, COUNT_OF(c));
    for (size_t i = 0; i < COUNT_OF(c); i++)
        assert_int_equal(c[i].index, order[i]);
    processor_order(c, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_done_until_it_or_the_rules_change),
        cmocka_unit_test(a_failure_is_tried_again_later_and_set_apart_after_five),
        cmocka_unit_test(a_changed_file_begins_anew_and_keeps_what_it_gave),
        cmocka_unit_test(users_take_turns_the_oldest_first_and_failed_ones_come_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
