/* test_usage.c -- unknown is not zero, and a message counts once. */
#include "core/usage.h"

#include "core/price.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct usage tokens(int64_t input, int64_t output, const char *model)
{
    struct usage u = {0};
    assert_true(usage_set(&u, USAGE_INPUT, input));
    assert_true(usage_set(&u, USAGE_OUTPUT, output));
    usage_set_model(&u, str_of(model));
    return u;
}

static void a_count_that_is_not_to_be_believed_changes_nothing(void **state)
{
    (void)state;
    static const int64_t wrong[] = {-1, INT64_MIN, USAGE_TOKENS_MAX + 1, INT64_MAX};
    struct usage u = {0};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(usage_set(&u, USAGE_OUTPUT, wrong[i]));
    assert_true(usage_is_unknown(&u));
    assert_true(usage_set(&u, USAGE_OUTPUT, 0));
    assert_false(usage_is_unknown(&u));
    assert_true(usage_set(&u, USAGE_OUTPUT, USAGE_TOKENS_MAX));
}

static void sums_and_maxima_know_what_either_side_knows(void **state)
{
    (void)state;
    for (int bits = 0; bits < 4; bits++) {
        struct usage a = {0}, b = {0}, sum, max;
        if (bits & 1)
            (void)usage_set(&a, USAGE_CACHE_READ, 3);
        if (bits & 2)
            (void)usage_set(&b, USAGE_CACHE_READ, 4);
        sum = max = a;
        usage_add(&sum, &b);
        usage_max(&max, &b);
        assert_int_equal(sum.known[USAGE_CACHE_READ], bits != 0);
        assert_int_equal(max.known[USAGE_CACHE_READ], bits != 0);
        assert_int_equal(sum.tokens[USAGE_CACHE_READ], (bits & 1) * 3 + (bits >> 1) * 4);
        assert_int_equal(max.tokens[USAGE_CACHE_READ], bits & 2 ? 4 : bits & 1 ? 3 : 0);
        assert_false(sum.known[USAGE_INPUT]);
    }
}

static void sums_stop_at_the_largest_number(void **state)
{
    (void)state;
    struct usage a = {0}, b = {0};
    a.tokens[USAGE_INPUT] = b.tokens[USAGE_INPUT] = INT64_MAX;
    usage_add(&a, &b);
    assert_true(a.tokens[USAGE_INPUT] == INT64_MAX);
}

static void a_model_name_is_cut_to_its_field(void **state)
{
    (void)state;
    char longest[200];
    memset(longest, 'm', sizeof(longest));
    struct usage u = {0};
    usage_set_model(&u, (struct str){longest, sizeof(longest)});
    assert_int_equal(strlen(u.model), USAGE_MODEL_MAX - 1);
    usage_set_model(&u, (struct str){NULL, 0});
    assert_string_equal(u.model, "");
}

static struct usage total_of(const struct usage_ledger *l)
{
    struct usage total;
    usage_ledger_total(l, &total);
    return total;
}

static void an_empty_ledger_knows_nothing(void **state)
{
    (void)state;
    CLEANUP(usage_ledger_freep) struct usage_ledger *l = usage_ledger_new(NULL);
    struct usage total = total_of(l);
    assert_true(usage_is_unknown(&total));
}

static void of_lines_with_one_id_the_larger_count_of_each_kind_stands(void **state)
{
    (void)state;
    CLEANUP(usage_ledger_freep) struct usage_ledger *l = usage_ledger_new(NULL);
    struct usage first = tokens(100, 40, ""), second = tokens(90, 50, ""), other = tokens(5, 6, "");
    usage_ledger_add(l, STR("a"), &first, 0);
    usage_ledger_add(l, STR("b"), &other, 0);
    for (int i = 0; i < 3; i++)
        usage_ledger_add(l, STR("a"), &second, 0);
    assert_int_equal(total_of(l).tokens[USAGE_INPUT], 105);
    assert_int_equal(total_of(l).tokens[USAGE_OUTPUT], 56);
}

static void what_one_message_tells_stays_known_when_the_next_does_not_tell_it(void **state)
{
    (void)state;
    CLEANUP(usage_ledger_freep) struct usage_ledger *l = usage_ledger_new(NULL);
    struct usage first = tokens(1, 2, ""), second = {0};
    assert_true(usage_set(&first, USAGE_CACHE_READ, 3));
    usage_ledger_add(l, STR("a"), &first, 0);
    usage_ledger_add(l, STR("b"), &second, 0);
    usage_ledger_add(l, STR("a"), &second, 0);
    struct usage total = total_of(l);
    assert_true(total.known[USAGE_INPUT] && total.known[USAGE_CACHE_READ]);
    assert_int_equal(total.tokens[USAGE_CACHE_READ], 3);
    assert_false(total.known[USAGE_CACHE_CREATION]);
}

/* 10^15 tokens 20,000 times is more than 64 bits hold. */
static void a_sum_that_does_not_fit_is_the_largest_number_and_costs_nobody_knows_what(void **state)
{
    (void)state;
    CLEANUP(usage_ledger_freep) struct usage_ledger *l = usage_ledger_new(NULL);
    struct usage u = tokens(USAGE_TOKENS_MAX, 0, "claude-haiku-4-5");
    for (int i = 0; i < 20000; i++)
        usage_ledger_add(l, STR(""), &u, 0);
    assert_true(total_of(l).tokens[USAGE_INPUT] == INT64_MAX);
    assert_false(total_of(l).cost_known);
}

static void messages_without_an_id_each_count(void **state)
{
    (void)state;
    CLEANUP(usage_ledger_freep) struct usage_ledger *l = usage_ledger_new(NULL);
    struct usage u = tokens(1, 2, "");
    for (int i = 0; i < 3; i++)
        usage_ledger_add(l, i ? STR("") : (struct str){NULL, 0}, &u, 0);
    assert_int_equal(total_of(l).tokens[USAGE_OUTPUT], 6);
}

/* Six lines of two ids in every order: 720 orders, one sum. */
static void the_order_of_lines_does_not_matter(void **state)
{
    (void)state;
    static const char *const ids[] = {"a", "a", "a", "b", "b", "b"};
    static const int64_t out[] = {1, 9, 4, 2, 2, 7};
    for (int order = 0; order < 720; order++) {
        CLEANUP(usage_ledger_freep) struct usage_ledger *l = usage_ledger_new(NULL);
        int left[] = {0, 1, 2, 3, 4, 5}, code = order;
        for (int n = 6; n > 0; n--) {
            int at = code % n, line = left[at];
            code /= n;
            memmove(left + at, left + at + 1, sizeof(left[0]) * (size_t)(n - at - 1));
            struct usage u = tokens(3, out[line], "claude-haiku-4-5");
            usage_ledger_add(l, str_of(ids[line]), &u, 0);
        }
        struct usage total = total_of(l);
        assert_int_equal(total.tokens[USAGE_INPUT], 6);
        assert_int_equal(total.tokens[USAGE_OUTPUT], 16);
        assert_true(total.cost_known);
        assert_int_equal(total.cost_micro_usd, 6 * 1 + 16 * 5); /* USD 1 and 5 per million */
    }
}

static void a_message_is_remembered_for_4096_others_and_keeps_its_place_in_the_sum(void **state)
{
    (void)state;
    CLEANUP(usage_ledger_freep) struct usage_ledger *l = usage_ledger_new(NULL);
    struct usage u = tokens(0, 1, "");
    char id[32];
    for (int i = 0; i < USAGE_LEDGER_IDS; i++) {
        (void)snprintf(id, sizeof(id), "msg_%d", i);
        usage_ledger_add(l, str_of(id), &u, 0);
    }
    usage_ledger_add(l, STR("msg_0"), &u, 0);
    assert_int_equal(total_of(l).tokens[USAGE_OUTPUT], USAGE_LEDGER_IDS);
    usage_ledger_add(l, STR("one more"), &u, 0);
    assert_int_equal(total_of(l).tokens[USAGE_OUTPUT], USAGE_LEDGER_IDS + 1);
    usage_ledger_add(l, STR("msg_1"), &u, 0); /* still known */
    assert_int_equal(total_of(l).tokens[USAGE_OUTPUT], USAGE_LEDGER_IDS + 1);
    usage_ledger_add(l, STR("msg_0"), &u, 0); /* forgotten, and final */
    assert_int_equal(total_of(l).tokens[USAGE_OUTPUT], USAGE_LEDGER_IDS + 2);
}

static void each_message_has_the_price_of_its_own_model(void **state)
{
    (void)state;
    CLEANUP(usage_ledger_freep) struct usage_ledger *l = usage_ledger_new(NULL);
    struct usage haiku = tokens(1000, 10, "claude-haiku-4-5"), opus = tokens(1000, 10, "claude-opus-4-5");
    usage_ledger_add(l, STR("a"), &haiku, 0);
    usage_ledger_add(l, STR("b"), &opus, 0);
    /* 1000 × 1 + 10 × 5, and 1000 × 5 + 10 × 25 micro-USD */
    assert_int_equal(total_of(l).cost_micro_usd, 1050 + 5250);
}

static void one_message_without_a_price_makes_the_cost_unknown(void **state)
{
    (void)state;
    CLEANUP(usage_ledger_freep) struct usage_ledger *l = usage_ledger_new(NULL);
    struct usage priced = tokens(1000, 10, "claude-haiku-4-5"), nothing = tokens(0, 0, "<synthetic>"),
                 unpriced = tokens(1, 1, "no-such-model");
    usage_ledger_add(l, STR("a"), &nothing, 0);
    assert_false(total_of(l).cost_known);
    usage_ledger_add(l, STR("b"), &priced, 0);
    assert_true(total_of(l).cost_known); /* a message that used nothing needs no price */
    usage_ledger_add(l, STR("c"), &unpriced, 0);
    assert_false(total_of(l).cost_known);
    assert_int_equal(total_of(l).cost_micro_usd, 0);
}

static void a_growing_message_is_priced_anew_and_not_twice(void **state)
{
    (void)state;
    CLEANUP(usage_ledger_freep) struct usage_ledger *l = usage_ledger_new(NULL);
    for (int64_t output = 1; output <= 100; output++) {
        struct usage u = tokens(10, output, "claude-haiku-4-5");
        usage_ledger_add(l, STR("a"), &u, 0);
        assert_int_equal(total_of(l).cost_micro_usd, 10 + 5 * output);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_count_that_is_not_to_be_believed_changes_nothing),
        cmocka_unit_test(sums_and_maxima_know_what_either_side_knows),
        cmocka_unit_test(sums_stop_at_the_largest_number),
        cmocka_unit_test(a_model_name_is_cut_to_its_field),
        cmocka_unit_test(an_empty_ledger_knows_nothing),
        cmocka_unit_test(of_lines_with_one_id_the_larger_count_of_each_kind_stands),
        cmocka_unit_test(what_one_message_tells_stays_known_when_the_next_does_not_tell_it),
        cmocka_unit_test(a_sum_that_does_not_fit_is_the_largest_number_and_costs_nobody_knows_what),
        cmocka_unit_test(messages_without_an_id_each_count),
        cmocka_unit_test(the_order_of_lines_does_not_matter),
        cmocka_unit_test(a_message_is_remembered_for_4096_others_and_keeps_its_place_in_the_sum),
        cmocka_unit_test(each_message_has_the_price_of_its_own_model),
        cmocka_unit_test(one_message_without_a_price_makes_the_cost_unknown),
        cmocka_unit_test(a_growing_message_is_priced_anew_and_not_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
